import { Duplex } from 'node:stream';

/** Two streams, each of which reads what is written to the other: a socket without a socket. */
export function streamPair(): [Duplex, Duplex] {
  const a: PairEnd = new PairEnd(() => b);
  const b: PairEnd = new PairEnd(() => a);
  return [a, b];
}

class PairEnd extends Duplex {
  readonly #other: () => PairEnd;
  /** Set while the other end has not asked for more: the pair has back-pressure as a socket has. */
  #resume: (() => void) | undefined;

  constructor(other: () => PairEnd) {
    super({ allowHalfOpen: false });
    this.#other = other;
  }

  override _read(): void {
    const other = this.#other();
    const resume = other.#resume;
    other.#resume = undefined;
    resume?.();
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    const other = this.#other();
    if (other.destroyed || other.push(chunk)) done();
    else this.#resume = done;
  }

  override _final(done: () => void): void {
    this.#other().push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const other = this.#other();
    // As with a socket, what was written before the end can still be read.
    if (!other.destroyed && !other.readableEnded) other.push(null);
    done(error);
  }
}
