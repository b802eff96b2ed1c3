// SPDX-License-Identifier: GPL-2.0
/*
 * Regions of shared memory, each guarded by a semaphore that is taken with KIPC_SEM_UNDO.
 * What must hold: no two have one at the same time, whoever is killed; what was written in
 * one is what the next one reads; it has the size that was set, and what is new in it is
 * zero; who may only read cannot write; and at the end nothing is attached, nor charged.
 */
#include "stress.h"
#include "../ksem.h"
#include "../kmemory.h"

enum { REGIONS = 3, MOST_PAGES = 8, NAMES = 4 };

/**
 * struct region - a region, for who has its semaphore
 * @fd: the supervisor's handle
 * @owner: process that has the semaphore; 0: nobody, or who has just taken it
 * @changing: the owner is writing it, or setting its size
 * @pages: its size
 * @bytes: that were written
 * @key: what
 */
struct region {
	int fd;
	pid_t owner;
	int changing;
	unsigned int pages;
	size_t bytes;
	uint64_t key;
};

static struct {
	int guards;			/* a set, with a semaphore for each */
	struct region regions[REGIONS];
} *land;

static int region_create(struct thread *t, int ctl, const char *name, unsigned int pages,
			 unsigned int rights, unsigned int flags)
{
	struct kipc_memory_attr attr = { .fd = memfd_of(pages * PAGE) };
	int fd;

	fd = CALL(t, k_create_kind(ctl, KIPC_KIND_MEMORY, name, &attr, sizeof(attr), 0666,
				   rights, flags));
	close(attr.fd);
	return fd;
}

/* NULL: it failed, as it may; or with this errno, if that is not 0. */
static char *try_map(struct thread *t, int fd, size_t size, int prot, off_t at, int allowed)
{
	long ret = CALL(t, (long)mmap(NULL, size, prot, MAP_SHARED, fd, at));

	if (ret != -1)
		return (char *)ret;
	ALLOW(-1, "mapping a region", allowed && errno == allowed);
	return NULL;
}

void regions_open(void)
{
	unsigned int i;

	if (!land)
		land = shared(sizeof(*land));
	memset(land, 0, sizeof(*land));
	land->guards = semaphores((struct kipc_sem_attr){
		.count = REGIONS, .initial = 1, .max = 1,
	});
	for (i = 0; i < REGIONS; i++) {
		land->regions[i].pages = MOST_PAGES;
		land->regions[i].fd = memory_of(MOST_PAGES * PAGE);
	}
}

/* In pieces, if they are enough; each once, or it might be another thread's by then. */
static void unmap(struct thread *t, char *map, size_t size)
{
	if (size > 2 * PAGE && below(&t->random, 2)) {
		CHECK(!munmap(map + PAGE, PAGE));
		CHECK(!munmap(map, PAGE));
		map += 2 * PAGE;
		size -= 2 * PAGE;
	}
	CHECK(!munmap(map, size));
}

/* What this thread has mapped is not any more. */
static void plot_leave(struct thread *t)
{
	if (t->plot.map)
		unmap(t, t->plot.map, t->plot.size);
	t->plot.map = NULL;
}

/* Map region @i, by a handle that is closed again.  Its size does not change meanwhile. */
static bool plot_enter(struct thread *t, unsigned int i)
{
	unsigned int pages = 1 + below(&t->random, land->regions[i].pages);
	bool writes = below(&t->random, 2);
	struct plot *p = &t->plot;
	char *map;
	int fd;

	if (p->map && p->which == i && below(&t->random, 4))
		return true;
	plot_leave(t);
	fd = CALL(t, k_narrow(land->regions[i].fd,
			      MAP | RECEIVE | (writes ? SEND : 0), 0));
	ALLOW(fd, "a handle of a region", false);
	if (fd < 0)
		return false;
	if (!writes && try_map(t, fd, PAGE, PROT_READ | PROT_WRITE, 0, EACCES))
		complain("what is only to be read can be written");
	map = try_map(t, fd, pages * PAGE, PROT_READ | (writes ? PROT_WRITE : 0), 0, 0);
	close(fd);
	if (!map)
		return false;
	*p = (struct plot){ map, pages * PAGE, i, writes };
	return true;
}

/* Is that what was written last, as far as @size goes? */
static void check_content(unsigned int i, const char *map, size_t size)
{
	const struct region *r = &land->regions[i];

	if (size > r->bytes)
		size = r->bytes;
	if (size && !filled(map, size, r->key))
		complain("region %u: what was written last is not there: %zu bytes of %zu", i,
			 size, r->bytes);
}

