// SPDX-License-Identifier: GPL-2.0
/*
 * Semaphores against a naive twin: random operations of several processes, which wait, are
 * overtaken and overtake, are interrupted, and are killed with something to be undone.
 * After each step the twin knows what every semaphore is, who waits, and who has gone on.
 */
#include "test.h"
#include "ksem.h"

enum { SEMS = 4, WORKERS = 10, STEPS_MAX = 4, MAX = 6 };

/* What a worker does, in memory that is shared with it. */
struct worker {
	pid_t pid;
	struct kipc_sem_op ops[STEPS_MAX];
	unsigned int count;
	int orders, done;	/* how many it was given, and has done */
	int result;
};

static struct worker *workers;
static int set;

/* The twin. */

enum { NOBODY_YET = ~0U };	/* a turn later than all others */

struct waiting {
	bool waits;
	unsigned int turn, at;
	long need;
	bool zero, held, elder, nowhere;
	unsigned int left;	/* how often it may still be overtaken */
};

static struct twin {
	long value[SEMS];
	struct waiting waiting[WORKERS];
	long undo[WORKERS][SEMS];
	unsigned int turns, changed[SEMS], changes;
	int senior;		/* or -1 */
	unsigned int recheck;	/* those who are held, from this turn on */
	unsigned int overtakes;
} twin;

enum { DONE, WAITS, RANGE };

static void note_change(unsigned int num)
{
	unsigned int i;

	for (i = 0; i < twin.changes; i++)
		if (twin.changed[i] == num)
			return;
	twin.changed[twin.changes++] = num;
}

/* The oldest of those for whom it is true; or -1. */
#define OLDEST(w, cond) ({						\
	int i_, found_ = -1;						\
									\
	for (i_ = 0; i_ < WORKERS; i_++) {				\
		const struct waiting *w = &twin.waiting[i_];		\
									\
		if (w->waits && (cond) && (found_ < 0 ||		\
		    w->turn < twin.waiting[found_].turn))		\
			found_ = i_;					\
	}								\
	found_;								\
})

/* It waits for that to grow. */
static bool takes_at(const struct waiting *w, unsigned int num)
{
	return !w->nowhere && !w->held && !w->zero && w->at == num;
}

static void seat(void)
{
	int senior = OLDEST(w, w->elder);

	if (senior == twin.senior)
		return;
	twin.senior = senior;
	if (OLDEST(w, w->held) >= 0)
		twin.recheck = 0;
}

static void promote(unsigned int num)
{
	int who = OLDEST(w, takes_at(w, num) && !w->elder && !w->left);

	if (who < 0 || twin.overtakes == KIPC_SEM_NEVER)
		return;
	twin.waiting[who].elder = true;
	seat();
}

/* Somebody has taken from it who came then. */
static void passed(unsigned int num, unsigned int turn)
{
	int first = OLDEST(w, takes_at(w, num)), i;

	if (first < 0 || twin.waiting[first].turn > turn)
		return;
	for (i = 0; i < WORKERS; i++)
		if (twin.waiting[i].waits && takes_at(&twin.waiting[i], num) &&
		    twin.waiting[i].left)
			twin.waiting[i].left--;
	promote(num);
}

static bool takes_from(unsigned int who, unsigned int num)
{
	unsigned int i;

	for (i = 0; i < workers[who].count; i++)
		if (workers[who].ops[i].num == num && workers[who].ops[i].op < 0)
			return true;
	return false;
}

static bool takes(unsigned int who)
{
	unsigned int num;

	for (num = 0; num < SEMS; num++)
		if (takes_from(who, num))
			return true;
	return false;
}

/* The senior comes first. */
static bool is_held(unsigned int who, unsigned int turn)
{
	const struct worker *w = &workers[who];
	unsigned int i;

	if (twin.senior < 0 || turn <= twin.waiting[twin.senior].turn)
		return false;
	for (i = 0; i < w->count; i++)
		if (w->ops[i].op > 0)
			return false;
	for (i = 0; i < w->count; i++) {
		if (w->ops[i].op < 0 && takes_from(twin.senior, w->ops[i].num)) {
			twin.waiting[who].at = w->ops[i].num;
			return true;
		}
	}
	return false;
}

static int try(unsigned int who, unsigned int turn)
{
	const struct worker *w = &workers[who];
	struct waiting *wait = &twin.waiting[who];
	struct twin before = twin;
	unsigned int i;

	wait->zero = false;
	wait->held = is_held(who, turn);
	if (wait->held)
		return WAITS;
	for (i = 0; i < w->count; i++) {
		const struct kipc_sem_op *op = &w->ops[i];
		long now = twin.value[op->num];

		if (op->op ? now + op->op < 0 : now) {
			twin = before;
			wait->at = op->num;
			wait->zero = !op->op;
			wait->held = false;
			wait->need = twin.value[op->num] - now - op->op;
			return WAITS;
		}
		if (now + op->op > MAX) {
			twin = before;
			return RANGE;
		}
		twin.value[op->num] += op->op;
		if (op->flags)
			twin.undo[who][op->num] -= op->op;
	}
	for (i = 0; i < w->count; i++) {
		if (w->ops[i].op)
			note_change(w->ops[i].num);
		if (w->ops[i].op < 0)
			passed(w->ops[i].num, turn);
	}
	return DONE;
}

