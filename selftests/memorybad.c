// SPDX-License-Identifier: GPL-2.0
/*
 * Bad input to shared memory, as badinput gives it to all that it knows, by a table of its
 * own (memorybad_table.h): each call must fail as documented, and nothing may have changed
 * by it.  And what else can be wrong: other kinds' calls, rights, offsets.  Also built for
 * 32 bit.
 */
#include "test.h"
#include "memorybad_table.h"
#include "kqueue.h"
#undef PAGE
#include "kmemory.h"

FIXTURE(bad) {
	int ctl, fd;
	int sender, receiver, manager;
	char *rw;		/* one page; the next one is not accessible */
	char *ro;		/* one page that can only be read */
	char *data;		/* what pointers point to when they are good */
	char *name;
	char *item;		/* of a batch, which memory has not */
	char *map;
	struct kipc_memory_attr *attr;
	struct kipc_memory_stat figures;
	uint64_t objects, handles, bytes;
};

FIXTURE_SETUP(bad)
{
	bad_pages(&self->rw, &self->ro, &self->data);
	self->attr = calloc(1, sizeof(*self->attr) + 64);
	self->attr->fd = memfd_of(SIZE);
	((char *)(self->attr + 1))[3] = 1;
	self->name = strdup(temp_name("bad"));

	self->ctl = control();
	self->fd = m_create(self->name, self->attr->fd, 0600, KIPC_MEMORY_RIGHTS, 0);
	ASSERT_OK(self->fd);
	self->sender = k_narrow(self->fd, SEND, 0);
	self->receiver = k_narrow(self->fd, RECEIVE, 0);
	self->manager = k_narrow(self->fd, MANAGE, 0);
	self->map = mapped(self->fd, SIZE, PROT_READ | PROT_WRITE);
	fill(self->map, SIZE, 1);
	ASSERT_OK(m_ring(self->fd, RUNG, 0));
	self->figures = m_stat_of(self->fd);
	self->objects = total("objects");
	self->handles = total("handles");
	self->bytes = total("bytes");
}

FIXTURE_TEARDOWN(bad)
{
}

/* Arguments with which the call works; returns the structure's size. */
static size_t good(FIXTURE_DATA(bad) *self, enum op op, union arg *a)
{
	memset(a, 0, sizeof(*a));
	switch (op) {
	case CREATE:
		a->create = (struct kipc_create){
			.kind = KIPC_KIND_MEMORY,
			.mode = 0600,
			.rights = KIPC_MEMORY_RIGHTS,
			.attr_size = sizeof(*self->attr),
			.attr = ptr(self->attr),
		};
		break;
	case OPEN:
		a->open = (struct kipc_open){
			.kind = KIPC_KIND_MEMORY,
			.rights = MAP,
			.name = ptr(self->name),
			.name_len = strlen(self->name),
			.deadline = KIPC_FOREVER,
		};
		break;
	case RESIZE:
		a->size.size = SIZE;
		break;
	case MEMFD:
		break;
	case RING:
	case WAIT:
		a->bell.count = op == RING ? 4 : POISON;
		break;
	default:
		memset(a, POISON, _IOC_SIZE(ops[op].cmd));
		break;
	}
	return _IOC_SIZE(ops[op].cmd);
}

/* What is wrong after a call that had to fail, or NULL. */
static const char *damage(FIXTURE_DATA(bad) *self)
{
	struct kipc_memory_stat st = m_stat_of(self->fd);

	if (memcmp(&st, &self->figures, sizeof(st)))
		return "the figures have changed";
	if (!filled(self->map, SIZE, 1))
		return "the memory has changed";
	if (total("memory") != SIZE)
		return "memory is charged, or is not any more";
	if (total("waiters"))
		return "somebody waits";
	if (total("bytes") != self->bytes)
		return "kernel memory is used, or is not any more";
	if (!poisoned(self->data, PAGE))
		return "the data buffer was written to";
	return come_or_gone(self->objects, self->handles);
}

#include "badinput_drive.h"

TEST_F(bad, create)
{
	union arg a;

	ALL(CREATE);
	ASSERT_OK(call_good(self, CREATE, &a));
}

TEST_F(bad, open)
{
	union arg a;

	ALL(OPEN);
	ASSERT_OK(call_good(self, OPEN, &a));
}

TEST_F(bad, resize)
{
	union arg a;
	size_t size;

	ALL(RESIZE);
	size = good(self, RESIZE, &a);
	MUST_FAIL(self->sender, KIPC_IOC_MEMORY_SIZE, &a, size, EPERM, "sender");
	MUST_FAIL(self->receiver, KIPC_IOC_MEMORY_SIZE, &a, size, EPERM, "receiver");
	EXPECT_EQ(0, call_good(self, RESIZE, &a));
	EXPECT_TRUE(filled(self->map, SIZE, 1));
}

TEST_F(bad, memfd)
{
	union arg a;
	size_t size;

	ALL(MEMFD);
	size = good(self, MEMFD, &a);
	MUST_FAIL(self->sender, KIPC_IOC_MEMORY_FD, &a, size, EPERM, "sender");
	MUST_FAIL(self->receiver, KIPC_IOC_MEMORY_FD, &a, size, EPERM, "receiver");
	MUST_FAIL(self->manager, KIPC_IOC_MEMORY_FD, &a, size, EPERM, "manager");
	ASSERT_OK(call_good(self, MEMFD, &a));
}

TEST_F(bad, stat)
{
	union arg a;

	ALL(STAT);
	ASSERT_OK(call_good(self, STAT, &a));
	EXPECT_EQ(SIZE, a.stat.size);
	EXPECT_EQ(RUNG, a.stat.count);
}

