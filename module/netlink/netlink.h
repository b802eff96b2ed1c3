/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: Generic netlink
 *
 * The protocol is in <linux/kipc_netlink.h>.  A dump keeps the names of the IPC namespace
 * that it is about, the numbers of the object that comes next and of the last one that
 * there was when it began, and rows of an object which it has still to show.
 */
#ifndef KIPC_NETLINK_NETLINK_H
#define KIPC_NETLINK_NETLINK_H

#include <linux/fs.h>
#include <linux/net.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include <linux/kipc_netlink.h>

struct cred;
struct kipc_names;
struct kipc_object;

extern struct genl_family kipc_family;

/* The last attributes of policies that are for two requests each. */
#define KIPC_OBJECT_LAST	KIPC_A_WAITS
#define KIPC_LIMIT_LAST		KIPC_A_LIMIT
#define KIPC_LATENCY_LAST	KIPC_A_STATE

/* family.c */
int kipc_netlink_only(struct nlattr **attrs, unsigned int last, u64 allowed,
		      struct netlink_ext_ack *extack);
int kipc_netlink_setup(void);
void kipc_netlink_teardown(void);

/*
 * Who opened the socket that a request came by.  It can be another than who sends it, or
 * reads a dump: a program with more rights, whose standard streams the socket was made.
 */
static inline const struct cred *kipc_request_opener(const struct sk_buff *request)
{
	return NETLINK_CB(request).sk->sk_socket->file->f_cred;
}

/**
 * struct kipc_progress - what a dump of objects, or of latencies, has got to
 * @id: of the next object
 * @last: of the last one that there was when it began: who makes more of them does not
 *	keep it from an end
 * @names: of the IPC namespace that it is about
 * @what: of latencies: the next sort of wait, or 0
 */
struct kipc_progress {
	u64 id;
	u64 last;
	struct kipc_names *names;
	u32 what;
};

static inline struct kipc_progress *kipc_progress(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct kipc_progress) > sizeof(cb->ctx));
	return (void *)cb->ctx;
}

/* object.c: objects, one or all */
bool kipc_mode_readable(umode_t mode, kuid_t uid, kgid_t gid);
bool kipc_object_inside_shown(const struct kipc_object *object,
			      struct sk_buff *request, bool own, bool all);
struct kipc_object *kipc_object_of_request(struct sk_buff *request,
					   struct genl_info *info, bool own);
int kipc_netlink_object(struct sk_buff *skb, struct genl_info *info);
int kipc_progress_begin(struct netlink_callback *cb);
int kipc_netlink_objects_start(struct netlink_callback *cb);
int kipc_netlink_objects(struct sk_buff *skb, struct netlink_callback *cb);
int kipc_netlink_objects_done(struct netlink_callback *cb);
int kipc_netlink_remove(struct sk_buff *skb, struct genl_info *info);

/* rows.c: waiters and calls */
int kipc_netlink_rows_start(struct netlink_callback *cb);
int kipc_netlink_waiters(struct sk_buff *skb, struct netlink_callback *cb);
int kipc_netlink_calls(struct sk_buff *skb, struct netlink_callback *cb);
int kipc_netlink_rows_done(struct netlink_callback *cb);

/* latency.c */
int kipc_netlink_set_latency(struct sk_buff *skb, struct genl_info *info);
int kipc_netlink_latencies_start(struct netlink_callback *cb);
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
