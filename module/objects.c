// SPDX-License-Identifier: GPL-2.0
/*
 * All objects, by number: for who looks at them from outside.  Numbers only grow, so who
 * goes through them in order, with pauses, sees each one at most once, and each one that
 * was there all the time.  And what happens to them, as events.
 */
#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/string.h>
#include <linux/user_namespace.h>
#include <linux/xarray.h>

#include "event.h"
#include "object.h"

/* Its lock protects it; and while one is there, its memory is. */
static DEFINE_XARRAY_FLAGS(kipc_objects, XA_FLAGS_ACCOUNT);
static atomic_t kipc_objects_moves;	/* objects that came or went */

/**
 * kipc_objects_reserve - an object will have a place
 * @id: its number
 *
 * Context: process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
int kipc_objects_reserve(u64 id)
{
	return xa_reserve(&kipc_objects, id, GFP_KERNEL_ACCOUNT);
}

/**
 * kipc_objects_add - an object can be found by its number
 * @object: held by the caller, complete: nobody can find it, and remove it, who comes
 *	between it and its name; its place is reserved
 *
 * Context: process context, may sleep.
 */
void kipc_objects_add(struct kipc_object *object)
{
	atomic_inc(&kipc_objects_moves);
	xa_store(&kipc_objects, object->id, object, GFP_KERNEL_ACCOUNT);
}

/**
 * kipc_objects_remove - nor can it any more, and its place is free
 * @object: its life has ended
 *
 * Context: process context.
 * Return: whether it could be found.
 */
bool kipc_objects_remove(struct kipc_object *object)
{
	bool found = xa_erase(&kipc_objects, object->id);

	if (found)
		atomic_inc(&kipc_objects_moves);
	return found;
}

/**
 * kipc_objects_next - find the next object
 * @id: from this number on; becomes that of what was found
 * @last: up to this one
 *
 * Context: process context.
 * Return: the object, to be given up by kipc_object_put(), or NULL.
 */
struct kipc_object *kipc_objects_next(u64 *id, u64 last)
{
	struct kipc_object *object;
	unsigned long index = *id;

	xa_lock(&kipc_objects);
	while ((object = xa_find(&kipc_objects, &index, last, XA_PRESENT)) &&
	       !kipc_object_get(object))
		index++;
	xa_unlock(&kipc_objects);
	*id = index;
	return object;
}

/**
 * kipc_objects_generation - has any object come or gone?
 *
 * Context: any.
 * Return: a number, not 0, that is another then.
 */
u32 kipc_objects_generation(void)
{
	return (u32)atomic_read(&kipc_objects_moves) | BIT(31);
}

/**
 * kipc_object_tell - something happens to an object, and somebody wants to know
 * @object: held, or just ending
 * @what: KIPC_HAPPENED_...
 * @named: it has, or had, its name
 *
 * Context: any but an interrupt; locks may be held.
 */
void kipc_object_tell(struct kipc_object *object, u32 what, bool named)
{
	const struct inode *inode = object->inode;
	size_t len = named ? object->name.len : 0;
	struct kipc_event *event = kipc_event_new(what, len);

	if (!event)
		return;
	event->id = object->id;
	event->kind = object->kind->id;
	event->uid = inode->i_uid;
	event->gid = inode->i_gid;
	event->mode = inode->i_mode;
	event->ipc = kipc_names_number(object->home);
	event->owner = get_user_ns(kipc_names_user_ns(object->home));
	if (len)
		memcpy(event->name, object->name.text, len);
	kipc_event_tell(event);
}
