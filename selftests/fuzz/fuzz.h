/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: The fuzzer
 *
 * A program is a short sequence of calls on eight slots for descriptors (slot
 * 0 has a control descriptor from the start).  Workers, processes of their own,
 * run mutations of the programs of a common corpus, on objects with the same few
 * names; one that reaches an edge of the module's code that none has reached
 * before joins the corpus.  A supervisor kills, stops and signals them meanwhile.
 *
 * Everything that workers share is in one mapping without locks, because a
 * worker may be killed at any place.  Before it runs a batch of programs, a
 * worker writes them, as a member of a tar archive, to a port of the virtual
 * machine, so that they outlive the kernel.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include "calls.h"

enum {
	MAX_CALLS = 20,
	MAX_ARGS = 24,
	SLOTS = 8,
	MAX_WORKERS = 16,
	PARTNERS = 2,
	MAX_CORPUS = 4096,
	EDGES = 1 << 16,
	BLOCKS = 1 << 20,	/* bytes of module text */
	TEXT_MAX = 8192,	/* of a program */
};

/* What an argument is. */
enum type {
	NUMBER, CHOICE, FLAGS, POINTER, DEADLINE, OUTPUT, SLOT,
	/* A structure, whose fields are arguments. */
	SELECTOR, REPLY, HANDLES, SENDING, RECEIVING, CALLING, REPLYING, COLLECTING,
	QUEUE_SENDING, QUEUE_RECEIVING,
};

/* What a call does with descriptors. */
enum { USES = 1, MAKES = 2, TAKES = 4 };

/* Sets of constants, in table.def; the last ones have none, but areas. */
enum set {
	SET_none, SET_kinds, SET_rights, SET_all_rights, SET_handle_flags,
	SET_create_flags, SET_attr_flags, SET_recv_flags, SET_letter_flags,
	SET_call_flags, SET_tokens, SET_queue_flags, SET_message_flags,
	SET_pipe_flags, SET_pipe_sizes, SET_splice_flags,
	SET_service_flags, SET_submit_flags, SET_reply_flags, SET_served_flags,
	SET_stack_sizes, SET_stacks, SET_bindings, SET_depths,
	SET_selects, SET_types, SET_events, SET_notify_flags, SET_registrations,
	SET_info_flags, SET_deadlines, SET_capacities, SET_sizes, SET_lengths,
	SET_version, SET_struct_sizes, SET_modes, SET_users, SET_open_flags,
	SET_poll_events, SET_epoll_events, SET_status_flags, SET_rw_flags,
	SET_signals, SET_protection, SET_map_flags, SET_limits, SET_small,
	SET_micros, SET_commands, SET_counts, SET_carried, SET_inherit, SET_shares,
	SET_sem_counts, SET_sem_values, SET_sem_overtakes, SET_sem_steps, SET_sem_sets,
	SET_sem_flags, SET_sem_by, SET_sem_numbers,
	SET_names, SET_rung, SET_seals,
	SET_structs, SET_data, SET_attrs,
};

struct constant {
	enum set set;
	const char *name;
	uint64_t value;
};

/*
 * An argument; @where is 1 for one in the structure, 2 in that of "attr" or of
 * "items", 3 in the structure at the head of that.
 */
struct arg {
	const char *name;
	enum type type;
	enum set set;
	unsigned int where, size, offset;
};

struct op {
	const char *name;
	unsigned int flags, weight;
	/* For an ioctl. */
	const char *command_name, *struct_name, *nested_name;
	unsigned int command, size, nested_size;
	/* For others: the expression. */
	const char *expression;
	struct arg args[MAX_ARGS];
};

#define IOCTL(name, ...) OP_##name,
#define CALL(name, ...) OP_##name,
enum {
#include "table.def"
	OPS
};

struct call {
	uint8_t op, fd, to;
	uint64_t arg[MAX_ARGS];
};

struct program {
	unsigned int calls;
	struct call call[MAX_CALLS];
};

