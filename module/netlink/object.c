// SPDX-License-Identifier: GPL-2.0
/*
 * Objects over netlink: one, all, and the end of one.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/glob.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include <linux/kipc.h>

#include "../compat.h"
#include "../object.h"
#include "../report.h"
#include "netlink.h"

/**
 * kipc_mode_readable - may the calling process read something, as a file?
 * @mode: of it
 * @uid: its owner
 * @gid: its group
 *
 * Context: process context, or with the rights of another process.
 * Return: whether it may.
 */
bool kipc_mode_readable(umode_t mode, kuid_t uid, kgid_t gid)
{
	if (uid_eq(uid, current_fsuid()))
		return mode & 0400;
	return mode & (in_group_p(gid) ? 0040 : 0004);
}

/* Both may it: the calling process, and who opened the socket that @request came by. */
static bool kipc_object_both_may(const struct kipc_object *object,
				 struct sk_buff *request,
				 bool (*may)(const struct kipc_object *object))
{
	const struct cred *opener = kipc_request_opener(request);
	const struct cred *own;
	bool ret = may(object);

	if (!ret || opener == current_cred())
		return ret;
	own = override_creds(opener);
	ret = may(object);
	revert_creds(own);
	return ret;
}

static bool kipc_object_readable_now(const struct kipc_object *object)
{
	const struct inode *inode = object->inode;

	return kipc_mode_readable(inode->i_mode, inode->i_uid, inode->i_gid) ||
	       ns_capable_noaudit(kipc_names_user_ns(object->home), CAP_IPC_OWNER);
}

static bool kipc_object_readable(const struct kipc_object *object,
				 struct sk_buff *request)
{
	return kipc_object_both_may(object, request, kipc_object_readable_now);
}

/* Is it shown to who asked by @request?  @own: of the namespace that the request is about. */
static bool kipc_object_shown(const struct kipc_object *object,
			      struct sk_buff *request, bool own, bool all)
{
	if (own)
		return kipc_name_linked(&object->name) ||
		       kipc_object_readable(object, request);
	return all && netlink_ns_capable(request, kipc_names_user_ns(object->home),
					 CAP_SYS_ADMIN);
}

/**
 * kipc_object_inside_shown - are figures, waiters and calls shown?
 * @object: held
 * @request: to show them
 * @own: it is of the IPC namespace that @request is about
 * @all: it asks for all namespaces
 *
 * Context: process context.
 * Return: whether they are.
 */
bool kipc_object_inside_shown(const struct kipc_object *object,
			      struct sk_buff *request, bool own, bool all)
{
	return kipc_object_shown(object, request, own, all) &&
	       kipc_object_readable(object, request);
}

/* What a request is about, held; or an ERR_PTR(), as below. */
static struct kipc_object *kipc_object_named(struct genl_info *info)
{
	struct nlattr *name = info->attrs[KIPC_A_NAME];
	struct nlattr *number = info->attrs[KIPC_A_ID];
	struct kipc_object *object;
	struct kipc_names *names;
	u64 id;

	if (!name == !number) {
		NL_SET_ERR_MSG(info->extack, "say which object, by ID or by NAME");
		return ERR_PTR(-EINVAL);
	}
	if (name) {
		names = kipc_names_get();
		if (IS_ERR(names))
			return ERR_CAST(names);
		object = kipc_object_find(names, nla_data(name),
					  strlen(nla_data(name)));
		kipc_names_put(names);
	} else {
		id = nla_get_u64(number);
		object = kipc_objects_next(&id, id);
		if (object && !kipc_names_own(object->home)) {
			kipc_object_put(object);
			object = NULL;
		}
	}
	if (object)
		return object;
	NL_SET_BAD_ATTR(info->extack, name ?: number);
	NL_SET_ERR_MSG(info->extack, "there is no such object");
	return ERR_PTR(-ENOENT);
}

/**
 * kipc_object_of_request - what a request is about
 * @request: the request
 * @info: likewise
 * @own: both who asks, and who opened the socket, shall own it, or have CAP_IPC_OWNER
 *
 * Context: process context, may sleep.
 * Return: the object, held; or an ERR_PTR(): -EINVAL: the request says that twice, or not
 * at all; -ENOENT: there is none, or it is not shown; -EACCES; -ENOMEM.
 */
struct kipc_object *kipc_object_of_request(struct sk_buff *request,
					   struct genl_info *info, bool own)
{
	struct kipc_object *object = kipc_object_named(info);
	int ret = 0;

	if (IS_ERR(object))
		return object;
	if (!kipc_object_shown(object, request, true, false))
		ret = -ENOENT;
	else if (own && !kipc_object_both_may(object, request, kipc_object_owned))
		ret = -EACCES;
	if (!ret)
		return object;
	kipc_object_put(object);
	return ERR_PTR(ret);
}

