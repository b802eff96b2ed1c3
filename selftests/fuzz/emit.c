// SPDX-License-Identifier: GPL-2.0
/*
 * A program as a test in C, by the bare ioctls: what a reproducer becomes.
 */
#include "fuzz.h"

#include <stdarg.h>

static unsigned int depth;
static bool is_part;		/* of a thread or a child, who have none */

static void line(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

static void line(const char *format, ...)
{
	va_list list;

	for (unsigned int i = 0; i <= depth; i++)
		putchar('\t');
	va_start(list, format);
	vprintf(format, list);
	va_end(list);
	putchar('\n');
}

/* In static memory that the next call uses again. */
static const char *value_text(const struct arg *arg, uint64_t value)
{
	static const char *const areas[AREAS] = {
		"NONE", "BUF", "RO", "EDGE", "GONE", "KERNEL", "NAMES",
		"FRESH", "ATTR",
	};
	static char text[1024];
	struct text t = { text, text + sizeof(text) - 1 };
	uint64_t area = value >> AREA_SHIFT;

	if (arg->type == POINTER && value && area < AREAS) {
		snprintf(text, sizeof(text), "at(%s, %#x)", areas[area],
			 (uint32_t)value);
		return text;
	}
	if (arg->type == POINTER) {
		snprintf(text, sizeof(text), "(void *)%#llxUL",
			 (unsigned long long)value);
		return value ? text : "NULL";
	}
	if (arg->type == SLOT && value < SLOTS) {
		snprintf(text, sizeof(text), "r[%u]", (unsigned int)value);
		return text;
	}
	if (arg->type == DEADLINE && value && value < 1 << 24) {
		snprintf(text, sizeof(text), "after_us(%llu)",
			 (unsigned long long)value);
		return text;
	}
	put_value(&t, arg, value);
	*t.end = 0;
	return text[0] ? text : "0";
}

/* What is at the head of a nested structure is written with it. */
static bool stands_in(const struct arg *arg, unsigned int where)
{
	return arg->where == where || (where == 2 && arg->where == 3);
}

static void emit_structure(const struct call *c, const char *name,
			   const char *variable, unsigned int where)
{
	const struct op *op = &ops[c->op];
	bool empty = true;

	for (unsigned int i = 0; i < op_args(op); i++)
		empty &= !stands_in(&op->args[i], where) || !c->arg[i];
	if (empty) {
		line("struct %s %s = { 0 };", name, variable);
		return;
	}
	line("struct %s %s = {", name, variable);
	depth++;
	for (unsigned int i = 0; i < op_args(op); i++) {
		const struct arg *arg = &op->args[i];
		const char *field = strchr(arg->name, '.');

		if (!stands_in(arg, where) || !c->arg[i] || arg->type == OUTPUT)
			continue;
		line(".%s = %s%s,", field && arg->where == 2 ? field + 1 : arg->name,
		     arg->type == POINTER ? "(uintptr_t)" : "",
		     value_text(arg, c->arg[i]));
	}
	depth--;
	line("};");
}

static void emit_ioctl(const struct call *c)
{
	const struct op *op = &ops[c->op];
	unsigned int n = op_args(op);
	bool nested = op->nested_size &&
		      c->arg[op_outer(op)] >> AREA_SHIFT == ATTR;
	char result[16] = "";

	if (op->flags & MAKES)
		snprintf(result, sizeof(result), "r[%d] = ", c->to % SLOTS);
	if (!op->size) {
		line("%sioctl(r[%d], %s, %s);", result, c->fd % SLOTS,
		     op->command_name, value_text(&op->args[n - 1], c->arg[n - 1]));
		return;
	}
	line("{");
	depth++;
	emit_structure(c, op->struct_name, "s", 1);
	if (nested)
		emit_structure(c, op->nested_name, "attr", 2);
	putchar('\n');
	if (nested)
		line("place_nested(&attr, sizeof(attr), %u);", op_times(op));
	if (!c->arg[n - 2] && !c->arg[n - 1]) {
		line("%sioctl(r[%d], %s, &s);", result, c->fd % SLOTS,
		     op->command_name);
	} else {
		line("%sioctl(r[%d], resized(%s, %#llx),", result,
		     c->fd % SLOTS, op->command_name,
		     (unsigned long long)c->arg[n - 2]);
		line("      place(&s, sizeof(s), %s));",
		     value_text(&op->args[n - 1], c->arg[n - 1]));
	}
	depth--;
	line("}");
}

/* The expression of the table, with the arguments in their places. */
static void emit_other(const struct call *c)
{
	const struct op *op = &ops[c->op];
	char text[4096] = "";
	struct text t = { text, text + sizeof(text) - 1 };
	const char *p = op->expression;

	if (op->flags & MAKES) {
		snprintf(text, sizeof(text), "r[%d] = ", c->to % SLOTS);
		t.end += strlen(text);
	}
	while (*p) {
		char one[2] = { *p }, slot[16];

		if (!strncmp(p, "NUM(", 4) || !strncmp(p, "PTR(", 4)) {
			unsigned int i = p[4] - '0';

			put(&t, value_text(&op->args[i], c->arg[i]));
			p += 6;
		} else if (!strncmp(p, "FD", 2) && p[-1] == '(') {
			snprintf(slot, sizeof(slot), "r[%d]", c->fd % SLOTS);
			put(&t, slot);
			p += 2;
		} else {
			put(&t, one);
			p++;
		}
	}
	*t.end = 0;
	line("%s;", text);
	if (op->flags & TAKES)
		line("r[%d] = -1;", c->fd % SLOTS);
}

/* The calls after number @i that are not the worker's. */
static unsigned int end_of_part(const struct program *p, unsigned int i)
{
	unsigned int end = i + 1 + p->call[i].arg[0] % MAX_CALLS;

	return end < p->calls ? end : p->calls;
}

static void emit_calls(const struct program *p, unsigned int number,
		       unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++) {
		const struct call *c = &p->call[i];

		if (ops[c->op].command) {
			emit_ioctl(c);
		} else if (c->op == OP_fork && !is_part) {
			line("if (!call_fork(%d)) {", (int)(c->arg[1] & 1));
			depth++;
			is_part = true;
			emit_calls(p, number, i + 1, end_of_part(p, i));
			is_part = false;
			line("_exit(0);");
			depth--;
			line("}");
			i = end_of_part(p, i) - 1;
		} else if (c->op == OP_thread && !is_part) {
			line("call_thread(fuzz_%u_%u);", number, i);
			i = end_of_part(p, i) - 1;
		} else if (c->op != OP_fork && c->op != OP_thread) {
			emit_other(c);
		}
	}
}

