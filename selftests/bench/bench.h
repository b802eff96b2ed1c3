/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The benchmark's own header.
 *
 * DOC: How it is measured
 *
 * A *peer* is a mechanism: kipc or one that it is compared with.  An *op* is
 * what is done with it.  For each op and payload there are rounds, and in each
 * round every peer has its turn, so that whatever drifts drifts for all.  A turn
 * makes everything anew, warms up, and gives one number: nanoseconds, which are
 * instructions where the clock counts those, or bytes.  It is printed at once;
 * medians are taken by who reads it.
 *
 * Senders and receivers are processes of their own.  Each message carries its
 * sender and number in its first and its last eight bytes, and both are checked;
 * in the warm-up all of the content is.  That is the same code for all peers.
 */
#ifndef KIPC_BENCH_H
#define KIPC_BENCH_H

#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define MAX_WORKERS	132
#define CHECK(cond)	do { if (!(cond)) bench_failed(__FILE__, __LINE__, #cond); } while (0)

void bench_failed(const char *file, int line, const char *what)
	__attribute__((noreturn));

/* A way for messages in one direction; made before its users are forked. */
struct channel {
	size_t payload;		/* bytes in each message */
	size_t room;		/* bytes that may be under way */
	int in, out;		/* descriptors: to receive from, to send to */
	void *memory;		/* shared */
};

/* What a peer can do. */
#define PEER_ROUND_TRIP	(1U << 0)
#define PEER_ONE_WAY	(1U << 1)
#define PEER_MANY	(1U << 2)	/* several senders and receivers */
#define PEER_SPINS	(1U << 3)	/* pointless on one processor */

struct peer {
	const char *name;
	unsigned int can;
	size_t max_many;	/* largest payload with several senders; 0: any */
	void (*make)(struct channel *c);
	void (*send)(struct channel *c, const void *data, size_t size);
	void (*recv)(struct channel *c, void *data, size_t size);
	void (*end)(struct channel *c);
};

extern const struct peer *const peers[];	/* ends with NULL */

/* Where the processes of a measurement run. */
enum placement { SAME_CPU, TWO_CPUS, UNPINNED };

/* One measurement. */
struct turn {
	const struct peer *peer;
	size_t payload;
	enum placement placement;
	unsigned int messages;	/* timed ones */
	const char *why;	/* set if it cannot be done */
};

struct op {
	const char *name;
	const size_t *payloads;		/* ends with 0 */
	double (*run)(struct turn *t);
	/* Whether it makes sense with this peer. */
	bool (*fits)(const struct peer *p, size_t payload);
};

extern const struct op *const ops[];		/* ends with NULL */

/* util.c */
uint64_t now_ns(void);
void *shared(size_t size);		/* zeroed, shared with children */
void unshare_memory(void *memory, size_t size);
void write_file(const char *path, const char *text);
void full_read(int fd, void *data, size_t size);
void full_write(int fd, const void *data, size_t size);

/* work.c: processes that start and stop together. */
struct crew;
typedef void job_fn(struct crew *crew, unsigned int me, void *arg);
/*
 * Forks @n processes that run @job; each calls crew_ready() when it is warm,
 * which returns when all are, and crew_done() after the last timed message.
 * Gives the time from the first start to the last end.
 */
double crew_run(const struct turn *t, unsigned int n, bool batch, job_fn *job,
		void *arg);
void crew_ready(struct crew *crew);
void crew_done(struct crew *crew);

/* Messages: stamped by their sender, checked by their receiver. */
void message_stamp(void *data, size_t size, unsigned int sender, uint32_t number);
/* Returns the sender; @last has the last number of each sender. */
unsigned int message_check(const void *data, size_t size, uint32_t *last);
void message_fill(void *data, size_t size, unsigned int sender, uint32_t number);
unsigned int message_check_all(const void *data, size_t size, uint32_t *last);

#endif /* KIPC_BENCH_H */
