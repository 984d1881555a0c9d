/**
 * Which pages the guest workload writes: the boot sector's own arithmetic (workload/workload.s), so that
 * from the number of writes done follows what was dirtied.
 */
import type { PageRange } from 'linux-vfio-ts';
import { DEFAULT_STATE_ADDRESS, type WorkloadParameters } from './workload.js';

const pageBytes = 4096;

export class WorkloadTruth {
  readonly #parameters: WorkloadParameters;
  #random: number;
  #writes = 0;

  constructor(parameters: WorkloadParameters) {
    this.#parameters = parameters;
    this.#random = parameters.seed ?? 0x2545f491;
  }

  /**
   * @param writes done by now, since the workload began
   * @returns the pages dirtied since the last call, by guest-physical number: those of the working set, and
   *   the state page
   */
  advanceTo(writes: number): PageRange[] {
    const { baseAddress, stateAddress = DEFAULT_STATE_ADDRESS } = this.#parameters;
    const pages = new Set<number>();
    for (; this.#writes < writes; this.#writes++) pages.add(this.#next());
    const first = baseAddress / pageBytes;
    return [
      { firstPage: stateAddress / pageBytes, pages: 1 },
      ...[...pages].sort((a, b) => a - b).map((page) => ({ firstPage: first + page, pages: 1 })),
    ];
  }

  /** `write_page` */
  #next(): number {
    const { pages, pattern = { kind: 'uniform' } } = this.#parameters;
    if (pattern.kind === 'sequential') return this.#writes % pages;
    const hot = pattern.kind === 'hot' ? pattern : { pages: 0, permille: 0 };
    const hotShare = Math.min(0xffff_ffff, Math.round((hot.permille / 1000) * 2 ** 32));
    const isHot = this.#draw() < hotShare;
    const [first, count] = isHot ? [0, hot.pages] : [hot.pages, pages - hot.pages];
    // `mul`, of which the upper half counts; exact, as a working set has fewer than 2^20 pages.
    return first + Math.floor((this.#draw() * count) / 2 ** 32);
  }

  /** `random` */
  #draw(): number {
    let random = this.#random;
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    return (this.#random = random >>> 0);
  }
}
