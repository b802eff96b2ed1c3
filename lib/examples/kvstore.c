// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * kvstore FILE
 *
 * A key-value store over LMDB, served by calls.  Four clients put the lines of FILE into
 * it, each under its number.  For each put the server calls another service, a logger: a
 * call within a call.  In the middle of it the server is killed, and another one started;
 * the clients notice by EPIPE, connect again, and repeat the call of which they do not
 * know whether it was made, which does no harm to a put.  Then they ask in how many lines
 * there are some words, and get each line back, and all of that is compared with FILE.
 */
#define _GNU_SOURCE	/* memmem */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <kipc_stub.h>
#include <lmdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLIENTS		4
#define PATIENCE	kipc_deadline(60 * 1000000000ULL)
#define LINE_MAX_BYTES	1000
#define STORE_BYTES	(64 << 20)

/* The store's procedures, and the logger's. */
#define KV_PUT_IN(F)	F(string, 63, key) F(bytes, LINE_MAX_BYTES, data)
#define KV_PUT_OUT(F)	F(value, uint64_t, note)
#define KV_GET_IN(F)	F(string, 63, key)
#define KV_GET_OUT(F)	F(bytes, LINE_MAX_BYTES, data)
#define KV_COUNT_IN(F)	F(string, 63, word)
#define KV_COUNT_OUT(F)	F(value, uint64_t, entries)
#define KV(P)		P(kv, put, KV_PUT_IN, KV_PUT_OUT)		\
			P(kv, get, KV_GET_IN, KV_GET_OUT)		\
			P(kv, count, KV_COUNT_IN, KV_COUNT_OUT)
KIPC_STUBS(kv, KV)
KIPC_SERVER(kv, KV)

#define LOG_NOTE_IN(F)	F(string, 127, text)
#define LOG_NOTE_OUT(F)	F(value, uint64_t, number)
#define LOG_SEEN_IN(F)
#define LOG_SEEN_OUT(F)	F(value, uint64_t, notes) F(string, 127, last)
#define LOG(P)		P(log, note, LOG_NOTE_IN, LOG_NOTE_OUT)		\
			P(log, seen, LOG_SEEN_IN, LOG_SEEN_OUT)
KIPC_STUBS(log, LOG)
KIPC_SERVER(log, LOG)

struct line {
	const char *text;
	size_t size;
};

/* What the processes count, in memory that they share. */
static struct account {
	unsigned int puts, again, right, wrong;
} *account;

static struct line *lines;
static size_t line_count;
static char store_name[32], logger_name[32], directory[] = "/tmp/kvstore.XXXXXX";

/* The logger: its handlers may run in several threads. */
static pthread_mutex_t notes_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t notes;
static char last_note[128];

static int log_serve_note(const struct log_note_in *in, struct log_note_out *out)
{
	pthread_mutex_lock(&notes_lock);
	out->number = ++notes;
	strcpy(last_note, in->text);
	pthread_mutex_unlock(&notes_lock);
	return 0;
}

static int log_serve_seen(const struct log_seen_in *in, struct log_seen_out *out)
{
	(void)in;
	pthread_mutex_lock(&notes_lock);
	out->notes = notes;
	strcpy(out->last, last_note);
	pthread_mutex_unlock(&notes_lock);
	return 0;
}

/* The store. */
static struct kipc_binding *logger;
static MDB_env *store;
static MDB_dbi table;

static MDB_val value_of(const void *data, size_t size)
{
	return (MDB_val) { .mv_size = size, .mv_data = (void *)data };
}

static int kv_serve_put(const struct kv_put_in *in, struct kv_put_out *out)
{
	MDB_val key = value_of(in->key, strlen(in->key));
	MDB_val data = value_of(in->data.data, in->data.size);
	struct log_note_out noted;
	struct log_note_in note;
	MDB_txn *txn;

	if (mdb_txn_begin(store, NULL, 0, &txn))
		return -EIO;
	if (mdb_put(txn, table, &key, &data, 0)) {
		mdb_txn_abort(txn);
		return -EIO;
	}
	if (mdb_txn_commit(txn))
		return -EIO;
	/* Each worker may be in such a call; the chain goes on to the logger. */
	snprintf(note.text, sizeof(note.text), "%s put by process %d", in->key,
		 kipc_caller()->pid);
	if (log_note(logger, &note, &noted, PATIENCE) < 0)
		return -EREMOTEIO;
	out->note = noted.number;
	return 0;
}

static int kv_serve_get(const struct kv_get_in *in, struct kv_get_out *out)
{
	MDB_val key = value_of(in->key, strlen(in->key)), data;
	int status = -ENODATA;
	MDB_txn *txn;

	if (mdb_txn_begin(store, NULL, MDB_RDONLY, &txn))
		return -EIO;
	if (mdb_get(txn, table, &key, &data) == 0 &&
	    data.mv_size <= sizeof(out->data.data)) {
		out->data.size = data.mv_size;
		memcpy(out->data.data, data.mv_data, data.mv_size);
		status = 0;
	}
	mdb_txn_abort(txn);
	return status;
}

