/** Options of how a migration's bytes travel. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { PrecopyError } from '../errors.js';
import type { MigrationSettings } from '../sequence/settings.js';

export interface ChannelFlags {
  uri?: string | undefined;
  incomingUri?: string | undefined;
  multifdChannels?: number | undefined;
  multifdCompression?: string | undefined;
  tlsCreds?: string | undefined;
  tlsHostname?: string | undefined;
  tlsAuthz?: string | undefined;
  postcopy?: true | undefined;
  postcopyPreempt?: true | undefined;
}

/** `MultiFDCompression` of QAPI up to QEMU 11; which of them a QEMU has is up to its build. */
const compressions = ['none', 'zlib', 'zstd', 'qatzip', 'qpl', 'uadk'];

export function addChannelOptions(command: Command): Command {
  return command
    .option(
      '--uri <uri>',
      'how the source reaches the destination: tcp:HOST:PORT, unix:PATH, exec:COMMAND, fd:N (default: a unix socket of our own)',
    )
    .option(
      '--incoming-uri <uri>',
      'where the destination listens, if that is another address for it (default: that of --uri)',
    )
    .option('--multifd-channels <n>', 'send over so many connections, 1 to 255', parseChannels)
    .addOption(
      new Option(
        '--multifd-compression <method>',
        'compress what the connections of --multifd-channels carry',
      ).choices(compressions),
    )
    .option('--tls-creds <id>', 'encrypt; the id of a tls-creds object of both QEMUs')
    .option('--tls-hostname <name>', "whom the destination's certificate must name")
    .option('--tls-authz <id>', "the destination's authz object that admits the source")
    .option('--postcopy', 'allow postcopy, for precopy shell and --on-timeout postcopy')
    .option('--postcopy-preempt', 'postcopy with a connection of its own for urgent pages');
}

/** @throws PrecopyError USAGE if an option lacks the one that it belongs to */
export function channelSettings(flags: ChannelFlags): MigrationSettings {
  requireWith(flags, 'multifdCompression', 'multifdChannels');
  requireWith(flags, 'tlsHostname', 'tlsCreds');
  requireWith(flags, 'tlsAuthz', 'tlsCreds');
  requireWith(flags, 'incomingUri', 'uri');
  const preempt = flags.postcopyPreempt === true;
  return {
    capabilities: {
      ...(flags.multifdChannels === undefined ? {} : { multifd: true }),
      ...(flags.postcopy === true || preempt ? { 'postcopy-ram': true } : {}),
      ...(preempt ? { 'postcopy-preempt': true } : {}),
    },
    parameters: present({
      'multifd-channels': flags.multifdChannels,
      'multifd-compression': flags.multifdCompression,
      'tls-creds': flags.tlsCreds,
      'tls-hostname': flags.tlsHostname,
      'tls-authz': flags.tlsAuthz,
    }),
  };
}

function present<T>(values: Readonly<Record<string, T | undefined>>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, T] => entry[1] !== undefined),
  );
}

function requireWith(
  flags: ChannelFlags,
  option: keyof ChannelFlags,
  needed: keyof ChannelFlags,
): void {
  if (flags[option] === undefined || flags[needed] !== undefined) return;
  throw new PrecopyError(
    'USAGE',
    `${dashed(option)} says nothing without ${dashed(needed)}.`,
    `Give ${dashed(needed)} as well, or leave it out.`,
  );
}

function dashed(flag: string): string {
  return `--${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** QAPI: uint8, at least 1. */
function parseChannels(text: string): number {
  const channels = Number(text);
  if (/^\d+$/.test(text) && channels >= 1 && channels <= 255) return channels;
  throw new InvalidArgumentError('Write a number of connections from 1 to 255.');
}
