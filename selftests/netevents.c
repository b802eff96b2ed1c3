// SPDX-License-Identifier: GPL-2.0
/* Events over netlink: each one, to whom, and how many were lost. */
#include "test.h"
#include "knetlink.h"

FIXTURE(events) {
	struct nl *nl;		/* is told */
	struct nl *other;	/* asks */
	int ctl;
};

FIXTURE_SETUP(events)
{
	self->nl = nl_open();
	self->other = nl_open();
	ASSERT_TRUE(self->nl && self->other);
	self->ctl = control();
	umask(0);
	ASSERT_OK(nl_subscribe(self->nl, KIPC_HAPPENED_ALL, false));
}

FIXTURE_TEARDOWN(events)
{
	nl_close(self->nl);
	nl_close(self->other);
	close(self->ctl);
}

#define SOON_MS 20000
/* For what must not come. */
#define NEVER_MS 200

/* The next event must be this one, of this process. */
static void expect(struct nl *nl, uint32_t what, uint64_t id, const char *name,
		   struct nl_message *m)
{
	CHECK(nl_event(nl, m, SOON_MS));
	CHECK(m->word[KIPC_A_EVENT] == what);
	CHECK(m->id == id);
	CHECK(m->word[KIPC_A_PID] == (uint32_t)getpid());
	CHECK(m->word[KIPC_A_UID_CAUSE] == geteuid());
	CHECK(nl_has(m, KIPC_A_NAME) == !!name);
	CHECK(!name || !strcmp(m->name, name));
	CHECK(!nl_has(m, KIPC_A_LOST));
}

TEST_F(events, the_life_of_an_object)
{
	const char *name = temp_name("life");
	struct nl_message m;
	int fd, again;
	uint64_t id;

	fd = k_create(self->ctl, name, NULL, 0600, ALL_RIGHTS, KIPC_EXCL);
	ASSERT_OK(fd);
	id = id_of(fd);
	expect(self->nl, KIPC_HAPPENED_CREATED, id, name, &m);
	EXPECT_EQ(KIPC_KIND_MAILBOX, m.word[KIPC_A_KIND]);
	EXPECT_EQ(geteuid(), m.word[KIPC_A_UID]);
	again = k_open(self->ctl, name, SEND, 0);
	ASSERT_OK(again);
	expect(self->nl, KIPC_HAPPENED_OPENED, id, name, &m);
	ASSERT_OK(k_unlink(self->ctl, name));
	expect(self->nl, KIPC_HAPPENED_UNLINKED, id, name, &m);
	ASSERT_OK(k_remove(fd));
	expect(self->nl, KIPC_HAPPENED_REMOVED, id, NULL, &m);
	close(fd);
	EXPECT_FALSE(nl_event(self->nl, &m, NEVER_MS));
	close(again);
	expect(self->nl, KIPC_HAPPENED_END, id, NULL, &m);
	EXPECT_FALSE(nl_event(self->nl, &m, NEVER_MS));
}

/* What fails has not happened. */
TEST_F(events, failures_are_none)
{
	const char *name = temp_name("none");
	struct nl_message m;
	int fd = k_create(self->ctl, name, NULL, 0600, ALL_RIGHTS, KIPC_EXCL);

	ASSERT_OK(fd);
	expect(self->nl, KIPC_HAPPENED_CREATED, id_of(fd), name, &m);
	EXPECT_ERR(EEXIST, k_create(self->ctl, name, NULL, 0600, ALL_RIGHTS, KIPC_EXCL));
	EXPECT_ERR(ENOENT, k_open(self->ctl, "nowhere", SEND, 0));
	EXPECT_ERR(ENOENT, k_unlink(self->ctl, "nowhere"));
	EXPECT_FALSE(nl_event(self->nl, &m, NEVER_MS));
	close(fd);
}

TEST_F(events, removed_over_netlink)
{
	const char *name = temp_name("gone");
	struct nl_message m;
	int fd = k_create(self->ctl, name, NULL, 0600, ALL_RIGHTS, KIPC_EXCL);
	uint64_t id = id_of(fd);

	expect(self->nl, KIPC_HAPPENED_CREATED, id, name, &m);
	ASSERT_OK(nl_remove(self->other, id));
	expect(self->nl, KIPC_HAPPENED_REMOVED, id, name, &m);
	close(fd);
}

TEST_F(events, a_letter_gives_way)
{
	struct nl_message m;
	int fd = box(1, 64, 64, KIPC_MAILBOX_DROP_OLDEST);
	uint64_t id = id_of(fd);

	expect(self->nl, KIPC_HAPPENED_CREATED, id, NULL, &m);
	ASSERT_OK(send_number(fd, 1));
	EXPECT_FALSE(nl_event(self->nl, &m, NEVER_MS));
	ASSERT_OK(send_number(fd, 2));
	expect(self->nl, KIPC_HAPPENED_DROPPED, id, NULL, &m);
	close(fd);
}

