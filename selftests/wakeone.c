// SPDX-License-Identifier: GPL-2.0
/*
 * One letter wakes one receiver, however many wait; one place wakes one sender.
 * It is the kernel's context switches of all threads that are counted.
 */
#include "test.h"

#include <pthread.h>
#include <semaphore.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* Of the small one, too, most are left when all batches are through. */
enum { CROWD = 1000, SMALL_CROWD = 100 };

static struct crowd {
	unsigned int size;
	int fd;
	bool send;
	pid_t tids[CROWD];
	int status[CROWD];		/* /proc/self/task/TID/status */
	uint64_t switches[CROWD];	/* what it said last */
	bool served[CROWD];		/* it has what it waited for */
	bool counted[CROWD];		/* ... and we know that it has run */
	unsigned int started, woken, removed;
	sem_t end;
	pthread_t threads[CROWD];
} crowd;

static void *wait_once(void *arg)
{
	unsigned int self = (uintptr_t)arg;
	uint64_t number = 1;
	long ret;

	crowd.tids[self] = syscall(SYS_gettid);
	__atomic_add_fetch(&crowd.started, 1, __ATOMIC_SEQ_CST);
	if (crowd.send)
		ret = k_send(crowd.fd, &number, 8, number, KIPC_FOREVER);
	else
		ret = k_recv(crowd.fd, &number, 8, NULL, 0, KIPC_FOREVER);
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
	wait_for(has_waiters(fd, send ? crowd.size : 0, send ? 0 : crowd.size));
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
	unsigned int left = crowd.size - woken;

	wait_for(__atomic_load_n(&crowd.woken, __ATOMIC_SEQ_CST) >= woken);
	wait_for(has_waiters(fd, crowd.send ? left : 0,
			     crowd.send ? 0 : left));
}

FIXTURE(wake) {
	uint64_t limit;
};

FIXTURE_VARIANT(wake) {
	uint64_t letters;		/* 0 is a rendezvous */
	bool send;
};

FIXTURE_VARIANT_ADD(wake, receivers) { 4, false };
FIXTURE_VARIANT_ADD(wake, senders) { 4, true };
FIXTURE_VARIANT_ADD(wake, rendezvous_receivers) { 0, false };
FIXTURE_VARIANT_ADD(wake, rendezvous_senders) { 0, true };

FIXTURE_SETUP(wake)
{
	/* On slow kernels, to make a thread and to ask for its switches is dear. */
	crowd.size = effort(CROWD) < CROWD ? SMALL_CROWD : CROWD;
	self->limit = get_limit("max_waiters");
	if (self->limit < 2 * crowd.size)
		set_limit("max_waiters", 2 * crowd.size);
}

FIXTURE_TEARDOWN(wake)
{
	set_limit("max_waiters", self->limit);
}

TEST_F(wake, exactly_as_many_as_needed)
{
	static const unsigned int batches[] = { 1, 1, 5, 10 };
	int fd = box(variant->letters, variant->letters * 8, 8, 0);
	unsigned int done = 0, b, i;
	uint64_t number = 1;

	if (variant->send)
		for (i = 0; i < variant->letters; i++)
			ASSERT_OK(k_send(fd, &number, 8, 1, 0));
	assemble(fd, variant->send);
	for (b = 0; b < ARRAY_SIZE(batches); b++) {
		for (i = 0; i < batches[b]; i++) {
			if (variant->send) {
				ASSERT_EQ(1, recv_number(fd));
			} else {
				ASSERT_OK(send_number(fd, 1));
			}
		}
		done += batches[b];
		wait_settled(fd, done);
		EXPECT_EQ(batches[b], count_changed());
		EXPECT_EQ(done, crowd.woken);
	}
	/* The others are woken when it is removed. */
	ASSERT_OK(k_remove(fd));
	wait_for(__atomic_load_n(&crowd.removed, __ATOMIC_SEQ_CST) ==
		 crowd.size - done);
	dismiss();
	close(fd);
	EXPECT_EQ(0, total("waiters"));
}

TEST_F(wake, all_by_removal)
{
	int fd = box(variant->letters, variant->letters * 8, 8, 0);
	uint64_t number = 1, i;

	if (variant->send)
		for (i = 0; i < variant->letters; i++)
			ASSERT_OK(k_send(fd, &number, 8, 1, 0));
	assemble(fd, variant->send);
	ASSERT_OK(k_remove(fd));
	wait_for(__atomic_load_n(&crowd.removed, __ATOMIC_SEQ_CST) == crowd.size);
	EXPECT_TRUE(has_waiters(fd, 0, 0));
	EXPECT_EQ(0, crowd.woken);
	EXPECT_EQ(variant->send ? variant->letters : 0, stat_of(fd).sent);
	dismiss();
	close(fd);
	EXPECT_EQ(0, total("waiters"));
}

TEST_HARNESS_MAIN
