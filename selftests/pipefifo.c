// SPDX-License-Identifier: GPL-2.0
/*
 * A pipe of kipc with a name is a FIFO: opening an end waits for the other.  Each
 * scenario runs on one of mkfifo(3) as well; pipeopen has what only ours can.
 */
#define OTHER_FIXTURE
#include "pairs.h"

FIXTURE(fifo) {
	bool ours;
	char name[64];
	int hold;		/* ours: neither end */
	int *begun;		/* shared with children */
};

FIXTURE_VARIANT(fifo) {
	bool ours;
};

FIXTURE_VARIANT_ADD(fifo, theirs) { false };
FIXTURE_VARIANT_ADD(fifo, ours) { true };

FIXTURE_SETUP(fifo)
{
	self->ours = variant->ours;
	self->begun = shared(64 * sizeof(*self->begun));
	self->hold = -1;
	signal(SIGPIPE, SIG_IGN);
	umask(0);
	if (variant->ours) {
		strcpy(self->name, temp_name("fifo"));
		self->hold = p_create(self->name, 0, 0, 0600, MANAGE, KIPC_EXCL);
		ASSERT_OK(self->hold);
	} else {
		snprintf(self->name, sizeof(self->name), "/tmp/fifo-%d", getpid());
		ASSERT_OK(mkfifo(self->name, 0600));
	}
}

FIXTURE_TEARDOWN(fifo)
{
	if (!variant->ours)
		unlink(self->name);
}

/* @flags: O_RDONLY, O_WRONLY or O_RDWR, and O_NONBLOCK. */
static int end_of(FIXTURE_DATA(fifo) *self, int flags)
{
	static const unsigned int rights[] = {
		[O_RDONLY] = RECEIVE, [O_WRONLY] = SEND, [O_RDWR] = SEND | RECEIVE,
	};

	if (!self->ours)
		return open(self->name, flags | O_CLOEXEC);
	return p_open(self->name, rights[flags & O_ACCMODE],
		      flags & O_NONBLOCK ? KIPC_NONBLOCK : 0, KIPC_FOREVER);
}

static void chmod_of(FIXTURE_DATA(fifo) *self, mode_t mode)
{
	CHECK(!(self->ours ? fchmod(self->hold, mode) : chmod(self->name, mode)));
}

/* A child that opens, and sleeps until the other end comes. */
static pid_t opener(FIXTURE_DATA(fifo) *self, int flags, int n)
{
	pid_t pid = CHILD({
		char data[8];
		int fd;

		begin(&self->begun[n]);
		fd = end_of(self, flags);
		CHECK(fd >= 0);
		/* Nobody leaves before all are here. */
		begin(&self->begun[n + 32]);
		if (flags == O_RDONLY)
			CHECK(read(fd, data, 8) >= 0);
	});

	wait_asleep(pid, &self->begun[n]);
	return pid;
}

static bool is_open(FIXTURE_DATA(fifo) *self, int n)
{
	return __atomic_load_n(&self->begun[n + 32], __ATOMIC_SEQ_CST);
}

TEST_F(fifo, reader_waits)
{
	pid_t pid = opener(self, O_RDONLY, 0);
	int fd;

	EXPECT_FALSE(is_open(self, 0));
	fd = end_of(self, O_WRONLY);
	ASSERT_OK(fd);
	wait_for(is_open(self, 0));
	SAME(3, write(fd, "abc", 3));
	SAME(0, reap(pid));
}

TEST_F(fifo, writer_waits)
{
	pid_t pid = opener(self, O_WRONLY, 0);
	int fd;

	EXPECT_FALSE(is_open(self, 0));
	fd = end_of(self, O_RDONLY);
	ASSERT_OK(fd);
	SAME(0, reap(pid));
}

/* One that comes lets all go on that wait for it. */
TEST_F(fifo, all_go_on)
{
	enum { MANY = 20 };
	pid_t pids[MANY];
	int i, fd, flags;

	for (flags = O_RDONLY; flags <= O_WRONLY; flags++) {
		memset(self->begun, 0, 64 * sizeof(int));
		for (i = 0; i < MANY; i++)
			pids[i] = opener(self, flags, i);
		fd = end_of(self, flags ^ O_WRONLY);
		ASSERT_OK(fd);
		for (i = 0; i < MANY; i++)
			wait_for(is_open(self, i));
		close(fd);
		for (i = 0; i < MANY; i++)
			SAME(0, reap(pids[i]));
	}
}

/* Who comes first, in one and the same moment, is not known. */
TEST_F(fifo, both_at_once)
{
	unsigned int i, rounds = effort(300);

	for (i = 0; i < rounds; i++) {
		int *go = shared(sizeof(*go));
		pid_t pid = CHILD({
			char c;
			int fd;

			while (!__atomic_load_n(go, __ATOMIC_SEQ_CST))
				;
			fd = end_of(self, O_RDONLY);
			CHECK(fd >= 0);
			CHECK(read(fd, &c, 1) == 1);
		});
		int fd;

		begin(go);
		fd = end_of(self, O_WRONLY);
		ASSERT_OK(fd);
		SAME(1, write(fd, "x", 1));
		close(fd);
		SAME(0, reap(pid));
		munmap(go, sizeof(*go));
	}
}

