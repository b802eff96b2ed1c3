// SPDX-License-Identifier: GPL-2.0
/* What was sent, and what came of it: see stress.h. */
#include "stress.h"

#include <stdarg.h>

void complain(const char *format, ...)
{
	unsigned int n = RAISE(world->complaints, 1);
	va_list args;

	if (n < COMPLAINTS) {
		va_start(args, format);
		vsnprintf(world->complaint[n], sizeof(world->complaint[n]),
			  format, args);
		va_end(args);
	}
	STORE(world->stop, 1);
}

static const char *describe(const struct letter *l)
{
	static __thread char text[200];
	int n;

	n = snprintf(text, sizeof(text),
		     "letter %u of thread %d, box %u (%s), %u bytes%s, ",
		     (unsigned int)(l - world->letters), l->tid, l->box,
		     box_name(world->boxes[l->box].shape), l->size,
		     l->plain ? " by write" : "");
	snprintf(text + n, sizeof(text) - n,
		 "state %u errno %d, sent %u..%u, got %u times%s %u..%u, seq %llu",
		 l->state, l->err, l->sent_begin, l->sent_end, l->got,
		 l->maybe ? " and seen with a dead one" : "", l->got_begin,
		 l->got_end, (unsigned long long)l->seq);
	return text;
}

/* Stands in the first 8 bytes, and in the tag. */
uint64_t letter_key(uint32_t number)
{
	return (uint64_t)world->epoch << 32 | number;
}

static struct letter *letter_of(uint64_t key)
{
	if (key >> 32 != world->epoch || (uint32_t)key >= LETTERS ||
	    (uint32_t)key >= LOAD(world->letters_used))
		return NULL;
	return &world->letters[(uint32_t)key];
}

/* @size is 0 or at least 8. */
void compose(void *data, size_t size, uint64_t key)
{
	if (!size)
		return;
	memcpy(data, &key, sizeof(key));
	fill((char *)data + sizeof(key), size - sizeof(key), key);
}

/* Is it what compose() made? */
bool intact(const void *data, size_t bytes, uint64_t key)
{
	if (bytes < sizeof(key))
		return !bytes;
	return !memcmp(data, &key, sizeof(key)) &&
	       filled((const char *)data + sizeof(key), bytes - sizeof(key),
		      key);
}

static uint64_t key_in(const void *data, size_t bytes)
{
	uint64_t key = 0;

	if (bytes >= sizeof(key))
		memcpy(&key, data, sizeof(key));
	return key;
}

/* What is wrong with it, or NULL. */
static const char *receipt_fault(const struct receipt *r,
				 const struct letter *l, uint64_t key)
{
	const struct kipc_letter *h = r->header;
	bool whole = r->bytes == l->size;

	if (l->box != (uint32_t)r->box)
		return "came out of the wrong box";
	if (!intact(r->data, r->bytes, key))
		return "is not intact";
	if (!h)
		return whole ? NULL : "has another length";
	if (h->size != l->size || r->bytes > l->size)
		return "has another length";
	if (!(h->flags & KIPC_LETTER_TRUNCATED) != whole)
		return "says wrongly whether it is whole";
	if (h->tag != (l->plain ? 0 : key))
		return "has another tag";
	if (h->pid != l->pid || h->tid != l->tid)
		return "has another sender";
	return NULL;
}

/* A worker, or the supervisor, has received a letter, or looked at it. */
void oracle_receipt(const struct receipt *r)
{
	uint64_t key = r->header && r->header->tag ? r->header->tag :
		       key_in(r->data, r->bytes);
	struct letter *l = letter_of(key);
	const char *fault;

	if (!l) {
		complain("box %d (%s): what came is no letter: key %llx, %zu bytes",
			 r->box, box_name(world->boxes[r->box].shape),
			 (unsigned long long)key, r->bytes);
		return;
	}
	fault = receipt_fault(r, l, key);
	if (fault)
		complain("%s (%zu bytes came): %s", fault, r->bytes,
			 describe(l));
	if (r->peek) {
		COUNT(peeked);
		if (LOAD(l->got) && l->got_end < r->begin)
			complain("seen at %u after it had gone: %s", r->begin,
				 describe(l));
		return;
	}
	COUNT(received);
	l->got_begin = r->begin;
	l->got_end = r->end;
	if (r->header)
		l->seq = r->header->seq;
	if (RAISE(l->got, 1))
		complain("received twice, now at %u..%u: %s", r->begin, r->end,
			 describe(l));
}

