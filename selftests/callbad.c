// SPDX-License-Identifier: GPL-2.0
/*
 * Bad input to calls that carry handles, in the manner of badinput.c: each must fail as
 * documented, and a call that a server has, another that is done, and what its reply
 * carries, must be as they were.  Also built for 32 bit.
 */
#include "test.h"
#include "callbad_table.h"
#include "kcallhandles.h"

#define PAGE		4096
#define ANSWER		"the reply that must not get lost"

FIXTURE(bad) {
	int ctl, fd;
	int sender, receiver, manager;
	int plain;		/* a descriptor to be carried */
	char *rw;		/* one page; the next one is not accessible */
	char *ro;		/* one page that can only be read */
	char *data;		/* what pointers point to when they are good */
	struct kipc_mailbox_attr *attr;
	char *item;
	uint64_t taken, done;	/* tokens */
	struct kipc_mailbox_stat figures;
	uint64_t objects, handles;
};

/* A call that this process serves; the token. */
static uint64_t serve_one(int fd)
{
	struct h_both h = { .room = TAKES };
	uint64_t token;
	char c;

	CHECK(!h_ask(fd, "?", 1, NULL, LONGEST, &h, &token, KIPC_CALL_SUBMIT, 0));
	CHECK(k_serve(fd, &c, 1, NULL, 0, 0) == 1);
	return token;
}

FIXTURE_SETUP(bad)
{
	struct kipc_mailbox_attr attr = { 10, 1000, LONGEST, KIPC_MAILBOX_HANDLES };

	bad_pages(&self->rw, &self->ro, &self->data);
	self->item = malloc(PAGE);
	self->attr = malloc(sizeof(attr));
	*self->attr = attr;
	self->ctl = control();
	self->plain = h_memfd();
	self->fd = k_create(self->ctl, NULL, &attr, 0600, ALL_RIGHTS, 0);
	ASSERT_OK(self->fd);
	self->sender = k_narrow(self->fd, SEND, 0);
	self->receiver = k_narrow(self->fd, RECEIVE, 0);
	self->manager = k_narrow(self->fd, MANAGE, 0);
	self->done = serve_one(self->fd);
	self->taken = serve_one(self->fd);
	ASSERT_OK(h_reply(self->fd, self->done, ANSWER, sizeof(ANSWER),
			  &(struct kipc_descriptor){ .fd = self->plain }, 1));
	self->figures = stat_of(self->fd);
	self->objects = total("objects");
	self->handles = total("handles");
}

FIXTURE_TEARDOWN(bad)
{
}

/* Arguments with which the call works; returns the structure's size. */
static size_t good(FIXTURE_DATA(bad) *self, enum op op, union arg *a)
{
	memset(a, 0, sizeof(*a));
	*(struct kipc_descriptor *)self->item = (struct kipc_descriptor){ .fd = self->plain };
	switch (op) {
	case ASK:
		a->call = (struct kipc_mailbox_call_handles){
			.call = { .data = ptr(self->data), .size = 60, .reply_size = 60,
				  .flags = KIPC_CALL_SUBMIT, .token = NO_SUCH_TOKEN },
			.request = { .items = ptr(self->item), .count = 1 },
			.reply = { .count = 1 },
		};
		break;
	case REPLY:
		a->reply = (struct kipc_mailbox_reply_handles){
			.reply = { .token = self->taken, .data = ptr(self->data), .size = 60 },
			.handles = { .items = ptr(self->item), .count = 1 },
		};
		break;
	case COLLECT:
		a->collect = (struct kipc_mailbox_collect_handles){
			.collect = { .token = self->done, .data = ptr(self->data), .size = 60 },
			.handles = { .items = ptr(self->item), .count = 1 },
		};
		memset(&a->collect.collect.letter, POISON, sizeof(struct kipc_letter));
		break;
	}
	return _IOC_SIZE(ops[op].cmd);
}

/* What is wrong after a call that had to fail, or NULL. */
static const char *damage(FIXTURE_DATA(bad) *self)
{
	struct kipc_mailbox_stat st = stat_of(self->fd);
	uint64_t token;
	char c;

	if (memcmp(&st, &self->figures, sizeof(st)))
		return "the mailbox's figures have changed";
	if (total("carried") != 1)
		return "something is on its way, or nothing is";
	token = self->taken;
	if (k_collect(self->fd, &token, &c, 1, NULL, 0) != -1 || errno != EAGAIN)
		return "the call is over";
	token = self->done;
	if (k_collect(self->fd, &token, &c, 1, NULL, 0) != -1 || errno != EBADMSG)
		return "the reply has gone";
	if (!poisoned(self->data, PAGE))
		return "the data buffer was written to";
	return come_or_gone(self->objects, self->handles);
}

#include "badinput_drive.h"

TEST_F(bad, ask)
{
	union arg a;
	size_t size;

	ALL(ASK);
	size = good(self, ASK, &a);
	MUST_FAIL(self->receiver, KIPC_IOC_MAILBOX_CALL_HANDLES, &a, size, EBADF, "receiver");
	MUST_FAIL(self->manager, KIPC_IOC_MAILBOX_CALL_HANDLES, &a, size, EBADF, "manager");
	((struct kipc_descriptor *)self->item)->fd = self->sender;
	MUST_FAIL(self->fd, KIPC_IOC_MAILBOX_CALL_HANDLES, &a, size, ELOOP, "itself");
	ASSERT_OK(call_good(self, ASK, &a));
	EXPECT_NE(NO_SUCH_TOKEN, a.call.call.token);
	EXPECT_EQ(2, total("carried"));
}

TEST_F(bad, reply)
{
	union arg a;
	size_t size;

	ALL(REPLY);
	size = good(self, REPLY, &a);
	MUST_FAIL(self->sender, KIPC_IOC_MAILBOX_REPLY_HANDLES, &a, size, EBADF, "sender");
	MUST_FAIL(self->manager, KIPC_IOC_MAILBOX_REPLY_HANDLES, &a, size, EBADF, "manager");
	((struct kipc_descriptor *)self->item)->fd = self->sender;
	MUST_FAIL(self->fd, KIPC_IOC_MAILBOX_REPLY_HANDLES, &a, size, ELOOP, "itself");
	ASSERT_OK(call_good(self, REPLY, &a));
	EXPECT_EQ(2, total("carried"));
}

TEST_F(bad, collect)
{
	union arg a;
	size_t size;

	ALL(COLLECT);
	size = good(self, COLLECT, &a);
	MUST_FAIL(self->receiver, KIPC_IOC_MAILBOX_COLLECT_HANDLES, &a, size, EBADF,
		  "receiver");
	MUST_FAIL(self->sender, KIPC_IOC_MAILBOX_COLLECT_HANDLES, &a, size, ENOENT,
		  "another's");
	ASSERT_EQ(sizeof(ANSWER), call_good(self, COLLECT, &a));
	EXPECT_EQ(1, a.collect.handles.count);
	EXPECT_EQ(0, memcmp(self->data, ANSWER, sizeof(ANSWER)));
	EXPECT_EQ(0, total("carried"));
	EXPECT_TRUE(h_same(((struct kipc_descriptor *)self->item)->fd, self->plain));
}

TEST_HARNESS_MAIN
