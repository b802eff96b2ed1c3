// SPDX-License-Identifier: GPL-2.0
/*
 * Failing allocations and copies: generic netlink.  A request is done while it is sent, so
 * failures hit the module in the caller; what the answer meets on its way is for the
 * caller to notice, who has to look then whether it was done.
 */
#include "test.h"
#include "inject.h"
#include "calls.h"
#include "knetlink.h"

#define EVENTS	(KIPC_HAPPENED_CREATED | KIPC_HAPPENED_END)
#define A_LIMIT	12345

/* What a request has, and of what the scene has to be. */
enum {
	ID = 1, NAME = 2, KIND = 4, USER = 8, PATTERN = 16, WAITS = 32, ALL = 64,
	SUBSCRIBED = 128,
};

/*
 * Both are open all the time, as what a scene has to open would fail: one makes the
 * requests that are meant and takes their answers, by sockets of the scenes; the other
 * asks what else is to be known.
 */
static struct nl *nl, *side;
static bool (*happened)(struct scene *sc);	/* was it done?  NULL: nothing changes */
static uint64_t before;		/* a limit, a total */

static struct {
	unsigned int answers, own;	/* all, and those about the scene's object */
	uint64_t id;			/* of that */
	struct nl_message message;	/* the last of those */
} seen;

FIXTURE(netfaults) {
};

FIXTURE_VARIANT(netfaults) {
	struct fault_op op;
};

FIXTURE_SETUP(netfaults)
{
	if (!inject_begin())
		SKIP_FROM_SETUP(NO_INJECTION);
	nl = nl_open();
	side = nl_open();
	ASSERT_TRUE(nl && side);
}

FIXTURE_TEARDOWN(netfaults)
{
	nl_close(nl);
	nl_close(side);
	inject_end();
}

/* Through the scene's socket, from now on, and nothing fails. */
static void subscribe(struct scene *sc, uint32_t events)
{
	struct nlmsghdr *request = nl_request(side, KIPC_CMD_SUBSCRIBE, 0);
	struct nlmsghdr *answer = (void *)side->answer;

	mnl_attr_put_u32(request, KIPC_A_EVENTS, events);
	CHECK(send(sc->other, request, request->nlmsg_len, 0) > 0);
	do {
		CHECK(recv(sc->other, answer, sizeof(side->answer), 0) > 0);
	} while (answer->nlmsg_type != NLMSG_ERROR);
	CHECK(!nl_error(side, answer));
}

/* The scene's socket. */
static void plug(struct scene *sc)
{
	struct sockaddr_nl own = { .nl_family = AF_NETLINK };

	sc->other = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	CHECK(sc->other >= 0 && !bind(sc->other, (void *)&own, sizeof(own)));
	if (sc->op->flags & SUBSCRIBED)
		subscribe(sc, EVENTS);
}

/* The request: what follows is added to it. */
static struct nlmsghdr *request_of(struct scene *sc, uint8_t cmd, uint16_t flags)
{
	struct nlmsghdr *request = nl_request(nl, cmd, flags);
	unsigned int has = sc->op->flags;

	happened = NULL;
	seen.id = sc->fd >= 0 ? id_of(sc->fd) : 0;
	if (has & ID)
		mnl_attr_put_u64(request, KIPC_A_ID, seen.id);
	if (has & NAME)
		mnl_attr_put_strz(request, KIPC_A_NAME, sc->name);
	if (has & KIND)
		mnl_attr_put_u32(request, KIPC_A_KIND, KIPC_KIND_MAILBOX);
	if (has & USER)
		mnl_attr_put_u32(request, KIPC_A_UID, geteuid());
	if (has & PATTERN)
		mnl_attr_put_strz(request, KIPC_A_PATTERN, "*fault*");
	if (has & WAITS)
		mnl_attr_put(request, KIPC_A_WAITS, 0, NULL);
	if (has & ALL)
		mnl_attr_put(request, KIPC_A_ALL, 0, NULL);
	return request;
}

