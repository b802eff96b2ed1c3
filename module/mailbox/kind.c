// SPDX-License-Identifier: GPL-2.0
/*
 * The mailbox as a kind of object: life, file operations, ioctls.
 */
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "debug.h"
#include "mailbox.h"
#include "report.h"

#define KIPC_MAILBOX_FLAGS \
	(KIPC_MAILBOX_FIXED | KIPC_MAILBOX_REFUSE | \
	 KIPC_MAILBOX_DROP_OLDEST | KIPC_MAILBOX_HANGUP | \
	 KIPC_MAILBOX_HANDLES)

static const struct kipc_mailbox_attr kipc_mailbox_default = {
	.max_letters = 4096,
	.max_bytes = 256 << 10,
	.letter_size = 64 << 10,
};

static int kipc_mailbox_check(const struct kipc_mailbox_config *config)
{
	const struct kipc_mailbox_attr *attr = &config->attr;

	if (attr->flags & ~KIPC_MAILBOX_FLAGS ||
	    !attr->max_letters != !attr->max_bytes ||
	    !attr->letter_size || attr->letter_size > KIPC_LETTER_MAX)
		return -EINVAL;
	if (attr->max_letters && attr->letter_size > attr->max_bytes)
		return -EINVAL;
	if (attr->flags & KIPC_MAILBOX_DROP_OLDEST &&
	    (attr->flags & KIPC_MAILBOX_REFUSE || !attr->max_letters))
		return -EINVAL;
	if (!config->share_letters != !config->share_bytes)
		return -EINVAL;
	/* Who drops the letters of others would keep them out that way. */
	if (config->share_letters &&
	    (!attr->max_letters || attr->flags & KIPC_MAILBOX_DROP_OLDEST ||
	     attr->letter_size > config->share_bytes))
		return -EINVAL;
	return 0;
}

static int kipc_mailbox_init(struct kipc_object *object,
			     const void __user *user, size_t size)
{
	struct kipc_mailbox *mailbox = kipc_mailbox_of(object);
	struct kipc_mailbox_config config = { .attr = kipc_mailbox_default };
	int ret;

	if (size) {
		ret = kipc_arg_in(&config, sizeof(config),
				  KIPC_LEAST(struct kipc_mailbox_attr, flags),
				  user, size);
		if (!ret)
			ret = kipc_mailbox_check(&config);
		if (ret)
			return ret;
	}
	mailbox->attr = config.attr;
	object->carries = config.attr.flags & KIPC_MAILBOX_HANDLES;
	if (config.share_letters) {
		ret = kipc_share_init(mailbox, config.share_letters,
				      config.share_bytes);
		if (ret)
			return ret;
	}
	kipc_ring_init(&mailbox->ring, &object->account);
	INIT_LIST_HEAD(&mailbox->receivers);
	INIT_LIST_HEAD(&mailbox->promised);
	INIT_LIST_HEAD(&mailbox->senders);
	return 0;
}

static int kipc_mailbox_opened(struct kipc_handle *handle, bool refuse)
{
	struct kipc_mailbox *mailbox = kipc_mailbox_of(handle->object);
	struct kipc_wake wake;

	kipc_wake_init(&wake);
	spin_lock(&mailbox->object.lock);
	kipc_ends_open(&mailbox->ends, handle->rights);
	kipc_mailbox_unlock(mailbox, &wake, false);
	return 0;
}

static void kipc_mailbox_closed(struct kipc_handle *handle)
{
	struct kipc_mailbox *mailbox = kipc_mailbox_of(handle->object);
	struct kipc_wake wake;
	bool deserted;

	kipc_party_desert(&handle->party, mailbox->calls);
	kipc_mailbox_calls_leave(mailbox, &handle->party);
	kipc_wake_init(&wake);
	spin_lock(&mailbox->object.lock);
	kipc_ends_close(&mailbox->ends, handle->rights);
	deserted = handle->rights & KIPC_RIGHT_RECEIVE &&
		   kipc_mailbox_deserted(mailbox);
	kipc_mailbox_unlock(mailbox, &wake, false);
	if (unlikely(deserted))
		kipc_mailbox_calls_deserted(mailbox);
}

static void kipc_mailbox_exec(struct kipc_handle *handle)
{
	kipc_party_desert_exec(&handle->party,
			       kipc_mailbox_of(handle->object)->calls,
			       task_tgid(current));
}

/*
 * Drop the letters that are in the ring; those that a receiver is copying are
 * that one's.
 */
