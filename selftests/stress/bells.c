// SPDX-License-Identifier: GPL-2.0
/*
 * Doorbells.  What must hold: what was rung is what was answered, and what is left, but for
 * what those rang, or not, who were killed inside; and nobody waits for what is there.  The
 * answer of who was killed stands in shared memory.
 */
#include "stress.h"
#include "../kmemory.h"

enum { BELLS = 2 };

/*
 * They count in units of so many bits.  The second has room for few: who rings it waits.
 * What goes back to it from who was killed may find no room, and is lost.
 */
static const unsigned int shifts[BELLS] = { 0, 61 };

enum doing { NOTHING, RINGING, WAITING };

/**
 * struct ear - what a thread does with doorbells, and what it has got
 * @doing: enum doing
 * @which: with which
 * @n: units that it rings
 * @bell: what the ioctl or the read gets
 * @before: units that it had got of this one before
 * @got: units of each
 */
struct ear {
	int doing;
	unsigned int which;
	uint64_t n;
	struct kipc_memory_bell bell;
	uint64_t before, got[BELLS];
};

/**
 * struct belfry - a doorbell
 * @fd: the supervisor's handle
 * @rung: units
 * @maybe: units of those that were killed while they rang
 * @rings: how often
 * @perhaps: those that were killed
 * @answered: units that those had got who have ended
 * @torn: who was killed may have given something back
 */
struct belfry {
	int fd;
	uint64_t rung, maybe, rings, perhaps, answered;
	bool torn;
};

static struct {
	struct belfry bells[BELLS];
	struct ear ears[64 * THREADS];
} *tower;

void bells_open(void)
{
	unsigned int i;

	if (!tower)
		tower = shared(sizeof(*tower));
	memset(tower, 0, sizeof(*tower));
	for (i = 0; i < BELLS; i++)
		tower->bells[i].fd = memory_of(0);
}

static uint64_t some_deadline(uint64_t *r)
{
	return below(r, 8) ? after(below(r, 12) * MS) : below(r, 2) ? KIPC_FOREVER :
	       KIPC_NO_WAIT;
}

static bool may_fail(const struct ear *ear, const struct stall *s, uint64_t deadline, int err)
{
	/* There is always room. */
	if (ear->doing == RINGING && !shifts[s->which])
		return excused(err);
	if (err == EAGAIN)
		return s->nonblock || deadline == KIPC_NO_WAIT;
	if (err == ETIMEDOUT) {
		COUNT(timeouts);
		return deadline != KIPC_FOREVER && now_ns() >= deadline;
	}
	return excused(err);
}

/* @plain: by read or write, else by the ioctl; 0 if it was done. */
static int use(struct thread *t, struct ear *ear, const struct stall *s, bool plain)
{
	bool rings = ear->doing == RINGING;
	long n = sizeof(ear->bell.count), ret;

	if (!plain)
		return CALL(t, ioctl(s->fd, rings ? KIPC_IOC_MEMORY_RING :
				     KIPC_IOC_MEMORY_WAIT, &ear->bell));
	ret = rings ? CALL(t, write(s->fd, &ear->bell.count, n)) :
		      CALL(t, read(s->fd, &ear->bell.count, n));
	if (ret >= 0 && ret != n)
		complain("bell %u: %ld bytes", s->which, ret);
	return ret < 0 ? -1 : 0;
}

static void use_bell(struct thread *t, const struct stall *s)
{
	struct ear *ear = &tower->ears[t->actor - world->actors];
	struct belfry *b = &tower->bells[s->which];
	bool rings = s->rights == SEND, plain = below(&t->random, 2);
	uint64_t deadline = plain ? KIPC_FOREVER : some_deadline(&t->random);

	ear->which = s->which;
	ear->n = 1 + below(&t->random, 5);
	ear->before = ear->got[s->which];
	ear->bell = (struct kipc_memory_bell){
		.count = rings ? ear->n << shifts[s->which] : 0,
		.deadline = deadline,
	};
	STORE(ear->doing, rings ? RINGING : WAITING);
	if (use(t, ear, s, plain)) {
		if (!may_fail(ear, s, deadline, errno))
			complain("bell %u, by %u, until %llu: %s", s->which, s->rights,
				 (unsigned long long)deadline, strerrorname_np(errno));
	} else if (rings) {
		COUNT(rung);
		RAISE(b->rung, ear->n);
		RAISE(b->rings, 1);
	} else {
		COUNT(answered);
		if (!ear->bell.count)
			complain("bell %u was not rung, and answered", s->which);
		STORE(ear->got[s->which],
		      ear->before + (ear->bell.count >> shifts[s->which]));
	}
	STORE(ear->doing, NOTHING);
}

