// SPDX-License-Identifier: GPL-2.0
/*
 * The library: letters and messages that carry handles, and those whose data stays where
 * it is; each error that these functions give or pass on.
 */
#include "test.h"
#include "inject.h"
#include "khandles.h"
#include "klibqueue.h"

FIXTURE(lib) {
	int box, queue, plain;
	struct kipc_descriptor item, got[MOST_HANDLES];
	char data[64];
	size_t count;
};

FIXTURE_SETUP(lib)
{
	self->box = h_create(&letters);
	self->queue = h_create(&messages);
	self->plain = h_memfd();
	self->item.fd = self->plain;
	self->count = MOST_HANDLES;
}

FIXTURE_TEARDOWN(lib)
{
}

/* By a fixture whose @count is what there is room for. */
#define SEND_BOX(fd, what, n, deadline)						\
	kipc_mailbox_send_handles(fd, "hello", 5, 7, what, n, deadline)
#define SEND_QUEUE(fd, what, n, deadline)					\
	kipc_queue_send_handles(fd, "hello", 5, 7, 1, what, n, deadline)
#define RECV_BOX(fd, flags, deadline)						\
	kipc_mailbox_recv_handles(fd, self->data, sizeof(self->data), NULL,	\
				  self->got, &self->count, flags, deadline)
#define RECV_QUEUE(fd, selector, flags, deadline)				\
	kipc_queue_recv_handles(fd, self->data, sizeof(self->data), selector,	\
				NULL, self->got, &self->count, flags, deadline)

TEST_F(lib, letters)
{
	struct kipc_letter letter;

	ASSERT_OK(SEND_BOX(self->box, &self->item, 1, 0));
	ASSERT_EQ(5, RECV_BOX(self->box, KIPC_RECV_PEEK, 0));
	EXPECT_EQ(1, self->count);
	self->count = MOST_HANDLES;
	ASSERT_EQ(3, kipc_mailbox_recv_handles(self->box, self->data, 3, &letter, self->got,
					       &self->count, KIPC_RECV_TRUNCATE, 0));
	EXPECT_EQ(1, self->count);
	EXPECT_EQ(7, letter.tag);
	EXPECT_EQ(KIPC_LETTER_HANDLES | KIPC_LETTER_TRUNCATED, letter.flags);
	EXPECT_TRUE(h_same(self->plain, self->got[0].fd));
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->got[0].fd, F_GETFD));
	/* A letter that carries nothing. */
	ASSERT_OK(kipc_mailbox_send(self->box, "x", 1, 0, 0));
	ASSERT_EQ(1, RECV_BOX(self->box, 0, 0));
	EXPECT_EQ(0, self->count);
}

TEST_F(lib, messages)
{
	struct kipc_selector other = kipc_select_type(8), want = kipc_select_type(7);
	struct kipc_message message;

	ASSERT_OK(SEND_QUEUE(self->queue, &self->item, 1, 0));
	EXPECT_ERR(EAGAIN, RECV_QUEUE(self->queue, &other, 0, 0));
	ASSERT_EQ(5, RECV_QUEUE(self->queue, NULL, KIPC_RECV_PEEK, 0));
	EXPECT_EQ(1, self->count);
	self->count = MOST_HANDLES;
	ASSERT_EQ(5, kipc_queue_recv_handles(self->queue, self->data, 64, &want, &message,
					     self->got, &self->count, 0, 0));
	EXPECT_EQ(1, self->count);
	EXPECT_EQ(KIPC_MESSAGE_HANDLES, message.flags);
	EXPECT_EQ(1, message.priority);
	EXPECT_TRUE(h_same(self->plain, self->got[0].fd));
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->got[0].fd, F_GETFD));
}

