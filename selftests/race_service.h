/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of forced races of services share.
 *
 * A client is a party (race.h) on a handle that is connected; a *hall* is a party that has
 * the service mapped, and whose threads are workers, each of which does one thing when
 * it is told to, again and again:
 *
 *	h = hall(fd, 2);
 *	w = &h->worker[0];
 *	work(w, act_serve);
 *	EXPECT_EQ(0, done(w));		w->call is what it was given
 */
#ifndef KIPC_SELFTEST_RACE_SERVICE_H
#define KIPC_SELFTEST_RACE_SERVICE_H

#include "race.h"
#include "kservice.h"

enum {
	PLACE_TOKEN = 1 << 20,	/* of the first call of the first A-stack */
	WORKERS = 3,
	REPLY = 7,		/* the first result of every reply */
	NUMBER = 100,		/* the first argument of every call, and its A-stack */
	NOT_WANTED = 1		/* what a reply comes to if nobody waits */
};

struct hall;

/* A thread that is told what to do; it is as a party at a delay point. */
struct worker {
	struct party at;
	struct hall *hall;
	long (*act)(struct worker *w);
	struct kipc_served call;
	uint64_t token;			/* to reply to */
	uint64_t deadline;
	bool unwritable, refuses;
};

struct hall {
	struct party *process;
	int fd;
	char *map;
	struct worker worker[WORKERS];
};

/* What a worker does. */

static inline long act_serve(struct worker *w)
{
	struct kipc_service_serve *s;
	long ret;

	s = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(s != MAP_FAILED);
	memset(&s->call, POISON, sizeof(s->call));
	s->deadline = w->deadline;
	if (w->unwritable)
		CHECK(!mprotect(s, PAGE, PROT_READ));
	ret = ioctl(w->hall->fd, KIPC_IOC_SERVICE_SERVE, s) ? -errno : 0;
	w->call = s->call;
	w->token = s->call.token;
	munmap(s, PAGE);
	return ret;
}

static inline long act_reply(struct worker *w)
{
	struct kipc_service_reply reply = {
		.token = w->token,
		.args = { REPLY },
		.flags = w->refuses ? KIPC_REPLY_REFUSE : 0,
	};
	long ret = ioctl(w->hall->fd, KIPC_IOC_SERVICE_REPLY, &reply);

	return ret < 0 ? -errno : ret;
}

static inline long act_unmap(struct worker *w)
{
	return munmap(w->hall->map, service_stat(w->hall->fd).map_size);
}

static inline long act_leave(struct worker *w)
{
	(void)w;
	syscall(SYS_exit, 0);
	return 0;
}

static inline long act_exec(struct worker *w)
{
	(void)w;
	execlp("true", "true", NULL);
	return -errno;
}

