/**
 * QEMU's RAM blocks and where they stand in the guest's physical address space, read from the texts
 * of HMP `info ramblock` and `info mtree -f` (QMP has no command for either). Checked with QEMU 7.2,
 * and 10.0, which prints host addresses where 7.2 does not.
 */

/** One RAMBlock of a QEMU (`ram_block_format` in QEMU's system/physmem.c). */
export interface RamBlock {
  /** The name under which it migrates, e.g. `pc.ram`; empty for a block that does not migrate. */
  name: string;
  /** Start in QEMU's ram_addr_t space, bytes. */
  offset: bigint;
  /** Bytes that migrate. */
  usedBytes: number;
  /** Address in QEMU's own address space; undefined when this QEMU does not print it. */
  hostAddress: bigint | undefined;
}

/** A part of a RAM block at a guest-physical address. Without a vIOMMU, IOVA = guest-physical address. */
export interface RamSection {
  /** First guest-physical address. */
  gpa: bigint;
  bytes: bigint;
  /** Name of the memory region; the block's name, less the owning device's path. */
  region: string;
  /** Where in the block the section starts, bytes. */
  blockOffset: bigint;
  /** A ROM that the guest programs, such as flash: VFIO does not map it for devices. */
  romDevice: boolean;
}

const blockLine =
  /^ *(?<name>\S*) +\d+ [KMGT]iB +0x(?<offset>[0-9a-f]+) +0x(?<used>[0-9a-f]+) +0x[0-9a-f]+(?: +0x(?<host>[0-9a-f]+) +r[ow])?\s*$/;

/** Parses HMP `info ramblock`. Lines that are no RAM block (the heading) are left out. */
export function parseRamBlocks(text: string): RamBlock[] {
  const blocks: RamBlock[] = [];
  for (const line of text.split(/\r?\n/)) {
    const groups = blockLine.exec(line)?.groups;
    if (!groups) continue;
    blocks.push({
      name: groups['name'] ?? '',
      offset: BigInt(`0x${groups['offset'] ?? ''}`),
      usedBytes: Number(BigInt(`0x${groups['used'] ?? ''}`)),
      hostAddress: groups['host'] === undefined ? undefined : BigInt(`0x${groups['host']}`),
    });
  }
  return blocks;
}

const sectionLine =
  /^ +(?<first>[0-9a-f]{16})-(?<last>[0-9a-f]{16}) \(prio -?\d+, (?<type>ram|rom|romd|nv-ram)\): (?<region>.*?)(?: @(?<at>[0-9a-f]{16}))?(?: KVM)?\s*$/;

/**
 * Parses HMP `info mtree -f`: the RAM of the flat view that belongs to the address space `memory`,
 * in ascending order of address. Empty when there is no such view.
 */
export function parseRamSections(text: string): RamSection[] {
  const sections: RamSection[] = [];
  for (const view of text.split(/^FlatView #\d+/m)) {
    if (!/^ AS "memory",/m.test(view)) continue;
    for (const line of view.split(/\r?\n/)) {
      const groups = sectionLine.exec(line)?.groups;
      if (!groups) continue;
      const gpa = BigInt(`0x${groups['first'] ?? ''}`);
      sections.push({
        gpa,
        bytes: BigInt(`0x${groups['last'] ?? ''}`) - gpa + 1n,
        region: groups['region'] ?? '',
        blockOffset: BigInt(`0x${groups['at'] ?? '0'}`),
        romDevice: groups['type'] === 'romd',
      });
    }
  }
  return sections;
}

/** Whether a section belongs to a block: same name, or the block's is `<device path>/<region>`. */
export function sectionIsOf(section: RamSection, block: RamBlock): boolean {
  return block.name === section.region || block.name.endsWith(`/${section.region}`);
}

/** A range of a RAM block that the guest and its devices see at an IOVA; the rest has none. */
export interface PlacedRange {
  block: string;
  /** Offset in the block, bytes. */
  offset: number;
  bytes: number;
  /** IOVA of the first byte; undefined where the block is not mapped. */
  iova: bigint | undefined;
}

/** Cuts a range of a block where its mapping changes, and says at which IOVA each piece stands. */
export function placeRange(
  block: RamBlock,
  offset: number,
  bytes: number,
  sections: readonly RamSection[],
): PlacedRange[] {
  const mine = sections
    .filter((section) => sectionIsOf(section, block))
    .map((section) => {
      const start = Number(section.blockOffset);
      return { start, end: start + Number(section.bytes), gpa: section.gpa };
    })
    .sort((one, other) => one.start - other.start);
  const pieces: PlacedRange[] = [];
  const end = offset + bytes;
  let at = offset;
  while (at < end) {
    const inside = mine.find((section) => section.start <= at && at < section.end);
    const next = inside ?? mine.find((section) => section.start > at);
    const pieceEnd = Math.min(end, inside ? inside.end : (next?.start ?? end));
    pieces.push({
      block: block.name,
      offset: at,
      bytes: pieceEnd - at,
      iova: inside ? inside.gpa + BigInt(at - inside.start) : undefined,
    });
    at = pieceEnd;
  }
  return pieces;
}

/** Whether RAM stands at the same guest-physical addresses; firmware and hotplug move it. */
export function sameSections(before: readonly RamSection[], after: readonly RamSection[]): boolean {
  const text = (sections: readonly RamSection[]): string =>
    sections
      .map(({ gpa, bytes, region, blockOffset }) => `${gpa} ${bytes} ${region} ${blockOffset}`)
      .join();
  return text(before) === text(after);
}
