/**
 * How often to harvest, from what it costs: our own CPU time, and the time that it takes from the guest.
 * Pure.
 */

/** CPU time of a guest's vCPU threads, ms. */
export interface VcpuTime {
  /** User and system time: the guest's own, and the kernel's for it. */
  readonly runMs: number;
  /** The kernel's part: with it the guest pays for a page fault at its first write after a clear. */
  readonly systemMs: number;
}

/** What harvesting cost since the interval was chosen. */
export interface Spent {
  readonly wallMs: number;
  /** Of this process. */
  readonly cpuMs: number;
  /** Undefined where the vCPU threads are not known. */
  readonly vcpus: VcpuTime | undefined;
}

/** The part of the vCPUs' running time that harvesting takes. */
export interface GuestCost {
  readonly share: number;
  /** Two standard errors: the kernel samples who runs by its timer tick. */
  readonly error: number;
}

/** The interval is chosen so that a harvest takes this part of what it may, as costs vary. */
const headroom = 0.8;
/** Costs are judged over no less time, and the guest must have run for some of it. */
const leastWallMs = 1000;
const leastRunMs = 250;
/** Longer ticks than any kernel's for x86-64 (CONFIG_HZ is 100 to 1000): errors are not understated. */
const tickMs = 10;

/** The shortest interval at which harvests of this cost take their part of a core. */
export function intervalFor(costMs: number, overheadShare: number): number {
  return Math.ceil(costMs / (headroom * overheadShare));
}

/** @param before without harvesting @returns undefined if the guest ran too little to tell */
export function guestCost(before: VcpuTime, during: VcpuTime): GuestCost | undefined {
  if (before.runMs < leastRunMs || during.runMs < leastRunMs) return undefined;
  const shareOf = ({ systemMs, runMs }: VcpuTime): number => systemMs / runMs;
  const own = 1 - shareOf(before);
  if (own <= 0) return undefined;
  // What is left to the guest fell from `own` to `1 - system share`.
  const share = (shareOf(during) - shareOf(before)) / own;
  const variance = (time: VcpuTime): number => {
    const samples = time.runMs / tickMs;
    // Of no tick at all nothing is sure either: one is added.
    const p = (time.systemMs / tickMs + 1) / (samples + 2);
    return (p * (1 - p)) / samples;
  };
  return { share, error: (2 * Math.sqrt(variance(before) + variance(during))) / own };
}

/**
 * @param before the vCPUs without harvesting
 * @returns a longer interval, if this one costs more than it may; undefined: keep it
 */
export function longerInterval(
  intervalMs: number,
  overheadShare: number,
  before: VcpuTime | undefined,
  { wallMs, cpuMs, vcpus }: Spent,
): number | undefined {
  if (wallMs < leastWallMs) return undefined;
  const guest = before && vcpus && guestCost(before, vcpus);
  const shares = [cpuMs / wallMs, guest === undefined ? 0 : guest.share - guest.error];
  const over = Math.max(...shares) / overheadShare;
  return over <= 1 ? undefined : Math.ceil((intervalMs * over) / headroom);
}
