/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: User memory
 *
 * A buffer is where a message comes from or goes to: a plain pointer (read,
 * write, ioctl: the fast path) or an iterator (readv, writev, io_uring).
 *
 * kipc_buffer_out() and kipc_buffer_in() copy up to KIPC_COPY_LOCKED bytes with
 * page faults disabled, so that they may be used under a spinlock;
 * kipc_buffer_large_out() does the same in pieces, without a lock, while a
 * message is out of its queue.  They end soon, whatever userfaultfd or FUSE lie
 * behind the memory.  If they come out short, the caller lets everything go,
 * calls kipc_buffer_fault_in_..., which may take for ever, and tries again.
 * kipc_buffer_read() may fault, and is for a time when nothing is held.
 */
#ifndef KIPC_BUFFER_H
#define KIPC_BUFFER_H

#include <linux/ioctl.h>
#include <linux/stddef.h>
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

/*
 * Messages are often tiny.  Up to this size they are copied word by word: the
 * general functions cost more in checks of the kernel side than the copy does.
 * Here its bounds are known: a record of the ring.
 */
#define KIPC_COPY_TINY 256

static inline bool kipc_copy_tiny_out(void __user *to, const void *from,
				      size_t bytes)
{
	if (!user_write_access_begin(to, bytes))
		return false;
	for (; bytes >= sizeof(u64); bytes -= sizeof(u64)) {
		unsafe_put_user(*(const u64 *)from, (u64 __user *)to, fault);
		from += sizeof(u64);
		to += sizeof(u64);
	}
	for (; bytes; bytes--)
		unsafe_put_user(*(const u8 *)from++, (u8 __user *)to++, fault);
	user_write_access_end();
	return true;

fault:
	user_write_access_end();
	return false;
}

static inline bool kipc_copy_tiny_in(void *to, const void __user *from,
				     size_t bytes)
{
	if (!user_read_access_begin(from, bytes))
		return false;
	for (; bytes >= sizeof(u64); bytes -= sizeof(u64)) {
		unsafe_get_user(*(u64 *)to, (const u64 __user *)from, fault);
		from += sizeof(u64);
		to += sizeof(u64);
	}
	for (; bytes; bytes--)
		unsafe_get_user(*(u8 *)to++, (const u8 __user *)from++, fault);
	user_read_access_end();
	return true;

fault:
	user_read_access_end();
	return false;
}

/* Copy up to KIPC_COPY_LOCKED bytes out; false if that would fault. */
static inline bool kipc_buffer_out(const struct kipc_buffer *to,
				   const void *from, size_t bytes)
{
	bool done;

	pagefault_disable();
	if (unlikely(to->iter))
		done = kipc_buffer_iter_out(to, from, bytes);
	else if (bytes <= KIPC_COPY_TINY)
		done = kipc_copy_tiny_out(to->base, from, bytes);
	else
		done = !__copy_to_user_inatomic(to->base, from, bytes);
	pagefault_enable();
	return done;
}

/* Copy up to KIPC_COPY_LOCKED bytes in; false if that would fault. */
static inline bool kipc_buffer_in(void *to, const struct kipc_buffer *from,
				  size_t bytes)
{
	bool done;

	pagefault_disable();
	if (unlikely(from->iter))
		done = kipc_buffer_iter_in(to, from, bytes);
	else if (bytes <= KIPC_COPY_TINY)
		done = kipc_copy_tiny_in(to, from->base, bytes);
	else
		done = !__copy_from_user_inatomic(to, from->base, bytes);
	pagefault_enable();
	return done;
}

/* Structures that may grow at their end; see "Structures" in linux/kipc.h. */
#define KIPC_CMD(cmd) ((cmd) & ~IOCSIZE_MASK)

/* The size when it was first published: up to the member that was last then. */
#define KIPC_LEAST(type, member) offsetofend(type, member)

int kipc_arg_in(void *to, size_t known, size_t least, const void __user *from,
		size_t given);
int kipc_arg_out(void __user *to, size_t given, size_t least, const void *from,
		 size_t known);

#endif /* KIPC_BUFFER_H */
