// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of objects and their names: opening, removal, the end.
 */
#include "test.h"
#include "race.h"

#define GONE (POLLERR | POLLHUP)

FIXTURE(object) {
	int ctl, fd;
	const char *name;
	long id;
};

FIXTURE_SETUP(object)
{
	NEED_DELAY_POINTS();
	self->ctl = control();
	self->name = temp_name("race");
	self->fd = k_create(self->ctl, self->name, NULL, 0600, ALL_RIGHTS, 0);
	CHECK(self->fd >= 0);
	self->id = id_of(self->fd);
}

FIXTURE_TEARDOWN(object)
{
	race_end();
}

/* Marked as removed, and nobody woken yet: it is removed for everybody. */
TEST_F(object, removal)
{
	struct party *r = remover(self->fd), *waits = receiver(self->fd, SMALL);
	struct kipc_info info;
	int other;

	go(waits);
	wait_waiters(self->fd, 0, 1, waits->pid);
	hold(r, "remove_marked");
	EXPECT_TRUE(asleep(waits));
	/* Who waits is in nobody's way, and gets to know it so. */
	EXPECT_EQ(-EIDRM, take(self->fd));
	EXPECT_EQ(-EIDRM, outcome(waits));
	EXPECT_ERR(ENOENT, k_open(self->ctl, self->name, SEND, 0));
	EXPECT_ERR(ENOENT, k_unlink(self->ctl, self->name));
	EXPECT_ERR(EIDRM, k_remove(self->fd));
	EXPECT_ERR(EIDRM, k_narrow(self->fd, SEND, 0));
	EXPECT_ERR(EIDRM, k_send(self->fd, "x", 1, 1, KIPC_NO_WAIT));
	EXPECT_OK(k_info(self->fd, &info));
	EXPECT_EQ(KIPC_INFO_REMOVED, info.flags);
	EXPECT_EQ(0, info.name_len);
	EXPECT_EQ(GONE, poll_mask(self->fd, POLLIN | POLLOUT));
	other = k_create(self->ctl, self->name, NULL, 0600, ALL_RIGHTS,
			 KIPC_EXCL);
	ASSERT_OK(other);
	EXPECT_NE(self->id, id_of(other));
	kill(r->pid, SIGKILL);
	release("remove_marked");
	EXPECT_EQ(KILLED, outcome(r));
	/* The new one is another one's. */
	EXPECT_OK(k_open(self->ctl, self->name, SEND, 0));
	EXPECT_OK(send_number(other, 1));
}

/* Letters are there, and nobody gets them any more, but who was promised one. */
TEST_F(object, removal_with_letters)
{
	struct party *r = remover(self->fd), *had = receiver(self->fd, SMALL);
	struct party *copier = receiver(self->fd, LARGE);

	EXPECT_EQ(0, put(self->fd, LARGE, 1));
	EXPECT_EQ(0, put(self->fd, SMALL, 2));
	hold(copier, "receive_copying");
	arm("after_sleep", had);
	go(had);
	wait_waiters(self->fd, 0, 1, had->pid);
	release("receive_copying");
	EXPECT_EQ(1, outcome(copier));
	wait_held("after_sleep", had);
	EXPECT_EQ(0, put(self->fd, SMALL, 3));
	hold(r, "remove_marked");
	EXPECT_EQ(-EIDRM, take(self->fd));
	EXPECT_EQ(-EIDRM, peek(self->fd));
	release("after_sleep");
	EXPECT_EQ(2, outcome(had));
	release("remove_marked");
	EXPECT_EQ(0, outcome(r));
	EXPECT_EQ(0, stat_of(self->fd).letters);
	EXPECT_EQ(2, stat_of(self->fd).received);
}

/* A waiting sender that is granted room by a receiver, just as all ends. */
TEST_F(object, removal_and_granted_sender)
{
	struct handles box = race_box(1, SMALL, SMALL, 0);
	struct party *s = sender(box.out, SMALL, 2), *r = remover(box.manage);

	EXPECT_EQ(0, put(box.out, SMALL, 1));
	arm("after_sleep", s);
	go(s);
	wait_waiters(box.manage, 1, 0, s->pid);
	EXPECT_EQ(1, take(box.in));
	wait_held("after_sleep", s);
	hold(r, "remove_marked");
	release("after_sleep");
	EXPECT_EQ(-EIDRM, outcome(s));
	release("remove_marked");
	EXPECT_EQ(0, outcome(r));
	EXPECT_EQ(0, stat_of(box.manage).letters);
}

/* Two remove it: the first one to mark it has. */
TEST_F(object, removal_by_two)
{
	struct party *r = remover(self->fd), *too = remover(self->fd);

	hold(r, "remove_marked");
	go(too);
	EXPECT_EQ(-EIDRM, outcome(too));
	release("remove_marked");
	EXPECT_EQ(0, outcome(r));
}

