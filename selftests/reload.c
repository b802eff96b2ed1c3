// SPDX-License-Identifier: GPL-2.0
/*
 * The module is loaded and unloaded again and again, KIPC_RELOADS times, while
 * others use it, as far as they can.  Whatever they do, an unload is refused or
 * complete.  Needs the module's file: KIPC_MODULE, or kipc.ko where it runs.
 */
#include "test.h"
#include "inject.h"
#include "ksem.h"

#include <sys/syscall.h>

#define TRACE	"/sys/kernel/tracing/"

enum { PLAYERS = 4 };

struct stage {
	int rest;			/* let go of everything */
	int in_call[PLAYERS];
	uint64_t opened, refused, rounds;
};

static const char *module_file(void)
{
	const char *file = getenv("KIPC_MODULE");

	return file ? file : "kipc.ko";
}

static int load(void)
{
	int fd = open(module_file(), O_RDONLY | O_CLOEXEC);
	int ret, err;

	CHECK(fd >= 0);
	ret = syscall(SYS_finit_module, fd, "", 0);
	err = errno;
	close(fd);
	errno = err;
	return ret;
}

static int unload(void)
{
	return syscall(SYS_delete_module, "kipc", O_NONBLOCK);
}

/* Until nobody holds it any more. */
static void unload_soon(void)
{
	uint64_t end = after(PATIENCE);

	while (unload()) {
		CHECK(errno == EAGAIN || errno == EBUSY);
		CHECK(now_ns() < end);
		usleep(200);
	}
}

static int hold_path(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_PATH | O_CLOEXEC);
}

/* Something of everything; what is still open at the end, the caller closes. */
static void use(int ctl, unsigned int *random, int fds[3])
{
	static const unsigned int flags[] = { 0, KIPC_EXCL, KIPC_PERSISTENT };
	char name[32], data[5000] = "";
	size_t size;

	*random = *random * 1103515245 + 12345;
	snprintf(name, sizeof(name), "reload-%u", *random >> 16 & 3);
	size = *random >> 20 & 1 ? 10 : sizeof(data);
	fds[0] = k_create(ctl, *random >> 18 & 3 ? name : NULL, NULL, 0600,
			  ALL_RIGHTS, *random >> 18 & 3 ?
			  flags[(*random >> 22) % 3] : 0);
	if (fds[0] < 0) {
		CHECK(errno == EEXIST);
		fds[0] = k_open(ctl, name, ALL_RIGHTS, 0);
		CHECK(fds[0] >= 0 || errno == ENOENT);
	}
	if (fds[0] < 0)
		return;
	fds[1] = k_narrow(fds[0], SEND, 0);
	CHECK(fds[1] >= 0);
	if (*random >> 24 & 1)
		fds[2] = hold_path(fds[0]);
	k_send(fds[1], data, size, 0, 0);
	k_send(fds[1], data, size, 0, after(MS));
	k_recv(fds[0], data, size, NULL, KIPC_RECV_TRUNCATE, 0);
	if (*random >> 25 & 1)
		k_unlink(ctl, name);
	if ((*random >> 26 & 7) == 0)
		k_recv(fds[0], data, size, NULL, 0, after(MS));
}

static void play(struct stage *st, unsigned int slot)
{
	unsigned int random = getpid() * 7919;
	int i;

	for (;;) {
		int fds[4] = { -1, -1, -1, -1 };

		/* Some come too late, and meet the module on its way out. */
		random = random * 1103515245 + 12345;
		if (__atomic_load_n(&st->rest, __ATOMIC_SEQ_CST) &&
		    random >> 27) {
			nap();
			continue;
		}
		__atomic_store_n(&st->in_call[slot], 1, __ATOMIC_SEQ_CST);
		fds[3] = open(DEVICE, O_RDWR | O_CLOEXEC);
		if (fds[3] >= 0) {
			use(fds[3], &random, fds);
			__atomic_add_fetch(&st->opened, 1, __ATOMIC_SEQ_CST);
		} else {
			CHECK(errno == ENOENT || errno == ENODEV ||
			      errno == ENXIO);
			__atomic_add_fetch(&st->refused, 1, __ATOMIC_SEQ_CST);
			nap();
		}
		__atomic_store_n(&st->in_call[slot], 0, __ATOMIC_SEQ_CST);
		for (i = 3; i >= 0; i--)
			if (fds[i] >= 0)
				close(fds[i]);
	}
}

static pid_t player(struct stage *st, unsigned int slot)
{
	pid_t pid = spawn();

	if (!pid)
		play(st, slot);
	return pid;
}

