// SPDX-License-Identifier: GPL-2.0
/*
 * Chains: which call a thread makes while it serves which other.
 *
 * A call is in the table from when a worker takes it until it ends, by that thread.  The
 * newest is in front: it is what the thread does now.
 */
#include <linux/hash.h>
#include <linux/list.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "../debug.h"
#include "lrpc.h"

#define KIPC_CHAIN_BITS	8

/**
 * struct kipc_chains - those of some threads
 * @lock: protects the list, innermost
 * @links: that are served
 */
struct kipc_chains {
	spinlock_t lock;	/* protects the list, innermost */
	struct hlist_head links;
} ____cacheline_aligned_in_smp;

static struct kipc_chains kipc_chains[] = {
	[0 ... (1 << KIPC_CHAIN_BITS) - 1] = {
		.lock = __SPIN_LOCK_UNLOCKED(kipc_chains.lock),
		.links = HLIST_HEAD_INIT,
	},
};

static struct kipc_chains *kipc_chains_of(const struct pid *thread)
{
	return &kipc_chains[hash_ptr(thread, KIPC_CHAIN_BITS)];
}

/**
 * kipc_chain_add - a worker has taken a call
 * @link: of the call; its worker is set
 *
 * Context: the binding's lock is held.
 */
void kipc_chain_add(struct kipc_link *link)
{
	struct kipc_chains *chains = kipc_chains_of(link->worker);

	spin_lock(&chains->lock);
	hlist_add_head(&link->chain, &chains->links);
	spin_unlock(&chains->lock);
	kipc_count(KIPC_REF_CHAINS, 1);
}

/**
 * kipc_chain_remove - the call ends
 * @link: was added
 *
 * Context: the binding's lock is held.
 */
void kipc_chain_remove(struct kipc_link *link)
{
	struct kipc_chains *chains = kipc_chains_of(link->worker);

	spin_lock(&chains->lock);
	hlist_del_init(&link->chain);
	spin_unlock(&chains->lock);
	kipc_count(KIPC_REF_CHAINS, -1);
}

/**
 * kipc_chain_continue - the calling thread makes a call, perhaps while it serves one
 * @link: of the new call
 *
 * Context: the binding's lock is held.
 * Return: 0, or -ELOOP: the chain is as long as it may be.
 */
int kipc_chain_continue(struct kipc_link *link)
{
	struct pid *thread = task_pid(current);
	struct kipc_chains *chains = kipc_chains_of(thread);
	struct kipc_link *parent;
	int ret = 0;

	link->depth = 0;
	/* What this thread has taken, it sees. */
	if (likely(hlist_empty(&chains->links)))
		return 0;
	spin_lock(&chains->lock);
	hlist_for_each_entry(parent, &chains->links, chain) {
		if (parent->worker != thread)
			continue;
		if (parent->depth == ARRAY_SIZE(link->path)) {
			ret = -ELOOP;
			break;
		}
		memcpy(link->path, parent->path,
		       parent->depth * sizeof(link->path[0]));
		link->path[parent->depth] = parent->binding->service->object.id;
		link->depth = parent->depth + 1;
		break;
	}
	spin_unlock(&chains->lock);
	return ret;
}

/**
 * kipc_chain_visits - does the chain of a call come by a service?
 * @link: of the call
 * @service: the service's id
 *
 * Context: the binding's lock is held.
 */
bool kipc_chain_visits(const struct kipc_link *link, u64 service)
{
	u32 i;

	for (i = 0; i < link->depth; i++)
		if (link->path[i] == service)
			return true;
	return false;
}
