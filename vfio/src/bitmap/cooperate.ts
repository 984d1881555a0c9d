import { setImmediate as nextTurn } from 'node:timers/promises';

export interface CooperateOptions {
  /** How long to work before giving way to the event loop, in ms; default 4. */
  readonly sliceMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const DEFAULT_SLICE_MS = 4;

/**
 * Runs a generator to its end without holding up the event loop: after `sliceMs` of steps, timers, I/O
 * and QMP events get their turn. The pause is as long as a slice and its last step.
 *
 * @returns what the generator returns
 * @throws the signal's reason when it aborts; the generator's `finally` blocks have run by then
 */
export async function cooperate<Result>(
  steps: Generator<unknown, Result, undefined>,
  { sliceMs = DEFAULT_SLICE_MS, signal }: CooperateOptions = {},
): Promise<Result> {
  let completed = false;
  try {
    for (;;) {
      signal?.throwIfAborted();
      const until = performance.now() + sliceMs;
      do {
        const step = steps.next();
        if (step.done === true) {
          completed = true;
          return step.value;
        }
      } while (performance.now() < until);
      await nextTurn();
    }
  } finally {
    if (!completed) closeGenerator(steps);
  }
}

/** Runs a generator to its end at once: the same work where nothing has to go on meanwhile. */
export function finish<Result>(steps: Generator<unknown, Result, undefined>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Lets the generator release what it holds; what it would return has no reader any more. */
function closeGenerator<Result>(steps: Generator<unknown, Result, undefined>): void {
  steps.return(undefined as never);
}
