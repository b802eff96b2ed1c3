// SPDX-License-Identifier: GPL-2.0
/*
 * New programs: out of nothing, or out of others.
 */
#include "fuzz.h"

static uint64_t rnd_state = 1;
static uint64_t operands[256];		/* that the kernel compared lately */
static unsigned int operand_count;

void rnd_seed(uint64_t seed)
{
	rnd_state = seed * 0x9e3779b97f4a7c15ULL + 0x1234567;
	for (int i = 0; i < 8; i++)
		rnd();
}

uint64_t rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state * 0x2545f4914f6cdd1dULL;
}

unsigned int below(unsigned int n)
{
	return n ? (rnd() >> 32) % n : 0;
}

static bool one_in(unsigned int n)
{
	return !below(n);
}

void operand_note(uint64_t value)
{
	operands[operand_count++ % 256] = value;
}

static uint64_t of_set(enum set which)
{
	unsigned int count = 0;
	uint64_t value = 0;

	for (size_t i = 0; i < constant_count; i++) {
		if (constants[i].set == which && one_in(++count))
			value = constants[i].value;
	}
	return value;
}

static uint64_t any_number(void)
{
	switch (below(8)) {
	case 0:
		return 0;
	case 1:
		return below(16);
	case 2:
		return below(0x3000);
	case 3:
		return 1ULL << below(64);
	case 4:
		return ~0ULL >> below(64);
	case 5:
		return rnd() >> below(64);
	default:
		return operand_count ? operands[below(operand_count < 256 ?
						      operand_count : 256)] :
				       rnd();
	}
}

static uint64_t any_pointer(enum set which)
{
	if (which == SET_names && !one_in(6))
		return AREA_VALUE(NAMES, NAME_STEP *
				  below(one_in(4) ? NAME_COUNT : GOOD_NAMES));
	if (which == SET_attrs && !one_in(8))
		return one_in(3) ? 0 : AREA_VALUE(ATTR, 0);
	if (which == SET_structs && !one_in(12))
		return 0;
	switch (below(which == SET_data ? 12 : 8)) {
	case 0:
		return 0;
	case 1:
		return AREA_VALUE(RO, one_in(2) ? 0 : 0x1ff8);
	case 2:
	case 3:
		return AREA_VALUE(EDGE, one_in(2) ? below(64) * 8 :
						    below(0x2000));
	case 4:
		return AREA_VALUE(GONE, 0);
	case 5:
		return AREA_VALUE(KERNEL, 0);
	case 6:
	case 7:
		return AREA_VALUE(FRESH, one_in(2) ? 0 : below(0x4000));
	default:
		return AREA_VALUE(BUF, one_in(2) ? 0 : below(0x4000));
	}
}

static uint64_t any_value(const struct arg *arg)
{
	uint64_t value = 0;

	switch (arg->type) {
	case OUTPUT:
		return 0;
	case SLOT:
		return below(SLOTS);
	case POINTER:
		return any_pointer(arg->set);
	case DEADLINE:
		return one_in(8) ? any_number() :
		       one_in(3) ? below(4000) + 1 : of_set(arg->set);
	case FLAGS:
		if (one_in(16))
			return any_number();
		if (one_in(3) && arg->set == SET_rights)
			return of_set(SET_all_rights);
		while (one_in(2))
			value |= of_set(arg->set);
		return value;
	case CHOICE:
		return one_in(16) ? any_number() : of_set(arg->set);
	case NUMBER:
		break;
	default:	/* its fields are arguments */
		return 0;
	}
	if (arg->set == SET_none)
		return any_number();
	if (one_in(5))
		return any_number();
	value = of_set(arg->set);
	return one_in(6) ? value + below(3) - 1 : value;
}

static void set_arg(struct call *c, const char *name, uint64_t value)
{
	unsigned int i = op_find(&ops[c->op], name);

	if (i < MAX_ARGS)
		c->arg[i] = value;
}

static uint64_t get_arg(const struct call *c, const char *name)
{
	unsigned int i = op_find(&ops[c->op], name);

	return i < MAX_ARGS ? c->arg[i] : 0;
}

