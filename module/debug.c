// SPDX-License-Identifier: GPL-2.0
/*
 * Delay points and counters of a debug build.  See debug.h.
 */
#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include "debug.h"

#define KIPC_DELAY_LIMIT	(60 * HZ)

/**
 * struct kipc_delay_state - a delay point
 * @name: of its file
 * @tid: the thread to be held, or 0
 * @held: the thread that is held, or 0
 *
 * No lock: one test writes @tid, the one thread that it names writes @held.
 */
struct kipc_delay_state {
	const char *name;
	pid_t tid;
	pid_t held;
};

static struct kipc_delay_state kipc_delays[] = {
	[KIPC_DELAY_BEFORE_SLEEP] = { .name = "before_sleep" },
	[KIPC_DELAY_AFTER_SLEEP] = { .name = "after_sleep" },
	[KIPC_DELAY_BEFORE_WAKE] = { .name = "before_wake" },
	[KIPC_DELAY_BETWEEN_BATCHES] = { .name = "between_batches" },
	[KIPC_DELAY_SEND_PREPARED] = { .name = "send_prepared" },
	[KIPC_DELAY_SEND_GROWN] = { .name = "send_grown" },
	[KIPC_DELAY_SEND_TRADED] = { .name = "send_traded" },
	[KIPC_DELAY_SEND_FAULT] = { .name = "send_fault" },
	[KIPC_DELAY_DROP_BATCH] = { .name = "drop_batch" },
	[KIPC_DELAY_MEET_LEAVING] = { .name = "meet_leaving" },
	[KIPC_DELAY_RECEIVE_COPYING] = { .name = "receive_copying" },
	[KIPC_DELAY_RECEIVE_COPIED] = { .name = "receive_copied" },
	[KIPC_DELAY_RECEIVE_FAULT] = { .name = "receive_fault" },
	[KIPC_DELAY_PEEK_PINNED] = { .name = "peek_pinned" },
	[KIPC_DELAY_CLEAR_BATCH] = { .name = "clear_batch" },
	[KIPC_DELAY_BATCH_BETWEEN] = { .name = "batch_between" },
	[KIPC_DELAY_SHARE_ALLOCATED] = { .name = "share_allocated" },
	[KIPC_DELAY_REMOVE_MARKED] = { .name = "remove_marked" },
	[KIPC_DELAY_OBJECT_DYING] = { .name = "object_dying" },
	[KIPC_DELAY_OPEN_FOUND] = { .name = "open_found" },
	[KIPC_DELAY_PUBLISH_PREPARED] = { .name = "publish_prepared" },
	[KIPC_DELAY_DIRECT_ALLOWED] = { .name = "direct_allowed" },
	[KIPC_DELAY_DIRECT_FOUND] = { .name = "direct_found" },
	[KIPC_DELAY_UNLINK_FOUND] = { .name = "unlink_found" },
	[KIPC_DELAY_CREATE_ABSENT] = { .name = "create_absent" },
	[KIPC_DELAY_CREATE_UNNAMED] = { .name = "create_unnamed" },
	[KIPC_DELAY_NAMES_CREATED] = { .name = "names_created" },
	[KIPC_DELAY_POLL_ENROLLED] = { .name = "poll_enrolled" },
	[KIPC_DELAY_NOTIFY_WATCHED] = { .name = "notify_watched" },
	[KIPC_DELAY_NOTIFY_TELLING] = { .name = "notify_telling" },
	[KIPC_DELAY_CALL_PREPARED] = { .name = "call_prepared" },
	[KIPC_DELAY_REPLY_COPYING] = { .name = "reply_copying" },
	[KIPC_DELAY_REPLY_FAULT] = { .name = "reply_fault" },
	[KIPC_DELAY_COLLECT_CLAIMED] = { .name = "collect_claimed" },
	[KIPC_DELAY_QUEUE_SEND_PREPARED] = { .name = "queue_send_prepared" },
	[KIPC_DELAY_QUEUE_STOCKED] = { .name = "queue_stocked" },
	[KIPC_DELAY_QUEUE_INDEXING] = { .name = "queue_indexing" },
	[KIPC_DELAY_QUEUE_RECEIVE_COPYING] = { .name = "queue_receive_copying" },
	[KIPC_DELAY_QUEUE_RECEIVE_COPIED] = { .name = "queue_receive_copied" },
	[KIPC_DELAY_QUEUE_RECEIVE_FAULT] = { .name = "queue_receive_fault" },
	[KIPC_DELAY_QUEUE_CLEAR_BATCH] = { .name = "queue_clear_batch" },
	[KIPC_DELAY_PIPE_GROWN] = { .name = "pipe_grown" },
	[KIPC_DELAY_PIPE_WRITE_FILLING] = { .name = "pipe_write_filling" },
	[KIPC_DELAY_PIPE_WRITE_FILLED] = { .name = "pipe_write_filled" },
	[KIPC_DELAY_PIPE_WRITE_BETWEEN] = { .name = "pipe_write_between" },
	[KIPC_DELAY_PIPE_WRITE_FAULT] = { .name = "pipe_write_fault" },
	[KIPC_DELAY_PIPE_READ_COPYING] = { .name = "pipe_read_copying" },
	[KIPC_DELAY_PIPE_READ_COPIED] = { .name = "pipe_read_copied" },
	[KIPC_DELAY_PIPE_READ_BETWEEN] = { .name = "pipe_read_between" },
	[KIPC_DELAY_PIPE_READ_FAULT] = { .name = "pipe_read_fault" },
	[KIPC_DELAY_PIPE_CLEAR_BATCH] = { .name = "pipe_clear_batch" },
	[KIPC_DELAY_CALL_BEGUN] = { .name = "call_begun" },
	[KIPC_DELAY_CALL_ALONE] = { .name = "call_alone" },
	[KIPC_DELAY_CALL_QUEUED] = { .name = "call_queued" },
	[KIPC_DELAY_CALL_POPPED] = { .name = "call_popped" },
	[KIPC_DELAY_CALL_FOUND] = { .name = "call_found" },
	[KIPC_DELAY_CALL_LEAVING] = { .name = "call_leaving" },
	[KIPC_DELAY_WORKER_JOINING] = { .name = "worker_joining" },
	[KIPC_DELAY_WORKER_IDLE] = { .name = "worker_idle" },
	[KIPC_DELAY_WORKER_HAS] = { .name = "worker_has" },
	[KIPC_DELAY_WORKER_FAULT] = { .name = "worker_fault" },
	[KIPC_DELAY_INTAKE_PREPARED] = { .name = "intake_prepared" },
	[KIPC_DELAY_BINDING_GOING] = { .name = "binding_going" },
	[KIPC_DELAY_SERVICE_ENDED] = { .name = "service_ended" },
	[KIPC_DELAY_MEMORY_MAPPING] = { .name = "memory_mapping" },
	[KIPC_DELAY_MEMORY_MAPPED] = { .name = "memory_mapped" },
	[KIPC_DELAY_MEMORY_RESIZED] = { .name = "memory_resized" },
	[KIPC_DELAY_BELL_FAULT] = { .name = "bell_fault" },
	[KIPC_DELAY_SEM_UNDO_CREATED] = { .name = "sem_undo_created" },
	[KIPC_DELAY_SOCKET_CLOSED] = { .name = "socket_closed" },
	[KIPC_DELAY_SEM_ALL_TAKEN] = { .name = "sem_all_taken" },
};

