// SPDX-License-Identifier: GPL-2.0
/*
 * What every kind shares: inode, handles, name, permission.  See object.h for who
 * holds what; what a handle does as a file is in handle.c.
 */
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/statfs.h>
#include <linux/timekeeping.h>

#include "compat.h"
#include "debug.h"
#include "object.h"

#define KIPC_FS_MAGIC 0x6b697063	/* "kipc" */

static struct vfsmount *kipc_mnt;
static atomic64_t kipc_last_id;
static atomic_long_t kipc_handles;

/**
 * kipc_handle_total - open handles of all objects
 *
 * Return: their number, a snapshot.
 */
long kipc_handle_total(void)
{
	return atomic_long_read(&kipc_handles);
}

/**
 * kipc_handle_of_file - what a file is, if it is a handle
 * @file: of whatever sort, referenced, not O_PATH
 *
 * Return: the handle, or NULL.
 */
struct kipc_handle *kipc_handle_of_file(const struct file *file)
{
	return file_inode(file)->i_sb == kipc_mnt->mnt_sb ? file->private_data :
							     NULL;
}

/**
 * kipc_objects_last - the number of the last object that was made
 *
 * Context: any.
 * Return: that, a snapshot.
 */
u64 kipc_objects_last(void)
{
	return atomic64_read(&kipc_last_id);
}

/* The pseudo file system. */

static int kipc_dentry_init(struct dentry *dentry)
{
	__module_get(THIS_MODULE);
	return 0;
}

/* kipc_object_teardown() waits for whoever is between the put and the return. */
static void kipc_dentry_release(struct dentry *dentry)
{
	module_put(THIS_MODULE);
}

/* What /proc/PID/fd shows: kipc:[mailbox:NAME], or kipc:[mailbox:#ID]. */
static char *kipc_dentry_name(struct dentry *dentry, char *buffer, int size)
{
	struct kipc_object *object = d_inode(dentry)->i_private;
	int len;

	if (object->name.text)
		len = snprintf(buffer, size, "kipc:[%s:%s]",
			       object->kind->name, object->name.text);
	else
		len = snprintf(buffer, size, "kipc:[%s:#%llu]",
			       object->kind->name, object->id);
	if (len >= size)
		return ERR_PTR(-ENAMETOOLONG);
	return memmove(buffer + size - len - 1, buffer, len + 1);
}

static const struct dentry_operations kipc_dentry_ops = {
	.d_init		= kipc_dentry_init,
	.d_release	= kipc_dentry_release,
	.d_dname	= kipc_dentry_name,
};

static void kipc_object_free(struct kipc_object *object)
{
	struct kipc_account account = object->account;

	kfree(object->name.text);
	kvfree(object->notify.async);
	kipc_account_free(&account, object, object->kind->size);
	kipc_uncharge(&account, KIPC_OBJECTS, 1);
	kipc_account_exit(&account);
	kipc_count(KIPC_REF_OBJECTS, -1);
}

static void kipc_inode_evict(struct inode *inode)
{
	truncate_inode_pages_final(&inode->i_data);
	clear_inode(inode);
	/* The root of the file system has no object. */
	if (inode->i_private)
		kipc_object_free(inode->i_private);
}

static const struct super_operations kipc_super_ops = {
	.statfs		= simple_statfs,
	.evict_inode	= kipc_inode_evict,
};

static int kipc_fs_init(struct fs_context *fc)
{
	struct pseudo_fs_context *ctx = init_pseudo(fc, KIPC_FS_MAGIC);

	if (!ctx)
		return -ENOMEM;
	ctx->ops = &kipc_super_ops;
	ctx->dops = &kipc_dentry_ops;
	return 0;
}

/* No owner: the mount is ours, and must not keep the module from unloading. */
static struct file_system_type kipc_fs_type = {
	.name			= "kipc",
	.init_fs_context	= kipc_fs_init,
	.kill_sb		= kill_anon_super,
};

/**
 * kipc_object_setup - mount the pseudo file system
 *
 * Return: 0 or a negative errno.
 */
