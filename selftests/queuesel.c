// SPDX-License-Identifier: GPL-2.0
/*
 * Selectors: random operations on a queue and on its naive twin, which is an array
 * that is scanned from the beginning.  Whatever the queue gives must be what the
 * twin gives, and whatever fails must leave both as they were.
 *
 * KIPC_SEED repeats a run; the seed of each is printed.
 */
#include "test.h"
#include "kqueue.h"

enum { SENDERS = 4, MOST_HELD = 3000, LONGEST = 6000, BATCH = 5 };

/* What is told to a sender, and what it answers: 0 or its errno. */
struct order {
	uint64_t type, number;
	unsigned int priority, size;
};

struct twin_message {
	uint64_t seq, type, number;
	unsigned int priority, size;
	pid_t pid;
};

struct twin {
	struct twin_message held[MOST_HELD];
	unsigned int count;
	uint64_t seq, bytes, received;
};

FIXTURE(twin) {
	int fd;
	int ask[SENDERS], answer[SENDERS];
	pid_t pid[SENDERS + 1];			/* the last one is the test */
	struct twin *twin;
	uint64_t random, number;
	char *data, *bad;
	struct kipc_selector standing;		/* the handle's default */
	unsigned int quiet;			/* so long, nobody selects */
};

FIXTURE_VARIANT(twin) {
	uint64_t types;				/* how many there are */
	uint64_t stride;			/* from one to the next */
	unsigned int priorities;
	unsigned int level;			/* how many it holds, about */
};

FIXTURE_VARIANT_ADD(twin, nearly_empty) { 4, 1, 3, 3 };
FIXTURE_VARIANT_ADD(twin, few_types) { 3, 1, 2, 200 };
FIXTURE_VARIANT_ADD(twin, one_type) { 1, 1, 1, 60 };
FIXTURE_VARIANT_ADD(twin, many_types) { 100000, 3, 1000, 500 };
FIXTURE_VARIANT_ADD(twin, all_of_64_bits) { 64, 0x0404040404040404, 40, 300 };
FIXTURE_VARIANT_ADD(twin, crowded) { 50, 7, 8, 2500 };

static uint64_t any(FIXTURE_DATA(twin) *self, uint64_t below)
{
	self->random ^= self->random << 13;
	self->random ^= self->random >> 7;
	self->random ^= self->random << 17;
	return (self->random >> 11) % below;
}

static int do_send(int fd, const struct order *o)
{
	char data[LONGEST];

	if (o->size)
		q_fill(data, o->size, o->number);
	return q_send(fd, data, o->size, o->type, o->priority, 0) ? errno : 0;
}

static void serve(int fd, int from, int to)
{
	struct order o;

	while (read(from, &o, sizeof(o)) == sizeof(o)) {
		int err = do_send(fd, &o);

		CHECK(write(to, &err, sizeof(err)) == sizeof(err));
	}
	_exit(0);
}

