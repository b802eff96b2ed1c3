/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of forced races of pipes share.
 *
 * All that is written is a part of one stream, whose bytes tell their places: @number
 * of a writer is the place of its first byte.  The outcome of a read or a write is the
 * number of bytes; what a reader has got must lie together there, and @seen is where.
 *
 * A buffer may be cold; of it, as many bytes as @type says are there all the same.  It
 * begins @selector.high bytes behind the start of a page, and if @selector.low is not 0,
 * nothing is there that many bytes behind that.
 */
#ifndef KIPC_SELFTEST_RACE_PIPE_H
#define KIPC_SELFTEST_RACE_PIPE_H

#include "kpipe.h"
#include "race.h"

enum {
	HUGE = 40000,		/* more than one piece */
	STREAM = 1 << 20,	/* no place in it is farther */
	PATTERN = 8,		/* so many bytes are only once in it */
};

static inline unsigned char spot_byte(uint32_t at)
{
	at = (at ^ at >> 16) * 0x85ebca6b;
	at = (at ^ at >> 13) * 0xc2b2ae35;
	return (at ^ at >> 16) >> 8;
}

static inline void spot_fill(void *data, size_t size, uint64_t at)
{
	unsigned char *p = data;

	while (size--)
		*p++ = spot_byte(at++);
}

static inline bool spot_is(const void *data, size_t size, uint64_t at)
{
	const unsigned char *p = data;

	while (size--)
		if (*p++ != spot_byte(at++))
			return false;
	return true;
}

/* Where these bytes are in the stream; they must be at least PATTERN. */
static inline uint64_t spot_find(const void *data, size_t size)
{
	uint64_t at = 0;

	CHECK(size >= PATTERN);
	while (!spot_is(data, PATTERN, at))
		CHECK(++at < STREAM);
	CHECK(spot_is(data, size, at));
	return at;
}

/* Parties. */

static inline char *p_buffer(struct party *p)
{
	size_t offset = p->selector.high, hole = p->selector.low;
	size_t size = offset + p->size, i;
	char *data = malloc(size);

	CHECK(data);
	spot_fill(data + offset, p->size, p->number);
	data = placed(p, data, size);
	if (hole)
		CHECK(!munmap(data + hole, size - hole));
	/* To read them would bring in those around them as well. */
	for (i = offset; i < p->type; i++)
		data[i] = spot_byte(p->number + i - offset);
	return data + offset;
}

static inline long act_p_write(struct party *p)
{
	return p_write(p->fd, p_buffer(p), p->size, p->flags, p->deadline);
}

static inline long act_p_read(struct party *p)
{
	char *data = p_buffer(p);
	ssize_t ret = p_read(p->fd, data, p->size, p->deadline);

	if (ret > 0)
		p->seen = spot_find(data, ret);
	return ret;
}

static inline long act_p_resize(struct party *p)
{
	return p_resize(p->fd, p->size, 0);
}

static inline long act_p_open(struct party *p)
{
	struct kipc_open o = {
		.kind = KIPC_KIND_PIPE,
		.flags = p->flags,
		.rights = p->rights,
		.name = ptr(p->name),
		.name_len = strlen(p->name),
		.deadline = p->deadline,
	};
	int fd = ioctl(p->fd, KIPC_IOC_OPEN, &o);

	return fd < 0 ? fd : (long)id_of(fd);
}

/* Into a pipe of pipe(2), @number of the test's descriptors. */
static inline long act_p_splice(struct party *p)
{
	char path[64];
	int out;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getppid(), (int)p->number);
	out = open(path, O_WRONLY | O_CLOEXEC);
	CHECK(out >= 0);
	signal(SIGPIPE, SIG_IGN);
	return splice(p->fd, NULL, out, NULL, p->size, p->flags);
}

static inline struct party *p_writer(int fd, size_t size, uint64_t at)
{
	struct party *p = party(act_p_write, fd);

	p->size = size;
	p->number = at;
	p->flags = KIPC_PIPE_NOSIGNAL;
	return p;
}

static inline struct party *p_reader(int fd, size_t size)
{
	struct party *p = party(act_p_read, fd);

	p->size = size;
	return p;
}

static inline struct party *p_splicer(int fd, int out, size_t size)
{
	struct party *p = party(act_p_splice, fd);

	p->size = size;
	p->number = out;
	return p;
}

static inline struct party *p_resizer(int fd, unsigned int capacity)
{
	struct party *p = party(act_p_resize, fd);

	p->size = capacity;
	return p;
}

static inline struct party *p_opener(int ctl, const char *name, unsigned int rights)
{
	struct party *p = party(act_p_open, ctl);

	p->name = name;
	p->rights = rights;
	p->stays = true;
	return p;
}

/* It goes, and waits there, behind so many others of its kind. */
static inline void p_go_and_wait(struct party *p, int fd, unsigned int others)
{
	bool writes = p->act == act_p_write;

	go(p);
	p_wait_waiters(fd, writes ? others + 1 : 0, writes ? 0 : others + 1, p->pid);
}

/* What the test itself does, without waiting: the number of bytes. */

static inline long p_put(int fd, size_t size, uint64_t at)
{
	char *data = malloc(size);
	long ret;

	CHECK(data);
	spot_fill(data, size, at);
	ret = p_write(fd, data, size, KIPC_PIPE_NOSIGNAL, KIPC_NO_WAIT);
	ret = ret < 0 ? -errno : ret;
	free(data);
	return ret;
}

/* What it gets is what stands at this place. */
static inline long p_take(int fd, size_t size, uint64_t at)
{
	char *data = malloc(size);
	long ret;

	/* There, or the first copy would fail, and others might go ahead. */
	CHECK(data);
	memset(data, POISON, size);
	ret = p_read(fd, data, size, KIPC_NO_WAIT);
	ret = ret < 0 ? -errno : ret;
	CHECK(ret <= 0 || spot_is(data, ret, at));
	free(data);
	return ret;
}

/* What stands in it, and nobody waits. */
static inline bool p_holds(const struct handles *box, long bytes)
{
	return p_stat_of(box->manage).bytes == (uint64_t)bytes &&
	       inside(box->manage) == bytes && p_has_waiters(box->manage, 0, 0);
}

/* Of a pipe without a name. */
static inline struct handles race_pipe(unsigned int capacity, unsigned int atomic)
{
	return race_handles(pipe_of(capacity, atomic));
}

#endif /* KIPC_SELFTEST_RACE_PIPE_H */
