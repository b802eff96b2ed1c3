// SPDX-License-Identifier: GPL-2.0
/*
 * What messages carry beside their data.  See parcel.h.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/fcntl.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/uaccess.h>

#include "buffer.h"
#include "compat.h"
#include "debug.h"
#include "object.h"
#include "parcel.h"

/**
 * struct kipc_parcel - files on their way
 * @carrier: the object that carries it, and pays
 * @room: for how many files, all of which are charged
 * @count: of @files
 * @files: each referenced
 */
struct kipc_parcel {
	struct kipc_object *carrier;
	u32 room;
	u32 count;
	struct file *files[];
};

/* Files that hold no other file: see parcel.h. */
static bool kipc_file_is_plain(struct file *file)
{
	const struct super_block *sb = file_inode(file)->i_sb;
	umode_t mode = file_inode(file)->i_mode;
	struct eventfd_ctx *eventfd;

	if (S_ISFIFO(mode))
		return true;
	/* In a pseudo file system they are what they are called only if they are memfds. */
	if (S_ISREG(mode))
		return sb->s_magic == TMPFS_MAGIC ||
		       (!(sb->s_flags & SB_NOUSER) && sb->s_magic != NSFS_MAGIC);
	eventfd = eventfd_ctx_fileget(file);
	if (IS_ERR(eventfd))
		return false;
	eventfd_ctx_put(eventfd);
	return true;
}

/* Take a handle on its way, or one with these rights: the file, or an ERR_PTR(). */
static struct file *kipc_parcel_take_handle(struct file *file, u32 rights)
{
	struct kipc_handle *handle = kipc_handle_of_file(file);
	struct kipc_object *object = handle->object;
	struct file *narrow;

	if (rights & ~object->kind->rights)
		return ERR_PTR(-EINVAL);
	if (rights & ~handle->rights)
		return ERR_PTR(-EPERM);
	/* Who has it on its way keeps the object from carrying any. */
	if (object->carries && !kipc_handle_governs(handle))
		return ERR_PTR(-EPERM);
	if (!atomic_dec_unless_positive(&object->flight))
		return ERR_PTR(-ELOOP);
	if (!rights)
		return get_file(file);
	narrow = kipc_object_file(object, rights, 0, false);
	if (IS_ERR(narrow))
		atomic_inc(&object->flight);
	return narrow;
}

static struct file *kipc_parcel_take(const struct kipc_descriptor *item)
{
	struct file *file = fget(item->fd);
	struct file *taken;

	if (!file)
		return ERR_PTR(-EBADF);
	if (kipc_handle_of_file(file))
		taken = kipc_parcel_take_handle(file, item->rights);
	else if (item->rights)
		taken = ERR_PTR(-EINVAL);
	else if (!kipc_file_is_plain(file))
		taken = ERR_PTR(-EPERM);
	else
		taken = get_file(file);
	fput(file);
	return taken;
}

/**
 * kipc_parcel_create - take descriptors of the calling process on their way
 * @carrier: the object that shall carry them; held by the caller
 * @handles: as the caller gave it
 *
 * Context: process context, may sleep; no lock is held.
 * Return: the parcel, for kipc_parcel_free(), or an ERR_PTR(): what
 * struct kipc_mailbox_send_handles says.
 */
struct kipc_parcel *kipc_parcel_create(struct kipc_object *carrier,
				       const struct kipc_handles *handles)
{
	struct kipc_descriptor items[KIPC_HANDLES_MAX];
	struct kipc_account *account = &carrier->account;
	u32 room = handles->count;
	struct kipc_parcel *parcel;
	struct file *file;
	int ret;

	if (handles->flags || !room || room > KIPC_HANDLES_MAX)
		return ERR_PTR(-EINVAL);
	if (copy_from_user(items, u64_to_user_ptr(handles->items),
			   room * sizeof(items[0])))
		return ERR_PTR(-EFAULT);
	parcel = kipc_account_alloc(account, struct_size(parcel, files, room),
				    false);
	if (IS_ERR(parcel))
		return parcel;
	parcel->carrier = carrier;
	parcel->room = room;
	parcel->count = 0;
	ret = kipc_charge(account, KIPC_CARRIED, room);
	if (ret)
		goto free;
	ret = -ELOOP;
	if (!atomic_inc_unless_negative(&carrier->flight))
		goto uncharge;
	kipc_count(KIPC_REF_PARCELS, 1);
	for (; parcel->count < room; parcel->count++) {
		file = kipc_parcel_take(&items[parcel->count]);
		if (IS_ERR(file)) {
			kipc_parcel_free(parcel);
			return ERR_CAST(file);
		}
		parcel->files[parcel->count] = file;
	}
	return parcel;

uncharge:
	kipc_uncharge(account, KIPC_CARRIED, room);
free:
	kipc_account_free(account, parcel, struct_size(parcel, files, room));
	return ERR_PTR(ret);
}

/**
 * kipc_parcel_free - the message is gone: put the files
 * @parcel: the caller's alone, its carrier is there; or NULL
 *
 * What this ends (objects whose last handle it was) ends later, not in here.
 *
 * Context: any but hard interrupts; a spinlock may be held, but no lock of its own.
 */
void kipc_parcel_free(struct kipc_parcel *parcel)
{
	struct kipc_account *account;
	struct kipc_handle *handle;
	u32 i;

	if (!parcel)
		return;
	for (i = 0; i < parcel->count; i++) {
		handle = kipc_handle_of_file(parcel->files[i]);
		/* While the file holds it. */
		if (handle)
			atomic_inc(&handle->object->flight);
		fput(parcel->files[i]);
	}
	atomic_dec(&parcel->carrier->flight);
	account = &parcel->carrier->account;
	kipc_uncharge(account, KIPC_CARRIED, parcel->room);
	kipc_account_free(account, parcel,
			  struct_size(parcel, files, parcel->room));
	kipc_count(KIPC_REF_PARCELS, -1);
}