TEST_F(events, a_limit_is_hit)
{
	uint64_t limit = get_limit("max_objects");
	struct nl_message m;

	set_limit("max_objects", 0);
	EXPECT_ERR(EDQUOT, k_create(self->ctl, NULL, NULL, 0600, ALL_RIGHTS, 0));
	set_limit("max_objects", limit);
	ASSERT_TRUE(nl_event(self->nl, &m, SOON_MS));
	EXPECT_EQ(KIPC_HAPPENED_LIMIT, m.word[KIPC_A_EVENT]);
	EXPECT_EQ(KIPC_LIMIT_OBJECTS, m.word[KIPC_A_RESOURCE]);
	EXPECT_EQ(geteuid(), m.word[KIPC_A_UID]);
	EXPECT_EQ(getpid(), m.word[KIPC_A_PID]);
	EXPECT_FALSE(nl_has(&m, KIPC_A_ID));
}

TEST_F(events, a_server_dies)
{
	struct kipc_mailbox_recv recv;
	uint64_t number = 1, token;
	struct nl_message m;
	int fd = default_box();
	uint64_t id = id_of(fd);
	pid_t pid;

	expect(self->nl, KIPC_HAPPENED_CREATED, id, NULL, &m);
	pid = spawn();
	if (!pid) {
		CHECK(k_serve(fd, &number, 8, &recv, 0, after(PATIENCE)) == 8);
		for (;;)
			pause();
	}
	ASSERT_OK(k_submit(fd, &number, 8, 8, &token, after(PATIENCE)));
	wait_for(stat_of(fd).serving == 1);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	ASSERT_TRUE(nl_event(self->nl, &m, SOON_MS));
	EXPECT_EQ(KIPC_HAPPENED_DIED, m.word[KIPC_A_EVENT]);
	EXPECT_EQ(id, m.id);
	/* The kernel has noticed it. */
	EXPECT_EQ(0, m.word[KIPC_A_PID]);
	EXPECT_ERR(EPIPE, k_collect(fd, &token, &number, 8, NULL, after(PATIENCE)));
	close(fd);
}

/* What it has taken is given up when its handle goes, before it is dead itself. */
TEST_F(events, a_server_dies_with_its_handle)
{
	const char *name = temp_name("dying");
	struct kipc_mailbox_recv recv;
	uint64_t number = 1, token;
	struct nl_message m;
	pid_t pid;
	int fd;

	ASSERT_OK(nl_subscribe(self->nl, KIPC_HAPPENED_DIED, false));
	fd = k_create(self->ctl, name, NULL, 0600, ALL_RIGHTS, KIPC_EXCL);
	ASSERT_OK(fd);
	pid = spawn();
	if (!pid) {
		int own = k_open(self->ctl, name, RECEIVE, 0);

		CHECK(k_serve(own, &number, 8, &recv, 0, after(PATIENCE)) == 8);
		for (;;)
			pause();
	}
	ASSERT_OK(k_submit(fd, &number, 8, 8, &token, after(PATIENCE)));
	wait_for(stat_of(fd).serving == 1);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	ASSERT_TRUE(nl_event(self->nl, &m, SOON_MS));
	EXPECT_EQ(KIPC_HAPPENED_DIED, m.word[KIPC_A_EVENT]);
	EXPECT_EQ(id_of(fd), m.id);
	EXPECT_FALSE(nl_event(self->nl, &m, NEVER_MS));
	EXPECT_ERR(EPIPE, k_collect(fd, &token, &number, 8, NULL, after(PATIENCE)));
	close(fd);
}

/* Another program does not know of the calls that the one before it has taken. */
TEST_F(events, a_server_executes_something)
{
	struct kipc_mailbox_recv recv;
	uint64_t number = 1, token;
	int fd, own, pipefd[2];
	struct nl_message m;
	pid_t pid;

	ASSERT_OK(nl_subscribe(self->nl, KIPC_HAPPENED_DIED, false));
	ASSERT_OK(pipe(pipefd));
	fd = k_create(self->ctl, NULL, NULL, 0600, ALL_RIGHTS, 0);
	ASSERT_OK(fd);
	own = k_narrow(fd, RECEIVE, 0);
	ASSERT_OK(own);
	pid = spawn();
	if (!pid) {
		char byte;

		/* What it becomes reads until nobody can write. */
		CHECK(dup2(pipefd[0], STDIN_FILENO) == STDIN_FILENO);
		close(pipefd[1]);
		CHECK(k_serve(own, &number, 8, &recv, 0, after(PATIENCE)) == 8);
		CHECK(read(pipefd[0], &byte, 1) == 1);
		execlp("cat", "cat", NULL);
		_exit(127);
	}
	close(pipefd[0]);
	ASSERT_OK(k_submit(fd, &number, 8, 8, &token, after(PATIENCE)));
	wait_for(stat_of(fd).serving == 1);
	ASSERT_EQ(1, write(pipefd[1], "x", 1));
	ASSERT_TRUE(nl_event(self->nl, &m, SOON_MS));
	EXPECT_EQ(KIPC_HAPPENED_DIED, m.word[KIPC_A_EVENT]);
	EXPECT_EQ(id_of(fd), m.id);
	EXPECT_EQ((uint32_t)pid, m.word[KIPC_A_PID]);
	close(pipefd[1]);
	EXPECT_EQ(0, reap(pid));
	EXPECT_FALSE(nl_event(self->nl, &m, NEVER_MS));
	EXPECT_ERR(EPIPE, k_collect(fd, &token, &number, 8, NULL, after(PATIENCE)));
	close(own);
	close(fd);
}

