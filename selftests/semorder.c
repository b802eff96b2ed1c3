// SPDX-License-Identifier: GPL-2.0
/*
 * Semaphores: who goes on, in which order, and how often one can be overtaken.
 */
#include "test.h"
#include "ksem.h"

enum { CROWD = 8 };

/* In the order in which they came. */
TEST(order_of_arrival)
{
	int fd = set_of(2, 0), *order = shared(CROWD * sizeof(int)), i;
	pid_t pids[CROWD];

	for (i = 0; i < CROWD; i++)
		pids[i] = WAITER(fd, i + 1, {
			CHECK(!s_take(fd, 0));
			order[i] = 1;
		});
	for (i = 0; i < CROWD; i++) {
		ASSERT_OK(s_post(fd, 0));
		ASSERT_EQ(pids[i], s_look(fd, 0).pid);
		EXPECT_EQ(0, reap(pids[i]));
		EXPECT_EQ(CROWD - 1 - i, s_stat_of(fd).waiting);
	}
}

/* One operation that adds much lets all of them go on. */
TEST(many_at_once)
{
	enum { MANY = 40 };
	int fd = set_of(2, 0), i;
	pid_t pids[MANY];

	for (i = 0; i < MANY; i++)
		pids[i] = WAITER(fd, i + 1, {
			CHECK(!s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -1), ADD(1, 1))));
		});
	ASSERT_OK(s_op(fd, 0, STEPS(ADD(0, MANY))));
	EXPECT_EQ(0, s_value(fd, 0));
	EXPECT_EQ(MANY, s_value(fd, 1));
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(0, reap(pids[i]));
}

/* Nobody comes between: what was added is theirs before the adder returns. */
TEST(nobody_steals)
{
	int fd = set_of(1, 0);
	pid_t pid = WAITER(fd, 1, CHECK(!s_take(fd, 0)));

	EXPECT_OK(s_post(fd, 0));
	EXPECT_ERR(EAGAIN, s_try(fd, 0));
	EXPECT_EQ(0, s_value(fd, 0));
	EXPECT_EQ(0, reap(pid));
}

/* One done lets another go on, and that the next. */
TEST(chain)
{
	int fd = set_of(CROWD + 1, 0), i;
	pid_t pids[CROWD];

	for (i = 0; i < CROWD; i++)
		pids[i] = WAITER(fd, i + 1, {
			CHECK(!s_op(fd, KIPC_FOREVER, STEPS(ADD(i, -1), ADD(i + 1, 1))));
		});
	ASSERT_OK(s_post(fd, 0));
	EXPECT_EQ(1, s_value(fd, CROWD));
	for (i = 0; i < CROWD; i++)
		EXPECT_EQ(0, reap(pids[i]));
}

/* It waits for the first that is missing, then for the next one. */
TEST(moves)
{
	int fd = set_of(3, 0);
	pid_t pid = WAITER(fd, 1, CHECK(!s_op(fd, KIPC_FOREVER,
					STEPS(ADD(0, -1), ADD(1, -2), ADD(2, 0)))));

	EXPECT_EQ(1, s_look(fd, 0).waiting);
	ASSERT_OK(s_post(fd, 2));
	ASSERT_OK(s_post(fd, 0));
	EXPECT_EQ(0, s_look(fd, 0).waiting);
	EXPECT_EQ(1, s_look(fd, 1).waiting);
	EXPECT_EQ(1, s_value(fd, 0));
	ASSERT_OK(s_post(fd, 1));
	EXPECT_EQ(1, s_look(fd, 1).waiting);
	ASSERT_OK(s_post(fd, 1));
	EXPECT_EQ(0, s_look(fd, 1).waiting);
	EXPECT_EQ(1, s_look(fd, 2).waiting_zero);
	EXPECT_EQ('S', task_state(pid, pid));
	/* It is tried again as it stands: now the first is missing again. */
	ASSERT_OK(s_take(fd, 0));
	ASSERT_OK(s_take(fd, 2));
	EXPECT_EQ(1, s_look(fd, 0).waiting);
	ASSERT_OK(s_post(fd, 0));
	EXPECT_EQ(0, reap(pid));
}

/* A moved one keeps its place: it came before who waits there. */
TEST(moves_in_order)
{
	int fd = set_of(2, 0);
	pid_t first = WAITER(fd, 1, CHECK(!s_op(fd, KIPC_FOREVER,
					  STEPS(ADD(0, -1), ADD(1, -1)))));
	pid_t second = WAITER(fd, 2, CHECK(!s_take(fd, 1)));

	ASSERT_OK(s_post(fd, 0));
	EXPECT_EQ(2, s_look(fd, 1).waiting);
	ASSERT_OK(s_post(fd, 1));
	EXPECT_EQ(0, reap(first));
	EXPECT_EQ('S', task_state(second, second));
	ASSERT_OK(s_post(fd, 1));
	EXPECT_EQ(0, reap(second));
}

