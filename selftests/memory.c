// SPDX-License-Identifier: GPL-2.0
/*
 * Shared memory: names, rights, sizes, quota, figures.  memorypair has what other sorts of
 * it do as well, memorymap what must not be written, doorbell the doorbell.
 */
#include "test.h"
#include "kmemory.h"

#include <sys/resource.h>

#define SIZE	(PAGES * PAGE)

FIXTURE(memory) {
	int fd;
	char *map;
	uint64_t limit;
};

FIXTURE_SETUP(memory)
{
	self->limit = get_limit("max_memory");
	self->fd = memory_of(SIZE);
	self->map = mapped(self->fd, SIZE, PROT_READ | PROT_WRITE);
	fill(self->map, SIZE, 1);
}

FIXTURE_TEARDOWN(memory)
{
	set_limit("max_memory", self->limit);
	EXPECT_EQ(0, total("waiters"));
}

TEST_F(memory, creation)
{
	int memfd = memfd_of(SIZE), null = open("/dev/null", O_RDWR), fd;
	char path[64];

	EXPECT_ERR(EBADF, m_create(NULL, -1, 0600, KIPC_MEMORY_RIGHTS, 0));
	EXPECT_ERR(EBADF, m_create(NULL, 1000, 0600, KIPC_MEMORY_RIGHTS, 0));
	EXPECT_ERR(EINVAL, m_create(NULL, null, 0600, KIPC_MEMORY_RIGHTS, 0));
	EXPECT_ERR(EINVAL, m_create(NULL, self->fd, 0600, KIPC_MEMORY_RIGHTS, 0));
	/* Without attributes there is no memory. */
	EXPECT_ERR(EINVAL, k_create_kind(OWN_CONTROL, KIPC_KIND_MEMORY, NULL, NULL, 0,
					 0600, KIPC_MEMORY_RIGHTS, 0));
	/* What may only be read, or only written. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memfd);
	fd = open(path, O_RDONLY);
	EXPECT_ERR(EACCES, m_create(NULL, fd, 0600, KIPC_MEMORY_RIGHTS, 0));
	close(fd);
	fd = open(path, O_WRONLY);
	EXPECT_ERR(EACCES, m_create(NULL, fd, 0600, KIPC_MEMORY_RIGHTS, 0));
	close(fd);
	/* What has, or may get, a name of its own in a file system. */
	fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	if (fd >= 0)
		EXPECT_ERR(EINVAL, m_create(NULL, fd, 0600, KIPC_MEMORY_RIGHTS, 0));
	/* It is opened anew, so this one may go. */
	fd = m_create(NULL, memfd, 0600, KIPC_MEMORY_RIGHTS, 0);
	ASSERT_OK(fd);
	close(memfd);
	EXPECT_OK(munmap(mapped(fd, SIZE, PROT_READ | PROT_WRITE), SIZE));
}

TEST_F(memory, of_huge_pages)
{
	int memfd = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB);

	if (memfd < 0)
		SKIP(return, "no huge pages: %s", strerrorname_np(errno));
	EXPECT_ERR(EINVAL, m_create(NULL, memfd, 0600, KIPC_MEMORY_RIGHTS, 0));
}

/* A doorbell alone. */
TEST_F(memory, of_no_size)
{
	int fd = memory_of(0);

	MAP_ERR(ENXIO, m_map(fd, PAGE, PROT_READ));
	EXPECT_OK(m_ring(fd, 1, 0));
	EXPECT_EQ(1, m_rung(fd));
	EXPECT_OK(m_size(fd, 1));
	EXPECT_OK(munmap(mapped(fd, PAGE, PROT_READ), PAGE));
}

