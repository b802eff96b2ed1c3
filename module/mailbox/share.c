// SPDX-License-Identifier: GPL-2.0
/*
 * What one sending user may occupy of a mailbox.  See share.h for the protocol.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/sched/signal.h>

#include "debug.h"
#include "mailbox.h"
#include "report.h"
#include "share.h"

/**
 * struct kipc_sharer - a user who sends to a mailbox
 * @node: in @users, by @uid
 * @uid: effective, of the sender
 * @letters: that it has in the mailbox, and those for which it waits for room
 * @bytes: of these
 * @threads: inside of kipc_share_await_room(); they know this structure
 * @line: those that wait for their share
 * @place: in @due or @blocked of struct kipc_share, if there is somebody in @line
 */
struct kipc_sharer {
	struct rb_node node;
	kuid_t uid;
	u64 letters;
	u64 bytes;
	unsigned int threads;
	struct list_head line;
	struct list_head place;
};

/**
 * struct kipc_share_waiter - a sender that waits for its share, or for room
 * @waiter: in the line of its user, or in that of the mailbox
 * @charged: it has its share
 */
struct kipc_share_waiter {
	struct kipc_waiter waiter;
	bool charged;
};

static int kipc_sharer_compare(const void *uid, const struct rb_node *node)
{
	const struct kipc_sharer *sharer;
	uid_t a = __kuid_val(*(const kuid_t *)uid), b;

	sharer = rb_entry(node, struct kipc_sharer, node);
	b = __kuid_val(sharer->uid);
	return a < b ? -1 : a > b;
}

static bool kipc_sharer_less(struct rb_node *node, const struct rb_node *other)
{
	const struct kipc_sharer *sharer;

	sharer = rb_entry(node, struct kipc_sharer, node);
	return kipc_sharer_compare(&sharer->uid, other) < 0;
}

static struct kipc_sharer *kipc_sharer_find(struct kipc_share *share, kuid_t uid)
{
	struct rb_node *node = rb_find(&uid, &share->users, kipc_sharer_compare);

	return node ? rb_entry(node, struct kipc_sharer, node) : NULL;
}

/* Would it be within its share with one letter more? */
static bool kipc_sharer_fits(const struct kipc_share *share,
			     const struct kipc_sharer *sharer, size_t size)
{
	return sharer->letters < share->letters &&
	       sharer->bytes + size <= share->bytes;
}

static void kipc_sharer_charge(struct kipc_sharer *sharer, size_t size)
{
	sharer->letters++;
	sharer->bytes += size;
}

/* Memory that is not needed; it is less than a page, so this does not sleep. */
static void kipc_sharer_free(struct kipc_mailbox *mailbox,
			     struct kipc_sharer *sharer)
{
	struct kipc_share *share = mailbox->share;

	if (share->spare)
		kipc_account_free(&mailbox->object.account, sharer,
				  sizeof(*sharer));
	else
		share->spare = sharer;
}

/* Its line, or what is in the way of that, has changed. */
static void kipc_sharer_changed(struct kipc_mailbox *mailbox,
				struct kipc_sharer *sharer)
{
	struct kipc_share *share = mailbox->share;

	if (!list_empty(&sharer->line)) {
		list_move_tail(&sharer->place, &share->due);
		return;
	}
	list_del_init(&sharer->place);
	if (sharer->letters || sharer->threads)
		return;
	rb_erase(&sharer->node, &share->users);
	kipc_sharer_free(mailbox, sharer);
}

static struct kipc_sharer *kipc_sharer_add(struct kipc_share *share, kuid_t uid,
					   struct kipc_sharer *sharer)
{
	*sharer = (struct kipc_sharer){ .uid = uid };
	INIT_LIST_HEAD(&sharer->line);
	INIT_LIST_HEAD(&sharer->place);
	rb_add(&sharer->node, &share->users, kipc_sharer_less);
	return sharer;
}

/*
 * The calling thread's user; @nowait: do not wait for memory.  The lock is held, may be
 * dropped meanwhile, and is held again.  ERR_PTR: -EDQUOT, -ENOMEM, -EIDRM, -EPIPE.
 */
static struct kipc_sharer *kipc_sharer_get(struct kipc_mailbox *mailbox,
					   bool nowait, struct kipc_wake *wake)
	__releases(&mailbox->object.lock)
	__acquires(&mailbox->object.lock)
{
	struct kipc_account *account = &mailbox->object.account;
	struct kipc_share *share = mailbox->share;
	struct kipc_sharer *sharer, *memory;
	kuid_t uid = current_euid();
	int ret;

	sharer = kipc_sharer_find(share, uid);
	if (sharer)
		return sharer;
	memory = share->spare;
	share->spare = NULL;
	if (!memory) {
		kipc_mailbox_unlock(mailbox, wake, false);
		memory = kipc_account_alloc(account, sizeof(*memory), nowait);
		kipc_delay(KIPC_DELAY_SHARE_ALLOCATED);
		spin_lock(&mailbox->object.lock);
		if (IS_ERR(memory))
			return memory;
		ret = kipc_mailbox_closed_to_senders(mailbox);
		sharer = ret ? ERR_PTR(ret) : kipc_sharer_find(share, uid);
		if (sharer) {
			kipc_sharer_free(mailbox, memory);
			return sharer;
		}
	}
	return kipc_sharer_add(share, uid, memory);
}

