// SPDX-License-Identifier: GPL-2.0
/*
 * Messages in queues, by random selectors.  What must hold: a message comes once, whole,
 * to somebody who has selected it; what one process has sent of a type and a priority
 * comes in its order, unless a receive has failed meanwhile, whose message others may
 * overtake; nobody waits for what is there; and at the end nothing is missing but what
 * went with those that were killed.
 */
#include "stress.h"
#include "../kqueue.h"

enum {
	QUEUES = 4,
	NOTES = 1 << 17,		/* in an epoch; more are not sent */
	FAILURES = 1 << 15,
	TYPES = 4,
	PRIORITIES = 3,
	LONGEST = 20000,
	COPIED_AT_ONCE = 4096,		/* larger ones are held by who copies them */
};

static const struct kipc_queue_attr kinds[QUEUES] = {
	{ 8, 8192, 1024, 0 },
	{ 1, 64, 64, 0 },
	{ 64, 256 << 10, LONGEST, 0 },
	{ KIPC_UNBOUNDED, 1 << 20, 6000, 0 },
};

/**
 * struct note - what is known of a message, as struct letter of one in a mailbox
 */
struct note {
	uint64_t type;
	uint32_t queue, size, priority;
	int32_t pid, tid;
	uint32_t sent_begin, sent_end, got_begin, got_end;
	uint8_t state, got, maybe;
};

/* A receive that has failed, or whose process was killed. */
struct failure {
	uint32_t queue, begin, end;
};

/* What a thread is receiving. */
struct taker {
	int taking;
	unsigned int queue;
	struct kipc_selector selector;
	uint32_t begin;
	const char *data;
};

static struct {
	int fds[QUEUES];
	uint32_t used, failures_used;
	struct note notes[NOTES];
	struct failure failures[FAILURES];
	struct taker takers[64 * THREADS];
} *hall;

/* Messages in this epoch. */
static uint32_t queues_count(void)
{
	return hall->used < NOTES ? hall->used : NOTES;
}

void queues_open(int ctl)
{
	unsigned int i;

	if (!hall)
		hall = shared(sizeof(*hall));
	memset(hall->notes, 0, queues_count() * sizeof(hall->notes[0]));
	memset(hall->takers, 0, sizeof(hall->takers));
	hall->used = 0;
	hall->failures_used = 0;
	for (i = 0; i < QUEUES; i++) {
		hall->fds[i] = q_create(ctl, NULL, &kinds[i], 0600, KIPC_QUEUE_RIGHTS, 0);
		CHECK(hall->fds[i] >= 0);
	}
}

static void describe_note(const char *what, const struct note *n)
{
	complain("%s: message %u of %d, queue %u, %u bytes, %u/%u: %u, %u..%u, %u times%s %u..%u",
		 what, (unsigned int)(n - hall->notes), n->tid, n->queue, n->size,
		 (unsigned int)n->type, n->priority, n->state, n->sent_begin, n->sent_end,
		 n->got, n->maybe ? " and with a dead one" : "", n->got_begin,
		 n->got_end);
}

static bool selects(const struct kipc_selector *s, const struct note *n)
{
	switch (s->how) {
	case KIPC_SELECT_TYPE:
		return n->type == s->low;
	case KIPC_SELECT_LOWEST:
		return n->type <= s->high;
	case KIPC_SELECT_RANGE:
		return n->type >= s->low && n->type <= s->high;
	case KIPC_SELECT_EXCEPT:
		return n->type != s->low;
	case KIPC_SELECT_SENDER:
		return (uint64_t)n->pid == s->low;
	}
	return true;
}

static struct note *note_of(const void *data, size_t bytes)
{
	uint64_t key = 0;

	if (bytes >= sizeof(key))
		memcpy(&key, data, sizeof(key));
	if (key >> 32 != world->epoch || (uint32_t)key >= queues_count())
		return NULL;
	return &hall->notes[(uint32_t)key];
}

static uint64_t note_key(const struct note *n)
{
	return letter_key(n - hall->notes);
}

