/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: The queue inside
 *
 * A message is an *item*, in memory of its own, which was allocated and filled before
 * the queue was locked; or comes from the *pool* of those that have been received, if the
 * message is small enough to be copied under the lock.  Items stand in a list in the
 * order of arrival.  An item is *free*, so that whoever comes may take it, or *held* by
 * one receiver: it was granted to it, or it is too large to be copied under the lock and
 * is just being copied.  A held item keeps its place, so that it is there again at once
 * if the receiver cannot take it.  Who only looks at a large item holds it from nobody,
 * but pins its memory.
 *
 * By type, priority and sender items stand in groups (index.h), and by number in a tree:
 * four *ways*, each of which is there only if somebody selects by it.  The first who does
 * brings in the items that are there, some at a time (kipc_queue_index()); from then on
 * every item is brought in when it comes; and when the queue is empty all ways are
 * forgotten.  So who receives in the order of arrival pays for none of them, and neither
 * does who selects what is at the front anyhow.  With n items in g groups
 *
 *	to find an item costs O(log g); for KIPC_SELECT_FIRST O(1), for _AFTER O(log n);
 *	and, for the first who selects in a way, O(n log g) once
 *	to add one or to take one away costs O(log g) for each way that is there
 *	to hold an item, or take it, steps over those that are held behind it: each
 *	one once for each of its groups, and again if somebody put back one before it;
 *	they are at most as many as receivers that have been woken and not run yet
 *
 * Groups are not charged to the quota: there are at most three for a message, which is,
 * and KIPC_SPARE_GROUPS.
 *
 * Receivers that find nothing stand in line, in the order in which they came, and each
 * in a group of those that have the same selector; these are in an index for each sort
 * of selector.  To find who waits longest for a message costs O(log g) for g different
 * selectors, but for ranges, where those that the message is in are looked at.
 *
 * Senders that find no room stand in a line of their own.  All of it is protected by
 * the object's lock.  Whenever that is free and no batch of wake-ups is under way:
 *
 *   W: no receiver in line wants an item that is free
 *   S: if a sender is in line, the message of the first one does not fit
 *
 * W is kept by kipc_item_offer(), through which every item goes that becomes free (but
 * one that a sender sees that nobody waits for): it is granted to the receiver that waits
 * longest for it, if there is one.  The grant is the item itself, held.  The receiver
 * looks at it when it has the lock again, and if it cannot take it offers it anew.  S is
 * kept by kipc_queue_unlock().  A sender's grant is room that is reserved for it.
 *
 * An item that carries handles is received as if it were a large one, since it may have
 * to be waited for memory: its parcel is freed with it.
 *
 * If nobody waits for room, polls, or has registered for a signal, most of this has not
 * to be thought of: kipc_queue_is_calm().
 */
#ifndef KIPC_QUEUE_QUEUE_H
#define KIPC_QUEUE_QUEUE_H

#include <linux/fs.h>
#include <linux/list.h>
#include <linux/pid.h>
#include <linux/rbtree.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#include "buffer.h"
#include "index.h"
#include "object.h"
#include "parcel.h"
#include "waiter.h"

struct pid_namespace;

/* By what items can be found; those before KIPC_BY_NUMBER have groups. */
enum kipc_way {
	KIPC_BY_TYPE,
	KIPC_BY_PRIORITY,	/* the keys are ~priority: the highest comes first */
	KIPC_BY_SENDER,
	KIPC_BY_NUMBER,
	KIPC_WAYS
};

#define KIPC_GROUPED	KIPC_BY_NUMBER

/**
 * struct kipc_place - an item's place in a group
 * @node: in its members, by number
 * @group: the group
 */
struct kipc_place {
	struct list_head node;
	struct kipc_group *group;
};

