// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel tells of itself: basic blocks that were entered, from which
 * edges are made, and operands that were compared.  Without KCOV in the kernel
 * all of it is empty, and the fuzzer runs blind.
 */
#include "fuzz.h"

#include <linux/kcov.h>

#define AREA_WORDS	(16 * 1024)
#define CHILD_WORDS	(4 * 1024)
#define TRACERS		(2 + PARTNERS)

static struct {
	int fd;
	uint64_t *area;
} tracers[TRACERS];

static __thread unsigned int mine;	/* of these */
static enum cover current_mode;
static uint64_t text_base;		/* of the module */
static uint32_t seen[EDGES], run = 1;	/* the number of the run that saw it */
static uint16_t met[8192];		/* edges of this run */
static unsigned int met_count;

struct comparison comparisons[MAX_COMPARISONS];
unsigned int comparison_count;
uint16_t fresh[MAX_FRESH];
unsigned int fresh_count;

static uint64_t read_base(void)
{
	FILE *file = fopen("/sys/module/kipc/sections/.text", "re");
	unsigned long long base = 0;

	if (file) {
		if (fscanf(file, "%llx", &base) != 1)
			base = 0;
		fclose(file);
	}
	return base;
}

bool cover_open(void)
{
	text_base = read_base();
	for (unsigned int i = 0; i < TRACERS; i++) {
		size_t words = i ? CHILD_WORDS : AREA_WORDS;
		int fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);

		if (fd < 0)
			return false;
		if (ioctl(fd, KCOV_INIT_TRACE, words))
			return false;
		tracers[i].area = mmap(NULL, words * 8, PROT_READ | PROT_WRITE,
				       MAP_SHARED, fd, 0);
		if (tracers[i].area == MAP_FAILED)
			return false;
		/* Children have their own: a mapping less to copy. */
		if (!i)
			madvise(tracers[i].area, words * 8, MADV_DONTFORK);
		tracers[i].fd = fd;
	}
	return true;
}

static void set_count(uint64_t *area, uint64_t count)
{
	__atomic_store_n(area, count, __ATOMIC_RELAXED);
}

/* By the task itself that is to be traced. */
void cover_start(unsigned int number)
{
	mine = TRACERS;
	if (number >= TRACERS || !tracers[number].fd ||
	    current_mode == COVER_NONE)
		return;
	set_count(tracers[number].area, 0);
	if (!ioctl(tracers[number].fd, KCOV_ENABLE,
		   current_mode == COVER_EDGES ? KCOV_TRACE_PC : KCOV_TRACE_CMP))
		mine = number;
}

void cover_stop(void)
{
	if (mine < TRACERS && tracers[mine].fd)
		ioctl(tracers[mine].fd, KCOV_DISABLE, 0);
}

void cover_begin(enum cover mode)
{
	current_mode = mode;
	run++;
	met_count = 0;
	fresh_count = 0;
	comparison_count = 0;
	cover_start(0);
}

static void scan_edges(const uint64_t *area)
{
	uint64_t count = __atomic_load_n(area, __ATOMIC_RELAXED);
	uint32_t previous = 0;

	for (uint64_t i = 1; i <= count; i++) {
		uint32_t pc = area[i] - text_base + 0x4000;
		uint32_t hash = pc * 0x9e3779b1U;
		uint16_t edge = (hash >> 16) ^ previous;

		previous = (hash >> 15) & 0xffff;
		if (seen[edge] == run)
			continue;
		seen[edge] = run;
		if (met_count < COUNT(met))
			met[met_count++] = edge;
		if (pc < BLOCKS)
			shared_state->blocks[pc] = 1;
		if (shared_state->edges[edge])
			continue;
		shared_state->edges[edge] = 1;
		if (fresh_count < MAX_FRESH)
			fresh[fresh_count++] = edge;
	}
}

static void scan_comparisons(const uint64_t *area, unsigned int call)
{
	uint64_t count = __atomic_load_n(area, __ATOMIC_RELAXED);

	for (uint64_t i = 0; i < count; i++) {
		const uint64_t *entry = area + 1 + 4 * i;

		if (comparison_count == MAX_COMPARISONS)
			return;
		if (entry[1] == entry[2])
			continue;
		comparisons[comparison_count++] = (struct comparison){
			.call = call,
			.constant = entry[0] & KCOV_CMP_CONST,
			.size = 1 << ((entry[0] & KCOV_CMP_MASK) >> 1),
			.a = entry[1],
			.b = entry[2],
		};
	}
}

static void scan(unsigned int number, unsigned int call)
{
	if (number >= TRACERS || !tracers[number].fd)
		return;
	if (current_mode == COVER_EDGES)
		scan_edges(tracers[number].area);
	else if (current_mode == COVER_COMPARISONS)
		scan_comparisons(tracers[number].area, call);
	set_count(tracers[number].area, 0);
}

/* Before a call of the worker itself. */
void cover_call(void)
{
	if (mine == 0 && tracers[0].fd && current_mode != COVER_NONE)
		set_count(tracers[0].area, 0);
}

/* After it; partners and children leave what they have for the worker. */
void cover_called(unsigned int call)
{
	if (mine == 0)
		scan(0, call);
}

/* Partners and children have ended. */
void cover_end(void)
{
	if (!tracers[0].fd || current_mode == COVER_NONE)
		return;
	cover_stop();
	for (unsigned int i = 0; i < TRACERS; i++)
		scan(i, MAX_CALLS);
}

/* In the last run. */
bool cover_saw(uint16_t edge)
{
	return seen[edge] == run;
}

unsigned int cover_edges(uint16_t *to, unsigned int most)
{
	if (most > met_count)
		most = met_count;
	memcpy(to, met, most * sizeof(*to));
	return most;
}
