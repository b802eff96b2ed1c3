// SPDX-License-Identifier: GPL-2.0
/*
 * Forced races of shared memory: mapping, size, seals and the end, against each other; and
 * of those who wait for the doorbell.
 */
#include "test.h"
#include "kmemory.h"
#include "race.h"

#define SIZE	(PAGES * PAGE)

/* Parties: they map, and then touch what they have; 0, or the error, or a signal. */
static long map_and_touch(struct party *p, int prot)
{
	char *map = m_map(p->fd, SIZE, prot);

	if (map == MAP_FAILED)
		return -1;
	return touch(map, prot & PROT_WRITE);
}

static long act_map(struct party *p)
{
	return map_and_touch(p, PROT_READ | PROT_WRITE);
}

/* By a handle that may write, which this does not. */
static long act_map_to_read(struct party *p)
{
	char *map = m_map(p->fd, SIZE, PROT_READ);

	if (map == MAP_FAILED)
		return -1;
	CHECK_ERR(EACCES, mprotect(map, SIZE, PROT_READ | PROT_WRITE));
	return touch(map, false);
}

static long act_size(struct party *p)
{
	return m_size(p->fd, p->number);
}

/* A signal comes, and then no other. */
static long act_size_twice(struct party *p)
{
	CHECK_ERR(EINTR, m_size(p->fd, p->number));
	return m_size(p->fd, p->number);
}

static long act_close_and_unmap(struct party *p)
{
	char *map = m_map(p->fd, SIZE, PROT_READ | PROT_WRITE);

	CHECK(map != MAP_FAILED);
	close(p->fd);
	fill(map, SIZE, 3);
	CHECK(filled(map, SIZE, 3) && !munmap(map, SIZE));
	return 0;
}

FIXTURE(mapping) {
	int fd;
};

FIXTURE_SETUP(mapping)
{
	NEED_DELAY_POINTS();
	self->fd = memory_of(SIZE);
}

FIXTURE_TEARDOWN(mapping)
{
	race_end();
}

/* It is within the size, and then there is less. */
TEST_F(mapping, cut_off)
{
	struct party *p = party(act_map, self->fd);

	hold(p, "memory_mapping");
	EXPECT_OK(m_size(self->fd, 0));
	EXPECT_EQ(0, total("memory"));
	release("memory_mapping");
	EXPECT_EQ(SIGBUS, outcome(p));
	EXPECT_EQ(0, m_stat_of(self->fd).attached);
}

/* The seal is first: who has to write is refused, who need not, cannot later. */
TEST_F(mapping, sealed_before)
{
	struct party *p = party(act_map, self->fd);

	hold(p, "memory_mapping");
	EXPECT_OK(m_seal(self->fd, F_SEAL_WRITE));
	release("memory_mapping");
	EXPECT_EQ(-EPERM, outcome(p));
	EXPECT_EQ(0, m_stat_of(self->fd).attached);
}

TEST_F(mapping, sealed_before_reading)
{
	struct party *p = party(act_map_to_read, self->fd);

	hold(p, "memory_mapping");
	EXPECT_OK(m_seal(self->fd, F_SEAL_WRITE));
	release("memory_mapping");
	EXPECT_EQ(0, outcome(p));
}

TEST_F(mapping, sealed_for_the_future_before)
{
	struct party *p = party(act_map, self->fd);

	hold(p, "memory_mapping");
	EXPECT_OK(m_seal(self->fd, F_SEAL_FUTURE_WRITE));
	release("memory_mapping");
	EXPECT_EQ(-EPERM, outcome(p));
	/* And it does not count any more. */
	EXPECT_OK(m_seal(self->fd, F_SEAL_WRITE));
}

/* The mapping is first, though the kernel does not know it yet. */
TEST_F(mapping, sealed_after)
{
	struct party *p = party(act_map, self->fd);

	hold(p, "memory_mapped");
	EXPECT_ERR(EBUSY, m_seal(self->fd, F_SEAL_WRITE));
	release("memory_mapped");
	EXPECT_EQ(0, outcome(p));
	wait_for(!m_stat_of(self->fd).attached);
	EXPECT_OK(m_seal(self->fd, F_SEAL_WRITE));
}

/* Who began before the end has what it began. */
TEST_F(mapping, removed)
{
	struct party *p = party(act_map, self->fd);

	hold(p, "memory_mapping");
	EXPECT_OK(k_remove(self->fd));
	EXPECT_EQ(SIZE, total("memory"));
	release("memory_mapping");
	EXPECT_EQ(0, outcome(p));
	wait_for(!total("memory"));
	EXPECT_EQ(0, referenced("memories"));
}