static void kipc_mailbox_clear(struct kipc_mailbox *mailbox)
{
	struct kipc_segment *garbage;
	struct kipc_wake wake;
	unsigned int count;
	bool more;

	kipc_wake_init(&wake);
	do {
		garbage = NULL;
		spin_lock(&mailbox->object.lock);
		for (count = 0; mailbox->ready && count < KIPC_MAILBOX_BATCH &&
		     !kipc_wake_full(&wake); count++) {
			struct kipc_segment *front;

			front = kipc_ring_front(&mailbox->ring);
			kipc_mailbox_decide(mailbox, kipc_segment_record(front),
					    -EIDRM, &wake);
			garbage = kipc_segment_chain(kipc_mailbox_pop(mailbox, front),
						     garbage);
		}
		more = mailbox->ready;
		kipc_mailbox_unlock(mailbox, &wake, false);
		kipc_mailbox_discard(mailbox, garbage);
		cond_resched();
		kipc_delay(KIPC_DELAY_CLEAR_BATCH);
	} while (more);
}

static void kipc_mailbox_remove(struct kipc_object *object)
{
	struct kipc_mailbox *mailbox = kipc_mailbox_of(object);
	struct kipc_segment *garbage;

	kipc_mailbox_clear(mailbox);
	kipc_calls_fail(READ_ONCE(mailbox->calls), -EIDRM);
	spin_lock(&object->lock);
	garbage = kipc_ring_shed(&mailbox->ring);
	spin_unlock(&object->lock);
	kipc_segment_free(&object->account, garbage);
}

static void kipc_mailbox_release(struct kipc_object *object)
{
	struct kipc_mailbox *mailbox = kipc_mailbox_of(object);

	kipc_mailbox_clear(mailbox);
	kipc_ring_destroy(&mailbox->ring);
	kipc_calls_free(mailbox->calls);
	kipc_share_exit(mailbox);
}

static __poll_t kipc_mailbox_poll(struct kipc_handle *handle)
{
	struct kipc_mailbox *mailbox = kipc_mailbox_of(handle->object);
	__poll_t state, mask = 0;
	bool removed, reply;

	spin_lock(&handle->object->lock);
	removed = handle->object->removed;
	reply = kipc_party_has_reply(&handle->party);
	state = kipc_mailbox_state(mailbox);
	/* The end is news until those who sleep have been told. */
	if (!removed)
		mailbox->told = state;
	mailbox->asked &= mailbox->copying;
	if (mailbox->share) {
		/* If anybody slept, it was told when this was set. */
		mailbox->share->freed = false;
		if (!kipc_share_allows(mailbox, mailbox->attr.letter_size))
			state &= ~EPOLLOUT;
	}
	spin_unlock(&handle->object->lock);

	if (unlikely(reply))
		mask |= EPOLLPRI;
	if (removed)
		return EPOLLHUP | EPOLLERR | mask;
	return kipc_handle_mask(handle, state) | mask;
}

static void kipc_mailbox_stat(struct kipc_object *object, void *to)
{
	struct kipc_mailbox *mailbox = kipc_mailbox_of(object);
	struct kipc_mailbox_stat *stat = to;
	const struct kipc_mailbox_figures *figures = &mailbox->stat;

	spin_lock(&mailbox->object.lock);
	*stat = (struct kipc_mailbox_stat){
		.attr = mailbox->attr,
		.letters = mailbox->letters,
		.bytes = mailbox->bytes,
		.peak_letters = figures->peak_letters,
		.peak_bytes = figures->peak_bytes,
		.sent = figures->sent,
		.sent_bytes = figures->sent_bytes,
		.received = figures->received,
		.received_bytes = figures->received_bytes,
		.dropped = figures->dropped,
		.send_waits = figures->send_waits,
		.recv_waits = figures->recv_waits,
		.waiting_senders = figures->waiting_senders,
		.waiting_receivers = figures->waiting_receivers,
	};
	if (mailbox->calls) {
		stat->calls = mailbox->calls->begun;
		stat->replies = mailbox->calls->answered;
		stat->serving = mailbox->calls->serving;
	}
	if (mailbox->share) {
		stat->share_letters = mailbox->share->letters;
		stat->share_bytes = mailbox->share->bytes;
		stat->share_waits = mailbox->share->waits;
	}
	spin_unlock(&mailbox->object.lock);
}

static void kipc_mailbox_report_waiters(struct kipc_object *object,
					struct kipc_report *report)
{
	struct kipc_mailbox *mailbox = kipc_mailbox_of(object);

	spin_lock(&object->lock);
	kipc_report_line(report, KIPC_WAIT_DATA, &mailbox->receivers);
	kipc_report_line(report, KIPC_WAIT_ROOM, &mailbox->senders);
	kipc_share_report(mailbox, report);
	spin_unlock(&object->lock);
	kipc_report_calls_of(report, READ_ONCE(mailbox->calls), true);
}

static void kipc_mailbox_report_calls(struct kipc_object *object,
				      struct kipc_report *report)
{
	kipc_report_calls_of(report, READ_ONCE(kipc_mailbox_of(object)->calls), false);
}

