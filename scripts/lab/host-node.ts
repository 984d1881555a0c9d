/** Makes the Node that runs us usable inside L1. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Share } from './qemu-command.js';

export interface HostNode {
  readonly shares: readonly Share[];
  /** Links below /lab in L1: the program, and libraries of the host that the image lacks. */
  readonly links: readonly { readonly name: string; readonly target: string }[];
  /** Goes in front of PATH. */
  readonly programFolder: string;
  /** For LD_LIBRARY_PATH, if the image lacks libraries. */
  readonly libraryFolder: string | undefined;
}

/** The lines `name => /path` of ldd(1). */
export function parseLdd(text: string): string[] {
  return [...text.matchAll(/=> (\/\S+) \(0x/g)].flatMap(([, file]) => (file ? [file] : []));
}

export async function hostNode(imageRoot: string): Promise<HostNode> {
  const program = await realpath(process.execPath);
  const folders = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu'];
  const missing = (await librariesOf(program)).filter(
    (file) => !folders.some((folder) => existsSync(join(imageRoot, folder, basename(file)))),
  );
  const shares = [dirname(program), ...new Set(missing.map((file) => dirname(file)))].map(
    (source, index): Share => ({ source, target: `/lab/host/${index}`, writable: false }),
  );
  const shared = (file: string): string => {
    const share = shares.find(({ source }) => source === dirname(file));
    return join(share?.target ?? dirname(file), basename(file));
  };
  return {
    shares,
    links: [
      { name: 'bin/node', target: shared(program) },
      ...missing.map((file) => ({ name: `lib/${basename(file)}`, target: shared(file) })),
    ],
    programFolder: '/lab/bin',
    libraryFolder: missing.length > 0 ? '/lab/lib' : undefined,
  };
}

async function librariesOf(program: string): Promise<string[]> {
  try {
    const { stdout } = await promisify(execFile)('ldd', [program]);
    return parseLdd(stdout);
  } catch {
    return []; // A static Node, or a host without ldd: nothing more to offer.
  }
}
