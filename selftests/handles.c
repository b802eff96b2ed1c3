// SPDX-License-Identifier: GPL-2.0
/*
 * Handles in letters and messages: what is carried and what is not, rights, who can
 * receive it, what fails without a loss, and how it ends.
 */
#include "test.h"
#include "khandles.h"

FIXTURE(handles) {
	const struct carrier_kind *k;
	int fd;
	uint64_t objects, handles;
};

FIXTURE_VARIANT(handles) {
	bool queue;
};

FIXTURE_VARIANT_ADD(handles, letters) {
	.queue = false,
};

FIXTURE_VARIANT_ADD(handles, messages) {
	.queue = true,
};

FIXTURE_SETUP(handles)
{
	self->objects = total("objects");
	self->handles = total("handles");
	self->k = variant->queue ? &messages : &letters;
	self->fd = h_create(self->k);
}

/* Whatever it was about: nothing is on its way any more. */
FIXTURE_TEARDOWN(handles)
{
	close(self->fd);
	wait_for(!total("carried"));
	wait_for(total("objects") == self->objects);
	wait_for(total("handles") == self->handles);
}

TEST_F(handles, one)
{
	struct kipc_descriptor item = { .fd = h_memfd() }, got[2];
	char data[16], text[8];
	struct h_got told;
	int before = h_descriptors();

	ASSERT_EQ(5, pwrite(item.fd, "there", 5, 0));
	ASSERT_OK(h_send(self->k, self->fd, "hello", 5, &item, 1, 0));
	EXPECT_EQ(1, total("carried"));
	ASSERT_EQ(5, h_recv(self->k, self->fd, data, sizeof(data), got, 2, &told, 0));
	EXPECT_EQ(0, memcmp(data, "hello", 5));
	EXPECT_TRUE(told.handles && !told.truncated);
	ASSERT_EQ(1, told.count);
	EXPECT_EQ(0, got[0].rights);
	EXPECT_NE(item.fd, got[0].fd);
	EXPECT_TRUE(h_same(item.fd, got[0].fd));
	EXPECT_EQ(FD_CLOEXEC, fcntl(got[0].fd, F_GETFD));
	EXPECT_EQ(5, pread(got[0].fd, text, sizeof(text), 0));
	EXPECT_EQ(before + 1, h_descriptors());
	EXPECT_EQ(0, total("carried"));
	EXPECT_EQ(0, referenced("parcels"));
	close(item.fd);
	close(got[0].fd);
}

TEST_F(handles, as_many_as_there_can_be)
{
	struct kipc_descriptor items[MOST_HANDLES + 1], got[MOST_HANDLES];
	struct h_got told;
	char data[1];
	int i, box = default_box();

	for (i = 0; i <= MOST_HANDLES; i++)
		items[i] = (struct kipc_descriptor){ .fd = i & 1 ? h_memfd() : box };
	EXPECT_ERR(EINVAL, h_send(self->k, self->fd, "", 0, items, MOST_HANDLES + 1, 0));
	EXPECT_ERR(EINVAL, h_send(self->k, self->fd, "", 0, items, 0, 0));
	/* An empty one carries them as well. */
	ASSERT_OK(h_send(self->k, self->fd, "", 0, items, MOST_HANDLES, 0));
	EXPECT_EQ(MOST_HANDLES, total("carried"));
	for (i = 1; i <= MOST_HANDLES; i += 2)
		EXPECT_OK(close(items[i].fd));
	ASSERT_EQ(0, h_recv(self->k, self->fd, data, 1, got, MOST_HANDLES, &told, 0));
	ASSERT_EQ(MOST_HANDLES, told.count);
	for (i = 0; i < MOST_HANDLES; i++) {
		EXPECT_EQ(i & 1 ? 0 : ALL_RIGHTS, got[i].rights);
		EXPECT_EQ(!(i & 1), h_same(got[i].fd, box));
		close(got[i].fd);
	}
	close(box);
}

