/**
 * What a rehearsal takes from a guest: how much work the guest's CPU does in a second, without rehearsal and
 * with it, at three intervals and as the bound of 2 % chooses; and what it takes of a core. Inside the lab, so
 * under TCG in TCG: page faults and system calls cost a multiple of what they do natively.
 *
 *   npm run bench rehearse [-- --json]
 */
import { linesFromLab } from './in-lab.js';
import { median, rounded } from './measure.js';
import type { BenchRow } from './row.js';
import { settings, type Measured, type Setting } from './rehearse/measure-work.js';

const turns = 3;
const leastWork = 0.98;
const mostCorePercent = 2;

export async function* rehearseRows(signal: AbortSignal): AsyncGenerator<BenchRow> {
  const measured = await measureInLab(signal);
  const of = (setting: Setting, member: 'writesPerSecond' | 'corePercent'): number =>
    median(measured.filter(({ name }) => name === setting.name).map((turn) => turn[member]));
  const [without, ...rest] = settings;
  if (without === undefined) return;
  const common = { bench: 'rehearse' } as const;
  for (const setting of rest) {
    const isBound = setting.overheadPercent === mostCorePercent;
    const [ours, peer] = [of(setting, 'writesPerSecond'), of(without, 'writesPerSecond')];
    const core = of(setting, 'corePercent');
    yield {
      ...common,
      case: `guest's work, ${setting.name}`,
      unit: 'writes/s',
      ours: rounded(ours),
      peerName: without.name,
      peer: rounded(peer),
      ratio: rounded(ours / peer),
      goal: isBound ? `at least ${leastWork} of it` : null,
      met: isBound ? ours >= leastWork * peer : null,
    };
    yield {
      ...common,
      case: `precopy, ${setting.name}`,
      unit: '% of a core',
      ours: rounded(core),
      peerName: null,
      peer: null,
      ratio: null,
      goal: isBound ? `at most ${mostCorePercent}` : null,
      met: isBound ? core <= mostCorePercent : null,
    };
  }
}

async function measureInLab(signal: AbortSignal): Promise<Measured[]> {
  const script = new URL('./rehearse/measure-work.js', import.meta.url).pathname;
  const measured: Measured[] = [];
  for await (const line of linesFromLab(script, [String(turns)], signal)) {
    measured.push(JSON.parse(line) as Measured);
  }
  return measured;
}
