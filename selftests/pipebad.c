// SPDX-License-Identifier: GPL-2.0
/*
 * Bad input to pipes, as badinput gives it to all that it knows, by a table of its own
 * (pipebad_table.h): each call must fail as documented, and nothing may have changed by
 * it.  And what else can be wrong: other kinds' calls, rights, huge sizes.  Also built
 * for 32 bit.
 */
#include "test.h"
#include "pipebad_table.h"
#include "kpipe.h"
#include "kqueue.h"

#define PAGE	4096

FIXTURE(bad) {
	int ctl, fd;
	int sender, receiver, manager;
	char *rw;		/* one page; the next one is not accessible */
	char *ro;		/* one page that can only be read */
	char *data;		/* what pointers point to when they are good */
	char *name;
	char *item;		/* of a batch, which pipes have not */
	struct kipc_pipe_attr *attr;
	struct kipc_pipe_stat figures;
	uint64_t objects, handles, bytes;
};

FIXTURE_SETUP(bad)
{
	struct kipc_pipe_attr attr = { ROOM, WHOLE, 0, 0 };

	bad_pages(&self->rw, &self->ro, &self->data);
	self->attr = malloc(sizeof(attr) + 64);
	memset(self->attr, 0, sizeof(attr) + 64);
	*self->attr = attr;
	((char *)(self->attr + 1))[3] = 1;
	self->name = strdup(temp_name("bad"));

	self->ctl = control();
	self->fd = p_create(self->name, ROOM, WHOLE, 0600, KIPC_PIPE_RIGHTS, 0);
	ASSERT_OK(self->fd);
	self->sender = k_narrow(self->fd, SEND, 0);
	self->receiver = k_narrow(self->fd, RECEIVE, 0);
	self->manager = k_narrow(self->fd, MANAGE, 0);
	ASSERT_EQ(sizeof(CONTENT), write(self->fd, CONTENT, sizeof(CONTENT)));
	self->figures = p_stat_of(self->fd);
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
			.kind = KIPC_KIND_PIPE,
			.mode = 0600,
			.rights = KIPC_PIPE_RIGHTS,
			.attr_size = sizeof(*self->attr),
			.attr = ptr(self->attr),
		};
		break;
	case OPEN:
		a->open = (struct kipc_open){
			.kind = KIPC_KIND_PIPE,
			.rights = RECEIVE,
			.name = ptr(self->name),
			.name_len = strlen(self->name),
			.deadline = KIPC_FOREVER,
		};
		break;
	case WRITE:
	case READ:
		a->io = (struct kipc_pipe_io){
			.data = ptr(self->data),
			.size = op == READ ? 60 : 40,
		};
		break;
	case RESIZE:
		a->attr = self->figures.attr;
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
	struct kipc_pipe_stat st = p_stat_of(self->fd);

	if (memcmp(&st, &self->figures, sizeof(st)))
		return "the pipe's figures have changed";
	if (inside(self->fd) != sizeof(CONTENT))
		return "something was taken, or put in";
	if (total("waiters"))
		return "somebody waits";
	if (total("bytes") != self->bytes)
		return "memory is used, or is not any more";
	if (!poisoned(self->data, PAGE))
		return "the data buffer was written to";
	return come_or_gone(self->objects, self->handles);
}

/* A pipe cannot be looked at without taking: so this is the end of a test. */
static bool content_is_there(FIXTURE_DATA(bad) *self)
{
	char data[ROOM];

	return read(self->fd, data, sizeof(data)) == sizeof(CONTENT) &&
	       !memcmp(data, CONTENT, sizeof(CONTENT));
}

#include "badinput_drive.h"

TEST_F(bad, create)
{
	union arg a;

	ALL(CREATE);
	ASSERT_OK(call_good(self, CREATE, &a));
	EXPECT_TRUE(content_is_there(self));
}

TEST_F(bad, open)
{
	union arg a;

	ALL(OPEN);
	/* Without a deadline: what was built before pipes does not wait. */
	good(self, OPEN, &a);
	ASSERT_OK(ioctl(self->ctl, sized(OPEN, 24), &a));
	ASSERT_OK(call_good(self, OPEN, &a));
	EXPECT_TRUE(content_is_there(self));
}

TEST_F(bad, write)
{
	union arg a;
	size_t size;

	ALL(WRITE);
	size = good(self, WRITE, &a);
	MUST_FAIL(self->receiver, KIPC_IOC_PIPE_WRITE, &a, size, EBADF, "receiver");
	MUST_FAIL(self->manager, KIPC_IOC_PIPE_WRITE, &a, size, EBADF, "manager");
	EXPECT_EQ(40, call_good(self, WRITE, &a));
	EXPECT_EQ(sizeof(CONTENT) + 40, read(self->fd, self->data, PAGE));
	EXPECT_EQ(0, memcmp(self->data, CONTENT, sizeof(CONTENT)));
	EXPECT_TRUE(poisoned(self->data + sizeof(CONTENT), 40));
}

TEST_F(bad, read)
{
	union arg a;
	size_t size;

	ALL(READ);
	size = good(self, READ, &a);
	MUST_FAIL(self->sender, KIPC_IOC_PIPE_READ, &a, size, EBADF, "sender");
	MUST_FAIL(self->manager, KIPC_IOC_PIPE_READ, &a, size, EBADF, "manager");
	EXPECT_EQ(sizeof(CONTENT), call_good(self, READ, &a));
	EXPECT_EQ(0, memcmp(self->data, CONTENT, sizeof(CONTENT)));
	EXPECT_TRUE(poisoned(self->data + sizeof(CONTENT), 100));
}