/* In that order also if they wait for different ones, which come at once. */
TEST(order_over_semaphores)
{
	int fd = set_of(2, 0);
	pid_t first = WAITER(fd, 1, CHECK(!s_op(fd, KIPC_FOREVER,
					  STEPS(ADD(1, -1), ADD(0, -1)))));
	pid_t second = WAITER(fd, 2, CHECK(!s_take(fd, 0)));

	ASSERT_OK(s_op(fd, 0, STEPS(ADD(0, 1), ADD(1, 1))));
	EXPECT_EQ(first, s_look(fd, 0).pid);
	EXPECT_EQ(0, s_value(fd, 1));
	ASSERT_OK(s_op(fd, 0, STEPS(ADD(0, 1), ADD(1, 1))));
	EXPECT_EQ(0, reap(first));
	EXPECT_EQ(0, reap(second));
}

/* Who leaves was not there. */
TEST(leaves_from_the_middle)
{
	int fd = set_of(1, 0);
	pid_t a = WAITER(fd, 1, CHECK(!s_take(fd, 0)));
	pid_t b = WAITER(fd, 2, s_take(fd, 0));
	pid_t c = WAITER(fd, 3, CHECK(!s_take(fd, 0)));

	slay(b);
	wait_for(s_stat_of(fd).waiting == 2);
	EXPECT_EQ(2, s_look(fd, 0).waiting);
	ASSERT_OK(s_op(fd, 0, STEPS(ADD(0, 2))));
	EXPECT_EQ(0, reap(a));
	EXPECT_EQ(0, reap(c));
	EXPECT_EQ(0, s_value(fd, 0));
}

/* Overtaking. */

static int bounded(unsigned int count, unsigned int initial, unsigned int overtakes)
{
	return semaphores((struct kipc_sem_attr){
		.count = count,
		.initial = initial,
		.overtakes = overtakes,
	});
}

/*
 * One wants two; an adversary takes one and puts it back, again and again, each as soon as
 * it can be had.  Returns how often that worked before it was held back, up to @most.
 */
static unsigned int overtaken(int fd, unsigned int most)
{
	unsigned int n;

	for (n = 0; n < most; n++) {
		if (s_try(fd, 0)) {
			CHECK(errno == EAGAIN);
			break;
		}
		CHECK(!s_post(fd, 0));
	}
	return n;
}

FIXTURE(bound) {
};

FIXTURE_VARIANT(bound) {
	unsigned int overtakes, most;
};

FIXTURE_VARIANT_ADD(bound, one) { 1, 1 };
FIXTURE_VARIANT_ADD(bound, five) { 5, 5 };
FIXTURE_VARIANT_ADD(bound, by_default) { 0, 16 };
FIXTURE_VARIANT_ADD(bound, thousand) { 1000, 1000 };

FIXTURE_SETUP(bound)
{
}

FIXTURE_TEARDOWN(bound)
{
}

TEST_F(bound, exact)
{
	int fd = bounded(2, 1, variant->overtakes);
	pid_t pid = WAITER(fd, 1, CHECK(!s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -2)))));

	ASSERT_OK(s_try(fd, 1));
	EXPECT_EQ(variant->most, overtaken(fd, 5000));
	/* What is there is its: nothing can be taken, nor is there anything for poll. */
	EXPECT_EQ(1, s_value(fd, 0));
	EXPECT_EQ(0, poll_mask(fd, POLLIN));
	/* Others are not held back. */
	ASSERT_OK(s_post(fd, 1));
	EXPECT_EQ(POLLIN, poll_mask(fd, POLLIN));
	EXPECT_OK(s_try(fd, 1));
	ASSERT_OK(s_post(fd, 0));
	EXPECT_EQ(0, reap(pid));
	/* It is nobody's any more. */
	ASSERT_OK(s_post(fd, 0));
	EXPECT_OK(s_try(fd, 0));
}

