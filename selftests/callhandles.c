// SPDX-License-Identifier: GPL-2.0
/*
 * Handles in calls on mailboxes and in replies: what comes, who is not prepared, what fails
 * without a loss.
 */
#include "test.h"
#include "kcallhandles.h"

FIXTURE(calls) {
	int fd, plain, pair[2];
	struct kipc_descriptor item, got[MOST_HANDLES];
	unsigned int room, before;
	uint64_t objects, handles, token;
	char data[64];
};

FIXTURE_SETUP(calls)
{
	self->objects = total("objects");
	self->handles = total("handles");
	self->fd = h_create(&letters);
	self->plain = h_memfd();
	ASSERT_OK(pipe2(self->pair, O_CLOEXEC));
	self->item = (struct kipc_descriptor){ .fd = self->plain };
	self->room = MOST_HANDLES;
	self->before = h_descriptors();
}

/* Whatever it was about: nothing is on its way any more. */
FIXTURE_TEARDOWN(calls)
{
	close(self->fd);
	wait_for(!total("carried"));
	wait_for(total("objects") == self->objects);
	wait_for(total("handles") == self->handles);
}

#define SERVE(n)	(self->room = (n), h_serve(self->fd, self->data, 64, self->got, \
						   &self->room, NULL, 0, 0))
#define COLLECT(n)	(self->room = (n), h_collect(self->fd, self->token, self->data, 64, \
						     self->got, &self->room, 0))

/* Takes the request that is there, with one descriptor, which it closes: the token. */
static uint64_t took(int fd)
{
	uint64_t token;

	CHECK(!close(h_serve_fd(fd, &token)));
	return token;
}

/* A server that sends back what it gets: a whole file, and a part of a handle. */
static pid_t echo(int fd)
{
	struct kipc_descriptor items[MOST_HANDLES];
	unsigned int room = MOST_HANDLES, i;
	struct kipc_mailbox_recv r;
	static char data[40000];
	pid_t pid = spawn();
	ssize_t size;

	if (pid)
		return pid;
	while ((size = h_serve(fd, data, sizeof(data), items, &room, &r, 0,
			       after(PATIENCE))) >= 0) {
		CHECK(r.reply_handles >= room && r.token);
		for (i = 0; i < room; i++)
			items[i].rights &= SEND;
		CHECK(!(room ? h_reply(fd, r.token, data, size, items, room) :
			       k_reply(fd, r.token, data, size, 5)));
		while (room)
			close(items[--room].fd);
		room = MOST_HANDLES;
	}
	_exit(errno != EIDRM);
}

TEST_F(calls, there_and_back)
{
	static const size_t sizes[] = { 0, 1, 4096, 40000 };
	static char out[40000], in[40000];
	struct kipc_descriptor items[MOST_HANDLES];
	int box = default_box();
	unsigned int i, n, j;
	struct h_both h;
	pid_t pid;

	for (i = 0; i < MOST_HANDLES; i++)
		items[i].fd = i & 1 ? self->plain : box;
	for (i = 0; i < MOST_HANDLES; i++)
		items[i].rights = i & 1 ? 0 : SEND | MANAGE;
	pid = echo(self->fd);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (n = 0; n <= MOST_HANDLES; n += 4) {
			h = (struct h_both){ .items = items, .count = n, .got = self->got,
					     .room = MOST_HANDLES };
			fill(out, sizes[i], i + n);
			ASSERT_EQ(sizes[i], h_ask(self->fd, out, sizes[i], in, sizeof(in),
						  &h, NULL, 0, after(PATIENCE)));
			EXPECT_TRUE(filled(in, sizes[i], i + n));
			ASSERT_EQ(n, h.room);
			EXPECT_EQ(self->before + n + 1, h_descriptors());
			for (j = 0; j < n; j++) {
				EXPECT_EQ(FD_CLOEXEC, fcntl(self->got[j].fd, F_GETFD));
				EXPECT_EQ(j & 1 ? 0 : SEND, self->got[j].rights);
				EXPECT_TRUE(h_same(self->got[j].fd, items[j].fd));
				if (!(j & 1))
					EXPECT_EQ(SEND, h_rights(self->got[j].fd));
				close(self->got[j].fd);
			}
		}
	}
	/* Calls without any are as ever, between these. */
	EXPECT_EQ(1, k_call(self->fd, "x", 1, self->data, 64, NULL, after(PATIENCE)));
	h = (struct h_both){ .items = items, .count = 1, .got = self->got, .room = 1,
			     .reply_flags = KIPC_INHERIT };
	ASSERT_EQ(1, h_ask(self->fd, "x", 1, in, 1, &h, NULL, 0, after(PATIENCE)));
	EXPECT_EQ(0, fcntl(self->got[0].fd, F_GETFD));
	close(self->got[0].fd);
	EXPECT_OK(k_remove(self->fd));
	EXPECT_EQ(0, reap(pid));
	close(box);
}

