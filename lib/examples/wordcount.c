// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * wordcount FILE
 *
 * A call whose arguments are too varied for the fields of a stub: Protocol Buffers put
 * them into the A-stack, and get them out of it.  The client sends the lines of FILE, as
 * many as an A-stack holds, and the server says which words are there most often.  It
 * does not trust its clients, so it has the library copy the A-stack before it looks at
 * it: then nothing changes while it does.
 */
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <kipc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wordcount.pb-c.h"

#define STACK_BYTES	(256 << 10)
#define MOST		5
#define PATIENCE	kipc_deadline(60 * 1000000000ULL)

enum { COUNT_WORDS };

/* A list that is searched in order is good enough for one page of text. */
struct tally {
	char word[32];
	unsigned int times;
};

static int by_times(const void *a, const void *b)
{
	const struct tally *x = a, *y = b;

	return x->times != y->times ? (x->times < y->times ? 1 : -1) :
	       strcmp(x->word, y->word);
}

/* Adds the words of a line; returns how many different ones there are then. */
static size_t tally_line(struct tally *tallies, size_t n, size_t room, const char *line,
			 uint32_t *words)
{
	char word[sizeof(tallies->word)];
	size_t length = 0, i;

	for (;; line++) {
		if (isalpha((unsigned char)*line)) {
			if (length < sizeof(word) - 1)
				word[length++] = tolower((unsigned char)*line);
			continue;
		}
		word[length] = 0;
		for (i = 0; length && i < n && strcmp(tallies[i].word, word); i++)
			;
		if (length && i < room) {
			memcpy(tallies[i].word, word, sizeof(word));
			tallies[i].times++;
			n = i == n ? n + 1 : n;
		}
		*words += length != 0;
		length = 0;
		if (!*line)
			return n;
	}
}

/* The reply goes into the A-stack; returns its length, or an error's number, negative. */
static int reply_with(const Counts *counts, void *a_stack)
{
	if (counts__get_packed_size(counts) > kipc_stack_room())
		return -EMSGSIZE;
	return counts__pack(counts, a_stack);
}

static int count_words(void *a_stack, size_t size)
{
	static const size_t room = 10000;
	struct tally *tallies;
	Count most[MOST], *list[MOST];
	Counts reply = COUNTS__INIT;
	size_t n = 0, i;
	int ret;
	Text *text;

	if (size > kipc_stack_room())
		return -EBADMSG;
	text = text__unpack(NULL, size, a_stack);
	if (!text)
		return -EBADMSG;
	tallies = calloc(room, sizeof(*tallies));
	if (!tallies) {
		text__free_unpacked(text, NULL);
		return -ENOMEM;
	}
	for (i = 0; i < text->n_lines; i++)
		n = tally_line(tallies, n, room, text->lines[i], &reply.words);
	qsort(tallies, n, sizeof(*tallies), by_times);
	for (i = 0; i < MOST && i < n; i++) {
		count__init(&most[i]);
		most[i].word = tallies[i].word;
		most[i].times = tallies[i].times;
		list[i] = &most[i];
	}
	reply.title = text->title;
	reply.most = list;
	reply.n_most = i;
	ret = reply_with(&reply, a_stack);
	text__free_unpacked(text, NULL);
	free(tallies);
	return ret;
}

static void handle_count(void *a_stack, const uint64_t args[8])
{
	/* The length of the reply is the status. */
	kipc_return(count_words(a_stack, args[0]), NULL);
}

static kipc_handler *const handlers[] = { [COUNT_WORDS] = handle_count };

static void serve(const char *name)
{
	struct kipc_service_options options = {
		.attr = { .stack_size = STACK_BYTES, .stacks = 1 },
		.handlers = handlers,
		.handler_count = 1,
		.private_copy = STACK_BYTES,
		.mode = 0600,
	};
	struct kipc_service *service = kipc_service_register(name, &options);

	if (!service)
		err(EXIT_FAILURE, "register %s (is the module loaded?)", name);
	if (kipc_service_run(service) < 0)
		err(EXIT_FAILURE, "run %s", name);
	exit(EXIT_SUCCESS);
}

/* As many lines as an A-stack holds, with some room for what goes around each. */
static void read_text(const char *path, Text *text)
{
	size_t bytes = strlen(path) + 64, room = 0;
	FILE *file = fopen(path, "r");
	char *line = NULL;
	ssize_t length;

	if (!file)
		err(EXIT_FAILURE, "%s", path);
	text->title = (char *)path;
	while ((length = getline(&line, &room, file)) > 0) {
		bytes += length + 16;
		if (bytes > STACK_BYTES)
			break;
		text->lines = realloc(text->lines,
				      (text->n_lines + 1) * sizeof(*text->lines));
		if (!text->lines)
			err(EXIT_FAILURE, "realloc");
		line[strcspn(line, "\n")] = 0;
		text->lines[text->n_lines++] = line;
		line = NULL;
		room = 0;
	}
	free(line);
	fclose(file);
}

/* The words of the same lines, counted here. */
static uint32_t words_of(const Text *text)
{
	uint32_t words = 0;
	size_t i;

	for (i = 0; i < text->n_lines; i++)
		tally_line(NULL, 0, 0, text->lines[i], &words);
	return words;
}

/* 0 if it is as it should be. */
static int print(const Counts *counts, const Text *text)
{
	size_t i;

	printf("server    %zu lines of %s: %u words, most often:", text->n_lines,
	       counts->title, counts->words);
	for (i = 0; i < counts->n_most; i++)
		printf(" %s (%u)", counts->most[i]->word, counts->most[i]->times);
	printf("\nclient    %u words\n", words_of(text));
	return strcmp(counts->title, text->title) || counts->words != words_of(text);
}

int main(int argc, char **argv)
{
	uint64_t args[8] = { 0 };
	struct kipc_binding *binding;
	Counts *counts = NULL;
	Text page = TEXT__INIT;
	int ret, bad = 1;
	char name[32];
	pid_t pid;

	if (argc != 2)
		errx(EXIT_FAILURE, "usage: wordcount FILE");
	read_text(argv[1], &page);
	snprintf(name, sizeof(name), "wordcount.%d", (int)getpid());
	pid = fork();
	if (pid < 0)
		err(EXIT_FAILURE, "fork");
	if (pid == 0)
		serve(name);
	binding = kipc_connect(name, NULL, PATIENCE);
	if (!binding)
		err(EXIT_FAILURE, "connect to %s", name);

	args[0] = text__pack(&page, kipc_stack(binding, 0));
	printf("sent      %llu bytes of Protocol Buffers in the A-stack\n",
	       (unsigned long long)args[0]);
	ret = kipc_call(binding, 0, COUNT_WORDS, args, PATIENCE);
	if (ret < 0)
		err(EXIT_FAILURE, "count words");
	if ((size_t)ret <= kipc_stack_size(binding))
		counts = counts__unpack(NULL, ret, kipc_stack(binding, 0));
	if (counts)
		bad = print(counts, &page);
	/* What is no message is refused, not believed. */
	memset(kipc_stack(binding, 0), 0xff, 64);
	args[0] = 64;
	ret = kipc_call(binding, 0, COUNT_WORDS, args, PATIENCE);
	printf("junk      is refused: %s\n", ret < 0 ? strerror(errno) : "NO");
	bad |= ret >= 0 || errno != EBADMSG;

	if (counts)
		counts__free_unpacked(counts, NULL);
	while (page.n_lines)
		free(page.lines[--page.n_lines]);
	free(page.lines);
	kipc_disconnect(binding);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	puts(bad ? "server and client do NOT agree" : "server and client agree");
	return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
