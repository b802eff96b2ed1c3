// SPDX-License-Identifier: GPL-2.0
/*
 * splice(2) between a pipe of kipc and one of pipe(2), and sendfile(2), which goes by
 * one of these.  The latter is locked meanwhile, but never while it would have to wait
 * for the former: whoever else uses it shall not wait as well, and not to be killed.
 */
#include <linux/bvec.h>
#include <linux/mm.h>
#include <linux/pipe_fs_i.h>
#include <linux/sched/signal.h>
#include <linux/splice.h>
#include <linux/uio.h>
#include <linux/wait.h>

#include "pipe.h"

/**
 * struct kipc_load - pages that are to be filled, and go into the other pipe
 * @count: how many
 * @pages: themselves
 * @vec: the same, to be written to
 * @partial: how much is in each
 */
struct kipc_load {
	unsigned int count;
	struct page *pages[PIPE_DEF_BUFFERS];
	struct kvec vec[PIPE_DEF_BUFFERS];
	struct partial_page partial[PIPE_DEF_BUFFERS];
};

static void kipc_load_release(struct splice_pipe_desc *desc, unsigned int i)
{
	put_page(desc->pages[i]);
}

/* Free the pages from the @first on. */
static void kipc_load_drop(struct kipc_load *load, unsigned int first)
{
	while (load->count > first)
		put_page(load->pages[--load->count]);
}

/* Returns false if there is no memory for a single page. */
static bool kipc_load_make(struct kipc_load *load, unsigned int count)
{
	struct page *page;

	for (load->count = 0; load->count < count; load->count++) {
		page = alloc_page(GFP_KERNEL_ACCOUNT);
		if (!page)
			break;
		load->pages[load->count] = page;
		load->vec[load->count].iov_base = page_address(page);
		load->vec[load->count].iov_len = PAGE_SIZE;
	}
	return load->count;
}

/* Hand over what is in the pages; the other pipe, locked, has slots for all. */
static ssize_t kipc_load_hand_over(struct kipc_load *load,
				   struct pipe_inode_info *out, size_t bytes)
{
	struct splice_pipe_desc desc = {
		.pages = load->pages,
		.partial = load->partial,
		.nr_pages = load->count,
		.nr_pages_max = PIPE_DEF_BUFFERS,
		.ops = &nosteal_pipe_buf_ops,
		.spd_release = kipc_load_release,
	};
	unsigned int i;

	for (i = 0; i < load->count; i++) {
		load->partial[i].offset = 0;
		load->partial[i].len = min_t(size_t, bytes, PAGE_SIZE);
		load->partial[i].private = 0;
		bytes -= load->partial[i].len;
	}
	return splice_to_pipe(out, &desc);
}

/* Move what is there, as far as it fits.  Returns how much, 0 at the end, or an errno. */
static ssize_t kipc_pipe_splice_now(struct kipc_pipe *pipe,
				    struct kipc_load *load,
				    struct pipe_inode_info *out, size_t size)
{
	struct kipc_transfer to = { .deadline = KIPC_DEADLINE_NO_WAIT };
	unsigned int slots;
	struct iov_iter iter;
	ssize_t ret;

	if (!out->readers) {
		send_sig(SIGPIPE, current, 0);
		return -EPIPE;
	}
	slots = out->max_usage - min(out->max_usage,
				     pipe_occupancy(out->head, out->tail));
	if (!slots)
		return -EAGAIN;
	/* A snapshot: if nothing is there, something may come just now. */
	size = min_t(size_t, size, kipc_pipe_inside(pipe) ?: PAGE_SIZE);
	size = min_t(size_t, size, min_t(unsigned int, slots, PIPE_DEF_BUFFERS) *
				   PAGE_SIZE);
	if (!kipc_load_make(load, DIV_ROUND_UP(size, PAGE_SIZE)))
		return -ENOMEM;
	to.size = min_t(size_t, size, load->count * PAGE_SIZE);
	iov_iter_kvec(&iter, READ, load->vec, load->count, to.size);
	to.buffer.iter = &iter;
	ret = kipc_pipe_receive(pipe, &to);
	kipc_load_drop(load, ret > 0 ? DIV_ROUND_UP(ret, PAGE_SIZE) : 0);
	return ret > 0 ? kipc_load_hand_over(load, out, ret) : ret;
}

/* Is there a slot in the other pipe, or nobody to read it?  As a snapshot. */
static bool kipc_pipe_can_take(struct pipe_inode_info *out)
{
	unsigned int head = READ_ONCE(out->head), tail = READ_ONCE(out->tail);

	return !pipe_full(head, tail, READ_ONCE(out->max_usage)) ||
	       !READ_ONCE(out->readers);
}