static void note_failure(unsigned int queue, uint32_t begin)
{
	uint32_t i = RAISE(hall->failures_used, 1);

	if (i < FAILURES)
		hall->failures[i] = (struct failure){ queue, begin, tick() };
}

static struct kipc_selector some_selector(uint64_t *r)
{
	uint64_t low = 1 + below(r, TYPES), high = low + below(r, TYPES);

	switch (below(r, 8)) {
	case 0:
		return BY_PRIORITY;
	case 1:
		return BY_TYPE(low);
	case 2:
		return BY_LOWEST(high);
	case 3:
		return BY_RANGE(low, high);
	case 4:
		return BY_EXCEPT(low);
	case 5:
		return BY_SENDER((uint64_t)getpid());
	}
	return BY_FIRST;
}

/* Most look first, as everywhere: see worker.c. */
static uint64_t some_deadline(uint64_t *r)
{
	switch (below(r, 10)) {
	case 0:
		return KIPC_FOREVER;
	case 1: case 2: case 3:
		return KIPC_NO_WAIT;
	}
	return after(below(r, 12) * MS);
}

static bool may_fail(uint64_t deadline, bool nonblock, int err)
{
	if (err == EAGAIN)
		return nonblock || deadline == KIPC_NO_WAIT;
	if (err == ETIMEDOUT) {
		COUNT(timeouts);
		return deadline != KIPC_FOREVER && now_ns() >= deadline;
	}
	return excused(err);
}

static void send_message(struct thread *t, struct stall *s)
{
	bool plain = !below(&t->random, 3);
	uint64_t deadline = plain ? KIPC_FOREVER : some_deadline(&t->random);
	uint32_t number = RAISE(hall->used, 1);
	struct note *n;
	long ret;
	int err;

	if (number >= NOTES)
		return;
	n = &hall->notes[number];
	n->queue = s->which;
	n->size = 8 + below(&t->random, kinds[s->which].message_size - 7);
	n->type = plain ? 1 : 1 + below(&t->random, TYPES);
	n->priority = plain ? 0 : below(&t->random, PRIORITIES);
	n->pid = getpid();
	n->tid = t->actor->tid;
	compose(t->out, n->size, note_key(n));
	n->sent_begin = tick();
	if (plain)
		ret = CALL(t, write(s->fd, t->out, n->size));
	else
		ret = CALL(t, q_send(s->fd, t->out, n->size, n->type, n->priority,
				     deadline));
	err = errno;
	n->sent_end = tick();
	n->state = ret < 0 ? FAILED : SENT;
	if (ret >= 0) {
		COUNT(messages);
		if (ret != (plain ? (long)n->size : 0))
			describe_note("a send returned something else", n);
	} else if (!may_fail(deadline, s->nonblock, err)) {
		complain("sending to queue %u, until %llu: %s", s->which,
			 (unsigned long long)deadline, strerrorname_np(err));
	}
}

/* It came, or was looked at. */
static void receipt(const struct taker *taker, const char *data, size_t bytes,
		    const struct kipc_message *m, bool peek)
{
	struct note *n = note_of(data, bytes);

	if (!n || n->queue != taker->queue || n->size != bytes ||
	    !intact(data, bytes, note_key(n))) {
		complain("queue %u: what came is no message of it: %zu bytes", taker->queue,
			 bytes);
		return;
	}
	if (!selects(&taker->selector, n))
		describe_note("came, and was not selected", n);
	if (m && (m->size != n->size || m->type != n->type ||
		  m->priority != n->priority || m->pid != n->pid || m->tid != n->tid))
		describe_note("came with another header", n);
	if (peek) {
		if (LOAD(n->got) && n->got_end < taker->begin)
			describe_note("seen after it had gone", n);
		return;
	}
	COUNT(taken);
	n->got_begin = taker->begin;
	n->got_end = tick();
	if (RAISE(n->got, 1))
		describe_note("received twice", n);
}

