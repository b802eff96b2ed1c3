// SPDX-License-Identifier: GPL-2.0
/*
 * The library's shared memory: what each of its functions is for, and each error it gives;
 * and the C library's mutexes and condition variables in it.
 */
#include "test.h"
#include "inject.h"
#include "kmemory.h"

#include <kipc.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>

#define SIZE	(PAGES * PAGE)
#define ALL	KIPC_MEMORY_RIGHTS

static int made(uint64_t size)
{
	int fd = kipc_memory_create(NULL, size, 0600, ALL, 0);

	CHECK(fd >= 0);
	return fd;
}

static struct kipc_memory_stat figures(int fd)
{
	struct kipc_memory_stat st;

	memset(&st, POISON, sizeof(st));
	CHECK(!kipc_memory_stat(fd, &st));
	return st;
}

TEST(create_map_and_unmap)
{
	const char *name = strdup(temp_name("libmemory"));
	int fd = kipc_memory_create(name, SIZE, 0600, ALL, KIPC_EXCL), other;
	size_t size = 0, part = PAGE;
	struct kipc_features f;
	struct kipc_info info;
	char *map, *half;

	ASSERT_OK(fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	ASSERT_OK(kipc_info(fd, &info));
	EXPECT_EQ(KIPC_KIND_MEMORY, info.kind);
	EXPECT_EQ(ALL, info.rights);
	ASSERT_OK(kipc_features(&f));
	EXPECT_TRUE(f.kinds & 1U << KIPC_KIND_MEMORY);
	map = kipc_memory_map(fd, &size, PROT_READ | PROT_WRITE);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(SIZE, size);
	fill(map, SIZE, 1);
	/* A second creator opens it, whatever size it has in mind. */
	other = kipc_memory_create(name, 1, 0777, MAP | RECEIVE, 0);
	ASSERT_OK(other);
	half = kipc_memory_map(other, &part, PROT_READ);
	ASSERT_NE(NULL, half);
	EXPECT_EQ(PAGE, part);
	EXPECT_EQ(0, memcmp(half, map, PAGE));
	EXPECT_EQ(2, figures(fd).attached);
	EXPECT_OK(kipc_memory_unmap(half, part));
	EXPECT_OK(kipc_memory_unmap(map, size));
	EXPECT_EQ(0, figures(fd).attached);
	EXPECT_ERR(EINVAL, kipc_memory_unmap(map + 1, 1));
}

TEST(create_errors)
{
	const char *name = strdup(temp_name("libmemory"));
	int fd = kipc_memory_create(name, SIZE, 0600, ALL, KIPC_EXCL), i;
	uint64_t limit = get_limit("max_memory");
	char endless[KIPC_NAME_MAX + 2] = "";
	struct rlimit all, limited;
	pid_t pid;

	ASSERT_OK(fd);
	EXPECT_ERR(EEXIST, kipc_memory_create(name, SIZE, 0600, ALL, KIPC_EXCL));
	EXPECT_ERR(EINVAL, kipc_memory_create(NULL, SIZE, 0600, 0, 0));
	EXPECT_ERR(EINVAL, kipc_memory_create(NULL, SIZE, 0600, KIPC_RIGHT_CALL, 0));
	EXPECT_ERR(EINVAL, kipc_memory_create(NULL, SIZE, 07777, ALL, 0));
	EXPECT_ERR(EINVAL, kipc_memory_create("", SIZE, 0600, ALL, 0));
	EXPECT_ERR(EINVAL, kipc_memory_create(NULL, SIZE, 0600, ALL, KIPC_EXCL));
	EXPECT_ERR(EINVAL, kipc_memory_create(NULL, ~0ULL, 0600, ALL, 0));
	close(kipc_pipe_create("libmemory-pipe", NULL, 0600, KIPC_PIPE_RIGHTS,
			       KIPC_PERSISTENT));
	EXPECT_ERR(EPROTOTYPE, kipc_memory_create("libmemory-pipe", 1, 0600, ALL, 0));
	EXPECT_OK(kipc_unlink("libmemory-pipe"));
	memset(endless, 'x', KIPC_NAME_MAX + 1);
	EXPECT_ERR(ENAMETOOLONG, kipc_memory_create(endless, 1, 0600, ALL, 0));
	set_limit("max_memory", SIZE);
	EXPECT_ERR(EDQUOT, kipc_memory_create(NULL, 1, 0600, ALL, 0));
	set_limit("max_memory", limit);
	pid = spawn();
	if (!pid) {
		signal(SIGXFSZ, SIG_IGN);
		CHECK(!setrlimit(RLIMIT_FSIZE, &(struct rlimit){ PAGE, PAGE }));
		CHECK_ERR(EFBIG, kipc_memory_create(NULL, PAGE + 1, 0600, ALL, 0));
		become(NOBODY, NOBODY);
		CHECK_ERR(EACCES, kipc_memory_create(name, 1, 0600, ALL, 0));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	/* Of the memfd, the device, and the handle, none is left; none is free below. */
	while ((i = dup(0)) < fd)
		;
	close(i);
	ASSERT_OK(getrlimit(RLIMIT_NOFILE, &all));
	limited = all;
	for (i = 0; i < 3; i++) {
		limited.rlim_cur = fd + 1 + i;
		ASSERT_OK(setrlimit(RLIMIT_NOFILE, &limited));
		EXPECT_ERR(EMFILE, kipc_memory_create(NULL, 1, 0600, ALL, 0));
	}
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &all));
	EXPECT_EQ(fd + 1, dup(0));
}

