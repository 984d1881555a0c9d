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
    const row = (
      [what, figure]: [string, 'totalMs' | 'lostMs' | 'downtimeMs'],
      goal: string,
      isMet: (best: number) => boolean,
    ): BenchRow => {
      // Of each figure the best of them, whoever has it.
      const [best] = others.sort((a, b) => a.outcome[figure] - b.outcome[figure]);
      const peer = best?.outcome[figure];
      return {
        bench: 'migrate',
        case: `${scenario.name}: ${what}`,
        unit: 'ms',
        ours: mine.converged ? rounded(mine[figure]) : null,
        peerName: best?.peer.name ?? `nobody in ${timeoutMs / 1000} s`,
        peer: peer === undefined ? null : rounded(peer),
        ratio: peer && mine.converged ? rounded(mine[figure] / peer) : null,
        goal,
        met: peer === undefined || (mine.converged && isMet(peer)),
      };
    };
    const total = row(['total', 'totalMs'], 'converges if anybody does', () => true);
    if (total.ratio !== null) totals.push(total.ratio);
    yield total;
    yield row(['work lost', 'lostMs'], 'no more than theirs', (least) => mine.lostMs <= least);
    yield {
      ...row(
        ['downtime', 'downtimeMs'],
        `at most ${downtimeLimitMs} ms`,
        () => mine.downtimeMs <= downtimeLimitMs,
      ),
      ratio: null,
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
