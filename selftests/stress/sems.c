// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on sets of semaphores.  What must hold: a semaphore is in the end what it was,
 * and all that was done to it, but for what those did who were killed inside; what is
 * borrowed with KIPC_SEM_UNDO comes back to the last, whoever is killed; what one holds is
 * not there for others; and nobody waits for what is there, but behind a senior.
 */
#include "stress.h"
#include "../ksem.h"

enum {
	SETS = 6,
	SINGLES = 3,			/* so many of them, the last, have one semaphore */
	SEMS = 3,			/* in a set, at most */
	STEPS_MOST = 3,
};

/* How often an operation on a set is to be undone. */
enum undone { NEVER, SOMETIMES, ALWAYS };

static const struct {
	struct kipc_sem_attr attr;
	enum undone undone;
} kinds[SETS] = {
	/* Whatever is gone from this one was borrowed, by threads that live. */
	{ { .count = 2, .initial = 4, .max = 4, .overtakes = 2 }, ALWAYS },
	{ { .count = 3, .initial = 2, .max = 6, .overtakes = KIPC_SEM_NEVER }, NEVER },
	/* Without a maximum, so that nothing that is undone is cut off. */
	{ { .count = 2, .initial = 3 }, SOMETIMES },
	{ { .initial = 2, .max = 3 }, NEVER },
	{ { .initial = 3, .max = 4, .overtakes = 1 }, NEVER },
	{ { .initial = 1 }, NEVER },
};

/**
 * struct hand - what a thread is doing with semaphores
 * @steps: of its operation; 0: none
 * @sets: of each step: which set
 * @ops: the steps
 * @held: what it has taken with KIPC_SEM_UNDO, and not put back
 */
struct hand {
	unsigned int steps;
	unsigned int sets[STEPS_MOST];
	struct kipc_sem_op ops[STEPS_MOST];
	int held[SETS][SEMS];
};

/**
 * struct set - a set of semaphores
 * @fd: the supervisor's handle
 * @known: by what operations have changed each of them, but for those to be undone
 * @more: what was added, or not, by those that were killed
 * @less: what was taken, likewise
 * @done: operations
 * @perhaps: and those that may have been
 */
struct set {
	int fd;
	int64_t known[SEMS], more[SEMS], less[SEMS];
	uint64_t done, perhaps;
};

static struct {
	struct set sets[SETS];
	struct hand hands[64 * THREADS];
} *store;

/* As the module has them: 0 stands for something. */
static unsigned int count_of(unsigned int set)
{
	return kinds[set].attr.count ?: 1;
}

static unsigned int max_of(unsigned int set)
{
	return kinds[set].attr.max ?: KIPC_SEM_VALUE_MAX;
}

void sems_open(int ctl)
{
	unsigned int i;

	if (!store)
		store = shared(sizeof(*store));
	memset(store, 0, sizeof(*store));
	for (i = 0; i < SETS; i++) {
		store->sets[i].fd = k_create_kind(ctl, KIPC_KIND_SEMAPHORES, NULL,
						  &kinds[i].attr, sizeof(kinds[i].attr),
						  0600, KIPC_SEM_RIGHTS, 0);
		CHECK(store->sets[i].fd >= 0);
	}
}

/* Of @set; what can be put back of what was taken is in @left. */
static struct kipc_sem_op some_step(uint64_t *r, unsigned int set, int *left)
{
	enum undone undone = kinds[set].undone;
	bool undo = undone == ALWAYS || (undone == SOMETIMES && below(r, 2));
	unsigned int num = below(r, count_of(set));
	bool puts = below(r, 2) && (!undo || left[num]);
	int by;

	if (!below(r, 16))
		return (struct kipc_sem_op){ .num = num };
	if (!puts)
		by = -1 - (int)below(r, 2);
	else if (undo)
		by = 1 + below(r, left[num]);
	else
		by = 1;
	if (puts && undo)
		left[num] -= by;
	return (struct kipc_sem_op){ .num = num, .op = by, .flags = undo ? UNDO : 0 };
}

static void make_operation(struct thread *t, struct hand *h, unsigned int set,
			   unsigned int steps)
{
	int left[SEMS];
	unsigned int i;

	memcpy(left, h->held[set], sizeof(left));
	for (i = 0; i < steps; i++) {
		h->sets[i] = set;
		h->ops[i] = some_step(&t->random, set, left);
	}
	STORE(h->steps, steps);
}

/* It was done. */
static void note_operation(struct hand *h)
{
	unsigned int i, n = h->steps;

	for (i = 0; i < n; i++) {
		struct set *set = &store->sets[h->sets[i]];
		const struct kipc_sem_op *op = &h->ops[i];

		if (op->flags & UNDO)
			h->held[h->sets[i]][op->num] -= op->op;
		else
			RAISE(set->known[op->num], op->op);
		if (!i || h->sets[i] != h->sets[0])
			RAISE(set->done, 1);
	}
	COUNT(operated);
}

