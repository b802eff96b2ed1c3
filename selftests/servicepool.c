// SPDX-License-Identifier: GPL-2.0
/*
 * Workers and calls that wait for them: who is next, who is woken, when another thread is
 * asked for, and that every call is counted once.
 */
#include "test.h"
#include "kservice.h"

#include <stddef.h>
#include <sys/resource.h>

static struct kipc_service_attr with_workers(unsigned int workers)
{
	return (struct kipc_service_attr){ .workers = workers, .stacks = 8 };
}

/* Who is idle can be told from who is busy. */
static void submit_nap(struct hand *h, unsigned int stack)
{
	CHECK(!s_submit(&h->c, stack, NAP, 1000 * SECOND, 0, NULL));
}

static unsigned int flags_of_a_call(struct hand *h, unsigned int stack)
{
	CHECK(!s_call(&h->c, stack, WHO, 0, 0, after(PATIENCE)));
	return frame_of(&h->c, stack)->args[4];
}

/* Threads of this process, as its workers. */
static void add_workers(struct hand *h, unsigned int n)
{
	static struct server server;
	unsigned int now = service_stat(h->fd).workers;

	server = (struct server){ h->fd, h->map };
	while (n--) {
		s_worker(&server);
		wait_idle(h->fd, ++now);
	}
}

TEST(asks_for_another_thread)
{
	struct kipc_service_attr attr = with_workers(0);
	struct hand h = hand_of(&attr);

	add_workers(&h, 1);
	/* No other is left. */
	EXPECT_EQ(KIPC_SERVED_GROW, flags_of_a_call(&h, 0));
	wait_idle(h.fd, 1);
	add_workers(&h, 1);
	EXPECT_EQ(0, flags_of_a_call(&h, 0));
	wait_idle(h.fd, 2);
	submit_nap(&h, 1);
	wait_for(s_has(h.fd, 0, 1));
	EXPECT_EQ(KIPC_SERVED_GROW, flags_of_a_call(&h, 0));
}

TEST(asks_up_to_the_bound)
{
	struct kipc_service_attr attr = with_workers(2);
	struct hand h = hand_of(&attr);
	struct kipc_served call;
	unsigned int i;

	for (i = 0; i < 4; i++)
		ASSERT_OK(s_submit(&h.c, i, ADD, i, 0, NULL));
	s_take(h.fd, &call);
	EXPECT_EQ(KIPC_SERVED_GROW, call.flags);
	/* There are as many as there shall be: but who comes is not sent away. */
	s_take(h.fd, &call);
	EXPECT_EQ(0, call.flags);
	s_take(h.fd, &call);
	EXPECT_EQ(0, call.flags);
	EXPECT_TRUE(s_has(h.fd, 1, 3));
}

TEST(one_worker_is_never_asked_for_more)
{
	struct kipc_service_attr attr = with_workers(1);
	struct hand h = hand_of(&attr);
	struct kipc_served call;

	ASSERT_OK(s_submit(&h.c, 0, ADD, 0, 0, NULL));
	s_take(h.fd, &call);
	EXPECT_EQ(0, call.flags);
}

/* In line: in the order of arrival, whoever they come from. */
TEST(in_order)
{
	enum { CLIENTS = 4, CALLS = 8 };
	struct kipc_service_attr attr = with_workers(0);
	struct hand h = hand_of(&attr);
	struct client c[CLIENTS];
	struct kipc_served call;
	unsigned int i, n = 0;

	for (i = 0; i < CLIENTS; i++)
		c[i] = hand_client(&h);
	for (i = 0; i < CLIENTS * CALLS; i++) {
		n = (n * 5 + 3) % (CLIENTS * CALLS);
		ASSERT_OK(s_submit(&c[n % CLIENTS], n / CLIENTS, ADD, i, 0, NULL));
	}
	EXPECT_TRUE(s_has(h.fd, CLIENTS * CALLS, 0));
	for (i = 0; i < CLIENTS * CALLS; i++) {
		s_take(h.fd, &call);
		ASSERT_EQ(i, call.args[0]);
	}
	EXPECT_EQ(CLIENTS * CALLS, service_stat(h.fd).queued);
}

