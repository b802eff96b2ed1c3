// SPDX-License-Identifier: GPL-2.0
/* Quotas: of objects, bytes and waiters, per user, and up the namespaces. */
#include "test.h"

#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define USER	12345

FIXTURE(quota) {
	uint64_t objects, bytes, waiters;
};

FIXTURE_SETUP(quota)
{
	self->objects = get_limit("max_objects");
	self->bytes = get_limit("max_bytes");
	self->waiters = get_limit("max_waiters");
}

FIXTURE_TEARDOWN(quota)
{
	set_limit("max_objects", self->objects);
	set_limit("max_bytes", self->bytes);
	set_limit("max_waiters", self->waiters);
}

static int small(void)
{
	struct kipc_mailbox_attr attr = { 1, 16, 16, 0 };
	int ctl = control();
	int fd = k_create(ctl, NULL, &attr, 0600, ALL_RIGHTS, 0);
	int err = errno;

	close(ctl);
	errno = err;
	return fd;
}

/* Makes objects until the quota ends it. */
static unsigned int make_objects(unsigned int at_most)
{
	unsigned int n = 0;

	while (n < at_most && small() >= 0)
		n++;
	CHECK(n == at_most || errno == EDQUOT);
	return n;
}

#define AS(uid, code) do {				\
	pid_t pid_ = spawn();				\
							\
	if (!pid_) {					\
		become(uid, uid);			\
		code;					\
		_exit(0);				\
	}						\
	EXPECT_EQ(0, reap(pid_));			\
} while (0)
#define AS_USER(code)	AS(USER, code)

static void objects_body(void)
{
	int fds[10], i;

	for (i = 0; i < 10; i++) {
		fds[i] = small();
		CHECK(fds[i] >= 0);
	}
	CHECK_ERR(EDQUOT, small());
	CHECK_ERR(EDQUOT, k_create(control(), "over", NULL, 0600, ALL_RIGHTS,
				   0));
	/* Neither handles nor names are objects. */
	CHECK(k_narrow(fds[0], SEND, 0) >= 0);
	CHECK(dup(fds[1]) >= 0);
	CHECK(total("objects") == 10);
	/* What is given back can be used again. */
	close(fds[5]);
	fds[5] = small();
	CHECK(fds[5] >= 0);
	CHECK_ERR(EDQUOT, small());
	/* A removed one still is one, until it is closed. */
	CHECK(!k_remove(fds[6]));
	close(fds[6]);
	CHECK(small() >= 0);
	CHECK_ERR(EDQUOT, small());
}

TEST_F(quota, objects)
{
	set_limit("max_objects", 10);
	EXPECT_EQ(10, get_limit("max_objects"));
	AS_USER(objects_body());
	EXPECT_EQ(0, total("objects"));
	/* Another user has another quota. */
	AS_USER(CHECK(make_objects(20) == 10);
		CHECK_ERR(EDQUOT, small()));
}

TEST_F(quota, each_user_has_one)
{
	pid_t pid;

	set_limit("max_objects", 10);
	pid = spawn();
	if (!pid) {
		become(USER, USER);
		CHECK(make_objects(20) == 10);
		for (;;)
			pause();
	}
	wait_for(total("objects") == 10);
	AS_USER(CHECK_ERR(EDQUOT, small()));
	AS(USER + 1, CHECK(make_objects(20) == 10));
	slay(pid);
	AS_USER(CHECK(make_objects(20) == 10));
	EXPECT_EQ(0, total("objects"));
}

/* So many that some must share a bucket of the module's table. */
TEST_F(quota, a_crowd_of_users)
{
	enum { USERS = 300 };
	int i;

	set_limit("max_objects", 1);
	for (i = 0; i < USERS; i++) {
		setfsuid(USER + i);
		ASSERT_OK(small());
		EXPECT_ERR(EDQUOT, small());
	}
	EXPECT_EQ(USERS, total("objects"));
	/* Everybody's is still his own. */
	for (i = 0; i < USERS; i++) {
		setfsuid(USER + i);
		EXPECT_ERR(EDQUOT, small());
	}
	setfsuid(0);
}

