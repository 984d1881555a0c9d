/**
 * A domain of libvirt as a monitor. libvirt owns its QEMU's monitor socket (connecting to it hangs),
 * but passes commands on and tells events: through `virt-qemu-qmp-proxy` (package libvirt-clients-qemu,
 * libvirt 8.9 and later), or else through virsh, one process a command.
 *
 * Both mark the domain as tainted in libvirt. Do not use them from a libvirt hook: libvirt waits for
 * the hook, the hook would wait for libvirt.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectSocket, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { QmpUnsupportedError } from '../errors.js';
import { libvirtFailed, type LibvirtDomain } from './libvirtDomain.js';
import { VirshBridge } from './virsh.js';

/**
 * @throws QmpUnsupportedError if neither program is installed
 * @throws QmpConnectError if libvirt knows no such running domain, or can't be reached
 */
export async function connectLibvirt(domain: LibvirtDomain, signal: AbortSignal): Promise<Duplex> {
  try {
    return await connectProxy(domain, signal);
  } catch (error) {
    if (!isMissingProgram(error) && !(error instanceof BrokenProxyError)) throw error;
  }
  try {
    return await VirshBridge.connect(domain, signal);
  } catch (error) {
    if (!isMissingProgram(error)) throw error;
    throw new QmpUnsupportedError(
      'libvirt: addresses need virt-qemu-qmp-proxy (Debian package libvirt-clients-qemu) or virsh ' +
        '(libvirt-clients); neither is installed.',
      error,
    );
  }
}

async function connectProxy({ uri, domain }: LibvirtDomain, signal: AbortSignal): Promise<Duplex> {
  const folder = await mkdtemp(join(tmpdir(), 'qmp-libvirt-'));
  const path = join(folder, 'qmp');
  const connection = uri === undefined ? [] : ['--connect', uri];
  const proxy = spawn('virt-qemu-qmp-proxy', [...connection, domain, path], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const cleanUp = (): void => {
    proxy.kill();
    void rm(folder, { recursive: true, force: true });
  };
  try {
    await once(proxy, 'spawn', { signal });
    const socket = await Promise.race([proxySocket(path, signal), failureOf(proxy, domain)]);
    socket.once('close', cleanUp);
    return socket;
  } catch (error) {
    cleanUp();
    throw error;
  }
}

async function proxySocket(path: string, signal: AbortSignal): Promise<Socket> {
  for (;;) {
    signal.throwIfAborted();
    if (existsSync(path)) {
      const socket = connectSocket({ path });
      try {
        await once(socket, 'connect', { signal });
        return socket;
      } catch (error) {
        socket.destroy();
        // It may have bound its socket and not listen yet.
        const { code } = error as NodeJS.ErrnoException;
        if (code !== 'ECONNREFUSED') throw error;
      }
    }
    await sleep(20, undefined, { signal });
  }
}

/** The proxy is a Python script, and the first python3 of the PATH has no module `libvirt`. */
class BrokenProxyError extends Error {}

/** Rejects when the proxy ends; it says why on its standard output. */
async function failureOf(proxy: ChildProcess, domain: string): Promise<never> {
  let output = '';
  proxy.stdout?.on('data', (text: Buffer) => (output = (output + text.toString()).slice(-2000)));
  proxy.stderr?.on('data', (text: Buffer) => (output = (output + text.toString()).slice(-2000)));
  await once(proxy, 'close');
  if (/^(ModuleNotFound|Import)Error/m.test(output)) throw new BrokenProxyError(output);
  throw libvirtFailed(domain, output);
}

function isMissingProgram(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT' && 'path' in error;
}
