// SPDX-License-Identifier: GPL-2.0
/* Generic netlink: objects, who waits, calls; who may see it; what is malformed. */
#include "test.h"
#include "knetlink.h"
#include "kqueue.h"

FIXTURE(look) {
	struct nl *nl;
	int ctl;
	int box;
	const char *name;
	struct kipc_info info;
};

FIXTURE_SETUP(look)
{
	self->nl = nl_open();
	ASSERT_NE(NULL, self->nl);
	self->ctl = control();
	self->name = temp_name("look");
	umask(0);
	self->box = k_create(self->ctl, self->name, NULL, 0640, ALL_RIGHTS, KIPC_EXCL);
	ASSERT_OK(self->box);
	ASSERT_OK(k_info(self->box, &self->info));
}

FIXTURE_TEARDOWN(look)
{
	nl_close(self->nl);
	close(self->box);
	close(self->ctl);
}

TEST_F(look, shows_what_info_and_stat_show)
{
	struct kipc_mailbox_stat stat;
	struct nl_message m;

	ASSERT_OK(send_number(self->box, 1));
	ASSERT_OK(nl_get(self->nl, self->info.id, NULL, &m));
	EXPECT_EQ(KIPC_CMD_OBJECT, m.cmd);
	EXPECT_EQ(self->info.id, m.id);
	EXPECT_STREQ(self->name, m.name);
	EXPECT_EQ(KIPC_KIND_MAILBOX, m.word[KIPC_A_KIND]);
	EXPECT_EQ(0640, m.word[KIPC_A_MODE]);
	EXPECT_EQ(self->info.uid, m.word[KIPC_A_UID]);
	EXPECT_EQ(self->info.gid, m.word[KIPC_A_GID]);
	EXPECT_EQ(0, m.word[KIPC_A_FLAGS]);
	EXPECT_EQ(1, m.word[KIPC_A_HANDLES]);
	EXPECT_EQ(0, m.word[KIPC_A_WAITERS]);
	EXPECT_TRUE(nl_has(&m, KIPC_A_CREATED));
	EXPECT_TRUE(nl_has(&m, KIPC_A_IPC_NS));
	stat = stat_of(self->box);
	EXPECT_EQ(sizeof(stat), m.stat_size);
	EXPECT_EQ(0, memcmp(&stat, m.stat, sizeof(stat)));
	/* Nothing is there that was not said. */
	EXPECT_FALSE(nl_has(&m, KIPC_A_WAITS));
}

TEST_F(look, by_name)
{
	struct nl_message m;

	ASSERT_OK(nl_get(self->nl, 0, self->name, &m));
	EXPECT_EQ(self->info.id, m.id);
	EXPECT_ERR(ENOENT, nl_get(self->nl, 0, "no such name", &m));
	EXPECT_STREQ("there is no such object", self->nl->message);
	EXPECT_ERR(ENOENT, nl_get(self->nl, 1ULL << 40, NULL, &m));
	ASSERT_OK(k_unlink(self->ctl, self->name));
	EXPECT_ERR(ENOENT, nl_get(self->nl, 0, self->name, &m));
	ASSERT_OK(nl_get(self->nl, self->info.id, NULL, &m));
	EXPECT_FALSE(nl_has(&m, KIPC_A_NAME));
}

