/** What a record must look like when it is read from a file: one schema a type (records.ts). */
import { z } from 'zod';
import type { VerifyResult } from '../audit/verify.js';
import type { CurvePoint } from '../forecast/curve.js';
import { forecastSchema } from '../forecast/outcome/schema.js';
import type { Parameters, Tuning } from '../sequence/control.js';
import type { MigrationSample, PassEntry } from '../sequence/passes.js';
import { phases } from '../sequence/phase.js';
import type { Action, Expectation, Given, Goal, Request } from '../sequence/policy.js';
import type { WhyNot } from '../sequence/why-not.js';
import type { HeatRecord, JournalEntry, RecordTime, RecordType } from './records.js';
import type { MeasuredDowntime, MigrationResult } from './result.js';

/** A member that JSON leaves out when it is undefined. */
const maybe = <T>(schema: z.ZodType<T>): z.ZodType<T | undefined> => schema.optional();

/** A 64-bit number, written as `0x...` (json.ts). */
const hex = z
  .string()
  .regex(/^0x[0-9a-f]+$/)
  .transform((text) => BigInt(text));

const number = z.number();
const text = z.string();
const side = z.enum(['source', 'destination']);

const writer = {
  version: number,
  minor: number,
  pid: number,
  boot: maybe(text),
};

const sample: z.ZodType<MigrationSample> = z.object({
  dirtySyncCount: number,
  remainingBytes: number,
  transferredBytes: number,
  handledBytes: number,
  bandwidthBytesPerSecond: number,
  dirtyBytesPerSecond: number,
  vfioBytes: maybe(number),
  expectedDowntimeMs: maybe(number),
  throttlePercent: maybe(number),
});

const why: z.ZodType<WhyNot> = z.object({
  term: z.enum(['first-round', 'unsent-ram', 'ram', 'device-state', 'switchover-ack', 'nothing']),
  sentence: text,
  ramBytes: number,
  devices: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('known'), bytes: number }),
    z.object({ kind: z.literal('at-least'), bytes: number }),
    z.object({ kind: z.literal('unknown') }),
  ]),
  thresholdBytes: number,
  bandwidthBytesPerSecond: number,
  bandwidthFrom: z.enum(['measured', 'avail-switchover-bandwidth']),
  downtimeLimitMs: number,
  comparison: z.enum(['<', '<=']),
  stopCopyTrap: z.boolean(),
  neededLimitMs: maybe(number),
});

const pass: z.ZodType<PassEntry> = z.object({
  type: z.literal('pass'),
  first: number,
  pass: number,
  kind: z.enum(['round', 'exact-retry', 'throttle-timer', 'blackout']),
  sample,
  late: z.boolean(),
  qemuUs: maybe(number),
  gapsUs: maybe(z.array(number)),
  devices: maybe(z.record(text, text)),
  why: maybe(why),
});

const parameters: z.ZodType<Parameters> = z.object({
  downtimeLimitMs: number,
  maxBandwidthBytesPerSecond: number,
  switchoverBytesPerSecond: maybe(number),
  throttlePercent: maybe(number),
});

const tuning: z.ZodType<Tuning> = z.object({
  downtimeLimitMs: maybe(number),
  maxBandwidthBytesPerSecond: maybe(number),
  switchoverBytesPerSecond: maybe(number),
  throttlePercent: maybe(number),
});

const goal: z.ZodType<Goal> = z.object({
  downtimeLimitMs: number,
  totalLimitMs: maybe(number),
  slowdownLimitPercent: number,
  bandwidthBytesPerSecond: number,
  bandwidthLimitBytesPerSecond: number,
  linkBytesPerSecond: maybe(number),
  onTimeout: z.enum(['cancel', 'postcopy', 'release']),
});

const action: z.ZodType<Action> = z.discriminatedUnion('kind', [
  z.object({ kind: z.enum(['wait', 'switchover', 'postcopy', 'cancel']) }),
  z.object({ kind: z.literal('tune'), tuning }),
  z
    .object({ kind: z.enum(['hold', 'release']), tuning: tuning.optional() })
    .transform(({ kind, tuning }) => (tuning === undefined ? { kind } : { kind, tuning })),
]);

const request: z.ZodType<Request> = z.discriminatedUnion('kind', [
  z.object({ kind: z.enum(['hold', 'release', 'step', 'switchover', 'postcopy', 'cancel']) }),
  z.object({ kind: z.literal('tune'), tuning }),
]);

/** Also of what a controller keeps of its rehearsals. */
export const expectation: z.ZodType<Expectation> = z.object({
  forecast: forecastSchema,
  curve: z.array(z.object({ windowMs: number, bytes: number })),
  stopCopyBytes: number,
});

const given: z.ZodType<{ type: 'goal' } & Given> = z.object({
  type: z.literal('goal'),
  policy: text,
  goal,
  initial: parameters,
  abilities: z.array(
    z.enum([
      'tune',
      'switchover-bandwidth',
      'throttle',
      'postcopy',
      'pause',
      'resume',
      'hold-destination',
    ]),
  ),
  ramBytes: maybe(number),
  expectation: maybe(expectation),
});