static void write_content(struct thread *t, unsigned int i)
{
	struct region *r = &land->regions[i];
	size_t most = t->plot.size < r->pages * PAGE ? t->plot.size : r->pages * PAGE;
	size_t bytes = 1 + below(&t->random, most);
	uint64_t key = draw(&t->random);

	STORE(r->changing, 1);
	fill(t->plot.map, bytes, key);
	if (below(&t->random, 2))
		sched_yield();
	r->key = key;
	r->bytes = bytes;
	STORE(r->changing, 0);
}

/* Pages from @first on are new. */
static void check_new(struct thread *t, unsigned int i, unsigned int first)
{
	const struct region *r = &land->regions[i];
	size_t size = (r->pages - first) * PAGE, at;
	char *map = try_map(t, r->fd, size, PROT_READ, first * PAGE, 0);

	if (!map)
		return;
	for (at = 0; at < size && !map[at]; at++)
		;
	if (at < size)
		complain("region %u: new page %zu is not zero", i, first + at / PAGE);
	CHECK(!munmap(map, size));
}

static void resize(struct thread *t, unsigned int i)
{
	unsigned int pages = 1 + below(&t->random, MOST_PAGES);
	struct region *r = &land->regions[i];
	unsigned int before = r->pages;
	bool grown = false;

	STORE(r->changing, 1);
	if (CALL(t, m_size(r->fd, pages * PAGE))) {
		ALLOW(-1, "setting a region's size", false);
	} else {
		COUNT(resized);
		r->pages = pages;
		if (r->bytes > pages * PAGE)
			r->bytes = pages * PAGE;
		grown = pages > before;
	}
	STORE(r->changing, 0);
	if (grown)
		check_new(t, i, before);
}

static void check_size(unsigned int i, const struct kipc_memory_stat *st, unsigned int least)
{
	const struct region *r = &land->regions[i];

	if (st->size != r->pages * PAGE || st->attached < least)
		complain("region %u: %llu bytes, %u attached; should be %u pages, %u attached",
			 i, (unsigned long long)st->size, st->attached, r->pages, least);
}

/* Its semaphore was taken.  Who had it before has put it back, or died. */
static void take_over(unsigned int i)
{
	struct region *r = &land->regions[i];
	pid_t before = LOAD(r->owner);
	struct kipc_memory_stat st;
	char state;

	if (before) {
		state = task_state(before, before);
		if (state != 'Z' && state != 'X')
			complain("region %u is %d's, and %d's too", i, getpid(), before);
	}
	STORE(r->owner, getpid());
	if (!r->changing)
		return;
	if (!before)
		complain("region %u was left half done", i);
	/* Neither its size nor its content is known. */
	CHECK(!ioctl(r->fd, KIPC_IOC_MEMORY_STAT, &st));
	r->pages = st.size / PAGE;
	r->bytes = 0;
	STORE(r->changing, 0);
}

static void use(struct thread *t, unsigned int i)
{
	struct region *r = &land->regions[i];
	struct kipc_memory_stat st = { 0 };
	unsigned int n;

	if (CALL(t, m_stat(r->fd, &st)))
		ALLOW(-1, "figures of a region", false);
	else
		check_size(i, &st, t->plot.map && t->plot.which == i);
	for (n = 1 + below(&t->random, 3); n && plot_enter(t, i); n--) {
		check_content(i, t->plot.map, t->plot.size);
		if (t->plot.writes)
			write_content(t, i);
		if (!below(&t->random, 4))
			resize(t, i);
	}
	if (LOAD(r->owner) != getpid())
		complain("region %u was taken over by %d from %d", i, r->owner, getpid());
}

static uint64_t some_deadline(uint64_t *r)
{
	return below(r, 8) ? after(below(r, 12) * MS) : below(r, 2) ? KIPC_FOREVER :
	       KIPC_NO_WAIT;
}

/* Take the semaphore of region @i, and use that. */
static void till(struct thread *t, unsigned int i)
{
	uint64_t deadline = some_deadline(&t->random);

	if (CALL(t, s_op(land->guards, deadline, STEPS(ADD(i, -1, UNDO))))) {
		ALLOW(-1, "taking a region",
		      (errno == EAGAIN && deadline == KIPC_NO_WAIT) ||
		      (errno == ETIMEDOUT && deadline != KIPC_FOREVER &&
		       now_ns() >= deadline));
		return;
	}
	COUNT(tilled);
	take_over(i);
	use(t, i);
	STORE(land->regions[i].owner, 0);
	/* A copy may be made to fail. */
	while (CALL(t, s_op(land->guards, KIPC_NO_WAIT, STEPS(ADD(i, 1, UNDO))))) {
		if (excused(errno))
			continue;
		complain("putting region %u back: %s", i, strerrorname_np(errno));
		break;
	}
}

