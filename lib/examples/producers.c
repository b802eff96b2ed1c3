// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * producers FILE [NUMBER]
 *
 * The bounded buffer with semaphores: one producer, or as many as are wanted, one consumer,
 * and some places in shared memory.  The producers share the blocks of a file between
 * them, put each into a place, and the consumer (this process) takes them out.
 *
 * A set of three semaphores guards it: how many places are empty, how many are filled, and
 * whose turn it is to put something in.  A producer takes an empty place and the turn by
 * one operation, and gives back the turn and a filled place by another: so nobody has the
 * turn and waits for room.
 */
#include <err.h>
#include <fcntl.h>
#include <kipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLACES	8
#define BLOCK	4080

enum { EMPTY, FILLED, TURN, SEMAPHORES };

struct buffer {
	unsigned long in;	/* places that were ever filled; who has the turn */
	struct place {
		uint64_t number;	/* of the block */
		uint32_t size;		/* 0: this producer has no more */
		unsigned char data[BLOCK];
	} place[PLACES];
};

static int semaphores;
static struct buffer *buffer;

/* FNV-1a, of a block and its number */
static uint64_t checksum(uint64_t number, const unsigned char *data, size_t size)
{
	uint64_t sum = 0xcbf29ce484222325ULL ^ number;

	while (size--)
		sum = (sum ^ *data++) * 0x100000001b3ULL;
	return sum;
}

static void change(uint16_t one, uint16_t other, int32_t by)
{
	const struct kipc_sem_op both[2] = {
		{ .num = one, .op = by }, { .num = other, .op = by },
	};

	if (kipc_sem_op(semaphores, both, 2, KIPC_FOREVER))
		err(EXIT_FAILURE, "semaphores");
}

/* Every so many blocks, from the first one on, and at the end one that is empty. */
static int produce(int file, uint64_t first, uint64_t step)
{
	unsigned char data[BLOCK];
	struct place *place;
	uint64_t number;
	ssize_t size;

	for (number = first;; number += step) {
		size = pread(file, data, sizeof(data), (off_t)number * BLOCK);
		if (size < 0)
			err(EXIT_FAILURE, "read");
		change(EMPTY, TURN, -1);
		place = &buffer->place[buffer->in++ % PLACES];
		place->number = number;
		place->size = (uint32_t)size;
		memcpy(place->data, data, size);
		change(TURN, FILLED, 1);
		if (!size)
			return 0;
	}
}

/* The sum of all blocks that come, in whatever order. */
static uint64_t consume(unsigned int producers, unsigned long *blocks)
{
	const struct place *place;
	unsigned long out = 0;
	uint64_t sum = 0;

	while (producers) {
		if (kipc_sem_wait(semaphores, FILLED))
			err(EXIT_FAILURE, "wait");
		place = &buffer->place[out++ % PLACES];
		if (place->size) {
			sum += checksum(place->number, place->data, place->size);
			++*blocks;
		} else {
			producers--;
		}
		if (kipc_sem_post(semaphores, EMPTY))
			err(EXIT_FAILURE, "post");
	}
	return sum;
}

static uint64_t sum_of_file(int file)
{
	unsigned char data[BLOCK];
	uint64_t number = 0, sum = 0;
	ssize_t size;

	while ((size = pread(file, data, sizeof(data), (off_t)number * BLOCK)) > 0)
		sum += checksum(number++, data, size);
	return sum;
}

int main(int argc, char **argv)
{
	static const uint32_t values[SEMAPHORES] = { [EMPTY] = PLACES, [TURN] = 1 };
	const struct kipc_sem_attr attr = { .count = SEMAPHORES };
	unsigned int i, producers = argc > 2 ? (unsigned int)atoi(argv[2]) : 1;
	size_t size = sizeof(*buffer);
	unsigned long blocks = 0;
	int file, memory, status;
	uint64_t sum;
	pid_t child;

	if (argc < 2 || argc > 3 || producers < 1)
		errx(EXIT_FAILURE, "usage: producers FILE [NUMBER]");
	file = open(argv[1], O_RDONLY);
	if (file < 0)
		err(EXIT_FAILURE, "%s", argv[1]);
	semaphores = kipc_sem_create(NULL, &attr, 0600, KIPC_SEM_RIGHTS, 0);
	memory = kipc_memory_create(NULL, size, 0600, KIPC_MEMORY_RIGHTS, 0);
	if (semaphores < 0 || memory < 0)
		err(EXIT_FAILURE, "create (is the module loaded?)");
	buffer = kipc_memory_map(memory, &size, PROT_READ | PROT_WRITE);
	if (!buffer || kipc_sem_set(semaphores, 0, values, SEMAPHORES))
		err(EXIT_FAILURE, "set up");
	for (i = 0; i < producers; i++) {
		child = fork();
		if (child < 0)
			err(EXIT_FAILURE, "fork");
		if (!child)
			_exit(produce(file, i, producers));
	}
	sum = consume(producers, &blocks);
	for (i = 0; i < producers; i++)
		if (wait(&status) < 0 || status)
			errx(EXIT_FAILURE, "a producer has failed");
	printf("%lu blocks of %u producers, checksum %016llx\n", blocks, producers,
	       (unsigned long long)sum);
	if (sum != sum_of_file(file))
		errx(EXIT_FAILURE, "something is missing, or came twice");
	printf("every block came once\n");
	return EXIT_SUCCESS;
}
