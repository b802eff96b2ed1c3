/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The benchmark's own header.
 *
 * DOC: How it is measured
 *
 * A *peer* is a mechanism: kipc or one that it is compared with.  An *op* is
 * what is done with it.  For each op, payload and placement there are rounds, and
 * in each round every peer has its turn, so that a drift is one of all.
 * A turn makes everything anew, warms up, and gives one number or some of them:
 * nanoseconds, which are instructions where the clock counts those, or bytes.
 * They are printed at once; medians are taken by who reads them.
 *
 * Senders and receivers are processes of their own.  Each message carries its
 * sender and number in its first and its last eight bytes, and both are checked; of
 * the first ones, which are not timed, all is.  That is the same code for all peers.
 *
 * DOC: What is the same for all
 *
 * Room for 64 KiB of messages under way, or for four messages if those are
 * longer than 16 KiB.  That is the default of a pipe; where a peer's limits are
 * lower they are raised.  Where it accounts more than the payload, it is given so
 * much that the same number of messages has room.
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
#define MAX_WORKERS	80
#define PAYLOADS_END	SIZE_MAX
#define CHECK(cond)							\
	do {								\
		if (!(cond))						\
			bench_failed(__FILE__, __LINE__, #cond);	\
	} while (0)

void bench_failed(const char *file, int line, const char *what)
	__attribute__((noreturn));

/* A way for messages in one direction; made before its users are forked. */
struct channel {
	size_t payload;		/* bytes in each message */
	size_t room;		/* bytes that may be under way */
	bool one_way;		/* nothing comes back */
	int in, out;		/* descriptors: to receive from, to send to */
	void *memory;		/* shared */
	size_t memory_size;
};

/* What a peer can do. */
enum {
	PEER_ROUND_TRIP	= 0x01,
	PEER_ONE_WAY	= 0x02,
	PEER_MANY	= 0x04,		/* several senders and receivers */
	PEER_POLL	= 0x08,		/* in is a descriptor for poll(2) */
	PEER_OBJECT	= 0x10,		/* an object of the kernel */
	PEER_SPINS	= 0x20,		/* pointless on one processor */
	PEER_SIGIO	= 0x40,		/* in can give a signal */
	PEER_CLIENTS	= 0x80,		/* several clients of one server */
};

struct turn;

struct peer {
	const char *name;
	const char *device;	/* without it, it is not there; or NULL */
	unsigned int can;
	size_t max_many;	/* largest payload with several senders; 0: any */
	/*
	 * So many messages in each call, one behind the other; 0: one.  For one
	 * sender and one receiver.
	 */
	unsigned int batch;
	void (*prepare)(void);	/* once, before anything; or NULL */
	void (*make)(struct channel *c);
	/*
	 * The eight bytes before the data belong to the peer.  The sender
	 * leaves its data alone until there is an answer.
	 */
	void (*send)(struct channel *c, const void *data, size_t size);
	void (*recv)(struct channel *c, void *data, size_t size);
	/* The same as recv, but the data stays where it came; or NULL. */
	const void *(*recv_in_place)(struct channel *c, size_t size);
	/* Send what was put off until the next recv; or NULL. */
	void (*flush)(struct channel *c);
	void (*end)(struct channel *c);
	/* Ask for SIGIO when the next message comes; NULL: O_ASYNC does. */
	void (*ask_sigio)(struct channel *c);
	/* Messages have a type, by which they can be received; or NULL. */
	void (*send_type)(struct channel *c, const void *data, size_t size,
			  unsigned int type);
	void (*recv_type)(struct channel *c, void *data, size_t size,
			  unsigned int type);
	/* Not a mechanism, but what all of them are built upon. */
	double (*floor)(const struct turn *t);
	/* Named objects, if it has them. */
	void (*name_create)(const char *name);
	void (*name_look_up)(const char *name);
	void (*name_remove)(const char *name);
	bool missing;		/* its device is */
};

extern struct peer *const peers[];	/* ends with NULL */
/* In peers_stream.c, _queue.c, _ring.c, ...; and floors.c. */
extern struct peer pipe_peer, kipc_pipe_peer, unix_stream_peer, unix_seqpacket_peer;
extern struct peer posix_mq_peer, sysv_msg_peer;
extern struct peer eventfd_peer, futex_peer, spin_peer;
extern struct peer vm_readv_peer, sysv_sem_peer, posix_sem_peer;
extern struct peer binder_peer;
extern struct peer mailbox_peer, mailbox_lib_peer, mailbox_batch_peer;
extern struct peer rendezvous_peer, rpc_peer;
extern struct peer queue_peer, queue_typed_peer;
extern struct peer doorbell_peer, eventfd_slot_peer;
extern struct peer service_peer, service_asleep_peer;
extern struct peer kipc_sem_peer;
void service_chain_serve(const struct channel *own, const struct channel *next,
			 unsigned int calls);
unsigned int service_chain_call(const struct channel *first);
void kipc_peer_prepare(void);		/* raises the module's limits */
extern struct peer getppid_peer, yield_peer, memcpy_peer;

/* Where the processes of a measurement run. */
enum placement {
	SAME_CPU,
	SAME_CPU_BUSY,		/* beside a process that never sleeps */
	TWO_CPUS,
	UNPINNED,
};

/* One measurement. */
struct turn {
	const char *op;
	const struct peer *peer;
	size_t payload;
	enum placement placement;
	unsigned int messages;	/* timed ones */
};

struct op {
	const char *name;
	const size_t *payloads;		/* ends with PAYLOADS_END */
	unsigned int fewer;		/* takes so many times fewer messages */
	unsigned int max_rounds;	/* 0: as many as are asked for */
	bool one_placement;		/* SAME_CPU alone makes sense */
	void (*run)(const struct turn *t);
	bool (*fits)(const struct peer *p, size_t payload);
};

/* Each ends with NULL. */
extern const struct op *const message_ops[];
extern const struct op *const call_ops[];
extern const struct op *const notify_ops[];
extern const struct op *const selective_ops[];
extern const struct op *const select_ops[];
extern const struct op *const object_ops[];
extern const struct op *const sem_ops[];

/* Prints a result; the row's op is "OP-DETAIL", or the op if it is NULL. */
void give(const struct turn *t, const char *detail, double value);

/* How a process is told of a message, before it receives it. */
struct way {
	/* First, in the process itself; a message may be there already. */
	void (*begin)(const struct peer *p, struct channel *c);
	void (*wait)(const struct peer *p, struct channel *c);
};

/*
 * Some clients call one server; gives the time of a call with its answer.  A @way
 * of NULL: who receives sleeps there.
 */
double time_calls(const struct turn *t, unsigned int clients,
		  const struct way *way);

/* util.c */
uint64_t now_ns(void);
void *shared(size_t size);		/* zeroed, shared with children */
void unshare_memory(void *memory, size_t size);
void write_file(const char *path, const char *text);
long read_number(const char *path, const char *label);
void full_read(int fd, void *data, size_t size);
void full_write(int fd, const void *data, size_t size);
void *message_buffer(size_t size);	/* for peer->send, ->recv */
struct channel new_channel(const struct peer *p, size_t payload);

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
void pin(enum placement placement, unsigned int me);
void be_batch(void);

/* Messages: stamped by their sender, checked by their receiver. */
void message_stamp(void *data, size_t size, unsigned int sender, uint32_t number);
/* Returns the sender; @last has the last number of each sender. */
unsigned int message_check(const void *data, size_t size, uint32_t *last);
void message_fill(void *data, size_t size, unsigned int sender, uint32_t number);
void message_check_all(const void *data, size_t size, unsigned int sender,
		       uint32_t number);

#endif /* KIPC_BENCH_H */
