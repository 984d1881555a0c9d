// SPDX-License-Identifier: GPL-2.0
/*
 * The module, the mdev type, and the PCI function that the VMM sees: one
 * trapped BAR of 4 KiB, no interrupt.
 */
#include <linux/module.h>
#include <linux/pci_regs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "dirtygen.h"

static unsigned int migration_flags = DG_SUPPORTED_MIGRATION_FLAGS;
module_param(migration_flags, uint, 0644);
MODULE_PARM_DESC(migration_flags,
		 "VFIO_MIGRATION_* of the mdevs created from now on; 0: they can't migrate");

static bool dma_logging;
module_param(dma_logging, bool, 0644);
MODULE_PARM_DESC(dma_logging, "mdevs created from now on offer DMA_LOGGING");

/* What the guest sees at BAR0; only `scratch` can be written. */
struct dg_registers {
	char magic[8];
	u64 scratch;
	u64 sequence;
	u64 written;
};

static void dg_reset_config(struct dg *dg)
{
	u8 *config = dg->config;

	memset(config, 0, DG_CONFIG_BYTES);
	*(__le16 *)(config + PCI_VENDOR_ID) = cpu_to_le16(DG_VENDOR_ID);
	*(__le16 *)(config + PCI_DEVICE_ID) = cpu_to_le16(DG_DEVICE_ID);
	*(__le16 *)(config + PCI_CLASS_DEVICE) = cpu_to_le16(DG_CLASS);
}

/* The bits of a byte of config space that can be written. */
static u8 dg_config_mask(u64 offset)
{
	switch (offset) {
	case PCI_COMMAND:
		return PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	case PCI_CACHE_LINE_SIZE:
	case PCI_LATENCY_TIMER:
	case PCI_INTERRUPT_LINE:
	case PCI_BASE_ADDRESS_0 + 2:
	case PCI_BASE_ADDRESS_0 + 3:
		return 0xff;
	case PCI_BASE_ADDRESS_0 + 1:
		return 0xf0; /* a multiple of 4 KiB */
	}
	return 0;
}

/* Where a position in the device's fd points to. */
static int dg_locate(loff_t position, size_t bytes, bool *config, u64 *offset)
{
	u64 index = (u64)position >> DG_REGION_SHIFT;

	*config = index == VFIO_PCI_CONFIG_REGION_INDEX;
	*offset = position & (DG_REGION_OFFSET(1) - 1);
	if (!*config && index != VFIO_PCI_BAR0_REGION_INDEX)
		return -EINVAL;
	if (*offset + bytes > (*config ? DG_CONFIG_BYTES : DG_BAR_BYTES))
		return -EINVAL;
	return 0;
}