/**
 * kipc_parcel_count - how many files a parcel has
 * @parcel: the parcel, or NULL
 *
 * Context: any.
 * Return: their number.
 */
u32 kipc_parcel_count(const struct kipc_parcel *parcel)
{
	return parcel ? parcel->count : 0;
}

static struct kipc_descriptor __user *
kipc_intake_items(const struct kipc_intake *intake)
{
	return u64_to_user_ptr(intake->wanted.items);
}

/**
 * kipc_intake_init - where a receiver wants what a message carries
 * @intake: to be filled
 * @wanted: as the receiver gave it
 *
 * Return: 0, -EINVAL: unknown flags; -EFAULT.
 */
int kipc_intake_init(struct kipc_intake *intake,
		     const struct kipc_handles *wanted)
{
	if (wanted->flags & ~KIPC_INHERIT)
		return -EINVAL;
	intake->wanted = *wanted;
	intake->wanted.count = min(wanted->count, KIPC_HANDLES_MAX);
	intake->count = 0;
	return access_ok(kipc_intake_items(intake), intake->wanted.count *
			 sizeof(struct kipc_descriptor)) ? 0 : -EFAULT;
}

/* Could it be written now, without a fault?  It is at most a page, and stays as it is. */
static bool kipc_intake_probe(u8 __user *to, size_t bytes)
{
	u8 __user *end = to + bytes - 1;
	bool there = false;
	u8 byte;

	pagefault_disable();
	if (!user_access_begin(to, bytes))
		goto enable;
	unsafe_get_user(byte, to, fault);
	unsafe_put_user(byte, to, fault);
	unsafe_get_user(byte, end, fault);
	unsafe_put_user(byte, end, fault);
	there = true;
fault:
	user_access_end();
enable:
	pagefault_enable();
	return there;
}

/**
 * kipc_intake_prepare - can the receiver be given what a parcel has?
 * @intake: with room for all of it
 * @parcel: the caller's alone meanwhile
 * @header: what will be written behind it; or NULL
 * @size: of @header
 *
 * To close a descriptor is more than to forget it: it gives up all locks of fcntl(2) that
 * the process has on the file.  So what can fail is tried before there is any: afterwards
 * kipc_intake_install(), and to write the header, fails only if another thread takes the
 * descriptors or a page away, or a security module refuses.
 *
 * Does not fault, but may wait for memory.
 *
 * Context: process context, may sleep; no lock is held.
 * Return: 0; -EFAULT: a page is missing; -EMFILE, -ENOMEM.
 */
int kipc_intake_prepare(struct kipc_intake *intake,
			const struct kipc_parcel *parcel, void __user *header,
			size_t size)
{
	struct kipc_descriptor __user *items = kipc_intake_items(intake);
	u32 count;
	int fd = 0;

	for (count = 0; count < parcel->count; count++) {
		fd = get_unused_fd_flags(O_CLOEXEC);
		if (fd < 0)
			break;
		intake->got[count].fd = fd;
	}
	while (count)
		put_unused_fd(intake->got[--count].fd);
	if (fd < 0)
		return fd;
	if (!kipc_intake_probe((u8 __user *)items, parcel->count * sizeof(*items)) ||
	    (header && !kipc_intake_probe(header, size)))
		return -EFAULT;
	return 0;
}

/**
 * kipc_intake_install - give the receiver what a parcel has
 * @intake: prepared
 * @parcel: the caller's alone meanwhile
 *
 * Does not fault, but may wait for memory.  If this or anything after it fails,
 * kipc_intake_undo() has to follow.
 *
 * Context: process context, may sleep; no lock is held.
 * Return: 0; -EFAULT: a page is missing; -EMFILE, -ENOMEM, or what a security module
 * says.
 */
int kipc_intake_install(struct kipc_intake *intake,
			const struct kipc_parcel *parcel)
{
	unsigned int flags = intake->wanted.flags & KIPC_INHERIT ? 0 : O_CLOEXEC;
	const struct kipc_handle *handle;
	struct kipc_descriptor *item;
	u32 i;
	int fd;

	kipc_delay(KIPC_DELAY_INTAKE_PREPARED);
	for (i = 0; i < parcel->count; i++) {
		fd = kipc_receive_fd(parcel->files[i], flags);
		if (fd < 0)
			return fd;
		handle = kipc_handle_of_file(parcel->files[i]);
		item = &intake->got[intake->count++];
		item->fd = fd;
		item->rights = handle ? handle->rights : 0;
	}
	return kipc_copy_out(kipc_intake_items(intake), intake->got,
			     i * sizeof(*item)) ? 0 : -EFAULT;
}

/**
 * kipc_intake_undo - close what was installed in vain
 * @intake: of the receiver
 *
 * A file may keep who closes it waiting for ever (FUSE asks its server), so this is for
 * when nobody waits for the message.  The number is the process's: it may have closed it
 * itself by now.
 *
 * Context: process context, may sleep, for ever; no lock is held.
 */
void kipc_intake_undo(struct kipc_intake *intake)
{
	while (intake->count)
		close_fd(intake->got[--intake->count].fd);
}

/**
 * kipc_intake_fault_in - bring in the page that was missing
 * @intake: of the receiver
 *
 * Context: process context, may sleep, for ever; no lock is held.
 * Return: false if it cannot be written.
 */
bool kipc_intake_fault_in(const struct kipc_intake *intake)
{
	const struct kipc_buffer items = { .base = kipc_intake_items(intake) };

	return kipc_buffer_fault_in_writeable(&items, intake->wanted.count *
					      sizeof(struct kipc_descriptor));
}
