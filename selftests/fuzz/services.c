// SPDX-License-Identifier: GPL-2.0
/*
 * Calls of a program on services and on memory.  Nothing here touches a mapping by itself: where
 * the module has no page, that would be a SIGBUS; a system call gets EFAULT.
 */
#include "calls.h"

#define MAPS		8
#define PAGE		4096

static struct {
	void *at;
	size_t size;
} maps[MAPS];
static unsigned int map_count;		/* also of those who found no place */

static uint64_t rights_of(int fd)
{
	struct kipc_info info;

	return ioctl(fd, KIPC_IOC_INFO, &info) ? 0 : info.rights;
}

static void *map_binding(int fd, size_t *size)
{
	struct kipc_service_stat stat;
	void *p;

	if (ioctl(fd, KIPC_IOC_SERVICE_STAT, &stat))
		return NULL;
	*size = rights_of(fd) & KIPC_RIGHT_SERVE ? stat.map_size :
						   stat.binding_size;
	p = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return p == MAP_FAILED ? NULL : p;
}

/* It stays, if there is a place for it. */
static long keep_map(void *p, size_t size)
{
	unsigned int i = __atomic_fetch_add(&map_count, 1, __ATOMIC_RELAXED);

	if (i >= MAPS)
		return munmap(p, size);
	maps[i].size = size;
	__atomic_store_n(&maps[i].at, p, __ATOMIC_RELEASE);
	return 0;
}

static void touch_map(char *p)
{
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, p);
}

long call_service_map(int fd, uint64_t touch)
{
	size_t size;
	char *p = map_binding(fd, &size);

	if (!p)
		return -1;
	if (touch & 1)
		touch_map(p + touch / 2 * PAGE % size);
	return keep_map(p, size);
}

/* The memfd goes at once: kipc has it.  Of a few names, one, or none. */
long call_memory(int fd, uint64_t name, uint64_t size, uint64_t rights)
{
	static const char names[] = "xyz";
	int memfd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct kipc_memory_attr attr = { memfd, 0 };
	struct kipc_create create = {
		.kind = KIPC_KIND_MEMORY,
		.mode = 0666,
		.rights = rights ?: KIPC_MEMORY_RIGHTS,
		.name = (uintptr_t)(name & 1 ? &names[name / 2 % 3] : NULL),
		.name_len = name & 1,
		.attr_size = sizeof(attr),
		.attr = (uintptr_t)&attr,
	};
	int error;
	long ret;

	if (memfd < 0)
		return -1;
	ret = ftruncate(memfd, size % (1 << 20));
	if (!ret)
		ret = ioctl(fd, KIPC_IOC_CREATE, &create);
	error = errno;
	close(memfd);
	errno = error;
	return ret;
}

long call_memory_map(int fd, size_t size, int protection, int flags)
{
	char *p = mmap(NULL, size, protection, flags & (MAP_SHARED | MAP_PRIVATE), fd,
		       0);

	if (p == MAP_FAILED)
		return -1;
	touch_map(p);
	return keep_map(p, size);
}

long call_memory_change(uint64_t which, uint64_t how)
{
	char *p = __atomic_load_n(&maps[which % MAPS].at, __ATOMIC_ACQUIRE);
	size_t size = maps[which % MAPS].size;

	if (!p)
		return -1;
	switch (how % 8) {
	case 0:
		return mprotect(p, size, PROT_READ | PROT_WRITE);
	case 1:
		return mprotect(p, size / 2 & -PAGE, PROT_READ);
	case 2:
		return madvise(p, size, MADV_REMOVE);
	case 3:
		return munmap(p + (size / 2 & -PAGE), PAGE);
	case 4:
		return mlock(p, size);
	case 5:
		return syscall(SYS_remap_file_pages, p, PAGE, 0, 1, 0);
	case 6:
		return madvise(p, size, MADV_DONTNEED);
	default:
		touch_map(p + (how / 8 * PAGE) % size);
		return 0;
	}
}

long call_service_unmap(uint64_t which)
{
	void *p = __atomic_exchange_n(&maps[which % MAPS].at, NULL,
				      __ATOMIC_ACQUIRE);

	return p ? munmap(p, maps[which % MAPS].size) : -1;
}

void calls_unmap(void)
{
	for (unsigned int i = 0; i < MAPS; i++)
		call_service_unmap(i);
	map_count = 0;
}

static bool write_by_pipe(void *to, const void *data, size_t size)
{
	int pipes[2];
	bool done;

	if (pipe2(pipes, O_NONBLOCK | O_CLOEXEC))
		return false;
	done = write(pipes[1], data, size) == (ssize_t)size &&
	       read(pipes[0], to, size) == (ssize_t)size;
	close(pipes[0]);
	close(pipes[1]);
	return done;
}

long call_frame(int fd, uint64_t stack, uint64_t flags, uint64_t wait)
{
	struct kipc_frame frame = {
		.args = { stack, wait },
		.procedure = wait,
		.deadline = wait ? after_us(wait & 0xffff) : KIPC_FOREVER,
	};
	size_t size;
	char *p = NULL;
	int error;
	long ret;

	/* Who may serve would become the server by that, and its end. */
	if (!(rights_of(fd) & KIPC_RIGHT_SERVE))
		p = map_binding(fd, &size);
	if (p)
		write_by_pipe(p + stack % KIPC_STACKS_MAX * sizeof(frame), &frame,
			      sizeof(frame));
	ret = ioctl(fd, KIPC_IOC_SERVICE_CALL, stack | flags);
	error = errno;
	if (p)
		munmap(p, size);
	errno = error;
	return ret;
}