TEST_F(quota, raised_at_run_time)
{
	int *made = shared(sizeof(*made));
	pid_t pid;

	set_limit("max_objects", 3);
	pid = spawn();
	if (!pid) {
		become(USER, USER);
		CHECK(make_objects(20) == 3);
		__atomic_store_n(made, 1, __ATOMIC_SEQ_CST);
		wait_for(__atomic_load_n(made, __ATOMIC_SEQ_CST) == 2);
		CHECK(make_objects(20) == 2);
		__atomic_store_n(made, 3, __ATOMIC_SEQ_CST);
		wait_for(__atomic_load_n(made, __ATOMIC_SEQ_CST) == 4);
		/* Lowered below what is held: nothing new, nothing breaks. */
		CHECK_ERR(EDQUOT, small());
		_exit(0);
	}
	wait_for(__atomic_load_n(made, __ATOMIC_SEQ_CST) == 1);
	set_limit("max_objects", 5);
	__atomic_store_n(made, 2, __ATOMIC_SEQ_CST);
	wait_for(__atomic_load_n(made, __ATOMIC_SEQ_CST) == 3);
	set_limit("max_objects", 1);
	__atomic_store_n(made, 4, __ATOMIC_SEQ_CST);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, total("objects"));
}

static void bytes_body(void)
{
	enum { LIMIT = 1 << 20, SIZE = 4096 };
	int fd = box(KIPC_UNBOUNDED, KIPC_UNBOUNDED, SIZE, 0);
	static char data[SIZE];
	unsigned int n = 0;

	while (!k_send(fd, data, SIZE, n, KIPC_FOREVER))
		CHECK(++n <= LIMIT / SIZE);
	CHECK(errno == EDQUOT);
	/* How a mailbox grows is its own affair, but not all of it is waste. */
	CHECK(n >= LIMIT / SIZE / 4);
	CHECK(total("bytes") > 0 && total("bytes") <= LIMIT);
	CHECK(stat_of(fd).letters == n);
	CHECK_ERR(EDQUOT, write(fd, data, SIZE));
	CHECK_ERR(EDQUOT, k_send(fd, data, SIZE, 0, KIPC_NO_WAIT));
	/* Freed, it can be used again. */
	while (n--)
		CHECK(k_recv(fd, data, SIZE, NULL, 0, 0) == SIZE);
	CHECK(!k_send(fd, data, SIZE, 0, 0));
	close(fd);
	CHECK(total("bytes") == 0);
	fd = box(KIPC_UNBOUNDED, KIPC_UNBOUNDED, SIZE, 0);
	CHECK(!k_send(fd, data, SIZE, 0, 0));
}

/* What a bounded mailbox may hold, it can hold, or it is not made. */
static void bounded_body(void)
{
	struct kipc_mailbox_attr attr = { 1024, 4 << 20, 4096, 0 };
	int fd = k_create(control(), NULL, &attr, 0600, ALL_RIGHTS, 0);
	static char data[4096];
	unsigned int n = 0;

	if (fd < 0) {
		CHECK(errno == EDQUOT);
		CHECK(total("objects") == 0 && total("bytes") == 0);
		return;
	}
	while (!k_send(fd, data, sizeof(data), n, 0))
		n++;
	CHECK(errno == EDQUOT);
	CHECK(n <= 256);
}

TEST_F(quota, bytes)
{
	set_limit("max_bytes", 1 << 20);
	AS_USER(bytes_body());
	AS_USER(bounded_body());
	EXPECT_EQ(0, total("bytes"));
	EXPECT_EQ(0, total("objects"));
}

/* It is the owner's quota, whoever sends. */
TEST_F(quota, bytes_of_the_owner)
{
	static char data[4096];
	unsigned int n = 0;
	int fd, mine;

	fd = box(KIPC_UNBOUNDED, KIPC_UNBOUNDED, 4096, 0);
	close(fd);
	set_limit("max_bytes", 1 << 20);
	AS_USER({
		int own = box(KIPC_UNBOUNDED, KIPC_UNBOUNDED, 4096, 0);
		pid_t pid = fork();

		while (!pid && !k_send(own, data, 4096, 0, 0))
			n++;
		if (!pid)
			_exit(errno != EDQUOT);
		CHECK(!reap(pid));
		CHECK(stat_of(own).letters > 60);
		/* So it is used up for another mailbox of the same owner. */
		fd = box(KIPC_UNBOUNDED, KIPC_UNBOUNDED, 4096, 0);
		for (n = 0; !k_send(fd, data, 4096, 0, 0); n++)
			CHECK(n < 256);
		CHECK(errno == EDQUOT);
		CHECK(stat_of(own).letters + n <= 256);
	});
	/* Root's own is untouched by that. */
	mine = box(KIPC_UNBOUNDED, KIPC_UNBOUNDED, 4096, 0);
	EXPECT_OK(k_send(mine, data, 4096, 0, 0));
	close(mine);
}

