import { verifyMemory, type VerifyResult, type VerifySide } from '../../audit/verify.js';
import { PrecopyError } from '../../errors.js';
import type { MigrationControl } from '../control.js';
import type { QemuSide } from '../side.js';

/** Opens a QEMU's RAM. */
export type OpenMemory = (side: QemuSide) => Promise<VerifySide>;

/** The RAM of both sides, opened before anything is changed, to be compared before the destination runs. */
export class Verification implements AsyncDisposable {
  readonly #sides: readonly QemuSide[];
  readonly #source: VerifySide;
  readonly #destination: VerifySide;

  private constructor(
    sides: readonly QemuSide[],
    { source, destination }: { source: VerifySide; destination: VerifySide },
  ) {
    this.#sides = sides;
    this.#source = source;
    this.#destination = destination;
  }

  /** @returns undefined if there is no destination to compare with, or none any more */
  static async open(
    { source, destination }: MigrationControl,
    openMemory: OpenMemory,
  ): Promise<Verification | undefined> {
    if (!destination || destination.gone) return undefined;
    const opened = await openMemory(source);
    try {
      const memories = { source: opened, destination: await openMemory(destination) };
      return new Verification([source, destination], memories);
    } catch (error) {
      await opened.memory[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** @throws PrecopyError MIGRATION_FAILED if a guest runs */
  async compare(signal: AbortSignal): Promise<VerifyResult> {
    await this.#expectStopped();
    const result = await verifyMemory(this.#source, this.#destination, { signal });
    await this.#expectStopped();
    return result;
  }

  /** A guest that somebody else started meanwhile makes any comparison worthless. */
  async #expectStopped(): Promise<void> {
    for (const side of this.#sides) {
      const { status, running } = await side.status();
      if (!running) continue;
      throw new PrecopyError(
        'MIGRATION_FAILED',
        `The guest on the ${side.role} ${side.address} runs (${status}) although it was to be verified first: somebody else started it.`,
        'Its RAM can no longer be compared. Keep other programs off both monitors while verifying.',
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#destination.memory[Symbol.asyncDispose]();
    await this.#source.memory[Symbol.asyncDispose]();
  }
}
