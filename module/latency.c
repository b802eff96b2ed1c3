// SPDX-License-Identifier: GPL-2.0
/*
 * How long threads wait for an object.  See latency.h.
 */
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/xarray.h>

#include "debug.h"
#include "latency.h"
#include "quota.h"

/**
 * struct kipc_latency - how long threads have waited for an object
 * @rcu: to free it
 * @counts: by enum kipc_wait, and by the bits that the nanoseconds had
 */
struct kipc_latency {
	struct rcu_head rcu;
	atomic64_t counts[KIPC_WAIT_ZERO][KIPC_LATENCY_BUCKETS];
};

DEFINE_STATIC_KEY_FALSE(kipc_latency_wanted);

/* Its lock protects it; who looks only is in an RCU section. */
static DEFINE_XARRAY_FLAGS(kipc_latencies, XA_FLAGS_ACCOUNT);

/* Nobody finds it any more who does not have it already.  NULL is allowed. */
static void kipc_latency_drop(struct kipc_latency *latency, struct kipc_account *account)
{
	if (!latency)
		return;
	kipc_uncharge(account, KIPC_BYTES, sizeof(*latency));
	kvfree_rcu(latency, rcu);
}

/**
 * kipc_latency_start - count from now on, from nothing
 * @id: of the object, which stays
 * @account: of the object
 *
 * If that fails, what was counted until now is still there, and goes on.
 *
 * Context: process context, may sleep.
 * Return: 0, -EDQUOT, -ENOMEM.
 */
int kipc_latency_start(u64 id, struct kipc_account *account)
{
	struct kipc_latency *latency, *before;

	latency = kipc_account_alloc(account, sizeof(*latency), false);
	if (IS_ERR(latency))
		return PTR_ERR(latency);
	memset(latency, 0, sizeof(*latency));
	before = xa_store(&kipc_latencies, id, latency, GFP_KERNEL_ACCOUNT);
	if (xa_is_err(before)) {
		kipc_account_free(account, latency, sizeof(*latency));
		return xa_err(before);
	}
	kipc_latency_drop(before, account);
	static_branch_enable(&kipc_latency_wanted);
	return 0;
}

/**
 * kipc_latency_stop - nor any more
 * @id: of the object, or of one that goes
 * @account: of the object
 *
 * Context: process context.
 */
void kipc_latency_stop(u64 id, struct kipc_account *account)
{
	if (static_branch_unlikely(&kipc_latency_wanted))
		kipc_latency_drop(xa_erase(&kipc_latencies, id), account);
}

/**
 * kipc_latency_read - how long threads have waited
 * @id: of the object
 * @what: for this
 * @counts: written: how many for less than a nanosecond, two, four, and so on; the last
 *	one has all that were longer
 *
 * Context: any.
 * Return: whether there is any.
 */
bool kipc_latency_read(u64 id, enum kipc_wait what, u64 counts[KIPC_LATENCY_BUCKETS])
{
	struct kipc_latency *latency;
	unsigned int i;
	u64 any = 0;

	rcu_read_lock();
	latency = xa_load(&kipc_latencies, id);
	for (i = 0; latency && i < KIPC_LATENCY_BUCKETS; i++) {
		counts[i] = atomic64_read(&latency->counts[what - 1][i]);
		any |= counts[i];
	}
	rcu_read_unlock();
	return any;
}

/**
 * kipc_latency_add - a thread has waited
 * @id: for this object
 * @what: for this
 * @nanoseconds: so long
 *
 * Context: any.
 */
void kipc_latency_add(u64 id, enum kipc_wait what, u64 nanoseconds)
{
	unsigned int bucket = min_t(unsigned int, fls64(nanoseconds),
				    KIPC_LATENCY_BUCKETS - 1);
	struct kipc_latency *latency;

	rcu_read_lock();
	latency = xa_load(&kipc_latencies, id);
	if (latency)
		atomic64_inc(&latency->counts[what - 1][bucket]);
	rcu_read_unlock();
}