/**
 * struct kipc_item - a message
 * @node: in the queue, by number
 * @garbage: in a chain of those to be freed
 * @place: in its groups
 * @order: in the tree by number
 * @seq: its number
 * @time: CLOCK_REALTIME_COARSE, nanoseconds
 * @type: the sender's
 * @priority: likewise
 * @size: of @data
 * @uid: the sender's effective user
 * @gid: the sender's effective group
 * @process: the sender, referenced
 * @thread: the sender, referenced; NULL: the process's first
 * @space: bytes of its memory; set once
 * @ways: a bit for each by which it can be found
 * @held: by a receiver
 * @flags: KIPC_MESSAGE_HANDLES: it has a parcel, behind the data; set once
 * @gone: it was to be dropped, and is still looked at
 * @pins: how many are just looking at it without the lock
 * @data: the message
 *
 * @node, @place, @order, @ways, @held, @gone and @pins are protected by the lock; the rest
 * is constant while it is in the queue or pinned.
 */
struct kipc_item {
	union {
		struct list_head node;
		struct kipc_item *garbage;
	};
	struct kipc_place place[KIPC_GROUPED];
	struct rb_node order;
	u64 seq;
	u64 time;
	u64 type;
	u32 priority;
	u32 size;
	kuid_t uid;
	kgid_t gid;
	struct pid *process;
	struct pid *thread;
	u32 space;
	u8 ways;
	bool held;
	u8 flags;
	bool gone;
	u32 pins;
	u8 data[] __aligned(8);
};

/* Of an item with KIPC_MESSAGE_HANDLES: its parcel is at the end of its memory. */
#define KIPC_ITEM_PARCEL sizeof(struct kipc_parcel *)

static inline struct kipc_parcel **kipc_item_parcel(const struct kipc_item *item)
{
	return (void *)((u8 *)item + item->space - KIPC_ITEM_PARCEL);
}

/**
 * struct kipc_select - a selector, as it is used inside
 * @how: KIPC_SELECT_..., not DEFAULT
 * @low: as in struct kipc_selector; of a sender, the number in the queue's namespace
 * @high: likewise
 */
struct kipc_select {
	u32 how;
	u64 low;
	u64 high;
};

/* Where waiting receivers are found by what they wait for. */
enum kipc_wanted {
	KIPC_WANTED_TYPE,
	KIPC_WANTED_SENDER,
	KIPC_WANTED_LOWEST,	/* by the bound */
	KIPC_WANTED_EXCEPT,	/* by the type that is not wanted */
	KIPC_WANTED_RANGE,
	KIPC_WANTED_SORTS
};

/**
 * struct kipc_taker - a receiver that waits in line
 * @waiter: in the line of receivers
 * @index: where its group is, or NULL: it wants anything
 * @member: in its group, or in the list of those who want anything
 * @own: memory for the group; whichever member's stands for it
 * @grouped: @own does
 * @number: the order in which receivers came
 * @item: what it was granted, held
 *
 * Protected by the lock.
 */
struct kipc_taker {
	struct kipc_waiter waiter;
	struct kipc_index *index;
	struct list_head member;
	struct kipc_group own;
	bool grouped;
	u64 number;
	struct kipc_item *item;
};

/**
 * struct kipc_queue_figures - what struct kipc_queue_stat says, as far as it is kept
 *	for that alone
 * @peak_messages: see there
 * @peak_bytes: see there
 * @sent: see there
 * @sent_bytes: see there
 * @received: see there
 * @received_bytes: see there
 * @send_waits: see there
 * @recv_waits: see there
 * @send_time: see there
 * @recv_jiffies: for @recv_time_ns there, jiffies, as a tick is as precise
 * @change_time: see there
 * @sender: who sent last, referenced, or NULL
 * @receiver: who received last, likewise
 * @waiting_senders: see there
 */
struct kipc_queue_figures {
	u64 peak_messages;
	u64 peak_bytes;
	u64 sent;
	u64 sent_bytes;
	u64 received;
	u64 received_bytes;
	u64 send_waits;
	u64 recv_waits;
	u64 send_time;
	u64 recv_jiffies;
	u64 change_time;
	struct pid *sender;
	struct pid *receiver;
	u32 waiting_senders;
};

/* Groups that the queue keeps for what comes, and items that are indexed in one go. */
#define KIPC_SPARE_GROUPS	16

