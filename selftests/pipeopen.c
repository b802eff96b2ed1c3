// SPDX-License-Identifier: GPL-2.0
/*
 * Opening a pipe by its name: what a FIFO has not.  Deadlines, rights, removal, quotas.
 */
#include "test.h"
#include "kpipe.h"

FIXTURE(opening) {
	char name[64];
	int hold;		/* neither end */
	int *begun;		/* shared with children */
};

FIXTURE_SETUP(opening)
{
	strcpy(self->name, temp_name("opening"));
	self->hold = p_create(self->name, 0, 0, 0600, MANAGE, KIPC_EXCL);
	ASSERT_OK(self->hold);
	self->begun = shared(64 * sizeof(*self->begun));
	signal(SIGPIPE, SIG_IGN);
}

FIXTURE_TEARDOWN(opening)
{
	close(self->hold);
	wait_for(!total("objects"));
	EXPECT_EQ(0, total("waiters"));
	EXPECT_EQ(0, total("bytes"));
}

/* A child that opens with these rights, for which this comes out: 0, or an errno. */
static pid_t opener(FIXTURE_DATA(opening) *self, unsigned int rights, int n,
		    uint64_t deadline, int err)
{
	uint64_t before = total("waiters");
	pid_t pid = CHILD({
		int fd;

		close(self->hold);
		begin(&self->begun[n]);
		fd = p_open(self->name, rights, 0, deadline);
		CHECK(err ? fd == -1 && errno == err : fd >= 0);
	});

	wait_for(total("waiters") == before + 1);
	wait_for(task_state(pid, pid) == 'S');
	return pid;
}

TEST_F(opening, deadline)
{
	uint64_t start = now_ns();
	int fd;

	EXPECT_ERR(ETIMEDOUT, p_open(self->name, RECEIVE, 0, after(20 * MS)));
	EXPECT_ERR(ETIMEDOUT, p_open(self->name, SEND, 0, after(20 * MS)));
	EXPECT_GE(now_ns() - start, 40 * MS);
	/* In the past is not "at once", but nobody is there either. */
	EXPECT_ERR(ETIMEDOUT, p_open(self->name, RECEIVE, 0, 1));
	/* Who has given up has gone. */
	EXPECT_EQ(0, p_stat_of(self->hold).readers);
	EXPECT_EQ(0, p_stat_of(self->hold).writers);
	EXPECT_EQ(0, total("waiters"));
	fd = p_open(self->name, RECEIVE, 0, KIPC_NO_WAIT);
	ASSERT_OK(fd);
	/* Whoever is there need not be waited for. */
	EXPECT_OK(p_open(self->name, SEND, 0, 1));
	EXPECT_OK(p_open(self->name, SEND, 0, KIPC_NO_WAIT));
	close_range(self->hold + 1, ~0U, 0);
}

