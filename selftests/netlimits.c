// SPDX-License-Identifier: GPL-2.0
/* What users hold and may hold, over netlink. */
#include "test.h"
#include "knetlink.h"

#include <sys/fsuid.h>

#define LIMITS	5

static const char *const limit_names[LIMITS] = {
	[KIPC_LIMIT_OBJECTS] = "max_objects",
	[KIPC_LIMIT_BYTES] = "max_bytes",
	[KIPC_LIMIT_WAITERS] = "max_waiters",
	[KIPC_LIMIT_CARRIED] = "max_carried",
	[KIPC_LIMIT_MEMORY] = "max_memory",
};

static int nl_set_limit(struct nl *nl, int resource, int64_t limit)
{
	struct nlmsghdr *request = nl_request(nl, KIPC_CMD_LIMIT, 0);

	if (resource >= 0)
		mnl_attr_put_u32(request, KIPC_A_RESOURCE, resource);
	if (limit >= 0)
		mnl_attr_put_u64(request, KIPC_A_LIMIT, limit);
	return nl_ask(nl, request, NULL);
}

static struct nl_list limits(struct nl *nl, bool all)
{
	return nl_dump(nl, KIPC_CMD_LIMIT, 0, all);
}

/* What the list says of a user, which must be in it once; NULL: it is not. */
static const struct nl_message *row_of(const struct nl_list *list, uint32_t uid,
				       uint32_t ns, unsigned int resource)
{
	const struct nl_message *m, *found = NULL;

	for (m = list->item; m < list->item + list->count; m++) {
		if (m->word[KIPC_A_UID] != uid || m->word[KIPC_A_USER_NS] != ns ||
		    m->word[KIPC_A_RESOURCE] != resource)
			continue;
		CHECK(!found && nl_has(m, KIPC_A_USED) && nl_has(m, KIPC_A_LIMIT));
		found = m;
	}
	return found;
}

static uint32_t own_ns(void)
{
	struct stat st;

	CHECK(!stat("/proc/self/ns/user", &st));
	return st.st_ino;
}

FIXTURE(limits) {
	struct nl *nl;
};

FIXTURE_SETUP(limits)
{
	self->nl = nl_open();
	ASSERT_NE(NULL, self->nl);
}

FIXTURE_TEARDOWN(limits)
{
	nl_close(self->nl);
}

TEST_F(limits, own)
{
	struct nl_list list = limits(self->nl, false);
	uint64_t objects, bytes;
	unsigned int i;
	int fd;

	ASSERT_EQ(LIMITS, list.count);
	for (i = 0; i < LIMITS; i++) {
		ASSERT_EQ(i, list.item[i].word[KIPC_A_RESOURCE]);
		EXPECT_EQ(0, list.item[i].word[KIPC_A_UID]);
		EXPECT_EQ(own_ns(), list.item[i].word[KIPC_A_USER_NS]);
		EXPECT_EQ(get_limit(limit_names[i]), list.item[i].limit);
	}
	objects = list.item[KIPC_LIMIT_OBJECTS].used;
	bytes = list.item[KIPC_LIMIT_BYTES].used;
	free(list.item);
	fd = default_box();
	list = limits(self->nl, false);
	EXPECT_EQ(objects + 1, list.item[KIPC_LIMIT_OBJECTS].used);
	EXPECT_LT(bytes, list.item[KIPC_LIMIT_BYTES].used);
	free(list.item);
	close(fd);
	wait_for(total("objects") == objects);
	list = limits(self->nl, false);
	EXPECT_EQ(objects, list.item[KIPC_LIMIT_OBJECTS].used);
	free(list.item);
}

/* It is the module's parameter, and counts at once. */
TEST_F(limits, set)
{
	unsigned int i;
	uint64_t before[LIMITS];
	struct nl_list list;
	int fd;

	for (i = 0; i < LIMITS; i++)
		before[i] = get_limit(limit_names[i]);
	for (i = 0; i < LIMITS; i++) {
		EXPECT_OK(nl_set_limit(self->nl, i, 1000 + i));
		EXPECT_EQ(1000 + i, get_limit(limit_names[i]));
	}
	list = limits(self->nl, false);
	for (i = 0; i < LIMITS; i++)
		EXPECT_EQ(1000 + i, list.item[i].limit);
	free(list.item);
	EXPECT_OK(nl_set_limit(self->nl, KIPC_LIMIT_OBJECTS, 0));
	fd = k_create(OWN_CONTROL, NULL, NULL, 0600, ALL_RIGHTS, 0);
	for (i = 0; i < LIMITS; i++)
		EXPECT_OK(nl_set_limit(self->nl, i, before[i]));
	EXPECT_EQ(-1, fd);
	close(default_box());
}

TEST_F(limits, wrong)
{
	uint64_t before = get_limit("max_objects");

	EXPECT_ERR(EINVAL, nl_set_limit(self->nl, -1, 5));
	EXPECT_STREQ("say of which RESOURCE, and which LIMIT", self->nl->message);
	EXPECT_ERR(EINVAL, nl_set_limit(self->nl, 0, -1));
	EXPECT_ERR(ERANGE, nl_set_limit(self->nl, LIMITS, 5));
	EXPECT_NE(0, strlen(self->nl->message));
	EXPECT_EQ(before, get_limit("max_objects"));
}