TEST_F(handles, in_order_with_others)
{
	struct kipc_descriptor item, got[1];
	struct h_got told;
	char data[8];
	int i, fd[2];

	ASSERT_OK(pipe2(fd, O_CLOEXEC));
	item = (struct kipc_descriptor){ .fd = fd[1] };
	for (i = 0; i < 6; i++) {
		if (i & 1)
			ASSERT_OK(h_send(self->k, self->fd, &i, sizeof(i), &item, 1, 0));
		else
			ASSERT_EQ(sizeof(i), write(self->fd, &i, sizeof(i)));
	}
	close(fd[1]);
	for (i = 0; i < 6; i++) {
		ASSERT_EQ(sizeof(i), h_recv(self->k, self->fd, data, sizeof(data), got,
					    1, &told, 0));
		EXPECT_EQ(0, memcmp(data, &i, sizeof(i)));
		EXPECT_EQ(i & 1, told.count);
		EXPECT_EQ(i & 1, told.handles);
		if (told.count) {
			EXPECT_EQ(1, write(got[0].fd, "x", 1));
			close(got[0].fd);
		}
	}
	/* Five of them would still hold the other end open. */
	EXPECT_EQ(3, read(fd[0], data, sizeof(data)));
	EXPECT_EQ(0, read(fd[0], data, sizeof(data)));
	close(fd[0]);
}

/* Ordinary descriptors that are carried, and all others. */

TEST_F(handles, sorts_that_are_carried)
{
	int fds[16], n = 0, i, fd, pair[2];
	char name[] = "/tmp/kipc-handles-XXXXXX";

	fds[n++] = h_memfd();
	fds[n++] = mkstemp(name);
	ASSERT_OK(fds[1]);
	fds[n++] = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	fds[n++] = open(name, O_RDONLY | O_CLOEXEC);
	unlink(name);
	ASSERT_OK(mkfifo(name, 0600));
	fds[n++] = open(name, O_RDWR | O_CLOEXEC);
	unlink(name);
	ASSERT_OK(pipe2(pair, O_CLOEXEC));
	fds[n++] = pair[0];
	fds[n++] = pair[1];
	fds[n++] = eventfd(3, EFD_CLOEXEC);
	fds[n++] = default_box();
	fds[n++] = k_create_kind(OWN_CONTROL, KIPC_KIND_PIPE, NULL, NULL, 0, 0600,
				 KIPC_PIPE_RIGHTS, 0);
	fds[n++] = q_create(OWN_CONTROL, NULL, NULL, 0600, KIPC_QUEUE_RIGHTS, 0);
	fds[n++] = k_create_kind(OWN_CONTROL, KIPC_KIND_SERVICE, NULL, NULL, 0, 0600,
				 KIPC_SERVICE_RIGHTS, 0);
	for (i = 0; i < n; i++) {
		ASSERT_OK(fds[i]);
		EXPECT_OK(h_send_fd(self->k, self->fd, fds[i]));
		fd = h_recv_fd(self->k, self->fd);
		ASSERT_OK(fd);
		EXPECT_TRUE(h_same(fd, fds[i]));
		close(fd);
		close(fds[i]);
	}
}

static int io_uring(void)
{
	struct io_uring_params p = { };

	return syscall(SYS_io_uring_setup, 1, &p);
}

TEST_F(handles, sorts_that_are_not)
{
	struct kipc_descriptor item = { };
	int fds[24], n = 0, i, fd, pair[2];

	ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	fds[n++] = pair[0];
	fds[n++] = socket(AF_UNIX, SOCK_DGRAM, 0);
	fds[n++] = epoll_create1(0);
	fds[n++] = open("/dev/null", O_RDWR);
	fds[n++] = open("/dev/zero", O_RDWR);
	fds[n++] = open("/", O_RDONLY | O_DIRECTORY);
	fds[n++] = open("/proc/self/ns/net", O_RDONLY);
	fds[n++] = control();
	fds[n++] = syscall(SYS_pidfd_open, getpid(), 0);
	/* Which not every kernel has. */
	fd = io_uring();
	if (fd >= 0)
		fds[n++] = fd;
	for (i = 0; i < n; i++) {
		ASSERT_OK(fds[i]);
		item.fd = fds[i];
		EXPECT_ERR(EPERM, h_send(self->k, self->fd, "x", 1, &item, 1, 0));
		EXPECT_EQ(0, total("carried")) { TH_LOG("sort %d", i); }
		close(fds[i]);
	}
	close(pair[1]);
	/* What is no open file at all. */
	item.fd = open("/proc/self/status", O_PATH);
	ASSERT_OK(item.fd);
	EXPECT_ERR(EBADF, h_send(self->k, self->fd, "x", 1, &item, 1, 0));
	close(item.fd);
	EXPECT_ERR(EBADF, h_send(self->k, self->fd, "x", 1, &item, 1, 0));
	item.fd = -1;
	EXPECT_ERR(EBADF, h_send(self->k, self->fd, "x", 1, &item, 1, 0));
	EXPECT_EQ(0, total("carried"));
}

