// SPDX-License-Identifier: GPL-2.0
/*
 * Names, per IPC namespace.  See registry.h for the model.
 */
#include <linux/hashtable.h>
#include <linux/ipc_namespace.h>
#include <linux/jhash.h>
#include <linux/mutex.h>
#include <linux/nsproxy.h>
#include <linux/proc_ns.h>
#include <linux/rhashtable.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "debug.h"
#include "quota.h"
#include "registry.h"
#include "waiter.h"

#define KIPC_REAP_INTERVAL	HZ
#define KIPC_REAP_BATCH		64

/**
 * struct kipc_names - the names of an IPC namespace
 * @node: in kipc_tables
 * @ipc: the namespace, referenced once; constant
 * @controls: control descriptors that are bound to it; and sockets that are told of its
 *	events, and dumps that have not been read to the end
 * @objects: those that belong to it
 * @list: all names
 * @table: the same, by text
 * @awaiting: those who wait for a name
 *
 * The rest is protected by kipc_registry_lock; it goes when @controls and @objects are 0
 * and @list empty.
 */
struct kipc_names {
	struct hlist_node node;
	struct ipc_namespace *ipc;
	unsigned long controls;
	unsigned long objects;
	struct list_head list;
	struct rhashtable table;
	struct list_head awaiting;
};

static DEFINE_HASHTABLE(kipc_tables, 8);		/* by namespace */
static DEFINE_MUTEX(kipc_registry_lock);	/* protects all names and tables */

static void kipc_registry_reap(struct work_struct *work);
static DECLARE_DELAYED_WORK(kipc_reaper, kipc_registry_reap);

/* What is looked for. */
struct kipc_text {
	const char *text;
	size_t len;
};

/* A thread that waits for a name. */
struct kipc_awaiter {
	struct kipc_waiter waiter;
	struct kipc_text key;
};

static u32 kipc_text_hash(const void *data, u32 len, u32 seed)
{
	const struct kipc_text *key = data;

	return jhash(key->text, key->len, seed);
}

static u32 kipc_name_hash(const void *data, u32 len, u32 seed)
{
	const struct kipc_name *name = data;

	return jhash(name->text, name->len, seed);
}

static int kipc_name_compare(struct rhashtable_compare_arg *arg,
			     const void *data)
{
	const struct kipc_text *key = arg->key;
	const struct kipc_name *name = data;

	return key->len != name->len || memcmp(key->text, name->text, key->len);
}

static const struct rhashtable_params kipc_table_params = {
	.head_offset		= offsetof(struct kipc_name, node),
	.hashfn			= kipc_text_hash,
	.obj_hashfn		= kipc_name_hash,
	.obj_cmpfn		= kipc_name_compare,
	.automatic_shrinking	= true,
};

static void kipc_name_forget_locked(struct kipc_name *name)
{
	struct kipc_names *names = name->names;

	lockdep_assert_held(&kipc_registry_lock);
	rhashtable_remove_fast(&names->table, &name->node, kipc_table_params);
	list_del(&name->list);
	WRITE_ONCE(name->names, NULL);
	kipc_count(KIPC_REF_NAMES, -1);
}

/*
 * Find a name, held.  What it names may be about to go, and to take the name
 * away: then it is gone now, or a new one of that name would have to wait.
 */
static struct kipc_name *kipc_name_find_locked(struct kipc_names *names,
					       const struct kipc_text *key)
{
	struct kipc_name *name;

	lockdep_assert_held(&kipc_registry_lock);
	name = rhashtable_lookup_fast(&names->table, key, kipc_table_params);
	if (!name || name->ops->get(name))
		return name;
	kipc_name_forget_locked(name);
	return NULL;
}

static void kipc_names_free(struct kipc_names *names)
{
	rhashtable_destroy(&names->table);
	kipc_ipc_ns_put(names->ipc);
	kfree(names);
	kipc_count(KIPC_REF_TABLES, -1);
}

/* Free them if nothing is left that needs them. */
static void kipc_names_free_locked(struct kipc_names *names)
{
	lockdep_assert_held(&kipc_registry_lock);
	if (names->controls || names->objects || !list_empty(&names->list))
		return;
	hash_del(&names->node);
	kipc_names_free(names);
}