/**
 * kipc_pipe_splice_read - splice(2) from a pipe of kipc
 * @in: the handle, with the right to receive
 * @pos: not used
 * @out: the pipe of pipe(2), locked: nobody else can use it meanwhile, so it is unlocked
 *	while there is nothing to be read
 * @size: how much at most
 * @flags: SPLICE_F_NONBLOCK counts
 *
 * Context: process context, may sleep.
 * Return: how much was moved, 0 for the end of the file, or as kipc_pipe_receive(),
 * -EPIPE: @out has no readers.
 */
ssize_t kipc_pipe_splice_read(struct file *in, loff_t *pos,
			      struct pipe_inode_info *out, size_t size,
			      unsigned int flags)
{
	ktime_t deadline = kipc_handle_patience(in, flags & SPLICE_F_NONBLOCK);
	struct kipc_pipe *pipe = kipc_pipe_of_file(in);
	struct kipc_load *load;
	ssize_t ret;

	if (!size)
		return 0;
	load = kmalloc(sizeof(*load), GFP_KERNEL);
	if (!load)
		return -ENOMEM;
	for (;;) {
		ret = kipc_pipe_splice_now(pipe, load, out, size);
		if (ret != -EAGAIN || deadline == KIPC_DEADLINE_NO_WAIT)
			break;
		pipe_unlock(out);
		ret = kipc_pipe_await_data(pipe, deadline);
		/* Meanwhile others may have filled it. */
		if (!ret)
			ret = wait_event_interruptible(out->wr_wait,
						       kipc_pipe_can_take(out));
		pipe_lock(out);
		if (ret) {
			ret = ret == -EPIPE ? 0 : ret;
			break;
		}
	}
	kfree(load);
	return ret;
}

/**
 * struct kipc_unload - where what is in the other pipe goes
 * @pipe: to this pipe
 * @full: which is full
 */
struct kipc_unload {
	struct kipc_pipe *pipe;
	bool full;
};

/* Write as much of a buffer as there is room for now.  Returns that, or an errno. */
static int kipc_unload_buffer(struct pipe_inode_info *in, struct pipe_buffer *buf,
			      struct splice_desc *desc)
{
	struct kipc_unload *unload = desc->u.data;
	struct kipc_transfer from = {
		.size = desc->len,
		.deadline = KIPC_DEADLINE_NO_WAIT,
	};
	struct bio_vec vec = {
		.bv_page = buf->page,
		.bv_offset = buf->offset,
		.bv_len = desc->len,
	};
	struct iov_iter iter;
	ssize_t ret;

	iov_iter_bvec(&iter, WRITE, &vec, 1, desc->len);
	from.buffer.iter = &iter;
	ret = kipc_pipe_send_piece(unload->pipe, &from, false);
	unload->full = ret == -EAGAIN;
	if (ret == -EPIPE)
		send_sig(SIGPIPE, current, 0);
	return ret;
}

/**
 * kipc_pipe_splice_write - splice(2) into a pipe of kipc
 * @in: the pipe of pipe(2), not locked
 * @out: the handle, with the right to send
 * @pos: not used
 * @size: how much at most
 * @flags: SPLICE_F_NONBLOCK counts
 *
 * Context: process context, may sleep.
 * Return: how much was moved, 0: @in has no writers, and is empty; or as
 * kipc_pipe_write().
 */
ssize_t kipc_pipe_splice_write(struct pipe_inode_info *in, struct file *out,
			       loff_t *pos, size_t size, unsigned int flags)
{
	ktime_t deadline = kipc_handle_patience(out, flags & SPLICE_F_NONBLOCK);
	struct kipc_unload unload = { .pipe = kipc_pipe_of_file(out) };
	ssize_t ret;

	do {
		struct splice_desc desc = {
			.total_len = size,
			.flags = flags,
			.u.data = &unload,
		};

		unload.full = false;
		pipe_lock(in);
		ret = __splice_from_pipe(in, &desc, kipc_unload_buffer);
		pipe_unlock(in);
		if (ret != -EAGAIN || !unload.full ||
		    deadline == KIPC_DEADLINE_NO_WAIT)
			return ret;
		ret = kipc_pipe_await_space(unload.pipe, deadline);
	} while (!ret);
	if (ret == -EPIPE)
		send_sig(SIGPIPE, current, 0);
	return ret;
}