TEST_F(mapping, killed)
{
	struct party *p = party(act_map, self->fd);

	hold(p, "memory_mapping");
	kill(p->pid, SIGKILL);
	release("memory_mapping");
	EXPECT_EQ(KILLED, outcome(p));
	wait_for(!m_stat_of(self->fd).attached);
	EXPECT_OK(m_seal(self->fd, F_SEAL_WRITE));
}

/* The last handle goes, and what is mapped by it: in either order. */
TEST_F(mapping, last_close)
{
	char *map = mapped(self->fd, SIZE, PROT_READ | PROT_WRITE);
	struct party *p = party(act_close_and_unmap, self->fd);

	close(self->fd);
	hold(p, "object_dying");
	EXPECT_EQ(SIZE, total("memory"));
	EXPECT_OK(munmap(map, SIZE));
	EXPECT_EQ(SIZE, total("memory"));
	release("object_dying");
	EXPECT_EQ(0, outcome(p));
	wait_for(!total("memory"));
}

/* Sizes. */

FIXTURE(resizing) {
	int fd;
	struct party *p;
};

FIXTURE_VARIANT(resizing) {
	uint64_t to;
};

FIXTURE_VARIANT_ADD(resizing, more) { 9 * PAGE };
FIXTURE_VARIANT_ADD(resizing, less) { 1 };

FIXTURE_SETUP(resizing)
{
	NEED_DELAY_POINTS();
	self->fd = memory_of(SIZE);
	self->p = party(act_size, self->fd);
	self->p->number = variant->to;
	hold(self->p, "memory_resized");
}

FIXTURE_TEARDOWN(resizing)
{
	race_end();
}

/* What is being cut off is charged until it is gone, what is added before it is there. */
TEST_F(resizing, charged)
{
	EXPECT_EQ(variant->to > SIZE ? variant->to : SIZE, total("memory"));
	EXPECT_EQ(SIZE, m_stat_of(self->fd).size);
	MAP_ERR(ENXIO, m_map(self->fd, SIZE + 1, PROT_READ));
	release("memory_resized");
	EXPECT_EQ(0, outcome(self->p));
	EXPECT_EQ(variant->to, m_stat_of(self->fd).size);
	EXPECT_EQ((variant->to + PAGE - 1) / PAGE * PAGE, total("memory"));
}

/* One after the other. */
TEST_F(resizing, another)
{
	struct party *other = party(act_size, self->fd);

	other->number = 3 * PAGE;
	go(other);
	wait_for(asleep(other));
	EXPECT_EQ(SIZE, m_stat_of(self->fd).size);
	release("memory_resized");
	EXPECT_EQ(0, outcome(self->p));
	EXPECT_EQ(0, outcome(other));
	EXPECT_EQ(3 * PAGE, m_stat_of(self->fd).size);
	EXPECT_EQ(3 * PAGE, total("memory"));
}

TEST_F(resizing, another_is_interrupted)
{
	struct party *other = party(act_size_twice, self->fd);

	other->number = 3 * PAGE;
	go(other);
	wait_for(asleep(other));
	interrupt(other);
	wait_for(asleep(other));
	release("memory_resized");
	EXPECT_EQ(0, outcome(self->p));
	EXPECT_EQ(0, outcome(other));
	EXPECT_EQ(3 * PAGE, total("memory"));
}

TEST_F(resizing, removed)
{
	EXPECT_OK(k_remove(self->fd));
	EXPECT_NE(0, total("memory"));
	release("memory_resized");
	EXPECT_EQ(0, outcome(self->p));
	EXPECT_EQ(0, total("memory"));
	EXPECT_EQ(variant->to, m_stat_of(self->fd).size);
}

TEST_F(resizing, killed)
{
	kill(self->p->pid, SIGKILL);
	release("memory_resized");
	EXPECT_EQ(KILLED, outcome(self->p));
	EXPECT_EQ((m_stat_of(self->fd).size + PAGE - 1) / PAGE * PAGE, total("memory"));
}

/* Who waits for the doorbell. */

static long act_wait(struct party *p)
{
	uint64_t *count = placed(p, calloc(1, 8), 8);
	long ret = read(p->fd, count, 8);

	if (ret == 8)
		p->seen = *count;
	return ret == 8 ? (long)p->seen : ret;
}

