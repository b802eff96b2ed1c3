/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: Latency
 *
 * How long threads wait for an object, counted by powers of two, for those objects of
 * which somebody has asked for it.  The counts are in a table of their own, by the
 * object's number.  Until somebody asks for the first time, a wait costs two branches that
 * are never taken; from then on, every wait looks into the table.
 */
#ifndef KIPC_LATENCY_H
#define KIPC_LATENCY_H

#include <linux/jump_label.h>
#include <linux/ktime.h>
#include <linux/types.h>

#include <linux/kipc_netlink.h>

struct kipc_account;

DECLARE_STATIC_KEY_FALSE(kipc_latency_wanted);

int kipc_latency_start(u64 id, struct kipc_account *account);
void kipc_latency_stop(u64 id, struct kipc_account *account);
bool kipc_latency_read(u64 id, enum kipc_wait what, u64 counts[KIPC_LATENCY_BUCKETS]);
void kipc_latency_add(u64 id, enum kipc_wait what, u64 nanoseconds);

static inline bool kipc_latency_is_wanted(void)
{
	return static_branch_unlikely(&kipc_latency_wanted);
}

/* A wait begins: when, for kipc_latency_end(). */
static inline u64 kipc_latency_begin(void)
{
	return kipc_latency_is_wanted() ? ktime_get_ns() : 0;
}

static inline void kipc_latency_end(u64 id, enum kipc_wait what, u64 begun)
{
	if (kipc_latency_is_wanted() && begun)
		kipc_latency_add(id, what, ktime_get_ns() - begun);
}

#endif /* KIPC_LATENCY_H */
