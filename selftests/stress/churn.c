// SPDX-License-Identifier: GPL-2.0
/* Boxes that come and go: private ones, against a simple model, and names. */
#include "stress.h"

enum { NAMES = 6, MODEL = 24, MODEL_LETTER = 6000 };

/**
 * struct model - what a mailbox that nobody else has must hold
 * @attr: of the mailbox
 * @key: of each letter, oldest first
 * @size: of each letter
 * @n: letters
 * @bytes: sum of @size
 */
struct model {
	struct kipc_mailbox_attr attr;
	uint64_t key[MODEL + 1];
	size_t size[MODEL + 1];
	unsigned int n;
	size_t bytes;
};

static void model_pop(struct model *m)
{
	m->bytes -= m->size[0];
	m->n--;
	memmove(m->key, m->key + 1, m->n * sizeof(m->key[0]));
	memmove(m->size, m->size + 1, m->n * sizeof(m->size[0]));
}

static bool model_fits(const struct model *m, size_t size)
{
	return m->n < m->attr.max_letters &&
	       m->bytes + size <= m->attr.max_bytes;
}

static void model_send(struct thread *t, int fd, struct model *m)
{
	bool drops = m->attr.flags & KIPC_MAILBOX_DROP_OLDEST;
	size_t size = 8 + below(&t->random, m->attr.letter_size - 7);
	uint64_t key = draw(&t->random);

	compose(t->out, size, key);
	if (CALL(t, k_send(fd, t->out, size, key, KIPC_NO_WAIT))) {
		ALLOW(-1, "sending to a box of one's own",
		      errno == EAGAIN && !drops && !model_fits(m, size));
		return;
	}
	if (!drops && !model_fits(m, size))
		complain("%u letters, %zu bytes are in a box for %llu, %llu; %zu more went in",
			 m->n, m->bytes, (unsigned long long)m->attr.max_letters,
			 (unsigned long long)m->attr.max_bytes, size);
	while (m->n && !model_fits(m, size))
		model_pop(m);
	m->key[m->n] = key;
	m->size[m->n++] = size;
	m->bytes += size;
}

static void model_receive(struct thread *t, int fd, struct model *m)
{
	unsigned int flags = below(&t->random, 3) ? 0 : KIPC_RECV_PEEK;
	struct kipc_letter h;
	ssize_t n;

	n = CALL(t, k_recv(fd, t->in, ROOM, &h, flags, KIPC_NO_WAIT));
	if (n < 0) {
		ALLOW(-1, "receiving from a box of one's own",
		      errno == EAGAIN && !m->n);
		return;
	}
	if (!m->n || h.tag != m->key[0] || (size_t)n != m->size[0])
		complain("a box of one's own with %u letters gave a wrong one, of %zd bytes",
			 m->n, n);
	compose(t->out, n, h.tag);
	if (memcmp(t->in, t->out, n))
		complain("a letter of %zd bytes in a box of one's own was changed",
			 n);
	if (m->n && !flags)
		model_pop(m);
}

void churn_private(struct thread *t)
{
	static const uint32_t flags[] = { 0, 0, KIPC_MAILBOX_REFUSE,
					  KIPC_MAILBOX_DROP_OLDEST };
	uint32_t size = 8 + below(&t->random, MODEL_LETTER);
	struct kipc_mailbox_stat st = { 0 };
	struct model m = {
		.attr = { 1 + below(&t->random, MODEL),
			  size + below(&t->random, 3 * size), size,
			  flags[below(&t->random, 4)] },
	};
	int fd, i;

	fd = CALL(t, k_create(t->own_ctl, NULL, &m.attr, 0600, ALL_RIGHTS, 0));
	ALLOW(fd, "making a box", false);
	if (fd < 0)
		return;
	COUNT(private);
	for (i = below(&t->random, 40); i; i--) {
		if (below(&t->random, 2))
			model_send(t, fd, &m);
		else
			model_receive(t, fd, &m);
	}
	if (CALL(t, k_stat(fd, &st)))
		ALLOW(-1, "stat", false);
	else if (st.letters != m.n || st.bytes != m.bytes)
		complain("a box of one's own has %llu letters, %llu bytes, not %u, %zu",
			 (unsigned long long)st.letters,
			 (unsigned long long)st.bytes, m.n, m.bytes);
	close(fd);
}