static void take_message(struct thread *t, struct stall *s)
{
	struct taker *taker = &hall->takers[t->actor - world->actors];
	bool plain = !below(&t->random, 3), peek = !plain && !below(&t->random, 16);
	uint64_t deadline = plain ? KIPC_FOREVER : some_deadline(&t->random);
	size_t room = below(&t->random, 16) ? LONGEST : 8 + below(&t->random, 1000);
	struct kipc_message m;
	long ret;
	int err;

	taker->queue = s->which;
	taker->selector = plain ? BY_FIRST : some_selector(&t->random);
	taker->data = t->in;
	taker->begin = tick();
	memset(t->in, POISON, 8);
	STORE(taker->taking, !peek);
	if (plain)
		ret = CALL(t, read(s->fd, t->in, room));
	else
		ret = CALL(t, q_recv(s->fd, t->in, room, taker->selector, &m,
				     peek ? KIPC_RECV_PEEK : 0, deadline));
	err = errno;
	if (ret >= 0) {
		receipt(taker, t->in, ret, plain ? NULL : &m, peek);
	} else {
		/* The message may have been in its hands. */
		if (err != EAGAIN && err != ETIMEDOUT)
			note_failure(s->which, taker->begin);
		if (!(err == EMSGSIZE && room < kinds[s->which].message_size) &&
		    !may_fail(deadline, s->nonblock, err))
			complain("receiving from queue %u by %u, until %llu: %s", s->which,
				 taker->selector.how, (unsigned long long)deadline,
				 strerrorname_np(err));
	}
	STORE(taker->taking, 0);
}

void queues_step(struct thread *t)
{
	struct pollfd p = { .events = POLLIN };
	struct stall *s = &t->queue;

	t->actor->begin = tick();
	if (s->fd < 0 || !below(&t->random, 40))
		stall_open(t, s, hall->fds, QUEUES, below(&t->random, 2) ? SEND : RECEIVE);
	if (s->fd < 0)
		return;
	p.fd = s->fd;
	p.events = s->rights == SEND ? POLLOUT : POLLIN;
	if (!s->nonblock && below(&t->random, 4) &&
	    CALL(t, poll(&p, 1, below(&t->random, 5))) <= 0)
		return;
	if (s->rights == SEND)
		send_message(t, s);
	else
		take_message(t, s);
}

/* Thread @number was killed: had it received a message? */
void queues_dead(unsigned int number)
{
	struct taker *taker = &hall->takers[number];
	struct note *n;

	if (!taker->taking)
		return;
	taker->taking = 0;
	note_failure(taker->queue, taker->begin);
	n = note_of(taker->data, LONGEST);
	if (n && n->queue == taker->queue && !LOAD(n->got) &&
	    intact(taker->data, n->size, note_key(n)))
		n->maybe = 1;
}

/* What thread @number sleeps for though it is there. */
static const struct note *waits_for(unsigned int number)
{
	const struct note *n, *end = hall->notes + queues_count();
	const struct taker *taker = &hall->takers[number];

	if (!LOAD(taker->taking) || !weather_sleeps(&world->actors[number]))
		return NULL;
	for (n = hall->notes; n < end; n++)
		if (n->queue == taker->queue && n->state == SENT && !LOAD(n->got) &&
		    !n->maybe && selects(&taker->selector, n))
			return n;
	return NULL;
}

/* Nobody does anything any more: does anybody wait for a message that is there? */
void queues_waiters(void)
{
	uint64_t end = after(PATIENCE);
	struct kipc_queue_stat st;
	const struct note *n;
	unsigned int i;

	for (i = 0; i < workers * THREADS; i++) {
		while ((n = waits_for(i)) && now_ns() < end)
			nap();
		if (n)
			describe_note("forgotten, and somebody waits for it", n);
	}
	for (i = 0; i < QUEUES; i++) {
		st = q_stat_of(hall->fds[i]);
		if (st.waiting_senders && !st.messages)
			complain("queue %u is empty and forgot %u senders", i,
				 st.waiting_senders);
	}
}

