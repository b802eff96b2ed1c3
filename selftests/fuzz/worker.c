// SPDX-License-Identifier: GPL-2.0
/*
 * A worker: programs out of the corpus, changed, and what is new into it.
 */
#include "fuzz.h"

enum { BATCH = 16, SUBSTITUTIONS = 96 };

static char log_name[2][32] = { "log/alone-0", "log/alone-1" };
static unsigned int log_turn;

static unsigned int corpus_count(void)
{
	unsigned int n = __atomic_load_n(&shared_state->corpus_reserved,
					 __ATOMIC_ACQUIRE);

	return n < MAX_CORPUS ? n : MAX_CORPUS;
}

static const struct program *corpus_get(unsigned int i)
{
	return __atomic_load_n(&shared_state->corpus_ready[i],
			       __ATOMIC_ACQUIRE) ? &shared_state->corpus[i] :
						   NULL;
}

/* The young ones more often: behind them is what nobody has been at. */
static const struct program *corpus_any(void)
{
	unsigned int n = corpus_count();

	if (!n)
		return NULL;
	if (below(3) == 0 && n > 32)
		return corpus_get(n - 1 - below(32));
	return corpus_get(below(n));
}

bool corpus_add(const struct program *p)
{
	unsigned int i = add(&shared_state->corpus_reserved, 1);

	if (i >= MAX_CORPUS)
		return false;
	shared_state->corpus[i] = *p;
	__atomic_store_n(&shared_state->corpus_ready[i], 1, __ATOMIC_RELEASE);
	return true;
}

static void log_batch(const struct program *p, unsigned int *count)
{
	*count = log_programs(log_name[log_turn++ & 1], p, *count);
}

/* Whether the program alone reaches all of these again. */
static bool reaches(const struct program *p, const uint16_t *edges,
		    unsigned int count)
{
	unsigned int one = 1;

	log_batch(p, &one);
	execute(p, COVER_EDGES);
	for (unsigned int i = 0; i < count; i++) {
		if (!cover_saw(edges[i]))
			return false;
	}
	return true;
}

/* Calls that are not needed go, and arguments that need not be there. */
static void minimise(struct program *p, const uint16_t *edges,
		     unsigned int count)
{
	struct program less;

	for (unsigned int i = p->calls; i--;) {
		less = *p;
		program_drop(&less, i, 1);
		if (less.calls && reaches(&less, edges, count))
			*p = less;
	}
	for (unsigned int i = 0; i < p->calls; i++) {
		less = *p;
		for (unsigned int n = 0; n < MAX_ARGS; n++) {
			if (ops[p->call[i].op].args[n].set != SET_rights)
				less.call[i].arg[n] = 0;
		}
		if (memcmp(&less, p, sizeof(less)) &&
		    reaches(&less, edges, count))
			*p = less;
		for (unsigned int n = 0; n < MAX_ARGS; n++) {
			less = *p;
			less.call[i].arg[n] = 0;
			if (p->call[i].arg[n] && reaches(&less, edges, count))
				*p = less;
		}
	}
}

/*
 * What a worker alone can reach again is worth keeping; what came of the moment,
 * of what others did meanwhile, is not.
 */
static bool triage(const struct program *found)
{
	uint16_t edges[MAX_FRESH];
	unsigned int count = fresh_count, kept = 0;
	struct program p = *found;

	memcpy(edges, fresh, sizeof(edges));
	for (int again = 0; again < 2; again++) {
		reaches(&p, NULL, 0);
		kept = 0;
		for (unsigned int i = 0; i < count; i++) {
			if (cover_saw(edges[i]))
				edges[kept++] = edges[i];
		}
		count = kept;
	}
	if (!kept)
		return false;
	minimise(&p, edges, kept);
	return corpus_add(&p);
}

static bool run_new(const struct program *p)
{
	execute(p, COVER_EDGES);
	return fresh_count && triage(p);
}

/* Where @value has the operand @from in its low bytes, put @to there. */
static bool substitute(uint64_t value, const struct comparison *c,
		       uint64_t from, uint64_t to, uint64_t *result)
{
	uint64_t mask = c->size == 8 ? ~0ULL : (1ULL << 8 * c->size) - 1;

	if ((value & mask) != (from & mask))
		return false;
	*result = (value & ~mask) | (to & mask);
	return *result != value;
}

struct candidate {
	unsigned int call, arg;
	uint64_t value;
};

static unsigned int candidates(const struct program *p, struct candidate *to,
			       unsigned int most)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < comparison_count && count + 3 < most; i++) {
		const struct comparison *c = &comparisons[i];
		const struct call *call = &p->call[c->call];
		uint64_t value;

		if (c->call >= p->calls)
			continue;
		for (unsigned int n = 0; n < op_args(&ops[call->op]); n++) {
			if (count + 3 >= most)
				break;
			if (!substitute(call->arg[n], c, c->b, c->a, &value) &&
			    !substitute(call->arg[n], c, c->a, c->b, &value))
				continue;
			/* Its neighbours too: it may be a bound. */
			for (int near = -1; near <= 1; near++)
				to[count++] = (struct candidate){
					c->call, n, value + near };
		}
	}
	return count;
}

