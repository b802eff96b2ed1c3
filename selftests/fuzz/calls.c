// SPDX-License-Identifier: GPL-2.0
/*
 * The calls of a program that are more than one system call: see calls.h.
 */
#include "calls.h"

#include <pthread.h>

#define MAX_WAIT	2000		/* microseconds */
#define FIRST_ALARM	4000
#define NEXT_ALARM	1000		/* if the one before came in time */
#define LAST_ALARM	30000		/* however late that was */
#define PARAMETERS	"/sys/module/kipc/parameters/"

static int pool[2] = { -1, -1 };	/* descriptors on their way */
static int own_ipc = -1;
static int first = 3;			/* that is a program's */
static __thread bool moved, limited;

static const char *const limits[] = {
	"max_objects", "max_bytes", "max_waiters", "max_carried", "max_memory",
};

static char limit_before[COUNT(limits)][32];

static void limits_read(void)
{
	char path[80];

	for (unsigned int i = 0; i < COUNT(limits); i++) {
		int fd;

		snprintf(path, sizeof(path), PARAMETERS "%s", limits[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (read(fd, limit_before[i], sizeof(limit_before[i]) - 1) < 0)
			limit_before[i][0] = 0;
		close(fd);
	}
}

void calls_setup(void)
{
	areas_setup();
	own_ipc = open("/proc/self/ns/ipc", O_RDONLY | O_CLOEXEC);
	limits_read();
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		       pool)) {
		perror("fuzz: socketpair");
		exit(1);
	}
}

uint64_t calls_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

uint64_t after_us(uint64_t us)
{
	return calls_now() + us * 1000;
}

unsigned int resized(unsigned int command, unsigned int size)
{
	if (!size)
		return command;
	return _IOC(_IOC_DIR(command), _IOC_TYPE(command), _IOC_NR(command),
		    size & _IOC_SIZEMASK);
}

static void on_signal(int sig)
{
	(void)sig;
}

static uint64_t alarm_due;		/* 0: none */

static void alarm_in(uint64_t us)
{
	struct itimerval once = { { 0, 0 }, { 0, us } };

	alarm_due = us ? after_us(us) : 0;
	setitimer(ITIMER_REAL, &once, NULL);
}

uint64_t calls_pause(uint64_t due)
{
	uint64_t now = calls_now(), late = now > due ? (now - due) / 1000 : 0;
	uint64_t pause = NEXT_ALARM + 7 * late;

	return pause < LAST_ALARM ? pause : LAST_ALARM;
}

static void on_alarm(int sig)
{
	int error = errno;

	(void)sig;
	if (alarm_due)
		alarm_in(calls_pause(alarm_due));
	errno = error;
}

/* Those by which the processor tells of a defect of ours stay deadly. */
static bool deadly(int sig)
{
	return sig == SIGKILL || sig == SIGSTOP || sig == SIGSEGV ||
	       sig == SIGBUS || sig == SIGILL || sig == SIGFPE ||
	       sig == SIGABRT || sig == SIGTRAP || sig == SIGSYS ||
	       sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

void signals_setup(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct sigaction timer = { .sa_handler = on_alarm };

	for (int sig = 1; sig <= SIGRTMAX; sig++) {
		if (deadly(sig) || sig == SIGCHLD)
			continue;
		action.sa_flags = sig == SIGUSR2 ? SA_RESTART : 0;
		sigaction(sig, sig == SIGALRM ? &timer : &action, NULL);
	}
}

void interrupt_often(void)
{
	alarm_in(FIRST_ALARM);
}

void interrupt_no_more(void)
{
	alarm_in(0);
}

pid_t call_fork(bool share)
{
	pid_t pid = syscall(SYS_clone, SIGCHLD | (share ? CLONE_FILES : 0),
			    NULL, NULL, NULL, 0);

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		interrupt_often();
	}
	return pid;
}