void emit_head(void)
{
	printf("// %s-License-Identifier: GPL-2.0\n", "SPDX");
	puts("/* Found by fuzz. */");
	puts("#include \"test.h\"\n\n#include \"fuzz/calls.h\"\n");
	printf("static int r[%d];\n\nTEST_HARNESS_MAIN\n", SLOTS);
}

void emit_test(const struct program *p, unsigned int number)
{
	for (unsigned int i = 0; i < p->calls; i++) {
		if (p->call[i].op == OP_thread) {
			printf("\nstatic void *fuzz_%u_%u(void *unused)\n{\n",
			       number, i);
			is_part = true;
			emit_calls(p, number, i + 1, end_of_part(p, i));
			is_part = false;
			line("return unused;");
			puts("}");
			i = end_of_part(p, i) - 1;
		} else if (p->call[i].op == OP_fork) {
			i = end_of_part(p, i) - 1;
		}
	}
	printf("\nTEST(fuzz_%u)\n{\n", number);
	line("memset(r, -1, sizeof(r));");
	line("calls_setup();");
	line("signals_setup();");
	line("interrupt_often();");
	line("r[0] = open(\"/dev/kipc\", O_RDWR | O_CLOEXEC);");
	emit_calls(p, number, 0, p->calls);
	line("threads_end();");
	line("while (wait(NULL) > 0 || errno == EINTR)");
	line("\tcontinue;");
	line("calls_unmap();");
	puts("}");
}