static int kipc_object_put_inside(struct sk_buff *skb, struct kipc_object *object,
				  u32 waiters)
{
	const struct kipc_kind *kind = object->kind;
	u8 stat[KIPC_STAT_MAX] __aligned(8);

	memset(stat, 0, kind->stat_size);
	kind->stat(object, stat);
	return nla_put(skb, KIPC_A_STAT, kind->stat_size, stat) |
	       nla_put_u32(skb, KIPC_A_WAITERS, waiters);
}

/*
 * A message about an object.  Returns 0, or -EMSGSIZE: there is no room for it, and
 * nothing of it is there.
 */
static int kipc_object_fill(struct sk_buff *skb, void *head,
			    struct kipc_object *object, bool inside, u32 waiters)
{
	const struct inode *inode = object->inode;
	struct user_namespace *reader = current_user_ns();
	const struct kipc_name *name = &object->name;
	u32 handles = refcount_read(&object->handles) - 1;	/* but ours */
	u32 flags = 0;
	int ret;

	if (kipc_name_linked(name) && name->persistent) {
		flags |= KIPC_INFO_PERSISTENT;
		handles--;
	}
	if (READ_ONCE(object->removed))
		flags |= KIPC_INFO_REMOVED;
	/* What follows one that does not fit does not matter. */
	ret = nla_put_u64_64bit(skb, KIPC_A_ID, object->id, KIPC_A_PAD);
	ret |= nla_put_u32(skb, KIPC_A_IPC_NS, kipc_names_number(object->home));
	ret |= nla_put_u32(skb, KIPC_A_KIND, object->kind->id);
	ret |= nla_put_u32(skb, KIPC_A_MODE, inode->i_mode & 0777);
	ret |= nla_put_u32(skb, KIPC_A_UID, from_kuid_munged(reader, inode->i_uid));
	ret |= nla_put_u32(skb, KIPC_A_GID, from_kgid_munged(reader, inode->i_gid));
	ret |= nla_put_u32(skb, KIPC_A_FLAGS, flags);
	ret |= nla_put_u32(skb, KIPC_A_HANDLES, handles);
	ret |= nla_put_u64_64bit(skb, KIPC_A_CREATED, object->created, KIPC_A_PAD);
	if (kipc_name_linked(name))
		ret |= nla_put_string(skb, KIPC_A_NAME, name->text);
	if (inside)
		ret |= kipc_object_put_inside(skb, object, waiters);
	if (ret) {
		genlmsg_cancel(skb, head);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, head);
	return 0;
}

/* How many wait, as far as they are shown. */
static u32 kipc_object_count_waiters(struct kipc_object *object,
				     struct kipc_report *report)
{
	u32 count;

	object->kind->waiters(object, report);
	count = report->count;
	kipc_report_clear(report);
	return count;
}

static int kipc_object_message(struct sk_buff *skb, struct kipc_object *object,
			       struct kipc_report *report, bool inside, u32 portid,
			       u32 seq, int flags, struct netlink_callback *cb)
{
	void *head;

	head = genlmsg_put(skb, portid, seq, &kipc_family, flags, KIPC_CMD_OBJECT);
	if (!head)
		return -EMSGSIZE;
	if (cb)
		genl_dump_check_consistent(cb, head);
	return kipc_object_fill(skb, head, object, inside,
				inside ? kipc_object_count_waiters(object, report) : 0);
}

/**
 * kipc_netlink_object - KIPC_CMD_OBJECT of one
 * @skb: the request
 * @info: likewise
 *
 * Context: process context, may sleep.
 * Return: 0 or a negative errno.
 */
int kipc_netlink_object(struct sk_buff *skb, struct genl_info *info)
{
	struct kipc_report *report;
	struct kipc_object *object;
	struct sk_buff *answer;
	int ret;

	ret = kipc_netlink_only(info->attrs, KIPC_OBJECT_LAST,
				BIT_ULL(KIPC_A_ID) | BIT_ULL(KIPC_A_NAME),
				info->extack);
	if (ret)
		return ret;
	object = kipc_object_of_request(skb, info, false);
	if (IS_ERR(object))
		return PTR_ERR(object);
	ret = -ENOMEM;
	report = kipc_report_create();
	answer = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!report || !answer)
		goto out;
	ret = kipc_object_message(answer, object, report,
				  kipc_object_readable(object, skb),
				  info->snd_portid, info->snd_seq, 0, NULL);
	if (!ret) {
		ret = genlmsg_reply(answer, info);
		answer = NULL;
	}
