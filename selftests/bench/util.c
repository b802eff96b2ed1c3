// SPDX-License-Identifier: GPL-2.0
/*
 * What all of the benchmark needs.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>

#include "bench.h"

void bench_failed(const char *file, int line, const char *what)
{
	int error = errno;

	fprintf(stderr, "%s:%d: failed: %s (errno: %s)\n", file, line, what,
		strerror(error));
	exit(EXIT_FAILURE);
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

void *shared(size_t size)
{
	/* Present from the start: page faults are not what is measured. */
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	CHECK(memory != MAP_FAILED);
	return memory;
}

void unshare_memory(void *memory, size_t size)
{
	CHECK(munmap(memory, size) == 0);
}

void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0)
		err(EXIT_FAILURE, "%s", path);
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		err(EXIT_FAILURE, "write '%s' to %s", text, path);
	close(fd);
}

/* The number behind the label in a file of lines. */
long read_number(const char *path, const char *label)
{
	char line[128];
	FILE *file = fopen(path, "r");

	CHECK(file);
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, label, strlen(label)))
			continue;
		fclose(file);
		return strtol(line + strlen(label), NULL, 10);
	}
	errx(EXIT_FAILURE, "%s has no %s", path, label);
}

#define ROOM		65536
#define HEADROOM	128	/* eight would do; this keeps the data aligned */

void *message_buffer(size_t size)
{
	char *memory = aligned_alloc(4096, (HEADROOM + size + 4095) / 4096 * 4096);

	CHECK(memory);
	/* So that its pages are there. */
	memset(memory, 1, HEADROOM + size);
	return memory + HEADROOM;
}

struct channel new_channel(const struct peer *p, size_t payload)
{
	struct channel c = {
		.payload = payload,
		.room = payload > ROOM / 4 ? 4 * payload : ROOM,
		.in = -1,
		.out = -1,
	};

	p->make(&c);
	return c;
}

void full_read(int fd, void *data, size_t size)
{
	char *at = data;

	while (size) {
		ssize_t n = read(fd, at, size);

		CHECK(n > 0);
		at += n;
		size -= n;
	}
}

void full_write(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size) {
		ssize_t n = write(fd, at, size);

		CHECK(n > 0);
		at += n;
		size -= n;
	}
}