TEST_F(lib, sending_what_cannot_be_sent)
{
	struct kipc_descriptor bad = { .fd = self->box }, closed = { .fd = 1000 };
	struct kipc_descriptor socket_end = { .fd = socket(AF_UNIX, SOCK_STREAM, 0) };
	struct kipc_descriptor more = { .fd = k_narrow(default_box(), SEND, 0),
					.rights = RECEIVE };
	int plain_box = default_box(), plain_queue = lib_queue();
	int receiver = k_narrow(self->box, RECEIVE, 0);
	int q_receiver = k_narrow(self->queue, RECEIVE, 0);
	static char large[(64 << 10) + 1];

	EXPECT_ERR(EOPNOTSUPP, SEND_BOX(plain_box, &self->item, 1, 0));
	EXPECT_ERR(EOPNOTSUPP, SEND_QUEUE(plain_queue, &self->item, 1, 0));
	EXPECT_ERR(ELOOP, SEND_BOX(self->box, &bad, 1, 0));
	bad.fd = self->queue;
	EXPECT_ERR(ELOOP, SEND_QUEUE(self->queue, &bad, 1, 0));
	EXPECT_ERR(EPERM, SEND_BOX(self->box, &socket_end, 1, 0));
	EXPECT_ERR(EPERM, SEND_QUEUE(self->queue, &socket_end, 1, 0));
	EXPECT_ERR(EPERM, SEND_BOX(self->box, &more, 1, 0));
	EXPECT_ERR(EPERM, SEND_QUEUE(self->queue, &more, 1, 0));
	EXPECT_ERR(EBADF, SEND_BOX(self->box, &closed, 1, 0));
	EXPECT_ERR(EBADF, SEND_QUEUE(self->queue, &closed, 1, 0));
	EXPECT_ERR(EBADF, SEND_BOX(receiver, &self->item, 1, 0));
	EXPECT_ERR(EBADF, SEND_QUEUE(q_receiver, &self->item, 1, 0));
	EXPECT_ERR(EINVAL, SEND_BOX(self->box, &self->item, 0, 0));
	EXPECT_ERR(EINVAL, SEND_QUEUE(self->queue, &self->item, 0, 0));
	EXPECT_ERR(EINVAL, SEND_BOX(self->box, &self->item, (size_t)1 << 32, 0));
	EXPECT_ERR(EINVAL, SEND_QUEUE(self->queue, &self->item, MOST_HANDLES + 1, 0));
	EXPECT_ERR(EFAULT, SEND_BOX(self->box, (void *)16, 1, 0));
	EXPECT_ERR(EFAULT, SEND_QUEUE(self->queue, (void *)16, 1, 0));
	EXPECT_ERR(ENOTTY, SEND_BOX(self->queue, &self->item, 1, 0));
	EXPECT_ERR(ENOTTY, SEND_QUEUE(self->box, &self->item, 1, 0));
	EXPECT_ERR(EMSGSIZE, kipc_mailbox_send_handles(self->box, large, sizeof(large), 0,
						       &self->item, 1, 0));
	EXPECT_ERR(EMSGSIZE, kipc_queue_send_handles(self->queue, large, sizeof(large), 1, 0,
						     &self->item, 1, 0));
	EXPECT_ERR(EMSGSIZE, kipc_mailbox_send_handles(self->box, large, (size_t)1 << 32, 0,
						       &self->item, 1, 0));
	EXPECT_EQ(0, total("carried"));
}

