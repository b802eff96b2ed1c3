/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: The ring
 *
 * A ring keeps records of any size first in first out.  It is a list of
 * segments, each a contiguous piece of memory:
 *
 *   front                                                      back
 *   +----------------+    +----------------------+    +----------------+
 *   |taken|rec|rec   | -> |rec........(sealed)...| -> |rec|rec|  room  |
 *   +----------------+    +----------------------+    +----------------+
 *         ^head    ^tail
 *
 * so a record never wraps and is never split, the ring holds no more memory
 * than it needs, and grows while its owner's quota lasts.  Small records share
 * segments and cost no allocation: a drained segment is used again, and an empty
 * ring keeps a small one, or more if it needed more twice, not long ago, and its
 * owner has used less than half of the quota.  A large record is filled in a
 * *sealed* segment of its own before that is linked in: no place in the ring is
 * held while user memory is copied that may fault.
 *
 * The ring does not know what a record is: whoever puts one in knows its size
 * when it comes out.  All sizes are rounded up to KIPC_RING_ALIGN.
 *
 * Locking: the caller's, for every function but kipc_segment_alloc() and
 * kipc_segment_free(), which may sleep and must be called without it; hence the
 * functions that drop segments hand them back as a chain of garbage.
 */
#ifndef KIPC_RING_H
#define KIPC_RING_H

#include <linux/align.h>
#include <linux/list.h>
#include <linux/types.h>

#include "quota.h"

#define KIPC_RING_ALIGN		8
#define KIPC_SEGMENT_MAX	(32 << 10)	/* of a shared one, in all */
#define KIPC_SEGMENT_KEEP	(8 << 10)	/* of an empty ring, in all */
#define KIPC_RING_KEEP		(384 << 10)	/* if it needed that twice */

/**
 * struct kipc_segment - a piece of a ring's memory
 * @node: in the ring's list, while @linked
 * @next: in a chain of garbage, when not @linked
 * @size: bytes that @data has
 * @head: offset of the oldest record that is there
 * @tail: offset behind the youngest record
 * @pins: readers that look at @data without the lock
 * @linked: it is in the ring
 * @sealed: it has one record, and takes no other
 * @dead: to be freed with the last pin
 * @carries: sealed; who has sealed it keeps more at the end of @data, and frees that
 * @data: records
 */
struct kipc_segment {
	union {
		struct list_head node;
		struct kipc_segment *next;
	};
	size_t size;
	size_t head;
	size_t tail;
	unsigned int pins;
	bool linked;
	bool sealed;
	bool dead;
	bool carries;
	u8 data[] __aligned(KIPC_RING_ALIGN);
};

/**
 * struct kipc_ring - records, first in first out
 * @segments: front first
 * @spare: a chain of empty segments for the next time that one is needed, or NULL
 * @account: who pays for the segments
 * @bytes: of memory that the shared segments in @segments are
 * @spare_bytes: the same of @spare
 * @last_used: bytes that the youngest shared segment had when it was left
 * @peak: the most that was needed since the ring was empty, up to KIPC_RING_KEEP
 * @peak_before: the same of the time before
 * @keep: what was needed twice in a row, an eighth less for each time since then
 */
struct kipc_ring {
	struct list_head segments;
	struct kipc_segment *spare;
	struct kipc_account *account;
	size_t bytes;
	u32 spare_bytes;
	u32 last_used;
	u32 peak;
	u32 peak_before;
	u32 keep;
};

static inline size_t kipc_ring_align(size_t bytes)
{
	return ALIGN(bytes, KIPC_RING_ALIGN);
}

static inline bool kipc_segment_empty(const struct kipc_segment *segment)
{
	return segment->head == segment->tail;
}

static inline size_t kipc_segment_room(const struct kipc_segment *segment)
{
	return segment->sealed ? 0 : segment->size - segment->tail;
}

/* The last segment, or NULL. */
static inline struct kipc_segment *kipc_ring_back(struct kipc_ring *ring)
{
	if (list_empty(&ring->segments))
		return NULL;
	return list_last_entry(&ring->segments, struct kipc_segment, node);
}

/*
 * The segment with the oldest record, or NULL.  Only the last segment can be
 * empty, so the first one has it if any has.
 */
static inline struct kipc_segment *kipc_ring_front(struct kipc_ring *ring)
{
	struct kipc_segment *segment;

	segment = list_first_entry_or_null(&ring->segments,
					   struct kipc_segment, node);
	return segment && !kipc_segment_empty(segment) ? segment : NULL;
}