enum outcome { DONE, REFUSED, LOST };	/* REFUSED, LOST: with errno */

static enum outcome look_at(const struct nlmsghdr *header)
{
	struct nl_message m;

	if (header->nlmsg_type == NLMSG_ERROR)
		return nl_error(nl, header) ? REFUSED : DONE;
	if (header->nlmsg_type == NLMSG_DONE)
		return nl_end(header) ? REFUSED : DONE;
	nl_parse(header, &m);
	seen.answers++;
	if (m.id == seen.id && m.cmd != KIPC_CMD_EVENT) {
		seen.own++;
		seen.message = m;
	}
	return LOST;
}

/* All answers, to the last. */
static enum outcome take(struct scene *sc)
{
	const struct nlmsghdr *header;
	enum outcome outcome;
	int size;

	seen.answers = 0;
	seen.own = 0;
	for (;;) {
		size = recv(sc->other, nl->answer, sizeof(nl->answer), MSG_DONTWAIT);
		if (size < 0)
			return LOST;
		for (header = (void *)nl->answer; mnl_nlmsg_ok(header, size);
		     header = mnl_nlmsg_next(header, &size)) {
			outcome = look_at(header);
			if (outcome != LOST)
				return outcome;
		}
	}
}

/*
 * Every request.  It was not done if it was not sent, or was refused; if its answer is
 * lost, it may have been.
 */
static long ask(struct scene *sc)
{
	struct nlmsghdr *request = (void *)nl->request;
	enum outcome outcome;
	int err;

	if (send(sc->other, request, request->nlmsg_len, 0) < 0)
		return -1;
	outcome = take(sc);
	if (outcome == DONE)
		return 0;
	/* The failure has happened: from here on there is none. */
	err = errno;
	if (happened && happened(sc)) {
		CHECK(outcome == LOST);
		return 0;
	}
	/* Of a dump there may be more to come. */
	close(sc->other);
	plug(sc);
	errno = err;
	return -1;
}

/* Scenes. */

static void name_it(struct scene *sc)
{
	close(sc->fd);
	sc->fd = k_create(sc->ctl, sc->name, NULL, 0600, ALL_RIGHTS, KIPC_EXCL);
	CHECK(sc->fd >= 0);
	sc->first = sc->next;
}

/* A mailbox with a name, for which somebody waits. */
static void waited_for(struct scene *sc)
{
	name_it(sc);
	scene_partner(sc, PARTNER_RECEIVES, 0);
	plug(sc);
}

static void get_one(struct scene *sc)
{
	waited_for(sc);
	request_of(sc, KIPC_CMD_OBJECT, 0);
}

static void got_one(struct scene *sc)
{
	CHECK(seen.answers == 1 && seen.own == 1);
	CHECK(!strcmp(seen.message.name, sc->name));
	CHECK(seen.message.word[KIPC_A_WAITERS] == 1);
	CHECK(seen.message.stat_size == sizeof(struct kipc_mailbox_stat));
}

FIXTURE_VARIANT_ADD(netfaults, get_by_id) {
	.op.set_up = get_one, .op.done = got_one, .op.flags = ID,
};

FIXTURE_VARIANT_ADD(netfaults, get_by_name) {
	.op.set_up = get_one, .op.done = got_one, .op.flags = NAME,
};

static void dump_objects(struct scene *sc)
{
	waited_for(sc);
	request_of(sc, KIPC_CMD_OBJECT, NLM_F_DUMP);
}

static void dumped_object(struct scene *sc)
{
	CHECK(seen.own == 1 && !strcmp(seen.message.name, sc->name));
}

FIXTURE_VARIANT_ADD(netfaults, dump) {
	.op.set_up = dump_objects, .op.done = dumped_object,
};

FIXTURE_VARIANT_ADD(netfaults, dump_kind_of_user) {
	.op.set_up = dump_objects, .op.done = dumped_object, .op.flags = KIND | USER,
};

FIXTURE_VARIANT_ADD(netfaults, dump_pattern) {
	.op.set_up = dump_objects, .op.done = dumped_object, .op.flags = PATTERN,
};

