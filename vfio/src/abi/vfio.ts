/**
 * include/uapi/linux/vfio.h: containers, type1, devices. Names are the header's own, so that the test
 * can compare each with the C compiler's answer.
 */
import { io } from './ioctl.js';
import { struct } from './layout.js';

const VFIO_TYPE = ';';
const VFIO_BASE = 100;

/** Ioctl numbers. 112 to 121 mean different things on containers and on devices. */
export const VfioIoctl = {
  VFIO_GET_API_VERSION: io(VFIO_TYPE, VFIO_BASE),
  VFIO_CHECK_EXTENSION: io(VFIO_TYPE, VFIO_BASE + 1),
  VFIO_SET_IOMMU: io(VFIO_TYPE, VFIO_BASE + 2),
  VFIO_GROUP_GET_STATUS: io(VFIO_TYPE, VFIO_BASE + 3),
  VFIO_GROUP_SET_CONTAINER: io(VFIO_TYPE, VFIO_BASE + 4),
  VFIO_GROUP_UNSET_CONTAINER: io(VFIO_TYPE, VFIO_BASE + 5),
  VFIO_GROUP_GET_DEVICE_FD: io(VFIO_TYPE, VFIO_BASE + 6),
  VFIO_DEVICE_GET_INFO: io(VFIO_TYPE, VFIO_BASE + 7),
  VFIO_DEVICE_GET_REGION_INFO: io(VFIO_TYPE, VFIO_BASE + 8),
  VFIO_DEVICE_RESET: io(VFIO_TYPE, VFIO_BASE + 11),
  VFIO_IOMMU_GET_INFO: io(VFIO_TYPE, VFIO_BASE + 12),
  VFIO_IOMMU_MAP_DMA: io(VFIO_TYPE, VFIO_BASE + 13),
  VFIO_IOMMU_UNMAP_DMA: io(VFIO_TYPE, VFIO_BASE + 14),
  VFIO_IOMMU_DIRTY_PAGES: io(VFIO_TYPE, VFIO_BASE + 17),
  VFIO_DEVICE_FEATURE: io(VFIO_TYPE, VFIO_BASE + 17),
  VFIO_DEVICE_BIND_IOMMUFD: io(VFIO_TYPE, VFIO_BASE + 18),
  VFIO_DEVICE_ATTACH_IOMMUFD_PT: io(VFIO_TYPE, VFIO_BASE + 19),
} as const;

/** Extensions of VFIO_CHECK_EXTENSION, by number in {@link extensionNames}. */
export const VfioExtension = {
  VFIO_TYPE1_IOMMU: 1,
  VFIO_SPAPR_TCE_IOMMU: 2,
  VFIO_TYPE1v2_IOMMU: 3,
  VFIO_DMA_CC_IOMMU: 4,
  VFIO_EEH: 5,
  /** Removed from the header in 6.13 as `__VFIO_RESERVED_TYPE1_NESTING_IOMMU`. */
  VFIO_TYPE1_NESTING_IOMMU: 6,
  VFIO_SPAPR_TCE_v2_IOMMU: 7,
  VFIO_NOIOMMU_IOMMU: 8,
  /** Linux 5.12. Before, 9 was free, and the 2020 review proposed it as VFIO_DIRTY_PGS_IOMMU. */
  VFIO_UNMAP_ALL: 9,
  /** Linux 5.12. */
  VFIO_UPDATE_VADDR: 10,
} as const;

export const VfioFlag = {
  VFIO_API_VERSION: 0,
  VFIO_IOMMU_INFO_PGSIZES: 1 << 0,
  VFIO_IOMMU_INFO_CAPS: 1 << 1,
  VFIO_DMA_MAP_FLAG_READ: 1 << 0,
  VFIO_DMA_MAP_FLAG_WRITE: 1 << 1,
  VFIO_DMA_MAP_FLAG_VADDR: 1 << 2,
  VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP: 1 << 0,
  VFIO_DMA_UNMAP_FLAG_ALL: 1 << 1,
  VFIO_DMA_UNMAP_FLAG_VADDR: 1 << 2,
  VFIO_IOMMU_DIRTY_PAGES_FLAG_START: 1 << 0,
  VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP: 1 << 1,
  VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP: 1 << 2,
  VFIO_GROUP_FLAGS_VIABLE: 1 << 0,
  VFIO_GROUP_FLAGS_CONTAINER_SET: 1 << 1,
} as const;

