// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel ring buffer.  See ring.h for its form and its locking.
 */
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>

#include "debug.h"
#include "ring.h"

/**
 * kipc_ring_init - make a ring that holds no memory yet
 * @ring: to be filled
 * @account: who pays for its memory, outlives it
 */
void kipc_ring_init(struct kipc_ring *ring, struct kipc_account *account)
{
	INIT_LIST_HEAD(&ring->segments);
	ring->spare = NULL;
	ring->spare_bytes = 0;
	ring->account = account;
	ring->last_used = 0;
	ring->bytes = 0;
	ring->peak = 0;
	ring->peak_before = 0;
	ring->keep = 0;
}

static size_t kipc_segment_bytes(const struct kipc_segment *segment)
{
	return sizeof(*segment) + segment->size;
}

static void kipc_ring_push_spare(struct kipc_ring *ring,
				 struct kipc_segment *segment)
{
	segment->next = ring->spare;
	ring->spare = segment;
	ring->spare_bytes += kipc_segment_bytes(segment);
}

/* Take one from the chain: the one that this points to. */
static struct kipc_segment *kipc_ring_pop_spare(struct kipc_ring *ring,
						struct kipc_segment **from)
{
	struct kipc_segment *spare = *from;

	*from = spare->next;
	ring->spare_bytes -= kipc_segment_bytes(spare);
	spare->next = NULL;
	return spare;
}

static void kipc_ring_needs(struct kipc_ring *ring, size_t bytes)
{
	ring->peak = max_t(u32, ring->peak, min_t(size_t, bytes, KIPC_RING_KEEP));
}

/* Shared segments are counted while they are linked. */
static void kipc_ring_link_shared(struct kipc_ring *ring,
				  struct kipc_segment *segment)
{
	list_add_tail(&segment->node, &ring->segments);
	segment->linked = true;
	ring->bytes += kipc_segment_bytes(segment);
	kipc_ring_needs(ring, ring->bytes);
}

static void kipc_ring_unlink_shared(struct kipc_ring *ring,
				    struct kipc_segment *segment)
{
	kipc_ring_unlink(segment);
	ring->bytes -= kipc_segment_bytes(segment);
}

/**
 * kipc_ring_destroy - free a ring's memory; its records are forgotten
 * @ring: nobody uses it any more
 *
 * Context: process context, may sleep.
 */
void kipc_ring_destroy(struct kipc_ring *ring)
{
	struct kipc_segment *segment, *next;

	list_for_each_entry_safe(segment, next, &ring->segments, node) {
		kipc_ring_unlink(segment);
		kipc_segment_free(ring->account, segment);
	}
	kipc_segment_free(ring->account, ring->spare);
	ring->spare = NULL;
}

/* Put an empty or filled shared segment at the back. */
static void kipc_ring_push_back(struct kipc_ring *ring,
				struct kipc_segment *segment)
{
	struct kipc_segment *back = kipc_ring_back(ring);

	if (back && !back->sealed) {
		ring->last_used = back->tail;
		/* An empty one must not stand in front of others. */
		if (kipc_segment_empty(back)) {
			kipc_ring_unlink_shared(ring, back);
			kipc_ring_push_spare(ring, back);
		}
	}
	kipc_ring_link_shared(ring, segment);
}

/**
 * kipc_ring_lend - take a spare segment out, to fill it without the lock
 * @ring: the ring
 * @bytes: that it shall have room for
 * @most: and for no more than that: what is left of its room may be lost
 *
 * Context: the ring's lock is held.
 * Return: the segment, for kipc_ring_attach() or kipc_segment_free(), or NULL.
 */
struct kipc_segment *kipc_ring_lend(struct kipc_ring *ring, size_t bytes,
				    size_t most)
{
	struct kipc_segment **from = &ring->spare;

	while (*from && ((*from)->size < bytes || (*from)->size > most))
		from = &(*from)->next;
	return *from ? kipc_ring_pop_spare(ring, from) : NULL;
}

/**
 * kipc_ring_attach - put a segment that was filled without the lock at the back
 * @ring: the ring
 * @segment: empty, of kipc_ring_lend() or kipc_segment_alloc()
 * @bytes: that have been written to its @data
 *
 * Context: the ring's lock is held.
 */
void kipc_ring_attach(struct kipc_ring *ring, struct kipc_segment *segment,
		      size_t bytes)
{
	segment->tail = bytes;
	kipc_ring_push_back(ring, segment);
}

/**
 * kipc_ring_reserve_spare - kipc_ring_reserve() when the back has no room
 * @ring: the ring
 * @bytes: the record's aligned size
 *
 * Context: the ring's lock is held.
 * Return: where to write it, or NULL.
 */
