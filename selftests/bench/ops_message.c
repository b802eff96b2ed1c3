// SPDX-License-Identifier: GPL-2.0
/*
 * What is done with messages: one way, round trips, clients of a server.
 */
#include "bench.h"

/* So many of the first messages, which are not timed, are checked whole. */
#define CHECKED		50

/* Processes of one measurement; the receivers, or the server, come first. */
struct party {
	const struct turn *t;
	struct channel there, back[MAX_WORKERS];
	unsigned int senders, receivers;
	unsigned int warm;	/* messages of each sender that are not timed */
	unsigned int timed;	/* and those that are */
	const struct way *way;
};

/* Gives each of @n the same number of messages. */
static unsigned int share(unsigned int messages, unsigned int n)
{
	return (messages + n - 1) / n;
}

/* How many messages are sent, and received, in one go. */
static unsigned int at_once(const struct party *p)
{
	return p->t->peer->batch ? p->t->peer->batch : 1;
}

/*
 * Each sender sends the same number to each receiver (to the server, once), so
 * that all know how many there will be.
 */
static void share_out(struct party *p)
{
	unsigned int to = p->receivers, pairs = p->senders * to, some = at_once(p);

	p->timed = share(p->t->messages, pairs * some) * some * to;
	p->warm = share(p->t->messages / 8 + CHECKED, pairs * some) * some * to;
}

static bool checked_whole(const struct party *p, uint32_t number)
{
	return number <= CHECKED && number <= p->warm;
}

static void write_one(const struct party *p, void *data, unsigned int sender,
		      uint32_t number)
{
	if (checked_whole(p, number))
		message_fill(data, p->t->payload, sender, number);
	else
		message_stamp(data, p->t->payload, sender, number);
}

static void send_one(const struct party *p, struct channel *c, void *data,
		     unsigned int sender, uint32_t number)
{
	write_one(p, data, sender, number);
	p->t->peer->send(c, data, p->t->payload);
}

static unsigned int check_one(const struct party *p, const void *data,
			      uint32_t *last)
{
	unsigned int sender = message_check(data, p->t->payload, last);

	if (checked_whole(p, last[sender]))
		message_check_all(data, p->t->payload, sender, last[sender]);
	return sender;
}

static unsigned int receive_one(const struct party *p, struct channel *c,
				void *data, uint32_t *last)
{
	p->t->peer->recv(c, data, p->t->payload);
	return check_one(p, data, last);
}

/* One way. */
static void send_some(struct party *p, char *data, unsigned int me, uint32_t *number,
		      uint32_t last)
{
	unsigned int some = at_once(p), i;

	while (*number < last) {
		for (i = 0; i < some; i++)
			write_one(p, data + i * p->t->payload, me, ++*number);
		p->t->peer->send(&p->there, data, p->t->payload);
	}
}

static void send_all(struct crew *crew, struct party *p, unsigned int me)
{
	void *data = message_buffer(at_once(p) * p->t->payload);
	uint32_t number = 0;

	send_some(p, data, me, &number, p->warm);
	crew_ready(crew);
	send_some(p, data, me, &number, p->warm + p->timed);
	crew_done(crew);
}

static void receive_some(struct party *p, char *data, uint32_t *last,
			 unsigned int count)
{
	unsigned int some = at_once(p), i;

	for (; count; count -= some) {
		p->t->peer->recv(&p->there, data, p->t->payload);
		for (i = 0; i < some; i++)
			check_one(p, data + i * p->t->payload, last);
	}
}

static void receive_all(struct crew *crew, struct party *p)
{
	void *data = message_buffer(at_once(p) * p->t->payload);
	uint32_t last[MAX_WORKERS] = { 0 };

	receive_some(p, data, last, p->warm * p->senders / p->receivers);
	crew_ready(crew);
	receive_some(p, data, last, p->timed * p->senders / p->receivers);
	crew_done(crew);
}

static void stream_job(struct crew *crew, unsigned int me, void *arg)
{
	struct party *p = arg;

	if (me < p->receivers)
		receive_all(crew, p);
	else
		send_all(crew, p, me);
}

static void run_stream(const struct turn *t, unsigned int senders,
		       unsigned int receivers)
{
	struct party p = { .t = t, .senders = senders, .receivers = receivers };
	double took;

	share_out(&p);
	p.there = new_channel(t->peer, t->payload);
	p.there.one_way = true;
	took = crew_run(t, senders + receivers, true, stream_job, &p);
	t->peer->end(&p.there);
	give(t, NULL, took / (p.timed * senders));
}

static void run_one_way(const struct turn *t)
{
	run_stream(t, 1, 1);
}

static void run_4_to_1(const struct turn *t)
{
	run_stream(t, 4, 1);
}

static void run_4_to_4(const struct turn *t)
{
	run_stream(t, 4, 4);
}

static void flush(struct party *p)
{
	if (p->t->peer->flush)
		p->t->peer->flush(&p->there);
}

