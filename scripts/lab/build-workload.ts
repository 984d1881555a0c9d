import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../repository.js';
import { LAB_SECTOR } from './workload.js';

let sector: Uint8Array | undefined;

/** The boot sector of the workload: the lab's, or outside of it one built once with make, as, ld and objcopy. */
export function buildWorkloadSector(): Uint8Array {
  if (sector) return sector;
  if (existsSync(LAB_SECTOR)) return readFileSync(LAB_SECTOR);
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
