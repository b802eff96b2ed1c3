// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of letters and messages that carry handles: a receiver is held before,
 * between or after what it is given, and something else happens to the object.  Each
 * carries the last descriptor of a pipe's end, so that it shows when it is gone.
 */
#include "test.h"
#include "race.h"
#include "khandles.h"

#include <sys/resource.h>

enum { ROOM = 3 };

FIXTURE(taking) {
	const struct carrier_kind *k;
	struct handles box;
	struct party *r;
	int pipe;
};

FIXTURE_VARIANT(taking) {
	bool queue;
	const char *point;
};

FIXTURE_VARIANT_ADD(taking, letter_copying) { false, "receive_copying" };
FIXTURE_VARIANT_ADD(taking, letter_prepared) { false, "intake_prepared" };
FIXTURE_VARIANT_ADD(taking, letter_copied) { false, "receive_copied" };
FIXTURE_VARIANT_ADD(taking, message_copying) { true, "queue_receive_copying" };
FIXTURE_VARIANT_ADD(taking, message_prepared) { true, "intake_prepared" };
FIXTURE_VARIANT_ADD(taking, message_copied) { true, "queue_receive_copied" };

/* At the page that p->name is, if it is set. */
static struct kipc_descriptor *array_of(const struct party *p)
{
	char *page = (char *)p->name;

	if (page)
		return (void *)page;
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	CHECK(page != MAP_FAILED);
	if (!p->cold)
		memset(page, POISON, 64);
	if (p->unwritable)
		CHECK(!mprotect(page, 4096, PROT_READ));
	return (void *)page;
}

/* The number of what it got; p->seen: how many it carried, each of which works. */
static long take_carried(struct party *p, const struct carrier_kind *k)
{
	struct kipc_descriptor *items = array_of(p);
	uint64_t number = ~0ULL;
	struct h_got got = { 0 };
	unsigned int i;
	ssize_t ret;

	ret = h_recv_flags(k, p->fd, &number, sizeof(number), items, 2, &got, p->flags,
			   0, p->deadline);
	if (ret < 0) {
		ret = -errno;
		/* The standard ones, and the object's: nothing is left of it. */
		CHECK(h_descriptors() == 4);
		return ret;
	}
	CHECK(ret == sizeof(number));
	p->seen = got.count;
	for (i = 0; i < got.count && !(p->flags & KIPC_RECV_PEEK); i++)
		CHECK(write(items[i].fd, "x", 1) == 1);
	return number;
}

static long act_letter(struct party *p)
{
	return take_carried(p, &letters);
}

static long act_message(struct party *p)
{
	return take_carried(p, &messages);
}

static struct party *taker(FIXTURE_DATA(taking) *self)
{
	return party(self->k->kind == KIPC_KIND_QUEUE ? act_message : act_letter,
		     self->box.in);
}

/* Sends one with that number, which carries the pipe's end; 0 or a negative errno. */
static long put_carried(FIXTURE_DATA(taking) *self, uint64_t number, int end)
{
	struct kipc_descriptor item = { .fd = end };

	return h_send(self->k, self->box.out, &number, sizeof(number), &item, 1, 0) ?
	       -errno : 0;
}

static void set_up(FIXTURE_DATA(taking) *self, bool queue, uint64_t room,
		   unsigned int flags)
{
	int fd;

	self->k = queue ? &messages : &letters;
	fd = h_create_flags(self->k, room, self->k->handles_flag | flags);
	CHECK(fd >= 0);
	self->box = race_handles(fd);
	self->r = taker(self);
}

FIXTURE_SETUP(taking)
{
	int ends[2];

	NEED_DELAY_POINTS();
	set_up(self, variant->queue, ROOM,
	       variant->queue ? KIPC_QUEUE_HANGUP : KIPC_MAILBOX_HANGUP);
	CHECK(!pipe2(ends, O_CLOEXEC | O_NONBLOCK));
	self->pipe = ends[0];
	CHECK(!put_carried(self, 1, ends[1]));
	close(ends[1]);
}

FIXTURE_TEARDOWN(taking)
{
	race_end();
	EXPECT_EQ(0, total("carried"));
}

/* Bytes from the pipe until its other end was closed. */
static unsigned int until_the_end(int pipe)
{
	unsigned int n = 0;
	ssize_t ret;
	char c;

	do {
		wait_for((ret = read(pipe, &c, 1)) >= 0);
		n += ret;
	} while (ret);
	return n;
}