/*
 * Items of up to KIPC_POOL_MAX bytes, with their heads, are allocated in powers of two,
 * and used again.  KIPC_POOL_KEEP bytes of them are kept; and more, up to
 * KIPC_POOL_MORE, as long as that is a quarter of what is in the queue, or if the queue
 * needed that before it was empty last, an eighth less each time that it needs less; and
 * only while the owner has used less than half of the quota.
 */
#define KIPC_POOL_CLASSES	6
#define KIPC_POOL_SHIFT		8	/* the least is 256 */
#define KIPC_POOL_MAX		(1 << (KIPC_POOL_SHIFT + KIPC_POOL_CLASSES - 1))
#define KIPC_POOL_KEEP		(8 << 10)
#define KIPC_POOL_MORE		(256 << 10)

/**
 * struct kipc_queue - a typed message queue
 * @object: its head
 * @pid_ns: in which senders have their numbers, referenced; set once
 *
 * Protected by @object.lock:
 * @attr: limits; @message_size is also read without it, as a snapshot
 * @items: all of them, by number
 * @first: the earliest free one, or NULL
 * @ways: a bit for each by which all items can be found
 * @coming: a bit for each that is being made
 * @cursor: for each of these, the first item that has still to be brought in, or NULL
 * @groups: of items
 * @recent: of these, in each index the one that was looked up last, or NULL
 * @order: by number
 * @spare: empty groups for new ones, by @members
 * @spares: how many
 * @pool: chains of items to be used again, by size
 * @pooled: bytes of memory in them
 * @memory: bytes of memory of the items that are in the queue
 * @peak: most of that since the queue was empty
 * @keep: bytes that the pool may have
 * @free: items that are
 * @held: items that are
 * @messages: room that is taken, in messages: items, and what granted senders will
 *	bring
 * @bytes: the same in bytes
 * @senders: line of those that wait for room
 * @receivers: line of those that wait for a message
 * @anything: of these, those who want any, by @member
 * @wanted: the others, by selector
 * @waiting: receivers in line
 * @told: the poll mask that pollers know
 * @last_taker: number of the receiver that came last
 * @last_seq: number of the last item
 * @ends: who can still send, and receive
 * @stat: figures
 */
struct kipc_queue {
	struct kipc_object object;
	struct pid_namespace *pid_ns;

	struct kipc_queue_attr attr;
	struct list_head items;
	struct kipc_item *first;
	u8 ways;
	u8 coming;
	struct kipc_item *cursor[KIPC_WAYS];
	struct kipc_index groups[KIPC_GROUPED];
	struct kipc_group *recent[KIPC_GROUPED];
	struct rb_root order;
	struct list_head spare;
	u32 spares;
	u32 pooled;
	u32 keep;
	u64 memory;
	u64 peak;
	struct kipc_item *pool[KIPC_POOL_CLASSES];
	u64 free;
	u64 held;
	u64 messages;
	u64 bytes;
	struct list_head senders;
	struct list_head receivers;
	struct list_head anything;
	struct kipc_index wanted[KIPC_WANTED_SORTS];
	u32 waiting;
	__poll_t told;
	u64 last_taker;
	u64 last_seq;
	struct kipc_ends ends;
	struct kipc_queue_figures stat;
};

/**
 * struct kipc_queue_handle - a handle of a queue
 * @handle: its head
 * @select: the default selector; protected by the queue's lock
 */
struct kipc_queue_handle {
	struct kipc_handle handle;
	struct kipc_select select;
};

/* Items that leave in one go, with the lock held. */
#define KIPC_QUEUE_BATCH	64

static inline struct kipc_queue *kipc_queue_of(struct kipc_object *object)
{
	return container_of(object, struct kipc_queue, object);
}

static inline struct kipc_queue_handle *kipc_queue_handle_of(struct kipc_handle *handle)
{
	return container_of(handle, struct kipc_queue_handle, handle);
}