TEST_F(bad, resize)
{
	union arg a;
	size_t size;

	ALL(RESIZE);
	size = good(self, RESIZE, &a);
	a.attr.capacity = sizeof(CONTENT) - 1;
	a.attr.atomic_size = 1;
	MUST_FAIL(self->fd, KIPC_IOC_PIPE_RESIZE, &a, size, EBUSY, "too small");
	size = good(self, RESIZE, &a);
	MUST_FAIL(self->sender, KIPC_IOC_PIPE_RESIZE, &a, size, EPERM, "sender");
	MUST_FAIL(self->receiver, KIPC_IOC_PIPE_RESIZE, &a, size, EPERM, "receiver");
	EXPECT_EQ(ROOM, call_good(self, RESIZE, &a));
	EXPECT_TRUE(content_is_there(self));
}

TEST_F(bad, stat)
{
	union arg a;

	ALL(STAT);
	ASSERT_OK(call_good(self, STAT, &a));
	EXPECT_EQ(sizeof(CONTENT), a.stat.bytes);
	EXPECT_TRUE(content_is_there(self));
}

/* The calls of other kinds, and those of pipes on these. */
TEST_F(bad, other_kinds)
{
	static const unsigned int theirs[] = {
		KIPC_IOC_MAILBOX_SEND, KIPC_IOC_MAILBOX_RECV, KIPC_IOC_MAILBOX_STAT,
		KIPC_IOC_MAILBOX_CALL, KIPC_IOC_MAILBOX_REPLY,
		KIPC_IOC_MAILBOX_COLLECT, KIPC_IOC_MAILBOX_CANCEL,
		KIPC_IOC_MAILBOX_SEND_BATCH, KIPC_IOC_MAILBOX_RECV_BATCH,
		KIPC_IOC_QUEUE_SEND, KIPC_IOC_QUEUE_RECV, KIPC_IOC_QUEUE_STAT,
		KIPC_IOC_QUEUE_SET, KIPC_IOC_QUEUE_SELECT,
		KIPC_IOC_QUEUE_SEND_BATCH, KIPC_IOC_QUEUE_RECV_BATCH,
	};
	int mailbox = default_box(), queue = default_queue(), bytes;
	size_t i, size;
	union arg a;

	self->objects += 2;
	self->handles += 2;
	self->bytes = total("bytes");
	for (i = 0; i < ARRAY_SIZE(theirs); i++) {
		good(self, WRITE, &a);
		MUST_FAIL(self->fd, theirs[i], &a, sizeof(a), ENOTTY,
			  "ioctl %#x on a pipe", _IOC_NR(theirs[i]));
	}
	for (i = WRITE; i <= RESIZE; i++) {
		size = good(self, i, &a);
		MUST_FAIL(mailbox, ops[i].cmd, &a, size, ENOTTY,
			  "ioctl %#x on a mailbox", _IOC_NR(ops[i].cmd));
		MUST_FAIL(queue, ops[i].cmd, &a, size, ENOTTY,
			  "ioctl %#x on a queue", _IOC_NR(ops[i].cmd));
	}
	/* Nobody calls it. */
	EXPECT_ERR(EINVAL, q_notify(self->fd, KIPC_EVENT_CALL, 0, SIGUSR1, 0));
	EXPECT_ERR(ENOENT, q_notify(self->fd, 0, 0, 0, 0));
	EXPECT_ERR(ENOTTY, ioctl(mailbox, FIONREAD, &bytes));
	EXPECT_TRUE(!damage(self));
	EXPECT_TRUE(content_is_there(self));
}

/* The same through read and write, whose pointers are no less bad. */
TEST_F(bad, read_and_write)
{
	uint64_t bad[MAX_BAD];
	unsigned int i, n = bad_pointers(self, ptr(self->data), 40, bad);

	for (i = 0; i < n; i++) {
		void *p = (void *)(uintptr_t)bad[i];

		if (ptr(p) != bad[i])
			continue;
		EXPECT_ERR(EFAULT, read(self->fd, p, 60));
		/* Of 20 bytes that can be reached a number needs 4. */
		if (i != 2)
			EXPECT_ERR(EFAULT, ioctl(self->fd, FIONREAD, p));
		if (p != self->ro) {
			EXPECT_ERR(EFAULT, write(self->fd, p, 40));
			/* A longer one goes in by pieces: of which there is one. */
			EXPECT_ERR(EFAULT, write(self->fd, p, WHOLE + 1));
		}
		ASSERT_TRUE(!damage(self)) { TH_LOG("%s", damage(self)); }
	}
	EXPECT_TRUE(content_is_there(self));
}

/* More than any memory: no more than what there is. */
TEST_F(bad, huge_sizes)
{
	static const uint64_t huge[] = {
		1ULL << 31, (1ULL << 31) - 1, 1ULL << 32, (1ULL << 32) + 4, 1ULL << 63, ~0ULL,
	};
	struct kipc_pipe_io io = { .data = ptr(self->data) };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(huge); i++) {
		ssize_t ret;

		io.size = huge[i];
		ret = ioctl(self->fd, KIPC_IOC_PIPE_READ, &io);
		/* A 32-bit program's memory may end before that. */
		if (ret < 0 && sizeof(void *) == 4) {
			EXPECT_EQ(EFAULT, errno);
			ret = read(self->fd, self->data, PAGE);
		}
		EXPECT_EQ(sizeof(CONTENT), ret);
		EXPECT_EQ(0, memcmp(self->data, CONTENT, sizeof(CONTENT)));
		EXPECT_EQ(sizeof(CONTENT), write(self->fd, self->data, sizeof(CONTENT)));
	}
	EXPECT_TRUE(content_is_there(self));
}

/* The owner's quotas: of objects; pipewait has those of bytes and of waiters. */
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
	EXPECT_TRUE(content_is_there(self));
}

TEST_HARNESS_MAIN
