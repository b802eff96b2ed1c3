/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: The stress program
 *
 * A supervisor (stress.c) starts worker processes of several threads (worker.c,
 * churn.c, calls.c, queues.c, pipes.c, sems.c, regions.c, bells.c) that do random things
 * on a dozen mailboxes of different shapes, and on some queues, pipes, sets of semaphores,
 * regions of shared memory and doorbells, while weather.c kills and stops them, sends them
 * signals, changes limits, removes boxes, and makes allocations and copies fail.
 *
 * The oracle (oracle.c; all but mailboxes have their own) knows every letter: its
 * record stands in shared memory and has been filled in before the send.  The sender
 * notes there what it was told, the receiver what it got.  Buffers of receivers are in
 * shared memory too: in that of a receiver that was killed inside its call it can be
 * seen whether it had taken a letter with it.  At the end of an epoch all workers
 * leave, the boxes are drained, and the records are compared with each other and with
 * the figures of each mailbox.
 *
 * Time is a counter that all share, so "ended before the other began" is exact.
 */
#ifndef KIPC_STRESS_H
#define KIPC_STRESS_H

#include "../util.h"

enum {
	BOXES = 192,			/* in an epoch, old and new */
	THREADS = 3,			/* in a worker, at most */
	LETTERS = 1 << 18,		/* in an epoch */
	DESKS = 3,			/* mailboxes for calls */
	REQUESTS = 1 << 16,		/* in an epoch; more are not made */
	PENDING = 8,			/* calls of a thread under way */
	LARGEST = 160 << 10,		/* letter */
	GUARD = 4096,			/* that cannot be touched */
	AREA = LARGEST + 3 * GUARD,	/* buffer with its guard at the end */
	ROOM = AREA - GUARD,
	COMPLAINTS = 24,
};

/* What a sender was told. */
enum letter_state { ISSUED, SENT, FAILED };

/**
 * struct letter - what is known of a letter
 * @box: index
 * @size: in bytes
 * @pid: its sender
 * @tid: its sender's thread
 * @sent_begin: when the send began
 * @sent_end: when the sender knew; 0: it was killed before
 * @got_begin: when the receive began
 * @got_end: when the receiver knew; 0: nobody
 * @seq: as its receiver saw it; 0: it came by read
 * @err: why it was not sent
 * @state: enum letter_state
 * @plain: sent by write: without a tag
 * @met: rendezvous, and the send waited: it ends after the receive began
 * @got: how many received it
 * @maybe: it was seen, whole, in the buffer of a receiver that was killed
 */
struct letter {
	uint32_t box, size;
	int32_t pid, tid;
	uint32_t sent_begin, sent_end;
	uint32_t got_begin, got_end;
	uint64_t seq;
	int16_t err;
	uint8_t state, plain, met, got, maybe;
};

/**
 * struct box - a mailbox
 * @id: as KIPC_IOC_INFO tells
 * @shape: index into shapes[]
 * @fd: the supervisor's handle, which workers inherit
 * @removed: somebody is removing it, or has
 */
struct box {
	uint64_t id;
	unsigned int shape;
	int fd;
	int removed;
};

/* What a caller was told. */
enum request_state { ASKED, REPLIED, FAILED_CALL, UNSEEN, GIVEN_UP };

/* A reply is told from its request by this. */
#define REPLY_FLIP 0x80000000ULL

/**
 * struct request - what is known of a call
 * @served: how many took it
 * @replying: somebody has replied, or begun to
 * @told: the replier was told that the caller has it
 * @state: enum request_state; ASKED also if the caller was killed
 * @err: why it failed
 */
struct request {
	uint32_t served, replying, told;
	int16_t err;
	uint8_t state;
};

enum op_kind { IDLE, BUSY, RECEIVING };

/**
 * struct actor - a thread of a worker, as others see it
 * @tid: 0: not there
 * @op: enum op_kind: what it does
 * @inside: it is in a system call on kipc
 * @box: where it does that
 * @begin: when it began
 * @data: where the letter shall go
 * @room: how many bytes there
 * @request: whose reply it waits for, or NULL
 * @plain: a read, @recv is not used
 * @recv: what the ioctl gets
 */