/* An adversary that waits, too: it is put behind. */
TEST_F(bound, by_waiters)
{
	int fd = bounded(1, 1, variant->overtakes);
	pid_t pid = WAITER(fd, 1, CHECK(!s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -2))))), other;

	EXPECT_EQ(variant->most, overtaken(fd, 5000));
	other = WAITER(fd, 2, CHECK(!s_take(fd, 0)));
	EXPECT_EQ(2, s_look(fd, 0).waiting);
	EXPECT_EQ(1, s_value(fd, 0));
	ASSERT_OK(s_op(fd, 0, STEPS(ADD(0, 2))));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, reap(other));
	EXPECT_EQ(0, s_value(fd, 0));
}

/* It wants two semaphores, which are never there at the same time. */
TEST_F(bound, two_semaphores)
{
	int fd = bounded(2, 0, variant->overtakes);
	pid_t pid = WAITER(fd, 1, CHECK(!s_op(fd, KIPC_FOREVER,
					STEPS(ADD(0, -1), ADD(1, -1)))));
	unsigned int n = 0;

	for (;;) {
		ASSERT_OK(s_post(fd, n & 1));
		ASSERT_LE(n, variant->most);
		/* Each time it has come for nothing. */
		if (s_try(fd, n & 1))
			break;
		n++;
	}
	EXPECT_EQ(variant->most - 1, n);
	EXPECT_EQ(1, s_value(fd, n & 1));
	ASSERT_OK(s_post(fd, !(n & 1)));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, s_value(fd, 0));
	EXPECT_EQ(0, s_value(fd, 1));
}

TEST(never)
{
	int fd = bounded(1, 1, KIPC_SEM_NEVER);
	pid_t pid = WAITER(fd, 1, CHECK(!s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -2)))));

	EXPECT_EQ(5000, overtaken(fd, 5000));
	ASSERT_OK(s_post(fd, 0));
	EXPECT_EQ(0, reap(pid));
}

/* What adds is never held back, and can overtake. */
TEST(adders_are_free)
{
	int fd = bounded(2, 1, 1), i;
	pid_t pid = WAITER(fd, 1, CHECK(!s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -2)))));

	EXPECT_EQ(1, overtaken(fd, 100));
	for (i = 0; i < 100; i++)
		EXPECT_OK(s_op(fd, 0, STEPS(ADD(0, -1), ADD(1, 1), ADD(0, 1))));
	EXPECT_EQ(101, s_value(fd, 1));
	ASSERT_OK(s_post(fd, 0));
	EXPECT_EQ(0, reap(pid));
}

/* Who came before the senior is not behind it. */
TEST(older_are_free)
{
	int fd = bounded(2, 0, 1);
	pid_t old = WAITER(fd, 1, CHECK(!s_op(fd, KIPC_FOREVER,
					STEPS(ADD(1, -1), ADD(0, -1)))));
	pid_t young = WAITER(fd, 2, CHECK(!s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -2)))));

	ASSERT_OK(s_post(fd, 0));
	EXPECT_EQ(1, overtaken(fd, 100));
	ASSERT_OK(s_post(fd, 1));
	EXPECT_EQ(0, reap(old));
	ASSERT_OK(s_op(fd, 0, STEPS(ADD(0, 2))));
	EXPECT_EQ(0, reap(young));
}

/* A senior that leaves holds nobody back, and its place is the next one's. */
TEST(senior_leaves)
{
	int fd = bounded(1, 1, 2);
	pid_t a = WAITER(fd, 1, s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -3))));
	pid_t b = WAITER(fd, 2, CHECK(!s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -2)))));
	pid_t c;

	EXPECT_EQ(2, overtaken(fd, 100));
	c = WAITER(fd, 3, CHECK(!s_take(fd, 0)));
	slay(a);
	wait_for(s_stat_of(fd).waiting == 2);
	/* The second was overtaken as often. */
	EXPECT_EQ(0, overtaken(fd, 100));
	EXPECT_EQ('S', task_state(c, c));
	slay(b);
	EXPECT_EQ(0, reap(c));
	EXPECT_EQ(0, s_value(fd, 0));
	EXPECT_OK(s_post(fd, 0));
	EXPECT_EQ(100, overtaken(fd, 100));
}

/* The time of a senior is up. */
TEST(senior_is_late)
{
	int fd = bounded(1, 1, 1);
	pid_t a = WAITER(fd, 1, CHECK_ERR(ETIMEDOUT, s_op(fd, after(3 * SECOND),
							  STEPS(ADD(0, -2)))));

	while (s_stat_of(fd).waiting && !s_try(fd, 0))
		ASSERT_OK(s_post(fd, 0));
	EXPECT_OK(s_op(fd, after(PATIENCE), STEPS(ADD(0, -1))));
	EXPECT_EQ(0, reap(a));
}