TEST_F(look, flags_and_handles)
{
	int other = k_narrow(self->box, RECEIVE, 0), fd;
	struct kipc_info info;
	struct nl_message m;

	ASSERT_OK(other);
	ASSERT_OK(nl_get(self->nl, self->info.id, NULL, &m));
	EXPECT_EQ(2, m.word[KIPC_A_HANDLES]);
	close(other);
	ASSERT_OK(k_remove(self->box));
	ASSERT_OK(nl_get(self->nl, self->info.id, NULL, &m));
	EXPECT_EQ(KIPC_INFO_REMOVED, m.word[KIPC_A_FLAGS]);

	fd = k_create(self->ctl, temp_name("stays"), NULL, 0600, ALL_RIGHTS,
		      KIPC_EXCL | KIPC_PERSISTENT);
	ASSERT_OK(fd);
	ASSERT_OK(k_info(fd, &info));
	close(fd);
	ASSERT_OK(nl_get(self->nl, info.id, NULL, &m));
	EXPECT_EQ(KIPC_INFO_PERSISTENT, m.word[KIPC_A_FLAGS]);
	EXPECT_EQ(0, m.word[KIPC_A_HANDLES]);
	ASSERT_OK(nl_remove(self->nl, info.id));
	/* Nobody has it any more. */
	wait_for(nl_get(self->nl, info.id, NULL, &m) < 0);
}

TEST_F(look, removes)
{
	uint64_t number;

	ASSERT_OK(nl_remove(self->nl, self->info.id));
	EXPECT_ERR(EIDRM, k_recv(self->box, &number, 8, NULL, 0, KIPC_NO_WAIT));
	EXPECT_ERR(EIDRM, nl_remove(self->nl, self->info.id));
	EXPECT_ERR(ENOENT, k_open(self->ctl, self->name, SEND, 0));
}

/* Filters. */

static unsigned int find(const struct nl_list *list, uint64_t id)
{
	unsigned int i, found = 0;

	for (i = 0; i < list->count; i++)
		found += list->item[i].id == id;
	return found;
}

TEST_F(look, dump_in_order)
{
	struct nl_list list;
	unsigned int i;
	int fd[40];

	for (i = 0; i < 40; i++)
		fd[i] = default_box();
	list = nl_dump(self->nl, KIPC_CMD_OBJECT, 0, false);
	EXPECT_FALSE(list.interrupted);
	for (i = 1; i < list.count; i++)
		EXPECT_LT(list.item[i - 1].id, list.item[i].id);
	for (i = 0; i < 40; i++) {
		EXPECT_EQ(1, find(&list, id_of(fd[i])));
		close(fd[i]);
	}
	EXPECT_EQ(1, find(&list, self->info.id));
	free(list.item);
}

TEST_F(look, filters)
{
	int queue = k_create_kind(self->ctl, KIPC_KIND_QUEUE, temp_name("work"), NULL, 0,
				  0600, KIPC_QUEUE_RIGHTS, KIPC_EXCL);
	struct nlmsghdr *request;
	struct nl_list list;
	unsigned int i;

	ASSERT_OK(queue);
	request = nl_request(self->nl, KIPC_CMD_OBJECT, NLM_F_DUMP);
	mnl_attr_put_u32(request, KIPC_A_KIND, KIPC_KIND_QUEUE);
	ASSERT_OK(nl_ask(self->nl, request, &list));
	for (i = 0; i < list.count; i++)
		EXPECT_EQ(KIPC_KIND_QUEUE, list.item[i].word[KIPC_A_KIND]);
	EXPECT_EQ(1, find(&list, id_of(queue)));
	free(list.item);

	request = nl_request(self->nl, KIPC_CMD_OBJECT, NLM_F_DUMP);
	mnl_attr_put_strz(request, KIPC_A_PATTERN, "*look*");
	ASSERT_OK(nl_ask(self->nl, request, &list));
	EXPECT_EQ(1, find(&list, self->info.id));
	EXPECT_EQ(0, find(&list, id_of(queue)));
	free(list.item);

	ASSERT_OK(fchown(queue, 1001, -1));
	request = nl_request(self->nl, KIPC_CMD_OBJECT, NLM_F_DUMP);
	mnl_attr_put_u32(request, KIPC_A_UID, 1001);
	ASSERT_OK(nl_ask(self->nl, request, &list));
	EXPECT_EQ(1, list.count);
	EXPECT_EQ(1, find(&list, id_of(queue)));
	free(list.item);
	close(queue);
}

