// SPDX-License-Identifier: GPL-2.0
/* The tracepoints, as tracefs shows them; kipc_trace(7) says what they are. */
#include "test.h"
#include "kbatch.h"
#include "kmemory.h"
#include "kpipe.h"
#include "kqueue.h"
#include "kservice.h"

#include <stdarg.h>
#include <sys/mount.h>

#define TRACEFS	"/sys/kernel/tracing"

static char place[64];		/* an instance of our own */
static char text[1 << 20];	/* what it shows */

static char *in_place(const char *name)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/%s", place, name);
	return path;
}

static void read_text(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	size_t at = 0;

	CHECK(fd >= 0);
	while ((n = read(fd, text + at, sizeof(text) - 1 - at)) > 0)
		at += n;
	text[at] = 0;
	close(fd);
}

/* How many such lines there are: all of it after the time. */
static unsigned int traced(const char *format, ...)
{
	const char *found = text;
	unsigned int count = 0;
	char line[200];
	va_list args;
	size_t size;

	va_start(args, format);
	size = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	line[size] = '\n';
	line[size + 1] = 0;
	read_text(in_place("trace"));
	while ((found = strstr(found, line))) {
		count++;
		found += size;
	}
	return count;
}

FIXTURE(trace) {
};

FIXTURE_SETUP(trace)
{
	if (access(TRACEFS "/events", F_OK))
		CHECK(!mount("tracefs", TRACEFS, "tracefs", 0, NULL));
	snprintf(place, sizeof(place), "%s/kipc-%d", TRACEFS "/instances",
		 getpid());
	CHECK(!mkdir(place, 0700));
	write_file(in_place("events/kipc/enable"), "1");
}

FIXTURE_TEARDOWN(trace)
{
	write_file(in_place("events/kipc/enable"), "0");
	wait_for(!rmdir(place));
}

/* What the page says that there is, and of each its fields in their order. */
TEST_F(trace, fields)
{
	static const char *const events[][6] = {
		{ "kipc_create", "u64 id", "u32 kind", "u32 ipc_ns" },
		{ "kipc_send", "u64 id", "u32 kind", "u64 seq", "u64 size" },
		{ "kipc_receive", "u64 id", "u32 kind", "u64 seq", "u64 size" },
		{ "kipc_wait", "u64 id", "u32 kind", "u32 what", "s64 deadline" },
		{ "kipc_wake", "pid_t tid", "int verdict" },
		{ "kipc_call", "u64 id", "u64 token" },
		{ "kipc_serve", "u64 id", "u64 token" },
		{ "kipc_reply", "u64 id", "u64 token", "int result" },
		{ "kipc_abandon", "u64 id", "u64 token" },
		{ "kipc_notify", "u64 id", "u32 kind", "u32 events" },
		{ "kipc_quota", "uid_t uid", "u32 resource", "u64 wanted", "u64 limit" },
	};
	unsigned int i, k, count = 0;
	const char *at;
	char line[80];

	for (i = 0; i < ARRAY_SIZE(events); i++) {
		snprintf(line, sizeof(line), "events/kipc/%s/format", events[i][0]);
		read_text(in_place(line));
		/* After those that all events have. */
		at = strstr(text, "\n\n");
		for (k = 1; events[i][k]; k++) {
			ASSERT_NE(NULL, at);
			snprintf(line, sizeof(line), "field:%s;", events[i][k]);
			EXPECT_NE(NULL, strstr(at, line));
			at = strstr(at + 2, "field:");
			EXPECT_TRUE(at && !strncmp(at, line, strlen(line)));
		}
		at = at ? strstr(at + 1, "field:") : NULL;
		EXPECT_EQ(NULL, at);
	}
	read_text(TRACEFS "/available_events");
	for (at = text; (at = strstr(at, "kipc:")); at++)
		count++;
	EXPECT_EQ(ARRAY_SIZE(events), count);
}