static inline struct kipc_queue *kipc_queue_of_file(struct file *file)
{
	struct kipc_handle *handle = file->private_data;

	return kipc_queue_of(handle->object);
}

/* The state, under the lock. */

/* No message can come any more, nor come back. */
static inline bool kipc_queue_ended(const struct kipc_queue *queue)
{
	return queue->attr.flags & KIPC_QUEUE_HANGUP &&
	       kipc_ends_no_sender(&queue->ends) && queue->messages == queue->free;
}

/* Nobody can receive any more. */
static inline bool kipc_queue_deserted(const struct kipc_queue *queue)
{
	return queue->attr.flags & KIPC_QUEUE_HANGUP &&
	       kipc_ends_no_receiver(&queue->ends);
}

static inline bool kipc_queue_fits(const struct kipc_queue *queue, size_t size)
{
	return queue->messages < queue->attr.max_messages &&
	       queue->bytes <= queue->attr.max_bytes &&
	       size <= queue->attr.max_bytes - queue->bytes;
}

static inline void kipc_queue_take_room(struct kipc_queue *queue, size_t size)
{
	queue->messages++;
	queue->bytes += size;
}

static inline void kipc_queue_return_room(struct kipc_queue *queue, size_t size)
{
	queue->messages--;
	queue->bytes -= size;
}

/* 0, or why no message can be sent any more. */
static inline int kipc_queue_closed_to_senders(const struct kipc_queue *queue)
{
	if (unlikely(queue->object.removed))
		return -EIDRM;
	return unlikely(kipc_queue_deserted(queue)) ? -EPIPE : 0;
}

/*
 * Nobody waits for room, and nobody must be told: who takes an item that is free, or
 * adds one that fits and that nobody waits for, has nothing else to do.
 */
static inline bool kipc_queue_is_calm(struct kipc_queue *queue)
{
	return list_empty(&queue->senders) && !queue->object.removed &&
	       !kipc_notify_wanted(&queue->object.notify);
}

/* item.c: items, and their order */
struct kipc_item *kipc_item_alloc(struct kipc_queue *queue,
				  const struct kipc_buffer *from, size_t size,
				  struct kipc_parcel *parcel, bool nowait);
void kipc_item_free(struct kipc_queue *queue, struct kipc_item *item);
struct kipc_item *kipc_item_reuse(struct kipc_queue *queue, size_t size);
void kipc_item_return(struct kipc_queue *queue, struct kipc_item *item);
struct kipc_item *kipc_item_drop(struct kipc_queue *queue,
				 struct kipc_item *item);
struct kipc_item *kipc_item_unpin(struct kipc_queue *queue,
				  struct kipc_item *item);
struct kipc_item *kipc_queue_drain_pool(struct kipc_queue *queue);
void kipc_item_sign(struct kipc_item *item, size_t size, u64 type, u32 priority);
void kipc_item_append(struct kipc_queue *queue, struct kipc_item *item);
void kipc_item_hold(struct kipc_queue *queue, struct kipc_item *item);
void kipc_item_unlink(struct kipc_queue *queue, struct kipc_item *item);
bool kipc_item_offer(struct kipc_queue *queue, struct kipc_item *item,
		     struct kipc_wake *wake);
void kipc_item_release(struct kipc_queue *queue, struct kipc_item *item);

/* select.c: the item that a selector means */
int kipc_queue_stock(struct kipc_queue *queue, u32 groups, bool nowait,
		     struct kipc_wake *wake);
void kipc_queue_tidy(struct kipc_queue *queue, struct list_head *garbage);
void kipc_queue_free_groups(struct list_head *garbage);
void kipc_item_index(struct kipc_queue *queue, struct kipc_item *item, u8 ways);
void kipc_place_pass(struct kipc_queue *queue, struct kipc_item *item,
		     enum kipc_way way);
void kipc_item_deindex(struct kipc_queue *queue, struct kipc_item *item);
int kipc_queue_find(struct kipc_queue *queue, const struct kipc_select *select,
		    bool nowait, struct kipc_item **item,
		    struct kipc_wake *wake);
