// SPDX-License-Identifier: GPL-2.0
/*
 * Records in pipes, from many writers.  Each write has whole records, and no more than go
 * in at once; so the stream is made of records, whoever is killed.  One thread at a time
 * reads a pipe, as many bytes as it likes; it goes on where the last one was, by what is
 * noted in shared memory, and the pipe's own figures must say the same.  What must hold:
 * the records of a writer come whole, in their order, those of one write together; and
 * none is missing, but those in whose bytes a reader was killed.
 */
#include "stress.h"
#include "../kpipe.h"

#include <sys/uio.h>

enum {
	PIPES = 4,
	RECORD = 64,
	MOST_AT_ONCE = 32,		/* records in a write */
	AUTHORS = 1 << 14,		/* threads that write, in an epoch */
	BITE = 20000,			/* longest read */
};

static const struct kipc_pipe_attr kinds[PIPES] = {
	{ 2 * RECORD, RECORD, 0, 0 },
	{ 4096, 4096, 0, 0 },
	{ 65536, 4096, 0, 0 },
	{ 5000, 700, 0, 0 },
};

/**
 * struct record - what is written
 * @key: of the epoch, the author and the number, in all of them together
 * @author: who
 * @number: 1, 2, 3, ... of that author in this pipe
 * @pipe: where
 * @index: in its write
 * @count: of that write
 * @rest: made from @key
 */
struct record {
	uint64_t key;
	uint32_t author, number;
	uint16_t pipe, index, count, zero;
	char rest[RECORD - 24];
};

/**
 * struct conduit - a pipe
 * @fd: the supervisor's handle
 * @reader: the thread that reads, plus 1
 * @torn: a reader was killed
 * @at: bytes that were read, as far as it is known
 * @partial: what there is of the record that @at is in
 * @broken: and that it is not whole
 * @lost: records of which bytes went with a dead reader
 * @missing: records that did not come
 * @due: the rest of a write has to come: what comes next, or nothing
 * @unknown: records whose writers were killed before they knew
 */
struct conduit {
	int fd;
	int reader, torn;
	uint64_t at;
	char partial[RECORD];
	bool broken;
	uint64_t lost, missing;
	struct record due;
	uint64_t unknown;
};

/* Of a thread that writes, in a pipe. */
struct author {
	uint32_t seen, done;
};

static struct {
	struct conduit conduits[PIPES];
	uint32_t authors_used;
	struct author authors[AUTHORS][PIPES];
	/* Of each thread: its author, plus 1, and what it is writing, where. */
	struct {
		uint32_t author;
		unsigned int pipe, writing;
	} pens[64 * THREADS];
} *works;

void pipes_open(void)
{
	unsigned int i;

	CHECK(sizeof(struct record) == RECORD);
	if (!works)
		works = shared(sizeof(*works));
	memset(works, 0, sizeof(*works));
	for (i = 0; i < PIPES; i++)
		works->conduits[i].fd = pipe_of(kinds[i].capacity, kinds[i].atomic_size);
}

static uint64_t record_key(const struct record *r)
{
	return (uint64_t)world->epoch << 48 ^ (uint64_t)r->author << 24 ^ r->number;
}

static void record_make(struct record *r, uint32_t author, uint32_t number,
			unsigned int pipe, unsigned int index, unsigned int count)
{
	memset(r, 0, sizeof(*r));
	r->author = author;
	r->number = number;
	r->pipe = pipe;
	r->index = index;
	r->count = count;
	r->key = record_key(r);
	fill(r->rest, sizeof(r->rest), r->key);
}

static void complain_of(const char *what, unsigned int pipe, const struct record *r)
{
	const struct conduit *c = &works->conduits[pipe];

	complain("pipe %u at %llu: %s: author %u, number %u, %u of %u; %llu lost, %llu missing",
		 pipe, (unsigned long long)c->at, what, r->author, r->number, r->index,
		 r->count, (unsigned long long)c->lost, (unsigned long long)c->missing);
}

/* Some before it were not there: they must have been lost with somebody. */
static void skip_records(struct conduit *c, uint64_t n, const struct record *r)
{
	c->missing += n;
	if (c->missing > c->lost)
		complain_of("records are missing before this one", c - works->conduits, r);
}

/* A record has come. */
static void record_came(unsigned int pipe, const struct record *r)
{
	struct conduit *c = &works->conduits[pipe];
	struct author *a;
	uint32_t before;

	if (r->key != record_key(r) || r->zero || r->pipe != pipe ||
	    r->author >= AUTHORS || !filled(r->rest, sizeof(r->rest), r->key)) {
		complain_of("what came is no record", pipe, r);
		return;
	}
	if (c->due.count && (c->due.author != r->author || c->due.number != r->number ||
			     c->due.index != r->index))
		complain_of("it came into another one's write", pipe, r);
	a = &works->authors[r->author][pipe];
	before = a->seen;
	a->seen = r->number;
	if (r->number <= before)
		complain_of("it came again, or too late", pipe, r);
	else
		skip_records(c, r->number - before - 1, r);
	COUNT(records);
	c->due.count = r->index + 1 < r->count ? r->count : 0;
	c->due.author = r->author;
	c->due.number = r->number + 1;
	c->due.index = r->index + 1;
}