static long act_wait_until(struct party *p)
{
	uint64_t count;
	long ret = m_wait(p->fd, &count, p->deadline);

	return ret ? ret : (long)count;
}

static void ring(const struct handles *h)
{
	CHECK(!m_ring(h->out, 5, 0));
}

FIXTURE(waiting) {
	struct handles h;
	struct party *r, *second;
};

FIXTURE_VARIANT(waiting) {
	const struct state *at;
};

FIXTURE_VARIANT_ADD(waiting, drowsy) { &drowsy };
FIXTURE_VARIANT_ADD(waiting, drowsy_late) { &drowsy_late };
FIXTURE_VARIANT_ADD(waiting, drowsy_signalled) { &drowsy_signalled };
FIXTURE_VARIANT_ADD(waiting, drowsy_granted) { &drowsy_granted };
FIXTURE_VARIANT_ADD(waiting, drowsy_granted_late) { &drowsy_granted_late };
FIXTURE_VARIANT_ADD(waiting, drowsy_granted_signalled) { &drowsy_granted_signalled };
FIXTURE_VARIANT_ADD(waiting, awake_granted) { &awake_granted };
FIXTURE_VARIANT_ADD(waiting, awake_granted_signalled) { &awake_granted_signalled };
FIXTURE_VARIANT_ADD(waiting, awake_late) { &awake_late };
FIXTURE_VARIANT_ADD(waiting, awake_signalled) { &awake_signalled };

FIXTURE_SETUP(waiting)
{
	NEED_DELAY_POINTS();
	self->h = race_handles(memory_of(0));
	self->r = party(act_wait_until, self->h.in);
	self->second = party(act_wait_until, self->h.in);
	bring(self->r, variant->at, &self->h, ring);
}

FIXTURE_TEARDOWN(waiting)
{
	race_end();
}

TEST_F(waiting, alone)
{
	long want = fate(variant->at, 5);

	release(variant->at->point);
	if (want == WAITS) {
		wait_for(asleep(self->r));
		ring(&self->h);
		want = 5;
	}
	EXPECT_EQ(want, outcome(self->r));
	EXPECT_EQ(0, m_rung(self->h.in));
	EXPECT_EQ(0, m_stat_of(self->h.in).waiting);
}

/* What it was granted is its own; what is rung after that is the next one's. */
TEST_F(waiting, before_another)
{
	go(self->second);
	wait_for(m_stat_of(self->h.in).waiting == !variant->at->granted + 1U);
	CHECK(!m_ring(self->h.out, 7, 0));
	if (!variant->at->granted)
		CHECK(!m_ring(self->h.out, 9, 0));
	release(variant->at->point);
	EXPECT_EQ(variant->at->granted ? 5 : 7, outcome(self->r));
	EXPECT_EQ(variant->at->granted ? 7 : 9, outcome(self->second));
	EXPECT_EQ(0, m_rung(self->h.in));
}

TEST_F(waiting, killed)
{
	kill(self->r->pid, SIGKILL);
	release(variant->at->point);
	EXPECT_EQ(KILLED, outcome(self->r));
	EXPECT_EQ(variant->at->granted ? 5U : 0, m_rung(self->h.in));
	EXPECT_EQ(0, m_stat_of(self->h.in).waiting);
}

TEST_F(waiting, killed_before_another)
{
	go(self->second);
	wait_for(m_stat_of(self->h.in).waiting == !variant->at->granted + 1U);
	kill(self->r->pid, SIGKILL);
	release(variant->at->point);
	EXPECT_EQ(KILLED, outcome(self->r));
	if (!variant->at->granted)
		ring(&self->h);
	EXPECT_EQ(5, outcome(self->second));
	EXPECT_EQ(0, m_rung(self->h.in));
}

TEST_F(waiting, removed)
{
	go(self->second);
	wait_for(m_stat_of(self->h.in).waiting == !variant->at->granted + 1U);
	EXPECT_OK(k_remove(self->h.manage));
	EXPECT_EQ(-EIDRM, outcome(self->second));
	release(variant->at->point);
	/* Who was granted it has it. */
	EXPECT_EQ(variant->at->granted ? 5 : -EIDRM, outcome(self->r));
}

/* Those who wait to ring. */

FIXTURE(ringing) {
	struct handles h;
	struct party *r;
};

