/**
 * From a journal to the model of QEMU: what can be known of a guest and its link from one migration.
 * Pure. What the records can't tell is assumed, and `caveats` says what.
 */
import { concaveThrough, type Point } from '../forecast/curve/concave.js';
import type { DirtyCurve } from '../forecast/dirty.js';
import {
  behaviourOf,
  defaultCosts,
  defaultParameters,
  type ModelDevice,
  type ModelInput,
  type ModelParameters,
} from '../forecast/qemu-model.js';
import { pageHeaderBytes, zeroPageBytes } from '../forecast/qemu-model/rate.js';
import type { JournalRecord, RecordOf } from '../journal/records.js';
import { count, formatMs, formatRate } from '../report/format.js';
import { throttleSteps } from './qmp-parameters.js';

export interface RecordedModel {
  readonly input: Omit<ModelInput, 'parameters'>;
  /** Those before the recorded policy changed them, as far as known. */
  readonly parameters: ModelParameters;
  readonly goal: RecordOf<'goal'>;
  readonly caveats: readonly string[];
}

/** QEMU's target page on x86 and arm64. */
const pageBytes = 4096;
/** What runs longer is taken never to converge. */
const horizonMs = 3_600_000;

type Pass = RecordOf<'pass'>;

/** @returns undefined if the journal has too little: no goal, or not two passes of a running guest */
export function modelOf(records: readonly JournalRecord[]): RecordedModel | undefined {
  const goal = records.findLast((record) => record.type === 'goal');
  const passes = records.filter((record) => record.type === 'pass');
  const running = passes.filter(({ late, kind }) => !late && kind !== 'blackout');
  const first = running[0];
  if (!goal || !first || running.length < 2) return undefined;
  const caveats: string[] = [];
  const ramBytes = goal.ramBytes ?? first.sample.remainingBytes;
  const { major, minor } = versionOf(records);
  const link = linkOf(running, caveats);
  return {
    goal,
    caveats,
    parameters: {
      ...defaultParameters,
      ...parametersBefore(records, goal),
      autoConverge:
        goal.initial.throttlePercent === undefined
          ? undefined
          : throttleSteps(goal.initial.throttlePercent),
    },
    input: {
      guest: {
        ram: ramOf(ramBytes, running),
        pageBytes,
        sources: [{ name: 'guest', kind: 'cpu', curve: curveOf(goal, running, caveats) }],
        devices: devicesOf(passes, link, caveats),
        vcpus: 1,
      },
      link: { bytesPerSecond: link, channelBytesPerSecond: link },
      behaviour: behaviourOf(major, minor),
      costs: costsOf(records, passes, link),
      horizonMs,
    },
  };
}

/** What stood in QEMU before the run set it: a run that began held would else leave the hold to any policy. */
function parametersBefore(
  records: readonly JournalRecord[],
  { initial }: RecordOf<'goal'>,
): Pick<
  ModelParameters,
  'downtimeLimitMs' | 'maxBandwidthBytesPerSecond' | 'availSwitchoverBytesPerSecond'
> {
  const saved = records.find((record) => record.type === 'before' && record.side === 'source');
  const parameters = saved?.type === 'before' ? saved.settings.parameters : {};
  const numberOf = (name: string, otherwise: number): number => {
    const value = parameters[name];
    return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : otherwise;
  };
  return {
    downtimeLimitMs: numberOf('downtime-limit', initial.downtimeLimitMs),
    maxBandwidthBytesPerSecond: numberOf('max-bandwidth', initial.maxBandwidthBytesPerSecond),
    availSwitchoverBytesPerSecond: numberOf(
      'avail-switchover-bandwidth',
      initial.switchoverBytesPerSecond ?? 0,
    ),
  };
}

function versionOf(records: readonly JournalRecord[]): { major: number; minor: number } {
  const qemu = records.find((record) => record.type === 'qemu' && record.side === 'source');
  const match = qemu?.type === 'qemu' ? /^(\d+)\.(\d+)/.exec(qemu.version) : undefined;
  return { major: Number(match?.[1] ?? 10), minor: Number(match?.[2] ?? 0) };
}

/** A page is sent whole or, of zeros, as a header: from both sums follows how many were which. */
function ramOf(ramBytes: number, running: readonly Pass[]): ModelInput['guest']['ram'] {
  const { handledBytes, transferredBytes } = running.at(-1)?.sample ?? {
    handledBytes: 0,
    transferredBytes: 0,
  };
  const handled = handledBytes / pageBytes;
  const whole =
    (transferredBytes - handled * zeroPageBytes) / (pageBytes + pageHeaderBytes - zeroPageBytes);
  const pages = Math.round(ramBytes / pageBytes);
  const data = Math.round(
    Math.min(pages, Math.max(0, handled === 0 ? pages : (whole / handled) * pages)),
  );
  return [
    { pages: data, zero: false },
    { pages: pages - data, zero: true },
  ];
}