/* The last hold is gone, the name is not: the name is free all the same. */
TEST_F(object, dying)
{
	enum { OPEN, UNLINK, CREATE, CREATE_EXCL, CREATE_PERSISTENT, NOTHING };
	int how, fd = self->fd;

	for (how = OPEN; how <= NOTHING; how++) {
		struct party *last = closer(fd);
		long id = self->id;

		hold(last, "object_dying");
		fd = -1;
		if (how == OPEN) {
			EXPECT_ERR(ENOENT, k_open(self->ctl, self->name,
						  SEND, 0));
		} else if (how == UNLINK) {
			EXPECT_ERR(ENOENT, k_unlink(self->ctl, self->name));
		} else if (how != NOTHING) {
			fd = k_create(self->ctl, self->name, NULL, 0600,
				      ALL_RIGHTS,
				      how == CREATE_EXCL ? KIPC_EXCL :
				      how == CREATE_PERSISTENT ?
				      KIPC_PERSISTENT : 0);
			ASSERT_OK(fd);
			EXPECT_NE(id, id_of(fd));
			EXPECT_EQ(2, total("objects"));
		}
		if (how == CREATE)
			kill(last->pid, SIGKILL);
		release("object_dying");
		EXPECT_EQ(how == CREATE ? KILLED : 0, outcome(last));
		if (fd < 0) {
			EXPECT_EQ(0, total("objects"));
			EXPECT_ERR(ENOENT, k_open(self->ctl, self->name,
						  SEND, 0));
			fd = k_create(self->ctl, self->name, NULL, 0600,
				      ALL_RIGHTS, KIPC_EXCL);
			ASSERT_OK(fd);
		} else {
			/* The dying one has not taken the new one's name. */
			int again = k_open(self->ctl, self->name, SEND, 0);

			ASSERT_OK(again);
			EXPECT_EQ(id_of(fd), id_of(again));
			close(again);
		}
		self->id = id_of(fd);
		/* Else the name holds it. */
		if (how == CREATE_PERSISTENT)
			EXPECT_OK(k_unlink(self->ctl, self->name));
	}
	EXPECT_EQ(1, total("objects"));
}

/* The name of a persistent one goes: that was its last hold. */
TEST_F(object, dying_by_unlink)
{
	const char *name = temp_name("persistent");
	struct party *p = creator(self->ctl, name, KIPC_PERSISTENT);
	int fd;

	go(p);
	EXPECT_GT(outcome(p), self->id);
	dismiss(p);
	fd = k_open(self->ctl, name, SEND | RECEIVE, 0);
	ASSERT_OK(fd);
	EXPECT_OK(send_number(fd, 1));
	EXPECT_OK(k_unlink(self->ctl, name));
	p = closer(fd);
	hold(p, "object_dying");
	EXPECT_ERR(ENOENT, k_open(self->ctl, name, SEND, 0));
	fd = k_create(self->ctl, name, NULL, 0600, ALL_RIGHTS, KIPC_EXCL);
	ASSERT_OK(fd);
	EXPECT_EQ(-EAGAIN, take(fd));
	release("object_dying");
	EXPECT_EQ(0, outcome(p));
	EXPECT_OK(k_open(self->ctl, name, SEND, 0));
}

/* Found by name, and not opened yet. */

TEST_F(object, found_and_removed)
{
	struct party *p = opener(self->ctl, self->name, ALL_RIGHTS);

	hold(p, "open_found");
	EXPECT_OK(k_remove(self->fd));
	release("open_found");
	/* As if it had come a moment sooner. */
	EXPECT_EQ(self->id, outcome(p));
	EXPECT_ERR(ENOENT, k_open(self->ctl, self->name, SEND, 0));
	EXPECT_EQ(GONE, poll_mask(self->fd, POLLIN));
	EXPECT_EQ(-EIDRM, put(self->fd, SMALL, 1));
}

TEST_F(object, found_and_unlinked)
{
	struct party *p = opener(self->ctl, self->name, ALL_RIGHTS);

	hold(p, "open_found");
	EXPECT_OK(k_unlink(self->ctl, self->name));
	release("open_found");
	EXPECT_EQ(self->id, outcome(p));
	EXPECT_EQ(2, total("handles"));
	EXPECT_ERR(ENOENT, k_open(self->ctl, self->name, SEND, 0));
}

TEST_F(object, found_and_renamed)
{
	struct party *p = opener(self->ctl, self->name, ALL_RIGHTS);
	int fd;

	hold(p, "open_found");
	EXPECT_OK(k_unlink(self->ctl, self->name));
	fd = k_create(self->ctl, self->name, NULL, 0600, ALL_RIGHTS, KIPC_EXCL);
	ASSERT_OK(fd);
	release("open_found");
	EXPECT_EQ(self->id, outcome(p));
	EXPECT_NE(self->id, id_of(fd));
}

/* The permission counts that is there when it is asked. */
TEST_F(object, found_and_chmod)
{
	struct party *p;

	EXPECT_OK(fchmod(self->fd, 0606));
	p = opener(self->ctl, self->name, SEND);
	p->nobody = true;
	hold(p, "open_found");
	EXPECT_OK(fchmod(self->fd, 0600));
	release("open_found");
	EXPECT_EQ(-EACCES, outcome(p));
	dismiss(p);

	p = opener(self->ctl, self->name, SEND);
	p->nobody = true;
	hold(p, "open_found");
	EXPECT_OK(fchmod(self->fd, 0602));
	release("open_found");
	EXPECT_EQ(self->id, outcome(p));
}