/* Who cannot be written to leaves the call to others, in its place. */
TEST(in_order_in_spite_of_a_fault)
{
	struct kipc_service_attr attr = with_workers(0);
	struct hand h = hand_of(&attr);
	size_t before = offsetof(struct kipc_service_serve, call);
	char *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kipc_served call;
	unsigned int i, k;

	ASSERT_OK(mprotect(page + PAGE, PAGE, PROT_NONE));
	for (i = 0; i < 3; i++)
		ASSERT_OK(s_submit(&h.c, i, ADD, i, 0, NULL));
	for (i = 0; i < 3; i++) {
		for (k = 0; k < 3; k++)
			EXPECT_ERR(EFAULT, ioctl(h.fd, KIPC_IOC_SERVICE_SERVE,
						 page + PAGE - before));
		EXPECT_TRUE(s_has(h.fd, 3 - i, i));
		s_take(h.fd, &call);
		EXPECT_EQ(i, call.args[0]);
	}
	EXPECT_EQ(3, service_stat(h.fd).calls);
	EXPECT_EQ(3, service_stat(h.fd).queued);
}

/* Those who wait for a reply, too: in the order in which they have called. */
TEST(waiting_callers_in_order)
{
	enum { CALLERS = 8 };
	struct kipc_service_attr attr = with_workers(0);
	struct hand h = hand_of(&attr);
	struct kipc_served call;
	struct task t[CALLERS];
	unsigned int i;

	for (i = 0; i < CALLERS; i++) {
		task_call(&t[i], &h.c, i, i, 0, KIPC_FOREVER);
		wait_for(s_has(h.fd, i + 1, 0));
	}
	for (i = 0; i < CALLERS; i++) {
		s_take(h.fd, &call);
		EXPECT_EQ(i, call.args[0]);
		EXPECT_EQ(t[i].tid, call.tid);
		/* Nobody else is woken. */
		ASSERT_OK(s_reply(h.fd, call.token, i, 0));
		EXPECT_EQ(i, task_end(&t[i]));
	}
}

/* Many clients beside few workers. */
enum { CROWD = 64, EACH = 50 };

static void *crowd_body(void *arg)
{
	struct client *c = arg;
	unsigned int i, n = effort(EACH);

	for (i = 0; i < n; i++) {
		CHECK(!s_call(c, i % c->is.stacks, ADD, i, ptr(c), after(PATIENCE)));
		CHECK(frame_of(c, i % c->is.stacks)->args[0] == i + ptr(c));
	}
	return NULL;
}

TEST(many_clients)
{
	struct kipc_service_attr attr = with_workers(3);
	struct hand h = hand_of(&attr);
	static struct client c[CROWD];
	struct kipc_service_stat st;
	pthread_t thread[CROWD];
	unsigned int i;

	add_workers(&h, 3);
	for (i = 0; i < CROWD; i++) {
		c[i] = hand_client(&h);
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, crowd_body, &c[i]));
	}
	for (i = 0; i < CROWD; i++)
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
	wait_idle(h.fd, 3);
	st = service_stat(h.fd);
	EXPECT_EQ(CROWD * effort(EACH), st.calls);
	EXPECT_EQ(CROWD * effort(EACH), st.replies);
	EXPECT_EQ(0, st.failed + st.abandoned + st.waiting + st.serving);
	EXPECT_EQ(CROWD + 1, st.bindings);
	EXPECT_LE(st.queued, st.calls);
	/* They are remembered when their bindings are gone. */
	for (i = 0; i < CROWD; i++)
		disconnect(&c[i]);
	st = service_stat(h.fd);
	EXPECT_EQ(1, st.bindings);
	EXPECT_EQ(CROWD * effort(EACH), st.calls);
	EXPECT_EQ(CROWD * effort(EACH), st.replies);
}

/* A thousand wait, and one worker: each is woken once, by its reply. */
enum { THOUSAND = 1000 };

static struct waiting {
	struct client *c;
	unsigned int stack;
	long switches;
	pthread_t thread;
} waiting[THOUSAND];

