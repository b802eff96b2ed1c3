// SPDX-License-Identifier: GPL-2.0
/*
 * Requests over netlink that are wrong in any way, and some that are not, while objects come
 * and go, calls are made and threads wait.  What must hold: the kernel does not complain,
 * each request is answered, and in the end nothing is left.
 */
#include "test.h"
#include "knetlink.h"

#include <sched.h>
#include <sys/random.h>

enum {
	FUZZERS = 3,
	ROUNDS = 6000,
	ATTRIBUTES = 8,
	LIMITS = 5,
};

static const char *const limit_names[LIMITS] = {
	"max_objects", "max_bytes", "max_waiters", "max_carried", "max_memory"
};

/* xorshift64* */
static uint64_t draw(uint64_t *r)
{
	*r ^= *r >> 12;
	*r ^= *r << 25;
	*r ^= *r >> 27;
	return *r * 0x2545f4914f6cdd1dULL;
}

static unsigned int below(uint64_t *r, unsigned int n)
{
	return (draw(r) >> 32) % n;
}

static void put_random(uint64_t *r, void *to, size_t size)
{
	unsigned char *byte = to;

	while (size--)
		*byte++ = draw(r) >> 40;
}

/* Of the right sort mostly, and of a number that may be there. */
static void put_attribute(uint64_t *r, struct nlmsghdr *header)
{
	unsigned int type = below(r, KIPC_A_MAX + 3);
	char junk[300];

	switch (below(r, 8)) {
	case 0:
		put_random(r, junk, sizeof(junk));
		mnl_attr_put(header, type | below(r, 4) << 14, below(r, sizeof(junk)), junk);
		break;
	case 1:
		mnl_attr_put(header, type, 0, NULL);
		break;
	case 2:
		mnl_attr_put_strz(header, below(r, 2) ? KIPC_A_NAME : KIPC_A_PATTERN,
				  below(r, 2) ? "fuzz.*[a-z" : "fuzz.1");
		break;
	case 3:
		mnl_attr_put_u64(header, KIPC_A_ID, total("objects") + below(r, 2000));
		break;
	case 4: case 5:
		mnl_attr_put_u32(header, type, below(r, 12));
		break;
	default:
		mnl_attr_put_u64(header, type, below(r, 4) ? below(r, 5000) : draw(r));
	}
}

static struct nlmsghdr *some_request(uint64_t *r, struct nl *nl)
{
	static const uint16_t flags[] = { 0, NLM_F_DUMP, NLM_F_ECHO, NLM_F_ROOT, 0xffff };
	struct nlmsghdr *header = nl_request(nl, below(r, KIPC_CMD_LATENCY + 3),
					     flags[below(r, 8) ? below(r, 2) : below(r, 5)]);
	unsigned int n = below(r, ATTRIBUTES);
	unsigned char *byte;

	while (n--)
		put_attribute(r, header);
	/* What follows the head is not what it says. */
	byte = (unsigned char *)header + sizeof(*header);
	for (n = below(r, 4) ? 0 : 1 + below(r, 6); n; n--)
		byte[below(r, header->nlmsg_len - sizeof(*header))] = draw(r) >> 40;
	return header;
}

/*
 * Until it was acknowledged, refused, or told to the end.  Returns false if the socket
 * has no room any more, since it has subscribed to events: then answers are lost, too.
 */
static bool take_answers(struct nl *nl)
{
	const struct nlmsghdr *header;
	int size;

	for (;;) {
		size = recv(mnl_socket_get_fd(nl->socket), nl->answer, sizeof(nl->answer), 0);
		if (size < 0) {
			CHECK(errno == ENOBUFS);
			return false;
		}
		for (header = (void *)nl->answer; mnl_nlmsg_ok(header, size);
		     header = mnl_nlmsg_next(header, &size))
			if (header->nlmsg_seq == nl->seq &&
			    (header->nlmsg_type == NLMSG_ERROR ||
			     header->nlmsg_type == NLMSG_DONE))
				return true;
	}
}

static void fuzz(uint64_t seed)
{
	unsigned int rounds = effort(ROUNDS);
	struct nl *nl = nl_open();
	struct nlmsghdr *request;
	uint64_t r = seed | 1;

	while (rounds--) {
		request = some_request(&r, nl);
		CHECK(mnl_socket_sendto(nl->socket, request, request->nlmsg_len) >= 0);
		if (below(&r, 16) && take_answers(nl))
			continue;
		/* It goes with whatever is under way. */
		nl_close(nl);
		nl = nl_open();
	}
}

/* Objects with and without a name, somebody who waits, and calls that are not over. */
static void live(uint64_t seed)
{
	uint64_t r = seed | 1, token;
	char name[16], data[8];
	int fd;

	for (;;) {
		snprintf(name, sizeof(name), "fuzz.%u", below(&r, 3));
		fd = k_create(OWN_CONTROL, below(&r, 2) ? name : NULL, NULL, 0666, ALL_RIGHTS,
			      below(&r, 4) ? 0 : KIPC_PERSISTENT);
		if (fd < 0)
			continue;
		k_submit(fd, "call", 4, 8, &token, KIPC_NO_WAIT);
		k_recv(fd, data, sizeof(data), NULL, 0, after(below(&r, 2000) * 1000ULL));
		if (below(&r, 2))
			k_unlink(OWN_CONTROL, name);
		close(fd);
	}
}

TEST(storm)
{
	uint64_t limits[LIMITS], seed = now_ns();
	pid_t fuzzers[FUZZERS], others[2];
	unsigned int i;
	char name[16];
	int ctl;

	TH_LOG("seed %llu", (unsigned long long)seed);
	ASSERT_OK(unshare(CLONE_NEWIPC));
	for (i = 0; i < LIMITS; i++)
		limits[i] = get_limit(limit_names[i]);
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		others[i] = spawn();
		if (!others[i])
			live(seed + 100 + i);
	}
	for (i = 0; i < FUZZERS; i++) {
		fuzzers[i] = spawn();
		if (!fuzzers[i]) {
			if (i == 2)
				become(NOBODY, NOBODY);
			fuzz(seed + i);
			_exit(0);
		}
	}
	for (i = 0; i < FUZZERS; i++)
		EXPECT_EQ(0, reap(fuzzers[i]));
	for (i = 0; i < ARRAY_SIZE(others); i++)
		slay(others[i]);
	/* Root may have set some. */
	for (i = 0; i < LIMITS; i++)
		set_limit(limit_names[i], limits[i]);
	ctl = control();
	for (i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "fuzz.%u", i);
		k_unlink(ctl, name);
	}
	close(ctl);
	for (i = 0; i < 4; i++) {
		static const char *const what[] = { "objects", "handles", "bytes", "waiters" };

		wait_for(!total(what[i]));
	}
}

TEST_HARNESS_MAIN
