// SPDX-License-Identifier: GPL-2.0
/*
 * One letter, or byte, wakes one receiver, however many wait; one place one sender; and
 * one post one of those who wait for a semaphore.
 * It is the kernel's context switches of all threads that are counted.
 */
#include "test.h"
#include "kpipe.h"
#include "kqueue.h"
#include "ksem.h"

#include <pthread.h>
#include <semaphore.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* Of the small one, too, most are left when all batches are through. */
enum { CROWD = 1000, SMALL_CROWD = 40 };

/* Where they wait: in a mailbox, a pipe, a queue, and for what there; for a semaphore. */
enum place { MAILBOX, PIPE, SAME, TYPES, RANGES, BOUNDS, OTHERS, SEMAPHORE };

static struct crowd {
	unsigned int size;
	int fd;
	bool send;
	enum place place;
	pid_t tids[CROWD];
	int status[CROWD];		/* /proc/self/task/TID/status */
	uint64_t switches[CROWD];	/* what it said last */
	bool served[CROWD];		/* it has what it waited for */
	bool counted[CROWD];		/* ... and we know that it has run */
	unsigned int started, woken, removed;
	sem_t end;
	pthread_t threads[CROWD];
} crowd;

/* Of the @i-th message; but for TYPES, all want any of them. */
static uint64_t type_of(unsigned int i)
{
	return crowd.place == TYPES ? i : crowd.size;
}

static struct kipc_selector selector_of(unsigned int self)
{
	switch (crowd.place) {
	case TYPES:
		return BY_TYPE(self);
	case RANGES:
		return BY_RANGE(self, self + crowd.size);
	case BOUNDS:
		return BY_LOWEST(crowd.size + self);
	case OTHERS:
		return BY_EXCEPT(self);
	default:
		return BY_FIRST;
	}
}

static long send_one(int fd, unsigned int i, uint64_t deadline)
{
	uint64_t number = 1;

	if (crowd.place == MAILBOX)
		return k_send(fd, &number, 8, number, deadline);
	if (crowd.place == PIPE)
		return p_write(fd, &number, 1, 0, deadline);
	if (crowd.place == SEMAPHORE)
		return s_post(fd, 0);
	return q_send(fd, &number, 8, type_of(i), 0, deadline);
}

static long receive_one(int fd, struct kipc_selector selector, uint64_t deadline)
{
	uint64_t number;

	if (crowd.place == MAILBOX)
		return k_recv(fd, &number, 8, NULL, 0, deadline);
	if (crowd.place == PIPE)
		return p_read(fd, &number, 1, deadline);
	if (crowd.place == SEMAPHORE)
		return s_op(fd, deadline, STEPS(ADD(0, -1)));
	return q_recv(fd, &number, 8, selector, NULL, 0, deadline);
}

static bool so_many_wait(int fd, unsigned int n)
{
	unsigned int senders = crowd.send ? n : 0, receivers = crowd.send ? 0 : n;

	if (crowd.place == MAILBOX)
		return has_waiters(fd, senders, receivers);
	if (crowd.place == PIPE)
		return p_has_waiters(fd, senders, receivers);
	if (crowd.place == SEMAPHORE)
		return s_stat_of(fd).waiting == n;
	return q_has_waiters(fd, senders, receivers);
}

static void *wait_once(void *arg)
{
	unsigned int self = (uintptr_t)arg;
	long ret;

	crowd.tids[self] = syscall(SYS_gettid);
	__atomic_add_fetch(&crowd.started, 1, __ATOMIC_SEQ_CST);
	if (crowd.send)
		ret = send_one(crowd.fd, self, KIPC_FOREVER);
	else
		ret = receive_one(crowd.fd, selector_of(self), KIPC_FOREVER);
	CHECK(ret >= 0 || errno == EIDRM);
	if (ret >= 0) {
		__atomic_store_n(&crowd.served[self], true, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&crowd.woken, 1, __ATOMIC_SEQ_CST);
	} else {
		__atomic_add_fetch(&crowd.removed, 1, __ATOMIC_SEQ_CST);
	}
	while (sem_wait(&crowd.end))
		;
	return NULL;
}

/*
 * How many have run since the last call.  One that was served before does not
 * count any more; one that was served now does, even if it has not come to the
 * switch that ends its run.  Anybody else has run if its count has changed.
 */
static unsigned int count_changed(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < crowd.size; i++) {
		uint64_t now;

		if (crowd.counted[i])
			continue;
		now = context_switches(crowd.status[i]);
		crowd.counted[i] = __atomic_load_n(&crowd.served[i],
						   __ATOMIC_SEQ_CST);
		n += crowd.counted[i] || now != crowd.switches[i];
		crowd.switches[i] = now;
	}
	return n;
}

static void open_status(void)
{
	struct rlimit limit = { 4 * crowd.size, 4 * crowd.size };
	char path[64];
	unsigned int i;

	CHECK(!setrlimit(RLIMIT_NOFILE, &limit));
	for (i = 0; i < crowd.size; i++) {
		snprintf(path, sizeof(path), "/proc/self/task/%d/status",
			 crowd.tids[i]);
		crowd.status[i] = open(path, O_RDONLY | O_CLOEXEC);
		CHECK(crowd.status[i] >= 0);
	}
}

