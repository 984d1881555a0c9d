/** How the migration's bytes travel, as QEMU's `migrate` and `migrate-incoming` take it. */
import { PrecopyError } from '../errors.js';

const schemes = ['tcp', 'unix', 'vsock', 'exec', 'fd', 'rdma', 'file'] as const;
export type ChannelScheme = (typeof schemes)[number];

export interface Channel {
  readonly scheme: ChannelScheme;
  /** As it was given. */
  readonly uri: string;
  /** Of `fd:N`: a descriptor of ours that QEMU is to get; `fd:NAME` is one that QEMU has by that name. */
  readonly descriptor: number | undefined;
}

/** Over these QEMU can open more than one connection (transport_supports_multi_channels). */
const multiChannel: readonly ChannelScheme[] = ['tcp', 'unix', 'vsock'];

/**
 * Checks what precopy must know of a channel; the rest is QEMU's to check.
 *
 * @throws PrecopyError USAGE if QEMU has no such channel
 */
export function parseChannel(uri: string): Channel {
  const scheme = schemes.find((name) => uri.startsWith(`${name}:`));
  if (scheme === undefined || uri.length === scheme.length + 1) {
    throw new PrecopyError(
      'USAGE',
      `"${uri}" is no migration channel.`,
      'Write tcp:HOST:PORT, unix:PATH, vsock:CID:PORT, exec:COMMAND, fd:N (a descriptor of precopy itself) or fd:NAME.',
    );
  }
  const descriptor = /^fd:(\d+)$/.exec(uri)?.[1];
  return {
    scheme,
    uri,
    descriptor: descriptor === undefined ? undefined : Number(descriptor),
  };
}

/**
 * @param capabilities those that are to be on
 * @throws PrecopyError USAGE if one of them needs several connections and the channel is only one
 */
export function requireChannelFor(
  channel: Channel,
  capabilities: Readonly<Record<string, boolean>>,
): void {
  if (multiChannel.includes(channel.scheme)) return;
  const needing = ['multifd', 'postcopy-preempt'].find((name) => capabilities[name] === true);
  if (needing === undefined) return;
  throw new PrecopyError(
    'USAGE',
    `${needing} needs several connections, and ${channel.scheme}: is a single one.`,
    'Use tcp: or unix:, or leave out the option that turns it on.',
  );
}

/** `tcp:HOST:PORT` with another port: of a destination that was told to choose one (port 0). */
export function withPort(channel: Channel, port: string): string {
  return channel.uri.replace(/^(tcp:.*):0(,.*)?$/, (_all, start: string) => `${start}:${port}`);
}
