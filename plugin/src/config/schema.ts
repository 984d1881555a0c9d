/** The settings of precopy's daemon and hooks, with their defaults (docs/configuration.md). */
import { bitmapFreeFix } from 'linux-vfio-ts';
import { z } from 'zod';
import { stolenBitsActions } from '../harvest/stolen-bits.js';
import { usualIntervalMs, usualOverheadPercent } from '../harvest/usual-cost.js';
import { checkHookSettings, yesOrNo as asYesOrNo, type HookSettings } from './hook-settings.js';
import { bytesFrom, msFrom } from '../units.js';

/** In the file and in a domain's metadata. */
const yesOrNo: z.ZodType<boolean> = z.unknown().transform((value, context) => {
  const yes = asYesOrNo(value);
  if (yes !== undefined) return yes;
  context.addIssue({ code: 'custom', message: 'write yes or no' });
  return z.NEVER;
});

function written(parse: (text: string) => number | undefined, how: string): z.ZodType<number> {
  return z.union([z.string(), z.number()]).transform((value, context) => {
    const number = parse(String(value));
    if (number !== undefined) return number;
    context.addIssue({ code: 'custom', message: how });
    return z.NEVER;
  });
}

/** ms; a bare number is seconds. */
const duration = written((text) => msFrom(text, 1000), 'Write a duration as 300ms, 2s or 5min');
const bytes = written(bytesFrom, 'Write bytes as 1048576, 500M or 1.5G (powers of 1024)');
const percent = z.coerce
  .number({ error: 'write a number above 0 and up to 100' })
  .gt(0, 'must be above 0')
  .lte(100, 'must not be above 100');

/** The policies that a migration which somebody else starts may be given. */
const policies = ['qemu', 'adaptive'] as const;

const sections = {
  attach: z.strictObject({
    enabled: yesOrNo.default(true),
    /** `libvirt`, or `unix:` with `{uuid}` for the domain's: a monitor of precopy's own. */
    monitor: z
      .string()
      .regex(/^(libvirt|unix:\/.*)$/, 'write libvirt, or unix:/path with {uuid} in it')
      .default('libvirt'),
  }),
  rehearse: z.strictObject({
    enabled: yesOrNo.default(true),
    every: duration.default(600_000),
    duration: duration.default(10_000),
    /** Between two harvests. */
    interval: duration.default(usualIntervalMs),
    /** Of one core, percent. */
    overhead: percent.default(usualOverheadPercent),
    cpu: yesOrNo.default(true),
    /** Of a migration from which a harvest may have taken dirty bits. */
    onStolenBits: z
      .enum(stolenBitsActions, { error: `write ${stolenBitsActions.join(' or ')}` })
      .default('cancel'),
    /** Fixes that the kernel has although its number does not show it, by commit. */
    kernelHas: z.array(z.enum([bitmapFreeFix], { error: `write ${bitmapFreeFix}` })).default([]),
    /** At most while the guest runs, bytes/s; undefined: what libvirt or past migrations say. */
    bandwidth: bytes.optional(),
  }),
  migration: z.strictObject({
    policy: z.enum(policies, { error: `write ${policies.join(' or ')}` }).default('qemu'),
    downtimeLimit: duration.optional(),
    bandwidth: bytes.optional(),
    timeout: duration.optional(),
    onTimeout: z
      .enum(['cancel', 'postcopy', 'release'], { error: 'write cancel, postcopy or release' })
      .default('cancel'),
  }),
};

/** What a domain may have of its own, in its metadata. */
export const domainSections = sections;

export const configSchema = z.strictObject({
  attach: sections.attach.prefault({}),
  rehearse: sections.rehearse.prefault({}),
  migration: sections.migration.prefault({}),
  hook: z
    .unknown()
    .transform((value, context): HookSettings => {
      const { settings, problems } = checkHookSettings(value);
      for (const { path, message } of problems) {
        context.addIssue({ code: 'custom', path: path.slice(1), message });
      }
      return settings;
    })
    .prefault({}),
  journals: z
    .strictObject({
      folder: z.string().startsWith('/', 'must be an absolute path').default('/var/log/precopy'),
      /** So many for each domain; older ones are removed. */
      keep: z.int().min(1).default(20),
    })
    .prefault({}),
});

export type Config = z.output<typeof configSchema>;
