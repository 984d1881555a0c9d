/**
 * A type1 (v2) container as drivers/vfio/vfio_iommu_type1.c implements it, with mappings, pins, writes by
 * emulated devices and IOMMU-backed groups. test/support/type1-cases.ts is the table of cases that keeps
 * it honest: the same cases run on real kernels in the lab.
 */
import { IommufdIoctl, iommufd } from '../abi/iommufd.js';
import { Type1CapabilityId, VfioExtension, VfioFlag, VfioIoctl, vfio } from '../abi/vfio.js';
import type { IoctlCall } from '../kernel/kernel.js';
import { bitmapBytesFor, LARGEST_BITMAP_BYTES } from '../type1/refusal.js';
import { clearBits, setBits, shiftLeft, wordsFor } from './bits.js';
import { type ModelFile, Refusal } from './model-kernel.js';

/** How kernels differ. */
export interface Type1Behaviour {
  /** Extensions that CHECK_EXTENSION answers with 1, besides those that depend on the devices (4, 10). */
  readonly extensions: readonly number[];
  /** Whether FLAG_VADDR and extension 10 exist (5.12); 10 is 1 without emulated devices only. */
  readonly updateVaddr: boolean;
  /** GET_INFO flags besides PGSIZES and CAPS. */
  readonly extraInfoFlags: number;
  /** Whether the migration capability and DIRTY_PAGES exist (5.8). */
  readonly dirtyTracking: boolean;
  /** Whether a range may end at 2^64, and one that passes it is EOVERFLOW, not EINVAL (6.19). */
  readonly topOfAddressSpace: boolean;
  /** iommufd's compatibility container. */
  readonly iommufd: boolean;
  /** PAGE_SIZE of the kernel; 65536 on some of arm64. */
  readonly pageBytes: number;
}

const mainline: Type1Behaviour = {
  extensions: [
    VfioExtension.VFIO_TYPE1_IOMMU,
    VfioExtension.VFIO_TYPE1v2_IOMMU,
    VfioExtension.VFIO_TYPE1_NESTING_IOMMU,
    VfioExtension.VFIO_UNMAP_ALL,
  ],
  updateVaddr: true,
  extraInfoFlags: 0,
  dirtyTracking: true,
  topOfAddressSpace: false,
  iommufd: false,
  pageBytes: 4096,
};

/** Mainline kernels as Debian ships them, and the kernels of the 2020 review (proposals). */
export const type1Behaviours = {
  '5.4': { ...mainline, extensions: [1, 3, 6], updateVaddr: false, dirtyTracking: false },
  '5.10': { ...mainline, extensions: [1, 3, 6], updateVaddr: false },
  '6.1': mainline,
  '6.12': mainline,
  '6.12 with 64 KiB pages': { ...mainline, pageBytes: 65536 },
  '7.2': { ...mainline, extensions: [1, 3, 9], topOfAddressSpace: true },
  /** iommufd behind /dev/vfio/vfio (CONFIG_IOMMUFD_VFIO_CONTAINER). */
  'iommufd compatibility': {
    ...mainline,
    extensions: [1, 3, 9],
    updateVaddr: false,
    dirtyTracking: false,
    iommufd: true,
  },
  '6.12 with the GET_INFO flag': { ...mainline, extraInfoFlags: 1 << 2 },
  '5.10 with the GET_INFO flag': {
    ...mainline,
    extensions: [1, 3, 6],
    updateVaddr: false,
    extraInfoFlags: 1 << 2,
  },
  '5.10 with extension 9': { ...mainline, extensions: [1, 3, 6, 9], updateVaddr: false },
  '5.10 with extensions 9 and 10': {
    ...mainline,
    extensions: [1, 3, 6, 9, 10],
    updateVaddr: false,
  },
} as const satisfies Record<string, Type1Behaviour>;

const ADDRESS_SPACE_END = 1n << 64n;
const LARGEST_TRACKED_PAGES = 2 ** 31 - 1;
const DMA_ENTRY_LIMIT = 65535;