/* Who waits. */

static pid_t receiver(int fd)
{
	pid_t pid = spawn();
	uint64_t number;

	if (!pid) {
		CHECK_ERR(EIDRM, k_recv(fd, &number, 8, NULL, 0, KIPC_FOREVER));
		_exit(0);
	}
	return pid;
}

TEST_F(look, who_waits)
{
	struct nlmsghdr *request;
	struct nl_message m;
	struct nl_list list;
	pid_t pids[3];
	int i;

	for (i = 0; i < 3; i++) {
		pids[i] = receiver(self->box);
		wait_waiters(self->box, 0, i + 1, pids[i]);
	}
	ASSERT_OK(nl_get(self->nl, self->info.id, NULL, &m));
	EXPECT_EQ(3, m.word[KIPC_A_WAITERS]);
	list = nl_dump(self->nl, KIPC_CMD_WAITER, self->info.id, false);
	ASSERT_EQ(3, list.count);
	/* In the order in which they came. */
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(KIPC_CMD_WAITER, list.item[i].cmd);
		EXPECT_EQ(self->info.id, list.item[i].id);
		EXPECT_EQ(KIPC_WAIT_DATA, list.item[i].word[KIPC_A_WHAT]);
		EXPECT_EQ(pids[i], list.item[i].word[KIPC_A_PID]);
		EXPECT_EQ(pids[i], list.item[i].word[KIPC_A_TID]);
		EXPECT_LT(list.item[i].since, PATIENCE);
	}
	EXPECT_GE(list.item[0].since, list.item[2].since);
	free(list.item);

	/* There is no number 0. */
	request = nl_request(self->nl, KIPC_CMD_WAITER, NLM_F_DUMP);
	mnl_attr_put_u64(request, KIPC_A_ID, 0);
	ASSERT_OK(nl_ask(self->nl, request, &list));
	EXPECT_EQ(0, list.count);

	request = nl_request(self->nl, KIPC_CMD_OBJECT, NLM_F_DUMP);
	mnl_attr_put(request, KIPC_A_WAITS, 0, NULL);
	ASSERT_OK(nl_ask(self->nl, request, &list));
	EXPECT_EQ(1, list.count);
	EXPECT_EQ(1, find(&list, self->info.id));
	free(list.item);

	ASSERT_OK(k_remove(self->box));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, reap(pids[i]));
	list = nl_dump(self->nl, KIPC_CMD_WAITER, self->info.id, false);
	EXPECT_EQ(0, list.count);
}

TEST_F(look, senders_wait_for_room)
{
	int fd = box(1, 64, 64, 0);
	pid_t pid = spawn();
	struct nl_list list;

	if (!pid) {
		CHECK(!k_send(fd, "a", 1, 0, KIPC_FOREVER));
		CHECK_ERR(EIDRM, k_send(fd, "b", 1, 0, KIPC_FOREVER));
		_exit(0);
	}
	wait_waiters(fd, 1, 0, pid);
	list = nl_dump(self->nl, KIPC_CMD_WAITER, id_of(fd), false);
	ASSERT_EQ(1, list.count);
	EXPECT_EQ(KIPC_WAIT_ROOM, list.item[0].word[KIPC_A_WHAT]);
	EXPECT_EQ(pid, list.item[0].word[KIPC_A_PID]);
	free(list.item);
	ASSERT_OK(k_remove(fd));
	EXPECT_EQ(0, reap(pid));
	close(fd);
}

