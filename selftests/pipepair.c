// SPDX-License-Identifier: GPL-2.0
/*
 * A pipe of kipc is a pipe: what is done at once.  pipeflow has what waits, pipepoll
 * what notifies, pipefifo what opens by name.
 */
#include "pairs.h"

#include <sys/uio.h>

/* Bytes. */

TEST_F(pair, order)
{
	char data[64] = "";

	SAME(3, write(self->e.out, "one", 3));
	SAME(3, write(self->e.out, "two", 3));
	SAME(5, write(self->e.out, "three", 5));
	/* Where one write ended is not to be seen. */
	SAME(4, read(self->e.in, data, 4));
	SAME(7, read(self->e.in, data + 4, sizeof(data) - 4));
	EXPECT_STREQ("onetwothree", data);
}

TEST_F(pair, no_bytes)
{
	char data[8];

	/* Not even the end of file, or the lack of it, counts. */
	SAME(0, write(self->e.out, data, 0));
	SAME(0, read(self->e.in, data, 0));
	SAME(0, inside(self->e.in));
	SAME(1, write(self->e.out, "x", 1));
	SAME(0, read(self->e.in, data, 0));
	SAME(0, read(self->e.in, NULL, 0));
	SAME(1, read(self->e.in, data, 8));
	close(self->e.in);
	SAME(0, write(self->e.out, NULL, 0));
	SAME(-EPIPE, write(self->e.out, "x", 1));
}

TEST_F(pair, vectors)
{
	char a[4] = "", b[8] = "", c[8] = "";
	struct iovec out[] = { { "abc", 3 }, { NULL, 0 }, { "defgh", 5 }, { "i", 1 } };
	struct iovec in[] = { { a, 2 }, { b, 5 }, { c, 8 } };

	SAME(9, writev(self->e.out, out, 4));
	SAME(9, inside(self->e.in));
	SAME(9, readv(self->e.in, in, 3));
	EXPECT_STREQ("ab", a);
	EXPECT_STREQ("cdefg", b);
	EXPECT_STREQ("hi", c);
	SAME(0, readv(self->e.in, in, 0));
	SAME(0, writev(self->e.out, out, 0));
}

/* A vector is one write: all of its parts lie together, or nothing goes in. */
TEST_F(pair, vectors_without_waiting)
{
	static char data[CAPACITY];
	struct iovec v[] = { { data, ATOMIC / 2 }, { data, ATOMIC / 2 } };

	ASSERT_OK(fcntl(self->e.out, F_SETFL, O_NONBLOCK));
	SAME(CAPACITY - ATOMIC, write(self->e.out, data, CAPACITY - ATOMIC));
	SAME(1, write(self->e.out, data, 1));
	SAME(-EAGAIN, writev(self->e.out, v, 2));
	SAME(CAPACITY - ATOMIC + 1, inside(self->e.in));
	v[1].iov_len--;
	SAME(ATOMIC - 1, writev(self->e.out, v, 2));
	SAME(-EAGAIN, writev(self->e.out, v, 1));
}

TEST_F(pair, bytes_inside)
{
	char data[16] = "";
	int bytes = 77;

	SAME(0, inside(self->e.in));
	SAME(10, write(self->e.out, data, 10));
	/* Either end tells. */
	SAME(10, inside(self->e.in));
	SAME(10, inside(self->e.out));
	SAME(4, read(self->e.in, data, 4));
	SAME(6, inside(self->e.in));
	SAME(-EFAULT, ioctl(self->e.in, FIONREAD, 16));
	close(self->e.out);
	SAME(0, ioctl(self->e.in, FIONREAD, &bytes));
	SAME(6, bytes);
}

TEST_F(pair, bad_buffers)
{
	char *hole = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char data[64] = "";

	ASSERT_NE(MAP_FAILED, (void *)hole);
	ASSERT_OK(munmap(hole + 4096, 4096));
	memset(hole, 'x', 4096);
	SAME(-EFAULT, write(self->e.out, hole + 4096, 10));
	SAME(20, write(self->e.out, "twenty bytes of data", 20));
	SAME(-EFAULT, read(self->e.in, hole + 4096, 20));
	/* A read that has failed has taken nothing. */
	SAME(20, inside(self->e.in));
	SAME(20, read(self->e.in, data, sizeof(data)));
	EXPECT_STREQ("twenty bytes of data", data);
}

