// SPDX-License-Identifier: GPL-2.0
/*
 * dirtygen for Linux 5.10, where mediated devices had another interface: the
 * parent's mdev_parent_ops answer for all devices, there is no vfio_device, and
 * no migration. What is here is the PCI function and the commands `window`,
 * `set` (method and hold), `write-at` and `unpin` of docs/dirtygen.md: enough to
 * make pages of a type1 container dirty and to keep them pinned.
 *
 * dg->lock is held over a command, and by the notifier of unmappings. type1 calls
 * that one without its own lock, so pinning and writing, which take type1's, may
 * happen under dg->lock.
 */
#include <linux/atomic.h>
#include <linux/highmem.h>
#include <linux/iommu.h>
#include <linux/mdev.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci_regs.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "pci-function.h"

#define DG_PAGE_SHIFT 12
#define DG_PAGE_BYTES BIT(DG_PAGE_SHIFT)

struct dg {
	atomic_t open;
	struct notifier_block unmapping;
	struct mutex lock;
	struct vfio_group *group; /* NULL while the device is closed */
	u64 window_iova; /* nothing is written outside */
	u64 window_pages;
	bool pin; /* method: pin, or dma_rw */
	bool hold; /* keep pages pinned after writing them */
	struct xarray pins; /* page number -> frame number, an xarray value */
	u64 page[DG_PAGE_BYTES / sizeof(u64)]; /* what is written next */
};

struct dg_write {
	struct work_struct work;
	struct dg *dg;
	u64 iova;
	u64 pages;
	int result;
};

/* Writing guest memory; all of it under dg->lock. */

static int dg_write_pinned(struct dg *dg, u64 iova)
{
	unsigned long index = iova >> DG_PAGE_SHIFT;
	void *pin = xa_load(&dg->pins, index);
	unsigned long frame;
	void *address;
	int ret = 0;

	if (pin) {
		frame = xa_to_value(pin);
	} else {
		ret = vfio_group_pin_pages(dg->group, &index, 1,
					   IOMMU_READ | IOMMU_WRITE, &frame);
		if (ret != 1)
			return ret < 0 ? ret : -EFAULT;
		ret = 0;
	}
	if (!pin && dg->hold) {
		pin = xa_mk_value(frame);
		ret = xa_err(xa_store(&dg->pins, index, pin, GFP_KERNEL));
		if (ret)
			pin = NULL;
	}
	if (!ret && !pfn_valid(frame))
		ret = -EFAULT; /* a BAR that the VMM mapped */
	if (!ret) {
		address = kmap(pfn_to_page(frame));
		memcpy(address, dg->page, DG_PAGE_BYTES);
		kunmap(pfn_to_page(frame));
	}
	if (!pin)
		vfio_group_unpin_pages(dg->group, &index, 1);
	return ret;
}

static void dg_write_work(struct work_struct *work)
{
	struct dg_write *write = container_of(work, struct dg_write, work);
	struct dg *dg = write->dg;
	u64 iova, i;
	int ret = 0;

	for (i = 0; i < write->pages && !ret; i++) {
		iova = write->iova + (i << DG_PAGE_SHIFT);
		memset64(dg->page, iova, ARRAY_SIZE(dg->page));
		if (dg->pin)
			ret = dg_write_pinned(dg, iova);
		else
			ret = vfio_dma_rw(dg->group, iova, dg->page, DG_PAGE_BYTES, true);
		cond_resched();
	}
	write->result = ret;
}

static int dg_write_at(struct dg *dg, u64 iova, u64 pages)
{
	u64 first = (iova - dg->window_iova) >> DG_PAGE_SHIFT;
	struct dg_write write = { .dg = dg, .iova = iova, .pages = pages };

	if (iova < dg->window_iova || !pages || first >= dg->window_pages ||
	    pages > dg->window_pages - first)
		return -ERANGE;
	if (!dg->group)
		return -ENODEV;
	/* vfio_dma_rw() only takes the VMM itself, or a task without an address space. */
	INIT_WORK_ONSTACK(&write.work, dg_write_work);
	queue_work(system_unbound_wq, &write.work);
	flush_work(&write.work);
	destroy_work_on_stack(&write.work);
	return write.result;
}

