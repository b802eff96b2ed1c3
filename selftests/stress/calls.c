// SPDX-License-Identifier: GPL-2.0
/*
 * Calls, between threads that each either ask or serve.  What must hold: a request
 * is served once at most; a reply that its server was told has found the caller is
 * what the caller gets, unless it gave the call up; who gets a reply was served; and
 * a call that failed without being seen was not seen.
 */
#include "stress.h"

enum { REQUEST = 8192 };

static const struct kipc_mailbox_attr kinds[DESKS] = {
	{ 16, 65536, REQUEST, 0 },
	{ 0, 0, REQUEST, 0 },
	{ 3, 20000, REQUEST, KIPC_MAILBOX_DROP_OLDEST },
};

void calls_open(int ctl)
{
	unsigned int i;

	memset(world->requests, 0, sizeof(world->requests));
	world->requests_used = 0;
	for (i = 0; i < DESKS; i++) {
		world->desks[i] = k_create(ctl, NULL, &kinds[i], 0600,
					   ALL_RIGHTS, 0);
		CHECK(world->desks[i] >= 0);
	}
}

static void describe_request(const char *what, const struct request *r)
{
	complain("%s: request %u: served %u times, replied %u, told %u, state %u, errno %s",
		 what, (unsigned int)(r - world->requests), LOAD(r->served),
		 LOAD(r->replying), LOAD(r->told), LOAD(r->state),
		 r->err ? strerrorname_np(r->err) : "0");
}

static struct request *request_of(const void *data, size_t size, uint64_t flip)
{
	uint64_t key = 0;

	if (size >= sizeof(key))
		memcpy(&key, data, sizeof(key));
	key ^= flip;
	if (key >> 32 != world->epoch || (uint32_t)key >= REQUESTS ||
	    !intact(data, size, key ^ flip))
		return NULL;
	return &world->requests[(uint32_t)key];
}

/* A request in t->out; NULL if there were enough. */
static struct request *request_new(struct thread *t, size_t *size)
{
	uint32_t number = RAISE(world->requests_used, 1);

	if (number >= REQUESTS)
		return NULL;
	*size = 8 + below(&t->random, below(&t->random, 4) ? 100 : REQUEST - 7);
	compose(t->out, *size, letter_key(number));
	COUNT(asked);
	return &world->requests[number];
}

static void pending_add(struct desk *d, uint64_t token, struct request *r)
{
	d->pending[d->n].token = token;
	d->pending[d->n++].request = r;
}

static void pending_remove(struct desk *d, unsigned int i)
{
	d->pending[i] = d->pending[--d->n];
}

static void failed(struct request *r, enum request_state state, int err)
{
	r->err = err;
	STORE(r->state, state);
}

/* A reply of @size bytes in t->in. */
static void replied(struct thread *t, struct request *r, ssize_t size)
{
	if (request_of(t->in, size, REPLY_FLIP) != r)
		describe_request("a wrong reply came", r);
	else if (LOAD(r->served) != 1 || !LOAD(r->replying))
		describe_request("a reply came from nobody", r);
	STORE(r->state, REPLIED);
	COUNT(replied);
}

static uint64_t some_time(struct thread *t)
{
	return below(&t->random, 8) ? after(below(&t->random, 20) * MS) :
				      KIPC_FOREVER;
}

static bool in_time(uint64_t deadline)
{
	return deadline == KIPC_FOREVER || now_ns() < deadline;
}

static void ask(struct thread *t, struct desk *d)
{
	uint64_t deadline = some_time(t), token = 0;
	struct request *r;
	size_t size;
	ssize_t ret;

	r = request_new(t, &size);
	if (!r)
		return;
	STORE(t->actor->request, r);
	ret = CALL(t, k_call(d->fd, t->out, size, t->in, REQUEST, &token,
			     deadline));
	STORE(t->actor->request, NULL);
	if (ret >= 0) {
		replied(t, r, ret);
	} else if (token) {
		/* It goes on. */
		ALLOW(-1, "a call that goes on", errno == EINTR);
		pending_add(d, token, r);
	} else if (errno == ETIMEDOUT && !in_time(deadline)) {
		failed(r, FAILED_CALL, errno);
		COUNT(timeouts);
	} else if (errno == EPIPE) {
		failed(r, FAILED_CALL, errno);
		COUNT(deserted);
	} else {
		/* A reply that cannot be written, with a token that cannot either. */
		failed(r, errno == EFAULT ? GIVEN_UP : UNSEEN, errno);
		ALLOW(-1, "a call", errno == ECANCELED &&
		      kinds[d->which].flags & KIPC_MAILBOX_DROP_OLDEST);
	}
}

