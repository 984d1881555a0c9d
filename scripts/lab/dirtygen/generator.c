// SPDX-License-Identifier: GPL-2.0
/*
 * Writing guest memory: which page, when, and how.
 *
 * Every write is made by one ordered workqueue: vfio_dma_rw() only accepts a
 * task without an address space (it borrows the VMM's) or the VMM itself.
 */
#include <linux/highmem.h>
#include <linux/iommu.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/slab.h>

#include "dirtygen.h"

/* The generator lets go of its worker after this time, for other commands. */
#define DG_SLICE_NS (10 * NSEC_PER_MSEC)

static void dg_write_error(struct dg *dg, u64 iova, int error)
{
	dg->errors++;
	dg->last_error = -error;
	dg->last_error_iova = iova;
}

static void dg_fill_page(struct dg *dg, u64 iova, u64 sequence)
{
	u32 bytes = dg->settings.generator.stamp_bytes;
	struct dg_stamp *stamp = dg->page;
	u32 *words = dg->page;
	u32 i;

	memcpy(stamp->magic, "dirtygen", sizeof(stamp->magic));
	stamp->iova = iova;
	stamp->sequence = sequence;
	stamp->bytes = bytes;
	stamp->fill = (u32)(iova >> DG_PAGE_SHIFT) * 0x9e3779b1u ^
		      (u32)sequence * 0x85ebca6bu ^ bytes;
	for (i = sizeof(*stamp) / sizeof(u32); i < bytes / sizeof(u32); i++)
		words[i] = stamp->fill + i;
}

static int dg_write_pinned(struct dg *dg, u64 iova)
{
	const struct dg_generator *generator = &dg->settings.generator;
	unsigned long index = iova >> DG_PAGE_SHIFT;
	struct page *page = xa_load(&dg->pins, index);
	bool held = page;
	void *address;
	int ret;

	if (!held) {
		ret = vfio_pin_pages(&dg->vdev, iova, 1,
				     IOMMU_READ | IOMMU_WRITE, &page);
		if (ret != 1)
			return ret < 0 ? ret : -EFAULT;
		if (generator->hold) {
			ret = xa_err(xa_store(&dg->pins, index, page, GFP_KERNEL));
			if (ret) {
				vfio_unpin_pages(&dg->vdev, iova, 1);
				return ret;
			}
			dg->pinned++;
			held = true;
		}
	}
	address = kmap_local_page(page);
	memcpy(address, dg->page, generator->stamp_bytes);
	kunmap_local(address);
	if (!held)
		vfio_unpin_pages(&dg->vdev, iova, 1);
	return 0;
}

/* Under io_lock. */
static int dg_write_page(struct dg *dg, u64 iova)
{
	struct dg_generator *generator = &dg->settings.generator;
	u64 page = iova >> DG_PAGE_SHIFT;
	u64 bit = page - (generator->window_iova >> DG_PAGE_SHIFT);
	u64 *slot;
	int ret;

	if (!dg->may_write)
		return -ENODEV;
	if (bit >= generator->window_pages) {
		ret = -ERANGE;
		goto failed;
	}
	slot = dg_sequence_slot(dg, page);
	if (!slot) {
		ret = -ENOMEM;
		goto failed;
	}
	dg_fill_page(dg, iova, generator->sequence + 1);
	if (generator->method == DG_PIN)
		ret = dg_write_pinned(dg, iova);
	else
		ret = vfio_dma_rw(&dg->vdev, iova, dg->page,
				  generator->stamp_bytes, true);
	if (ret)
		goto failed;
	*slot = ++generator->sequence;
	generator->written++;
	__set_bit(bit, dg->truth);
	if (dg->logging)
		__set_bit(bit, dg->log);
	return 0;
failed:
	dg_write_error(dg, iova, ret);
	return ret;
}

static u64 dg_random(struct dg_generator *generator)
{
	u64 x = generator->random;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	generator->random = x;
	/* The low bits of a xorshift are its weak ones. */
	return x * 0x9e3779b97f4a7c15ull >> 16;
}

static u64 dg_next_iova(struct dg_generator *generator)
{
	u64 pages = generator->range_pages;
	u64 page = 0;

	switch (generator->pattern) {
	case DG_SEQUENTIAL:
		page = generator->next < pages ? generator->next : 0;
		generator->next = page + 1;
		break;
	case DG_HOT:
		if (generator->hot_pages >= pages ||
		    dg_random(generator) % 1000 < generator->hot_permille)
			page = dg_random(generator) % min(generator->hot_pages, pages);
		else
			page = generator->hot_pages +
			       dg_random(generator) % (pages - generator->hot_pages);
		break;
	case DG_ZIPF:
		/*
		 * Halve the range again and again with probability 1/2: page i
		 * is written about 1/i as often as the first one.
		 */
		pages >>= min_t(u32, ffs((u32)dg_random(generator) | BIT(31)) - 1,
				ilog2(pages));
		fallthrough;
	default:
		page = dg_random(generator) % pages;
	}
	return generator->range_iova + (page << DG_PAGE_SHIFT);
}

