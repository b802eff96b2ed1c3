// SPDX-License-Identifier: GPL-2.0
/*
 * Memory control groups: what kipc keeps for an owner counts in the owner's group,
 * whoever has sent it, so the group's limit is one for kipc as well.  Quotas are far
 * away here, and the kernel's memory is measured.
 */
#include "test.h"
#include "kmemory.h"

#include <sys/resource.h>

#define GROUPS		"/sys/fs/cgroup/"
#define MIB		1048576UL
#define LIMIT		(24 * MIB)
#define QUOTA		(256 * MIB)	/* what would be the bound without a group */
/* What the kernel keeps by processor, and what else goes on in it. */
#define SLACK		(6 * MIB)

static char *read_text(const char *path)
{
	static char text[16384];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	text[0] = 0;
	if (fd < 0)
		return text;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n < 0 ? 0 : n] = 0;
	return text;
}

static const char *group_file(const char *group, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), GROUPS "%s/%s", group, name);
	return path;
}

static uint64_t group_figure(const char *group, const char *name)
{
	return strtoull(read_text(group_file(group, name)), NULL, 10);
}

/* A line "NAME FIGURE" of a file; 0 if there is none. */
static uint64_t group_line(const char *group, const char *file,
			   const char *name)
{
	const char *line = read_text(group_file(group, file));
	size_t len = strlen(name);

	while (line && (strncmp(line, name, len) || line[len] != ' ')) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return line ? strtoull(line + len, NULL, 10) : 0;
}

/* The kernel's own memory, all of it that can grow by kipc. */
static uint64_t kernel_memory(void)
{
	static const char *const names[] = {
		"Slab", "KernelStack", "PageTables", "VmallocUsed", "Percpu",
	};
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		char want[32], *line;

		snprintf(want, sizeof(want), "%s:", names[i]);
		line = strstr(read_text("/proc/meminfo"), want);
		if (line)
			sum += strtoull(line + strlen(want), NULL, 10) << 10;
	}
	return sum;
}

/*
 * A kernel with KASAN keeps what was freed, has its own notes of each piece of memory,
 * and gives more than was asked for: there, figures tell less.
 */
static bool debug_kernel(void)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[256];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, " kasan_quarantine_put");
	if (f)
		fclose(f);
	return found;
}

static const char *make_group(const char *stem, uint64_t limit)
{
	static char names[2][64];
	static unsigned int next;
	char *name = names[next++ % 2], text[32];

	snprintf(name, sizeof(names[0]), "kipc-%s-%d", stem, getpid());
	CHECK(!mkdir(group_file(name, ""), 0755));
	snprintf(text, sizeof(text), "%llu", (unsigned long long)limit);
	write_file(group_file(name, "memory.max"), text);
	return name;
}

static pid_t spawn_in(const char *group)
{
	pid_t pid = spawn();

	if (pid)
		return pid;
	write_file(group_file(group, "cgroup.procs"), "0");
	/* When the group is full, one more page of its own would kill it. */
	CHECK(!mlockall(MCL_CURRENT | MCL_FUTURE));
	return 0;
}

/* What a child tells. */
struct report {
	int step;
	int err;		/* what ended it */
	uint64_t letters, bytes;
};

static const char *why_not(void)
{
	if (!strstr(read_text(GROUPS "cgroup.controllers"), "memory"))
		return "no memory controller of cgroup2 in " GROUPS;
	if (try_write_file(GROUPS "cgroup.subtree_control", "+memory"))
		return "the memory controller cannot be given to groups";
	return NULL;
}

/* What was before, and what a child tells. */
struct stage {
	uint64_t objects, bytes, before;
	uint64_t slack;		/* more than the limit that the machine may need */
	uint64_t least;		/* of letters that fill the limit */
	bool debug;
	struct report *report;
};

static void set_stage(struct stage *st)
{
	st->report = shared(sizeof(*st->report));
	st->objects = get_limit("max_objects");
	st->bytes = get_limit("max_bytes");
	set_limit("max_objects", 1 << 20);
	set_limit("max_bytes", QUOTA);
	write_file("/proc/sys/vm/drop_caches", "3");
	st->debug = debug_kernel();
	st->slack = st->debug ? LIMIT : SLACK;
	st->least = LIMIT / (st->debug ? 8 : 2);
	st->before = kernel_memory();
}

static void strike_stage(struct stage *st)
{
	set_limit("max_objects", st->objects);
	set_limit("max_bytes", st->bytes);
}

static void reach(struct report *r, int step)
{
	__atomic_store_n(&r->step, step, __ATOMIC_SEQ_CST);
}

static void await(struct report *r, int step)
{
	wait_for(__atomic_load_n(&r->step, __ATOMIC_SEQ_CST) >= step);
}

/* Sends until that fails, and tells why. */
static void fill_up(struct report *r, int fd, size_t size)
{
	char *data = malloc(size);

	CHECK(data);
	fill(data, size, 1);
	while (!k_send(fd, data, size, r->letters, KIPC_NO_WAIT)) {
		r->letters++;
		r->bytes += size;
	}
	r->err = errno;
	free(data);
}