static void submit(struct thread *t, struct desk *d)
{
	uint64_t deadline = some_time(t), token = 0;
	struct request *r;
	size_t size;

	r = request_new(t, &size);
	if (!r)
		return;
	if (!CALL(t, k_submit(d->fd, t->out, size, REQUEST, &token, deadline))) {
		pending_add(d, token, r);
	} else if ((errno == ETIMEDOUT && !in_time(deadline)) ||
		   errno == EPIPE) {
		failed(r, FAILED_CALL, errno);
	} else {
		failed(r, UNSEEN, errno);
		ALLOW(-1, "submitting a call", false);
	}
}

static void collect(struct thread *t, struct desk *d)
{
	unsigned int i = below(&t->random, d->n);
	bool any = below(&t->random, 2);
	uint64_t deadline = some_time(t), token = any ? 0 : d->pending[i].token;
	struct kipc_letter h;
	struct request *r;
	ssize_t ret;

	if (!any)
		STORE(t->actor->request, d->pending[i].request);
	ret = CALL(t, k_collect(d->fd, &token, t->in, REQUEST, &h, deadline));
	STORE(t->actor->request, NULL);
	if (ret < 0 && errno != EPIPE && errno != ECANCELED) {
		ALLOW(-1, "collecting", errno == ETIMEDOUT && !in_time(deadline));
		return;
	}
	for (i = 0; i < d->n && d->pending[i].token != token; i++)
		;
	if (i == d->n) {
		complain("collected call %llx, which is none of these",
			 (unsigned long long)token);
		return;
	}
	r = d->pending[i].request;
	pending_remove(d, i);
	if (ret < 0)
		failed(r, errno == EPIPE ? FAILED_CALL : UNSEEN, errno);
	else
		replied(t, r, ret);
}

static void cancel(struct thread *t, struct desk *d)
{
	unsigned int i = below(&t->random, d->n);

	STORE(d->pending[i].request->state, GIVEN_UP);
	if (CALL(t, k_cancel(d->fd, d->pending[i].token)))
		ALLOW(-1, "cancelling a call", false);
	else
		pending_remove(d, i);
}

static long reply(struct thread *t, struct desk *d, struct request *r,
		  const struct kipc_mailbox_recv *recv)
{
	size_t size = 8 + below(&t->random, recv->reply_size - 7);
	long ret;

	compose(t->out, size, letter_key(r - world->requests) ^ REPLY_FLIP);
	STORE(r->replying, 1);
	ret = CALL(t, k_reply(d->fd, recv->token, t->out, size, 0));
	if (ret < 0)
		return ret;
	RAISE(world->answers, 1);
	if (!ret)
		STORE(r->told, 1);
	return ret;
}

static void serve(struct thread *t, struct desk *d)
{
	uint64_t deadline = after(below(&t->random, 10) * MS);
	struct kipc_mailbox_recv recv;
	struct request *r;
	unsigned int x;
	ssize_t n;

	n = CALL(t, k_serve(d->fd, t->in, ROOM, &recv, 0, deadline));
	if (n < 0) {
		ALLOW(n, "serving", errno == ETIMEDOUT);
		return;
	}
	r = request_of(t->in, n, 0);
	if (!r) {
		complain("what came to desk %u is no request: %zd bytes",
			 d->which, n);
		return;
	}
	if (RAISE(r->served, 1))
		describe_request("served twice", r);
	x = below(&t->random, 100);
	/* It dies with the handle, or with us. */
	if (x < 8)
		return;
	if (x < 16)
		nap();
	if (reply(t, d, r, &recv) < 0) {
		ALLOW(-1, "a reply", false);
		return;
	}
	if (x < 30 && CALL(t, k_reply(d->fd, recv.token, t->out, 8, 0)) >= 0)
		describe_request("replied twice", r);
	else if (x < 30)
		ALLOW(-1, "a second reply", errno == ENOENT);
}

