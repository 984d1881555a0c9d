/**
 * How long a guest still runs on the source once the goal can be met: real migrations by adaptive, by
 * QEMU's own time stamps. QEMU heeds new limits at its next bandwidth window, 100 ms at most.
 */
import { percentile, rounded } from './measure.js';
import { ours } from './migrate/contenders.js';
import { benchQemu, runOnce } from './migrate/run.js';
import { easyScenario, scenarios } from './migrate/scenarios.js';
import { switchoverDelay, type SwitchoverDelay } from './migrate/switchover.js';
import type { BenchRow } from './row.js';

/** Of each scenario; six scenarios, one to two minutes a run of all. */
const runs = 8;
/** QEMU's window and what precopy may add. */
const goalMs = 100 + 20;

export async function* switchoverRows(signal: AbortSignal): AsyncGenerator<BenchRow> {
  const qemu = await benchQemu();
  const delays: SwitchoverDelay[] = [];
  for (let run = 1; run <= runs; run += 1) {
    for (const scenario of [...scenarios, easyScenario]) {
      const { records, converged } = await runOnce(scenario, ours, qemu, signal);
      const delay = converged ? switchoverDelay(records) : undefined;
      if (delay) delays.push(delay);
      console.error(`${run}: ${scenario.name}: ${asText(delay)}`);
    }
  }
  const letGo = delays.map(({ letGoMs }) => letGoMs);
  const chosen = delays.filter(({ letGoMs, fittedMs }) => fittedMs > letGoMs);
  const row = (words: string, ms: number, goal: string | null): BenchRow => ({
    ...{ bench: 'switchover', case: words, unit: 'ms', ours: rounded(ms) },
    ...{ peerName: null, peer: null, ratio: null },
    ...{ goal, met: goal === null ? null : ms <= goalMs },
  });
  const what = `pass that lets QEMU go to STOP, ${delays.length} switchovers`;
  yield row(`${what}: p50`, percentile(letGo, 50), null);
  yield row(`${what}: p95`, percentile(letGo, 95), `at most ${goalMs} ms`);
  yield row(`${what}: max`, Math.max(...letGo), null);
  const own = delays.map(({ ownMs }) => ownMs);
  yield row('of that until QEMU has the limits from precopy: p95', percentile(own, 95), null);
  yield row('of that until QEMU has the limits from precopy: max', Math.max(...own), null);
  if (chosen.length === 0) return;
  const fitted = chosen.map(({ fittedMs }) => fittedMs);
  const others = `first pass that fits to STOP, ${chosen.length} of them with a further pass`;
  yield row(`${others}: p50`, percentile(fitted, 50), null);
  yield row(`${others}: max`, Math.max(...fitted), null);
}

function asText(delay: SwitchoverDelay | undefined): string {
  if (!delay) return 'no switchover';
  const { letGoMs, fittedMs, ownMs } = delay;
  return `STOP ${letGoMs.toFixed(1)} ms after the pass that let QEMU go, ${fittedMs.toFixed(1)} ms after the first that fits, ${ownMs.toFixed(1)} ms of it precopy's`;
}