/* KIPC_NO_WAIT and KIPC_NONBLOCK: each for itself is enough. */
TEST_F(opening, no_wait)
{
	int fd;

	EXPECT_ERR(ENXIO, p_open(self->name, SEND, 0, KIPC_NO_WAIT));
	EXPECT_ERR(ENXIO, p_open(self->name, SEND, KIPC_NONBLOCK, KIPC_FOREVER));
	fd = p_open(self->name, RECEIVE, 0, KIPC_NO_WAIT);
	ASSERT_OK(fd);
	EXPECT_FALSE(fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
	fd = p_open(self->name, RECEIVE, KIPC_NONBLOCK, KIPC_FOREVER);
	ASSERT_OK(fd);
	EXPECT_TRUE(fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
}

/* Who waits is there, for the figures as for others. */
TEST_F(opening, counted)
{
	pid_t pid = opener(self, RECEIVE, 0, KIPC_FOREVER, 0);
	struct kipc_info info;
	int fd;

	EXPECT_EQ(1, p_stat_of(self->hold).readers);
	EXPECT_EQ(0, p_stat_of(self->hold).waiting_readers);
	ASSERT_OK(k_info(self->hold, &info));
	EXPECT_GE(info.handles, 2);
	fd = p_open(self->name, SEND, 0, KIPC_NO_WAIT);
	ASSERT_OK(fd);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(1, p_stat_of(self->hold).writers);
	EXPECT_EQ(0, p_stat_of(self->hold).readers);
	close(fd);
}

/* Rights beyond the ends: to manage is to be no end. */
TEST_F(opening, rights)
{
	pid_t pid;
	int fd;

	fd = p_open(self->name, MANAGE, 0, KIPC_FOREVER);
	ASSERT_OK(fd);
	close(fd);
	pid = opener(self, RECEIVE | MANAGE, 0, KIPC_FOREVER, 0);
	fd = p_open(self->name, SEND | MANAGE, 0, KIPC_FOREVER);
	ASSERT_OK(fd);
	close(fd);
	EXPECT_EQ(0, reap(pid));
	fd = p_open(self->name, KIPC_PIPE_RIGHTS, 0, KIPC_FOREVER);
	ASSERT_OK(fd);
	EXPECT_EQ(1, write(fd, "x", 1));
	close(fd);
	EXPECT_ERR(EINVAL, p_open(self->name, 0, 0, KIPC_FOREVER));
	EXPECT_ERR(EINVAL, p_open(self->name, 1 << 3, 0, KIPC_FOREVER));
}

/* Any handle that may is the other end, wherever it comes from. */
TEST_F(opening, other_ways_to_come)
{
	int fd, both = p_create(self->name, 0, 0, 0600, SEND | RECEIVE, 0), i;
	char path[64];
	pid_t pid;

	/* To create what is there is to open it, without waiting. */
	ASSERT_OK(both);
	close(both);
	for (i = 0; i < 3; i++) {
		/* This one can be narrowed, but must not be there meanwhile. */
		pid = opener(self, RECEIVE, i, KIPC_FOREVER, 0);
		both = p_create(self->name, 0, 0, 0600, i ? SEND | RECEIVE : SEND, 0);
		ASSERT_OK(both);
		EXPECT_EQ(0, reap(pid));
		pid = CHILD({
			close(self->hold);
			fd = p_open(self->name, RECEIVE, 0, KIPC_FOREVER);
			CHECK(fd >= 0);
		});
		EXPECT_EQ(0, reap(pid));
		fd = k_narrow(both, SEND, 0);
		close(both);
		pid = CHILD({
			close(self->hold);
			fd = p_open(self->name, RECEIVE, 0, KIPC_FOREVER);
			CHECK(fd >= 0);
		});
		EXPECT_EQ(0, reap(pid));
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		both = open(path, O_WRONLY);
		ASSERT_OK(both);
		close(fd);
		EXPECT_OK(fd = p_open(self->name, RECEIVE, 0, KIPC_FOREVER));
		close(fd);
		close(both);
	}
}

TEST_F(opening, removed_meanwhile)
{
	pid_t in = opener(self, RECEIVE, 0, KIPC_FOREVER, EIDRM), out;

	ASSERT_OK(k_remove(self->hold));
	EXPECT_EQ(0, reap(in));
	close(self->hold);
	self->hold = p_create(self->name, 0, 0, 0600, MANAGE, KIPC_EXCL);
	ASSERT_OK(self->hold);
	out = opener(self, SEND, 1, KIPC_FOREVER, EIDRM);
	ASSERT_OK(k_remove(self->hold));
	EXPECT_EQ(0, reap(out));
	EXPECT_ERR(ENOENT, p_open(self->name, SEND, 0, KIPC_FOREVER));
}

/* Who waits keeps it, name or not; and many are told of the end. */
TEST_F(opening, unlinked_meanwhile)
{
	enum { MANY = 20 };
	pid_t pids[MANY];
	int i, other;

	for (i = 0; i < MANY; i++)
		pids[i] = opener(self, i % 2 ? RECEIVE : RECEIVE | MANAGE, i,
				 KIPC_FOREVER, EIDRM);
	ASSERT_OK(k_unlink(control(), self->name));
	EXPECT_ERR(ENOENT, p_open(self->name, SEND, 0, 0));
	/* The name is free for another, which is not theirs. */
	other = p_create(self->name, 0, 0, 0600, SEND, KIPC_EXCL);
	ASSERT_OK(other);
	EXPECT_EQ(MANY, p_stat_of(self->hold).readers);
	EXPECT_EQ(MANY, total("waiters"));
	ASSERT_OK(k_remove(self->hold));
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(0, reap(pids[i]));
	close(other);
}

TEST_F(opening, interrupted)
{
	int *caught = shared(sizeof(*caught));
	pid_t pid = CHILD({
		count_signals(SIGUSR1, 0, caught);
		CHECK_ERR(EINTR, p_open(self->name, SEND, 0, after(PATIENCE)));
	});

	wait_for(total("waiters") == 1);
	ASSERT_OK(kill(pid, SIGUSR1));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(1, *caught);
	EXPECT_EQ(0, p_stat_of(self->hold).writers);
}

TEST_F(opening, quota_of_waiters)
{
	uint64_t limit = get_limit("max_waiters");
	int fd;

	set_limit("max_waiters", 0);
	EXPECT_ERR(EDQUOT, p_open(self->name, SEND, 0, KIPC_FOREVER));
	EXPECT_ERR(EDQUOT, p_open(self->name, RECEIVE, 0, KIPC_FOREVER));
	/* Who need not wait needs no place to wait. */
	fd = p_open(self->name, RECEIVE, 0, KIPC_NO_WAIT);
	EXPECT_OK(fd);
	EXPECT_EQ(1, p_stat_of(self->hold).readers);
	EXPECT_EQ(0, p_stat_of(self->hold).writers);
	close(fd);
	set_limit("max_waiters", limit);
}

TEST_F(opening, wrong_names)
{
	const char *box_name = temp_name("box");
	int ctl = control();
	int mailbox = k_create(ctl, box_name, NULL, 0600, ALL_RIGHTS, 0);

	ASSERT_OK(mailbox);
	EXPECT_ERR(EPROTOTYPE, p_open(box_name, RECEIVE, 0, 0));
	EXPECT_ERR(EPROTOTYPE, k_open(ctl, self->name, RECEIVE, 0));
	EXPECT_ERR(ENOENT, p_open(temp_name("none"), RECEIVE, 0, 0));
	/* Whatever it is, it can be asked for: a pipe then waits as such. */
	EXPECT_ERR(ENXIO, k_open_kind(ctl, self->name, KIPC_KIND_ANY, SEND));
	EXPECT_OK(k_open_kind(ctl, self->name, KIPC_KIND_ANY, RECEIVE));
	EXPECT_OK(k_open_kind(ctl, self->name, KIPC_KIND_PIPE, SEND));
	close_range(self->hold + 1, ~0U, 0);
}

/* Openers, killed at any moment, leave nothing. */
TEST_F(opening, killed)
{
	unsigned int i, rounds = effort(100);

	for (i = 0; i < rounds; i++) {
		pid_t a = CHILD({
			begin(self->begun);
			p_open(self->name, i % 2 ? SEND : RECEIVE, 0, KIPC_FOREVER);
			pause();
		});

		wait_for(__atomic_load_n(self->begun, __ATOMIC_SEQ_CST));
		if (i % 3)
			sched_yield();
		EXPECT_EQ(128 + SIGKILL, slay(a));
		self->begun[0] = 0;
		EXPECT_EQ(0, p_stat_of(self->hold).readers);
		EXPECT_EQ(0, p_stat_of(self->hold).writers);
		EXPECT_EQ(0, total("waiters"));
	}
}

/* What a process has published is opened by its number, and nobody is waited for. */
TEST_F(opening, published)
{
	struct kipc_open_pid o = {
		.pid = getpid(),
		.kind = KIPC_KIND_PIPE,
		.rights = SEND,
	};
	int fd = p_open(self->name, SEND | RECEIVE, 0, 0), ctl = control(), out;
	pid_t pid;

	EXPECT_ERR(EPERM, k_publish(self->hold));
	ASSERT_OK(k_publish(fd));
	pid = CHILD({
		out = ioctl(ctl, KIPC_IOC_OPEN_PID, &o);
		CHECK(out >= 0);
		CHECK(write(out, "abc", 3) == 3);
		o.rights = RECEIVE;
		CHECK_ERR(EINVAL, ioctl(ctl, KIPC_IOC_OPEN_PID, &o));
		o.rights = SEND;
		o.kind = KIPC_KIND_MAILBOX;
		CHECK_ERR(EPROTOTYPE, ioctl(ctl, KIPC_IOC_OPEN_PID, &o));
	});
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(3, inside(fd));
	close_range(self->hold + 1, ~0U, 0);
}

/* Neither other kinds nor what was created look at a deadline. */
TEST_F(opening, others_do_not_wait)
{
	const char *name = temp_name("box");
	int fd = k_create(control(), name, NULL, 0600, ALL_RIGHTS, 0), other;
	struct kipc_open o = {
		.kind = KIPC_KIND_MAILBOX,
		.rights = SEND,
		.name = ptr(name),
		.name_len = strlen(name),
		.deadline = 12345,
	};

	EXPECT_OK(ioctl(control(), KIPC_IOC_OPEN, &o));
	other = p_create(NULL, 0, 0, 0600, RECEIVE, 0);
	EXPECT_OK(other);
	EXPECT_OK(fd);
	close_range(self->hold + 1, ~0U, 0);
}

TEST_HARNESS_MAIN