interface Mapping {
  readonly iova: bigint;
  readonly bytes: bigint;
  readonly writable: boolean;
  readonly readable: boolean;
  /** Page index to pin count. */
  readonly pins: Map<number, number>;
  /** Bits and, past them, one more word for the shift, as vfio_dma_bitmap_alloc makes it. */
  dirty: BigUint64Array | undefined;
  iommuMapped: boolean;
}

export interface Type1ModelOptions {
  /** Whether an emulated device is in the container; true unless told otherwise. */
  readonly emulatedDevices?: boolean;
  /** What an IOMMU-backed group takes. */
  readonly iovaRanges?: readonly (readonly [first: bigint, last: bigint])[];
}

/** x86: all of a 39-bit address space but the MSI window. */
const usualIovaRanges = [
  [0n, 0xfedfffffn],
  [0xfef00000n, 0x7fffffffffn],
] as const;

export class Type1Model implements ModelFile {
  readonly #behaviour: Type1Behaviour;
  /** In the order of their IOVAs. */
  #mappings: Mapping[] = [];
  #tracking = false;
  #iommuGroups = 0;
  #hadIommu = false;
  #pageSizes: bigint;
  readonly #emulatedDevices: boolean;
  readonly #iovaRanges: readonly (readonly [first: bigint, last: bigint])[];

  constructor(behaviour: Type1Behaviour = mainline, options: Type1ModelOptions = {}) {
    this.#behaviour = behaviour;
    this.#pageSizes = this.#allPageSizes;
    this.#emulatedDevices = options.emulatedDevices ?? true;
    this.#iovaRanges = options.iovaRanges ?? usualIovaRanges;
  }

  // What devices and administrators do; a test drives these.

  /** vfio_dma_rw: an emulated device writes `bytes` bytes at `iova`. Returns how many were written. */
  deviceWrites(iova: bigint, bytes: bigint): bigint {
    let at = iova;
    const end = iova + bytes;
    while (at < end) {
      const mapping = this.#find(at);
      if (mapping === undefined || !mapping.writable) break;
      const stop = min(end, mapping.iova + mapping.bytes);
      if (mapping.dirty !== undefined) {
        const first = this.#page(at - mapping.iova);
        const last = this.#page(stop - 1n - mapping.iova);
        setBits(mapping.dirty, first, last - first + 1);
      }
      at = stop;
    }
    return at - iova;
  }

  /** vfio_pin_pages for writing: an emulated device pins `pages` pages. All or nothing. */
  devicePins(iova: bigint, pages: number): boolean {
    const wanted = this.#pinTargets(iova, pages);
    if (wanted.some((target) => target?.mapping.writable !== true)) return false;
    for (const target of wanted) {
      if (target === undefined) continue;
      const { mapping, index } = target;
      const count = mapping.pins.get(index) ?? 0;
      mapping.pins.set(index, count + 1);
      if (count === 0 && mapping.dirty !== undefined) setBits(mapping.dirty, index, 1);
    }
    return true;
  }

  /** vfio_unpin_pages. */
  deviceUnpins(iova: bigint, pages: number): void {
    for (const target of this.#pinTargets(iova, pages)) {
      if (target === undefined) return;
      const { mapping, index } = target;
      const count = mapping.pins.get(index) ?? 0;
      if (count <= 1) mapping.pins.delete(index);
      else mapping.pins.set(index, count - 1);
    }
  }