static uint64_t some_deadline(uint64_t *r)
{
	switch (below(r, 10)) {
	case 0: case 1:
		return KIPC_FOREVER;
	case 2: case 3: case 4:
		return KIPC_NO_WAIT;
	}
	return after(below(r, 12) * MS);
}

static unsigned int rights_for(const struct hand *h)
{
	unsigned int i, needs = 0;

	for (i = 0; i < h->steps; i++)
		needs |= h->ops[i].op > 0 ? SEND : RECEIVE;
	return needs;
}

static bool may_fail(const struct hand *h, const struct stall *s, uint64_t deadline, int err)
{
	unsigned int needs = rights_for(h);

	if (needs & ~s->rights)
		return err == EBADF || excused(err);
	if (err == ERANGE)
		return needs & SEND && kinds[s->which].undone == NEVER;
	if (err == EAGAIN)
		return s->nonblock || deadline == KIPC_NO_WAIT;
	if (err == ETIMEDOUT) {
		COUNT(timeouts);
		return deadline != KIPC_FOREVER && now_ns() >= deadline;
	}
	return excused(err);
}

/* Some of those with one step have a way of their own. */
static int do_operation(struct thread *t, const struct hand *h, const struct stall *s,
			uint64_t deadline)
{
	const struct kipc_sem_op *op = h->ops;

	if (h->steps == 1 && !op->flags && below(&t->random, 2)) {
		if (op->op == 1)
			return CALL(t, s_post(s->fd, op->num));
		if (op->op == -1 && deadline == KIPC_FOREVER)
			return CALL(t, s_take(s->fd, op->num));
		if (op->op == -1 && deadline == KIPC_NO_WAIT)
			return CALL(t, s_try(s->fd, op->num));
	}
	return CALL(t, s_op(s->fd, deadline, op, h->steps));
}

static void operate(struct thread *t, const struct stall *s)
{
	struct hand *h = &store->hands[t->actor - world->actors];
	unsigned int steps = below(&t->random, 2) ? 1 : 1 + below(&t->random, STEPS_MOST);
	uint64_t deadline = some_deadline(&t->random);
	bool good;

	make_operation(t, h, s->which, steps);
	if (!do_operation(t, h, s, deadline)) {
		note_operation(h);
		errno = 0;
		good = !(rights_for(h) & ~s->rights);
	} else {
		good = may_fail(h, s, deadline, errno);
	}
	if (!good)
		complain("%u steps on set %u, the first %d on %u, by %u, until %llu: %s", steps,
			 s->which, h->ops[0].op, h->ops[0].num, s->rights,
			 (unsigned long long)deadline, strerrorname_np(errno));
	STORE(h->steps, 0);
}

/* One of each of several. */
static void take_all(struct thread *t)
{
	struct hand *h = &store->hands[t->actor - world->actors];
	unsigned int first = below(&t->random, SINGLES), n, i;
	int fds[SINGLES];

	n = 1 + below(&t->random, SINGLES);
	for (i = 0; i < n; i++) {
		h->sets[i] = SETS - SINGLES + (first + i) % SINGLES;
		h->ops[i] = (struct kipc_sem_op){ .op = -1 };
		fds[i] = store->sets[h->sets[i]].fd;
	}
	STORE(h->steps, n);
	if (!CALL(t, s_all(store->sets[0].fd, fds, n)))
		note_operation(h);
	else
		ALLOW(-1, "taking from several sets", errno == EAGAIN);
	STORE(h->steps, 0);
}

static void look(struct thread *t, const struct stall *s)
{
	const int *held = store->hands[t->actor - world->actors].held[s->which];
	unsigned int n = count_of(s->which), i;
	struct kipc_sem_value v[SEMS];
	unsigned int most;

	if (CALL(t, s_get(s->fd, 0, v, n))) {
		ALLOW(-1, "looking at semaphores",
		      errno == EBADF && !(s->rights & RECEIVE));
		return;
	}
	for (i = 0; i < n; i++) {
		most = max_of(s->which);
		/* Nobody else can have what this thread has. */
		if (kinds[s->which].undone == ALWAYS)
			most -= held[i];
		if (v[i].value > most)
			complain("semaphore %u of set %u is %u, can be %u, and %d are held here",
				 i, s->which, v[i].value, most, held[i]);
	}
}

void sems_step(struct thread *t)
{
	struct stall *s = &t->set;
	int fds[SETS];
	unsigned int i;

	t->actor->begin = tick();
	if (s->fd < 0 || !below(&t->random, 40)) {
		for (i = 0; i < SETS; i++)
			fds[i] = store->sets[i].fd;
		stall_open(t, s, fds, SETS, below(&t->random, 8) ? SEND | RECEIVE :
			   1 + below(&t->random, 2));
	}
	if (s->fd < 0)
		return;
	i = below(&t->random, 16);
	if (!i)
		look(t, s);
	else if (i < 3)
		take_all(t);
	else
		operate(t, s);
}

