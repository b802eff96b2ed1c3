// SPDX-License-Identifier: GPL-2.0
/*
 * The grammar as data: what table.def says, with sizes and places from the ABI.
 */
#include "fuzz.h"

struct nothing {
};

const struct constant constants[] = {
#define SET(set, constant) { SET_##set, #constant, constant },
#define IOCTL(name, command, ...) { SET_commands, #command, command },
#include "table.def"
};

const size_t constant_count = COUNT(constants);

static const struct {
	const char *name;
	struct arg arg;
} fields[] = {
#define FIELD(s, field, type, set)					\
	{ #s, { #field, type, SET_##set, 0,				\
		sizeof((struct s){}.field), offsetof(struct s, field) } },
#include "table.def"
};

#define A(name, type, set) { #name, type, SET_##set, 0, 0, 0 },
struct op ops[OPS] = {
#define IOCTL(name, command, s, nested, does, weight)			\
	[OP_##name] = { #name, USES | (does), weight, #command, #s, #nested, \
		command, sizeof(struct s), sizeof(struct nested), NULL,	{} },
#define CALL(name, does, weight, expression, ...)			\
	[OP_##name] = { #name, does, weight, NULL, NULL, NULL, 0, 0, 0,	\
		#expression, { __VA_ARGS__ } },
#include "table.def"
};

unsigned int op_args(const struct op *op)
{
	unsigned int n = 0;

	while (n < MAX_ARGS && op->args[n].name)
		n++;
	return n;
}

unsigned int op_find(const struct op *op, const char *name)
{
	for (unsigned int i = 0; i < op_args(op); i++) {
		if (!strcmp(op->args[i].name, name))
			return i;
	}
	return MAX_ARGS;
}

unsigned int op_outer(const struct op *op)
{
	static const char *const names[] = {
		"attr", "items", "handles.items", "request.items", "ops", "fds"
	};
	unsigned int i = MAX_ARGS;

	for (size_t n = 0; n < COUNT(names) && i == MAX_ARGS; n++)
		i = op_find(op, names[n]);
	return i;
}

unsigned int op_times(const struct op *op)
{
	return op_find(op, "attr") < MAX_ARGS ? 1 : 8;
}

static void add_arg(struct op *op, const struct arg *arg)
{
	unsigned int n = op_args(op);

	if (n == MAX_ARGS) {
		fprintf(stderr, "fuzz: MAX_ARGS is too small\n");
		exit(2);
	}
	op->args[n] = *arg;
}

/* What stands inside of an ioctl's structure. */
static const char *inner_name(enum type type)
{
	static const char *const names[] = {
		[SELECTOR] = "kipc_selector",
		[REPLY] = "kipc_service_reply",
		[HANDLES] = "kipc_handles",
		[SENDING] = "kipc_mailbox_send",
		[RECEIVING] = "kipc_mailbox_recv",
		[CALLING] = "kipc_mailbox_call",
		[REPLYING] = "kipc_mailbox_reply",
		[COLLECTING] = "kipc_mailbox_collect",
		[QUEUE_SENDING] = "kipc_queue_send",
		[QUEUE_RECEIVING] = "kipc_queue_recv",
	};

	return type < SELECTOR ? NULL : names[type];
}

static void add_inner(struct op *op, const struct arg *outer)
{
	for (size_t i = 0; i < COUNT(fields); i++) {
		struct arg arg = fields[i].arg;
		char *nested;

		if (strcmp(fields[i].name, inner_name(outer->type)))
			continue;
		arg.where = outer->where;
		arg.offset += outer->offset;
		if (asprintf(&nested, "%s.%s", outer->name, arg.name) > 0)
			arg.name = nested;
		if (inner_name(arg.type))
			add_inner(op, &arg);
		else
			add_arg(op, &arg);
	}
}

/* The fields must fill the structure: those of the ABI have no padding. */
static void add_fields(struct op *op, const char *name, unsigned int size,
		       unsigned int where)
{
	unsigned int sum = 0;

	for (size_t i = 0; i < COUNT(fields); i++) {
		struct arg arg = fields[i].arg;
		char *nested;

		if (strcmp(fields[i].name, name))
			continue;
		sum += arg.size;
		arg.where = where;
		if (where > 1 && asprintf(&nested, "attr.%s", arg.name) > 0)
			arg.name = nested;
		if (inner_name(arg.type))
			add_inner(op, &arg);
		else
			add_arg(op, &arg);
	}
	if (sum != size && (sum || _IOC_DIR(op->command) != _IOC_READ)) {
		fprintf(stderr, "fuzz: the fields of struct %s make %u bytes of %u\n",
			name, sum, size);
		exit(2);
	}
}

void ops_setup(void)
{
	static const struct arg size = { "size", NUMBER, SET_struct_sizes,
					 0, 0, 0 };
	static const struct arg at = { "at", POINTER, SET_structs, 0, 0, 0 };

	for (unsigned int i = 0; i < OPS; i++) {
		struct op *op = &ops[i];

		if (!op->command)
			continue;
		if (_IOC_SIZE(op->command) != op->size) {
			fprintf(stderr, "fuzz: %s is not of struct %s\n",
				op->command_name, op->struct_name);
			exit(2);
		}
		add_fields(op, op->struct_name, op->size, 1);
		add_fields(op, op->nested_name, op->nested_size, 2);
		if (i == OP_create)
			add_fields(op, "kipc_mailbox_attr",
				   sizeof(struct kipc_mailbox_attr), 3);
		add_arg(op, &size);
		add_arg(op, &at);
	}
}

uint64_t set_mask(enum set which)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < constant_count; i++) {
		if (constants[i].set == which)
			mask |= constants[i].value;
	}
	return mask;
}