/* Nor by the root of a user namespace, which is not of the machine. */
TEST_F(limits, set_by_others)
{
	uint64_t before = get_limit("max_objects");
	struct nl *nl;
	pid_t pid;

	pid = spawn();
	if (!pid) {
		become(NOBODY, NOBODY);
		nl = nl_open();
		CHECK_ERR(EPERM, nl_set_limit(nl, 0, 5));
		/* A socket that root has opened is no help. */
		CHECK_ERR(EPERM, nl_set_limit(self->nl, 0, 5));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	pid = spawn();
	if (!pid) {
		enter_userns(0, NOBODY, "0 65534 1", "0 65534 1");
		nl = nl_open();
		CHECK_ERR(EPERM, nl_set_limit(nl, 0, 5));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(before, get_limit("max_objects"));
}

/* What others hold is shown to who administers their user namespace. */
TEST_F(limits, of_others)
{
	uint32_t ns = own_ns();
	const struct nl_message *m;
	struct nl_list list;
	struct nl *nl;
	pid_t pid;
	int fd;

	setfsuid(1234);
	fd = default_box();
	setfsuid(0);
	list = limits(self->nl, false);
	EXPECT_EQ(LIMITS, list.count);
	free(list.item);
	list = limits(self->nl, true);
	m = row_of(&list, 1234, ns, KIPC_LIMIT_OBJECTS);
	ASSERT_NE(NULL, m);
	EXPECT_EQ(1, m->used);
	EXPECT_NE(NULL, row_of(&list, 0, ns, KIPC_LIMIT_OBJECTS));
	free(list.item);

	pid = spawn();
	if (!pid) {
		become(NOBODY, NOBODY);
		nl = nl_open();
		list = limits(nl, true);
		CHECK(list.count == LIMITS);
		m = row_of(&list, NOBODY, ns, KIPC_LIMIT_OBJECTS);
		CHECK(m && !m->used);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	close(fd);
}

/* What is held in a user namespace is held by who made it, too. */
TEST_F(limits, in_a_user_namespace)
{
	uint32_t outside = own_ns();
	const struct nl_message *m;
	struct nl_list list;
	struct nl *nl;
	pid_t pid;

	pid = spawn();
	if (!pid) {
		enter_userns(0, 1234, "0 1234 1", "0 1234 1");
		nl = nl_open();
		default_box();
		list = limits(nl, true);
		m = row_of(&list, 0, own_ns(), KIPC_LIMIT_OBJECTS);
		CHECK(m && m->used == 1);
		/* Of those outside nothing. */
		CHECK(list.count == LIMITS);
		list = limits(self->nl, true);
		CHECK(list.count == LIMITS);
		raise(SIGSTOP);
		_exit(0);
	}
	CHECK(waitpid(pid, NULL, WUNTRACED) == pid);
	list = limits(self->nl, true);
	m = row_of(&list, 1234, outside, KIPC_LIMIT_OBJECTS);
	ASSERT_NE(NULL, m);
	EXPECT_EQ(1, m->used);
	EXPECT_EQ(0, list.count % LIMITS);
	free(list.item);
	kill(pid, SIGCONT);
	EXPECT_EQ(0, reap(pid));
}

/* Who leaves an answer unread keeps no namespace from its end. */
TEST_F(limits, unread)
{
	enum { NAMESPACES = 2 };
	static const char path[] = "/proc/sys/user/max_user_namespaces";
	struct nl *nl[2 * NAMESPACES];
	char before[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC), i;
	pid_t pid;

	ASSERT_LT(0, read(fd, before, sizeof(before) - 1));
	close(fd);
	write_file(path, "2");
	for (i = 0; i < 2 * NAMESPACES; i++) {
		pid = spawn();
		if (!pid) {
			become(1234, 1234);
			/* The last one goes when it goes. */
			wait_for(!unshare(CLONE_NEWUSER));
			default_box();
			raise(SIGSTOP);
			_exit(0);
		}
		EXPECT_EQ(pid, waitpid(pid, NULL, WUNTRACED));
		nl[i] = nl_open_by_nobody();
		nl_send(nl[i], nl_request(nl[i], KIPC_CMD_LIMIT, NLM_F_DUMP));
		kill(pid, SIGCONT);
		EXPECT_EQ(0, reap(pid));
	}
	write_file(path, before);
	for (i = 0; i < 2 * NAMESPACES; i++)
		nl_close(nl[i]);
}

/* Root has asked by a socket that a stranger has opened: it tells nothing of root. */
TEST_F(limits, a_socket_that_a_stranger_opened)
{
	struct nl *nl = nl_open_by_nobody();
	struct nl_list list = limits(nl, true);

	EXPECT_EQ(0, list.count);
	nl_close(nl);
}

/* More than go into one answer. */
TEST_F(limits, many_users)
{
	enum { USERS = 500 };
	uint32_t ns = own_ns();
	const struct nl_message *m;
	struct nl_list list;
	int fds[USERS], i;

	for (i = 0; i < USERS; i++) {
		setfsuid(10000 + i);
		fds[i] = default_box();
		setfsuid(0);
	}
	list = limits(self->nl, true);
	EXPECT_LE(USERS * LIMITS, list.count);
	for (i = 0; i < USERS; i++) {
		m = row_of(&list, 10000 + i, ns, KIPC_LIMIT_OBJECTS);
		ASSERT_NE(NULL, m);
		EXPECT_EQ(1, m->used);
	}
	free(list.item);
	for (i = 0; i < USERS; i++)
		close(fds[i]);
}

TEST_HARNESS_MAIN
