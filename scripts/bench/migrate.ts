/**
 * The adaptive policy beside QEMU alone and the schedules that come with precopy, on guests that never
 * or hardly converge. Each contender migrates a fresh pair of real QEMUs of this machine; the guest
 * counts its own work. Takes some ten minutes; needs as, ld, objcopy and make for the boot sector.
 */
import { median, rounded } from './measure.js';
import { ours, peers, type Contender } from './migrate/contenders.js';
import { benchQemu, runOnce, type Outcome } from './migrate/run.js';
import { downtimeLimitMs, scenarios, timeoutMs } from './migrate/scenarios.js';
import type { BenchRow } from './row.js';

export async function* migrateRows(signal: AbortSignal): AsyncGenerator<BenchRow> {
  const qemu = await benchQemu();
  const totals: number[] = [];
  for (const scenario of scenarios) {
    const outcomes = new Map<Contender, Outcome>();
    for (const contender of [ours, ...peers]) {
      const outcome = await runOnce(scenario, contender, qemu, signal);
      outcomes.set(contender, outcome);
      console.error(`${scenario.name}: ${contender.name}: ${asText(outcome)}`);
    }
    const mine = outcomes.get(ours);
    const others = peers.flatMap((peer) => {
      const outcome = outcomes.get(peer);
      return outcome?.converged ? [{ peer, outcome }] : [];
    });
    if (!mine) continue;
    const best = others.sort((a, b) => a.outcome.totalMs - b.outcome.totalMs)[0];
    const row = (figure: 'totalMs' | 'lostMs', words: string, met: boolean): BenchRow => ({
      bench: 'migrate',
      case: `${scenario.name}: ${figure === 'totalMs' ? 'total' : 'work lost'}`,
      unit: 'ms',
      ours: mine.converged ? rounded(mine[figure]) : null,
      peerName: best?.peer.name ?? `nobody in ${timeoutMs / 1000} s`,
      peer: best ? rounded(best.outcome[figure]) : null,
      ratio:
        best && mine.converged && best.outcome[figure] > 0
          ? rounded(mine[figure] / best.outcome[figure])
          : null,
      goal: words,
      met,
    });
    if (best && mine.converged) totals.push(mine.totalMs / best.outcome.totalMs);
    yield row('totalMs', 'converges if anybody does', mine.converged || !best);
    yield row('lostMs', 'no more than theirs', !best || mine.lostMs <= best.outcome.lostMs);
    yield {
      ...row('totalMs', `at most ${downtimeLimitMs} ms`, mine.downtimeMs <= downtimeLimitMs),
      ...{ case: `${scenario.name}: downtime`, ours: rounded(mine.downtimeMs) },
      ...{ peer: best ? rounded(best.outcome.downtimeMs) : null, ratio: null },
    };
  }
  const ratio = median(totals);
  yield {
    ...{ bench: 'migrate', case: 'median of total, ours / best of the others', unit: '' },
    ...{ ours: rounded(ratio), peerName: null, peer: null, ratio: null },
    ...{ goal: 'at most 0.7', met: ratio <= 0.7 },
  };
}

function asText({ converged, totalMs, downtimeMs, lostMs }: Outcome): string {
  const end = converged
    ? `${totalMs.toFixed(0)} ms in all, downtime ${downtimeMs.toFixed(0)} ms`
    : 'not converged';
  return `${end}, ${lostMs.toFixed(0)} ms of work lost`;
}