static_assert(ARRAY_SIZE(kipc_delays) == KIPC_DELAY_POINTS);

static const char *const kipc_reference_names[] = {
	[KIPC_REF_OBJECTS] = "objects",
	[KIPC_REF_NAMES] = "names",
	[KIPC_REF_TABLES] = "tables",
	[KIPC_REF_USERS] = "users",
	[KIPC_REF_DIRECTS] = "directs",
	[KIPC_REF_LETTERS] = "letters",
	[KIPC_REF_SEGMENTS] = "segments",
	[KIPC_REF_WAKES] = "wakes",
	[KIPC_REF_CALLS] = "calls",
	[KIPC_REF_MESSAGES] = "messages",
	[KIPC_REF_GROUPS] = "groups",
	[KIPC_REF_LISTENERS] = "listeners",
	[KIPC_REF_BINDINGS] = "bindings",
	[KIPC_REF_PAGES] = "pages",
	[KIPC_REF_CHAINS] = "chains",
	[KIPC_REF_PARCELS] = "parcels",
	[KIPC_REF_MEMORIES] = "memories",
	[KIPC_REF_ATTACHMENTS] = "attachments",
	[KIPC_REF_UNDOS] = "undos",
};

static_assert(ARRAY_SIZE(kipc_reference_names) == KIPC_REFERENCE_KINDS);