void bells_step(struct thread *t)
{
	struct stall *s = &t->bell;
	struct pollfd p;
	int fds[BELLS];
	unsigned int i;

	t->actor->begin = tick();
	if (s->fd < 0 || !below(&t->random, 40)) {
		for (i = 0; i < BELLS; i++)
			fds[i] = tower->bells[i].fd;
		stall_open(t, s, fds, BELLS, below(&t->random, 2) ? SEND : RECEIVE);
	}
	if (s->fd < 0)
		return;
	p.fd = s->fd;
	p.events = s->rights == SEND ? POLLOUT : POLLIN;
	if (!s->nonblock && below(&t->random, 4) &&
	    CALL(t, poll(&p, 1, below(&t->random, 5))) <= 0)
		return;
	use_bell(t, s);
}

/* Thread @number has ended, perhaps with an answer that it has not noted. */
void bells_dead(unsigned int number)
{
	struct ear *ear = &tower->ears[number];
	struct belfry *b = &tower->bells[ear->which];
	unsigned int i;

	if (ear->doing == RINGING) {
		b->maybe += ear->n;
		b->perhaps++;
	} else if (ear->doing == WAITING) {
		b->torn = true;
		ear->got[ear->which] = ear->before +
				       (ear->bell.count >> shifts[ear->which]);
	}
	for (i = 0; i < BELLS; i++)
		tower->bells[i].answered += ear->got[i];
	memset(ear, 0, sizeof(*ear));
}

/* The most that anybody waits to ring; units. */
static uint64_t most_to_ring(unsigned int i)
{
	const struct ear *ear, *end = tower->ears + workers * THREADS;
	uint64_t most = 0;

	for (ear = tower->ears; ear < end; ear++)
		if (LOAD(ear->doing) == RINGING && ear->which == i && ear->n > most)
			most = ear->n;
	return most;
}

/* It rang, and somebody waits for that; or whoever is the first to ring has room. */
static bool forgotten(unsigned int i, struct kipc_memory_stat *st)
{
	*st = m_stat_of(tower->bells[i].fd);
	if (st->waiting && st->count)
		return true;
	return st->waiting_ringers &&
	       most_to_ring(i) << shifts[i] <= KIPC_BELL_MAX - st->count;
}

/* Nobody does anything any more: does anybody wait for what is there? */
void bells_waiters(void)
{
	uint64_t end = after(PATIENCE);
	struct kipc_memory_stat st;
	unsigned int i;

	for (i = 0; i < BELLS; i++) {
		while (forgotten(i, &st) && now_ns() < end)
			nap();
		if (forgotten(i, &st))
			complain("bell %u, at %llu, forgot %u who wait, %u who ring", i,
				 (unsigned long long)st.count, st.waiting,
				 st.waiting_ringers);
	}
}

/* The workers are gone. */
void bells_epoch(void)
{
	struct kipc_memory_stat st;
	uint64_t left, rung;
	unsigned int i;
	bool lossy;

	for (i = 0; i < BELLS; i++) {
		const struct belfry *b = &tower->bells[i];

		st = m_stat_of(b->fd);
		left = m_rung(b->fd);
		rung = b->answered + (left >> shifts[i]);
		lossy = shifts[i] && (b->torn || world->faults);
		if (left != st.count || (rung < b->rung && !lossy) ||
		    rung > b->rung + b->maybe || st.rings < b->rings ||
		    st.rings > b->rings + b->perhaps || st.waiting || st.waiting_ringers)
			complain("bell %u: %llu rings, %llu units, left %llu; %llu+%llu, %llu+%llu",
				 i, (unsigned long long)st.rings,
				 (unsigned long long)rung, (unsigned long long)left,
				 (unsigned long long)b->rings,
				 (unsigned long long)b->perhaps,
				 (unsigned long long)b->rung, (unsigned long long)b->maybe);
		close(b->fd);
	}
}
