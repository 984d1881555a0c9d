import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { LibcKernel, type PeerCredentials } from 'linux-vfio-ts';
import {
  parseAddress,
  QmpClient,
  QmpConnectError,
  QmpProtocolError,
  QmpUnsupportedError,
} from 'qemu-qmp-client-ts';
import { PrecopyError } from '../errors.js';
import { qemuOf, readDomain } from '../libvirt/domain.js';
import { Virsh } from '../libvirt/virsh.js';

/** A connected monitor, and who is at its other end. */
export interface Connected extends AsyncDisposable {
  client: QmpClient;
  address: string;
  /** The QEMU itself; undefined when the monitor is no unix socket of this host. */
  peer: PeerCredentials | undefined;
}

/** A QEMU that is busy greets within milliseconds; a monitor that somebody else holds never does. */
const connectTimeoutMs = 5000;
/** libvirt's helpers have to start first, and a job of its own may hold the domain for 30 s. */
const libvirtTimeoutMs = 60_000;

/** @throws QmpConnectError, QmpArgumentError of qemu-qmp-client-ts; PrecopyError MONITOR */
export async function connectMonitor(address: string, signal: AbortSignal): Promise<Connected> {
  const native = new LibcKernel();
  const timeoutMs = parseAddress(address).kind === 'libvirt' ? libvirtTimeoutMs : connectTimeoutMs;
  const client = await QmpClient.connect(address, {
    signal,
    connectTimeoutMs: timeoutMs,
    native,
  }).catch((error: unknown) => {
    if (!(error instanceof QmpProtocolError)) throw error;
    throw new PrecopyError(
      'MONITOR',
      `${address} is not a QMP monitor. ${error.message}.`,
      'Name the socket that was given to QEMU with -qmp (not -monitor, which is for people, nor a console).',
      { cause: error },
    );
  });
  const peer = await qemuBehind(client, address, signal);
  return { client, address, peer, [Symbol.asyncDispose]: () => client.close() };
}

async function qemuBehind(
  client: QmpClient,
  address: string,
  signal: AbortSignal,
): Promise<PeerCredentials | undefined> {
  const parsed = parseAddress(address);
  if (parsed.kind !== 'libvirt') return peerOf(client);
  // The peer here is the program that passes on what libvirt says.
  const virsh = new Virsh(parsed.uri);
  return await qemuOf(virsh, await readDomain(virsh, parsed.domain, signal));
}

/** Programs that listen on a unix socket for a QEMU which may be elsewhere. */
const forwarders = /^(socat|sshd?|nc|ncat|netcat)\b/;

/** SO_PEERCRED; only unix sockets have it, and only they are sure to lead to a process on this host. */
function peerOf(client: QmpClient): PeerCredentials | undefined {
  try {
    const peer = client.peerCredentials();
    const name = readFileSync(`/proc/${peer.pid}/comm`, 'latin1');
    return forwarders.test(name) ? undefined : peer;
  } catch (error) {
    if (error instanceof QmpUnsupportedError) return undefined;
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function nobodyListens(error: unknown): boolean {
  const cause = error instanceof QmpConnectError ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return code === 'ECONNREFUSED' || code === 'ENOENT';
}

/** How long nobody may listen at a monitor's socket until its QEMU is taken to have ended, ms. */
const goneAfterMs = 2000;

/**
 * Connects again to a QEMU that was there before. One that has ended is `gone`, and its client closed: its
 * unix socket is one on which nobody listens, or is no more. Of any other address this can't be told from a
 * way there that broke.
 *
 * @throws as {@link connectMonitor}, but not because of a QEMU that has ended
 */
export async function connectOrGone(
  address: string,
  signal: AbortSignal,
): Promise<Connected & { gone: boolean }> {
  const until = performance.now() + goneAfterMs;
  for (;;) {
    try {
      const { client, peer } = await connectMonitor(address, signal);
      return { client, address, peer, gone: false, [Symbol.asyncDispose]: () => client.close() };
    } catch (error) {
      if (parseAddress(address).kind !== 'unix' || !nobodyListens(error)) throw error;
      if (performance.now() > until) break;
      await sleep(100, undefined, { signal });
    }
  }
  const client = new QmpClient();
  return {
    client,
    address,
    peer: undefined,
    gone: true,
    [Symbol.asyncDispose]: () => client.close(),
  };
}
