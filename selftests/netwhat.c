// SPDX-License-Identifier: GPL-2.0
/*
 * What netlink says of those who wait, of every kind, and of calls of services: of each what
 * for, who, and how far it is.
 */
#include "test.h"
#include "knetlink.h"
#include "kpipe.h"
#include "kservice.h"

static struct nl *nl;

/* The only row there is of the object, of this command; sooner or later. */
static struct nl_message only_row(uint8_t cmd, uint64_t id)
{
	struct nl_message m;
	struct nl_list list;

	for (;;) {
		list = nl_dump(nl, cmd, id, false);
		CHECK(list.count <= 1);
		if (list.count)
			break;
		nap();
	}
	m = list.item[0];
	free(list.item);
	CHECK(m.id == id);
	return m;
}

/* The child @pid waits for that object, for that. */
static bool child_waits(pid_t pid, int fd, enum kipc_wait what)
{
	struct nl_message m = only_row(KIPC_CMD_WAITER, id_of(fd));

	return m.word[KIPC_A_WHAT] == what && m.word[KIPC_A_PID] == (uint32_t)pid &&
	       m.word[KIPC_A_TID] == (uint32_t)pid;
}

/* A child that waits in @call, and what is seen of it. */
#define EXPECT_WAITS(fd, what, call) do {				\
	pid_t pid_ = spawn();						\
									\
	if (!pid_) {							\
		(void)(call);						\
		_exit(0);						\
	}								\
	EXPECT_TRUE(child_waits(pid_, fd, what));			\
	slay(pid_);							\
	wait_for(!nl_dump(nl, KIPC_CMD_WAITER, id_of(fd), false).count); \
} while (0)

FIXTURE(what) {
};

FIXTURE_SETUP(what)
{
	nl = nl_open();
	ASSERT_NE(NULL, nl);
}

FIXTURE_TEARDOWN(what)
{
	nl_close(nl);
}

TEST_F(what, waiters_of_mailboxes)
{
	int fd = box(1, 8, 8, 0), meeting = rendezvous_box(8);
	char data[8] = "";

	EXPECT_WAITS(fd, KIPC_WAIT_DATA, k_recv(fd, data, 8, NULL, 0, KIPC_FOREVER));
	EXPECT_WAITS(meeting, KIPC_WAIT_ROOM, k_send(meeting, data, 8, 0, KIPC_FOREVER));
	EXPECT_EQ(0, send_number(fd, 1));
	EXPECT_WAITS(fd, KIPC_WAIT_ROOM, k_send(fd, data, 8, 0, KIPC_FOREVER));
	EXPECT_EQ(1, recv_number(fd));
	EXPECT_WAITS(fd, KIPC_WAIT_REPLY, k_call(fd, data, 8, data, 8, NULL, KIPC_FOREVER));
}

TEST_F(what, waiters_of_pipes)
{
	const char *name = temp_name("pipe");
	int both = pipe_of(4096, 0), fd = named_pipe(name, KIPC_PIPE_RIGHTS);
	char data[4096] = "";

	EXPECT_WAITS(both, KIPC_WAIT_DATA, read(both, data, 1));
	EXPECT_EQ(4096, write(both, data, 4096));
	EXPECT_WAITS(both, KIPC_WAIT_ROOM, write(both, data, 1));
	close(fd);
	fd = p_create(name, 0, 0, 0600, MANAGE, 0);
	ASSERT_OK(fd);
	EXPECT_WAITS(fd, KIPC_WAIT_PEER, p_open(name, SEND, 0, KIPC_FOREVER));
}

TEST_F(what, waiters_of_semaphores)
{
	struct kipc_sem_attr attr = { .count = 2, .initial = 1 };
	static const struct kipc_sem_op down = { .num = 1, .op = -2 }, zero = { .num = 1 };
	struct kipc_sem_operation wait = { .deadline = KIPC_FOREVER, .count = 1 };
	int fd = k_create_kind(OWN_CONTROL, KIPC_KIND_SEMAPHORES, NULL, &attr, sizeof(attr),
			       0600, KIPC_SEM_RIGHTS, 0);

	ASSERT_OK(fd);
	wait.ops = ptr(&down);
	EXPECT_WAITS(fd, KIPC_WAIT_DATA, ioctl(fd, KIPC_IOC_SEM_OP, &wait));
	wait.ops = ptr(&zero);
	EXPECT_WAITS(fd, KIPC_WAIT_ZERO, ioctl(fd, KIPC_IOC_SEM_OP, &wait));
}

TEST_F(what, workers)
{
	int fd = service(NULL, 1, 0, 0);
	pid_t pid = spawn_server(fd, 1);
	struct nl_message m = only_row(KIPC_CMD_WAITER, id_of(fd));

	EXPECT_EQ(KIPC_WAIT_CALL, m.word[KIPC_A_WHAT]);
	EXPECT_EQ(pid, m.word[KIPC_A_PID]);
	/* The thread beside the first one. */
	EXPECT_NE(pid, m.word[KIPC_A_TID]);
	slay(pid);
}

