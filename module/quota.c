// SPDX-License-Identifier: GPL-2.0
/*
 * What each user may hold.  See quota.h for the model.
 */
#include <linux/atomic.h>
#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/memcontrol.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "debug.h"
#include "event.h"
#include "quota.h"
#include "trace.h"

static unsigned long max_objects = 16384;
module_param(max_objects, ulong, 0644);
MODULE_PARM_DESC(max_objects, "objects that one user may own");

static unsigned long max_bytes = 64UL << 20;
module_param(max_bytes, ulong, 0644);
MODULE_PARM_DESC(max_bytes, "bytes of kernel memory that one user's objects may hold");

static unsigned long max_waiters = 32768;
module_param(max_waiters, ulong, 0644);
MODULE_PARM_DESC(max_waiters, "threads that may wait on one user's objects");

static unsigned long max_carried = 4096;
module_param(max_carried, ulong, 0644);
MODULE_PARM_DESC(max_carried, "handles that one user's objects may carry");

static unsigned long max_memory = 1UL << 30;
module_param(max_memory, ulong, 0644);
MODULE_PARM_DESC(max_memory, "bytes of shared memory that one user's objects may be");

/**
 * struct kipc_user - a user's quota in one user namespace
 * @node: in kipc_users
 * @uid: the user
 * @ns: the user namespace, referenced
 * @parent: who owns @ns, in the parent namespace; NULL at the root
 * @refs: accounts, and users whose @parent this is
 * @used: by resource
 *
 * @node is protected by kipc_users_lock; @uid, @ns and @parent never change.
 */
struct kipc_user {
	struct hlist_node node;
	kuid_t uid;
	struct user_namespace *ns;
	struct kipc_user *parent;
	refcount_t refs;
	atomic_long_t used[KIPC_RESOURCES];
};

static DEFINE_HASHTABLE(kipc_users, 10);
static DEFINE_MUTEX(kipc_users_lock);	/* protects kipc_users */

/* One person may be the only user of very many namespaces. */
static unsigned long kipc_user_key(const struct user_namespace *ns, kuid_t uid)
{
	return (unsigned long)ns + __kuid_val(uid);
}

/* What is still charged would never be given back, nor be seen any more. */
static void kipc_user_free(struct kipc_user *user)
{
	unsigned int i;
	long left;

	for (i = 0; i < KIPC_RESOURCES; i++) {
		left = atomic_long_read(&user->used[i]);
		WARN_ONCE(left, "kipc: resource %u: %ld left charged\n", i, left);
	}
	put_user_ns(user->ns);
	kfree(user);
	kipc_count(KIPC_REF_USERS, -1);
}

static void kipc_user_put(struct kipc_user *user)
{
	while (user && refcount_dec_and_mutex_lock(&user->refs,
						   &kipc_users_lock)) {
		struct kipc_user *parent = user->parent;

		hash_del(&user->node);
		mutex_unlock(&kipc_users_lock);
		kipc_user_free(user);
		user = parent;
	}
}

static struct kipc_user *kipc_user_find_locked(struct user_namespace *ns,
					       kuid_t uid)
{
	struct kipc_user *user;

	lockdep_assert_held(&kipc_users_lock);
	hash_for_each_possible(kipc_users, user, node, kipc_user_key(ns, uid))
		if (user->ns == ns && uid_eq(user->uid, uid))
			return user;
	return NULL;
}

/*
 * Make the chain from the root down; a parent is referenced by its child.  As
 * deep as user namespaces nest: at most 33.
 */
static struct kipc_user *kipc_user_get(struct user_namespace *ns, kuid_t uid)
{
	struct kipc_user *parent = NULL;
	struct kipc_user *user, *found;

	if (ns->parent) {
		parent = kipc_user_get(ns->parent, ns->owner);
		if (!parent)
			return NULL;
	}
	user = kzalloc(sizeof(*user), GFP_KERNEL_ACCOUNT);
	if (!user) {
		kipc_user_put(parent);
		return NULL;
	}
	user->uid = uid;
	user->ns = get_user_ns(ns);
	user->parent = parent;
	refcount_set(&user->refs, 1);

	mutex_lock(&kipc_users_lock);
	found = kipc_user_find_locked(ns, uid);
	if (found)
		refcount_inc(&found->refs);
	else
		hash_add(kipc_users, &user->node, kipc_user_key(ns, uid));
	mutex_unlock(&kipc_users_lock);

	if (!found) {
		kipc_count(KIPC_REF_USERS, 1);
		return user;
	}
	put_user_ns(user->ns);
	kfree(user);
	kipc_user_put(parent);
	return found;
}