out:
	nlmsg_free(answer);
	kvfree(report);
	kipc_object_put(object);
	return ret;
}

/**
 * kipc_progress_begin - a dump of what objects have begins
 * @cb: its state, for kipc_netlink_objects_done()
 *
 * Context: process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
int kipc_progress_begin(struct netlink_callback *cb)
{
	struct kipc_progress *progress = kipc_progress(cb);

	progress->last = kipc_objects_last();
	progress->names = kipc_names_get();
	return PTR_ERR_OR_ZERO(progress->names);
}

/**
 * kipc_netlink_objects_start - a dump of objects begins
 * @cb: its state
 *
 * Context: process context, may sleep.
 * Return: 0, -EINVAL, or -ENOMEM.
 */
int kipc_netlink_objects_start(struct netlink_callback *cb)
{
	int ret = kipc_netlink_only(kipc_dump_attrs(cb), KIPC_OBJECT_LAST,
				    BIT_ULL(KIPC_A_KIND) | BIT_ULL(KIPC_A_UID) |
				    BIT_ULL(KIPC_A_ALL) | BIT_ULL(KIPC_A_PATTERN) |
				    BIT_ULL(KIPC_A_WAITS), cb->extack);

	return ret ? ret : kipc_progress_begin(cb);
}

/**
 * kipc_netlink_objects_done - it ends, be it complete or not
 * @cb: its state
 *
 * Context: process context, may sleep.
 * Return: 0
 */
int kipc_netlink_objects_done(struct netlink_callback *cb)
{
	kipc_names_put(kipc_progress(cb)->names);
	return 0;
}

static bool kipc_object_fits(struct kipc_object *object, struct nlattr **attrs,
			     struct kipc_report *report, bool inside)
{
	const struct kipc_name *name = &object->name;
	kuid_t uid;

	if (attrs[KIPC_A_KIND] &&
	    nla_get_u32(attrs[KIPC_A_KIND]) != object->kind->id)
		return false;
	if (attrs[KIPC_A_UID]) {
		uid = make_kuid(current_user_ns(), nla_get_u32(attrs[KIPC_A_UID]));
		if (!uid_valid(uid) || !uid_eq(uid, object->inode->i_uid))
			return false;
	}
	if (attrs[KIPC_A_PATTERN] &&
	    !glob_match(nla_data(attrs[KIPC_A_PATTERN]),
			kipc_name_linked(name) ? name->text : ""))
		return false;
	return !attrs[KIPC_A_WAITS] ||
	       (inside && kipc_object_count_waiters(object, report));
}

/* One object of a dump.  Returns false if there is no room. */
static bool kipc_object_dump(struct sk_buff *skb, struct netlink_callback *cb,
			     struct kipc_object *object, struct kipc_report *report)
{
	struct nlattr **attrs = kipc_dump_attrs(cb);
	bool own = object->home == kipc_progress(cb)->names;
	bool inside;

	if (!kipc_object_shown(object, cb->skb, own, attrs[KIPC_A_ALL]))
		return true;
	inside = kipc_object_readable(object, cb->skb);
	return !kipc_object_fits(object, attrs, report, inside) ||
	       !kipc_object_message(skb, object, report, inside,
				    NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				    NLM_F_MULTI, cb);
}

/**
 * kipc_netlink_objects - KIPC_CMD_OBJECT of all
 * @skb: what the dump goes to
 * @cb: its state
 *
 * Context: process context, may sleep.
 * Return: bytes in @skb, 0 at the end, or a negative errno.
 */
int kipc_netlink_objects(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct kipc_progress *progress = kipc_progress(cb);
	struct kipc_object *object;
	struct kipc_report *report;
	bool fits = true;

	report = kipc_report_create();
	if (!report)
		return -ENOMEM;
	cb->seq = kipc_objects_generation();
	while (fits && (object = kipc_objects_next(&progress->id, progress->last))) {
		fits = kipc_object_dump(skb, cb, object, report);
		kipc_object_put(object);
		if (fits)
			progress->id++;
		cond_resched();
	}
	kvfree(report);
	return skb->len;
}

/**
 * kipc_netlink_remove - KIPC_CMD_REMOVE
 * @skb: the request
 * @info: likewise
 *
 * Context: process context, may sleep.
 * Return: 0 or a negative errno.
 */
int kipc_netlink_remove(struct sk_buff *skb, struct genl_info *info)
{
	struct kipc_object *object = kipc_object_of_request(skb, info, true);
	int ret;

	if (IS_ERR(object))
		return PTR_ERR(object);
	ret = kipc_object_remove(object);
	kipc_object_put(object);
	return ret;
}