TEST_F(calls, submitted_and_collected)
{
	struct kipc_mailbox_recv r;
	int fd;

	ASSERT_OK(h_submit(self->fd, &self->item, 1, 3, &self->token, 0));
	EXPECT_EQ(1, total("carried"));
	/* Who looks is told, and takes nothing. */
	self->room = 0;
	ASSERT_EQ(1, h_serve(self->fd, self->data, 64, NULL, &self->room, &r,
			     KIPC_RECV_PEEK, 0));
	EXPECT_EQ(1, self->room);
	EXPECT_EQ(KIPC_LETTER_CALL | KIPC_LETTER_HANDLES, r.letter.flags);
	EXPECT_EQ(0, r.token);
	self->room = 1;
	ASSERT_EQ(1, h_serve(self->fd, self->data, 64, self->got, &self->room, &r, 0, 0));
	EXPECT_EQ(3, r.reply_handles);
	EXPECT_EQ(8, r.reply_size);
	EXPECT_EQ(0, total("carried"));
	EXPECT_TRUE(h_same(self->got[0].fd, self->plain));
	/* No more than the caller takes, nor longer; it can be answered yet. */
	memset(self->got, 0, sizeof(self->got));
	for (int i = 0; i < 4; i++)
		self->got[i].fd = self->pair[1];
	EXPECT_ERR(EMSGSIZE, h_reply(self->fd, r.token, "!", 1, self->got, 4));
	EXPECT_ERR(EMSGSIZE, h_reply(self->fd, r.token, self->data, 9, self->got, 3));
	EXPECT_EQ(0, total("carried"));
	EXPECT_ERR(EAGAIN, COLLECT(3));
	EXPECT_OK(h_reply(self->fd, r.token, "!", 1, self->got, 3));
	EXPECT_EQ(3, total("carried"));
	EXPECT_ERR(ENOENT, h_reply(self->fd, r.token, "!", 1, self->got, 1));
	EXPECT_EQ(3, total("carried"));
	ASSERT_EQ(1, COLLECT(3));
	ASSERT_EQ(3, self->room);
	for (int i = 0; i < 3; i++)
		EXPECT_OK(close(self->got[i].fd));
	EXPECT_EQ(0, total("carried"));
	EXPECT_ERR(ENOENT, COLLECT(3));
	/* The other side alone carries something; any call is collected. */
	ASSERT_OK(h_submit(self->fd, NULL, 0, 1, &self->token, 0));
	ASSERT_EQ(1, SERVE(0));
	ASSERT_EQ(0, self->room);
	EXPECT_OK(h_reply_fd(self->fd, self->token, self->pair[1]));
	fd = h_collect_fd(self->fd, 0);
	EXPECT_TRUE(h_same(fd, self->pair[1]));
}

/* Servers. */
TEST_F(calls, who_cannot_serve_leaves_the_request)
{
	struct kipc_recv_item item = { .data = ptr(self->data), .size = 64 };
	struct kipc_mailbox_recv_batch batch = { .items = ptr(&item), .count = 1 };
	struct rlimit limit, low;

	self->token = h_submit_fd(self->fd, self->plain);
	EXPECT_ERR(EBADMSG, read(self->fd, self->data, 64));
	EXPECT_ERR(EBADMSG, k_recv(self->fd, self->data, 64, NULL, 0, 0));
	EXPECT_ERR(EBADMSG, k_serve(self->fd, self->data, 64, NULL, 0, 0));
	EXPECT_ERR(EBADMSG, ioctl(self->fd, KIPC_IOC_MAILBOX_RECV_BATCH, &batch));
	EXPECT_ERR(EBADMSG, h_recv(&letters, self->fd, self->data, 64, self->got,
				   MOST_HANDLES, NULL, 0));
	EXPECT_ERR(EMSGSIZE, SERVE(0));
	self->room = 1;
	EXPECT_ERR(EMSGSIZE, h_serve(self->fd, self->data, 0, self->got, &self->room, NULL,
				     0, 0));
	EXPECT_ERR(EFAULT, h_serve(self->fd, self->data, 64, (void *)16, &self->room, NULL,
				   0, 0));
	EXPECT_ERR(EFAULT, h_serve(self->fd, (void *)16, 64, self->got, &self->room, NULL,
				   0, 0));
	ASSERT_OK(getrlimit(RLIMIT_NOFILE, &limit));
	low = limit;
	low.rlim_cur = 3;
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &low));
	EXPECT_ERR(EMFILE, SERVE(1));
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(self->before, h_descriptors());
	EXPECT_EQ(1, total("carried"));
	EXPECT_EQ(0, stat_of(self->fd).serving);
	EXPECT_OK(k_reply(self->fd, took(self->fd), "!", 1, 5));
	ASSERT_EQ(1, COLLECT(0));
}