/* Kernel memory that counts one by one, in KiB. */
static uint64_t kernel_memory(void)
{
	uint64_t sum = 0, kib;
	char line[128];
	FILE *f;

	write_file("/proc/sys/vm/drop_caches", "3");
	f = fopen("/proc/meminfo", "re");
	CHECK(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Slab: %lu", &kib) == 1 ||
		    sscanf(line, "VmallocUsed: %lu", &kib) == 1 ||
		    sscanf(line, "Percpu: %lu", &kib) == 1)
			sum += kib;
	fclose(f);
	return sum;
}

FIXTURE(reload) {
};

FIXTURE_SETUP(reload)
{
	if (access(module_file(), R_OK))
		SKIP_FROM_SETUP("no %s", module_file());
}

FIXTURE_TEARDOWN(reload)
{
	/* The other programs want it. */
	if (access(DEVICE, F_OK))
		load();
}

TEST_F(reload, held_by_a_path)
{
	int fd, path;

	fd = default_box();
	path = hold_path(fd);
	ASSERT_OK(path);
	EXPECT_EQ(-1, unload());
	EXPECT_TRUE(errno == EAGAIN || errno == EBUSY);
	close(fd);
	EXPECT_EQ(0, total("handles"));
	EXPECT_EQ(-1, unload());
	EXPECT_TRUE(errno == EAGAIN || errno == EBUSY);
	close(path);
	EXPECT_OK(unload());
	EXPECT_EQ(-1, access(DEVICE, F_OK));
	ASSERT_OK(load());
	EXPECT_EQ(0, total("objects"));
}

TEST_F(reload, persistent_objects_go)
{
	int fd, ctl, i;
	char name[32];

	ctl = control();
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "persistent-%d", i);
		fd = k_create(ctl, name, NULL, 0600, ALL_RIGHTS,
			      KIPC_PERSISTENT);
		ASSERT_OK(fd);
		ASSERT_OK(send_number(fd, i));
		close(fd);
	}
	EXPECT_EQ(100, total("objects"));
	EXPECT_EQ(-1, unload());
	close(ctl);
	ASSERT_OK(unload());
	ASSERT_OK(load());
	ctl = control();
	EXPECT_ERR(ENOENT, k_open(ctl, "persistent-7", SEND, 0));
	EXPECT_EQ(0, total("objects"));
	EXPECT_EQ(0, total("bytes"));
}

/*
 * Many die who have something to be undone on a set that nobody has open: what is queued
 * for that holds the module, or is not queued any more.
 */
TEST_F(reload, undone_meanwhile)
{
	enum { MANY = 400, TIMES = 12 };
	struct kipc_sem_attr attr = { .count = KIPC_SEM_MAX, .initial = MANY };
	int *ready = shared(sizeof(*ready)), i, t;
	pid_t pids[MANY];

	for (t = 0; t < TIMES; t++) {
		int fd = s_create("reload-undo", &attr, 0600, KIPC_SEM_RIGHTS,
				  KIPC_PERSISTENT);

		ASSERT_OK(fd);
		*ready = 0;
		for (i = 0; i < MANY; i++)
			pids[i] = CHILD({
				CHECK(!s_op(fd, 0, STEPS(ADD(i, -1, UNDO))));
				close(fd);
				__atomic_add_fetch(ready, 1, __ATOMIC_SEQ_CST);
				pause();
			});
		wait_for(__atomic_load_n(ready, __ATOMIC_SEQ_CST) == MANY);
		close(fd);
		for (i = 0; i < MANY; i++)
			ASSERT_OK(kill(pids[i], SIGKILL));
		usleep(t * 2000);
		unload_soon();
		for (i = 0; i < MANY; i++)
			EXPECT_EQ(128 + SIGKILL, reap(pids[i]));
		ASSERT_OK(load());
		EXPECT_EQ(0, total("bytes"));
	}
}

/*
 * With the @n-th allocation or copy failing; what is left of @n.  It comes wholly,
 * and goes again, or not at all, and says why.
 */
static unsigned int load_short_of(unsigned int n, int file, bool *came)
{
	unsigned int left;
	int ret, err, fd;

	inject_arm(n);
	ret = syscall(SYS_finit_module, file, "", 0);
	err = errno;
	left = inject_disarm();
	*came = !ret;
	if (ret) {
		CHECK(!left && err == ENOMEM);
		CHECK(access(DEVICE, F_OK));
		CHECK(access("/sys/module/kipc", F_OK));
		CHECK(access("/sys/class/misc/kipc", F_OK));
		CHECK(access("/sys/kernel/debug/kipc", F_OK));
	} else {
		fd = default_box();
		CHECK(!send_number(fd, n) && recv_number(fd) == n);
		close(fd);
		unload_soon();
	}
	return left;
}

