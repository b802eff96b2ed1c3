// SPDX-License-Identifier: GPL-2.0
/* Sending and receiving, in every way, and whether what happened may happen. */
#include "stress.h"

#include <sys/uio.h>

enum way { BY_IOCTL, BY_PLAIN, BY_VECTOR };

/**
 * struct attempt - a send or receive, and what may come of it
 * @t: who
 * @s: where
 * @attr: of the mailbox
 * @way: enum way
 * @data: buffer
 * @size: of the letter, or of the buffer
 * @flags: of the receive
 * @deadline: KIPC_FOREVER for read and write
 * @broken: the buffer goes on into memory that is not there
 */
struct attempt {
	struct thread *t;
	struct seat *s;
	const struct kipc_mailbox_attr *attr;
	enum way way;
	char *data;
	size_t size;
	unsigned int flags;
	uint64_t deadline;
	bool broken;
};

static void attempt_init(struct attempt *a, struct thread *t, struct seat *s)
{
	uint64_t *r = &t->random;
	unsigned int x = below(r, 100);

	memset(a, 0, sizeof(*a));
	a->t = t;
	a->s = s;
	a->attr = &shapes[world->boxes[s->box].shape];
	a->way = below(r, 2) ? BY_IOCTL : below(r, 2) ? BY_PLAIN : BY_VECTOR;
	a->broken = !below(r, 64);
	if (a->way != BY_IOCTL || x < 10)
		a->deadline = KIPC_FOREVER;
	else if (x < 35)
		a->deadline = KIPC_NO_WAIT;
	else if (x < 40)
		a->deadline = 1;
	else
		a->deadline = after(below(r, 12) * below(r, 1000) * 1000);
}

static bool may_not_wait(const struct attempt *a)
{
	return a->s->nonblock || a->deadline == KIPC_NO_WAIT;
}

/* What both may fail with. */
static bool may_fail(const struct attempt *a, int err)
{
	switch (err) {
	case EAGAIN:
		return may_not_wait(a);
	case ETIMEDOUT:
		COUNT(timeouts);
		return a->deadline != KIPC_NO_WAIT &&
		       a->deadline != KIPC_FOREVER &&
		       now_ns() >= a->deadline;
	case EIDRM:
		COUNT(gone);
		return LOAD(world->boxes[a->s->box].removed);
	case EPIPE:
		COUNT(hangups);
		return a->attr->flags & KIPC_MAILBOX_HANGUP;
	case EFAULT:
		if (a->broken)
			return true;
		break;
	case EDQUOT:
		if (a->attr->max_bytes == KIPC_UNBOUNDED)
			return true;
		break;
	}
	return excused(err);
}

static size_t pick_size(uint64_t *r, const struct kipc_mailbox_attr *attr,
			bool plain)
{
	static const size_t steps[] = { 8, 64, 256, 1024, 4096, 4096, 20000,
					65536, LARGEST };
	size_t size = steps[below(r, 9)];

	if (attr->flags & KIPC_MAILBOX_FIXED)
		return attr->letter_size;
	if (!plain && !below(r, 32))
		return 0;
	if (size > attr->letter_size)
		size = attr->letter_size;
	return below(r, 3) ? size : 8 + below(r, size - 7);
}

/* Pages of which the kernel must ask us, with their content in place. */
static void hide_pages(char *area)
{
	CHECK(!madvise(area, ROOM, MADV_DONTNEED));
}

/* The buffer in up to four pieces, some of them empty. */
static int cut(uint64_t *r, struct iovec *iov, char *data, size_t size)
{
	int n = 1 + below(r, 4), i;
	size_t part;

	for (i = 0; i < n; i++) {
		part = i + 1 < n ? below(r, size + 1) : size;
		iov[i].iov_base = data;
		iov[i].iov_len = part;
		data += part;
		size -= part;
	}
	return n;
}

static long do_send(const struct attempt *a, uint64_t key)
{
	struct iovec iov[4];
	long ret;
	int n = 0;

	if (a->way == BY_VECTOR)
		n = cut(&a->t->random, iov, a->data, a->size);
	call_begin(a->t);
	if (a->way == BY_IOCTL)
		ret = k_send(a->s->fd, a->data, a->size, key, a->deadline);
	else if (a->way == BY_PLAIN)
		ret = write(a->s->fd, a->data, a->size);
	else
		ret = writev(a->s->fd, iov, n);
	call_end(a->t);
	return ret;
}

/* Of a length that the mailbox does not take. */
static void send_wrong(struct attempt *a)
{
	bool fixed = a->attr->flags & KIPC_MAILBOX_FIXED && below(&a->t->random, 2);
	long ret;

	a->size = fixed ? a->attr->letter_size - 1 : a->attr->letter_size + 1;
	a->data = a->t->out;
	ret = do_send(a, 1);
	if (ret >= 0 || (errno != (fixed ? EINVAL : EMSGSIZE) &&
			 !excused(errno)))
		complain("a letter of %zu bytes for box %d (%s): %ld %s",
			 a->size, a->s->box,
			 box_name(world->boxes[a->s->box].shape), ret,
			 ret < 0 ? strerrorname_np(errno) : "");
	COUNT(refused);
}

