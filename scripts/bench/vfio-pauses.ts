/**
 * How long the event loop stands still while the dirty bitmap of a 1 TiB guest is harvested and analysed, in
 * the lab, beside an event loop that does nothing for as long: what the emulated machine itself takes.
 */
import { join } from 'node:path';
import { repositoryRoot } from '../repository.js';
import { linesFromLab } from './in-lab.js';
import { median, rounded } from './measure.js';
import type { BenchRow } from './row.js';
import type { Pauses, PausesInside } from './vfio-pauses/pauses.js';

const largestPauseMs = 20;

export async function* pauseRows(signal: AbortSignal): AsyncGenerator<BenchRow> {
  const { first, ours, idle, byDevice, dirtyPages, runs } = await pausesInside(signal);
  console.error(
    `${ours.length} harvests of a 1 TiB guest: ${byDevice} pages by its device; ${dirtyPages} dirty pages in ${runs} runs analysed each time`,
  );
  const row = { bench: 'vfio', unit: 'ms', ratio: null, peerName: 'idle event loop' };
  const worst = (pauses: readonly Pauses[], clock: 'realMs' | 'cpuMs'): number =>
    Math.max(...pauses.map((pause) => pause[clock]));
  const title = `1 TiB guest in the lab, ${ours.length} harvests with analysis at 1 %`;
  yield {
    ...row,
    case: `${title}: longest pause of the event loop`,
    ours: rounded(worst(ours, 'realMs')),
    peer: rounded(worst(idle, 'realMs')),
    goal: `at most ${largestPauseMs} ms`,
    met: worst(ours, 'realMs') <= largestPauseMs,
  };
  yield {
    ...row,
    case: `${title}: the same in processor time of its thread`,
    ours: rounded(worst(ours, 'cpuMs')),
    peer: rounded(worst(idle, 'cpuMs')),
    goal: null,
    met: null,
  };
  yield {
    ...row,
    case: `${title}: longest pause in the ${first.length} harvests before, while V8 compiles`,
    ours: rounded(worst(first, 'realMs')),
    peerName: null,
    peer: null,
    goal: null,
    met: null,
  };
  yield {
    ...row,
    case: `${title}: median of a harvest's longest pause`,
    ours: rounded(median(ours.map(({ realMs }) => realMs))),
    peer: rounded(median(idle.map(({ realMs }) => realMs))),
    goal: null,
    met: null,
  };
  yield {
    ...row,
    case: `${title}: median duration of both`,
    ours: rounded(median(ours.map(({ tookMs }) => tookMs))),
    peerName: null,
    peer: null,
    goal: null,
    met: null,
  };
}

async function pausesInside(signal: AbortSignal): Promise<PausesInside> {
  const script = join(repositoryRoot(), 'scripts/dist/bench/vfio-pauses/inside.js');
  let last = '';
  for await (const line of linesFromLab(script, [], signal)) last = line;
  return JSON.parse(last) as PausesInside;
}