FIXTURE_SETUP(twin)
{
	uint64_t seed = from_env("KIPC_SEED", 0) ?: now_ns() & 0xffffffff;
	int i;

	TH_LOG("seed %llu", (unsigned long long)seed);
	self->random = seed * 0x9e3779b97f4a7c15ULL | 1;
	self->twin = calloc(1, sizeof(*self->twin));
	self->data = malloc(LONGEST);
	memset(self->data, POISON, LONGEST);
	self->bad = mmap(NULL, 2 * LONGEST, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	ASSERT_TRUE(self->bad != MAP_FAILED);
	self->fd = queue(MOST_HELD, KIPC_UNBOUNDED, LONGEST, 0);
	self->standing = BY_FIRST;
	self->pid[SENDERS] = getpid();
	for (i = 0; i < SENDERS; i++) {
		int to[2], from[2];

		ASSERT_OK(pipe(to));
		ASSERT_OK(pipe(from));
		self->pid[i] = spawn();
		if (!self->pid[i]) {
			close(to[1]);
			close(from[0]);
			serve(self->fd, to[0], from[1]);
		}
		close(to[0]);
		close(from[1]);
		self->ask[i] = to[1];
		self->answer[i] = from[0];
	}
}

FIXTURE_TEARDOWN(twin)
{
	int i;

	for (i = 0; i < SENDERS; i++)
		EXPECT_EQ(128 + SIGKILL, slay(self->pid[i]));
	close(self->fd);
	EXPECT_EQ(0, total("bytes"));
}

/* The twin. */

/* Does the selector mean it? */
static bool means(const struct kipc_selector *s, const struct twin_message *m)
{
	switch (s->how) {
	case KIPC_SELECT_TYPE:
		return m->type == s->low;
	case KIPC_SELECT_LOWEST:
		return m->type <= s->high;
	case KIPC_SELECT_RANGE:
		return m->type >= s->low && m->type <= s->high;
	case KIPC_SELECT_EXCEPT:
		return m->type != s->low;
	case KIPC_SELECT_SENDER:
		return (uint64_t)m->pid == s->low;
	case KIPC_SELECT_AFTER:
		return m->seq > s->low;
	default:
		return true;
	}
}

/* Is the later one to be preferred? */
static bool better(const struct kipc_selector *s, const struct twin_message *later,
		   const struct twin_message *than)
{
	if (s->how == KIPC_SELECT_PRIORITY)
		return later->priority > than->priority;
	return s->how == KIPC_SELECT_LOWEST && later->type < than->type;
}

static struct twin_message *find(FIXTURE_DATA(twin) *self, struct kipc_selector s)
{
	struct twin *t = self->twin;
	struct twin_message *m, *best = NULL;

	if (s.how == KIPC_SELECT_DEFAULT)
		s = self->standing;
	for (m = t->held; m < t->held + t->count; m++)
		if (means(&s, m) && (!best || better(&s, m, best)))
			best = m;
	return best;
}

static void take_out(struct twin *t, struct twin_message *m)
{
	t->bytes -= m->size;
	t->received++;
	t->count--;
	memmove(m, m + 1, (t->held + t->count - m) * sizeof(*m));
}

/* What is done to both. */

static const char *send_one(FIXTURE_DATA(twin) *self, const struct order *like)
{
	/* The test itself is the quickest. */
	unsigned int who = any(self, 4) ? SENDERS : any(self, SENDERS);
	struct twin *t = self->twin;
	struct order o = *like;
	int err;

	o.number = ++self->number;
	switch (any(self, 12)) {
	case 0:
		o.size = 0;
		break;
	case 1:
		o.size = 8 + any(self, LONGEST - 7);
		break;
	default:
		o.size = 8 + any(self, 40);
	}
	if (who == SENDERS) {
		err = do_send(self->fd, &o);
	} else {
		CHECK(write(self->ask[who], &o, sizeof(o)) == sizeof(o));
		CHECK(read(self->answer[who], &err, sizeof(err)) == sizeof(err));
	}
	if (t->count == MOST_HELD)
		return err == EAGAIN ? NULL : "sent to a full queue";
	if (err)
		return "a send failed";
	t->held[t->count++] = (struct twin_message){
		.seq = ++t->seq, .type = o.type, .number = o.number,
		.priority = o.priority, .size = o.size, .pid = self->pid[who],
	};
	t->bytes += o.size;
	return NULL;
}

static struct kipc_selector selector(FIXTURE_DATA(twin) *self, uint64_t a, uint64_t b)
{
	switch (any(self, 9)) {
	case 0:
		return BY_FIRST;
	case 1:
		return BY_PRIORITY;
	case 2:
		return BY_TYPE(a);
	case 3:
		return BY_LOWEST(a);
	case 4:
		return a < b ? BY_RANGE(a, b) : BY_RANGE(b, a);
	case 5:
		return BY_EXCEPT(a);
	case 6:
		return BY_SENDER(self->pid[any(self, SENDERS + 1)]);
	case 7:
		return BY_LOWEST(~0ULL);
	default:
		return BY_DEFAULT;
	}
}

static const char *compare(const struct twin_message *want,
			   const struct kipc_message *got, const char *data,
			   size_t size)
{
	if (got->seq != want->seq)
		return "another message than the twin's";
	if (got->type != want->type || got->priority != want->priority ||
	    got->size != want->size || got->pid != want->pid)
		return "a header is wrong";
	if (size == want->size && size && q_filled(data, size) != want->number)
		return "the data is not the message's";
	return NULL;
}

/* Too short, or into memory that cannot be written. */
static const char *fail_one(FIXTURE_DATA(twin) *self, struct kipc_selector s)
{
	struct twin_message *want = find(self, s);
	bool bad = any(self, 2);
	size_t size = bad ? LONGEST : want && want->size ? any(self, want->size) : 0;
	unsigned int flags = any(self, 3) ? 0 : KIPC_RECV_PEEK;
	int err = !want ? EAGAIN : bad ? EFAULT : EMSGSIZE;

	/* There is nothing to fail in one that is empty. */
	if (want && !want->size)
		return NULL;
	if (q_recv(self->fd, bad ? self->bad : self->data, size, s, NULL, flags, 0) !=
	    -1)
		return "a receive did not fail";
	return errno == err ? NULL : "another errno than the twin's";
}

static const char *receive_one(FIXTURE_DATA(twin) *self, struct kipc_selector s,
			       unsigned int flags)
{
	struct twin_message *want = find(self, s);
	size_t size = LONGEST;
	struct kipc_message m;
	const char *wrong;
	ssize_t ret;

	if (flags & KIPC_RECV_TRUNCATE)
		size = any(self, 60);
	ret = q_recv(self->fd, self->data, size, s, &m, flags, 0);
	if (!want)
		return ret == -1 && errno == EAGAIN ? NULL :
			"what the twin does not have";
	if (ret < 0)
		return "nothing, and the twin has one";
	if ((size_t)ret != (want->size < size ? want->size : size))
		return "a size is wrong";
	wrong = compare(want, &m, self->data, ret);
	if (!wrong && !(flags & KIPC_RECV_PEEK))
		take_out(self->twin, want);
	return wrong;
}

static const char *receive_batch(FIXTURE_DATA(twin) *self, struct kipc_selector s)
{
	static char data[BATCH][LONGEST];
	struct kipc_queue_recv_item items[BATCH];
	const char *wrong = NULL;
	int n, i;

	memset(items, 0, sizeof(items));
	for (i = 0; i < BATCH; i++) {
		memset(data[i], 0, sizeof(data[i]));
		items[i].data = ptr(data[i]);
		items[i].size = LONGEST;
	}
	n = q_recv_batch(self->fd, items, BATCH, s, 0, 0);
	if (n < 0)
		return errno == EAGAIN && !find(self, s) ? NULL :
			"a batch fails, and the twin has one";
	for (i = 0; i < n && !wrong; i++) {
		struct twin_message *want = find(self, s);

		if (!want)
			return "a batch has more than the twin";
		wrong = compare(want, &items[i].message, data[i],
				items[i].message.size);
		take_out(self->twin, want);
	}
	if (n < BATCH && find(self, s))
		return "a batch ended too early";
	return wrong;
}

static const char *read_one(FIXTURE_DATA(twin) *self)
{
	struct twin_message *want = find(self, BY_DEFAULT);
	ssize_t ret;

	CHECK(!fcntl(self->fd, F_SETFL, O_NONBLOCK));
	ret = read(self->fd, self->data, LONGEST);
	if (!want || !want->size)
		return ret == -1 && errno == (want ? EBADMSG : EAGAIN) ? NULL :
			"read should have failed";
	if (ret != want->size || q_filled(self->data, ret) != want->number)
		return "read gave another message than the twin's";
	take_out(self->twin, want);
	return NULL;
}

/* Everything goes, and with it all that the queue knew of how it was selected by. */
static const char *drain(FIXTURE_DATA(twin) *self)
{
	const char *wrong = NULL;

	while (self->twin->count && !wrong)
		wrong = receive_one(self, BY_FIRST, 0);
	self->quiet = any(self, 150);
	return wrong;
}

static const char *step(FIXTURE_DATA(twin) *self, const FIXTURE_VARIANT(twin) *variant,
			struct kipc_selector *chosen)
{
	uint64_t a = any(self, variant->types) * variant->stride;
	uint64_t b = any(self, variant->types) * variant->stride;
	struct order o = { .type = a, .priority = any(self, variant->priorities) };
	struct kipc_selector s = selector(self, a, b);
	struct twin *t = self->twin;

	if (self->quiet) {
		self->quiet--;
		*chosen = BY_FIRST;
		return any(self, 8) ? send_one(self, &o) :
			receive_one(self, *chosen, 0);
	}
	if (!any(self, 400))
		return drain(self);
	*chosen = s;
	/* The further from the level, the more likely the way back. */
	if (any(self, 2 * variant->level + 1) >= t->count && any(self, 4))
		return send_one(self, &o);
	switch (any(self, 16)) {
	case 0:
		return fail_one(self, s);
	case 1:
		return receive_one(self, s, KIPC_RECV_PEEK);
	case 2:
		return receive_one(self, s, KIPC_RECV_TRUNCATE);
	case 3:
		*chosen = BY_AFTER(t->seq - any(self, 2 * variant->level) % (t->seq + 1));
		return receive_one(self, *chosen, KIPC_RECV_PEEK);
	case 4:
		if (s.how != KIPC_SELECT_DEFAULT) {
			CHECK(!q_select(self->fd, s));
			self->standing = s;
		}
		return NULL;
	case 5:
		return read_one(self);
	case 6:
		return receive_batch(self, s);
	default:
		return receive_one(self, s, 0);
	}
}

TEST_F(twin, does_the_same)
{
	unsigned int i, rounds = effort(5000), highest;
	struct twin *t = self->twin;
	struct kipc_queue_stat st;

	/* It begins half full, to have its level soon. */
	while (t->count < variant->level / 2) {
		struct order o = { .type = any(self, variant->types) * variant->stride };

		ASSERT_TRUE(!send_one(self, &o));
	}
	highest = t->count;
	for (i = 0; i < rounds; i++) {
		struct kipc_selector s;
		const char *wrong = step(self, variant, &s);

		ASSERT_TRUE(!wrong) {
			TH_LOG("operation %u, %u messages: %s", i, t->count, wrong);
			TH_LOG("selector %u, low %#llx, high %#llx", s.how,
			       (unsigned long long)s.low, (unsigned long long)s.high);
		}
		if (t->count > highest)
			highest = t->count;
		if (i % 500)
			continue;
		st = q_stat_of(self->fd);
		ASSERT_EQ(t->count, st.messages);
		ASSERT_EQ(t->bytes, st.bytes);
		ASSERT_EQ(t->seq, st.sent);
		ASSERT_EQ(t->received, st.received);
		ASSERT_EQ(highest, st.peak_messages);
	}
	TH_LOG("%llu sent, %llu received, at most %u at a time",
	       (unsigned long long)t->seq, (unsigned long long)t->received, highest);
	/* What is left, by the cursor and then by taking it. */
	for (i = 0; i < t->count; i++) {
		uint64_t before = i ? t->held[i - 1].seq : 0;

		ASSERT_TRUE(!receive_one(self, BY_AFTER(before), KIPC_RECV_PEEK));
	}
	while (t->count)
		ASSERT_TRUE(!receive_one(self, BY_FIRST, 0));
	st = q_stat_of(self->fd);
	EXPECT_EQ(0, st.messages + st.bytes);
}

TEST_HARNESS_MAIN