static void drain(unsigned int i)
{
	static char data[LONGEST];
	struct taker taker = { .queue = i, .selector = BY_FIRST };
	struct kipc_message m;
	ssize_t n;

	for (;;) {
		taker.begin = tick();
		n = q_recv(hall->fds[i], data, sizeof(data), BY_FIRST, &m, 0, KIPC_NO_WAIT);
		if (n < 0)
			break;
		receipt(&taker, data, n, &m, false);
	}
	if (errno != EAGAIN)
		complain("queue %u: draining it: %s", i, strerrorname_np(errno));
}

/* Of one sender and of one sort. */
static bool alike(const struct note *a, const struct note *b)
{
	return a->queue == b->queue && a->pid == b->pid && a->type == b->type &&
	       a->priority == b->priority;
}

static int by_sort(const void *a, const void *b)
{
	const struct note *x = *(const struct note *const *)a;
	const struct note *y = *(const struct note *const *)b;

	if (x->queue != y->queue)
		return x->queue < y->queue ? -1 : 1;
	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	return x->sent_begin < y->sent_begin ? -1 : 1;
}

/* It may have been in the hands of somebody who did not receive it. */
static bool was_held(const struct note *n)
{
	uint32_t i, used = hall->failures_used;

	/* A copy that was made to fail is tried again, in its place or behind others. */
	if (used >= FAILURES || (world->faults && n->size > COPIED_AT_ONCE))
		return true;
	for (i = 0; i < used; i++) {
		const struct failure *f = &hall->failures[i];

		if (f->queue == n->queue && f->begin < n->got_begin &&
		    f->end > n->sent_begin)
			return true;
	}
	return false;
}

static void check_order(void)
{
	uint32_t count = queues_count(), used = 0, i, k;
	const struct note **list = malloc((count + 1) * sizeof(*list));

	CHECK(list);
	for (i = 0; i < count; i++)
		if (hall->notes[i].got)
			list[used++] = &hall->notes[i];
	qsort(list, used, sizeof(*list), by_sort);
	for (i = 0; i < used; i++) {
		/* Those after it were hardly sent much later: a few will do. */
		for (k = i + 1; k < used && k < i + 16 && alike(list[i], list[k]); k++) {
			if (!list[i]->sent_end || list[k]->sent_begin < list[i]->sent_end ||
			    list[k]->got_end > list[i]->got_begin || was_held(list[i]))
				continue;
			describe_note("overtaken", list[i]);
			describe_note("... by", list[k]);
			free(list);
			return;
		}
	}
	free(list);
}

/* The workers are gone, and with them their calls. */
void queues_epoch(void)
{
	uint64_t sent[QUEUES] = { 0 }, unknown[QUEUES] = { 0 };
	uint64_t got[QUEUES] = { 0 }, maybe[QUEUES] = { 0 };
	struct kipc_queue_stat st;
	const struct note *n;
	unsigned int i;

	for (i = 0; i < QUEUES; i++)
		drain(i);
	for (n = hall->notes; n < hall->notes + queues_count(); n++) {
		if (!n->sent_begin)
			continue;
		got[n->queue] += !!n->got;
		maybe[n->queue] += !n->got && n->maybe;
		sent[n->queue] += n->got || n->state == SENT;
		unknown[n->queue] += !n->got && n->state == ISSUED;
		if (n->state == FAILED && (n->got || n->maybe))
			describe_note("not sent, and came", n);
		if (n->state == SENT && !n->got && !n->maybe)
			describe_note("lost", n);
	}
	for (i = 0; i < QUEUES; i++) {
		st = q_stat_of(hall->fds[i]);
		if (st.sent < sent[i] || st.sent > sent[i] + unknown[i] ||
		    st.received < got[i] || st.received > got[i] + maybe[i] ||
		    st.sent != st.received || st.messages || st.bytes ||
		    st.waiting_senders || st.waiting_receivers)
			complain("queue %u: in %llu, out %llu, %llu left; has %llu+%llu, %llu+%llu",
				 i, (unsigned long long)st.sent,
				 (unsigned long long)st.received,
				 (unsigned long long)st.messages,
				 (unsigned long long)sent[i], (unsigned long long)unknown[i],
				 (unsigned long long)got[i], (unsigned long long)maybe[i]);
		close(hall->fds[i]);
	}
	check_order();
}