static void dg_unpin(struct dg *dg, unsigned long first, unsigned long last)
{
	unsigned long index;
	void *pin;

	xa_for_each_range(&dg->pins, index, pin, first, last) {
		vfio_group_unpin_pages(dg->group, &index, 1);
		xa_erase(&dg->pins, index);
	}
}

/* type1 unmaps only once the pages are unpinned. */
static int dg_unmapping(struct notifier_block *block, unsigned long event, void *data)
{
	struct dg *dg = container_of(block, struct dg, unmapping);
	const struct vfio_iommu_type1_dma_unmap *unmap = data;

	if (event == VFIO_IOMMU_NOTIFY_DMA_UNMAP) {
		mutex_lock(&dg->lock);
		dg_unpin(dg, unmap->iova >> DG_PAGE_SHIFT,
			 (unmap->iova + unmap->size - 1) >> DG_PAGE_SHIFT);
		mutex_unlock(&dg->lock);
	}
	return NOTIFY_OK;
}

/* The file `dirtygen/control` of each mdev: one command per write. */

static int dg_set(struct dg *dg, char *words)
{
	bool pin = dg->pin, hold = dg->hold;
	const char *word;

	while ((word = strsep(&words, " "))) {
		if (!strcmp(word, "method=dma_rw") || !strcmp(word, "method=pin"))
			pin = !strcmp(word, "method=pin");
		else if (!strcmp(word, "hold=0") || !strcmp(word, "hold=1"))
			hold = !strcmp(word, "hold=1");
		else
			return -EINVAL;
	}
	dg->pin = pin;
	dg->hold = hold;
	return 0;
}

static int dg_parse_span(char *words, u64 *iova, u64 *pages)
{
	const char *first = strsep(&words, " ");

	if (!first || !words || kstrtou64(first, 0, iova) || kstrtou64(words, 0, pages) ||
	    !IS_ALIGNED(*iova, DG_PAGE_BYTES))
		return -EINVAL;
	return 0;
}

static int dg_command(struct dg *dg, char *words)
{
	const char *name = strsep(&words, " ");
	u64 iova, pages;

	if (!strcmp(name, "set"))
		return dg_set(dg, words);
	if (!strcmp(name, "write-at")) {
		if (dg_parse_span(words, &iova, &pages))
			return -EINVAL;
		return dg_write_at(dg, iova, pages);
	}
	if (!strcmp(name, "window")) {
		if (dg_parse_span(words, &iova, &pages) || !pages ||
		    pages - 1 > (U64_MAX - iova) >> DG_PAGE_SHIFT)
			return -EINVAL;
		dg->window_iova = iova;
		dg->window_pages = pages;
		return 0;
	}
	if (!strcmp(name, "unpin") && !words) {
		dg_unpin(dg, 0, ULONG_MAX);
		return 0;
	}
	return -EINVAL;
}

static ssize_t control_store(struct device *dev, struct device_attribute *attribute,
			     const char *buffer, size_t bytes)
{
	struct dg *dg = mdev_get_drvdata(mdev_from_dev(dev));
	char *line = kmemdup_nul(buffer, bytes, GFP_KERNEL);
	int ret;

	if (!line)
		return -ENOMEM;
	mutex_lock(&dg->lock);
	ret = dg_command(dg, strim(line));
	mutex_unlock(&dg->lock);
	kfree(line);
	return ret ? ret : bytes;
}
static DEVICE_ATTR_WO(control);