/* An empty mailbox costs little, whatever it held once. */
TEST_F(quota, drained_mailboxes_are_small)
{
	static const size_t sizes[] = { 1, 60, 1000, 5000, 65536 };
	enum { BOXES = 20, SMALL = 10 << 10 };
	static char data[65536];
	int i, boxes = effort(BOXES);
	size_t s;

	for (s = 0; s < ARRAY_SIZE(sizes); s++) {
		int fds[BOXES];

		for (i = 0; i < boxes; i++) {
			fds[i] = default_box();
			while (!k_send(fds[i], data, sizes[s], 0, 0))
				;
			ASSERT_EQ(EAGAIN, errno);
			while (k_recv(fds[i], data, sizes[s], NULL, 0, 0) >= 0)
				;
			ASSERT_EQ(EAGAIN, errno);
		}
		EXPECT_LE(total("bytes"), boxes * SMALL) {
			TH_LOG("letters of %zu bytes", sizes[s]);
		}
		for (i = 0; i < boxes; i++)
			close(fds[i]);
		EXPECT_EQ(0, total("bytes"));
	}
}

/* Fills a mailbox with letters of this size, and empties it. */
static void turn(int fd, size_t bytes, size_t size)
{
	static char data[4096];
	size_t n = (bytes + size - 1) / size, i;

	for (i = 0; i < n; i++)
		CHECK(!k_send(fd, data, size, 0, 0));
	for (i = 0; i < n; i++)
		CHECK(k_recv(fd, data, size, NULL, 0, 0) == (ssize_t)size);
}

enum { KEPT = 8 << 10, MUCH = 100000 };

/* kipc(7): at most 8 KiB, unless it needed more twice in a row. */
TEST_F(quota, kept_after_little_is_little)
{
	int fd = box(KIPC_UNBOUNDED, KIPC_UNBOUNDED, 4096, 0);
	uint64_t before = total("bytes");
	unsigned int i;

	turn(fd, MUCH, 1000);
	turn(fd, MUCH, 1000);
	turn(fd, MUCH, 1000);
	for (i = 0; i < 32; i++)
		turn(fd, 64, 64);
	EXPECT_LE(total("bytes") - before, KEPT);
}

/* It never has more than two letters, however many pass. */
TEST_F(quota, kept_by_what_it_held_not_by_what_passed)
{
	int fd = box(KIPC_UNBOUNDED, KIPC_UNBOUNDED, 4096, 0);
	uint64_t before = total("bytes");
	int round, i;

	turn(fd, MUCH, 1000);
	turn(fd, MUCH, 1000);
	for (round = 0; round < 3; round++) {
		ASSERT_OK(send_number(fd, 0));
		for (i = 0; i < 2000; i++) {
			ASSERT_OK(send_number(fd, 0));
			recv_number(fd);
		}
		recv_number(fd);
	}
	/* The segment that they were in, and the next one. */
	EXPECT_LE(total("bytes") - before, 64 << 10);
}

/* Nothing can be sent to it any more. */
TEST_F(quota, removed_keeps_little)
{
	int fd = box(KIPC_UNBOUNDED, KIPC_UNBOUNDED, 4096, 0);
	uint64_t before = total("bytes");

	turn(fd, MUCH, 1000);
	turn(fd, MUCH, 1000);
	ASSERT_OK(k_remove(fd));
	EXPECT_LE(total("bytes") - before, KEPT);
}