/* The oldest of those who wait for just that; or none. */
static int first_ready(unsigned int num)
{
	long value = twin.value[num];

	return OLDEST(w, !w->held && w->at == num &&
		      (w->zero ? value == w->need : value >= w->need));
}

static int expected[WORKERS];		/* how many each should have done */
static int wanted[WORKERS];		/* and with which result */

/* It waits no more. */
static void leave(unsigned int who)
{
	struct waiting *w = &twin.waiting[who];
	bool was = w->elder && w->waits;
	unsigned int i;

	w->waits = false;
	w->elder = false;
	if (!was)
		return;
	for (i = 0; i < workers[who].count; i++)
		if (workers[who].ops[i].op < 0)
			promote(workers[who].ops[i].num);
	seat();
}

static void finish(unsigned int who, int how)
{
	leave(who);
	expected[who]++;
	wanted[who] = how == RANGE ? -ERANGE : 0;
}

/* What it has waited for has come; while it is tried it is nowhere. */
static void retry(unsigned int who)
{
	struct waiting *w = &twin.waiting[who];
	bool was_held = w->held, elder = w->elder;
	int how;

	/* An elder is one meanwhile. */
	w->waits = elder;
	w->nowhere = true;
	how = try(who, w->turn);
	w->nowhere = false;
	if (how != WAITS) {
		finish(who, how);
		return;
	}
	w->waits = true;
	if (w->held || w->elder || !takes(who) || twin.overtakes == KIPC_SEM_NEVER)
		return;
	if (!was_held && w->left)
		w->left--;
	if (!w->left) {
		w->elder = true;
		seat();
	}
}

static int next(void)
{
	int first = -1, who;
	unsigned int i;

	/* Whatever they wait for, the first that came. */
	for (i = 0; i < twin.changes; i++) {
		who = first_ready(twin.changed[i]);
		if (who >= 0 && (first < 0 ||
				 twin.waiting[who].turn < twin.waiting[first].turn))
			first = who;
	}
	if (twin.recheck != NOBODY_YET) {
		who = OLDEST(w, w->held && w->turn >= twin.recheck);
		if (first < 0 || who < 0 ||
		    twin.waiting[who].turn < twin.waiting[first].turn) {
			twin.recheck = who < 0 ? NOBODY_YET : twin.waiting[who].turn + 1;
			first = who < 0 ? first : who;
		}
	}
	if (first < 0)
		twin.changes = 0;
	return first;
}

static void settle(void)
{
	int who;

	while (twin.changes || twin.recheck != NOBODY_YET) {
		who = next();
		if (who >= 0)
			retry(who);
	}
}

/* The real ones. */

static void work(unsigned int me)
{
	struct worker *w = &workers[me];
	int caught = 0, seen = 0;

	count_signals(SIGUSR1, 0, &caught);
	for (;;) {
		while (__atomic_load_n(&w->orders, __ATOMIC_SEQ_CST) == seen)
			nap();
		seen++;
		w->result = s_op(set, KIPC_FOREVER, w->ops, w->count) ? -errno : 0;
		__atomic_add_fetch(&w->done, 1, __ATOMIC_SEQ_CST);
	}
}

static void employ(unsigned int who)
{
	pid_t pid;

	expected[who] = 0;
	workers[who].done = 0;
	workers[who].orders = 0;
	memset(twin.undo[who], 0, sizeof(twin.undo[who]));
	pid = spawn();
	if (!pid)
		work(who);
	workers[who].pid = pid;
}

static unsigned int waiting_now(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < WORKERS; i++)
		n += twin.waiting[i].waits;
	return n;
}

/* All is as the twin says. */
static bool agrees(void)
{
	struct kipc_sem_value v[SEMS];
	unsigned int i, n, zero, more;

	if (s_stat_of(set).waiting != waiting_now())
		return false;
	for (i = 0; i < WORKERS; i++)
		if (__atomic_load_n(&workers[i].done, __ATOMIC_SEQ_CST) != expected[i] ||
		    (expected[i] && !twin.waiting[i].waits && workers[i].result != wanted[i]))
			return false;
	CHECK(!s_get(set, 0, v, SEMS));
	for (n = 0; n < SEMS; n++) {
		zero = 0;
		more = 0;
		for (i = 0; i < WORKERS; i++) {
			zero += twin.waiting[i].waits && twin.waiting[i].at == n &&
				twin.waiting[i].zero;
			more += twin.waiting[i].waits && twin.waiting[i].at == n &&
				!twin.waiting[i].zero;
		}
		if (v[n].value != twin.value[n] || v[n].waiting != more ||
		    v[n].waiting_zero != zero)
			return false;
	}
	return true;
}

