// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that must not be written: whoever has a handle without the right to send, or a
 * seal against writing, tries it by every way that there is.
 */
#include "test.h"
#include "kmemory.h"

#include <linux/userfaultfd.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define SIZE	(PAGES * PAGE)

/* Why it cannot be written. */
enum why { NO_RIGHT, SEALED, SEALED_FOR_FUTURE, SEALED_NO_RIGHT };

FIXTURE(guarded) {
	int fd;			/* by which it must not be written */
	char *map;		/* read only */
	char *own;		/* what may be written, if it may */
};

FIXTURE_VARIANT(guarded) {
	enum why why;
};

FIXTURE_VARIANT_ADD(guarded, without_the_right) { NO_RIGHT };
FIXTURE_VARIANT_ADD(guarded, sealed) { SEALED };
FIXTURE_VARIANT_ADD(guarded, sealed_for_the_future) { SEALED_FOR_FUTURE };
FIXTURE_VARIANT_ADD(guarded, sealed_and_without_the_right) { SEALED_NO_RIGHT };

FIXTURE_SETUP(guarded)
{
	int fd = memory_of(SIZE);

	self->own = mapped(fd, SIZE, PROT_READ | PROT_WRITE);
	fill(self->own, SIZE, 1);
	if (variant->why == SEALED || variant->why == SEALED_NO_RIGHT) {
		EXPECT_ERR(EBUSY, m_seal(fd, F_SEAL_WRITE));
		ASSERT_OK(munmap(self->own, SIZE));
		ASSERT_OK(m_seal(fd, F_SEAL_WRITE));
		self->own = NULL;
	} else if (variant->why == SEALED_FOR_FUTURE) {
		ASSERT_OK(m_seal(fd, F_SEAL_FUTURE_WRITE));
	}
	self->fd = variant->why == NO_RIGHT || variant->why == SEALED_NO_RIGHT ?
		   k_narrow(fd, MAP | RECEIVE, 0) : k_narrow(fd, MAP | SEND | RECEIVE, 0);
	ASSERT_OK(self->fd);
	self->map = mapped(self->fd, SIZE, PROT_READ);
	close(fd);
}

/* Nothing has come of it, and it is as readable as before. */
FIXTURE_TEARDOWN(guarded)
{
	EXPECT_TRUE(filled(mapped(self->fd, SIZE, PROT_READ), SIZE, 1));
	EXPECT_EQ(SIGSEGV, touch(self->map, true));
}

static bool by_seal(enum why why)
{
	return why == SEALED || why == SEALED_FOR_FUTURE;
}

TEST_F(guarded, mmap)
{
	const int want = by_seal(variant->why) ? EPERM : EACCES;
	char *at = self->map;

	MAP_ERR(want, m_map(self->fd, SIZE, PROT_READ | PROT_WRITE));
	MAP_ERR(want, m_map(self->fd, SIZE, PROT_WRITE));
	MAP_ERR(want, mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED_VALIDATE,
			   self->fd, 0));
	/* In place of what is there, which goes or stays. */
	at = mapped(self->fd, SIZE, PROT_READ);
	MAP_ERR(want, mmap(at, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			   self->fd, 0));
}

TEST_F(guarded, mprotect)
{
	char *copy;

	EXPECT_ERR(EACCES, mprotect(self->map, SIZE, PROT_READ | PROT_WRITE));
	EXPECT_ERR(EACCES, mprotect(self->map + PAGE, PAGE, PROT_WRITE));
	ASSERT_OK(mprotect(self->map, SIZE, PROT_NONE));
	EXPECT_ERR(EACCES, mprotect(self->map, SIZE, PROT_READ | PROT_WRITE));
	ASSERT_OK(mprotect(self->map, SIZE, PROT_READ));
	/* Whatever becomes of a mapping, it does not forget. */
	copy = mremap(self->map, 0, SIZE, MREMAP_MAYMOVE);
	if (copy != MAP_FAILED)
		EXPECT_ERR(EACCES, mprotect(copy, SIZE, PROT_READ | PROT_WRITE));
	copy = mremap(self->map, SIZE, PAGE, MREMAP_MAYMOVE);
	ASSERT_EQ(self->map, copy);
	EXPECT_ERR(EACCES, mprotect(copy, PAGE, PROT_READ | PROT_WRITE));
}

TEST_F(guarded, split_by_munmap)
{
	ASSERT_OK(munmap(self->map + PAGE, PAGE));
	EXPECT_ERR(EACCES, mprotect(self->map, PAGE, PROT_READ | PROT_WRITE));
	EXPECT_ERR(EACCES, mprotect(self->map + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE));
}

