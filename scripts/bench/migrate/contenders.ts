/** Who brings a guest over: precopy's own policy, QEMU alone, and the schedules of its managers. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../repository.js';

/** Nova's steps take minutes each: in this bench a time per GiB passes so many times as fast. */
export const novaSpeed = 100;

export interface Contender {
  readonly name: string;
  /** Options of `precopy migrate`. @param folder for files of its own */
  readonly flags: readonly string[];
  /** A schedule file to write first, and to use. */
  readonly schedule?: string;
}

export const ours: Contender = { name: 'adaptive', flags: ['--policy', 'adaptive'] };

export const peers: readonly Contender[] = [
  { name: 'QEMU alone', flags: ['--policy', 'qemu'] },
  { name: 'QEMU, auto-converge', flags: ['--policy', 'qemu', '--auto-converge'] },
  {
    name: 'vdsm minimal downtime',
    flags: ['--policy', 'schedule:vdsm-minimal-downtime'],
  },
  { name: 'KubeVirt', flags: ['--policy', 'schedule:kubevirt'] },
  { name: `nova, ${novaSpeed} times as fast`, flags: [], schedule: fasterNova() },
];

function fasterNova(): string {
  const text = readFileSync(join(repositoryRoot(), 'plugin/schedules/nova.yaml'), 'utf8');
  return text.replace(
    /(\d+)s\/GiB/g,
    (_, seconds: string) => `${(Number(seconds) * 1000) / novaSpeed}ms/GiB`,
  );
}