static atomic_t kipc_references[KIPC_REFERENCE_KINDS];

static DECLARE_WAIT_QUEUE_HEAD(kipc_delay_changed);

static struct dentry *kipc_debug_dir;

/**
 * kipc_delay - a place where a test may hold the calling thread
 * @point: which
 *
 * Context: process context, no lock held.
 */
void kipc_delay(enum kipc_delay point)
{
	struct kipc_delay_state *state = &kipc_delays[point];
	pid_t tid = task_pid_nr(current);

	might_sleep();
	if (likely(READ_ONCE(state->tid) != tid))
		return;
	WRITE_ONCE(state->held, tid);
	/* Idle, so that nobody takes it for a hung task. */
	if (!wait_event_idle_timeout(kipc_delay_changed,
				     READ_ONCE(state->tid) != tid,
				     KIPC_DELAY_LIMIT))
		cmpxchg(&state->tid, tid, 0);
	WRITE_ONCE(state->held, 0);
}

/**
 * kipc_count - something has come to be, or has gone
 * @what: of which reason
 * @n: 1 or -1
 *
 * Context: any.
 */
void kipc_count(enum kipc_reference what, int n)
{
	atomic_add(n, &kipc_references[what]);
}

static int kipc_delay_show(struct seq_file *seq, void *unused)
{
	struct kipc_delay_state *state = seq->private;
	pid_t held = READ_ONCE(state->held);
	pid_t tid = READ_ONCE(state->tid);

	if (held)
		seq_printf(seq, "held %d\n", held);
	else if (tid)
		seq_printf(seq, "armed %d\n", tid);
	else
		seq_puts(seq, "idle\n");
	return 0;
}

static int kipc_delay_open(struct inode *inode, struct file *file)
{
	return single_open(file, kipc_delay_show, inode->i_private);
}

static ssize_t kipc_delay_write(struct file *file, const char __user *buffer,
				size_t size, loff_t *pos)
{
	struct seq_file *seq = file->private_data;
	struct kipc_delay_state *state = seq->private;
	pid_t tid;
	int ret;

	ret = kstrtoint_from_user(buffer, size, 10, &tid);
	if (ret)
		return ret;
	if (tid < 0)
		return -EINVAL;
	WRITE_ONCE(state->tid, tid);
	wake_up_all(&kipc_delay_changed);
	return size;
}

static const struct file_operations kipc_delay_fops = {
	.owner		= THIS_MODULE,
	.open		= kipc_delay_open,
	.read		= seq_read,
	.write		= kipc_delay_write,
	.llseek		= seq_lseek,
	.release	= single_release,
};

static int kipc_references_show(struct seq_file *seq, void *unused)
{
	unsigned int i;

	for (i = 0; i < KIPC_REFERENCE_KINDS; i++)
		seq_printf(seq, "%s %d\n", kipc_reference_names[i],
			   atomic_read(&kipc_references[i]));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(kipc_references);

/**
 * kipc_debug_setup - make the files in debugfs
 *
 * Context: process context, may sleep.
 */
void kipc_debug_setup(void)
{
	struct dentry *delays;
	unsigned int i;

	kipc_debug_dir = debugfs_create_dir("kipc", NULL);
	debugfs_create_file("references", 0400, kipc_debug_dir, NULL,
			    &kipc_references_fops);
	delays = debugfs_create_dir("delay", kipc_debug_dir);
	for (i = 0; i < KIPC_DELAY_POINTS; i++)
		debugfs_create_file(kipc_delays[i].name, 0600, delays,
				    &kipc_delays[i], &kipc_delay_fops);
}

/**
 * kipc_debug_teardown - take them away; nothing may be referenced any more
 *
 * Context: process context, may sleep.
 */
void kipc_debug_teardown(void)
{
	unsigned int i;

	debugfs_remove(kipc_debug_dir);
	for (i = 0; i < KIPC_REFERENCE_KINDS; i++)
		WARN(atomic_read(&kipc_references[i]), "kipc: %d %s left\n",
		     atomic_read(&kipc_references[i]), kipc_reference_names[i]);
}