/* A reader that has met a writer has met it, though that is gone before it runs. */
TEST_F(fifo, writer_in_passing)
{
	pid_t pid = CHILD({
		char data[8];
		int fd;

		begin(self->begun);
		fd = end_of(self, O_RDONLY);
		CHECK(fd >= 0);
		CHECK(read(fd, data, 8) == 3);
		CHECK(read(fd, data, 8) == 0);
	});
	int fd;

	wait_asleep(pid, self->begun);
	fd = end_of(self, O_WRONLY | O_NONBLOCK);
	ASSERT_OK(fd);
	SAME(3, write(fd, "abc", 3));
	close(fd);
	SAME(0, reap(pid));
}

TEST_F(fifo, without_waiting)
{
	char data[8];
	int in, out;

	SAME(-ENXIO, end_of(self, O_WRONLY | O_NONBLOCK));
	in = end_of(self, O_RDONLY | O_NONBLOCK);
	ASSERT_OK(in);
	SAME(O_NONBLOCK, fcntl(in, F_GETFL) & O_NONBLOCK);
	SAME(0, read(in, data, 8));
	out = end_of(self, O_WRONLY | O_NONBLOCK);
	ASSERT_OK(out);
	SAME(-EAGAIN, read(in, data, 8));
	SAME(3, write(out, "abc", 3));
	SAME(3, read(in, data, 8));
	close(in);
	SAME(-EPIPE, write(out, "abc", 3));
	SAME(-ENXIO, end_of(self, O_WRONLY | O_NONBLOCK));
}

/* For what was tried in vain nobody stops waiting. */
TEST_F(fifo, failed_openings)
{
	pid_t writer = opener(self, O_WRONLY, 0), pid;
	int i, fd;

	for (i = 0; i < 10; i++)
		SAME(-ENXIO, end_of(self, O_WRONLY | O_NONBLOCK));
	pid = CHILD({
		become(NOBODY, NOBODY);
		CHECK_ERR(EACCES, end_of(self, O_RDONLY));
		CHECK_ERR(EACCES, end_of(self, O_RDONLY | O_NONBLOCK));
		CHECK_ERR(EACCES, end_of(self, O_RDWR));
	});
	SAME(0, reap(pid));
	EXPECT_FALSE(is_open(self, 0));
	SAME('S', task_state(writer, writer));
	fd = end_of(self, O_RDONLY | O_NONBLOCK);
	ASSERT_OK(fd);
	SAME(0, reap(writer));
}

/* Likewise a reader, which was here before there was anybody. */
TEST_F(fifo, failed_writer)
{
	pid_t reader, pid;
	int fd;

	SAME(-ENXIO, end_of(self, O_WRONLY | O_NONBLOCK));
	reader = opener(self, O_RDONLY, 0);
	pid = CHILD({
		become(NOBODY, NOBODY);
		CHECK_ERR(EACCES, end_of(self, O_WRONLY | O_NONBLOCK));
		CHECK_ERR(EACCES, end_of(self, O_WRONLY));
	});
	SAME(0, reap(pid));
	EXPECT_FALSE(is_open(self, 0));
	SAME('S', task_state(reader, reader));
	/* Who waits to read is a reader. */
	fd = end_of(self, O_WRONLY | O_NONBLOCK);
	ASSERT_OK(fd);
	close(fd);
	SAME(0, reap(reader));
}

TEST_F(fifo, both_directions)
{
	int both, in, out;
	char data[8];

	both = end_of(self, O_RDWR);
	ASSERT_OK(both);
	/* It is the other end for everybody. */
	in = end_of(self, O_RDONLY);
	ASSERT_OK(in);
	out = end_of(self, O_WRONLY);
	ASSERT_OK(out);
	SAME(3, write(both, "abc", 3));
	SAME(3, read(both, data, 8));
	close(out);
	/* Being a writer itself it sees no end. */
	ASSERT_OK(fcntl(both, F_SETFL, O_NONBLOCK));
	SAME(-EAGAIN, read(both, data, 8));
	SAME(POLLOUT, poll_mask(both, POLLIN | POLLOUT));
	SAME(0, poll_mask(in, POLLIN));
	close(both);
	SAME(POLLHUP, poll_mask(in, POLLIN));
}

TEST_F(fifo, writer_comes_again)
{
	char data[8];
	int in, out;

	in = end_of(self, O_RDONLY | O_NONBLOCK);
	ASSERT_OK(in);
	out = end_of(self, O_WRONLY);
	SAME(1, write(out, "a", 1));
	close(out);
	SAME(1, read(in, data, 8));
	SAME(0, read(in, data, 8));
	out = end_of(self, O_WRONLY);
	SAME(-EAGAIN, read(in, data, 8));
	SAME(1, write(out, "b", 1));
	SAME(1, read(in, data, 8));
	close(out);
	SAME(0, read(in, data, 8));
}