int kipc_object_setup(void)
{
	kipc_mnt = kern_mount(&kipc_fs_type);
	return PTR_ERR_OR_ZERO(kipc_mnt);
}

/**
 * kipc_object_teardown - unmount it; no object is left
 */
void kipc_object_teardown(void)
{
	kern_unmount(kipc_mnt);
	/*
	 * The module's count is zero, so every dentry has put it; but the last
	 * one to do so may not have left kipc_dentry_release() yet.
	 */
	synchronize_rcu_tasks();
}

static struct inode *kipc_inode_create(struct kipc_object *object, umode_t mode)
{
	struct inode *inode = new_inode(kipc_mnt->mnt_sb);

	if (!inode)
		return NULL;
	inode->i_ino = object->id;
	inode->i_mode = object->kind->type | mode;
	inode->i_uid = current_fsuid();
	inode->i_gid = current_fsgid();
	inode->i_private = object;
	if (object->kind->fops->open)
		inode->i_fop = object->kind->fops;
	kipc_inode_init_times(inode);
	return inode;
}

/**
 * kipc_object_create - make an object without a name
 * @home: the names of its IPC namespace
 * @kind: its kind
 * @mode: permission bits
 * @attr: of the kind, in user space
 * @size: of @attr, or 0
 *
 * Context: process context, may sleep.
 * Return: an object that the caller holds with one count of @handles, or an
 * ERR_PTR(): -EDQUOT, -ENOMEM, and what the kind says to @attr.
 */
struct kipc_object *kipc_object_create(struct kipc_names *home,
				       const struct kipc_kind *kind,
				       umode_t mode, const void __user *attr,
				       size_t size)
{
	struct kipc_account account;
	struct kipc_object *object;
	int ret;

	ret = kipc_account_init(&account);
	if (ret)
		return ERR_PTR(ret);
	ret = kipc_charge(&account, KIPC_OBJECTS, 1);
	if (ret)
		goto close_account;
	object = kipc_account_alloc(&account, kind->size, false);
	if (IS_ERR(object)) {
		ret = PTR_ERR(object);
		goto uncharge;
	}
	memset(object, 0, kind->size);
	object->kind = kind;
	object->home = home;
	object->account = account;
	object->id = atomic64_inc_return(&kipc_last_id);
	object->created = ktime_get_real_ns();
	refcount_set(&object->handles, 1);
	spin_lock_init(&object->lock);
	kipc_notify_init(&object->notify);

	ret = kind->init(object, attr, size);
	if (ret)
		goto free;
	object->inode = kipc_inode_create(object, mode);
	if (!object->inode) {
		ret = -ENOMEM;
		goto release;
	}
	kipc_names_join(home);
	kipc_count(KIPC_REF_OBJECTS, 1);
	ret = kipc_objects_reserve(object->id);
	if (!ret)
		return object;
	kipc_object_put(object);
	return ERR_PTR(ret);

release:
	kind->release(object);
free:
	kipc_account_free(&account, object, kind->size);
uncharge:
	kipc_uncharge(&account, KIPC_OBJECTS, 1);
close_account:
	kipc_account_exit(&account);
	return ERR_PTR(ret);
}

/**
 * kipc_object_get - hold an object
 * @object: its memory is there
 *
 * Context: any.
 * Return: false if its life has ended; else kipc_object_put() gives it up.
 */
bool kipc_object_get(struct kipc_object *object)
{
	return refcount_inc_not_zero(&object->handles);
}

/**
 * kipc_object_put - give up the hold of a creation, a look-up, a handle
 * @object: may be gone afterwards
 *
 * Context: process context, may sleep.
 */
void kipc_object_put(struct kipc_object *object)
{
	struct inode *inode = object->inode;
	bool named, found;

	if (!refcount_dec_and_test(&object->handles))
		return;
	kipc_delay(KIPC_DELAY_OBJECT_DYING);
	found = kipc_objects_remove(object);
	kipc_latency_stop(object->id, &object->account);
	/* A persistent name would have held it, so this one is not. */
	named = kipc_name_forget(&object->name);
	if (found)
		kipc_object_event(object, KIPC_HAPPENED_END, named);
	object->kind->release(object);
	kipc_names_leave(object->home);
	iput(inode);
}