/* Was killed.  If it was receiving: had it got a letter? */
void oracle_dead(const struct actor *a)
{
	const struct kipc_letter *h = &a->recv.letter;
	size_t bytes;
	struct letter *l;
	uint64_t key;

	if (a->op != RECEIVING)
		return;
	key = key_in(a->data, a->room);
	if (!a->plain && h->tag && !poisoned(h, sizeof(*h)))
		key = h->tag;
	l = letter_of(key);
	if (!l || l->box != (uint32_t)a->box || LOAD(l->got))
		return;
	bytes = l->size < a->room ? l->size : a->room;
	if (!intact(a->data, bytes, key))
		return;
	/* The header comes last. */
	if (!a->plain && (h->size != l->size || h->pid != l->pid))
		return;
	l->maybe = 1;
}

static bool forgotten(const struct box *b, const struct kipc_mailbox_stat *st)
{
	const struct kipc_mailbox_attr *attr = &shapes[b->shape];

	if (b->removed)
		return st->waiting_senders || st->waiting_receivers;
	if (st->waiting_receivers && st->letters)
		return true;
	return attr->max_letters && st->waiting_senders &&
	       st->letters < attr->max_letters &&
	       st->bytes + attr->letter_size <= attr->max_bytes;
}

/* Nobody does anything any more: may those who wait, wait? */
void oracle_waiters(void)
{
	struct kipc_mailbox_stat st;
	struct box *b;
	uint64_t end;

	for (b = world->boxes; b < world->boxes + world->boxes_used; b++) {
		end = after(PATIENCE);
		do {
			st = stat_of(b->fd);
			if (!forgotten(b, &st))
				break;
			nap();
		} while (now_ns() < end);
		if (forgotten(b, &st))
			complain("box %d (%s%s) forgot %u senders, %u receivers; %llu, %llu bytes",
				 (int)(b - world->boxes), box_name(b->shape),
				 b->removed ? ", removed" : "",
				 st.waiting_senders, st.waiting_receivers,
				 (unsigned long long)st.letters,
				 (unsigned long long)st.bytes);
	}
}

static void drain_box(int box, int fd)
{
	static char data[LARGEST];
	struct kipc_letter h;
	struct receipt r = { .box = box, .data = data, .header = &h };
	ssize_t n;

	for (;;) {
		r.begin = tick();
		n = k_recv(fd, data, sizeof(data), &h, 0, KIPC_NO_WAIT);
		if (n < 0)
			break;
		r.end = tick();
		r.bytes = n;
		oracle_receipt(&r);
	}
	if (errno != EAGAIN && errno != EPIPE && errno != EIDRM)
		complain("box %d: draining it: %s", box, strerrorname_np(errno));
}

/* The workers are gone: receive what is left. */
void oracle_drain(void)
{
	struct box *b;
	int fd, ctl;

	for (b = world->boxes; b < world->boxes + world->boxes_used; b++) {
		if (b->removed)
			continue;
		if (!(shapes[b->shape].flags & KIPC_MAILBOX_HANGUP)) {
			drain_box(b - world->boxes, b->fd);
			continue;
		}
		/* A receiver's handle of ours would have kept it from hanging up. */
		ctl = control();
		fd = k_open(ctl, box_name(b->shape), RECEIVE, 0);
		CHECK(fd >= 0);
		drain_box(b - world->boxes, fd);
		close(fd);
		close(ctl);
	}
}

static int by_send(const void *a, const void *b)
{
	const struct letter *const *x = a, *const *y = b;

	return (*x)->sent_begin < (*y)->sent_begin ? -1 : 1;
}

static int by_seq(const void *a, const void *b)
{
	const struct letter *const *x = a, *const *y = b;

	return (*x)->seq < (*y)->seq ? -1 : (*x)->seq > (*y)->seq;
}

/* Whoever was sent earlier was not received later. */
static void check_order(const struct letter **list, unsigned int n)
{
	const struct letter **first = calloc(n + 1, sizeof(*first));
	unsigned int i, low, high, mid;

	CHECK(first);
	qsort(list, n, sizeof(*list), by_send);
	/* first[i]: of those from i on, the one that was received first. */
	for (i = n; i-- > 0;)
		first[i] = i + 1 < n && first[i + 1]->got_end <
			   list[i]->got_end ? first[i + 1] : list[i];
	for (i = 0; i < n; i++) {
		if (!list[i]->sent_end)
			continue;
		low = i;
		high = n;
		while (low < high) {
			mid = (low + high) / 2;
			if (list[mid]->sent_begin > list[i]->sent_end)
				high = mid;
			else
				low = mid + 1;
		}
		if (low < n && first[low]->got_end < list[i]->got_begin) {
			complain("overtaken: %s", describe(list[i]));
			complain("... by: %s", describe(first[low]));
			break;
		}
	}
	free(first);
}