/* The range must lie in the window: what is outside leaves no ground truth. */
static int dg_check_range(const struct dg_generator *generator, u64 iova, u64 pages)
{
	u64 first = iova >> DG_PAGE_SHIFT;
	u64 window = generator->window_iova >> DG_PAGE_SHIFT;

	if (!pages || first < window ||
	    first - window >= generator->window_pages ||
	    pages > generator->window_pages - (first - window))
		return -ERANGE;
	return 0;
}

int dg_check_generator(const struct dg_generator *generator)
{
	if (!IS_ALIGNED(generator->window_iova | generator->range_iova, DG_PAGE_BYTES) ||
	    !generator->window_pages || generator->window_pages > DG_WINDOW_MAX_PAGES ||
	    generator->window_iova + (generator->window_pages << DG_PAGE_SHIFT) - 1 <
		    generator->window_iova ||
	    !generator->range_pages || generator->range_pages > DG_WINDOW_MAX_PAGES ||
	    generator->rate > 100000000 || !generator->hot_pages || generator->hot_permille > 1000 ||
	    generator->burst_on_ms > 3600000 || generator->burst_off_ms > 3600000 ||
	    generator->stamp_bytes < sizeof(struct dg_stamp) ||
	    generator->stamp_bytes > DG_PAGE_BYTES || generator->stamp_bytes % 4 ||
	    generator->pattern > DG_ZIPF || generator->method > DG_PIN ||
	    generator->hold > 1 || generator->running > 1 || !generator->random)
		return -EINVAL;
	return 0;
}

static void dg_measure(struct dg *dg, u64 now)
{
	u64 written = dg->settings.generator.written;

	if (!dg->measure_ns) {
		dg->measure_ns = now;
		dg->measure_written = written;
	} else if (now - dg->measure_ns >= NSEC_PER_SEC) {
		dg->rate_reached = mul_u64_u64_div_u64(written - dg->measure_written,
						       NSEC_PER_SEC,
						       now - dg->measure_ns);
		dg->measure_ns = now;
		dg->measure_written = written;
	}
}

/* Pages that are due now; under io_lock. */
static u64 dg_pages_due(struct dg *dg, u64 now)
{
	const struct dg_generator *generator = &dg->settings.generator;
	u64 elapsed = now - dg->tick_ns;
	u64 period = (generator->burst_on_ms + generator->burst_off_ms) * NSEC_PER_MSEC;

	if (!dg->tick_ns) {
		dg->burst_ns = now;
		dg->credit = 0;
		elapsed = 0;
	}
	dg->tick_ns = now;
	if (generator->burst_on_ms && generator->burst_off_ms &&
	    (now - dg->burst_ns) % period >= generator->burst_on_ms * NSEC_PER_MSEC)
		return 0;
	if (!generator->rate)
		return U64_MAX;
	/* What could not be written within a second is not caught up with. */
	elapsed = min_t(u64, elapsed, NSEC_PER_SEC);
	dg->credit = min(dg->credit + elapsed * generator->rate,
			 generator->rate * NSEC_PER_SEC);
	return div_u64(dg->credit, NSEC_PER_SEC);
}

static void dg_tick(struct work_struct *work)
{
	struct dg *dg = container_of(to_delayed_work(work), struct dg, tick);
	struct dg_generator *generator = &dg->settings.generator;
	u64 now = ktime_get_ns();
	u64 end = now + DG_SLICE_NS;
	u64 due;

	mutex_lock(&dg->io_lock);
	if (!generator->running || !dg->may_write) {
		/* dg_kick() starts us again. */
		dg->tick_ns = 0;
		dg->measure_ns = 0;
		mutex_unlock(&dg->io_lock);
		return;
	}
	due = dg_pages_due(dg, now);
	while (due) {
		if (generator->rate)
			dg->credit -= min_t(u64, dg->credit, NSEC_PER_SEC);
		dg_write_page(dg, dg_next_iova(generator));
		/* Somebody may want to stop us: look again after each page. */
		mutex_unlock(&dg->io_lock);
		cond_resched();
		now = ktime_get_ns();
		mutex_lock(&dg->io_lock);
		due--;
		if (!generator->running || !dg->may_write || now > end)
			break;
	}
	dg_measure(dg, now);
	queue_delayed_work(dg->queue, &dg->tick, due ? 0 : 1);
	mutex_unlock(&dg->io_lock);
}

static void dg_command_work(struct work_struct *work)
{
	struct dg *dg = container_of(work, struct dg, command.work);
	struct dg_command *command = &dg->command;
	u64 i;
	int ret = 0;

	for (i = 0; i < command->pages && !ret; i++) {
		mutex_lock(&dg->io_lock);
		ret = dg_write_page(dg, command->explicit ?
					command->iova + (i << DG_PAGE_SHIFT) :
					dg_next_iova(&dg->settings.generator));
		mutex_unlock(&dg->io_lock);
		if (READ_ONCE(command->cancel))
			ret = -EINTR;
		cond_resched();
	}
	command->result = ret;
	complete(&command->done);
}