/* The oldest of those who were overtaken too often is the senior, not the first of them. */
TEST(oldest_elder)
{
	int fd = bounded(3, 0, 1);
	pid_t old = WAITER(fd, 1, CHECK(!s_op(fd, KIPC_FOREVER, STEPS(ADD(1, -2)))));
	pid_t young = WAITER(fd, 2, CHECK(!s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -2)))));
	pid_t held;

	ASSERT_OK(s_post(fd, 0));
	EXPECT_EQ(1, overtaken(fd, 100));
	held = WAITER(fd, 3, CHECK(!s_take(fd, 0)));
	/* Now the old one is overtaken: it is the senior, and the other must wait for that. */
	ASSERT_OK(s_post(fd, 1));
	ASSERT_OK(s_try(fd, 1));
	EXPECT_EQ(0, reap(held));
	ASSERT_OK(s_op(fd, 0, STEPS(ADD(1, 2))));
	EXPECT_EQ(0, reap(old));
	/* It is its turn again. */
	ASSERT_OK(s_post(fd, 0));
	EXPECT_ERR(EAGAIN, s_try(fd, 0));
	ASSERT_OK(s_post(fd, 0));
	EXPECT_EQ(0, reap(young));
}

/* Who was held goes on before those that came later, wherever they wait. */
TEST(held_in_order)
{
	int fd = semaphores((struct kipc_sem_attr){ .count = 2, .overtakes = 1 });
	pid_t senior = WAITER(fd, 1, CHECK(!s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -5)))));
	pid_t held = WAITER(fd, 2, CHECK(!s_op(fd, KIPC_FOREVER,
					 STEPS(ADD(1, -1), ADD(0, -4)))));
	pid_t later = WAITER(fd, 3, CHECK(!s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -4)))));

	ASSERT_OK(s_post(fd, 0));
	EXPECT_EQ(1, overtaken(fd, 100));
	ASSERT_OK(s_post(fd, 1));
	EXPECT_EQ(3, s_look(fd, 0).waiting);
	ASSERT_OK(s_op(fd, 0, STEPS(ADD(0, 8))));
	EXPECT_EQ(0, reap(senior));
	EXPECT_EQ(held, s_look(fd, 0).pid);
	EXPECT_EQ(0, s_value(fd, 0));
	ASSERT_OK(s_op(fd, 0, STEPS(ADD(0, 4))));
	EXPECT_EQ(0, reap(held));
	EXPECT_EQ(0, reap(later));
}

/* Who takes nothing cannot be protected, and does not keep others from it. */
TEST(no_senior_without_takes)
{
	int fd = bounded(3, 1, 1);
	pid_t zero = WAITER(fd, 1, CHECK(!s_op(fd, KIPC_FOREVER, STEPS(ADD(1, 0), ADD(2, 0)))));
	pid_t pid;

	/* It has come for nothing. */
	ASSERT_OK(s_try(fd, 1));
	EXPECT_EQ(1, s_look(fd, 2).waiting_zero);
	pid = WAITER(fd, 2, CHECK(!s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -2)))));
	EXPECT_EQ(1, overtaken(fd, 100));
	ASSERT_OK(s_post(fd, 0));
	EXPECT_EQ(0, reap(pid));
	ASSERT_OK(s_try(fd, 2));
	EXPECT_EQ(0, reap(zero));
}

/* A removal ends those who are held, too. */
TEST(held_and_removed)
{
	int fd = bounded(1, 1, 1);
	pid_t a = WAITER(fd, 1, CHECK_ERR(EIDRM, s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -2)))));
	pid_t b;

	EXPECT_EQ(1, overtaken(fd, 100));
	b = WAITER(fd, 2, CHECK_ERR(EIDRM, s_take(fd, 0)));
	ASSERT_OK(k_remove(fd));
	EXPECT_EQ(0, reap(a));
	EXPECT_EQ(0, reap(b));
}

/* One who is held leaves by itself. */
TEST(held_and_late)
{
	int fd = bounded(1, 1, 1);
	pid_t a = WAITER(fd, 1, CHECK(!s_op(fd, KIPC_FOREVER, STEPS(ADD(0, -2)))));

	EXPECT_EQ(1, overtaken(fd, 100));
	EXPECT_ERR(ETIMEDOUT, s_op(fd, after(20 * MS), STEPS(ADD(0, -1))));
	EXPECT_EQ(1, s_look(fd, 0).waiting);
	ASSERT_OK(s_post(fd, 0));
	EXPECT_EQ(0, reap(a));
}

TEST_HARNESS_MAIN