/* Numbers are given once, and in the order of sends and of receives. */
static void check_numbers(const struct letter **list, unsigned int n)
{
	const struct letter *sent = NULL, *got = NULL, *last = NULL;
	unsigned int i;

	qsort(list, n, sizeof(*list), by_seq);
	for (i = 0; i < n; i++) {
		const struct letter *l = list[i];

		if (!l->seq)
			continue;
		if ((last && last->seq == l->seq) ||
		    (sent && l->sent_end && l->sent_end < sent->sent_begin) ||
		    (got && l->got_end < got->got_begin)) {
			complain("numbered wrongly: %s", describe(l));
			complain("... after: %s", describe(last));
			break;
		}
		if (!sent || sent->sent_begin < l->sent_begin)
			sent = l;
		if (!got || got->got_begin < l->got_begin)
			got = l;
		last = l;
	}
}

/**
 * struct tally - what is known of a box's letters
 * @sent: whose sender was told so, or that were received
 * @unknown: whose sender was killed, and that nobody received
 * @got: received
 * @maybe: seen in a dead receiver's buffer only
 * @missing: sent, and not in one of the last two
 * @one: one of these
 */
struct tally {
	uint64_t sent, unknown, got, maybe, missing;
	const struct letter *one;
};

static void count_letter(struct tally *t, const struct letter *l)
{
	if (l->got) {
		t->got++;
		t->sent++;
		if (l->state == FAILED)
			complain("not sent, and came: %s", describe(l));
		if (l->met && l->sent_end && l->sent_end < l->got_begin)
			complain("sent before it was received: %s",
				 describe(l));
	} else if (l->state == ISSUED) {
		t->unknown++;
		t->maybe += l->maybe;
	} else if (l->state == SENT) {
		t->sent++;
		if (l->maybe) {
			t->maybe++;
		} else {
			t->missing++;
			t->one = l;
		}
	} else if (l->maybe) {
		complain("not sent, and came to a dead one: %s", describe(l));
	}
}

/* Against the mailbox's own figures. */
static void check_tally(const struct box *b, const struct tally *t)
{
	struct kipc_mailbox_stat st = stat_of(b->fd);
	int number = b - world->boxes;
	uint64_t gone = st.sent - st.received;

	if (t->missing > gone)
		complain("%llu lost, %llu were dropped; the last: %s",
			 (unsigned long long)t->missing,
			 (unsigned long long)gone, describe(t->one));
	if (st.sent < t->sent || st.sent > t->sent + t->unknown ||
	    st.received < t->got || st.received > t->got + t->maybe ||
	    (!b->removed && gone != st.dropped) ||
	    (st.dropped && !(shapes[b->shape].flags & KIPC_MAILBOX_DROP_OLDEST)))
		complain("box %d (%s%s): sent %llu got %llu drops %llu; known %llu+%llu %llu+%llu",
			 number, box_name(b->shape),
			 b->removed ? ", removed" : "",
			 (unsigned long long)st.sent,
			 (unsigned long long)st.received,
			 (unsigned long long)st.dropped,
			 (unsigned long long)t->sent,
			 (unsigned long long)t->unknown,
			 (unsigned long long)t->got,
			 (unsigned long long)t->maybe);
	if (st.letters || st.bytes || st.waiting_senders || st.waiting_receivers)
		complain("box %d (%s): left in it: %llu letters, %llu bytes, %u, %u waiters",
			 number, box_name(b->shape),
			 (unsigned long long)st.letters,
			 (unsigned long long)st.bytes, st.waiting_senders,
			 st.waiting_receivers);
}

/* After the drain: compare everything. */
void oracle_epoch(void)
{
	uint32_t used = world->letters_used < LETTERS ? world->letters_used :
			LETTERS;
	struct tally *tallies = calloc(world->boxes_used, sizeof(*tallies));
	const struct letter **list = malloc((used + 1) * sizeof(*list));
	unsigned int box, n;
	struct letter *l;

	CHECK(tallies && list);
	for (l = world->letters; l < world->letters + used; l++)
		if (l->sent_begin)
			count_letter(&tallies[l->box], l);
	for (box = 0; box < world->boxes_used; box++) {
		check_tally(&world->boxes[box], &tallies[box]);
		n = 0;
		for (l = world->letters; l < world->letters + used; l++)
			if (l->sent_begin && l->box == box && l->got)
				list[n++] = l;
		check_order(list, n);
		check_numbers(list, n);
	}
	free(list);
	free(tallies);
}