/* Writes pages once; returns when they are written, or the first error. */
int dg_write_pages(struct dg *dg, bool explicit, u64 iova, u64 pages)
{
	struct dg_generator *generator = &dg->settings.generator;
	struct dg_command *command = &dg->command;
	int ret;

	if (mutex_lock_interruptible(&dg->command_lock))
		return -EINTR;
	mutex_lock(&dg->io_lock);
	if (explicit)
		ret = dg_check_range(generator, iova, pages);
	else
		ret = dg_check_range(generator, generator->range_iova,
				     generator->range_pages);
	if (!ret && !dg->may_write)
		ret = -ENODEV;
	mutex_unlock(&dg->io_lock);
	if (ret)
		goto unlock;

	command->explicit = explicit;
	command->iova = iova;
	command->pages = pages;
	command->cancel = false;
	reinit_completion(&command->done);
	queue_work(dg->queue, &command->work);
	if (wait_for_completion_interruptible(&command->done)) {
		WRITE_ONCE(command->cancel, true);
		wait_for_completion(&command->done);
	}
	ret = command->result;
unlock:
	mutex_unlock(&dg->command_lock);
	return ret;
}

/* Starts the generator's worker if there is something to do. */
static void dg_kick(struct dg *dg)
{
	mod_delayed_work(dg->queue, &dg->tick, 0);
}

int dg_run(struct dg *dg)
{
	struct dg_generator *generator = &dg->settings.generator;
	int ret;

	mutex_lock(&dg->io_lock);
	ret = dg_check_range(generator, generator->range_iova, generator->range_pages);
	if (!ret)
		generator->running = true;
	mutex_unlock(&dg->io_lock);
	if (!ret)
		dg_kick(dg);
	return ret;
}

/* Nothing is written by the generator once this has returned. */
void dg_halt(struct dg *dg)
{
	mutex_lock(&dg->io_lock);
	dg->settings.generator.running = false;
	dg->rate_reached = 0;
	mutex_unlock(&dg->io_lock);
}

/* With false: nothing at all is written once this has returned. */
void dg_set_may_write(struct dg *dg, bool may_write)
{
	mutex_lock(&dg->io_lock);
	dg->may_write = may_write && dg->open;
	mutex_unlock(&dg->io_lock);
	if (may_write)
		dg_kick(dg);
}

/* Waits for the workers, which must have been stopped by dg_set_may_write(). */
void dg_drain(struct dg *dg)
{
	cancel_delayed_work_sync(&dg->tick);
	flush_work(&dg->command.work);
}

void dg_unpin(struct dg *dg, u64 first, u64 last)
{
	unsigned long index;
	struct page *page;

	mutex_lock(&dg->io_lock);
	xa_for_each_range(&dg->pins, index, page, first, last) {
		vfio_unpin_pages(&dg->vdev, (dma_addr_t)index << DG_PAGE_SHIFT, 1);
		xa_erase(&dg->pins, index);
		dg->pinned--;
	}
	mutex_unlock(&dg->io_lock);
}

void dg_dma_unmap(struct vfio_device *vdev, u64 iova, u64 bytes)
{
	dg_unpin(dg_from_vdev(vdev), iova >> DG_PAGE_SHIFT,
		 (iova + bytes - 1) >> DG_PAGE_SHIFT);
}

int dg_generator_init(struct dg *dg, const char *name)
{
	struct dg_generator *generator = &dg->settings.generator;

	mutex_init(&dg->io_lock);
	mutex_init(&dg->command_lock);
	xa_init(&dg->pins);
	init_completion(&dg->command.done);
	INIT_DELAYED_WORK(&dg->tick, dg_tick);
	INIT_WORK(&dg->command.work, dg_command_work);
	*generator = (struct dg_generator){
		.range_iova = SZ_16M,
		.range_pages = 1024,
		.rate = 1000,
		.hot_pages = 64,
		.hot_permille = 900,
		.stamp_bytes = DG_PAGE_BYTES,
		.random = 0x2545f4914f6cdd1dull,
	};
	dg->page = kzalloc(DG_PAGE_BYTES, GFP_KERNEL);
	dg->sequences = dg_alloc_sequences();
	dg->queue = alloc_ordered_workqueue("dirtygen-%.8s", 0, name);
	if (!dg->page || !dg->sequences || !dg->queue ||
	    dg_set_window(dg, 0, SZ_4G >> DG_PAGE_SHIFT)) {
		dg_generator_release(dg);
		return -ENOMEM;
	}
	return 0;
}

void dg_generator_release(struct dg *dg)
{
	cancel_delayed_work_sync(&dg->tick);
	if (dg->queue)
		destroy_workqueue(dg->queue);
	dg_free_truth(dg);
	xa_destroy(&dg->pins);
	kfree(dg->page);
	mutex_destroy(&dg->command_lock);
	mutex_destroy(&dg->io_lock);
}
