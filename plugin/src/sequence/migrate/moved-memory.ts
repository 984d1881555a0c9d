/**
 * Guest RAM that moves while VFIO devices migrate. QEMU unmaps what moves from the container without reading its
 * dirty bits (vfio_listener_region_del of hw/vfio, QEMU 10: only a vIOMMU's unmaps ask for the bitmap), so
 * that pages which a device wrote since the last synchronisation are never sent again. Firmware does that to
 * all of low memory when it sets the chipset's PAM registers.
 */
import { ramSections } from '../../audit/guest-memory.js';
import { sameSections, type RamSection } from '../../audit/ram-blocks.js';
import type { EventState } from '../migration-events.js';
import type { QemuSide } from '../side.js';

/** What is said of it. */
export const movedMemoryWarning =
  'Guest RAM moved while VFIO devices wrote to it (a reset, or firmware that had not ended). QEMU does not read the dirty bits of what it unmaps, unless the devices log their writes: pages that they wrote may be missing at the destination. Verify it, and migrate a guest once it has booted.';

/**
 * Whether it moved; to be called when the source has sent everything.
 *
 * @param before where it stood when the migration began; undefined where that is not known: then only a reset shows
 */
export async function memoryMoved(
  source: QemuSide,
  before: readonly RamSection[] | undefined,
  { guestReset }: EventState,
): Promise<boolean> {
  // A reset moves RAM, and the firmware then moves it back.
  if (guestReset) return true;
  const after = before && (await sectionsOf(source));
  return before !== undefined && after !== undefined && !sameSections(before, after);
}

/** @returns undefined where QEMU does not tell */
export async function sectionsOf(source: QemuSide): Promise<readonly RamSection[] | undefined> {
  return await ramSections(source.monitor).catch(() => undefined);
}
