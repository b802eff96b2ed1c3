// SPDX-License-Identifier: GPL-2.0
/* Generic netlink without memory: events that cannot be told, dumps that end too early. */
#include "test.h"
#include "inject.h"
#include "knetlink.h"

#include <dirent.h>

#define FAULTS	"/sys/kernel/debug/"

static struct nl *nl;		/* is told of what is created */
static unsigned int lost;	/* events, as it should know */
static int ctl;

FIXTURE(netlost) {
};

FIXTURE_SETUP(netlost)
{
	if (!inject_begin())
		SKIP_FROM_SETUP(NO_INJECTION);
	nl = nl_open();
	ASSERT_NE(NULL, nl);
	ctl = control();
	ASSERT_OK(nl_subscribe(nl, KIPC_HAPPENED_CREATED, false));
}

FIXTURE_TEARDOWN(netlost)
{
	nl_close(nl);
	close(ctl);
	inject_end();
}

/*
 * @fd has been created.  Either that was told, or what comes next says that one more was
 * lost.  Was it told?
 */
static bool told(int fd)
{
	int next = default_box();
	struct nl_message m;
	bool first;

	CHECK(nl_event(nl, &m, PATIENCE / MS));
	first = m.id == id_of(fd);
	if (first) {
		CHECK(m.lost == lost);
		CHECK(nl_event(nl, &m, PATIENCE / MS));
	} else {
		lost++;
	}
	CHECK(m.id == id_of(next) && m.lost == lost);
	close(next);
	return first;
}

/* What happens does, whether or not it can be written down; what fails does not. */

static long create(struct scene *sc)
{
	(void)sc;
	return k_create(ctl, NULL, NULL, 0600, ALL_RIGHTS, 0);
}

static void created(struct scene *sc)
{
	told(sc->ret);
	close(sc->ret);
}

TEST_F_TIMEOUT(netlost, not_written_down, 300)
{
	const struct fault_op op = {
		.call = create, .done = created, .errnos = { ENOMEM, EFAULT },
		.least = 2, .absorbs = 1, .bare = true,
	};

	unsigned int tries;

	/* A creation may have one allocation less than the one before, and just that go by. */
	for (tries = 0; !lost && tries < 20; tries++)
		ASSERT_EQ(0, inject_run(&op));
	EXPECT_LT(0, lost);
}

/* All that tell events are among those; others are, too. */
static void let_workers_fail(const char *fail)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	char path[320], name[32];
	long n;

	CHECK(dir);
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		n = read_whole(path, name, sizeof(name));
		if (n < 9 || memcmp(name, "kworker/u", 9))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/make-it-fail", entry->d_name);
		/* It may have gone meanwhile. */
		try_write_file(path, fail);
	}
	closedir(dir);
}

TEST_F_TIMEOUT(netlost, not_sent, 300)
{
	unsigned int tries;
	int fd;

	/* It may be a new worker that does it, or none in time. */
	for (tries = 0; !lost && tries < 50; tries++) {
		let_workers_fail("1");
		fd = default_box();
		usleep(20000 * (tries + 1));
		let_workers_fail("0");
		told(fd);
		close(fd);
	}
	EXPECT_LT(0, lost);
}

/* Returns whether there will be an answer. */
static bool sent_without_pages(const struct nl *asks, const struct nlmsghdr *request)
{
	int fd = mnl_socket_get_fd(asks->socket), err = 0;
	socklen_t size = sizeof(err);

	CHECK(inject_arm_all());
	if (send(fd, request, request->nlmsg_len, 0) < 0)
		err = errno;
	inject_disarm_all();
	if (!err)
		CHECK(!getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size));
	CHECK(!err || err == ENOBUFS);
	return !err;
}

/*
 * Pages alone are short: a part of a dump is begun, and cannot be filled.  Then its end
 * says so, or the caller would take what has come for all that there is.
 */
TEST_F_TIMEOUT(netlost, a_dump_that_ends_too_early, 300)
{
	int fd = default_box(), ret, err = 0;
	struct nl *asks = nl_open();
	struct nlmsghdr *request;
	unsigned int tries;
	struct nl_list list;

	ASSERT_NE(NULL, asks);
	ASSERT_OK(mlockall(MCL_CURRENT | MCL_FUTURE));
	write_file(FAULTS "failslab/probability", "0");
	for (tries = 0; err != ENOMEM && tries < 100; tries++) {
		request = nl_request(asks, KIPC_CMD_OBJECT, NLM_F_DUMP);
		/*
		 * A cache may have needed a page for the request itself, or for the answer,
		 * and will the next time, unless somebody fills it.
		 */
		if (!sent_without_pages(asks, request)) {
			nl_close(asks);
			asks = nl_open();
			ASSERT_NE(NULL, asks);
			list = nl_dump(asks, KIPC_CMD_OBJECT, 0, false);
			free(list.item);
			continue;
		}
		ret = nl_take(asks, &list);
		err = ret ? errno : 0;
		free(list.item);
		EXPECT_TRUE(ret || list.count);
	}
	EXPECT_EQ(ENOMEM, err);
	/* Nothing is left of it. */
	list = nl_dump(asks, KIPC_CMD_OBJECT, 0, false);
	EXPECT_LT(0, list.count);
	free(list.item);
	nl_close(asks);
	close(fd);
}

TEST_HARNESS_MAIN