void *kipc_ring_reserve_spare(struct kipc_ring *ring, size_t bytes)
{
	struct kipc_segment *spare = kipc_ring_lend(ring, bytes, SIZE_MAX);

	if (!spare)
		return NULL;
	kipc_ring_push_back(ring, spare);
	return spare->data;
}

/**
 * kipc_ring_segment_size - how large the next shared segment should be
 * @ring: the ring
 * @bytes: aligned size of the record that needs it
 *
 * Twice what was used of the last one: memory follows use in both directions.
 *
 * Context: the ring's lock is held.
 * Return: the size to ask of kipc_segment_alloc().
 */
size_t kipc_ring_segment_size(struct kipc_ring *ring, size_t bytes)
{
	struct kipc_segment *back = kipc_ring_back(ring);
	size_t used = back && !back->sealed ? back->tail : ring->last_used;
	size_t total = clamp_t(size_t, 2 * used, PAGE_SIZE, KIPC_SEGMENT_MAX);

	total = roundup_pow_of_two(total);
	return max(bytes, total - sizeof(struct kipc_segment));
}

/**
 * kipc_ring_extend - give a ring an empty segment
 * @ring: the ring
 * @segment: of kipc_segment_alloc()
 *
 * Context: the ring's lock is held.
 * Return: garbage, or NULL: somebody else may have extended it meanwhile.
 */
struct kipc_segment *kipc_ring_extend(struct kipc_ring *ring,
				      struct kipc_segment *segment)
{
	struct kipc_segment *garbage = ring->spare;

	if (garbage && garbage->size >= segment->size)
		return segment;
	if (garbage)
		kipc_ring_pop_spare(ring, &ring->spare);
	kipc_ring_push_spare(ring, segment);
	return garbage;
}

/**
 * kipc_segment_alloc - allocate a segment
 * @account: who pays
 * @bytes: that @data shall have, aligned
 * @nowait: fail rather than sleep until there is memory
 *
 * Context: process context, may sleep, but with @nowait; no lock is held.
 * Return: the empty segment, or ERR_PTR(-EDQUOT) or ERR_PTR(-ENOMEM).
 */
struct kipc_segment *kipc_segment_alloc(struct kipc_account *account,
					size_t bytes, bool nowait)
{
	struct kipc_segment *segment;

	segment = kipc_account_alloc(account, sizeof(*segment) + bytes, nowait);
	if (IS_ERR(segment))
		return segment;
	segment->next = NULL;
	segment->size = bytes;
	segment->head = 0;
	segment->tail = 0;
	segment->pins = 0;
	segment->linked = false;
	segment->sealed = false;
	segment->dead = false;
	segment->carries = false;
	kipc_count(KIPC_REF_SEGMENTS, 1);
	return segment;
}

/**
 * kipc_segment_seal - make a segment that holds one record
 * @segment: new; the record has been written to its @data
 * @bytes: the record's aligned size
 */
void kipc_segment_seal(struct kipc_segment *segment, size_t bytes)
{
	segment->tail = bytes;
	segment->sealed = true;
}

/**
 * kipc_ring_link - put a sealed segment into the ring, at the back
 * @ring: the ring
 * @segment: sealed, not in the ring
 *
 * Context: the ring's lock is held.
 */
void kipc_ring_link(struct kipc_ring *ring, struct kipc_segment *segment)
{
	struct kipc_segment *back = kipc_ring_back(ring);

	/* An empty one stays last: small records go on there. */
	if (back && kipc_segment_empty(back))
		list_add_tail(&segment->node, &back->node);
	else
		list_add_tail(&segment->node, &ring->segments);
	segment->linked = true;
}

/**
 * kipc_ring_link_front - put back what was the oldest record, and is again
 * @ring: the ring
 * @segment: sealed, not in the ring
 *
 * Context: the ring's lock is held.
 */
void kipc_ring_link_front(struct kipc_ring *ring, struct kipc_segment *segment)
{
	list_add(&segment->node, &ring->segments);
	segment->linked = true;
}

/**
 * kipc_ring_unlink - take a segment out of the ring
 * @segment: in the ring
 *
 * Context: the ring's lock is held.
 */
void kipc_ring_unlink(struct kipc_segment *segment)
{
	list_del(&segment->node);
	segment->next = NULL;
	segment->linked = false;
}

/**
 * kipc_segment_drop - a segment is not needed any more
 * @segment: not in the ring
 *
 * Context: the ring's lock is held.
 * Return: garbage, or NULL if a reader has it pinned: then that one frees it.
 */