/**
 * kipc_share_init - give a new mailbox a bound
 * @mailbox: its account is open
 * @letters: of each user
 * @bytes: of each user
 *
 * Context: process context, may sleep.
 * Return: 0, -EDQUOT or -ENOMEM.
 */
int kipc_share_init(struct kipc_mailbox *mailbox, u64 letters, u64 bytes)
{
	struct kipc_share *share;

	share = kipc_account_alloc(&mailbox->object.account, sizeof(*share), false);
	if (IS_ERR(share))
		return PTR_ERR(share);
	*share = (struct kipc_share){ .letters = letters, .bytes = bytes };
	share->users = RB_ROOT;
	INIT_LIST_HEAD(&share->due);
	INIT_LIST_HEAD(&share->blocked);
	mailbox->share = share;
	return 0;
}

/**
 * kipc_share_exit - free what a mailbox has for its bound
 * @mailbox: has no letters any more, and nobody uses it
 *
 * Context: process context, may sleep.
 */
void kipc_share_exit(struct kipc_mailbox *mailbox)
{
	struct kipc_account *account = &mailbox->object.account;
	struct kipc_share *share = mailbox->share;

	if (!share)
		return;
	WARN_ON_ONCE(!RB_EMPTY_ROOT(&share->users));
	kipc_account_free(account, share->spare, sizeof(*share->spare));
	kipc_account_free(account, share, sizeof(*share));
	mailbox->share = NULL;
}

/* Wait for share, or for room if it has that; it knows its user. */
static int kipc_share_wait(struct kipc_mailbox *mailbox,
			   struct kipc_sharer *sharer,
			   struct kipc_share_waiter *waiter, ktime_t deadline,
			   struct kipc_wake *wake)
{
	struct kipc_account *account = &mailbox->object.account;
	struct kipc_share *share = mailbox->share;
	int ret;

	if (!kipc_mailbox_may_wait(mailbox, deadline))
		return -EAGAIN;
	if (kipc_charge(account, KIPC_WAITERS, 1))
		return -EDQUOT;
	mailbox->stat.send_waits++;
	mailbox->stat.waiting_senders++;
	if (waiter->charged) {
		kipc_waiter_join(&waiter->waiter, &mailbox->senders);
	} else {
		share->waits++;
		if (list_empty(&sharer->line))
			list_add_tail(&sharer->place, &share->blocked);
		kipc_waiter_join(&waiter->waiter, &sharer->line);
	}
	ret = kipc_mailbox_wait(mailbox, &waiter->waiter, KIPC_WAIT_ROOM, deadline,
				wake);
	if (ret == KIPC_GRANTED) {
		if (fatal_signal_pending(current))
			ret = -ERESTARTSYS;
		else
			ret = kipc_mailbox_closed_to_senders(mailbox);
		/* It went over because the mailbox was closed, which it is no more. */
		if (!ret && !waiter->charged)
			ret = -EPIPE;
		if (ret)
			kipc_mailbox_return_room(mailbox, waiter->waiter.need);
	}
	mailbox->stat.waiting_senders--;
	kipc_uncharge(account, KIPC_WAITERS, 1);
	return ret;
}

/**
 * kipc_share_await_room - kipc_mailbox_await_room() of a mailbox with a bound
 * @mailbox: the mailbox
 * @out: the letter
 * @wake: for those who are woken on the way
 *
 * Context: process context; the lock is held, dropped while it sleeps, and held
 * again.
 * Return: 0: there is room, and it is taken, and a part of the caller's share:
 * kipc_mailbox_return_room() and kipc_share_return() undo that.  -EAGAIN,
 * -ETIMEDOUT, -ERESTARTSYS, -EDQUOT, -ENOMEM, -EIDRM, -EPIPE.
 */
int kipc_share_await_room(struct kipc_mailbox *mailbox,
			  const struct kipc_outgoing *out,
			  struct kipc_wake *wake)
{
	struct kipc_share_waiter waiter = { .waiter.need = out->size };
	struct kipc_sharer *sharer;
	int ret;

