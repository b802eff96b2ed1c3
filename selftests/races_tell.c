// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of who is to be told by a signal: something has come, its sender is held
 * before it tells, and meanwhile the receiver goes, or wants something else.
 */
#include "test.h"
#include "race.h"
#include "stage.h"

#include <pthread.h>
#include <sys/syscall.h>

#define SIG		SIGRTMIN
#define TELLING		"notify_telling"

/* In p->caught and p->number: how far the party has come, and may go. */
enum { ARMED = 1, CHANGED, ASKED };

static void block(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIG);
	CHECK(!pthread_sigmask(SIG_BLOCK, &set, NULL));
}

/* The value of the one signal that has come, or 0. */
static long told(void)
{
	struct timespec none = { 0 };
	siginfo_t info;
	sigset_t set;
	long value;

	sigemptyset(&set);
	sigaddset(&set, SIG);
	if (sigtimedwait(&set, &info, &none) != SIG)
		return 0;
	value = info.si_code == SI_MESGQ ? info.si_value.sival_int : info.si_code;
	CHECK(sigtimedwait(&set, &info, &none) == -1);
	return value;
}

static void come_to(struct party *p, int how_far)
{
	__atomic_store_n(&p->caught, how_far, __ATOMIC_SEQ_CST);
	wait_for(__atomic_load_n(&p->number, __ATOMIC_SEQ_CST) > (unsigned int)how_far);
}

static void listen_by(int fd, int value)
{
	CHECK(!q_notify(fd, KIPC_EVENT_READABLE, KIPC_NOTIFY_ONCE, SIG, value));
}

static long act_listen(struct party *p)
{
	block();
	listen_by(p->fd, 1);
	come_to(p, ARMED);
	come_to(p, CHANGED);
	return told();
}

static long act_take_back(struct party *p)
{
	block();
	listen_by(p->fd, 1);
	come_to(p, ARMED);
	CHECK(!q_notify(p->fd, 0, 0, 0, 0));
	come_to(p, CHANGED);
	return told();
}

static long act_close(struct party *p)
{
	int own = k_narrow(p->fd, RECEIVE, 0);

	block();
	listen_by(own, 1);
	come_to(p, ARMED);
	close(own);
	come_to(p, CHANGED);
	return told();
}

static long act_again(struct party *p)
{
	block();
	listen_by(p->fd, 1);
	come_to(p, ARMED);
	listen_by(p->fd, 2);
	come_to(p, CHANGED);
	return told();
}

/* One who comes now may be told, or not, but of what comes later for sure. */
static long act_late(struct party *p)
{
	block();
	come_to(p, ARMED);
	listen_by(p->fd, 1);
	come_to(p, CHANGED);
	return told();
}

static long act_async_off(struct party *p)
{
	block();
	CHECK(!fcntl(p->fd, F_SETOWN, getpid()) && !fcntl(p->fd, F_SETSIG, SIG));
	CHECK(!fcntl(p->fd, F_SETFL, O_ASYNC));
	come_to(p, ARMED);
	CHECK(!fcntl(p->fd, F_SETFL, 0));
	come_to(p, CHANGED);
	return told();
}

/* Another program, whom the signal would kill. */
static long act_exec(struct party *p)
{
	int ends[2];

	/* It waits for what does not come. */
	CHECK(!pipe(ends) && dup2(ends[0], 0) == 0);
	listen_by(p->fd, 1);
	come_to(p, ARMED);
	execl("/bin/sh", "sh", "-c", "read -r word; read -r word", NULL);
	return -errno;
}

static void *listen_and_end(void *arg)
{
	struct party *p = arg;

	listen_by(p->fd, 1);
	come_to(p, ARMED);
	return NULL;
}

static long act_thread_ends(struct party *p)
{
	pthread_t thread;

	block();
	CHECK(!pthread_create(&thread, NULL, listen_and_end, p));
	pthread_join(thread, NULL);
	come_to(p, CHANGED);
	return told();
}

static long act_put(struct party *p)
{
	char unit[UNIT] = "";

	return write(p->fd, unit, UNIT) == UNIT ? 0 : -errno;
}

