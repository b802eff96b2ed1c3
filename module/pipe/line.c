// SPDX-License-Identifier: GPL-2.0
/*
 * Who goes on, and who is told.  See pipe.h for the protocol.
 */
#include <linux/sched/signal.h>

#include "pipe.h"

/* What the first writer in line gets: as the reader's, but -EAGAIN: it cannot fit. */
static int kipc_pipe_writer_verdict(const struct kipc_pipe *pipe, size_t size)
{
	int ret = kipc_pipe_closed_to_writers(pipe);

	if (unlikely(ret))
		return ret;
	if (unlikely(size > pipe->capacity))
		return -EAGAIN;
	return kipc_pipe_room(pipe) >= kipc_pipe_enough(pipe, size) ?
	       KIPC_GRANTED : KIPC_WAITING;
}

/* The other end has come, or never will. */
static void kipc_pipe_settle_opening(struct kipc_pipe *pipe,
				     struct list_head *line, bool there,
				     struct kipc_wake *wake)
{
	if (!there && !pipe->object.removed)
		return;
	while (unlikely(!list_empty(line)) && !kipc_wake_full(wake))
		kipc_waiter_wake(list_first_entry(line, struct kipc_waiter, node),
				 pipe->object.removed ? -EIDRM : KIPC_GRANTED,
				 wake);
}

/* Give verdicts to those who can go on, until @wake is full. */
static void kipc_pipe_settle(struct kipc_pipe *pipe, struct kipc_wake *wake)
{
	struct kipc_waiter *waiter;
	int verdict;

	lockdep_assert_held(&pipe->object.lock);
	while (unlikely(!list_empty(&pipe->readers)) && !kipc_wake_full(wake)) {
		verdict = kipc_pipe_reader_verdict(pipe);
		if (verdict == KIPC_WAITING)
			break;
		if (verdict == KIPC_GRANTED)
			pipe->turn = true;
		kipc_waiter_wake(list_first_entry(&pipe->readers,
						  struct kipc_waiter, node),
				 verdict, wake);
	}
	while (unlikely(!list_empty(&pipe->writers)) && !kipc_wake_full(wake)) {
		waiter = list_first_entry(&pipe->writers, struct kipc_waiter,
					  node);
		verdict = kipc_pipe_writer_verdict(pipe, waiter->need);
		if (verdict == KIPC_WAITING)
			break;
		if (verdict == KIPC_GRANTED)
			kipc_pipe_take_room(pipe, waiter->need);
		kipc_waiter_wake(waiter, verdict, wake);
	}
	kipc_pipe_settle_opening(pipe, &pipe->opening_readers,
				 pipe->ends.senders, wake);
	kipc_pipe_settle_opening(pipe, &pipe->opening_writers,
				 pipe->ends.receivers, wake);
}

/**
 * kipc_pipe_state - the poll mask of the pipe itself, for any right
 * @pipe: the pipe
 *
 * Context: the lock is held.
 * Return: EPOLLIN: something to read; EPOLLOUT: room for an atomic write, and nobody in
 * line; EPOLLHUP: its writers are gone; EPOLLERR: it has no readers; KIPC_NEWS_LIMIT: no
 * such room.
 */
__poll_t kipc_pipe_state(const struct kipc_pipe *pipe)
{
	__poll_t state = 0;

	lockdep_assert_held(&pipe->object.lock);
	if (pipe->object.removed)
		return KIPC_NEWS_END;
	if (kipc_pipe_readable(pipe))
		state |= EPOLLIN;
	if (kipc_pipe_room(pipe) < pipe->atomic)
		state |= KIPC_NEWS_LIMIT;
	else if (list_empty(&pipe->writers))
		state |= EPOLLOUT;
	if (kipc_ends_no_sender(&pipe->ends))
		state |= EPOLLHUP;
	if (!pipe->ends.receivers)
		state |= EPOLLERR;
	return state;
}

/**
 * kipc_pipe_unlock - drop the lock, and let go on who can
 * @pipe: the pipe
 * @wake: initialised; may have somebody in it; is empty afterwards
 * @arrived: something was put in
 *
 * Context: the lock is held, and dropped; process context.
 */
