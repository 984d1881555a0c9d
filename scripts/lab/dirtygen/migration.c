// SPDX-License-Identifier: GPL-2.0
/*
 * VFIO migration protocol v2: the state machine of include/uapi/linux/vfio.h,
 * enum vfio_device_mig_state. The data goes through stream.c.
 */
#include <linux/file.h>
#include <linux/fs.h>

#include "dirtygen.h"

/*
 * In the P2P states a device may go on with DMA that is not peer to peer. A
 * test wants the simpler device: no write but in RUNNING and PRE_COPY.
 */
static bool dg_state_writes(u32 state)
{
	return state == VFIO_DEVICE_STATE_RUNNING ||
	       state == VFIO_DEVICE_STATE_PRE_COPY;
}

/* One arc of the state machine; returns the file that it opens, if any. */
static struct file *dg_step(struct dg *dg, u32 next)
{
	u32 current_state = dg->state;
	struct file *file = NULL;
	bool broken = false;
	int ret;

	/* A slow transition is slow at its start: the old state still holds. */
	ret = dg_fault_take(dg, current_state, next, &broken);
	if (ret) {
		if (broken) {
			dg_set_may_write(dg, false);
			dg_close_stream(dg);
			dg->state = VFIO_DEVICE_STATE_ERROR;
		}
		return ERR_PTR(ret);
	}

	/* The last write comes before anything that saves the state. */
	if (!dg_state_writes(next))
		dg_set_may_write(dg, false);

	if (dg_state_saves(current_state) && dg_state_saves(next)) {
		ret = dg_continue_stream(dg, next);
	} else if (dg_state_saves(next) || next == VFIO_DEVICE_STATE_RESUMING) {
		file = dg_open_stream(dg, next);
		if (IS_ERR(file)) {
			ret = PTR_ERR(file);
			file = NULL;
		}
	} else if (current_state == VFIO_DEVICE_STATE_RESUMING) {
		ret = dg_load(dg);
		if (!ret)
			dg_close_stream(dg);
	} else if (dg_state_saves(current_state)) {
		dg_close_stream(dg);
	}
	if (!ret)
		dg->state = next;
	if (dg_state_writes(dg->state))
		dg_set_may_write(dg, true);
	return ret ? ERR_PTR(ret) : file;
}

static struct file *dg_set_state(struct vfio_device *vdev,
				 enum vfio_device_mig_state new_state)
{
	struct dg *dg = dg_from_vdev(vdev);
	enum vfio_device_mig_state next;
	struct file *file = NULL;
	int ret;

	mutex_lock(&dg->state_lock);
	while (dg->state != new_state) {
		ret = vfio_mig_get_next_state(vdev, dg->state, new_state, &next);
		if (ret) {
			file = ERR_PTR(ret);
			break;
		}
		file = dg_step(dg, next);
		if (IS_ERR(file))
			break;
		/* Only the last arc of a path opens a file (uapi). */
		if (WARN_ON(file && next != new_state)) {
			fput(file);
			file = ERR_PTR(-EINVAL);
			break;
		}
	}
	mutex_unlock(&dg->state_lock);
	return file;
}

static int dg_get_state(struct vfio_device *vdev, enum vfio_device_mig_state *state)
{
	struct dg *dg = dg_from_vdev(vdev);

	mutex_lock(&dg->state_lock);
	*state = dg->state;
	mutex_unlock(&dg->state_lock);
	return 0;
}

static int __maybe_unused dg_get_data_size(struct vfio_device *vdev,
					   unsigned long *stop_copy_bytes)
{
	struct dg *dg = dg_from_vdev(vdev);
	const struct dg_simulation *simulation = &dg->settings.simulation;

	mutex_lock(&dg->io_lock);
	*stop_copy_bytes = simulation->reported_bytes ?
				   simulation->reported_bytes :
				   simulation->stop_copy_bytes + dg_tail_bytes(dg);
	mutex_unlock(&dg->io_lock);
	return 0;
}

const struct vfio_migration_ops dg_migration_ops = {
	.migration_set_state = dg_set_state,
	.migration_get_state = dg_get_state,
	DG_DATA_SIZE_OP(dg_get_data_size)
};

/* After a reset, and at the last close: RUNNING, generator and session ended. */
void dg_migration_reset(struct dg *dg)
{
	mutex_lock(&dg->state_lock);
	dg_set_may_write(dg, false);
	dg_halt(dg);
	dg_unpin(dg, 0, ULONG_MAX);
	dg_close_stream(dg);
	dg->state = VFIO_DEVICE_STATE_RUNNING;
	dg_set_may_write(dg, true);
	mutex_unlock(&dg->state_lock);
}
