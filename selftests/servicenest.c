// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that are made while a call is served: chains of them, how long they may be, and
 * when one would wait for itself.
 */
#include "test.h"
#include "kservice.h"

#include <kipc.h>

enum { MOST = 3 };

/* Services, each with a server of its own, which is a child; and their clients. */
struct place {
	int fd, call;
	pid_t server;
};

static int handle_of(int all, unsigned int rights)
{
	int fd = k_narrow(all, rights, 0);

	CHECK(fd >= 0);
	return fd;
}

static void make_place(struct place *p, unsigned int stacks, unsigned int workers)
{
	struct kipc_service_attr attr = { .stacks = stacks, .workers = workers };
	int all = s_create(NULL, &attr, 0600, KIPC_SERVICE_RIGHTS, 0);

	CHECK(all >= 0);
	p->fd = handle_of(all, SERVE | MANAGE);
	p->call = handle_of(all, CALL);
	close(all);
}

/*
 * Each worker calls by its own A-stack.  args: how deep, where to (an index of @next),
 * and how long to wait.  The result: how deep it came, or an errno above 1000.
 */
struct worker {
	struct server server;
	struct client *next;	/* each service's, seen from here */
	unsigned int stack;
	unsigned int count;	/* of services */
};

static void *nest_work(void *arg)
{
	struct kipc_service_serve serve = { .flags = 0 };
	struct worker *w = arg;

	while (!s_serve(w->server.fd, &serve, KIPC_FOREVER)) {
		const struct kipc_served call = serve.call;
		const struct client *next = &w->next[call.args[1] % w->count];
		struct kipc_frame *frame;
		int ret;

		memset(&serve.reply, 0, sizeof(serve.reply));
		serve.reply.token = call.token;
		if (!call.args[0])
			continue;
		if (call.args[0] == 99)
			raise(SIGKILL);
		frame = frame_of(next, w->stack);
		s_prepare(next, w->stack, NEST, call.args[0] - 1, call.args[1] + 1,
			  call.args[2], call.args[2]);
		ret = ioctl(next->fd, KIPC_IOC_SERVICE_CALL, (unsigned long)w->stack);
		serve.reply.args[0] = ret < 0 ? 1000ULL + errno : frame->args[0] + 1;
		/* Where it has ended is told to the first. */
		if (ret >= 0 && frame->args[0] >= 1000)
			serve.reply.args[0] = frame->args[0];
	}
	return NULL;
}

/* The @i-th service's server, with so many workers; it calls the next one, in a circle. */
static void start_place(struct place *p, unsigned int i, unsigned int n,
			unsigned int workers)
{
	p[i].server = spawn();
	if (!p[i].server) {
		struct worker *w = calloc(workers, sizeof(*w));
		struct client *next = calloc(n, sizeof(*next));
		struct server s = serve_with(p[i].fd, 0);
		pthread_t thread;
		unsigned int k;

		for (k = 0; k < n; k++)
			next[k] = client_of(handle_of(p[k].call, CALL));
		for (k = 0; k < workers; k++) {
			w[k] = (struct worker){ s, next, k, n };
			CHECK(!pthread_create(&thread, NULL, nest_work, &w[k]));
		}
		for (;;)
			pause();
	}
	wait_idle(p[i].fd, workers);
}

static uint64_t nest_until(const struct client *c, uint64_t depth, uint64_t next,
			   uint64_t deadline)
{
	s_prepare(c, 0, NEST, depth, next, deadline, after(PATIENCE));
	CHECK(!ioctl(c->fd, KIPC_IOC_SERVICE_CALL, 0UL));
	return frame_of(c, 0)->args[0];
}

static uint64_t nest(const struct client *c, uint64_t depth, uint64_t next)
{
	return nest_until(c, depth, next, after(PATIENCE));
}

/* @n services in a circle, each with @workers; a client of the first. */
static struct client circle(struct place *p, unsigned int n, unsigned int workers,
			    unsigned int bound)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		make_place(&p[i], 64, bound);
	for (i = 0; i < n; i++)
		start_place(p, i, n, workers);
	return client_of(handle_of(p[0].call, CALL));
}

TEST(through_two_and_three)
{
	struct place p[MOST];
	struct client c;
	unsigned int n, i;

	for (n = 2; n <= MOST; n++) {
		c = circle(p, n, 1, 1);
		/* Each is visited once. */
		EXPECT_EQ(n - 1, nest(&c, n - 1, 1));
		EXPECT_EQ(0, nest(&c, 0, 1));
		EXPECT_EQ(1, service_stat(p[n - 1].fd).calls);
		EXPECT_EQ(0, service_stat(p[n - 1].fd).serving);
		for (i = 0; i < n; i++)
			slay(p[i].server);
	}
}

