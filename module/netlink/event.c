// SPDX-License-Identifier: GPL-2.0
/*
 * Events over netlink, to each socket that has subscribed, one by one: a multicast group
 * would be heard by everybody in the network namespace.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/notifier.h>
#include <linux/pid_namespace.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <net/sock.h>

#include "../debug.h"
#include "../event.h"
#include "../object.h"
#include "../quota.h"
#include "../registry.h"
#include "netlink.h"

/*
 * Every event costs time for each subscriber, and who closes a netlink socket looks
 * through them: so a user can have fewer of them than threads that wait.
 */
#define KIPC_SUBSCRIBER_WAITERS	64

/**
 * struct kipc_socket - a socket that has subscribed
 * @subscriber: to be told
 * @node: among all of them
 * @sk: referenced; dead: it is just being closed, and its number may be another's
 * @portid: its number in its network namespace
 * @account: who subscribed
 * @events: KIPC_HAPPENED_...
 * @all: of all namespaces
 * @names: its IPC namespace
 * @pids: its pid namespace, referenced
 * @cred: the rights of who subscribed, referenced
 * @opener: those of who opened it, likewise; both are needed
 * @full: events that its buffer had no room for; only @subscriber.tell uses it
 */
struct kipc_socket {
	struct kipc_subscriber subscriber;
	struct list_head node;
	struct sock *sk;
	u32 portid;
	struct kipc_account account;
	u32 events;
	bool all;
	struct kipc_names *names;
	struct pid_namespace *pids;
	const struct cred *cred;
	const struct cred *opener;
	u64 full;
};

static DEFINE_MUTEX(kipc_sockets_lock);	/* protects the next */
static LIST_HEAD(kipc_sockets);

/* Is it shown to who has subscribed?  With the rights of the calling process. */
static bool kipc_event_shown(const struct kipc_socket *socket,
			     const struct kipc_event *event)
{
	if (event->what == KIPC_HAPPENED_LIMIT)
		return uid_eq(event->uid, current_euid()) ||
		       ns_capable_noaudit(event->owner, CAP_SYS_ADMIN);
	if (event->ipc != kipc_names_number(socket->names) &&
	    !(socket->all && ns_capable_noaudit(event->owner, CAP_SYS_ADMIN)))
		return false;
	if (*event->name)
		return true;
	return kipc_mode_readable(event->mode, event->uid, event->gid) ||
	       ns_capable_noaudit(event->owner, CAP_IPC_OWNER);
}

static bool kipc_event_shown_to(const struct cred *cred,
				const struct kipc_socket *socket,
				const struct kipc_event *event)
{
	const struct cred *own = override_creds(cred);
	bool shown = kipc_event_shown(socket, event);

	revert_creds(own);
	return shown;
}

static bool kipc_event_fill(struct sk_buff *skb, const struct kipc_socket *socket,
			    const struct kipc_event *event, u64 lost)
{
	struct user_namespace *reader = socket->cred->user_ns;
	int ret;

	ret = nla_put_u32(skb, KIPC_A_EVENT, event->what);
	ret |= nla_put_u32(skb, KIPC_A_PID, pid_nr_ns(event->process, socket->pids));
	ret |= nla_put_u32(skb, KIPC_A_UID_CAUSE,
			   event->process ? from_kuid_munged(reader, event->cause) :
					    overflowuid);
	ret |= nla_put_u32(skb, KIPC_A_UID, from_kuid_munged(reader, event->uid));
	if (lost)
		ret |= nla_put_u64_64bit(skb, KIPC_A_LOST, lost, KIPC_A_PAD);
	if (event->what == KIPC_HAPPENED_LIMIT)
		return !(ret | nla_put_u32(skb, KIPC_A_RESOURCE, event->resource));
	ret |= nla_put_u64_64bit(skb, KIPC_A_ID, event->id, KIPC_A_PAD);
	ret |= nla_put_u32(skb, KIPC_A_IPC_NS, event->ipc);
	ret |= nla_put_u32(skb, KIPC_A_KIND, event->kind);
	if (*event->name)
		ret |= nla_put_string(skb, KIPC_A_NAME, event->name);
	return !ret;
}

/* Returns whether it was told. */
static bool kipc_socket_send(struct kipc_socket *socket,
			     const struct kipc_event *event, u64 lost)
{
	struct sk_buff *skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	void *head;

	if (!skb)
		return false;
	head = genlmsg_put(skb, 0, 0, &kipc_family, 0, KIPC_CMD_EVENT);
	if (!head || !kipc_event_fill(skb, socket, event, lost)) {
		nlmsg_free(skb);
		return false;
	}
	genlmsg_end(skb, head);
	return !genlmsg_unicast(sock_net(socket->sk), skb, socket->portid);
}

static void kipc_socket_tell(struct kipc_subscriber *subscriber,
			     const struct kipc_event *event, u64 lost)
{
	struct kipc_socket *socket = container_of(subscriber, struct kipc_socket,
						  subscriber);

	if (!(socket->events & event->what) || sock_flag(socket->sk, SOCK_DEAD))
		return;
	if (!kipc_event_shown_to(socket->cred, socket, event) ||
	    (socket->opener != socket->cred &&
	     !kipc_event_shown_to(socket->opener, socket, event)))
		return;
	if (!kipc_socket_send(socket, event, lost + socket->full))
		socket->full++;
}

