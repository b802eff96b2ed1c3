// SPDX-License-Identifier: GPL-2.0
/*
 * How long threads wait, over netlink.
 */
#include <linux/err.h>

#include <linux/kipc.h>

#include "../compat.h"
#include "../latency.h"
#include "../object.h"
#include "netlink.h"

/**
 * kipc_netlink_set_latency - KIPC_CMD_LATENCY
 * @skb: the request
 * @info: likewise
 *
 * Context: process context, may sleep.
 * Return: 0 or a negative errno.
 */
int kipc_netlink_set_latency(struct sk_buff *skb, struct genl_info *info)
{
	struct kipc_object *object;
	int ret;

	ret = kipc_netlink_only(info->attrs, KIPC_LATENCY_LAST,
				BIT_ULL(KIPC_A_ID) | BIT_ULL(KIPC_A_NAME) |
				BIT_ULL(KIPC_A_STATE), info->extack);
	if (ret)
		return ret;
	if (GENL_REQ_ATTR_CHECK(info, KIPC_A_STATE)) {
		NL_SET_ERR_MSG(info->extack, "say by STATE whether to count");
		return -EINVAL;
	}
	object = kipc_object_of_request(skb, info, true);
	if (IS_ERR(object))
		return PTR_ERR(object);
	if (nla_get_u32(info->attrs[KIPC_A_STATE]))
		ret = kipc_latency_start(object->id, &object->account);
	else
		kipc_latency_stop(object->id, &object->account);
	kipc_object_put(object);
	return ret;
}

/**
 * kipc_netlink_latencies_start - a dump of latencies begins
 * @cb: its state, for kipc_netlink_objects_done()
 *
 * Context: process context, may sleep.
 * Return: 0, -EINVAL, or -ENOMEM.
 */
int kipc_netlink_latencies_start(struct netlink_callback *cb)
{
	struct nlattr *only = kipc_dump_attrs(cb)[KIPC_A_ID];
	struct kipc_progress *progress = kipc_progress(cb);
	int ret;

	ret = kipc_netlink_only(kipc_dump_attrs(cb), KIPC_LATENCY_LAST,
				BIT_ULL(KIPC_A_ID) | BIT_ULL(KIPC_A_ALL), cb->extack);
	if (!ret)
		ret = kipc_progress_begin(cb);
	if (!ret && only) {
		progress->id = nla_get_u64(only);
		progress->last = progress->id;
	}
	return ret;
}

/* Returns false if there is no room. */
static bool kipc_latency_message(struct sk_buff *skb, struct netlink_callback *cb,
				 u64 id, u32 what)
{
	u64 counts[KIPC_LATENCY_BUCKETS];
	void *head;

	if (!kipc_latency_read(id, what, counts))
		return true;
	head = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			   &kipc_family, NLM_F_MULTI, KIPC_CMD_LATENCY);
	if (!head)
		return false;
	if (nla_put_u64_64bit(skb, KIPC_A_ID, id, KIPC_A_PAD) |
	    nla_put_u32(skb, KIPC_A_WHAT, what) |
	    nla_put(skb, KIPC_A_COUNTS, sizeof(counts), counts)) {
		genlmsg_cancel(skb, head);
		return false;
	}
	genlmsg_end(skb, head);
	return true;
}

/* Those of one object.  Returns false if there is no room for all of them. */
static bool kipc_latency_dump(struct sk_buff *skb, struct netlink_callback *cb,
			      struct kipc_object *object)
{
	struct kipc_progress *progress = kipc_progress(cb);

	if (!kipc_object_inside_shown(object, cb->skb, object->home == progress->names,
				      kipc_dump_attrs(cb)[KIPC_A_ALL]))
		return true;
	progress->what = max_t(u32, progress->what, 1);
	for (; progress->what <= KIPC_WAIT_ZERO; progress->what++)
		if (!kipc_latency_message(skb, cb, object->id, progress->what))
			return false;
	return true;
}

/**
 * kipc_netlink_latencies - KIPC_CMD_LATENCY of one, or of all
 * @skb: what the dump goes to
 * @cb: its state
 *
 * Context: process context, may sleep.
 * Return: bytes in @skb, 0 at the end.
 */
int kipc_netlink_latencies(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct kipc_progress *progress = kipc_progress(cb);
	struct kipc_object *object;
	bool fits = true;
	u64 id;

	while (fits) {
		id = progress->id;
		object = kipc_objects_next(&progress->id, progress->last);
		if (!object)
			break;
		/* That of which some sorts were shown already may be gone. */
		if (progress->id != id)
			progress->what = 0;
		fits = kipc_latency_dump(skb, cb, object);
		kipc_object_put(object);
		if (fits) {
			progress->id++;
			progress->what = 0;
		}
		cond_resched();
	}
	return skb->len;
}
