/** What inside.ts prints. */
export interface PausesInside {
  /** Of the harvests in which V8 still compiles what they run. */
  readonly first: readonly Pauses[];
  /** Of each later harvest with its analysis. */
  readonly ours: readonly Pauses[];
  /** Of an event loop that does nothing, for as long, right after each. */
  readonly idle: readonly Pauses[];
  /** Pages that the device dirtied, in all harvests. */
  readonly byDevice: number;
  /** Found by the last analysis. */
  readonly dirtyPages: number;
  readonly runs: number;
}

export interface Pauses {
  /** The longest between two turns of the event loop. */
  readonly realMs: number;
  /** The longest in processor time of its thread, as the lab's kernel counts it. */
  readonly cpuMs: number;
  readonly tookMs: number;
}