static struct kipc_object *kipc_object_of_name(struct kipc_name *name)
{
	return container_of(name, struct kipc_object, name);
}

static bool kipc_object_get_by_name(struct kipc_name *name)
{
	return kipc_object_get(kipc_object_of_name(name));
}

static void kipc_object_put_by_name(struct kipc_name *name)
{
	kipc_object_put(kipc_object_of_name(name));
}

static const struct kipc_name_ops kipc_object_name_ops = {
	.get	= kipc_object_get_by_name,
	.put	= kipc_object_put_by_name,
};

/**
 * kipc_object_publish - give a new object its name
 * @object: held by the caller, new
 * @text: the name, checked
 * @len: of @text
 * @persistent: the name holds the object
 *
 * Context: process context, may sleep.
 * Return: 0, -EEXIST, or -ENOMEM.
 */
int kipc_object_publish(struct kipc_object *object, const char *text, size_t len,
			bool persistent)
{
	struct kipc_name *name = &object->name;
	int ret;

	name->text = kmemdup_nul(text, len, GFP_KERNEL_ACCOUNT);
	if (!name->text)
		return -ENOMEM;
	name->len = len;
	name->ops = &kipc_object_name_ops;
	name->persistent = persistent;
	if (persistent)
		kipc_object_get(object);
	ret = kipc_name_add(object->home, name);
	if (ret && persistent)
		kipc_object_put(object);
	return ret;
}

/**
 * kipc_object_find - look an object up
 * @names: the table
 * @text: the name
 * @len: of @text
 *
 * Context: process context, may sleep.
 * Return: the object, to be given up by kipc_object_put(), or NULL.
 */
struct kipc_object *kipc_object_find(struct kipc_names *names, const char *text,
				     size_t len)
{
	struct kipc_name *name = kipc_name_find(names, text, len);

	return name ? kipc_object_of_name(name) : NULL;
}

/**
 * kipc_object_owned - does the caller own an object?
 * @object: held by the caller
 *
 * Return: true for the owner, and for CAP_IPC_OWNER in the user namespace that owns the
 * object's IPC namespace.
 */
bool kipc_object_owned(const struct kipc_object *object)
{
	return uid_eq(object->inode->i_uid, current_fsuid()) ||
	       ns_capable(kipc_names_user_ns(object->home), CAP_IPC_OWNER);
}

/**
 * kipc_object_permission - may the caller open an object by its name?
 * @object: held by the caller
 * @rights: what it asks for, not nothing
 *
 * Return: 0, -EINVAL: the kind has not all of them; -EACCES.
 */
int kipc_object_permission(const struct kipc_object *object, u32 rights)
{
	struct inode *inode = object->inode;
	umode_t granted = inode->i_mode;
	umode_t wanted = 0;

	if (rights & ~object->kind->rights)
		return -EINVAL;
	if (rights & KIPC_RIGHTS_WRITE)
		wanted |= 0002;
	if (rights & (KIPC_RIGHT_RECEIVE | KIPC_RIGHT_MAP))
		wanted |= 0004;

	if (uid_eq(inode->i_uid, current_fsuid()))
		granted >>= 6;
	else if (in_group_p(inode->i_gid))
		granted >>= 3;
	if (!(wanted & ~granted) &&
	    (!(rights & (KIPC_RIGHT_MANAGE | KIPC_RIGHT_SERVE)) ||
	     uid_eq(inode->i_uid, current_fsuid())))
		return 0;
	return ns_capable(kipc_names_user_ns(object->home), CAP_IPC_OWNER) ?
	       0 : -EACCES;
}

