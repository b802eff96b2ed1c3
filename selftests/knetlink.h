/* SPDX-License-Identifier: GPL-2.0 */
/* Generic netlink, over libmnl, for the tests of it. */
#ifndef KIPC_SELFTEST_KNETLINK_H
#define KIPC_SELFTEST_KNETLINK_H

#include "util.h"

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/kipc_netlink.h>

#define NL_ROOM 32768

/* A socket, the family's number, and what has come. */
struct nl {
	struct mnl_socket *socket;
	uint16_t family;
	uint32_t seq;
	char request[2048];
	char message[256];	/* what the kernel said to the last error */
	char answer[NL_ROOM];
};

/* What is interesting of a message; @has has a bit for each attribute. */
struct nl_message {
	uint64_t has;
	uint16_t flags;
	uint8_t cmd;
	uint64_t id;
	uint64_t token;
	uint64_t since;
	uint64_t lost;
	uint64_t procedure;
	uint64_t used, limit;
	uint64_t counts[KIPC_LATENCY_BUCKETS];
	uint32_t word[64];	/* u32 attributes, by number */
	char name[256];
	unsigned char stat[512];
	unsigned int stat_size;
};

struct nl_list {
	struct nl_message *item;
	unsigned int count;
	bool interrupted;
};

static inline bool nl_has(const struct nl_message *m, int attr)
{
	return m->has & (1ULL << attr);
}

static inline void nl_parse(const struct nlmsghdr *header, struct nl_message *m)
{
	struct genlmsghdr *inner = mnl_nlmsg_get_payload(header);
	struct nlattr *attr;

	memset(m, 0, sizeof(*m));
	m->flags = header->nlmsg_flags;
	m->cmd = inner->cmd;
	mnl_attr_for_each(attr, header, sizeof(*inner)) {
		unsigned int type = mnl_attr_get_type(attr);
		unsigned int len = mnl_attr_get_payload_len(attr);

		CHECK(type <= KIPC_A_MAX);
		m->has |= 1ULL << type;
		switch (type) {
		case KIPC_A_NAME:
			CHECK(len <= sizeof(m->name));
			memcpy(m->name, mnl_attr_get_payload(attr), len);
			CHECK(strlen(m->name) == len - 1);
			break;
		case KIPC_A_STAT:
			CHECK(len <= sizeof(m->stat));
			memcpy(m->stat, mnl_attr_get_payload(attr), len);
			m->stat_size = len;
			break;
		case KIPC_A_ID:
			m->id = mnl_attr_get_u64(attr);
			break;
		case KIPC_A_TOKEN:
			m->token = mnl_attr_get_u64(attr);
			break;
		case KIPC_A_SINCE:
			m->since = mnl_attr_get_u64(attr);
			break;
		case KIPC_A_LOST:
			m->lost = mnl_attr_get_u64(attr);
			break;
		case KIPC_A_PROCEDURE:
			m->procedure = mnl_attr_get_u64(attr);
			break;
		case KIPC_A_COUNTS:
			CHECK(len == sizeof(m->counts));
			memcpy(m->counts, mnl_attr_get_payload(attr), len);
			break;
		case KIPC_A_USED:
			m->used = mnl_attr_get_u64(attr);
			break;
		case KIPC_A_LIMIT:
			m->limit = mnl_attr_get_u64(attr);
			break;
		default:
			if (len == 4)
				m->word[type] = mnl_attr_get_u32(attr);
		}
	}
}

/* A request, to which attributes are added. */
static inline struct nlmsghdr *nl_begin(struct nl *nl, uint16_t type, uint8_t cmd,
					uint16_t flags)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(nl->request);
	struct genlmsghdr *inner;

	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	header->nlmsg_seq = ++nl->seq;
	inner = mnl_nlmsg_put_extra_header(header, sizeof(*inner));
	inner->cmd = cmd;
	inner->version = KIPC_GENL_VERSION;
	return header;
}

static inline int nl_error(struct nl *nl, const struct nlmsghdr *header)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(header);
	struct nlattr *attr;
	unsigned int skip = sizeof(*error);

	*nl->message = 0;
	if (!(header->nlmsg_flags & NLM_F_CAPPED))
		skip += mnl_nlmsg_get_payload_len(&error->msg);
	if (header->nlmsg_flags & NLM_F_ACK_TLVS)
		mnl_attr_for_each(attr, header, skip)
			if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG)
				snprintf(nl->message, sizeof(nl->message), "%s",
					 mnl_attr_get_str(attr));
	errno = -error->error;
	return error->error ? -1 : 0;
}

/* Of the end of a dump, which may have come too early: 0, or -1 and errno. */
static inline int nl_end(const struct nlmsghdr *header)
{
	const int *error = mnl_nlmsg_get_payload(header);

	CHECK(mnl_nlmsg_get_payload_len(header) >= sizeof(*error));
	errno = -*error;
	return *error ? -1 : 0;
}

static inline void nl_send(struct nl *nl, struct nlmsghdr *request)
{
	CHECK(mnl_socket_sendto(nl->socket, request, request->nlmsg_len) >= 0);
}

