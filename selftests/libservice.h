/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of the library's services share: a server in a child, whose handlers do
 * what its clients ask for.
 */
#ifndef KIPC_SELFTEST_LIBSERVICE_H
#define KIPC_SELFTEST_LIBSERVICE_H

#include "util.h"

#include <kipc.h>
#include <pthread.h>
#include <sys/syscall.h>

#define SERVE	KIPC_RIGHT_SERVE
#define CALL	KIPC_RIGHT_CALL

/* A call that gives a pointer must give NULL, with this errno. */
#define EXPECT_NONE(want, call) do {					\
	void *p_ = (call);						\
	int e_ = errno;							\
	EXPECT_TRUE(!p_ && e_ == (want)) {				\
		TH_LOG("%s: errno %s, expected %s", #call,		\
		       p_ ? "-" : strerrorname_np(e_), #want);		\
	}								\
} while (0)
#define CHECK_NONE(want, call) do {					\
	void *p_ = (call);						\
	int e_ = errno;							\
	if (p_ || e_ != (want))						\
		util_wrong(__FILE__, __LINE__, #call, !!p_ - 1, e_, #want); \
} while (0)

/* The procedures. */
enum {
	ADD,		/* results: the sum of the arguments, and their first */
	SHOUT,		/* the text of the A-stack in capitals */
	WHO,		/* the caller's pid, uid, value; the thread; the A-stack's size */
	HOLD,		/* until the stage says go */
	STATUS,		/* returns this */
	SILENT,		/* returns nothing */
	HOLE,		/* there is no handler */
	DIE,
	LEAVE,		/* the thread ends, the process does not */
	TWICE,		/* the first word of the A-stack before and after it holds */
	DEEPER,		/* calls itself, by way of the service */
	OVERRUN,	/* walks off its stack */
	STOP,
	PROCEDURES,
};

/* In memory that the processes share. */
struct stage {
	int go;
	int holding;
	int most;
	unsigned int pages;	/* of its stack that a thread has walked through */
};

static struct stage *stage;
static struct kipc_service *lib_service;
static struct kipc_binding *lib_self;	/* of the server to its own service */

static inline void hold(void)
{
	int now = __atomic_add_fetch(&stage->holding, 1, __ATOMIC_SEQ_CST);

	if (now > __atomic_load_n(&stage->most, __ATOMIC_SEQ_CST))
		__atomic_store_n(&stage->most, now, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&stage->go, __ATOMIC_SEQ_CST))
		nap();
	__atomic_sub_fetch(&stage->holding, 1, __ATOMIC_SEQ_CST);
}

static inline void wait_holding(int n)
{
	wait_for(__atomic_load_n(&stage->holding, __ATOMIC_SEQ_CST) == n);
}

static inline void let_go(int go)
{
	__atomic_store_n(&stage->go, go, __ATOMIC_SEQ_CST);
}

static void do_add(void *a_stack, const uint64_t args[8])
{
	uint64_t results[8] = { 0, args[0] };
	int i;

	(void)a_stack;
	for (i = 0; i < 8; i++)
		results[0] += args[i];
	kipc_return(0, results);
}

static void do_shout(void *a_stack, const uint64_t args[8])
{
	unsigned char *text = a_stack;
	size_t i;

	for (i = 0; i < args[0] && i < kipc_stack_room(); i++)
		if (text[i] >= 'a' && text[i] <= 'z')
			text[i] -= 'a' - 'A';
	kipc_return(i, NULL);
}

static void do_who(void *a_stack, const uint64_t args[8])
{
	const struct kipc_served *caller = kipc_caller();
	uint64_t results[8] = {
		caller->pid, caller->uid, caller->value, gettid(), kipc_stack_room(),
		caller->procedure, caller->tid, caller->gid,
	};

	(void)a_stack;
	(void)args;
	kipc_return(0, results);
}

static void do_hold(void *a_stack, const uint64_t args[8])
{
	(void)a_stack;
	hold();
	kipc_return(7, args);
}

static void do_status(void *a_stack, const uint64_t args[8])
{
	(void)a_stack;
	kipc_return((int)args[0], args);
}

static void do_silent(void *a_stack, const uint64_t args[8])
{
	(void)a_stack;
	(void)args;
}

static void do_die(void *a_stack, const uint64_t args[8])
{
	(void)a_stack;
	(void)args;
	_exit(42);
}

static void do_leave(void *a_stack, const uint64_t args[8])
{
	(void)a_stack;
	(void)args;
	syscall(SYS_exit, 0);
}