TEST_F(taking, nothing_happens)
{
	hold(self->r, variant->point);
	EXPECT_EQ(1, total("carried"));
	release(variant->point);
	EXPECT_EQ(1, outcome(self->r));
	EXPECT_EQ(1, self->r->seen);
	EXPECT_EQ(1, until_the_end(self->pipe));
}

TEST_F(taking, removed)
{
	hold(self->r, variant->point);
	EXPECT_OK(k_remove(self->box.manage));
	release(variant->point);
	/* It had it. */
	EXPECT_EQ(1, outcome(self->r));
	EXPECT_EQ(1, until_the_end(self->pipe));
}

TEST_F(taking, removed_and_fails)
{
	if (!strcmp(variant->point, "intake_prepared"))
		return;
	self->r->unwritable = true;
	hold(self->r, variant->point);
	EXPECT_OK(k_remove(self->box.manage));
	release(variant->point);
	EXPECT_EQ(-EIDRM, outcome(self->r));
	EXPECT_EQ(0, until_the_end(self->pipe));
}

TEST_F(taking, killed)
{
	hold(self->r, variant->point);
	kill(self->r->pid, SIGKILL);
	release(variant->point);
	EXPECT_EQ(KILLED, outcome(self->r));
	EXPECT_EQ(0, until_the_end(self->pipe));
	EXPECT_EQ(0, put_carried(self, 2, self->pipe));
}

/* The same of one whose page is missing: it does not come again. */
TEST_F(taking, killed_and_fails)
{
	struct party *next = taker(self);

	if (!strcmp(variant->point, "intake_prepared"))
		return;
	self->r->cold = true;
	hold(self->r, variant->point);
	kill(self->r->pid, SIGKILL);
	release(variant->point);
	EXPECT_EQ(KILLED, outcome(self->r));
	go(next);
	EXPECT_EQ(1, outcome(next));
	EXPECT_EQ(1, until_the_end(self->pipe));
}

TEST_F(taking, another_receiver)
{
	struct party *next = taker(self);
	int ends[2];

	ASSERT_OK(pipe2(ends, O_CLOEXEC));
	hold(self->r, variant->point);
	go(next);
	wait_for(asleep(next));
	release(variant->point);
	EXPECT_EQ(1, outcome(self->r));
	EXPECT_TRUE(asleep(next));
	EXPECT_EQ(0, put_carried(self, 2, ends[1]));
	EXPECT_EQ(2, outcome(next));
	EXPECT_EQ(1, until_the_end(self->pipe));
}

/* The first one cannot have it: the other gets it, with what it carries, once. */
TEST_F(taking, another_receiver_instead)
{
	struct party *next = taker(self);

	if (!strcmp(variant->point, "intake_prepared"))
		return;
	self->r->unwritable = true;
	hold(self->r, variant->point);
	go(next);
	wait_for(asleep(next));
	/* Nor is there a sender any more. */
	close(self->box.out);
	release(variant->point);
	EXPECT_EQ(-EFAULT, outcome(self->r));
	EXPECT_EQ(1, outcome(next));
	EXPECT_EQ(1, next->seen);
	EXPECT_EQ(1, until_the_end(self->pipe));
	next = taker(self);
	go(next);
	EXPECT_EQ(-EPIPE, outcome(next));
}

/* There was place for a descriptor, and is none when it comes. */
TEST_F(taking, no_descriptor_any_more)
{
	struct rlimit none = { 0, 0 };
	struct party *next = taker(self);

	if (strcmp(variant->point, "intake_prepared"))
		return;
	hold(self->r, variant->point);
	ASSERT_OK(prlimit(self->r->pid, RLIMIT_NOFILE, &none, NULL));
	release(variant->point);
	EXPECT_EQ(-EMFILE, outcome(self->r));
	EXPECT_EQ(1, total("carried"));
	go(next);
	EXPECT_EQ(1, outcome(next));
	EXPECT_EQ(1, until_the_end(self->pipe));
}