static struct kipc_names *kipc_names_create(struct ipc_namespace *ipc)
{
	struct kipc_names *names;
	int ret;

	names = kzalloc(sizeof(*names), GFP_KERNEL_ACCOUNT);
	if (!names)
		return ERR_PTR(-ENOMEM);
	ret = rhashtable_init(&names->table, &kipc_table_params);
	if (ret) {
		kfree(names);
		return ERR_PTR(ret);
	}
	INIT_LIST_HEAD(&names->list);
	INIT_LIST_HEAD(&names->awaiting);
	names->ipc = get_ipc_ns(ipc);
	kipc_count(KIPC_REF_TABLES, 1);
	return names;
}

static struct kipc_names *kipc_names_find_locked(const struct ipc_namespace *ipc)
{
	struct kipc_names *names;

	lockdep_assert_held(&kipc_registry_lock);
	hash_for_each_possible(kipc_tables, names, node, (unsigned long)ipc)
		if (names->ipc == ipc)
			return names;
	return NULL;
}

/**
 * kipc_names_get - bind to the table of the caller's IPC namespace
 *
 * Context: process context, may sleep.
 * Return: the table, or ERR_PTR(-ENOMEM).
 */
struct kipc_names *kipc_names_get(void)
{
	struct ipc_namespace *ipc = current->nsproxy->ipc_ns;
	struct kipc_names *names, *fresh = NULL;

	mutex_lock(&kipc_registry_lock);
	names = kipc_names_find_locked(ipc);
	if (!names) {
		/* Everybody's lock does not wait for one control group's memory. */
		mutex_unlock(&kipc_registry_lock);
		fresh = kipc_names_create(ipc);
		if (IS_ERR(fresh))
			return fresh;
		kipc_delay(KIPC_DELAY_NAMES_CREATED);
		mutex_lock(&kipc_registry_lock);
		names = kipc_names_find_locked(ipc);
	}
	if (!names) {
		hash_add(kipc_tables, &fresh->node, (unsigned long)ipc);
		names = fresh;
		fresh = NULL;
	}
	names->controls++;
	mutex_unlock(&kipc_registry_lock);
	if (fresh)
		kipc_names_free(fresh);
	return names;
}

/**
 * kipc_names_put - a control descriptor is gone
 * @names: its table
 *
 * Context: process context, may sleep.
 */
void kipc_names_put(struct kipc_names *names)
{
	mutex_lock(&kipc_registry_lock);
	names->controls--;
	/* Names that stay may outlive their namespace. */
	if (!list_empty(&names->list))
		schedule_delayed_work(&kipc_reaper, KIPC_REAP_INTERVAL);
	kipc_names_free_locked(names);
	mutex_unlock(&kipc_registry_lock);
}

/**
 * kipc_names_join - an object is made that belongs to a table
 * @names: a table that the caller is bound to
 *
 * Context: process context, may sleep.
 */
void kipc_names_join(struct kipc_names *names)
{
	mutex_lock(&kipc_registry_lock);
	names->objects++;
	mutex_unlock(&kipc_registry_lock);
}

/**
 * kipc_names_leave - the opposite
 * @names: that table; may be gone afterwards
 *
 * Context: process context, may sleep.
 */
void kipc_names_leave(struct kipc_names *names)
{
	mutex_lock(&kipc_registry_lock);
	names->objects--;
	kipc_names_free_locked(names);
	mutex_unlock(&kipc_registry_lock);
}

/**
 * kipc_names_user_ns - who is privileged over the names
 * @names: a table that the caller, or an object that it holds, is bound to
 *
 * Return: the user namespace that owns the IPC namespace.
 */
struct user_namespace *kipc_names_user_ns(const struct kipc_names *names)
{
	return names->ipc->user_ns;
}

/**
 * kipc_names_number - what an IPC namespace is called
 * @names: its table, likewise
 *
 * Return: the inode number of /proc/PID/ns/ipc.
 */
u32 kipc_names_number(const struct kipc_names *names)
{
	return names->ipc->ns.inum;
}

/**
 * kipc_names_own - is it the caller's IPC namespace?
 * @names: its table, likewise
 *
 * Return: whether it is.
 */