/* Calls: queued, served, given up, done. */
TEST_F(look, calls)
{
	struct kipc_mailbox_recv recv = { 0 };
	uint64_t token, number = 7;
	struct nl_list list;
	pid_t pid = spawn();

	if (!pid) {
		CHECK(k_call(self->box, &number, 8, &number, 8, NULL, KIPC_FOREVER) == 8);
		_exit(0);
	}
	wait_for(stat_of(self->box).letters == 1);
	wait_for(task_state(pid, pid) == 'S');
	list = nl_dump(self->nl, KIPC_CMD_CALL, self->info.id, false);
	ASSERT_EQ(1, list.count);
	EXPECT_EQ(KIPC_STAGE_QUEUED, list.item[0].word[KIPC_A_STATE]);
	EXPECT_EQ(pid, list.item[0].word[KIPC_A_PID]);
	EXPECT_FALSE(nl_has(&list.item[0], KIPC_A_SERVER_PID));
	token = list.item[0].token;
	free(list.item);

	ASSERT_EQ(8, k_serve(self->box, &number, 8, &recv, 0, after(PATIENCE)));
	list = nl_dump(self->nl, KIPC_CMD_CALL, self->info.id, false);
	ASSERT_EQ(1, list.count);
	EXPECT_EQ(KIPC_STAGE_SERVED, list.item[0].word[KIPC_A_STATE]);
	EXPECT_EQ(getpid(), list.item[0].word[KIPC_A_SERVER_PID]);
	EXPECT_EQ(token, list.item[0].token);
	free(list.item);
	list = nl_dump(self->nl, KIPC_CMD_WAITER, self->info.id, false);
	ASSERT_EQ(1, list.count);
	EXPECT_EQ(KIPC_WAIT_REPLY, list.item[0].word[KIPC_A_WHAT]);
	free(list.item);
	ASSERT_OK(k_reply(self->box, token, &number, 8, 0));
	EXPECT_EQ(0, reap(pid));
	list = nl_dump(self->nl, KIPC_CMD_CALL, self->info.id, false);
	EXPECT_EQ(0, list.count);

	ASSERT_OK(k_submit(self->box, &number, 8, 8, &token, after(PATIENCE)));
	ASSERT_EQ(8, k_serve(self->box, &number, 8, &recv, 0, after(PATIENCE)));
	ASSERT_OK(k_reply(self->box, token, &number, 8, 0));
	list = nl_dump(self->nl, KIPC_CMD_CALL, self->info.id, false);
	ASSERT_EQ(1, list.count);
	EXPECT_EQ(KIPC_STAGE_DONE, list.item[0].word[KIPC_A_STATE]);
	EXPECT_FALSE(nl_has(&list.item[0], KIPC_A_PID));
	free(list.item);
}

/* Who may see what. */

