// SPDX-License-Identifier: GPL-2.0
/*
 * Those who wait at a queue: who gets a message that several want; deadlines,
 * signals, death; and a receiver whose memory does not come.
 */
#include "test.h"
#include "kqueue.h"

#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/syscall.h>

#define PAGE	4096UL

/**
 * struct guest - a process that receives one message when it is told to
 * @wants: which
 * @ready: signals do it no harm
 * @order: 1: receive; it goes back to 0 by itself
 * @done: @got is there
 * @got: the number, or a negative errno
 */
struct guest {
	pid_t pid;
	struct kipc_selector wants;
	uint64_t deadline;
	unsigned int flags;
	int sigflags, caught;
	int ready, order, done;
	long got;
};

static void receive_always(int fd, struct guest *g)
{
	count_signals(SIGUSR1, g->sigflags, &g->caught);
	__atomic_store_n(&g->ready, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		while (!__atomic_load_n(&g->order, __ATOMIC_SEQ_CST))
			nap();
		g->got = q_look(fd, g->wants, g->flags, g->deadline);
		__atomic_store_n(&g->order, 0, __ATOMIC_SEQ_CST);
		__atomic_store_n(&g->done, 1, __ATOMIC_SEQ_CST);
	}
}

static struct guest *invite(int fd, int sigflags)
{
	struct guest *g = shared(sizeof(*g));
	pid_t pid;

	g->sigflags = sigflags;
	pid = spawn();
	if (!pid)
		receive_always(fd, g);
	g->pid = pid;
	wait_for(__atomic_load_n(&g->ready, __ATOMIC_SEQ_CST));
	return g;
}

static void begin(struct guest *g, struct kipc_selector wants, uint64_t deadline)
{
	g->wants = wants;
	g->deadline = deadline;
	g->done = 0;
	__atomic_store_n(&g->order, 1, __ATOMIC_SEQ_CST);
}

/* It stands in line, behind so many others. */
static void line_up(int fd, struct guest *g, struct kipc_selector wants,
		    unsigned int others)
{
	begin(g, wants, KIPC_FOREVER);
	q_wait_waiters(fd, 0, others + 1, g->pid);
}

static bool is_done(struct guest *g)
{
	return __atomic_load_n(&g->done, __ATOMIC_SEQ_CST);
}

static long got(struct guest *g)
{
	wait_for(is_done(g));
	return g->got;
}

static void leave(struct guest *g)
{
	CHECK(slay(g->pid) == 128 + SIGKILL);
	munmap(g, sizeof(*g));
}

/* All of these want a message of type 5 that the test sends. */
#define WANT_5	{ BY_TYPE(5), BY_RANGE(3, 7), BY_FIRST, BY_EXCEPT(1), BY_PRIORITY, \
		  BY_LOWEST(9), BY_SENDER(getpid()), BY_TYPE(5) }

TEST(longest_waiting_gets_it)
{
	const struct kipc_selector wants[] = WANT_5;
	enum { N = ARRAY_SIZE(wants) };
	struct guest *guests[N];
	int fd = default_queue();
	size_t first, i;

	for (i = 0; i < N; i++)
		guests[i] = invite(fd, 0);
	/* Each of them is the first one once. */
	for (first = 0; first < N; first++) {
		for (i = 0; i < N; i++)
			line_up(fd, guests[i], wants[(first + i) % N], i);
		for (i = 0; i < N; i++) {
			EXPECT_EQ(0, q_put(fd, 5, 0, 100 + i));
			EXPECT_EQ(0, poll_mask(fd, POLLIN));
			ASSERT_EQ(100 + i, got(guests[i]));
			ASSERT_TRUE(q_has_waiters(fd, 0, N - 1 - i));
		}
	}
	for (i = 0; i < N; i++)
		leave(guests[i]);
	EXPECT_EQ(0, q_stat_of(fd).messages);
}

/* Many messages before anybody runs: still the n-th of them to the n-th guest. */
TEST(all_at_once)
{
	const struct kipc_selector wants[] = WANT_5;
	enum { N = ARRAY_SIZE(wants) };
	struct kipc_queue_send_item items[N];
	struct guest *guests[N];
	uint64_t numbers[N];
	int fd = default_queue();
	size_t i;

	memset(items, 0, sizeof(items));
	for (i = 0; i < N; i++) {
		guests[i] = invite(fd, 0);
		line_up(fd, guests[i], wants[i], i);
		numbers[i] = i;
		items[i].data = ptr(&numbers[i]);
		items[i].size = 8;
		items[i].type = 5;
	}
	ASSERT_EQ(N, q_send_batch(fd, items, N, 0));
	for (i = 0; i < N; i++) {
		EXPECT_EQ(i, got(guests[i]));
		leave(guests[i]);
	}
}