/* Which access mode a file shows (F_GETFL), and what the VFS lets through. */
static int kipc_rights_to_mode(u32 rights)
{
	/* Both sides of a call write into shared memory. */
	if (rights & (KIPC_RIGHT_CALL | KIPC_RIGHT_SERVE))
		return O_RDWR;
	switch (rights & (KIPC_RIGHT_SEND | KIPC_RIGHT_RECEIVE)) {
	case KIPC_RIGHT_SEND | KIPC_RIGHT_RECEIVE:
		return O_RDWR;
	case KIPC_RIGHT_SEND:
		return O_WRONLY;
	case KIPC_RIGHT_RECEIVE:
		return O_RDONLY;
	default:
		return O_ACCMODE;	/* neither read nor write */
	}
}

/* Make a handle, for kipc_handle_start(). */
static struct kipc_handle *kipc_handle_create(struct kipc_object *object,
					      u32 rights)
{
	bool both = rights & KIPC_RIGHTS_READ && rights & KIPC_RIGHTS_WRITE;
	struct kipc_handle *handle;

	handle = kzalloc(object->kind->handle_size, GFP_KERNEL_ACCOUNT);
	if (!handle)
		return ERR_PTR(-ENOMEM);
	handle->object = object;
	handle->rights = rights;
	/* io_uring polls two queues at most: who reads and writes has these. */
	kipc_pollers_init(&handle->party.pollers,
			  both ? &object->notify.writers : NULL);
	return handle;
}

/*
 * The file is this handle now, which counts, and holds the object.  Or it is not, and
 * the handle is freed: nothing has happened.
 */
static int kipc_handle_start(struct kipc_handle *handle, struct file *file,
			     bool refuse)
{
	struct kipc_object *object = handle->object;
	int ret = 0;

	if (object->kind->opened)
		ret = object->kind->opened(handle, refuse);
	if (ret) {
		kfree(handle);
		return ret;
	}
	refcount_inc(&object->handles);
	atomic_long_inc(&kipc_handles);
	stream_open(object->inode, file);
	kipc_file_no_notify(file);
	/* All kinds heed IOCB_NOWAIT: io_uring asks no thread of its own to wait. */
	file->f_mode |= FMODE_NOWAIT;
	file->private_data = handle;
	return 0;
}

/**
 * kipc_object_file - make a handle
 * @object: held by the caller; the file holds it too
 * @rights: a part of what the kind has; checked by the caller
 * @flags: KIPC_NONBLOCK counts
 * @refuse: see struct kipc_kind
 *
 * Context: process context, may sleep.
 * Return: the file, or an ERR_PTR().
 */
struct file *kipc_object_file(struct kipc_object *object, u32 rights, u32 flags,
			      bool refuse)
{
	int mode = kipc_rights_to_mode(rights);
	struct kipc_handle *handle;
	struct file *file;
	int ret;

	handle = kipc_handle_create(object, rights);
	if (IS_ERR(handle))
		return ERR_CAST(handle);
	if (flags & KIPC_NONBLOCK)
		mode |= O_NONBLOCK;
	__module_get(THIS_MODULE);	/* put by the last fput() */
	ihold(object->inode);
	file = alloc_file_pseudo(object->inode, kipc_mnt, "", mode,
				 object->kind->fops);
	if (IS_ERR(file)) {
		iput(object->inode);
		module_put(THIS_MODULE);
		kfree(handle);
		return file;
	}
	ret = kipc_handle_start(handle, file, refuse);
	if (ret) {
		fput(file);
		return ERR_PTR(ret);
	}
	return file;
}

/**
 * struct kipc_grants - what the handles of a process grant
 * @object: of this object
 * @rights: together
 */
struct kipc_grants {
	const struct kipc_object *object;
	u32 rights;
};

static int kipc_grants_add(const void *data, struct file *file, unsigned int fd)
{
	struct kipc_grants *grants = (struct kipc_grants *)data;
	struct kipc_handle *handle = file->private_data;

	/* Not one of O_PATH, which is no handle. */
	if (file->f_op == grants->object->kind->fops &&
	    handle->object == grants->object)
		grants->rights |= handle->rights;
	return 0;
}

/**
 * kipc_object_reopen - the inode is opened: a descriptor in /proc, /dev/stdin
 * @inode: of an object; the VFS has checked its permissions
 * @file: to become a handle
 *
 * Context: process context, may sleep.
 * Return: 0, -ENXIO: the object's life has ended; -EIDRM; -EACCES: no handle of the
 * calling process grants that; -EINVAL: neither to read nor to write; -ENOMEM.
 */