struct kipc_item *kipc_queue_glance(const struct kipc_queue *queue,
				    const struct kipc_select *select);
u64 kipc_queue_number(const struct kipc_queue *queue, struct pid *process);
int kipc_select_import(const struct kipc_queue *queue,
		       const struct kipc_selector *selector,
		       struct kipc_select *select);

/* line.c: those who wait, and those who are told */
struct kipc_taker *kipc_taker_find(struct kipc_queue *queue, u64 type,
				   struct pid *process);
void kipc_taker_leave(struct kipc_queue *queue, struct kipc_taker *taker);
__poll_t kipc_queue_state(const struct kipc_queue *queue);
void kipc_queue_unlock(struct kipc_queue *queue, struct kipc_wake *wake,
		       bool arrived) __releases(&queue->object.lock);
int kipc_queue_sender_verdict(const struct kipc_queue *queue, size_t size);
int kipc_queue_await_room(struct kipc_queue *queue, size_t size,
			  ktime_t deadline, struct kipc_wake *wake);
int kipc_queue_await_item(struct kipc_queue *queue,
			  const struct kipc_select *select, ktime_t deadline,
			  bool nowait, struct kipc_item **item,
			  struct kipc_wake *wake);

/**
 * struct kipc_outgoing_message - a message to be sent
 * @buffer: its data
 * @parcel: what it carries beside that, or NULL
 * @size: of the data
 * @type: the sender's
 * @priority: likewise
 * @deadline: KIPC_DEADLINE_..., or a time
 * @nowait: nor wait for memory
 */
struct kipc_outgoing_message {
	struct kipc_buffer buffer;
	struct kipc_parcel *parcel;
	size_t size;
	u64 type;
	u32 priority;
	ktime_t deadline;
	bool nowait;
};

/* send.c */
int kipc_queue_send(struct kipc_queue *queue,
		    const struct kipc_outgoing_message *out);
ssize_t kipc_queue_write(struct file *file, const char __user *buf, size_t size,
			 loff_t *pos);
ssize_t kipc_queue_write_iter(struct kiocb *iocb, struct iov_iter *from);
long kipc_queue_ioctl_send(struct file *file, void __user *arg, size_t size);
long kipc_queue_ioctl_send_handles(struct file *file, void __user *arg,
				   size_t size);

/**
 * struct kipc_incoming_message - where a message shall go
 * @buffer: for the data
 * @size: of the buffer
 * @header: for the header, access_ok() was checked; or NULL
 * @intake: for what the message carries, behind the header; or NULL: such a message is
 *	EBADMSG
 * @select: which message
 * @flags: KIPC_RECV_...
 * @deadline: KIPC_DEADLINE_..., or a time
 * @nowait: nor wait for memory
 * @refuse_empty: a message without data is EBADMSG
 */
struct kipc_incoming_message {
	struct kipc_buffer buffer;
	size_t size;
	struct kipc_message __user *header;
	struct kipc_intake *intake;
	struct kipc_select select;
	u32 flags;
	ktime_t deadline;
	bool nowait;
	bool refuse_empty;
};

/* receive.c */
ssize_t kipc_queue_receive(struct kipc_queue *queue,
			   const struct kipc_incoming_message *in);
int kipc_queue_select(struct file *file, const struct kipc_selector *selector,
		      struct kipc_select *select);
ssize_t kipc_queue_read(struct file *file, char __user *buf, size_t size,
			loff_t *pos);
ssize_t kipc_queue_read_iter(struct kiocb *iocb, struct iov_iter *to);
long kipc_queue_ioctl_recv(struct file *file, void __user *arg, size_t size);
long kipc_queue_ioctl_recv_handles(struct file *file, void __user *arg,
				   size_t size);

/* batch.c */
long kipc_queue_ioctl_send_batch(struct file *file, void __user *arg,
				 size_t size);
long kipc_queue_ioctl_recv_batch(struct file *file, void __user *arg,
				 size_t size);

extern const struct kipc_kind kipc_queue_kind;

#endif /* KIPC_QUEUE_QUEUE_H */