	lockdep_assert_held(&mailbox->object.lock);
	ret = kipc_mailbox_closed_to_senders(mailbox);
	if (ret)
		return ret;
	sharer = kipc_sharer_get(mailbox, out->nowait, wake);
	if (IS_ERR(sharer))
		return PTR_ERR(sharer);
	sharer->threads++;
	if (list_empty(&sharer->line) &&
	    kipc_sharer_fits(mailbox->share, sharer, out->size)) {
		kipc_sharer_charge(sharer, out->size);
		waiter.charged = true;
	}
	if (waiter.charged && list_empty(&mailbox->senders) &&
	    kipc_mailbox_fits(mailbox, out->size))
		kipc_mailbox_take_room(mailbox, out->size);
	else
		ret = kipc_share_wait(mailbox, sharer, &waiter, out->deadline, wake);
	sharer->threads--;
	if (ret && waiter.charged)
		kipc_share_return(mailbox, sharer->uid, out->size);
	else if (ret)
		kipc_sharer_changed(mailbox, sharer);
	return ret;
}

/**
 * kipc_share_return - a letter leaves, or does not come: give its share back
 * @mailbox: has a bound
 * @uid: the letter's sender
 * @size: of the letter
 *
 * Context: the lock is held.
 */
void kipc_share_return(struct kipc_mailbox *mailbox, kuid_t uid, size_t size)
{
	struct kipc_share *share = mailbox->share;
	struct kipc_sharer *sharer = kipc_sharer_find(share, uid);
	size_t most = mailbox->attr.letter_size;
	bool could;

	lockdep_assert_held(&mailbox->object.lock);
	if (WARN_ON_ONCE(!sharer))
		return;
	could = kipc_sharer_fits(share, sharer, most);
	sharer->letters--;
	sharer->bytes -= size;
	if (!could && kipc_sharer_fits(share, sharer, most))
		share->freed = true;
	kipc_sharer_changed(mailbox, sharer);
}

/**
 * kipc_share_allows - could the calling thread's user send without a wait for its share?
 * @mailbox: has a bound
 * @size: of the letter
 *
 * Context: the lock is held.
 * Return: whether there is so much left.
 */
bool kipc_share_allows(struct kipc_mailbox *mailbox, size_t size)
{
	struct kipc_share *share = mailbox->share;
	struct kipc_sharer *sharer = kipc_sharer_find(share, current_euid());

	lockdep_assert_held(&mailbox->object.lock);
	return !sharer || (list_empty(&sharer->line) &&
			   kipc_sharer_fits(share, sharer, size));
}

/**
 * kipc_share_settle - let those go on who have share again, or whom nothing can help
 * @mailbox: has a bound
 *
 * They go over to the mailbox's line, one of each user in turn.
 *
 * Context: the lock is held.
 * Return: whether there is more to be done, after others had the lock.
 */
bool kipc_share_settle(struct kipc_mailbox *mailbox)
{
	struct kipc_share *share = mailbox->share;
	bool closed = kipc_mailbox_closed_to_senders(mailbox);
	struct kipc_share_waiter *waiter;
	struct kipc_sharer *sharer;
	unsigned int count = 0;

	lockdep_assert_held(&mailbox->object.lock);
	if (unlikely(closed))
		list_splice_tail_init(&share->blocked, &share->due);
	while (!list_empty(&share->due)) {
		if (++count > KIPC_MAILBOX_BATCH)
			return true;
		sharer = list_first_entry(&share->due, struct kipc_sharer, place);
		if (unlikely(closed)) {
			/* They find there what they get. */
			list_splice_tail_init(&sharer->line, &mailbox->senders);
			list_del_init(&sharer->place);
			continue;
		}
		waiter = list_first_entry(&sharer->line, struct kipc_share_waiter,
					  waiter.node);
		if (!kipc_sharer_fits(share, sharer, waiter->waiter.need)) {
			list_move_tail(&sharer->place, &share->blocked);
			continue;
		}
		kipc_sharer_charge(sharer, waiter->waiter.need);
		waiter->charged = true;
		list_move_tail(&waiter->waiter.node, &mailbox->senders);
		kipc_sharer_changed(mailbox, sharer);
		/* Who polled meanwhile saw that there was a line. */
		if (list_empty(&sharer->line) &&
		    kipc_sharer_fits(share, sharer, mailbox->attr.letter_size))
			share->freed = true;
	}
	return false;
}

/**
 * kipc_share_report - who waits for its share
 * @mailbox: the mailbox
 * @report: where to
 *
 * Context: the mailbox's lock is held.
 */
void kipc_share_report(const struct kipc_mailbox *mailbox,
		       struct kipc_report *report)
{
	const struct kipc_sharer *sharer;
	const struct rb_node *node;

	if (!mailbox->share)
		return;
	for (node = rb_first(&mailbox->share->users);
	     node && !kipc_report_full(report); node = rb_next(node)) {
		sharer = rb_entry(node, struct kipc_sharer, node);
		kipc_report_line(report, KIPC_WAIT_ROOM, &sharer->line);
	}
}
