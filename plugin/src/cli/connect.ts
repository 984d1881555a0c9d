import { setTimeout as sleep } from 'node:timers/promises';
import { LibcKernel, type PeerCredentials } from 'linux-vfio-ts';
import {
  parseAddress,
  QmpClient,
  QmpCommandError,
  QmpConnectError,
  QmpProtocolError,
  QmpTimeoutError,
  QmpUnsupportedError,
} from 'qemu-qmp-client-ts';
import { PrecopyError } from '../errors.js';
import { vcpuThreadIds } from '../harvest/vcpu-time.js';
import { qemuOf, readDomain } from '../libvirt/domain.js';
import { Virsh } from '../libvirt/virsh.js';
import { hasThread } from '../process-identity.js';

/** A connected monitor, and who is at its other end. */
export interface Connected extends AsyncDisposable {
  client: QmpClient;
  address: string;
  /** The QEMU itself; undefined where no process of this host is sure to be it. */
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
  if (parsed.kind !== 'libvirt') return await peerOf(client, signal);
  // The peer here is the program that passes on what libvirt says.
  const virsh = new Virsh(parsed.uri);
  return await qemuOf(virsh, await readDomain(virsh, parsed.domain, signal));
}

/**
 * SO_PEERCRED, which only unix sockets have. It names the process that listened, which may be a launcher that
 * handed the socket on, or a proxy of a QEMU elsewhere: it is the QEMU if the vCPUs are threads of it.
 */
async function peerOf(
  client: QmpClient,
  signal: AbortSignal,
): Promise<PeerCredentials | undefined> {
  try {
    const peer = client.peerCredentials();
    const [vcpu] = await vcpuThreadIds(client, { signal, timeoutMs: connectTimeoutMs });
    return vcpu !== undefined && hasThread(peer.pid, vcpu) ? peer : undefined;
  } catch (error) {
    if (error instanceof QmpUnsupportedError) return undefined;
    // A machine that is not configured yet (-preconfig) has no vCPUs; a QEMU may be too busy to say.
    if (error instanceof QmpCommandError || error instanceof QmpTimeoutError) return undefined;
    throw error;
  }
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
      const nobodyListens = error instanceof QmpConnectError && error.nobodyListens;
      if (parseAddress(address).kind !== 'unix' || !nobodyListens) throw error;
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