/* The last of many is bad: none of those before it has gone anywhere. */
TEST_F(handles, all_or_nothing)
{
	struct kipc_descriptor items[MOST_HANDLES];
	int i, box = default_box(), pair[2];
	char c;

	ASSERT_OK(pipe2(pair, O_CLOEXEC));
	for (i = 0; i < MOST_HANDLES; i++)
		items[i] = (struct kipc_descriptor){ .fd = i & 1 ? pair[1] : box };
	items[i - 1].fd = 1000;
	EXPECT_ERR(EBADF, h_send(self->k, self->fd, "x", 1, items, MOST_HANDLES, 0));
	items[i - 1] = (struct kipc_descriptor){ .fd = box, .rights = ALL_RIGHTS };
	items[i - 2] = (struct kipc_descriptor){ .fd = pair[1], .rights = SEND };
	EXPECT_ERR(EINVAL, h_send(self->k, self->fd, "x", 1, items, MOST_HANDLES, 0));
	EXPECT_EQ(0, total("carried"));
	close(pair[1]);
	EXPECT_EQ(0, read(pair[0], &c, 1));
	close(pair[0]);
	close(box);
}

/* Rights: a part, never more, and a handle of its own. */

TEST_F(handles, rights)
{
	int box = default_box(), sender = k_narrow(box, SEND, 0);
	struct kipc_descriptor item = { .fd = box, .rights = SEND }, got;
	unsigned int rights;
	struct h_got told;
	char data[1];

	for (rights = 1; rights <= ALL_RIGHTS; rights++) {
		item.rights = rights;
		ASSERT_OK(h_send(self->k, self->fd, "x", 1, &item, 1, 0));
		ASSERT_EQ(1, h_recv(self->k, self->fd, data, 1, &got, 1, &told, 0));
		EXPECT_EQ(rights, got.rights);
		EXPECT_EQ(rights, h_rights(got.fd));
		EXPECT_TRUE(h_same(got.fd, box));
		if (!(rights & SEND))
			EXPECT_ERR(EBADF, write(got.fd, "x", 1));
		close(got.fd);
	}
	item.fd = sender;
	for (rights = 1; rights <= ALL_RIGHTS; rights++) {
		item.rights = rights;
		if (rights & ~SEND)
			EXPECT_ERR(EPERM, h_send(self->k, self->fd, "x", 1, &item, 1, 0));
	}
	/* Not widened on the way, either. */
	item.rights = 0;
	ASSERT_OK(h_send(self->k, self->fd, "x", 1, &item, 1, 0));
	ASSERT_EQ(1, h_recv(self->k, self->fd, data, 1, &got, 1, &told, 0));
	EXPECT_EQ(SEND, got.rights);
	EXPECT_ERR(EPERM, k_narrow(got.fd, RECEIVE, 0));
	close(got.fd);
	item.fd = box;
	item.rights = KIPC_RIGHT_SERVE;
	EXPECT_ERR(EINVAL, h_send(self->k, self->fd, "x", 1, &item, 1, 0));
	item.rights = 1U << 31;
	EXPECT_ERR(EINVAL, h_send(self->k, self->fd, "x", 1, &item, 1, 0));
	item = (struct kipc_descriptor){ .fd = sender, .rights = SEND };
	close(box);
	/* One that was made for the message is not the sender's. */
	ASSERT_OK(h_send(self->k, self->fd, "x", 1, &item, 1, 0));
	ASSERT_EQ(1, h_recv(self->k, self->fd, data, 1, &got, 1, &told, 0));
	ASSERT_OK(fcntl(got.fd, F_SETFL, O_NONBLOCK));
	EXPECT_FALSE(fcntl(sender, F_GETFL) & O_NONBLOCK);
	close(got.fd);
	close(sender);
}