struct actor {
	pid_t tid;
	int op, inside;
	int box;
	uint32_t begin;
	char *data;
	size_t room;
	struct request *request;
	bool plain;
	struct kipc_mailbox_recv recv;
};

struct counters {
	uint64_t calls, sent, received, peeked, refused, timeouts, interrupted;
	uint64_t no_quota, no_memory, faults, hangups, gone, names, private;
	uint64_t asked, replied, deserted;
	uint64_t messages, taken, records;
	uint64_t operated, tilled, resized, rung, answered;
};

/* In shared memory. */
struct world {
	unsigned int epoch;
	int stop;
	int faults;			/* calls may fail for no reason */
	int tight;			/* limits were changed in this epoch */
	uint32_t clock;
	uint32_t letters_used;
	unsigned int boxes_used;
	int desks[DESKS];		/* handles of the supervisor */
	uint32_t requests_used;
	uint32_t answers;		/* replies that were accepted */
	struct counters count;
	unsigned int complaints;
	char complaint[COMPLAINTS][256];
	struct box boxes[BOXES];
	struct letter letters[LETTERS];
	struct request requests[REQUESTS];
	struct actor actors[];
};

extern struct world *world;
extern unsigned int workers;

#define SHAPES 14
extern const struct kipc_mailbox_attr shapes[SHAPES];
const char *box_name(unsigned int shape);

#define LOAD(x)		__atomic_load_n(&(x), __ATOMIC_SEQ_CST)
#define STORE(x, v)	__atomic_store_n(&(x), v, __ATOMIC_SEQ_CST)
#define RAISE(x, v)	__atomic_fetch_add(&(x), v, __ATOMIC_SEQ_CST)
#define COUNT(what)	__atomic_fetch_add(&world->count.what, 1, \
					   __ATOMIC_RELAXED)

static inline uint32_t tick(void)
{
	return RAISE(world->clock, 1) + 1;
}

/* Random numbers; the state is not 0. */
static inline uint64_t draw(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return x * 0x2545f4914f6cdd1dULL >> 11;
}

static inline unsigned int below(uint64_t *state, unsigned int n)
{
	return draw(state) % n;
}

/* oracle.c */
/**
 * struct receipt - a letter that came
 * @box: index
 * @data: what came
 * @bytes: how many
 * @header: NULL for read
 * @begin: when the receive began
 * @end: when it had ended
 * @peek: it is still there
 */
struct receipt {
	int box;
	const void *data;
	size_t bytes;
	const struct kipc_letter *header;
	uint32_t begin, end;
	bool peek;
};

void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
void compose(void *data, size_t size, uint64_t key);
bool intact(const void *data, size_t bytes, uint64_t key);
uint64_t letter_key(uint32_t number);
void oracle_receipt(const struct receipt *receipt);
void oracle_dead(const struct actor *actor);
void oracle_waiters(void);
void oracle_drain(void);
void oracle_epoch(void);

/* worker.c */
/**
 * struct seat - a handle that a thread has
 * @fd: -1: none
 * @box: index
 * @rights: of the handle
 * @nonblock: it never waits
 */
struct seat {
	int fd;
	int box;
	unsigned int rights;
	bool nonblock;
};

/**
 * struct desk - a handle by which a thread asks or serves
 * @fd: -1: none
 * @which: index of its mailbox
 * @serves: it takes requests, and has the right to
 * @n: of @pending
 * @pending: calls that can be collected
 */
struct desk {
	int fd;
	unsigned int which;
	bool serves;
	unsigned int n;
	struct {
		uint64_t token;
		struct request *request;
	} pending[PENDING];
};

/**
 * struct stall - a handle for a queue, a pipe, a set of semaphores or a doorbell
 * @fd: -1: none
 * @which: index of that
 * @rights: SEND or RECEIVE, or both
 * @nonblock: it never waits
 */
struct stall {
	int fd;
	unsigned int which, rights;
	bool nonblock;
};

