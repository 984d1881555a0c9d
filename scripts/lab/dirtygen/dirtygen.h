/* SPDX-License-Identifier: GPL-2.0 */
/*
 * dirtygen: a mediated VFIO device that dirties guest memory by DMA, knows
 * exactly what it dirtied, and migrates. docs/dirtygen.md is the reference of
 * its interface.
 *
 * Locks, outermost first:
 *   command_lock  one on-demand write at a time
 *   state_lock    the migration state machine; held over a whole SET_STATE
 *   stream->lock  one migration file
 *   io_lock       everything that a write to guest memory touches. The writers
 *                 take it for each page, so whoever holds it sees no write in
 *                 flight: that makes the cut of `snapshot` and the stop of a
 *                 migration exact. vfio's own locks nest inside.
 *   fault_lock    the table of injected faults
 * dma_unmap() is called under vfio's device_list_lock and takes io_lock only.
 */
#ifndef DIRTYGEN_H
#define DIRTYGEN_H

#include <linux/completion.h>
#include <linux/mdev.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/vfio.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "compat.h"
#include "pci-function.h"

#define DG_PAGE_SHIFT 12
#define DG_PAGE_BYTES BIT(DG_PAGE_SHIFT)
#define DG_FAULTS 8

/* Sequence numbers are kept in chunks of one page, made when first needed. */
#define DG_CHUNK_SHIFT 9
#define DG_CHUNK_ENTRIES BIT(DG_CHUNK_SHIFT)
#define DG_CHUNK_BYTES (DG_CHUNK_ENTRIES * sizeof(u64))

/* A bitmap of 256 MiB, the largest that GET_BITMAP serves: 8 TiB. */
#define DG_WINDOW_MAX_PAGES BIT_ULL(31)

enum dg_pattern { DG_UNIFORM, DG_SEQUENTIAL, DG_HOT, DG_ZIPF };
enum dg_method { DG_DMA_RW, DG_PIN };

/* What a page gets when it is written; the rest is u32 words `fill + index`. */
struct dg_stamp {
	char magic[8]; /* "dirtygen" */
	u64 iova;
	u64 sequence;
	u32 bytes; /* of the page that were written, this header included */
	u32 fill;
};

/* The device's state: all of it migrates, in this layout. */
struct dg_generator {
	u64 window_iova; /* where the ground truth is kept */
	u64 window_pages;
	u64 range_iova; /* where pages are written */
	u64 range_pages;
	u64 rate; /* pages/s, 0 as fast as possible */
	u64 hot_pages;
	u64 hot_permille;
	u64 burst_on_ms; /* both non-zero: write in bursts */
	u64 burst_off_ms;
	u64 stamp_bytes;
	u64 pattern; /* enum dg_pattern */
	u64 method; /* enum dg_method */
	u64 hold; /* keep pages pinned after writing them */
	u64 running;
	u64 next; /* page of the range, for DG_SEQUENTIAL */
	u64 random; /* never 0: state of a xorshift generator */
	u64 sequence; /* of the last write */
	u64 written; /* writes done, pages written twice count twice */
	u64 scratch; /* a register for the guest, migrates too */
};

/* How the device behaves in a migration; belongs to the mdev, does not migrate. */
struct dg_simulation {
	u64 precopy_bytes; /* initial data of PRE_COPY */
	u64 precopy_rate; /* bytes/s that become dirty during PRE_COPY */
	u64 stop_copy_bytes; /* extra data that STOP_COPY really sends */
	u64 reported_bytes; /* what MIG_DATA_SIZE says; 0: the truth */
};

struct dg_settings {
	struct dg_generator generator;
	struct dg_simulation simulation;
};

/* Pseudo states for faults in read() and write() of a migration file. */
#define DG_FAULT_ANY 32
#define DG_FAULT_SAVE 33
#define DG_FAULT_LOAD 34

