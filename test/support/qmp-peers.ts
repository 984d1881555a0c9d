/** Peers for the QMP client's tests. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { existsSync } from 'node:fs';

/** A QEMU without machine: it has a monitor, and starts in a few hundred milliseconds. */
export interface BareQemu extends AsyncDisposable {
  readonly address: string;
  readonly process: ChildProcess;
}

/** Starts a QEMU whose monitor listens on a unix socket; killed when disposed of. */
export async function startBareQemu(
  command: readonly string[] = ['qemu-system-x86_64'],
  extra: readonly string[] = [],
): Promise<BareQemu> {
  const folder = await mkdtemp(join(tmpdir(), 'qmp-test-'));
  const path = join(folder, 'qmp');
  const [program = '', ...first] = command;
  const qemu = spawn(
    program,
    [
      ...first,
      ...['-M', 'none', '-nodefaults', '-display', 'none'],
      ...['-qmp', `unix:${path},server=on,wait=off`],
      ...extra,
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const dispose = async (): Promise<void> => {
    if (qemu.exitCode === null && qemu.signalCode === null) {
      qemu.kill('SIGKILL');
      await once(qemu, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
  };
  await Promise.race([
    waitForFile(path),
    once(qemu, 'exit').then(() => Promise.reject(new Error(`${program} ended at once.`))),
  ]);
  return { address: `unix:${path}`, process: qemu, [Symbol.asyncDispose]: dispose };
}

async function waitForFile(path: string): Promise<void> {
  while (!existsSync(path)) await sleep(5);
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
