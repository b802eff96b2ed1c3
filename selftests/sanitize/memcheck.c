// SPDX-License-Identifier: GPL-2.0
/*
 * To be preloaded under valgrind, which follows no pointer in the structure of
 * an ioctl that it does not know: tells it what a send reads, and what a receive
 * has written.  For 64 bit.
 */
#include <stdarg.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/kipc.h>
#include <valgrind/memcheck.h>

static void *pointer(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

int ioctl(int fd, unsigned long request, ...)
{
	const struct kipc_mailbox_send *send;
	const struct kipc_mailbox_recv *recv;
	va_list args;
	void *arg;
	int ret;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (request == KIPC_IOC_MAILBOX_SEND) {
		send = arg;
		/* If the kernel refuses the letter, its memory does not matter. */
		ret = syscall(SYS_ioctl, fd, request, arg);
		if (!ret)
			VALGRIND_CHECK_MEM_IS_DEFINED(pointer(send->data),
						      send->size);
		return ret;
	}
	ret = syscall(SYS_ioctl, fd, request, arg);
	if (request == KIPC_IOC_MAILBOX_RECV && ret > 0) {
		recv = arg;
		VALGRIND_CHECK_MEM_IS_ADDRESSABLE(pointer(recv->data), ret);
		VALGRIND_MAKE_MEM_DEFINED(pointer(recv->data), ret);
	}
	return ret;
}
