// SPDX-License-Identifier: GPL-2.0
/*
 * Messages: one way and round trip.
 */
#include "bench.h"

/* Messages in front of the timed ones, the first of which are checked whole. */
#define WARM		1000
#define CHECKED		50
#define ROOM		65536

struct stream {
	const struct turn *t;
	struct channel channel;
	unsigned int senders, receivers;
};

static void *buffer(size_t size)
{
	void *data = aligned_alloc(4096, (size + 4095) / 4096 * 4096);

	CHECK(data);
	memset(data, 1, size);
	return data;
}

/* Gives each of @n the same number of messages. */
static unsigned int share(unsigned int messages, unsigned int n)
{
	return (messages + n - 1) / n;
}

static unsigned int warm_messages(const struct turn *t)
{
	return t->payload > 4096 ? WARM / 10 : WARM;
}

static void send_all(struct crew *crew, struct stream *s, unsigned int me)
{
	unsigned int i, each = s->receivers, warm = share(warm_messages(s->t), each);
	unsigned int timed = share(s->t->messages, each * s->senders) * each;
	void *data = buffer(s->t->payload);
	uint32_t number = 0;

	/* A multiple for each receiver, so that all can count on their share. */
	for (i = 0; i < warm * each; i++) {
		number++;
		if (i < CHECKED)
			message_fill(data, s->t->payload, me, number);
		else
			message_stamp(data, s->t->payload, me, number);
		s->t->peer->send(&s->channel, data, s->t->payload);
	}
	crew_ready(crew);
	for (i = 0; i < timed; i++) {
		message_stamp(data, s->t->payload, me, ++number);
		s->t->peer->send(&s->channel, data, s->t->payload);
	}
	crew_done(crew);
}

static void receive_all(struct crew *crew, struct stream *s)
{
	unsigned int i, warm = share(warm_messages(s->t), s->receivers) * s->senders;
	unsigned int timed = share(s->t->messages, s->receivers * s->senders) * s->senders;
	uint32_t last[MAX_WORKERS] = { 0 };
	void *data = buffer(s->t->payload);

	for (i = 0; i < warm; i++) {
		s->t->peer->recv(&s->channel, data, s->t->payload);
		message_check(data, s->t->payload, last);
	}
	crew_ready(crew);
	for (i = 0; i < timed; i++) {
		s->t->peer->recv(&s->channel, data, s->t->payload);
		message_check(data, s->t->payload, last);
	}
	crew_done(crew);
}

static void stream_job(struct crew *crew, unsigned int me, void *arg)
{
	struct stream *s = arg;

	if (me < s->receivers)
		receive_all(crew, s);
	else
		send_all(crew, s, me);
}

static double run_stream(struct turn *t, unsigned int senders, unsigned int receivers)
{
	unsigned int each = senders * receivers;
	struct stream s = {
		.t = t,
		.channel = { .payload = t->payload, .in = -1, .out = -1 },
		.senders = senders,
		.receivers = receivers,
	};
	double took;

	/* As much for all; at least four messages. */
	s.channel.room = t->payload > ROOM / 4 ? 4 * t->payload : ROOM;
	t->peer->make(&s.channel);
	took = crew_run(t, senders + receivers, true, stream_job, &s);
	t->peer->end(&s.channel);
	return took / (share(t->messages, each) * each);
}

static double run_one_way(struct turn *t)
{
	return run_stream(t, 1, 1);
}

static bool fits_one_way(const struct peer *p, size_t payload)
{
	(void)payload;
	return p->can & PEER_ONE_WAY;
}

static const size_t one_way_payloads[] = { 64, 1024, 65536, 0 };

static const struct op one_way = {
	.name = "one-way",
	.payloads = one_way_payloads,
	.run = run_one_way,
	.fits = fits_one_way,
};

const struct op *const ops[] = { &one_way, NULL };
