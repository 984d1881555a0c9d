import { Socket } from 'node:net';
import { LibcKernel, type Kernel, type PeerCredentials } from 'linux-vfio-ts';
import { QmpClient } from 'qemu-qmp-client-ts';

/** A connected monitor, and who is at its other end. */
export interface Connected extends AsyncDisposable {
  client: QmpClient;
  address: string;
  /** The QEMU itself; undefined when the monitor is no unix socket of this host. */
  peer: PeerCredentials | undefined;
}

/** @throws QmpConnectError, QmpProtocolError, QmpArgumentError of qemu-qmp-client-ts */
export async function connectMonitor(address: string, signal: AbortSignal): Promise<Connected> {
  const client = await QmpClient.connect(address, { signal });
  return {
    client,
    address,
    peer: peerOf(client, new LibcKernel()),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

/** SO_PEERCRED; only unix sockets have it, and only they are sure to lead to a process on this host. */
function peerOf(client: QmpClient, kernel: Kernel): PeerCredentials | undefined {
  const { stream } = client;
  if (!(stream instanceof Socket) || stream.remoteFamily !== undefined) return undefined;
  // Node has no public way to a socket's fd; `_handle.fd` has been there since Node 0.10.
  const handle = (stream as Socket & { _handle?: { fd?: unknown } })._handle;
  return typeof handle?.fd === 'number' ? kernel.peerCredentials(handle.fd) : undefined;
}
