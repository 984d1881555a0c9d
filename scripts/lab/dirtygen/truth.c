// SPDX-License-Identifier: GPL-2.0
/*
 * What dirtygen remembers of its writes: the ground truth bitmap of the window,
 * the sequence number of each page, and the log of device dirty logging.
 */
#include <linux/bitmap.h>
#include <linux/iova_bitmap.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "dirtygen.h"

struct xarray *dg_alloc_sequences(void)
{
	struct xarray *sequences = kmalloc(sizeof(*sequences), GFP_KERNEL);

	if (sequences)
		xa_init(sequences);
	return sequences;
}

void dg_free_sequences(struct xarray *sequences)
{
	unsigned long index;
	void *chunk;

	if (!sequences)
		return;
	xa_for_each(sequences, index, chunk)
		kfree(chunk);
	xa_destroy(sequences);
	kfree(sequences);
}

/* Where the sequence number of a page is kept; NULL: no memory. */
u64 *dg_sequence_slot(struct dg *dg, u64 page)
{
	unsigned long index = page >> DG_CHUNK_SHIFT;
	u64 *chunk = xa_load(dg->sequences, index);

	if (!chunk) {
		chunk = kzalloc(DG_CHUNK_BYTES, GFP_KERNEL);
		if (!chunk)
			return NULL;
		if (xa_err(xa_store(dg->sequences, index, chunk, GFP_KERNEL))) {
			kfree(chunk);
			return NULL;
		}
		dg->chunks++;
	}
	return chunk + (page & (DG_CHUNK_ENTRIES - 1));
}

u64 dg_sequence(struct dg *dg, u64 page)
{
	u64 *chunk = xa_load(dg->sequences, page >> DG_CHUNK_SHIFT);

	return chunk ? chunk[page & (DG_CHUNK_ENTRIES - 1)] : 0;
}

static unsigned long *dg_alloc_bitmap(u64 pages)
{
	return vzalloc(BITS_TO_LONGS(pages) * sizeof(unsigned long));
}

static u64 dg_bitmap_bytes(const struct dg_generator *generator)
{
	return BITS_TO_LONGS(generator->window_pages) * sizeof(unsigned long);
}

/* Moves the window; the ground truth starts anew, sequence numbers stay. */
int dg_set_window(struct dg *dg, u64 iova, u64 pages)
{
	struct dg_generator *generator = &dg->settings.generator;
	unsigned long *truth = dg_alloc_bitmap(pages);
	unsigned long *snapshot = dg_alloc_bitmap(pages);
	unsigned long *log = dg_alloc_bitmap(pages);
	int ret = 0;

	mutex_lock(&dg->io_lock);
	if (!truth || !snapshot || !log) {
		ret = -ENOMEM;
	} else if (dg->logging) {
		ret = -EBUSY;
	} else {
		swap(dg->truth, truth);
		swap(dg->snapshot, snapshot);
		swap(dg->log, log);
		generator->window_iova = iova;
		generator->window_pages = pages;
	}
	mutex_unlock(&dg->io_lock);
	vfree(truth);
	vfree(snapshot);
	vfree(log);
	return ret;
}

void dg_snapshot(struct dg *dg)
{
	mutex_lock(&dg->io_lock);
	swap(dg->truth, dg->snapshot);
	memset(dg->truth, 0, dg_bitmap_bytes(&dg->settings.generator));
	mutex_unlock(&dg->io_lock);
}

/* Forgets the ground truth and the errors, not the sequence numbers. */
void dg_forget(struct dg *dg)
{
	mutex_lock(&dg->io_lock);
	memset(dg->truth, 0, dg_bitmap_bytes(&dg->settings.generator));
	memset(dg->snapshot, 0, dg_bitmap_bytes(&dg->settings.generator));
	dg->errors = 0;
	dg->last_error = 0;
	dg->last_error_iova = 0;
	mutex_unlock(&dg->io_lock);
}

static int dg_log_start(struct vfio_device *vdev, struct rb_root_cached *ranges,
			u32 nnodes, u64 *page_size)
{
	struct dg *dg = dg_from_vdev(vdev);
	int ret = 0;

	mutex_lock(&dg->io_lock);
	if (dg->logging) {
		ret = -EINVAL;
	} else {
		/* Everything in the window is logged, whatever the ranges. */
		memset(dg->log, 0, dg_bitmap_bytes(&dg->settings.generator));
		dg->logging = true;
		*page_size = DG_PAGE_BYTES;
	}
	mutex_unlock(&dg->io_lock);
	return ret;
}

static int dg_log_stop(struct vfio_device *vdev)
{
	struct dg *dg = dg_from_vdev(vdev);
	int ret;

	mutex_lock(&dg->io_lock);
	ret = dg->logging ? 0 : -EINVAL;
	dg->logging = false;
	mutex_unlock(&dg->io_lock);
	return ret;
}

static int dg_log_read_and_clear(struct vfio_device *vdev, unsigned long iova,
				 unsigned long length, struct iova_bitmap *dirty)
{
	struct dg *dg = dg_from_vdev(vdev);
	const struct dg_generator *generator = &dg->settings.generator;
	u64 window, first, last, bit;
	int ret = 0;

	mutex_lock(&dg->io_lock);
	if (!dg->logging) {
		ret = -EINVAL;
		goto unlock;
	}
	window = generator->window_iova >> DG_PAGE_SHIFT;
	first = max_t(u64, iova >> DG_PAGE_SHIFT, window);
	last = (iova + length - 1) >> DG_PAGE_SHIFT;
	if (!length || last < first)
		goto unlock;
	last = min_t(u64, last - window, generator->window_pages - 1);
	for (bit = find_next_bit(dg->log, last + 1, first - window); bit <= last;
	     bit = find_next_bit(dg->log, last + 1, bit + 1)) {
		iova_bitmap_set(dirty, (window + bit) << DG_PAGE_SHIFT, DG_PAGE_BYTES);
		__clear_bit(bit, dg->log);
	}
unlock:
	mutex_unlock(&dg->io_lock);
	return ret;
}

const struct vfio_log_ops dg_log_ops = {
	.log_start = dg_log_start,
	.log_stop = dg_log_stop,
	.log_read_and_clear = dg_log_read_and_clear,
};

void dg_free_truth(struct dg *dg)
{
	vfree(dg->truth);
	vfree(dg->snapshot);
	vfree(dg->log);
	dg_free_sequences(dg->sequences);
}