/* Without the device, or with one that nobody drives. */
TEST(no_module)
{
	pid_t pid = spawn();

	if (!pid) {
		CHECK(!unshare(CLONE_NEWNS));
		CHECK(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
		CHECK(!mount("none", "/dev", "tmpfs", 0, NULL));
		CHECK_ERR(ENOENT, kipc_memory_create(NULL, 1, 0600, ALL, 0));
		CHECK(!mknod(DEVICE, S_IFCHR | 0600, makedev(10, 254)));
		CHECK_ERR(ENODEV, kipc_memory_create(NULL, 1, 0600, ALL, 0));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
}

#define MAP_FAILS(err_, fd_, size_, prot_) do {				\
	size_t s_ = (size_);						\
	void *m_ = kipc_memory_map(fd_, &s_, prot_);			\
	int e_ = errno;							\
									\
	EXPECT_TRUE(!m_ && e_ == (err_)) {				\
		TH_LOG("errno %s, not %s", strerrorname_np(e_), #err_);	\
	}								\
	EXPECT_EQ((size_t)(size_), s_);					\
} while (0)

TEST(map_errors)
{
	int fd = made(SIZE), pipes[2], none = made(0);
	struct rlimit limit = { 64 << 20, 64 << 20 };
	pid_t pid;

	ASSERT_OK(pipe(pipes));
	/* kipc_memory_map() */
	MAP_FAILS(EBADF, -1, 0, PROT_READ);
	MAP_FAILS(ENOTTY, pipes[0], 0, PROT_READ);
	MAP_FAILS(EINVAL, none, 0, PROT_READ);
	MAP_FAILS(ENXIO, fd, SIZE + 1, PROT_READ);
	MAP_FAILS(EPERM, kipc_narrow(fd, RECEIVE, 0), 0, PROT_READ);
	MAP_FAILS(EACCES, kipc_narrow(fd, MAP, 0), 0, PROT_READ);
	MAP_FAILS(EACCES, kipc_narrow(fd, MAP | RECEIVE, 0), 0, PROT_READ | PROT_WRITE);
	EXPECT_OK(kipc_memory_seal(fd, F_SEAL_WRITE));
	MAP_FAILS(EPERM, fd, 0, PROT_READ | PROT_WRITE);
	EXPECT_OK(kipc_remove(fd));
	MAP_FAILS(EIDRM, fd, 0, PROT_READ);
	pid = spawn();
	if (!pid) {
		size_t size = 1 << 30;
		int large = made(1 << 30);

		CHECK(!setrlimit(RLIMIT_AS, &limit));
		CHECK(!kipc_memory_map(large, &size, PROT_READ) && errno == ENOMEM);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
}

TEST(resize)
{
	int fd = made(PAGE), pipes[2], memfd;
	uint64_t limit = get_limit("max_memory");
	size_t size = 0;
	char *map;
	pid_t pid;

	ASSERT_OK(pipe(pipes));
	EXPECT_OK(kipc_memory_resize(fd, SIZE));
	map = kipc_memory_map(fd, &size, PROT_READ | PROT_WRITE);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(SIZE, size);
	EXPECT_ERR(EBADF, kipc_memory_resize(-1, 1));
	EXPECT_ERR(ENOTTY, kipc_memory_resize(pipes[0], 1));
	EXPECT_ERR(EPERM, kipc_memory_resize(kipc_narrow(fd, MAP | SEND, 0), 1));
	EXPECT_ERR(EFBIG, kipc_memory_resize(fd, ~0ULL));
	set_limit("max_memory", SIZE);
	EXPECT_ERR(EDQUOT, kipc_memory_resize(fd, SIZE + 1));
	set_limit("max_memory", limit);
	memfd = kipc_memory_fd(fd, 0);
	ASSERT_OK(fchmod(memfd, 0600));
	pid = spawn();
	if (!pid) {
		become(NOBODY, NOBODY);
		CHECK_ERR(EACCES, kipc_memory_resize(fd, 1));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_OK(kipc_memory_seal(fd, F_SEAL_SHRINK));
	EXPECT_ERR(EPERM, kipc_memory_resize(fd, PAGE));
	EXPECT_OK(kipc_remove(fd));
	EXPECT_ERR(EIDRM, kipc_memory_resize(fd, SIZE));
}

TEST(memfd_and_seals)
{
	int fd = made(SIZE), pipes[2], memfd, narrow = kipc_narrow(fd, MAP | RECEIVE, 0);
	struct rlimit all, limit;
	size_t size = 0;
	char *map;

	ASSERT_OK(pipe(pipes));
	memfd = kipc_memory_fd(fd, KIPC_INHERIT);
	ASSERT_OK(memfd);
	EXPECT_EQ(0, fcntl(memfd, F_GETFD));
	EXPECT_EQ(3, pwrite(memfd, "abc", 3, 5));
	map = kipc_memory_map(fd, &size, PROT_READ | PROT_WRITE);
	EXPECT_EQ(0, memcmp(map + 5, "abc", 3));
	EXPECT_ERR(EBADF, kipc_memory_fd(-1, 0));
	EXPECT_ERR(ENOTTY, kipc_memory_fd(pipes[0], 0));
	EXPECT_ERR(EINVAL, kipc_memory_fd(fd, KIPC_NONBLOCK));
	EXPECT_ERR(EPERM, kipc_memory_fd(narrow, 0));
	EXPECT_ERR(EBADF, kipc_memory_seal(-1, F_SEAL_GROW));
	EXPECT_ERR(ENOTTY, kipc_memory_seal(pipes[0], F_SEAL_GROW));
	EXPECT_ERR(EPERM, kipc_memory_seal(narrow, F_SEAL_GROW));
	EXPECT_ERR(EINVAL, kipc_memory_seal(fd, 1 << 30));
	EXPECT_ERR(EBUSY, kipc_memory_seal(fd, F_SEAL_WRITE));
	ASSERT_OK(getrlimit(RLIMIT_NOFILE, &all));
	limit = all;
	limit.rlim_cur = 3;
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_ERR(EMFILE, kipc_memory_fd(fd, 0));
	EXPECT_ERR(EMFILE, kipc_memory_seal(fd, F_SEAL_GROW));
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &all));
	EXPECT_OK(kipc_memory_seal(fd, F_SEAL_GROW | F_SEAL_SEAL));
	EXPECT_ERR(EPERM, kipc_memory_seal(fd, F_SEAL_SHRINK));
	EXPECT_EQ(F_SEAL_GROW | F_SEAL_SEAL, figures(fd).seals);
	EXPECT_OK(kipc_remove(fd));
	EXPECT_ERR(EIDRM, kipc_memory_fd(fd, 0));
	EXPECT_ERR(EIDRM, kipc_memory_seal(fd, F_SEAL_GROW));
}

#define WITHOUT_MEMORY(call) do {					\
	ASSERT_TRUE(inject_arm_all());					\
	long r_ = (call);						\
	int e_ = errno;							\
	inject_disarm_all();						\
	EXPECT_TRUE(r_ == -1 && e_ == ENOMEM) {				\
		TH_LOG("%s: %s", #call, strerrorname_np(e_));		\
	}								\
} while (0)

TEST(no_memory)
{
	int fd = made(SIZE);

	if (!inject_begin())
		SKIP(return, NO_INJECTION);
	WITHOUT_MEMORY(kipc_memory_create(NULL, SIZE, 0600, ALL, 0) == -1 ? -1 : 0);
	WITHOUT_MEMORY(kipc_memory_fd(fd, 0));
	WITHOUT_MEMORY(kipc_memory_seal(fd, F_SEAL_SHRINK));
	inject_end();
}

TEST(statistics)
{
	int fd = made(SIZE), pipes[2];
	struct kipc_memory_stat st;

	ASSERT_OK(pipe(pipes));
	EXPECT_EQ(SIZE, figures(fd).size);
	EXPECT_EQ(getpid(), figures(fd).creator_pid);
	EXPECT_ERR(EBADF, kipc_memory_stat(-1, &st));
	EXPECT_ERR(ENOTTY, kipc_memory_stat(pipes[0], &st));
	EXPECT_ERR(EFAULT, kipc_memory_stat(fd, (void *)16));
}

TEST(ring_and_wait)
{
	int fd = made(0), pipes[2], other = made(0), *begun = shared(sizeof(*begun));
	uint64_t limit = get_limit("max_waiters"), n = 77;
	pid_t pid;

	ASSERT_OK(pipe(pipes));
	EXPECT_OK(kipc_memory_ring(fd, 3, KIPC_NO_WAIT));
	EXPECT_OK(kipc_memory_ring(fd, 4, KIPC_FOREVER));
	EXPECT_OK(kipc_memory_wait(fd, &n, KIPC_FOREVER));
	EXPECT_EQ(7, n);
	EXPECT_OK(kipc_memory_ring(fd, 1, KIPC_FOREVER));
	EXPECT_OK(kipc_memory_wait(fd, NULL, KIPC_FOREVER));
	EXPECT_ERR(EAGAIN, kipc_memory_wait(fd, &n, KIPC_NO_WAIT));
	EXPECT_ERR(ETIMEDOUT, kipc_memory_wait(fd, &n, kipc_deadline(1000000)));
	EXPECT_ERR(EBADF, kipc_memory_wait(-1, &n, KIPC_NO_WAIT));
	EXPECT_ERR(EBADF, kipc_memory_wait(kipc_narrow(fd, SEND, 0), &n, KIPC_NO_WAIT));
	EXPECT_ERR(ENOTTY, kipc_memory_wait(pipes[0], &n, KIPC_NO_WAIT));
	EXPECT_ERR(EBADF, kipc_memory_ring(-1, 1, KIPC_NO_WAIT));
	EXPECT_ERR(EBADF, kipc_memory_ring(kipc_narrow(fd, RECEIVE, 0), 1, KIPC_NO_WAIT));
	EXPECT_ERR(ENOTTY, kipc_memory_ring(pipes[0], 1, KIPC_NO_WAIT));
	EXPECT_ERR(EINVAL, kipc_memory_ring(fd, KIPC_BELL_MAX + 1, KIPC_NO_WAIT));
	EXPECT_OK(kipc_memory_ring(other, KIPC_BELL_MAX, KIPC_NO_WAIT));
	EXPECT_ERR(EAGAIN, kipc_memory_ring(other, 1, KIPC_NO_WAIT));
	EXPECT_ERR(ETIMEDOUT, kipc_memory_ring(other, 1, kipc_deadline(1000000)));
	set_limit("max_waiters", 0);
	EXPECT_ERR(EDQUOT, kipc_memory_wait(fd, &n, KIPC_FOREVER));
	EXPECT_ERR(EDQUOT, kipc_memory_ring(other, 1, KIPC_FOREVER));
	set_limit("max_waiters", limit);
	EXPECT_EQ(7, n);
	pid = spawn();
	if (!pid) {
		int caught = 0;

		count_signals(SIGUSR1, 0, &caught);
		__atomic_store_n(begun, 1, __ATOMIC_SEQ_CST);
		CHECK_ERR(EINTR, kipc_memory_wait(fd, &n, KIPC_FOREVER));
		__atomic_store_n(begun, 2, __ATOMIC_SEQ_CST);
		CHECK_ERR(EINTR, kipc_memory_ring(other, 1, KIPC_FOREVER));
		_exit(0);
	}
	m_wait_waiters(fd, 1, 0, pid);
	kill(pid, SIGUSR1);
	m_wait_waiters(other, 0, 1, pid);
	kill(pid, SIGUSR1);
	EXPECT_EQ(0, reap(pid));
	EXPECT_OK(kipc_remove(fd));
	EXPECT_ERR(EIDRM, kipc_memory_wait(fd, &n, KIPC_NO_WAIT));
	EXPECT_ERR(EIDRM, kipc_memory_ring(fd, 1, KIPC_NO_WAIT));
}

/* The C library's mutex and condition variable, between processes. */

struct together {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	unsigned long count, turn;
};

static struct together *set_up(int fd)
{
	size_t size = 0;
	struct together *t = kipc_memory_map(fd, &size, PROT_READ | PROT_WRITE);
	pthread_mutexattr_t mutex;
	pthread_condattr_t cond;

	CHECK(t);
	CHECK(!pthread_mutexattr_init(&mutex) && !pthread_condattr_init(&cond));
	CHECK(!pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED));
	CHECK(!pthread_mutexattr_setrobust(&mutex, PTHREAD_MUTEX_ROBUST));
	CHECK(!pthread_condattr_setpshared(&cond, PTHREAD_PROCESS_SHARED));
	CHECK(!pthread_mutex_init(&t->mutex, &mutex));
	CHECK(!pthread_cond_init(&t->cond, &cond));
	return t;
}

TEST(shared_mutex)
{
	enum { CROWD = 4 };
	struct together *t = set_up(made(sizeof(*t)));
	unsigned int i, r, rounds = effort(5000);
	pid_t pid[CROWD];

	for (i = 0; i < CROWD; i++) {
		pid[i] = spawn();
		if (!pid[i]) {
			for (r = 0; r < rounds; r++) {
				CHECK(!pthread_mutex_lock(&t->mutex));
				*(volatile unsigned long *)&t->count += 1;
				CHECK(!pthread_mutex_unlock(&t->mutex));
			}
			_exit(0);
		}
	}
	for (i = 0; i < CROWD; i++)
		EXPECT_EQ(0, reap(pid[i]));
	EXPECT_EQ((unsigned long)CROWD * rounds, t->count);
}

/* By turns, each waits for the other. */
TEST(shared_condition)
{
	struct together *t = set_up(made(sizeof(*t)));
	unsigned int i, rounds = effort(500);
	pid_t pid = spawn();

	for (i = 0; i < rounds; i++) {
		CHECK(!pthread_mutex_lock(&t->mutex));
		while (t->turn % 2 != !pid)
			CHECK(!pthread_cond_wait(&t->cond, &t->mutex));
		t->turn++;
		CHECK(!pthread_cond_signal(&t->cond));
		CHECK(!pthread_mutex_unlock(&t->mutex));
	}
	if (!pid)
		_exit(0);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(2 * rounds, t->turn);
}

/* Its owner dies with it, in one mapping; who locks it in another is told. */
TEST(robust_mutex)
{
	int fd = made(sizeof(struct together));
	struct together *t = set_up(fd), *again;
	size_t size = 0;
	pid_t pid = spawn();

	if (!pid) {
		again = kipc_memory_map(fd, &size, PROT_READ | PROT_WRITE);
		CHECK(again != t && !pthread_mutex_lock(&again->mutex));
		t->count = 1;
		for (;;)
			pause();
	}
	wait_for(__atomic_load_n(&t->count, __ATOMIC_SEQ_CST));
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&t->mutex));
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	EXPECT_EQ(EOWNERDEAD, pthread_mutex_lock(&t->mutex));
	EXPECT_EQ(0, pthread_mutex_consistent(&t->mutex));
	EXPECT_EQ(0, pthread_mutex_unlock(&t->mutex));
	EXPECT_EQ(0, pthread_mutex_lock(&t->mutex));
	EXPECT_EQ(0, pthread_mutex_unlock(&t->mutex));
}

/* While others wait for it, and by exec in place of death. */
TEST(robust_mutex_with_waiters)
{
	struct together *t = set_up(made(sizeof(*t)));
	pid_t owner = spawn(), waiter;

	if (!owner) {
		CHECK(!pthread_mutex_lock(&t->mutex));
		__atomic_store_n(&t->count, 1, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(&t->turn, __ATOMIC_SEQ_CST) != 1)
			nap();
		_exit(0);
	}
	wait_for(__atomic_load_n(&t->count, __ATOMIC_SEQ_CST));
	waiter = spawn();
	if (!waiter) {
		CHECK(pthread_mutex_lock(&t->mutex) == EOWNERDEAD);
		CHECK(!pthread_mutex_consistent(&t->mutex));
		CHECK(!pthread_mutex_unlock(&t->mutex));
		_exit(0);
	}
	wait_for(task_state(waiter, waiter) == 'S');
	__atomic_store_n(&t->turn, 1, __ATOMIC_SEQ_CST);
	EXPECT_EQ(0, reap(owner));
	EXPECT_EQ(0, reap(waiter));
}

TEST_HARNESS_MAIN