static struct attribute *dg_attributes[] = { &dev_attr_control.attr, NULL };
static const struct attribute_group dg_group = {
	.name = "dirtygen",
	.attrs = dg_attributes,
};
static const struct attribute_group *dg_groups[] = { &dg_group, NULL };

/* The PCI function: as that of dirtygen elsewhere, but that nothing in it can be written. */

static const __le16 dg_config[DG_CONFIG_BYTES / sizeof(__le16)] = {
	[PCI_VENDOR_ID / sizeof(__le16)] = cpu_to_le16(DG_VENDOR_ID),
	[PCI_DEVICE_ID / sizeof(__le16)] = cpu_to_le16(DG_DEVICE_ID),
	[PCI_CLASS_DEVICE / sizeof(__le16)] = cpu_to_le16(DG_CLASS),
};
static const char dg_registers[DG_BAR_BYTES] = "dirtygen";

static const void *dg_region(u64 index, size_t *bytes)
{
	switch (index) {
	case VFIO_PCI_CONFIG_REGION_INDEX:
		*bytes = sizeof(dg_config);
		return dg_config;
	case VFIO_PCI_BAR0_REGION_INDEX:
		*bytes = sizeof(dg_registers);
		return dg_registers;
	}
	*bytes = 0;
	return NULL;
}

static ssize_t dg_read(struct mdev_device *mdev, char __user *buffer, size_t bytes,
		       loff_t *position)
{
	loff_t offset = *position & (DG_REGION_OFFSET(1) - 1);
	size_t region_bytes;
	const void *region = dg_region((u64)*position >> DG_REGION_SHIFT, &region_bytes);
	ssize_t ret;

	if (!region)
		return -EINVAL;
	ret = simple_read_from_buffer(buffer, bytes, &offset, region, region_bytes);
	if (ret > 0)
		*position += ret;
	return ret;
}

static ssize_t dg_write(struct mdev_device *mdev, const char __user *buffer,
			size_t bytes, loff_t *position)
{
	*position += bytes;
	return bytes;
}

static long dg_ioctl(struct mdev_device *mdev, unsigned int command, unsigned long arg)
{
	struct dg *dg = mdev_get_drvdata(mdev);
	void __user *user = (void __user *)arg;

	switch (command) {
	case VFIO_DEVICE_GET_INFO:
		return dg_get_info(user);
	case VFIO_DEVICE_GET_REGION_INFO:
		return dg_get_region_info(user);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return dg_get_irq_info(user);
	case VFIO_DEVICE_RESET:
		mutex_lock(&dg->lock);
		dg_unpin(dg, 0, ULONG_MAX);
		mutex_unlock(&dg->lock);
		return 0;
	}
	return -ENOTTY;
}

/*
 * Called for each GET_DEVICE_FD; one holder is enough here. The notifier comes
 * and goes outside of dg->lock: that waits for one that runs and takes the lock.
 */
static int dg_open(struct mdev_device *mdev)
{
	struct dg *dg = mdev_get_drvdata(mdev);
	unsigned long events = VFIO_IOMMU_NOTIFY_DMA_UNMAP;
	struct vfio_group *group;
	int ret;

	if (atomic_xchg(&dg->open, 1))
		return -EBUSY;
	group = vfio_group_get_external_user_from_dev(mdev_dev(mdev));
	if (IS_ERR(group)) {
		ret = PTR_ERR(group);
		goto closed;
	}
	/* Without a notifier type1 pins nothing. */
	ret = vfio_register_notifier(mdev_dev(mdev), VFIO_IOMMU_NOTIFY, &events,
				     &dg->unmapping);
	if (ret)
		goto put_group;
	mutex_lock(&dg->lock);
	dg->group = group;
	mutex_unlock(&dg->lock);
	return 0;

put_group:
	vfio_group_put_external_user(group);
closed:
	atomic_set(&dg->open, 0);
	return ret;
}

