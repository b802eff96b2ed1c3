// SPDX-License-Identifier: GPL-2.0
/* Deadlines: none, past, to come, for ever; as the time namespace shows them. */
#include "test.h"

#include <kipc.h>

/* How late a deadline may be noticed on an emulated machine under load. */
#define LATE (5 * SECOND)

struct wait {
	const char *what;
	int fd;
	bool send;
};

/* The mailboxes on which a call has to wait, whatever it is. */
static int waits(struct wait w[4])
{
	int full = box(1, 8, 8, 0);

	CHECK(!send_number(full, 1));
	w[0] = (struct wait){ "receive", default_box(), false };
	w[1] = (struct wait){ "send", full, true };
	w[2] = (struct wait){ "receive, rendezvous", rendezvous_box(8), false };
	w[3] = (struct wait){ "send, rendezvous", rendezvous_box(8), true };
	return 4;
}

static long call(const struct wait *w, uint64_t deadline)
{
	char data[8] = "";

	return w->send ? k_send(w->fd, data, 8, 0, deadline) :
		k_recv(w->fd, data, 8, NULL, 0, deadline);
}

TEST(none)
{
	struct wait w[4];
	int i, n = waits(w);

	for (i = 0; i < n; i++) {
		EXPECT_ERR(EAGAIN, call(&w[i], KIPC_NO_WAIT));
		EXPECT_EQ(0, stat_of(w[i].fd).send_waits);
		EXPECT_EQ(0, stat_of(w[i].fd).recv_waits);
	}
}

TEST(past)
{
	struct wait w[4];
	int i, n = waits(w);

	for (i = 0; i < n; i++) {
		EXPECT_ERR(ETIMEDOUT, call(&w[i], 1));
		EXPECT_ERR(ETIMEDOUT, call(&w[i], now_ns() - 1));
		EXPECT_TRUE(has_waiters(w[i].fd, 0, 0));
	}
}

/* What need not wait is done even if the deadline has passed. */
TEST(past_does_not_matter_if_nothing_waits)
{
	int fd = box(1, 8, 8, 0);
	char data[8] = "";

	EXPECT_OK(k_send(fd, data, 8, 0, 1));
	EXPECT_ERR(ETIMEDOUT, k_send(fd, data, 8, 0, 1));
	EXPECT_EQ(8, k_recv(fd, data, 8, NULL, 0, 1));
	EXPECT_ERR(ETIMEDOUT, k_recv(fd, data, 8, NULL, 0, 1));
}

TEST(to_come)
{
	static const uint64_t spans[] = { MS, 20 * MS, 300 * MS };
	struct wait w[4];
	int i, n = waits(w);
	size_t s;

	for (i = 0; i < n; i++) {
		for (s = 0; s < ARRAY_SIZE(spans); s++) {
			uint64_t deadline = after(spans[s]), end;

			EXPECT_ERR(ETIMEDOUT, call(&w[i], deadline));
			end = now_ns();
			EXPECT_GE(end, deadline) { TH_LOG("%s", w[i].what); }
			EXPECT_LE(end, deadline + LATE) {
				TH_LOG("%s", w[i].what);
			}
			EXPECT_TRUE(has_waiters(w[i].fd, 0, 0));
		}
	}
	EXPECT_EQ(0, total("waiters"));
}

TEST(served_before_the_deadline)
{
	int fd = default_box();
	uint64_t start = now_ns();
	pid_t pid = spawn();

	if (!pid) {
		uint64_t number;

		CHECK(k_recv(fd, &number, 8, NULL, 0, after(60 * SECOND)) == 8);
		_exit(0);
	}
	wait_waiters(fd, 0, 1, pid);
	ASSERT_OK(send_number(fd, 1));
	EXPECT_EQ(0, reap(pid));
	EXPECT_LE(now_ns(), start + 59 * SECOND);
}

TEST(far_away)
{
	/* As a signed number of nanoseconds some of these are negative. */
	static const uint64_t deadlines[] = {
		KIPC_FOREVER, KIPC_FOREVER - 1, 1ULL << 63, (1ULL << 63) - 1,
		1ULL << 62,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(deadlines); i++) {
		int fd = default_box();
		pid_t pid = spawn();
		uint64_t start;

		if (!pid) {
			uint64_t number;

			CHECK(k_recv(fd, &number, 8, NULL, 0,
				     deadlines[i]) == 8);
			_exit(0);
		}
		wait_waiters(fd, 0, 1, pid);
		start = now_ns();
		while (now_ns() < start + 100 * MS)
			ASSERT_TRUE(has_waiters(fd, 0, 1)) {
				TH_LOG("%#llx",
				       (unsigned long long)deadlines[i]);
			}
		ASSERT_OK(send_number(fd, 1));
		EXPECT_EQ(0, reap(pid));
		close(fd);
	}
}

TEST(nonblock_wins)
{
	struct wait w[4];
	int i, n = waits(w);

	for (i = 0; i < n; i++) {
		ASSERT_OK(fcntl(w[i].fd, F_SETFL, O_NONBLOCK));
		EXPECT_ERR(EAGAIN, call(&w[i], KIPC_FOREVER));
		EXPECT_ERR(EAGAIN, call(&w[i], after(60 * SECOND)));
	}
}

TEST(relative_helper)
{
	int fd = default_box();
	uint64_t before = now_ns(), deadline = kipc_deadline(50 * MS);
	char data[8];

	EXPECT_GE(deadline, before + 50 * MS);
	EXPECT_LE(deadline, now_ns() + 50 * MS);
	EXPECT_EQ(-1, kipc_mailbox_recv(fd, data, 8, NULL, 0, deadline));
	EXPECT_EQ(ETIMEDOUT, errno);
	EXPECT_GE(now_ns(), deadline);
	/* It may end in "for ever", but never in "do not wait", nor wrap. */
	EXPECT_GE(kipc_deadline(~0ULL), before);
	EXPECT_GE(kipc_deadline(~0ULL - 5), before);
	EXPECT_NE(KIPC_NO_WAIT, kipc_deadline(0));
	EXPECT_EQ(-1, kipc_mailbox_recv(fd, data, 8, NULL, 0, kipc_deadline(0)));
	EXPECT_EQ(ETIMEDOUT, errno);
}

TEST(time_namespace)
{
	int fd = default_box();
	uint64_t outside = now_ns();
	pid_t pid;
	int error = 0;

	if (unshare(CLONE_NEWTIME))
		error = errno;
	else if (try_write_file("/proc/self/timens_offsets",
				"monotonic 1000000 0\n"))
		error = errno;
	if (error)
		SKIP(return, "no time namespace: %s", strerror(error));
	pid = spawn();
	if (!pid) {
		char data[8];
		uint64_t start = now_ns(), deadline = start + 100 * MS;

		CHECK(start > outside + 1000000 * SECOND);
		CHECK_ERR(ETIMEDOUT, k_recv(fd, data, 8, NULL, 0, deadline));
		CHECK(now_ns() >= deadline);
		CHECK(now_ns() <= deadline + LATE);
		/* To come outside, but past in here. */
		CHECK_ERR(ETIMEDOUT, k_recv(fd, data, 8, NULL, 0,
					    outside + 1000 * SECOND));
		CHECK(now_ns() <= deadline + 2 * LATE);
		/* Small numbers are no longer numbers when shifted. */
		CHECK_ERR(ETIMEDOUT, k_recv(fd, data, 8, NULL, 0, 1));
		CHECK_ERR(EAGAIN, k_recv(fd, data, 8, NULL, 0, KIPC_NO_WAIT));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
}

TEST_HARNESS_MAIN
