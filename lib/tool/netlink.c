// SPDX-License-Identifier: LGPL-2.1-or-later
/* The kernel's answers, over libmnl. */
#include "tool.h"
#include "answers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>

/* A dump that was interrupted is repeated so often; then what there is must do. */
#define TRIES 5
/* As the kernel fills it for dumps. */
#define ANSWER 32768

static struct mnl_socket *nl;
static uint16_t family;
static uint32_t sequence;
static char answer[ANSWER];
static char because[128];	/* what the kernel said to the last error */

static int put_family(const struct nlmsghdr *header, void *data)
{
	struct nlattr *attr;

	(void)data;
	mnl_attr_for_each(attr, header, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			family = mnl_attr_get_u16(attr);
	return MNL_CB_OK;
}

static struct nlmsghdr *begin(void *buffer, uint16_t type, uint8_t command,
			      uint16_t flags)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct genlmsghdr *inner;

	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	header->nlmsg_seq = ++sequence;
	inner = mnl_nlmsg_put_extra_header(header, sizeof(*inner));
	inner->cmd = command;
	inner->version = KIPC_GENL_VERSION;
	return header;
}

/* Of an acknowledgment: 0, or -1 and errno. */
static int get_error(const struct nlmsghdr *header)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(header);
	unsigned int skip = sizeof(*error);
	const struct nlattr *attr;

	*because = 0;
	if (!(header->nlmsg_flags & NLM_F_CAPPED))
		skip += mnl_nlmsg_get_payload_len(&error->msg);
	if (header->nlmsg_flags & NLM_F_ACK_TLVS)
		mnl_attr_for_each(attr, header, skip)
			if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG)
				snprintf(because, sizeof(because), ": %.*s",
					 (int)mnl_attr_get_payload_len(attr),
					 mnl_attr_get_str(attr));
	errno = -error->error;
	return error->error ? -1 : 0;
}

/* Of the last message of a dump, which says whether it was all: 0, or -1 and errno. */
static int get_end(const struct nlmsghdr *header, bool interrupted)
{
	const int *error = mnl_nlmsg_get_payload(header);

	*because = 0;
	errno = EINTR;
	if (mnl_nlmsg_get_payload_len(header) >= sizeof(*error) && *error)
		errno = -*error;
	else if (!interrupted)
		return 0;
	return -1;
}

/*
 * Send it, and hand each answer to @tell.  0, or -1 and errno; EINTR: what was dumped has
 * changed meanwhile, but it is all there.
 */
static int ask(struct nlmsghdr *request, mnl_cb_t tell, void *data)
{
	const struct nlmsghdr *header;
	bool interrupted = false;
	ssize_t got;
	int size;

	if (mnl_socket_sendto(nl, request, request->nlmsg_len) < 0)
		return -1;
	for (;;) {
		got = mnl_socket_recvfrom(nl, answer, sizeof(answer));
		if (got < 0)
			return -1;
		size = got;
		for (header = (void *)answer; mnl_nlmsg_ok(header, size);
		     header = mnl_nlmsg_next(header, &size)) {
			if (header->nlmsg_seq != sequence)
				continue;
			if (header->nlmsg_type == NLMSG_ERROR)
				return get_error(header);
			interrupted |= header->nlmsg_flags & NLM_F_DUMP_INTR;
			if (header->nlmsg_type == NLMSG_DONE)
				return get_end(header, interrupted);
			if (tell)
				tell(header, data);
		}
	}
}

/**
 * nl_open - be ready to ask the kernel
 *
 * Ends the command if there is no module.
 */
void nl_open(void)
{
	char buffer[256];
	struct nlmsghdr *request;
	int one = 1;

	nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID))
		fail_errno("no netlink socket");
	/* Without it errors have a number alone. */
	mnl_socket_setsockopt(nl, NETLINK_EXT_ACK, &one, sizeof(one));
	request = begin(buffer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	mnl_attr_put_strz(request, CTRL_ATTR_FAMILY_NAME, KIPC_GENL_NAME);
	if (ask(request, put_family, NULL))
		fail("the kernel does not tell about kipc's objects");
}

/* Lists that grow. */

static void *one_more(void *items, size_t count, size_t size)
{
	/* Powers of two. */
	if (count & (count - 1) || count == 1)
		return items;
	items = realloc(items, (count ? 2 * count : 2) * size);
	if (!items)
		fail("no memory");
	return items;
}

