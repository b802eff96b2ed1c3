/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: Parcels
 *
 * A parcel is what a message carries beside its data: files, each referenced; of kipc's
 * handles perhaps some that were made for it, with fewer rights.  It is made by the
 * sender, without any lock, before its message is anywhere, and from then on it belongs
 * to whoever has the message.  Whatever becomes of that, kipc_parcel_free() is the end:
 * then the files are put.
 *
 * It belongs to the object that carries it, which pays, and outlives it.
 *
 * DOC: Why nothing is ever on its way within itself
 *
 * If an object carried a handle of its own, or two carried one of each other, nobody
 * could close the last descriptor, and they would stay for ever.  Each object has a
 * number, @flight:
 *
 *	> 0	so many parcels it carries
 *	< 0	so many parcels have handles of it
 *
 * A parcel takes one up at its carrier and one down at each object that it has a handle
 * of, for as long as it is there; neither goes through 0 to the other sign (ELOOP).  So
 * what carries is not carried: who is at the end of one such arrow is at the beginning
 * of none, and there is no way of two arrows, hence no circle, of whatever length.
 * Threads that try to make one from both ends at a time meet at the number of the object
 * that they have in common, which is changed by one atomic operation.
 *
 * This is about arrows from object to object alone, because nothing else leads on.  The
 * other files that are carried hold no file: pipes have pages, eventfds a number, regular
 * files and memfds what is in them.  (A pseudo file system's regular files may hold more,
 * and are not carried: namespaces, pidfds.)  Files that can hold others (sockets, epoll,
 * io_uring, /dev/kipc) are none of those either.  And what else an object holds are no files.
 */
#ifndef KIPC_PARCEL_H
#define KIPC_PARCEL_H

#include <linux/types.h>

#include <linux/kipc.h>

struct kipc_object;
struct kipc_parcel;

/**
 * struct kipc_intake - where a receiver wants what a message carries
 * @wanted: as it said that; of @items access_ok() was checked, @count is not too high
 * @count: of @got: those that have been installed
 * @got: descriptors of the receiver
 */
struct kipc_intake {
	struct kipc_handles wanted;
	u32 count;
	struct kipc_descriptor got[KIPC_HANDLES_MAX];
};

struct kipc_parcel *kipc_parcel_create(struct kipc_object *carrier,
				       const struct kipc_handles *handles);
void kipc_parcel_free(struct kipc_parcel *parcel);
u32 kipc_parcel_count(const struct kipc_parcel *parcel);

int kipc_intake_init(struct kipc_intake *intake,
		     const struct kipc_handles *wanted);
int kipc_intake_prepare(struct kipc_intake *intake,
			const struct kipc_parcel *parcel, void __user *header,
			size_t size);
int kipc_intake_install(struct kipc_intake *intake,
			const struct kipc_parcel *parcel);
void kipc_intake_undo(struct kipc_intake *intake);
bool kipc_intake_fault_in(const struct kipc_intake *intake);

#endif /* KIPC_PARCEL_H */
