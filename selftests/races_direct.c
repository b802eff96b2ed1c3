// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of direct communication: what a process has published goes, or is
 * another, while somebody opens it by pid.
 */
#include "test.h"
#include "race.h"

#include <pthread.h>
#include <sys/syscall.h>

FIXTURE(direct) {
	int ctl, fd, other;
	long id, other_id;
};

FIXTURE_SETUP(direct)
{
	NEED_DELAY_POINTS();
	self->ctl = control();
	self->fd = default_box();
	self->other = default_box();
	self->id = id_of(self->fd);
	self->other_id = id_of(self->other);
}

FIXTURE_TEARDOWN(direct)
{
	race_end();
}

static long act_open_pid(struct party *p)
{
	int fd = k_open_pid(p->fd, p->number, SEND, 0);

	return fd < 0 ? fd : (long)id_of(fd);
}

static long act_publish(struct party *p)
{
	return k_publish(p->fd);
}

static struct party *asker(int ctl, pid_t pid)
{
	struct party *p = party(act_open_pid, ctl);

	p->number = pid;
	p->stays = true;
	return p;
}

static struct party *publisher(int fd)
{
	struct party *p = party(act_publish, fd);

	p->stays = true;
	return p;
}

/* One that has published, and is there. */
static struct party *published(int fd)
{
	struct party *p = publisher(fd);

	go(p);
	CHECK(outcome(p) == 0);
	return p;
}

/* Allowed to ask, and what it would get changes. */

TEST_F(direct, nothing_happens)
{
	static const char *const points[] = { "direct_allowed", "direct_found" };
	size_t i;

	ASSERT_OK(k_publish(self->fd));
	for (i = 0; i < ARRAY_SIZE(points); i++) {
		struct party *p = asker(self->ctl, getpid());

		hold(p, points[i]);
		release(points[i]);
		EXPECT_EQ(self->id, outcome(p));
	}
}

TEST_F(direct, allowed_and_unpublished)
{
	struct party *p = asker(self->ctl, getpid());

	ASSERT_OK(k_publish(self->fd));
	hold(p, "direct_allowed");
	ASSERT_OK(k_unpublish(self->fd));
	release("direct_allowed");
	EXPECT_EQ(-ENOENT, outcome(p));
}

TEST_F(direct, allowed_and_replaced)
{
	struct party *p = asker(self->ctl, getpid());

	ASSERT_OK(k_publish(self->fd));
	hold(p, "direct_allowed");
	ASSERT_OK(k_publish(self->other));
	release("direct_allowed");
	EXPECT_EQ(self->other_id, outcome(p));
}

TEST_F(direct, allowed_and_closed)
{
	struct party *p = asker(self->ctl, getpid());

	ASSERT_OK(k_publish(self->fd));
	hold(p, "direct_allowed");
	close(self->fd);
	EXPECT_EQ(1, total("objects"));
	release("direct_allowed");
	EXPECT_EQ(-ENOENT, outcome(p));
}

TEST_F(direct, allowed_and_removed)
{
	struct party *p = asker(self->ctl, getpid());

	ASSERT_OK(k_publish(self->fd));
	hold(p, "direct_allowed");
	ASSERT_OK(k_remove(self->fd));
	release("direct_allowed");
	EXPECT_EQ(-EIDRM, outcome(p));
}

/* It dies with its handle, or leaves that behind, with what it has published. */
TEST_F(direct, allowed_and_dead)
{
	struct party *who = published(self->fd), *p = asker(self->ctl, who->pid);
	struct party *again;

	hold(p, "direct_allowed");
	killed(who);
	release("direct_allowed");
	/* It was alive when it was asked for, but what it had has gone with it. */
	EXPECT_EQ(-ENOENT, outcome(p));
	dismiss(p);
	again = asker(self->ctl, who->pid);
	go(again);
	EXPECT_EQ(-ESRCH, outcome(again));

	who = published(self->fd);
	p = asker(self->ctl, who->pid);
	hold(p, "direct_allowed");
	close(self->fd);
	killed(who);
	EXPECT_EQ(1, total("objects"));
	release("direct_allowed");
	EXPECT_EQ(-ENOENT, outcome(p));
}

TEST_F(direct, asker_is_killed)
{
	struct party *p = asker(self->ctl, getpid());

	ASSERT_OK(k_publish(self->fd));
	hold(p, "direct_allowed");
	kill(p->pid, SIGKILL);
	release("direct_allowed");
	wait_for(total("handles") == 2);
	EXPECT_OK(k_unpublish(self->fd));
}

