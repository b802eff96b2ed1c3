// SPDX-License-Identifier: GPL-2.0
/*
 * Bad input to services, as badinput gives it to all that it knows, by a table of its
 * own (servicebad_table.h): each call must fail as documented, and nothing may have
 * changed by it.  And what else can be wrong: other kinds' calls, A-stacks, frames.
 * Also built for 32 bit.
 */
#include "test.h"
#include "servicebad_table.h"
#include "kpipe.h"
#include "kqueue.h"
#include "kservice.h"

/* What each A-stack is for. */
enum { DONE, TAKEN, LINE, FREE };

FIXTURE(bad) {
	int ctl, fd;		/* that handle which may do what is tried */
	struct hand h;
	char *rw;		/* one page; the next one is not accessible */
	char *ro;		/* one page that can only be read */
	char *data;		/* what pointers point to when they are good */
	char *item;		/* the one descriptor that goes along */
	int plain;
	struct kipc_service_attr *attr;
	struct kipc_service_stat figures;
	struct kipc_frame *frames;	/* a copy */
	uint64_t tokens[STACKS];
	bool replies;		/* SERVE_ begins with a reply */
	uint64_t objects, handles, bytes;
};

static void take_figures(FIXTURE_DATA(bad) *self)
{
	self->figures = service_stat(self->h.fd);
	self->objects = total("objects");
	self->handles = total("handles");
	self->bytes = total("bytes");
	memcpy(self->frames, self->h.c.map, STACKS * sizeof(*self->frames));
}

FIXTURE_SETUP(bad)
{
	struct kipc_service_attr attr = { .stacks = STACKS, .bindings = BINDINGS,
					  .user_bindings = BINDINGS,
					  .flags = KIPC_SERVICE_HANDLES };
	struct kipc_service_handles attach = { .stack = TAKEN, .handles.count = 1 };
	unsigned int i;

	bad_pages(&self->rw, &self->ro, &self->data);
	self->attr = malloc(sizeof(attr) + 64);
	memset(self->attr, 0, sizeof(attr) + 64);
	*self->attr = attr;
	((char *)(self->attr + 1))[3] = 1;
	self->frames = malloc(STACKS * sizeof(*self->frames));

	self->ctl = control();
	self->h = hand_of(&attr);
	self->fd = self->h.fd;
	self->item = malloc(PAGE);
	self->plain = memfd_create("servicebad", 0);
	ASSERT_OK(self->plain);
	*(struct kipc_descriptor *)self->item = (struct kipc_descriptor){ .fd = self->plain };
	attach.handles.items = ptr(self->item);
	ASSERT_OK(ioctl(self->h.c.fd, KIPC_IOC_SERVICE_ATTACH, &attach));
	for (i = 0; i < FREE; i++)
		ASSERT_OK(s_submit(&self->h.c, i, ADD, i, 40, &self->tokens[i]));
	for (i = 0; i < LINE; i++)
		ASSERT_EQ(self->tokens[i], s_take(self->h.fd, NULL));
	ASSERT_OK(s_reply(self->h.fd, self->tokens[DONE], 3, 33));
	take_figures(self);
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
			.kind = KIPC_KIND_SERVICE,
			.mode = 0600,
			.rights = KIPC_SERVICE_RIGHTS,
			.attr_size = sizeof(*self->attr),
			.attr = ptr(self->attr),
		};
		break;
	case COLLECT:
		a->collect.token = self->tokens[DONE];
		break;
	case CANCEL:
		a->cancel.token = self->tokens[LINE];
		break;
	case SERVE_:
		memset(&a->serve.call, POISON, sizeof(a->serve.call));
		if (self->replies)
			a->serve.reply.token = self->tokens[TAKEN];
		break;
	case REPLY:
		a->reply.token = self->tokens[TAKEN];
		break;
	case ATTACH:
	case TAKE_:
		*(struct kipc_descriptor *)self->item = (struct kipc_descriptor){
			.fd = self->plain,
		};
		a->handles = (struct kipc_service_handles){
			.token = self->tokens[TAKEN],
			.handles = { .items = ptr(self->item), .count = 1 },
		};
		break;
	case STAT_:
		memset(a, POISON, sizeof(a->stat));
		break;
	default:
		break;
	}
	return _IOC_SIZE(ops[op].cmd);
}

/* What is wrong after a call that had to fail, or NULL. */
static const char *damage(FIXTURE_DATA(bad) *self)
{
	struct kipc_service_stat st = service_stat(self->h.fd);

	if (memcmp(&st, &self->figures, sizeof(st)))
		return "the service's figures have changed";
	if (total("waiters"))
		return "somebody waits";
	if (total("carried") != 1)
		return "something is on its way, or nothing is";
	if (total("bytes") != self->bytes)
		return "memory is used, or is not any more";
	if (memcmp(self->frames, self->h.c.map, STACKS * sizeof(*self->frames)))
		return "a frame was written to";
	return come_or_gone(self->objects, self->handles);
}