static ssize_t dg_read(struct vfio_device *vdev, char __user *buffer, size_t bytes,
		       loff_t *position)
{
	struct dg *dg = dg_from_vdev(vdev);
	const struct dg_generator *generator = &dg->settings.generator;
	struct dg_registers registers = { .magic = "dirtygen" };
	bool config;
	u64 offset;
	u8 *copy;
	int ret;

	bytes = min_t(size_t, bytes, DG_BAR_BYTES);
	ret = dg_locate(*position, bytes, &config, &offset);
	if (ret)
		return ret;
	copy = kzalloc(DG_BAR_BYTES, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	mutex_lock(&dg->io_lock);
	registers.scratch = generator->scratch;
	registers.sequence = generator->sequence;
	registers.written = generator->written;
	if (config)
		memcpy(copy, dg->config, DG_CONFIG_BYTES);
	else
		memcpy(copy, &registers, sizeof(registers));
	mutex_unlock(&dg->io_lock);
	ret = copy_to_user(buffer, copy + offset, bytes) ? -EFAULT : 0;
	kfree(copy);
	if (ret)
		return ret;
	*position += bytes;
	return bytes;
}

static ssize_t dg_write(struct vfio_device *vdev, const char __user *buffer,
			size_t bytes, loff_t *position)
{
	struct dg *dg = dg_from_vdev(vdev);
	const u64 scratch = offsetof(struct dg_registers, scratch);
	bool config;
	u64 offset, at;
	u8 *copy, mask;
	size_t i;
	int ret;

	bytes = min_t(size_t, bytes, DG_BAR_BYTES);
	ret = dg_locate(*position, bytes, &config, &offset);
	if (ret)
		return ret;
	copy = memdup_user(buffer, bytes);
	if (IS_ERR(copy))
		return PTR_ERR(copy);
	mutex_lock(&dg->io_lock);
	for (i = 0; i < bytes; i++) {
		at = offset + i;
		if (config) {
			mask = dg_config_mask(at);
			dg->config[at] = (dg->config[at] & ~mask) | (copy[i] & mask);
		} else if (at >= scratch && at < scratch + sizeof(u64)) {
			((u8 *)&dg->settings.generator.scratch)[at - scratch] = copy[i];
		}
	}
	mutex_unlock(&dg->io_lock);
	kfree(copy);
	*position += bytes;
	return bytes;
}

#ifndef DG_REGION_INFO_BY_IOCTL
static int dg_get_region_info_caps(struct vfio_device *vdev,
				   struct vfio_region_info *info,
				   struct vfio_info_cap *caps)
{
	return dg_fill_region_info(info);
}
#endif

static void dg_reset(struct dg *dg)
{
	dg_migration_reset(dg);
	mutex_lock(&dg->io_lock);
	dg_reset_config(dg);
	dg->settings.generator.scratch = 0;
	mutex_unlock(&dg->io_lock);
}

static long dg_ioctl(struct vfio_device *vdev, unsigned int command, unsigned long arg)
{
	void __user *user = (void __user *)arg;

	switch (command) {
	case VFIO_DEVICE_GET_INFO:
		return dg_get_info(user);
#ifdef DG_REGION_INFO_BY_IOCTL
	case VFIO_DEVICE_GET_REGION_INFO:
		return dg_get_region_info(user);
#endif
	case VFIO_DEVICE_GET_IRQ_INFO:
		return dg_get_irq_info(user);
	case VFIO_DEVICE_RESET:
		dg_reset(dg_from_vdev(vdev));
		return 0;
	}
	return -ENOTTY;
}

static int dg_open_device(struct vfio_device *vdev)
{
	struct dg *dg = dg_from_vdev(vdev);

	mutex_lock(&dg->io_lock);
	dg->open = true;
	mutex_unlock(&dg->io_lock);
	dg_reset(dg);
	return 0;
}

static void dg_close_device(struct vfio_device *vdev)
{
	struct dg *dg = dg_from_vdev(vdev);

	mutex_lock(&dg->io_lock);
	dg->open = false;
	dg->may_write = false;
	dg->logging = false;
	mutex_unlock(&dg->io_lock);
	dg_drain(dg);
	dg_migration_reset(dg);
}

static int dg_init(struct vfio_device *vdev)
{
	struct dg *dg = dg_from_vdev(vdev);

	mutex_init(&dg->state_lock);
	spin_lock_init(&dg->fault_lock);
	dg->state = VFIO_DEVICE_STATE_RUNNING;
	dg->settings.simulation.precopy_bytes = DG_PAGE_BYTES;
	dg_reset_config(dg);
	if (migration_flags & VFIO_MIGRATION_STOP_COPY) {
		vdev->migration_flags = migration_flags & DG_SUPPORTED_MIGRATION_FLAGS;
		vdev->mig_ops = &dg_migration_ops;
	}
	if (dma_logging)
		vdev->log_ops = &dg_log_ops;
	return dg_generator_init(dg, dev_name(vdev->dev));
}

static void dg_release(struct vfio_device *vdev)
{
	struct dg *dg = dg_from_vdev(vdev);

	dg_generator_release(dg);
	mutex_destroy(&dg->state_lock);
	dg_free_vfio_device(vdev);
}

static const struct vfio_device_ops dg_device_ops = {
	.name = "dirtygen",
	.init = dg_init,
	.release = dg_release,
	.open_device = dg_open_device,
	.close_device = dg_close_device,
	.read = dg_read,
	.write = dg_write,
	.ioctl = dg_ioctl,
#ifndef DG_REGION_INFO_BY_IOCTL
	.get_region_info_caps = dg_get_region_info_caps,
#endif
	.dma_unmap = dg_dma_unmap,
	DG_IOMMUFD_OPS
};

static int dg_probe(struct mdev_device *mdev)
{
	struct dg *dg = vfio_alloc_device(dg, vdev, &mdev->dev, &dg_device_ops);
	int ret;

	if (IS_ERR(dg))
		return PTR_ERR(dg);
	dev_set_drvdata(&mdev->dev, dg);
	ret = vfio_register_emulated_iommu_dev(&dg->vdev);
	if (ret)
		vfio_put_device(&dg->vdev);
	return ret;
}

/* The driver core has removed the sysfs files before it calls this. */
static void dg_remove(struct mdev_device *mdev)
{
	struct dg *dg = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(&dg->vdev);
	vfio_put_device(&dg->vdev);
}

static struct mdev_driver dg_driver = {
	.device_api = VFIO_DEVICE_API_PCI_STRING,
	.max_instances = 64,
	.probe = dg_probe,
	.remove = dg_remove,
	.driver = {
		.name = "dirtygen",
		.owner = THIS_MODULE,
		.mod_name = KBUILD_MODNAME,
		.dev_groups = dg_groups,
	},
};

static struct mdev_type dg_type = { .sysfs_name = "dma", .pretty_name = "dirtygen" };
static struct mdev_type *dg_types[] = { &dg_type };
static struct class dg_class = { .name = "dirtygen" };
static struct mdev_parent dg_parent;
static struct device *dg_parent_device;

static void dg_parent_release(struct device *dev)
{
	kfree(dev);
}

static int __init dg_module_init(void)
{
	int ret;

	ret = class_register(&dg_class);
	if (ret)
		return ret;
	ret = mdev_register_driver(&dg_driver);
	if (ret)
		goto unregister_class;
	dg_parent_device = kzalloc(sizeof(*dg_parent_device), GFP_KERNEL);
	if (!dg_parent_device) {
		ret = -ENOMEM;
		goto unregister_driver;
	}
	dg_parent_device->class = &dg_class;
	dg_parent_device->release = dg_parent_release;
	device_initialize(dg_parent_device);
	ret = dev_set_name(dg_parent_device, "dirtygen");
	if (!ret)
		ret = device_add(dg_parent_device);
	if (ret)
		goto put_parent;
	ret = mdev_register_parent(&dg_parent, dg_parent_device, &dg_driver, dg_types,
				   ARRAY_SIZE(dg_types));
	if (ret)
		goto delete_parent;
	return 0;

delete_parent:
	device_del(dg_parent_device);
put_parent:
	put_device(dg_parent_device);
unregister_driver:
	mdev_unregister_driver(&dg_driver);
unregister_class:
	class_unregister(&dg_class);
	return ret;
}

static void __exit dg_module_exit(void)
{
	mdev_unregister_parent(&dg_parent);
	device_unregister(dg_parent_device);
	mdev_unregister_driver(&dg_driver);
	class_unregister(&dg_class);
}

module_init(dg_module_init);
module_exit(dg_module_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The precopy developers");
MODULE_DESCRIPTION("Mediated VFIO device that dirties guest memory, with ground truth");
DG_IMPORT_IOMMUFD;