static int kv_serve_count(const struct kv_count_in *in, struct kv_count_out *out)
{
	MDB_cursor *cursor;
	MDB_val key, data;
	MDB_txn *txn;

	if (mdb_txn_begin(store, NULL, MDB_RDONLY, &txn))
		return -EIO;
	if (mdb_cursor_open(txn, table, &cursor) == 0) {
		while (mdb_cursor_get(cursor, &key, &data, MDB_NEXT) == 0)
			out->entries += memmem(data.mv_data, data.mv_size, in->word,
					       strlen(in->word)) ? 1 : 0;
		mdb_cursor_close(cursor);
	}
	mdb_txn_abort(txn);
	return 0;
}

static void open_store(void)
{
	MDB_txn *txn;

	/* What is in the page cache outlives a process; this is no test of power cuts. */
	if (mdb_env_create(&store) || mdb_env_set_mapsize(store, STORE_BYTES) ||
	    mdb_env_open(store, directory, MDB_NOSYNC, 0600) ||
	    mdb_txn_begin(store, NULL, 0, &txn) || mdb_dbi_open(txn, NULL, 0, &table) ||
	    mdb_txn_commit(txn))
		errx(EXIT_FAILURE, "cannot open the store in %s", directory);
}

/* Serves until it is killed. */
static pid_t start(const char *name, const struct kipc_service_options *options)
{
	struct kipc_service *service;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		err(EXIT_FAILURE, "fork");
	if (pid)
		return pid;
	service = kipc_service_register(name, options);
	if (!service)
		err(EXIT_FAILURE, "register %s (is the module loaded?)", name);
	if (name == store_name) {
		open_store();
		logger = kipc_connect(logger_name, NULL, PATIENCE);
		if (!logger)
			err(EXIT_FAILURE, "connect to %s", logger_name);
	}
	if (kipc_service_run(service) < 0)
		err(EXIT_FAILURE, "run %s", name);
	exit(EXIT_SUCCESS);
}

static pid_t start_logger(void)
{
	struct kipc_service_options options = {
		.attr = { .stack_size = log_stack_size, .stacks = 16 },
		.handlers = log_handlers,
		.handler_count = log_procedures,
		.mode = 0600,
	};

	return start(logger_name, &options);
}

static pid_t start_store(void)
{
	struct kipc_service_options options = {
		/* No more workers than the logger has A-stacks for them. */
		.attr = { .stack_size = kv_stack_size, .workers = 8 },
		.handlers = kv_handlers,
		.handler_count = kv_procedures,
		.mode = 0600,
	};

	return start(store_name, &options);
}

/* The clients. */

static struct kipc_binding *connect_to_store(void)
{
	struct kipc_binding *kv = kipc_connect(store_name, NULL, PATIENCE);

	if (!kv)
		err(EXIT_FAILURE, "connect to %s", store_name);
	return kv;
}

/* A call has failed: if the server has gone, wait for the next. */
static void reconnect(struct kipc_binding **kv, const char *key)
{
	if (errno != EPIPE)
		err(EXIT_FAILURE, "%s", key);
	kipc_disconnect(*kv);
	*kv = connect_to_store();
}

static void put_line(struct kipc_binding **kv, size_t i)
{
	struct kv_put_out out;
	struct kv_put_in in;

	snprintf(in.key, sizeof(in.key), "line %zu", i + 1);
	in.data.size = lines[i].size;
	memcpy(in.data.data, lines[i].text, lines[i].size);
	while (kv_put(*kv, &in, &out, PATIENCE) < 0) {
		reconnect(kv, in.key);
		__atomic_add_fetch(&account->again, 1, __ATOMIC_RELAXED);
	}
	__atomic_add_fetch(&account->puts, 1, __ATOMIC_RELAXED);
}

static void get_line(struct kipc_binding **kv, size_t i)
{
	struct kv_get_out out;
	struct kv_get_in in;
	int good;

	snprintf(in.key, sizeof(in.key), "line %zu", i + 1);
	/* The others may still be putting, and so the server may be one that is killed. */
	while (kv_get(*kv, &in, &out, PATIENCE) < 0)
		reconnect(kv, in.key);
	good = out.data.size == lines[i].size &&
	       memcmp(out.data.data, lines[i].text, lines[i].size) == 0;
	__atomic_add_fetch(good ? &account->right : &account->wrong, 1, __ATOMIC_RELAXED);
}

static void client(size_t me)
{
	struct kipc_binding *kv = connect_to_store();
	size_t i;

	for (i = me; i < line_count; i += CLIENTS)
		put_line(&kv, i);
	for (i = me; i < line_count; i += CLIENTS)
		get_line(&kv, i);
	kipc_disconnect(kv);
	exit(EXIT_SUCCESS);
}

