/** One call of the hook as a process does it: stdin, log, message. */
import { messageOf } from '../errors.js';
import { logFolder } from '../folders.js';

/**
 * Never rejects.
 *
 * @param argv NAME OPERATION SUBOPERATION EXTRA
 * @param startMs when our own work began, on performance.now's clock
 * @returns whether a configured refusal is to be passed on to libvirt
 */
export async function hookMain(argv: readonly string[], startMs: number): Promise<boolean> {
  try {
    // Loaded here, so that loading counts as our own work.
    const [{ runHook }, { writeLog }] = await Promise.all([import('./run.js'), import('./log.js')]);
    const { refusal, note } = await runHook({
      argv,
      input: process.stdin,
      launcher: async () => (await import('./launch.js')).systemLauncher,
    });
    if (refusal !== undefined) process.stderr.write(`precopy: ${refusal}\n`);
    const ownMs = Math.round(10 * (performance.now() - startMs)) / 10;
    writeLog(logFolder(), { at: new Date().toISOString(), argv, note, refusal, ownMs });
    return refusal !== undefined;
  } catch (error) {
    process.stderr.write(`precopy: ${messageOf(error)}\n`);
    return false;
  }
}