/** Capability ids of VFIO_IOMMU_GET_INFO's chain. */
export const Type1CapabilityId = {
  VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE: 1,
  VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION: 2,
  VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL: 3,
} as const;

export const DeviceFlag = {
  VFIO_DEVICE_FLAGS_RESET: 1 << 0,
  VFIO_DEVICE_FLAGS_PCI: 1 << 1,
  VFIO_DEVICE_FLAGS_PLATFORM: 1 << 2,
  VFIO_DEVICE_FLAGS_AMBA: 1 << 3,
  VFIO_DEVICE_FLAGS_CCW: 1 << 4,
  VFIO_DEVICE_FLAGS_AP: 1 << 5,
  VFIO_DEVICE_FLAGS_FSL_MC: 1 << 6,
  VFIO_DEVICE_FLAGS_CAPS: 1 << 7,
  VFIO_DEVICE_FLAGS_CDX: 1 << 8,
} as const;

export const RegionFlag = {
  VFIO_REGION_INFO_FLAG_READ: 1 << 0,
  VFIO_REGION_INFO_FLAG_WRITE: 1 << 1,
  VFIO_REGION_INFO_FLAG_MMAP: 1 << 2,
  VFIO_REGION_INFO_FLAG_CAPS: 1 << 3,
} as const;

/** Operation bits of VFIO_DEVICE_FEATURE; the low 16 bits are the feature's number. */
export const FeatureFlag = {
  VFIO_DEVICE_FEATURE_MASK: 0xffff,
  VFIO_DEVICE_FEATURE_GET: 1 << 16,
  VFIO_DEVICE_FEATURE_SET: 1 << 17,
  VFIO_DEVICE_FEATURE_PROBE: 1 << 18,
} as const;

export const DeviceFeature = {
  VFIO_DEVICE_FEATURE_PCI_VF_TOKEN: 0,
  VFIO_DEVICE_FEATURE_MIGRATION: 1,
  VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE: 2,
  VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY: 3,
  VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP: 4,
  VFIO_DEVICE_FEATURE_LOW_POWER_EXIT: 5,
  VFIO_DEVICE_FEATURE_DMA_LOGGING_START: 6,
  VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP: 7,
  VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT: 8,
  VFIO_DEVICE_FEATURE_MIG_DATA_SIZE: 9,
  VFIO_DEVICE_FEATURE_BUS_MASTER: 10,
} as const;

export const MigrationFlag = {
  VFIO_MIGRATION_STOP_COPY: 1 << 0,
  VFIO_MIGRATION_P2P: 1 << 1,
  VFIO_MIGRATION_PRE_COPY: 1 << 2,
} as const;

/** `enum vfio_device_mig_state`. */
export const MigrationState = {
  VFIO_DEVICE_STATE_ERROR: 0,
  VFIO_DEVICE_STATE_STOP: 1,
  VFIO_DEVICE_STATE_RUNNING: 2,
  VFIO_DEVICE_STATE_STOP_COPY: 3,
  VFIO_DEVICE_STATE_RESUMING: 4,
  VFIO_DEVICE_STATE_RUNNING_P2P: 5,
  VFIO_DEVICE_STATE_PRE_COPY: 6,
  VFIO_DEVICE_STATE_PRE_COPY_P2P: 7,
} as const;

const capHeader = struct('vfio_info_cap_header', { id: 'u16', version: 'u16', next: 'u32' });
const bitmap = struct('vfio_bitmap', { pgsize: 'u64', size: 'u64', data: 'u64' });