/* What goes beyond the end is refused; a page that is there in part, is there. */
TEST_F(memory, size)
{
	int fd = memory_of(PAGE + 1);

	EXPECT_EQ(PAGE + 1, m_stat_of(fd).size);
	MAP_ERR(ENXIO, m_map(fd, 2 * PAGE + 1, PROT_READ));
	MAP_ERR(ENXIO, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 2 * PAGE));
	MAP_ERR(ENXIO, mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, PAGE));
	MAP_ERR(ENXIO, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 1L << 40));
	EXPECT_EQ(0, touch(mapped(fd, 2 * PAGE, PROT_READ | PROT_WRITE) + PAGE, true));
	EXPECT_NE(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, PAGE));
}

TEST_F(memory, resize)
{
	char *map;

	EXPECT_OK(m_size(self->fd, 2 * SIZE));
	EXPECT_EQ(2 * SIZE, m_stat_of(self->fd).size);
	map = mapped(self->fd, 2 * SIZE, PROT_READ | PROT_WRITE);
	EXPECT_TRUE(filled(map, SIZE, 1));
	EXPECT_EQ(0, map[SIZE]);
	map[SIZE] = 1;
	EXPECT_EQ(2 * SIZE, total("memory"));
	EXPECT_OK(m_size(self->fd, PAGE));
	EXPECT_EQ(PAGE, total("memory"));
	EXPECT_EQ(0, touch(map, true));
	EXPECT_EQ(SIGBUS, touch(map + PAGE, false));
	EXPECT_EQ(SIGBUS, touch(self->map + PAGE, true));
	MAP_ERR(ENXIO, m_map(self->fd, PAGE + 1, PROT_READ));
	/* What comes back is zero. */
	EXPECT_OK(m_size(self->fd, 2 * SIZE));
	EXPECT_EQ(0, map[PAGE]);
	EXPECT_EQ(0, map[SIZE]);
	EXPECT_OK(m_size(self->fd, 0));
	EXPECT_EQ(0, total("memory"));
	EXPECT_EQ(SIGBUS, touch(map, false));
}

