// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/kipc: create, open by name or pid, unlink.  A control descriptor's private data
 * is the table of names that it is bound to.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <linux/kipc.h>

#include "buffer.h"
#include "chardev.h"
#include "debug.h"
#include "lrpc/lrpc.h"
#include "mailbox/mailbox.h"
#include "memory/memory.h"
#include "object.h"
#include "pipe/pipe.h"
#include "queue/queue.h"
#include "quota.h"
#include "registry.h"
#include "sem/sem.h"
#include "trace.h"

#define KIPC_CREATE_FLAGS \
	(KIPC_NONBLOCK | KIPC_INHERIT | KIPC_EXCL | KIPC_PERSISTENT)
#define KIPC_OPEN_FLAGS	(KIPC_NONBLOCK | KIPC_INHERIT)

/* The one table of kinds. */
static const struct kipc_kind *const kipc_kinds[] = {
	&kipc_mailbox_kind,
	&kipc_queue_kind,
	&kipc_pipe_kind,
	&kipc_service_kind,
	&kipc_memory_kind,
	&kipc_sem_kind,
};

static const struct kipc_kind *kipc_kind_find(u32 id)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kipc_kinds); i++)
		if (kipc_kinds[i]->id == id)
			return kipc_kinds[i];
	return NULL;
}

static u32 kipc_kind_mask(void)
{
	unsigned int i;
	u32 mask = 0;

	for (i = 0; i < ARRAY_SIZE(kipc_kinds); i++)
		mask |= 1U << kipc_kinds[i]->id;
	return mask;
}

static int kipc_control_open(struct inode *inode, struct file *file)
{
	struct kipc_names *names = kipc_names_get();

	if (IS_ERR(names))
		return PTR_ERR(names);
	file->private_data = names;
	return stream_open(inode, file);
}

static int kipc_control_release(struct inode *inode, struct file *file)
{
	kipc_names_put(file->private_data);
	return 0;
}

static long kipc_control_features(void __user *arg, size_t size)
{
	struct kipc_features features = {
		.abi_version = KIPC_ABI_VERSION,
		.kinds = kipc_kind_mask(),
		.name_max = KIPC_NAME_MAX,
		.letter_max = KIPC_LETTER_MAX,
	};

	return kipc_arg_out(arg, size,
			    KIPC_LEAST(struct kipc_features, letter_max),
			    &features, sizeof(features));
}

