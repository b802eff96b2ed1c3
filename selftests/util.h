/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all kipc test programs share.
 *
 * DOC: Habits
 *
 * The k_*() functions are the bare ioctls, not the library.  They fill what
 * the kernel may write with POISON before each call, and end the program if a
 * call that failed has written anything, so that every test is also a test of
 * "a call that fails has changed nothing".
 *
 * The harness's ASSERT and EXPECT work in the test's own process only.  In its
 * children and threads, and in helpers, use CHECK(): it says what was wrong
 * and ends the process; the parent sees that in reap().
 *
 * Nobody sleeps in the hope that something has happened meanwhile: wait_*()
 * wait for the condition itself, and CHECK that it came in time.
 */
#ifndef KIPC_SELFTEST_UTIL_H
#define KIPC_SELFTEST_UTIL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/kipc.h>

#define DEVICE		"/dev/kipc"
#define SYS_TOTALS	"/sys/class/misc/kipc/"
#define SYS_LIMITS	"/sys/module/kipc/parameters/"
#define POISON		0xcc
#define MS		1000000ULL		/* in nanoseconds */
#define SECOND		1000000000ULL
#define PATIENCE	(60 * SECOND)		/* emulation is slow */
#define NOBODY		65534
#define ALL_RIGHTS	KIPC_MAILBOX_RIGHTS
#define SEND		KIPC_RIGHT_SEND
#define RECEIVE		KIPC_RIGHT_RECEIVE
#define MANAGE		KIPC_RIGHT_MANAGE

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME	0x00000080
#endif

/* Ends this process, and says why, unless the condition holds. */
#define CHECK(cond) do {						\
	if (!(cond))							\
		util_failed(__FILE__, __LINE__, #cond);			\
} while (0)
/* The call must fail, with this errno. */
#define CHECK_ERR(want, call) do {					\
	long r_ = (call);						\
	int e_ = errno;							\
	if (r_ != -1 || e_ != (want))					\
		util_wrong(__FILE__, __LINE__, #call, r_, e_, #want);	\
} while (0)
/* The same in a test's own process: notes the failure and goes on. */
#define EXPECT_ERR(want, call) do {					\
	long r_ = (call);						\
	int e_ = errno;							\
	EXPECT_TRUE(r_ == -1 && e_ == (want)) {				\
		TH_LOG("%s: returned %ld, errno %s, expected %s", #call,	\
		       r_, r_ == -1 ? strerrorname_np(e_) : "-", #want);	\
	}								\
} while (0)
/* The call waits, and goes on with nothing but the signals of ticking(). */
#define EXPECT_INTERRUPTED(call) do {					\
	timer_t timer_ = ticking();					\
	EXPECT_ERR(EINTR, call);					\
	CHECK(!timer_delete(timer_));					\
} while (0)
/* The call must not fail. */
#define EXPECT_OK(call) do {						\
	long r_ = (call);						\
	int e_ = errno;							\
	EXPECT_TRUE(r_ >= 0) {						\
		TH_LOG("%s: %s", #call, strerrorname_np(e_));		\
	}								\
} while (0)
#define ASSERT_OK(call) do {						\
	long r_ = (call);						\
	int e_ = errno;							\
	ASSERT_TRUE(r_ >= 0) {						\
		TH_LOG("%s: %s", #call, strerrorname_np(e_));		\
	}								\
} while (0)

void util_failed(const char *file, int line, const char *what)
	__attribute__((noreturn));
void util_wrong(const char *file, int line, const char *call, long ret, int err,
		const char *want) __attribute__((noreturn));