/* There was a page for their numbers, and is none when they are installed. */
TEST_F(taking, no_page_any_more)
{
	struct party *r, *next = taker(self);
	int memfd = h_memfd();
	char *page;

	if (strcmp(variant->point, "intake_prepared"))
		return;
	ASSERT_OK(ftruncate(memfd, 4096));
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	ASSERT_TRUE(page != MAP_FAILED);
	r = taker(self);
	r->name = page;
	hold(r, variant->point);
	ASSERT_OK(ftruncate(memfd, 0));
	release(variant->point);
	EXPECT_EQ(-EFAULT, outcome(r));
	EXPECT_EQ(1, total("carried"));
	go(next);
	EXPECT_EQ(1, outcome(next));
	EXPECT_EQ(1, until_the_end(self->pipe));
}

TEST_F(taking, quota_changes)
{
	uint64_t limit = get_limit("max_carried");
	int plain = h_memfd();

	hold(self->r, variant->point);
	set_limit("max_carried", 0);
	EXPECT_EQ(-EDQUOT, put_carried(self, 2, plain));
	release(variant->point);
	EXPECT_EQ(1, outcome(self->r));
	EXPECT_EQ(0, total("carried"));
	set_limit("max_carried", limit);
	EXPECT_EQ(1, until_the_end(self->pipe));
}

/* What one takes another does not see. */
TEST_F(taking, a_look)
{
	struct party *look = taker(self), *late = taker(self);

	look->flags = KIPC_RECV_PEEK;
	look->deadline = KIPC_NO_WAIT;
	hold(self->r, variant->point);
	go(look);
	EXPECT_EQ(-EAGAIN, outcome(look));
	late->flags = KIPC_RECV_PEEK;
	go(late);
	wait_for(asleep(late));
	release(variant->point);
	EXPECT_EQ(1, outcome(self->r));
	EXPECT_EQ(1, until_the_end(self->pipe));
	EXPECT_TRUE(asleep(late));
	EXPECT_EQ(KILLED, killed(late));
}

/* It carries until it is received, so it is not carried itself. */
TEST_F(taking, no_circle)
{
	int other = h_create(&letters);

	hold(self->r, variant->point);
	EXPECT_ERR(ELOOP, h_send_fd(&letters, other, self->box.manage));
	release(variant->point);
	EXPECT_EQ(1, outcome(self->r));
	EXPECT_OK(h_send_fd(&letters, other, self->box.manage));
	EXPECT_EQ(-ELOOP, put_carried(self, 2, self->pipe));
	close(other);
}

/* Full, but for what is being taken: who waits comes when that is gone. */
static long act_put_letter(struct party *p)
{
	struct kipc_descriptor item = { .fd = h_memfd() };

	return h_send(&letters, p->fd, &p->number, sizeof(p->number), &item, 1,
		      p->deadline) ? -errno : 0;
}

static long act_put_message(struct party *p)
{
	struct kipc_descriptor item = { .fd = h_memfd() };

	return h_send(&messages, p->fd, &p->number, sizeof(p->number), &item, 1,
		      p->deadline) ? -errno : 0;
}

TEST_F(taking, sender_waits)
{
	struct party *s = party(variant->queue ? act_put_message : act_put_letter,
				self->box.out), *next[ROOM];
	int i, plain = h_memfd();

	s->number = 4;
	hold(self->r, variant->point);
	EXPECT_EQ(0, put_carried(self, 2, plain));
	EXPECT_EQ(0, put_carried(self, 3, plain));
	EXPECT_EQ(-EAGAIN, put_carried(self, 9, plain));
	go(s);
	wait_for(asleep(s));
	EXPECT_EQ(4, total("carried"));
	release(variant->point);
	EXPECT_EQ(1, outcome(self->r));
	EXPECT_EQ(0, outcome(s));
	EXPECT_EQ(3, total("carried"));
	for (i = 0; i < ROOM; i++) {
		next[i] = taker(self);
		go(next[i]);
		EXPECT_EQ(2 + i, outcome(next[i]));
	}
}

/* Who sends to a full mailbox that drops the oldest does not drop what is being taken. */
TEST_F(taking, others_give_way)
{
	int i, plain = h_memfd();
	struct party *next;

	if (variant->queue)
		return;
	set_up(self, false, ROOM, KIPC_MAILBOX_DROP_OLDEST);
	EXPECT_EQ(0, put_carried(self, 1, plain));
	hold(self->r, variant->point);
	for (i = 2; i < 9; i++)
		EXPECT_EQ(0, put_carried(self, i, plain));
	/* The one of the fixture, the one that is taken, and two. */
	EXPECT_EQ(4, total("carried"));
	release(variant->point);
	EXPECT_EQ(1, outcome(self->r));
	for (i = 7; i < 9; i++) {
		next = taker(self);
		go(next);
		EXPECT_EQ(i, outcome(next));
	}
	close(self->pipe);
}