/* Its last handle is closed: it lives on, with its letters, by who has found it. */
TEST_F(object, found_and_closed)
{
	struct party *p = opener(self->ctl, self->name, ALL_RIGHTS);
	int fd;

	EXPECT_EQ(0, put(self->fd, SMALL, 1));
	hold(p, "open_found");
	close(self->fd);
	EXPECT_EQ(0, total("handles"));
	EXPECT_EQ(1, total("objects"));
	fd = k_open(self->ctl, self->name, ALL_RIGHTS, 0);
	ASSERT_OK(fd);
	close(fd);
	release("open_found");
	EXPECT_EQ(self->id, outcome(p));
	fd = k_open(self->ctl, self->name, ALL_RIGHTS, 0);
	ASSERT_OK(fd);
	EXPECT_EQ(1, take(fd));
}

/* ... and if that one may not open it, or is killed, it was the last one. */
TEST_F(object, found_and_closed_in_vain)
{
	struct party *p = opener(self->ctl, self->name, SEND);

	EXPECT_EQ(0, put(self->fd, SMALL, 1));
	p->nobody = true;
	hold(p, "open_found");
	close(self->fd);
	EXPECT_EQ(1, total("objects"));
	release("open_found");
	EXPECT_EQ(-EACCES, outcome(p));
	EXPECT_EQ(0, total("objects"));
	EXPECT_ERR(ENOENT, k_open(self->ctl, self->name, SEND, 0));
}

TEST_F(object, found_and_killed)
{
	struct party *p = opener(self->ctl, self->name, SEND);

	hold(p, "open_found");
	close(self->fd);
	kill(p->pid, SIGKILL);
	p->stays = false;
	release("open_found");
	EXPECT_EQ(KILLED, outcome(p));
	EXPECT_EQ(0, total("objects"));
	EXPECT_EQ(0, total("handles"));
}

static long act_unlink(struct party *p)
{
	return k_unlink(p->fd, p->name);
}

/* Found by name, and not unlinked yet. */
TEST_F(object, to_be_unlinked)
{
	enum { AS_IT_IS, UNLINKED, REPLACED, REMOVED, CLOSED, GIVEN, DEAD, END };
	static const long want[] = { 0, -ENOENT, -ENOENT, -ENOENT, 0, -EACCES,
				     KILLED };
	int how;

	for (how = AS_IT_IS; how < END; how++) {
		struct party *p = party(act_unlink, self->ctl);
		int fd = -1;

		p->name = self->name;
		p->nobody = how == GIVEN;
		if (how == GIVEN)
			EXPECT_OK(fchown(self->fd, NOBODY, NOBODY));
		hold(p, "unlink_found");
		if (how == UNLINKED || how == REPLACED)
			EXPECT_OK(k_unlink(self->ctl, self->name));
		if (how == REPLACED)
			fd = k_create(self->ctl, self->name, NULL, 0600,
				      ALL_RIGHTS, KIPC_EXCL);
		if (how == REMOVED)
			EXPECT_OK(k_remove(self->fd));
		if (how == CLOSED)
			close(self->fd);
		if (how == GIVEN)
			EXPECT_OK(fchown(self->fd, 0, 0));
		if (how == DEAD)
			kill(p->pid, SIGKILL);
		release("unlink_found");
		EXPECT_EQ(want[how], outcome(p));
		/* The one that is there now was not meant. */
		if (how == REPLACED || how == GIVEN) {
			EXPECT_OK(k_unlink(self->ctl, self->name));
		} else {
			EXPECT_ERR(ENOENT, k_unlink(self->ctl, self->name));
		}
		if (how != CLOSED)
			close(self->fd);
		if (how == REPLACED)
			close(fd);
		EXPECT_EQ(0, total("objects"));
		self->fd = k_create(self->ctl, self->name, NULL, 0600,
				    ALL_RIGHTS, KIPC_EXCL);
		ASSERT_OK(self->fd);
	}
}

/* Senders are gone, then there is one again: both are true in their time. */
TEST_F(object, found_and_hung_up)
{
	struct kipc_mailbox_attr attr = { 9, 999, 99, KIPC_MAILBOX_HANGUP };
	const char *name = temp_name("hangup");
	int fd = k_create(self->ctl, name, &attr, 0600, ALL_RIGHTS, 0);
	int in = k_narrow(fd, RECEIVE, 0);
	struct party *p = opener(self->ctl, name, SEND);

	hold(p, "open_found");
	EXPECT_EQ(-EAGAIN, take(in));
	close(fd);
	EXPECT_EQ(-EPIPE, take(in));
	EXPECT_EQ(POLLIN | POLLHUP, poll_mask(in, POLLIN));
	release("open_found");
	EXPECT_EQ(id_of(in), outcome(p));
	EXPECT_EQ(-EAGAIN, take(in));
	dismiss(p);
	EXPECT_EQ(-EPIPE, take(in));
}

TEST_HARNESS_MAIN