/* Who asks for less is told less. */
TEST_F(events, chosen_ones)
{
	struct nl_message m;
	int fd;

	ASSERT_OK(nl_subscribe(self->nl, KIPC_HAPPENED_REMOVED, false));
	fd = default_box();
	ASSERT_OK(k_remove(fd));
	expect(self->nl, KIPC_HAPPENED_REMOVED, id_of(fd), NULL, &m);
	close(fd);
	EXPECT_FALSE(nl_event(self->nl, &m, NEVER_MS));
	ASSERT_OK(nl_subscribe(self->nl, 0, false));
	fd = default_box();
	ASSERT_OK(k_remove(fd));
	close(fd);
	EXPECT_FALSE(nl_event(self->nl, &m, NEVER_MS));
}

TEST_F(events, another_namespace_hears_nothing)
{
	int go[2], ready[2], fd;
	struct nl *inner, *ruler;
	struct nl_message m;
	pid_t pid;
	char c;

	ASSERT_OK(pipe(go) | pipe(ready));
	pid = spawn();
	if (!pid) {
		close(go[1]);
		CHECK(!unshare(CLONE_NEWIPC));
		inner = nl_open();
		ruler = nl_open();
		CHECK(!nl_subscribe(inner, KIPC_HAPPENED_ALL, false));
		CHECK(!nl_subscribe(ruler, KIPC_HAPPENED_ALL, true));
		close(ready[0]);
		close(ready[1]);
		CHECK(read(go[0], &c, 1) == 0);
		/* Root of the first user namespace has asked for all. */
		CHECK(nl_event(ruler, &m, SOON_MS));
		CHECK(m.word[KIPC_A_EVENT] == KIPC_HAPPENED_CREATED);
		CHECK(!nl_event(inner, &m, NEVER_MS));
		nl_close(inner);
		nl_close(ruler);
		_exit(0);
	}
	close(go[0]);
	close(ready[1]);
	ASSERT_EQ(0, read(ready[0], &c, 1));
	fd = k_create(self->ctl, temp_name("quiet"), NULL, 0666, ALL_RIGHTS, KIPC_EXCL);
	ASSERT_OK(fd);
	close(go[1]);
	EXPECT_EQ(0, reap(pid));
	close(fd);
	close(ready[0]);
}

/* With the rights that it had when it subscribed, whoever acts. */
TEST_F(events, a_stranger_hears_of_names_alone)
{
	const char *name = temp_name("public");
	int go[2], ready[2], nameless, named;
	struct nl_message m;
	struct nl *nl;
	pid_t pid;
	char c;

	ASSERT_OK(pipe(go) | pipe(ready));
	pid = spawn();
	if (!pid) {
		close(go[1]);
		become(NOBODY, NOBODY);
		nl = nl_open();
		CHECK(!nl_subscribe(nl, KIPC_HAPPENED_ALL, true));
		close(ready[0]);
		close(ready[1]);
		CHECK(read(go[0], &c, 1) == 0);
		CHECK(nl_event(nl, &m, SOON_MS));
		CHECK(!strcmp(m.name, name));
		CHECK(m.word[KIPC_A_EVENT] == KIPC_HAPPENED_CREATED);
		CHECK(!nl_event(nl, &m, NEVER_MS));
		nl_close(nl);
		_exit(0);
	}
	close(go[0]);
	close(ready[1]);
	ASSERT_EQ(0, read(ready[0], &c, 1));
	nameless = k_create(self->ctl, NULL, NULL, 0600, ALL_RIGHTS, 0);
	named = k_create(self->ctl, name, NULL, 0600, ALL_RIGHTS, KIPC_EXCL);
	ASSERT_TRUE(nameless >= 0 && named >= 0);
	close(go[1]);
	EXPECT_EQ(0, reap(pid));
	close(nameless);
	close(named);
	close(ready[0]);
}

