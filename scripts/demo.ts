/** `npm run demo`: boots the lab and shows probe and migrate on a real VFIO device in it. */
import { finished } from 'node:stream/promises';
import { join } from 'node:path';
import { bootLab } from './lab/boot.js';
import { LabError } from './lab/errors.js';
import { repositoryRoot } from './repository.js';

const interrupt = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    interrupt.abort(new LabError('LAB_ABORTED', `Ended by ${name}.`));
  });
}

try {
  console.log('The lab: a Debian VM with a real kernel and real VFIO, on this machine.');
  await using lab = await bootLab({
    command: ['node', join(repositoryRoot(), 'scripts/dist/lab/demo.js')],
    timeoutMs: 600_000,
    signal: interrupt.signal,
    report: (line) => {
      console.log(line);
    },
  });
  console.log(`Booting it (${lab.accelerator}) ...`);
  lab.stdout.pipe(process.stdout, { end: false });
  lab.stderr.pipe(process.stderr, { end: false });
  await lab.started;
  console.log(`Kernel ${lab.kernelRelease} is up.`);
  process.exitCode = await lab.exitCode;
  await Promise.all([finished(lab.stdout), finished(lab.stderr)].map((end) => end.catch(() => {})));
} catch (error) {
  if (!(error instanceof LabError)) throw error;
  console.error(`demo: ${error.message}`);
  process.exitCode = 1;
}