/**
 * kipc_account_init - open an account for the calling process
 * @account: to be filled
 *
 * Context: process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
int kipc_account_init(struct kipc_account *account)
{
	account->user = kipc_user_get(current_user_ns(), current_fsuid());
	if (!account->user)
		return -ENOMEM;
	account->memcg = get_mem_cgroup_from_mm(current->mm);
	return 0;
}

/**
 * kipc_account_exit - close an account; nothing may be charged to it any more
 * @account: to be emptied
 *
 * Context: process context, may sleep.
 */
void kipc_account_exit(struct kipc_account *account)
{
	mem_cgroup_put(account->memcg);
	kipc_user_put(account->user);
	account->user = NULL;
	account->memcg = NULL;
}

static unsigned long *const kipc_limits[] = {
	[KIPC_OBJECTS]	= &max_objects,
	[KIPC_BYTES]	= &max_bytes,
	[KIPC_WAITERS]	= &max_waiters,
	[KIPC_CARRIED]	= &max_carried,
	[KIPC_MEMORY]	= &max_memory,
};

static_assert(ARRAY_SIZE(kipc_limits) == KIPC_RESOURCES);

/**
 * kipc_quota_limit - how much each user may hold
 * @what: of this
 *
 * Context: any.
 */
unsigned long kipc_quota_limit(enum kipc_resource what)
{
	return READ_ONCE(*kipc_limits[what]);
}

/**
 * kipc_quota_set_limit - change that
 * @what: of this
 * @limit: so much
 *
 * Context: any.
 */
void kipc_quota_set_limit(enum kipc_resource what, unsigned long limit)
{
	WRITE_ONCE(*kipc_limits[what], limit);
}

static void kipc_user_tell_limit(const struct kipc_user *user,
				 enum kipc_resource what)
{
	struct kipc_event *event = kipc_event_new(KIPC_HAPPENED_LIMIT, 0);

	if (!event)
		return;
	event->resource = what;
	event->uid = user->uid;
	event->owner = get_user_ns(user->ns);
	kipc_event_tell(event);
}

/**
 * kipc_charge - charge an account's user, and the owners above
 * @account: who pays
 * @what: the resource
 * @n: how much, positive
 *
 * Context: any; takes no lock.
 * Return: 0, or -EDQUOT if somebody's limit would be passed; then nothing is
 * charged.
 */
int kipc_charge(struct kipc_account *account, enum kipc_resource what, long n)
{
	unsigned long limit = kipc_quota_limit(what);
	struct kipc_user *user, *undo;
	long used;

	for (user = account->user; user; user = user->parent) {
		used = atomic_long_read(&user->used[what]);
		do {
			if (used + n > limit)
				goto refuse;
		} while (!atomic_long_try_cmpxchg(&user->used[what], &used,
						  used + n));
	}
	return 0;

refuse:
	for (undo = account->user; undo != user; undo = undo->parent)
		atomic_long_sub(n, &undo->used[what]);
	kipc_trace(quota, from_kuid_munged(&init_user_ns, user->uid), what, n, limit);
	if (kipc_event_wanted())
		kipc_user_tell_limit(user, what);
	return -EDQUOT;
}

/**
 * kipc_uncharge - give back what kipc_charge() took
 * @account: who paid
 * @what: the resource
 * @n: how much
 *
 * Context: any; takes no lock.
 */
void kipc_uncharge(struct kipc_account *account, enum kipc_resource what,
		   long n)
{
	struct kipc_user *user;

	for (user = account->user; user; user = user->parent)
		atomic_long_sub(n, &user->used[what]);
}

/**
 * kipc_account_has_plenty - may an account keep what it might need again?
 * @account: who pays
 * @what: the resource
 *
 * Context: any; takes no lock.
 * Return: whether less than half is used by the user, and the owners above.
 */
bool kipc_account_has_plenty(const struct kipc_account *account,
			     enum kipc_resource what)
{
	long half = kipc_quota_limit(what) / 2;
	struct kipc_user *user;

	for (user = account->user; user; user = user->parent)
		if (atomic_long_read(&user->used[what]) > half)
			return false;
	return true;
}

/**
 * kipc_account_alloc_uncharged - allocate memory without a charge to the quota
 * @account: who pays, in memory cgroup
 * @size: in bytes
 * @nowait: fail rather than sleep until there is memory
 *
 * For what is bounded by something that is charged.  The caller may be a stranger to
 * the payer, so a full memory cgroup must not get anybody killed: the allocation fails
 * instead.
 *
 * Context: process context, may sleep, but with @nowait.
 * Return: memory, not zeroed, to be freed by kvfree(), or ERR_PTR(-ENOMEM).
 */
