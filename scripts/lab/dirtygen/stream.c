// SPDX-License-Identifier: GPL-2.0
/*
 * The migration file: what SET_STATE hands out for saving and for resuming.
 *
 * It carries records. Padding stands for the state of a bigger device: it is
 * made up while it is read and thrown away while it is written, so that a device
 * with gigabytes of state costs no memory.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "dirtygen.h"

/* Device state becomes dirty in blocks of this size. */
#define DG_DIRTY_BLOCK_BYTES 4096

#define DG_RECORD_MAGIC 0x31724764 /* "dGr1" */

enum dg_record_type {
	DG_RECORD_PADDING,
	DG_RECORD_GENERATOR, /* struct dg_generator */
	DG_RECORD_SEQUENCES, /* u64 chunk index, then the chunk */
	DG_RECORD_END,
};

struct dg_record {
	u32 magic;
	u32 type;
	u64 bytes; /* that follow */
};

#define DG_SEQUENCES_BYTES (sizeof(u64) + DG_CHUNK_BYTES)
#define DG_PAYLOAD_BYTES max(DG_SEQUENCES_BYTES, sizeof(struct dg_generator))

/* One migration file. The device and the user each hold a reference on it. */
struct dg_stream {
	struct mutex lock;
	struct file *file;
	struct dg *dg; /* NULL: the session is over */
	u32 state; /* of the device, as far as it matters here */

	struct dg_record record; /* being sent or received */
	size_t record_left; /* bytes of it that are not yet through */
	u64 left; /* bytes of its payload that are not yet through */

	/* Saving: what STOP_COPY sends after the padding. */
	bool initial; /* the record is the initial data of PRE_COPY */
	u64 opened_ns;
	u64 dirty_sent;
	u64 stop_padding;
	u8 *tail;
	size_t tail_bytes;
	size_t tail_sent;

	/* Resuming: what came in, until RESUMING -> STOP takes it over. */
	u8 *payload;
	bool have_generator;
	bool ended;
	struct dg_generator generator;
	struct xarray *sequences;
	u64 chunks;
};

static void dg_start_record(struct dg_stream *stream, u32 type, u64 bytes)
{
	stream->record = (struct dg_record){ DG_RECORD_MAGIC, type, bytes };
	stream->record_left = sizeof(stream->record);
	stream->left = bytes;
}

/* Padding that takes `bytes` in the file, its header included. */
static void dg_start_padding(struct dg_stream *stream, u64 bytes)
{
	dg_start_record(stream, DG_RECORD_PADDING,
			bytes - min_t(u64, bytes, sizeof(stream->record)));
}

/* Device state that became dirty in PRE_COPY and is not yet sent. */
static u64 dg_precopy_dirty(struct dg_stream *stream)
{
	u64 rate = READ_ONCE(stream->dg->settings.simulation.precopy_rate);
	u64 made = mul_u64_u64_div_u64(rate, ktime_get_ns() - stream->opened_ns,
				       NSEC_PER_SEC);

	/* The rate may have been lowered since. */
	if (made < stream->dirty_sent)
		return 0;
	return rounddown(made - stream->dirty_sent, DG_DIRTY_BLOCK_BYTES);
}

/* What the tail of a save takes in the file; under io_lock. */
u64 dg_tail_bytes(struct dg *dg)
{
	return sizeof(struct dg_record) + sizeof(struct dg_generator) +
	       dg->chunks * (sizeof(struct dg_record) + DG_SEQUENCES_BYTES) +
	       sizeof(struct dg_record);
}

static u8 *dg_put_record(u8 *to, u32 type, u64 bytes)
{
	struct dg_record record = { DG_RECORD_MAGIC, type, bytes };

	memcpy(to, &record, sizeof(record));
	return to + sizeof(record);
}