/* What was read. */
static void bytes_came(unsigned int pipe, const char *data, size_t n)
{
	struct conduit *c = &works->conduits[pipe];
	struct record r;
	size_t in, part;

	while (n) {
		in = c->at % RECORD;
		part = n < RECORD - in ? n : RECORD - in;
		memcpy(c->partial + in, data, part);
		c->at += part;
		data += part;
		n -= part;
		if (c->at % RECORD)
			break;
		memcpy(&r, c->partial, RECORD);
		if (!c->broken)
			record_came(pipe, &r);
		c->broken = false;
	}
}

/* A reader was killed, perhaps with bytes that nobody else has seen. */
static void go_on_after(struct conduit *c, uint64_t at)
{
	uint64_t first = c->at / RECORD, end = (at + RECORD - 1) / RECORD;

	/* One that had come, and was not noted yet. */
	c->lost++;
	c->due.count = 0;
	if (at != c->at) {
		c->lost += end - first;
		c->broken = true;
		c->at = at;
	}
	if (at % RECORD == 0)
		c->broken = false;
}

/* It reads now; nobody else does. */
static bool reader_begin(unsigned int pipe, unsigned int number)
{
	struct conduit *c = &works->conduits[pipe];
	uint64_t at;
	int nobody = 0;

	if (!__atomic_compare_exchange_n(&c->reader, &nobody, number + 1, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return false;
	at = p_stat_of(c->fd).read_bytes;
	if (c->torn && at >= c->at)
		go_on_after(c, at);
	else if (at != c->at)
		complain("pipe %u: %llu bytes were read, it says %llu", pipe,
			 (unsigned long long)c->at, (unsigned long long)at);
	c->torn = 0;
	return true;
}

static void reader_end(unsigned int pipe)
{
	STORE(works->conduits[pipe].reader, 0);
}

static uint64_t some_deadline(uint64_t *r)
{
	return below(r, 8) ? after(below(r, 12) * MS) : below(r, 2) ? KIPC_FOREVER :
	       KIPC_NO_WAIT;
}

static void judge(const char *what, const struct stall *s, uint64_t deadline, int err)
{
	if (err == EAGAIN && (s->nonblock || deadline == KIPC_NO_WAIT))
		return;
	if (err == ETIMEDOUT && deadline != KIPC_FOREVER && now_ns() >= deadline) {
		COUNT(timeouts);
		return;
	}
	if (!excused(err))
		complain("%s pipe %u, until %llu: %s", what, s->which,
			 (unsigned long long)deadline, strerrorname_np(err));
}

static long do_read(struct thread *t, const struct stall *s, size_t size,
		    uint64_t deadline)
{
	size_t half = below(&t->random, size);
	struct iovec iov[2] = { { t->in, half }, { t->in + half, size - half } };

	if (deadline != KIPC_FOREVER)
		return CALL(t, p_read(s->fd, t->in, size, deadline));
	if (below(&t->random, 2))
		return CALL(t, readv(s->fd, iov, 2));
	return CALL(t, read(s->fd, t->in, size));
}

static void read_some(struct thread *t, const struct stall *s)
{
	unsigned int times = 1 + below(&t->random, 6);
	uint64_t deadline;
	size_t size;
	long ret;

	if (!reader_begin(s->which, t->actor - world->actors))
		return;
	while (times-- && !LOAD(world->stop)) {
		size = 1 + below(&t->random, below(&t->random, 2) ? BITE : 200);
		deadline = below(&t->random, 2) ? KIPC_FOREVER : some_deadline(&t->random);
		t->actor->begin = tick();
		ret = do_read(t, s, size, deadline);
		if (ret > 0 && (size_t)ret <= size)
			bytes_came(s->which, t->in, ret);
		else if (ret >= 0)
			complain("a read from pipe %u returned %ld, for %zu", s->which, ret,
				 size);
		else
			judge("reading from", s, deadline, errno);
	}
	reader_end(s->which);
}

static long do_write(struct thread *t, const struct stall *s, size_t size,
		     uint64_t deadline)
{
	size_t half = below(&t->random, size);
	struct iovec iov[2] = { { t->out, half }, { t->out + half, size - half } };

	if (deadline != KIPC_FOREVER)
		return CALL(t, p_write(s->fd, t->out, size, 0, deadline));
	if (below(&t->random, 2))
		return CALL(t, writev(s->fd, iov, 2));
	return CALL(t, write(s->fd, t->out, size));
}

static void write_some(struct thread *t, const struct stall *s)
{
	unsigned int number = t->actor - world->actors, i;
	unsigned int most = kinds[s->which].atomic_size / RECORD;
	unsigned int n = 1 + below(&t->random, most < MOST_AT_ONCE ? most : MOST_AT_ONCE);
	uint64_t deadline = below(&t->random, 2) ? KIPC_FOREVER :
			    some_deadline(&t->random);
	struct record *r = (struct record *)t->out;
	uint32_t author = works->pens[number].author;
	struct author *a;
	long ret;

	if (!author) {
		author = RAISE(works->authors_used, 1) + 1;
		if (author > AUTHORS)
			return;
		works->pens[number].author = author;
	}
	a = &works->authors[--author][s->which];
	for (i = 0; i < n; i++)
		record_make(&r[i], author, a->done + 1 + i, s->which, i, n);
	works->pens[number].pipe = s->which;
	STORE(works->pens[number].writing, n);
	ret = do_write(t, s, n * RECORD, deadline);
	if (ret == n * RECORD)
		a->done += n;
	else if (ret >= 0)
		complain("a write to pipe %u returned %ld, for %u records", s->which, ret, n);
	else
		judge("writing to", s, deadline, errno);
	STORE(works->pens[number].writing, 0);
}

void pipes_step(struct thread *t)
{
	struct stall *s = &t->pipe;
	struct pollfd p;
	int fds[PIPES];
	unsigned int i;

	t->actor->begin = tick();
	if (s->fd < 0 || !below(&t->random, 40)) {
		for (i = 0; i < PIPES; i++)
			fds[i] = works->conduits[i].fd;
		stall_open(t, s, fds, PIPES, below(&t->random, 2) ? SEND : RECEIVE);
	}
	if (s->fd < 0)
		return;
	p.fd = s->fd;
	p.events = s->rights == SEND ? POLLOUT : POLLIN;
	if (!s->nonblock && below(&t->random, 4) &&
	    CALL(t, poll(&p, 1, below(&t->random, 5))) <= 0)
		return;
	if (s->rights == SEND)
		write_some(t, s);
	else
		read_some(t, s);
}

/* Thread @number has ended, perhaps while it read or wrote. */
void pipes_dead(unsigned int number)
{
	unsigned int i;

	for (i = 0; i < PIPES; i++) {
		if (works->conduits[i].reader != (int)number + 1)
			continue;
		works->conduits[i].torn = 1;
		reader_end(i);
	}
	i = works->pens[number].pipe;
	works->conduits[i].unknown += works->pens[number].writing;
	memset(&works->pens[number], 0, sizeof(works->pens[number]));
}

static bool forgotten(const struct kipc_pipe_stat *st)
{
	uint64_t room = st->attr.capacity - st->bytes;

	return (st->waiting_readers && st->bytes) ||
	       (st->waiting_writers && room >= st->attr.atomic_size);
}

/* Nobody does anything any more: does anybody wait for what is there? */
void pipes_waiters(void)
{
	uint64_t end = after(PATIENCE);
	struct kipc_pipe_stat st;
	unsigned int i;

	for (i = 0; i < PIPES; i++) {
		do {
			st = p_stat_of(works->conduits[i].fd);
			if (!forgotten(&st))
				break;
			nap();
		} while (now_ns() < end);
		if (forgotten(&st))
			complain("pipe %u with %llu bytes forgot %u writers, %u readers", i,
				 (unsigned long long)st.bytes, st.waiting_writers,
				 st.waiting_readers);
	}
}

static void drain(unsigned int i)
{
	static char data[BITE];
	ssize_t n;

	if (!reader_begin(i, 0)) {
		complain("pipe %u still has a reader", i);
		return;
	}
	while ((n = p_read(works->conduits[i].fd, data, sizeof(data), KIPC_NO_WAIT)) > 0)
		bytes_came(i, data, n);
	if (n != -1 || errno != EAGAIN)
		complain("pipe %u: draining it: %zd", i, n);
	reader_end(i);
}

/* The workers are gone. */
void pipes_epoch(void)
{
	uint32_t used = works->authors_used < AUTHORS ? works->authors_used : AUTHORS, k;
	struct kipc_pipe_stat st;
	struct record last = { 0 };
	struct conduit *c;
	uint64_t records;
	unsigned int i;

	for (i = 0; i < PIPES; i++) {
		c = &works->conduits[i];
		drain(i);
		records = 0;
		for (k = 0; k < used; k++) {
			const struct author *a = &works->authors[k][i];

			records += a->done;
			last.author = k;
			last.number = a->done;
			if (a->seen < a->done)
				skip_records(c, a->done - a->seen, &last);
		}
		st = p_stat_of(c->fd);
		if (st.written_bytes != st.read_bytes || st.read_bytes != c->at ||
		    st.written_bytes < records * RECORD ||
		    st.written_bytes > (records + c->unknown) * RECORD || st.bytes ||
		    st.waiting_writers || st.waiting_readers)
			complain("pipe %u: in %llu, out %llu, left %llu; known %llu, %llu+%llu",
				 i, (unsigned long long)st.written_bytes,
				 (unsigned long long)st.read_bytes,
				 (unsigned long long)st.bytes, (unsigned long long)c->at,
				 (unsigned long long)records,
				 (unsigned long long)c->unknown);
		close(c->fd);
	}
}
