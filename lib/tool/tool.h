/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kipc command: what its parts share.  A part of the command is a file, with one
 * function for each of its words; main.c has the table of them.
 */
#ifndef KIPC_TOOL_H
#define KIPC_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <kipc.h>
#include <linux/kipc_netlink.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What the command returns. */
enum {
	EXIT_FINE,
	EXIT_FAILED,	/* what was asked for could not be done */
	EXIT_USAGE,
	EXIT_NO_KIPC,	/* no module, or no right to use it */
};

/* main.c: messages; they end the command. */
#define FORMAT __attribute__((format(printf, 1, 2), noreturn))
FORMAT void fail(const char *format, ...);
FORMAT void fail_errno(const char *format, ...);
FORMAT void bad_usage(const char *format, ...);
void fail_open(const char *name, const char *right_kind) __attribute__((noreturn));

/* Of a command without options: is it asked what it does? */
bool wants_help(int argc, char **argv);

int cmd_ls(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_tree(int argc, char **argv);
int cmd_monitor(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_latency(int argc, char **argv);
int cmd_create(int argc, char **argv);
int cmd_rm(int argc, char **argv);
int cmd_chmod(int argc, char **argv);
int cmd_chown(int argc, char **argv);
int cmd_limits(int argc, char **argv);
int cmd_send(int argc, char **argv);
int cmd_recv(int argc, char **argv);
int cmd_cat(int argc, char **argv);
int cmd_call(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_pipe(int argc, char **argv);
int cmd_doctor(int argc, char **argv);

/**
 * struct object - an object, as netlink shows it
 * @id: its number
 * @ipc_ns: its namespace
 * @kind: KIPC_KIND_...
 * @uid: the owner
 * @gid: the group
 * @mode: permission bits
 * @flags: KIPC_INFO_...
 * @handles: open ones
 * @waiters: threads that wait for it, as far as they are shown
 * @created: CLOCK_REALTIME, nanoseconds
 * @name: empty: none
 * @has_stat: it is shown what is inside: @waiters and @stat
 * @stat: what its kind's KIPC_IOC_..._STAT writes; zero behind that
 */
struct object {
	uint64_t id;
	uint32_t ipc_ns;
	uint32_t kind;
	uint32_t uid;
	uint32_t gid;
	uint32_t mode;
	uint32_t flags;
	uint32_t handles;
	uint32_t waiters;
	uint64_t created;
	char name[KIPC_NAME_MAX + 1];
	bool has_stat;
	union {
		struct kipc_mailbox_stat mailbox;
		struct kipc_queue_stat queue;
		struct kipc_pipe_stat pipe;
		struct kipc_service_stat service;
		struct kipc_memory_stat memory;
		struct kipc_sem_stat semaphores;
		unsigned char bytes[512];
	} stat;
};

/**
 * struct row - a thread that waits, or a call
 * @id: of the object
 * @what: enum kipc_wait; 0: it is a call
 * @stage: enum kipc_call_stage, of a call
 * @pid: who waits, or calls; 0: not to be seen
 * @tid: the thread
 * @server_pid: who has the call; 0: nobody, or not to be seen
 * @server_tid: the thread; 0: not known
 * @depth: how many calls it is nested in
 * @token: of the call
 * @procedure: what was called
 * @since: nanoseconds that it has been so
 */
struct row {
	uint64_t id;
	uint32_t what;
	uint32_t stage;
	uint32_t pid;
	uint32_t tid;
	uint32_t server_pid;
	uint32_t server_tid;
	uint32_t depth;
	uint64_t token;
	uint64_t procedure;
	uint64_t since;
};

/**
 * struct event - what has happened
 * @what: KIPC_HAPPENED_...
 * @resource: enum kipc_limit
 * @id: of the object, or 0
 * @kind: of the object
 * @pid: who did it; 0: the kernel, or not to be seen
 * @cause: its user
 * @uid: the owner, or whose limit it is
 * @lost: events that were lost until now
 * @name: empty: none
 */
struct event {
	uint32_t what;
	uint32_t resource;
	uint64_t id;
	uint32_t kind;
	uint32_t pid;
	uint32_t cause;
	uint32_t uid;
	uint64_t lost;
	char name[KIPC_NAME_MAX + 1];
};

/* What is looked for; 0, NULL and false: anything.  @uid: -1. */
struct filter {
	uint32_t kind;
	int64_t uid;
	const char *pattern;
	bool waits;
	bool all;
};

/**
 * struct usage - what a user holds of something
 * @uid: the user
 * @user_ns: in that namespace
 * @resource: enum kipc_limit
 * @used: so much
 * @limit: so much may be
 */
struct usage {
	uint32_t uid;
	uint32_t user_ns;
	uint32_t resource;
	uint64_t used;
	uint64_t limit;
};

struct objects {
	struct object *item;
	size_t count;
};

struct rows {
	struct row *item;
	size_t count;
};

/**
 * struct latency - how long threads waited for an object
 * @id: its number
 * @what: enum kipc_wait, for this
 * @counts: [n]: for less than 2^n nanoseconds, and not less than half of that
 */
struct latency {
	uint64_t id;
	uint32_t what;
	uint64_t counts[KIPC_LATENCY_BUCKETS];
};

struct latencies {
	struct latency *item;
	size_t count;
};

struct usages {
	struct usage *item;
	size_t count;
};

/* netlink.c */
void nl_open(void);
bool nl_object(const char *which, struct object *object);
struct objects nl_objects(const struct filter *filter);
const struct object *find_object(const struct objects *list, uint64_t id);
struct rows nl_waiters(uint64_t id, bool all);
struct rows nl_calls(uint64_t id, bool all);
int nl_remove(uint64_t id);
struct usages nl_limits(bool all);
struct latencies nl_latencies(uint64_t id);
int nl_set_latency(uint64_t id, bool count);
int nl_set_limit(uint32_t resource, uint64_t limit);
void nl_subscribe(uint32_t events, bool all);
void nl_events(void (*tell)(const struct event *event));

/* words.c: names for numbers, and numbers for people */
const char *kind_name(uint32_t kind);
uint32_t kind_of(const char *name);
const char *wait_name(uint32_t what);
const char *stage_name(uint32_t stage);
const char *event_name(uint32_t what);
uint32_t event_of(const char *name);
const char *resource_name(uint32_t resource);
const char *user_name(uint32_t uid, char buffer[32]);
uid_t uid_of(const char *name);
const char *group_name(uint32_t gid, char buffer[32]);
const char *process_name(uint32_t pid, char buffer[32]);
size_t character(const unsigned char *text);
const char *json_name(const char *name, char *buffer);
const char *object_name(const struct object *object, char *buffer);
const char *for_people_bytes(uint64_t bytes, char buffer[32]);
const char *for_people_time(uint64_t nanoseconds, char buffer[32]);
uint64_t number_of(const char *text, const char *what);
uint64_t number_up_to(const char *text, const char *what, uint64_t most);
mode_t mode_of(const char *text);
uint64_t seconds_of(const char *text);
uint64_t deadline_of(int64_t timeout);

/**
 * struct figures - what all kinds have, if they have it
 * @items: letters, messages, calls that are in it now; of a pipe its bytes
 * @limit: of @items; ~0: none
 * @in: sent, written, called since it was made
 * @out: received, read, replied to
 * @waits: operations that had to wait
 */
struct figures {
	uint64_t items;
	uint64_t limit;
	uint64_t in;
	uint64_t out;
	uint64_t waits;
};

/* figures.c */
struct figures figures_of(const struct object *object);
void show_figures(const struct object *object);

#define OBJECT_NAME_SIZE (KIPC_NAME_MAX * 4 + 32)

#endif /* KIPC_TOOL_H */