/** QEMU's own figure is of its last 100 ms and jumps; what counts is what went through from pass to pass. */
function linkOf(running: readonly Pass[], caveats: string[]): number {
  // In the first round much of the time goes into pages of zeros, of which hardly a byte is sent.
  const rounds = running.length > 2 ? running.slice(1) : running;
  const [from, to] = [rounds[0], rounds.at(-1)];
  const ms = from && to ? timeOf(to) - timeOf(from) : 0;
  const bytes = (to?.sample.transferredBytes ?? 0) - (from?.sample.transferredBytes ?? 0);
  const link = ms > 0 && bytes > 0 ? (bytes / ms) * 1000 : 1;
  caveats.push(
    `The link is taken to carry ${formatRate(link)}, the mean between the passes; whether it carries more was never tried.`,
  );
  return link;
}

function curveOf(goal: RecordOf<'goal'>, running: readonly Pass[], caveats: string[]): DirtyCurve {
  const rehearsed = goal.expectation?.curve ?? [];
  if (rehearsed.length > 0) {
    caveats.push(
      `The dirty curve is the rehearsal's, up to windows of ${formatMs(rehearsed.at(-1)?.windowMs ?? 0)}.`,
    );
    return curveThrough(
      rehearsed.map(({ windowMs, bytes }) => ({ x: windowMs, y: bytes / pageBytes, weight: 1 })),
    );
  }
  const points = dirtiedBetween(running);
  const throttled = running.filter(({ sample }) => (sample.throttlePercent ?? 0) > 0).length;
  const shortest = points[0]?.x ?? 0;
  const longest = points.at(-1)?.x ?? 0;
  caveats.push(
    points.length === 0
      ? 'No two rounds followed each other: what the guest dirties is not known and taken to be nothing.'
      : `What the guest dirties is known from ${count(points.length, 'window')} of ${formatMs(shortest)} to ${formatMs(longest)} between passes; all else is interpolated, and all of it is counted as the CPUs'.`,
  );
  if (throttled > 0) {
    caveats.push(
      `${count(throttled, 'pass')} came while the vCPUs were throttled: unthrottled they dirty more than this curve says.`,
    );
  }
  return curveThrough(points);
}

/** Pages found dirty at a pass that had not been waiting since the one before, by the time between. */
function dirtiedBetween(running: readonly Pass[]): Point[] {
  const points: Point[] = [];
  for (const [i, pass] of running.entries()) {
    const before = running[i - 1];
    // Of passes that share a sample only the last is known.
    if (before === undefined || pass.first !== pass.pass) continue;
    const ms = timeOf(pass) - timeOf(before);
    const sent = pass.sample.handledBytes - before.sample.handledBytes;
    const unsent = Math.max(0, before.sample.remainingBytes - sent);
    const dirtied = pass.sample.remainingBytes - unsent;
    if (ms > 0 && dirtied >= 0) points.push({ x: ms, y: dirtied / pageBytes, weight: 1 });
  }
  return points.sort((one, other) => one.x - other.x);
}

function timeOf({ qemuUs, monotonicMs }: Pass): number {
  return qemuUs === undefined ? monotonicMs : qemuUs / 1000;
}

function curveThrough(points: readonly Point[]): DirtyCurve {
  const distinct = points.filter(({ x }, i) => x > (points[i - 1]?.x ?? 0));
  if (distinct.length === 0) return { pagesIn: () => 0 };
  const curve = concaveThrough(distinct);
  return { pagesIn: (windowMs) => curve.at(windowMs) };
}

function devicesOf(passes: readonly Pass[], link: number, caveats: string[]): ModelDevice[] {
  const known = passes.findLast(({ why }) => why !== undefined && why.devices.kind !== 'unknown')
    ?.why?.devices;
  const hasVfio = passes.some(({ sample }) => sample.vfioBytes !== undefined);
  if (known === undefined || known.kind === 'unknown') {
    if (hasVfio)
      caveats.push('How much state the VFIO devices have when stopped is not known and left out.');
    return [];
  }
  if (known.bytes === 0) return [];
  if (known.kind === 'at-least') {
    caveats.push('Of the devices’ state only the least is known that explains the passes.');
  }
  return [
    {
      name: 'VFIO devices',
      stopCopyBytes: known.bytes,
      stopMs: 0,
      readBytesPerSecond: link,
      loadMs: 0,
    },
  ];
}

/** What of the recorded downtime RAM does not explain is the same whatever the policy. */
function costsOf(
  records: readonly JournalRecord[],
  passes: readonly Pass[],
  link: number,
): ModelInput['costs'] {
  const downtimeMs = records.findLast((record) => record.type === 'result')?.result.downtime?.ms;
  const last = passes.findLast(({ late }) => !late);
  if (downtimeMs === undefined || last === undefined) return defaultCosts;
  const end = passes.at(-1)?.sample.transferredBytes ?? last.sample.transferredBytes;
  const ramMs = (Math.max(0, end - last.sample.transferredBytes) / link) * 1000;
  const restMs = Math.max(
    0,
    downtimeMs - Math.min(ramMs, last.sample.remainingBytes / (link / 1000)),
  );
  return { ...defaultCosts, saveMs: 0, loadMs: restMs };
}