FIXTURE_SETUP(ringing)
{
	NEED_DELAY_POINTS();
	self->h = race_handles(memory_of(0));
	CHECK(!m_ring(self->h.out, KIPC_BELL_MAX, 0));
}

FIXTURE_TEARDOWN(ringing)
{
	race_end();
}

static long act_ring(struct party *p)
{
	return m_ring(p->fd, p->number, p->deadline);
}

/* It is rung for who waits, also for who is killed then. */
TEST_F(ringing, killed_after_the_grant)
{
	struct party *p = party(act_ring, self->h.out);

	p->number = 3;
	hold(p, "before_sleep");
	EXPECT_EQ(KIPC_BELL_MAX, m_rung(self->h.in));
	kill(p->pid, SIGKILL);
	release("before_sleep");
	EXPECT_EQ(KILLED, outcome(p));
	EXPECT_EQ(3, m_rung(self->h.in));
}

TEST_F(ringing, interrupted)
{
	struct party *p = party(act_ring, self->h.out);

	p->number = 3;
	hold(p, "before_sleep");
	interrupt(p);
	release("before_sleep");
	EXPECT_EQ(-EINTR, outcome(p));
	EXPECT_EQ(KIPC_BELL_MAX, m_rung(self->h.in));
	EXPECT_EQ(0, m_rung(self->h.in));
}

/* A waiter takes all, a ringer goes on, and the next waiter is woken by that. */
TEST_F(ringing, passes_on)
{
	struct party *p = party(act_ring, self->h.out);
	struct party *w = party(act_wait_until, self->h.in);

	p->number = 3;
	hold(p, "before_sleep");
	EXPECT_EQ(KIPC_BELL_MAX, m_rung(self->h.in));
	go(w);
	release("before_sleep");
	EXPECT_EQ(0, outcome(p));
	EXPECT_EQ(3, outcome(w));
}

/* A page that is missing. */

FIXTURE(faulting) {
	struct handles h;
	struct party *r;
};

FIXTURE_SETUP(faulting)
{
	NEED_DELAY_POINTS();
	self->h = race_handles(memory_of(0));
	self->r = party(act_wait, self->h.in);
	self->r->cold = true;
}

FIXTURE_TEARDOWN(faulting)
{
	race_end();
}

/* While it is brought in somebody else may take what was rung. */
TEST_F(faulting, taken_by_another)
{
	ring(&self->h);
	hold(self->r, "bell_fault");
	EXPECT_EQ(5, m_rung(self->h.in));
	release("bell_fault");
	m_wait_waiters(self->h.in, 1, 0, self->r->pid);
	ring(&self->h);
	EXPECT_EQ(5, outcome(self->r));
}

/* After a wait it is given back, and is there for others, until it comes again. */
TEST_F(faulting, after_a_wait)
{
	arm("bell_fault", self->r);
	go(self->r);
	m_wait_waiters(self->h.in, 1, 0, self->r->pid);
	ring(&self->h);
	wait_held("bell_fault", self->r);
	EXPECT_EQ(POLLIN, poll_mask(self->h.in, POLLIN));
	EXPECT_EQ(0, m_stat_of(self->h.in).waiting);
	CHECK(!m_ring(self->h.out, 2, 0));
	release("bell_fault");
	EXPECT_EQ(7, outcome(self->r));
}

TEST_F(faulting, killed)
{
	ring(&self->h);
	hold(self->r, "bell_fault");
	kill(self->r->pid, SIGKILL);
	release("bell_fault");
	EXPECT_EQ(KILLED, outcome(self->r));
	EXPECT_EQ(5, m_rung(self->h.in));
}

/* With what was rung meanwhile it is more than it can be: it stays at that. */
TEST_F(faulting, more_than_it_can_be)
{
	arm("bell_fault", self->r);
	arm("after_sleep", self->r);
	go(self->r);
	m_wait_waiters(self->h.in, 1, 0, self->r->pid);
	ring(&self->h);
	wait_held("after_sleep", self->r);
	CHECK(!m_ring(self->h.out, KIPC_BELL_MAX - 1, 0));
	release("after_sleep");
	wait_held("bell_fault", self->r);
	EXPECT_EQ(KIPC_BELL_MAX, m_rung(self->h.in));
	release("bell_fault");
	m_wait_waiters(self->h.in, 1, 0, self->r->pid);
	ring(&self->h);
	EXPECT_EQ(5, outcome(self->r));
}

TEST_HARNESS_MAIN