TEST_F(guarded, forked)
{
	pid_t pid = spawn();

	if (!pid) {
		CHECK_ERR(EACCES, mprotect(self->map, SIZE, PROT_READ | PROT_WRITE));
		CHECK(m_map(self->fd, SIZE, PROT_READ | PROT_WRITE) == MAP_FAILED);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
}

TEST_F(guarded, remap_file_pages)
{
	int ret = syscall(SYS_remap_file_pages, self->map, 2 * PAGE, 0, 1, 0);

	/* Read only, that is allowed where it stays so. */
	if (!ret)
		ASSERT_OK(munmap(self->map, SIZE));
	if (!ret)
		self->map = mapped(self->fd, SIZE, PROT_READ);
	EXPECT_ERR(EACCES, mprotect(self->map, SIZE, PROT_READ | PROT_WRITE));
}

/* One's own copy is one's own. */
TEST_F(guarded, private)
{
	char *map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, self->fd, 0);

	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_TRUE(filled(map, SIZE, 1));
	fill(map, SIZE, 2);
	EXPECT_TRUE(filled(self->map, SIZE, 1));
	EXPECT_TRUE(filled(map, SIZE, 2));
	/* A hole in it is one in the copy. */
	EXPECT_ERR(EACCES, madvise(map, SIZE, MADV_REMOVE));
	ASSERT_OK(madvise(map, SIZE, MADV_DONTNEED));
	EXPECT_TRUE(filled(map, SIZE, 1));
	ASSERT_OK(munmap(map, SIZE));
}

TEST_F(guarded, proc_mem)
{
	int mem = open("/proc/self/mem", O_RDWR);
	char data[16] = "";

	ASSERT_OK(mem);
	EXPECT_EQ(16, pread(mem, data, 16, (off_t)(uintptr_t)self->map));
	EXPECT_EQ(0, memcmp(data, self->map, 16));
	EXPECT_ERR(EIO, pwrite(mem, "0123456789abcdef", 16,
			       (off_t)(uintptr_t)self->map));
}

TEST_F(guarded, process_vm_writev)
{
	struct iovec from = { "0123456789", 10 }, to = { self->map, 10 };

	EXPECT_ERR(EFAULT, process_vm_writev(getpid(), &from, 1, &to, 1, 0));
}

