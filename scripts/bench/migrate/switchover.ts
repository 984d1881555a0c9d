/** From the pass that shows that the goal can be met to the source's STOP, from a run's journal. Pure. */
import type { JournalRecord, RecordOf } from 'precopy';

/** By QEMU's own time stamps, ms. */
export interface SwitchoverDelay {
  /** From the pass upon which QEMU was let go, or went by the limit that it had. */
  readonly letGoMs: number;
  /** From the first pass that fitted; longer where the policy chose another round, to shorten the downtime. */
  readonly fittedMs: number;
  /** From that pass until QEMU had the limits from precopy; 0 where it had them already. */
  readonly ownMs: number;
}

/** What adaptive reckons that a switchover takes beside RAM, ms. */
const fixedMs = 20;

/** @returns undefined if the source was not stopped for a switchover */
export function switchoverDelay(records: readonly JournalRecord[]): SwitchoverDelay | undefined {
  const goal = records.find((record) => record.type === 'goal')?.goal;
  const stopUs = records.find(
    (record) => record.type === 'event' && record.side === 'source' && record.event === 'STOP',
  );
  if (!goal || stopUs?.type !== 'event' || stopUs.qemuUs === undefined) return undefined;
  const end = stopUs.qemuUs;
  const before = records.flatMap((record, index) =>
    record.type === 'pass' && announcedUs(record) < end
      ? [{ pass: record, letGoMs: letGo(record, records.slice(index + 1)) }]
      : [],
  );
  // Later passes that do not fit: what fitted earlier was not the moment.
  const last = before.findLastIndex(({ pass }) => !fits(pass, goal.downtimeLimitMs - fixedMs));
  const fitting = before.slice(last + 1);
  const first = fitting[0];
  const go = fitting.find(({ letGoMs }) => letGoMs !== undefined);
  if (!first || !go) return undefined;
  return {
    letGoMs: (end - announcedUs(go.pass)) / 1000,
    fittedMs: (end - announcedUs(first.pass)) / 1000,
    ownMs: go.letGoMs ?? 0,
  };
}

/** When QEMU announced the last of the passes that a record is of, µs. */
function announcedUs({ qemuUs = Infinity, gapsUs = [] }: RecordOf<'pass'>): number {
  return gapsUs.reduce((us, gap) => us + gap, qemuUs);
}

/** QEMU answers late only about the pass upon which it stopped the guest: that one fitted. */
function fits({ late, why }: RecordOf<'pass'>, sendingMs: number): boolean {
  if (late || !why) return late;
  const devices = why.devices.kind === 'unknown' ? 0 : why.devices.bytes;
  return why.ramBytes + devices <= (why.bandwidthBytesPerSecond * sendingMs) / 1000;
}

/**
 * How long after a pass QEMU had the limits, ms, where it switches over upon it: 0 where its own
 * inequality held. Both clocks are this host's.
 */
function letGo(pass: RecordOf<'pass'>, after: readonly JournalRecord[]): number | undefined {
  if (pass.late || pass.why?.term === 'nothing') return 0;
  const answer = after.find(({ type }) => type === 'decision' || type === 'pass');
  if (answer?.type !== 'decision' || answer.action.kind !== 'release') return undefined;
  const set = after.find(({ type }) => type === 'effect');
  return set && Math.max(0, set.at - announcedUs(pass) / 1000);
}
