/**
 * The QMP client beside a bare socket loop (write a line, wait for a line, parse it) and Python's
 * qemu.qmp, on one real QEMU with a monitor for each; and its codec beside bare JSON.parse.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { QmpClient } from 'qemu-qmp-client-ts';
import { MessageDecoder } from 'qemu-qmp-client-ts/codec';
import { FakeQemu } from 'qemu-qmp-client-ts/testing';
import { pythonQmpCommand } from '../qmp-types/suites.js';
import { measure, median } from './measure.js';
import type { BenchRow } from './row.js';

const COMMANDS = 5000;
const EVENTS = 100_000;
const TURNS = 5;

export async function* qmpRows(
  signal: AbortSignal,
  onError: (error: unknown) => void,
): AsyncGenerator<BenchRow> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-qmp-'));
  const sockets = ['client', 'bare', 'python'].map((name) => join(folder, name));
  const [clientPath = '', barePath = '', pythonPath = ''] = sockets;
  const qemu = spawn(
    'qemu-system-x86_64',
    [
      ...['-M', 'none', '-nodefaults', '-display', 'none'],
      ...sockets.flatMap((path) => ['-qmp', `unix:${path},server=on,wait=off`]),
    ],
    { stdio: 'ignore' },
  );
  const ended = once(qemu, 'exit');
  const client = await QmpClient.connect(`unix:${clientPath}`, { waitForSocket: true });
  const bare = await BareLoop.connect(barePath);
  try {
    const ours = (): Promise<number> => perSecond(() => client.execute('query-name'));
    yield await measure(
      'qmp',
      {
        name: 'commands one by one, beside a bare socket loop',
        unit: 'commands/s',
        turns: TURNS,
        ours,
        peer: { name: 'bare loop', turn: () => perSecond(() => bare.command()) },
        goal: { words: 'at least 0.9 of the bare loop', met: (a, b) => a >= 0.9 * b },
      },
      signal,
      onError,
    );
    yield await measure(
      'qmp',
      {
        name: 'commands one by one, beside qemu.qmp',
        unit: 'commands/s',
        turns: TURNS,
        ours,
        peer: { name: 'qemu.qmp', turn: () => pythonCommandsPerSecond(pythonPath) },
        goal: { words: 'more than qemu.qmp', met: (a, b) => a > b },
      },
      signal,
      onError,
    );
    for (const [name, share] of [
      ['p50', 0.5],
      ['p99', 0.99],
    ] as const) {
      yield await measure(
        'qmp',
        {
          name: `time of a command, ${name}, beside a bare socket loop`,
          unit: 'µs',
          turns: TURNS,
          ours: () => quantileUs(share, () => client.execute('query-name')),
          peer: { name: 'bare loop', turn: () => quantileUs(share, () => bare.command()) },
        },
        signal,
        onError,
      );
    }
  } finally {
    await client.close();
    bare.close();
    qemu.kill('SIGKILL');
    await ended;
    await rm(folder, { recursive: true, force: true });
  }
  yield await measure(
    'qmp',
    {
      name: '100,000 events through the codec, beside JSON.parse over the same lines',
      unit: 'MB/s',
      turns: TURNS,
      ours: () => Promise.resolve(codecMegabytesPerSecond()),
      peer: { name: 'JSON.parse', turn: () => Promise.resolve(parseMegabytesPerSecond()) },
      goal: {
        words: 'at least 200 MB/s, or 0.8 of JSON.parse',
        met: (a, b) => a >= 200 || a >= 0.8 * b,
      },
    },
    signal,
    onError,
  );
  yield await measure(
    'qmp',
    {
      name: 'heap growth from event 100,000 to event 1,000,000, read as they come',
      unit: 'MB',
      turns: 1,
      ours: heapGrowthMegabytes,
      goal: { words: 'flat: at most 2 MB', met: (grown) => grown <= 2 },
    },
    signal,
    onError,
  );
}

async function perSecond(command: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < COMMANDS; i++) await command();
  return (COMMANDS / (performance.now() - start)) * 1000;
}

async function quantileUs(share: number, command: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < COMMANDS; i++) {
    const start = performance.now();
    await command();
    times.push((performance.now() - start) * 1000);
  }
  times.sort((a, b) => a - b);
  return times[Math.floor(share * times.length)] ?? median(times);
}

/** The least that a client must do. */
class BareLoop {
  readonly #socket: Socket;
  #text = '';
  #id = 0;
  #resolve: ((message: unknown) => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8').on('data', (text: string) => {
      this.#text += text;
      const end = this.#text.indexOf('\n');
      if (end < 0) return;
      const line = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 1);
      this.#resolve?.(JSON.parse(line));
    });
  }

  static async connect(path: string): Promise<BareLoop> {
    const socket = connect(path);
    const loop = new BareLoop(socket);
    await new Promise((resolve) => (loop.#resolve = resolve));
    // With OOB, as the others do: without, QEMU suspends its monitor for each command.
    await loop.#send('{"execute": "qmp_capabilities", "arguments": {"enable": ["oob"]}}');
    return loop;
  }

  async command(): Promise<unknown> {
    return await this.#send(JSON.stringify({ execute: 'query-name', id: ++this.#id }));
  }

  close(): void {
    this.#socket.destroy();
  }

  async #send(line: string): Promise<unknown> {
    return await new Promise((resolve) => {
      this.#resolve = resolve;
      this.#socket.write(`${line}\n`);
    });
  }
}

