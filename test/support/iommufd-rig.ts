/**
 * An iommufd of our own, with the kernel's selftest IOMMU (drivers/iommu/iommufd/iommufd_test.h, Linux 6.12)
 * or with VFIO devices bound to it, as a VMM does it. For the lab's kernel `iommufd`.
 */
import { constants, readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  Iommufd,
  iommufd as abi,
  IommufdFlag,
  IommufdIoctl,
  vfio,
  VfioIoctl,
  type IovaSpan,
  type Kernel,
  type Mapping,
} from 'linux-vfio-ts';
import { io } from '#vfio/abi/ioctl.js';
import { struct } from '#vfio/abi/layout.js';
import type { HostDevice } from './raw-container.js';
import { PAGE } from './type1-rig.js';

/** Where the mock IOMMU's addresses begin, and its page size: half of the CPU's. */
export const MOCK_BASE = 1n << 24n;
export const MOCK_PAGE = 2048;

const IOMMU_TEST_CMD = io(';', 0xa0);
const OP_MOCK_DOMAIN_FLAGS = 12;
const OP_DIRTY = 13;
const FLAG_NO_DIRTY = 1;

/** `struct iommu_test_cmd` with the members of its union that are used here. */
const head = { size: 'u32', op: 'u32', id: 'u32', __reserved: 'u32' } as const;
const SIZE = 72;
const mockDomain = struct('iommu_test_cmd', {
  ...head,
  out_stdev_id: 'u32',
  out_hwpt_id: 'u32',
  out_idev_id: 'u32',
  dev_flags: 'u32',
});
const dirty = struct('iommu_test_cmd', {
  ...head,
  flags: 'u32',
  iova: 'u64',
  length: 'u64',
  page_size: 'u64',
  uptr: 'u64',
  out_nr_dirty: 'u64',
});

/** One iommufd with one IOAS. */
export class IommufdRig implements Disposable {
  readonly iommufd: Iommufd;
  readonly ioasId: number;
  readonly #kernel: Kernel;
  readonly #mappings: Mapping[] = [];
  readonly #devices: number[] = [];

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.iommufd = new Iommufd(kernel, kernel.open('/dev/iommu', constants.O_RDWR));
    this.ioasId = this.iommufd.allocateIoas();
  }

  /** Maps fresh memory for the devices of the IOAS. */
  map(iova: bigint, pageCount: number): Uint8Array {
    const mapping = this.#kernel.mmap({ bytes: pageCount * PAGE, writable: true });
    this.#mappings.push(mapping);
    const { ioasMap } = abi;
    this.#ioctl(
      'IOMMU_IOAS_MAP',
      ioasMap.create({
        size: ioasMap.size,
        flags:
          IommufdFlag.IOMMU_IOAS_MAP_FIXED_IOVA |
          IommufdFlag.IOMMU_IOAS_MAP_WRITEABLE |
          IommufdFlag.IOMMU_IOAS_MAP_READABLE,
        ioas_id: this.ioasId,
        length: BigInt(mapping.memory.byteLength),
        iova,
      }),
      [{ offset: ioasMap.offsets.user_va, memory: mapping.memory }],
    );
    return mapping.memory;
  }

  /** A device behind the mock IOMMU, attached to the IOAS. Returns its device id. */
  addMockDevice(options: { tracksDirtyPages: boolean }): number {
    const argument = mockDomain.create(
      {
        size: SIZE,
        op: OP_MOCK_DOMAIN_FLAGS,
        id: this.ioasId,
        dev_flags: options.tracksDirtyPages ? 0 : FLAG_NO_DIRTY,
      },
      SIZE - mockDomain.size,
    );
    this.#test('MOCK_DOMAIN_FLAGS', argument);
    return mockDomain.read(argument).out_idev_id;
  }

  /** A page table of the IOAS for a device. Returns its id. */
  allocateHwpt(deviceId: number, options: { dirtyTracking: boolean }): number {
    const { hwptAlloc } = abi;
    const argument = hwptAlloc.create({
      size: hwptAlloc.size,
      flags: options.dirtyTracking ? IommufdFlag.IOMMU_HWPT_ALLOC_DIRTY_TRACKING : 0,
      dev_id: deviceId,
      pt_id: this.ioasId,
    });
    this.#ioctl('IOMMU_HWPT_ALLOC', argument);
    return hwptAlloc.read(argument).out_hwpt_id;
  }

  /** A device behind the mock IOMMU writes the pages of MOCK_PAGE bytes whose bits are set. */
  mockWrites(hwptId: number, { iova, bytes }: IovaSpan, pages: Uint8Array): void {
    const argument = dirty.create(
      {
        size: SIZE,
        op: OP_DIRTY,
        id: hwptId,
        iova,
        length: bytes,
        page_size: BigInt(MOCK_PAGE),
      },
      SIZE - dirty.size,
    );
    this.#test('DIRTY', argument, [{ offset: dirty.offsets.uptr, memory: pages }]);
  }

  /** Opens a device's cdev, binds it to the iommufd, and attaches it to the IOAS. Returns its fd. */
  openDevice(device: HostDevice): { fd: number; deviceId: number } {
    const [name] = readdirSync(join(device.sysfs, 'vfio-dev'));
    if (name === undefined) throw new Error(`${device.name} has no cdev.`);
    const fd = this.#kernel.open(join('/dev/vfio/devices', name), constants.O_RDWR);
    this.#devices.push(fd);
    const bind = vfio.deviceBindIommufd.create({
      argsz: vfio.deviceBindIommufd.size,
      iommufd: this.iommufd.fd,
    });
    this.#kernel.ioctl(fd, {
      name: 'VFIO_DEVICE_BIND_IOMMUFD',
      request: VfioIoctl.VFIO_DEVICE_BIND_IOMMUFD,
      argument: bind,
    });
    this.#kernel.ioctl(fd, {
      name: 'VFIO_DEVICE_ATTACH_IOMMUFD_PT',
      request: VfioIoctl.VFIO_DEVICE_ATTACH_IOMMUFD_PT,
      argument: vfio.deviceAttachIommufdPt.create({
        argsz: vfio.deviceAttachIommufdPt.size,
        pt_id: this.ioasId,
      }),
    });
    return { fd, deviceId: vfio.deviceBindIommufd.read(bind).out_devid };
  }

  #ioctl(
    name: keyof typeof IommufdIoctl,
    argument: Uint8Array,
    pointers: { offset: number; memory: Uint8Array }[] = [],
  ): void {
    this.#kernel.ioctl(this.iommufd.fd, {
      name,
      request: IommufdIoctl[name],
      argument,
      pointers,
    });
  }

  #test(
    name: string,
    argument: Uint8Array,
    pointers: { offset: number; memory: Uint8Array }[] = [],
  ): void {
    this.#kernel.ioctl(this.iommufd.fd, {
      name: `IOMMU_TEST_CMD ${name}`,
      request: IOMMU_TEST_CMD,
      argument,
      pointers,
    });
  }

  [Symbol.dispose](): void {
    for (const fd of this.#devices) this.#kernel.close(fd);
    this.#kernel.close(this.iommufd.fd);
    for (const mapping of this.#mappings) mapping[Symbol.dispose]();
  }
}