FIXTURE_VARIANT_ADD(netfaults, dump_waited_for) {
	.op.set_up = dump_objects, .op.done = dumped_object, .op.flags = WAITS,
};

FIXTURE_VARIANT_ADD(netfaults, dump_of_all_namespaces) {
	.op.set_up = dump_objects, .op.done = dumped_object, .op.flags = ALL,
};

/* The first that is asked there makes a record of the namespace. */
static void new_ipc_namespace(void)
{
	CHECK(!unshare(CLONE_NEWIPC));
}

static void dump_nothing(struct scene *sc)
{
	plug(sc);
	request_of(sc, KIPC_CMD_OBJECT, NLM_F_DUMP);
}

static void dumped_nothing(struct scene *sc)
{
	(void)sc;
	CHECK(!seen.answers);
}

FIXTURE_VARIANT_ADD(netfaults, dump_in_a_new_namespace) {
	.op.enter = new_ipc_namespace, .op.set_up = dump_nothing,
	.op.done = dumped_nothing, .op.bare = true,
};

static void dump_waiters(struct scene *sc)
{
	waited_for(sc);
	request_of(sc, KIPC_CMD_WAITER, NLM_F_DUMP);
}

static void dumped_waiter(struct scene *sc)
{
	CHECK(seen.own == 1 && seen.message.word[KIPC_A_PID] == (uint32_t)sc->partner);
}

FIXTURE_VARIANT_ADD(netfaults, waiters) {
	.op.set_up = dump_waiters, .op.done = dumped_waiter, .op.flags = ID,
};

FIXTURE_VARIANT_ADD(netfaults, waiters_of_all) {
	.op.set_up = dump_waiters, .op.done = dumped_waiter, .op.flags = ALL,
};

/* One that nobody has taken, and one that we have. */
static void dump_calls(struct scene *sc)
{
	name_it(sc);
	submitted(sc->fd, 1);
	submitted(sc->fd, 2);
	served(sc->fd, 1);
	plug(sc);
	request_of(sc, KIPC_CMD_CALL, NLM_F_DUMP);
}

/* They are no letters that anybody is to receive. */
static void end_calls(struct scene *sc)
{
	close(sc->fd);
	sc->fd = -1;
}

static void dumped_calls(struct scene *sc)
{
	(void)sc;
	CHECK(seen.own == 2 && seen.message.word[KIPC_A_STATE] == KIPC_STAGE_QUEUED);
}

FIXTURE_VARIANT_ADD(netfaults, calls) {
	.op.set_up = dump_calls, .op.done = dumped_calls, .op.end = end_calls,
	.op.flags = ID,
};

FIXTURE_VARIANT_ADD(netfaults, calls_of_all) {
	.op.set_up = dump_calls, .op.done = dumped_calls, .op.end = end_calls,
	.op.flags = ALL,
};

/* Limits. */

static void dump_limits(struct scene *sc)
{
	plug(sc);
	request_of(sc, KIPC_CMD_LIMIT, NLM_F_DUMP);
}

static void dumped_limits(struct scene *sc)
{
	(void)sc;
	CHECK(seen.answers && seen.answers % (KIPC_LIMIT_MEMORY + 1) == 0);
}

FIXTURE_VARIANT_ADD(netfaults, limits) {
	.op.set_up = dump_limits, .op.done = dumped_limits,
};

FIXTURE_VARIANT_ADD(netfaults, limits_of_all) {
	.op.set_up = dump_limits, .op.done = dumped_limits, .op.flags = ALL,
};

static bool limit_is_set(struct scene *sc)
{
	(void)sc;
	return get_limit("max_objects") == A_LIMIT;
}

static void change_limit(struct scene *sc)
{
	struct nlmsghdr *request;

	plug(sc);
	before = get_limit("max_objects");
	request = request_of(sc, KIPC_CMD_LIMIT, 0);
	mnl_attr_put_u32(request, KIPC_A_RESOURCE, KIPC_LIMIT_OBJECTS);
	mnl_attr_put_u64(request, KIPC_A_LIMIT, A_LIMIT);
	happened = limit_is_set;
}