bool kipc_names_own(const struct kipc_names *names)
{
	return names->ipc == current->nsproxy->ipc_ns;
}

/* Wake who waits for a name, and nobody else. */
static void kipc_name_announce_locked(struct kipc_names *names,
				      const struct kipc_name *name)
{
	struct kipc_awaiter *awaiter, *next;

	lockdep_assert_held(&kipc_registry_lock);
	list_for_each_entry_safe(awaiter, next, &names->awaiting, waiter.node) {
		if (awaiter->key.len != name->len ||
		    memcmp(awaiter->key.text, name->text, name->len))
			continue;
		list_del(&awaiter->waiter.node);
		/* Pairs with kipc_waiter_sleep(); it stays until it has the lock. */
		smp_store_release(&awaiter->waiter.verdict, KIPC_GRANTED);
		wake_up_process(awaiter->waiter.task);
	}
}

/**
 * kipc_name_await - wait until there is a name
 * @names: a table that the caller is bound to
 * @text: need not end in NUL
 * @len: of @text
 * @deadline: when to give up; not KIPC_DEADLINE_NO_WAIT
 *
 * Context: process context, may sleep.
 * Return: 0: it is there, or was; -ETIMEDOUT, -ERESTARTSYS; -EDQUOT: the caller's quota of
 * waiters; -ENOMEM.
 */
int kipc_name_await(struct kipc_names *names, const char *text, size_t len,
		    ktime_t deadline)
{
	struct kipc_awaiter awaiter = { .key = { text, len } };
	struct kipc_account account;
	struct kipc_name *name;
	int ret;

	ret = kipc_account_init(&account);
	if (ret)
		return ret;
	ret = kipc_charge(&account, KIPC_WAITERS, 1);
	if (ret)
		goto close_account;
	mutex_lock(&kipc_registry_lock);
	name = kipc_name_find_locked(names, &awaiter.key);
	if (!name)
		kipc_waiter_join(&awaiter.waiter, &names->awaiting);
	mutex_unlock(&kipc_registry_lock);
	if (name) {
		name->ops->put(name);
	} else {
		ret = kipc_waiter_sleep(&awaiter.waiter, deadline);
		mutex_lock(&kipc_registry_lock);
		ret = kipc_waiter_leave(&awaiter.waiter, ret);
		mutex_unlock(&kipc_registry_lock);
	}
	kipc_uncharge(&account, KIPC_WAITERS, 1);
close_account:
	kipc_account_exit(&account);
	return ret;
}

/**
 * kipc_name_add - publish a name
 * @names: a table that the caller is bound to
 * @name: filled; if it is persistent, the caller's hold becomes the name's
 *
 * Context: process context, may sleep.
 * Return: 0, -EEXIST, or -ENOMEM.
 */
int kipc_name_add(struct kipc_names *names, struct kipc_name *name)
{
	struct kipc_text key = { name->text, name->len };
	struct kipc_name *other;
	int ret = -EEXIST;

	mutex_lock(&kipc_registry_lock);
	other = kipc_name_find_locked(names, &key);
	if (!other)
		ret = rhashtable_insert_fast(&names->table, &name->node,
					     kipc_table_params);
	if (!ret) {
		/* Pairs with kipc_name_linked(): with it comes the text. */
		smp_store_release(&name->names, names);
		list_add_tail(&name->list, &names->list);
		kipc_count(KIPC_REF_NAMES, 1);
		kipc_name_announce_locked(names, name);
	}
	mutex_unlock(&kipc_registry_lock);
	if (other)
		other->ops->put(other);
	/* The table may refuse to grow in other words. */
	return ret && ret != -EEXIST ? -ENOMEM : ret;
}

/**
 * kipc_name_find - look a name up, and hold what it names
 * @names: a table that the caller is bound to
 * @text: need not end in NUL
 * @len: of @text
 *
 * Context: process context, may sleep.
 * Return: the name, held by its @get, or NULL.
 */
struct kipc_name *kipc_name_find(struct kipc_names *names, const char *text,
				 size_t len)
{
	struct kipc_text key = { text, len };
	struct kipc_name *name;

	mutex_lock(&kipc_registry_lock);
	name = kipc_name_find_locked(names, &key);
	mutex_unlock(&kipc_registry_lock);
	return name;
}