static void do_twice(void *a_stack, const uint64_t args[8])
{
	volatile uint64_t *word = a_stack;
	uint64_t results[8] = { *word };

	(void)args;
	hold();
	results[1] = *word;
	*word = 99;
	kipc_return(0, results);
}

/* Results: how many calls there are below this one. */
static void do_deeper(void *a_stack, const uint64_t args[8])
{
	uint64_t results[8];
	int stack, ret, err;

	(void)a_stack;
	memcpy(results, args, sizeof(results));
	if (results[0]-- == 0) {
		kipc_return(0, NULL);
		return;
	}
	stack = kipc_stack_take(lib_self);
	CHECK(stack >= 0);
	ret = kipc_call(lib_self, stack, DEEPER, results, after(PATIENCE));
	err = errno;
	kipc_stack_release(lib_self, stack);
	results[0]++;
	kipc_return(ret < 0 ? -err : ret, results);
}

static void do_overrun(void *a_stack, const uint64_t args[8])
{
	volatile unsigned char *p = (unsigned char *)&a_stack;

	(void)args;
	CHECK(gettid() != getpid());	/* whose stack is not the library's */
	for (;;) {
		*p = 0;
		__atomic_add_fetch(&stage->pages, 1, __ATOMIC_RELAXED);
		p -= 4096;
	}
}

static void do_stop(void *a_stack, const uint64_t args[8])
{
	(void)a_stack;
	(void)args;
	CHECK(!kipc_service_stop(kipc_service_fd(lib_service)));
	kipc_return(3, NULL);
}

static kipc_handler *const lib_handlers[PROCEDURES] = {
	[ADD] = do_add,
	[SHOUT] = do_shout,
	[WHO] = do_who,
	[HOLD] = do_hold,
	[STATUS] = do_status,
	[SILENT] = do_silent,
	[DIE] = do_die,
	[LEAVE] = do_leave,
	[TWICE] = do_twice,
	[DEEPER] = do_deeper,
	[OVERRUN] = do_overrun,
	[STOP] = do_stop,
};

static inline struct kipc_service_options lib_options(void)
{
	return (struct kipc_service_options) {
		.handlers = lib_handlers,
		.handler_count = PROCEDURES,
		.mode = 0600,
	};
}

/* What the tests of a service have: what it will be, and its name. */
#define SERVICE_FIXTURE(what)						\
	FIXTURE(what) {							\
		const char *name;					\
		struct kipc_service_options options;			\
	};								\
	FIXTURE_SETUP(what)						\
	{								\
		stage = shared(sizeof(*stage));				\
		self->name = temp_name("service");			\
		self->options = lib_options();				\
	}								\
	FIXTURE_TEARDOWN(what)						\
	{								\
		EXPECT_EQ(0, total("objects"));				\
	}

static inline void on_term(int sig)
{
	(void)sig;
	kipc_service_stop(kipc_service_fd(lib_service));
}

/* A server, which ends with 0 when it is stopped, as by SIGTERM. */
static inline pid_t lib_serve(const char *name, const struct kipc_service_options *options)
{
	struct sigaction sa = { .sa_handler = on_term };
	pid_t pid = spawn();

	if (pid)
		return pid;
	lib_service = kipc_service_register(name, options);
	CHECK(lib_service);
	lib_self = options->accept ? NULL : kipc_connect(name, NULL, KIPC_NO_WAIT);
	CHECK(!sigaction(SIGTERM, &sa, NULL));
	CHECK(!kipc_service_run(lib_service));
	kipc_disconnect(lib_self);
	kipc_service_free(lib_service);
	exit(0);
}

static inline struct kipc_binding *lib_bind(const char *name)
{
	struct kipc_binding *binding = kipc_connect(name, NULL, after(PATIENCE));

	CHECK(binding);
	return binding;
}

/* A call that must succeed; returns its status. */
static inline int lib_call(struct kipc_binding *binding, uint64_t procedure,
			   uint64_t args[8])
{
	int status = kipc_call(binding, 0, procedure, args, after(PATIENCE));

	CHECK(status >= 0);
	return status;
}

static inline uint64_t lib_submit(struct kipc_binding *binding, unsigned int stack,
				  uint64_t procedure, uint64_t argument)
{
	uint64_t args[8] = { argument }, token = 0;

	CHECK(!kipc_call_async(binding, stack, procedure, args, &token));
	CHECK(token);
	return token;
}

static inline struct kipc_service_stat lib_figures(int fd)
{
	struct kipc_service_stat st;

	memset(&st, POISON, sizeof(st));
	CHECK(!kipc_service_stat(fd, &st));
	return st;
}

#endif /* KIPC_SELFTEST_LIBSERVICE_H */
