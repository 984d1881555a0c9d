import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { LabError } from './errors.js';

/** The full path of a program in PATH, or undefined. */
export async function findProgram(
  name: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  for (const folder of (environment['PATH'] ?? '').split(delimiter)) {
    const file = join(folder === '' ? '.' : folder, name);
    try {
      await access(file, constants.X_OK);
      return file;
    } catch {
      // Not here; the next folder may have it.
    }
  }
  return undefined;
}

/** @throws LabError LAB_TOOL_MISSING, with the way to install it */
export async function requireProgram(name: string): Promise<string> {
  const file = await findProgram(name);
  if (file !== undefined) return file;
  throw new LabError(
    'LAB_TOOL_MISSING',
    `The lab needs the program ${name}, and PATH has none. Run \`npm run setup\`, which installs what is missing.`,
  );
}

/**
 * The command line that makes `argv` die with us, whatever ends us: PR_SET_PDEATHSIG through
 * setpriv(1) of util-linux.
 */
export function dyingWithParent(argv: readonly string[], signalName: 'KILL' | 'TERM'): string[] {
  return ['setpriv', '--pdeathsig', signalName, '--', ...argv];
}

export interface ToolResult {
  readonly exitCode: number;
  /** Everything that the tool wrote to stdout and stderr, in lines. */
  readonly lines: readonly string[];
}

/**
 * Runs a tool of the host to its end, handing on each line that it writes.
 *
 * @throws the signal's reason when aborted; the tool has then been ended by SIGTERM
 */
export async function runTool(
  argv: readonly string[],
  options: {
    signal?: AbortSignal | undefined;
    onLine?: ((line: string) => void) | undefined;
    cwd?: string | undefined;
    environment?: NodeJS.ProcessEnv | undefined;
  } = {},
): Promise<ToolResult> {
  const { signal, onLine, cwd, environment } = options;
  signal?.throwIfAborted();
  const [command = '', ...args] = dyingWithParent(argv, 'TERM');
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd,
    env: environment ?? process.env,
  });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      onLine?.(line);
    });
  }
  const stop = (): void => {
    child.kill('SIGTERM');
  };
  signal?.addEventListener('abort', stop);
  try {
    const exitCode = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => {
        resolve(code ?? 1);
      });
    });
    signal?.throwIfAborted();
    return { exitCode, lines };
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