/* Entering STOP_COPY: the device has stopped, its state is taken once. */
static int dg_save(struct dg *dg, struct dg_stream *stream)
{
	unsigned long index;
	size_t bytes;
	void *chunk;
	u64 number;
	u8 *tail, *to;

	mutex_lock(&dg->io_lock);
	bytes = dg_tail_bytes(dg);
	tail = kvmalloc(bytes, GFP_KERNEL_ACCOUNT);
	if (!tail) {
		mutex_unlock(&dg->io_lock);
		return -ENOMEM;
	}
	to = dg_put_record(tail, DG_RECORD_GENERATOR, sizeof(struct dg_generator));
	memcpy(to, &dg->settings.generator, sizeof(struct dg_generator));
	to += sizeof(struct dg_generator);
	xa_for_each(dg->sequences, index, chunk) {
		to = dg_put_record(to, DG_RECORD_SEQUENCES, DG_SEQUENCES_BYTES);
		number = index;
		memcpy(to, &number, sizeof(number));
		memcpy(to + sizeof(number), chunk, DG_CHUNK_BYTES);
		to += DG_SEQUENCES_BYTES;
	}
	to = dg_put_record(to, DG_RECORD_END, 0);
	WARN_ON(to != tail + bytes);

	stream->stop_padding = dg->settings.simulation.stop_copy_bytes;
	mutex_unlock(&dg->io_lock);

	/* A second entry into STOP_COPY in one session saves anew. */
	kvfree(stream->tail);
	stream->tail = tail;
	stream->tail_bytes = bytes;
	stream->tail_sent = 0;
	return 0;
}

/* The next piece of the file, in *from; NULL there means zeros. */
static size_t dg_next_piece(struct dg_stream *stream, const u8 **from)
{
	u64 dirty;

	if (!stream->record_left && !stream->left) {
		stream->initial = false;
		if (stream->state == VFIO_DEVICE_STATE_STOP_COPY) {
			if (stream->stop_padding)
				dg_start_padding(stream, stream->stop_padding);
			stream->stop_padding = 0;
		} else {
			dirty = dg_precopy_dirty(stream);
			if (dirty) {
				dg_start_padding(stream, dirty);
				stream->dirty_sent += dirty;
			}
		}
	}
	if (stream->record_left) {
		*from = (u8 *)&stream->record + sizeof(stream->record) - stream->record_left;
		return stream->record_left;
	}
	if (stream->left) {
		*from = NULL;
		return min_t(u64, stream->left, SZ_1G);
	}
	if (stream->state != VFIO_DEVICE_STATE_STOP_COPY)
		return 0;
	*from = stream->tail + stream->tail_sent;
	return stream->tail_bytes - stream->tail_sent;
}

static void dg_piece_sent(struct dg_stream *stream, size_t bytes)
{
	if (stream->record_left)
		stream->record_left -= bytes;
	else if (stream->left)
		stream->left -= bytes;
	else
		stream->tail_sent += bytes;
}

static ssize_t dg_save_read(struct file *file, char __user *buffer, size_t bytes,
			    loff_t *position)
{
	struct dg_stream *stream = file->private_data;
	const u8 *from = NULL;
	size_t done = 0;
	size_t piece;
	int ret = 0;

	if (position)
		return -ESPIPE;
	mutex_lock(&stream->lock);
	if (!stream->dg) {
		ret = -ENODEV;
		goto unlock;
	}
	ret = dg_fault_take(stream->dg, DG_FAULT_ANY, DG_FAULT_SAVE, NULL);
	if (ret)
		goto unlock;
	while (done < bytes) {
		piece = min(dg_next_piece(stream, &from), bytes - done);
		if (!piece)
			break;
		if (from ? copy_to_user(buffer + done, from, piece) :
			   clear_user(buffer + done, piece)) {
			ret = -EFAULT;
			goto unlock;
		}
		dg_piece_sent(stream, piece);
		done += piece;
		cond_resched();
	}
	/* The end of STOP_COPY is the end; that of PRE_COPY is "nothing yet". */
	if (!done && bytes && stream->state != VFIO_DEVICE_STATE_STOP_COPY)
		ret = -ENOMSG;
unlock:
	mutex_unlock(&stream->lock);
	return ret ? ret : done;
}

