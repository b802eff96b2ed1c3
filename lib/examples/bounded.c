// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * bounded FILE
 *
 * The bounded buffer: one producer, one consumer, and some places in shared memory.  The
 * producer (this process) fills them with the blocks of a file, the consumer (its child)
 * takes them out.  Who finds none left waits at a doorbell: that of the memory counts what
 * was filled, that of a second object, which has no memory, what was emptied.
 *
 * A doorbell gives its whole count at once, so both sides are awake for as many places as
 * the other one has got ready.  Each has a checksum of what it has seen.
 */
#include <err.h>
#include <fcntl.h>
#include <kipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLACES 8

struct place {
	uint32_t size;		/* 0: there is no more */
	unsigned char data[4092];
};

static int filled, emptied;		/* the doorbells */
static struct place *places;

/* FNV-1a */
static uint64_t checksum(uint64_t sum, const unsigned char *data, size_t size)
{
	while (size--)
		sum = (sum ^ *data++) * 0x100000001b3ULL;
	return sum;
}

/* One of what the other side has got ready: @ready is how many there are still. */
static void take(int bell, uint64_t *ready)
{
	if (!*ready && kipc_memory_wait(bell, ready, KIPC_FOREVER) < 0)
		err(EXIT_FAILURE, "wait");
	--*ready;
}

static void give(int bell)
{
	if (kipc_memory_ring(bell, 1, KIPC_FOREVER) < 0)
		err(EXIT_FAILURE, "ring");
}

static void report(const char *who, uint64_t sum, unsigned long blocks)
{
	printf("%s %lu blocks, checksum %016llx\n", who, blocks,
	       (unsigned long long)sum);
}

static uint64_t consume(void)
{
	uint64_t sum = 0xcbf29ce484222325ULL, ready = 0;
	unsigned long n;

	for (n = 0;; n++) {
		struct place *place = &places[n % PLACES];
		uint32_t size;

		take(filled, &ready);
		size = place->size;
		if (!size)
			break;
		sum = checksum(sum, place->data, size);
		give(emptied);
	}
	report("consumed", sum, n);
	return sum;
}

static uint64_t produce(int file)
{
	uint64_t sum = 0xcbf29ce484222325ULL, ready = PLACES;
	unsigned long n;

	for (n = 0;; n++) {
		struct place *place = &places[n % PLACES];
		ssize_t size;

		take(emptied, &ready);
		size = read(file, place->data, sizeof(place->data));
		if (size < 0)
			err(EXIT_FAILURE, "read");
		place->size = (uint32_t)size;
		sum = checksum(sum, place->data, size);
		give(filled);
		if (!size)
			break;
	}
	report("produced", sum, n);
	return sum;
}

int main(int argc, char **argv)
{
	size_t size = PLACES * sizeof(*places);
	int file, status, results[2];
	uint64_t sum, theirs = 0;
	pid_t child;

	if (argc != 2)
		errx(EXIT_FAILURE, "usage: bounded FILE");
	file = open(argv[1], O_RDONLY);
	if (file < 0)
		err(EXIT_FAILURE, "%s", argv[1]);
	filled = kipc_memory_create(NULL, size, 0600, KIPC_MEMORY_RIGHTS, 0);
	emptied = kipc_memory_create(NULL, 0, 0600, KIPC_MEMORY_RIGHTS, 0);
	if (filled < 0 || emptied < 0)
		err(EXIT_FAILURE, "create memory (is the module loaded?)");
	places = kipc_memory_map(filled, &size, PROT_READ | PROT_WRITE);
	if (!places || kipc_pipe(results, 0) < 0)
		err(EXIT_FAILURE, "map");

	child = fork();
	if (child < 0)
		err(EXIT_FAILURE, "fork");
	if (!child) {
		sum = consume();
		fflush(stdout);
		_exit(write(results[1], &sum, sizeof(sum)) != sizeof(sum));
	}
	close(results[1]);
	sum = produce(file);
	if (read(results[0], &theirs, sizeof(theirs)) != sizeof(theirs) ||
	    waitpid(child, &status, 0) != child || status)
		errx(EXIT_FAILURE, "the consumer has failed");
	if (sum != theirs)
		errx(EXIT_FAILURE, "the checksums differ");
	printf("both have seen the same\n");
	return EXIT_SUCCESS;
}