/* Take a name in: at most KIPC_NAME_MAX bytes, to be freed by the caller. */
static char *kipc_name_in(u64 user, u32 len)
{
	char *text;

	if (!len)
		return ERR_PTR(-EINVAL);
	if (len > KIPC_NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	text = memdup_user_nul(u64_to_user_ptr(user), len);
	if (IS_ERR(text))
		return text;
	if (strlen(text) != len || strchr(text, '/')) {
		kfree(text);
		return ERR_PTR(-EINVAL);
	}
	return text;
}

/*
 * Open what has the name, if it is there and of the kind: -ENOENT if not.  @deadline: to
 * wait for its other end, or NULL.
 */
static int kipc_open_by_name(struct kipc_names *names, const char *text,
			     size_t len, u32 kind, u32 rights, u32 flags,
			     const ktime_t *deadline)
{
	struct kipc_object *object = kipc_object_find(names, text, len);
	int ret;

	if (!object)
		return -ENOENT;
	kipc_delay(KIPC_DELAY_OPEN_FOUND);
	if (kind != KIPC_KIND_ANY && object->kind->id != kind)
		ret = -EPROTOTYPE;
	else
		ret = kipc_object_permission(object, rights);
	if (!ret)
		ret = kipc_object_open(object, rights, flags, deadline);
	if (ret >= 0)
		kipc_object_event(object, KIPC_HAPPENED_OPENED, true);
	kipc_object_put(object);
	return ret;
}

/* Make an object; it gets its name when nothing else can fail. */
static int kipc_create_new(struct kipc_names *names, const char *text,
			   const struct kipc_kind *kind,
			   const struct kipc_create *create)
{
	struct kipc_object *object;
	struct file *file;
	int ret, fd;

	kipc_delay(KIPC_DELAY_CREATE_ABSENT);
	fd = get_unused_fd_flags(create->flags & KIPC_INHERIT ? 0 : O_CLOEXEC);
	if (fd < 0)
		return fd;
	object = kipc_object_create(names, kind, create->mode & ~current_umask(),
				    u64_to_user_ptr(create->attr),
				    create->attr_size);
	if (IS_ERR(object)) {
		ret = PTR_ERR(object);
		goto put_fd;
	}
	file = kipc_object_file(object, create->rights, create->flags, false);
	if (IS_ERR(file)) {
		ret = PTR_ERR(file);
		goto put_object;
	}
	kipc_delay(KIPC_DELAY_CREATE_UNNAMED);
	ret = 0;
	if (text)
		ret = kipc_object_publish(object, text, create->name_len,
					  create->flags & KIPC_PERSISTENT);
	if (ret)
		goto put_file;
	kipc_objects_add(object);
	kipc_object_event(object, KIPC_HAPPENED_CREATED, text);
	kipc_trace(create, object->id, object->kind->id, kipc_names_number(object->home));
	kipc_object_put(object);
	fd_install(fd, file);
	return fd;

put_file:
	fput(file);
put_object:
	kipc_object_put(object);
put_fd:
	put_unused_fd(fd);
	return ret;
}

static long kipc_control_create(struct kipc_names *names, void __user *arg,
				size_t size)
{
	struct kipc_create create;
	const struct kipc_kind *kind;
	char *text = NULL;
	int ret;

	ret = kipc_arg_in(&create, sizeof(create),
			  KIPC_LEAST(struct kipc_create, attr), arg, size);
	if (ret)
		return ret;
	kind = kipc_kind_find(create.kind);
	if (!kind || create.flags & ~KIPC_CREATE_FLAGS ||
	    (create.flags & KIPC_PERSISTENT && kind->transient) ||
	    create.mode & ~0777 || !create.rights ||
	    create.rights & ~kind->rights || !create.attr != !create.attr_size)
		return -EINVAL;
	if (create.name || create.name_len) {
		text = kipc_name_in(create.name, create.name_len);
		if (IS_ERR(text))
			return PTR_ERR(text);
	} else if (create.flags & (KIPC_PERSISTENT | KIPC_EXCL)) {
		return -EINVAL;
	}

	/* Somebody may make or unlink the name between the two. */
	do {
		ret = -ENOENT;
		if (text && !(create.flags & KIPC_EXCL))
			ret = kipc_open_by_name(names, text, create.name_len,
						create.kind, create.rights,
						create.flags, NULL);
		if (ret == -ENOENT)
			ret = kipc_create_new(names, text, kind, &create);
	} while (ret == -EEXIST && !(create.flags & KIPC_EXCL) &&
		 !signal_pending(current));
	kfree(text);
	return ret == -EEXIST && !(create.flags & KIPC_EXCL) ?
	       -ERESTARTNOINTR : ret;
}

static long kipc_control_open_object(struct kipc_names *names,
				     void __user *arg, size_t size)
{
	const struct kipc_kind *kind;
	struct kipc_open open;
	ktime_t deadline;
	char *text;
	int ret;

	ret = kipc_arg_in(&open, sizeof(open),
			  KIPC_LEAST(struct kipc_open, name), arg, size);
	if (ret)
		return ret;
	kind = kipc_kind_find(open.kind);
	if (open.flags & ~KIPC_OPEN_FLAGS || !open.rights ||
	    (open.kind != KIPC_KIND_ANY && !kind))
		return -EINVAL;
	text = kipc_name_in(open.name, open.name_len);
	if (IS_ERR(text))
		return PTR_ERR(text);
	deadline = open.flags & KIPC_NONBLOCK ? KIPC_DEADLINE_NO_WAIT :
		   kipc_deadline_import(open.deadline);
	/* Who was woken for a name may find that it is gone again. */
	do {
		ret = kipc_open_by_name(names, text, open.name_len, open.kind,
					open.rights, open.flags, &deadline);
		if (ret != -ENOENT || !kind || !kind->transient ||
		    deadline == KIPC_DEADLINE_NO_WAIT)
			break;
		ret = kipc_name_await(names, text, open.name_len, deadline);
	} while (!ret);
	kfree(text);
	return ret;
}

static long kipc_control_open_pid(void __user *arg, size_t size)
{
	struct kipc_open_pid open;
	struct kipc_object *object;
	int ret;

	ret = kipc_arg_in(&open, sizeof(open),
			  KIPC_LEAST(struct kipc_open_pid, flags), arg, size);
	if (ret)
		return ret;
	if (open.pid <= 0 || open.rights != KIPC_RIGHT_SEND ||
	    open.flags & ~KIPC_OPEN_FLAGS ||
	    (open.kind != KIPC_KIND_ANY && !kipc_kind_find(open.kind)))
		return -EINVAL;
	object = kipc_direct_find(open.pid);
	if (IS_ERR(object))
		return PTR_ERR(object);
	kipc_delay(KIPC_DELAY_DIRECT_FOUND);
	if (open.kind != KIPC_KIND_ANY && object->kind->id != open.kind)
		ret = -EPROTOTYPE;
	else if (READ_ONCE(object->removed))
		ret = -EIDRM;
	else
		ret = kipc_object_open(object, open.rights, open.flags, NULL);
	if (ret >= 0)
		kipc_object_event(object, KIPC_HAPPENED_OPENED, false);
	kipc_object_put(object);
	return ret;
}

static long kipc_control_unlink(struct kipc_names *names, void __user *arg,
				size_t size)
{
	struct kipc_object *object;
	struct kipc_unlink unlink;
	char *text;
	int ret;

	ret = kipc_arg_in(&unlink, sizeof(unlink),
			  KIPC_LEAST(struct kipc_unlink, name), arg, size);
	if (ret)
		return ret;
	if (unlink.flags)
		return -EINVAL;
	text = kipc_name_in(unlink.name, unlink.name_len);
	if (IS_ERR(text))
		return PTR_ERR(text);
	object = kipc_object_find(names, text, unlink.name_len);
	kfree(text);
	if (!object)
		return -ENOENT;
	kipc_delay(KIPC_DELAY_UNLINK_FOUND);
	if (!kipc_object_owned(object))
		ret = -EACCES;
	else
		ret = kipc_name_forget(&object->name) ? 0 : -ENOENT;
	if (!ret)
		kipc_object_event(object, KIPC_HAPPENED_UNLINKED, true);
	kipc_object_put(object);
	return ret;
}

static long kipc_control_ioctl(struct file *file, unsigned int cmd,
			       unsigned long arg)
{
	struct kipc_names *names = file->private_data;
	void __user *user = (void __user *)arg;
	size_t size = _IOC_SIZE(cmd);

	switch (KIPC_CMD(cmd)) {
	case KIPC_CMD(KIPC_IOC_FEATURES):
		return kipc_control_features(user, size);
	case KIPC_CMD(KIPC_IOC_CREATE):
		return kipc_control_create(names, user, size);
	case KIPC_CMD(KIPC_IOC_OPEN):
		return kipc_control_open_object(names, user, size);
	case KIPC_CMD(KIPC_IOC_UNLINK):
		return kipc_control_unlink(names, user, size);
	case KIPC_CMD(KIPC_IOC_OPEN_PID):
		return kipc_control_open_pid(user, size);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations kipc_control_fops = {
	.owner		= THIS_MODULE,
	.open		= kipc_control_open,
	.release	= kipc_control_release,
	.unlocked_ioctl	= kipc_control_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

/* /sys/class/misc/kipc/: what all objects of all users come to. */

static ssize_t objects_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	return sysfs_emit(buf, "%ld\n", kipc_quota_total(KIPC_OBJECTS));
}
static DEVICE_ATTR_RO(objects);

static ssize_t handles_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	return sysfs_emit(buf, "%ld\n", kipc_handle_total());
}
static DEVICE_ATTR_RO(handles);

static ssize_t bytes_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%ld\n", kipc_quota_total(KIPC_BYTES));
}
static DEVICE_ATTR_RO(bytes);

static ssize_t waiters_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	return sysfs_emit(buf, "%ld\n", kipc_quota_total(KIPC_WAITERS));
}
static DEVICE_ATTR_RO(waiters);