/* Everything is where it was: so this is the end of a test. */
static bool calls_are_there(FIXTURE_DATA(bad) *self)
{
	int fd = self->h.c.fd;
	struct kipc_served call;

	return s_collect(fd, &self->tokens[DONE], NULL, KIPC_NO_WAIT) == 3 &&
	       s_take(self->h.fd, &call) == self->tokens[LINE] &&
	       call.args[0] == LINE && call.args[1] == 40 &&
	       !s_reply(self->h.fd, self->tokens[TAKEN], 4, 0) &&
	       s_collect(fd, &self->tokens[TAKEN], NULL, KIPC_NO_WAIT) == 4;
}

#include "badinput_drive.h"

TEST_F(bad, create)
{
	union arg a;

	ALL(CREATE);
	ASSERT_OK(call_good(self, CREATE, &a));
	EXPECT_TRUE(calls_are_there(self));
}

TEST_F(bad, connect)
{
	union arg a;

	self->fd = hand_handle(&self->h);
	take_figures(self);
	ALL(CONNECT);
	ASSERT_OK(call_good(self, CONNECT, &a));
	EXPECT_EQ(self->h.c.is.binding_size, a.connect.binding_size);
	EXPECT_EQ(2, service_stat(self->fd).bindings);
	EXPECT_TRUE(calls_are_there(self));
}

TEST_F(bad, collect)
{
	union arg a;

	self->fd = self->h.c.fd;
	ALL(COLLECT);
	EXPECT_EQ(3, call_good(self, COLLECT, &a));
	EXPECT_EQ(DONE, a.collect.stack);
	EXPECT_EQ(self->tokens[DONE], a.collect.token);
}

TEST_F(bad, cancel)
{
	union arg a;

	self->fd = self->h.c.fd;
	ALL(CANCEL);
	EXPECT_OK(call_good(self, CANCEL, &a));
	EXPECT_TRUE(s_has(self->h.fd, 0, 1));
}

TEST_F(bad, serve)
{
	struct kipc_service_serve *serve = (void *)(self->rw + PAGE);
	union arg a;

	/* What cannot be written then is the call: it is not lost. */
	descriptors(_metadata, self, SERVE_);
	structure(_metadata, self, SERVE_);
	self->replies = true;
	fields(_metadata, self, SERVE_);
	serve = (void *)((char *)serve - offsetof(struct kipc_service_serve, call));
	memset(serve, 0, offsetof(struct kipc_service_serve, call));
	EXPECT_ERR(EFAULT, ioctl(self->fd, KIPC_IOC_SERVICE_SERVE, serve));
	serve = (void *)((char *)serve - sizeof(struct kipc_served) / 2);
	memset(serve, 0, offsetof(struct kipc_service_serve, call));
	EXPECT_ERR(EFAULT, ioctl(self->fd, KIPC_IOC_SERVICE_SERVE, serve));
	EXPECT_EQ(NULL, damage(self));
	/* With one, that is given. */
	serve->reply.token = self->tokens[TAKEN];
	serve->reply.status = 4;
	EXPECT_ERR(EFAULT, ioctl(self->fd, KIPC_IOC_SERVICE_SERVE, serve));
	EXPECT_EQ(0, serve->reply.token);
	EXPECT_EQ(4, s_collect(self->h.c.fd, &self->tokens[TAKEN], NULL, KIPC_NO_WAIT));
	good(self, SERVE_, &a);
	EXPECT_ERR(ENOENT, ioctl(self->fd, KIPC_IOC_SERVICE_SERVE, &a));
	a.serve.reply.token = 0;
	EXPECT_OK(ioctl(self->fd, KIPC_IOC_SERVICE_SERVE, &a));
	EXPECT_EQ(self->tokens[LINE], a.serve.call.token);
	EXPECT_EQ(LINE, a.serve.call.args[0]);
	EXPECT_EQ(0, a.serve.call.reserved);
}

TEST_F(bad, serve_longer)
{
	union arg a;

	self->replies = true;
	ASSERT_OK(call_good(self, SERVE_, &a));
	EXPECT_EQ(self->tokens[LINE], a.serve.call.token);
	EXPECT_EQ(0, a.serve.reply.token);
	EXPECT_EQ(0, s_collect(self->h.c.fd, &self->tokens[TAKEN], NULL, KIPC_NO_WAIT));
}

TEST_F(bad, reply)
{
	union arg a;

	ALL(REPLY);
	EXPECT_OK(call_good(self, REPLY, &a));
	EXPECT_ERR(ENOENT, call_good(self, REPLY, &a));
	EXPECT_EQ(0, s_collect(self->h.c.fd, &self->tokens[TAKEN], NULL, KIPC_NO_WAIT));
}

TEST_F(bad, attach)
{
	union arg a;

	ALL(ATTACH);
	ASSERT_OK(call_good(self, ATTACH, &a));
	EXPECT_EQ(1, total("carried"));
	EXPECT_TRUE(calls_are_there(self));
}

TEST_F(bad, take)
{
	union arg a;

	ALL(TAKE_);
	ASSERT_OK(call_good(self, TAKE_, &a));
	EXPECT_EQ(1, a.handles.handles.count);
	EXPECT_NE(self->plain, ((struct kipc_descriptor *)self->item)->fd);
	EXPECT_EQ(0, total("carried"));
	EXPECT_TRUE(calls_are_there(self));
}