/* A service that calls itself, with as many workers as the chain needs. */
TEST(recursion)
{
	struct place p;
	struct client c = circle(&p, 1, 5, 5);

	EXPECT_EQ(4, nest(&c, 4, 0));
	/* One more would wait for itself. */
	EXPECT_EQ(1000 + EDEADLK, nest(&c, 5, 0));
	EXPECT_EQ(1000 + EDEADLK, nest(&c, 20, 0));
	wait_idle(p.fd, 5);
	EXPECT_EQ(4, nest(&c, 4, 0));
	EXPECT_EQ(0, service_stat(p.fd).waiting);
}

/* Back to the first, whose only worker has begun it all. */
TEST(deadlock_in_a_circle)
{
	struct place p[MOST];
	struct client c = circle(p, 3, 1, 1);

	EXPECT_EQ(2, nest(&c, 2, 1));
	EXPECT_EQ(1000 + EDEADLK, nest(&c, 3, 1));
	EXPECT_EQ(2, nest(&c, 2, 1));
}

/* Without a bound there may always be another worker: it waits. */
TEST(no_bound_no_deadlock)
{
	struct place p;
	struct client c = circle(&p, 1, 2, 0);
	uint64_t start = now_ns();

	EXPECT_EQ(1, nest(&c, 1, 0));
	EXPECT_EQ(1000 + ETIMEDOUT, nest_until(&c, 2, 0, start + SECOND));
	EXPECT_GE(now_ns(), start + SECOND);
}

/* Bound or not, who is not all busy yet: the server may bring one more. */
TEST(fewer_workers_than_the_bound)
{
	struct place p;
	struct client c = circle(&p, 1, 2, 3);

	EXPECT_EQ(1000 + ETIMEDOUT, nest_until(&c, 2, 0, after(SECOND)));
}

/* All are busy, but with others: these will be done some time. */
TEST(busy_with_others)
{
	struct place p[2];
	struct client c = circle(p, 2, 1, 1), other = client_of(p[1].call);

	/* The second's worker has no part in this chain. */
	ASSERT_OK(kill(p[1].server, SIGSTOP));
	wait_for(!service_stat(p[1].fd).workers);
	ASSERT_OK(s_submit(&other, 0, NEST, 0, 0, NULL));
	EXPECT_EQ(1000 + ETIMEDOUT, nest_until(&c, 1, 1, after(SECOND)));
	ASSERT_OK(kill(p[1].server, SIGCONT));
	EXPECT_EQ(0, s_collect(other.fd, &(uint64_t){ 0 }, NULL, after(PATIENCE)));
	EXPECT_EQ(1, nest(&c, 1, 1));
}

/* KIPC_CHAIN_MAX calls, and no more. */
TEST(as_long_as_it_may_be)
{
	struct place p;
	struct client c = circle(&p, 1, KIPC_CHAIN_MAX + 2, 0);

	EXPECT_EQ(KIPC_CHAIN_MAX - 1, nest(&c, KIPC_CHAIN_MAX - 1, 0));
	EXPECT_EQ(1000 + ELOOP, nest(&c, KIPC_CHAIN_MAX, 0));
	EXPECT_EQ(1000 + ELOOP, nest(&c, KIPC_CHAIN_MAX + 10, 0));
	EXPECT_EQ(0, service_stat(p.fd).serving);
	EXPECT_EQ(KIPC_CHAIN_MAX - 1, nest(&c, KIPC_CHAIN_MAX - 1, 0));
}

/* The last one dies: that is told to the one before, and the chain comes back. */
TEST(the_last_one_dies)
{
	struct place p[MOST];
	struct client c = circle(p, 3, 1, 1);

	/* 99 is fatal where it arrives: in the third, with 101 in the first. */
	EXPECT_EQ(1000 + EPIPE, nest(&c, 101, 1));
	EXPECT_EQ(0, nest(&c, 0, 0));
	EXPECT_EQ(1000 + EPIPE, nest(&c, 2, 1));
	reap(p[2].server);
}

/* One in the middle dies: who called it is told, and the last one works for nobody. */
TEST(one_in_the_middle_dies)
{
	struct hand last = hand_of(NULL);
	int mine = hand_handle(&last);
	struct client c;
	struct place middle;
	uint64_t token;
	struct task t;
	pid_t pid;

	make_place(&middle, 0, 0);
	c = client_of(middle.call);
	pid = spawn();
	if (!pid) {
		struct client next = client_of(mine);

		serve_with(middle.fd, 0);
		s_take(middle.fd, NULL);
		s_call(&next, 0, ADD, 0, 0, KIPC_FOREVER);
		_exit(1);
	}
	close(mine);
	task_call(&t, &c, 0, 0, 0, KIPC_FOREVER);
	token = s_take(last.fd, NULL);
	EXPECT_FALSE(task_over(&t));
	slay(pid);
	EXPECT_ERR(EPIPE, task_end(&t));
	wait_for(service_stat(last.fd).abandoned == 1);
	EXPECT_EQ(1, s_reply(last.fd, token, 0, 0));
}