/* How many lines have the word, here and there; 0 if they differ. */
static int compare_count(struct kipc_binding *kv, const char *word)
{
	struct kv_count_out out = { 0 };
	uint64_t here = 0;
	struct kv_count_in in;
	size_t i;

	snprintf(in.word, sizeof(in.word), "%s", word);
	for (i = 0; i < line_count; i++)
		here += memmem(lines[i].text, lines[i].size, word, strlen(word)) ? 1 : 0;
	if (kv_count(kv, &in, &out, PATIENCE) < 0)
		err(EXIT_FAILURE, "count %s", word);
	printf("the word  \"%s\" is in %llu lines of the store, in %llu of the file\n", word,
	       (unsigned long long)out.entries, (unsigned long long)here);
	return out.entries == here;
}

static void *share(int fd, size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    fd < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_PRIVATE, fd, 0);

	if (memory == MAP_FAILED)
		err(EXIT_FAILURE, "mmap");
	return memory;
}

/* Cuts the file into lines, of which what is too long is left out. */
static void take_file(const char *path)
{
	int fd = open(path, O_RDONLY);
	const char *text, *end, *next;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		err(EXIT_FAILURE, "%s", path);
	if (!st.st_size)
		errx(EXIT_FAILURE, "%s is empty", path);
	text = share(fd, st.st_size);
	end = text + st.st_size;
	lines = calloc(st.st_size, sizeof(*lines));
	if (!lines)
		err(EXIT_FAILURE, "calloc");
	for (; text < end; text = next + 1) {
		next = memchr(text, '\n', end - text);
		next = next ? next : end;
		lines[line_count].text = text;
		lines[line_count].size = next - text > LINE_MAX_BYTES ?
						 LINE_MAX_BYTES : next - text;
		line_count++;
	}
}

/* Kills the server when half of the lines are there.  Returns the next one. */
static pid_t change_servers(pid_t server)
{
	pid_t next;

	while (__atomic_load_n(&account->puts, __ATOMIC_RELAXED) < line_count / 2)
		usleep(1000);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	printf("killed    the server, process %d, when %u lines were there\n", server,
	       __atomic_load_n(&account->puts, __ATOMIC_RELAXED));
	next = start_store();
	printf("started   another one, process %d\n", next);
	return next;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void remove_store(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/data.mdb", directory);
	unlink(path);
	snprintf(path, sizeof(path), "%s/lock.mdb", directory);
	unlink(path);
	rmdir(directory);
}

int main(int argc, char **argv)
{
	struct log_seen_out seen = { 0 };
	struct log_seen_in nothing;
	struct kipc_binding *kv;
	pid_t server, log_server, clients[CLIENTS];
	int status, good = 1;

	if (argc != 2)
		errx(EXIT_FAILURE, "usage: kvstore FILE");
	take_file(argv[1]);
	account = share(-1, sizeof(*account));
	if (!mkdtemp(directory))
		err(EXIT_FAILURE, "%s", directory);
	snprintf(store_name, sizeof(store_name), "kvstore.%d", (int)getpid());
	snprintf(logger_name, sizeof(logger_name), "logger.%d", (int)getpid());

	log_server = start_logger();
	server = start_store();
	printf("putting   %zu lines of %s, by %d clients, each noted by a logger\n",
	       line_count, argv[1], CLIENTS);
	fflush(stdout);
	for (size_t i = 0; i < CLIENTS; i++) {
		clients[i] = fork();
		if (clients[i] < 0)
			err(EXIT_FAILURE, "fork");
		if (clients[i] == 0)
			client(i);
	}
	server = change_servers(server);
	for (size_t i = 0; i < CLIENTS; i++)
		good &= waitpid(clients[i], &status, 0) == clients[i] && status == 0;

	kv = connect_to_store();
	good &= compare_count(kv, "the") & compare_count(kv, "free");
	kipc_disconnect(kv);
	logger = kipc_connect(logger_name, NULL, PATIENCE);
	if (!logger || log_seen(logger, &nothing, &seen, PATIENCE) < 0)
		err(EXIT_FAILURE, "ask the logger");
	kipc_disconnect(logger);
	printf("repeated  %u puts after EPIPE; the logger has %llu notes, the last: %s\n",
	       account->again, (unsigned long long)seen.notes, seen.last);
	printf("got back  %u lines as they were, %u otherwise\n", account->right,
	       account->wrong);
	good &= account->puts == line_count && account->right == line_count &&
		!account->wrong && seen.notes + account->again >= line_count &&
		seen.notes <= line_count + account->again;
	end(server);
	end(log_server);
	remove_store();
	puts(good ? "every line is there, whoever served it" :
		    "NOT every line is there");
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
