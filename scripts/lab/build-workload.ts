import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../repository.js';

/** The boot sector of the workload, outside of the lab: needs only make, as, ld and objcopy. */
export function buildWorkloadSector(): Uint8Array {
  const out = mkdtempSync(join(tmpdir(), 'precopy-workload-'));
  try {
    const folder = join(repositoryRoot(), 'scripts/lab/workload');
    execFileSync('make', ['-s', '-C', folder, `OUT=${out}`]);
    return readFileSync(join(out, 'workload.bin'));
  } finally {
    rmSync(out, { recursive: true });
  }
}