static void make_sound_service(struct call *c)
{
	set_arg(c, "attr.max_letters", of_set(SET_stack_sizes) |
		of_set(SET_stacks) << 32);
	set_arg(c, "attr.max_bytes", of_set(SET_bindings) |
		(uint64_t)below(2) << 32);
	set_arg(c, "attr.letter_size", below(3));
	set_arg(c, "attr.flags", one_in(3) ? of_set(SET_service_flags) : 0);
	if (one_in(2))
		set_arg(c, "rights", KIPC_SERVICE_RIGHTS);
}

/*
 * The nested structure is a mailbox's.  A queue's has the same fields without the
 * shares; a pipe's is a capacity and an atomic size, which are one number in it; a
 * service's first four fields are two, and so are those of a set of semaphores.
 */
static void make_sound_create(struct call *c)
{
	static const struct {
		unsigned int kind, size;
	} kinds[] = {
		{ KIPC_KIND_MAILBOX, sizeof(struct kipc_mailbox_config) },
		{ KIPC_KIND_MAILBOX, sizeof(struct kipc_mailbox_config) },
		{ KIPC_KIND_QUEUE, sizeof(struct kipc_queue_attr) },
		{ KIPC_KIND_PIPE, sizeof(struct kipc_pipe_attr) },
		{ KIPC_KIND_SERVICE, sizeof(struct kipc_service_attr) },
		{ KIPC_KIND_SERVICE, sizeof(struct kipc_service_attr) },
		{ KIPC_KIND_SEMAPHORES, sizeof(struct kipc_sem_attr) },
		{ KIPC_KIND_SEMAPHORES, sizeof(struct kipc_sem_attr) },
	};
	unsigned int i = below(COUNT(kinds));

	set_arg(c, "kind", kinds[i].kind);
	set_arg(c, "attr_size", get_arg(c, "attr") ? kinds[i].size : 0);
	if (kinds[i].kind == KIPC_KIND_PIPE) {
		set_arg(c, "attr.max_letters", of_set(SET_pipe_sizes) |
			of_set(SET_pipe_sizes) << 32);
		set_arg(c, "attr.max_bytes", 0);
		return;
	}
	if (kinds[i].kind == KIPC_KIND_SERVICE) {
		make_sound_service(c);
		return;
	}
	if (kinds[i].kind == KIPC_KIND_SEMAPHORES) {
		set_arg(c, "attr.max_letters", of_set(SET_sem_counts) |
			(uint64_t)below(3) << 32);
		set_arg(c, "attr.max_bytes", of_set(SET_sem_values) |
			of_set(SET_sem_overtakes) << 32);
		set_arg(c, "attr.letter_size", 0);
		set_arg(c, "attr.flags", 0);
		return;
	}
	if (!get_arg(c, "attr.max_letters") != !get_arg(c, "attr.max_bytes"))
		set_arg(c, "attr.max_bytes", KIPC_UNBOUNDED);
	if (!get_arg(c, "attr.share_letters") != !get_arg(c, "attr.share_bytes"))
		set_arg(c, "attr.share_bytes", KIPC_UNBOUNDED);
}

/* Lengths that belong to their pointers: nearly all else is EINVAL at once. */
static void make_sound(struct call *c)
{
	const struct op *op = &ops[c->op];
	uint64_t name = get_arg(c, "name");

	set_arg(c, "size", op_find(op, "at") < MAX_ARGS && op->command ?
			   0 : get_arg(c, "size"));
	if (name >> AREA_SHIFT == NAMES)
		set_arg(c, "name_len", name_length((uint32_t)name / NAME_STEP));
	else if (!name)
		set_arg(c, "name_len", 0);
	if (c->op == OP_create)
		make_sound_create(c);
	if (c->op == OP_service_call)
		set_arg(c, "at", below(3) | (one_in(2) ? KIPC_SERVICE_SUBMIT : 0));
	if (c->op == OP_sem_post)
		set_arg(c, "at", below(3));
	if (c->op == OP_sem_take)
		set_arg(c, "at", below(3) | (one_in(2) ? KIPC_SEM_TRY : 0));
	if (c->op == OP_service_serve && one_in(2))
		set_arg(c, "reply.token", 0);
}