/* The quota is used up, but the mailbox has memory, and all of it will do. */
TEST_F(quota, kept_can_be_used)
{
	static char data[4096];
	int fd = box(KIPC_UNBOUNDED, KIPC_UNBOUNDED, 4096, 0);
	uint64_t before = total("bytes"), kept, sent = 0;

	turn(fd, MUCH, 1000);
	turn(fd, MUCH, 1000);
	turn(fd, MUCH, 1000);
	kept = total("bytes") - before;
	ASSERT_GE(kept, 64 << 10);
	set_limit("max_bytes", total("bytes"));
	while (!k_send(fd, data, 3000, 0, 0))
		sent += 3000;
	EXPECT_EQ(EDQUOT, errno);
	EXPECT_GE(sent, kept / 2);
}

/* Idle mailboxes do not use up what others need. */
TEST_F(quota, idle_mailboxes_leave_something)
{
	enum { BOXES = 80 };
	int fds[BOXES], i;

	set_limit("max_bytes", 8 << 20);
	for (i = 0; i < BOXES; i++) {
		fds[i] = box(KIPC_UNBOUNDED, KIPC_UNBOUNDED, 4096, 0);
		turn(fds[i], MUCH, 1000);
		turn(fds[i], MUCH, 1000);
	}
	/* Half of it, and what each has in any case. */
	EXPECT_LE(total("bytes"), (4 << 20) + BOXES * 2 * KEPT);
}

static pid_t waiter(int fd, bool plain)
{
	pid_t pid = spawn();
	char data[8];

	if (!pid) {
		if (plain)
			CHECK(read(fd, data, 8) == 8);
		else
			CHECK(k_recv(fd, data, 8, NULL, 0, KIPC_FOREVER) == 8);
		_exit(0);
	}
	return pid;
}

static void waiters_body(void)
{
	int fd = default_box(), full = box(1, 8, 8, 0);
	int meet = rendezvous_box(8);
	uint64_t data = 0;
	pid_t pids[4];
	int i;

	CHECK(!send_number(full, 1));
	for (i = 0; i < 4; i++) {
		pids[i] = waiter(fd, i & 1);
		wait_waiters(fd, 0, i + 1, pids[i]);
	}
	CHECK(total("waiters") == 4);
	CHECK_ERR(EDQUOT, k_recv(fd, &data, 8, NULL, 0, KIPC_FOREVER));
	CHECK_ERR(EDQUOT, k_recv(fd, &data, 8, NULL, 0, after(PATIENCE)));
	CHECK_ERR(EDQUOT, read(fd, &data, 8));
	CHECK_ERR(EDQUOT, k_send(full, &data, 8, 0, KIPC_FOREVER));
	CHECK_ERR(EDQUOT, write(full, &data, 8));
	CHECK_ERR(EDQUOT, k_send(meet, &data, 8, 0, KIPC_FOREVER));
	CHECK_ERR(EDQUOT, write(meet, &data, 8));
	CHECK(stat_of(meet).letters == 0 && stat_of(meet).sent == 0);
	/* Who does not wait needs no quota. */
	CHECK_ERR(EAGAIN, k_recv(fd, &data, 8, NULL, 0, 0));
	CHECK_ERR(EAGAIN, k_send(full, &data, 8, 0, 0));
	CHECK(recv_number(full) == 1);
	CHECK(!send_number(full, 2));
	/* A killed waiter gives it back, and one that is served. */
	slay(pids[3]);
	wait_waiters(fd, 0, 3, 0);
	pids[3] = waiter(fd, false);
	wait_waiters(fd, 0, 4, pids[3]);
	for (i = 0; i < 4; i++)
		CHECK(!k_send(fd, &data, 8, 0, 0));
	for (i = 0; i < 4; i++)
		CHECK(!reap(pids[i]));
	CHECK(total("waiters") == 0);
	CHECK_ERR(ETIMEDOUT, k_recv(fd, &data, 8, NULL, 0, after(MS)));
}

TEST_F(quota, waiters)
{
	set_limit("max_waiters", 4);
	AS_USER(waiters_body());
	EXPECT_EQ(0, total("waiters"));
}

/*
 * USER makes a user namespace in which other users' numbers are his to use.
 * What they hold there counts as his as well.
 */