static int add_object(const struct nlmsghdr *header, void *data)
{
	struct objects *list = data;

	list->item = one_more(list->item, list->count, sizeof(*list->item));
	read_object(header, &list->item[list->count++]);
	return MNL_CB_OK;
}

static int add_row(const struct nlmsghdr *header, void *data)
{
	struct rows *list = data;

	list->item = one_more(list->item, list->count, sizeof(*list->item));
	read_row(header, &list->item[list->count++]);
	return MNL_CB_OK;
}

static int add_usage(const struct nlmsghdr *header, void *data)
{
	struct usages *list = data;

	list->item = one_more(list->item, list->count, sizeof(*list->item));
	read_usage(header, &list->item[list->count++]);
	return MNL_CB_OK;
}

static int add_latency(const struct nlmsghdr *header, void *data)
{
	struct latencies *list = data;

	list->item = one_more(list->item, list->count, sizeof(*list->item));
	read_latency(header, &list->item[list->count++]);
	return MNL_CB_OK;
}

static int put_object(const struct nlmsghdr *header, void *data)
{
	read_object(header, data);
	return MNL_CB_OK;
}

/**
 * nl_object - find one object
 * @which: its name; or "#" and its number
 * @object: to be filled
 *
 * Returns false if there is none that is shown.
 */
bool nl_object(const char *which, struct object *object)
{
	char buffer[1024];
	struct nlmsghdr *request = begin(buffer, family, KIPC_CMD_OBJECT, 0);

	if (strlen(which) > KIPC_NAME_MAX)
		return false;
	if (*which == '#')
		mnl_attr_put_u64(request, KIPC_A_ID, number_of(which + 1, "number"));
	else
		mnl_attr_put_strz(request, KIPC_A_NAME, which);
	object->id = 0;
	if (!ask(request, put_object, object) && object->id)
		return true;
	if (errno != ENOENT)
		fail_errno("%s", which);
	return false;
}

/**
 * nl_objects - find all objects that a filter lets through
 * @filter: the filter
 *
 * Returns them by number, to be freed by the caller.
 */
struct objects nl_objects(const struct filter *filter)
{
	struct objects list = { 0 };
	char buffer[1024];
	struct nlmsghdr *request;
	int i;

	for (i = 0; i < TRIES; i++) {
		request = begin(buffer, family, KIPC_CMD_OBJECT, NLM_F_DUMP);
		if (filter->kind)
			mnl_attr_put_u32(request, KIPC_A_KIND, filter->kind);
		if (filter->uid >= 0)
			mnl_attr_put_u32(request, KIPC_A_UID, filter->uid);
		if (filter->pattern)
			mnl_attr_put_strz(request, KIPC_A_PATTERN, filter->pattern);
		if (filter->waits)
			mnl_attr_put(request, KIPC_A_WAITS, 0, NULL);
		if (filter->all)
			mnl_attr_put(request, KIPC_A_ALL, 0, NULL);
		list.count = 0;
		free(list.item);
		list.item = NULL;
		if (!ask(request, add_object, &list))
			break;
		if (errno != EINTR)
			fail_errno("cannot list the objects%s", because);
	}
	return list;
}

static int compare_id(const void *key, const void *item)
{
	const uint64_t *id = key;
	const struct object *object = item;

	return *id < object->id ? -1 : *id > object->id;
}

/**
 * find_object - look an object up by its number
 * @list: as nl_objects() has returned it
 * @id: the number
 *
 * Returns the object, or NULL.
 */
const struct object *find_object(const struct objects *list, uint64_t id)
{
	if (!list->count)
		return NULL;
	return bsearch(&id, list->item, list->count, sizeof(*list->item), compare_id);
}

static struct rows get_rows(uint8_t command, uint64_t id, bool all)
{
	char buffer[256];
	struct nlmsghdr *request = begin(buffer, family, command, NLM_F_DUMP);
	struct rows list = { 0 };

	if (id)
		mnl_attr_put_u64(request, KIPC_A_ID, id);
	if (all)
		mnl_attr_put(request, KIPC_A_ALL, 0, NULL);
	/* Who waits changes all the time: one look is as good as another. */
	if (ask(request, add_row, &list) && errno != EINTR)
		fail_errno("cannot list who waits%s", because);
	return list;
}

/**
 * nl_waiters - who waits
 * @id: of the object, or 0: of all
 * @all: in all namespaces
 *
 * Returns them by object, to be freed by the caller.
 */
