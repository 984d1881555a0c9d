/**
 * The replies of QEMU that a migration needs, checked where they enter (QAPI: qapi/migration.json,
 * qapi/run-state.json). Members that this QEMU does not know are absent; unknown ones are kept out.
 */
import { z } from 'zod';
import { PrecopyError } from '../errors.js';
import type { MigrationSample } from './passes.js';

/** An integer as the QMP client delivers it: a bigint where a double could not hold it. */
const integer = z.union([z.number().int(), z.bigint()]).transform(Number);

/** `MigrationInfo`. */
export const migrationInfo = z.object({
  status: z
    .enum([
      'none',
      'setup',
      'cancelling',
      'cancelled',
      'active',
      'postcopy-active',
      'postcopy-paused',
      'postcopy-recover-setup',
      'postcopy-recover',
      'completed',
      'failed',
      'failing',
      'colo',
      'pre-switchover',
      'device',
      'wait-unplug',
      'postcopy-device',
    ])
    .optional(),
  ram: z
    .object({
      transferred: integer,
      remaining: integer,
      total: integer,
      duplicate: integer,
      normal: integer,
      'page-size': integer,
      mbps: z.number(),
      'dirty-sync-count': integer,
      'dirty-pages-rate': integer,
      'multifd-bytes': integer.optional(),
      'downtime-bytes': integer.optional(),
    })
    .optional(),
  vfio: z.object({ transferred: integer }).optional(),
  'total-time': integer.optional(),
  'setup-time': integer.optional(),
  'expected-downtime': integer.optional(),
  downtime: integer.optional(),
  'cpu-throttle-percentage': integer.optional(),
  'error-desc': z.string().optional(),
  'blocked-reasons': z.array(z.string()).optional(),
  'socket-address': z
    .array(
      z.object({
        type: z.string(),
        host: z.string().optional(),
        port: z.string().optional(),
        path: z.string().optional(),
      }),
    )
    .optional(),
});
export type MigrationInfo = z.output<typeof migrationInfo>;

/** `StatusInfo`. */
export const statusInfo = z.object({ status: z.string(), running: z.boolean() });
export type StatusInfo = z.output<typeof statusInfo>;

/** `MigrationCapabilityStatus` list. */
export const capabilityList = z.array(z.object({ capability: z.string(), state: z.boolean() }));

/** `MigrationParameters`, as far as they decide about the switchover. */
export const migrationParameters = z.object({
  'downtime-limit': integer,
  'max-bandwidth': integer,
  'avail-switchover-bandwidth': integer.optional(),
  'max-cpu-throttle': integer.optional(),
  'throttle-trigger-threshold': integer.optional(),
});
export type MigrationParameters = z.output<typeof migrationParameters>;

/** `data` of MIGRATION, MIGRATION_PASS. */
export const migrationEventData = z.object({ status: z.string() });
export const migrationPassData = z.object({ pass: integer });

/** Checks a reply. @throws PrecopyError MONITOR if it is not of the shape QAPI documents */
export function checked<T>(schema: z.ZodType<T>, reply: unknown, what: string): T {
  const result = schema.safeParse(reply);
  if (result.success) return result.data;
  throw new PrecopyError(
    'MONITOR',
    `QEMU's ${what} is not what its QAPI schema documents: ${z.prettifyError(result.error)}`,
    'This QEMU may be newer than precopy knows. Please report it with the output of `query-version`.',
  );
}

/** The sample of a running migration; undefined before QEMU has RAM statistics. */
export function sampleOf(info: MigrationInfo): MigrationSample | undefined {
  const { ram } = info;
  if (!ram) return undefined;
  return {
    dirtySyncCount: ram['dirty-sync-count'],
    remainingBytes: ram.remaining,
    transferredBytes: ram.transferred,
    handledBytes: (ram.normal + ram.duplicate) * ram['page-size'],
    bandwidthBytesPerSecond: (ram.mbps * 1e6) / 8,
    dirtyBytesPerSecond: ram['dirty-pages-rate'] * ram['page-size'],
    vfioBytes: info.vfio?.transferred,
    expectedDowntimeMs: info['expected-downtime'],
    throttlePercent: info['cpu-throttle-percentage'],
  };
}

/** Whether QEMU is not migrating in this state (QAPI `MigrationStatus`). */
export function migrationIsOver(status: string): boolean {
  return ['none', 'cancelled', 'failed', 'completed'].includes(status);
}
