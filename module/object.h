/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: Objects
 *
 * What every kind shares.  An object is reached through *handles*: open files
 * with rights.  All handles of an object share its inode, in a pseudo file
 * system of kipc's own.  Who holds what:
 *
 *   struct file --owns--> struct kipc_handle --counts in--> object->handles
 *        |
 *   struct dentry --> struct inode --owns (i_private)--> struct kipc_object
 *                          ^
 *   a persistent name -----+
 *
 * The memory of an object lives as long as its inode, so that a path that
 * somebody still has (O_PATH, readlink in /proc) finds it.  Its life ends
 * earlier: when the last handle is closed and no persistent name keeps it, its
 * name goes and the kind's @release frees what it holds.
 *
 * An operation runs inside a handle, and the system call holds the file: so
 * @release never runs beside an operation.  kipc_object_remove() may; it marks
 * the object removed under @lock, and the kind wakes everybody.
 *
 * Every dentry holds the module, as every file does: while somebody has a
 * path, the module stays.
 *
 * DOC: Locks
 *
 *   kipc_registry_lock (registry.c)	names and tables
 *   that of kipc_objects (objects.c)	which objects there are
 *   kipc_users_lock (quota.c)		users
 *   kipc_direct_lock (direct.c)		what processes have published
 *   object->lock			@removed, and what the kind keeps; the hot
 *					path takes only this one
 *   object->notify.lock (listener.c)	who is to be sent a signal
 *
 * No two are ever held at once, so they have no order.  But for one operation:
 *
 *   kipc_sem_all_lock (sem/all.c)	who takes the locks of several objects
 *     object->lock			of several sets of semaphores, in any order:
 *					nobody else holds more than one
 *
 * The lock of an object's inode
 * (handle.c: who gets SIGIO) is taken outside of all.  Inside of them only the
 * kernel's own are taken: put_ipc_ns() under the first; put_pid(), the lock of a
 * process's wait_pidfd and that of an xarray under the object's; that of a process's
 * signals under notify.lock.
 *
 * User memory is never touched under @lock, but by a copy of at most
 * KIPC_COPY_LOCKED bytes with page faults disabled.  Threads, pollers and
 * signal receivers are woken after it is dropped.
 */
#ifndef KIPC_OBJECT_H
#define KIPC_OBJECT_H

#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include <linux/kipc.h>

#include "call.h"
#include "event.h"
#include "latency.h"
#include "notify.h"
#include "quota.h"
#include "registry.h"
#include "trace.h"
#include "waiter.h"

struct kipc_handle;
struct kipc_object;
struct kipc_report;
struct seq_file;

/**
 * struct kipc_kind - what a kind of object can do
 * @id: KIPC_KIND_...
 * @name: as people call it
 * @rights: all that a handle can have
 * @type: S_IF... of its inode
 * @size: of the kind's structure, which begins with struct kipc_object
 * @handle_size: of its handles, which begin with struct kipc_handle
 * @events: KIPC_EVENT_... that it has
 * @transient: its objects live with their server: a name of theirs cannot persist, and
 *	who opens one may wait for it
 * @fops: of its handles; kipc_object_... serve for most of them
 * @init: set up a new one; all but the head is zeroed; the attributes are
 *	@size bytes in user space (0: defaults)
 * @opened: a handle is there now, zeroed but for its head; or, of a kind with @meet,
 *	-ENXIO: the other end is not there, and @refuse says that nobody will wait for it;
 *	or NULL
 * @meet: a handle was opened by name: wait for the other end; or NULL
 * @closed: one goes, and nobody uses it any more; once for each @opened; or NULL
 * @exec: a process that has a handle executes a program that will not have it; for
 *	kinds with calls
 * @remove: @removed has been set: wake everybody with EIDRM, drop what it holds
 * @release: free what it holds; no handle is open, none will be
 * @ioctl: commands of the kind; @cmd without its size, which is @size
 * @poll: the mask, exact; what it shows is no news any more
 * @show: more lines for fdinfo
 * @stat_cmd: KIPC_IOC_..._STAT without its size
 * @stat_size: of its structure, KIPC_STAT_MAX at most
 * @stat_least: of the first published one
 * @stat: fill it in, zeroed, for the calling process
 * @waiters: who waits
 * @calls: those that are not over; or NULL
 *
 * All are called in process context without locks.
 */
