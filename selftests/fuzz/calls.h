/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a program of the fuzzer does, as far as it is more than one system call;
 * reproducers in C use the same.
 *
 * DOC: Memory
 *
 * An argument that is a pointer is an area and an offset: at(BUF, 0x10).  It is a
 * bad one that finds the faults in a copy, so most areas end in a hole, or are one.
 */
#ifndef FUZZ_CALLS_H
#define FUZZ_CALLS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <linux/kipc.h>

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define SECOND		1000000000ULL
#define AREA_SHIFT	32
#define AREA_VALUE(area, offset) \
	((uint64_t)(area) << AREA_SHIFT | (uint32_t)(offset))
#define FRESH_SIZE	(64 * 1024)
#define NAME_STEP	256		/* from one name to the next */
#define NAME_COUNT	8
#define GOOD_NAMES	3		/* the first ones, all short */

enum area {
	NONE,
	BUF,		/* 192 KiB, then a hole */
	RO,		/* 8 KiB, read-only, then a hole */
	EDGE,		/* the offset counts back from a hole */
	GONE,		/* not mapped */
	KERNEL,		/* not ours */
	NAMES,		/* NAME_COUNT names */
	FRESH,		/* 64 KiB whose pages are missing after call_fresh() */
	ATTR,		/* the structure of "attr", or those of "items" */
	AREAS
};

/* What KIPC_IOC_SEM_TAKE_ALL is given. */
struct two_fds {
	int32_t first, second;
};

/* areas.c */
void areas_setup(void);
void *at(unsigned int area, uint32_t offset);
unsigned int name_length(unsigned int number);
/* Puts a structure where the program wants it; at NONE: where it is safe. */
void *place(const void *structure, size_t size, void *where);
/* Puts the nested structure to ATTR, an array of items if it is more than one. */
void place_nested(const void *structure, size_t size, unsigned int times);

/* calls.c */
void calls_setup(void);
uint64_t calls_now(void);
/* An absolute time, so many microseconds from now. */
uint64_t after_us(uint64_t us);
/* The command for a structure of another size; 0: its own. */
unsigned int resized(unsigned int command, unsigned int size);
/* Signals do not kill. */
void signals_setup(void);
/*
 * SIGALRM comes in some milliseconds, and then again and again.  Not every
 * millisecond: where one takes longer than that, as in a debug kernel on a loaded
 * machine, nothing but signals would be left.
 */
void interrupt_often(void);
void interrupt_no_more(void);
/* Microseconds from one interruption, which was to be at @due, to the next one. */
uint64_t calls_pause(uint64_t due);
/* A child that ends with its parent; @share its descriptors as well. */
pid_t call_fork(bool share);

long call_relative(int fd, uint64_t who, uint64_t flags);
long call_readv(int fd, void *data, size_t size, unsigned int parts, int flags);
long call_writev(int fd, void *data, size_t size, unsigned int parts, int flags);
long call_uring(int fd, int opcode, void *data, uint32_t size, uint64_t us);
long call_poll(int fd, short events, uint64_t us);
long call_epoll(int fd, uint32_t events);
long call_epoll_wait(int fd, uint64_t us);
long call_fcntl(int fd, uint64_t command, uint64_t argument);
long call_owner(int fd, uint64_t who, uint64_t sig);
long call_reopen(int fd, int flags);
long call_fstat(int fd);
long call_fdinfo(int fd);
/* The server's mapping, or the client's; it stays until calls_unmap(). */
long call_service_map(int fd, uint64_t touch);
long call_service_unmap(uint64_t which);
/* Memory, by a control descriptor; a mapping, that stays likewise; a change of one. */
long call_memory(int fd, uint64_t name, uint64_t size, uint64_t rights);
long call_memory_map(int fd, size_t size, int protection, int flags);
long call_memory_change(uint64_t which, uint64_t how);
/* A call by a frame that is filled for it. */
long call_frame(int fd, uint64_t stack, uint64_t flags, uint64_t wait);
void calls_unmap(void);
long call_mmap(int fd, size_t size, int protection, int flags);
long call_file(int fd, uint64_t which, uint64_t number, void *data);
long call_splice(int fd, uint64_t which, size_t size, unsigned int flags);
long call_pass(int fd);
long call_take(void);
/* One of the descriptors that came last, or were sent; of a program's own. */
long call_received(uint64_t which);
void calls_first(int fd);
long call_become(unsigned int uid);
long call_unshare(void);
long call_limit(uint64_t which, uint64_t value);
long call_fresh(void);
long call_alarm(uint64_t us);
long call_sleep(uint64_t us);
long call_exec(void);
/* For reproducers: a thread, and the end of all. */
long call_thread(void *(*function)(void *));
void threads_end(void);
void limits_restore(void);
/* As before the program: user, namespace, limits. */
void calls_restore(void);

#endif /* FUZZ_CALLS_H */