TEST_F(memory, resize_errors)
{
	struct rlimit small = { 8 * PAGE, 8 * PAGE };
	pid_t pid;
	int fd;

	fd = k_narrow(self->fd, MAP | SEND | RECEIVE, 0);
	EXPECT_ERR(EPERM, m_size(fd, PAGE));
	EXPECT_ERR(EFBIG, m_size(self->fd, ~0ULL));
	EXPECT_ERR(EFBIG, m_size(self->fd, 1ULL << 63));
	EXPECT_ERR(EDQUOT, m_size(self->fd, (1ULL << 63) - PAGE));
	EXPECT_ERR(EDQUOT, m_size(self->fd, get_limit("max_memory") + 1));
	pid = spawn();
	if (!pid) {
		signal(SIGXFSZ, SIG_IGN);
		CHECK(!setrlimit(RLIMIT_FSIZE, &small));
		CHECK_ERR(EFBIG, m_size(self->fd, 9 * PAGE));
		CHECK(!m_size(self->fd, 8 * PAGE));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_OK(m_seal(self->fd, F_SEAL_GROW));
	EXPECT_ERR(EPERM, m_size(self->fd, 9 * PAGE));
	EXPECT_OK(m_size(self->fd, 2 * PAGE));
	EXPECT_OK(m_seal(self->fd, F_SEAL_SHRINK));
	EXPECT_ERR(EPERM, m_size(self->fd, PAGE));
	EXPECT_OK(m_size(self->fd, 2 * PAGE));
	EXPECT_EQ(2 * PAGE, total("memory"));
	EXPECT_OK(k_remove(self->fd));
	EXPECT_ERR(EIDRM, m_size(self->fd, 2 * PAGE));
}

/* The permission bits of the memfd itself. */
TEST_F(memory, resize_by_others)
{
	int memfd = memfd_of(PAGE), fd;
	pid_t pid;

	ASSERT_OK(fchmod(memfd, 0600));
	fd = m_create(NULL, memfd, 0666, KIPC_MEMORY_RIGHTS, 0);
	ASSERT_OK(fd);
	pid = spawn();
	if (!pid) {
		become(NOBODY, NOBODY);
		CHECK_ERR(EACCES, m_size(fd, 2 * PAGE));
		CHECK(!m_size(self->fd, 2 * PAGE));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
}

/* Two who set the size again and again: what is charged is what is there. */
TEST_F(memory, resize_by_two)
{
	unsigned int i, rounds = effort(300);
	pid_t pid = spawn();

	for (i = 0; i < rounds; i++)
		CHECK(!m_size(self->fd, (i * (pid ? 3 : 5)) % 7 * PAGE + 1));
	if (!pid)
		_exit(0);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ((m_stat_of(self->fd).size + PAGE - 1) / PAGE * PAGE, total("memory"));
	close(self->fd);
	munmap(self->map, SIZE);
	wait_for(!total("memory"));
}

/* Behind kipc's back: what is added is not there; what is cut off is gone. */
TEST_F(memory, set_by_the_memfd)
{
	int memfd = m_fd(self->fd);
	char *map, *grown;

	ASSERT_OK(ftruncate(memfd, 2 * SIZE));
	EXPECT_EQ(SIZE, m_stat_of(self->fd).size);
	MAP_ERR(ENXIO, m_map(self->fd, SIZE + 1, PROT_READ));
	grown = mremap(self->map, SIZE, 2 * SIZE, MREMAP_MAYMOVE);
	if (grown != MAP_FAILED) {
		EXPECT_EQ(0, touch(grown + SIZE - 1, true));
		EXPECT_EQ(SIGBUS, touch(grown + SIZE, true));
		EXPECT_EQ(SIGBUS, touch(grown + SIZE, false));
	}
	ASSERT_OK(ftruncate(memfd, PAGE));
	map = mapped(self->fd, SIZE, PROT_READ);
	EXPECT_EQ(0, touch(map, false));
	EXPECT_EQ(SIGBUS, touch(map + PAGE, false));
}

/* Fault-around brings in more than one page: not those beyond the end. */
TEST_F(memory, nothing_beyond_is_brought_in)
{
	int memfd = m_fd(self->fd);
	char *map, *grown, *full;
	size_t i;

	ASSERT_OK(ftruncate(memfd, 2 * SIZE));
	full = mapped(memfd, 2 * SIZE, PROT_READ | PROT_WRITE);
	memset(full, 1, 2 * SIZE);
	map = mapped(self->fd, SIZE, PROT_READ);
	grown = mremap(map, SIZE, 2 * SIZE, MREMAP_MAYMOVE);
	if (grown == MAP_FAILED)
		SKIP(return, "mremap: %s", strerrorname_np(errno));
	EXPECT_EQ(1, *(volatile char *)grown);
	ASSERT_OK(munmap(full, 2 * SIZE));
	for (i = PAGES; i < 2 * PAGES; i++)
		EXPECT_EQ(SIGBUS, touch(grown + i * PAGE, false));
}

TEST_F(memory, rights)
{
	static const struct {
		unsigned int rights;
		int reads, writes;	/* 0, or the error of mmap */
	} rows[] = {
		{ MAP | RECEIVE | SEND, 0, 0 },
		{ MAP | RECEIVE, 0, EACCES },
		{ MAP | SEND, EACCES, EACCES },
		{ MAP, EACCES, EACCES },
		{ RECEIVE | SEND, EPERM, EPERM },
		{ RECEIVE, EPERM, EACCES },
		{ MANAGE, EACCES, EACCES },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		int fd = k_narrow(self->fd, rows[i].rights, 0);
		char *map = m_map(fd, SIZE, PROT_READ);

		EXPECT_EQ(rows[i].reads, map == MAP_FAILED ? errno : 0);
		if (map != MAP_FAILED)
			EXPECT_TRUE(filled(map, SIZE, 1));
		map = m_map(fd, SIZE, PROT_READ | PROT_WRITE);
		EXPECT_EQ(rows[i].writes, map == MAP_FAILED ? errno : 0);
		if (rows[i].writes || rows[i].reads)
			EXPECT_ERR(EPERM, m_fd(fd));
		close(fd);
	}
}

/* To map asks for the permission to read. */
TEST_F(memory, rights_by_name)
{
	const char *name = strdup(temp_name("rights"));
	int memfd = memfd_of(SIZE), fd;
	pid_t pid;

	fd = m_create(name, memfd, 0600, KIPC_MEMORY_RIGHTS, 0);
	ASSERT_OK(fd);
	ASSERT_OK(fchmod(fd, 0622));
	pid = spawn();
	if (!pid) {
		become(NOBODY, NOBODY);
		CHECK_ERR(EACCES, m_open(name, MAP));
		CHECK_ERR(EACCES, m_open(name, MAP | RECEIVE));
		CHECK(m_open(name, SEND) >= 0);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	ASSERT_OK(fchmod(fd, 0644));
	pid = spawn();
	if (!pid) {
		become(NOBODY, NOBODY);
		CHECK_ERR(EACCES, m_open(name, SEND | MAP));
		CHECK_ERR(EACCES, m_open(name, MANAGE));
		CHECK(m_open(name, MAP | RECEIVE) >= 0);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_ERR(EPROTOTYPE, k_open_kind(control(), name, KIPC_KIND_PIPE, SEND));
	EXPECT_ERR(EINVAL, m_open(name, KIPC_RIGHT_CALL));
}

/* The memfd, for those who may do everything. */
TEST_F(memory, descriptor)
{
	struct kipc_memory_fd want = { KIPC_INHERIT, 0 };
	int memfd = m_fd(self->fd), other;
	char data[8] = "";

	ASSERT_OK(memfd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(memfd, F_GETFD));
	EXPECT_EQ(O_RDWR, fcntl(memfd, F_GETFL) & O_ACCMODE);
	EXPECT_EQ(7, pwrite(memfd, "written", 7, 0));
	EXPECT_EQ(0, memcmp("written", self->map, 7));
	/* Each has a position of its own. */
	EXPECT_EQ(7, read(memfd, data, 7));
	EXPECT_STREQ("written", data);
	other = ioctl(self->fd, KIPC_IOC_MEMORY_FD, &want);
	ASSERT_OK(other);
	EXPECT_EQ(0, fcntl(other, F_GETFD));
	EXPECT_EQ(7, read(other, data, 7));
	/* It is no attachment, and needs the object no more. */
	EXPECT_NE(MAP_FAILED, (void *)m_map(memfd, SIZE, PROT_READ));
	EXPECT_EQ(1, m_stat_of(self->fd).attached);
	EXPECT_OK(k_remove(self->fd));
	EXPECT_ERR(EIDRM, m_fd(self->fd));
	EXPECT_EQ(7, pwrite(memfd, "WRITTEN", 7, 0));
	EXPECT_EQ(0, memcmp("WRITTEN", self->map, 7));
}

TEST_F(memory, removed)
{
	struct kipc_memory_stat st;
	char *map;

	EXPECT_OK(k_remove(self->fd));
	EXPECT_ERR(EIDRM, k_remove(self->fd));
	MAP_ERR(EIDRM, m_map(self->fd, SIZE, PROT_READ));
	EXPECT_ERR(EIDRM, k_narrow(self->fd, MAP, 0));
	EXPECT_TRUE(filled(self->map, SIZE, 1));
	st = m_stat_of(self->fd);
	EXPECT_EQ(SIZE, st.size);
	EXPECT_EQ(1, st.attached);
	EXPECT_EQ(getpid(), st.creator_pid);
	/* As long as it is attached it is charged. */
	EXPECT_EQ(SIZE, total("memory"));
	map = mremap(self->map, SIZE, PAGE, 0);
	EXPECT_EQ(self->map, map);
	EXPECT_OK(munmap(map, PAGE));
	EXPECT_EQ(0, total("memory"));
	st = m_stat_of(self->fd);
	EXPECT_EQ(0, st.attached);
	EXPECT_EQ(0, st.seals);
	EXPECT_EQ(0, st.creator_pid);
}

/* The name goes with the last handle; who has it attached does not keep that. */
TEST_F(memory, attached_without_a_handle)
{
	const char *name = strdup(temp_name("without"));
	uint64_t objects = total("objects");
	int fd = named_memory(name, SIZE);
	char *map = mapped(fd, SIZE, PROT_READ | PROT_WRITE);

	close(fd);
	EXPECT_ERR(ENOENT, m_open(name, MAP));
	fill(map, SIZE, 2);
	EXPECT_TRUE(filled(map, SIZE, 2));
	EXPECT_EQ(2 * SIZE, total("memory"));
	EXPECT_EQ(objects + 1, total("objects"));
	EXPECT_OK(munmap(map, SIZE));
	EXPECT_EQ(SIZE, total("memory"));
	wait_for(total("objects") == objects);
}

TEST_F(memory, figures)
{
	struct kipc_memory_stat a = m_stat_of(self->fd), b;
	struct timespec now;
	pid_t pid;

	EXPECT_EQ(SIZE, a.size);
	EXPECT_EQ(1, a.attached);
	EXPECT_EQ(getpid(), a.creator_pid);
	EXPECT_EQ(getpid(), a.last_pid);
	EXPECT_EQ(0, a.detach_time_ns);
	EXPECT_LE(a.change_time_ns, a.attach_time_ns);
	clock_gettime(CLOCK_REALTIME, &now);
	EXPECT_LE(a.attach_time_ns, now.tv_sec * SECOND + now.tv_nsec);
	EXPECT_GE(a.change_time_ns + 60 * SECOND, now.tv_sec * SECOND);
	pid = spawn();
	if (!pid) {
		char *map = mapped(self->fd, SIZE, PROT_READ);

		b = m_stat_of(self->fd);
		CHECK(b.attached == 3);
		CHECK(b.last_pid == getpid());
		CHECK(b.creator_pid == getppid());
		munmap(map, SIZE);
		b = m_stat_of(self->fd);
		CHECK(b.attached == 2);
		CHECK(b.detach_time_ns >= b.attach_time_ns);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	b = m_stat_of(self->fd);
	EXPECT_EQ(1, b.attached);
	EXPECT_EQ(pid, b.last_pid);
	EXPECT_EQ(a.change_time_ns, b.change_time_ns);
	EXPECT_OK(m_size(self->fd, SIZE));
	EXPECT_GE(m_stat_of(self->fd).change_time_ns, b.detach_time_ns);
	EXPECT_EQ(0, b.seals);
	EXPECT_OK(m_seal(self->fd, F_SEAL_SHRINK | F_SEAL_GROW));
	EXPECT_EQ(F_SEAL_SHRINK | F_SEAL_GROW, m_stat_of(self->fd).seals);
}

/* What does not belong to the caller's namespace of pids has no number there. */
TEST_F(memory, figures_elsewhere)
{
	pid_t pid = spawn();

	if (!pid) {
		CHECK(!unshare(CLONE_NEWPID));
		pid = spawn();
		if (!pid) {
			struct kipc_memory_stat st = m_stat_of(self->fd);

			CHECK(!st.creator_pid);
			CHECK(st.last_pid == 0);
			mapped(self->fd, SIZE, PROT_READ);
			CHECK(m_stat_of(self->fd).last_pid == 1);
			_exit(0);
		}
		_exit(reap(pid));
	}
	EXPECT_EQ(0, reap(pid));
}

TEST_F(memory, fdinfo)
{
	char path[64], text[1024];
	ssize_t n;
	int fd;

	EXPECT_OK(m_ring(self->fd, 3, 0));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->fd);
	fd = open(path, O_RDONLY);
	n = read(fd, text, sizeof(text) - 1);
	ASSERT_LT(0, n);
	text[n] = 0;
	EXPECT_NE(NULL, strstr(text, "kind:\tmemory\n"));
	EXPECT_NE(NULL, strstr(text, "size:\t16384\nattached:\t1\nseals:\t0x0\n"));
	EXPECT_NE(NULL, strstr(text, "doorbell:\t3\nrings:\t1\n"));
	EXPECT_NE(NULL, strstr(text, "waiting:\t0, 0 ringers\n"));
}

/* A quota of its own, in bytes, by whole pages, that can be changed at run time. */
TEST_F(memory, quota)
{
	uint64_t bytes = total("bytes");
	int memfd = memfd_of(3 * PAGE), fd;

	EXPECT_EQ(SIZE, total("memory"));
	set_limit("max_memory", SIZE + 3 * PAGE - 1);
	EXPECT_ERR(EDQUOT, m_create(NULL, memfd, 0600, KIPC_MEMORY_RIGHTS, 0));
	EXPECT_ERR(EDQUOT, m_size(self->fd, SIZE + 3 * PAGE));
	EXPECT_EQ(SIZE, m_stat_of(self->fd).size);
	EXPECT_EQ(SIZE, total("memory"));
	set_limit("max_memory", SIZE + 3 * PAGE);
	ASSERT_OK(ftruncate(memfd, 2 * PAGE + 1));
	fd = m_create(NULL, memfd, 0600, KIPC_MEMORY_RIGHTS, 0);
	ASSERT_OK(fd);
	EXPECT_EQ(SIZE + 3 * PAGE, total("memory"));
	EXPECT_ERR(EDQUOT, m_size(fd, 3 * PAGE + 1));
	EXPECT_OK(m_size(fd, 3 * PAGE));
	/* A lower limit takes nothing away, and what gives back is not refused. */
	set_limit("max_memory", 0);
	EXPECT_OK(m_size(fd, 2 * PAGE));
	EXPECT_ERR(EDQUOT, m_size(fd, 3 * PAGE));
	EXPECT_TRUE(filled(self->map, SIZE, 1));
	/* Memory is not kipc's own memory. */
	EXPECT_LE(total("bytes"), bytes + PAGE);
	close(fd);
	EXPECT_EQ(SIZE, total("memory"));
}

/* By kinds of the other sort: what carries it, and what publishes it. */
TEST_F(memory, in_a_letter)
{
	struct kipc_mailbox_attr attr = { 16, 4096, 1024, KIPC_MAILBOX_HANDLES };
	struct kipc_descriptor item = { self->fd, MAP | RECEIVE };
	struct kipc_mailbox_send_handles send = {
		.handles = { ptr(&item), 1, 0 },
	};
	struct kipc_mailbox_recv_handles recv = {
		.handles = { ptr(&item), 1, 0 },
	};
	int box = k_create(control(), NULL, &attr, 0600, ALL_RIGHTS, 0);
	char *map;

	ASSERT_OK(box);
	ASSERT_OK(ioctl(box, KIPC_IOC_MAILBOX_SEND_HANDLES, &send));
	item = (struct kipc_descriptor){ -1, 0 };
	ASSERT_OK(ioctl(box, KIPC_IOC_MAILBOX_RECV_HANDLES, &recv));
	EXPECT_EQ(MAP | RECEIVE, item.rights);
	map = mapped(item.fd, SIZE, PROT_READ);
	EXPECT_TRUE(filled(map, SIZE, 1));
	MAP_ERR(EACCES, m_map(item.fd, SIZE, PROT_READ | PROT_WRITE));
	/* In flight with nobody else: attached memory stays. */
	item = (struct kipc_descriptor){ self->fd, 0 };
	ASSERT_OK(ioctl(box, KIPC_IOC_MAILBOX_SEND_HANDLES, &send));
	close(self->fd);
	close(item.fd);
	close(box);
	fill(self->map, SIZE, 2);
	EXPECT_TRUE(filled(map, SIZE, 2));
}

TEST_HARNESS_MAIN
