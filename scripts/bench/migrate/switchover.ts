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
  const sendingMs = goal.downtimeLimitMs - fixedMs;
  const before = passesOf(records)
    .filter(({ pass }) => announcedUs(pass) < end)
    .map((seen) => ({ ...seen, fits: fits(seen, sendingMs), letGoMs: letGo(seen) }));
  // Later passes that do not fit: what fitted earlier was not the moment.
  const last = before.findLastIndex((pass) => !pass.fits);
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

/** A pass, with what was done after it. */
interface Seen {
  readonly pass: RecordOf<'pass'>;
  readonly next: RecordOf<'pass'> | undefined;
  /** The records up to the next pass. */
  readonly answer: readonly JournalRecord[];
}

function passesOf(records: readonly JournalRecord[]): Seen[] {
  const at = records.flatMap(({ type }, index) => (type === 'pass' ? [index] : []));
  return at.flatMap((index, n) => {
    const [pass, next] = [records[index], records[at[n + 1] ?? -1]];
    if (pass?.type !== 'pass') return [];
    const answer = records.slice(index + 1, at[n + 1]);
    return [{ pass, next: next?.type === 'pass' ? next : undefined, answer }];
  });
}

/** When QEMU announced the last of the passes that a record is of, µs. */
function announcedUs({ qemuUs = Infinity, gapsUs = [] }: RecordOf<'pass'>): number {
  return gapsUs.reduce((us, gap) => us + gap, qemuUs);
}

/**
 * Whether what the pass itself found can be sent in that time. A sample comes when QEMU has already sent
 * some of it; the next one has what it found, as `expected-downtime`. QEMU answers late only about the
 * pass upon which it stopped the guest: that one fitted.
 */
function fits({ pass: { late, why, sample }, next }: Seen, sendingMs: number): boolean {
  if (late || !why) return late;
  const found = next?.sample.expectedDowntimeMs;
  const bytesPerMs = why.bandwidthBytesPerSecond / 1000;
  const ramMs =
    found === undefined || found === sample.expectedDowntimeMs ? why.ramBytes / bytesPerMs : found;
  const devices = why.devices.kind === 'unknown' ? 0 : why.devices.bytes;
  return ramMs + devices / bytesPerMs <= sendingMs;
}

/**
 * How long after a pass QEMU had the limits, ms, where it switches over upon it: 0 where its own
 * inequality held, so that it looked no more. Both clocks are this host's.
 */
function letGo({ pass, next, answer }: Seen): number | undefined {
  const decision = answer.find(({ type }) => type === 'decision');
  if (decision?.type === 'decision' && decision.action.kind === 'release') {
    const set = answer.find(({ type }) => type === 'effect');
    return set && Math.max(0, set.at - announcedUs(pass) / 1000);
  }
  return pass.late || next?.kind === 'blackout' ? 0 : undefined;
}
