/** include/uapi/linux/iommufd.h: the parts that dirty tracking needs. Names are the header's own. */
import { io } from './ioctl.js';
import { struct } from './layout.js';

const IOMMUFD_TYPE = ';';

export const IommufdIoctl = {
  IOMMU_DESTROY: io(IOMMUFD_TYPE, 0x80),
  IOMMU_IOAS_ALLOC: io(IOMMUFD_TYPE, 0x81),
  IOMMU_IOAS_IOVA_RANGES: io(IOMMUFD_TYPE, 0x84),
  IOMMU_IOAS_MAP: io(IOMMUFD_TYPE, 0x85),
  IOMMU_VFIO_IOAS: io(IOMMUFD_TYPE, 0x88),
  IOMMU_HWPT_ALLOC: io(IOMMUFD_TYPE, 0x89),
  IOMMU_GET_HW_INFO: io(IOMMUFD_TYPE, 0x8a),
  IOMMU_HWPT_SET_DIRTY_TRACKING: io(IOMMUFD_TYPE, 0x8b),
  IOMMU_HWPT_GET_DIRTY_BITMAP: io(IOMMUFD_TYPE, 0x8c),
} as const;

export const IommufdFlag = {
  IOMMU_IOAS_MAP_FIXED_IOVA: 1 << 0,
  IOMMU_IOAS_MAP_WRITEABLE: 1 << 1,
  IOMMU_IOAS_MAP_READABLE: 1 << 2,
  IOMMU_VFIO_IOAS_GET: 0,
  IOMMU_HWPT_ALLOC_DIRTY_TRACKING: 1 << 1,
  IOMMU_HW_CAP_DIRTY_TRACKING: 1 << 0,
  IOMMU_HWPT_DIRTY_TRACKING_ENABLE: 1,
  IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR: 1,
} as const;

/** `enum iommu_hw_info_type`. */
export const HwInfoType = {
  IOMMU_HW_INFO_TYPE_NONE: 0,
  IOMMU_HW_INFO_TYPE_INTEL_VTD: 1,
  IOMMU_HW_INFO_TYPE_ARM_SMMUV3: 2,
} as const;

export const iommufd = {
  destroy: struct('iommu_destroy', { size: 'u32', id: 'u32' }),
  ioasAlloc: struct('iommu_ioas_alloc', { size: 'u32', flags: 'u32', out_ioas_id: 'u32' }),
  iovaRange: struct('iommu_iova_range', { start: 'u64', last: 'u64' }),
  ioasIovaRanges: struct('iommu_ioas_iova_ranges', {
    size: 'u32',
    ioas_id: 'u32',
    num_iovas: 'u32',
    __reserved: 'u32',
    allowed_iovas: 'u64',
    out_iova_alignment: 'u64',
  }),
  /**
   * Linux 6.7 to 6.14 end here; 6.15 uses what was `__reserved` behind `out_data_type` for PASIDs, without
   * moving a field.
   */
  hwInfo: struct('iommu_hw_info', {
    size: 'u32',
    flags: 'u32',
    dev_id: 'u32',
    data_len: 'u32',
    data_uptr: 'u64',
    out_data_type: 'u32',
    out_max_pasid_log2: 'u8',
    out_capabilities: 'u64',
  }),
  ioasMap: struct('iommu_ioas_map', {
    size: 'u32',
    flags: 'u32',
    ioas_id: 'u32',
    __reserved: 'u32',
    user_va: 'u64',
    length: 'u64',
    iova: 'u64',
  }),
  vfioIoas: struct('iommu_vfio_ioas', {
    size: 'u32',
    ioas_id: 'u32',
    op: 'u16',
    __reserved: 'u16',
  }),
  /** `fault_id` came with Linux 6.11; before, a structure that is longer is taken if the rest is 0. */
  hwptAlloc: struct('iommu_hwpt_alloc', {
    size: 'u32',
    flags: 'u32',
    dev_id: 'u32',
    pt_id: 'u32',
    out_hwpt_id: 'u32',
    __reserved: 'u32',
    data_type: 'u32',
    data_len: 'u32',
    data_uptr: 'u64',
    fault_id: 'u32',
    __reserved2: 'u32',
  }),
  hwptSetDirtyTracking: struct('iommu_hwpt_set_dirty_tracking', {
    size: 'u32',
    flags: 'u32',
    hwpt_id: 'u32',
    __reserved: 'u32',
  }),
  hwptGetDirtyBitmap: struct('iommu_hwpt_get_dirty_bitmap', {
    size: 'u32',
    hwpt_id: 'u32',
    flags: 'u32',
    __reserved: 'u32',
    iova: 'u64',
    length: 'u64',
    page_size: 'u64',
    data: 'u64',
  }),
} as const;