/* Callers. */
TEST_F(calls, who_cannot_collect_leaves_the_reply)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	struct kipc_descriptor *edge;
	struct rlimit limit, low;
	uint64_t token;

	ASSERT_TRUE(pages != MAP_FAILED);
	edge = (void *)(pages + 4096 - sizeof(*edge));
	ASSERT_OK(mprotect(pages + 4096, 4096, PROT_READ));
	self->token = h_submit_fd(self->fd, self->plain);
	self->got[0] = self->item;
	self->got[1] = self->item;
	ASSERT_OK(h_reply(self->fd, took(self->fd), "!", 1, self->got, 2));
	token = self->token;
	EXPECT_ERR(EBADMSG, k_collect(self->fd, &token, self->data, 64, NULL, 0));
	token = 0;
	EXPECT_ERR(EBADMSG, k_collect(self->fd, &token, self->data, 64, NULL, 0));
	EXPECT_EQ(self->token, token);
	EXPECT_ERR(EMSGSIZE, COLLECT(0));
	EXPECT_ERR(EMSGSIZE, COLLECT(1));
	self->room = 2;
	EXPECT_ERR(EMSGSIZE, h_collect(self->fd, self->token, self->data, 0, self->got,
				       &self->room, 0));
	EXPECT_ERR(EFAULT, h_collect(self->fd, self->token, self->data, 64, (void *)16,
				     &self->room, 0));
	EXPECT_ERR(EFAULT, h_collect(self->fd, self->token, self->data, 64, edge,
				     &self->room, 0));
	EXPECT_ERR(EFAULT, h_collect(self->fd, self->token, (void *)16, 64, self->got,
				     &self->room, 0));
	ASSERT_OK(getrlimit(RLIMIT_NOFILE, &limit));
	low = limit;
	for (int i = 0; i < 2; i++) {
		low.rlim_cur = self->pair[1] + 1 + i;
		ASSERT_OK(setrlimit(RLIMIT_NOFILE, &low));
		EXPECT_ERR(EMFILE, COLLECT(2));
	}
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(self->before, h_descriptors());
	EXPECT_EQ(2, total("carried"));
	/* A page that is missing is brought in. */
	munmap(pages, 8192);
	pages = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(pages != MAP_FAILED);
	ASSERT_EQ(1, h_collect(self->fd, self->token, self->data, 64, (void *)pages,
			       &self->room, 0));
	EXPECT_EQ(2, self->room);
	EXPECT_EQ(self->before + 2, h_descriptors());
	EXPECT_EQ(0, total("carried"));
	munmap(pages, 4096);
}

/* Who waits for its reply, and cannot have it, is told by what to collect it. */
TEST_F(calls, waiting_without_a_descriptor_left)
{
	struct h_both h = { .items = &self->item, .count = 1, .got = self->got,
			    .room = 1 };
	struct rlimit limit, low;
	pid_t pid = echo(self->fd);

	ASSERT_OK(getrlimit(RLIMIT_NOFILE, &limit));
	low = limit;
	low.rlim_cur = self->pair[1] + 1;
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &low));
	EXPECT_ERR(EMFILE, h_ask(self->fd, "x", 1, self->data, 1, &h, &self->token, 0,
				 after(PATIENCE)));
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &limit));
	ASSERT_NE(0, self->token);
	EXPECT_EQ(1, total("carried"));
	ASSERT_EQ(1, COLLECT(1));
	EXPECT_EQ(1, self->room);
	EXPECT_TRUE(h_same(self->plain, self->got[0].fd));
	/* Bad pointers show before anything happens. */
	h.got = (void *)16;
	EXPECT_ERR(EFAULT, h_ask(self->fd, "x", 1, self->data, 1, &h, NULL, 0,
				 after(PATIENCE)));
	h.got = self->got;
	EXPECT_ERR(EAGAIN, h_ask(self->fd, "x", 1, self->data, 1, &h, NULL, 0, 0));
	EXPECT_EQ(1, stat_of(self->fd).calls);
	EXPECT_OK(k_remove(self->fd));
	EXPECT_EQ(0, reap(pid));
}