struct rows nl_waiters(uint64_t id, bool all)
{
	return get_rows(KIPC_CMD_WAITER, id, all);
}

/**
 * nl_calls - calls that are not over
 * @id: of the object, or 0: of all
 * @all: in all namespaces
 *
 * Returns them by object, to be freed by the caller.
 */
struct rows nl_calls(uint64_t id, bool all)
{
	return get_rows(KIPC_CMD_CALL, id, all);
}

/**
 * nl_remove - end an object
 * @id: its number
 *
 * Returns 0, or -1 and errno.
 */
int nl_remove(uint64_t id)
{
	char buffer[256];
	struct nlmsghdr *request = begin(buffer, family, KIPC_CMD_REMOVE, 0);

	mnl_attr_put_u64(request, KIPC_A_ID, id);
	return ask(request, NULL, NULL);
}

/**
 * nl_limits - what users hold, and may hold
 * @all: not this process's user alone
 *
 * Returns a list, to be freed by the caller.
 */
struct usages nl_limits(bool all)
{
	char buffer[256];
	struct nlmsghdr *request = begin(buffer, family, KIPC_CMD_LIMIT, NLM_F_DUMP);
	struct usages list = { 0 };

	if (all)
		mnl_attr_put(request, KIPC_A_ALL, 0, NULL);
	if (ask(request, add_usage, &list))
		fail_errno("cannot list the limits%s", because);
	return list;
}

/**
 * nl_set_limit - change what each user may hold
 * @resource: enum kipc_limit
 * @limit: so much
 *
 * Returns 0, or -1 and errno.
 */
int nl_set_limit(uint32_t resource, uint64_t limit)
{
	char buffer[256];
	struct nlmsghdr *request = begin(buffer, family, KIPC_CMD_LIMIT, 0);

	mnl_attr_put_u32(request, KIPC_A_RESOURCE, resource);
	mnl_attr_put_u64(request, KIPC_A_LIMIT, limit);
	return ask(request, NULL, NULL);
}

/**
 * nl_latencies - how long threads waited
 * @id: for this object
 *
 * Returns a list, to be freed by the caller.
 */
struct latencies nl_latencies(uint64_t id)
{
	char buffer[256];
	struct nlmsghdr *request = begin(buffer, family, KIPC_CMD_LATENCY, NLM_F_DUMP);
	struct latencies list = { 0 };

	mnl_attr_put_u64(request, KIPC_A_ID, id);
	if (ask(request, add_latency, &list))
		fail_errno("cannot list how long threads waited%s", because);
	return list;
}

/**
 * nl_set_latency - have that counted, from nothing, or not any more
 * @id: of this object
 * @count: whether to
 *
 * Returns 0, or -1 and errno.
 */
int nl_set_latency(uint64_t id, bool count)
{
	char buffer[256];
	struct nlmsghdr *request = begin(buffer, family, KIPC_CMD_LATENCY, 0);

	mnl_attr_put_u64(request, KIPC_A_ID, id);
	mnl_attr_put_u32(request, KIPC_A_STATE, count);
	return ask(request, NULL, NULL);
}

/**
 * nl_subscribe - be told of events, by nl_events()
 * @events: KIPC_HAPPENED_...
 * @all: in all namespaces
 */
void nl_subscribe(uint32_t events, bool all)
{
	char buffer[256];
	struct nlmsghdr *request = begin(buffer, family, KIPC_CMD_SUBSCRIBE, 0);

	mnl_attr_put_u32(request, KIPC_A_EVENTS, events);
	if (all)
		mnl_attr_put(request, KIPC_A_ALL, 0, NULL);
	if (ask(request, NULL, NULL))
		fail_errno("cannot subscribe to events%s", because);
}

static int tell_event(const struct nlmsghdr *header, void *data)
{
	void (**tell)(const struct event *) = data;
	struct event event;

	read_event(header, &event);
	(*tell)(&event);
	return MNL_CB_OK;
}

/**
 * nl_events - wait for events, and tell them
 * @tell: to be called for each
 *
 * Returns when some were told.
 */
void nl_events(void (*tell)(const struct event *event))
{
	ssize_t size = mnl_socket_recvfrom(nl, answer, sizeof(answer));

	if (size < 0) {
		/* How many were lost, the next event says. */
		if (errno == ENOBUFS || errno == EINTR)
			return;
		fail_errno("no events");
	}
	if (mnl_cb_run(answer, size, 0, 0, tell_event, &tell) < 0)
		fail_errno("events");
}