/* What this process, or the one that has started it, has published. */
long call_relative(int fd, uint64_t who, uint64_t flags)
{
	struct kipc_open_pid open = {
		.pid = who % 3 ? syscall(SYS_getpid) : syscall(SYS_getppid),
		.kind = KIPC_KIND_MAILBOX,
		.rights = KIPC_RIGHT_SEND,
		.flags = flags,
	};

	return ioctl(fd, KIPC_IOC_OPEN_PID, &open);
}

/* In equal parts, the last one with the rest, and one that is empty. */
static int split(struct iovec *v, char *data, size_t size, unsigned int parts)
{
	size_t each;

	parts = parts % 7 + 1;
	each = size / parts;
	for (unsigned int i = 0; i < parts; i++)
		v[i] = (struct iovec){ data + i * each, each };
	v[parts - 1].iov_len = size - (parts - 1) * each;
	v[parts] = (struct iovec){ data, 0 };
	return parts + 1;
}

long call_readv(int fd, void *data, size_t size, unsigned int parts, int flags)
{
	struct iovec v[8];
	int count = split(v, data, size, parts);

	return flags ? preadv2(fd, v, count, -1, flags) : readv(fd, v, count);
}

long call_writev(int fd, void *data, size_t size, unsigned int parts, int flags)
{
	struct iovec v[8];
	int count = split(v, data, size, parts);

	return flags ? pwritev2(fd, v, count, -1, flags) : writev(fd, v, count);
}

/* The ring is closed without a look at what came of it. */
long call_uring(int fd, int opcode, void *data, uint32_t size, uint64_t us)
{
	struct io_uring_params p = { 0 };
	int ring = syscall(SYS_io_uring_setup, 2, &p);
	struct io_uring_sqe *entry;
	size_t length;
	char *queue;
	long ret = -1;

	if (ring < 0)
		return -1;
	length = p.sq_off.array + p.sq_entries * 4;
	queue = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, ring,
		     IORING_OFF_SQ_RING);
	entry = mmap(NULL, p.sq_entries * sizeof(*entry),
		     PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	if (queue != MAP_FAILED && entry != MAP_FAILED) {
		*entry = (struct io_uring_sqe){ .opcode = opcode, .fd = fd };
		if (opcode == IORING_OP_POLL_ADD) {
			entry->poll32_events = size;
		} else {
			entry->addr = (uintptr_t)data;
			entry->len = size;
			entry->off = -1;
		}
		*(uint32_t *)(queue + p.sq_off.array) = 0;
		__atomic_store_n((uint32_t *)(queue + p.sq_off.tail), 1,
				 __ATOMIC_RELEASE);
		ret = syscall(SYS_io_uring_enter, ring, 1, 0, 0, NULL, 0);
		call_sleep(us);
		syscall(SYS_io_uring_enter, ring, 0, 0, IORING_ENTER_GETEVENTS,
			NULL, 0);
	}
	if (queue != MAP_FAILED)
		munmap(queue, length);
	if (entry != MAP_FAILED)
		munmap(entry, p.sq_entries * sizeof(*entry));
	close(ring);
	return ret;
}

long call_poll(int fd, short events, uint64_t us)
{
	struct pollfd p = { .fd = fd, .events = events };
	struct timespec t = { 0, us % MAX_WAIT * 1000 };

	return ppoll(&p, 1, &t, NULL);
}

long call_epoll(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };
	int set = epoll_create1(EPOLL_CLOEXEC);

	if (set >= 0)
		epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
	return set;
}

long call_epoll_wait(int fd, uint64_t us)
{
	struct epoll_event event;

	return epoll_wait(fd, &event, 1, us % MAX_WAIT / 1000);
}