static inline void *worker_main(void *arg)
{
	struct worker *w = arg;

	w->at.pid = gettid();
	__atomic_store_n(&w->at.ready, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		while (!__atomic_load_n(&w->at.go, __ATOMIC_SEQ_CST))
			nap();
		w->at.go = 0;
		__atomic_store_n(&w->at.ready, 2, __ATOMIC_SEQ_CST);
		w->at.result = w->act(w);
		__atomic_store_n(&w->at.ready, 1, __ATOMIC_SEQ_CST);
		__atomic_store_n(&w->at.done, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static inline long act_hall(struct party *p)
{
	struct hall *h = (struct hall *)p->name;
	pthread_t thread;
	unsigned int i;

	h->fd = p->fd;
	h->map = s_map(p->fd);
	CHECK(h->map);
	for (i = 0; i < p->number; i++) {
		h->worker[i].hall = h;
		h->worker[i].deadline = KIPC_FOREVER;
		CHECK(!pthread_create(&thread, NULL, worker_main, &h->worker[i]));
	}
	return 0;
}

/* A process that has the service mapped, with so many threads that do nothing yet. */
static inline struct hall *hall(int fd, unsigned int workers)
{
	struct hall *h = shared(sizeof(*h));
	unsigned int i;

	h->process = party(act_hall, fd);
	h->process->name = (char *)h;
	h->process->number = workers;
	h->process->stays = true;
	go(h->process);
	wait_for(__atomic_load_n(&h->process->done, __ATOMIC_SEQ_CST));
	for (i = 0; i < workers; i++)
		wait_for(__atomic_load_n(&h->worker[i].at.ready, __ATOMIC_SEQ_CST));
	return h;
}

static inline void work(struct worker *w, long (*act)(struct worker *w))
{
	w->act = act;
	w->at.done = 0;
	go(&w->at);
}

static inline long done(struct worker *w)
{
	wait_for(__atomic_load_n(&w->at.done, __ATOMIC_SEQ_CST));
	return w->at.result;
}

static inline long do_now(struct worker *w, long (*act)(struct worker *w))
{
	work(w, act);
	return done(w);
}

/* A call that is there, or comes, is served: its first argument, or what went wrong. */
static inline long serve_one(struct worker *w)
{
	long ret = do_now(w, act_serve);

	if (ret)
		return ret;
	CHECK(!(w->call.flags & KIPC_SERVED_CONNECT));
	return w->call.args[0];
}

/* Is there nothing to serve? */
static inline long nothing_to_serve(struct worker *w)
{
	long ret;

	w->deadline = KIPC_NO_WAIT;
	ret = do_now(w, act_serve);
	w->deadline = KIPC_FOREVER;
	return ret;
}

static inline void hold_worker(struct worker *w, const char *point)
{
	arm(point, &w->at);
	work(w, act_serve);
	wait_held(point, &w->at);
}

static inline void interrupt_worker(struct worker *w)
{
	CHECK(!syscall(SYS_tgkill, w->hall->process->pid, w->at.pid, SIGUSR1));
}

/* What a client does: @size is the A-stack, @flags KIPC_SERVICE_SUBMIT or 0. */

static inline struct kipc_frame *frame_at(int fd, unsigned int stack)
{
	char *map = s_map_binding(fd, service_stat(fd).binding_size);

	CHECK(map);
	return (struct kipc_frame *)map + stack;
}

static inline long act_call(struct party *p)
{
	struct kipc_frame *frame = frame_at(p->fd, p->size);
	long ret;

	memset(frame, 0, sizeof(*frame));
	frame->args[0] = NUMBER + p->size;
	frame->procedure = p->type;
	frame->deadline = p->deadline;
	ret = ioctl(p->fd, KIPC_IOC_SERVICE_CALL, p->size | p->flags);
	p->seen = frame->token;
	if (ret < 0)
		return -errno;
	return ret || p->flags ? ret : (long)frame->args[0];
}

/* Call, or try to, without a look at the frame. */
static inline long act_poke(struct party *p)
{
	return ioctl(p->fd, KIPC_IOC_SERVICE_CALL, p->size);
}

static inline long act_collect(struct party *p)
{
	uint64_t token = p->number;
	unsigned int stack;
	long ret = s_collect(p->fd, &token, &stack, p->deadline);

	if (ret < 0)
		return -errno;
	return frame_at(p->fd, stack)->args[0];
}

static inline long act_cancel(struct party *p)
{
	return s_cancel(p->fd, p->number);
}

static inline long act_connect(struct party *p)
{
	struct kipc_service_connect connect = { .args = { NUMBER } };

	if (s_connect(p->fd, &connect, p->deadline))
		return -errno;
	p->seen = connect.args[0];
	return 0;
}

static inline struct party *caller(int fd, unsigned int stack)
{
	struct party *p = party(act_call, fd);

	p->size = stack;
	return p;
}

/* What a call comes to that is refused. */
static inline long poke(int fd, unsigned int stack)
{
	struct party *p = party(act_poke, fd);

	p->size = stack;
	go(p);
	return outcome(p);
}

static inline struct party *submitter(int fd, unsigned int stack)
{
	struct party *p = caller(fd, stack);

	p->flags = KIPC_SERVICE_SUBMIT;
	return p;
}

static inline struct party *with_token(long (*act)(struct party *p), int fd,
				       uint64_t token)
{
	struct party *p = party(act, fd);

	p->number = token;
	return p;
}

/* What comes of it at once. */
static inline long at_once(struct party *p)
{
	go(p);
	return outcome(p);
}

static inline long collect_now(int fd, uint64_t token)
{
	struct party *p = with_token(act_collect, fd, token);

	p->deadline = KIPC_NO_WAIT;
	return at_once(p);
}

/*
 * A service of two A-stacks for each binding, and handles that are connected to it.  Who
 * lingers does not come by the delay points of those who sleep.
 */
static inline int race_service(unsigned int flags)
{
	struct kipc_service_attr attr = {
		.stacks = 2,
		.bindings = 4,
		.flags = flags | KIPC_SERVICE_PATIENT | KIPC_SERVICE_PATIENT_CALLERS,
	};
	int fd = s_create(NULL, &attr, 0600, KIPC_SERVICE_RIGHTS, 0);

	CHECK(fd >= 0);
	return fd;
}

static inline int client_handle(int fd)
{
	int client = k_narrow(fd, CALL, 0);

	CHECK(client >= 0);
	return client;
}

static inline int connected(int fd)
{
	struct kipc_service_connect connect = { .deadline = 0 };
	int client = client_handle(fd);

	CHECK(!s_connect(client, &connect, now_ns() + PATIENCE));
	return client;
}

/* All calls are over: each was replied to, or has failed. */
static inline void settled(int fd, uint64_t calls, uint64_t failed)
{
	struct kipc_service_stat st;

	wait_for(!service_stat(fd).serving);
	st = service_stat(fd);
	if (st.waiting || st.calls != calls || st.failed != failed ||
	    st.replies != calls - failed)
		fprintf(stderr, "# waiting %u calls %llu replies %llu failed %llu\n",
			st.waiting, (unsigned long long)st.calls,
			(unsigned long long)st.replies,
			(unsigned long long)st.failed);
	CHECK(!st.waiting && st.calls == calls && st.failed == failed &&
	      st.replies == calls - failed);
}

/* The A-stack can be used: a call by it is served, and replied to. */
static inline long another_call(int client, unsigned int stack, struct worker *w)
{
	struct party *p = caller(client, stack);

	go(p);
	CHECK(serve_one(w) == NUMBER + stack);
	CHECK(!do_now(w, act_reply));
	return outcome(p);
}

#endif /* KIPC_SELFTEST_RACE_SERVICE_H */