/**
 * kipc_name_forget - take a name away, if it is still there
 * @name: held by the caller, or going
 *
 * Context: process context, may sleep; may call the name's @put.
 * Return: whether it was there.
 */
bool kipc_name_forget(struct kipc_name *name)
{
	struct kipc_names *names;

	mutex_lock(&kipc_registry_lock);
	names = name->names;
	if (names) {
		kipc_name_forget_locked(name);
		kipc_names_free_locked(names);
	}
	mutex_unlock(&kipc_registry_lock);
	if (names && name->persistent)
		name->ops->put(name);
	return names;
}

/**
 * kipc_name_linked - is the name there?
 * @name: of an object that the caller holds
 *
 * Return: a snapshot.
 */
bool kipc_name_linked(const struct kipc_name *name)
{
	/* Pairs with kipc_name_add(). */
	return smp_load_acquire(&name->names);
}

/*
 * Take up to @batch names away, and count that down; the persistent ones are left in
 * @doomed, with what they hold.  Returns whether the table is empty, and then it
 * goes with the last object.
 */
static bool kipc_names_reap_locked(struct kipc_names *names,
				   struct list_head *doomed, unsigned int *batch)
{
	struct kipc_name *name, *next;

	lockdep_assert_held(&kipc_registry_lock);
	list_for_each_entry_safe(name, next, &names->list, list) {
		if (!*batch)
			return false;
		--*batch;
		kipc_name_forget_locked(name);
		if (name->persistent)
			list_add_tail(&name->list, doomed);
	}
	kipc_names_free_locked(names);
	return true;
}

static void kipc_names_doom(struct list_head *doomed)
{
	struct kipc_name *name, *next;

	list_for_each_entry_safe(name, next, doomed, list)
		name->ops->put(name);
	INIT_LIST_HEAD(doomed);
}

/* Nobody can come back to a table if only the table holds the namespace. */
static bool kipc_names_deserted_locked(struct kipc_names *names)
{
	lockdep_assert_held(&kipc_registry_lock);
	return !names->controls && refcount_read(&names->ipc->ns.count) == 1;
}

/*
 * A table with names, but without control descriptors, is watched; the first namespace
 * stays for ever.  Returns whether there is one.
 */
static bool kipc_names_may_be_deserted_locked(void)
{
	struct kipc_names *names;
	int i;

	lockdep_assert_held(&kipc_registry_lock);
	hash_for_each(kipc_tables, i, names, node)
		if (!names->controls && !list_empty(&names->list) &&
		    names->ipc->ns.inum != PROC_IPC_INIT_INO)
			return true;
	return false;
}

static void kipc_registry_reap(struct work_struct *work)
{
	struct hlist_node *next;
	struct kipc_names *names;
	unsigned int batch;
	LIST_HEAD(doomed);
	bool again;
	int i;

	do {
		again = false;
		batch = KIPC_REAP_BATCH;
		mutex_lock(&kipc_registry_lock);
		hash_for_each_safe(kipc_tables, i, next, names, node)
			if (kipc_names_deserted_locked(names) &&
			    !kipc_names_reap_locked(names, &doomed, &batch)) {
				again = true;
				break;
			}
		if (!again && kipc_names_may_be_deserted_locked())
			schedule_delayed_work(&kipc_reaper, KIPC_REAP_INTERVAL);
		mutex_unlock(&kipc_registry_lock);
		kipc_names_doom(&doomed);
	} while (again);
}

/**
 * kipc_registry_teardown - the module goes: so do all names
 *
 * Context: process context, may sleep; no control descriptor and no handle is
 * open, so that all names that are left are persistent.
 */
void kipc_registry_teardown(void)
{
	unsigned int batch = UINT_MAX;
	struct kipc_names *names;
	struct hlist_node *next;
	LIST_HEAD(doomed);
	int i;

	cancel_delayed_work_sync(&kipc_reaper);
	mutex_lock(&kipc_registry_lock);
	hash_for_each_safe(kipc_tables, i, next, names, node)
		kipc_names_reap_locked(names, &doomed, &batch);
	mutex_unlock(&kipc_registry_lock);
	kipc_names_doom(&doomed);
}