static void changed_limit(struct scene *sc)
{
	CHECK(limit_is_set(sc));
	set_limit("max_objects", before);
}

FIXTURE_VARIANT_ADD(netfaults, set_limit) {
	.op.set_up = change_limit, .op.done = changed_limit,
};

/* Latencies. */

static void count(struct scene *sc, uint32_t state)
{
	struct nlmsghdr *request = nl_request(side, KIPC_CMD_LATENCY, 0);
	uint64_t number;

	mnl_attr_put_u64(request, KIPC_A_ID, id_of(sc->fd));
	mnl_attr_put_u32(request, KIPC_A_STATE, state);
	CHECK(!nl_ask(side, request, NULL));
	if (state)
		CHECK_ERR(ETIMEDOUT, k_recv(sc->fd, &number, 8, NULL, 0, after(1)));
}

static bool counted(struct scene *sc)
{
	struct nl_list list = nl_dump(side, KIPC_CMD_LATENCY, id_of(sc->fd), false);

	free(list.item);
	return list.count;
}

static bool counts_no_more(struct scene *sc)
{
	return !counted(sc);
}

/* The charge tells it. */
static bool counts(struct scene *sc)
{
	(void)sc;
	return total("bytes") > before;
}

static void change_latency(struct scene *sc, uint32_t state)
{
	name_it(sc);
	plug(sc);
	before = total("bytes");
	mnl_attr_put_u32(request_of(sc, KIPC_CMD_LATENCY, 0), KIPC_A_STATE, state);
}

static void start_latency(struct scene *sc)
{
	change_latency(sc, 1);
	happened = counts;
}

static void started_latency(struct scene *sc)
{
	CHECK(counts(sc) && !counted(sc));
	count(sc, 0);
}

FIXTURE_VARIANT_ADD(netfaults, start_latency) {
	.op.set_up = start_latency, .op.done = started_latency, .op.flags = ID,
};

static void restart_latency(struct scene *sc)
{
	change_latency(sc, 1);
	count(sc, 1);
	happened = counts_no_more;
}

static void restarted_latency(struct scene *sc)
{
	CHECK(counts(sc) && !counted(sc));
	count(sc, 1);
}

FIXTURE_VARIANT_ADD(netfaults, restart_latency) {
	.op.set_up = restart_latency, .op.done = restarted_latency, .op.flags = NAME,
};

static void stop_latency(struct scene *sc)
{
	change_latency(sc, 0);
	count(sc, 1);
	happened = counts_no_more;
}

static void stopped_latency(struct scene *sc)
{
	CHECK(!counts(sc) && !counted(sc));
	count(sc, 1);
}

FIXTURE_VARIANT_ADD(netfaults, stop_latency) {
	.op.set_up = stop_latency, .op.done = stopped_latency, .op.flags = ID,
};

static void dump_latencies(struct scene *sc)
{
	name_it(sc);
	count(sc, 1);
	plug(sc);
	request_of(sc, KIPC_CMD_LATENCY, NLM_F_DUMP);
}

static void dumped_latency(struct scene *sc)
{
	(void)sc;
	CHECK(seen.own == 1 && nl_has(&seen.message, KIPC_A_COUNTS));
}

FIXTURE_VARIANT_ADD(netfaults, latencies) {
	.op.set_up = dump_latencies, .op.done = dumped_latency, .op.flags = ID,
};

FIXTURE_VARIANT_ADD(netfaults, latencies_of_all) {
	.op.set_up = dump_latencies, .op.done = dumped_latency, .op.flags = ALL,
};

/* Removal: what stays has its letters and its name. */

static bool is_removed(struct scene *sc)
{
	struct kipc_info info;

	CHECK(!k_info(sc->fd, &info));
	return info.flags & KIPC_INFO_REMOVED;
}

