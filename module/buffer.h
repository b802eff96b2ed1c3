/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: User memory
 *
 * A buffer is where a message comes from or goes to: a plain pointer (read,
 * write, ioctl: the fast path) or an iterator (readv, writev, io_uring).
 *
 * kipc_buffer_out() and kipc_buffer_in() copy with page faults disabled, so
 * that they may be used under a spinlock for up to KIPC_COPY_LOCKED bytes, and
 * while a message is out of its queue for any length: they end soon, whatever
 * userfaultfd or FUSE lie behind the memory.  If they come out short, the
 * caller lets everything go, calls kipc_buffer_fault_in_..., which may take for
 * ever, and tries again.
 */
#ifndef KIPC_BUFFER_H
#define KIPC_BUFFER_H

#include <linux/sched.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#define KIPC_COPY_LOCKED 4096

/**
 * struct kipc_buffer - a buffer in user space
 * @base: pointer, if @iter is NULL; access_ok() was checked
 * @iter: iterator, or NULL; not advanced by the functions here
 */
struct kipc_buffer {
	void __user *base;
	struct iov_iter *iter;
};

bool kipc_buffer_iter_out(const struct kipc_buffer *to, const void *from,
			  size_t bytes);
bool kipc_buffer_iter_in(void *to, const struct kipc_buffer *from,
			 size_t bytes);
bool kipc_buffer_large_out(const struct kipc_buffer *to, const void *from,
			   size_t bytes);
bool kipc_buffer_read(void *to, const struct kipc_buffer *from, size_t bytes);
bool kipc_buffer_fault_in_writeable(const struct kipc_buffer *buffer,
				    size_t bytes);
bool kipc_buffer_fault_in_readable(const struct kipc_buffer *buffer,
				   size_t bytes);

/* Copy up to KIPC_COPY_LOCKED bytes out; false if that would fault. */
static inline bool kipc_buffer_out(const struct kipc_buffer *to,
				   const void *from, size_t bytes)
{
	bool done;

	pagefault_disable();
	if (likely(!to->iter))
		done = !__copy_to_user_inatomic(to->base, from, bytes);
	else
		done = kipc_buffer_iter_out(to, from, bytes);
	pagefault_enable();
	return done;
}

/* Copy up to KIPC_COPY_LOCKED bytes in; false if that would fault. */
static inline bool kipc_buffer_in(void *to, const struct kipc_buffer *from,
				  size_t bytes)
{
	bool done;

	pagefault_disable();
	if (likely(!from->iter))
		done = !__copy_from_user_inatomic(to, from->base, bytes);
	else
		done = kipc_buffer_iter_in(to, from, bytes);
	pagefault_enable();
	return done;
}

#endif /* KIPC_BUFFER_H */