/* Ends. */

TEST_F(pair, end_of_file)
{
	int other = dup(self->e.out);
	char data[16];

	SAME(5, write(self->e.out, "hello", 5));
	close(self->e.out);
	SAME(5, write(other, "world", 5));
	close(other);
	/* First what is left, then the end, again and again. */
	SAME(3, read(self->e.in, data, 3));
	SAME(7, read(self->e.in, data, sizeof(data)));
	SAME(0, read(self->e.in, data, sizeof(data)));
	SAME(0, read(self->e.in, data, sizeof(data)));
	ASSERT_OK(fcntl(self->e.in, F_SETFL, O_NONBLOCK));
	SAME(0, read(self->e.in, data, sizeof(data)));
}

static bool sigpipe_pending(void)
{
	struct timespec none = { 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	return sigtimedwait(&set, NULL, &none) == SIGPIPE;
}

static void block_sigpipe(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	CHECK(!sigprocmask(SIG_BLOCK, &set, NULL));
}

TEST_F(pair, broken)
{
	int other = dup(self->e.in);
	sigset_t none;
	pid_t pid;

	block_sigpipe();
	SAME(1, write(self->e.out, "x", 1));
	close(self->e.in);
	SAME(1, write(self->e.out, "x", 1));
	EXPECT_FALSE(sigpipe_pending());
	close(other);
	SAME(-EPIPE, write(self->e.out, "x", 1));
	EXPECT_TRUE(sigpipe_pending());
	SAME(-EPIPE, write(self->e.out, "x", 1));
	EXPECT_TRUE(sigpipe_pending());
	ASSERT_OK(fcntl(self->e.out, F_SETFL, O_NONBLOCK));
	SAME(-EPIPE, write(self->e.out, "x", 1));
	EXPECT_TRUE(sigpipe_pending());
	/* Who does not care is not killed, who does nothing is. */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	ASSERT_OK(sigprocmask(SIG_SETMASK, &none, NULL));
	SAME(-EPIPE, write(self->e.out, "x", 1));
	pid = spawn();
	if (!pid) {
		signal(SIGPIPE, SIG_DFL);
		CHECK(write(self->e.out, "x", 1) == -2);
		_exit(0);
	}
	SAME(128 + SIGPIPE, reap(pid));
}

/* The signal is for who writes, not for others of its process. */
TEST_F(pair, broken_for_the_writer)
{
	int *caught = shared(sizeof(*caught));
	pid_t pid;

	pid = spawn();
	if (!pid) {
		count_signals(SIGPIPE, 0, caught);
		close(self->e.in);
		wait_for(__atomic_load_n(self->begun, __ATOMIC_SEQ_CST));
		CHECK_ERR(EPIPE, write(self->e.out, "x", 1));
		CHECK(*caught == 1);
		CHECK_ERR(EPIPE, write(self->e.out, "x", 1));
		CHECK(*caught == 2);
		_exit(0);
	}
	close(self->e.in);
	begin(self->begun);
	SAME(0, reap(pid));
}

TEST_F(pair, wrong_end)
{
	char data[8] = "";

	SAME(-EBADF, read(self->e.out, data, 8));
	SAME(-EBADF, write(self->e.in, data, 8));
	SAME(-EBADF, read(self->e.out, data, 0));
	SAME(-EBADF, write(self->e.in, data, 0));
	SAME(O_RDONLY, fcntl(self->e.in, F_GETFL) & O_ACCMODE);
	SAME(O_WRONLY, fcntl(self->e.out, F_GETFL) & O_ACCMODE);
}

/* Without waiting. */

TEST_F(pair, nothing_to_read)
{
	char data[8];

	ASSERT_OK(fcntl(self->e.in, F_SETFL, O_NONBLOCK));
	SAME(-EAGAIN, read(self->e.in, data, 8));
	SAME(3, write(self->e.out, "abc", 3));
	SAME(3, read(self->e.in, data, 8));
	SAME(-EAGAIN, read(self->e.in, data, 8));
	close(self->e.out);
	SAME(0, read(self->e.in, data, 8));
}

/* Up to PIPE_BUF: all, or nothing. */
TEST_F(pair, whole_or_nothing)
{
	static char data[CAPACITY];
	int i;

	ASSERT_OK(fcntl(self->e.out, F_SETFL, O_NONBLOCK));
	for (i = 0; i < CAPACITY / ATOMIC - 1; i++)
		SAME(ATOMIC, write(self->e.out, data, ATOMIC));
	SAME(1, write(self->e.out, data, 1));
	SAME(-EAGAIN, write(self->e.out, data, ATOMIC));
	SAME(CAPACITY - ATOMIC + 1, inside(self->e.in));
	SAME(ATOMIC - 1, write(self->e.out, data, ATOMIC - 1));
	SAME(-EAGAIN, write(self->e.out, data, 1));
	SAME(-EAGAIN, write(self->e.out, data, CAPACITY));
	SAME(CAPACITY, inside(self->e.in));
}

/* Above: what there is room for. */
TEST_F(pair, as_much_as_fits)
{
	static char data[2 * CAPACITY], got[2 * CAPACITY];

	ASSERT_OK(fcntl(self->e.out, F_SETFL, O_NONBLOCK));
	stream_fill(data, sizeof(data), 0);
	SAME(ATOMIC, write(self->e.out, data, ATOMIC));
	SAME(CAPACITY - ATOMIC,
	     write(self->e.out, data + ATOMIC, sizeof(data) - ATOMIC));
	SAME(-EAGAIN, write(self->e.out, data, sizeof(data)));
	SAME(CAPACITY, read(self->e.in, got, sizeof(got)));
	EXPECT_TRUE(stream_is(got, CAPACITY, 0));
	SAME(CAPACITY, write(self->e.out, data, sizeof(data)));
	SAME(-EAGAIN, write(self->e.out, data, sizeof(data)));
}

/* A page is of no importance here. */
TEST_F(pair, any_room)
{
	static char data[CAPACITY];

	ASSERT_OK(fcntl(self->e.out, F_SETFL, O_NONBLOCK));
	SAME(CAPACITY, write(self->e.out, data, CAPACITY));
	SAME(1, read(self->e.in, data, 1));
	DIFFERS(PACKED, write(self->e.out, data, 1));
	SAME(ATOMIC, read(self->e.in, data, ATOMIC));
	SAME(ATOMIC / 2, write(self->e.out, data, ATOMIC / 2));
}

/* O_NONBLOCK belongs to an end: to all who share it, and not to the other. */
TEST_F(pair, flags_of_an_end)
{
	int copy = dup(self->e.in);
	char data[8];
	pid_t pid;

	SAME(0, fcntl(self->e.in, F_GETFL) & O_NONBLOCK);
	ASSERT_OK(fcntl(copy, F_SETFL, O_NONBLOCK));
	SAME(O_NONBLOCK, fcntl(self->e.in, F_GETFL) & O_NONBLOCK);
	SAME(0, fcntl(self->e.out, F_GETFL) & O_NONBLOCK);
	SAME(-EAGAIN, read(self->e.in, data, 8));
	pid = spawn();
	if (!pid) {
		CHECK_ERR(EAGAIN, read(self->e.in, data, 8));
		CHECK(!fcntl(self->e.in, F_SETFL, 0));
		_exit(0);
	}
	SAME(0, reap(pid));
	SAME(0, fcntl(self->e.in, F_GETFL) & O_NONBLOCK);
}

TEST_F(pair, packets)
{
	DIFFERS(PACKETS, fcntl(self->e.out, F_SETFL, O_DIRECT));
	SAME(0, fcntl(self->e.out, F_SETFL, O_NONBLOCK));
}

/* What it is. */

TEST_F(pair, no_place)
{
	char data[8] = "";
	struct iovec v = { data, 8 };

	SAME(8, write(self->e.out, data, 8));
	SAME(-ESPIPE, lseek(self->e.in, 0, SEEK_CUR));
	SAME(-ESPIPE, lseek(self->e.in, 1, SEEK_SET));
	SAME(-ESPIPE, lseek(self->e.out, 0, SEEK_END));
	SAME(-ESPIPE, pread(self->e.in, data, 8, 0));
	SAME(-ESPIPE, pwrite(self->e.out, data, 8, 0));
	SAME(-ESPIPE, preadv(self->e.in, &v, 1, 0));
	SAME(-ESPIPE, pwritev(self->e.out, &v, 1, 0));
	SAME(8, inside(self->e.in));
	/* Where no place is given there is one. */
	SAME(8, preadv2(self->e.in, &v, 1, -1, 0));
	SAME(-EINVAL, ftruncate(self->e.out, 0));
	SAME(-EINVAL, fsync(self->e.out));
	SAME(-ENODEV, mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->e.in, 0) ==
	     MAP_FAILED ? -errno : 0);
}

