// SPDX-License-Identifier: GPL-2.0
/*
 * Bad input to semaphores, as badinput gives it to all that it knows, by a table of its own
 * (sembad_table.h): each call must fail as documented, and nothing may have changed by
 * it.  And what else can be wrong: numbers, flags, other kinds' calls.  Also built
 * for 32 bit.
 */
#include "test.h"
#include "sembad_table.h"
#include "ksem.h"

#define PAGE	4096

FIXTURE(bad) {
	int ctl, fd, single[2];
	char *rw;		/* one page; the next one is not accessible */
	char *ro;		/* one page that can only be read */
	char *data;		/* what pointers point to when they are good */
	char *item;		/* a step, and values, and a descriptor */
	struct kipc_sem_attr *attr;
	struct kipc_sem_stat figures;
	uint64_t objects, handles, bytes;
};

FIXTURE_SETUP(bad)
{
	struct kipc_sem_attr attr = { .count = SEMS, .initial = VALUE, .max = MOST };

	bad_pages(&self->rw, &self->ro, &self->data);
	self->item = calloc(1, PAGE);
	self->attr = malloc(sizeof(attr) + 64);
	memset(self->attr, 0, sizeof(attr) + 64);
	*self->attr = attr;
	((char *)(self->attr + 1))[3] = 1;

	self->ctl = control();
	self->fd = semaphores(attr);
	self->single[0] = set_of(1, VALUE);
	self->single[1] = set_of(1, VALUE);
	self->figures = s_stat_of(self->fd);
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
	struct kipc_sem_op step = ADD(1, 1);

	memset(a, 0, sizeof(*a));
	memset(self->item, 0, 64);
	switch (op) {
	case CREATE:
		a->create = (struct kipc_create){
			.kind = KIPC_KIND_SEMAPHORES,
			.mode = 0600,
			.rights = KIPC_SEM_RIGHTS,
			.attr_size = sizeof(*self->attr),
			.attr = ptr(self->attr),
		};
		break;
	case OPERATE:
		memcpy(self->item, &step, sizeof(step));
		a->operation.ops = ptr(self->item);
		a->operation.count = 1;
		break;
	case TAKE_ALL:
		memcpy(self->item, self->single, sizeof(self->single));
		a->all.fds = ptr(self->item);
		a->all.count = 2;
		break;
	case GET:
		a->values.values = ptr(self->data);
		a->values.first = 1;
		a->values.count = 2;
		break;
	case SET_VALUES:
		a->values.values = ptr(self->item);
		a->values.first = 1;
		a->values.count = 2;
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
	struct kipc_sem_stat st = s_stat_of(self->fd);
	int i;

	if (memcmp(&st, &self->figures, sizeof(st)))
		return "the set's figures have changed";
	for (i = 0; i < SEMS; i++)
		if (s_value(self->fd, i) != VALUE)
			return "a semaphore has changed";
	if (s_value(self->single[0], 0) != VALUE || s_value(self->single[1], 0) != VALUE)
		return "one was taken";
	if (total("waiters"))
		return "somebody waits";
	if (total("bytes") != self->bytes)
		return "memory is used, or is not any more";
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

TEST_F(bad, operate)
{
	union arg a;

	ALL(OPERATE);
	ASSERT_OK(call_good(self, OPERATE, &a));
	EXPECT_EQ(VALUE + 1, s_value(self->fd, 1));
}

TEST_F(bad, take_all)
{
	union arg a;

	ALL(TAKE_ALL);
	ASSERT_OK(call_good(self, TAKE_ALL, &a));
	EXPECT_EQ(VALUE - 1, s_value(self->single[0], 0));
	EXPECT_EQ(VALUE - 1, s_value(self->single[1], 0));
}

TEST_F(bad, get)
{
	union arg a;

	ALL(GET);
	ASSERT_OK(call_good(self, GET, &a));
	EXPECT_EQ(VALUE, *(uint32_t *)self->data);
	EXPECT_TRUE(poisoned(self->data + 32, PAGE - 32));
}

TEST_F(bad, set)
{
	union arg a;

	ALL(SET_VALUES);
	ASSERT_OK(call_good(self, SET_VALUES, &a));
	EXPECT_EQ(VALUE, s_value(self->fd, 0));
	EXPECT_EQ(0, s_value(self->fd, 1));
	EXPECT_EQ(0, s_value(self->fd, 2));
}

TEST_F(bad, stat)
{
	union arg a;

	ALL(STAT);
	ASSERT_OK(call_good(self, STAT, &a));
	EXPECT_EQ(SEMS, a.stat.attr.count);
}

/* What is in a step: all flags and all numbers that there are not. */
TEST_F(bad, steps)
{
	struct kipc_sem_op step = ADD(0, 1);
	union arg a;
	size_t size;
	int i;

	for (i = 1; i < 16; i++) {
		size = good(self, OPERATE, &a);
		step.flags = 1 << i;
		memcpy(self->item, &step, sizeof(step));
		MUST_FAIL(self->fd, KIPC_IOC_SEM_OP, &a, size, EINVAL, "flag %d", i);
	}
	step.flags = 0;
	for (i = SEMS; i < 1 << 16; i += i) {
		size = good(self, OPERATE, &a);
		step.num = i;
		memcpy(self->item, &step, sizeof(step));
		MUST_FAIL(self->fd, KIPC_IOC_SEM_OP, &a, size, EFBIG, "number %d", i);
	}
	/* Also behind one that can be done. */
	size = good(self, OPERATE, &a);
	a.operation.count = 2;
	memcpy(self->item + sizeof(step), &step, sizeof(step));
	MUST_FAIL(self->fd, KIPC_IOC_SEM_OP, &a, size, EFBIG, "the second number");
}

/* What comes by value. */
TEST_F(bad, numbers)
{
	static const unsigned long bad[] = {
		SEMS, 1UL << 15, KIPC_SEM_TRY << 1, 1UL << 31, -1UL, ~0UL >> 1,
	};
	unsigned int i;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		MUST_FAIL(self->fd, KIPC_IOC_SEM_POST, (void *)bad[i], 0, EFBIG, "post");
		MUST_FAIL(self->fd, KIPC_IOC_SEM_TAKE, (void *)bad[i], 0, EFBIG, "take");
	}
	MUST_FAIL(self->fd, KIPC_IOC_SEM_POST, (void *)(unsigned long)KIPC_SEM_TRY, 0, EFBIG,
		  "post and try");
	MUST_FAIL(null, KIPC_IOC_SEM_POST, NULL, 0, ENOTTY, "null");
	MUST_FAIL(self->ctl, KIPC_IOC_SEM_TAKE, NULL, 0, ENOTTY, "control");
	MUST_FAIL(-1, KIPC_IOC_SEM_TAKE, NULL, 0, EBADF, "nothing");
	/* With a size. */
	MUST_FAIL(self->fd, KIPC_IOC_SEM_POST | 8 << _IOC_SIZESHIFT, NULL, 0, EINVAL, "size");
	MUST_FAIL(self->fd, KIPC_IOC_SEM_TAKE | 8 << _IOC_SIZESHIFT, NULL, 0, EINVAL, "size");
}

/* The calls of other kinds, and those of sets on a mailbox. */
TEST_F(bad, other_kinds)
{
	static const unsigned int theirs[] = {
		KIPC_IOC_MAILBOX_SEND, KIPC_IOC_MAILBOX_RECV, KIPC_IOC_MAILBOX_STAT,
		KIPC_IOC_QUEUE_SEND, KIPC_IOC_QUEUE_RECV, KIPC_IOC_PIPE_WRITE,
		KIPC_IOC_PIPE_READ, KIPC_IOC_PIPE_STAT, KIPC_IOC_SERVICE_STOP,
	};
	int mailbox = default_box();
	size_t i, size;
	union arg a;

	self->objects++;
	self->handles++;
	self->bytes = total("bytes");
	for (i = 0; i < ARRAY_SIZE(theirs); i++) {
		good(self, OPERATE, &a);
		MUST_FAIL(self->fd, theirs[i], &a, sizeof(a), ENOTTY,
			  "ioctl %#x on a set", _IOC_NR(theirs[i]));
	}
	for (i = OPERATE; i <= STAT; i++) {
		size = good(self, i, &a);
		MUST_FAIL(mailbox, ops[i].cmd, &a, size, ENOTTY,
			  "ioctl %#x on a mailbox", _IOC_NR(ops[i].cmd));
	}
	MUST_FAIL(mailbox, KIPC_IOC_SEM_POST, NULL, 0, ENOTTY, "post to a mailbox");
}

TEST_HARNESS_MAIN