static void churn_name(char *name, size_t size, unsigned int number)
{
	snprintf(name, size, "churn.%u", number);
}

/* Others do the same to the same names at the same time. */
void churn_names(struct thread *t)
{
	unsigned int flags = below(&t->random, 2) ? KIPC_PERSISTENT : 0;
	unsigned int rights = 1 + below(&t->random, ALL_RIGHTS);
	int ctl = below(&t->random, 2) ? t->ctl : t->own_ctl;
	unsigned int what = below(&t->random, 8);
	char name[16], data[8];
	int fd, other;
	ssize_t n;

	COUNT(names);
	churn_name(name, sizeof(name), below(&t->random, NAMES));
	if (what < 2) {
		ALLOW(CALL(t, k_unlink(ctl, name)), "unlinking a name",
		      errno == ENOENT || errno == EACCES);
		return;
	}
	if (what < 4) {
		fd = CALL(t, k_open(ctl, name, rights, 0));
		ALLOW(fd, "opening a name",
		      errno == ENOENT || errno == EACCES);
	} else {
		flags |= below(&t->random, 2) ? KIPC_EXCL : 0;
		fd = CALL(t, k_create(ctl, name, NULL, 0644, rights, flags));
		ALLOW(fd, "creating a name",
		      (errno == EEXIST && flags & KIPC_EXCL) ||
		      (errno == EACCES && !(flags & KIPC_EXCL)));
	}
	if (fd < 0)
		return;
	if (rights & SEND)
		ALLOW(CALL(t, k_send(fd, "letter", 7, 1, KIPC_NO_WAIT)),
		      "sending to a name", errno == EAGAIN || errno == EIDRM);
	if (rights & RECEIVE) {
		n = CALL(t, k_recv(fd, data, 8, NULL, 0, KIPC_NO_WAIT));
		ALLOW(n, "receiving from a name",
		      errno == EAGAIN || errno == EIDRM);
		if (n >= 0 && (n != 7 || memcmp(data, "letter", 7)))
			complain("another letter came out of %s", name);
	}
	other = CALL(t, k_narrow(fd, rights, 0));
	ALLOW(other, "narrowing a handle of a name", errno == EIDRM);
	if (other >= 0)
		close(other);
	if (rights & MANAGE && below(&t->random, 2))
		ALLOW(CALL(t, k_remove(fd)), "removing a name", errno == EIDRM);
	close(fd);
}

/* Names that nobody takes away, in a namespace that dies, or its maker does. */
void churn_namespace(struct thread *t)
{
	unsigned int n = 1 + below(&t->random, 4), i;
	bool killed = below(&t->random, 2);
	char name[16];
	int ctl, fd;
	pid_t pid;

	pid = spawn();
	if (!pid) {
		CHECK(!unshare(CLONE_NEWIPC));
		ctl = control();
		for (i = 0; i < n; i++) {
			churn_name(name, sizeof(name), i);
			fd = k_create(ctl, name, NULL, 0600, ALL_RIGHTS,
				      KIPC_EXCL | KIPC_PERSISTENT);
			if (fd >= 0)
				k_send(fd, "letter", 7, 1, KIPC_NO_WAIT);
			else
				ALLOW(fd, "a name in a new namespace", false);
		}
		if (killed)
			kill(getpid(), SIGKILL);
		_exit(0);
	}
	i = reap(pid);
	if (i && i != 128 + SIGKILL)
		complain("a child in a namespace of its own ended with %u", i);
}

/* Take away what names there are. */
void churn_sweep(int ctl)
{
	char name[16];
	unsigned int i;

	for (i = 0; i < NAMES; i++) {
		churn_name(name, sizeof(name), i);
		if (k_unlink(ctl, name))
			CHECK(errno == ENOENT);
	}
}