static ssize_t carried_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	return sysfs_emit(buf, "%ld\n", kipc_quota_total(KIPC_CARRIED));
}
static DEVICE_ATTR_RO(carried);

static ssize_t memory_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%ld\n", kipc_quota_total(KIPC_MEMORY));
}
static DEVICE_ATTR_RO(memory);

static struct attribute *kipc_device_attrs[] = {
	&dev_attr_objects.attr,
	&dev_attr_handles.attr,
	&dev_attr_bytes.attr,
	&dev_attr_waiters.attr,
	&dev_attr_carried.attr,
	&dev_attr_memory.attr,
	NULL
};
ATTRIBUTE_GROUPS(kipc_device);

static struct miscdevice kipc_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "kipc",
	.fops	= &kipc_control_fops,
	.groups	= kipc_device_groups,
	.mode	= 0666,
};

module_param_named(mode, kipc_device.mode, ushort, 0444);
MODULE_PARM_DESC(mode, "permission bits of /dev/kipc");

/**
 * kipc_chardev_setup - make /dev/kipc appear
 *
 * Return: 0 or a negative errno.
 */
int kipc_chardev_setup(void)
{
	return misc_register(&kipc_device);
}

/**
 * kipc_chardev_teardown - make it go; nobody has it open
 */
void kipc_chardev_teardown(void)
{
	misc_deregister(&kipc_device);
}