TEST_F(bad, stat)
{
	union arg a;

	ALL(STAT_);
	ASSERT_OK(call_good(self, STAT_, &a));
	EXPECT_EQ(0, memcmp(&a.stat, &self->figures, sizeof(a.stat)));
	EXPECT_EQ(0, a.stat.reserved);
	EXPECT_TRUE(calls_are_there(self));
}

/* Its argument is a number. */
TEST_F(bad, call)
{
	struct kipc_frame *frame = frame_of(&self->h.c, FREE);
	unsigned int i, bit;
	unsigned long arg;

	self->fd = self->h.c.fd;
	ALL(CALL_);
	for (i = 0; i < 8 * sizeof(arg); i++) {
		arg = 1UL << i;
		if (arg == KIPC_SERVICE_SUBMIT)
			continue;
		if (arg >= STACKS) {
			EXPECT_ERR(EINVAL, ioctl(self->fd, KIPC_IOC_SERVICE_CALL, arg));
			arg |= KIPC_SERVICE_SUBMIT;
			EXPECT_ERR(EINVAL, ioctl(self->fd, KIPC_IOC_SERVICE_CALL, arg));
		} else {
			EXPECT_ERR(EBUSY, ioctl(self->fd, KIPC_IOC_SERVICE_CALL,
						arg | KIPC_SERVICE_SUBMIT));
		}
	}
	EXPECT_ERR(EINVAL, ioctl(self->fd, KIPC_IOC_SERVICE_CALL, ~0UL));
	arg = FREE | KIPC_SERVICE_SUBMIT;
	for (i = 0; i < ARRAY_SIZE(frame->reserved); i++) {
		for (bit = 0; bit < 64; bit++) {
			frame->reserved[i] = 1ULL << bit;
			EXPECT_ERR(EINVAL, ioctl(self->fd, KIPC_IOC_SERVICE_CALL, arg));
		}
		frame->reserved[i] = 0;
	}
	EXPECT_ERR(EAGAIN, ioctl(self->fd, KIPC_IOC_SERVICE_CALL, (long)FREE));
	EXPECT_EQ(NULL, damage(self));
	EXPECT_OK(ioctl(self->fd, KIPC_IOC_SERVICE_CALL, arg));
	EXPECT_NE(0, frame->token);
	EXPECT_TRUE(calls_are_there(self));
}

/* What has no structure has no size. */
TEST_F(bad, sizes_of_nothing)
{
	union arg a;

	memset(&a, 0, sizeof(a));
	ALL(STOP);
	MUST_FAIL(self->fd, sized(STOP, 8), &a, 8, EINVAL, "stop with a structure");
	MUST_FAIL(self->h.c.fd, sized(CALL_, 8), &a, 8, EINVAL, "call with a structure");
	MUST_FAIL(self->h.c.fd, _IOW(KIPC_IOC_MAGIC, 0x61, int), &a, 4, ENOTTY, "writing");
	MUST_FAIL(self->fd, _IO(KIPC_IOC_MAGIC, 0x68), &a, 4, ENOTTY, "the next number");
	MUST_FAIL(self->fd, _IO(KIPC_IOC_MAGIC, 0x5f), &a, 4, ENOTTY, "the one before");
	EXPECT_TRUE(calls_are_there(self));
	EXPECT_OK(ioctl(self->fd, KIPC_IOC_SERVICE_STOP));
}

/* The calls of other kinds, and those of services on these. */
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
		KIPC_IOC_PIPE_WRITE, KIPC_IOC_PIPE_READ, KIPC_IOC_PIPE_STAT,
		KIPC_IOC_PIPE_RESIZE,
	};
	int others[3] = { default_box(), default_queue(), -1 };
	size_t i, k, size;
	union arg a;

	others[2] = p_create(NULL, 0, 0, 0600, KIPC_PIPE_RIGHTS, 0);
	ASSERT_OK(others[2]);
	take_figures(self);
	for (i = 0; i < ARRAY_SIZE(theirs); i++) {
		memset(&a, 0, sizeof(a));
		MUST_FAIL(self->fd, theirs[i], &a, sizeof(a), ENOTTY,
			  "ioctl %#x on a service", _IOC_NR(theirs[i]));
	}
	for (k = 0; k < ARRAY_SIZE(others); k++) {
		for (i = CONNECT; i <= STAT_; i++) {
			size = good(self, i, &a);
			MUST_FAIL(others[k], ops[i].cmd, &a, size, ENOTTY,
				  "ioctl %#x on %zu", _IOC_NR(ops[i].cmd), k);
		}
	}
	/* It holds nothing. */
	EXPECT_ERR(EINVAL, q_notify(self->fd, KIPC_EVENT_NONEMPTY, 0, SIGUSR1, 0));
	EXPECT_ERR(ENOENT, q_notify(self->fd, 0, 0, 0, 0));
	EXPECT_ERR(EPERM, k_publish(self->fd));
	EXPECT_EQ(NULL, damage(self));
	EXPECT_TRUE(calls_are_there(self));
}

TEST_HARNESS_MAIN
