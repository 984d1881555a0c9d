/**
 * Guest RAM that moves while VFIO devices migrate. QEMU unmaps what moves from the container without reading its
 * dirty bits (vfio_listener_region_del of hw/vfio, QEMU 10: only a vIOMMU's unmaps ask for the bitmap), so
 * that pages which a device wrote since the last synchronisation are never sent again. Firmware does that to
 * all of low memory when it sets the chipset's PAM registers.
 */
import { parseRamSections, sameSections, type RamSection } from '../../audit/ram-blocks.js';
import type { MigrationEvents } from '../migration-events.js';
import type { QemuSide } from '../side.js';

/** What is said of it. */
export const movedMemoryWarning =
  'Guest RAM moved while VFIO devices wrote to it (a reset, or firmware that had not ended). QEMU does not read the dirty bits of what it unmaps, unless the devices log their writes: pages that they wrote may be missing at the destination. Verify it, and migrate a guest once it has booted.';

export class MovedMemory {
  readonly #source: QemuSide;
  readonly #before: readonly RamSection[] | undefined;

  private constructor(source: QemuSide, before: readonly RamSection[] | undefined) {
    this.#source = source;
    this.#before = before;
  }

  /** To be called just before the migration starts. */
  static async before(source: QemuSide): Promise<MovedMemory> {
    return new MovedMemory(source, await sectionsOf(source));
  }

  /** Of a migration that runs already: only a reset from now on shows. */
  static fromNowOn(source: QemuSide): MovedMemory {
    return new MovedMemory(source, undefined);
  }

  /** Whether it moved; to be called when the source has sent everything. False of a source that does not tell. */
  async happened({ state }: MigrationEvents): Promise<boolean> {
    // A reset moves RAM, and the firmware then moves it back.
    if (state.guestReset) return true;
    const before = this.#before;
    const after = before && (await sectionsOf(this.#source));
    return before !== undefined && after !== undefined && !sameSections(before, after);
  }
}

/** @returns undefined where QEMU does not tell */
async function sectionsOf(source: QemuSide): Promise<readonly RamSection[] | undefined> {
  try {
    return parseRamSections(await source.monitor('info mtree -f'));
  } catch {
    return undefined;
  }
}
