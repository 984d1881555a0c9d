/** Lets at most `width` asynchronous jobs run at a time; the others run in the order they came. */
export class Lane {
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  readonly #width: number;

  constructor(width: number) {
    this.#width = width;
  }

  /**
   * Runs `job` when its turn comes.
   *
   * @throws the signal's reason if it is aborted before the job began; the job then never runs.
   */
  async run<T>(job: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.#running >= this.#width) await this.#turn(signal);
    else this.#running += 1;
    try {
      return await job();
    } finally {
      // The place is handed on, not freed: a newcomer can't slip in before the waiter wakes up.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const begin = (): void => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      const abort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(begin), 1);
        // An AbortSignal's reason is whatever its owner gave: passed on as it is.
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
        reject(signal?.reason);
      };
      this.#waiting.push(begin);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }
}