TEST_F(pair, stat)
{
	struct stat in, out;

	ASSERT_OK(fstat(self->e.in, &in));
	ASSERT_OK(fstat(self->e.out, &out));
	SAME(S_IFIFO | 0600, in.st_mode);
	SAME(S_IFIFO | 0600, out.st_mode);
	SAME(true, in.st_ino == out.st_ino && in.st_dev == out.st_dev);
	SAME(0, in.st_size);
	SAME(getuid(), in.st_uid);
	SAME(getgid(), in.st_gid);
	SAME(1, write(self->e.out, "x", 1));
	ASSERT_OK(fstat(self->e.in, &in));
	SAME(0, in.st_size);
	/* Mode and owner are of both ends. */
	SAME(0, fchmod(self->e.in, 0640));
	SAME(0, fchown(self->e.out, 1000, 1001));
	ASSERT_OK(fstat(self->e.out, &out));
	SAME(S_IFIFO | 0640, out.st_mode);
	SAME(1000, out.st_uid);
	SAME(1001, out.st_gid);
}

TEST_F(pair, size)
{
	DIFFERS(RESIZED, fcntl(self->e.out, F_SETPIPE_SZ, 1 << 20));
	DIFFERS(MANAGED, k_remove(self->e.out));
}

/* Copies. */