struct kipc_kind {
	u32 id;
	const char *name;
	u32 rights;
	umode_t type;
	size_t size;
	size_t handle_size;
	u32 events;
	bool transient;
	const struct file_operations *fops;

	int (*init)(struct kipc_object *object, const void __user *attr,
		    size_t size);
	int (*opened)(struct kipc_handle *handle, bool refuse);
	int (*meet)(struct kipc_handle *handle, ktime_t deadline);
	void (*closed)(struct kipc_handle *handle);
	void (*exec)(struct kipc_handle *handle);
	void (*remove)(struct kipc_object *object);
	void (*release)(struct kipc_object *object);
	long (*ioctl)(struct file *file, unsigned int cmd, void __user *arg,
		      size_t size);
	__poll_t (*poll)(struct kipc_handle *handle);
	void (*show)(struct seq_file *seq, struct kipc_object *object);

	unsigned int stat_cmd;
	size_t stat_size;
	size_t stat_least;
	void (*stat)(struct kipc_object *object, void *stat);
	void (*waiters)(struct kipc_object *object, struct kipc_report *report);
	void (*calls)(struct kipc_object *object, struct kipc_report *report);
};

#define KIPC_STAT_MAX	512	/* bytes of any kind's figures */

/**
 * struct kipc_object - the head of every object
 * @kind: its operations
 * @inode: owner, group and mode are there; referenced while @handles > 0
 * @home: the names of its IPC namespace, while @handles > 0
 * @id: never used again
 * @created: CLOCK_REALTIME nanoseconds
 * @account: who pays
 * @handles: holds: each open handle, creation and look-up under way, a persistent
 *	name; at 0 its life ends
 * @flight: parcels that it carries, or less than 0, that have handles of it: parcel.h
 * @notify: pollers and receivers of signals
 *
 * @name: its name; @text is NULL if it never had one
 *
 * @lock: protects the next field, and what the kind puts under it
 * @removed: it is dead for everybody; also read without the lock, as a snapshot
 *
 * @carries: it may carry handles; set once, by @init
 */
struct kipc_object {
	const struct kipc_kind *kind;
	struct inode *inode;
	struct kipc_names *home;
	u64 id;
	u64 created;
	struct kipc_account account;
	refcount_t handles;
	atomic_t flight;
	struct kipc_notify notify;
	struct kipc_name name;

	spinlock_t lock;	/* protects the rest, and the kind's */
	bool removed;

	bool carries;
};

/**
 * struct kipc_handle - an open file of an object
 * @party: its part in calls; first, for its last reference frees the handle
 * @object: counts this handle
 * @rights: KIPC_RIGHT_..., for ever
 * @publishes: @published is there; for ever, once it is set
 * @published: what processes have published by it; protected by direct.c
 */
struct kipc_handle {
	struct kipc_party party;
	struct kipc_object *object;
	u32 rights;
	bool publishes;
	struct list_head published;
};

/* What one does with a handle, as with a file: it is a matter of the poll queues too. */
#define KIPC_RIGHTS_READ	(KIPC_RIGHT_RECEIVE | KIPC_RIGHT_SERVE)
#define KIPC_RIGHTS_WRITE	(KIPC_RIGHT_SEND | KIPC_RIGHT_CALL)

/**
 * struct kipc_ends - who can still send, and receive
 * @senders: handles with the right to send
 * @had_sender: there was one
 * @receivers: handles with the right to receive
 * @had_receiver: there was one
 *
 * Protected by the object's lock.
 */
struct kipc_ends {
	unsigned int senders : 31;
	unsigned int had_sender : 1;
	unsigned int receivers : 31;
	unsigned int had_receiver : 1;
};

static inline void kipc_ends_open(struct kipc_ends *ends, u32 rights)
{
	if (rights & KIPC_RIGHT_SEND) {
		ends->senders++;
		ends->had_sender = true;
	}
	if (rights & KIPC_RIGHT_RECEIVE) {
		ends->receivers++;
		ends->had_receiver = true;
	}
}

static inline void kipc_ends_close(struct kipc_ends *ends, u32 rights)
{
	if (rights & KIPC_RIGHT_SEND)
		ends->senders--;
	if (rights & KIPC_RIGHT_RECEIVE)
		ends->receivers--;
}