/* None that would have the signals go elsewhere: see call_owner(). */
long call_fcntl(int fd, uint64_t command, uint64_t argument)
{
	static const int commands[] = {
		F_GETFL, F_GETFD, F_SETFD, F_GETOWN, F_GETSIG, F_GETOWN_EX,
		F_SETLEASE, F_GETLEASE, F_NOTIFY, F_SETPIPE_SZ, F_GETPIPE_SZ,
		F_ADD_SEALS, F_GET_SEALS, F_SETLK, F_OFD_SETLK,
	};

	return fcntl(fd, commands[command % COUNT(commands)],
		     argument < 4096 ? (void *)(uintptr_t)argument :
		     at(BUF, argument & 0xffff));
}

long call_owner(int fd, uint64_t who, uint64_t sig)
{
	struct f_owner_ex thread = { F_OWNER_TID, syscall(SYS_gettid) };

	if (fcntl(fd, F_SETSIG, sig < 64 && deadly(sig) ? SIGUSR1 : sig) < 0)
		return -1;
	switch (who % 4) {
	case 0:
		return fcntl(fd, F_SETOWN, 0);
	case 1:
		return fcntl(fd, F_SETOWN_EX, &thread);
	default:
		return fcntl(fd, F_SETOWN, syscall(SYS_getpid));
	}
}

long call_reopen(int fd, int flags)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, (flags & ~(O_CREAT | O_TRUNC)) | O_CLOEXEC);
}

long call_fstat(int fd)
{
	struct statx x;
	struct stat s;

	statx(fd, "", AT_EMPTY_PATH, STATX_ALL, &x);
	return fstat(fd, &s);
}

