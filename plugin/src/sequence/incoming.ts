import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { PrecopyError, messageOf } from '../errors.js';
import { parseChannel, withPort, type Channel } from './channel.js';
import type { QemuSide } from './side.js';

/** Where both ends were told to meet; undefined: we choose. */
export interface Endpoints {
  /** What the source connects to. */
  readonly uri: string | undefined;
  /** What the destination listens at, where that is another address for it; default: `uri`. */
  readonly incomingUri: string | undefined;
}

/** A channel of our own is a socket of this name in a folder that begins so. */
const folderPrefix = 'precopy-';
const socketName = 'migration';

/** The channel, ready for the source's `migrate`. */
export interface Incoming extends Disposable {
  readonly uri: string;
}

/**
 * Makes the destination listen. Without an address the channel is a unix socket in a folder of our own
 * that nobody else may enter, which needs both QEMUs on this host. A destination that listens already
 * (`-incoming tcp:...`) is taken as it is.
 *
 * @throws PrecopyError MIGRATION_FAILED if the destination refuses to listen
 */
export async function openIncoming(
  source: QemuSide,
  destination: QemuSide,
  endpoints: Endpoints,
): Promise<Incoming> {
  const listening = await listensAt(destination);
  if (listening !== undefined) {
    return { uri: endpoints.uri ?? listening, [Symbol.dispose]: () => undefined };
  }
  return await listen(source, destination, endpoints, async (uri) => {
    await destination.effect('migrate-incoming', { uri });
  });
}

/** The same for the rest of a postcopy migration whose channel broke. */
export async function reopenIncoming(
  source: QemuSide,
  destination: QemuSide,
  endpoints: Endpoints,
): Promise<Incoming> {
  // Out of band: the destination's main loop may itself wait for a page that it has not got yet.
  const { oob } = destination.client;
  const recover = async (uri: string): Promise<void> => {
    await destination.effect('migrate-recover', { uri }, { oob });
  };
  return await listen(source, destination, endpoints, async (uri) => {
    try {
      await recover(uri);
    } catch (error) {
      // It has not noticed yet that the channel broke.
      await destination.effect('migrate-pause', undefined, { oob }).catch(() => {
        throw error;
      });
      await recover(uri);
    }
  });
}

async function listen(
  source: QemuSide,
  destination: QemuSide,
  { uri, incomingUri = uri }: Endpoints,
  tell: (uri: string) => Promise<void>,
): Promise<Incoming> {
  const folder = incomingUri === undefined ? privateFolder(source, destination) : undefined;
  const channel = parseChannel(incomingUri ?? `unix:${join(folder ?? '', socketName)}`);
  const removeFolder = (): void => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  };
  try {
    await tell(await handOver(destination, channel));
  } catch (cause) {
    removeFolder();
    throw new PrecopyError(
      'MIGRATION_FAILED',
      `The destination ${destination.address} does not accept a migration on ${channel.uri}: ${messageOf(cause)}.`,
      'Give a channel that both QEMUs can use with --uri (for example tcp:127.0.0.1:4444), and start the destination with -incoming defer. The source was left as it was.',
      { cause },
    );
  }
  return {
    uri: await reachableAt(destination, parseChannel(uri ?? channel.uri)),
    [Symbol.dispose]: removeFolder,
  };
}

/**
 * The channel as a QEMU can open it: a descriptor of ours is given to it first (`getfd`), for one use.
 *
 * @throws QmpUnsupportedError if its monitor is no unix socket
 */
export async function handOver(side: QemuSide, channel: Channel): Promise<string> {
  if (channel.descriptor === undefined) return channel.uri;
  const name = `precopy-${side.role}`;
  await side.passFd(name, channel.descriptor);
  return `fd:${name}`;
}

/** Where the destination listens by now; undefined: nowhere. */
async function listensAt(destination: QemuSide): Promise<string | undefined> {
  const address = (await destination.migration())['socket-address']?.[0];
  if (!address) return undefined;
  return address.path === undefined
    ? `tcp:${address.host ?? ''}:${address.port ?? ''}`
    : `unix:${address.path}`;
}

/** A destination told to listen at port 0 chose one itself. */
async function reachableAt(destination: QemuSide, channel: Channel): Promise<string> {
  if (channel.scheme !== 'tcp' || !/:0(,|$)/.test(channel.uri)) return channel.uri;
  const port = (await destination.migration())['socket-address']?.[0]?.port;
  return port === undefined ? channel.uri : withPort(channel, port);
}

function privateFolder(source: QemuSide, destination: QemuSide): string {
  if (!source.isLocal || !destination.isLocal) {
    throw new PrecopyError(
      'USAGE',
      `No channel was given, and ${source.isLocal ? destination.address : source.address} may be another host's QEMU.`,
      'Say where the destination shall listen with --uri, for example tcp:HOST:4444.',
    );
  }
  const folder = mkdtempSync(join(tmpdir(), folderPrefix));
  const owner = destination.peer?.uid;
  if (owner === undefined || owner === process.getuid?.()) return folder;
  try {
    // As root we may serve QEMUs that run as another user, who must be able to make and open the socket.
    chownSync(folder, owner, -1);
    return folder;
  } catch (cause) {
    rmSync(folder, { recursive: true });
    throw new PrecopyError(
      'USAGE',
      `No channel was given, and the destination ${destination.address} runs as uid ${owner}, who can't be given a folder for one: ${messageOf(cause)}.`,
      'Say where the destination shall listen with --uri, for example tcp:127.0.0.1:4444, or run precopy as root.',
      { cause },
    );
  }
}

/**
 * Removes the folder of a channel of our own that an earlier run left behind.
 *
 * @param uri what that run had the source connect to
 */
export function removeLeftFolder(uri: string | undefined): void {
  const socket = /^unix:(.*)$/s.exec(uri ?? '')?.[1];
  if (socket === undefined || basename(socket) !== socketName) return;
  const folder = dirname(socket);
  if (dirname(folder) !== tmpdir() || !basename(folder).startsWith(folderPrefix)) return;
  rmSync(folder, { recursive: true, force: true });
}
