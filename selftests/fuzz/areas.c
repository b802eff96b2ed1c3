// SPDX-License-Identifier: GPL-2.0
/*
 * The memory that programs pass to the module.
 */
#include "calls.h"

#define PAGE		4096
#define BUF_SIZE	(48 * PAGE)
#define HOLE		(64 * PAGE)

static char *areas[AREAS];
static char *ro_writable;		/* the same pages as RO */
static __thread char *scratch;		/* a page, then a hole */
static const struct {
	const char *text;
	unsigned int length;
} names[NAME_COUNT] = {
	{ "a", 1 }, { "b", 1 }, { "c", 1 },
	{ "new\nline\\", 9 },
	{ "a/b", 3 },
	{ "a\0b", 3 },
	{ "", 1 },
	{ NULL, 255 },
};

unsigned int name_length(unsigned int number)
{
	return names[number % NAME_COUNT].length;
}

static char *map(size_t size, int fd, int protection)
{
	char *p = mmap(NULL, size + HOLE, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;

	if (p == MAP_FAILED ||
	    mmap(p, size, protection, flags | MAP_FIXED, fd, 0) != p) {
		perror("fuzz: memory");
		exit(1);
	}
	return p;
}

void areas_setup(void)
{
	int fd = memfd_create("ro", MFD_CLOEXEC);
	int data = memfd_create("buf", MFD_CLOEXEC);

	if (ftruncate(fd, 2 * PAGE) || ftruncate(data, BUF_SIZE)) {
		perror("fuzz: memfd");
		exit(1);
	}
	/* Shared, so that a fork has nothing to copy. */
	areas[BUF] = map(BUF_SIZE, data, PROT_READ | PROT_WRITE);
	areas[RO] = map(2 * PAGE, fd, PROT_READ);
	ro_writable = map(2 * PAGE, fd, PROT_READ | PROT_WRITE);
	areas[EDGE] = map(2 * PAGE, -1, PROT_READ | PROT_WRITE) + 2 * PAGE;
	areas[GONE] = map(PAGE, -1, PROT_NONE);
	areas[KERNEL] = (char *)0xffff888000000000UL;
	areas[NAMES] = map(PAGE, -1, PROT_READ | PROT_WRITE);
	areas[FRESH] = map(FRESH_SIZE, -1, PROT_READ | PROT_WRITE);
	areas[ATTR] = map(2 * PAGE, -1, PROT_READ | PROT_WRITE);
	close(fd);
	close(data);
	for (unsigned int i = 0; i < BUF_SIZE; i++)
		areas[BUF][i] = i * 7 + (i >> 8);
	for (unsigned int i = 0; i < NAME_COUNT; i++) {
		char *to = areas[NAMES] + i * NAME_STEP;

		if (names[i].text)
			memcpy(to, names[i].text, names[i].length);
		else
			memset(to, 'x', names[i].length);
	}
}

void *at(unsigned int area, uint32_t offset)
{
	if (area == NONE || area >= AREAS)
		return (void *)(uintptr_t)offset;
	return area == EDGE ? areas[EDGE] - offset : areas[area] + offset;
}

/* As much as there is room for, so that the rest is found missing. */
void *place(const void *structure, size_t size, void *where)
{
	uintptr_t offset = (uintptr_t)where;

	if (!where) {
		if (!scratch)
			scratch = map(PAGE, -1, PROT_READ | PROT_WRITE);
		memset(scratch + size, 0, PAGE - size);
		return memcpy(scratch, structure, size);
	}
	offset = (char *)where - (areas[EDGE] - 2 * PAGE);
	if (offset < 2 * PAGE)
		memcpy(where, structure,
		       size < 2 * PAGE - offset ? size : 2 * PAGE - offset);
	offset = (char *)where - areas[RO];
	if (offset + size <= 2 * PAGE)
		memcpy(ro_writable + offset, structure, size);
	offset = (char *)where - areas[BUF];
	if (offset + size <= BUF_SIZE)
		memcpy(where, structure, size);
	offset = (char *)where - areas[FRESH];
	if (offset + size <= FRESH_SIZE)
		memcpy(where, structure, size);
	offset = (char *)where - areas[ATTR];
	if (offset + size <= 2 * PAGE)
		memcpy(where, structure, size);
	return where;
}

void place_nested(const void *structure, size_t size, unsigned int times)
{
	char *to = areas[ATTR];

	memset(to, 0, PAGE);
	while (times--) {
		memcpy(to, structure, size);
		to += size;
	}
}