TEST_F(quota, user_namespace_gives_no_second_quota)
{
	int *made = shared(2 * sizeof(*made));
	pid_t pid;

	set_limit("max_objects", 10);
	pid = spawn();
	if (!pid) {
		int i;

		enter_userns(0, USER, "0 12345 1\n1 200001 9",
			     "0 12345 1\n1 200001 9");
		/* Become another user there, a new one each time. */
		for (i = 1; i <= 5; i++) {
			pid_t child = fork();

			if (!child) {
				CHECK(!syscall(SYS_setresgid, i, i, i));
				CHECK(!syscall(SYS_setresuid, i, i, i));
				CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
				__atomic_add_fetch(&made[0], make_objects(4),
						   __ATOMIC_SEQ_CST);
				__atomic_add_fetch(&made[1], 1,
						   __ATOMIC_SEQ_CST);
				for (;;)
					pause();
			}
			wait_for(__atomic_load_n(&made[1],
						 __ATOMIC_SEQ_CST) == i);
		}
		for (;;)
			pause();
	}
	wait_for(__atomic_load_n(&made[1], __ATOMIC_SEQ_CST) == 5);
	EXPECT_EQ(10, made[0]);
	/* And he himself, outside, has nothing left. */
	AS_USER(CHECK_ERR(EDQUOT, small()));
	slay(pid);
	wait_for(total("objects") == 0);
	AS_USER(CHECK(make_objects(20) == 10));
}

/* The other things of which there may be no more: descriptors, and files. */
static void no_handle(int ctl, int fd, const char *name, int err)
{
	uint64_t objects = total("objects"), handles = total("handles");
	struct kipc_info info;
	struct rlimit limit = { 0, 0 };
	int got[3], errs[3], i;

	/* total() opens files as well: so only in between. */
	CHECK(!getrlimit(RLIMIT_NOFILE, &limit));
	if (err == EMFILE)
		limit.rlim_cur = 0;
	CHECK(!setrlimit(RLIMIT_NOFILE, &limit));
	if (err == ENFILE)
		write_file("/proc/sys/fs/file-max", "0");
	for (i = 0; i < 3; i++) {
		if (err == ENFILE)
			CHECK(!seteuid(USER));
		got[i] = i == 0 ? k_create(ctl, "no-handle", NULL, 0666,
					   ALL_RIGHTS, KIPC_EXCL) :
			i == 1 ? k_open(ctl, name, SEND, 0) :
			k_narrow(fd, SEND, 0);
		errs[i] = errno;
		if (err == ENFILE)
			CHECK(!seteuid(0));
	}
	limit.rlim_cur = limit.rlim_max;
	CHECK(!setrlimit(RLIMIT_NOFILE, &limit));
	if (err == ENFILE)
		write_file("/proc/sys/fs/file-max", "100000");
	for (i = 0; i < 3; i++) {
		if (got[i] != -1 || errs[i] != err)
			fprintf(stderr, "# call %d: %d, %s\n", i, got[i],
				strerrorname_np(errs[i]));
		CHECK(got[i] == -1 && errs[i] == err);
	}
	/* Nothing was made, not even a name. */
	CHECK(total("objects") == objects && total("handles") == handles);
	CHECK_ERR(ENOENT, k_open(ctl, "no-handle", SEND, 0));
	CHECK(!k_info(fd, &info) && info.handles == 1);
	CHECK(k_create(ctl, "no-handle", NULL, 0666, ALL_RIGHTS,
		       KIPC_EXCL) >= 0);
}

TEST(no_descriptor_left)
{
	const char *name = temp_name("left");
	char before[32] = "";
	int file_max = open("/proc/sys/fs/file-max", O_RDWR);
	int ctl = control(), fd;
	pid_t pid;

	ASSERT_OK(file_max);
	ASSERT_GT(read(file_max, before, sizeof(before) - 1), 0);
	umask(0);
	fd = k_create(ctl, name, NULL, 0666, ALL_RIGHTS, 0);
	ASSERT_OK(fd);
	pid = spawn();
	if (!pid) {
		no_handle(ctl, fd, name, EMFILE);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	pid = spawn();
	if (!pid) {
		no_handle(ctl, fd, name, ENFILE);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_GT(pwrite(file_max, before, strlen(before), 0), 0);
}

TEST_HARNESS_MAIN
