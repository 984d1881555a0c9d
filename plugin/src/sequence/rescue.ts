import type { QemuSide } from './side.js';
import type { Unfinished } from './unfinished.js';

/**
 * Where the guest is when the source's QEMU has ended, a sentence for the user. A destination that has
 * everything and was only held is started: it is the one copy that is left.
 */
export async function rescueAtDestination(
  destination: QemuSide | undefined,
  earlier: Unfinished,
): Promise<string> {
  if (!destination)
    return "Whether the destination runs is not known: its monitor is not precopy's.";
  if (destination.gone) return 'The destination QEMU is gone as well.';
  const { status, running } = await destination.status();
  if (running) return 'The guest runs on the destination.';
  const migration = (await destination.migration()).status ?? 'none';
  if (migration === 'completed' && earlier.guestRan) {
    const differing = earlier.verify?.differingPages ?? 0;
    if (differing > 0) {
      return `The destination has everything, but verify found ${differing} pages that differ, so it was not started: resume it there with "cont" if a damaged guest is better than none.`;
    }
    await destination.effect('cont');
    const checked = earlier.verify === undefined ? ' Its RAM could not be verified.' : '';
    return `The destination had everything and was started: the guest goes on there.${checked}`;
  }
  if (earlier.postcopy) {
    return 'The guest on the destination waits for pages that are gone with the source: it is lost.';
  }
  return `The destination (${status}, migration ${migration}) had not got everything: the guest is lost.`;
}