struct kipc_segment *kipc_segment_drop(struct kipc_segment *segment)
{
	if (!segment->pins)
		return segment;
	segment->dead = true;
	return NULL;
}

/**
 * kipc_segment_unpin - a reader has done with a segment
 * @segment: the reader added one to @pins
 *
 * Context: the ring's lock is held.
 * Return: garbage, or NULL.
 */
struct kipc_segment *kipc_segment_unpin(struct kipc_segment *segment)
{
	segment->pins--;
	return segment->dead ? kipc_segment_drop(segment) : NULL;
}

/*
 * How many bytes of shared segments to keep for the next time: a little, or what was
 * needed twice, if the owner has plenty left.
 */
static size_t kipc_ring_keep(const struct kipc_ring *ring)
{
	size_t keep = max(min(ring->peak, ring->peak_before), ring->keep);

	if (keep <= KIPC_SEGMENT_KEEP ||
	    !kipc_account_has_plenty(ring->account, KIPC_BYTES))
		return KIPC_SEGMENT_KEEP;
	return keep;
}

/* The ring is empty: give back what is more than @keep. */
static struct kipc_segment *kipc_ring_trim_to(struct kipc_ring *ring, size_t keep)
{
	struct kipc_segment *back = kipc_ring_back(ring);
	struct kipc_segment *garbage = NULL, *spare;

	while (ring->spare && ring->bytes + ring->spare_bytes > keep) {
		spare = kipc_ring_pop_spare(ring, &ring->spare);
		garbage = kipc_segment_chain(spare, garbage);
	}
	if (back && ring->bytes > keep) {
		kipc_ring_unlink_shared(ring, back);
		garbage = kipc_segment_chain(back, garbage);
	}
	return garbage;
}

/* The ring is empty: give back what is not worth keeping. */
static struct kipc_segment *kipc_ring_trim(struct kipc_ring *ring)
{
	struct kipc_segment *garbage = NULL;

	/* A peak among peaks that are lower shall not cost an allocation each time. */
	ring->keep -= ring->keep / 8;
	ring->keep = max(min(ring->peak, ring->peak_before), ring->keep);
	if (ring->spare || ring->bytes > KIPC_SEGMENT_KEEP)
		garbage = kipc_ring_trim_to(ring, kipc_ring_keep(ring));
	ring->peak_before = ring->peak;
	ring->peak = 0;
	ring->last_used = 0;
	return garbage;
}

/**
 * kipc_ring_shed - an empty ring will not be filled again: keep nothing
 * @ring: empty
 *
 * Context: the ring's lock is held.
 * Return: garbage, or NULL.
 */
struct kipc_segment *kipc_ring_shed(struct kipc_ring *ring)
{
	return kipc_ring_trim_to(ring, 0);
}

/**
 * kipc_ring_drained - the last record of a segment has been removed
 * @ring: the ring
 * @segment: the first one
 *
 * Context: the ring's lock is held.
 * Return: garbage, or NULL.
 */
struct kipc_segment *kipc_ring_drained(struct kipc_ring *ring,
				       struct kipc_segment *segment)
{
	bool last = list_is_last(&segment->node, &ring->segments);
	struct kipc_segment *garbage = NULL;

	if (segment->sealed) {
		kipc_ring_unlink(segment);
		garbage = kipc_segment_drop(segment);
	} else {
		/* If it was alone, only this much of it was needed. */
		kipc_ring_needs(ring, segment->tail);
		segment->head = 0;
		segment->tail = 0;
		if (!last) {
			kipc_ring_unlink_shared(ring, segment);
			if (!ring->spare ||
			    ring->bytes + ring->spare_bytes +
			    kipc_segment_bytes(segment) <= kipc_ring_keep(ring))
				kipc_ring_push_spare(ring, segment);
			else
				garbage = segment;
		}
	}
	if (last || !kipc_ring_front(ring))
		garbage = kipc_segment_chain(garbage, kipc_ring_trim(ring));
	return garbage;
}

/**
 * kipc_segment_free - free a chain of garbage
 * @account: who paid
 * @garbage: the first one, or NULL
 *
 * Context: process context, may sleep; no lock is held.
 */
void kipc_segment_free(struct kipc_account *account,
		       struct kipc_segment *garbage)
{
	while (garbage) {
		struct kipc_segment *next = garbage->next;

		kipc_account_free(account, garbage,
				  sizeof(*garbage) + garbage->size);
		kipc_count(KIPC_REF_SEGMENTS, -1);
		garbage = next;
	}
}