/* All senders are gone; before the first one nobody is. */
static inline bool kipc_ends_no_sender(const struct kipc_ends *ends)
{
	return ends->had_sender && !ends->senders;
}

static inline bool kipc_ends_no_receiver(const struct kipc_ends *ends)
{
	return ends->had_receiver && !ends->receivers;
}

struct kipc_object *kipc_object_create(struct kipc_names *home,
				       const struct kipc_kind *kind,
				       umode_t mode, const void __user *attr,
				       size_t size);
bool kipc_object_get(struct kipc_object *object);
void kipc_object_put(struct kipc_object *object);
int kipc_object_publish(struct kipc_object *object, const char *text, size_t len,
			bool persistent);
struct kipc_object *kipc_object_find(struct kipc_names *names,
				     const char *text, size_t len);
int kipc_object_permission(const struct kipc_object *object, u32 rights);
bool kipc_object_owned(const struct kipc_object *object);
struct file *kipc_object_file(struct kipc_object *object, u32 rights,
			      u32 flags, bool refuse);
int kipc_object_reopen(struct inode *inode, struct file *file);
int kipc_object_open(struct kipc_object *object, u32 rights, u32 flags,
		     const ktime_t *deadline);
int kipc_object_remove(struct kipc_object *object);

struct kipc_handle *kipc_handle_of_file(const struct file *file);
long kipc_handle_total(void);
int kipc_object_release(struct inode *inode, struct file *file);

/* objects.c: all of them */
int kipc_objects_reserve(u64 id);
void kipc_objects_add(struct kipc_object *object);
bool kipc_objects_remove(struct kipc_object *object);
struct kipc_object *kipc_objects_next(u64 *id, u64 last);
u64 kipc_objects_last(void);
u32 kipc_objects_generation(void);
void kipc_object_tell(struct kipc_object *object, u32 what, bool named);

/* Something happens to an object; @named: it has, or had, that name. */
static inline void kipc_object_event(struct kipc_object *object, u32 what, bool named)
{
	if (kipc_event_wanted())
		kipc_object_tell(object, what, named);
}

/* Tell pollers, receivers of SIGIO, and listeners: see kipc_notify(). */
static inline void kipc_object_notify(struct kipc_object *object, __poll_t news)
{
	kipc_trace(notify, object->id, object->kind->id, (__force u32)news);
	kipc_notify(&object->notify, news);
}

/* The calling thread begins to wait; when, for kipc_object_waited(). */
static inline u64 kipc_object_waits(const struct kipc_object *object,
				    enum kipc_wait what, ktime_t deadline)
{
	kipc_trace(wait, object->id, object->kind->id, what, deadline);
	return kipc_latency_begin();
}

static inline void kipc_object_waited(const struct kipc_object *object,
				      enum kipc_wait what, u64 begun)
{
	kipc_latency_end(object->id, what, begun);
}

/* handle.c: more file operations that serve every kind */
ktime_t kipc_handle_deadline(const struct file *file, u64 deadline);
__poll_t kipc_handle_mask(const struct kipc_handle *handle, __poll_t state);
bool kipc_handle_governs(const struct kipc_handle *handle);
int kipc_handle_flush(struct file *file, fl_owner_t owner);
__poll_t kipc_handle_poll(struct file *file, poll_table *wait);
int kipc_handle_fasync(int fd, struct file *file, int on);
long kipc_handle_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
void kipc_handle_show_fdinfo(struct seq_file *seq, struct file *file);

/* The deadline of read and write. */
static inline ktime_t kipc_handle_patience(const struct file *file, bool nowait)
{
	return nowait || file->f_flags & O_NONBLOCK ? KIPC_DEADLINE_NO_WAIT :
						      KIPC_DEADLINE_FOREVER;
}

/* direct.c: what a process has published */
int kipc_direct_publish(struct kipc_handle *handle);
int kipc_direct_unpublish(struct kipc_handle *handle);
void kipc_direct_forget(struct kipc_handle *handle);
struct kipc_object *kipc_direct_find(pid_t number);

int kipc_object_setup(void);
void kipc_object_teardown(void);

#endif /* KIPC_OBJECT_H */