const PYTHON = `
import asyncio, sys, time
from qemu.qmp import QMPClient
async def main(path, count):
    client = QMPClient('bench')
    await client.connect(path)
    start = time.perf_counter()
    for _ in range(count):
        await client.execute('query-name')
    print(count / (time.perf_counter() - start))
    await client.disconnect()
asyncio.run(main(sys.argv[1], int(sys.argv[2])))
`;

async function pythonCommandsPerSecond(path: string): Promise<number> {
  const { command, environment } = await pythonQmpCommand();
  const [program = '', ...args] = command;
  const child = spawn(program, [...args, '-c', PYTHON, path, String(COMMANDS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  });
  let output = '';
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  await once(child, 'close');
  const figure = Number(output);
  if (!(figure > 0)) throw new Error('qemu.qmp could not be measured.');
  return figure;
}

/** Events of a migration as QEMU sends them. */
const lines = Array.from(
  { length: EVENTS },
  (_, pass) =>
    `{"timestamp": {"seconds": 1760000000, "microseconds": ${pass % 1_000_000}}, "event": "MIGRATION_PASS", "data": {"pass": ${pass}}}\r\n`,
);
/** As they come out of a socket: 64 KiB at a time. */
const stream = Buffer.from(lines.join(''));
const chunks = Array.from({ length: Math.ceil(stream.length / 65536) }, (_, i) =>
  stream.subarray(i * 65536, (i + 1) * 65536),
);

function codecMegabytesPerSecond(): number {
  const decoder = new MessageDecoder();
  let events = 0;
  const start = performance.now();
  for (const chunk of chunks) decoder.push(chunk, () => events++);
  const seconds = (performance.now() - start) / 1000;
  if (events !== EVENTS) throw new Error(`The codec gave ${events} of ${EVENTS} events.`);
  return stream.length / 1e6 / seconds;
}

function parseMegabytesPerSecond(): number {
  let events = 0;
  const start = performance.now();
  for (const line of lines) if (JSON.parse(line) !== null) events++;
  const seconds = (performance.now() - start) / 1000;
  if (events !== EVENTS) throw new Error('JSON.parse lost events.');
  return stream.length / 1e6 / seconds;
}

async function heapGrowthMegabytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const heapUsed = (): number => {
    collect();
    return process.memoryUsage().heapUsed / 1e6;
  };
  await using fake = await FakeQemu.listen();
  await using client = await QmpClient.connect(fake.address);
  using passes = client.events.subscribe('MIGRATION_PASS', { limit: 200_000 });
  let first = 0;
  for (let round = 0; round < 10; round++) {
    for (const chunk of chunks) fake.sendRaw(chunk);
    for (let i = 0; i < EVENTS; i++) await passes.next();
    if (round === 0) first = heapUsed();
  }
  return heapUsed() - first;
}