TEST(passed_over_only_by_what_it_does_not_want)
{
	int fd = default_queue();
	struct guest *a = invite(fd, 0), *b = invite(fd, 0), *c = invite(fd, 0);

	line_up(fd, a, BY_TYPE(1), 0);
	line_up(fd, b, BY_RANGE(10, 20), 1);
	line_up(fd, c, BY_LOWEST(15), 2);
	EXPECT_EQ(0, q_put(fd, 30, 0, 30));
	EXPECT_EQ(POLLIN, poll_mask(fd, POLLIN));
	EXPECT_EQ(0, q_put(fd, 12, 0, 12));
	EXPECT_EQ(12, got(b));
	EXPECT_EQ(0, q_put(fd, 13, 0, 13));
	EXPECT_EQ(13, got(c));
	line_up(fd, c, BY_LOWEST(15), 1);
	EXPECT_EQ(0, q_put(fd, 1, 0, 1));
	EXPECT_EQ(1, got(a));
	EXPECT_EQ(30, q_take(fd, BY_FIRST));
	EXPECT_TRUE(q_has_waiters(fd, 0, 1));
	EXPECT_EQ(0, q_put(fd, 0, 0, 99));
	EXPECT_EQ(99, got(c));
	leave(a);
	leave(b);
	leave(c);
}

static bool wants_type(const struct kipc_selector *s, uint64_t type)
{
	switch (s->how) {
	case KIPC_SELECT_TYPE:
		return type == s->low;
	case KIPC_SELECT_LOWEST:
		return type <= s->high;
	case KIPC_SELECT_EXCEPT:
		return type != s->low;
	case KIPC_SELECT_RANGE:
		return type >= s->low && type <= s->high;
	default:
		return true;
	}
}

/*
 * Guests of random selectors come, and random messages are sent.  The twin is an
 * array: the guests in the order in which they came, scanned for the first that wants it.
 */
TEST(twin_of_the_line)
{
	enum { N = 10, TYPES = 5 };
	int fd = default_queue(), i, rounds = effort(500);
	struct guest *line[N], *idle[N];
	unsigned int waiting = 0, free_ = N, random = from_env("KIPC_SEED", 0) ?:
		now_ns() % 1000000 + 1;

	TH_LOG("seed %u", random);
	for (i = 0; i < N; i++)
		idle[i] = invite(fd, 0);
	for (i = 0; i < rounds; i++) {
		uint64_t a, b;
		unsigned int w;

		random = random * 1103515245 + 12345;
		a = (random >> 16) % TYPES;
		b = (random >> 20) % TYPES;
		if (random >> 30 && free_) {
			struct kipc_selector all[] = {
				BY_TYPE(a), BY_LOWEST(a), BY_EXCEPT(a),
				BY_RANGE(a < b ? a : b, a < b ? b : a),
				BY_TYPE(b), BY_RANGE(a, a), BY_LOWEST(b),
				BY_SENDER(getpid()), BY_FIRST, BY_PRIORITY,
			};
			struct kipc_selector s = all[(random >> 24) % ARRAY_SIZE(all)];

			/* It shall have to wait. */
			if (q_peek(fd, s) != -EAGAIN)
				continue;
			line[waiting] = idle[--free_];
			line_up(fd, line[waiting], s, waiting);
			waiting++;
			continue;
		}
		ASSERT_EQ(0, q_put(fd, a, 0, i + 1));
		for (w = 0; w < waiting; w++) {
			if (wants_type(&line[w]->wants, a))
				break;
		}
		if (w == waiting) {
			/* For nobody: one is taken away, so that they have to wait. */
			ASSERT_TRUE(q_has_waiters(fd, 0, waiting));
			ASSERT_LT(0, q_take(fd, BY_FIRST));
			continue;
		}
		ASSERT_EQ(i + 1, got(line[w])) {
			TH_LOG("round %d: type %d, selector %u of %u", i, (int)a,
			       line[w]->wants.how, waiting);
		}
		idle[free_++] = line[w];
		waiting--;
		memmove(&line[w], &line[w + 1], (waiting - w) * sizeof(line[0]));
		ASSERT_TRUE(q_has_waiters(fd, 0, waiting));
	}
	EXPECT_EQ(0, q_stat_of(fd).messages);
	while (waiting)
		leave(line[--waiting]);
	while (free_)
		leave(idle[--free_]);
	EXPECT_TRUE(q_has_waiters(fd, 0, 0));
}

