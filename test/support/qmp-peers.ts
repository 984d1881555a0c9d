/** Peers for the QMP client's tests. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suiteCommand } from '#scripts/qmp-types/suites.js';

/** A program of QEMU's that was started for a test; killed when disposed of. */
export interface Peer extends AsyncDisposable {
  /** Where its monitor is. */
  readonly address: string;
  /** A folder of its own, removed with it. */
  readonly folder: string;
  readonly process: ChildProcess;
}

/**
 * The command that starts one of QEMU's programs: the installed one, or one of the Debian suite that
 * QMP_TEST_SUITE names, or trixie's where none is installed (both unpacked into the cache once).
 */
export async function qemuCommand(program: string): Promise<string[]> {
  const suite = process.env['QMP_TEST_SUITE'];
  if (suite !== undefined) return await suiteCommand(suite, program);
  const installed = ['/usr/bin', '/usr/sbin'].some((folder) => existsSync(join(folder, program)));
  return installed ? [program] : await suiteCommand('trixie', program);
}

/** Starts a program whose monitor listens at the socket `path` that `args` gets. */
export async function startPeer(
  program: string,
  args: (path: string, folder: string) => readonly string[],
): Promise<Peer> {
  const folder = await mkdtemp(join(tmpdir(), 'qmp-test-'));
  const path = join(folder, 'qmp');
  const [command = '', ...first] = await qemuCommand(program);
  const child = spawn(command, [...first, ...args(path, folder)], {
    stdio: 'ignore',
  });
  const ended = once(child, 'exit');
  const dispose = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await ended;
    }
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await Promise.race([
      isListening(path),
      ended.then(() => Promise.reject(new Error(`${program} ended at once.`))),
    ]);
  } catch (error) {
    await dispose();
    throw error;
  }
  return { address: `unix:${path}`, folder, process: child, [Symbol.asyncDispose]: dispose };
}

/** A QEMU without machine: it has a monitor, and starts in a few hundred milliseconds. */
export async function startBareQemu(extra: readonly string[] = []): Promise<Peer> {
  return await startPeer('qemu-system-x86_64', (path) => [
    ...['-M', 'none', '-nodefaults', '-display', 'none'],
    ...['-qmp', `unix:${path},server=on,wait=off`],
    ...extra,
  ]);
}

/** A socket exists from bind(2) on, but can be connected to only after listen(2). */
async function isListening(path: string): Promise<void> {
  const SO_ACCEPTON = '00010000';
  for (;;) {
    const sockets = await readFile('/proc/net/unix', 'utf8');
    const line = sockets.split('\n').find((text) => text.endsWith(` ${path}`));
    if (line?.split(' ')[3] === SO_ACCEPTON) return;
    await sleep(5);
  }
}

/** A server on a unix socket that does with each connection whatever the test says. */
export async function serve(
  onConnection: (socket: Socket) => void,
): Promise<{ address: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'qmp-test-'));
  const path = join(folder, 'qmp');
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  server.listen(path);
  await once(server, 'listening');
  return {
    address: `unix:${path}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export const GREETING =
  '{"QMP": {"version": {"qemu": {"micro": 2, "minor": 0, "major": 10}, "package": ""}, "capabilities": ["oob"]}}\r\n';
