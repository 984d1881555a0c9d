/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels that dirtygen is built for: 6.1 (Debian
 * bookworm), 6.12 (trixie) and 7.x (sid). Nothing else tests the version, but
 * for the Makefile: linux-5-10.c is a driver of its own.
 */
#ifndef DIRTYGEN_COMPAT_H
#define DIRTYGEN_COMPAT_H

#include <linux/version.h>
#include <linux/module.h>
#include <linux/sysfs.h>
#include <linux/vfio.h>

/*
 * 6.2 brought PRE_COPY, MIG_DATA_SIZE and the iommufd callbacks, and took the
 * freeing of the vfio_device away from the drivers.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define VFIO_MIGRATION_PRE_COPY (1 << 2)
#define VFIO_DEVICE_STATE_PRE_COPY 6
#define VFIO_DEVICE_STATE_PRE_COPY_P2P 7
#define VFIO_MIG_GET_PRECOPY_INFO _IO(VFIO_TYPE, VFIO_BASE + 21)
struct vfio_precopy_info {
	__u32 argsz;
	__u32 flags;
	__aligned_u64 initial_bytes;
	__aligned_u64 dirty_bytes;
};
#define DG_SUPPORTED_MIGRATION_FLAGS \
	(VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P)
#define DG_DATA_SIZE_OP(function)
#define DG_IOMMUFD_OPS
#define dg_free_vfio_device(vdev) vfio_free_device(vdev)
#else
#define DG_SUPPORTED_MIGRATION_FLAGS \
	(VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P | VFIO_MIGRATION_PRE_COPY)
#define DG_DATA_SIZE_OP(function) .migration_get_data_size = (function),
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define DG_DETACH_IOAS
#else
#define DG_DETACH_IOAS .detach_ioas = vfio_iommufd_emulated_detach_ioas,
#endif
#define DG_IOMMUFD_OPS                                    \
	.bind_iommufd = vfio_iommufd_emulated_bind,       \
	.unbind_iommufd = vfio_iommufd_emulated_unbind,   \
	.attach_ioas = vfio_iommufd_emulated_attach_ioas, \
	DG_DETACH_IOAS
#define dg_free_vfio_device(vdev)
#endif

/* 6.17 made what a bin_attribute's callbacks and lists point at const. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#define DG_BIN_CONST
#else
#define DG_BIN_CONST const
#endif

/* 6.19 took GET_REGION_INFO out of the drivers' ioctl callback. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#define DG_REGION_INFO_BY_IOCTL
#endif

/* iova_bitmap_set() has a symbol namespace since 6.7, a string since 6.13. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#define DG_IMPORT_IOMMUFD
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define DG_IMPORT_IOMMUFD MODULE_IMPORT_NS(IOMMUFD)
#else
#define DG_IMPORT_IOMMUFD MODULE_IMPORT_NS("IOMMUFD")
#endif

#endif
