// SPDX-License-Identifier: GPL-2.0
/*
 * faulty [FAULT]...
 *
 * Does what must not be done in user space, so that it can be seen that a tool
 * notices: name, heap, undefined, race, leak, letter, value.  Without any, much
 * the same, but rightly, which must not be noticed.  Status 0: that was all, and
 * nothing happened.
 */
#include "../util.h"

#include <kipc.h>
#include <limits.h>
#include <pthread.h>

static long counter;

static void *count(void *arg)
{
	long i;

	(void)arg;
	for (i = 0; i < 10000; i++)
		counter++;
	return NULL;
}

/* Without a lock if they are to race. */
static void race(bool together)
{
	pthread_t one, two;

	CHECK(!pthread_create(&one, NULL, count, NULL));
	if (!together)
		pthread_join(one, NULL);
	CHECK(!pthread_create(&two, NULL, count, NULL));
	if (together)
		pthread_join(one, NULL);
	pthread_join(two, NULL);
}

/* The library reads on behind a name that does not end. */
static void name(size_t size)
{
	char *text = calloc(1, 8);

	CHECK(text);
	memset(text, 'x', size);
	CHECK_ERR(ENOENT, kipc_open(text, KIPC_KIND_ANY, SEND, 0));
	free(text);
}

static void heap(volatile size_t size)
{
	volatile char *data = malloc(size);

	CHECK(data);
	data[size - 1 + (size == 8)] = 2;
	free((void *)data);
}

static void undefined(volatile int by)
{
	volatile int n = INT_MAX - 1;

	n += by;
	printf("# %d\n", n);
}

/* Nobody knows where it is any more. */
static void __attribute__((noinline)) leak(void)
{
	char *volatile data = malloc(100);

	CHECK(data);
	data[0] = 1;
	data = NULL;
}

/* A letter that was never written. */
static void letter(void)
{
	int fd = kipc_mailbox_create(NULL, NULL, 0600, ALL_RIGHTS, 0);
	char *volatile data = malloc(8);

	CHECK(fd >= 0 && data);
	CHECK(!kipc_mailbox_send(fd, data, 8, 0, KIPC_NO_WAIT));
	free(data);
	close(fd);
}

/* What a branch depends on was never written. */
static void value(void)
{
	int *volatile data = malloc(sizeof(int));

	CHECK(data);
	if (*data == 12345)
		printf("# by chance\n");
	free(data);
}

static bool commit(const char *fault)
{
	if (!strcmp(fault, "name"))
		name(8);
	else if (!strcmp(fault, "heap"))
		heap(8);
	else if (!strcmp(fault, "undefined"))
		undefined(2);
	else if (!strcmp(fault, "race"))
		race(true);
	else if (!strcmp(fault, "leak"))
		leak();
	else if (!strcmp(fault, "letter"))
		letter();
	else if (!strcmp(fault, "value"))
		value();
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!commit(argv[i]))
			return 2;
	if (argc > 1)
		return 0;
	name(7);
	heap(9);
	undefined(1);
	race(false);
	return 0;
}
