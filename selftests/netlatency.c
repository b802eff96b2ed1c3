// SPDX-License-Identifier: GPL-2.0
/* How long threads wait for an object, as netlink tells it. */
#include "test.h"
#include "knetlink.h"

FIXTURE(latency) {
	struct nl *nl;
	int fd;
	uint64_t id;
};

static int count(struct nl *nl, uint64_t id, unsigned int state)
{
	struct nlmsghdr *request = nl_request(nl, KIPC_CMD_LATENCY, 0);

	mnl_attr_put_u64(request, KIPC_A_ID, id);
	mnl_attr_put_u32(request, KIPC_A_STATE, state);
	return nl_ask(nl, request, NULL);
}

/* What was counted of one sort of wait; all 0 if there is nothing. */
static struct nl_message counted(struct nl *nl, uint64_t id, enum kipc_wait what)
{
	struct nl_list list = nl_dump(nl, KIPC_CMD_LATENCY, id, false);
	struct nl_message found = { 0 };
	unsigned int i;

	for (i = 0; i < list.count; i++) {
		CHECK(list.item[i].id == id);
		if (list.item[i].word[KIPC_A_WHAT] != what)
			continue;
		CHECK(!found.id);
		found = list.item[i];
	}
	free(list.item);
	return found;
}

/* Waits of at least so many nanoseconds. */
static uint64_t waits(const struct nl_message *m, uint64_t least)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < KIPC_LATENCY_BUCKETS; i++)
		if (1ULL << i > least)
			sum += m->counts[i];
	return sum;
}

FIXTURE_SETUP(latency)
{
	self->nl = nl_open();
	ASSERT_NE(NULL, self->nl);
	self->fd = default_box();
	self->id = id_of(self->fd);
}

FIXTURE_TEARDOWN(latency)
{
	nl_close(self->nl);
}

static void late(int fd, uint64_t ns)
{
	char data[8];

	CHECK_ERR(ETIMEDOUT, k_recv(fd, data, 8, NULL, 0, after(ns)));
}

TEST_F(latency, off_by_default)
{
	late(self->fd, MS);
	EXPECT_EQ(0, nl_dump(self->nl, KIPC_CMD_LATENCY, self->id, false).count);
}

TEST_F(latency, counts)
{
	struct nl_message m;

	EXPECT_OK(count(self->nl, self->id, 1));
	EXPECT_EQ(0, nl_dump(self->nl, KIPC_CMD_LATENCY, self->id, false).count);
	/* The times are so long that nobody is held up for most of them before he waits. */
	late(self->fd, SECOND);
	late(self->fd, SECOND);
	/* Who does not wait is not counted. */
	EXPECT_EQ(0, send_number(self->fd, 1));
	EXPECT_EQ(1, recv_number(self->fd));
	m = counted(self->nl, self->id, KIPC_WAIT_DATA);
	EXPECT_EQ(2, waits(&m, 0));
	EXPECT_EQ(2, waits(&m, MS));
	EXPECT_LE(1, waits(&m, 40 * MS));
	m = counted(self->nl, self->id, KIPC_WAIT_ROOM);
	EXPECT_EQ(0, m.id);

	/* Anew. */
	EXPECT_OK(count(self->nl, self->id, 1));
	late(self->fd, MS);
	m = counted(self->nl, self->id, KIPC_WAIT_DATA);
	EXPECT_EQ(1, waits(&m, 0));
	EXPECT_OK(count(self->nl, self->id, 0));
	late(self->fd, MS);
	EXPECT_EQ(0, nl_dump(self->nl, KIPC_CMD_LATENCY, self->id, false).count);
	EXPECT_OK(count(self->nl, self->id, 0));
}

/* Senders, callers, and who is woken by somebody. */
TEST_F(latency, sorts)
{
	int small = box(1, 8, 8, 0);
	uint64_t id = id_of(small), token;
	struct nl_message m;
	char data[8];
	pid_t pid;

	EXPECT_OK(count(self->nl, id, 1));
	EXPECT_EQ(0, send_number(small, 1));
	pid = spawn();
	if (!pid) {
		CHECK(!send_number(small, 2));
		_exit(0);
	}
	wait_waiters(small, 1, 0, pid);
	usleep(20000);
	EXPECT_EQ(1, recv_number(small));
	EXPECT_EQ(0, reap(pid));
	m = counted(self->nl, id, KIPC_WAIT_ROOM);
	EXPECT_EQ(1, waits(&m, 0));
	EXPECT_EQ(1, waits(&m, 20 * MS));
	EXPECT_EQ(2, recv_number(small));

	EXPECT_ERR(ETIMEDOUT, k_call(small, data, 8, data, 8, NULL, after(SECOND)));
	m = counted(self->nl, id, KIPC_WAIT_REPLY);
	EXPECT_EQ(1, waits(&m, MS));
	EXPECT_OK(k_submit(small, data, 8, 8, &token, KIPC_NO_WAIT));
	EXPECT_ERR(ETIMEDOUT, k_collect(small, &token, data, 8, NULL, after(SECOND)));
	m = counted(self->nl, id, KIPC_WAIT_REPLY);
	EXPECT_EQ(2, waits(&m, MS));
	EXPECT_EQ(2, nl_dump(self->nl, KIPC_CMD_LATENCY, id, false).count);
	EXPECT_OK(k_cancel(small, token));
}