/* The same of a ring that is not empty. */
static inline struct kipc_segment *kipc_ring_first(struct kipc_ring *ring)
{
	return list_first_entry(&ring->segments, struct kipc_segment, node);
}

/* Put a chain of garbage in front of another; each may be NULL. */
static inline struct kipc_segment *kipc_segment_chain(struct kipc_segment *chain,
						      struct kipc_segment *rest)
{
	struct kipc_segment *last = chain;

	if (!chain)
		return rest;
	while (last->next)
		last = last->next;
	last->next = rest;
	return chain;
}

/* The oldest record of a segment. */
static inline void *kipc_segment_record(struct kipc_segment *segment)
{
	return segment->data + segment->head;
}

/* Where the next record goes. */
static inline void *kipc_segment_tail(struct kipc_segment *segment)
{
	return segment->data + segment->tail;
}

void kipc_ring_init(struct kipc_ring *ring, struct kipc_account *account);
void kipc_ring_destroy(struct kipc_ring *ring);

/* Small records: reserve, fill, commit. */

void *kipc_ring_reserve_spare(struct kipc_ring *ring, size_t bytes);

/* The last segment, if it has room for a small record at its tail, or NULL. */
static inline struct kipc_segment *kipc_ring_room(struct kipc_ring *ring,
						  size_t bytes)
{
	struct kipc_segment *back;

	if (unlikely(list_empty(&ring->segments)))
		return NULL;
	back = list_last_entry(&ring->segments, struct kipc_segment, node);
	return likely(kipc_segment_room(back) >= bytes) ? back : NULL;
}

/*
 * Find room for a small record at the back.  It is in the ring once it is
 * committed, and not there if it never is.  NULL if the ring needs another
 * segment: drop the lock, kipc_segment_alloc(), take the lock,
 * kipc_ring_extend(), try again.
 */
static inline void *kipc_ring_reserve(struct kipc_ring *ring, size_t bytes)
{
	struct kipc_segment *back = kipc_ring_room(ring, bytes);

	return likely(back) ? kipc_segment_tail(back) :
			      kipc_ring_reserve_spare(ring, bytes);
}

/* The lock was held since the reservation. */
static inline void kipc_ring_commit(struct kipc_ring *ring, size_t bytes)
{
	kipc_ring_back(ring)->tail += bytes;
}

size_t kipc_ring_segment_size(struct kipc_ring *ring, size_t bytes);
struct kipc_segment *kipc_ring_extend(struct kipc_ring *ring,
				      struct kipc_segment *segment);

/* Filled without the lock, and not sealed: small records go on behind it. */
struct kipc_segment *kipc_ring_lend(struct kipc_ring *ring, size_t bytes,
				    size_t most);
void kipc_ring_attach(struct kipc_ring *ring, struct kipc_segment *segment,
		      size_t bytes);

/* Large records: allocate, fill, seal, link. */
struct kipc_segment *kipc_segment_alloc(struct kipc_account *account,
					size_t bytes, bool nowait);
void kipc_segment_seal(struct kipc_segment *segment, size_t bytes);
void kipc_ring_link(struct kipc_ring *ring, struct kipc_segment *segment);

/* Taking records out: these return garbage. */

struct kipc_segment *kipc_ring_drained(struct kipc_ring *ring,
				       struct kipc_segment *segment);
struct kipc_segment *kipc_ring_shed(struct kipc_ring *ring);
struct kipc_segment *kipc_segment_unpin(struct kipc_segment *segment);

/* Remove the oldest record, of this aligned size, from the first segment. */
static inline struct kipc_segment *kipc_ring_pop(struct kipc_ring *ring,
						 struct kipc_segment *front,
						 size_t bytes)
{
	front->head += bytes;
	if (likely(!kipc_segment_empty(front)))
		return NULL;
	return kipc_ring_drained(ring, front);
}

/* Taking a sealed segment away, perhaps to put it back. */
void kipc_ring_unlink(struct kipc_segment *segment);
void kipc_ring_link_front(struct kipc_ring *ring, struct kipc_segment *segment);
struct kipc_segment *kipc_segment_drop(struct kipc_segment *segment);

void kipc_segment_free(struct kipc_account *account,
		       struct kipc_segment *garbage);

#endif /* KIPC_RING_H */
