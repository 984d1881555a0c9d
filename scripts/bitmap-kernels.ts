/**
 * Compiles vfio/src/bitmap/assembly/kernels.ts (AssemblyScript) to WebAssembly and writes it, as
 * base64, to vfio/src/bitmap/kernels.generated.ts. The result is committed, so that the package builds
 * with tsc alone; a unit test compiles again and compares.
 *
 *   npm run build:bitmap-kernels
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from './repository.js';

const root = repositoryRoot();
const compiler = join(root, 'node_modules/assemblyscript/bin/asc.js');
const source = 'vfio/src/bitmap/assembly/kernels.ts';
const generated = join(root, 'vfio/src/bitmap/kernels.generated.ts');

/** No runtime and no memory of its own: the engine hands its memory in, and nothing allocates. */
const compilerOptions = [
  ...['--runtime', 'stub', '--importMemory', '--noAssert'],
  ...['--enable', 'simd', '--enable', 'bulk-memory'],
  ...['-O3', '--converge'],
];

/** The WebAssembly module that the source in this clone compiles to. */
export async function compileBitmapKernels(): Promise<Uint8Array> {
  const directory = await mkdtemp(join(tmpdir(), 'precopy-kernels-'));
  try {
    const out = join(directory, 'kernels.wasm');
    const args = [compiler, source, '--outFile', out, ...compilerOptions];
    await promisify(execFile)(process.execPath, args, { cwd: root });
    return await readFile(out);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The text of the generated file for a module. */
export function generatedSource(module: Uint8Array): string {
  const lines =
    Buffer.from(module)
      .toString('base64')
      .match(/.{1,90}/g) ?? [];
  return [
    '// Generated from assembly/kernels.ts by `npm run build:bitmap-kernels`. Do not edit.',
    'export const kernelsBase64 =',
    ...lines.map((line, i) => `  '${line}'${i === lines.length - 1 ? ';' : ' +'}`),
    '',
  ].join('\n');
}

/** The generated file as it is in this clone. */
export async function committedSource(): Promise<string> {
  return readFile(generated, 'utf8');
}

if (process.argv[1] === import.meta.filename) {
  const module = await compileBitmapKernels();
  await writeFile(generated, generatedSource(module));
  console.log(`kernels.generated.ts: ${module.byteLength} bytes of WebAssembly`);
}
