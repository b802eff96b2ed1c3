// SPDX-License-Identifier: GPL-2.0
/*
 * To be preloaded under valgrind, which follows no pointer in the structure of
 * an ioctl that it does not know: tells it what the kernel has read there, and what
 * it has written.  For 64 bit.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/kipc.h>
#include <valgrind/memcheck.h>

static void *pointer(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

/* What the kernel has read; if it refused that, its memory does not matter. */
static void was_read(uint64_t address, uint64_t size)
{
	VALGRIND_CHECK_MEM_IS_DEFINED(pointer(address), size);
}

static void was_written(uint64_t address, uint64_t size)
{
	VALGRIND_CHECK_MEM_IS_ADDRESSABLE(pointer(address), size);
	VALGRIND_MAKE_MEM_DEFINED(pointer(address), size);
}

static void items_were_read(const struct kipc_mailbox_send_batch *batch, int count)
{
	const struct kipc_send_item *items = pointer(batch->items);
	int i;

	was_read(batch->items, batch->count * sizeof(items[0]));
	for (i = 0; i < count; i++)
		was_read(items[i].data, items[i].size);
}

static void items_were_written(const struct kipc_mailbox_recv_batch *batch,
			       int count)
{
	struct kipc_recv_item *items = pointer(batch->items);
	const struct kipc_letter *letter;
	int i;

	for (i = 0; i < (int)batch->count; i++)
		was_read((uintptr_t)&items[i],
			 offsetof(struct kipc_recv_item, letter));
	for (i = 0; i < count; i++) {
		letter = &items[i].letter;
		was_written((uintptr_t)letter, sizeof(*letter));
		was_written(items[i].data,
			    letter->flags & KIPC_LETTER_TRUNCATED ?
			    items[i].size : letter->size);
	}
}

static void messages_were_read(const struct kipc_queue_send_batch *batch, int count)
{
	const struct kipc_queue_send_item *items = pointer(batch->items);
	int i;

	was_read(batch->items, batch->count * sizeof(items[0]));
	for (i = 0; i < count; i++)
		was_read(items[i].data, items[i].size);
}

static void messages_were_written(const struct kipc_queue_recv_batch *batch,
				  int count)
{
	struct kipc_queue_recv_item *items = pointer(batch->items);
	const struct kipc_message *message;
	int i;

	for (i = 0; i < (int)batch->count; i++)
		was_read((uintptr_t)&items[i],
			 offsetof(struct kipc_queue_recv_item, message));
	for (i = 0; i < count; i++) {
		message = &items[i].message;
		was_written((uintptr_t)message, sizeof(*message));
		was_written(items[i].data,
			    message->flags & KIPC_MESSAGE_TRUNCATED ?
			    items[i].size : message->size);
	}
}

static void handles_were_read(const struct kipc_handles *handles)
{
	was_read(handles->items, handles->count * sizeof(struct kipc_descriptor));
}

/* But for a look, which says only how many there are. */
static void handles_were_written(const struct kipc_handles *handles, uint32_t flags)
{
	if (!(flags & KIPC_RECV_PEEK))
		was_written(handles->items,
			    handles->count * sizeof(struct kipc_descriptor));
}