/* On its way a right counts as held: nobody hangs up. */
TEST_F(handles, keeps_a_sender_alive)
{
	int box_fd = box(10, 1000, 100, KIPC_MAILBOX_HANGUP);
	int receiver = k_narrow(box_fd, RECEIVE, 0), fd;
	struct kipc_descriptor item = { .fd = box_fd, .rights = SEND };
	char c;

	ASSERT_OK(h_send(self->k, self->fd, "x", 1, &item, 1, 0));
	close(box_fd);
	ASSERT_OK(fcntl(receiver, F_SETFL, O_NONBLOCK));
	EXPECT_ERR(EAGAIN, read(receiver, &c, 1));
	fd = h_recv_fd(self->k, self->fd);
	ASSERT_OK(fd);
	close(fd);
	EXPECT_EQ(0, read(receiver, &c, 1));
	close(receiver);
}

/* Who is not prepared. */

TEST_F(handles, object_without_the_flag)
{
	int fd = h_create_flags(self->k, 10, 0);

	ASSERT_OK(fd);
	EXPECT_ERR(EOPNOTSUPP, h_send_fd(self->k, fd, fd));
	close(fd);
}

TEST_F(handles, plain_receivers)
{
	struct kipc_recv_item batch = { };
	struct kipc_queue_recv_item many = { };
	int pair[2], fd;
	char data[8];

	ASSERT_OK(pipe2(pair, O_CLOEXEC));
	ASSERT_OK(h_send_fd(self->k, self->fd, pair[1]));
	close(pair[1]);
	EXPECT_EQ(POLLIN, poll_mask(self->fd, POLLIN));
	EXPECT_ERR(EBADMSG, read(self->fd, data, sizeof(data)));
	batch.data = ptr(data);
	many.data = ptr(data);
	batch.size = sizeof(data);
	many.size = sizeof(data);
	if (variant->queue) {
		struct kipc_queue_recv_batch b = {
			.items = ptr(&many), .count = 1, .selector = BY_FIRST,
		};
		struct kipc_message m;

		EXPECT_ERR(EBADMSG, q_recv(self->fd, data, sizeof(data), BY_FIRST, NULL,
					   0, 0));
		EXPECT_ERR(EBADMSG, q_recv(self->fd, data, sizeof(data), BY_FIRST, NULL,
					   KIPC_RECV_TRUNCATE, 0));
		EXPECT_ERR(EBADMSG, ioctl(self->fd, KIPC_IOC_QUEUE_RECV_BATCH, &b));
		/* They may look, and see what it is. */
		EXPECT_EQ(1, q_recv(self->fd, data, sizeof(data), BY_FIRST, &m,
				    KIPC_RECV_PEEK, 0));
		EXPECT_EQ(KIPC_MESSAGE_HANDLES, m.flags);
	} else {
		struct kipc_mailbox_recv_batch b = { .items = ptr(&batch), .count = 1 };
		struct kipc_letter l;

		EXPECT_ERR(EBADMSG, k_recv(self->fd, data, sizeof(data), NULL, 0, 0));
		EXPECT_ERR(EBADMSG, k_recv(self->fd, data, sizeof(data), NULL,
					   KIPC_RECV_TRUNCATE, 0));
		EXPECT_ERR(EBADMSG, k_serve(self->fd, data, sizeof(data), NULL, 0, 0));
		EXPECT_ERR(EBADMSG, ioctl(self->fd, KIPC_IOC_MAILBOX_RECV_BATCH, &b));
		EXPECT_EQ(1, k_recv(self->fd, data, sizeof(data), &l, KIPC_RECV_PEEK, 0));
		EXPECT_EQ(KIPC_LETTER_HANDLES, l.flags);
	}
	/* After all that it is still there, once. */
	fd = h_recv_fd(self->k, self->fd);
	ASSERT_OK(fd);
	EXPECT_EQ(1, write(fd, "x", 1));
	close(fd);
	EXPECT_EQ(1, read(pair[0], data, sizeof(data)));
	EXPECT_EQ(0, read(pair[0], data, sizeof(data)));
	close(pair[0]);
	EXPECT_ERR(EAGAIN, h_recv_fd(self->k, self->fd));
}