struct dg_fault {
	u32 from;
	u32 to;
	u32 error; /* errno to fail with, 0: none */
	u32 delay_ms;
	u32 count; /* how often, 0: always */
	u32 hits;
	bool broken; /* the failure leaves the device in state ERROR */
	bool used;
};

struct dg_command {
	struct work_struct work;
	struct completion done;
	bool explicit; /* write pages from `iova` on, else follow the pattern */
	u64 iova;
	u64 pages;
	int result;
	bool cancel;
};

struct dg_stream;

struct dg {
	struct vfio_device vdev;

	struct mutex state_lock;
	u32 state; /* enum vfio_device_mig_state */
	struct dg_stream *stream;

	struct mutex io_lock;
	bool open;
	bool may_write; /* open, and RUNNING or PRE_COPY */
	struct dg_settings settings;
	unsigned long *truth; /* written since the last snapshot */
	unsigned long *snapshot; /* written between the last two snapshots */
	unsigned long *log; /* device dirty logging */
	bool logging;
	struct xarray *sequences; /* page number >> DG_CHUNK_SHIFT -> u64[] */
	u64 chunks;
	struct xarray pins; /* page number -> struct page */
	u64 pinned;
	void *page; /* what is written next */
	u64 errors;
	int last_error;
	u64 last_error_iova;
	u64 tick_ns; /* when the generator last ran, 0: it was stopped */
	u64 credit; /* pages due, in units of 1e-9 page */
	u64 burst_ns; /* when the first burst began */
	u64 measure_ns;
	u64 measure_written;
	u64 rate_reached;
	u8 config[DG_CONFIG_BYTES];

	spinlock_t fault_lock;
	struct dg_fault faults[DG_FAULTS];

	struct workqueue_struct *queue; /* ordered: one writer at a time */
	struct delayed_work tick;
	struct mutex command_lock;
	struct dg_command command;
};

static inline struct dg *dg_from_vdev(struct vfio_device *vdev)
{
	return container_of(vdev, struct dg, vdev);
}

/* generator.c */
int dg_generator_init(struct dg *dg, const char *name);
void dg_generator_release(struct dg *dg);
int dg_check_generator(const struct dg_generator *generator);
int dg_run(struct dg *dg);
void dg_halt(struct dg *dg);
int dg_write_pages(struct dg *dg, bool explicit, u64 iova, u64 pages);
void dg_set_may_write(struct dg *dg, bool may_write);
void dg_drain(struct dg *dg);
void dg_unpin(struct dg *dg, u64 first, u64 last);
void dg_dma_unmap(struct vfio_device *vdev, u64 iova, u64 bytes);

/* truth.c */
int dg_set_window(struct dg *dg, u64 iova, u64 pages);
void dg_snapshot(struct dg *dg);
void dg_forget(struct dg *dg);
u64 *dg_sequence_slot(struct dg *dg, u64 page);
u64 dg_sequence(struct dg *dg, u64 page);
struct xarray *dg_alloc_sequences(void);
void dg_free_sequences(struct xarray *sequences);
void dg_free_truth(struct dg *dg);
extern const struct vfio_log_ops dg_log_ops;

/* migration.c */
extern const struct vfio_migration_ops dg_migration_ops;
void dg_migration_reset(struct dg *dg);

/* stream.c */
struct file *dg_open_stream(struct dg *dg, u32 state);
int dg_continue_stream(struct dg *dg, u32 state);
void dg_close_stream(struct dg *dg);
int dg_load(struct dg *dg);
u64 dg_tail_bytes(struct dg *dg);

static inline bool dg_state_saves(u32 state)
{
	return state == VFIO_DEVICE_STATE_STOP_COPY ||
	       state == VFIO_DEVICE_STATE_PRE_COPY ||
	       state == VFIO_DEVICE_STATE_PRE_COPY_P2P;
}

/* control.c */
extern const struct attribute_group *dg_groups[];
const char *dg_state_name(u32 state);
int dg_fault_take(struct dg *dg, u32 from, u32 to, bool *broken);

#endif