/* It cannot be taken, and comes back to a mailbox where no room is left: it gives way. */
TEST_F(taking, gives_way_when_it_is_back)
{
	int i, plain = h_memfd();
	struct party *next;

	if (variant->queue || !strcmp(variant->point, "intake_prepared"))
		return;
	set_up(self, false, ROOM, KIPC_MAILBOX_DROP_OLDEST);
	self->r->unwritable = true;
	EXPECT_EQ(0, put_carried(self, 1, plain));
	hold(self->r, variant->point);
	for (i = 2; i < 9; i++)
		EXPECT_EQ(0, put_carried(self, i, plain));
	release(variant->point);
	EXPECT_EQ(-EFAULT, outcome(self->r));
	EXPECT_EQ(0, put_carried(self, 9, plain));
	/* And the one of the fixture. */
	EXPECT_EQ(4, total("carried"));
	for (i = 7; i < 10; i++) {
		next = taker(self);
		go(next);
		EXPECT_EQ(i, outcome(next));
	}
	close(self->pipe);
}

/* A rendezvous: what becomes of the sender is decided by the receiver who is at it. */
TEST_F(taking, sender_would_leave)
{
	struct party *s;

	if (variant->queue)
		return;
	set_up(self, false, 0, 0);
	s = party(act_put_letter, self->box.out);
	s->number = 7;
	go(s);
	wait_for(asleep(s));
	hold(self->r, variant->point);
	arm("meet_leaving", s);
	interrupt(s);
	wait_held("meet_leaving", s);
	release("meet_leaving");
	release(variant->point);
	EXPECT_EQ(7, outcome(self->r));
	EXPECT_EQ(0, outcome(s));
}

TEST_F(taking, sender_leaves_who_cannot)
{
	struct party *s;

	if (variant->queue || !strcmp(variant->point, "intake_prepared"))
		return;
	set_up(self, false, 0, 0);
	self->r->unwritable = true;
	s = party(act_put_letter, self->box.out);
	go(s);
	wait_for(asleep(s));
	hold(self->r, variant->point);
	arm("meet_leaving", s);
	interrupt(s);
	wait_held("meet_leaving", s);
	release("meet_leaving");
	release(variant->point);
	EXPECT_EQ(-EFAULT, outcome(self->r));
	EXPECT_EQ(-EINTR, outcome(s));
	EXPECT_EQ(1, total("carried"));
}

TEST_F(taking, sender_is_killed)
{
	struct party *s;

	if (variant->queue)
		return;
	set_up(self, false, 0, 0);
	s = party(act_put_letter, self->box.out);
	s->number = 7;
	go(s);
	wait_for(asleep(s));
	hold(self->r, variant->point);
	arm("meet_leaving", s);
	kill(s->pid, SIGKILL);
	wait_held("meet_leaving", s);
	release("meet_leaving");
	release(variant->point);
	EXPECT_EQ(7, outcome(self->r));
	EXPECT_EQ(KILLED, outcome(s));
	EXPECT_EQ(1, total("carried"));
}

/* Who looks holds it a little longer than who receives it. */
TEST(looked_at)
{
	int fd, ends[2];
	struct party *look, *r;
	struct handles box;
	uint64_t number = 5;
	struct kipc_descriptor item;

	if (!delay_points())
		SKIP(return, "the module has no delay points");
	fd = h_create(&letters);
	box = race_handles(fd);
	ASSERT_OK(pipe2(ends, O_CLOEXEC));
	item = (struct kipc_descriptor){ .fd = ends[1] };
	ASSERT_OK(h_send(&letters, box.out, &number, sizeof(number), &item, 1, 0));
	close(ends[1]);
	look = party(act_letter, box.in);
	look->flags = KIPC_RECV_PEEK;
	r = party(act_letter, box.in);
	hold(look, "peek_pinned");
	go(r);
	EXPECT_EQ(5, outcome(r));
	EXPECT_OK(k_remove(box.manage));
	EXPECT_EQ(1, total("carried"));
	release("peek_pinned");
	EXPECT_EQ(5, outcome(look));
	EXPECT_EQ(0, total("carried"));
	EXPECT_EQ(1, until_the_end(ends[0]));
	race_end();
}

TEST_HARNESS_MAIN
