// SPDX-License-Identifier: GPL-2.0
/*
 * Receiving by type what others stand in front of.
 */
#include "bench.h"

#define OTHERS		1	/* their type */
#define WANTED		2	/* higher: POSIX queues give the highest */

struct queue {
	const struct turn *t;
	struct channel channel;
	unsigned int others;
};

static void exchange(struct queue *q, void *data, unsigned int n, uint32_t *last)
{
	const struct turn *t = q->t;
	uint32_t number = last[WANTED];

	while (n--) {
		message_stamp(data, t->payload, WANTED, ++number);
		t->peer->send_type(&q->channel, data, t->payload, WANTED);
		t->peer->recv_type(&q->channel, data, t->payload, WANTED);
		CHECK(message_check(data, t->payload, last) == WANTED);
	}
}

/* One process is enough: nobody has to wait. */
static void selective_job(struct crew *crew, unsigned int me, void *arg)
{
	struct queue *q = arg;
	const struct turn *t = q->t;
	void *data = message_buffer(t->payload);
	uint32_t last[MAX_WORKERS] = { 0 }, i;

	(void)me;
	for (i = 1; i <= q->others; i++) {
		message_fill(data, t->payload, OTHERS, i);
		t->peer->send_type(&q->channel, data, t->payload, OTHERS);
	}
	exchange(q, data, t->messages / 8 + 1, last);
	crew_ready(crew);
	exchange(q, data, t->messages, last);
	crew_done(crew);
	/* They are all there still. */
	for (i = 1; i <= q->others; i++) {
		t->peer->recv_type(&q->channel, data, t->payload, OTHERS);
		CHECK(message_check(data, t->payload, last) == OTHERS && last[OTHERS] == i);
		message_check_all(data, t->payload, OTHERS, i);
	}
}

static void run_selective(const struct turn *t)
{
	static const unsigned int lengths[] = { 0, 100, 1000, 10000 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct queue q = {
			.t = t,
			.others = lengths[i],
			.channel = {
				.payload = t->payload,
				.room = (lengths[i] + 1) * t->payload,
			},
		};
		char detail[16];
		double took;

		t->peer->make(&q.channel);
		took = crew_run(t, 1, false, selective_job, &q);
		t->peer->end(&q.channel);
		snprintf(detail, sizeof(detail), "%u", lengths[i]);
		give(t, detail, took / t->messages);
	}
}

static bool fits_selective(const struct peer *p, size_t payload)
{
	(void)payload;
	return p->recv_type;
}

static const size_t usual[] = { 64, PAYLOADS_END };

static const struct op selective = {
	.name = "selective", .payloads = usual, .fewer = 8, .max_rounds = 3,
	.one_placement = true, .run = run_selective, .fits = fits_selective,
};

const struct op *const selective_ops[] = { &selective, NULL };