void transfer_send(struct thread *t, struct seat *s)
{
	struct attempt a;
	struct letter *l;
	uint32_t number;
	uint64_t key;
	long ret;
	int err;

	attempt_init(&a, t, s);
	t->actor->box = s->box;
	t->actor->begin = tick();
	STORE(t->actor->op, BUSY);
	if (!below(&t->random, 128)) {
		send_wrong(&a);
		goto out;
	}
	number = RAISE(world->letters_used, 1);
	if (number >= LETTERS) {
		STORE(world->stop, 1);
		goto out;
	}
	key = letter_key(number);
	a.size = pick_size(&t->random, a.attr, a.way != BY_IOCTL);
	if (!a.size)
		a.broken = false;
	a.data = a.broken ? t->out + ROOM - below(&t->random, a.size) : t->out;
	if (!a.broken) {
		compose(a.data, a.size, key);
		if (!below(&t->random, 8))
			hide_pages(t->out);
	}

	l = &world->letters[number];
	l->box = s->box;
	l->size = a.size;
	l->pid = getpid();
	l->tid = t->actor->tid;
	l->plain = a.way != BY_IOCTL;
	l->met = !a.attr->max_letters && !may_not_wait(&a);
	l->sent_begin = tick();
	ret = do_send(&a, key);
	err = errno;
	l->sent_end = tick();
	if (ret >= 0) {
		l->state = SENT;
		COUNT(sent);
	} else {
		l->err = err;
		l->state = FAILED;
	}

	if (ret > 0 && (!l->plain || (size_t)ret != a.size))
		complain("a send returned %ld: letter %u, %zu bytes", ret,
			 number, a.size);
	else if (ret >= 0 && a.broken)
		complain("letter %u was sent, though its memory is not there",
			 number);
	else if (ret < 0 && !may_fail(&a, err) &&
		 !(err == EAGAIN && a.attr->flags & KIPC_MAILBOX_REFUSE))
		complain("sending letter %u of %zu bytes to box %d (%s), way %d, deadline %llu: %s",
			 number, a.size, s->box,
			 box_name(world->boxes[s->box].shape), a.way,
			 (unsigned long long)a.deadline, strerrorname_np(err));
out:
	STORE(t->actor->op, IDLE);
}

static long do_receive(const struct attempt *a)
{
	struct kipc_mailbox_recv *recv = &a->t->actor->recv;
	struct iovec iov[4];
	long ret;
	int n = 0;

	if (a->way == BY_VECTOR) {
		n = cut(&a->t->random, iov, a->data, a->size);
	} else if (a->way == BY_IOCTL) {
		recv->data = ptr(a->data);
		recv->deadline = a->deadline;
		recv->size = a->size;
		recv->flags = a->flags;
		memset(&recv->letter, POISON, sizeof(recv->letter));
	}
	call_begin(a->t);
	if (a->way == BY_IOCTL)
		ret = ioctl(a->s->fd, KIPC_IOC_MAILBOX_RECV, recv);
	else if (a->way == BY_PLAIN)
		ret = read(a->s->fd, a->data, a->size);
	else
		ret = readv(a->s->fd, iov, n);
	call_end(a->t);
	return ret;
}

/* It failed: with the right errno? */
static void judge_failure(const struct attempt *a, int err)
{
	const struct kipc_letter *h = &a->t->actor->recv.letter;

	if (a->way == BY_IOCTL && !poisoned(h, sizeof(*h)))
		complain("a receive from box %d failed with %s and has written the header",
			 a->s->box, strerrorname_np(err));
	if (err == EMSGSIZE && a->size < a->attr->letter_size &&
	    !(a->flags & KIPC_RECV_TRUNCATE))
		return;
	if (err == EBADMSG && a->way != BY_IOCTL &&
	    !(a->attr->flags & KIPC_MAILBOX_FIXED))
		return;
	if (!may_fail(a, err))
		complain("receiving from box %d (%s), way %d, flags %x, until %llu, room %zu: %s",
			 a->s->box, box_name(world->boxes[a->s->box].shape),
			 a->way, a->flags, (unsigned long long)a->deadline,
			 a->size, strerrorname_np(err));
}

void transfer_receive(struct thread *t, struct seat *s)
{
	struct actor *actor = t->actor;
	uint64_t *r = &t->random;
	struct receipt receipt;
	struct attempt a;
	size_t there = ROOM;
	long ret;
	int err;

	attempt_init(&a, t, s);
	a.data = t->in;
	a.size = below(r, 8) ? ROOM : 8 + below(r, a.attr->letter_size);
	if (a.way == BY_IOCTL)
		a.flags = below(r, 16) ? 0 : below(r, 4);
	if (a.broken) {
		there = 8 + below(r, 5000);
		a.data = t->in + ROOM - there;
		a.size = ROOM;
	}
	memset(a.data, POISON, 8);
	if (!below(r, 8))
		hide_pages(t->in);

	actor->box = s->box;
	actor->data = a.data;
	actor->room = a.size < there ? a.size : there;
	actor->plain = a.way != BY_IOCTL;
	actor->begin = tick();
	STORE(actor->op, a.flags & KIPC_RECV_PEEK ? BUSY : RECEIVING);
	ret = do_receive(&a);
	err = errno;

	if (ret > 0 || (!ret && a.way == BY_IOCTL)) {
		receipt = (struct receipt){
			.box = s->box,
			.data = a.data,
			.bytes = ret,
			.header = a.way == BY_IOCTL ? &actor->recv.letter : NULL,
			.begin = actor->begin,
			.end = tick(),
			.peek = a.flags & KIPC_RECV_PEEK,
		};
		if ((size_t)ret > a.size)
			complain("a receive from box %d returned %ld, for %zu",
				 s->box, ret, a.size);
		else
			oracle_receipt(&receipt);
	} else if (!ret) {
		COUNT(hangups);
		if (!(a.attr->flags & KIPC_MAILBOX_HANGUP))
			complain("read from box %d (%s) returned 0", s->box,
				 box_name(world->boxes[s->box].shape));
	} else {
		judge_failure(&a, err);
	}
	STORE(actor->op, IDLE);
}
