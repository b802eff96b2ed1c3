/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: Quota
 *
 * What kipc keeps for somebody is charged twice: to the memory cgroup of the
 * process that created the object, and to the owner's quota of objects, bytes,
 * waiters and carried handles.  A quota belongs to a user *in* a user namespace,
 * and is charged up the chain of the namespaces' owners, so that nobody gets a
 * second quota by making a user namespace.  What is used is charged, never what
 * could be; but of shared memory its size, which has a quota of its own: the cgroup
 * is charged by who touches it.
 *
 * An account is the pair of both for one object.  The limits are parameters of
 * the module, the same for every user, and can be changed at run time: a lower
 * limit takes nothing away, it refuses what comes.
 */
#ifndef KIPC_QUOTA_H
#define KIPC_QUOTA_H

#include <linux/types.h>
#include <linux/uidgid.h>

struct kipc_user;
struct mem_cgroup;
struct page;
struct user_namespace;

enum kipc_resource {
	KIPC_OBJECTS,
	KIPC_BYTES,
	KIPC_WAITERS,
	KIPC_CARRIED,
	KIPC_MEMORY,
	KIPC_RESOURCES
};

/**
 * struct kipc_account - who pays for an object
 * @user: the creator's quota, also after fchown(2)
 * @memcg: the owner's memory cgroup, or NULL
 */
struct kipc_account {
	struct kipc_user *user;
	struct mem_cgroup *memcg;
};

int kipc_account_init(struct kipc_account *account);
void kipc_account_exit(struct kipc_account *account);

int kipc_charge(struct kipc_account *account, enum kipc_resource what, long n);
void kipc_uncharge(struct kipc_account *account, enum kipc_resource what,
		   long n);

bool kipc_account_has_plenty(const struct kipc_account *account,
			     enum kipc_resource what);
void *kipc_account_alloc(struct kipc_account *account, size_t size,
			 bool nowait);
void *kipc_account_alloc_uncharged(struct kipc_account *account, size_t size,
				   bool nowait);
struct page *kipc_account_page(struct kipc_account *account);
void kipc_account_free(struct kipc_account *account, void *memory,
		       size_t size);

/**
 * struct kipc_usage - what a user holds
 * @uid: the user
 * @ns: the number of its user namespace
 * @used: by resource
 */
struct kipc_usage {
	kuid_t uid;
	u32 ns;
	u64 used[KIPC_RESOURCES];
};

typedef bool kipc_usage_filter(struct user_namespace *ns, kuid_t uid, void *data);

long kipc_quota_total(enum kipc_resource what);
struct kipc_usage *kipc_quota_usage(kipc_usage_filter *shown, void *data, u32 *count);
unsigned long kipc_quota_limit(enum kipc_resource what);
void kipc_quota_set_limit(enum kipc_resource what, unsigned long limit);

#endif /* KIPC_QUOTA_H */