/* What both are, if they do not agree. */
static void show(void)
{
	unsigned int i, n;

	for (n = 0; n < SEMS; n++) {
		struct kipc_sem_value v = s_look(set, n);

		printf("# semaphore %u: %u, %u and %u wait; the twin's is %ld\n", n, v.value,
		       v.waiting, v.waiting_zero, twin.value[n]);
	}
	for (i = 0; i < WORKERS; i++) {
		printf("# worker %u: %d of %d done, %d for %d, %s%s%s at %u since %u:", i,
		       workers[i].done, expected[i], workers[i].result, wanted[i],
		       twin.waiting[i].waits ? "waits" : "idle",
		       twin.waiting[i].held ? ", held" : "",
		       twin.waiting[i].elder ? ", elder" : "", twin.waiting[i].at,
		       twin.waiting[i].turn);
		for (n = 0; n < workers[i].count; n++)
			printf(" %d%+d%s", workers[i].ops[n].num, workers[i].ops[n].op,
			       workers[i].ops[n].flags ? "u" : "");
		printf("\n");
	}
}

static void compare(void)
{
	uint64_t end = after(PATIENCE);

	while (!agrees() && now_ns() < end)
		nap();
	if (!agrees())
		show();
	CHECK(agrees());
}

static void order(unsigned int who, unsigned int *seed)
{
	struct worker *w = &workers[who];
	unsigned int i;
	int how;

	w->count = 1 + rand_r(seed) % STEPS_MAX;
	for (i = 0; i < w->count; i++)
		w->ops[i] = ADD(rand_r(seed) % SEMS, (int)(rand_r(seed) % 6) - 2,
				rand_r(seed) % 3 ? 0 : UNDO);
	how = try(who, NOBODY_YET);
	if (how == WAITS) {
		twin.waiting[who].waits = true;
		twin.waiting[who].left = twin.overtakes;
		twin.waiting[who].turn = twin.turns++;
	} else {
		finish(who, how);
		settle();
	}
	__atomic_add_fetch(&w->orders, 1, __ATOMIC_SEQ_CST);
}

/* The signal finds it waiting: it was so when all agreed. */
static void interrupt(unsigned int who)
{
	finish(who, DONE);
	wanted[who] = -EINTR;
	settle();
	CHECK(!kill(workers[who].pid, SIGUSR1));
}

static void end(unsigned int who)
{
	unsigned int n;

	slay(workers[who].pid);
	leave(who);
	settle();
	for (n = 0; n < SEMS; n++) {
		long value = twin.value[n] + twin.undo[who][n];

		value = value < 0 ? 0 : value > MAX ? MAX : value;
		if (value != twin.value[n]) {
			twin.value[n] = value;
			note_change(n);
		}
	}
	settle();
}

FIXTURE(twins) {
};

FIXTURE_VARIANT(twins) {
	unsigned int overtakes;
};

FIXTURE_VARIANT_ADD(twins, never) { KIPC_SEM_NEVER };
FIXTURE_VARIANT_ADD(twins, once) { 1 };
FIXTURE_VARIANT_ADD(twins, thrice) { 3 };

FIXTURE_SETUP(twins)
{
}

FIXTURE_TEARDOWN(twins)
{
}

TEST_F(twins, agree)
{
	unsigned int seed = from_env("KIPC_SEED", 7), rounds = effort(1000), r, i, who;

	set = semaphores((struct kipc_sem_attr){
		.count = SEMS,
		.initial = 1,
		.max = MAX,
		.overtakes = variant->overtakes,
	});
	twin.senior = -1;
	twin.recheck = NOBODY_YET;
	twin.overtakes = variant->overtakes;
	workers = shared(WORKERS * sizeof(*workers));
	for (i = 0; i < SEMS; i++)
		twin.value[i] = 1;
	for (i = 0; i < WORKERS; i++)
		employ(i);
	for (r = 0; r < rounds; r++) {
		who = rand_r(&seed) % WORKERS;
		if (!twin.waiting[who].waits) {
			order(who, &seed);
		} else if (rand_r(&seed) % 8 == 0) {
			interrupt(who);
		} else if (rand_r(&seed) % 8 == 0) {
			end(who);
			/* What is to be undone is, before another may have its number. */
			compare();
			employ(who);
		} else if (waiting_now() == WORKERS) {
			/* All wait: so somebody must add. */
			uint32_t value = rand_r(&seed) % (MAX + 1);
			unsigned int num = rand_r(&seed) % SEMS;

			for (i = 0; i < WORKERS; i++)
				twin.undo[i][num] = 0;
			twin.value[num] = value;
			note_change(num);
			settle();
			ASSERT_OK(s_set_one(set, num, value));
		}
		compare();
	}
	for (i = 0; i < WORKERS; i++)
		slay(workers[i].pid);
	wait_for(!s_stat_of(set).undos);
}

TEST_HARNESS_MAIN