/* Run once more, and let the kernel tell what it compared arguments with. */
static unsigned int solve(const struct program *p)
{
	static struct candidate list[1024];
	struct program batch[BATCH];
	unsigned int count, solved = 0, tries = 0, n;

	n = 1;
	log_batch(p, &n);
	execute(p, COVER_COMPARISONS);
	for (unsigned int i = 0; i < comparison_count; i += 1 + below(8)) {
		if (comparisons[i].constant)
			operand_note(comparisons[i].a);
	}
	count = candidates(p, list, 1024);
	while (count && tries < SUBSTITUTIONS) {
		for (n = 0; n < BATCH && count; n++) {
			unsigned int i = below(count);
			struct candidate c = list[i];

			list[i] = list[--count];
			batch[n] = *p;
			batch[n].call[c.call].arg[c.arg] = c.value;
		}
		log_batch(batch, &n);
		for (unsigned int i = 0; i < n; i++)
			solved += run_new(&batch[i]);
		tries += n;
	}
	add(&shared_state->solved, solved);
	return solved;
}

static void mutate_batch(struct program *batch)
{
	static const struct program nothing;

	for (unsigned int i = 0; i < BATCH; i++) {
		const struct program *one = corpus_any(), *other = corpus_any();

		if (!one || below(20) == 0) {
			program_generate(&batch[i]);
			continue;
		}
		batch[i] = *one;
		program_mutate(&batch[i], other ? other : &nothing);
	}
}

void worker_run(unsigned int number)
{
	struct program batch[BATCH];
	unsigned int solved_up_to = 0;

	me = number;
	for (int i = 0; i < 2; i++)
		snprintf(log_name[i], sizeof(log_name[i]), "log/worker%u-%d",
			 number, i);
	cover_open();
	execute_setup();
	for (;;) {
		unsigned int count = BATCH;

		mutate_batch(batch);
		log_batch(batch, &count);
		for (unsigned int i = 0; i < count; i++)
			run_new(&batch[i]);
		/* What the corpus has got meanwhile, in turns. */
		if (solved_up_to >= corpus_count() || below(4) == 0)
			solved_up_to = below(corpus_count() + 1);
		if (solved_up_to < corpus_count()) {
			const struct program *p = corpus_get(solved_up_to++);

			if (p)
				solve(p);
		}
	}
}

void corpus_replay(void)
{
	unsigned int n = corpus_count();

	for (unsigned int i = 0; i < n; i++) {
		const struct program *p = corpus_get(i);
		unsigned int one = 1;

		if (!p)
			continue;
		log_batch(p, &one);
		execute(p, COVER_EDGES);
	}
}

/*
 * A few programs that reach what all reach together: each in a run alone, the
 * old ones first, and then the short ones.
 */
unsigned int corpus_distil(struct program **to)
{
	static struct program kept[MAX_CORPUS];
	static uint8_t reached[EDGES];
	unsigned int n = corpus_count(), count = 0;
	uint16_t edges[8192];

	for (unsigned int length = 0; length <= MAX_CALLS; length++) {
		for (unsigned int i = 0; i < n; i++) {
			const struct program *p = corpus_get(i);
			unsigned int found, news = 0;
			bool old = i < shared_state->corpus_old;

			if (!p || (old ? length != 0 : p->calls != length))
				continue;
			execute(p, COVER_EDGES);
			found = cover_edges(edges, 8192);
			for (unsigned int e = 0; e < found; e++) {
				news += !reached[edges[e]];
				reached[edges[e]] = 1;
			}
			if (news >= (old ? 1 : 2))
				kept[count++] = *p;
		}
	}
	*to = kept;
	return count;
}

static bool is_in(uint16_t edge, const uint16_t *edges, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (edges[i] == edge)
			return true;
	}
	return false;
}

/*
 * A command that does not exist is refused; which ones do, only the kernel's own
 * comparisons say.  One of these put in its place must lead further.
 */
bool comparisons_solve(void)
{
	static struct candidate list[1024];
	struct program p = { .calls = 1 }, q;
	uint16_t before[512], now[512];
	unsigned int n, count;

	p.call[0].op = OP_ioctl;
	p.call[0].arg[0] = _IOC(_IOC_READ, KIPC_IOC_MAGIC, 0x7f, 0);
	p.call[0].arg[1] = AREA_VALUE(BUF, 0);
	execute(&p, COVER_EDGES);
	n = cover_edges(before, 512);
	execute(&p, COVER_COMPARISONS);
	count = candidates(&p, list, 1024);
	for (unsigned int i = 0; n && i < count; i++) {
		unsigned int same = 0, m;

		q = p;
		q.call[0].arg[list[i].arg] = list[i].value;
		execute(&q, COVER_EDGES);
		m = cover_edges(now, 512);
		for (unsigned int k = 0; k < m; k++)
			same += is_in(now[k], before, n);
		if (same < m)
			return true;
	}
	return false;
}