/* ops.c */
extern struct op ops[OPS];
extern const struct constant constants[];
extern const size_t constant_count;
/* Ends the process if a size or a field is not as in the ABI. */
void ops_setup(void);
unsigned int op_args(const struct op *op);
/* The number of an argument; MAX_ARGS: there is none of this name. */
unsigned int op_find(const struct op *op, const char *name);
/* The number of the one that points to the nested structure. */
unsigned int op_outer(const struct op *op);
/* How many of it there are. */
unsigned int op_times(const struct op *op);
uint64_t set_mask(enum set which);

/* text.c */
struct text {
	char *end, *limit;
};

void put(struct text *t, const char *string);
void put_hex(struct text *t, uint64_t number);
void put_value(struct text *t, const struct arg *arg, uint64_t value);
size_t program_print(const struct program *p, char *to, size_t size);
/* All programs of a file; ends the process if there is a mistake in it. */
unsigned int programs_read(const char *path, struct program *to,
			   unsigned int most);

/* emit.c */
void emit_test(const struct program *p, unsigned int number);
void emit_head(void);

/* cover.c */
enum cover { COVER_NONE, COVER_EDGES, COVER_COMPARISONS };

struct comparison {
	unsigned int call, size;
	bool constant;
	uint64_t a, b;
};

#define MAX_COMPARISONS 4096
extern struct comparison comparisons[MAX_COMPARISONS];
extern unsigned int comparison_count;
/* Edges of the last run that nobody had seen before, up to so many. */
#define MAX_FRESH 512
extern uint16_t fresh[MAX_FRESH];
extern unsigned int fresh_count;

bool cover_open(void);
/* Tracers: 0 is the worker's, then those of its partners, then a child's. */
void cover_start(unsigned int number);
void cover_stop(void);
void cover_begin(enum cover mode);
void cover_call(void);
void cover_called(unsigned int call);
void cover_end(void);
bool cover_saw(uint16_t edge);
unsigned int cover_edges(uint16_t *to, unsigned int most);

/* execute.c */
/* In a process that runs programs, when its other descriptors are open. */
void execute_setup(void);
void execute(const struct program *p, enum cover mode);

/* Some of its calls, for a partner. */
void execute_part(const struct program *p, unsigned int from, unsigned int to);

/* partner.c */
void partners_start(void);
bool partner_run(const struct program *program, unsigned int from,
		 unsigned int to);
void partners_end(void);

/* mutate.c */
uint64_t rnd(void);
unsigned int below(unsigned int n);
void rnd_seed(uint64_t seed);
void program_generate(struct program *p);
void program_mutate(struct program *p, const struct program *other);
void program_drop(struct program *p, unsigned int from, unsigned int count);
void operand_note(uint64_t value);

/* worker.c */
void worker_run(unsigned int number);
/* Runs all programs of the corpus once, alone. */
void corpus_replay(void);
bool corpus_add(const struct program *p);
unsigned int corpus_distil(struct program **to);
/* Whether an operand from the kernel's comparisons opens a closed door. */
bool comparisons_solve(void);

/* shrink.c */
int replay(const struct program *p, unsigned int count, unsigned int seconds);
int shrink(const struct program *p, unsigned int count);

/* log.c */
void log_open(const char *path);
void log_write(const char *name, const void *data, size_t size);
unsigned int log_programs(const char *name, const struct program *p,
			  unsigned int count);

/* Shared by all processes. */
struct worker {
	pid_t pid;
	unsigned int generation;
	unsigned int inside;		/* a call of the module is under way */
	uint64_t programs;
};

struct shared {
	uint64_t calls, programs, forks, killed_children, solved;
	uint64_t faults;		/* broken promises of the module */
	char fault[TEXT_MAX + 1024];
	struct worker workers[MAX_WORKERS + 1];	/* the last: alone */
	unsigned int corpus_reserved;
	unsigned int corpus_old;	/* of these, from files */
	uint8_t corpus_ready[MAX_CORPUS];
	struct program corpus[MAX_CORPUS];
	uint8_t edges[EDGES];
	uint8_t blocks[BLOCKS];
	struct program current[MAX_WORKERS + 1];
};

extern struct shared *shared_state;
extern unsigned int me;			/* number of this worker */

/* Tell that the module has broken a promise. */
void fault(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define add(counter, n) __atomic_fetch_add(counter, n, __ATOMIC_RELAXED)

#endif /* FUZZ_FUZZ_H */