static void something_to_remove(struct scene *sc)
{
	name_it(sc);
	scene_put(sc, 10);
	scene_put(sc, 5000);
	request_of(sc, KIPC_CMD_REMOVE, 0);
	happened = is_removed;
}

static void remove_it(struct scene *sc)
{
	plug(sc);
	something_to_remove(sc);
}

static void removed_it(struct scene *sc)
{
	CHECK(is_removed(sc));
	CHECK_ERR(ENOENT, k_open(sc->ctl, sc->name, SEND, 0));
	something_to_remove(sc);
}

FIXTURE_VARIANT_ADD(netfaults, remove_by_id) {
	.op.set_up = remove_it, .op.done = removed_it, .op.flags = ID,
};

FIXTURE_VARIANT_ADD(netfaults, remove_by_name) {
	.op.set_up = remove_it, .op.done = removed_it, .op.flags = NAME,
};

/* Subscriptions: each counts as threads that wait. */

static bool subscribed(struct scene *sc)
{
	(void)sc;
	return total("waiters");
}

static bool not_subscribed(struct scene *sc)
{
	return !subscribed(sc);
}

static void change_subscription(struct scene *sc, uint32_t events)
{
	plug(sc);
	mnl_attr_put_u32(request_of(sc, KIPC_CMD_SUBSCRIBE, 0), KIPC_A_EVENTS, events);
}

static void begin_subscription(struct scene *sc)
{
	change_subscription(sc, KIPC_HAPPENED_ALL);
	happened = subscribed;
}

static void began_subscription(struct scene *sc)
{
	CHECK(subscribed(sc));
	subscribe(sc, 0);
}

FIXTURE_VARIANT_ADD(netfaults, subscribe) {
	.op.set_up = begin_subscription, .op.done = began_subscription,
};

static void end_subscription(struct scene *sc)
{
	change_subscription(sc, 0);
	happened = not_subscribed;
}

static void ended_subscription(struct scene *sc)
{
	CHECK(!subscribed(sc));
	subscribe(sc, EVENTS);
}

FIXTURE_VARIANT_ADD(netfaults, unsubscribe) {
	.op.set_up = end_subscription, .op.done = ended_subscription,
	.op.flags = SUBSCRIBED,
};

/* The scene's socket is told something, sooner or later. */
static struct nl_message hear(struct scene *sc)
{
	struct pollfd p = { .fd = sc->other, .events = POLLIN };
	struct nl_message m;

	CHECK(poll(&p, 1, PATIENCE / MS) == 1);
	CHECK(recv(sc->other, side->answer, sizeof(side->answer), 0) > 0);
	nl_parse((void *)side->answer, &m);
	CHECK(m.cmd == KIPC_CMD_EVENT);
	return m;
}

/* It is told that objects end, and of nothing before that. */
static bool hears_of_ends(struct scene *sc)
{
	int fd = default_box();
	uint64_t id = id_of(fd);
	bool more = false;
	struct nl_message m;

	close(fd);
	for (;;) {
		m = hear(sc);
		if (m.id == id && m.word[KIPC_A_EVENT] == KIPC_HAPPENED_END)
			return !more;
		more = true;
	}
}

static void other_subscription(struct scene *sc)
{
	change_subscription(sc, KIPC_HAPPENED_END);
	happened = hears_of_ends;
}

static void changed_subscription(struct scene *sc)
{
	CHECK(hears_of_ends(sc));
	subscribe(sc, EVENTS);
}

FIXTURE_VARIANT_ADD(netfaults, resubscribe) {
	.op.set_up = other_subscription, .op.done = changed_subscription,
	.op.flags = SUBSCRIBED,
};

TEST_F_TIMEOUT(netfaults, each, 300)
{
	struct fault_op op = variant->op;

	op.call = ask;
	/* Of the module, of netlink, of what the kernel copies. */
	op.errnos[0] = ENOMEM;
	op.errnos[1] = ENOBUFS;
	op.errnos[2] = EFAULT;
	op.least = 4;
	op.late = true;
	EXPECT_EQ(0, inject_run(&op));
}

TEST_HARNESS_MAIN