long call_fdinfo(int fd)
{
	char text[4096];
	long ret;

	snprintf(text, sizeof(text), "/proc/self/fdinfo/%d", fd);
	fd = open(text, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ret = read(fd, text, sizeof(text));
	close(fd);
	return ret;
}

long call_mmap(int fd, size_t size, int protection, int flags)
{
	void *p = mmap(NULL, size, protection,
		       flags & (MAP_SHARED | MAP_PRIVATE), fd, 0);

	if (p == MAP_FAILED)
		return -1;
	return munmap(p, size);
}

/* What every inode has; most of it is refused, and must be. */
long call_file(int fd, uint64_t which, uint64_t number, void *data)
{
	off_t offset = number;
	int pipes[2];
	long ret;

	switch (which % 16) {
	case 0:
		return lseek(fd, number, number % 3);
	case 1:
		return ftruncate(fd, number);
	case 2:
		return fallocate(fd, 0, 0, number);
	case 3:
		return futimens(fd, NULL);
	case 4:
		return fsync(fd);
	case 5:
		return fsetxattr(fd, "user.fuzz", data, 1, 0);
	case 6:
		return flistxattr(fd, data, number);
	case 7:
		return fchdir(fd);
	case 8:
		return flock(fd, LOCK_EX | LOCK_NB);
	case 9:
		return posix_fadvise(fd, 0, 0, number % 6);
	case 10:
		return syscall(SYS_getdents64, fd, data, number);
	case 11:
		return linkat(fd, "", AT_FDCWD, "/tmp/fuzz-link",
			      AT_EMPTY_PATH);
	case 12:
		return pread(fd, data, number, 0);
	case 13:
		return sendfile(fd, fd, &offset, number);
	case 14:
		return syscall(SYS_kcmp, getpid(), getpid(), 0, fd, 0);
	}
	if (pipe2(pipes, O_NONBLOCK | O_CLOEXEC))
		return -1;
	ret = splice(fd, NULL, pipes[1], NULL, number, SPLICE_F_NONBLOCK);
	splice(pipes[0], NULL, fd, NULL, number, SPLICE_F_NONBLOCK);
	close(pipes[0]);
	close(pipes[1]);
	return ret;
}

/* Descriptors pass from any worker to any other. */
/* Into or out of a pipe of pipe(2), which is empty, or full, or neither. */
long call_splice(int fd, uint64_t which, size_t size, unsigned int flags)
{
	static char some[300];
	int pipes[2];
	long ret;

	if (pipe2(pipes, O_NONBLOCK | O_CLOEXEC))
		return -1;
	if (which & 2)
		while (write(pipes[1], some, sizeof(some)) > 0 && which & 4)
			;
	if (which & 1)
		ret = splice(fd, NULL, pipes[1], NULL, size, flags);
	else
		ret = splice(pipes[0], NULL, fd, NULL, size, flags);
	close(pipes[0]);
	close(pipes[1]);
	return ret;
}

long call_pass(int fd)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .align = {
		.cmsg_len = CMSG_LEN(sizeof(int)),
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
	} };
	struct iovec v = { "", 1 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};

	memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	return sendmsg(pool[0], &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

long call_take(void)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char byte;
	struct iovec v = { &byte, 1 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(pool[1], &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0 ||
	    !CMSG_FIRSTHDR(&m))
		return -1;
	memcpy(&fd, CMSG_DATA(&control.align), sizeof(fd));
	return fd;
}

void calls_first(int fd)
{
	first = fd;
}

long call_received(uint64_t which)
{
	const struct kipc_descriptor *items = at(ATTR, 0);
	int fd = items[which % KIPC_HANDLES_MAX].fd;

	if (fd < first) {
		errno = EBADF;
		return -1;
	}
	return fcntl(fd, F_DUPFD_CLOEXEC, first);
}

/* The bare calls: those of libc would tell threads, of which there are none. */
long call_become(unsigned int uid)
{
	if (syscall(SYS_setresuid, -1, 0, -1))
		return -1;
	if (syscall(SYS_setresgid, -1, uid, -1))
		return -1;
	return syscall(SYS_setresuid, -1, uid, -1);
}

long call_unshare(void)
{
	moved = true;
	return unshare(CLONE_NEWIPC);
}

static long limit_write(unsigned int which, const char *text)
{
	char path[80];
	long ret;
	int fd;

	snprintf(path, sizeof(path), PARAMETERS "%s", limits[which]);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ret = write(fd, text, strlen(text));
	close(fd);
	return ret;
}

long call_limit(uint64_t which, uint64_t value)
{
	char text[24];

	limited = true;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return limit_write(which % COUNT(limits), text);
}

void limits_restore(void)
{
	for (unsigned int i = 0; i < COUNT(limits); i++)
		limit_write(i, limit_before[i]);
}

long call_fresh(void)
{
	return madvise(at(FRESH, 0), FRESH_SIZE, MADV_DONTNEED);
}

long call_alarm(uint64_t us)
{
	alarm_in(us % MAX_WAIT + 1);
	return 0;
}

long call_sleep(uint64_t us)
{
	struct timespec t = { 0, us % MAX_WAIT * 1000 };

	return nanosleep(&t, NULL);
}

/* A child that lets go of all that is close-on-exec. */
long call_exec(void)
{
	pid_t pid = call_fork(false);
	int status;

	if (!pid) {
		execl("/proc/self/exe", "fuzz", "nothing", NULL);
		_exit(1);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid;
}

void calls_restore(void)
{
	syscall(SYS_setresuid, -1, 0, -1);
	syscall(SYS_setresgid, -1, 0, -1);
	if (moved)
		setns(own_ipc, CLONE_NEWIPC);
	if (limited)
		limits_restore();
	moved = false;
	limited = false;
}

/* Threads of a reproducer. */
static pthread_t threads[16];
static unsigned int thread_count;

long call_thread(void *(*function)(void *))
{
	if (thread_count == COUNT(threads))
		return -1;
	return pthread_create(&threads[thread_count++], NULL, function, NULL);
}

void threads_end(void)
{
	while (thread_count) {
		pthread_t thread = threads[--thread_count];

		while (pthread_tryjoin_np(thread, NULL) == EBUSY) {
			call_sleep(1000);
			pthread_kill(thread, SIGUSR1);
		}
	}
}