static void kipc_mailbox_show(struct seq_file *seq, struct kipc_object *object)
{
	struct kipc_mailbox_stat stat;

	kipc_mailbox_stat(object, &stat);
	seq_printf(seq, "letters:\t%llu\nbytes:\t%llu\n", stat.letters,
		   stat.bytes);
	seq_printf(seq, "sent:\t%llu\nreceived:\t%llu\ndropped:\t%llu\n",
		   stat.sent, stat.received, stat.dropped);
}

/* ioctls */

static long kipc_mailbox_ioctl(struct file *file, unsigned int cmd,
			       void __user *arg, size_t size)
{
	switch (cmd) {
	case KIPC_CMD(KIPC_IOC_MAILBOX_SEND):
		return kipc_mailbox_ioctl_send(file, arg, size);
	case KIPC_CMD(KIPC_IOC_MAILBOX_RECV):
		return kipc_mailbox_ioctl_recv(file, arg, size);
	case KIPC_CMD(KIPC_IOC_MAILBOX_SEND_HANDLES):
		return kipc_mailbox_ioctl_send_handles(file, arg, size);
	case KIPC_CMD(KIPC_IOC_MAILBOX_RECV_HANDLES):
		return kipc_mailbox_ioctl_recv_handles(file, arg, size);
	case KIPC_CMD(KIPC_IOC_MAILBOX_SEND_BATCH):
		return kipc_mailbox_ioctl_send_batch(file, arg, size);
	case KIPC_CMD(KIPC_IOC_MAILBOX_RECV_BATCH):
		return kipc_mailbox_ioctl_recv_batch(file, arg, size);
	case KIPC_CMD(KIPC_IOC_MAILBOX_CALL):
		return kipc_mailbox_ioctl_call(file, arg, size);
	case KIPC_CMD(KIPC_IOC_MAILBOX_CALL_HANDLES):
		return kipc_mailbox_ioctl_call_handles(file, arg, size);
	case KIPC_CMD(KIPC_IOC_MAILBOX_REPLY_HANDLES):
		return kipc_mailbox_ioctl_reply_handles(file, arg, size);
	case KIPC_CMD(KIPC_IOC_MAILBOX_COLLECT_HANDLES):
		return kipc_mailbox_ioctl_collect_handles(file, arg, size);
	case KIPC_CMD(KIPC_IOC_MAILBOX_REPLY):
		return kipc_mailbox_ioctl_reply(file, arg, size);
	case KIPC_CMD(KIPC_IOC_MAILBOX_COLLECT):
		return kipc_mailbox_ioctl_collect(file, arg, size);
	case KIPC_CMD(KIPC_IOC_MAILBOX_CANCEL):
		return kipc_mailbox_ioctl_cancel(file, arg, size);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations kipc_mailbox_fops = {
	.owner		= THIS_MODULE,
	.read		= kipc_mailbox_read,
	.write		= kipc_mailbox_write,
	.read_iter	= kipc_mailbox_read_iter,
	.write_iter	= kipc_mailbox_write_iter,
	.flush		= kipc_handle_flush,
	.poll		= kipc_handle_poll,
	.fasync		= kipc_handle_fasync,
	.unlocked_ioctl	= kipc_handle_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= kipc_handle_show_fdinfo,
	.release	= kipc_object_release,
};

const struct kipc_kind kipc_mailbox_kind = {
	.id		= KIPC_KIND_MAILBOX,
	.name		= "mailbox",
	.rights		= KIPC_MAILBOX_RIGHTS,
	.type		= S_IFIFO,
	.events		= KIPC_EVENT_NONEMPTY | KIPC_EVENT_READABLE |
			  KIPC_EVENT_WRITABLE | KIPC_EVENT_PEER_GONE |
			  KIPC_EVENT_CALL | KIPC_EVENT_LIMIT,
	.size		= sizeof(struct kipc_mailbox),
	.handle_size	= sizeof(struct kipc_handle),
	.fops		= &kipc_mailbox_fops,
	.init		= kipc_mailbox_init,
	.opened		= kipc_mailbox_opened,
	.closed		= kipc_mailbox_closed,
	.exec		= kipc_mailbox_exec,
	.remove		= kipc_mailbox_remove,
	.release	= kipc_mailbox_release,
	.ioctl		= kipc_mailbox_ioctl,
	.poll		= kipc_mailbox_poll,
	.show		= kipc_mailbox_show,
	.stat_cmd	= KIPC_CMD(KIPC_IOC_MAILBOX_STAT),
	.stat_size	= sizeof(struct kipc_mailbox_stat),
	.stat_least	= KIPC_LEAST(struct kipc_mailbox_stat, waiting_receivers),
	.stat		= kipc_mailbox_stat,
	.waiters	= kipc_mailbox_report_waiters,
	.calls		= kipc_mailbox_report_calls,
};