TEST_F(look, a_stranger_sees_names_alone)
{
	int nameless = default_box();
	uint64_t id = id_of(nameless);
	struct nl_message m;
	struct nl_list list;
	struct nl *nl;
	pid_t pid;

	ASSERT_OK(fchmod(nameless, 0600));
	pid = spawn();
	if (!pid) {
		become(NOBODY, NOBODY);
		nl = nl_open();
		CHECK(!nl_get(nl, self->info.id, NULL, &m));
		CHECK(!strcmp(m.name, self->name));
		CHECK(!nl_has(&m, KIPC_A_STAT) && !nl_has(&m, KIPC_A_WAITERS));
		CHECK_ERR(ENOENT, nl_get(nl, id, NULL, &m));
		CHECK_ERR(EACCES, nl_remove(nl, self->info.id));
		CHECK_ERR(ENOENT, nl_remove(nl, id));
		list = nl_dump(nl, KIPC_CMD_OBJECT, 0, false);
		CHECK(find(&list, self->info.id) == 1 && !find(&list, id));
		list = nl_dump(nl, KIPC_CMD_WAITER, 0, false);
		CHECK(!list.count);
		nl_close(nl);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	/* A mode that lets him read shows him more. */
	ASSERT_OK(fchmod(nameless, 0604));
	pid = spawn();
	if (!pid) {
		become(NOBODY, NOBODY);
		nl = nl_open();
		CHECK(!nl_get(nl, id, NULL, &m));
		CHECK(nl_has(&m, KIPC_A_STAT));
		nl_close(nl);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	close(nameless);
}

TEST_F(look, another_ipc_namespace)
{
	struct nl_message m;
	struct nl_list list;
	struct nl *nl;
	pid_t pid = spawn();

	if (!pid) {
		CHECK(!unshare(CLONE_NEWIPC));
		nl = nl_open();
		CHECK_ERR(ENOENT, nl_get(nl, self->info.id, NULL, &m));
		CHECK_ERR(ENOENT, nl_get(nl, 0, self->name, &m));
		CHECK_ERR(ENOENT, nl_remove(nl, self->info.id));
		list = nl_dump(nl, KIPC_CMD_OBJECT, 0, false);
		CHECK(!list.count);
		/* Root of the first user namespace rules over all. */
		list = nl_dump(nl, KIPC_CMD_OBJECT, 0, true);
		CHECK(find(&list, self->info.id) == 1);
		nl_close(nl);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
}

TEST_F(look, root_of_a_user_namespace)
{
	struct nl_list list;
	struct nl *nl;
	int fd, ctl;
	pid_t pid = spawn();

	if (!pid) {
		enter_userns(CLONE_NEWIPC | CLONE_NEWNET, 1000, "0 1000 1", "0 1000 1");
		ctl = control();
		fd = k_create(ctl, "inner", NULL, 0600, ALL_RIGHTS, KIPC_EXCL);
		CHECK(fd >= 0);
		nl = nl_open();
		list = nl_dump(nl, KIPC_CMD_OBJECT, 0, true);
		CHECK(list.count == 1 && list.item[0].id == id_of(fd));
		CHECK(list.item[0].word[KIPC_A_UID] == 0);
		nl_close(nl);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
}

/* A program with more rights, whose standard streams it was made, shows nobody more. */
TEST_F(look, a_socket_that_a_stranger_opened)
{
	struct nl *nl = nl_open_by_nobody();
	int nameless = default_box();
	struct nl_message m;
	struct nl_list list;
	unsigned int i;
	pid_t waits;

	ASSERT_OK(fchmod(nameless, 0600) | fchmod(self->box, 0600));
	waits = receiver(nameless);
	wait_waiters(nameless, 0, 1, waits);
	ASSERT_OK(nl_get(nl, self->info.id, NULL, &m));
	EXPECT_FALSE(nl_has(&m, KIPC_A_STAT) || nl_has(&m, KIPC_A_WAITERS));
	EXPECT_ERR(ENOENT, nl_get(nl, id_of(nameless), NULL, &m));
	EXPECT_ERR(ENOENT, nl_remove(nl, id_of(nameless)));
	EXPECT_ERR(EACCES, nl_remove(nl, self->info.id));
	list = nl_dump(nl, KIPC_CMD_OBJECT, 0, false);
	EXPECT_EQ(1, find(&list, self->info.id));
	EXPECT_EQ(0, find(&list, id_of(nameless)));
	for (i = 0; i < list.count; i++)
		EXPECT_FALSE(nl_has(&list.item[i], KIPC_A_STAT));
	free(list.item);
	list = nl_dump(nl, KIPC_CMD_WAITER, 0, false);
	EXPECT_EQ(0, list.count);
	list = nl_dump(self->nl, KIPC_CMD_WAITER, 0, false);
	EXPECT_EQ(1, list.count);
	free(list.item);
	ASSERT_OK(k_remove(nameless));
	EXPECT_EQ(0, reap(waits));
	close(nameless);
	nl_close(nl);
}

/*
 * A dump is about the namespace that it was asked in, whoever reads it; and about what was
 * there then, whoever makes more.
 */
TEST_F(look, dump_of_what_there_was)
{
	enum { BOXES = 200 };
	unsigned int i, later = 0;
	struct nl_list list;
	int fd[2 * BOXES];
	pid_t pid;

	for (i = 0; i < BOXES; i++)
		fd[i] = default_box();
	nl_send(self->nl, nl_request(self->nl, KIPC_CMD_OBJECT, NLM_F_DUMP));
	for (; i < 2 * BOXES; i++)
		fd[i] = default_box();
	pid = spawn();
	if (!pid) {
		CHECK(!unshare(CLONE_NEWIPC));
		CHECK(!nl_take(self->nl, &list));
		for (i = 0; i < BOXES; i++)
			CHECK(find(&list, id_of(fd[i])) == 1);
		for (; i < 2 * BOXES; i++)
			later += find(&list, id_of(fd[i]));
		CHECK(!later);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	for (i = 0; i < 2 * BOXES; i++)
		close(fd[i]);
}

/* What is malformed is refused, and says what is wrong. */

TEST_F(look, malformed)
{
	struct nl *nl = self->nl;
	struct nlmsghdr *request;
	struct nl_message m;
	char name[300];

	EXPECT_ERR(EINVAL, nl_get(nl, 0, NULL, &m));
	EXPECT_STREQ("say which object, by ID or by NAME", nl->message);
	EXPECT_ERR(EINVAL, nl_get(nl, self->info.id, self->name, &m));
	memset(name, 'x', 299);
	name[299] = 0;
	EXPECT_ERR(EINVAL, nl_get(nl, 0, name, &m));

	request = nl_request(nl, KIPC_CMD_OBJECT, 0);
	mnl_attr_put_u32(request, KIPC_A_ID, 1);
	EXPECT_ERR(EINVAL, nl_ask(nl, request, NULL));
	request = nl_request(nl, KIPC_CMD_OBJECT, 0);
	mnl_attr_put_u64(request, KIPC_A_ID, self->info.id);
	mnl_attr_put_u32(request, KIPC_A_TOKEN, 1);
	EXPECT_ERR(EINVAL, nl_ask(nl, request, NULL));
	EXPECT_NE(0, *nl->message);
	request = nl_request(nl, KIPC_CMD_OBJECT, 0);
	mnl_attr_put_u64(request, KIPC_A_ID, self->info.id);
	mnl_attr_put_u32(request, 4000, 1);
	EXPECT_ERR(EINVAL, nl_ask(nl, request, NULL));
	request = nl_request(nl, __KIPC_CMD_END, 0);
	EXPECT_ERR(EOPNOTSUPP, nl_ask(nl, request, NULL));
	request = nl_request(nl, KIPC_CMD_WAITER, 0);
	EXPECT_ERR(EOPNOTSUPP, nl_ask(nl, request, NULL));
	request = nl_request(nl, KIPC_CMD_EVENT, 0);
	EXPECT_ERR(EOPNOTSUPP, nl_ask(nl, request, NULL));
	request = nl_request(nl, KIPC_CMD_SUBSCRIBE, 0);
	EXPECT_ERR(EINVAL, nl_ask(nl, request, NULL));
	EXPECT_ERR(EINVAL, nl_subscribe(nl, KIPC_HAPPENED_ALL + 1, false));
	/* The header: flags that say nothing here, what is reserved. */
	request = nl_request(nl, KIPC_CMD_OBJECT, NLM_F_EXCL);
	mnl_attr_put_u64(request, KIPC_A_ID, self->info.id);
	EXPECT_ERR(EINVAL, nl_ask(nl, request, NULL));
	request = nl_request(nl, KIPC_CMD_OBJECT, 0);
	((struct genlmsghdr *)mnl_nlmsg_get_payload(request))->reserved = 1;
	mnl_attr_put_u64(request, KIPC_A_ID, self->info.id);
	EXPECT_ERR(EINVAL, nl_ask(nl, request, NULL));
	/* Without a NUL at its end. */
	request = nl_request(nl, KIPC_CMD_OBJECT, 0);
	mnl_attr_put(request, KIPC_A_NAME, 2, "xx");
	EXPECT_ERR(EINVAL, nl_ask(nl, request, NULL));
}

/* Of those that a policy knows because another request has them. */
TEST_F(look, not_for_this_request)
{
	static const struct { int cmd, flags, attr; } wrong[] = {
		{ KIPC_CMD_OBJECT, NLM_F_DUMP, KIPC_A_NAME },
		{ KIPC_CMD_OBJECT, NLM_F_DUMP, KIPC_A_ID },
		{ KIPC_CMD_OBJECT, 0, KIPC_A_KIND },
		{ KIPC_CMD_OBJECT, 0, KIPC_A_UID },
		{ KIPC_CMD_OBJECT, 0, KIPC_A_PATTERN },
		{ KIPC_CMD_OBJECT, 0, KIPC_A_WAITS },
		{ KIPC_CMD_OBJECT, 0, KIPC_A_ALL },
		{ KIPC_CMD_LIMIT, NLM_F_DUMP, KIPC_A_RESOURCE },
		{ KIPC_CMD_LIMIT, NLM_F_DUMP, KIPC_A_LIMIT },
		{ KIPC_CMD_LIMIT, 0, KIPC_A_ALL },
		{ KIPC_CMD_LATENCY, NLM_F_DUMP, KIPC_A_NAME },
		{ KIPC_CMD_LATENCY, NLM_F_DUMP, KIPC_A_STATE },
		{ KIPC_CMD_LATENCY, 0, KIPC_A_ALL },
	};
	struct nlmsghdr *request;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		request = nl_request(self->nl, wrong[i].cmd, wrong[i].flags);
		if (!wrong[i].flags && wrong[i].cmd != KIPC_CMD_LIMIT)
			mnl_attr_put_u64(request, KIPC_A_ID, self->info.id);
		switch (wrong[i].attr) {
		case KIPC_A_NAME: case KIPC_A_PATTERN:
			mnl_attr_put_strz(request, wrong[i].attr, self->name);
			break;
		case KIPC_A_ALL: case KIPC_A_WAITS:
			mnl_attr_put(request, wrong[i].attr, 0, NULL);
			break;
		case KIPC_A_ID: case KIPC_A_LIMIT:
			mnl_attr_put_u64(request, wrong[i].attr, 1);
			break;
		default:
			mnl_attr_put_u32(request, wrong[i].attr, 1);
		}
		EXPECT_ERR(EINVAL, nl_ask(self->nl, request, NULL));
		/* Of what is wrong with a dump 6.1 says nothing. */
		if (!wrong[i].flags)
			EXPECT_STREQ("this attribute is for another request",
				     self->nl->message);
	}
}

/* A dump while objects come and go. */
TEST_F(look, dump_in_a_storm)
{
	unsigned int i, round, rounds = effort(60), interrupted = 0;
	uint64_t ids[64], end = after(PATIENCE);
	int stays[64];
	struct nl_list list;
	pid_t storm;

	for (i = 0; i < 64; i++) {
		stays[i] = default_box();
		ids[i] = id_of(stays[i]);
	}
	storm = spawn();
	if (!storm)
		for (;;)
			close(default_box());
	for (round = 0; round < rounds || (!interrupted && now_ns() < end); round++) {
		list = nl_dump(self->nl, KIPC_CMD_OBJECT, 0, false);
		interrupted += list.interrupted;
		for (i = 1; i < list.count; i++)
			ASSERT_LT(list.item[i - 1].id, list.item[i].id);
		for (i = 0; i < 64; i++)
			ASSERT_EQ(1, find(&list, ids[i]));
		free(list.item);
	}
	EXPECT_EQ(128 + SIGKILL, slay(storm));
	TH_LOG("%u of %u dumps were interrupted", interrupted, round);
	EXPECT_LT(0, interrupted);
	for (i = 0; i < 64; i++)
		close(stays[i]);
}

TEST_HARNESS_MAIN