/* Round trips: process 0 is the server, and answers each on its own channel. */
static void serve(struct crew *crew, struct party *p)
{
	const struct turn *t = p->t;
	unsigned int warm = p->warm * p->senders;
	unsigned int timed = p->timed * p->senders, i, client;
	void *in = message_buffer(t->payload), *out = message_buffer(t->payload);
	uint32_t last[MAX_WORKERS] = { 0 };

	if (p->way)
		p->way->begin(t->peer, &p->there);
	for (i = 0; i < warm + timed; i++) {
		if (i == warm) {
			flush(p);
			crew_ready(crew);
		}
		if (p->way)
			p->way->wait(t->peer, &p->there);
		client = receive_one(p, &p->there, in, last);
		send_one(p, &p->back[client], out, client, last[client]);
	}
	flush(p);
	crew_done(crew);
}

static void call(struct crew *crew, struct party *p, unsigned int me)
{
	const struct turn *t = p->t;
	void *in = message_buffer(t->payload), *out = message_buffer(t->payload);
	uint32_t last[MAX_WORKERS] = { 0 }, number;

	if (p->way)
		p->way->begin(t->peer, &p->back[me]);
	for (number = 1; number <= p->warm + p->timed; number++) {
		if (number == p->warm + 1)
			crew_ready(crew);
		send_one(p, &p->there, out, me, number);
		if (p->way)
			p->way->wait(t->peer, &p->back[me]);
		CHECK(receive_one(p, &p->back[me], in, last) == me &&
		      last[me] == number);
	}
	crew_done(crew);
}

static void call_job(struct crew *crew, unsigned int me, void *arg)
{
	if (me)
		call(crew, arg, me);
	else
		serve(crew, arg);
}

double time_calls(const struct turn *t, unsigned int clients,
		  const struct way *way)
{
	struct party p = {
		.t = t,
		.senders = clients,
		.receivers = 1,
		.way = way,
	};
	unsigned int i;
	double took;

	share_out(&p);
	p.there = new_channel(t->peer, t->payload);
	for (i = 1; i <= clients; i++)
		p.back[i] = new_channel(t->peer, t->payload);
	took = crew_run(t, 1 + clients, false, call_job, &p);
	t->peer->end(&p.there);
	for (i = 1; i <= clients; i++)
		t->peer->end(&p.back[i]);
	return took / (p.timed * clients);
}

static void run_round_trip(const struct turn *t)
{
	give(t, NULL, time_calls(t, 1, NULL));
}

static void run_clients_4(const struct turn *t)
{
	give(t, NULL, time_calls(t, 4, NULL));
}

static void run_clients_16(const struct turn *t)
{
	give(t, NULL, time_calls(t, 16, NULL));
}

static void run_clients_64(const struct turn *t)
{
	give(t, NULL, time_calls(t, 64, NULL));
}

static void run_floor(const struct turn *t)
{
	give(t, NULL, t->peer->floor(t));
}

static bool fits_one_way(const struct peer *p, size_t payload)
{
	(void)payload;
	return p->can & PEER_ONE_WAY;
}

static bool fits_round_trip(const struct peer *p, size_t payload)
{
	(void)payload;
	return p->can & PEER_ROUND_TRIP;
}

static bool fits_many(const struct peer *p, size_t payload)
{
	return p->can & PEER_MANY && (!p->max_many || payload <= p->max_many);
}

static bool fits_clients(const struct peer *p, size_t payload)
{
	return p->can & PEER_CLIENTS || fits_many(p, payload);
}

/* What does not copy has no payload. */
static bool fits_floor(const struct peer *p, size_t payload)
{
	return p->floor && (payload == 8 || p == &memcpy_peer);
}

static const size_t few[] = { 64, PAYLOADS_END };
static const size_t some[] = { 64, 1024, PAYLOADS_END };
static const size_t stream[] = { 64, 1024, 65536, PAYLOADS_END };
static const size_t trip[] = { 8, 1024, 4096, 65536, PAYLOADS_END };

#define OP(var, label, sizes, less, function, check)			\
	static const struct op var = {					\
		.name = label, .payloads = sizes, .fewer = less,	\
		.run = function, .fits = check,				\
	}

OP(floors, "floor", trip, 1, run_floor, fits_floor);
OP(one_way, "one-way", stream, 1, run_one_way, fits_one_way);
OP(many_one, "one-way-4-to-1", some, 2, run_4_to_1, fits_many);
OP(many_many, "one-way-4-to-4", some, 2, run_4_to_4, fits_many);
OP(round_trip, "round-trip", trip, 2, run_round_trip, fits_round_trip);
OP(clients_1, "clients-1", few, 4, run_round_trip, fits_clients);
OP(clients_4, "clients-4", few, 4, run_clients_4, fits_clients);
OP(clients_16, "clients-16", few, 4, run_clients_16, fits_clients);
OP(clients_64, "clients-64", few, 4, run_clients_64, fits_clients);

const struct op *const message_ops[] = {
	&floors, &one_way, &many_one, &many_many, &round_trip, &clients_1,
	&clients_4, &clients_16, &clients_64, NULL
};