/* The ioctls. */
static inline uint64_t ptr(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

int control(void);
int k_create(int ctl, const char *name, const struct kipc_mailbox_attr *attr,
	     unsigned int mode, unsigned int rights, unsigned int flags);
/* These two open a control descriptor of their own if @ctl is OWN_CONTROL. */
#define OWN_CONTROL	(-1)
int k_create_kind(int ctl, unsigned int kind, const char *name, const void *attr,
		  size_t attr_size, unsigned int mode, unsigned int rights,
		  unsigned int flags);
int k_open_until(int ctl, const char *name, unsigned int kind, unsigned int rights,
		 unsigned int flags, uint64_t deadline);
int k_open(int ctl, const char *name, unsigned int rights, unsigned int flags);
int k_open_kind(int ctl, const char *name, unsigned int kind,
		unsigned int rights);
int k_unlink(int ctl, const char *name);
int k_publish(int fd);
int k_unpublish(int fd);
int k_open_pid(int ctl, pid_t pid, unsigned int rights, unsigned int flags);
int k_info(int fd, struct kipc_info *info);
int k_narrow(int fd, unsigned int rights, unsigned int flags);
int k_remove(int fd);
int k_stat(int fd, struct kipc_mailbox_stat *stat);
int k_send(int fd, const void *data, size_t size, uint64_t tag,
	   uint64_t deadline);
ssize_t k_recv(int fd, void *data, size_t size, struct kipc_letter *letter,
	       unsigned int flags, uint64_t deadline);

/* Calls.  A pointer may be NULL if nobody wants to know. */
ssize_t k_call(int fd, const void *data, size_t size, void *reply,
	       size_t reply_size, uint64_t *token, uint64_t deadline);
int k_submit(int fd, const void *data, size_t size, size_t reply_size,
	     uint64_t *token, uint64_t deadline);
ssize_t k_serve(int fd, void *data, size_t size, struct kipc_mailbox_recv *recv,
		unsigned int flags, uint64_t deadline);
int k_reply(int fd, uint64_t token, const void *data, size_t size, uint64_t tag);
ssize_t k_collect(int fd, uint64_t *token, void *data, size_t size,
		  struct kipc_letter *letter, uint64_t deadline);
int k_cancel(int fd, uint64_t token);

/* Mailboxes without a name, with all rights; they CHECK that it worked. */
int box(uint64_t letters, uint64_t bytes, uint32_t size, uint32_t flags);
int default_box(void);
int rendezvous_box(uint32_t size);
struct kipc_mailbox_stat stat_of(int fd);
/* The object's number; CHECKs that there is one. */
uint64_t id_of(int fd);
/* A name that no other test uses; good until the 16th further call. */
const char *temp_name(const char *stem);

/* Letters of 8 bytes that carry a number; the deadline is PATIENCE. */
int send_number(int fd, uint64_t number);
uint64_t recv_number(int fd);
/* Content that can be told from any other of another seed, and from a shift. */
void fill(void *data, size_t size, uint64_t seed);
bool filled(const void *data, size_t size, uint64_t seed);
bool poisoned(const void *data, size_t size);

/* Time. */
uint64_t now_ns(void);
uint64_t after(uint64_t ns);

/* Processes: a child dies with its parent; reap() gives 0 if all was well. */
pid_t spawn(void);
int reap(pid_t pid);
int slay(pid_t pid);			/* SIGKILL, and reap */
void become(uid_t uid, gid_t gid);	/* for good, without any group */
/* A handler that adds 1 to the counter; @flags as of sigaction(2). */
void count_signals(int sig, int flags, int *counter);
/*
 * SIGUSR1 without SA_RESTART, every 20 ms, so that it cannot come too early: then
 * whatever waits is interrupted, and whatever finds a page missing may be.
 */
timer_t ticking(void);
void write_file(const char *path, const char *text);
int try_write_file(const char *path, const char *text);
/*
 * Go, as root, into a new user namespace (and others: flags of unshare) that
 * belongs to @owner, with these lines in its maps.
 */
void enter_userns(int flags, uid_t owner, const char *uids, const char *gids);
void *shared(size_t size);		/* zeroed memory, shared with children */
/* How much of it ("segments"), or of all, a debug build says that it holds; else 0. */
long referenced(const char *what);

/* The programs of scripts/sanitize, which have memory and threads of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* A number from the environment, or else this one: see scripts/test. */
unsigned int from_env(const char *name, unsigned int otherwise);
/* Of @n rounds, KIPC_EFFORT percent, for slow kernels; all by default. */
unsigned int effort(unsigned int n);

/* Conditions. */
#define wait_for(cond) do {						\
	uint64_t end_ = now_ns() + PATIENCE;				\
	while (!(cond)) {						\
		if (now_ns() > end_)					\
			util_failed(__FILE__, __LINE__,			\
				    "in time: " #cond);			\
		nap();							\
	}								\
} while (0)
void nap(void);
char task_state(pid_t pid, pid_t tid);
bool has_waiters(int fd, unsigned int senders, unsigned int receivers);
/* Until so many wait in the mailbox, and this task sleeps; 0: whatever task. */
void wait_waiters(int fd, unsigned int senders, unsigned int receivers,
		  pid_t task);
/* Of the task whose /proc/.../status is open as @fd. */
uint64_t context_switches(int fd);
short poll_mask(int fd, short events);
/* As poll(2), of one descriptor; 0 if nobody has woken it in good time. */
int poll_woken(struct pollfd *p);

/* The module's figures and limits; both CHECK that the file is there. */
uint64_t total(const char *which);
uint64_t get_limit(const char *which);
void set_limit(const char *which, uint64_t value);

#endif /* KIPC_SELFTEST_UTIL_H */
