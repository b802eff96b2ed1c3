// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The control descriptor: /dev/kipc, opened for one ioctl.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "internal.h"

/*
 * The descriptor is bound to the IPC namespace in which it was opened, so one
 * that was kept would be wrong after setns(2) or unshare(2).
 */
int kipc_control(unsigned long request, void *argument)
{
	int control, ret, err;

	control = open("/dev/kipc", O_RDWR | O_CLOEXEC);
	if (control < 0)
		return -1;
	ret = ioctl(control, request, argument);
	err = errno;
	close(control);
	errno = err;
	return ret;
}

/*
 * A name as the kernel takes it.  The kernel checks it, its length included;
 * only the absence of one means something else there, so it is caught here.
 */
int kipc_name(const char *name, uint64_t *pointer, uint32_t *length)
{
	if (!name || !*name) {
		errno = EINVAL;
		return -1;
	}
	*pointer = kipc_pointer(name);
	*length = (uint32_t)strnlen(name, UINT32_MAX);
	return 0;
}

/*
 * What an ioctl that creates an object is given, but for its flags, mode and rights;
 * -1 for a bad name.  No name at all is good here: the object has none then.
 */
int kipc_describe(struct kipc_create *create, uint32_t kind, const char *name,
		  const void *attr, size_t size)
{
	uint64_t pointer = 0;

	create->kind = kind;
	create->attr = kipc_pointer(attr);
	create->attr_size = attr ? (uint32_t)size : 0;
	if (name && kipc_name(name, &pointer, &create->name_len) < 0)
		return -1;
	create->name = pointer;
	return 0;
}

/**
 * kipc_features() - what the kernel module offers
 * @features: written on success
 *
 * Return: 0, or -1 with errno: ENOENT or ENODEV (the module is not loaded),
 * EACCES, EMFILE, ENFILE, ENOMEM, EFAULT.
 */
int kipc_features(struct kipc_features *features)
{
	return kipc_control(KIPC_IOC_FEATURES, features);
}