TEST_F(trace, create)
{
	struct kipc_service_attr attr = { .stacks = 1 };
	int sem = k_create_kind(OWN_CONTROL, KIPC_KIND_SEMAPHORES, temp_name("sem"), NULL, 0,
				0600, KIPC_SEM_RIGHTS, 0);
	const struct { int fd; const char *kind; } made[] = {
		{ default_box(), "mailbox" },
		{ default_queue(), "queue" },
		{ pipe_of(0, 0), "pipe" },
		{ s_create(NULL, &attr, 0600, SERVE, 0), "service" },
		{ memory_of(PAGE), "memory" },
		{ sem, "semaphores" },
	};
	const char *at = text;
	struct stat ns;
	unsigned int i;

	ASSERT_OK(stat("/proc/self/ns/ipc", &ns));
	for (i = 0; i < ARRAY_SIZE(made); i++)
		EXPECT_EQ(1, traced("kipc_create: id=%llu kind=%s ipc_ns=%lu",
				    id_of(made[i].fd), made[i].kind,
				    (unsigned long)ns.st_ino));
	/* What could not be created was not. */
	EXPECT_ERR(EINVAL, s_create(NULL, &attr, 0600, 0, 0));
	read_text(in_place("trace"));
	for (i = 0; (at = strstr(at, "kipc_create")); i++)
		at++;
	EXPECT_EQ(ARRAY_SIZE(made), i);
}

/* By each way of sending and receiving: with the number that the receiver gets. */
TEST_F(trace, letters)
{
	static char large[20000];
	struct kipc_send_item out[2] = {
		{ .data = ptr(large), .size = 3 }, { .data = ptr(large), .size = 4 },
	};
	struct kipc_recv_item in[2] = {
		{ .data = ptr(large), .size = 8 }, { .data = ptr(large), .size = 8 },
	};
	int fd = box(10, 100000, sizeof(large), 0);
	unsigned long long id = id_of(fd), seq;
	static const unsigned int sizes[] = { 1, 2, 20000, 3, 4 };

	EXPECT_EQ(1, write(fd, large, 1));
	EXPECT_OK(k_send(fd, large, 2, 0, KIPC_NO_WAIT));
	EXPECT_OK(k_send(fd, large, sizeof(large), 0, KIPC_NO_WAIT));
	EXPECT_EQ(2, k_send_batch(fd, out, 2, KIPC_NO_WAIT));
	EXPECT_EQ(1, read(fd, large, 1));
	/* A look is none. */
	EXPECT_EQ(2, k_recv(fd, large, 2, NULL, KIPC_RECV_PEEK, KIPC_NO_WAIT));
	EXPECT_EQ(2, k_recv(fd, large, 2, NULL, 0, KIPC_NO_WAIT));
	EXPECT_EQ(20000, k_recv(fd, large, 20000, NULL, 0, KIPC_NO_WAIT));
	EXPECT_EQ(2, k_recv_batch(fd, in, 2, 0, KIPC_NO_WAIT));
	for (seq = 1; seq <= ARRAY_SIZE(sizes); seq++) {
		EXPECT_EQ(1, traced("kipc_send: id=%llu kind=mailbox seq=%llu size=%u", id,
				    seq, sizes[seq - 1]));
		EXPECT_EQ(1, traced("kipc_receive: id=%llu kind=mailbox seq=%llu size=%u",
				    id, seq, sizes[seq - 1]));
	}
}

TEST_F(trace, messages_and_bytes)
{
	int fd = default_queue(), pipe = pipe_of(0, 0);
	unsigned long long id = id_of(fd);
	char data[100];

	EXPECT_EQ(0, q_put(fd, 7, 0, 1));
	EXPECT_EQ(1, q_take(fd, BY_TYPE(7)));
	EXPECT_EQ(1, traced("kipc_send: id=%llu kind=queue seq=1 size=8", id));
	EXPECT_EQ(1, traced("kipc_receive: id=%llu kind=queue seq=1 size=8", id));
	id = id_of(pipe);
	EXPECT_EQ(100, write(pipe, data, 100));
	EXPECT_EQ(20, write(pipe, data, 20));
	EXPECT_EQ(70, read(pipe, data, 70));
	EXPECT_EQ(50, read(pipe, data, 100));
	EXPECT_EQ(1, traced("kipc_send: id=%llu kind=pipe seq=0 size=100", id));
	EXPECT_EQ(1, traced("kipc_send: id=%llu kind=pipe seq=100 size=20", id));
	EXPECT_EQ(1, traced("kipc_receive: id=%llu kind=pipe seq=0 size=70", id));
	EXPECT_EQ(1, traced("kipc_receive: id=%llu kind=pipe seq=70 size=50", id));
}