/**
 * struct plot - what a thread has mapped of shared memory
 * @map: NULL: nothing
 * @size: in bytes
 * @which: index of the region
 * @writes: it may be written
 */
struct plot {
	char *map;
	size_t size;
	unsigned int which;
	bool writes;
};

enum { SEATS = 5 };

/**
 * struct thread - a thread of a worker, for itself
 * @actor: as others see it
 * @random: state
 * @ctl: the control descriptor of the first IPC namespace
 * @own_ctl: the one where it is
 * @stranger: it is in a user namespace of its own
 * @fail_fd: switches faults on and off; -1: there are none
 * @in: buffer for receives, AREA
 * @out: buffer for sends, AREA
 * @seats: its handles
 * @desk: and that for calls
 * @queue: and that of a queue
 * @pipe: and that of a pipe
 * @set: and that of a set of semaphores
 * @bell: and that of a doorbell
 * @plot: what it has mapped
 */
struct thread {
	struct actor *actor;
	uint64_t random;
	int ctl, own_ctl;
	bool stranger;
	int fail_fd;
	char *in, *out;
	struct seat seats[SEATS];
	struct desk desk;
	struct stall queue, pipe, set, bell;
	struct plot plot;
};

void worker_run(unsigned int number, int ctl, unsigned int inherited,
		uint64_t seed) __attribute__((noreturn));
void call_begin(struct thread *t);
void call_end(struct thread *t);
bool excused(int err);
void stall_open(struct thread *t, struct stall *s, const int *fds, unsigned int n,
		unsigned int rights);
/* A call on kipc that is not a send or a receive. */
#define CALL(t, call) ({						\
	long ret_;							\
									\
	STORE((t)->actor->op, BUSY);					\
	call_begin(t);							\
	ret_ = (call);							\
	call_end(t);							\
	STORE((t)->actor->op, IDLE);					\
	ret_;								\
})
/* Its result must be 0 or more, or one of these, or excused. */
#define ALLOW(ret, what, allowed) do {					\
	if ((ret) < 0 && !excused(errno) && !(allowed))			\
		complain("%s: %s", what, strerrorname_np(errno));	\
} while (0)

/* transfer.c */
void transfer_send(struct thread *t, struct seat *s);
void transfer_receive(struct thread *t, struct seat *s);

/* churn.c */
void churn_private(struct thread *t);
void churn_names(struct thread *t);
void churn_namespace(struct thread *t);
void churn_sweep(int ctl);

/* calls.c */
void calls_open(int ctl);
void calls_step(struct thread *t);
void calls_waiters(void);
void calls_epoch(void);

/* queues.c, pipes.c, sems.c, regions.c, bells.c */
void queues_open(int ctl);
void queues_step(struct thread *t);
void queues_dead(unsigned int number);
void queues_waiters(void);
void queues_epoch(void);
void pipes_open(void);
void pipes_step(struct thread *t);
void pipes_dead(unsigned int number);
void pipes_waiters(void);
void pipes_epoch(void);
void sems_open(int ctl);
void sems_step(struct thread *t);
void sems_dead(unsigned int number);
void sems_waiters(void);
void sems_epoch(void);
void regions_open(void);
void regions_step(struct thread *t);
void regions_waiters(void);
void regions_epoch(void);
void regions_sweep(int ctl);
void bells_open(void);
void bells_step(struct thread *t);
void bells_dead(unsigned int number);
void bells_waiters(void);
void bells_epoch(void);

/* weather.c */
/* What was done to the workers. */
struct weather {
	unsigned int kills, inside, asleep, signals, stops, limits, retired;
	unsigned int crashed;		/* a failing copy broke a signal's frame */
};

void weather_start(int ctl, uint64_t seed);
void weather_blow(uint64_t end, struct weather *weather);
void weather_end(struct weather *weather);
bool weather_sleeps(const struct actor *actor);
bool faults_available(void);
void faults_set(bool on);
void areas_of(unsigned int number, char **in, char **out);

#endif /* KIPC_STRESS_H */