void kipc_pipe_unlock(struct kipc_pipe *pipe, struct kipc_wake *wake, bool arrived)
	__releases(&pipe->object.lock)
{
	struct kipc_object *object = &pipe->object;
	__poll_t news = 0;
	bool more;

	for (;;) {
		kipc_pipe_settle(pipe, wake);
		more = kipc_wake_full(wake);
		/* In each round: who polls between two takes the news away. */
		if (unlikely(kipc_notify_wanted(&object->notify)))
			news |= kipc_notify_news(kipc_pipe_state(pipe),
						 &pipe->told, arrived);
		spin_unlock(&object->lock);
		if (!kipc_wake_empty(wake))
			kipc_wake_flush(wake);
		if (likely(!more))
			break;
		cond_resched();
		kipc_delay(KIPC_DELAY_BETWEEN_BATCHES);
		spin_lock(&object->lock);
	}
	if (unlikely(news))
		kipc_object_notify(object, news);
}

/*
 * Wait in a line.  The lock is held, dropped meanwhile, and held again.  Returns as
 * kipc_waiter_leave(), or -EDQUOT.
 */
static int kipc_pipe_wait(struct kipc_pipe *pipe, struct kipc_waiter *waiter,
			  struct list_head *line, ktime_t deadline,
			  struct kipc_wake *wake)
{
	enum kipc_wait what = line == &pipe->readers ? KIPC_WAIT_DATA :
			      line == &pipe->writers ? KIPC_WAIT_ROOM :
			      KIPC_WAIT_PEER;
	struct kipc_account *account = &pipe->object.account;
	u64 begun;
	int ret;

	if (kipc_charge(account, KIPC_WAITERS, 1))
		return -EDQUOT;
	kipc_waiter_join(waiter, line);
	begun = kipc_object_waits(&pipe->object, what, deadline);
	kipc_pipe_unlock(pipe, wake, false);
	ret = kipc_waiter_sleep(waiter, deadline);
	kipc_object_waited(&pipe->object, what, begun);
	spin_lock(&pipe->object.lock);
	/* Its time is up, and it is the first: what fits need not be more than enough. */
	if (ret == -ETIMEDOUT && line == &pipe->writers &&
	    waiter->verdict == KIPC_WAITING &&
	    list_is_first(&waiter->node, line) &&
	    waiter->need <= kipc_pipe_room(pipe)) {
		kipc_pipe_take_room(pipe, waiter->need);
		ret = KIPC_GRANTED;
	}
	ret = kipc_waiter_leave(waiter, ret);
	kipc_uncharge(account, KIPC_WAITERS, 1);
	return ret;
}

/**
 * kipc_pipe_await_turn - come to where something can be read
 * @pipe: the pipe
 * @deadline: when to give up
 * @wake: for those who are woken on the way
 *
 * Context: process context; the lock is held, dropped while it sleeps, and held again.
 * Return: 0: something is there, and it is the caller's turn until it clears @turn.
 * -EPIPE: end of file.  -EAGAIN, -ETIMEDOUT, -ERESTARTSYS, -EDQUOT, -EIDRM.
 */
int kipc_pipe_await_turn(struct kipc_pipe *pipe, ktime_t deadline,
			 struct kipc_wake *wake)
{
	struct kipc_waiter waiter;
	int ret;

	lockdep_assert_held(&pipe->object.lock);
	ret = kipc_pipe_reader_verdict(pipe);
	/* What is there is for those in line; the end is for everybody. */
	if (ret == KIPC_GRANTED && unlikely(!list_empty(&pipe->readers)))
		ret = KIPC_WAITING;
	if (ret == KIPC_GRANTED)
		pipe->turn = true;
	if (ret != KIPC_WAITING)
		return ret;
	if (deadline == KIPC_DEADLINE_NO_WAIT)
		return -EAGAIN;

	pipe->stat.read_waits++;
	pipe->stat.waiting_readers++;
	ret = kipc_pipe_wait(pipe, &waiter, &pipe->readers, deadline, wake);
	pipe->stat.waiting_readers--;
	if (ret != KIPC_GRANTED)
		return ret;
	/* Who is killed leaves it to the next one. */
	if (unlikely(pipe->object.removed))
		ret = -EIDRM;
	else if (fatal_signal_pending(current))
		ret = -ERESTARTSYS;
	if (ret)
		pipe->turn = false;
	return ret;
}

/**
 * kipc_pipe_await_data - wait until something can be read, and do not read it
 * @pipe: the pipe
 * @deadline: when to give up
 *
 * Context: process context, may sleep.
 * Return: as kipc_pipe_await_turn(), but it is nobody's turn.
 */
