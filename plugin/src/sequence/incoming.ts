import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PrecopyError, messageOf } from '../errors.js';
import type { QemuSide } from './side.js';

/** Where the destination listens, for the source's `migrate`. */
export interface Incoming extends Disposable {
  uri: string;
}

/**
 * Makes the destination listen. Without a `uri` the channel is a unix socket in a folder of our own
 * that nobody else may enter, which needs both QEMUs on this host. A destination that listens already
 * (`-incoming tcp:...`) is taken as it is.
 *
 * @throws PrecopyError MIGRATION_FAILED if the destination refuses to listen
 */
export async function openIncoming(
  source: QemuSide,
  destination: QemuSide,
  uri: string | undefined,
): Promise<Incoming> {
  const listening = (await destination.migration())['socket-address']?.[0];
  if (listening) {
    const address =
      listening.path === undefined
        ? `tcp:${listening.host ?? ''}:${listening.port ?? ''}`
        : `unix:${listening.path}`;
    return { uri: uri ?? address, [Symbol.dispose]: () => undefined };
  }
  const folder = uri === undefined ? privateFolder(source, destination) : undefined;
  const channel = uri ?? `unix:${join(folder ?? '', 'migration')}`;
  const removeFolder = (): void => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  };
  try {
    await destination.effect('migrate-incoming', { uri: channel });
  } catch (cause) {
    removeFolder();
    throw new PrecopyError(
      'MIGRATION_FAILED',
      `The destination ${destination.address} does not accept a migration on ${channel}: ${messageOf(cause)}. Nothing was started; the source was left as it was.`,
      'Give a channel that both QEMUs can use with --uri (for example tcp:127.0.0.1:4444), and start the destination with -incoming defer.',
      { cause },
    );
  }
  return { uri: channel, [Symbol.dispose]: removeFolder };
}

function privateFolder(source: QemuSide, destination: QemuSide): string {
  if (!source.isLocal || !destination.isLocal) {
    throw new PrecopyError(
      'USAGE',
      `No channel was given, and ${source.isLocal ? destination.address : source.address} may be another host's QEMU.`,
      'Say where the destination shall listen with --uri, for example tcp:HOST:4444.',
    );
  }
  const folder = mkdtempSync(join(tmpdir(), 'precopy-'));
  const owner = destination.peer?.uid;
  // As root we may serve QEMUs that run as another user, who must be able to make and open the socket.
  if (owner !== undefined && owner !== process.getuid?.()) chownSync(folder, owner, -1);
  return folder;
}
