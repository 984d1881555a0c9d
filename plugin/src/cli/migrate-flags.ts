/** What `precopy migrate` was asked for, also as a journal tells it. */
import { z } from 'zod';
import { PrecopyError } from '../errors.js';
import type { Goal } from '../sequence/policy.js';
import type { ReportOrder } from './report.js';
import type { ChannelFlags } from './channel-options.js';
import type { LibvirtFlags } from './libvirt-options.js';

export interface MigrateFlags extends ChannelFlags, LibvirtFlags {
  qmp: string;
  toQmp?: string | undefined;
  to?: string | undefined;
  policy: string;
  downtimeLimit?: number | undefined;
  bandwidth?: number | undefined;
  maxBandwidth?: number | undefined;
  maxSlowdown?: number | undefined;
  link?: number | undefined;
  autoConverge?: true | undefined;
  timeout?: number | undefined;
  onTimeout: Goal['onTimeout'];
  stallTimeout: number;
  verify?: true | undefined;
  report?: ReportOrder[] | undefined;
  sourceLog?: string | undefined;
  destinationLog?: string | undefined;
  journal?: string | undefined;
  journalLimit?: number | undefined;
  history: boolean;
  /** How long to rehearse first, ms. */
  rehearse?: number | undefined;
  /** Of one core, percent, that rehearsing may take. */
  overhead?: number | undefined;
  /** A file with a rehearsal. */
  forecast?: string | undefined;
  json?: true | undefined;
}

const text = z.string();
const number = z.number();
const set = z.literal(true).optional();

/** A flag without a schema here, or a schema of another type, does not compile. */
const schemas: { readonly [F in keyof Required<MigrateFlags>]: z.ZodType<MigrateFlags[F]> } = {
  qmp: text,
  toQmp: text.optional(),
  to: text.optional(),
  xml: text.optional(),
  persistent: set,
  persistentXml: text.optional(),
  undefinesource: set,
  uri: text.optional(),
  incomingUri: text.optional(),
  policy: text,
  downtimeLimit: number.optional(),
  bandwidth: number.optional(),
  maxBandwidth: number.optional(),
  maxSlowdown: number.optional(),
  link: number.optional(),
  autoConverge: set,
  timeout: number.optional(),
  onTimeout: z.enum(['cancel', 'postcopy', 'release']),
  stallTimeout: number,
  verify: set,
  // Reports are the first run's to write.
  report: z
    .unknown()
    .transform(() => undefined)
    .optional(),
  sourceLog: text.optional(),
  destinationLog: text.optional(),
  journal: text.optional(),
  journalLimit: number.optional(),
  history: z.boolean(),
  rehearse: number.optional(),
  overhead: number.optional(),
  forecast: text.optional(),
  json: set,
  multifdChannels: number.optional(),
  multifdCompression: text.optional(),
  tlsCreds: text.optional(),
  tlsHostname: text.optional(),
  tlsAuthz: text.optional(),
  postcopy: set,
  postcopyPreempt: set,
};

const migrateFlags = z.object(schemas);

/** What `precopy shell` does not ask for: a migration that nobody steers any more is released. */
const ofShell = { policy: 'manual', onTimeout: 'release', stallTimeout: 30_000, history: false };

/**
 * The flags of the run that a journal's record `start` is of.
 *
 * @throws PrecopyError USAGE if that was no migration
 */
export function flagsOf(command: string, args: unknown): MigrateFlags {
  const asked = typeof args === 'object' ? args : {};
  const flags = migrateFlags.safeParse(command === 'shell' ? { ...ofShell, ...asked } : asked);
  if ((command === 'migrate' || command === 'shell') && flags.success) return flags.data;
  throw new PrecopyError(
    'USAGE',
    `This is the journal of "precopy ${command}", and no migration that could be taken up.`,
    'Name the journal of a migration.',
  );
}
