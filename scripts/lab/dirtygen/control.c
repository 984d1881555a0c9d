// SPDX-License-Identifier: GPL-2.0
/*
 * The sysfs interface, in the folder `dirtygen` of each mdev: `control` takes
 * one command per write, `status` shows everything, `truth` is the ground truth
 * of the last snapshot, `seq` the last sequence number of each page.
 */
#include <linux/ctype.h>
#include <linux/delay.h>
#include <linux/kstrtox.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "dirtygen.h"

static const char *const dg_states[] = {
	[VFIO_DEVICE_STATE_ERROR] = "error",
	[VFIO_DEVICE_STATE_STOP] = "stop",
	[VFIO_DEVICE_STATE_RUNNING] = "running",
	[VFIO_DEVICE_STATE_STOP_COPY] = "stop-copy",
	[VFIO_DEVICE_STATE_RESUMING] = "resuming",
	[VFIO_DEVICE_STATE_RUNNING_P2P] = "running-p2p",
	[VFIO_DEVICE_STATE_PRE_COPY] = "pre-copy",
	[VFIO_DEVICE_STATE_PRE_COPY_P2P] = "pre-copy-p2p",
};

const char *dg_state_name(u32 state)
{
	switch (state) {
	case DG_FAULT_ANY:
		return "any";
	case DG_FAULT_SAVE:
		return "save";
	case DG_FAULT_LOAD:
		return "load";
	}
	return state < ARRAY_SIZE(dg_states) ? dg_states[state] : "?";
}

static int dg_parse_state(const char *name, u32 *state)
{
	for (*state = 0; *state <= DG_FAULT_LOAD; (*state)++)
		if (!strcmp(name, dg_state_name(*state)))
			return 0;
	return -EINVAL;
}

/* The settings that `set` changes; `words`: names of the values 0, 1, ... */
static const char *const dg_pattern_words[] = { "uniform", "sequential", "hot", "zipf", NULL };
static const char *const dg_method_words[] = { "dma_rw", "pin", NULL };