/* Before the first writer has come poll has nothing to say; read gives 0. */
TEST_F(fifo, poll_before_a_writer)
{
	int in, late, out;
	char data[8];

	in = end_of(self, O_RDONLY | O_NONBLOCK);
	SAME(0, poll_mask(in, POLLIN));
	SAME(0, read(in, data, 8));
	out = end_of(self, O_WRONLY);
	SAME(0, poll_mask(in, POLLIN));
	close(out);
	SAME(POLLHUP, poll_mask(in, POLLIN));
	/* Who comes now has not seen that one. */
	late = end_of(self, O_RDONLY | O_NONBLOCK);
	SAME(0, poll_mask(late, POLLIN));
	SAME(POLLHUP, poll_mask(in, POLLIN));
	SAME(0, read(late, data, 8));
	out = end_of(self, O_WRONLY);
	SAME(0, poll_mask(in, POLLIN));
	SAME(0, poll_mask(late, POLLIN));
	SAME(1, write(out, "x", 1));
	close(out);
	SAME(POLLIN | POLLHUP, poll_mask(late, POLLIN));
	SAME(POLLIN | POLLHUP, poll_mask(in, POLLIN));
}

static const int restart[] = { 0, SA_RESTART };

TEST_F(fifo, signal_while_opening)
{
	int flags, i, fd;

	for (flags = O_RDONLY; flags <= O_WRONLY; flags++) {
		for (i = 0; i < 2; i++) {
			int *caught = shared(2 * sizeof(*caught));
			pid_t pid = CHILD({
				int end;

				count_signals(SIGUSR1, restart[i], caught);
				begin(&caught[1]);
				end = end_of(self, flags);
				CHECK(restart[i] ? end >= 0 :
				      end == -1 && errno == EINTR);
			});

			wait_asleep(pid, &caught[1]);
			ASSERT_OK(kill(pid, SIGUSR1));
			wait_for(__atomic_load_n(caught, __ATOMIC_SEQ_CST));
			if (restart[i]) {
				wait_for(task_state(pid, pid) == 'S');
				fd = end_of(self, flags ^ O_WRONLY);
				ASSERT_OK(fd);
				close(fd);
			}
			SAME(0, reap(pid));
		}
	}
	/* Who has given up is no end any more. */
	SAME(-ENXIO, end_of(self, O_WRONLY | O_NONBLOCK));
}

TEST_F(fifo, killed_while_opening)
{
	pid_t pid = opener(self, O_RDONLY, 0);
	int in, out;
	char data[8];

	SAME(128 + SIGKILL, slay(pid));
	SAME(-ENXIO, end_of(self, O_WRONLY | O_NONBLOCK));
	pid = opener(self, O_WRONLY, 1);
	SAME(128 + SIGKILL, slay(pid));
	in = end_of(self, O_RDONLY | O_NONBLOCK);
	ASSERT_OK(in);
	SAME(0, read(in, data, 8));
	out = end_of(self, O_WRONLY);
	ASSERT_OK(out);
	SAME(-EAGAIN, read(in, data, 8));
}

TEST_F(fifo, permission)
{
	pid_t pid;
	int in;

	chmod_of(self, 0622);
	in = end_of(self, O_RDONLY | O_NONBLOCK);
	ASSERT_OK(in);
	pid = CHILD({
		become(NOBODY, NOBODY);
		CHECK_ERR(EACCES, end_of(self, O_RDONLY | O_NONBLOCK));
		CHECK_ERR(EACCES, end_of(self, O_RDWR));
		CHECK(end_of(self, O_WRONLY) >= 0);
	});
	SAME(0, reap(pid));
	chmod_of(self, 0644);
	pid = CHILD({
		become(NOBODY, NOBODY);
		CHECK_ERR(EACCES, end_of(self, O_WRONLY));
		CHECK(end_of(self, O_RDONLY | O_NONBLOCK) >= 0);
	});
	SAME(0, reap(pid));
}

TEST_F(fifo, is_one)
{
	struct stat st;
	int fd;

	fd = end_of(self, O_RDONLY | O_NONBLOCK);
	ASSERT_OK(fstat(fd, &st));
	SAME(S_IFIFO | 0600, st.st_mode);
	SAME(0, st.st_size);
	SAME(-ESPIPE, lseek(fd, 0, SEEK_SET));
	/* The name goes, and the FIFO works on. */
	if (self->ours) {
		ASSERT_OK(k_unlink(control(), self->name));
	} else {
		ASSERT_OK(unlink(self->name));
	}
	SAME(-ENOENT, end_of(self, O_WRONLY));
	SAME(0, read(fd, self->name, 1));
}

/* What nobody has read when the last end is closed. */
TEST_F(fifo, left_inside)
{
	char data[8];
	int in, out;

	in = end_of(self, O_RDONLY | O_NONBLOCK);
	out = end_of(self, O_WRONLY);
	SAME(5, write(out, "hello", 5));
	close(out);
	close(in);
	in = end_of(self, O_RDONLY | O_NONBLOCK);
	ASSERT_OK(in);
	DIFFERS(KEPT, read(in, data, 8));
}

TEST_HARNESS_MAIN