/* One who waits to look leaves the message to one who waits to have it. */
TEST(waiting_peek)
{
	int fd = default_queue();
	struct guest *a = invite(fd, 0), *b = invite(fd, 0);
	size_t sizes[] = { 8, 10000 };
	size_t i;

	for (i = 0; i < 2; i++) {
		a->flags = KIPC_RECV_PEEK;
		line_up(fd, a, BY_TYPE(5), 0);
		line_up(fd, b, BY_LOWEST(7), 1);
		EXPECT_EQ(0, q_put_sized(fd, 5, 0, sizes[i], i));
		EXPECT_EQ(i, got(a));
		EXPECT_EQ(i, got(b));
		EXPECT_EQ(i + 1, q_stat_of(fd).received);
	}
	leave(a);
	leave(b);
}

/* A buffer that is too short for what has come: the next one gets it. */
TEST(too_short_is_for_the_next)
{
	int fd = default_queue();
	struct guest *b = invite(fd, 0);
	pid_t pid = spawn();
	char in[16];

	if (!pid) {
		CHECK_ERR(EMSGSIZE, q_recv(fd, in, 15, BY_TYPE(5), NULL, 0,
					   KIPC_FOREVER));
		_exit(0);
	}
	q_wait_waiters(fd, 0, 1, pid);
	line_up(fd, b, BY_RANGE(5, 6), 1);
	EXPECT_EQ(0, q_put_sized(fd, 5, 0, 16, 1));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(1, got(b));
	EXPECT_EQ(0, q_stat_of(fd).messages);
	leave(b);
}

TEST(deadlines)
{
	static const uint64_t spans[] = { MS, 50 * MS };
	const struct kipc_selector wants[] = WANT_5;
	int fd = default_queue();
	char data[8];
	size_t i, s;

	EXPECT_EQ(0, q_put(fd, 1, 0, 1));
	for (i = 0; i < ARRAY_SIZE(spans); i++) {
		uint64_t deadline = after(spans[i]);

		EXPECT_ERR(ETIMEDOUT, q_recv(fd, data, 8, BY_TYPE(5), NULL, 0,
					     deadline));
		EXPECT_GE(now_ns(), deadline);
	}
	EXPECT_EQ(1, q_take(fd, BY_FIRST));
	for (s = 0; s < ARRAY_SIZE(wants); s++) {
		EXPECT_ERR(ETIMEDOUT, q_recv(fd, data, 8, wants[s], NULL, 0, 1));
		EXPECT_ERR(EAGAIN, q_recv(fd, data, 8, wants[s], NULL, 0, 0));
		EXPECT_ERR(ETIMEDOUT, q_recv(fd, data, 8, wants[s], NULL, 0,
					     after(MS)));
	}
	EXPECT_EQ(0, q_put(fd, 5, 0, 1));
	/* What need not wait is done even if the deadline has passed. */
	EXPECT_EQ(8, q_recv(fd, data, 8, BY_TYPE(5), NULL, 0, 1));
	EXPECT_TRUE(q_has_waiters(fd, 0, 0));
	ASSERT_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
	EXPECT_ERR(EAGAIN, q_recv(fd, data, 8, BY_FIRST, NULL, 0, KIPC_FOREVER));
	fd = queue(1, 8, 8, 0);
	EXPECT_ERR(ETIMEDOUT, q_put(fd, 1, 0, 1) ?: q_send(fd, data, 8, 1, 0, 1));
	EXPECT_ERR(ETIMEDOUT, q_send(fd, data, 8, 1, 0, after(20 * MS)));
	EXPECT_TRUE(q_has_waiters(fd, 0, 0));
}