/* Nor does a program with more rights help, whose standard stream it was made. */
TEST_F(events, a_socket_that_a_stranger_opened)
{
	const char *name = temp_name("spied");
	struct nl *nl = nl_open_by_nobody();
	struct nl_message m;
	int nameless, named;

	ASSERT_OK(nl_subscribe(nl, KIPC_HAPPENED_CREATED, true));
	nameless = k_create(self->ctl, NULL, NULL, 0600, ALL_RIGHTS, 0);
	named = k_create(self->ctl, name, NULL, 0600, ALL_RIGHTS, KIPC_EXCL);
	ASSERT_TRUE(nameless >= 0 && named >= 0);
	expect(nl, KIPC_HAPPENED_CREATED, id_of(named), name, &m);
	EXPECT_FALSE(nl_event(nl, &m, NEVER_MS));
	close(nameless);
	close(named);
	nl_close(nl);
}

/* Each counts as 64 threads that wait. */
TEST_F(events, so_many_subscribers)
{
	uint64_t limit = get_limit("max_waiters");
	struct nl *third = nl_open();

	EXPECT_EQ(64, total("waiters"));
	set_limit("max_waiters", 128);
	EXPECT_OK(nl_subscribe(self->other, KIPC_HAPPENED_ALL, false));
	EXPECT_ERR(EDQUOT, nl_subscribe(third, KIPC_HAPPENED_ALL, false));
	nl_close(self->other);
	EXPECT_OK(nl_subscribe(third, KIPC_HAPPENED_ALL, false));
	EXPECT_OK(nl_subscribe(third, 0, false));
	self->other = nl_open();
	EXPECT_OK(nl_subscribe(self->other, KIPC_HAPPENED_ALL, false));
	set_limit("max_waiters", limit);
	nl_close(third);
}

/* Who floods, and those who do not read, keep nobody from coming and going. */
TEST_F(events, coming_in_a_flood)
{
	enum { DEAF = 100 };
	struct nl *deaf[DEAF], *nl;
	unsigned int i;
	pid_t flood[2], pid;

	for (i = 0; i < DEAF; i++) {
		deaf[i] = nl_open();
		ASSERT_OK(nl_subscribe(deaf[i], KIPC_HAPPENED_ALL, false));
	}
	for (i = 0; i < 2; i++) {
		flood[i] = spawn();
		if (!flood[i])
			for (;;)
				close(default_box());
	}
	/* There is always something that has not been told. */
	usleep(500000);
	pid = spawn();
	if (!pid) {
		for (i = 0; i < 3; i++) {
			nl = nl_open();
			CHECK(!nl_subscribe(nl, KIPC_HAPPENED_ALL, false));
			nl_close(nl);
		}
		_exit(0);
	}
	wait_for(task_state(pid, pid) == 'Z');
	EXPECT_EQ(0, reap(pid));
	for (i = 0; i < 2; i++)
		slay(flood[i]);
	for (i = 0; i < DEAF; i++)
		nl_close(deaf[i]);
}

/* A flood that nobody reads: what does not fit is counted, and then told. */
TEST_F(events, lost_ones_are_counted)
{
	unsigned int i, made = 4000, heard = 0;
	struct nl_message m;
	uint64_t lost = 0;
	int fd;

	ASSERT_OK(nl_subscribe(self->nl, KIPC_HAPPENED_CREATED, false));
	for (i = 0; i < made; i++)
		close(default_box());
	while (nl_event(self->nl, &m, 5000)) {
		heard++;
		if (nl_has(&m, KIPC_A_LOST))
			lost = m.lost;
	}
	fd = default_box();
	ASSERT_TRUE(nl_event(self->nl, &m, SOON_MS));
	if (nl_has(&m, KIPC_A_LOST))
		lost = m.lost;
	close(fd);
	TH_LOG("%u were told, %llu lost", heard + 1, (unsigned long long)lost);
	EXPECT_LT(heard, made);
	/* Those that the kernel could not note may have been of the other sort. */
	EXPECT_GE(heard + 1 + lost, made + 1);
	EXPECT_LE(heard + 1 + lost, 2 * made + 2);
}

/* A socket that is closed is forgotten; one that dies with its process too. */
TEST_F(events, subscribers_go)
{
	unsigned int i, rounds = effort(50);
	struct nl *nl;
	pid_t pid;

	for (i = 0; i < rounds; i++) {
		pid = spawn();
		if (!pid) {
			nl = nl_open();
			CHECK(!nl_subscribe(nl, KIPC_HAPPENED_ALL, false));
			if (i % 2)
				_exit(0);
			for (;;)
				close(default_box());
		}
		if (!(i % 2))
			usleep(2000);
		EXPECT_EQ(i % 2 ? 0 : 128 + SIGKILL, i % 2 ? reap(pid) : slay(pid));
	}
}

TEST_HARNESS_MAIN