/* Whether the kernel has come to the module's own part since this was cleared. */
static bool init_begun(void)
{
	char text[4096] = "";

	CHECK(read_whole(TRACE "trace", text, sizeof(text) - 1) > 0);
	return strstr(text, "module_load: kipc");
}

/*
 * The last allocation of a load, the last but one, and so on, as long as they are
 * the module's: what the kernel says of others cannot be told from a complaint.  A
 * load takes half a second on a debug kernel, and there are hundreds of allocations:
 * it is one in KIPC_STEP, and from one run to the next others.
 */
TEST_F_TIMEOUT(reload, short_of_memory, 600)
{
	unsigned int step = from_env("KIPC_STEP", 1), first = time(NULL) % step;
	unsigned int all, n, tried = 0, errors = 0;
	bool came, begun = true;
	int file;

	if (access(TRACE "events/module/module_load/enable", W_OK))
		SKIP(return, "no tracing");
	if (!inject_begin())
		SKIP(return, NO_INJECTION);
	write_file(TRACE "events/module/module_load/enable", "1");
	ASSERT_EQ(0, mlockall(MCL_CURRENT | MCL_FUTURE));
	file = open(module_file(), O_RDONLY | O_CLOEXEC);
	ASSERT_OK(file);
	unload_soon();
	n = 100000;
	all = n - load_short_of(n, file, &came);
	ASSERT_TRUE(came);
	for (n = all - first; (int)n > 0 && begun; n -= step) {
		close(open(TRACE "trace", O_WRONLY | O_TRUNC | O_CLOEXEC));
		load_short_of(n, file, &came);
		begun = init_begun();
		errors += begun && !came;
		tried += begun;
	}
	TH_LOG("%u allocations and copies; from %u on, one in %u, %u in the module: %u errors",
	       all, all - first, step, tried, errors);
	EXPECT_GT(errors, 10 / step);
	write_file(TRACE "events/module/module_load/enable", "0");
	inject_end();
	ASSERT_OK(load());
}

TEST_F_TIMEOUT(reload, again_and_again, 1800)
{
	unsigned int n = from_env("KIPC_RELOADS", 40), i, kills = 0, inside = 0;
	/*
	 * A quarter is to get warm; and a kilobyte for each is a leak.  Of a few
	 * times it says nothing: there the kernel's own comings and goings are more.
	 */
	unsigned int warm = n / 4, slack = 512 + (n - warm) / 2;
	struct stage *st = shared(sizeof(*st));
	uint64_t before = 0, behind, loading = 0, unloading = 0, start;
	pid_t pids[PLAYERS];
	unsigned int slot;

	for (slot = 0; slot < PLAYERS; slot++)
		pids[slot] = player(st, slot);
	for (i = 0; i < n; i++) {
		if (i == warm)
			before = kernel_memory();
		__atomic_store_n(&st->rest, 0, __ATOMIC_SEQ_CST);
		usleep(1000 + i % 8 * 500);
		/* One dies on the way, and another takes its place. */
		slot = i % PLAYERS;
		ASSERT_EQ(128 + SIGKILL, slay(pids[slot]));
		kills++;
		inside += st->in_call[slot];
		st->in_call[slot] = 0;
		__atomic_store_n(&st->rest, 1, __ATOMIC_SEQ_CST);
		start = now_ns();
		unload_soon();
		unloading += now_ns() - start;
		pids[slot] = player(st, slot);
		start = now_ns();
		ASSERT_OK(load());
		loading += now_ns() - start;
	}
	/* What the dead had is freed a little later. */
	start = now_ns();
	while ((behind = kernel_memory()) > before + slack &&
	       now_ns() < start + 10 * SECOND)
		nap();
	for (slot = 0; slot < PLAYERS; slot++)
		EXPECT_EQ(128 + SIGKILL, slay(pids[slot]));
	TH_LOG("%u times; to load %llu ms, to unload %llu ms", n,
	       (unsigned long long)loading / 1000000,
	       (unsigned long long)unloading / 1000000);
	TH_LOG("%llu uses, %llu found it gone", (unsigned long long)st->opened,
	       (unsigned long long)st->refused);
	TH_LOG("%u killed, %u inside; kernel memory %llu KiB, then %llu KiB",
	       kills, inside, (unsigned long long)before,
	       (unsigned long long)behind);
	EXPECT_GT(st->opened, n);
	EXPECT_GT(inside, 0);
	if (n >= 40)
		EXPECT_LE(behind, before + slack);
	/* What the last ones left, if it was persistent, goes now. */
	unload_soon();
	ASSERT_OK(load());
	EXPECT_EQ(0, total("objects"));
}

TEST_HARNESS_MAIN
