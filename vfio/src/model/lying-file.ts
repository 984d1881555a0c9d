import type { IoctlCall } from '../kernel/kernel.js';
import type { ModelFile } from './model-kernel.js';

/**
 * A file that answers like another one, and then lies: `lie` may change what was written into the
 * argument. As a real kernel could, it can write anywhere in the argument and nowhere else.
 */
export class LyingFile implements ModelFile {
  readonly #honest: ModelFile;
  readonly #lie: (argument: Uint8Array, call: IoctlCall) => void;
  #calls = 0;

  constructor(honest: ModelFile, lie: (argument: Uint8Array, call: IoctlCall) => void) {
    this.#honest = honest;
    this.#lie = lie;
  }

  /** How many ioctls were made: a test's guard against endless loops. */
  get calls(): number {
    return this.#calls;
  }

  ioctl(call: IoctlCall): number {
    this.#calls += 1;
    const result = this.#honest.ioctl(call);
    if (typeof call.argument === 'object') this.#lie(call.argument, call);
    return result;
  }
}