static void *waiting_body(void *arg)
{
	struct waiting *w = arg;
	struct rusage before, behind;

	/* Its pages are there before. */
	s_prepare(w->c, w->stack, ADD, w->stack, 1, 0, KIPC_FOREVER);
	getrusage(RUSAGE_THREAD, &behind);
	getrusage(RUSAGE_THREAD, &before);
	CHECK(!ioctl(w->c->fd, KIPC_IOC_SERVICE_CALL, (unsigned long)w->stack));
	getrusage(RUSAGE_THREAD, &behind);
	w->switches = behind.ru_nvcsw - before.ru_nvcsw;
	CHECK(frame_of(w->c, w->stack)->args[0] == 77);
	return NULL;
}

TEST(a_thousand_wait)
{
	struct kipc_service_attr attr = { .stacks = 50,
					  .flags = KIPC_SERVICE_PATIENT_CALLERS };
	static struct client c[THOUSAND / 50];
	struct hand h = hand_of(&attr);
	pthread_attr_t small;
	unsigned int i, most = 0;
	long sum = 0;

	ASSERT_EQ(0, pthread_attr_init(&small));
	ASSERT_EQ(0, pthread_attr_setstacksize(&small, 64 << 10));
	for (i = 0; i < ARRAY_SIZE(c); i++)
		c[i] = hand_client(&h);
	for (i = 0; i < THOUSAND; i++) {
		waiting[i] = (struct waiting){ .c = &c[i / 50], .stack = i % 50 };
		ASSERT_EQ(0, pthread_create(&waiting[i].thread, &small, waiting_body,
					    &waiting[i]));
	}
	wait_for(s_has(h.fd, THOUSAND, 0));
	for (i = 0; i < THOUSAND; i++)
		ASSERT_EQ(0, s_reply(h.fd, s_take(h.fd, NULL), 0, 77));
	for (i = 0; i < THOUSAND; i++) {
		ASSERT_EQ(0, pthread_join(waiting[i].thread, NULL));
		sum += waiting[i].switches;
		most += waiting[i].switches > 1;
	}
	/*
	 * One each; a few may have met somebody else's lock, or a missing page, or had
	 * the reply before they slept.
	 */
	EXPECT_GE(sum, THOUSAND - THOUSAND / 10);
	EXPECT_LE(sum, THOUSAND + THOUSAND / 10);
	TH_LOG("%ld switches, more than one of %u", sum, most);
	EXPECT_EQ(THOUSAND, service_stat(h.fd).replies);
}

/* One call wakes one of many workers. */
static void *idle_body(void *arg)
{
	struct hand *h = arg;
	struct kipc_service_serve serve = { .flags = 0 };
	struct rusage before, behind;

	getrusage(RUSAGE_THREAD, &before);
	CHECK(!s_serve(h->fd, &serve, KIPC_FOREVER));
	getrusage(RUSAGE_THREAD, &behind);
	CHECK(!s_reply(h->fd, serve.call.token, 0, 0));
	return (void *)(behind.ru_nvcsw - before.ru_nvcsw);
}

TEST(many_idle_workers)
{
	enum { WORKERS = 100 };
	struct kipc_service_attr attr = { .flags = KIPC_SERVICE_PATIENT };
	struct hand h = hand_of(&attr);
	pthread_t thread[WORKERS];
	long sum = 0;
	void *n;
	int i;

	for (i = 0; i < WORKERS; i++) {
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, idle_body, &h));
		wait_idle(h.fd, i + 1);
	}
	for (i = 0; i < WORKERS; i++) {
		ASSERT_EQ(0, s_call(&h.c, 0, ADD, 0, 0, after(PATIENCE)));
		EXPECT_EQ(WORKERS - i - 1, service_stat(h.fd).workers);
	}
	for (i = 0; i < WORKERS; i++) {
		ASSERT_EQ(0, pthread_join(thread[i], &n));
		sum += (long)n;
	}
	EXPECT_GE(sum, WORKERS / 2);
	EXPECT_LE(sum, WORKERS + WORKERS / 10);
	TH_LOG("%ld switches", sum);
	EXPECT_EQ(0, service_stat(h.fd).queued);
}

TEST_HARNESS_MAIN