static void assemble(int fd, bool send)
{
	pthread_attr_t attr;
	uintptr_t i;

	crowd.fd = fd;
	crowd.send = send;
	CHECK(!sem_init(&crowd.end, 0, 0));
	CHECK(!pthread_attr_init(&attr));
	CHECK(!pthread_attr_setstacksize(&attr, 32 << 10));
	for (i = 0; i < crowd.size; i++)
		CHECK(!pthread_create(&crowd.threads[i], &attr, wait_once,
				      (void *)i));
	wait_for(so_many_wait(fd, crowd.size));
	open_status();
	/* Until the last of them really sleeps: no counter moves any more. */
	wait_for(count_changed() == 0);
}

static void dismiss(void)
{
	unsigned int i;

	for (i = 0; i < crowd.size; i++)
		sem_post(&crowd.end);
	for (i = 0; i < crowd.size; i++)
		pthread_join(crowd.threads[i], NULL);
}

/* Until so many in all have what they waited for. */
static void wait_settled(int fd, unsigned int woken)
{
	wait_for(__atomic_load_n(&crowd.woken, __ATOMIC_SEQ_CST) >= woken);
	wait_for(so_many_wait(fd, crowd.size - woken));
}

FIXTURE(wake) {
	uint64_t limit;
	int fd;
};

FIXTURE_VARIANT(wake) {
	uint64_t room;			/* 0 is a rendezvous */
	bool send;
	enum place place;
};

FIXTURE_VARIANT_ADD(wake, receivers) { 4, false, MAILBOX };
FIXTURE_VARIANT_ADD(wake, senders) { 4, true, MAILBOX };
FIXTURE_VARIANT_ADD(wake, rendezvous_receivers) { 0, false, MAILBOX };
FIXTURE_VARIANT_ADD(wake, rendezvous_senders) { 0, true, MAILBOX };
FIXTURE_VARIANT_ADD(wake, pipe_readers) { 4, false, PIPE };
FIXTURE_VARIANT_ADD(wake, pipe_writers) { 4, true, PIPE };
FIXTURE_VARIANT_ADD(wake, queue_same_selector) { 4, false, SAME };
FIXTURE_VARIANT_ADD(wake, queue_types) { 4, false, TYPES };
FIXTURE_VARIANT_ADD(wake, queue_ranges) { 4, false, RANGES };
FIXTURE_VARIANT_ADD(wake, queue_bounds) { 4, false, BOUNDS };
FIXTURE_VARIANT_ADD(wake, queue_all_but_one) { 4, false, OTHERS };
FIXTURE_VARIANT_ADD(wake, queue_senders) { 4, true, SAME };
FIXTURE_VARIANT_ADD(wake, semaphore) { 4, false, SEMAPHORE };

FIXTURE_SETUP(wake)
{
	uint64_t i;

	/* On slow kernels, to make a thread and to ask for its switches is dear. */
	crowd.size = effort(CROWD) < CROWD ? SMALL_CROWD : CROWD;
	crowd.place = variant->place;
	self->limit = get_limit("max_waiters");
	if (self->limit < 2 * crowd.size)
		set_limit("max_waiters", 2 * crowd.size);
	if (variant->place == MAILBOX)
		self->fd = box(variant->room, variant->room * 8, 8, 0);
	else if (variant->place == PIPE)
		self->fd = pipe_of(variant->room, 1);
	else if (variant->place == SEMAPHORE)
		self->fd = set_of(1, 0);
	else
		self->fd = queue(variant->room, variant->room * 8, 8, 0);
	for (i = 0; variant->send && i < variant->room; i++)
		ASSERT_OK(send_one(self->fd, i, 0));
	assemble(self->fd, variant->send);
}

FIXTURE_TEARDOWN(wake)
{
	dismiss();
	close(self->fd);
	EXPECT_EQ(0, total("waiters"));
	set_limit("max_waiters", self->limit);
}

TEST_F(wake, exactly_as_many_as_needed)
{
	static const unsigned int batches[] = { 1, 1, 5, 10 };
	unsigned int done = 0, b, i;

	for (b = 0; b < ARRAY_SIZE(batches); b++) {
		for (i = 0; i < batches[b]; i++) {
			long ret;

			if (variant->send)
				ret = receive_one(self->fd, BY_FIRST,
						  after(PATIENCE));
			else
				ret = send_one(self->fd, done + i, after(PATIENCE));
			ASSERT_OK(ret);
		}
		done += batches[b];
		wait_settled(self->fd, done);
		EXPECT_EQ(batches[b], count_changed());
		EXPECT_EQ(done, crowd.woken);
	}
	/* The others are woken when it is removed. */
	ASSERT_OK(k_remove(self->fd));
	wait_for(__atomic_load_n(&crowd.removed, __ATOMIC_SEQ_CST) ==
		 crowd.size - done);
}

/* What nobody wants wakes nobody. */
TEST_F(wake, all_by_removal)
{
	uint64_t number = 1;

	if (variant->place == TYPES) {
		for (unsigned int i = 0; i < variant->room; i++)
			ASSERT_OK(q_send(self->fd, &number, 8, crowd.size + i, 0, 0));
		EXPECT_EQ(0, count_changed());
		EXPECT_EQ(variant->room, q_stat_of(self->fd).messages);
	}
	ASSERT_OK(k_remove(self->fd));
	wait_for(__atomic_load_n(&crowd.removed, __ATOMIC_SEQ_CST) == crowd.size);
	EXPECT_TRUE(so_many_wait(self->fd, 0));
	EXPECT_EQ(0, crowd.woken);
}

TEST_HARNESS_MAIN
