// SPDX-License-Identifier: GPL-2.0
/*
 * What is done with calls alone: data there and a word back, room for data that nobody
 * touches, calls while a call is served.
 */
#include "bench.h"

/* A client and a server; there goes @size of the payload, back eight bytes. */
struct pair {
	const struct turn *t;
	struct channel there, back;
	size_t size;
	unsigned int warm, timed;
};

/* What a server would do at least: look at each line of the cache. */
static const void *receive_and_look(const struct pair *p, void *buffer, size_t size)
{
	const struct peer *peer = p->t->peer;
	struct channel *c = (struct channel *)&p->there;
	const volatile char *data = buffer;
	size_t i;

	if (peer->recv_in_place)
		data = peer->recv_in_place(c, size);
	else
		peer->recv(c, buffer, size);
	for (i = 0; i < size; i += 64)
		(void)data[i];
	return (const void *)data;
}

static void pair_serve(struct crew *crew, struct pair *p)
{
	const struct peer *peer = p->t->peer;
	void *in = message_buffer(p->size), *out = message_buffer(8);
	uint32_t last[MAX_WORKERS] = { 0 };
	unsigned int i;

	for (i = 0; i < p->warm + p->timed; i++) {
		if (i == p->warm) {
			if (peer->flush)
				peer->flush(&p->there);
			crew_ready(crew);
		}
		CHECK(message_check(receive_and_look(p, in, p->size), p->size,
				    last) == 1);
		message_stamp(out, 8, 0, i + 1);
		peer->send(&p->back, out, 8);
	}
	if (peer->flush)
		peer->flush(&p->there);
	crew_done(crew);
}

static void pair_call(struct crew *crew, struct pair *p)
{
	const struct peer *peer = p->t->peer;
	void *in = message_buffer(8), *out = message_buffer(p->size);
	uint32_t last[MAX_WORKERS] = { 0 };
	unsigned int i;

	for (i = 0; i < p->warm + p->timed; i++) {
		if (i == p->warm)
			crew_ready(crew);
		message_stamp(out, p->size, 1, i + 1);
		peer->send(&p->there, out, p->size);
		peer->recv(&p->back, in, 8);
		CHECK(message_check(in, 8, last) == 0 && last[0] == i + 1);
	}
	crew_done(crew);
}

static void pair_job(struct crew *crew, unsigned int me, void *arg)
{
	if (me)
		pair_call(crew, arg);
	else
		pair_serve(crew, arg);
}

/* @size of what there is @room for. */
static void run_pair(const struct turn *t, size_t room, size_t size)
{
	struct pair p = {
		.t = t,
		.size = size,
		.timed = t->messages,
		.warm = t->messages / 8,
	};
	double took;

	p.there = new_channel(t->peer, room);
	p.back = new_channel(t->peer, room);
	took = crew_run(t, 2, false, pair_job, &p);
	t->peer->end(&p.there);
	t->peer->end(&p.back);
	give(t, NULL, took / p.timed);
}

static void run_carry(const struct turn *t)
{
	run_pair(t, t->payload, t->payload);
}

static void run_untouched(const struct turn *t)
{
	run_pair(t, t->payload, 8);
}

static void run_small_room(const struct turn *t)
{
	run_pair(t, 8, 8);
}

/* Process 0 calls, the others serve. */
struct chain {
	const struct peer *peer;
	struct channel link[9], back[9];	/* back: of those that are no calls */
	unsigned int depth, calls;
};

/* How many servers there are from the first one on. */
static uint64_t pass_along(struct chain *c, unsigned int first)
{
	uint64_t servers = 0;

	if (first > c->depth)
		return 0;
	c->peer->send(&c->link[first], &servers, sizeof(servers));
	c->peer->recv(&c->back[first], &servers, sizeof(servers));
	return servers;
}

static void serve_along(struct chain *c, unsigned int me)
{
	uint64_t servers;
	unsigned int i;

	for (i = 0; i < c->calls; i++) {
		c->peer->recv(&c->link[me], &servers, sizeof(servers));
		servers = 1 + pass_along(c, me + 1);
		c->peer->send(&c->back[me], &servers, sizeof(servers));
	}
}

/* Nothing goes before it is timed: the servers have to be there. */
static void chain_job(struct crew *crew, unsigned int me, void *arg)
{
	struct chain *c = arg;
	bool calls = c->peer == &service_peer;
	unsigned int i;

	crew_ready(crew);
	if (me && calls)
		service_chain_serve(&c->link[me],
				    me < c->depth ? &c->link[me + 1] : NULL,
				    c->calls);
	else if (me)
		serve_along(c, me);
	for (i = 0; !me && i < c->calls; i++)
		CHECK((calls ? service_chain_call(&c->link[1]) : pass_along(c, 1)) ==
		      c->depth);
	crew_done(crew);
}

static void run_chain(const struct turn *t, unsigned int depth)
{
	struct chain c = {
		.peer = t->peer,
		.depth = depth,
		.calls = t->messages,
	};
	unsigned int i;
	double took;

	for (i = 1; i <= depth; i++) {
		c.link[i] = new_channel(t->peer, t->payload);
		c.back[i] = new_channel(t->peer, t->payload);
	}
	took = crew_run(t, 1 + depth, false, chain_job, &c);
	for (i = 1; i <= depth; i++) {
		t->peer->end(&c.link[i]);
		t->peer->end(&c.back[i]);
	}
	give(t, NULL, took / c.calls);
}

static void run_chain_1(const struct turn *t)
{
	run_chain(t, 1);
}

static void run_chain_4(const struct turn *t)
{
	run_chain(t, 4);
}

static void run_chain_8(const struct turn *t)
{
	run_chain(t, 8);
}

static bool fits_pair(const struct peer *p, size_t payload)
{
	(void)payload;
	return p == &pipe_peer || p == &service_peer;
}

static bool fits_service(const struct peer *p, size_t payload)
{
	(void)payload;
	return p == &service_peer;
}

static const size_t large[] = { 4096, 65536, PAYLOADS_END };
static const size_t largest[] = { 65536, PAYLOADS_END };
static const size_t words[] = { 64, PAYLOADS_END };

#define OP(var, label, sizes, less, function, check)			\
	static const struct op var = {					\
		.name = label, .payloads = sizes, .fewer = less,	\
		.run = function, .fits = check,				\
	}

OP(carry, "call-carry", large, 4, run_carry, fits_pair);
/* What there is no room for is not sent: the payload is that of the other. */
OP(small_room, "call-small-room", largest, 2, run_small_room, fits_service);
OP(room, "call-untouched", largest, 2, run_untouched, fits_service);
OP(chain_1, "call-chain-1", words, 4, run_chain_1, fits_pair);
OP(chain_4, "call-chain-4", words, 8, run_chain_4, fits_pair);
OP(chain_8, "call-chain-8", words, 16, run_chain_8, fits_pair);

const struct op *const call_ops[] = {
	&carry, &small_room, &room, &chain_1, &chain_4, &chain_8, NULL
};