/* Of every kind: who waits, and until when; and who ends that, and how. */
TEST_F(trace, waits)
{
	const unsigned long long until = after(PATIENCE);
	int fd = default_box();
	pid_t pid = spawn();

	if (!pid) {
		CHECK(k_recv(fd, text, 8, NULL, 0, until) == 8);
		CHECK_ERR(EIDRM, k_recv(fd, text, 8, NULL, 0, KIPC_FOREVER));
		_exit(0);
	}
	wait_waiters(fd, 0, 1, pid);
	EXPECT_EQ(1, traced("kipc_wait: id=%llu kind=mailbox what=data deadline=%llu", id_of(fd),
			    until));
	EXPECT_EQ(0, traced("kipc_wake: tid=%d verdict=0", pid));
	EXPECT_EQ(0, send_number(fd, 1));
	wait_for(traced("kipc_wait: id=%llu kind=mailbox what=data deadline=%lld", id_of(fd),
			(long long)INT64_MAX));
	EXPECT_EQ(1, traced("kipc_wake: tid=%d verdict=0", pid));
	wait_waiters(fd, 0, 1, pid);
	EXPECT_OK(k_remove(fd));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(1, traced("kipc_wake: tid=%d verdict=%d", pid, -EIDRM));
}

TEST_F(trace, waits_of_every_kind)
{
	static const struct kipc_sem_op down = { .op = -1 };
	struct kipc_sem_operation take = { .ops = ptr(&down), .count = 1 };
	const unsigned long long soon = after(5 * MS);
	int sem = k_create_kind(OWN_CONTROL, KIPC_KIND_SEMAPHORES, temp_name("sem"), NULL, 0,
				0600, KIPC_SEM_RIGHTS, 0);
	int queue = default_queue(), pipe = pipe_of(0, 0), memory = memory_of(PAGE);
	struct kipc_service_serve serve = { .flags = 0 };
	struct hand h = hand_of(NULL);
	uint64_t count;

	EXPECT_ERR(ETIMEDOUT, q_recv(queue, text, 8, BY_FIRST, NULL, 0, soon));
	EXPECT_EQ(1, traced("kipc_wait: id=%llu kind=queue what=data deadline=%llu", id_of(queue),
			    soon));
	EXPECT_ERR(ETIMEDOUT, p_read(pipe, text, 8, soon));
	EXPECT_EQ(1, traced("kipc_wait: id=%llu kind=pipe what=data deadline=%llu",
			    id_of(pipe), soon));
	take.deadline = soon;
	EXPECT_ERR(ETIMEDOUT, ioctl(sem, KIPC_IOC_SEM_OP, &take));
	EXPECT_EQ(1, traced("kipc_wait: id=%llu kind=semaphores what=data deadline=%llu",
			    id_of(sem), soon));
	EXPECT_ERR(ETIMEDOUT, m_wait(memory, &count, soon));
	EXPECT_EQ(1, traced("kipc_wait: id=%llu kind=memory what=data deadline=%llu",
			    id_of(memory), soon));
	EXPECT_ERR(ETIMEDOUT, s_serve(h.fd, &serve, soon));
	EXPECT_EQ(1, traced("kipc_wait: id=%llu kind=service what=call deadline=%llu", id_of(h.fd),
			    soon));
}