/* Requests that are refused: nothing has gone anywhere. */
TEST_F(calls, bad_requests)
{
	struct kipc_descriptor items[MOST_HANDLES + 1] = { };
	int other = default_box(), sender = k_narrow(other, SEND, 0);
	int receiver = k_narrow(self->fd, RECEIVE, 0), stranger;
	int queue = h_create(&messages);
	struct h_both h = { };

	stranger = socket(AF_UNIX, SOCK_STREAM, 0);
	ASSERT_OK(stranger);
#define REFUSED(err, item_, n)							\
	EXPECT_ERR(err, h_submit(self->fd, item_, n, 0, NULL, 0))
#define ONE(...) (&(struct kipc_descriptor){ __VA_ARGS__ })
	EXPECT_ERR(EOPNOTSUPP, h_submit(other, &self->item, 1, 0, NULL, 0));
	EXPECT_ERR(EOPNOTSUPP, h_submit(other, NULL, 0, 1, NULL, 0));
	EXPECT_ERR(EBADF, h_submit(receiver, &self->item, 1, 0, NULL, 0));
	EXPECT_ERR(ENOTTY, h_submit(queue, &self->item, 1, 0, NULL, 0));
	REFUSED(EINVAL, items, MOST_HANDLES + 1);
	REFUSED(EFAULT, (void *)16, 1);
	REFUSED(EBADF, ONE(.fd = 1000), 1);
	REFUSED(EPERM, ONE(.fd = stranger), 1);
	REFUSED(EPERM, ONE(.fd = sender, .rights = SEND | RECEIVE), 1);
	REFUSED(EINVAL, ONE(.fd = sender, .rights = KIPC_RIGHT_SERVE), 1);
	REFUSED(EINVAL, ONE(.fd = self->plain, .rights = SEND), 1);
	REFUSED(ELOOP, ONE(.fd = self->fd), 1);
	REFUSED(ELOOP, ONE(.fd = receiver), 1);
	h.request_flags = KIPC_INHERIT;
	EXPECT_ERR(EINVAL, h_ask(self->fd, "x", 1, NULL, 0, &h, NULL, KIPC_CALL_SUBMIT, 0));
	h.items = &self->item;
	h.count = 1;
	EXPECT_ERR(EINVAL, h_ask(self->fd, "x", 1, NULL, 0, &h, NULL, KIPC_CALL_SUBMIT, 0));
	h.request_flags = 0;
	h.reply_flags = KIPC_INHERIT;
	EXPECT_ERR(EINVAL, h_ask(self->fd, "x", 1, NULL, 0, &h, NULL, KIPC_CALL_SUBMIT, 0));
	h.reply_flags = KIPC_NONBLOCK;
	EXPECT_ERR(EINVAL, h_ask(self->fd, "x", 1, NULL, 0, &h, NULL, 0, after(PATIENCE)));
	h.reply_flags = 0;
	h.got = self->got;
	EXPECT_ERR(EINVAL, h_ask(self->fd, "x", 1, NULL, 0, &h, NULL, KIPC_CALL_SUBMIT, 0));
	EXPECT_ERR(EMSGSIZE, h_ask(self->fd, self->data, (64 << 10) + 1, NULL, 0, &h, NULL, 0,
				   after(PATIENCE)));
	EXPECT_EQ(0, total("carried"));
	EXPECT_EQ(0, stat_of(self->fd).letters);
	EXPECT_EQ(0, stat_of(self->fd).calls);
	close(receiver);
	close(sender);
	close(other);
	close(queue);
}

