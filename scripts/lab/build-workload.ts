import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../repository.js';

let sector: Uint8Array | undefined;

/** The boot sector of the workload, outside of the lab: needs only make, as, ld and objcopy. Built once. */
export function buildWorkloadSector(): Uint8Array {
  if (sector) return sector;
  const out = mkdtempSync(join(tmpdir(), 'precopy-workload-'));
  try {
    const folder = join(repositoryRoot(), 'scripts/lab/workload');
    execFileSync('make', ['-s', '-C', folder, `OUT=${out}`]);
    sector = readFileSync(join(out, 'workload.bin'));
    return sector;
  } finally {
    rmSync(out, { recursive: true });
  }
}
