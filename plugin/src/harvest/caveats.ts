/** What limits a forecast, whatever was harvested. Pure. */
import type { MemoryLayout } from '../audit/guest-memory.js';
import type { Experience } from '../history/experience.js';
import type { ProbeReport } from '../probe/report.js';
import type { Bandwidth } from './forecast-input.js';
import type { ZeroPageRate } from './zero-page-rate.js';

/** What was known of the hosts and of the link. */
interface Circumstances {
  /** The CPUs are looked at, too. */
  readonly cpu: boolean;
  readonly bandwidth: Bandwidth;
  readonly experience: Experience;
  readonly zeroPages: ZeroPageRate;
}

export function generalCaveats(
  { blockers, qemu, devices }: ProbeReport,
  { cpu, bandwidth, experience, zeroPages }: Circumstances,
  { unlocated }: Pick<MemoryLayout, 'unlocated'>,
): string[] {
  const caveats = blockers.map(
    ({ reason, meaning }) => `QEMU refuses to migrate this guest now: "${reason}". ${meaning}`,
  );
  if (qemu.status !== 'running') {
    caveats.push(
      `The guest does not run (${qemu.status}): what it dirties when it does is not seen.`,
    );
  }
  if (bandwidth.blackoutFrom === 'same') {
    caveats.push(
      'In the blackout QEMU ignores max-bandwidth, and what the link then takes is not known: if it takes more, the downtime is shorter. Have it measured with --measure-link.',
    );
  }
  if (!cpu)
    caveats.push('What the CPUs and emulated devices dirty is not in this forecast (--no-cpu).');
  if (devices.length > 0) {
    caveats.push(
      "Devices: only the stop-copy size that the driver reports is known. What they send in PRE_COPY, and how long saving and loading their state takes beyond its transfer, can't be asked for and counts as nothing.",
    );
  }
  if (unlocated.length > 0) {
    caveats.push(
      `QEMU does not say where these RAM blocks are: ${unlocated.map(({ name }) => name).join(', ')}. They were not watched and count as not zero.`,
    );
  }
  caveats.push(
    experience.calibration
      ? "Past migrations tell what saving and loading the machine take only together: device state holds the destination's load too."
      : "Times of set-up, synchronisation, state transitions and loading are a small guest's on an idle host; no migration like this is remembered, and the ranges do not include their error.",
  );
  if (zeroPages.from === 'measured') {
    caveats.push(
      'How fast pages of zeros go is an estimate, from looking at such pages on this host; the destination is taken to be as fast. The ranges are as wide as that is rough.',
    );
  }
  return caveats;
}
