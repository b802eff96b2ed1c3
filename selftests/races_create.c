// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of creation: a name that was absent, and another has made it
 * meanwhile, or made and unlinked it.
 */
#include "test.h"
#include "race.h"

FIXTURE(create) {
	int ctl;
	const char *name;
};

FIXTURE_VARIANT(create) {
	const char *point;
};

FIXTURE_VARIANT_ADD(create, absent) { "create_absent" };
FIXTURE_VARIANT_ADD(create, unnamed) { "create_unnamed" };

FIXTURE_SETUP(create)
{
	NEED_DELAY_POINTS();
	self->ctl = control();
	self->name = temp_name("create");
}

FIXTURE_TEARDOWN(create)
{
	race_end();
}

static int make(FIXTURE_DATA(create) *self, unsigned int flags)
{
	int fd = k_create(self->ctl, self->name, NULL, 0606, ALL_RIGHTS, flags);

	CHECK(fd >= 0);
	return fd;
}

TEST_F(create, made_meanwhile)
{
	struct party *p = creator(self->ctl, self->name, 0);
	int fd;

	hold(p, variant->point);
	EXPECT_ERR(ENOENT, k_open(self->ctl, self->name, SEND, 0));
	fd = make(self, KIPC_EXCL);
	release(variant->point);
	EXPECT_EQ(id_of(fd), outcome(p));
	/* What it had made itself is gone. */
	EXPECT_EQ(1, total("objects"));
	EXPECT_EQ(2, total("handles"));
}

TEST_F(create, made_meanwhile_exclusive)
{
	struct party *p = creator(self->ctl, self->name, KIPC_EXCL);
	int fd;

	hold(p, variant->point);
	fd = make(self, 0);
	release(variant->point);
	EXPECT_EQ(-EEXIST, outcome(p));
	EXPECT_EQ(1, total("objects"));
	EXPECT_EQ(1, total("handles"));
	EXPECT_OK(send_number(fd, 1));
}

TEST_F(create, made_meanwhile_persistent)
{
	struct party *p = creator(self->ctl, self->name,
				  KIPC_EXCL | KIPC_PERSISTENT);
	int fd;

	hold(p, variant->point);
	fd = make(self, KIPC_PERSISTENT);
	release(variant->point);
	EXPECT_EQ(-EEXIST, outcome(p));
	close(fd);
	EXPECT_EQ(1, total("objects"));
	EXPECT_OK(k_unlink(self->ctl, self->name));
	EXPECT_EQ(0, total("objects"));
}

TEST_F(create, made_and_unlinked)
{
	unsigned int flags;

	for (flags = 0; flags <= KIPC_EXCL; flags += KIPC_EXCL) {
		struct party *p = creator(self->ctl, self->name, flags);
		int fd, again;

		hold(p, variant->point);
		fd = make(self, KIPC_EXCL);
		EXPECT_OK(k_unlink(self->ctl, self->name));
		release(variant->point);
		EXPECT_GT(outcome(p), 0);
		EXPECT_NE(id_of(fd), p->result);
		again = k_open(self->ctl, self->name, SEND, 0);
		ASSERT_OK(again);
		EXPECT_EQ(p->result, id_of(again));
		close(again);
		close(fd);
		dismiss(p);
		EXPECT_EQ(0, total("objects"));
	}
}

/* It finds the other's, which vanishes before it is opened. */
TEST_F(create, made_and_going)
{
	struct party *p = creator(self->ctl, self->name, 0);
	long id;
	int fd;

	hold(p, variant->point);
	fd = make(self, KIPC_EXCL);
	id = id_of(fd);
	arm("open_found", p);
	release(variant->point);
	wait_held("open_found", p);
	EXPECT_OK(k_unlink(self->ctl, self->name));
	close(fd);
	/* What it had made itself goes when it returns. */
	EXPECT_EQ(2, total("objects"));
	release("open_found");
	EXPECT_EQ(id, outcome(p));
	EXPECT_EQ(1, total("objects"));
	dismiss(p);
	EXPECT_EQ(0, total("objects"));
}

/* The other one's is not for everybody. */
TEST_F(create, made_and_closed_to_it)
{
	struct party *p = creator(self->ctl, self->name, 0);
	int fd;

	p->nobody = true;
	p->rights = SEND;
	hold(p, variant->point);
	fd = make(self, 0);
	EXPECT_OK(fchmod(fd, 0604));
	release(variant->point);
	EXPECT_EQ(-EACCES, outcome(p));
	EXPECT_EQ(1, total("objects"));
}

/* Interrupted between its two attempts: it is begun again, unseen. */
TEST_F(create, made_and_interrupted)
{
	struct party *p = creator(self->ctl, self->name, 0);
	int fd;

	hold(p, variant->point);
	fd = make(self, KIPC_EXCL);
	interrupt(p);
	release(variant->point);
	EXPECT_EQ(id_of(fd), outcome(p));
	EXPECT_EQ(1, p->caught);
	EXPECT_EQ(1, total("objects"));
}

TEST_F(create, killed)
{
	struct party *p = creator(self->ctl, self->name, 0);

	p->stays = false;
	hold(p, variant->point);
	kill(p->pid, SIGKILL);
	release(variant->point);
	EXPECT_EQ(KILLED, outcome(p));
	EXPECT_EQ(0, total("objects"));
	EXPECT_ERR(ENOENT, k_open(self->ctl, self->name, SEND, 0));
}

/* The quota is used up meanwhile: it has what it has. */
TEST_F(create, quota)
{
	struct party *p = creator(self->ctl, self->name, 0);
	bool made = !strcmp(variant->point, "create_unnamed");
	uint64_t limit = get_limit("max_objects");

	hold(p, variant->point);
	set_limit("max_objects", 0);
	release(variant->point);
	if (made) {
		EXPECT_GT(outcome(p), 0);
	} else {
		EXPECT_EQ(-EDQUOT, outcome(p));
	}
	set_limit("max_objects", limit);
	EXPECT_EQ(made, total("objects"));
}

TEST_HARNESS_MAIN