TEST_F(guarded, ptrace)
{
	pid_t pid = spawn();
	int status;

	if (!pid)
		for (;;)
			pause();
	ASSERT_OK(ptrace(PTRACE_ATTACH, pid, NULL, NULL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	errno = 0;
	EXPECT_EQ(*(long *)self->map, ptrace(PTRACE_PEEKDATA, pid, self->map, NULL));
	EXPECT_ERR(EIO, ptrace(PTRACE_POKEDATA, pid, self->map, (void *)1));
	EXPECT_EQ(128 + SIGKILL, slay(pid));
}

/* What the kernel writes for somebody. */
TEST_F(guarded, read_into)
{
	int zero = open("/dev/zero", O_RDONLY), ends[2];

	ASSERT_OK(pipe(ends));
	ASSERT_EQ(8, write(ends[1], "12345678", 8));
	EXPECT_ERR(EFAULT, read(zero, self->map, 8));
	EXPECT_ERR(EFAULT, read(ends[0], self->map, 8));
	EXPECT_ERR(EFAULT, ioctl(self->fd, KIPC_IOC_MEMORY_STAT, self->map));
}

TEST_F(guarded, holes)
{
	EXPECT_ERR(EACCES, madvise(self->map, SIZE, MADV_REMOVE));
	EXPECT_ERR(EACCES, madvise(self->map + PAGE, PAGE, MADV_REMOVE));
	EXPECT_OK(madvise(self->map, SIZE, MADV_DONTNEED));
}

/* By the handle itself, as a file. */
TEST_F(guarded, as_a_file)
{
	char path[64];

	EXPECT_ERR(ESPIPE, pwrite(self->fd, "12345678", 8, 0));
	EXPECT_ERR(EINVAL, ftruncate(self->fd, 0));
	EXPECT_NE(0, fallocate(self->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			       PAGE));
	EXPECT_ERR(EINVAL, fcntl(self->fd, F_GET_SEALS));
	EXPECT_NE(0, fcntl(self->fd, F_ADD_SEALS, F_SEAL_WRITE));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	EXPECT_ERR(ENXIO, open(path, O_RDWR));
	EXPECT_ERR(ENXIO, open(path, O_RDONLY));
}

/* To be told of missing pages is a matter of those who have the memfd. */
TEST_F(guarded, userfaultfd)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { (uintptr_t)self->map, SIZE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		SKIP(return, "no userfaultfd: %s", strerrorname_np(errno));
	EXPECT_NE(0, ioctl(uffd, UFFDIO_REGISTER, &reg));
}

/* With the right to write there is the memfd, which seals guard. */
TEST_F(guarded, by_the_memfd)
{
	int memfd = m_fd(self->fd);

	if (!by_seal(variant->why)) {
		EXPECT_EQ(-1, memfd);
		return;
	}
	ASSERT_OK(memfd);
	EXPECT_ERR(EPERM, write(memfd, "12345678", 8));
	MAP_ERR(EPERM, m_map(memfd, SIZE, PROT_READ | PROT_WRITE));
}

/* Who may do it goes on with it, where the seal is for the future. */
TEST_F(guarded, others_may)
{
	if (!self->own)
		return;
	self->own[0] ^= 1;
	EXPECT_EQ(self->own[0], self->map[0]);
	self->own[0] ^= 1;
	EXPECT_OK(mprotect(self->own, SIZE, PROT_READ));
	EXPECT_OK(mprotect(self->own, SIZE, PROT_READ | PROT_WRITE));
}

/* Seals, and what is mapped. */

FIXTURE(seals) {
	int fd;
};

FIXTURE_SETUP(seals)
{
	self->fd = memory_of(SIZE);
}

FIXTURE_TEARDOWN(seals)
{
}

/* Each way in which a writable mapping can be there keeps the seal away, until it goes. */
TEST_F(seals, wait_for_writers)
{
	char *map = mapped(self->fd, SIZE, PROT_READ | PROT_WRITE), *copy;
	pid_t pid;

	EXPECT_ERR(EBUSY, m_seal(self->fd, F_SEAL_WRITE));
	/* Not written now, but that can be changed. */
	ASSERT_OK(mprotect(map, SIZE, PROT_READ));
	EXPECT_ERR(EBUSY, m_seal(self->fd, F_SEAL_WRITE));
	/* In two parts. */
	ASSERT_OK(munmap(map + PAGE, PAGE));
	ASSERT_OK(munmap(map, PAGE));
	EXPECT_ERR(EBUSY, m_seal(self->fd, F_SEAL_WRITE));
	copy = mremap(map + 2 * PAGE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		      map);
	ASSERT_EQ(map, copy);
	EXPECT_ERR(EBUSY, m_seal(self->fd, F_SEAL_WRITE));
	/* In a child alone. */
	pid = spawn();
	if (!pid)
		for (;;)
			pause();
	ASSERT_OK(munmap(map, 2 * PAGE));
	EXPECT_ERR(EBUSY, m_seal(self->fd, F_SEAL_WRITE));
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	wait_for(!m_stat_of(self->fd).attached);
	EXPECT_OK(m_seal(self->fd, F_SEAL_WRITE));
}

TEST_F(seals, not_for_readers)
{
	int reader = k_narrow(self->fd, MAP | RECEIVE, 0);
	char *map = mapped(reader, SIZE, PROT_READ);
	char *own = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, self->fd, 0);

	ASSERT_NE(MAP_FAILED, (void *)own);
	EXPECT_OK(m_seal(self->fd, F_SEAL_WRITE));
	EXPECT_EQ(0, touch(map, false));
	EXPECT_EQ(0, touch(own, true));
}

/* What is mapped under a seal does not count for anything. */
TEST_F(seals, again_and_again)
{
	unsigned int i;

	ASSERT_OK(m_seal(self->fd, F_SEAL_WRITE));
	for (i = 0; i < 10; i++) {
		MAP_ERR(EPERM, m_map(self->fd, SIZE, PROT_READ | PROT_WRITE));
		ASSERT_OK(munmap(mapped(self->fd, SIZE, PROT_READ), SIZE));
	}
	EXPECT_OK(m_seal(self->fd, F_SEAL_SHRINK));
	EXPECT_OK(m_seal(self->fd, F_SEAL_SEAL));
	EXPECT_ERR(EPERM, m_seal(self->fd, F_SEAL_GROW));
	EXPECT_EQ(F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_SEAL, m_stat_of(self->fd).seals);
}

/* Mappings beside each other, of the memfd and of the handle, stay what they are. */
TEST_F(seals, neighbours)
{
	int memfd = m_fd(self->fd);
	char *area = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int i;

	for (i = 0; i < PAGES; i++)
		ASSERT_NE(MAP_FAILED, mmap(area + i * PAGE, PAGE, PROT_READ | PROT_WRITE,
					   MAP_SHARED | MAP_FIXED, i % 2 ? memfd : self->fd,
					   i * PAGE));
	EXPECT_EQ(PAGES / 2, m_stat_of(self->fd).attached);
	fill(area, SIZE, 1);
	/* Of one kind, one behind the other, written or not. */
	ASSERT_NE(MAP_FAILED, mmap(area, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED,
				   self->fd, 0));
	ASSERT_NE(MAP_FAILED, mmap(area + PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED,
				   self->fd, PAGE));
	EXPECT_EQ(PAGES / 2 + 1, m_stat_of(self->fd).attached);
	ASSERT_OK(mprotect(area, 2 * PAGE, PROT_READ | PROT_WRITE));
	EXPECT_TRUE(filled(area, SIZE, 1));
	close(memfd);
	ASSERT_OK(munmap(area, SIZE));
	EXPECT_EQ(0, m_stat_of(self->fd).attached);
	EXPECT_OK(m_seal(self->fd, F_SEAL_WRITE));
}

/* What one can do with an attachment, as with any memory. */
TEST_F(seals, as_any_memory)
{
	char *map = mapped(self->fd, SIZE, PROT_READ | PROT_WRITE);
	struct iovec from = { "0123456789", 10 }, to = { map + PAGE, 10 };
	unsigned char in[PAGES];
	pid_t pid;
	int mem;

	EXPECT_OK(mlock(map, SIZE));
	EXPECT_OK(mincore(map, SIZE, in));
	EXPECT_EQ(1, in[PAGES - 1] & 1);
	EXPECT_OK(munlock(map, SIZE));
	EXPECT_EQ(10, process_vm_writev(getpid(), &from, 1, &to, 1, 0));
	mem = open("/proc/self/mem", O_RDWR);
	EXPECT_EQ(10, pwrite(mem, "9876543210", 10, (off_t)(uintptr_t)map));
	EXPECT_EQ(0, memcmp(map, "9876543210", 10));
	EXPECT_EQ(0, memcmp(map + PAGE, "0123456789", 10));
	EXPECT_OK(msync(map, SIZE, MS_SYNC));
	EXPECT_OK(madvise(map, PAGE, MADV_REMOVE));
	EXPECT_EQ(0, map[0]);
	EXPECT_EQ('0', map[PAGE]);
	/* Who says so has it alone. */
	EXPECT_OK(madvise(map, SIZE, MADV_DONTFORK));
	EXPECT_EQ(SIGSEGV, touch(map, false));
	EXPECT_EQ(1, m_stat_of(self->fd).attached);
	EXPECT_OK(madvise(map, SIZE, MADV_DOFORK));
	pid = spawn();
	if (!pid) {
		CHECK(m_stat_of(self->fd).attached == 2);
		execl("/bin/busybox", "true", NULL);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(1, m_stat_of(self->fd).attached);
}

TEST_F(seals, mapped_with_locks_and_hints)
{
	char *hint = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *map;

	map = mmap(hint, SIZE, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_FIXED | MAP_LOCKED | MAP_POPULATE, self->fd, 0);
	ASSERT_EQ(hint, map);
	EXPECT_EQ(1, m_stat_of(self->fd).attached);
	MAP_ERR(EEXIST, mmap(hint, SIZE, PROT_READ, MAP_SHARED | MAP_FIXED_NOREPLACE,
			     self->fd, 0));
	/* Another of its own in its place. */
	EXPECT_EQ(hint, mmap(hint, SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, self->fd, 0));
	EXPECT_EQ(1, m_stat_of(self->fd).attached);
	map = m_map(self->fd, SIZE, PROT_READ | PROT_EXEC);
	EXPECT_NE(MAP_FAILED, (void *)map);
	EXPECT_EQ(hint, mmap(hint, SIZE, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	EXPECT_EQ(1, m_stat_of(self->fd).attached);
}

/* What remap_file_pages(2) makes of a part is no attachment, and takes none with it. */
TEST_F(seals, remapped_in_part)
{
	char *map = mapped(self->fd, SIZE, PROT_READ | PROT_WRITE);

	if (syscall(SYS_remap_file_pages, map, PAGE, 0, 0, 0))
		SKIP(return, "remap_file_pages: %s", strerrorname_np(errno));
	/* Now they are alike, and side by side. */
	ASSERT_OK(mprotect(map, SIZE, PROT_READ));
	ASSERT_OK(munmap(map, SIZE));
	EXPECT_EQ(0, m_stat_of(self->fd).attached);
	EXPECT_OK(m_seal(self->fd, F_SEAL_WRITE));
	close(self->fd);
	wait_for(!total("memory"));
}

TEST_HARNESS_MAIN
