/**
 * A schedule file: YAML (or JSON, which is YAML too).
 *
 *     name: mine
 *     auto-converge: true          # optional; else as QEMU is set
 *     least-gib: 2                 # optional; what is given per GiB is reckoned for so much at least
 *     steps:
 *       - { at: 0s, downtime-limit: 100ms, bandwidth: 500M }
 *       - { at: 75s/GiB, downtime-limit: 200ms }       # since the start, per GiB of the guest's RAM
 *       - { after-passes: 4, downtime-limit: 500ms }   # QEMU is in a later pass than the 4th
 *       - { without-progress: 150s, action: cancel }   # not less left than ever before for so long
 */
import { isMap, isSeq, LineCounter, parseDocument, type Document } from 'yaml';
import { z } from 'zod';
import { PrecopyError } from '../../../errors.js';
import { bytesFrom, msFrom } from '../../../units.js';
import type { Tuning } from '../../control.js';

/** When a step is due. */
export type Trigger =
  | { readonly kind: 'at'; readonly ms: number; readonly perGib: boolean }
  | { readonly kind: 'after-passes'; readonly passes: number }
  | { readonly kind: 'without-progress'; readonly ms: number };

export interface Step {
  readonly when: Trigger;
  readonly tuning: Tuning;
  readonly action: 'cancel' | 'postcopy' | 'release' | undefined;
}

export interface Schedule {
  readonly name: string;
  readonly autoConverge: boolean | undefined;
  readonly leastGib: number;
  readonly steps: readonly Step[];
}

const duration = z.string().transform((text, context) => {
  const ms = msFrom(text);
  if (ms !== undefined) return ms;
  context.addIssue('Write a duration as 300ms, 75s or 5min.');
  return z.NEVER;
});
const bytes = z.union([z.string(), z.number()]).transform((text, context) => {
  const value = bytesFrom(String(text));
  if (value !== undefined) return value;
  context.addIssue('Write bytes as 1048576, 500M or 1.5G (powers of 1024).');
  return z.NEVER;
});
const startTime = z.string().transform((text, context) => {
  const perGib = text.endsWith('/GiB');
  const ms = msFrom(text.replace(/\/GiB$/, ''));
  if (ms !== undefined) return { kind: 'at' as const, ms, perGib };
  context.addIssue('Write a time since the start as 75s, or 75s/GiB of RAM.');
  return z.NEVER;
});

const step = z
  .strictObject({
    at: startTime.optional(),
    'after-passes': z.int().min(0).optional(),
    'without-progress': duration.optional(),
    'downtime-limit': duration.optional(),
    bandwidth: bytes.optional(),
    throttle: z.int().min(0).max(99).optional(),
    action: z.enum(['cancel', 'postcopy', 'release']).optional(),
  })
  .transform((line, context): Step => {
    const { at, action } = line;
    const passes = line['after-passes'];
    const ms = line['without-progress'];
    const triggers: Trigger[] = [
      ...(at === undefined ? [] : [at]),
      ...(passes === undefined ? [] : [{ kind: 'after-passes' as const, passes }]),
      ...(ms === undefined ? [] : [{ kind: 'without-progress' as const, ms }]),
    ];
    const [when] = triggers;
    if (when === undefined || triggers.length > 1) {
      context.addIssue('A step needs one of at, after-passes and without-progress.');
      return z.NEVER;
    }
    const tuning: Tuning = {
      ...(line['downtime-limit'] === undefined ? {} : { downtimeLimitMs: line['downtime-limit'] }),
      ...(line.bandwidth === undefined ? {} : { maxBandwidthBytesPerSecond: line.bandwidth }),
      ...(line.throttle === undefined ? {} : { throttlePercent: line.throttle }),
    };
    if (Object.keys(tuning).length === 0 && action === undefined) {
      context.addIssue('A step must set something, or have an action.');
    }
    return { when, tuning, action };
  });

const schedule = z
  .strictObject({
    name: z.string(),
    'auto-converge': z.boolean().optional(),
    'least-gib': z.number().min(0).default(0),
    steps: z.array(step).min(1),
  })
  .transform((file): Schedule => ({
    name: file.name,
    autoConverge: file['auto-converge'],
    leastGib: file['least-gib'],
    steps: file.steps,
  }));

/** @throws PrecopyError USAGE with each mistake and its line */
export function parseSchedule(text: string, file: string): Schedule {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const mistakes = document.errors.map(
    ({ pos: [at], message }) => `line ${lines.linePos(at).line}: ${message}`,
  );
  if (mistakes.length > 0) throw badSchedule(file, mistakes);
  const result = schedule.safeParse(document.toJS());
  if (result.success) return result.data;
  throw badSchedule(
    file,
    result.error.issues.map(({ path, message }) => {
      const line = lines.linePos(offsetOf(document, path)).line;
      return `line ${line}: ${path.length > 0 ? `${path.join('.')}: ` : ''}${message}`;
    }),
  );
}

function badSchedule(file: string, mistakes: readonly string[]): PrecopyError {
  return new PrecopyError(
    'USAGE',
    `The schedule ${file} can't be used. ${mistakes.join('; ')}`,
    'docs/migrate.md has the format.',
  );
}

/** Where the innermost node of the path that is there begins. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const key of path) {
    if (isMap(node) || isSeq(node)) node = node.get(typeof key === 'symbol' ? '' : key, true);
    else break;
    const range = (node as { range?: readonly number[] } | undefined)?.range;
    if (range?.[0] === undefined) break;
    offset = range[0];
  }
  return offset;
}
