// SPDX-License-Identifier: GPL-2.0
/*
 * The generic-netlink family: commands and what they take.
 */
#include <linux/module.h>

#include <linux/kipc.h>

#include "netlink.h"

static const struct nla_policy kipc_one_policy[] = {
	[KIPC_A_ID]		= { .type = NLA_U64 },
	[KIPC_A_NAME]		= { .type = NLA_NUL_STRING, .len = KIPC_NAME_MAX },
	/* Of a dump: */
	[KIPC_A_KIND]		= { .type = NLA_U32 },
	[KIPC_A_UID]		= { .type = NLA_U32 },
	[KIPC_A_ALL]		= { .type = NLA_FLAG },
	[KIPC_A_PATTERN]	= { .type = NLA_NUL_STRING, .len = KIPC_NAME_MAX },
	[KIPC_A_WAITS]		= { .type = NLA_FLAG },
};

static const struct nla_policy kipc_remove_policy[] = {
	[KIPC_A_ID]		= { .type = NLA_U64 },
	[KIPC_A_NAME]		= { .type = NLA_NUL_STRING, .len = KIPC_NAME_MAX },
};

static const struct nla_policy kipc_rows_policy[] = {
	[KIPC_A_ID]		= { .type = NLA_U64 },
	[KIPC_A_ALL]		= { .type = NLA_FLAG },
};

static const struct nla_policy kipc_subscribe_policy[] = {
	[KIPC_A_EVENTS]		= NLA_POLICY_MASK(NLA_U32, KIPC_HAPPENED_ALL),
	[KIPC_A_ALL]		= { .type = NLA_FLAG },
};

static const struct nla_policy kipc_limit_policy[] = {
	[KIPC_A_ALL]		= { .type = NLA_FLAG },		/* of a dump */
	[KIPC_A_RESOURCE]	= NLA_POLICY_MAX(NLA_U32, KIPC_LIMIT_MEMORY),
	[KIPC_A_LIMIT]		= { .type = NLA_U64 },
};

static const struct nla_policy kipc_latency_policy[] = {
	[KIPC_A_ID]		= { .type = NLA_U64 },
	[KIPC_A_NAME]		= { .type = NLA_NUL_STRING, .len = KIPC_NAME_MAX },
	[KIPC_A_ALL]		= { .type = NLA_FLAG },		/* of a dump */
	[KIPC_A_STATE]		= NLA_POLICY_MAX(NLA_U32, 1),
};

/* The greatest attribute that a policy has a place for. */
#define KIPC_LAST(policy) (ARRAY_SIZE(policy) - 1)

static_assert(KIPC_LAST(kipc_one_policy) == KIPC_OBJECT_LAST);
static_assert(KIPC_LAST(kipc_limit_policy) == KIPC_LIMIT_LAST);
static_assert(KIPC_LAST(kipc_latency_policy) == KIPC_LATENCY_LAST);

/**
 * kipc_netlink_only - are all attributes of a request for what it asks?
 * @attrs: of it; its policy knows those of others, too
 * @last: the greatest that the policy has
 * @allowed: a bit for each that is
 * @extack: says which is not
 *
 * Context: any.
 * Return: 0 or -EINVAL.
 */
int kipc_netlink_only(struct nlattr **attrs, unsigned int last, u64 allowed,
		      struct netlink_ext_ack *extack)
{
	unsigned int i;

	for (i = 1; i <= last; i++) {
		if (!attrs[i] || allowed & BIT_ULL(i))
			continue;
		NL_SET_ERR_MSG_ATTR(extack, attrs[i],
				    "this attribute is for another request");
		return -EINVAL;
	}
	return 0;
}

static const struct genl_ops kipc_ops[] = {
	{
		.cmd	= KIPC_CMD_OBJECT,
		.doit	= kipc_netlink_object,
		.start	= kipc_netlink_objects_start,
		.dumpit	= kipc_netlink_objects,
		.done	= kipc_netlink_objects_done,
		.policy	= kipc_one_policy,
		.maxattr = KIPC_LAST(kipc_one_policy),
	},
	{
		.cmd	= KIPC_CMD_REMOVE,
		.doit	= kipc_netlink_remove,
		.policy	= kipc_remove_policy,
		.maxattr = KIPC_LAST(kipc_remove_policy),
	},
	{
		.cmd	= KIPC_CMD_WAITER,
		.start	= kipc_netlink_rows_start,
		.dumpit	= kipc_netlink_waiters,
		.done	= kipc_netlink_rows_done,
		.policy	= kipc_rows_policy,
		.maxattr = KIPC_LAST(kipc_rows_policy),
	},
	{
		.cmd	= KIPC_CMD_CALL,
		.start	= kipc_netlink_rows_start,
		.dumpit	= kipc_netlink_calls,
		.done	= kipc_netlink_rows_done,
		.policy	= kipc_rows_policy,
		.maxattr = KIPC_LAST(kipc_rows_policy),
	},
	{
		.cmd	= KIPC_CMD_SUBSCRIBE,
		.doit	= kipc_netlink_subscribe,
		.policy	= kipc_subscribe_policy,
		.maxattr = KIPC_LAST(kipc_subscribe_policy),
	},
	{
		.cmd	= KIPC_CMD_LIMIT,
		.doit	= kipc_netlink_set_limit,
		.start	= kipc_netlink_limits_start,
		.dumpit	= kipc_netlink_limits,
		.done	= kipc_netlink_limits_done,
		.policy	= kipc_limit_policy,
		.maxattr = KIPC_LAST(kipc_limit_policy),
	},
	{
		.cmd	= KIPC_CMD_LATENCY,
		.doit	= kipc_netlink_set_latency,
		.start	= kipc_netlink_latencies_start,
		.dumpit	= kipc_netlink_latencies,
		.done	= kipc_netlink_objects_done,
		.policy	= kipc_latency_policy,
		.maxattr = KIPC_LAST(kipc_latency_policy),
	},
};

struct genl_family kipc_family = {
	.name		= KIPC_GENL_NAME,
	.version	= KIPC_GENL_VERSION,
	.module		= THIS_MODULE,
	.netnsok	= true,
	.parallel_ops	= true,
	.ops		= kipc_ops,
	.n_ops		= ARRAY_SIZE(kipc_ops),
};

/**
 * kipc_netlink_setup - the family can be asked
 *
 * Context: process context, may sleep.
 * Return: 0 or a negative errno.
 */
int kipc_netlink_setup(void)
{
	int ret = kipc_netlink_events_setup();

	if (ret)
		return ret;
	ret = genl_register_family(&kipc_family);
	if (ret)
		kipc_netlink_events_teardown();
	return ret;
}

/**
 * kipc_netlink_teardown - nor can it any more
 *
 * Context: process context, may sleep.
 */
void kipc_netlink_teardown(void)
{
	genl_unregister_family(&kipc_family);
	kipc_netlink_events_teardown();
}
