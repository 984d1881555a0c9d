import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import koffi, { type LibraryHandle } from 'koffi';

/**
 * Compiles a C file for this very machine and loads it.
 *
 * @param file path of the source
 * @returns the loaded library; the file it was loaded from is gone already
 */
export function loadCPeer(file: string): LibraryHandle {
  const directory = mkdtempSync(join(tmpdir(), 'precopy-bench-'));
  try {
    const library = join(directory, 'peer.so');
    const flags = ['-O3', '-march=native', '-shared', '-fPIC', '-Wall', '-Werror'];
    execFileSync('gcc', [...flags, '-o', library, file], { stdio: 'pipe' });
    return koffi.load(library);
  } catch (cause) {
    throw new Error(
      `The C peer ${file} can't be compiled and loaded. This bench needs gcc (Debian: apt-get install gcc libc6-dev).`,
      { cause },
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
