/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The PCI function that the VMM sees, of any kernel: what it is, where the
 * regions of its device fd are, and what it answers about them.
 */
#ifndef DIRTYGEN_PCI_FUNCTION_H
#define DIRTYGEN_PCI_FUNCTION_H

#include <linux/types.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#define DG_VENDOR_ID 0x1234
#define DG_DEVICE_ID 0xd127
#define DG_CLASS 0xff00

#define DG_CONFIG_BYTES 256
#define DG_BAR_BYTES 4096

/* The layout of a vfio-pci device fd, which VMMs expect. */
#define DG_REGION_SHIFT 40
#define DG_REGION_OFFSET(index) ((u64)(index) << DG_REGION_SHIFT)

static inline int dg_fill_region_info(struct vfio_region_info *info)
{
	if (info->index >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	info->offset = DG_REGION_OFFSET(info->index);
	info->size = 0;
	info->flags = 0;
	if (info->index == VFIO_PCI_CONFIG_REGION_INDEX)
		info->size = DG_CONFIG_BYTES;
	else if (info->index == VFIO_PCI_BAR0_REGION_INDEX)
		info->size = DG_BAR_BYTES;
	if (info->size)
		info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	return 0;
}

static inline int dg_get_region_info(void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_region_info, offset);
	struct vfio_region_info info;
	int ret;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	info.cap_offset = 0;
	ret = dg_fill_region_info(&info);
	if (ret)
		return ret;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static inline int dg_get_info(void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	info.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = VFIO_PCI_NUM_REGIONS;
	info.num_irqs = VFIO_PCI_NUM_IRQS;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static inline int dg_get_irq_info(void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_irq_info, count);
	struct vfio_irq_info info;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz || info.index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	info.flags = 0;
	info.count = 0;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

#endif