/** Structures. Flexible array members are left out: their element has a layout of its own. */
export const vfio = {
  /** What follows `out_devid` came later, is used with a flag only, and older kernels do not look at it. */
  deviceBindIommufd: struct('vfio_device_bind_iommufd', {
    argsz: 'u32',
    flags: 'u32',
    iommufd: 's32',
    out_devid: 'u32',
    token_uuid_ptr: 'u64',
  }),
  /** The same holds for `pasid`. */
  deviceAttachIommufdPt: struct('vfio_device_attach_iommufd_pt', {
    argsz: 'u32',
    flags: 'u32',
    pt_id: 'u32',
    pasid: 'u32',
  }),
  capHeader,
  bitmap,
  groupStatus: struct('vfio_group_status', { argsz: 'u32', flags: 'u32' }),
  type1Info: struct('vfio_iommu_type1_info', {
    argsz: 'u32',
    flags: 'u32',
    iova_pgsizes: 'u64',
    cap_offset: 'u32',
    pad: 'u32',
  }),
  capIovaRange: struct('vfio_iommu_type1_info_cap_iova_range', {
    header: capHeader,
    nr_iovas: 'u32',
    reserved: 'u32',
  }),
  iovaRange: struct('vfio_iova_range', { start: 'u64', end: 'u64' }),
  capMigration: struct('vfio_iommu_type1_info_cap_migration', {
    header: capHeader,
    flags: 'u32',
    pgsize_bitmap: 'u64',
    max_dirty_bitmap_size: 'u64',
  }),
  capDmaAvail: struct('vfio_iommu_type1_info_dma_avail', { header: capHeader, avail: 'u32' }),
  dmaMap: struct('vfio_iommu_type1_dma_map', {
    argsz: 'u32',
    flags: 'u32',
    vaddr: 'u64',
    iova: 'u64',
    size: 'u64',
  }),
  dmaUnmap: struct('vfio_iommu_type1_dma_unmap', {
    argsz: 'u32',
    flags: 'u32',
    iova: 'u64',
    size: 'u64',
  }),
  dirtyBitmap: struct('vfio_iommu_type1_dirty_bitmap', { argsz: 'u32', flags: 'u32' }),
  dirtyBitmapGet: struct('vfio_iommu_type1_dirty_bitmap_get', {
    iova: 'u64',
    size: 'u64',
    bitmap,
  }),
  deviceInfo: struct('vfio_device_info', {
    argsz: 'u32',
    flags: 'u32',
    num_regions: 'u32',
    num_irqs: 'u32',
    cap_offset: 'u32',
    pad: 'u32',
  }),
  regionInfo: struct('vfio_region_info', {
    argsz: 'u32',
    flags: 'u32',
    index: 'u32',
    cap_offset: 'u32',
    size: 'u64',
    offset: 'u64',
  }),
  deviceFeature: struct('vfio_device_feature', { argsz: 'u32', flags: 'u32' }),
  featureMigration: struct('vfio_device_feature_migration', { flags: 'u64' }),
  featureMigState: struct('vfio_device_feature_mig_state', {
    device_state: 'u32',
    data_fd: 's32',
  }),
  featureMigDataSize: struct('vfio_device_feature_mig_data_size', { stop_copy_length: 'u64' }),
  featureDmaLoggingControl: struct('vfio_device_feature_dma_logging_control', {
    page_size: 'u64',
    num_ranges: 'u32',
    __reserved: 'u32',
    ranges: 'u64',
  }),
  featureDmaLoggingRange: struct('vfio_device_feature_dma_logging_range', {
    iova: 'u64',
    length: 'u64',
  }),
  featureDmaLoggingReport: struct('vfio_device_feature_dma_logging_report', {
    iova: 'u64',
    length: 'u64',
    page_size: 'u64',
    bitmap: 'u64',
  }),
} as const;