TEST_F(handles, look_first)
{
	struct kipc_descriptor items[3] = { { .fd = self->fd } }, got[3];
	static char large[20000], in[20000];
	unsigned int i, before;
	struct h_got told;
	size_t size;

	for (i = 0; i < 3; i++)
		items[i] = (struct kipc_descriptor){ .fd = h_memfd() };
	for (size = 1; size <= sizeof(large); size += sizeof(large) - 1) {
		ASSERT_OK(h_send(self->k, self->fd, large, size, items, 3, 0));
		before = h_descriptors();
		memset(got, POISON, sizeof(got));
		ASSERT_EQ(size, h_recv_flags(self->k, self->fd, in, sizeof(in), got, 0,
					     &told, KIPC_RECV_PEEK, 0, 0));
		EXPECT_TRUE(told.handles && told.count == 3);
		EXPECT_TRUE(poisoned(got, sizeof(got)));
		EXPECT_EQ(before, h_descriptors());
		/* No room for all of them: none. */
		EXPECT_ERR(EMSGSIZE, h_recv(self->k, self->fd, in, sizeof(in), got, 2,
					    &told, 0));
		EXPECT_ERR(EMSGSIZE, h_recv_flags(self->k, self->fd, in, 0, got, 2,
						  &told, KIPC_RECV_TRUNCATE, 0, 0));
		EXPECT_ERR(EMSGSIZE, h_recv(self->k, self->fd, in, size - 1, got, 3,
					    &told, 0));
		EXPECT_TRUE(poisoned(got, sizeof(got)));
		EXPECT_EQ(before, h_descriptors());
		ASSERT_EQ(0, h_recv_flags(self->k, self->fd, in, 0, got, 1000, &told,
					  KIPC_RECV_TRUNCATE, 0, 0));
		EXPECT_TRUE(told.truncated && told.size == size && told.count == 3);
		for (i = 0; i < 3; i++)
			close(got[i].fd);
	}
	for (i = 0; i < 3; i++)
		close(items[i].fd);
}

TEST_F(handles, over_exec)
{
	int what = h_memfd(), fd;
	struct kipc_descriptor got;
	char data[1];

	ASSERT_OK(h_send_fd(self->k, self->fd, what));
	ASSERT_EQ(1, h_recv_flags(self->k, self->fd, data, 1, &got, 1, NULL, 0,
				  KIPC_INHERIT, 0));
	EXPECT_EQ(0, fcntl(got.fd, F_GETFD));
	close(got.fd);
	ASSERT_OK(h_send_fd(self->k, self->fd, what));
	EXPECT_ERR(EINVAL, h_recv_flags(self->k, self->fd, data, 1, &got, 1, NULL, 0,
					KIPC_NONBLOCK, 0));
	EXPECT_ERR(EINVAL, h_send_flags(self->k, self->fd, "x", 1,
					&(struct kipc_descriptor){ .fd = what }, 1,
					KIPC_INHERIT, 0));
	fd = h_recv_fd(self->k, self->fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	close(fd);
	close(what);
}

/* Receives that fail lose nothing, and leave no descriptor behind. */

TEST_F(handles, no_descriptor_left)
{
	struct kipc_descriptor items[4], got[4];
	struct rlimit limit, low;
	unsigned int before, i;
	struct h_got told;
	char data[1];

	for (i = 0; i < 4; i++)
		items[i] = (struct kipc_descriptor){ .fd = h_memfd() };
	ASSERT_OK(h_send(self->k, self->fd, "x", 1, items, 4, 0));
	ASSERT_OK(getrlimit(RLIMIT_NOFILE, &limit));
	before = h_descriptors();
	/* The first, the second, ... does not fit: descriptors here are without gaps. */
	for (i = 0; i < 4; i++) {
		low = limit;
		low.rlim_cur = items[3].fd + 1 + i;
		ASSERT_OK(setrlimit(RLIMIT_NOFILE, &low));
		memset(got, POISON, sizeof(got));
		EXPECT_ERR(EMFILE, h_recv(self->k, self->fd, data, 1, got, 4, &told, 0));
		EXPECT_TRUE(poisoned(got, sizeof(got)));
		EXPECT_EQ(before, h_descriptors());
	}
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(4, total("carried"));
	ASSERT_EQ(1, h_recv(self->k, self->fd, data, 1, got, 4, &told, 0));
	ASSERT_EQ(4, told.count);
	for (i = 0; i < 4; i++) {
		EXPECT_TRUE(h_same(items[i].fd, got[i].fd));
		close(got[i].fd);
		close(items[i].fd);
	}
}

TEST_F(handles, nowhere_to_write_them)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kipc_descriptor *bad[] = {
		NULL, (void *)16, (void *)(pages + 4096),
		(void *)(pages + 4096 - sizeof(struct kipc_descriptor)),
	};
	struct kipc_descriptor items[2], got[2];
	struct h_got told;
	unsigned int before, i;
	char data[1];

	ASSERT_TRUE(pages != MAP_FAILED);
	ASSERT_OK(mprotect(pages + 4096, 4096, PROT_READ));
	for (i = 0; i < 2; i++)
		items[i] = (struct kipc_descriptor){ .fd = h_memfd() };
	ASSERT_OK(h_send(self->k, self->fd, "x", 1, items, 2, 0));
	before = h_descriptors();
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_ERR(EFAULT, h_recv(self->k, self->fd, data, 1, bad[i], 2, &told,
					  0));
		EXPECT_EQ(before, h_descriptors());
	}
	EXPECT_ERR(EFAULT, h_recv(self->k, self->fd, (void *)16, 1, got, 2, &told, 0));
	EXPECT_ERR(EFAULT, h_send(self->k, self->fd, "x", 1, (void *)16, 2, 0));
	EXPECT_EQ(before, h_descriptors());
	/* Missing pages, though, are brought in. */
	munmap(pages, 8192);
	pages = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(pages != MAP_FAILED);
	ASSERT_EQ(1, h_recv(self->k, self->fd, data, 1, (void *)pages, 2, &told, 0));
	EXPECT_EQ(before + 2, h_descriptors());
	for (i = 0; i < 2; i++) {
		close(((struct kipc_descriptor *)pages)[i].fd);
		close(items[i].fd);
	}
	munmap(pages, 4096);
}

