// SPDX-License-Identifier: GPL-2.0
/*
 * What users hold and may hold, over netlink.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/netlink.h>
#include <linux/user_namespace.h>

#include <linux/kipc.h>

#include "../compat.h"
#include "../quota.h"
#include "netlink.h"

static_assert((int)KIPC_LIMIT_OBJECTS == (int)KIPC_OBJECTS);
static_assert((int)KIPC_LIMIT_BYTES == (int)KIPC_BYTES);
static_assert((int)KIPC_LIMIT_WAITERS == (int)KIPC_WAITERS);
static_assert((int)KIPC_LIMIT_CARRIED == (int)KIPC_CARRIED);
static_assert((int)KIPC_LIMIT_MEMORY == (int)KIPC_MEMORY);

/**
 * struct kipc_limit_progress - what a dump of limits has got to
 * @usage: users that are shown, as they were when it began
 * @count: of them
 * @next: a user and a resource, counted through
 */
struct kipc_limit_progress {
	struct kipc_usage *usage;
	u32 count;
	u32 next;
};

static struct kipc_limit_progress *kipc_limit_progress(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct kipc_limit_progress) > sizeof(cb->ctx));
	return (void *)cb->ctx;
}

/**
 * kipc_netlink_set_limit - KIPC_CMD_LIMIT
 * @skb: the request
 * @info: likewise
 *
 * Context: process context, may sleep.
 * Return: 0 or a negative errno.
 */
int kipc_netlink_set_limit(struct sk_buff *skb, struct genl_info *info)
{
	int ret = kipc_netlink_only(info->attrs, KIPC_LIMIT_LAST,
				    BIT_ULL(KIPC_A_RESOURCE) | BIT_ULL(KIPC_A_LIMIT),
				    info->extack);

	if (ret)
		return ret;
	if (GENL_REQ_ATTR_CHECK(info, KIPC_A_RESOURCE) ||
	    GENL_REQ_ATTR_CHECK(info, KIPC_A_LIMIT)) {
		NL_SET_ERR_MSG(info->extack, "say of which RESOURCE, and which LIMIT");
		return -EINVAL;
	}
	if (!netlink_capable(skb, CAP_SYS_RESOURCE))
		return -EPERM;
	kipc_quota_set_limit(nla_get_u32(info->attrs[KIPC_A_RESOURCE]),
			     nla_get_u64(info->attrs[KIPC_A_LIMIT]));
	return 0;
}

/* Is a user shown to who asks by @data?  Both he, and who opened the socket, count. */
static bool kipc_usage_shown(struct user_namespace *ns, kuid_t uid, void *data)
{
	struct netlink_callback *cb = data;
	const struct cred *opener = kipc_request_opener(cb->skb);

	if (ns == current_user_ns() && uid_eq(uid, current_fsuid()))
		return (ns == opener->user_ns && uid_eq(uid, opener->fsuid)) ||
		       file_ns_capable(NETLINK_CB(cb->skb).sk->sk_socket->file, ns,
				       CAP_SYS_ADMIN);
	return kipc_dump_attrs(cb)[KIPC_A_ALL] &&
	       netlink_ns_capable(cb->skb, ns, CAP_SYS_ADMIN);
}

/**
 * kipc_netlink_limits_start - a dump of limits begins
 * @cb: its state
 *
 * Context: process context, may sleep.
 * Return: 0, -EINVAL, or -ENOMEM.
 */
int kipc_netlink_limits_start(struct netlink_callback *cb)
{
	struct kipc_limit_progress *progress = kipc_limit_progress(cb);
	struct kipc_account own;
	int ret;

	ret = kipc_netlink_only(kipc_dump_attrs(cb), KIPC_LIMIT_LAST,
				BIT_ULL(KIPC_A_ALL), cb->extack);
	if (ret)
		return ret;
	/* Who asks is among them, and be it with nothing. */
	if (kipc_account_init(&own))
		return -ENOMEM;
	progress->usage = kipc_quota_usage(kipc_usage_shown, cb, &progress->count);
	kipc_account_exit(&own);
	return progress->usage ? 0 : -ENOMEM;
}

/**
 * kipc_netlink_limits_done - it ends, be it complete or not
 * @cb: its state
 *
 * Context: process context, may sleep.
 * Return: 0
 */
int kipc_netlink_limits_done(struct netlink_callback *cb)
{
	kvfree(kipc_limit_progress(cb)->usage);
	return 0;
}

/* Returns false if there is no room. */
static bool kipc_usage_message(struct sk_buff *skb, struct netlink_callback *cb,
			       const struct kipc_usage *usage, u32 resource)
{
	void *head = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				 &kipc_family, NLM_F_MULTI, KIPC_CMD_LIMIT);
	int ret;

	if (!head)
		return false;
	ret = nla_put_u32(skb, KIPC_A_UID,
			  from_kuid_munged(current_user_ns(), usage->uid));
	ret |= nla_put_u32(skb, KIPC_A_USER_NS, usage->ns);
	ret |= nla_put_u32(skb, KIPC_A_RESOURCE, resource);
	ret |= nla_put_u64_64bit(skb, KIPC_A_USED, usage->used[resource], KIPC_A_PAD);
	ret |= nla_put_u64_64bit(skb, KIPC_A_LIMIT, kipc_quota_limit(resource),
				 KIPC_A_PAD);
	if (ret) {
		genlmsg_cancel(skb, head);
		return false;
	}
	genlmsg_end(skb, head);
	return true;
}

/**
 * kipc_netlink_limits - KIPC_CMD_LIMIT of all
 * @skb: what the dump goes to
 * @cb: its state
 *
 * Context: process context, may sleep.
 * Return: bytes in @skb, 0 at the end.
 */
int kipc_netlink_limits(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct kipc_limit_progress *progress = kipc_limit_progress(cb);
	const struct kipc_usage *usage;

	for (; progress->next < progress->count * KIPC_RESOURCES; progress->next++) {
		usage = &progress->usage[progress->next / KIPC_RESOURCES];
		if (!kipc_usage_message(skb, cb, usage, progress->next % KIPC_RESOURCES))
			break;
	}
	return skb->len;
}