static void kipc_socket_free(struct kipc_socket *socket)
{
	kipc_names_put(socket->names);
	put_pid_ns(socket->pids);
	put_cred(socket->cred);
	put_cred(socket->opener);
	sock_put(socket->sk);
	kipc_uncharge(&socket->account, KIPC_WAITERS, KIPC_SUBSCRIBER_WAITERS);
	kipc_account_exit(&socket->account);
	kfree(socket);
}

static void kipc_socket_forget_locked(struct kipc_socket *socket)
{
	lockdep_assert_held(&kipc_sockets_lock);
	list_del(&socket->node);
	kipc_event_unsubscribe(&socket->subscriber);
	kipc_socket_free(socket);
}

static struct kipc_socket *kipc_socket_find_locked(const struct sock *sk)
{
	struct kipc_socket *socket;

	lockdep_assert_held(&kipc_sockets_lock);
	list_for_each_entry(socket, &kipc_sockets, node)
		if (socket->sk == sk)
			return socket;
	return NULL;
}

static struct kipc_socket *kipc_socket_create(struct sk_buff *skb,
					      struct genl_info *info)
{
	struct kipc_socket *socket = kzalloc(sizeof(*socket), GFP_KERNEL_ACCOUNT);
	int ret = -ENOMEM;

	if (!socket)
		return ERR_PTR(ret);
	if (kipc_account_init(&socket->account))
		goto free;
	ret = kipc_charge(&socket->account, KIPC_WAITERS, KIPC_SUBSCRIBER_WAITERS);
	if (ret)
		goto close_account;
	socket->names = kipc_names_get();
	if (IS_ERR(socket->names)) {
		ret = PTR_ERR(socket->names);
		goto uncharge;
	}
	socket->sk = NETLINK_CB(skb).sk;
	sock_hold(socket->sk);
	socket->portid = info->snd_portid;
	socket->events = nla_get_u32(info->attrs[KIPC_A_EVENTS]);
	socket->all = info->attrs[KIPC_A_ALL];
	socket->pids = get_pid_ns(task_active_pid_ns(current));
	socket->cred = get_current_cred();
	socket->opener = get_cred(kipc_request_opener(skb));
	socket->subscriber.tell = kipc_socket_tell;
	return socket;

uncharge:
	kipc_uncharge(&socket->account, KIPC_WAITERS, KIPC_SUBSCRIBER_WAITERS);
close_account:
	kipc_account_exit(&socket->account);
free:
	kfree(socket);
	return ERR_PTR(ret);
}

/**
 * kipc_netlink_subscribe - KIPC_CMD_SUBSCRIBE
 * @skb: the request
 * @info: likewise
 *
 * Context: process context, may sleep.
 * Return: 0 or a negative errno.
 */
int kipc_netlink_subscribe(struct sk_buff *skb, struct genl_info *info)
{
	struct kipc_socket *socket = NULL, *old;

	if (GENL_REQ_ATTR_CHECK(info, KIPC_A_EVENTS)) {
		NL_SET_ERR_MSG(info->extack, "say which EVENTS");
		return -EINVAL;
	}
	if (nla_get_u32(info->attrs[KIPC_A_EVENTS])) {
		socket = kipc_socket_create(skb, info);
		if (IS_ERR(socket))
			return PTR_ERR(socket);
	}
	mutex_lock(&kipc_sockets_lock);
	old = kipc_socket_find_locked(NETLINK_CB(skb).sk);
	if (old)
		kipc_socket_forget_locked(old);
	if (socket) {
		list_add(&socket->node, &kipc_sockets);
		kipc_event_subscribe(&socket->subscriber);
	}
	mutex_unlock(&kipc_sockets_lock);
	return 0;
}

static int kipc_socket_closed(struct notifier_block *block, unsigned long what,
			      void *data)
{
	struct netlink_notify *notify = data;
	struct kipc_socket *socket, *next;

	if (what != NETLINK_URELEASE || notify->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	kipc_delay(KIPC_DELAY_SOCKET_CLOSED);
	/* Another one may have taken the number by now, and have subscribed. */
	mutex_lock(&kipc_sockets_lock);
	list_for_each_entry_safe(socket, next, &kipc_sockets, node)
		if (socket->portid == notify->portid &&
		    sock_net(socket->sk) == notify->net &&
		    sock_flag(socket->sk, SOCK_DEAD))
			kipc_socket_forget_locked(socket);
	mutex_unlock(&kipc_sockets_lock);
	return NOTIFY_DONE;
}

static struct notifier_block kipc_socket_notifier = {
	.notifier_call = kipc_socket_closed,
};

/**
 * kipc_netlink_events_setup - sockets that are closed are heard of
 *
 * Context: process context, may sleep.
 * Return: 0 or a negative errno.
 */
int kipc_netlink_events_setup(void)
{
	return netlink_register_notifier(&kipc_socket_notifier);
}

/**
 * kipc_netlink_events_teardown - nobody is told any more
 *
 * Context: process context, may sleep; nobody can subscribe.
 */
void kipc_netlink_events_teardown(void)
{
	struct kipc_socket *socket, *next;

	netlink_unregister_notifier(&kipc_socket_notifier);
	mutex_lock(&kipc_sockets_lock);
	list_for_each_entry_safe(socket, next, &kipc_sockets, node)
		kipc_socket_forget_locked(socket);
	mutex_unlock(&kipc_sockets_lock);
}