int kipc_pipe_await_data(struct kipc_pipe *pipe, ktime_t deadline)
{
	struct kipc_wake wake;
	int ret;

	kipc_wake_init(&wake);
	spin_lock(&pipe->object.lock);
	ret = kipc_pipe_await_turn(pipe, deadline, &wake);
	if (!ret)
		pipe->turn = false;
	kipc_pipe_unlock(pipe, &wake, false);
	return ret;
}

/**
 * kipc_pipe_await_room - come to where something can be put in
 * @pipe: the pipe
 * @size: of it, no more than the capacity
 * @deadline: when to give up
 * @wake: for those who are woken on the way
 *
 * Context: process context; the lock is held, dropped while it sleeps, and held again.
 * Return: 0: there is room, and it is taken: to be filled, or given back from @bytes.
 * -EAGAIN: there is none; or, after a wait, @size is more than the new capacity.
 * -ETIMEDOUT, -ERESTARTSYS, -EDQUOT, -EIDRM, -EPIPE.
 */
int kipc_pipe_await_room(struct kipc_pipe *pipe, size_t size, ktime_t deadline,
			 struct kipc_wake *wake)
{
	struct kipc_waiter waiter = { .need = size };
	int ret;

	lockdep_assert_held(&pipe->object.lock);
	ret = kipc_pipe_closed_to_writers(pipe);
	if (unlikely(ret))
		return ret;
	if (list_empty(&pipe->writers) && kipc_pipe_room(pipe) >= size) {
		kipc_pipe_take_room(pipe, size);
		return 0;
	}
	if (deadline == KIPC_DEADLINE_NO_WAIT)
		return -EAGAIN;

	pipe->stat.write_waits++;
	pipe->stat.waiting_writers++;
	ret = kipc_pipe_wait(pipe, &waiter, &pipe->writers, deadline, wake);
	pipe->stat.waiting_writers--;
	if (ret != KIPC_GRANTED)
		return ret;
	if (fatal_signal_pending(current))
		ret = -ERESTARTSYS;
	else
		ret = kipc_pipe_closed_to_writers(pipe);
	if (ret)
		kipc_pipe_give_room(pipe, size);
	return ret;
}

/**
 * kipc_pipe_await_space - wait until something can be put in, and do not
 * @pipe: the pipe
 * @deadline: when to give up
 *
 * Context: process context, may sleep.
 * Return: as kipc_pipe_await_room(), but no room is taken.
 */
int kipc_pipe_await_space(struct kipc_pipe *pipe, ktime_t deadline)
{
	struct kipc_wake wake;
	int ret;

	kipc_wake_init(&wake);
	spin_lock(&pipe->object.lock);
	ret = kipc_pipe_await_room(pipe, 1, deadline, &wake);
	if (!ret)
		kipc_pipe_give_room(pipe, 1);
	kipc_pipe_unlock(pipe, &wake, false);
	return ret;
}

/**
 * kipc_pipe_meet - a handle was opened by name: wait for the other end
 * @handle: new, and counted
 * @deadline: when to give up
 *
 * Context: process context, may sleep.
 * Return: 0, -ETIMEDOUT, -ERESTARTSYS, -EDQUOT, -EIDRM.
 */
int kipc_pipe_meet(struct kipc_handle *handle, ktime_t deadline)
{
	struct kipc_pipe *pipe = kipc_pipe_of(handle->object);
	bool reads = handle->rights & KIPC_RIGHT_RECEIVE;
	bool writes = handle->rights & KIPC_RIGHT_SEND;
	struct kipc_pipe_handle *own;
	struct kipc_waiter waiter;
	struct kipc_wake wake;
	int ret = 0;

	own = container_of(handle, struct kipc_pipe_handle, handle);
	if (reads == writes || deadline == KIPC_DEADLINE_NO_WAIT)
		return 0;
	kipc_wake_init(&wake);
	spin_lock(&pipe->object.lock);
	if (unlikely(pipe->object.removed))
		ret = -EIDRM;
	else if (own->alone &&
		 own->came == (reads ? pipe->writers_came : pipe->readers_came))
		ret = kipc_pipe_wait(pipe, &waiter,
				     reads ? &pipe->opening_readers :
					     &pipe->opening_writers,
				     deadline, &wake);
	kipc_pipe_unlock(pipe, &wake, false);
	return ret;
}
