/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: Generic netlink
 *
 * The protocol is in <linux/kipc_netlink.h>.  Nothing is kept for who asks: a dump goes
 * on by the number of the object that comes next, and by rows of that one which it has
 * still to show.
 */
#ifndef KIPC_NETLINK_NETLINK_H
#define KIPC_NETLINK_NETLINK_H

#include <net/genetlink.h>

#include <linux/kipc_netlink.h>

struct kipc_object;

extern struct genl_family kipc_family;

/* family.c */
int kipc_netlink_setup(void);
void kipc_netlink_teardown(void);

/* object.c: objects, one or all */
bool kipc_mode_readable(umode_t mode, kuid_t uid, kgid_t gid);
bool kipc_object_inside_shown(const struct kipc_object *object,
			      struct sk_buff *request, bool all);
struct kipc_object *kipc_object_of_request(struct sk_buff *request,
					   struct genl_info *info, bool own);
int kipc_netlink_object(struct sk_buff *skb, struct genl_info *info);
int kipc_netlink_objects(struct sk_buff *skb, struct netlink_callback *cb);
int kipc_netlink_remove(struct sk_buff *skb, struct genl_info *info);

/* rows.c: waiters and calls */
int kipc_netlink_rows_start(struct netlink_callback *cb);
int kipc_netlink_waiters(struct sk_buff *skb, struct netlink_callback *cb);
int kipc_netlink_calls(struct sk_buff *skb, struct netlink_callback *cb);
int kipc_netlink_rows_done(struct netlink_callback *cb);

/* latency.c */
int kipc_netlink_set_latency(struct sk_buff *skb, struct genl_info *info);
int kipc_netlink_latencies(struct sk_buff *skb, struct netlink_callback *cb);

/* limit.c */
int kipc_netlink_set_limit(struct sk_buff *skb, struct genl_info *info);
int kipc_netlink_limits_start(struct netlink_callback *cb);
int kipc_netlink_limits(struct sk_buff *skb, struct netlink_callback *cb);
int kipc_netlink_limits_done(struct netlink_callback *cb);

/* event.c */
int kipc_netlink_subscribe(struct sk_buff *skb, struct genl_info *info);
int kipc_netlink_events_setup(void);
void kipc_netlink_events_teardown(void);

#endif /* KIPC_NETLINK_NETLINK_H */