static void dg_close(struct mdev_device *mdev)
{
	struct dg *dg = mdev_get_drvdata(mdev);
	struct vfio_group *group;

	mutex_lock(&dg->lock);
	dg_unpin(dg, 0, ULONG_MAX);
	group = dg->group;
	dg->group = NULL;
	mutex_unlock(&dg->lock);
	vfio_unregister_notifier(mdev_dev(mdev), VFIO_IOMMU_NOTIFY, &dg->unmapping);
	vfio_group_put_external_user(group);
	atomic_set(&dg->open, 0);
}

static int dg_create(struct kobject *type, struct mdev_device *mdev)
{
	struct dg *dg = kzalloc(sizeof(*dg), GFP_KERNEL);

	if (!dg)
		return -ENOMEM;
	dg->unmapping.notifier_call = dg_unmapping;
	dg->window_pages = SZ_4G >> DG_PAGE_SHIFT;
	mutex_init(&dg->lock);
	xa_init(&dg->pins);
	mdev_set_drvdata(mdev, dg);
	return 0;
}

/* The device has been closed, and its sysfs files have been removed. */
static int dg_remove(struct mdev_device *mdev)
{
	struct dg *dg = mdev_get_drvdata(mdev);

	xa_destroy(&dg->pins);
	mutex_destroy(&dg->lock);
	kfree(dg);
	return 0;
}

/* The mdev type, and the device that offers it. */

static ssize_t name_show(struct kobject *type, struct device *dev, char *buffer)
{
	return sysfs_emit(buffer, "dirtygen\n");
}
static MDEV_TYPE_ATTR_RO(name);

static ssize_t device_api_show(struct kobject *type, struct device *dev, char *buffer)
{
	return sysfs_emit(buffer, "%s\n", VFIO_DEVICE_API_PCI_STRING);
}
static MDEV_TYPE_ATTR_RO(device_api);

/* Nobody counts: an mdev takes no more than memory. */
static ssize_t available_instances_show(struct kobject *type, struct device *dev,
					char *buffer)
{
	return sysfs_emit(buffer, "64\n");
}
static MDEV_TYPE_ATTR_RO(available_instances);

static struct attribute *dg_type_attributes[] = {
	&mdev_type_attr_name.attr,
	&mdev_type_attr_device_api.attr,
	&mdev_type_attr_available_instances.attr,
	NULL,
};
static struct attribute_group dg_type = { .name = "dma", .attrs = dg_type_attributes };
static struct attribute_group *dg_types[] = { &dg_type, NULL };

static const struct mdev_parent_ops dg_parent_ops = {
	.owner = THIS_MODULE,
	.mdev_attr_groups = dg_groups,
	.supported_type_groups = dg_types,
	.create = dg_create,
	.remove = dg_remove,
	.open = dg_open,
	.release = dg_close,
	.read = dg_read,
	.write = dg_write,
	.ioctl = dg_ioctl,
};

static struct class dg_class = { .name = "dirtygen", .owner = THIS_MODULE };
static struct device *dg_parent;

static int __init dg_module_init(void)
{
	int ret = class_register(&dg_class);

	if (ret)
		return ret;
	dg_parent = device_create(&dg_class, NULL, MKDEV(0, 0), NULL, "dirtygen");
	if (IS_ERR(dg_parent)) {
		ret = PTR_ERR(dg_parent);
		goto unregister_class;
	}
	ret = mdev_register_device(dg_parent, &dg_parent_ops);
	if (ret)
		goto unregister_parent;
	return 0;

unregister_parent:
	device_unregister(dg_parent);
unregister_class:
	class_unregister(&dg_class);
	return ret;
}

static void __exit dg_module_exit(void)
{
	mdev_unregister_device(dg_parent);
	device_unregister(dg_parent);
	class_unregister(&dg_class);
}

module_init(dg_module_init);
module_exit(dg_module_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The precopy developers");
MODULE_DESCRIPTION("Mediated VFIO device that dirties guest memory");
