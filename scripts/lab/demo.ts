/**
 * The part of `npm run demo` that runs inside the lab: a guest whose CPU and whose VFIO device both
 * write its memory, probed and migrated with the real commands.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { repositoryRoot } from '../repository.js';
import { startVfioPair } from './vfio-guest.js';

const main = join(repositoryRoot(), 'plugin/dist/cli/main.js');

/** Shows a command as a user would type it, runs it, and returns its exit code. */
async function show(...args: string[]): Promise<number> {
  console.log(`\n$ precopy ${args.join(' ')}`);
  const child = spawn(process.execPath, [main, ...args], { stdio: 'inherit' });
  await once(child, 'exit');
  return child.exitCode ?? 1;
}

console.log('Starting two QEMUs, each with a dirtygen VFIO device; the guest boots ...');
await using pair = await startVfioPair({
  folder: '/run/vm',
  memoryMiB: 256,
  deviceProperties: 'migration-events=on',
  workload: { baseAddress: 0x400_0000, pages: 4096, pagesPerSecond: 2000 },
  dirty: { rangeIova: 0x100_0000n, rangePages: 4096, rate: 2000, pattern: 'uniform' },
});
console.log(
  'The guest writes 2000 pages/s with its CPU; its VFIO device writes 2000 pages/s by DMA.',
);
const probed = await show('probe', '--qmp', pair.source.guest.qmp);
const migrated = await show(
  ...[
    'migrate',
    '--qmp',
    pair.source.guest.qmp,
    '--to-qmp',
    pair.destination.guest.qmp,
    '--verify',
  ],
);
process.exitCode = probed || migrated;