static const char *figures(const struct stage *st, const char *group)
{
	static char text[256];
	uint64_t now = group_figure(group, "memory.current");
	uint64_t kernel = group_line(group, "memory.stat", "kernel");

	snprintf(text, sizeof(text),
		 "%llu letters, %llu KiB; group %llu KiB (kernel %llu), machine %+lld KiB",
		 (unsigned long long)st->report->letters,
		 (unsigned long long)st->report->bytes >> 10,
		 (unsigned long long)now >> 10,
		 (unsigned long long)kernel >> 10,
		 ((long long)kernel_memory() - (long long)st->before) >> 10);
	return text;
}

#define TELL(group, what) \
	TH_LOG("%s: %s", what, figures(&self->st, group))

/* The group is full, and the kernel's memory has grown by no more than that. */
#define EXPECT_FULL(group) do {						\
	EXPECT_LE(group_figure(group, "memory.current"), LIMIT);	\
	EXPECT_GE(group_figure(group, "memory.current"), LIMIT / 4 * 3);	\
	EXPECT_GE(group_line(group, "memory.stat", "kernel"), LIMIT / 2); \
	EXPECT_LE(kernel_memory(), self->st.before + LIMIT + self->st.slack);	\
	EXPECT_GE(kernel_memory(), self->st.before + LIMIT / 2);		\
} while (0)

/* Nobody holds anything any more: all of it is back. */
#define EXPECT_RETURNED(group) do {					\
	wait_for(!total("objects") && !total("bytes"));			\
	if (!self->st.debug) {					\
		wait_for(group_figure(group, "memory.current") < SLACK); \
		wait_for(kernel_memory() < self->st.before + SLACK);	\
	}								\
	EXPECT_EQ(0, group_line(group, "memory.events", "oom_kill"));	\
	EXPECT_EQ(0, rmdir(group_file(group, "")));			\
} while (0)

FIXTURE(letters) {
	struct stage st;
};

FIXTURE_VARIANT(letters) {
	size_t size;
};

/* In the ring; in a segment of their own; in memory that is mapped for them. */
FIXTURE_VARIANT_ADD(letters, small) { 2000 };
FIXTURE_VARIANT_ADD(letters, large) { 6000 };
FIXTURE_VARIANT_ADD(letters, huge) { 500000 };

FIXTURE_SETUP(letters)
{
	const char *missing = why_not();

	if (missing)
		SKIP_FROM_SETUP("%s", missing);
	set_stage(&self->st);
}

FIXTURE_TEARDOWN(letters)
{
	strike_stage(&self->st);
}

TEST_F(letters, own)
{
	const char *group;
	uint64_t number;
	pid_t pid;

	group = make_group("own", LIMIT);
	pid = spawn_in(group);
	if (!pid) {
		int fd = box(KIPC_UNBOUNDED, KIPC_UNBOUNDED, variant->size, 0);

		fill_up(self->st.report, fd, variant->size);
		reach(self->st.report, 1);
		await(self->st.report, 2);
		/* What is received makes room again. */
		CHECK(k_recv(fd, &number, 8, NULL, KIPC_RECV_TRUNCATE, 0) == 8);
		while (k_recv(fd, &number, 8, NULL, KIPC_RECV_TRUNCATE, 0) == 8)
			;
		CHECK(errno == EAGAIN);
		CHECK(!k_send(fd, &number, 8, 0, 0));
		_exit(0);
	}
	await(self->st.report, 1);
	TELL(group, "own letters");
	EXPECT_EQ(ENOMEM, self->st.report->err);
	EXPECT_GE(self->st.report->bytes, self->st.least);
	EXPECT_LE(self->st.report->bytes, LIMIT);
	EXPECT_FULL(group);
	reach(self->st.report, 2);
	EXPECT_EQ(0, reap(pid));
	EXPECT_RETURNED(group);
}

/* Those who send have a group of their own, with less room: it is not theirs. */
TEST_F(letters, of_others)
{
	const char *group, *other;
	pid_t owner, sender;

	group = make_group("owner", LIMIT);
	other = make_group("sender", LIMIT / 3);
	owner = spawn_in(group);
	if (!owner) {
		int fd = box(KIPC_UNBOUNDED, KIPC_UNBOUNDED, variant->size, 0);

		CHECK(!k_publish(fd));
		reach(self->st.report, 1);
		await(self->st.report, 3);
		/* Nobody has killed it for what others do. */
		CHECK(stat_of(fd).letters == self->st.report->letters);
		_exit(0);
	}
	await(self->st.report, 1);
	sender = spawn_in(other);
	if (!sender) {
		int fd = k_open_pid(control(), owner, SEND, 0);

		CHECK(fd >= 0);
		fill_up(self->st.report, fd, variant->size);
		reach(self->st.report, 2);
		await(self->st.report, 3);
		_exit(0);
	}
	await(self->st.report, 2);
	TELL(group, "owner");
	TELL(other, "sender");
	EXPECT_EQ(ENOMEM, self->st.report->err);
	EXPECT_GE(self->st.report->bytes, self->st.least);
	EXPECT_FULL(group);
	EXPECT_LE(group_figure(other, "memory.current"), LIMIT / 6);
	reach(self->st.report, 3);
	EXPECT_EQ(0, reap(sender));
	EXPECT_EQ(0, reap(owner));
	EXPECT_RETURNED(group);
	EXPECT_EQ(0, group_line(other, "memory.events", "oom_kill"));
	EXPECT_EQ(0, rmdir(group_file(other, "")));
}