const verify: z.ZodType<VerifyResult> = z.object({
  comparedBytes: number,
  differingPages: number,
  differences: z.array(
    z.object({ block: text, offset: number, bytes: number, iova: maybe<bigint>(hex) }),
  ),
  notCompared: z.array(z.object({ block: text, bytes: number })),
});

const downtime: z.ZodType<MeasuredDowntime> = z.object({
  ms: number,
  heldMs: number,
  parts: z.array(
    z.object({
      term: z.enum([
        'flush',
        'final-sync',
        'ram',
        'device-state',
        'machine-state',
        'transition',
        'destination-load',
        'start',
        'waiting',
        'together',
      ]),
      name: text,
      device: maybe(text),
      ms: number,
      from: z.enum(['events', 'traces']),
    }),
  ),
  unknown: z.array(text),
  outside: z.object({ beforeStopMs: maybe(number), afterResumeMs: maybe(number) }),
});

const result: z.ZodType<MigrationResult> = z.object({
  outcome: z.enum(['completed', 'failed', 'cancelled']),
  totalMs: number,
  passes: number,
  transferredBytes: number,
  blackoutRamBytes: maybe(number),
  downtime: maybe(downtime),
  qemuDowntimeMs: maybe(number),
  expectedDowntimeMs: maybe(number),
});

const curvePoint: z.ZodType<CurvePoint> = z.object({
  windowMs: number,
  windows: number,
  pages: number,
  p10: number,
  p90: number,
});

const heat: z.ZodType<HeatRecord> = z.object({
  pageBytes: number,
  columns: z.array(z.array(z.object({ firstPage: number, pages: number }))),
  rows: z.array(
    z.object({ startMs: number, endMs: number, harvests: number, pages: z.array(number) }),
  ),
});

/** A type of record without a schema here, or a schema of another shape, does not compile. */
export const entrySchemas: {
  readonly [T in RecordType]: z.ZodType<Extract<JournalEntry, { type: T }>>;
} = {
  start: z.object({
    type: z.literal('start'),
    id: text,
    command: text,
    arguments: z.unknown(),
    ...writer,
  }),
  segment: z.object({ type: z.literal('segment'), id: text, index: number, ...writer }),
  resumed: z.object({
    type: z.literal('resumed'),
    id: text,
    command: text,
    arguments: z.unknown(),
    repairedBytes: number,
    ...writer,
  }),
  end: z.object({ type: z.literal('end') }),
  clock: z.object({ type: z.literal('clock'), jumpMs: number }),
  lost: z.object({ type: z.literal('lost'), records: number, why: text }),
  qemu: z.object({
    type: z.literal('qemu'),
    side,
    address: text,
    version: text,
    sameHost: z.boolean(),
  }),
  phase: z.object({ type: z.literal('phase'), phase: z.enum(phases), why: text }),
  before: z.object({
    type: z.literal('before'),
    side,
    guestRan: z.boolean(),
    settings: z.object({
      capabilities: z.record(text, z.boolean()),
      parameters: z.record(text, z.union([hex, number, z.boolean(), text])),
    }),
  }),
  effect: z.object({
    type: z.literal('effect'),
    side,
    command: text,
    arguments: maybe(z.unknown()),
    error: maybe(text),
    ms: maybe(number),
  }),
  event: z.object({
    type: z.literal('event'),
    side,
    event: text,
    data: maybe(z.unknown()),
    qemuUs: maybe(number),
  }),
  trace: z.object({
    type: z.literal('trace'),
    side,
    event: text,
    text,
    qemuUs: maybe(number),
  }),
  pass,
  goal: given,
  parameters: z.object({ type: z.literal('parameters'), parameters }),
  observation: z.object({ type: z.literal('observation'), sample }),
  request: z.object({ type: z.literal('request'), request }),
  decision: z.object({ type: z.literal('decision'), policy: text, action, reason: text }),
  dirty: z.object({
    type: z.literal('dirty'),
    startMs: number,
    endMs: number,
    pages: z.record(text, number),
  }),
  curve: z.object({
    type: z.literal('curve'),
    pageBytes: number,
    curves: z.record(text, z.array(curvePoint)),
  }),
  heat: z.object({ type: z.literal('heat'), heat }),
  warning: z.object({ type: z.literal('warning'), message: text }),
  verify: z.object({ type: z.literal('verify'), result: verify, ms: number }),
  result: z.object({ type: z.literal('result'), result }),
};

/** What every record has, whatever its type. */
export const recordHead: z.ZodType<RecordTime & { type: string }> = z.object({
  type: text,
  at: number,
  monotonicMs: number,
});

/** What the first record of a journal has in every version. */
export const journalHead = z.object({
  type: z.literal('start'),
  version: number,
  minor: number,
  id: text,
});

export function isRecordType(type: string): type is RecordType {
  return Object.hasOwn(entrySchemas, type);
}