/* A thread that has not taken the call has begun nothing. */
static void *other_thread(void *arg)
{
	struct client *c = arg;

	CHECK_ERR(ETIMEDOUT, s_call(c, 1, ADD, 0, 0, after(SECOND / 2)));
	return NULL;
}

TEST(chain_of_a_thread)
{
	struct kipc_service_attr attr = { .workers = 1 };
	struct hand h = hand_of(&attr);
	pthread_t thread;
	uint64_t token, outer;

	ASSERT_OK(s_submit(&h.c, 0, ADD, 0, 0, &outer));
	ASSERT_EQ(outer, s_take(h.fd, NULL));
	/* This thread is in it, and by itself would never have an answer. */
	EXPECT_ERR(EDEADLK, s_call(&h.c, 1, ADD, 0, 0, KIPC_FOREVER));
	EXPECT_ERR(EDEADLK, s_submit(&h.c, 1, ADD, 0, 0, &token));
	ASSERT_EQ(0, pthread_create(&thread, NULL, other_thread, &h.c));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	/* With the reply the chain ends. */
	ASSERT_OK(s_reply(h.fd, outer, 0, 0));
	EXPECT_OK(s_submit(&h.c, 1, ADD, 0, 0, &token));
	EXPECT_EQ(token, s_take(h.fd, NULL));
	/* Nobody waits for it any more, but it is being served: the chain is there. */
	EXPECT_OK(s_cancel(h.c.fd, token));
	EXPECT_ERR(EDEADLK, s_submit(&h.c, 2, ADD, 0, 0, NULL));
	EXPECT_EQ(1, s_reply(h.fd, token, 0, 0));
	EXPECT_OK(s_submit(&h.c, 2, ADD, 0, 0, NULL));
}

/* To ask a server for a binding is a call, too; and all of them count for a chain. */
TEST(asking_for_a_binding)
{
	struct kipc_service_attr attr = { .workers = 1, .flags = KIPC_SERVICE_ACCEPT };
	const char *name = temp_name("chain");
	int all = s_create(name, &attr, 0600, KIPC_SERVICE_RIGHTS, 0), i;
	int fd = k_narrow(all, SERVE, 0), fresh = k_narrow(all, CALL, 0);
	struct kipc_service_connect is = { .flags = 0 };
	struct hand h = hand_of(NULL);
	uint64_t token;
	struct task t;

	ASSERT_NE(NULL, s_map(fd));
	task_connect(&t, fresh, &is, KIPC_FOREVER);
	token = s_take(fd, NULL);
	EXPECT_ERR(EDEADLK, s_connect(k_narrow(all, CALL, 0), &is, KIPC_FOREVER));
	EXPECT_TRUE(!kipc_connect(name, NULL, KIPC_FOREVER) && errno == EDEADLK);
	ASSERT_OK(s_reply(fd, token, 0, 0));
	ASSERT_EQ(0, task_end(&t));
	/* One inside the other, and no reply. */
	for (i = 0; i < KIPC_CHAIN_MAX; i++) {
		struct client c = hand_client(&h);

		ASSERT_OK(s_submit(&c, 0, ADD, 0, 0, &token));
		ASSERT_EQ(token, s_take(h.fd, NULL));
	}
	EXPECT_ERR(ELOOP, s_submit(&h.c, 0, ADD, 0, 0, NULL));
	EXPECT_ERR(ELOOP, s_call(&h.c, 0, ADD, 0, 0, KIPC_FOREVER));
	EXPECT_ERR(ELOOP, s_connect(k_narrow(all, CALL, 0), &is, KIPC_FOREVER));
	EXPECT_TRUE(!kipc_connect(name, NULL, KIPC_FOREVER) && errno == ELOOP);
	ASSERT_OK(s_reply(h.fd, token, 0, 0));
	EXPECT_OK(s_submit(&h.c, 0, ADD, 0, 0, NULL));
}

/* What a thread has taken last, it is doing: also of several, in whatever order they end. */
TEST(several_calls_of_a_thread)
{
	struct kipc_service_attr attr = { .workers = 1 };
	struct hand one = hand_of(&attr), two = hand_of(&attr);
	uint64_t first, second;

	ASSERT_OK(s_submit(&one.c, 0, ADD, 0, 0, &first));
	ASSERT_OK(s_submit(&two.c, 0, ADD, 0, 0, &second));
	ASSERT_EQ(first, s_take(one.fd, NULL));
	ASSERT_EQ(second, s_take(two.fd, NULL));
	EXPECT_ERR(EDEADLK, s_submit(&two.c, 1, ADD, 0, 0, NULL));
	ASSERT_OK(s_reply(two.fd, second, 0, 0));
	EXPECT_ERR(EDEADLK, s_submit(&one.c, 1, ADD, 0, 0, NULL));
	EXPECT_OK(s_submit(&two.c, 1, ADD, 0, 0, NULL));
	ASSERT_OK(s_reply(one.fd, first, 0, 0));
	EXPECT_OK(s_submit(&one.c, 1, ADD, 0, 0, NULL));
}

TEST_HARNESS_MAIN