FIXTURE(objects) {
	struct stage st;
};

FIXTURE_SETUP(objects)
{
	const char *missing = why_not();

	if (missing)
		SKIP_FROM_SETUP("%s", missing);
	set_stage(&self->st);
}

FIXTURE_TEARDOWN(objects)
{
	strike_stage(&self->st);
}

/* Until the kernel's memory is so much, and more: some of it others give back. */
static void make_objects(struct report *r, uint64_t much)
{
	struct kipc_mailbox_attr attr = { 1, 16, 16, 0 };
	struct rlimit many = { 1 << 20, 1 << 20 };
	int ctl = control(), fd;
	char name[64];

	CHECK(!setrlimit(RLIMIT_NOFILE, &many));
	do {
		snprintf(name, sizeof(name), "memcg-%llu",
			 (unsigned long long)r->letters);
		fd = k_create(ctl, name, &attr, 0600, ALL_RIGHTS, KIPC_EXCL);
		CHECK(fd >= 0);
		CHECK(k_narrow(fd, SEND, 0) >= 0 && !k_publish(fd));
	} while (++r->letters % 100 || kernel_memory() < much);
}

/*
 * Objects, names and handles, without a letter.  The group is not filled: for files and
 * inodes the kernel does not ask politely, and who is over the limit with those is
 * killed, as it would be for pipes.
 */
TEST_F(objects, names_and_handles)
{
	const char *group;
	uint64_t grown;
	pid_t pid;

	group = make_group("objects", 8 * LIMIT);
	pid = spawn_in(group);
	if (!pid) {
		make_objects(self->st.report, self->st.before + LIMIT + LIMIT / 8);
		reach(self->st.report, 1);
		await(self->st.report, 2);
		_exit(0);
	}
	await(self->st.report, 1);
	TELL(group, "objects");
	grown = kernel_memory() - self->st.before;
	EXPECT_GE(grown, LIMIT);
	EXPECT_GE(group_line(group, "memory.stat", "kernel") + self->st.slack,
		  grown);
	EXPECT_GE(self->st.report->letters, 1000);
	reach(self->st.report, 2);
	EXPECT_EQ(0, reap(pid));
	EXPECT_RETURNED(group);
}

/*
 * Shared memory is not charged as kipc's own: who touches a page first, pays, whoever has
 * made it, and as long as it is there.  (The limit itself ends who passes it, as for any
 * page; the kernel says so with a trace, which no test may leave.)
 */
TEST(shared_memory)
{
	const char *missing = why_not(), *group;
	const uint64_t touched = LIMIT / 2;
	int fd, *step;
	pid_t pid;

	if (missing)
		SKIP(return, "%s", missing);
	fd = memory_of(2 * LIMIT);
	step = shared(sizeof(*step));
	group = make_group("memory", LIMIT);
	pid = spawn();
	if (!pid) {
		char *map;
		uint64_t at;

		write_file(group_file(group, "cgroup.procs"), "0");
		map = mapped(fd, 2 * LIMIT, PROT_READ | PROT_WRITE);
		for (at = 0; at < touched; at += PAGE)
			map[at] = 1;
		__atomic_store_n(step, 1, __ATOMIC_SEQ_CST);
		for (;;)
			pause();
	}
	wait_for(__atomic_load_n(step, __ATOMIC_SEQ_CST));
	EXPECT_GE(group_line(group, "memory.stat", "shmem"), touched - MIB);
	EXPECT_LE(group_line(group, "memory.stat", "kernel"), LIMIT / 4);
	/* By its size it counts for its owner's quota. */
	EXPECT_EQ(2 * LIMIT, total("memory"));
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	/* The pages outlive who has touched them, not the memory. */
	EXPECT_GE(group_figure(group, "memory.current"), touched - MIB);
	EXPECT_OK(m_size(fd, touched / 2));
	wait_for(group_figure(group, "memory.current") < touched / 2 + SLACK);
	close(fd);
	wait_for(!total("memory"));
	wait_for(group_figure(group, "memory.current") < SLACK);
	EXPECT_EQ(0, group_line(group, "memory.events", "oom_kill"));
	EXPECT_EQ(0, rmdir(group_file(group, "")));
}

TEST_HARNESS_MAIN