TEST_F(pair, fork_shares)
{
	char data[8];
	pid_t pid;

	pid = spawn();
	if (!pid) {
		/* The parent's write end is closed: this one counts. */
		wait_for(__atomic_load_n(self->begun, __ATOMIC_SEQ_CST));
		CHECK(write(self->e.out, "x", 1) == 1);
		_exit(0);
	}
	close(self->e.out);
	begin(self->begun);
	SAME(1, read(self->e.in, data, 8));
	SAME(0, read(self->e.in, data, 8));
	SAME(0, reap(pid));
}

TEST_F(pair, dup2_as_stdin_and_stdout)
{
	char data[16] = "";
	pid_t pid;

	pid = spawn();
	if (!pid) {
		CHECK(dup2(self->e.out, 1) == 1);
		close_ends(&self->e);
		/* Over exec, as dup2 has taken close-on-exec away. */
		execl("/bin/sh", "sh", "-c", "echo hello; exit 3", NULL);
		_exit(127);
	}
	close(self->e.out);
	SAME(6, read(self->e.in, data, sizeof(data)));
	EXPECT_STREQ("hello\n", data);
	SAME(0, read(self->e.in, data, sizeof(data)));
	SAME(3, reap(pid));
}

/* What a program that knows nothing of it gets. */
TEST_F(pair, close_on_exec)
{
	int fd[2], inherited;
	char data[8];
	pid_t pid;

	ASSERT_OK(pipe(fd));
	if (self->ours) {
		int plain = pipe_of(0, 0);

		ASSERT_OK(dup3(plain, fd[0], O_CLOEXEC));
		DIFFERS(INHERITED, fcntl(plain, F_GETFD));
	} else {
		DIFFERS(INHERITED, fcntl(fd[0], F_GETFD));
	}
	/* Told to be inherited, or not, both are. */
	SAME(FD_CLOEXEC, fcntl(self->e.in, F_GETFD));
	inherited = self->ours ? k_narrow(self->e.out, SEND, KIPC_INHERIT) :
				 dup(self->e.out);
	SAME(0, fcntl(inherited, F_GETFD));
	pid = spawn();
	if (!pid) {
		char command[64];

		snprintf(command, sizeof(command), "echo x >&%d; [ ! -e /proc/self/fd/%d ]",
			 inherited, self->e.out);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	SAME(0, reap(pid));
	close(inherited);
	close(self->e.out);
	SAME(2, read(self->e.in, data, 8));
	SAME(0, read(self->e.in, data, 8));
}

/* Nothing is left for who comes after the last reader. */
TEST_F(pair, both_ends_gone)
{
	SAME(5, write(self->e.out, "hello", 5));
	close_ends(&self->e);
	if (self->ours) {
		wait_for(!total("objects"));
		SAME(0, total("bytes"));
	}
}

TEST_HARNESS_MAIN
