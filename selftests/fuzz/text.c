// SPDX-License-Identifier: GPL-2.0
/*
 * Programs as text.  A line is a call,
 *
 *	r1 = open r0 rights=KIPC_RIGHT_SEND name=names+0x100 name_len=0x1
 *
 * where r0 to r7 are descriptors, and arguments that are 0 are left out.  A pointer
 * is an area (calls.h) and an offset, a deadline microseconds from now.  An empty
 * line ends a program; '#' begins a comment.
 */
#include "fuzz.h"

static const char *const area_names[AREAS] = {
	[NONE] = "", [BUF] = "buf", [RO] = "ro", [EDGE] = "edge",
	[GONE] = "gone", [KERNEL] = "kernel", [NAMES] = "names",
	[FRESH] = "fresh", [ATTR] = "attr",
};

void put(struct text *t, const char *string)
{
	while (*string && t->end < t->limit)
		*t->end++ = *string++;
}

void put_hex(struct text *t, uint64_t number)
{
	char digits[20];
	char *p = digits + sizeof(digits) - 1;

	*p = 0;
	do {
		*--p = "0123456789abcdef"[number & 15];
		number >>= 4;
	} while (number);
	*--p = 'x';
	*--p = '0';
	put(t, p);
}

static const struct constant *find_constant(enum set which, uint64_t value)
{
	for (size_t i = 0; i < constant_count; i++) {
		if (constants[i].set == which && constants[i].value == value)
			return &constants[i];
	}
	return NULL;
}

static void put_flags(struct text *t, enum set which,
		      uint64_t value)
{
	const char *separator = "";

	for (size_t i = 0; i < constant_count; i++) {
		if (constants[i].set != which || !constants[i].value ||
		    (value & constants[i].value) != constants[i].value)
			continue;
		put(t, separator);
		put(t, constants[i].name);
		value &= ~constants[i].value;
		separator = "|";
	}
	if (value) {
		put(t, separator);
		put_hex(t, value);
	}
}

void put_value(struct text *t, const struct arg *arg, uint64_t value)
{
	const struct constant *c = NULL;

	if (arg->type == FLAGS) {
		put_flags(t, arg->set, value);
		return;
	}
	if (arg->type == CHOICE || arg->type == DEADLINE)
		c = find_constant(arg->set, value);
	if (c) {
		put(t, c->name);
	} else if (arg->type == POINTER && value >> AREA_SHIFT &&
		   value >> AREA_SHIFT < AREAS) {
		put(t, area_names[value >> AREA_SHIFT]);
		if ((uint32_t)value) {
			put(t, "+");
			put_hex(t, (uint32_t)value);
		}
	} else if (value == ~0ULL) {
		put(t, "-1");
	} else {
		put_hex(t, value);
	}
}

static void put_slot(struct text *t, unsigned int slot)
{
	char name[3] = { 'r', '0' + slot % SLOTS };

	put(t, name);
}

size_t program_print(const struct program *p, char *to, size_t size)
{
	struct text t = { to, to + size - 1 };

	for (unsigned int i = 0; i < p->calls; i++) {
		const struct call *c = &p->call[i];
		const struct op *op = &ops[c->op];

		if (op->flags & MAKES) {
			put_slot(&t, c->to);
			put(&t, " = ");
		}
		put(&t, op->name);
		if (op->flags & USES) {
			put(&t, " ");
			put_slot(&t, c->fd);
		}
		for (unsigned int n = 0; n < op_args(op); n++) {
			if (!c->arg[n] || op->args[n].type == OUTPUT)
				continue;
			put(&t, " ");
			put(&t, op->args[n].name);
			put(&t, "=");
			put_value(&t, &op->args[n], c->arg[n]);
		}
		put(&t, "\n");
	}
	*t.end = 0;
	return t.end - to;
}

static uint64_t value_word(char *word, bool *bad)
{
	char *end;
	uint64_t value;

	for (unsigned int i = 1; i < AREAS; i++) {
		size_t n = strlen(area_names[i]);

		if (!strcmp(word, area_names[i]))
			return AREA_VALUE(i, 0);
		if (!strncmp(word, area_names[i], n) && word[n] == '+')
			return AREA_VALUE(i, strtoul(word + n, NULL, 0));
	}
	for (size_t i = 0; i < constant_count; i++) {
		if (!strcmp(constants[i].name, word))
			return constants[i].value;
	}
	value = strtoull(word, &end, 0);
	if (*end || end == word)
		*bad = true;
	return value;
}

static uint64_t read_value(char *text, bool *bad)
{
	char *next, *word = strtok_r(text, "|", &next);
	uint64_t value = 0;

	if (!word)
		*bad = true;
	for (; word; word = strtok_r(NULL, "|", &next))
		value |= value_word(word, bad);
	return value;
}

static bool read_slot(const char *word, uint8_t *slot)
{
	if (!word || word[0] != 'r' || word[1] < '0' ||
	    word[1] >= '0' + SLOTS || word[2])
		return false;
	*slot = word[1] - '0';
	return true;
}

static bool read_argument(struct call *c, char *word)
{
	const struct op *op = &ops[c->op];
	char *value = strchr(word, '=');
	bool bad = false;

	if (!value)
		return false;
	*value++ = 0;
	for (unsigned int n = 0; n < op_args(op); n++) {
		if (strcmp(op->args[n].name, word))
			continue;
		c->arg[n] = read_value(value, &bad);
		return !bad;
	}
	return false;
}

static bool read_call(struct call *c, char *line)
{
	static const char space[] = " \t\n";
	char *next, *word = strtok_r(line, space, &next);
	bool makes = false;

	*c = (struct call){ 0 };
	if (read_slot(word, &c->to)) {
		word = strtok_r(NULL, space, &next);
		if (!word || strcmp(word, "="))
			return false;
		word = strtok_r(NULL, space, &next);
		makes = true;
	}
	for (c->op = 0; c->op < OPS; c->op++) {
		if (word && !strcmp(ops[c->op].name, word))
			break;
	}
	if (c->op == OPS || makes != !!(ops[c->op].flags & MAKES))
		return false;
	if (ops[c->op].flags & USES &&
	    !read_slot(strtok_r(NULL, space, &next), &c->fd))
		return false;
	while ((word = strtok_r(NULL, space, &next))) {
		if (!read_argument(c, word))
			return false;
	}
	return true;
}

unsigned int programs_read(const char *path, struct program *to,
			   unsigned int most)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	unsigned int count = 0, number = 0;
	char line[1024], copy[1024];

	if (!file) {
		perror(path);
		exit(2);
	}
	to[0].calls = 0;
	while (fgets(line, sizeof(line), file)) {
		number++;
		if (line[0] == '#')
			continue;
		if (line[strspn(line, " \t\n")] == 0) {
			if (to[count].calls && ++count < most)
				to[count].calls = 0;
			if (count == most)
				break;
			continue;
		}
		strcpy(copy, line);
		if (to[count].calls == MAX_CALLS ||
		    !read_call(&to[count].call[to[count].calls++], line)) {
			fprintf(stderr, "%s:%u: not a call, or one too many: %s",
				path, number, copy);
			exit(2);
		}
	}
	if (count < most && to[count].calls)
		count++;
	if (file != stdin)
		fclose(file);
	return count;
}