/* Has this process a lock on the file?  Others are refused by it, if so. */
static bool locked(int fd)
{
	struct flock lock = { .l_type = F_WRLCK };
	pid_t pid = spawn();

	if (!pid) {
		CHECK(!fcntl(fd, F_GETLK, &lock));
		_exit(lock.l_type != F_UNLCK);
	}
	return reap(pid);
}

/*
 * To close any descriptor of a file gives up all locks of fcntl(2) on it, so a receive that
 * fails, or begins again, must not have had one.
 */
TEST_F(handles, keeps_locks)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *pages = mmap(NULL, page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), data[1];
	struct kipc_descriptor items[2] = {
		{ .fd = h_memfd() }, { .fd = h_memfd() },
	}, got[2];
	struct flock lock = { .l_type = F_WRLCK };
	unsigned long cmd = variant->queue ? KIPC_IOC_QUEUE_RECV_HANDLES :
					     KIPC_IOC_MAILBOX_RECV_HANDLES;
	struct kipc_mailbox_recv_handles *m = (void *)pages;
	struct kipc_queue_recv_handles *q = (void *)pages;
	struct kipc_handles to = { ptr(got), 2, 0 };
	struct rlimit limit, low;
	struct h_got told;

	ASSERT_TRUE(pages != MAP_FAILED);
	ASSERT_OK(fcntl(items[0].fd, F_SETLK, &lock));
	ASSERT_TRUE(locked(items[0].fd));
	ASSERT_OK(h_send(self->k, self->fd, "x", 1, items, 2, 0));

	/* There is place for one descriptor, and not for two. */
	ASSERT_OK(getrlimit(RLIMIT_NOFILE, &limit));
	low = limit;
	low.rlim_cur = items[1].fd + 2;
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &low));
	EXPECT_ERR(EMFILE, h_recv(self->k, self->fd, data, 1, got, 2, &told, 0));
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_TRUE(locked(items[0].fd));

	/* What is written last cannot be. */
	if (variant->queue) {
		q->recv.data = ptr(data);
		q->recv.size = 1;
		q->recv.selector = BY_FIRST;
		q->handles = to;
	} else {
		m->recv.data = ptr(data);
		m->recv.size = 1;
		m->handles = to;
	}
	ASSERT_OK(mprotect(pages, page, PROT_READ));
	EXPECT_ERR(EFAULT, ioctl(self->fd, cmd, pages));
	EXPECT_TRUE(locked(items[0].fd));
	ASSERT_OK(mprotect(pages, page, PROT_READ | PROT_WRITE));

	/* It is not there yet. */
	ASSERT_OK(madvise(pages, page, MADV_DONTNEED));
	ASSERT_EQ(1, h_recv(self->k, self->fd, data, 1, (void *)pages, 2, &told, 0));
	EXPECT_TRUE(locked(items[0].fd));
	munmap(pages, page);
}

TEST_HARNESS_MAIN