static void desk_open(struct thread *t, struct desk *d)
{
	unsigned int i;

	/* What is under way will find nobody. */
	for (i = 0; i < d->n; i++)
		STORE(d->pending[i].request->state, GIVEN_UP);
	d->n = 0;
	if (d->fd >= 0)
		close(d->fd);
	d->which = below(&t->random, DESKS);
	d->serves = below(&t->random, 2);
	d->fd = CALL(t, k_narrow(world->desks[d->which],
				 d->serves ? RECEIVE : SEND, 0));
	ALLOW(d->fd, "a handle of a desk", false);
}

void calls_step(struct thread *t)
{
	struct desk *d = &t->desk;
	unsigned int x = below(&t->random, 100);

	t->actor->begin = tick();
	if (d->fd < 0 || x < 3)
		desk_open(t, d);
	else if (d->serves)
		serve(t, d);
	else if (d->n == PENDING || (d->n && x < 40))
		collect(t, d);
	else if (d->n && x < 45)
		cancel(t, d);
	else if (x < 70)
		ask(t, d);
	else
		submit(t, d);
}

static bool still_waits(const struct actor *a)
{
	const struct request *r = LOAD(a->request);

	return r && LOAD(r->told) && LOAD(r->state) == ASKED && weather_sleeps(a);
}

/* Nobody does anything any more: does anybody wait for a reply that was given? */
void calls_waiters(void)
{
	const struct actor *a, *end = world->actors + workers * THREADS;
	uint64_t until = after(PATIENCE);
	struct kipc_mailbox_stat st;
	unsigned int i;

	for (a = world->actors; a < end; a++) {
		while (still_waits(a) && now_ns() < until)
			nap();
		if (still_waits(a))
			describe_request("its caller still waits", LOAD(a->request));
	}
	for (i = 0; i < DESKS; i++) {
		st = stat_of(world->desks[i]);
		if (st.waiting_receivers && st.letters)
			complain("desk %u forgot %u servers, %llu requests", i,
				 st.waiting_receivers,
				 (unsigned long long)st.letters);
	}
}

static void check_request(const struct request *r)
{
	if (r->state == UNSEEN && r->served)
		describe_request("not seen, and served", r);
	if (r->told && (r->state == UNSEEN || r->state == FAILED_CALL))
		describe_request("replied to, and its caller does not know", r);
}

/* The workers are gone, and with them their calls. */
void calls_epoch(void)
{
	uint32_t used = world->requests_used, unknown = 0, i;
	struct kipc_mailbox_stat st;
	uint64_t replies = 0;

	for (i = 0; i < DESKS; i++) {
		/* Death is noticed by a work of its own. */
		wait_for(!stat_of(world->desks[i]).serving);
		st = stat_of(world->desks[i]);
		replies += st.replies;
		if (st.letters || st.waiting_senders || st.waiting_receivers ||
		    st.replies > st.calls)
			complain("desk %u: %llu letters, %u, %u waiters, %llu calls, %llu replies",
				 i, (unsigned long long)st.letters,
				 st.waiting_senders, st.waiting_receivers,
				 (unsigned long long)st.calls,
				 (unsigned long long)st.replies);
		close(world->desks[i]);
	}
	for (i = 0; i < used && i < REQUESTS; i++) {
		check_request(&world->requests[i]);
		unknown += world->requests[i].replying &&
			   !world->requests[i].told;
	}
	if (replies < world->answers || replies > world->answers + unknown)
		complain("%llu replies; known are %u, and perhaps %u more",
			 (unsigned long long)replies, world->answers, unknown);
}