FIXTURE(telling) {
	struct handles box;
	struct party *s;
};

FIXTURE_VARIANT(telling) {
	enum kind kind;
};

FIXTURE_VARIANT_ADD(telling, mailbox) { MAILBOX };
FIXTURE_VARIANT_ADD(telling, queue) { QUEUE };
FIXTURE_VARIANT_ADD(telling, pipe) { PIPE };

FIXTURE_SETUP(telling)
{
	NEED_DELAY_POINTS();
	self->box = race_handles(stage_object(variant->kind));
	self->s = party(act_put, self->box.out);
}

FIXTURE_TEARDOWN(telling)
{
	race_end();
}

static void wait_come(struct party *p, int how_far)
{
	wait_for(__atomic_load_n(&p->caught, __ATOMIC_SEQ_CST) >= how_far);
}

static void let(struct party *p, int how_far)
{
	__atomic_store_n(&p->number, how_far, __ATOMIC_SEQ_CST);
}

/* A party that is armed, and the sender, which has something to tell. */
static struct party *bring_both(FIXTURE_DATA(telling) *self, long (*act)(struct party *p))
{
	struct party *p = party(act, self->box.in);

	go(p);
	wait_come(p, ARMED);
	hold(self->s, TELLING);
	return p;
}

static void tell(FIXTURE_DATA(telling) *self)
{
	release(TELLING);
	CHECK(!outcome(self->s));
}

/* What the party is told, when it has changed its mind. */
static long changed(FIXTURE_DATA(telling) *self, struct party *p)
{
	let(p, CHANGED);
	wait_come(p, CHANGED);
	tell(self);
	let(p, ASKED);
	return outcome(p);
}

TEST_F(telling, nothing_happens)
{
	EXPECT_EQ(1, changed(self, bring_both(self, act_listen)));
}

TEST_F(telling, taken_back)
{
	EXPECT_EQ(0, changed(self, bring_both(self, act_take_back)));
}

TEST_F(telling, closed)
{
	EXPECT_EQ(0, changed(self, bring_both(self, act_close)));
}

TEST_F(telling, registered_again)
{
	EXPECT_EQ(2, changed(self, bring_both(self, act_again)));
}

TEST_F(telling, async_off)
{
	EXPECT_EQ(0, changed(self, bring_both(self, act_async_off)));
}

TEST_F(telling, thread_ends)
{
	EXPECT_EQ(0, changed(self, bring_both(self, act_thread_ends)));
}

TEST_F(telling, killed)
{
	struct party *p = bring_both(self, act_listen);

	EXPECT_EQ(KILLED, killed(p));
	tell(self);
}

static bool is_shell(pid_t pid)
{
	char comm[32] = "", path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0 && read(fd, comm, sizeof(comm) - 1) > 0);
	close(fd);
	return !strcmp(comm, "sh\n");
}

TEST_F(telling, another_program)
{
	struct party *p = bring_both(self, act_exec);

	let(p, CHANGED);
	wait_for(is_shell(p->pid));
	tell(self);
	/* It lives. */
	EXPECT_EQ(KILLED, killed(p));
}

/* What was taken meanwhile is told all the same; the next one is for who comes late. */
TEST_F(telling, taken_by_another)
{
	struct party *p = bring_both(self, act_listen);
	char unit[UNIT];

	ASSERT_EQ(UNIT, read(self->box.in, unit, UNIT));
	EXPECT_EQ(1, changed(self, p));
}

TEST_F(telling, another_comes)
{
	struct party *first = bring_both(self, act_listen);
	struct party *late = party(act_late, self->box.in);

	go(late);
	wait_come(late, ARMED);
	let(late, CHANGED);
	wait_come(late, CHANGED);
	EXPECT_EQ(1, changed(self, first));
	let(late, ASKED);
	/* It had not returned yet: see "Notification". */
	EXPECT_EQ(1, outcome(late));
}

/* The end of the object comes before, and is another's event. */
TEST_F(telling, removed)
{
	struct party *p = bring_both(self, act_listen);

	EXPECT_OK(k_remove(self->box.manage));
	EXPECT_EQ(1, changed(self, p));
}

TEST_HARNESS_MAIN
