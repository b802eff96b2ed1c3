/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: User memory
 *
 * A buffer is where a message comes from or goes to: a plain pointer (read,
 * write, ioctl: the fast path) or an iterator (readv, writev, io_uring).
 *
 * kipc_buffer_out() and kipc_buffer_in(), and kipc_copy_out() and kipc_copy_in()
 * for a plain pointer, copy up to KIPC_COPY_LOCKED bytes with page faults
 * disabled, so that they may be used under a spinlock; kipc_buffer_large_out()
 * and kipc_buffer_large_in() do the same in pieces, without a lock, while nobody else
 * can have the message or the memory.
 * They end soon, whatever userfaultfd or FUSE lie behind the memory.  If they come
 * out short, the caller lets everything go, calls kipc_buffer_fault_in_..., which
 * may take for ever, and tries again.
 * kipc_buffer_read() may fault, and is for a time when nothing is held.
 */
#ifndef KIPC_BUFFER_H
#define KIPC_BUFFER_H

#include <linux/fault-inject-usercopy.h>
#include <linux/instrumented.h>
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
bool kipc_buffer_large_in(void *to, const struct kipc_buffer *from,
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

static __always_inline bool kipc_copy_tiny_out(void __user *to,
					       const void *from, size_t bytes)
{
	if (!user_write_access_begin(to, bytes))
		return false;
	for (; bytes >= 4 * sizeof(u64); bytes -= 4 * sizeof(u64)) {
		unsafe_put_user(((const u64 *)from)[0], (u64 __user *)to, fault);
		unsafe_put_user(((const u64 *)from)[1], (u64 __user *)to + 1, fault);
		unsafe_put_user(((const u64 *)from)[2], (u64 __user *)to + 2, fault);
		unsafe_put_user(((const u64 *)from)[3], (u64 __user *)to + 3, fault);
		from += 4 * sizeof(u64);
		to += 4 * sizeof(u64);
	}
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

static __always_inline bool kipc_copy_tiny_in(void *to,
					      const void __user *from,
					      size_t bytes)
{
	if (!user_read_access_begin(from, bytes))
		return false;
	for (; bytes >= 4 * sizeof(u64); bytes -= 4 * sizeof(u64)) {
		unsafe_get_user(((u64 *)to)[0], (const u64 __user *)from, fault);
		unsafe_get_user(((u64 *)to)[1], (const u64 __user *)from + 1, fault);
		unsafe_get_user(((u64 *)to)[2], (const u64 __user *)from + 2, fault);
		unsafe_get_user(((u64 *)to)[3], (const u64 __user *)from + 3, fault);
		from += 4 * sizeof(u64);
		to += 4 * sizeof(u64);
	}
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

/* Longer ones: for the same reason without that check, as iterators do it. */

static inline bool kipc_copy_more_out(void __user *to, const void *from,
				      size_t bytes)
{
	if (should_fail_usercopy())
		return false;
	instrument_copy_to_user(to, from, bytes);
	return !raw_copy_to_user(to, from, bytes);
}

static inline bool kipc_copy_more_in(void *to, const void __user *from,
				     size_t bytes)
{
	unsigned long left;

	if (should_fail_usercopy())
		return false;
	instrument_copy_from_user_before(to, from, bytes);
	left = raw_copy_from_user(to, from, bytes);
	instrument_copy_from_user_after(to, from, bytes, left);
	return !left;
}

/*
 * Copy up to KIPC_COPY_LOCKED bytes out; false if that would fault.  As for a buffer,
 * access_ok() was checked.  For several copies page faults may be disabled once:
 * then it is kipc_copy_out_now(), kipc_copy_in_now().
 */
static __always_inline bool kipc_copy_out_now(void __user *to, const void *from,
					      size_t bytes)
{
	return bytes <= KIPC_COPY_TINY ? kipc_copy_tiny_out(to, from, bytes) :
					 kipc_copy_more_out(to, from, bytes);
}

static __always_inline bool kipc_copy_out(void __user *to, const void *from,
					  size_t bytes)
{
	bool done;

	pagefault_disable();
	done = kipc_copy_out_now(to, from, bytes);
	pagefault_enable();
	return done;
}

/* Copy up to KIPC_COPY_LOCKED bytes in; false if that would fault. */
static __always_inline bool kipc_copy_in_now(void *to, const void __user *from,
					     size_t bytes)
{
	return bytes <= KIPC_COPY_TINY ? kipc_copy_tiny_in(to, from, bytes) :
					 kipc_copy_more_in(to, from, bytes);
}

static __always_inline bool kipc_copy_in(void *to, const void __user *from,
					 size_t bytes)
{
	bool done;

	pagefault_disable();
	done = kipc_copy_in_now(to, from, bytes);
	pagefault_enable();
	return done;
}

/* The same of buffers. */

static inline bool kipc_buffer_out(const struct kipc_buffer *to,
				   const void *from, size_t bytes)
{
	return unlikely(to->iter) ? kipc_buffer_iter_out(to, from, bytes) :
				    kipc_copy_out(to->base, from, bytes);
}

static inline bool kipc_buffer_in(void *to, const struct kipc_buffer *from,
				  size_t bytes)
{
	return unlikely(from->iter) ? kipc_buffer_iter_in(to, from, bytes) :
				      kipc_copy_in(to, from->base, bytes);
}

/* Structures that may grow at their end; see "Structures" in linux/kipc.h. */
#define KIPC_CMD(cmd) ((cmd) & ~IOCSIZE_MASK)

/* The size when it was first published: up to the member that was last then. */
#define KIPC_LEAST(type, member) offsetofend(type, member)

int kipc_arg_in_slow(void *to, size_t known, size_t least,
		     const void __user *from, size_t given);
int kipc_arg_out(void __user *to, size_t given, size_t least, const void *from,
		 size_t known);

/*
 * Take an ioctl's structure in: @known is its size here, @least that when it was first
 * published, @given that of the caller.  0; -EINVAL: too short; -E2BIG: longer, and
 * not zero there; -EFAULT.  Nearly always the sizes are the same: word by word, as
 * tiny messages; it may fault.
 */
static __always_inline int kipc_arg_in(void *to, size_t known, size_t least,
				       const void __user *from, size_t given)
{
	if (should_fail_usercopy())
		return -EFAULT;
	if (likely(given == known && kipc_copy_tiny_in(to, from, known)))
		return 0;
	return kipc_arg_in_slow(to, known, least, from, given);
}

#endif /* KIPC_BUFFER_H */
