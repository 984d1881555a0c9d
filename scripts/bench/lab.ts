/** How long a person waits: for set-up when all is there, for the lab's boot, and for the demo. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { bootLab, prepareLab } from '../lab/boot.js';
import { repositoryRoot } from '../repository.js';
import { measure, type BenchCase } from './measure.js';
import type { BenchRow } from './row.js';

const root = repositoryRoot();

/** Seconds that the command takes. It must succeed. */
async function secondsOf(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const [program = '', ...args] = argv;
  const startMs = performance.now();
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'ignore', 'pipe'], signal });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await once(child, 'close');
  if (child.exitCode !== 0) {
    throw new Error(`${argv.join(' ')} ended with code ${child.exitCode ?? 'none'}:\n${said}`);
  }
  return (performance.now() - startMs) / 1000;
}

const cases: readonly BenchCase[] = [
  {
    name: 'set-up check, nothing to do',
    unit: 's',
    turns: 5,
    ours: (signal) => secondsOf(['bash', 'scripts/setup', '--quiet'], signal),
    goal: { words: 'under 2 s', met: (ours) => ours < 2 },
  },
  {
    name: 'boot: from the call to the start of the command',
    unit: 's',
    turns: 5,
    ours: async (signal) => {
      const startMs = performance.now();
      await using lab = await bootLab({ command: ['true'], signal });
      lab.stdout.resume();
      lab.stderr.resume();
      await lab.started;
      return (performance.now() - startMs) / 1000;
    },
    goal: { words: 'under 10 s', met: (ours) => ours < 10 },
  },
  {
    name: 'lab run -- true, from start to end',
    unit: 's',
    turns: 3,
    ours: (signal) =>
      secondsOf(
        [process.execPath, join(root, 'scripts/dist/lab/main.js'), 'run', '--', 'true'],
        signal,
      ),
  },
  {
    name: 'npm run demo, with the image built',
    unit: 's',
    turns: 1,
    ours: (signal) => secondsOf(['npm', 'run', '--silent', 'demo'], signal),
    goal: { words: 'under 60 s', met: (ours) => ours < 60 },
  },
];

export async function* labRows(
  signal: AbortSignal,
  onError: (error: unknown) => void,
): AsyncGenerator<BenchRow> {
  await prepareLab({
    signal,
    report: (line) => {
      console.error(line);
    },
  });
  for (const benchCase of cases) yield await measure('lab', benchCase, signal, onError);
}