void *kipc_account_alloc_uncharged(struct kipc_account *account, size_t size,
				   bool nowait)
{
	gfp_t gfp = nowait ? GFP_NOWAIT : GFP_KERNEL | __GFP_RETRY_MAYFAIL;
	struct mem_cgroup *previous;
	void *memory;

	previous = set_active_memcg(account->memcg);
	memory = kvmalloc(size, gfp | __GFP_ACCOUNT | __GFP_NOWARN);
	set_active_memcg(previous);
	return memory ? memory : ERR_PTR(-ENOMEM);
}

/**
 * kipc_account_alloc - allocate memory that somebody's object needs
 * @account: who pays, in quota and in memory cgroup
 * @size: in bytes
 * @nowait: fail rather than sleep until there is memory
 *
 * Context: process context, may sleep, but with @nowait.
 * Return: memory, not zeroed, to be freed by kipc_account_free(), or
 * ERR_PTR(-EDQUOT) or ERR_PTR(-ENOMEM).
 */
void *kipc_account_alloc(struct kipc_account *account, size_t size,
			 bool nowait)
{
	void *memory;
	int ret;

	ret = kipc_charge(account, KIPC_BYTES, size);
	if (ret)
		return ERR_PTR(ret);
	memory = kipc_account_alloc_uncharged(account, size, nowait);
	if (IS_ERR(memory))
		kipc_uncharge(account, KIPC_BYTES, size);
	return memory;
}

/**
 * kipc_account_page - allocate a page to be mapped, without a charge to the quota
 * @account: who pays, in memory cgroup: see kipc_account_alloc_uncharged()
 *
 * Context: process context, may sleep.
 * Return: the page, zeroed; or NULL.
 */
struct page *kipc_account_page(struct kipc_account *account)
{
	struct mem_cgroup *previous;
	struct page *page;

	previous = set_active_memcg(account->memcg);
	page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL |
			  __GFP_NOWARN | __GFP_ZERO);
	set_active_memcg(previous);
	return page;
}

/**
 * kipc_account_free - free what kipc_account_alloc() gave
 * @account: who paid
 * @memory: NULL is allowed
 * @size: as allocated
 *
 * Context: process context, may sleep.
 */
void kipc_account_free(struct kipc_account *account, void *memory, size_t size)
{
	if (!memory)
		return;
	kvfree(memory);
	kipc_uncharge(account, KIPC_BYTES, size);
}

/**
 * kipc_quota_total - what all users together have charged
 * @what: the resource
 *
 * Every charge reaches exactly one user without a parent.
 *
 * Context: process context, may sleep.
 * Return: the sum, a snapshot.
 */
long kipc_quota_total(enum kipc_resource what)
{
	struct kipc_user *user;
	long total = 0;
	int bucket;

	mutex_lock(&kipc_users_lock);
	hash_for_each(kipc_users, bucket, user, node)
		if (!user->parent)
			total += atomic_long_read(&user->used[what]);
	mutex_unlock(&kipc_users_lock);
	return total;
}

/* As many as there is room for; returns how many there are. */
static u32 kipc_users_list_locked(struct kipc_usage *usage, u32 room,
				  kipc_usage_filter *shown, void *data)
{
	struct kipc_user *user;
	unsigned int bucket, i;
	u32 count = 0;

	lockdep_assert_held(&kipc_users_lock);
	hash_for_each(kipc_users, bucket, user, node) {
		if (!shown(user->ns, user->uid, data) || count++ >= room)
			continue;
		usage->uid = user->uid;
		usage->ns = user->ns->ns.inum;
		for (i = 0; i < KIPC_RESOURCES; i++)
			usage->used[i] = atomic_long_read(&user->used[i]);
		usage++;
	}
	return count;
}

/**
 * kipc_quota_usage - what each user holds, who holds or has held anything of late
 * @shown: says which ones, without sleeping
 * @data: for it
 * @count: written: users
 *
 * The table holds nobody's namespace: whoever asks may keep it for as long as he likes.
 *
 * Context: process context, may sleep.
 * Return: a table, to be freed by kvfree(), or NULL: there is no memory.
 */
struct kipc_usage *kipc_quota_usage(kipc_usage_filter *shown, void *data, u32 *count)
{
	struct kipc_usage *usage;
	u32 room;

	/* There may be more of them by the time that there is memory. */
	for (room = 16;; room = *count + 16) {
		usage = kvmalloc_array(room, sizeof(*usage),
				       GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!usage)
			return NULL;
		mutex_lock(&kipc_users_lock);
		*count = kipc_users_list_locked(usage, room, shown, data);
		mutex_unlock(&kipc_users_lock);
		if (*count <= room)
			return usage;
		kvfree(usage);
	}
}