/* A slot that has something in it, rather than another. */
static unsigned int any_slot(const struct program *p, unsigned int before)
{
	unsigned int i = before ? below(before) : 0;

	if (one_in(12))
		return below(SLOTS);
	for (; i < before; i++) {
		if (ops[p->call[i].op].flags & MAKES)
			return p->call[i].to;
	}
	while (i--) {
		if (ops[p->call[i].op].flags & MAKES)
			return p->call[i].to;
	}
	return 0;
}

static void any_call(const struct program *p, unsigned int where,
		     struct call *c)
{
	static unsigned int total;
	unsigned int pick;

	if (!total) {
		for (unsigned int i = 0; i < OPS; i++)
			total += ops[i].weight;
	}
	*c = (struct call){ 0 };
	pick = below(total);
	while (pick >= ops[c->op].weight)
		pick -= ops[c->op++].weight;
	c->fd = any_slot(p, where);
	c->to = 1 + below(SLOTS - 1);
	switch (c->op) {
	case OP_create:
	case OP_open:
	case OP_unlink:
	case OP_features:
		if (!one_in(12))
			c->fd = 0;
	}
	for (unsigned int i = 0; i < op_args(&ops[c->op]); i++)
		c->arg[i] = any_value(&ops[c->op].args[i]);
	if (!one_in(8))
		make_sound(c);
}

static void insert(struct program *p, unsigned int where)
{
	if (p->calls == MAX_CALLS)
		return;
	memmove(&p->call[where + 1], &p->call[where],
		(p->calls - where) * sizeof(p->call[0]));
	p->calls++;
	any_call(p, where, &p->call[where]);
}

void program_drop(struct program *p, unsigned int from, unsigned int count)
{
	memmove(&p->call[from], &p->call[from + count],
		(p->calls - from - count) * sizeof(p->call[0]));
	p->calls -= count;
}

void program_generate(struct program *p)
{
	unsigned int count = 2 + below(8);

	p->calls = 0;
	while (p->calls < count)
		insert(p, p->calls);
}

static void mutate_value(struct call *c)
{
	const struct op *op = &ops[c->op];
	unsigned int n = op_args(op), i = below(n);

	if (!n || one_in(6)) {
		if (one_in(2))
			c->fd = below(SLOTS);
		else
			c->to = below(SLOTS);
		return;
	}
	switch (below(6)) {
	case 0:
		c->arg[i] += below(9) - 4;
		break;
	case 1:
		c->arg[i] ^= 1ULL << below(64);
		break;
	case 2:
		c->arg[i] = any_number();
		break;
	default:
		c->arg[i] = any_value(&op->args[i]);
		if (one_in(2))
			make_sound(c);
	}
}

/* The tail of another program, or a part of it in the middle. */
static void splice_in(struct program *p, const struct program *other)
{
	unsigned int from = below(other->calls);
	unsigned int count = 1 + below(other->calls - from);
	unsigned int where = one_in(2) ? p->calls : below(p->calls + 1);

	if (p->calls + count > MAX_CALLS)
		count = MAX_CALLS - p->calls;
	memmove(&p->call[where + count], &p->call[where],
		(p->calls - where) * sizeof(p->call[0]));
	memcpy(&p->call[where], &other->call[from],
	       count * sizeof(p->call[0]));
	p->calls += count;
}

static void swap(struct program *p)
{
	struct call *a = &p->call[below(p->calls)];
	struct call *b = &p->call[below(p->calls)];
	struct call c = *a;

	*a = *b;
	*b = c;
}

void program_mutate(struct program *p, const struct program *other)
{
	do {
		unsigned int pick = below(20);

		if (!p->calls || pick < 6)
			insert(p, below(p->calls + 1));
		else if (pick < 14)
			mutate_value(&p->call[below(p->calls)]);
		else if (pick < 16)
			program_drop(p, below(p->calls), 1);
		else if (pick < 18 && other->calls)
			splice_in(p, other);
		else
			swap(p);
	} while (!one_in(3));
}