/* Calls of a mailbox, and of a service: made, taken, replied to, given up, deserted. */
TEST_F(trace, calls)
{
	int fd = default_box(), dup;
	unsigned long long id = id_of(fd);
	struct kipc_mailbox_recv recv;
	struct hand h = hand_of(NULL);
	struct kipc_served served;
	uint64_t token;

	ASSERT_OK(k_submit(fd, "ping", 4, 10, &token, KIPC_NO_WAIT));
	EXPECT_EQ(1, traced("kipc_call: id=%llu token=%llu", id, (unsigned long long)token));
	ASSERT_EQ(4, k_serve(fd, text, 8, &recv, 0, KIPC_NO_WAIT));
	EXPECT_EQ(1, traced("kipc_serve: id=%llu token=%llu", id, (unsigned long long)token));
	ASSERT_OK(k_reply(fd, token, "pong!", 5, 0));
	EXPECT_EQ(1, traced("kipc_reply: id=%llu token=%llu result=5", id,
			    (unsigned long long)token));
	ASSERT_EQ(5, k_collect(fd, &token, text, 10, NULL, KIPC_NO_WAIT));
	EXPECT_EQ(0, traced("kipc_abandon: id=%llu token=%llu", id,
			    (unsigned long long)token));

	/* Given up before anybody has it, and after. */
	ASSERT_OK(k_submit(fd, "ping", 4, 10, &token, KIPC_NO_WAIT));
	ASSERT_OK(k_cancel(fd, token));
	EXPECT_EQ(1, traced("kipc_abandon: id=%llu token=%llu", id,
			    (unsigned long long)token));
	ASSERT_OK(k_submit(fd, "ping", 4, 10, &token, KIPC_NO_WAIT));
	ASSERT_EQ(4, k_serve(fd, text, 8, &recv, 0, KIPC_NO_WAIT));
	ASSERT_OK(k_cancel(fd, token));
	EXPECT_EQ(1, traced("kipc_abandon: id=%llu token=%llu", id,
			    (unsigned long long)token));

	/* Its server has gone. */
	dup = k_narrow(fd, RECEIVE, 0);
	ASSERT_OK(k_submit(fd, "ping", 4, 10, &token, KIPC_NO_WAIT));
	ASSERT_EQ(4, k_serve(dup, text, 8, &recv, 0, KIPC_NO_WAIT));
	close(dup);
	EXPECT_EQ(1, traced("kipc_reply: id=%llu token=%llu result=%d", id,
			    (unsigned long long)token, -EPIPE));

	id = id_of(h.fd);
	ASSERT_OK(s_submit(&h.c, 0, ADD, 1, 2, &token));
	EXPECT_EQ(1, traced("kipc_call: id=%llu token=%llu", id, (unsigned long long)token));
	ASSERT_EQ(token, s_take(h.fd, &served));
	EXPECT_EQ(1, traced("kipc_serve: id=%llu token=%llu", id, (unsigned long long)token));
	ASSERT_OK(s_reply(h.fd, token, 6, 0));
	EXPECT_EQ(1, traced("kipc_reply: id=%llu token=%llu result=6", id,
			    (unsigned long long)token));
	ASSERT_OK(s_submit(&h.c, 1, ADD, 1, 2, &token));
	ASSERT_OK(s_cancel(h.c.fd, token));
	EXPECT_EQ(1, traced("kipc_abandon: id=%llu token=%llu", id,
			    (unsigned long long)token));
}

/* Only if there is somebody to be told. */
TEST_F(trace, notify)
{
	int fd = default_box();

	signal(SIGIO, SIG_IGN);
	EXPECT_EQ(0, send_number(fd, 1));
	EXPECT_EQ(0, traced("kipc_notify: id=%llu kind=mailbox events=0x1", id_of(fd)));
	EXPECT_EQ(1, recv_number(fd));
	ASSERT_OK(fcntl(fd, F_SETOWN, getpid()));
	ASSERT_OK(fcntl(fd, F_SETFL, O_ASYNC));
	EXPECT_EQ(0, send_number(fd, 2));
	EXPECT_EQ(1, traced("kipc_notify: id=%llu kind=mailbox events=0x%x", id_of(fd),
			    POLLIN | POLLRDBAND));
	EXPECT_OK(k_remove(fd));
	EXPECT_EQ(1, traced("kipc_notify: id=%llu kind=mailbox events=0x%x", id_of(fd),
			    POLLHUP | POLLERR | POLLNVAL));
}

TEST_F(trace, quota)
{
	uint64_t before = get_limit("max_objects");
	int fd;

	set_limit("max_objects", 1);
	default_box();
	fd = k_create(OWN_CONTROL, NULL, NULL, 0600, ALL_RIGHTS, 0);
	set_limit("max_objects", before);
	EXPECT_EQ(-1, fd);
	EXPECT_EQ(1, traced("kipc_quota: uid=0 resource=objects wanted=1 limit=1"));
}

/* Nothing is traced any more. */
TEST_F(trace, off)
{
	int fd = default_box();

	write_file(in_place("events/kipc/kipc_send/enable"), "0");
	EXPECT_EQ(0, send_number(fd, 1));
	EXPECT_EQ(1, recv_number(fd));
	EXPECT_EQ(0, traced("kipc_send: id=%llu kind=mailbox seq=1 size=8", id_of(fd)));
	EXPECT_EQ(1, traced("kipc_receive: id=%llu kind=mailbox seq=1 size=8", id_of(fd)));
}

TEST_HARNESS_MAIN