/* Take all answers, into @list unless it is NULL.  Returns 0, or -1 and errno. */
static inline int nl_take(struct nl *nl, struct nl_list *list)
{
	const struct nlmsghdr *header;
	int size;

	if (list)
		memset(list, 0, sizeof(*list));
	for (;;) {
		size = mnl_socket_recvfrom(nl->socket, nl->answer, sizeof(nl->answer));
		CHECK(size > 0);
		for (header = (void *)nl->answer; mnl_nlmsg_ok(header, size);
		     header = mnl_nlmsg_next(header, &size)) {
			if (header->nlmsg_seq != nl->seq)
				continue;
			if (header->nlmsg_type == NLMSG_ERROR)
				return nl_error(nl, header);
			if (list && header->nlmsg_flags & NLM_F_DUMP_INTR)
				list->interrupted = true;
			if (header->nlmsg_type == NLMSG_DONE)
				return nl_end(header);
			if (!list)
				continue;
			list->item = realloc(list->item, (list->count + 1) *
					     sizeof(*list->item));
			CHECK(list->item);
			nl_parse(header, &list->item[list->count++]);
		}
	}
}

/* Send it, and take all answers. */
static inline int nl_ask(struct nl *nl, struct nlmsghdr *request, struct nl_list *list)
{
	nl_send(nl, request);
	return nl_take(nl, list);
}

static inline void nl_close(struct nl *nl)
{
	mnl_socket_close(nl->socket);
	free(nl);
}

/*
 * In the network namespace of the caller, with that number, or with any if it is 0; NULL:
 * there is no such family.
 */
static inline struct nl *nl_open_as(unsigned int port)
{
	struct nl *nl = calloc(1, sizeof(*nl));
	struct nlmsghdr *request;
	struct nlattr *attr;
	int size, one = 1;

	CHECK(nl);
	nl->socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	CHECK(nl->socket && !mnl_socket_bind(nl->socket, 0, port));
	CHECK(!mnl_socket_setsockopt(nl->socket, NETLINK_EXT_ACK, &one, sizeof(one)));
	request = nl_begin(nl, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	/* The answer is one message, and no acknowledgment is needed. */
	request->nlmsg_flags &= ~NLM_F_ACK;
	mnl_attr_put_strz(request, CTRL_ATTR_FAMILY_NAME, KIPC_GENL_NAME);
	nl_send(nl, request);
	size = mnl_socket_recvfrom(nl->socket, nl->answer, sizeof(nl->answer));
	CHECK(size > 0);
	if (((struct nlmsghdr *)nl->answer)->nlmsg_type != NLMSG_ERROR)
		mnl_attr_for_each(attr, (struct nlmsghdr *)nl->answer,
				  sizeof(struct genlmsghdr))
			if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
				nl->family = mnl_attr_get_u16(attr);
	if (nl->family)
		return nl;
	nl_close(nl);
	return NULL;
}

static inline struct nl *nl_open(void)
{
	return nl_open_as(MNL_SOCKET_AUTOPID);
}

/* A socket that a stranger has opened, for a caller who is root. */
static inline struct nl *nl_open_by_nobody(void)
{
	struct nl *nl;

	CHECK(!seteuid(NOBODY));
	nl = nl_open();
	CHECK(nl && !seteuid(0));
	return nl;
}

static inline struct nlmsghdr *nl_request(struct nl *nl, uint8_t cmd, uint16_t flags)
{
	return nl_begin(nl, nl->family, cmd, flags);
}

/* One object, by number or by name; 0, or -1 and errno. */
static inline int nl_get(struct nl *nl, uint64_t id, const char *name,
			 struct nl_message *m)
{
	struct nlmsghdr *request = nl_request(nl, KIPC_CMD_OBJECT, 0);
	struct nl_list list;
	int ret, error;

	if (id)
		mnl_attr_put_u64(request, KIPC_A_ID, id);
	if (name)
		mnl_attr_put_strz(request, KIPC_A_NAME, name);
	ret = nl_ask(nl, request, &list);
	error = errno;
	CHECK(list.count == !ret);
	if (!ret)
		*m = list.item[0];
	free(list.item);
	errno = error;
	return ret;
}

static inline int nl_remove(struct nl *nl, uint64_t id)
{
	struct nlmsghdr *request = nl_request(nl, KIPC_CMD_REMOVE, 0);

	mnl_attr_put_u64(request, KIPC_A_ID, id);
	return nl_ask(nl, request, NULL);
}

static inline struct nl_list nl_dump(struct nl *nl, uint8_t cmd, uint64_t id, bool all)
{
	struct nlmsghdr *request = nl_request(nl, cmd, NLM_F_DUMP);
	struct nl_list list;

	if (id)
		mnl_attr_put_u64(request, KIPC_A_ID, id);
	if (all)
		mnl_attr_put(request, KIPC_A_ALL, 0, NULL);
	CHECK(!nl_ask(nl, request, &list));
	return list;
}

static inline int nl_subscribe(struct nl *nl, uint32_t events, bool all)
{
	struct nlmsghdr *request = nl_request(nl, KIPC_CMD_SUBSCRIBE, 0);

	mnl_attr_put_u32(request, KIPC_A_EVENTS, events);
	if (all)
		mnl_attr_put(request, KIPC_A_ALL, 0, NULL);
	return nl_ask(nl, request, NULL);
}

/* The next event; false: none came within @ms. */
static inline bool nl_event(struct nl *nl, struct nl_message *m, int ms)
{
	struct pollfd p = { .fd = mnl_socket_get_fd(nl->socket), .events = POLLIN };
	int size;

	if (poll(&p, 1, ms) <= 0)
		return false;
	size = mnl_socket_recvfrom(nl->socket, nl->answer, sizeof(nl->answer));
	if (size < 0) {
		/* Some were lost, which the next one says. */
		CHECK(errno == ENOBUFS);
		return nl_event(nl, m, ms);
	}
	nl_parse((struct nlmsghdr *)nl->answer, m);
	CHECK(m->cmd == KIPC_CMD_EVENT);
	return true;
}

#endif /* KIPC_SELFTEST_KNETLINK_H */