TEST_F(lib, receiving_what_cannot_be_received)
{
	struct kipc_selector nobody = kipc_select_sender(4000000);
	struct kipc_selector wrong = { .how = KIPC_SELECT_AFTER + 1 };
	int sender = k_narrow(self->box, SEND, 0), q_sender = k_narrow(self->queue, SEND, 0);
	struct rlimit limit, low;
	int status;
	pid_t pid;

	ASSERT_OK(SEND_BOX(self->box, &self->item, 1, 0));
	ASSERT_OK(SEND_QUEUE(self->queue, &self->item, 1, 0));
	EXPECT_ERR(EBADMSG, kipc_mailbox_recv(self->box, self->data, 64, NULL, 0, 0));
	EXPECT_ERR(EBADMSG, kipc_queue_recv(self->queue, self->data, 64, NULL, NULL, 0, 0));
	self->count = 0;
	EXPECT_ERR(EMSGSIZE, RECV_BOX(self->box, 0, 0));
	EXPECT_ERR(EMSGSIZE, RECV_QUEUE(self->queue, NULL, 0, 0));
	self->count = MOST_HANDLES;
	EXPECT_ERR(EMSGSIZE, kipc_mailbox_recv_handles(self->box, self->data, 4, NULL,
						       self->got, &self->count, 0, 0));
	EXPECT_ERR(EMSGSIZE, kipc_queue_recv_handles(self->queue, self->data, 4, NULL, NULL,
						     self->got, &self->count, 0, 0));
	EXPECT_ERR(EFAULT, kipc_mailbox_recv_handles(self->box, self->data, 64, NULL,
						     (void *)16, &self->count, 0, 0));
	EXPECT_ERR(EFAULT, kipc_queue_recv_handles(self->queue, self->data, 64, NULL, NULL,
						   (void *)16, &self->count, 0, 0));
	EXPECT_ERR(EBADF, RECV_BOX(sender, 0, 0));
	EXPECT_ERR(EBADF, RECV_QUEUE(q_sender, NULL, 0, 0));
	EXPECT_ERR(EINVAL, RECV_BOX(self->box, KIPC_RECV_CALLS, 0));
	EXPECT_ERR(EINVAL, RECV_BOX(self->box, 1U << 31, 0));
	EXPECT_ERR(EINVAL, RECV_QUEUE(self->queue, NULL, 1U << 31, 0));
	EXPECT_ERR(EINVAL, RECV_QUEUE(self->queue, &wrong, 0, 0));
	EXPECT_ERR(ENOTTY, RECV_BOX(self->queue, 0, 0));
	EXPECT_ERR(ENOTTY, RECV_QUEUE(self->box, NULL, 0, 0));
	EXPECT_EQ(MOST_HANDLES, self->count);
	ASSERT_OK(getrlimit(RLIMIT_NOFILE, &limit));
	low = limit;
	low.rlim_cur = 0;
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &low));
	EXPECT_ERR(EMFILE, RECV_BOX(self->box, 0, 0));
	EXPECT_ERR(EMFILE, RECV_QUEUE(self->queue, NULL, 0, 0));
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &limit));
	pid = spawn();
	if (!pid) {
		CHECK(!unshare(CLONE_NEWPID));
		pid = fork();
		if (!pid) {
			CHECK_ERR(ESRCH, RECV_QUEUE(self->queue, &nobody, 0, 0));
			_exit(0);
		}
		CHECK(waitpid(pid, &status, 0) == pid);
		_exit(status != 0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(5, RECV_BOX(self->box, 0, 0));
	EXPECT_EQ(1, self->count);
	self->count = MOST_HANDLES;
	EXPECT_EQ(5, RECV_QUEUE(self->queue, NULL, 0, 0));
	EXPECT_EQ(1, self->count);
}

TEST_F(lib, requests_are_for_servers)
{
	uint64_t token;

	ASSERT_OK(kipc_mailbox_submit(self->box, "x", 1, 0, 0, &token, 0));
	EXPECT_ERR(EBADMSG, RECV_BOX(self->box, 0, 0));
}

TEST_F(lib, waits)
{
	int box = h_create_flags(&letters, 1, KIPC_MAILBOX_HANDLES | KIPC_MAILBOX_HANGUP);
	int queue = h_create_flags(&messages, 1, KIPC_QUEUE_HANDLES | KIPC_QUEUE_HANGUP);
	struct kipc_selector other = kipc_select_type(8);

	EXPECT_ERR(EAGAIN, RECV_BOX(box, 0, 0));
	EXPECT_ERR(EAGAIN, RECV_QUEUE(queue, NULL, 0, 0));
	EXPECT_ERR(ETIMEDOUT, RECV_BOX(box, 0, after(MS)));
	EXPECT_INTERRUPTED(RECV_BOX(box, 0, after(PATIENCE)));
	ASSERT_OK(SEND_BOX(box, &self->item, 1, 0));
	ASSERT_OK(SEND_QUEUE(queue, &self->item, 1, 0));
	EXPECT_ERR(ETIMEDOUT, RECV_QUEUE(queue, &other, 0, after(MS)));
	EXPECT_INTERRUPTED(RECV_QUEUE(queue, &other, 0, after(PATIENCE)));
	EXPECT_ERR(EAGAIN, SEND_BOX(box, &self->item, 1, 0));
	EXPECT_ERR(EAGAIN, SEND_QUEUE(queue, &self->item, 1, 0));
	EXPECT_ERR(ETIMEDOUT, SEND_BOX(box, &self->item, 1, after(MS)));
	EXPECT_ERR(ETIMEDOUT, SEND_QUEUE(queue, &self->item, 1, after(MS)));
	EXPECT_INTERRUPTED(SEND_BOX(box, &self->item, 1, after(PATIENCE)));
	EXPECT_INTERRUPTED(SEND_QUEUE(queue, &self->item, 1, after(PATIENCE)));
	EXPECT_EQ(2, total("carried"));
}

TEST_F(lib, ends)
{
	unsigned int box_flags = KIPC_MAILBOX_HANDLES | KIPC_MAILBOX_HANGUP;
	unsigned int queue_flags = KIPC_QUEUE_HANDLES | KIPC_QUEUE_HANGUP;
	int box = h_create_flags(&letters, 9, box_flags);
	int queue = h_create_flags(&messages, 9, queue_flags);
	int sender = k_narrow(box, SEND, 0), q_sender = k_narrow(queue, SEND, 0);
	int receiver, q_receiver;

	close(box);
	close(queue);
	EXPECT_ERR(EPIPE, SEND_BOX(sender, &self->item, 1, 0));
	EXPECT_ERR(EPIPE, SEND_QUEUE(q_sender, &self->item, 1, 0));
	box = h_create_flags(&letters, 9, box_flags);
	queue = h_create_flags(&messages, 9, queue_flags);
	receiver = k_narrow(box, RECEIVE, 0);
	q_receiver = k_narrow(queue, RECEIVE, 0);
	close(box);
	close(queue);
	EXPECT_ERR(EPIPE, RECV_BOX(receiver, 0, 0));
	EXPECT_ERR(EPIPE, RECV_QUEUE(q_receiver, NULL, 0, 0));
	ASSERT_OK(kipc_remove(self->box));
	ASSERT_OK(kipc_remove(self->queue));
	EXPECT_ERR(EIDRM, SEND_BOX(self->box, &self->item, 1, 0));
	EXPECT_ERR(EIDRM, SEND_QUEUE(self->queue, &self->item, 1, 0));
	EXPECT_ERR(EIDRM, RECV_BOX(self->box, 0, 0));
	EXPECT_ERR(EIDRM, RECV_QUEUE(self->queue, NULL, 0, 0));
	EXPECT_EQ(0, total("carried"));
}

TEST_F(lib, quotas)
{
	uint64_t carried = get_limit("max_carried"), waiters = get_limit("max_waiters");

	set_limit("max_carried", 0);
	set_limit("max_waiters", 0);
	EXPECT_ERR(EDQUOT, SEND_BOX(self->box, &self->item, 1, 0));
	EXPECT_ERR(EDQUOT, SEND_QUEUE(self->queue, &self->item, 1, 0));
	EXPECT_ERR(EDQUOT, RECV_BOX(self->box, 0, after(PATIENCE)));
	EXPECT_ERR(EDQUOT, RECV_QUEUE(self->queue, NULL, 0, after(PATIENCE)));
	set_limit("max_carried", carried);
	set_limit("max_waiters", waiters);
}

/* No memory for the message; or for the descriptors' table, when it has to grow. */
TEST_F(lib, no_memory)
{
	pid_t pid;

	if (!inject_begin())
		SKIP(return, NO_INJECTION);
	ASSERT_OK(SEND_BOX(self->box, &self->item, 1, 0));
	ASSERT_OK(SEND_QUEUE(self->queue, &self->item, 1, 0));
	/* The table is a child's own, and there is room for 64 at first. */
	pid = spawn();
	if (!pid) {
		/* It opens a file, once: before the table is full. */
		CHECK(inject_arm_all());
		inject_disarm_all();
		while (dup(self->plain) < 63)
			;
		CHECK(inject_arm_all());
		CHECK_ERR(ENOMEM, SEND_BOX(self->box, &self->item, 1, 0));
		CHECK_ERR(ENOMEM, SEND_QUEUE(self->queue, &self->item, 1, 0));
		CHECK_ERR(ENOMEM, RECV_BOX(self->box, 0, 0));
		CHECK_ERR(ENOMEM, RECV_QUEUE(self->queue, NULL, 0, 0));
		inject_disarm_all();
		CHECK(RECV_BOX(self->box, 0, 0) == 5 && self->count == 1);
		CHECK(self->got[0].fd == 64);
		CHECK(RECV_QUEUE(self->queue, NULL, 0, 0) == 5 && self->count == 1);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	inject_end();
	EXPECT_EQ(0, total("carried"));
}

/* Calls: a handler gets one, and gives another. */

static struct kipc_service *service;

static void swap_handles(void *a_stack, const uint64_t args[8])
{
	struct kipc_descriptor items[2];
	int fd = kipc_service_fd(service);
	size_t count = 2;

	(void)a_stack;
	CHECK_ERR(EPERM, kipc_service_take(kipc_caller()->pid ? k_narrow(fd, MANAGE, 0) : fd,
					   kipc_caller()->token, items, &count));
	CHECK(!kipc_service_take(fd, kipc_caller()->token, items, &count) && count == 1);
	CHECK(write(items[0].fd, "got it", 6) == 6);
	close(items[0].fd);
	items[0] = (struct kipc_descriptor){ .fd = h_memfd() };
	CHECK(pwrite(items[0].fd, "here", 4, 0) == 4);
	CHECK(!kipc_service_attach(fd, kipc_caller()->token, items, 1));
	close(items[0].fd);
	kipc_return(0, args);
}

static kipc_handler *const handlers[] = { swap_handles };

TEST_F(lib, calls)
{
	struct kipc_service_options options = {
		.attr.flags = KIPC_SERVICE_HANDLES,
		.handlers = handlers,
		.handler_count = 1,
		.mode = 0600,
	};
	const char *name = temp_name("swap");
	struct kipc_binding *binding;
	int pipes[2], stack;
	uint64_t args[8] = { 0 };
	pid_t pid = spawn();

	if (!pid) {
		service = kipc_service_register(name, &options);
		CHECK(service && !kipc_service_run(service));
		_exit(0);
	}
	binding = kipc_connect(name, NULL, after(PATIENCE));
	ASSERT_TRUE(binding);
	ASSERT_OK(pipe(pipes));
	self->item.fd = pipes[1];
	stack = kipc_stack_take(binding);
	EXPECT_ERR(ENOENT, kipc_take(binding, stack, self->got, &self->count));
	ASSERT_OK(kipc_attach(binding, stack, &self->item, 1));
	ASSERT_OK(kipc_call(binding, stack, 0, args, after(PATIENCE)));
	EXPECT_EQ(6, read(pipes[0], self->data, 64));
	ASSERT_OK(kipc_take(binding, stack, self->got, &self->count));
	EXPECT_EQ(1, self->count);
	EXPECT_EQ(4, pread(self->got[0].fd, self->data, 64, 0));
	EXPECT_EQ(0, memcmp(self->data, "here", 4));
	kipc_stack_release(binding, stack);
	kipc_disconnect(binding);
	slay(pid);
}

/* Indirect letters. */

static void fill_memfd(int fd, size_t size)
{
	char *p;

	CHECK(!ftruncate(fd, size));
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	fill(p, size, 1);
	CHECK(!munmap(p, size));
}

TEST_F(lib, regions)
{
	size_t size = 100000, from[] = { 0, 1, 4096, 4097, 99999 }, i;
	static char copy[100000];
	struct kipc_region region;
	struct kipc_letter letter;

	fill_memfd(self->plain, size);
	ASSERT_EQ(size, pread(self->plain, copy, size, 0));
	for (i = 0; i < ARRAY_SIZE(from); i++) {
		ASSERT_OK(kipc_mailbox_send_region(self->box, self->plain, from[i],
						   size - from[i], i, 0, 0));
		ASSERT_OK(kipc_mailbox_recv_region(self->box, &region, &letter, 0, 0));
		EXPECT_EQ(i, letter.tag);
		ASSERT_EQ(size - from[i], region.size);
		EXPECT_EQ(0, memcmp(copy + from[i], region.data, region.size));
		EXPECT_OK(kipc_region_unmap(&region));
		EXPECT_ERR(EINVAL, kipc_region_unmap(&region));
	}
	/* It is sealed now, for the sender as well. */
	EXPECT_ERR(EPERM, pwrite(self->plain, "x", 1, 0));
	EXPECT_ERR(EPERM, ftruncate(self->plain, 1));
	EXPECT_ERR(EPERM, ftruncate(self->plain, 2 * size));
	EXPECT_EQ(0, total("carried"));
}

TEST_F(lib, regions_that_are_not_sealed)
{
	struct kipc_region region;

	fill_memfd(self->plain, 8192);
	ASSERT_OK(kipc_mailbox_send_region(self->box, self->plain, 0, 8192, 0,
					   KIPC_REGION_UNSEALED, 0));
	ASSERT_OK(kipc_mailbox_send_region(self->box, self->plain, 0, 8192, 0,
					   KIPC_REGION_UNSEALED, 0));
	EXPECT_EQ(1, pwrite(self->plain, "x", 1, 10));
	/* Only for who wants it; and it is gone then. */
	EXPECT_ERR(EPERM, kipc_mailbox_recv_region(self->box, &region, NULL, 0, 0));
	EXPECT_EQ(1, total("carried"));
	ASSERT_OK(kipc_mailbox_recv_region(self->box, &region, NULL,
					   KIPC_REGION_UNSEALED, 0));
	EXPECT_EQ('x', ((const char *)region.data)[10]);
	EXPECT_EQ(1, pwrite(self->plain, "y", 1, 10));
	EXPECT_EQ('y', ((const char *)region.data)[10]);
	EXPECT_OK(kipc_region_unmap(&region));
}

/* A file of a tmpfs cannot be sealed, but is memory. */
TEST_F(lib, region_of_a_tmpfs)
{
	int file = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct kipc_region region;

	ASSERT_OK(file);
	fill_memfd(file, 8192);
	EXPECT_ERR(EPERM, kipc_mailbox_send_region(self->box, file, 0, 8192, 0, 0, 0));
	ASSERT_OK(kipc_mailbox_send_region(self->box, file, 0, 8192, 0,
					   KIPC_REGION_UNSEALED, 0));
	ASSERT_OK(kipc_mailbox_recv_region(self->box, &region, NULL,
					   KIPC_REGION_UNSEALED, 0));
	ASSERT_EQ(1, pwrite(file, "y", 1, 10));
	EXPECT_EQ('y', ((const char *)region.data)[10]);
	EXPECT_OK(kipc_region_unmap(&region));
	close(file);
}

/* A send that fails, and may be tried again, has sealed it. */
TEST_F(lib, sealed_for_nothing)
{
	int full = box(1, 64, 64, KIPC_MAILBOX_HANDLES);

	ASSERT_OK(full);
	fill_memfd(self->plain, 8192);
	ASSERT_OK(kipc_mailbox_send(full, "x", 1, 0, 0));
	EXPECT_ERR(EAGAIN, kipc_mailbox_send_region(full, self->plain, 0, 1, 0, 0, 0));
	EXPECT_ERR(EPERM, pwrite(self->plain, "y", 1, 0));
	ASSERT_OK(kipc_mailbox_recv(full, NULL, 0, NULL, KIPC_RECV_TRUNCATE, 0));
	EXPECT_OK(kipc_mailbox_send_region(full, self->plain, 0, 1, 0, 0, 0));
	close(full);
}

TEST_F(lib, bad_regions_to_send)
{
	struct kipc_region region;
	int file = open("/proc/self/status", O_RDONLY);
	int fixed = memfd_create("fixed", 0);
	char *p;

	fill_memfd(self->plain, 8192);
	fill_memfd(fixed, 8192);
	EXPECT_ERR(EINVAL, kipc_mailbox_send_region(self->box, self->plain, 0, 1, 0, 2, 0));
	EXPECT_ERR(EINVAL, kipc_mailbox_recv_region(self->box, &region, NULL, 2, 0));
	/* Of the other receives: it would be consent to what is not sealed. */
	EXPECT_ERR(EINVAL, kipc_mailbox_recv_region(self->box, &region, NULL,
						    KIPC_RECV_PEEK, 0));
	EXPECT_ERR(EINVAL, kipc_mailbox_send_region(self->box, file, 0, 1, 0, 0, 0));
	EXPECT_ERR(ERANGE, kipc_mailbox_send_region(self->box, self->plain, 0, 0, 0,
						    KIPC_REGION_UNSEALED, 0));
	EXPECT_ERR(ERANGE, kipc_mailbox_send_region(self->box, self->plain, 8192, 1, 0,
						    KIPC_REGION_UNSEALED, 0));
	EXPECT_ERR(ERANGE, kipc_mailbox_send_region(self->box, self->plain, 1, 8192, 0,
						    KIPC_REGION_UNSEALED, 0));
	EXPECT_ERR(ERANGE, kipc_mailbox_send_region(self->box, self->plain, ~0ULL, 2, 0,
						    KIPC_REGION_UNSEALED, 0));
	EXPECT_ERR(ERANGE, kipc_mailbox_send_region(self->box, self->plain, 2, ~0ULL, 0,
						    KIPC_REGION_UNSEALED, 0));
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, self->plain, 0);
	ASSERT_TRUE(p != MAP_FAILED);
	EXPECT_ERR(EBUSY, kipc_mailbox_send_region(self->box, self->plain, 0, 1, 0, 0, 0));
	munmap(p, 8192);
	/* It could be made writable. */
	p = mmap(NULL, 8192, PROT_READ, MAP_SHARED, self->plain, 0);
	ASSERT_TRUE(p != MAP_FAILED);
	EXPECT_ERR(EBUSY, kipc_mailbox_send_region(self->box, self->plain, 0, 1, 0, 0, 0));
	munmap(p, 8192);
	EXPECT_ERR(EPERM, kipc_mailbox_send_region(self->box, fixed, 0, 1, 0, 0, 0));
	EXPECT_ERR(EAGAIN, kipc_mailbox_recv_region(self->box, &region, NULL, 0, 0));
}

/* What a sender who means it ill puts into such a letter. */
TEST_F(lib, bad_regions_to_receive)
{
	struct { uint64_t magic, offset, length; } said = { 0 };
	struct kipc_descriptor item = self->item;
	static const struct { uint64_t offset, length; } beyond[] = {
		{ 0, 0 }, { 0, 8193 }, { 8192, 1 }, { 8191, 2 }, { ~0ULL, 1 }, { 1, ~0ULL },
		{ ~0ULL, ~0ULL }, { 1ULL << 63, 4096 }, { 4096, 1ULL << 63 },
	};
	struct kipc_region region;
	size_t i, count = 1;

	/* What such a letter looks like. */
	fill_memfd(self->plain, 8192);
	ASSERT_OK(kipc_mailbox_send_region(self->box, self->plain, 0, 8192, 0, 0, 0));
	ASSERT_EQ(sizeof(said), kipc_mailbox_recv_handles(self->box, &said, sizeof(said),
							  NULL, self->got, &count, 0, 0));
	for (i = 0; i < ARRAY_SIZE(beyond); i++) {
		said.offset = beyond[i].offset;
		said.length = beyond[i].length;
		ASSERT_OK(kipc_mailbox_send_handles(self->box, &said, sizeof(said), 0, &item,
						    1, 0));
		EXPECT_ERR(ERANGE, kipc_mailbox_recv_region(self->box, &region, NULL, 0, 0));
		EXPECT_EQ(0, total("carried"));
	}
	said.offset = 0;
	said.length = 1;
	/* No memory: a pipe, and a file that cannot be sealed. */
	item.fd = eventfd(0, 0);
	ASSERT_OK(kipc_mailbox_send_handles(self->box, &said, sizeof(said), 0, &item, 1, 0));
	EXPECT_ERR(EINVAL, kipc_mailbox_recv_region(self->box, &region, NULL, 0, 0));
	ASSERT_OK(kipc_mailbox_send_handles(self->box, &said, sizeof(said), 0, &item, 1, 0));
	EXPECT_ERR(EINVAL, kipc_mailbox_recv_region(self->box, &region, NULL,
						    KIPC_REGION_UNSEALED, 0));
	EXPECT_EQ(0, total("carried"));
	/* Other letters stay. */
	ASSERT_OK(kipc_mailbox_send(self->box, &said, sizeof(said), 1, 0));
	EXPECT_ERR(EBADMSG, kipc_mailbox_recv_region(self->box, &region, NULL, 0, 0));
	EXPECT_EQ(sizeof(said), read(self->box, &said, sizeof(said)));
	said.magic++;
	ASSERT_OK(kipc_mailbox_send_handles(self->box, &said, sizeof(said), 0, &item, 1, 0));
	EXPECT_ERR(EBADMSG, kipc_mailbox_recv_region(self->box, &region, NULL, 0, 0));
	EXPECT_OK(h_recv_fd(&letters, self->box));
	said.magic--;
	ASSERT_OK(kipc_mailbox_send_handles(self->box, &said, sizeof(said) - 1, 0, &item, 1,
					    0));
	EXPECT_ERR(EBADMSG, kipc_mailbox_recv_region(self->box, &region, NULL, 0, 0));
	EXPECT_EQ(1, total("carried"));
}

/* Nothing of the address space is left. */
TEST_F(lib, no_room_for_a_region)
{
	struct rlimit limit, low;
	struct kipc_region region;

	fill_memfd(self->plain, 64 << 20);
	ASSERT_OK(kipc_mailbox_send_region(self->box, self->plain, 0, 64 << 20, 0, 0, 0));
	ASSERT_OK(getrlimit(RLIMIT_AS, &limit));
	low = limit;
	low.rlim_cur = 32 << 20;
	ASSERT_OK(setrlimit(RLIMIT_AS, &low));
	EXPECT_ERR(ENOMEM, kipc_mailbox_recv_region(self->box, &region, NULL, 0, 0));
	ASSERT_OK(setrlimit(RLIMIT_AS, &limit));
	EXPECT_EQ(0, total("carried"));
}

TEST_HARNESS_MAIN