/* Thread @number has ended, perhaps inside.  What it held is undone, sooner or later. */
void sems_dead(unsigned int number)
{
	struct hand *h = &store->hands[number];
	unsigned int i;

	for (i = 0; i < h->steps; i++) {
		struct set *set = &store->sets[h->sets[i]];
		const struct kipc_sem_op *op = &h->ops[i];

		set->perhaps++;
		if (op->flags & UNDO)
			continue;
		(op->op > 0 ? set->more : set->less)[op->num] += op->op;
	}
	memset(h, 0, sizeof(*h));
}

/* As the module would try it. */
static bool can_go_on(const struct hand *h, const struct kipc_sem_value *v)
{
	int64_t now[SEMS];
	unsigned int i;

	for (i = 0; i < SEMS; i++)
		now[i] = v[i].value;
	for (i = 0; i < h->steps; i++) {
		const struct kipc_sem_op *op = &h->ops[i];

		if (!op->op && now[op->num])
			return false;
		now[op->num] += op->op;
		if (now[op->num] < 0)
			return false;
	}
	return true;
}

static bool waits_in(unsigned int number, unsigned int set)
{
	const struct hand *h = &store->hands[number];

	return LOAD(h->steps) && h->sets[0] == set &&
	       weather_sleeps(&world->actors[number]);
}

static bool take_alike(const struct hand *a, const struct hand *b)
{
	unsigned int i, k;

	for (i = 0; i < a->steps; i++)
		for (k = 0; k < b->steps; k++)
			if (a->ops[i].op < 0 && b->ops[k].op < 0 &&
			    a->ops[i].num == b->ops[k].num)
				return true;
	return false;
}

/* It takes, and somebody who cannot go on may be its senior. */
static bool stands_behind(unsigned int number, unsigned int set,
			  const struct kipc_sem_value *v)
{
	const struct hand *h = &store->hands[number];
	unsigned int i;

	if (kinds[set].attr.overtakes == KIPC_SEM_NEVER || rights_for(h) & SEND)
		return false;
	for (i = 0; i < workers * THREADS; i++)
		if (i != number && waits_in(i, set) &&
		    take_alike(h, &store->hands[i]) && !can_go_on(&store->hands[i], v))
			return true;
	return false;
}

static bool forgotten(unsigned int number, unsigned int set)
{
	struct kipc_sem_value v[SEMS] = { 0 };

	if (!waits_in(number, set))
		return false;
	CHECK(!s_get(store->sets[set].fd, 0, v, count_of(set)));
	return can_go_on(&store->hands[number], v) && !stands_behind(number, set, v) &&
	       waits_in(number, set);
}

/* Nobody does anything any more: does anybody wait for what is there? */
void sems_waiters(void)
{
	uint64_t end = after(PATIENCE);
	unsigned int i, set;

	for (set = 0; set < SETS; set++) {
		for (i = 0; i < workers * THREADS; i++) {
			while (forgotten(i, set) && now_ns() < end)
				nap();
			if (forgotten(i, set))
				complain("set %u: %u steps, the first %d on %u, were forgotten",
					 set, store->hands[i].steps,
					 store->hands[i].ops[0].op,
					 store->hands[i].ops[0].num);
		}
	}
}

static void check_value(unsigned int i, unsigned int num, const struct kipc_sem_value *v)
{
	const struct set *set = &store->sets[i];
	int64_t want = kinds[i].attr.initial + set->known[num];

	if (v->value > max_of(i) || v->value < want + set->less[num] ||
	    v->value > want + set->more[num] || v->waiting || v->waiting_zero)
		complain("semaphore %u of set %u is %u, %u+%u wait; should be %lld%+lld%+lld",
			 num, i, v->value, v->waiting, v->waiting_zero, (long long)want,
			 (long long)set->less[num], (long long)set->more[num]);
}

/* The workers are gone, and what they had borrowed comes back. */
void sems_epoch(void)
{
	uint64_t end = after(PATIENCE);
	struct kipc_sem_value v[SEMS];
	struct kipc_sem_stat st;
	unsigned int i, num;

	for (i = 0; i < SETS; i++) {
		const struct set *set = &store->sets[i];

		while ((st = s_stat_of(set->fd)).undos && now_ns() < end)
			nap();
		if (st.waiting || st.undos || st.operations < set->done ||
		    st.operations > set->done + set->perhaps)
			complain("set %u: %u wait, %u undos, %llu operations; should be %llu+%llu",
				 i, st.waiting, st.undos, (unsigned long long)st.operations,
				 (unsigned long long)set->done,
				 (unsigned long long)set->perhaps);
		CHECK(!s_get(set->fd, 0, v, count_of(i)));
		for (num = 0; num < count_of(i); num++)
			check_value(i, num, &v[num]);
		close(set->fd);
	}
}