TEST_F(latency, wrong)
{
	struct nlmsghdr *request = nl_request(self->nl, KIPC_CMD_LATENCY, 0);
	pid_t pid;

	mnl_attr_put_u64(request, KIPC_A_ID, self->id);
	EXPECT_ERR(EINVAL, nl_ask(self->nl, request, NULL));
	EXPECT_STREQ("say by STATE whether to count", self->nl->message);
	EXPECT_ERR(ERANGE, count(self->nl, self->id, 2));
	EXPECT_ERR(ENOENT, count(self->nl, self->id + 1000, 1));
	ASSERT_OK(fchmod(self->fd, 0644));
	pid = spawn();
	if (!pid) {
		become(NOBODY, NOBODY);
		CHECK_ERR(EACCES, count(self->nl, self->id, 1));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	late(self->fd, MS);
	EXPECT_EQ(0, nl_dump(self->nl, KIPC_CMD_LATENCY, self->id, false).count);
}

/* Shown to who may read the object, and to nobody else. */
TEST_F(latency, strangers)
{
	struct nl *nl;
	pid_t pid;

	EXPECT_OK(count(self->nl, self->id, 1));
	late(self->fd, MS);
	ASSERT_OK(fchmod(self->fd, 0600));
	pid = spawn();
	if (!pid) {
		become(NOBODY, NOBODY);
		nl = nl_open();
		CHECK(!nl_dump(nl, KIPC_CMD_LATENCY, self->id, false).count);
		CHECK(!nl_dump(nl, KIPC_CMD_LATENCY, 0, true).count);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	ASSERT_OK(fchmod(self->fd, 0604));
	pid = spawn();
	if (!pid) {
		become(NOBODY, NOBODY);
		nl = nl_open();
		CHECK(nl_dump(nl, KIPC_CMD_LATENCY, self->id, false).count == 1);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
}

/* The counts are the owner's, and go with the object. */
TEST_F(latency, quota)
{
	uint64_t before = total("bytes"), limit = get_limit("max_bytes");
	struct nl_message m;

	set_limit("max_bytes", before + 100);
	EXPECT_ERR(EDQUOT, count(self->nl, self->id, 1));
	set_limit("max_bytes", limit);
	EXPECT_OK(count(self->nl, self->id, 1));
	EXPECT_LT(before + 1000, total("bytes"));

	/* Who cannot begin anew keeps what there is. */
	late(self->fd, MS);
	set_limit("max_bytes", total("bytes") + 100);
	EXPECT_ERR(EDQUOT, count(self->nl, self->id, 1));
	set_limit("max_bytes", limit);
	m = counted(self->nl, self->id, KIPC_WAIT_DATA);
	EXPECT_EQ(1, waits(&m, 0));
	EXPECT_OK(count(self->nl, self->id, 0));
	EXPECT_EQ(before, total("bytes"));
	EXPECT_OK(count(self->nl, self->id, 1));
	close(self->fd);
	wait_for(!total("bytes"));
}

/* Many wait and are counted while it begins and ceases. */
TEST_F(latency, races)
{
	unsigned int i, rounds = effort(300);
	pid_t pids[4];
	char data[8];

	for (i = 0; i < 4; i++) {
		pids[i] = spawn();
		if (pids[i])
			continue;
		for (;;)
			k_recv(self->fd, data, 8, NULL, 0, after(MS / 10));
	}
	for (i = 0; i < rounds; i++) {
		EXPECT_OK(count(self->nl, self->id, 1));
		free(nl_dump(self->nl, KIPC_CMD_LATENCY, 0, true).item);
		EXPECT_OK(count(self->nl, self->id, i % 2));
	}
	for (i = 0; i < 4; i++)
		slay(pids[i]);
}

TEST_HARNESS_MAIN