/* Found and held. */

TEST_F(direct, found_and_unpublished)
{
	struct party *p = asker(self->ctl, getpid());

	ASSERT_OK(k_publish(self->fd));
	hold(p, "direct_found");
	ASSERT_OK(k_unpublish(self->fd));
	release("direct_found");
	EXPECT_EQ(self->id, outcome(p));
}

/* Nobody else holds it any more. */
TEST_F(direct, found_and_closed)
{
	struct party *p = asker(self->ctl, getpid());

	ASSERT_OK(k_publish(self->fd));
	hold(p, "direct_found");
	close(self->fd);
	EXPECT_EQ(1, total("handles"));
	EXPECT_EQ(2, total("objects"));
	release("direct_found");
	EXPECT_EQ(self->id, outcome(p));
	EXPECT_EQ(2, total("handles"));
	dismiss(p);
	EXPECT_EQ(1, total("objects"));
}

TEST_F(direct, found_and_removed)
{
	struct party *p = asker(self->ctl, getpid());

	ASSERT_OK(k_publish(self->fd));
	hold(p, "direct_found");
	ASSERT_OK(k_remove(self->fd));
	release("direct_found");
	EXPECT_EQ(-EIDRM, outcome(p));
}

TEST_F(direct, found_and_killed)
{
	struct party *p = asker(self->ctl, getpid());

	ASSERT_OK(k_publish(self->fd));
	hold(p, "direct_found");
	close(self->fd);
	kill(p->pid, SIGKILL);
	release("direct_found");
	wait_for(total("objects") == 1);
}

/* About to be published. */

TEST_F(direct, not_yet_published)
{
	struct party *who = publisher(self->fd), *p, *second;

	hold(who, "publish_prepared");
	p = asker(self->ctl, who->pid);
	go(p);
	EXPECT_EQ(-ENOENT, outcome(p));
	release("publish_prepared");
	EXPECT_EQ(0, outcome(who));
	second = asker(self->ctl, who->pid);
	go(second);
	EXPECT_EQ(self->id, outcome(second));
}

TEST_F(direct, removed_before_it_is_published)
{
	struct party *who = publisher(self->fd), *p = asker(self->ctl, who->pid);

	hold(who, "publish_prepared");
	ASSERT_OK(k_remove(self->fd));
	release("publish_prepared");
	EXPECT_EQ(0, outcome(who));
	go(p);
	EXPECT_EQ(-EIDRM, outcome(p));
}

TEST_F(direct, publisher_is_killed)
{
	struct party *who = publisher(self->fd);

	close(self->fd);
	hold(who, "publish_prepared");
	kill(who->pid, SIGKILL);
	release("publish_prepared");
	wait_for(total("objects") == 1);
	EXPECT_EQ(0, referenced("directs"));
}

/* Two threads publish: the last one to do so has. */

static void *publish_when_told(void *arg)
{
	struct party *p = arg;

	__atomic_store_n(&p->pid, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&p->go, __ATOMIC_SEQ_CST))
		nap();
	p->result = k_publish(p->fd);
	return NULL;
}

TEST_F(direct, two_threads_publish)
{
	struct party thread = { .fd = self->fd };
	struct party *p = asker(self->ctl, getpid());
	struct party *again = asker(self->ctl, getpid());
	pthread_t handle;

	ASSERT_EQ(0, pthread_create(&handle, NULL, publish_when_told, &thread));
	wait_for(__atomic_load_n(&thread.pid, __ATOMIC_SEQ_CST));
	hold(&thread, "publish_prepared");
	ASSERT_OK(k_publish(self->other));
	go(p);
	EXPECT_EQ(self->other_id, outcome(p));
	release("publish_prepared");
	ASSERT_EQ(0, pthread_join(handle, NULL));
	EXPECT_EQ(0, thread.result);
	go(again);
	EXPECT_EQ(self->id, outcome(again));
	EXPECT_EQ(1, referenced("directs"));
}

/* What the dead have left in a handle that lives does not grow. */
TEST_F(direct, the_dead_are_forgotten)
{
	enum { LIVING = 8, DEAD = 60 };
	long most = 0, n;
	int i;

	for (i = 0; i < LIVING; i++)
		published(self->fd);
	EXPECT_EQ(LIVING, referenced("directs"));
	for (i = 0; i < DEAD; i++) {
		killed(published(self->fd));
		n = referenced("directs");
		most = n > most ? n : most;
	}
	EXPECT_LE(most, 2 * LIVING + 2);
	close(self->fd);
}

TEST_HARNESS_MAIN