/* From its beginning to its end. */
TEST_F(what, a_call_of_a_service)
{
	struct hand h = hand_of(NULL);
	uint64_t id = id_of(h.fd), token;
	struct kipc_served served;
	struct nl_message m;

	ASSERT_OK(s_submit(&h.c, 0, 77, 1, 2, &token));
	m = only_row(KIPC_CMD_CALL, id);
	EXPECT_EQ(token, m.token);
	EXPECT_EQ(KIPC_STAGE_QUEUED, m.word[KIPC_A_STATE]);
	EXPECT_EQ(77, m.procedure);
	EXPECT_EQ(0, m.word[KIPC_A_DEPTH]);
	EXPECT_EQ(getpid(), m.word[KIPC_A_PID]);
	EXPECT_FALSE(nl_has(&m, KIPC_A_SERVER_TID));
	ASSERT_EQ(token, s_take(h.fd, &served));
	m = only_row(KIPC_CMD_CALL, id);
	EXPECT_EQ(KIPC_STAGE_SERVED, m.word[KIPC_A_STATE]);
	EXPECT_EQ(getpid(), m.word[KIPC_A_SERVER_PID]);
	EXPECT_EQ(gettid(), m.word[KIPC_A_SERVER_TID]);
	ASSERT_OK(s_cancel(h.c.fd, token));
	m = only_row(KIPC_CMD_CALL, id);
	EXPECT_EQ(KIPC_STAGE_ORPHAN, m.word[KIPC_A_STATE]);
	s_reply(h.fd, token, 0, 0);
	EXPECT_EQ(0, nl_dump(nl, KIPC_CMD_CALL, id, false).count);
	ASSERT_OK(s_submit(&h.c, 0, 78, 1, 2, &token));
	ASSERT_EQ(token, s_take(h.fd, &served));
	ASSERT_OK(s_reply(h.fd, token, 5, 0));
	m = only_row(KIPC_CMD_CALL, id);
	EXPECT_EQ(KIPC_STAGE_DONE, m.word[KIPC_A_STATE]);
	EXPECT_EQ(78, m.procedure);
	EXPECT_EQ(5, s_collect(h.c.fd, &token, NULL, KIPC_NO_WAIT));
}

/* Who serves a call makes another one. */
TEST_F(what, nested)
{
	struct kipc_service_attr attr = { .stacks = 1 };
	int outer = s_create(NULL, &attr, 0600, KIPC_SERVICE_RIGHTS, 0);
	int serve = k_narrow(outer, SERVE, 0);
	struct hand inner = hand_of(NULL);
	struct kipc_served served;
	struct nl_message m;
	struct client c;
	uint64_t token;
	pid_t pid;

	ASSERT_OK(outer);
	ASSERT_OK(serve);
	pid = spawn();
	if (!pid) {
		c = hand_client(&inner);
		CHECK(s_map(serve));
		s_take(serve, &served);
		s_call(&c, 0, 2, 0, 0, KIPC_FOREVER);
		_exit(0);
	}
	wait_idle(outer, 1);
	c = client_of(k_narrow(outer, CALL, 0));
	ASSERT_OK(s_submit(&c, 0, 1, 0, 0, &token));
	m = only_row(KIPC_CMD_CALL, id_of(inner.fd));
	EXPECT_EQ(1, m.word[KIPC_A_DEPTH]);
	EXPECT_EQ(2, m.procedure);
	EXPECT_EQ(pid, m.word[KIPC_A_PID]);
	m = only_row(KIPC_CMD_CALL, id_of(outer));
	EXPECT_EQ(0, m.word[KIPC_A_DEPTH]);
	EXPECT_EQ(pid, m.word[KIPC_A_SERVER_PID]);
	slay(pid);
}

/* Nobody is there to take the call. */
TEST_F(what, busy)
{
	struct hand h = hand_of(NULL);
	struct nl_message m;
	uint64_t token;

	ASSERT_OK(nl_subscribe(nl, KIPC_HAPPENED_BUSY, false));
	ASSERT_OK(s_submit(&h.c, 0, ADD, 1, 2, &token));
	ASSERT_TRUE(nl_event(nl, &m, PATIENCE / MS));
	EXPECT_EQ(KIPC_HAPPENED_BUSY, m.word[KIPC_A_EVENT]);
	EXPECT_EQ(id_of(h.fd), m.id);
	EXPECT_EQ(KIPC_KIND_SERVICE, m.word[KIPC_A_KIND]);
	EXPECT_EQ(getpid(), m.word[KIPC_A_PID]);
	ASSERT_OK(s_cancel(h.c.fd, token));
}

/* The first of them, and no more than that. */
TEST_F(what, too_many_calls)
{
	enum { MORE = KIPC_SHOWN_MAX + 20 };
	int fd = box(MORE, MORE * 8, 8, 0);
	uint64_t token, first = 0;
	struct nl_list list;
	unsigned int i;

	for (i = 0; i < MORE; i++) {
		ASSERT_OK(k_submit(fd, "8 bytes", 8, 8, &token, KIPC_NO_WAIT));
		first = first ?: token;
	}
	list = nl_dump(nl, KIPC_CMD_CALL, id_of(fd), false);
	EXPECT_EQ(KIPC_SHOWN_MAX, list.count);
	EXPECT_EQ(first, list.item[0].token);
	free(list.item);
}

TEST_HARNESS_MAIN