int kipc_object_reopen(struct inode *inode, struct file *file)
{
	struct kipc_grants grants = { .object = inode->i_private };
	struct kipc_object *object = inode->i_private;
	struct kipc_handle *handle;
	u32 rights = 0;
	int ret;

	if (file->f_mode & FMODE_READ)
		rights |= KIPC_RIGHT_RECEIVE;
	if (file->f_mode & FMODE_WRITE)
		rights |= KIPC_RIGHT_SEND;
	if (!rights)
		return -EINVAL;
	if (!kipc_object_get(object))
		return -ENXIO;
	iterate_fd(current->files, 0, kipc_grants_add, &grants);
	if (READ_ONCE(object->removed)) {
		ret = -EIDRM;
	} else if (rights & ~grants.rights) {
		ret = -EACCES;
	} else {
		handle = kipc_handle_create(object, rights);
		ret = PTR_ERR_OR_ZERO(handle);
		if (!ret)
			ret = kipc_handle_start(handle, file, false);
	}
	kipc_object_put(object);
	return ret;
}

/**
 * kipc_object_release - the last descriptor of a handle is closed
 * @inode: not used
 * @file: the handle
 *
 * Return: 0
 */
int kipc_object_release(struct inode *inode, struct file *file)
{
	struct kipc_handle *handle = file->private_data;
	struct kipc_object *object;

	/* It never became one: kipc_object_file() failed. */
	if (!handle)
		return 0;
	object = handle->object;
	kipc_direct_forget(handle);
	kipc_listener_forget(&object->notify, &object->account, handle);
	if (object->kind->closed)
		object->kind->closed(handle);
	kipc_pollers_put(&handle->party.pollers);
	atomic_long_dec(&kipc_handles);
	kipc_object_put(object);
	return 0;
}

/**
 * kipc_object_open - make a handle, as a descriptor of the calling process
 * @object: held by the caller
 * @rights: a part of what the kind has; checked by the caller
 * @flags: KIPC_NONBLOCK, KIPC_INHERIT count
 * @deadline: until when to wait for the other end, if the kind has that; or NULL: do not
 *	ask for it
 *
 * Context: process context, may sleep.
 * Return: the descriptor, or a negative errno; -ENXIO: would have to wait.
 */
int kipc_object_open(struct kipc_object *object, u32 rights, u32 flags,
		     const ktime_t *deadline)
{
	bool refuse = deadline && *deadline == KIPC_DEADLINE_NO_WAIT;
	struct file *file;
	int fd, ret = 0;

	fd = get_unused_fd_flags(flags & KIPC_INHERIT ? 0 : O_CLOEXEC);
	if (fd < 0)
		return fd;
	file = kipc_object_file(object, rights, flags, refuse);
	if (IS_ERR(file)) {
		ret = PTR_ERR(file);
	} else if (deadline && object->kind->meet) {
		ret = object->kind->meet(file->private_data, *deadline);
		if (ret)
			fput(file);
	}
	if (ret) {
		put_unused_fd(fd);
		return ret;
	}
	fd_install(fd, file);
	return fd;
}

/**
 * kipc_object_remove - end an object, whoever holds it
 * @object: held by the caller
 *
 * Context: process context, may sleep.
 * Return: 0, or -EIDRM if it was removed before.
 */
int kipc_object_remove(struct kipc_object *object)
{
	bool removed, named;

	/* First, so that nobody finds what is dead. */
	named = kipc_name_forget(&object->name);
	spin_lock(&object->lock);
	removed = object->removed;
	WRITE_ONCE(object->removed, true);
	spin_unlock(&object->lock);
	if (removed)
		return -EIDRM;
	kipc_object_event(object, KIPC_HAPPENED_REMOVED, named);
	kipc_delay(KIPC_DELAY_REMOVE_MARKED);
	object->kind->remove(object);
	return 0;
}