static void region_name(char *name, size_t size, unsigned int number)
{
	snprintf(name, size, "region.%u", number);
}

/* Whatever others do to the object, the first page is there as long as it is mapped. */
static void use_named(struct thread *t, int fd, unsigned int rights)
{
	char *map = try_map(t, fd, PAGE, PROT_READ | (rights & SEND ? PROT_WRITE : 0), 0,
			    EIDRM);

	if (rights & MANAGE && below(&t->random, 2))
		ALLOW(CALL(t, m_size(fd, (1 + below(&t->random, MOST_PAGES)) * PAGE)),
		      "setting a named region's size", errno == EIDRM);
	if (rights & MANAGE && below(&t->random, 2))
		ALLOW(CALL(t, k_remove(fd)), "removing a region", errno == EIDRM);
	close(fd);
	if (!map)
		return;
	if (rights & SEND)
		*(volatile char *)map = 1;
	else if (*(volatile char *)map > 1)
		complain("a named region has another one's content");
	CHECK(!munmap(map, PAGE));
}

/* Others do the same to the same names at the same time. */
static void named(struct thread *t)
{
	unsigned int rights = MAP | RECEIVE | (below(&t->random, 2) ? SEND : 0) |
			      (below(&t->random, 2) ? MANAGE : 0);
	unsigned int flags = below(&t->random, 2) ? KIPC_PERSISTENT : 0;
	unsigned int what = below(&t->random, 8);
	char name[16];
	int fd;

	region_name(name, sizeof(name), below(&t->random, NAMES));
	if (what < 2) {
		ALLOW(CALL(t, k_unlink(t->ctl, name)), "unlinking a region",
		      errno == ENOENT || errno == EACCES);
		return;
	}
	if (what < 4) {
		fd = CALL(t, k_open_until(t->ctl, name, KIPC_KIND_MEMORY, rights, 0, 0));
		ALLOW(fd, "opening a region", errno == ENOENT || errno == EACCES);
	} else {
		fd = region_create(t, t->ctl, name, 1 + below(&t->random, MOST_PAGES), rights,
				   flags);
		ALLOW(fd, "creating a region", errno == EACCES);
	}
	if (fd >= 0)
		use_named(t, fd, rights);
}

void regions_step(struct thread *t)
{
	t->actor->begin = tick();
	if (below(&t->random, 8))
		till(t, below(&t->random, REGIONS));
	else
		named(t);
	if (!below(&t->random, 16))
		plot_leave(t);
}

/* Nobody does anything any more: does anybody wait for a semaphore that is there? */
void regions_waiters(void)
{
	uint64_t end = after(PATIENCE);
	struct kipc_sem_value v;
	unsigned int i;

	for (i = 0; i < REGIONS; i++) {
		while (v = s_look(land->guards, i), v.value && v.waiting && now_ns() < end)
			nap();
		if (v.value && v.waiting)
			complain("region %u is free and forgot %u", i, v.waiting);
	}
}

/* The workers are gone, and so all that was mapped. */
void regions_epoch(void)
{
	uint64_t end = after(PATIENCE);
	struct kipc_memory_stat st;
	unsigned int i;
	char *map;

	for (i = 0; i < REGIONS; i++) {
		struct region *r = &land->regions[i];

		while (s_value(land->guards, i) != 1 && now_ns() < end)
			nap();
		st = m_stat_of(r->fd);
		if (s_value(land->guards, i) != 1 || st.attached)
			complain("region %u: %u attached; its semaphore is %ld", i,
				 st.attached, s_value(land->guards, i));
		take_over(i);
		check_size(i, &st, 0);
		map = mapped(r->fd, st.size, PROT_READ);
		check_content(i, map, st.size);
		CHECK(!munmap(map, st.size));
		close(r->fd);
	}
	close(land->guards);
}

/* Take away what names there are. */
void regions_sweep(int ctl)
{
	char name[16];
	unsigned int i;

	for (i = 0; i < NAMES; i++) {
		region_name(name, sizeof(name), i);
		if (k_unlink(ctl, name))
			CHECK(errno == ENOENT);
	}
}
