/** From a rehearsal to what a migration uses of it: for the policy, for people, for the journal. Pure. */
import type { ModelDevice } from '../forecast/qemu-model.js';
import type { DirtyFigures, Rehearsal, RehearsedSource } from '../harvest/rehearsal.js';
import type { HeatRecord, JournalEntry } from '../journal/records.js';
import { formatBytes } from '../report/format.js';
import { verdicts } from '../report/verdict.js';
import type { Expectation } from './policy.js';

/** As much of a rehearsal as a migration uses. */
export interface Foreseen extends Pick<
  Rehearsal,
  'ramBytes' | 'pageBytes' | 'heat' | 'curve' | 'forecast'
> {
  readonly sources: readonly Pick<RehearsedSource, 'name' | 'points'>[];
  readonly together: Pick<DirtyFigures, 'points'> | null;
  readonly devices: readonly Pick<ModelDevice, 'stopCopyBytes'>[];
}

/** The name of the curve of all sources, a page that two dirtied counted once. */
const togetherName = 'together';

export function expectationOf({ forecast, curve, pageBytes, devices }: Foreseen): Expectation {
  const known = devices.map(({ stopCopyBytes }) =>
    stopCopyBytes === 'unknown' ? 0 : stopCopyBytes,
  );
  return {
    forecast,
    curve: curve.map(({ windowMs, pages }) => ({ windowMs, bytes: pages * pageBytes })),
    stopCopyBytes: known.reduce((sum, bytes) => sum + bytes, 0),
  };
}

/** The dirty curves and the heat map, as far as they were measured. */
export function foreseenEntries({ sources, together, heat, pageBytes }: Foreseen): JournalEntry[] {
  const several = sources.length > 1 && together ? [{ name: togetherName, ...together }] : [];
  const measured = [...sources, ...several].filter(({ points }) => points.length > 0);
  const curves = Object.fromEntries(measured.map(({ name, points }) => [name, points]));
  return [
    ...(measured.length === 0 ? [] : [{ type: 'curve', pageBytes, curves } as const]),
    ...(heat === null ? [] : [{ type: 'heat', heat: heatRecord(heat, pageBytes) } as const]),
  ];
}

function heatRecord(
  { columns, rows }: NonNullable<Rehearsal['heat']>,
  pageBytes: number,
): HeatRecord {
  return {
    pageBytes,
    columns: columns.map(({ ranges }) =>
      ranges.map(({ first, bytes }) => ({
        firstPage: Number(first) / pageBytes,
        pages: bytes / pageBytes,
      })),
    ),
    rows,
  };
}

/** What the user should know of it before the migration begins. */
export function foreseenWarnings({ forecast }: Pick<Foreseen, 'forecast'>): string[] {
  const { converges, why, warnings } = forecast;
  return [
    ...(converges === 'yes'
      ? []
      : [`By the rehearsal it ${verdicts[converges]} if QEMU is left to itself: ${why}`]),
    ...warnings,
  ];
}

/** Why a rehearsal can't be of this guest; undefined if nothing speaks against it. */
export function notOfThisGuest(
  { ramBytes: then }: Pick<Foreseen, 'ramBytes'>,
  ramBytes: number | undefined,
): string | undefined {
  if (ramBytes === undefined || then === ramBytes) return undefined;
  return `it is of a guest with ${formatBytes(then)} of RAM, and this one has ${formatBytes(ramBytes)}`;
}