/* One leaves, for whatever reason; the others stand where they stood. */
TEST(leaving_the_line)
{
	enum { LATE, INTERRUPTED, KILLED, WAYS };
	const struct kipc_selector wants[] = WANT_5;
	int way;

	for (way = LATE; way < WAYS; way++) {
		int fd = default_queue();
		struct guest *g[4];
		size_t i, w = 0;

		for (i = 0; i < 4; i++)
			g[i] = invite(fd, 0);
		for (i = 0; i < 4; i++, w++)
			line_up(fd, g[i], wants[w], i);
		/* The first one, and one within. */
		for (i = 0; i < 4; i += 2) {
			if (way == LATE) {
				/* It goes, and comes again with a deadline. */
				kill(g[i]->pid, SIGUSR1);
				EXPECT_EQ(-EINTR, got(g[i]));
				begin(g[i], wants[i], after(30 * MS));
				EXPECT_EQ(-ETIMEDOUT, got(g[i]));
			} else if (way == INTERRUPTED) {
				kill(g[i]->pid, SIGUSR1);
				EXPECT_EQ(-EINTR, got(g[i]));
			} else {
				EXPECT_EQ(128 + SIGKILL, slay(g[i]->pid));
			}
		}
		q_wait_waiters(fd, 0, 2, 0);
		EXPECT_EQ(0, q_put(fd, 5, 0, 1));
		EXPECT_EQ(1, got(g[1]));
		EXPECT_EQ(0, q_put(fd, 5, 0, 3));
		EXPECT_EQ(3, got(g[3]));
		EXPECT_EQ(0, q_stat_of(fd).messages);
		for (i = 0; i < 4; i++)
			if (way != KILLED || i & 1)
				leave(g[i]);
	}
	EXPECT_EQ(0, total("waiters"));
}

TEST(restarted)
{
	const struct kipc_selector wants[] = WANT_5;
	int fd = default_queue();
	struct guest *g = invite(fd, SA_RESTART);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wants); i++) {
		int before = g->caught;

		line_up(fd, g, wants[i], 0);
		kill(g->pid, SIGUSR1);
		wait_for(__atomic_load_n(&g->caught, __ATOMIC_SEQ_CST) > before);
		q_wait_waiters(fd, 0, 1, g->pid);
		EXPECT_FALSE(is_done(g));
		EXPECT_EQ(0, q_put(fd, 5, 0, i));
		EXPECT_EQ(i, got(g));
	}
	leave(g);
	/* A restarted call keeps its deadline. */
	g = invite(fd, SA_RESTART);
	begin(g, BY_TYPE(5), after(200 * MS));
	while (!is_done(g)) {
		kill(g->pid, SIGUSR1);
		nap();
		ASSERT_LE(now_ns(), g->deadline + PATIENCE);
	}
	EXPECT_EQ(-ETIMEDOUT, g->got);
	EXPECT_GE(now_ns(), g->deadline);
	leave(g);
}

/* Senders for room: when the first one leaves, the others go on. */
TEST(senders_leave_the_line)
{
	enum { LATE, INTERRUPTED, KILLED, WAYS };
	static const int ended[] = { ETIMEDOUT, EINTR, 128 + SIGKILL };
	int way;

	for (way = LATE; way < WAYS; way++) {
		int fd = queue(10, 100, 100, 0), *caught = shared(sizeof(int));
		pid_t pids[3];
		uint64_t i;

		EXPECT_EQ(0, q_put_sized(fd, 1, 0, 50, 1));
		for (i = 0; i < 3; i++) {
			uint64_t deadline = way == LATE && !i ? after(4 * SECOND) :
				KIPC_FOREVER;

			pids[i] = spawn();
			if (!pids[i]) {
				char data[80];

				count_signals(SIGUSR1, 0, caught);
				q_fill(data, 80, i + 2);
				_exit(q_send(fd, data, i ? 16 : 80, 1, 0, deadline) ?
				      errno : 0);
			}
			q_wait_waiters(fd, i + 1, 0, pids[i]);
		}
		if (way == INTERRUPTED)
			kill(pids[0], SIGUSR1);
		else if (way == KILLED)
			kill(pids[0], SIGKILL);
		EXPECT_EQ(ended[way], reap(pids[0]));
		EXPECT_EQ(0, reap(pids[1]));
		EXPECT_EQ(0, reap(pids[2]));
		EXPECT_EQ(3, q_stat_of(fd).messages);
		EXPECT_EQ(1, q_take(fd, BY_FIRST));
	}
}

static void *receive_5(void *arg)
{
	uint64_t number = 0;

	CHECK(q_recv(*(int *)arg, &number, sizeof(number), BY_TYPE(5), NULL, 0,
		     KIPC_FOREVER) == sizeof(number));
	return (void *)number;
}

/*
 * A thread whose stack is shared memory: a fork makes other pages ones that must be
 * brought in again.  A message, and what is told of it, could not be written there at
 * once, and meanwhile it would be there for others.
 */