int ioctl(int fd, unsigned long request, ...)
{
	const struct kipc_mailbox_send_handles *send_handles;
	const struct kipc_mailbox_recv_handles *recv_handles;
	const struct kipc_queue_send_handles *put_handles;
	const struct kipc_queue_recv_handles *get_handles;
	const struct kipc_mailbox_call_handles *call_handles;
	const struct kipc_mailbox_reply_handles *reply_handles;
	const struct kipc_mailbox_collect_handles *collect_handles;
	const struct kipc_service_handles *handles;
	const struct kipc_mailbox_collect *collect;
	const struct kipc_mailbox_reply *reply;
	const struct kipc_mailbox_send *send;
	const struct kipc_mailbox_call *call;
	const struct kipc_mailbox_recv *recv;
	const struct kipc_queue_send *put;
	const struct kipc_queue_recv *get;
	const struct kipc_sem_operation *operation;
	const struct kipc_sem_values *values;
	const struct kipc_sem_all *all;
	const struct kipc_pipe_io *io;
	va_list args;
	void *arg;
	int ret;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	ret = syscall(SYS_ioctl, fd, request, arg);
	if (ret < 0)
		return ret;
	switch (request) {
	case KIPC_IOC_MAILBOX_SEND:
		send = arg;
		was_read(send->data, send->size);
		break;
	case KIPC_IOC_MAILBOX_RECV:
		recv = arg;
		was_written(recv->data, ret);
		break;
	case KIPC_IOC_MAILBOX_CALL:
		call = arg;
		was_read(call->data, call->size);
		was_written(call->reply, ret);
		break;
	case KIPC_IOC_MAILBOX_REPLY:
		reply = arg;
		was_read(reply->data, reply->size);
		break;
	case KIPC_IOC_MAILBOX_COLLECT:
		collect = arg;
		was_written(collect->data, ret);
		break;
	case KIPC_IOC_MAILBOX_SEND_BATCH:
		items_were_read(arg, ret);
		break;
	case KIPC_IOC_MAILBOX_RECV_BATCH:
		items_were_written(arg, ret);
		break;
	case KIPC_IOC_QUEUE_SEND:
		put = arg;
		was_read(put->data, put->size);
		break;
	case KIPC_IOC_QUEUE_RECV:
		get = arg;
		was_written(get->data, ret);
		break;
	case KIPC_IOC_QUEUE_SEND_BATCH:
		messages_were_read(arg, ret);
		break;
	case KIPC_IOC_QUEUE_RECV_BATCH:
		messages_were_written(arg, ret);
		break;
	case KIPC_IOC_MAILBOX_SEND_HANDLES:
		send_handles = arg;
		was_read(send_handles->send.data, send_handles->send.size);
		handles_were_read(&send_handles->handles);
		break;
	case KIPC_IOC_MAILBOX_RECV_HANDLES:
		recv_handles = arg;
		was_written(recv_handles->recv.data, ret);
		handles_were_written(&recv_handles->handles, recv_handles->recv.flags);
		break;
	case KIPC_IOC_MAILBOX_CALL_HANDLES:
		call_handles = arg;
		was_read(call_handles->call.data, call_handles->call.size);
		handles_were_read(&call_handles->request);
		if (!(call_handles->call.flags & KIPC_CALL_SUBMIT)) {
			was_written(call_handles->call.reply, ret);
			handles_were_written(&call_handles->reply, 0);
		}
		break;
	case KIPC_IOC_MAILBOX_REPLY_HANDLES:
		reply_handles = arg;
		was_read(reply_handles->reply.data, reply_handles->reply.size);
		handles_were_read(&reply_handles->handles);
		break;
	case KIPC_IOC_MAILBOX_COLLECT_HANDLES:
		collect_handles = arg;
		was_written(collect_handles->collect.data, ret);
		handles_were_written(&collect_handles->handles, 0);
		break;
	case KIPC_IOC_QUEUE_SEND_HANDLES:
		put_handles = arg;
		was_read(put_handles->send.data, put_handles->send.size);
		handles_were_read(&put_handles->handles);
		break;
	case KIPC_IOC_QUEUE_RECV_HANDLES:
		get_handles = arg;
		was_written(get_handles->recv.data, ret);
		handles_were_written(&get_handles->handles, get_handles->recv.flags);
		break;
	case KIPC_IOC_SERVICE_ATTACH:
		handles = arg;
		handles_were_read(&handles->handles);
		break;
	case KIPC_IOC_SERVICE_TAKE:
		handles = arg;
		handles_were_written(&handles->handles, 0);
		break;
	case KIPC_IOC_PIPE_WRITE:
		io = arg;
		was_read(io->data, ret);
		break;
	case KIPC_IOC_PIPE_READ:
		io = arg;
		was_written(io->data, ret);
		break;
	case KIPC_IOC_SEM_OP:
		operation = arg;
		was_read(operation->ops, operation->count * sizeof(struct kipc_sem_op));
		break;
	case KIPC_IOC_SEM_TAKE_ALL:
		all = arg;
		was_read(all->fds, all->count * sizeof(int));
		break;
	case KIPC_IOC_SEM_GET:
		values = arg;
		was_written(values->values, values->count * sizeof(struct kipc_sem_value));
		break;
	case KIPC_IOC_SEM_SET:
		values = arg;
		was_read(values->values, values->count * sizeof(uint32_t));
		break;
	}
	return ret;
}