  /** An IOMMU-backed group joins: everything mapped is pinned, and everything counts as dirty. */
  attachIommuGroup(pageSizes = 0x40201000n): void {
    this.#iommuGroups += 1;
    this.#hadIommu = true;
    this.#pageSizes &= pageSizes;
    // vfio_update_pgsize_bitmap: an IOMMU with smaller pages than the kernel's is used with the kernel's.
    const smaller = pageSizes & ~this.#allPageSizes;
    if (smaller !== 0n) this.#pageSizes |= BigInt(this.#behaviour.pageBytes);
    for (const mapping of this.#mappings) mapping.iommuMapped = true;
  }

  /** It leaves: one more read of everything, then precise again. */
  detachIommuGroup(): void {
    this.#iommuGroups -= 1;
    if (this.#iommuGroups === 0) {
      this.#pageSizes = this.#allPageSizes;
      for (const mapping of this.#mappings) mapping.iommuMapped = false;
    }
    for (const mapping of this.#mappings) {
      if (mapping.dirty !== undefined) setBits(mapping.dirty, 0, this.#page(mapping.bytes));
    }
  }

  // The ioctls.

  ioctl(call: IoctlCall): number {
    switch (call.request) {
      case VfioIoctl.VFIO_GET_API_VERSION:
        return VfioFlag.VFIO_API_VERSION;
      case VfioIoctl.VFIO_CHECK_EXTENSION:
        return this.#checkExtension(Number(call.argument));
      case VfioIoctl.VFIO_IOMMU_GET_INFO:
        return this.#getInfo(argumentOf(call));
      case VfioIoctl.VFIO_IOMMU_MAP_DMA:
        return this.#map(argumentOf(call));
      case VfioIoctl.VFIO_IOMMU_UNMAP_DMA:
        return this.#unmap(argumentOf(call), call);
      case VfioIoctl.VFIO_IOMMU_DIRTY_PAGES:
        if (!this.#behaviour.dirtyTracking) throw new Refusal('ENOTTY');
        return this.#dirtyPages(argumentOf(call), call);
      case IommufdIoctl.IOMMU_VFIO_IOAS:
        if (!this.#behaviour.iommufd) throw new Refusal('ENOTTY');
        iommufd.vfioIoas.write(argumentOf(call), { ioas_id: 1 });
        return 0;
      default:
        throw new Refusal('ENOTTY');
    }
  }

  #checkExtension(extension: number): number {
    switch (extension) {
      case VfioExtension.VFIO_DMA_CC_IOMMU:
        // Emulated IOMMUs can't break coherency; the lab's vIOMMU without snoop control can.
        return this.#iommuGroups === 0 ? 1 : 0;
      case VfioExtension.VFIO_UPDATE_VADDR:
        if (this.#behaviour.updateVaddr) return this.#emulatedDevices ? 0 : 1;
    }
    return this.#behaviour.extensions.includes(extension) ? 1 : 0;
  }

  #getInfo(argument: Uint8Array): number {
    const fixed = vfio.type1Info.offsets.cap_offset;
    requireArgument(argument, fixed);
    const { argsz } = vfio.type1Info.read(padded(argument, vfio.type1Info.size));
    if (argsz < fixed) throw new Refusal('EINVAL');
    const chain = this.#capabilities();
    const needed = vfio.type1Info.size + chain.byteLength;
    const fits = argsz >= needed;
    const reply = vfio.type1Info.create({
      argsz: fits ? argsz : needed,
      flags:
        VfioFlag.VFIO_IOMMU_INFO_PGSIZES |
        VfioFlag.VFIO_IOMMU_INFO_CAPS |
        this.#behaviour.extraInfoFlags,
      iova_pgsizes: this.#pageSizes,
      cap_offset: fits ? vfio.type1Info.size : 0,
    });
    argument.set(reply.subarray(0, Math.min(argsz, reply.byteLength)));
    if (fits) argument.set(chain, vfio.type1Info.size);
    return 0;
  }

  #capabilities(): Uint8Array {
    const parts: Uint8Array[] = [];
    if (this.#behaviour.dirtyTracking) {
      parts.push(
        vfio.capMigration.create({
          header: {
            id: Type1CapabilityId.VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION,
            version: 1,
            next: 0,
          },
          pgsize_bitmap: BigInt(this.#pageBytes()),
          max_dirty_bitmap_size: BigInt(LARGEST_BITMAP_BYTES),
        }),
      );
    }
    parts.push(
      padded(
        vfio.capDmaAvail.create({
          header: { id: Type1CapabilityId.VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, version: 1, next: 0 },
          avail: DMA_ENTRY_LIMIT - this.#mappings.length,
        }),
        16,
      ),
    );
    const iovaRanges = this.#currentIovaRanges();
    if (iovaRanges !== undefined) {
      const cap = vfio.capIovaRange.create(
        {
          header: {
            id: Type1CapabilityId.VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
            version: 1,
            next: 0,
          },
          nr_iovas: iovaRanges.length,
        },
        iovaRanges.length * vfio.iovaRange.size,
      );
      iovaRanges.forEach(([start, end], index) => {
        vfio.iovaRange.write(
          cap,
          { start, end },
          vfio.capIovaRange.size + index * vfio.iovaRange.size,
        );
      });
      parts.push(cap);
    }
    let offset = vfio.type1Info.size;
    parts.forEach((part, index) => {
      offset += part.byteLength;
      const header = vfio.capHeader.read(part);
      vfio.capHeader.write(part, { ...header, next: index === parts.length - 1 ? 0 : offset });
    });
    return concatenate(parts);
  }

  #map(argument: Uint8Array): number {
    requireArgument(argument, vfio.dmaMap.size);
    const { argsz, flags, iova, size, vaddr } = vfio.dmaMap.read(argument);
    const access = VfioFlag.VFIO_DMA_MAP_FLAG_READ | VfioFlag.VFIO_DMA_MAP_FLAG_WRITE;
    if (argsz < vfio.dmaMap.size || flags === 0) throw new Refusal('EINVAL');
    const setsVaddr = this.#behaviour.updateVaddr && flags === VfioFlag.VFIO_DMA_MAP_FLAG_VADDR;
    if (!setsVaddr && (flags & ~access) !== 0) throw new Refusal('EINVAL');
    const page = BigInt(this.#pageBytes());
    if (size === 0n || (size | iova | vaddr) % page !== 0n) throw new Refusal('EINVAL');
    if (iova + size > ADDRESS_SPACE_END) throw this.#overflow();
    if (setsVaddr) {
      // A mapping whose vaddr was not invalidated can't get another one.
      throw new Refusal(this.#find(iova) === undefined ? 'ENOENT' : 'EINVAL');
    }
    const overlaps = this.#mappings.some(
      (other) => iova < other.iova + other.bytes && other.iova < iova + size,
    );
    if (overlaps) throw new Refusal('EEXIST');
    const mapping: Mapping = {
      iova,
      bytes: size,
      readable: (flags & VfioFlag.VFIO_DMA_MAP_FLAG_READ) !== 0,
      writable: (flags & VfioFlag.VFIO_DMA_MAP_FLAG_WRITE) !== 0,
      pins: new Map(),
      dirty: undefined,
      iommuMapped: this.#iommuGroups > 0,
    };
    if (this.#tracking) this.#allocateBitmap(mapping);
    this.#mappings.push(mapping);
    this.#mappings.sort((a, b) => (a.iova < b.iova ? -1 : 1));
    return 0;
  }

  #unmap(argument: Uint8Array, call: IoctlCall): number {
    requireArgument(argument, vfio.dmaUnmap.size);
    const { argsz, flags, iova, size } = vfio.dmaUnmap.read(argument);
    const wantsBitmap = (flags & VfioFlag.VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP) !== 0;
    if (argsz < vfio.dmaUnmap.size || (flags & ~7) !== 0) throw new Refusal('EINVAL');
    // The other two flags are not needed here; the kernel has them since 5.12.
    if (wantsBitmap ? flags !== 1 : flags !== 0) throw new Refusal('EINVAL');
    let user: UserBitmap | undefined;
    if (wantsBitmap) {
      if (argsz < vfio.dmaUnmap.size + vfio.bitmap.size) throw new Refusal('EINVAL');
      user = userBitmap(argument, vfio.dmaUnmap.size, call, size);
    }
    const page = this.#pageBytes();
    if (iova % BigInt(page) !== 0n || size === 0n || size % BigInt(page) !== 0n) {
      throw new Refusal('EINVAL');
    }
    if (iova + size > ADDRESS_SPACE_END) throw this.#overflow();
    if (user !== undefined && (!this.#tracking || user.pageBytes !== BigInt(page))) {
      throw new Refusal('EINVAL');
    }
    this.#refuseBisection(iova, size);
    let unmapped = 0n;
    for (const mapping of this.#within(iova, size)) {
      mapping.pins.clear(); // vfio_notify_dma_unmap: devices must let go.
      if (user !== undefined) this.#copyOut(mapping, iova, user.words);
      unmapped += mapping.bytes;
      this.#mappings = this.#mappings.filter((other) => other !== mapping);
    }
    vfio.dmaUnmap.write(argument, { size: unmapped });
    return 0;
  }

  #dirtyPages(argument: Uint8Array, call: IoctlCall): number {
    const head = vfio.dirtyBitmap.size;
    requireArgument(argument, head);
    const { argsz, flags } = vfio.dirtyBitmap.read(argument);
    if (argsz < head) throw new Refusal('EINVAL');
    switch (flags) {
      case VfioFlag.VFIO_IOMMU_DIRTY_PAGES_FLAG_START:
        if (!this.#tracking) this.#startTracking();
        return 0;
      case VfioFlag.VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP:
        this.#tracking = false;
        for (const mapping of this.#mappings) mapping.dirty = undefined;
        return 0;
      case VfioFlag.VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP:
        if (argsz < head + vfio.dirtyBitmapGet.size) throw new Refusal('EINVAL');
        return this.#getBitmap(argument, call);
      default:
        throw new Refusal('EINVAL');
    }
  }

  #startTracking(): void {
    try {
      for (const mapping of this.#mappings) this.#allocateBitmap(mapping);
    } catch (error) {
      for (const mapping of this.#mappings) mapping.dirty = undefined;
      throw error;
    }
    this.#tracking = true;
  }

  #getBitmap(argument: Uint8Array, call: IoctlCall): number {
    const head = vfio.dirtyBitmap.size;
    const { iova, size } = vfio.dirtyBitmapGet.read(argument, head);
    const end = iova + size;
    if (end > ADDRESS_SPACE_END) throw this.#overflow();
    if (end === ADDRESS_SPACE_END && !this.#behaviour.topOfAddressSpace) throw this.#overflow();
    const user = userBitmap(argument, head + vfio.dirtyBitmapGet.offsets.bitmap, call, size);
    const page = BigInt(this.#pageBytes());
    if (user.pageBytes !== page || iova % page !== 0n || size === 0n || size % page !== 0n) {
      throw new Refusal('EINVAL');
    }
    if (!this.#tracking) throw new Refusal('EINVAL');
    this.#refuseBisection(iova, size);
    for (const mapping of this.#within(iova, size)) {
      this.#copyOut(mapping, iova, user.words);
      if (mapping.dirty === undefined) continue;
      clearBits(mapping.dirty, 0, this.#page(mapping.bytes));
      this.#populate(mapping);
    }
    return 0;
  }

  /** update_user_bitmap. */
  #copyOut(mapping: Mapping, base: bigint, user: DataView | undefined): void {
    const { dirty } = mapping;
    if (dirty === undefined) return;
    if (user === undefined) throw new Refusal('EFAULT');
    const bits = this.#page(mapping.bytes);
    const bitOffset = this.#page(mapping.iova - base);
    const at = Math.floor(bitOffset / 64) * 8;
    const shift = bitOffset % 64;
    if (this.#iommuGroups > 0 && mapping.iommuMapped) setBits(dirty, 0, bits);
    if (shift !== 0) {
      shiftLeft(dirty, shift, bits + shift);
      dirty[0] = (dirty[0] ?? 0n) | user.getBigUint64(at, true);
    }
    for (let word = 0; word < wordsFor(bits + shift); word += 1) {
      user.setBigUint64(at + word * 8, dirty[word] ?? 0n, true);
    }
  }

  #allocateBitmap(mapping: Mapping): void {
    const pages = this.#page(mapping.bytes);
    if (pages > LARGEST_TRACKED_PAGES) throw new Refusal('EINVAL');
    mapping.dirty = new BigUint64Array(wordsFor(pages) + 1);
    this.#populate(mapping);
  }

  #populate(mapping: Mapping): void {
    for (const index of mapping.pins.keys()) {
      if (mapping.dirty !== undefined) setBits(mapping.dirty, index, 1);
    }
  }

  #refuseBisection(iova: bigint, size: bigint): void {
    const first = this.#find(iova);
    if (first !== undefined && first.iova !== iova) throw new Refusal('EINVAL');
    const last = this.#find(iova + size - 1n);
    if (last !== undefined && last.iova + last.bytes !== iova + size) throw new Refusal('EINVAL');
  }

  #within(iova: bigint, size: bigint): Mapping[] {
    return this.#mappings.filter((mapping) => mapping.iova >= iova && mapping.iova < iova + size);
  }

  #find(iova: bigint): Mapping | undefined {
    return this.#mappings.find(
      (mapping) => iova >= mapping.iova && iova < mapping.iova + mapping.bytes,
    );
  }

  #pinTargets(iova: bigint, pages: number): ({ mapping: Mapping; index: number } | undefined)[] {
    return Array.from({ length: pages }, (_, index) => {
      const at = iova + BigInt(index * this.#pageBytes());
      const mapping = this.#find(at);
      return mapping === undefined ? undefined : { mapping, index: this.#page(at - mapping.iova) };
    });
  }

  #overflow(): Refusal {
    return new Refusal(this.#behaviour.topOfAddressSpace ? 'EOVERFLOW' : 'EINVAL');
  }

  /** Once there was an IOMMU, what is left when it has gone is one range of all IOVAs. */
  #currentIovaRanges(): Type1ModelOptions['iovaRanges'] {
    if (this.#iommuGroups > 0) return this.#iovaRanges;
    return this.#hadIommu ? [[0n, ADDRESS_SPACE_END - 1n]] : undefined;
  }

  /** PAGE_MASK: the page sizes of a container without IOMMU domain. */
  get #allPageSizes(): bigint {
    return ADDRESS_SPACE_END - BigInt(this.#behaviour.pageBytes);
  }

  #pageBytes(): number {
    return Number(this.#pageSizes & -this.#pageSizes);
  }

  #page(bytes: bigint): number {
    return Number(bytes / BigInt(this.#pageBytes()));
  }
}

interface UserBitmap {
  readonly pageBytes: bigint;
  /** Undefined: an address where nothing can be written. */
  readonly words: DataView | undefined;
}

/** Reads a `struct vfio_bitmap` and checks it as verify_bitmap_size does. */
function userBitmap(argument: Uint8Array, at: number, call: IoctlCall, bytes: bigint): UserBitmap {
  requireArgument(argument, at + vfio.bitmap.size);
  const { pgsize, size } = vfio.bitmap.read(argument, at);
  const memory = call.pointers?.find(
    (pointer) => pointer.offset === at + vfio.bitmap.offsets.data,
  )?.memory;
  if (pgsize === 0n) throw new Refusal('EINVAL');
  const pages = bytes / pgsize;
  if (pages === 0n || size === 0n || size > BigInt(LARGEST_BITMAP_BYTES))
    throw new Refusal('EINVAL');
  if (size < BigInt(bitmapBytesFor(bytes, Number(pgsize)))) throw new Refusal('EINVAL');
  const writable = memory !== undefined && BigInt(memory.byteLength) >= size;
  return {
    pageBytes: pgsize,
    words: writable ? new DataView(memory.buffer, memory.byteOffset, memory.byteLength) : undefined,
  };
}

function argumentOf(call: IoctlCall): Uint8Array {
  if (typeof call.argument !== 'object') throw new Refusal('EFAULT');
  return call.argument;
}

function requireArgument(argument: Uint8Array, bytes: number): void {
  if (argument.byteLength < bytes) throw new Refusal('EFAULT');
}

/** At least `bytes` bytes: the memory itself, or a longer copy. */
function padded(memory: Uint8Array, bytes: number): Uint8Array {
  if (memory.byteLength >= bytes) return memory;
  const longer = new Uint8Array(bytes);
  longer.set(memory);
  return longer;
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