static pthread_t start_on_shared_stack(void *(*start)(void *), void *arg)
{
	enum { SIZE = 256 << 10 };
	pthread_attr_t attr;
	pthread_t thread;

	CHECK(!pthread_attr_init(&attr));
	CHECK(!pthread_attr_setstack(&attr, shared(SIZE), SIZE));
	CHECK(!pthread_create(&thread, &attr, start, arg));
	CHECK(!pthread_attr_destroy(&attr));
	return thread;
}

/* A child that ends, having the handle too, is not the end of who waits there. */
TEST(fork_beside_a_waiter)
{
	int fd = default_queue();
	pthread_t thread;
	void *result;
	pid_t pid;

	thread = start_on_shared_stack(receive_5, &fd);
	q_wait_waiters(fd, 0, 1, 0);
	pid = spawn();
	if (!pid) {
		CHECK(q_take(fd, BY_TYPE(5)) == -EAGAIN);
		CHECK(!q_put(fd, 6, 0, 6));
		CHECK(q_take(fd, BY_FIRST) == 6);
		CHECK(!q_put(fd, 5, 0, 55));
		CHECK(q_take(fd, BY_FIRST) == -EAGAIN);
		close(fd);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	pthread_join(thread, &result);
	EXPECT_EQ(55, (long)result);
}

/* Memory that is missing until the test says otherwise. */
struct stall {
	int uffd, stalled, resolve;
	char *start;
};

static void *resolve_later(void *arg)
{
	struct stall *st = arg;
	struct uffd_msg msg;

	while (read(st->uffd, &msg, sizeof(msg)) == sizeof(msg)) {
		struct uffdio_zeropage zero = {
			.range = { msg.arg.pagefault.address & ~(PAGE - 1), PAGE },
		};

		__atomic_store_n(&st->stalled, 1, __ATOMIC_SEQ_CST);
		while (!__atomic_load_n(&st->resolve, __ATOMIC_SEQ_CST))
			nap();
		CHECK(!ioctl(st->uffd, UFFDIO_ZEROPAGE, &zero) || errno == EEXIST);
	}
	return NULL;
}

static void stall_memory(struct stall *st, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t thread;

	st->start = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(st->start != MAP_FAILED);
	st->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	CHECK(st->uffd >= 0 && !ioctl(st->uffd, UFFDIO_API, &api));
	reg.range.start = (unsigned long)st->start;
	reg.range.len = size;
	CHECK(!ioctl(st->uffd, UFFDIO_REGISTER, &reg));
	CHECK(!pthread_create(&thread, NULL, resolve_later, st));
}

/* A receiver whose pages do not come is in nobody's way, and loses nothing. */
TEST(receiver_without_memory)
{
	static const size_t sizes[] = { 8, 4096, 5000, 60000 };
	size_t i;
	int dies;

	for (i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		size_t size = sizes[i / 2];
		struct stall *st = shared(sizeof(*st));
		int fd = default_queue();
		pid_t pid;

		dies = i & 1;
		pid = spawn();
		if (!pid) {
			stall_memory(st, MOST);
			CHECK(q_recv(fd, st->start, MOST, BY_RANGE(5, 6), NULL, 0,
				     KIPC_FOREVER) == (ssize_t)size);
			CHECK(q_filled(st->start, size) == 2);
			_exit(0);
		}
		q_wait_waiters(fd, 0, 1, pid);
		EXPECT_EQ(0, q_put_sized(fd, 5, 0, size, 1));
		wait_for(__atomic_load_n(&st->stalled, __ATOMIC_SEQ_CST));
		/* The message is back, for whoever wants it. */
		EXPECT_EQ(POLLIN, poll_mask(fd, POLLIN));
		EXPECT_EQ(0, q_put_sized(fd, 6, 0, size, 2));
		EXPECT_EQ(1, q_await(fd, BY_LOWEST(9)));
		if (dies)
			EXPECT_EQ(128 + SIGKILL, slay(pid));
		__atomic_store_n(&st->resolve, 1, __ATOMIC_SEQ_CST);
		if (!dies)
			EXPECT_EQ(0, reap(pid));
		EXPECT_EQ(dies ? 2 : -EAGAIN, q_take(fd, BY_FIRST));
		EXPECT_TRUE(q_has_waiters(fd, 0, 0));
	}
}

TEST_HARNESS_MAIN