/* Replies that are refused: the request still waits for one. */
TEST_F(calls, bad_replies)
{
	int other = default_box(), sender = k_narrow(other, SEND, 0);
	int caller = k_narrow(self->fd, SEND, 0), fd;
	uint64_t token;

	ASSERT_OK(h_submit(caller, NULL, 0, 1, &self->token, 0));
	ASSERT_EQ(1, SERVE(0));
	token = self->token;
#define BAD(err, item_, n)	EXPECT_ERR(err, h_reply(self->fd, token, "!", 1, item_, n))
	BAD(EINVAL, &self->item, 0);
	BAD(EINVAL, self->got, MOST_HANDLES + 1);
	BAD(EFAULT, (void *)16, 1);
	BAD(EBADF, ONE(.fd = 1000), 1);
	BAD(EPERM, ONE(.fd = sender, .rights = RECEIVE), 1);
	BAD(EINVAL, ONE(.fd = self->plain, .rights = SEND), 1);
	BAD(ELOOP, ONE(.fd = self->fd), 1);
	EXPECT_ERR(EFAULT, h_reply(self->fd, token, (void *)16, 1, &self->item, 1));
	EXPECT_ERR(EMSGSIZE, h_reply(self->fd, token, NULL, KIPC_LETTER_MAX + 1, &self->item, 1));
	EXPECT_ERR(ENOENT, h_reply(self->fd, token + 1, "!", 1, &self->item, 1));
	EXPECT_ERR(ENOENT, h_reply(self->fd, token + (1 << 20), "!", 1, &self->item, 1));
	EXPECT_ERR(EBADF, h_reply(caller, token, "!", 1, &self->item, 1));
	EXPECT_ERR(EOPNOTSUPP, h_reply(other, token, "!", 1, &self->item, 1));
	EXPECT_EQ(0, total("carried"));
	EXPECT_EQ(1, stat_of(self->fd).serving);
	ASSERT_OK(h_reply_fd(self->fd, token, sender));
	fd = h_collect_fd(caller, token);
	EXPECT_EQ(SEND, h_rights(fd));
	close(fd);
	close(other);
	close(sender);
	close(caller);
}

/* Rights, in both directions: a part, never more. */
TEST_F(calls, rights)
{
	int box = default_box(), sender = k_narrow(box, SEND, 0), fd;
	struct kipc_descriptor item;
	unsigned int rights;
	uint64_t token;

	for (rights = 1; rights <= ALL_RIGHTS; rights++) {
		item = (struct kipc_descriptor){ .fd = box, .rights = rights };
		ASSERT_OK(h_submit(self->fd, &item, 1, 1, &token, 0));
		fd = h_serve_fd(self->fd, &token);
		EXPECT_EQ(rights, h_rights(fd));
		/* Back comes what came, and no more. */
		EXPECT_ERR(rights == ALL_RIGHTS ? ENOENT : EPERM,
			   h_reply(self->fd, rights == ALL_RIGHTS ? token + 1 : token, "!", 1,
				   ONE(.fd = fd, .rights = ALL_RIGHTS), 1));
		ASSERT_OK(h_reply_fd(self->fd, token, fd));
		close(fd);
		fd = h_collect_fd(self->fd, token);
		EXPECT_EQ(rights, h_rights(fd));
		EXPECT_TRUE(h_same(fd, box));
		close(fd);
	}
	ASSERT_OK(h_submit(self->fd, ONE(.fd = sender), 1, 1, &token, 0));
	fd = h_serve_fd(self->fd, &token);
	EXPECT_ERR(EPERM, k_narrow(fd, RECEIVE, 0));
	EXPECT_OK(k_reply(self->fd, token, "!", 1, 5));
	close(fd);
	close(box);
	close(sender);
}

/* In a circle: neither by requests, nor by replies, nor by both. */
TEST_F(calls, within_itself)
{
	int other = h_create(&letters), fd;
	uint64_t token, reply;

	/* A request of the one carries the other: that carries nothing. */
	token = h_submit_fd(self->fd, other);
	EXPECT_ERR(ELOOP, h_submit(other, &self->item, 1, 0, NULL, 0));
	EXPECT_ERR(ELOOP, h_submit(other, ONE(.fd = self->fd), 1, 0, NULL, 0));
	EXPECT_ERR(ELOOP, h_send_fd(&letters, other, self->plain));
	/* Calls without handles pass. */
	ASSERT_OK(h_submit(other, NULL, 0, 1, &reply, 0));
	ASSERT_EQ(1, k_serve(other, self->data, 64, NULL, 0, 0));
	EXPECT_ERR(ELOOP, h_reply_fd(other, reply, self->plain));
	/* It ends when it is taken; then the reply carries it. */
	close(h_serve_fd(self->fd, &token));
	EXPECT_OK(h_reply_fd(other, reply, self->plain));
	EXPECT_ERR(ELOOP, h_reply_fd(self->fd, token, other));
	close(h_collect_fd(other, reply));
	EXPECT_ERR(ELOOP, h_reply_fd(self->fd, token, self->fd));
	ASSERT_OK(h_reply_fd(self->fd, token, other));
	EXPECT_ERR(ELOOP, h_submit(other, &self->item, 1, 0, NULL, 0));
	EXPECT_ERR(ELOOP, h_send_fd(&letters, other, self->fd));
	fd = h_collect_fd(self->fd, token);
	EXPECT_TRUE(h_same(fd, other));
	EXPECT_OK(h_submit(other, ONE(.fd = self->fd), 1, 0, NULL, 0));
	close(fd);
	close(other);
}

TEST_HARNESS_MAIN