static long dg_save_ioctl(struct file *file, unsigned int command, unsigned long arg)
{
	struct dg_stream *stream = file->private_data;
	const size_t minsz = offsetofend(struct vfio_precopy_info, dirty_bytes);
	struct vfio_precopy_info info;
	u64 left;

	if (command != VFIO_MIG_GET_PRECOPY_INFO)
		return -ENOTTY;
	if (copy_from_user(&info, (void __user *)arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;

	mutex_lock(&stream->lock);
	if (!stream->dg || stream->state == VFIO_DEVICE_STATE_STOP_COPY) {
		mutex_unlock(&stream->lock);
		return stream->dg ? -EINVAL : -ENODEV;
	}
	left = stream->record_left + stream->left;
	info.initial_bytes = stream->initial ? left : 0;
	info.dirty_bytes = dg_precopy_dirty(stream);
	if (!stream->initial)
		info.dirty_bytes += left;
	mutex_unlock(&stream->lock);
	return copy_to_user((void __user *)arg, &info, minsz) ? -EFAULT : 0;
}

/* A record's header, or the whole of its payload, has come in. */
static int dg_load_record(struct dg_stream *stream, bool payload)
{
	const struct dg_record *record = &stream->record;
	u64 index;
	void *chunk;

	if (record->magic != DG_RECORD_MAGIC || stream->ended)
		return -EINVAL;
	switch (record->type) {
	case DG_RECORD_PADDING:
		return 0;
	case DG_RECORD_GENERATOR:
		if (record->bytes != sizeof(stream->generator))
			return -EINVAL;
		if (!payload)
			return 0;
		memcpy(&stream->generator, stream->payload, sizeof(stream->generator));
		stream->have_generator = true;
		return dg_check_generator(&stream->generator);
	case DG_RECORD_SEQUENCES:
		if (record->bytes != DG_SEQUENCES_BYTES)
			return -EINVAL;
		if (!payload)
			return 0;
		memcpy(&index, stream->payload, sizeof(index));
		chunk = kmemdup(stream->payload + sizeof(index), DG_CHUNK_BYTES,
				GFP_KERNEL_ACCOUNT);
		if (!chunk)
			return -ENOMEM;
		/* Each chunk comes once: -EBUSY for a second one. */
		if (xa_insert(stream->sequences, index, chunk, GFP_KERNEL)) {
			kfree(chunk);
			return -EINVAL;
		}
		stream->chunks++;
		return 0;
	case DG_RECORD_END:
		stream->ended = true;
		return record->bytes ? -EINVAL : 0;
	}
	return -EINVAL;
}

static ssize_t dg_resume_write(struct file *file, const char __user *buffer,
			       size_t bytes, loff_t *position)
{
	struct dg_stream *stream = file->private_data;
	size_t done = 0;
	size_t piece;
	u8 *to;
	int ret;

	if (position)
		return -ESPIPE;
	mutex_lock(&stream->lock);
	if (!stream->dg) {
		ret = -ENODEV;
		goto unlock;
	}
	ret = dg_fault_take(stream->dg, DG_FAULT_ANY, DG_FAULT_LOAD, NULL);
	while (!ret && done < bytes) {
		if (!stream->record_left && !stream->left)
			stream->record_left = sizeof(stream->record);
		if (stream->record_left) {
			piece = min(stream->record_left, bytes - done);
			to = (u8 *)&stream->record + sizeof(stream->record) -
			     stream->record_left;
			if (copy_from_user(to, buffer + done, piece)) {
				ret = -EFAULT;
				break;
			}
			stream->record_left -= piece;
			if (!stream->record_left) {
				stream->left = stream->record.bytes;
				ret = dg_load_record(stream, false);
			}
		} else {
			piece = min_t(u64, stream->left, bytes - done);
			to = stream->payload + stream->record.bytes - stream->left;
			if (stream->record.type != DG_RECORD_PADDING &&
			    copy_from_user(to, buffer + done, piece)) {
				ret = -EFAULT;
				break;
			}
			stream->left -= piece;
			if (!stream->left)
				ret = dg_load_record(stream, true);
		}
		done += piece;
		cond_resched();
	}
unlock:
	mutex_unlock(&stream->lock);
	return ret ? ret : done;
}

static int dg_stream_release(struct inode *inode, struct file *file)
{
	struct dg_stream *stream = file->private_data;

	dg_free_sequences(stream->sequences);
	kvfree(stream->tail);
	kfree(stream->payload);
	mutex_destroy(&stream->lock);
	kfree(stream);
	return 0;
}

static const struct file_operations dg_save_fops = {
	.owner = THIS_MODULE,
	.read = dg_save_read,
	.unlocked_ioctl = dg_save_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.release = dg_stream_release,
};

static const struct file_operations dg_resume_fops = {
	.owner = THIS_MODULE,
	.write = dg_resume_write,
	.release = dg_stream_release,
};

/* Begins a session, saving or resuming; returns its file for the user. */
struct file *dg_open_stream(struct dg *dg, u32 state)
{
	bool saves = dg_state_saves(state);
	struct dg_stream *stream;
	int ret = -ENOMEM;

	stream = kzalloc(sizeof(*stream), GFP_KERNEL_ACCOUNT);
	if (!stream)
		return ERR_PTR(-ENOMEM);
	stream->dg = dg;
	stream->state = state;
	if (!saves) {
		stream->sequences = dg_alloc_sequences();
		stream->payload = kmalloc(DG_PAYLOAD_BYTES, GFP_KERNEL_ACCOUNT);
		if (!stream->sequences || !stream->payload)
			goto free;
	} else if (state == VFIO_DEVICE_STATE_STOP_COPY) {
		ret = dg_save(dg, stream);
		if (ret)
			goto free;
	} else {
		/* initial_bytes "should have a non-zero initial value" (uapi). */
		stream->opened_ns = ktime_get_ns();
		stream->initial = true;
		dg_start_padding(stream, dg->settings.simulation.precopy_bytes);
	}
	mutex_init(&stream->lock);
	stream->file = anon_inode_getfile("dirtygen_migration",
					  saves ? &dg_save_fops : &dg_resume_fops,
					  stream, saves ? O_RDONLY : O_WRONLY);
	if (IS_ERR(stream->file)) {
		ret = PTR_ERR(stream->file);
		mutex_destroy(&stream->lock);
		goto free;
	}
	stream_open(stream->file->f_inode, stream->file);
	dg->stream = stream;
	return get_file(stream->file);
free:
	dg_free_sequences(stream->sequences);
	kvfree(stream->tail);
	kfree(stream->payload);
	kfree(stream);
	return ERR_PTR(ret);
}

/* From one saving state to another: the same file goes on. */
int dg_continue_stream(struct dg *dg, u32 state)
{
	struct dg_stream *stream = dg->stream;
	int ret = 0;

	mutex_lock(&stream->lock);
	if (state == VFIO_DEVICE_STATE_STOP_COPY)
		ret = dg_save(dg, stream);
	if (!ret)
		stream->state = state;
	mutex_unlock(&stream->lock);
	return ret;
}

/* Ends the session: the user's file, if still open, only gives ENODEV. */
void dg_close_stream(struct dg *dg)
{
	struct dg_stream *stream = dg->stream;

	if (!stream)
		return;
	dg->stream = NULL;
	mutex_lock(&stream->lock);
	stream->dg = NULL;
	mutex_unlock(&stream->lock);
	fput(stream->file);
}

/* RESUMING -> STOP: the device becomes what the file said. */
int dg_load(struct dg *dg)
{
	struct dg_stream *stream = dg->stream;
	int ret = -EINVAL;

	mutex_lock(&stream->lock);
	if (!stream->ended || !stream->have_generator)
		goto unlock;
	ret = dg_set_window(dg, stream->generator.window_iova,
			    stream->generator.window_pages);
	if (ret)
		goto unlock;
	mutex_lock(&dg->io_lock);
	dg->settings.generator = stream->generator;
	swap(dg->sequences, stream->sequences);
	dg->chunks = stream->chunks;
	mutex_unlock(&dg->io_lock);
unlock:
	mutex_unlock(&stream->lock);
	return ret;
}