TEST_F(bad, ring)
{
	union arg a;
	size_t size;

	ALL(RING);
	size = good(self, RING, &a);
	MUST_FAIL(self->receiver, KIPC_IOC_MEMORY_RING, &a, size, EBADF, "receiver");
	MUST_FAIL(self->manager, KIPC_IOC_MEMORY_RING, &a, size, EBADF, "manager");
	EXPECT_EQ(0, call_good(self, RING, &a));
	EXPECT_EQ(RUNG + 4, m_rung(self->fd));
}

TEST_F(bad, wait)
{
	union arg a;
	size_t size;

	ALL(WAIT);
	size = good(self, WAIT, &a);
	MUST_FAIL(self->sender, KIPC_IOC_MEMORY_WAIT, &a, size, EBADF, "sender");
	MUST_FAIL(self->manager, KIPC_IOC_MEMORY_WAIT, &a, size, EBADF, "manager");
	EXPECT_EQ(0, call_good(self, WAIT, &a));
	EXPECT_EQ(RUNG, a.bell.count);
	EXPECT_EQ(0, m_rung(self->fd));
}

/* The calls of other kinds, and those of memory on these. */
TEST_F(bad, other_kinds)
{
	static const unsigned int theirs[] = {
		KIPC_IOC_MAILBOX_SEND, KIPC_IOC_MAILBOX_RECV, KIPC_IOC_MAILBOX_STAT,
		KIPC_IOC_QUEUE_SEND, KIPC_IOC_QUEUE_RECV, KIPC_IOC_QUEUE_STAT,
		KIPC_IOC_PIPE_WRITE, KIPC_IOC_PIPE_READ, KIPC_IOC_PIPE_STAT,
		KIPC_IOC_PIPE_RESIZE, KIPC_IOC_SERVICE_CONNECT, KIPC_IOC_SERVICE_STAT,
	};
	int mailbox = default_box(), queue = default_queue();
	size_t i, size;
	union arg a;

	self->objects += 2;
	self->handles += 2;
	self->bytes = total("bytes");
	for (i = 0; i < ARRAY_SIZE(theirs); i++) {
		good(self, RING, &a);
		MUST_FAIL(self->fd, theirs[i], &a, sizeof(a), ENOTTY,
			  "ioctl %#x on memory", _IOC_NR(theirs[i]));
	}
	for (i = RESIZE; i <= WAIT; i++) {
		size = good(self, i, &a);
		MUST_FAIL(mailbox, ops[i].cmd, &a, size, ENOTTY,
			  "ioctl %#x on a mailbox", _IOC_NR(ops[i].cmd));
		MUST_FAIL(queue, ops[i].cmd, &a, size, ENOTTY,
			  "ioctl %#x on a queue", _IOC_NR(ops[i].cmd));
	}
}

/* The same through read and write, whose pointers are no less bad. */
TEST_F(bad, read_and_write)
{
	uint64_t bad[MAX_BAD];
	unsigned int i, n = bad_pointers(self, ptr(self->data), 8, bad);

	for (i = 0; i < n; i++) {
		void *p = (void *)(uintptr_t)bad[i];

		if (ptr(p) != bad[i])
			continue;
		EXPECT_ERR(EFAULT, read(self->fd, p, 8));
		if (p != self->ro)
			EXPECT_ERR(EFAULT, write(self->fd, p, 8));
		ASSERT_TRUE(!damage(self)) { TH_LOG("%s", damage(self)); }
	}
	EXPECT_EQ(RUNG, m_rung(self->fd));
}

/* Where no memory is, or where numbers wrap. */
TEST_F(bad, mappings)
{
	static const uint64_t pages[] = {
		SIZE / 4096, 1 << 20, (1ULL << 31) - 1, 1ULL << 31, 1ULL << 40,
		(1ULL << 51) - 1,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		void *p = mmap64(NULL, PAGE, PROT_READ, MAP_SHARED, self->fd,
				 pages[i] * PAGE);

		/* For 32 bit, the C library cannot pass all of them on. */
		EXPECT_TRUE(p == MAP_FAILED &&
			    (errno == ENXIO || errno == EOVERFLOW ||
			     (errno == EINVAL && sizeof(void *) == 4))) {
			TH_LOG("page %#llx: %s", (unsigned long long)pages[i],
			       strerrorname_np(errno));
		}
	}
	MAP_ERR(EINVAL, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->fd, 1));
	MAP_ERR(EINVAL, mmap(NULL, 0, PROT_READ, MAP_SHARED, self->fd, 0));
	MAP_ERR(EINVAL, mmap(NULL, PAGE, PROT_READ, 0, self->fd, 0));
	EXPECT_TRUE(!damage(self)) { TH_LOG("%s", damage(self)); }
}

/* The owner's quotas of objects and bytes; memory has that of memory. */
TEST_F(bad, quota)
{
	uint64_t objects = get_limit("max_objects"), bytes = get_limit("max_bytes");
	union arg a;

	set_limit("max_objects", 0);
	good(self, CREATE, &a);
	EXPECT_ERR(EDQUOT, ioctl(self->ctl, KIPC_IOC_CREATE, &a));
	set_limit("max_objects", objects);
	set_limit("max_bytes", 0);
	good(self, CREATE, &a);
	EXPECT_ERR(EDQUOT, ioctl(self->ctl, KIPC_IOC_CREATE, &a));
	set_limit("max_bytes", bytes);
	EXPECT_TRUE(!damage(self)) { TH_LOG("%s", damage(self)); }
}

TEST_HARNESS_MAIN