static const struct dg_key {
	const char *name;
	size_t offset;
	const char *const *words;
} dg_keys[] = {
#define DG_GENERATOR_KEY(key, words) \
	{ #key, offsetof(struct dg_settings, generator.key), words }
#define DG_SIMULATION_KEY(key) \
	{ #key, offsetof(struct dg_settings, simulation.key), NULL }
	DG_GENERATOR_KEY(method, dg_method_words),
	DG_GENERATOR_KEY(hold, NULL),
	DG_GENERATOR_KEY(pattern, dg_pattern_words),
	DG_GENERATOR_KEY(range_iova, NULL),
	DG_GENERATOR_KEY(range_pages, NULL),
	DG_GENERATOR_KEY(rate, NULL),
	DG_GENERATOR_KEY(hot_pages, NULL),
	DG_GENERATOR_KEY(hot_permille, NULL),
	DG_GENERATOR_KEY(burst_on_ms, NULL),
	DG_GENERATOR_KEY(burst_off_ms, NULL),
	DG_GENERATOR_KEY(stamp_bytes, NULL),
	DG_GENERATOR_KEY(random, NULL),
	DG_SIMULATION_KEY(precopy_bytes),
	DG_SIMULATION_KEY(precopy_rate),
	DG_SIMULATION_KEY(stop_copy_bytes),
	DG_SIMULATION_KEY(reported_bytes),
};

static u64 *dg_setting(struct dg_settings *settings, const struct dg_key *key)
{
	return (void *)settings + key->offset;
}

/* Splits `name=value`; returns the value, or NULL. */
static char *dg_split(char *word)
{
	char *value = strchr(word, '=');

	if (value)
		*value++ = '\0';
	return value;
}

static int dg_parse_setting(struct dg_settings *settings, char *word)
{
	char *value = dg_split(word);
	const struct dg_key *key;
	int i;

	if (!value)
		return -EINVAL;
	for (key = dg_keys; key < dg_keys + ARRAY_SIZE(dg_keys); key++) {
		if (strcmp(word, key->name))
			continue;
		if (!key->words)
			return kstrtou64(value, 0, dg_setting(settings, key));
		for (i = 0; key->words[i]; i++) {
			if (!strcmp(value, key->words[i])) {
				*dg_setting(settings, key) = i;
				return 0;
			}
		}
	}
	return -EINVAL;
}

/* A record of a migration file is no shorter than its header of 16 bytes. */
static int dg_check_simulation(const struct dg_simulation *simulation)
{
	if (simulation->precopy_bytes < 16 || simulation->precopy_bytes > BIT_ULL(40) ||
	    (simulation->stop_copy_bytes && simulation->stop_copy_bytes < 16) ||
	    simulation->stop_copy_bytes > BIT_ULL(40) ||
	    simulation->precopy_rate > BIT_ULL(40))
		return -EINVAL;
	return 0;
}

/* set KEY=VALUE...: all of them or, on an error, none. */
static int dg_set(struct dg *dg, char *words)
{
	struct dg_settings settings;
	char *word;
	int ret = 0;

	mutex_lock(&dg->io_lock);
	settings = dg->settings;
	while (!ret && (word = strsep(&words, " ")))
		if (*word)
			ret = dg_parse_setting(&settings, word);
	ret = ret ?: dg_check_generator(&settings.generator);
	ret = ret ?: dg_check_simulation(&settings.simulation);
	if (!ret)
		dg->settings = settings;
	mutex_unlock(&dg->io_lock);
	return ret;
}

/* fault FROM>TO|save|load|clear [errno=N] [delay_ms=N] [count=N] [broken=1] */
static int dg_fault(struct dg *dg, char *words)
{
	struct dg_fault fault = { .from = DG_FAULT_ANY, .count = 1, .used = true };
	char *word = strsep(&words, " ");
	char *value, *to;
	int ret = 0;
	int i;

	if (!word)
		return -EINVAL;
	if (!strcmp(word, "clear")) {
		spin_lock(&dg->fault_lock);
		memset(dg->faults, 0, sizeof(dg->faults));
		spin_unlock(&dg->fault_lock);
		return 0;
	}
	to = strchr(word, '>');
	if (to) {
		*to++ = '\0';
		ret = dg_parse_state(word, &fault.from);
		word = to;
	}
	ret = ret ?: dg_parse_state(word, &fault.to);
	while (!ret && (word = strsep(&words, " "))) {
		value = dg_split(word);
		if (!value)
			ret = -EINVAL;
		else if (!strcmp(word, "errno"))
			ret = kstrtou32(value, 0, &fault.error);
		else if (!strcmp(word, "delay_ms"))
			ret = kstrtou32(value, 0, &fault.delay_ms);
		else if (!strcmp(word, "count"))
			ret = kstrtou32(value, 0, &fault.count);
		else if (!strcmp(word, "broken"))
			ret = kstrtobool(value, &fault.broken);
		else
			ret = -EINVAL;
	}
	if (ret || fault.error > MAX_ERRNO || fault.delay_ms > 600000)
		return ret ?: -EINVAL;

	ret = -ENOSPC;
	spin_lock(&dg->fault_lock);
	for (i = 0; ret && i < DG_FAULTS; i++) {
		if (!dg->faults[i].used) {
			dg->faults[i] = fault;
			ret = 0;
		}
	}
	spin_unlock(&dg->fault_lock);
	return ret;
}

/* Delays and fails (0 or -errno) as asked for by `fault`. Sleeps. */
int dg_fault_take(struct dg *dg, u32 from, u32 to, bool *broken)
{
	struct dg_fault *fault;
	u32 delay_ms = 0;
	int error = 0;

	spin_lock(&dg->fault_lock);
	for (fault = dg->faults; fault < dg->faults + DG_FAULTS; fault++) {
		if (!fault->used || (fault->count && fault->hits >= fault->count) ||
		    fault->to != to ||
		    (fault->from != DG_FAULT_ANY && fault->from != from))
			continue;
		fault->hits++;
		delay_ms += fault->delay_ms;
		error = error ?: -(int)fault->error;
		if (broken)
			*broken |= fault->broken && fault->error;
	}
	spin_unlock(&dg->fault_lock);
	if (delay_ms)
		schedule_timeout_killable(msecs_to_jiffies(delay_ms));
	return error;
}

/* The arguments IOVA PAGES, or only PAGES. */
static int dg_parse_numbers(char *words, u64 *numbers, int count)
{
	char *word;
	int ret = 0;

	while (!ret && count-- && (word = strsep(&words, " ")))
		ret = kstrtou64(word, 0, numbers++);
	return ret || count >= 0 || words ? -EINVAL : 0;
}

static int dg_command(struct dg *dg, char *words)
{
	const char *name = strsep(&words, " ");
	u64 numbers[2];

	if (!strcmp(name, "set"))
		return dg_set(dg, words);
	if (!strcmp(name, "fault"))
		return dg_fault(dg, words);
	if (!strcmp(name, "write")) {
		if (dg_parse_numbers(words, numbers, 1))
			return -EINVAL;
		return dg_write_pages(dg, false, 0, numbers[0]);
	}
	if (!strcmp(name, "write-at")) {
		if (dg_parse_numbers(words, numbers, 2) ||
		    !IS_ALIGNED(numbers[0], DG_PAGE_BYTES))
			return -EINVAL;
		return dg_write_pages(dg, true, numbers[0], numbers[1]);
	}
	if (!strcmp(name, "window")) {
		if (dg_parse_numbers(words, numbers, 2) ||
		    !IS_ALIGNED(numbers[0], DG_PAGE_BYTES) ||
		    !numbers[1] || numbers[1] > DG_WINDOW_MAX_PAGES ||
		    numbers[0] + (numbers[1] << DG_PAGE_SHIFT) - 1 < numbers[0])
			return -EINVAL;
		return dg_set_window(dg, numbers[0], numbers[1]);
	}
	if (words)
		return -EINVAL;
	if (!strcmp(name, "run"))
		return dg_run(dg);
	if (!strcmp(name, "halt"))
		dg_halt(dg);
	else if (!strcmp(name, "unpin"))
		dg_unpin(dg, 0, ULONG_MAX);
	else if (!strcmp(name, "snapshot"))
		dg_snapshot(dg);
	else if (!strcmp(name, "reset"))
		dg_forget(dg);
	else
		return -EINVAL;
	return 0;
}

static ssize_t control_store(struct device *dev, struct device_attribute *attribute,
			     const char *buffer, size_t bytes)
{
	char *line = kmemdup_nul(buffer, bytes, GFP_KERNEL);
	int ret;

	if (!line)
		return -ENOMEM;
	ret = dg_command(dev_get_drvdata(dev), strim(line));
	kfree(line);
	return ret ? ret : bytes;
}
static DEVICE_ATTR_WO(control);

static ssize_t status_show(struct device *dev, struct device_attribute *attribute,
			   char *buffer)
{
	struct dg *dg = dev_get_drvdata(dev);
	struct dg_generator *generator = &dg->settings.generator;
	const struct dg_key *key;
	const struct dg_fault *fault;
	int at = 0;
	u64 value;

	/* Not under state_lock, which a slow transition holds for long. */
	at += sysfs_emit_at(buffer, at, "state %s\n", dg_state_name(READ_ONCE(dg->state)));
	mutex_lock(&dg->io_lock);
	at += sysfs_emit_at(buffer, at,
			    "open %d\nmay_write %d\nrunning %llu\nlogging %d\n"
			    "written %llu\nsequence %llu\nrate_reached %llu\npinned %llu\n"
			    "errors %llu\nlast_error %d\nlast_error_iova %#llx\n"
			    "truth_pages %u\nwindow_iova %#llx\nwindow_pages %llu\n"
			    "migration_flags %#x\n",
			    dg->open, dg->may_write, generator->running, dg->logging,
			    generator->written, generator->sequence, dg->rate_reached,
			    dg->pinned, dg->errors, dg->last_error, dg->last_error_iova,
			    bitmap_weight(dg->truth, generator->window_pages),
			    generator->window_iova, generator->window_pages,
			    dg->vdev.mig_ops ? dg->vdev.migration_flags : 0);
	for (key = dg_keys; key < dg_keys + ARRAY_SIZE(dg_keys); key++) {
		value = *dg_setting(&dg->settings, key);
		if (key->words)
			at += sysfs_emit_at(buffer, at, "%s %s\n", key->name,
					    key->words[value]);
		else
			at += sysfs_emit_at(buffer, at, "%s %llu\n", key->name, value);
	}
	mutex_unlock(&dg->io_lock);

	spin_lock(&dg->fault_lock);
	for (fault = dg->faults; fault < dg->faults + DG_FAULTS; fault++)
		if (fault->used)
			at += sysfs_emit_at(buffer, at,
					    "fault %s>%s errno=%u delay_ms=%u count=%u broken=%d hits=%u\n",
					    dg_state_name(fault->from),
					    dg_state_name(fault->to), fault->error,
					    fault->delay_ms, fault->count,
					    fault->broken, fault->hits);
	spin_unlock(&dg->fault_lock);
	return at;
}
static DEVICE_ATTR_RO(status);

/* What is left of a file of `total` bytes at `offset`, at most `bytes`. */
static size_t dg_clamp(u64 total, loff_t offset, size_t bytes)
{
	return (u64)offset < total ? min_t(u64, total - offset, bytes) : 0;
}

static ssize_t truth_read(struct file *file, struct kobject *kobject,
			  DG_BIN_CONST struct bin_attribute *attribute, char *buffer,
			  loff_t offset, size_t bytes)
{
	struct dg *dg = dev_get_drvdata(kobj_to_dev(kobject));

	mutex_lock(&dg->io_lock);
	bytes = dg_clamp(BITS_TO_U64(dg->settings.generator.window_pages) * sizeof(u64),
			 offset, bytes);
	memcpy(buffer, (u8 *)dg->snapshot + offset, bytes);
	mutex_unlock(&dg->io_lock);
	return bytes;
}
static DG_BIN_CONST struct bin_attribute bin_attr_truth = {
	.attr = { .name = "truth", .mode = 0400 },
	.read = truth_read,
};

static ssize_t seq_read(struct file *file, struct kobject *kobject,
			DG_BIN_CONST struct bin_attribute *attribute, char *buffer,
			loff_t offset, size_t bytes)
{
	struct dg *dg = dev_get_drvdata(kobj_to_dev(kobject));
	const struct dg_generator *generator = &dg->settings.generator;
	u64 page;
	u64 *to = (u64 *)buffer;
	size_t i;

	if (offset % sizeof(u64) || bytes % sizeof(u64))
		return -EINVAL;
	mutex_lock(&dg->io_lock);
	bytes = dg_clamp(generator->window_pages * sizeof(u64), offset, bytes);
	page = (generator->window_iova >> DG_PAGE_SHIFT) + offset / sizeof(u64);
	for (i = 0; i < bytes / sizeof(u64); i++)
		to[i] = dg_sequence(dg, page + i);
	mutex_unlock(&dg->io_lock);
	return bytes;
}
static DG_BIN_CONST struct bin_attribute bin_attr_seq = {
	.attr = { .name = "seq", .mode = 0400 },
	.read = seq_read,
};

static struct attribute *dg_attributes[] = {
	&dev_attr_control.attr,
	&dev_attr_status.attr,
	NULL,
};

static DG_BIN_CONST struct bin_attribute *DG_BIN_CONST dg_bin_attributes[] = {
	&bin_attr_truth,
	&bin_attr_seq,
	NULL,
};

static const struct attribute_group dg_group = {
	.name = "dirtygen",
	.attrs = dg_attributes,
	.bin_attrs = dg_bin_attributes,
};

const struct attribute_group *dg_groups[] = { &dg_group, NULL };
