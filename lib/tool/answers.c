// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the kernel's answers say: attributes into structures. */
#include "tool.h"
#include "answers.h"

#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>

static void get_string(const struct nlattr *attr, char *to, size_t size)
{
	size_t len = mnl_attr_get_payload_len(attr);

	if (len >= size)
		len = size - 1;
	memcpy(to, mnl_attr_get_payload(attr), len);
	to[len] = 0;
}

static uint32_t get_u32(const struct nlattr *attr)
{
	return mnl_attr_get_payload_len(attr) >= 4 ? mnl_attr_get_u32(attr) : 0;
}

static uint64_t get_u64(const struct nlattr *attr)
{
	uint64_t value = 0;

	if (mnl_attr_get_payload_len(attr) >= 8)
		memcpy(&value, mnl_attr_get_payload(attr), 8);
	return value;
}

static void get_stat(const struct nlattr *attr, struct object *object)
{
	size_t len = mnl_attr_get_payload_len(attr);

	/* That of a later kernel is longer. */
	if (len > sizeof(object->stat))
		len = sizeof(object->stat);
	memcpy(&object->stat, mnl_attr_get_payload(attr), len);
	object->has_stat = true;
}

void read_object(const struct nlmsghdr *header, struct object *object)
{
	struct nlattr *attr;

	memset(object, 0, sizeof(*object));
	mnl_attr_for_each(attr, header, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(attr)) {
		case KIPC_A_ID:
			object->id = get_u64(attr);
			break;
		case KIPC_A_IPC_NS:
			object->ipc_ns = get_u32(attr);
			break;
		case KIPC_A_KIND:
			object->kind = get_u32(attr);
			break;
		case KIPC_A_UID:
			object->uid = get_u32(attr);
			break;
		case KIPC_A_GID:
			object->gid = get_u32(attr);
			break;
		case KIPC_A_MODE:
			object->mode = get_u32(attr);
			break;
		case KIPC_A_FLAGS:
			object->flags = get_u32(attr);
			break;
		case KIPC_A_HANDLES:
			object->handles = get_u32(attr);
			break;
		case KIPC_A_WAITERS:
			object->waiters = get_u32(attr);
			break;
		case KIPC_A_CREATED:
			object->created = get_u64(attr);
			break;
		case KIPC_A_NAME:
			get_string(attr, object->name, sizeof(object->name));
			break;
		case KIPC_A_STAT:
			get_stat(attr, object);
			break;
		}
	}
}

void read_row(const struct nlmsghdr *header, struct row *row)
{
	struct nlattr *attr;

	memset(row, 0, sizeof(*row));
	mnl_attr_for_each(attr, header, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(attr)) {
		case KIPC_A_ID:
			row->id = get_u64(attr);
			break;
		case KIPC_A_WHAT:
			row->what = get_u32(attr);
			break;
		case KIPC_A_STATE:
			row->stage = get_u32(attr);
			break;
		case KIPC_A_PID:
			row->pid = get_u32(attr);
			break;
		case KIPC_A_TID:
			row->tid = get_u32(attr);
			break;
		case KIPC_A_SERVER_PID:
			row->server_pid = get_u32(attr);
			break;
		case KIPC_A_SERVER_TID:
			row->server_tid = get_u32(attr);
			break;
		case KIPC_A_DEPTH:
			row->depth = get_u32(attr);
			break;
		case KIPC_A_TOKEN:
			row->token = get_u64(attr);
			break;
		case KIPC_A_PROCEDURE:
			row->procedure = get_u64(attr);
			break;
		case KIPC_A_SINCE:
			row->since = get_u64(attr);
			break;
		}
	}
}

void read_event(const struct nlmsghdr *header, struct event *event)
{
	struct nlattr *attr;

	memset(event, 0, sizeof(*event));
	mnl_attr_for_each(attr, header, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(attr)) {
		case KIPC_A_EVENT:
			event->what = get_u32(attr);
			break;
		case KIPC_A_RESOURCE:
			event->resource = get_u32(attr);
			break;
		case KIPC_A_ID:
			event->id = get_u64(attr);
			break;
		case KIPC_A_KIND:
			event->kind = get_u32(attr);
			break;
		case KIPC_A_PID:
			event->pid = get_u32(attr);
			break;
		case KIPC_A_UID_CAUSE:
			event->cause = get_u32(attr);
			break;
		case KIPC_A_UID:
			event->uid = get_u32(attr);
			break;
		case KIPC_A_LOST:
			event->lost = get_u64(attr);
			break;
		case KIPC_A_NAME:
			get_string(attr, event->name, sizeof(event->name));
			break;
		}
	}
}

void read_usage(const struct nlmsghdr *header, struct usage *usage)
{
	struct nlattr *attr;

	memset(usage, 0, sizeof(*usage));
	mnl_attr_for_each(attr, header, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(attr)) {
		case KIPC_A_UID:
			usage->uid = get_u32(attr);
			break;
		case KIPC_A_USER_NS:
			usage->user_ns = get_u32(attr);
			break;
		case KIPC_A_RESOURCE:
			usage->resource = get_u32(attr);
			break;
		case KIPC_A_USED:
			usage->used = get_u64(attr);
			break;
		case KIPC_A_LIMIT:
			usage->limit = get_u64(attr);
			break;
		}
	}
}

void read_latency(const struct nlmsghdr *header, struct latency *latency)
{
	struct nlattr *attr;
	size_t len;

	memset(latency, 0, sizeof(*latency));
	mnl_attr_for_each(attr, header, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(attr)) {
		case KIPC_A_ID:
			latency->id = get_u64(attr);
			break;
		case KIPC_A_WHAT:
			latency->what = get_u32(attr);
			break;
		case KIPC_A_COUNTS:
			len = mnl_attr_get_payload_len(attr);
			if (len > sizeof(latency->counts))
				len = sizeof(latency->counts);
			memcpy(latency->counts, mnl_attr_get_payload(attr), len);
			break;
		}
	}
}
