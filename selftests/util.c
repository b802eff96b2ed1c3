// SPDX-License-Identifier: GPL-2.0
/* What all kipc test programs share: see util.h. */
#include "util.h"

#include <stddef.h>
#include <sys/syscall.h>

/* TAP goes through a pipe, and shall be seen as it comes. */
static void __attribute__((constructor)) prepare(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (access(DEVICE, R_OK | W_OK)) {
		printf("TAP version 13\n1..0 # SKIP %s: %s; is kipc.ko loaded?\n",
		       DEVICE, strerror(errno));
		exit(4);
	}
}

void util_failed(const char *file, int line, const char *what)
{
	int err = errno;

	fprintf(stderr, "# %s:%d: CHECK failed: %s (errno %s)\n", file, line,
		what, err ? strerrorname_np(err) : "0");
	fflush(stderr);
	_exit(1);
}

void util_wrong(const char *file, int line, const char *call, long ret, int err,
		const char *want)
{
	fprintf(stderr, "# %s:%d: %s: returned %ld, errno %s, expected %s\n",
		file, line, call, ret, ret == -1 ? strerrorname_np(err) : "-",
		want);
	fflush(stderr);
	_exit(1);
}

int control(void)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	CHECK(fd >= 0);
	return fd;
}

/* Close it, and leave errno alone. */
static int done_with(int ctl, int ret)
{
	int err = errno;

	close(ctl);
	errno = err;
	return ret;
}

int k_create_kind(int ctl, unsigned int kind, const char *name, const void *attr,
		  size_t attr_size, unsigned int mode, unsigned int rights,
		  unsigned int flags)
{
	struct kipc_create c = {
		.kind = kind,
		.flags = flags,
		.mode = mode,
		.rights = rights,
		.name = ptr(name),
		.name_len = name ? strlen(name) : 0,
		.attr_size = attr ? attr_size : 0,
		.attr = ptr(attr),
	};

	if (ctl >= 0)
		return ioctl(ctl, KIPC_IOC_CREATE, &c);
	ctl = control();
	return done_with(ctl, ioctl(ctl, KIPC_IOC_CREATE, &c));
}

int k_create(int ctl, const char *name, const struct kipc_mailbox_attr *attr,
	     unsigned int mode, unsigned int rights, unsigned int flags)
{
	return k_create_kind(ctl, KIPC_KIND_MAILBOX, name, attr, sizeof(*attr), mode,
			     rights, flags);
}

int k_open_until(int ctl, const char *name, unsigned int kind, unsigned int rights,
		 unsigned int flags, uint64_t deadline)
{
	struct kipc_open o = {
		.kind = kind,
		.flags = flags,
		.rights = rights,
		.name = ptr(name),
		.name_len = strlen(name),
		.deadline = deadline,
	};

	if (ctl >= 0)
		return ioctl(ctl, KIPC_IOC_OPEN, &o);
	ctl = control();
	return done_with(ctl, ioctl(ctl, KIPC_IOC_OPEN, &o));
}

int k_open(int ctl, const char *name, unsigned int rights, unsigned int flags)
{
	return k_open_until(ctl, name, KIPC_KIND_MAILBOX, rights, flags, 0);
}

int k_open_kind(int ctl, const char *name, unsigned int kind,
		unsigned int rights)
{
	return k_open_until(ctl, name, kind, rights, 0, 0);
}

int k_unlink(int ctl, const char *name)
{
	struct kipc_unlink u = {
		.name = ptr(name),
		.name_len = strlen(name),
	};

	return ioctl(ctl, KIPC_IOC_UNLINK, &u);
}

int k_publish(int fd)
{
	return ioctl(fd, KIPC_IOC_PUBLISH);
}

int k_unpublish(int fd)
{
	return ioctl(fd, KIPC_IOC_UNPUBLISH);
}

int k_open_pid(int ctl, pid_t pid, unsigned int rights, unsigned int flags)
{
	struct kipc_open_pid o = {
		.pid = pid,
		.kind = KIPC_KIND_MAILBOX,
		.rights = rights,
		.flags = flags,
	};

	return ioctl(ctl, KIPC_IOC_OPEN_PID, &o);
}

int k_info(int fd, struct kipc_info *info)
{
	int ret, err;

	memset(info, POISON, sizeof(*info));
	ret = ioctl(fd, KIPC_IOC_INFO, info);
	err = errno;
	if (ret)
		CHECK(poisoned(info, sizeof(*info)));
	errno = err;
	return ret;
}

int k_narrow(int fd, unsigned int rights, unsigned int flags)
{
	struct kipc_narrow n = { .rights = rights, .flags = flags };

	return ioctl(fd, KIPC_IOC_NARROW, &n);
}

int k_remove(int fd)
{
	return ioctl(fd, KIPC_IOC_REMOVE);
}

int k_stat(int fd, struct kipc_mailbox_stat *stat)
{
	int ret, err;

	memset(stat, POISON, sizeof(*stat));
	ret = ioctl(fd, KIPC_IOC_MAILBOX_STAT, stat);
	err = errno;
	if (ret)
		CHECK(poisoned(stat, sizeof(*stat)));
	errno = err;
	return ret;
}

int k_send(int fd, const void *data, size_t size, uint64_t tag,
	   uint64_t deadline)
{
	struct kipc_mailbox_send s = {
		.data = ptr(data),
		.tag = tag,
		.deadline = deadline,
		.size = size,
	};

	return ioctl(fd, KIPC_IOC_MAILBOX_SEND, &s);
}

ssize_t k_recv(int fd, void *data, size_t size, struct kipc_letter *letter,
	       unsigned int flags, uint64_t deadline)
{
	struct kipc_mailbox_recv r = {
		.data = ptr(data),
		.deadline = deadline,
		.size = size,
		.flags = flags,
	};
	ssize_t ret;
	int err;

	memset(&r.letter, POISON, sizeof(r.letter));
	ret = ioctl(fd, KIPC_IOC_MAILBOX_RECV, &r);
	err = errno;
	CHECK(r.data == ptr(data) && r.deadline == deadline);
	CHECK(r.size == size && r.flags == flags);
	if (ret < 0)
		CHECK(poisoned(&r.letter, sizeof(r.letter)));
	else
		CHECK((size_t)ret <= size && (size_t)ret <= r.letter.size);
	if (letter)
		*letter = r.letter;
	errno = err;
	return ret;
}

/* Not a token that there is. */
#define NO_TOKEN	0xccccccccccccccccULL

ssize_t k_call(int fd, const void *data, size_t size, void *reply,
	       size_t reply_size, uint64_t *token, uint64_t deadline)
{
	struct kipc_mailbox_call c = {
		.data = ptr(data),
		.deadline = deadline,
		.reply = ptr(reply),
		.token = NO_TOKEN,
		.size = size,
		.reply_size = reply_size,
	};
	ssize_t ret = ioctl(fd, KIPC_IOC_MAILBOX_CALL, &c);

	CHECK(c.token == NO_TOKEN ||
	      (ret == -1 && (errno == EINTR || errno == EFAULT)));
	if (token)
		*token = c.token == NO_TOKEN ? 0 : c.token;
	return ret;
}

int k_submit(int fd, const void *data, size_t size, size_t reply_size,
	     uint64_t *token, uint64_t deadline)
{
	struct kipc_mailbox_call c = {
		.data = ptr(data),
		.deadline = deadline,
		.size = size,
		.reply_size = reply_size,
		.flags = KIPC_CALL_SUBMIT,
	};
	int ret = ioctl(fd, KIPC_IOC_MAILBOX_CALL, &c);

	CHECK(!ret == !!c.token);
	if (token && !ret)
		*token = c.token;
	return ret;
}

ssize_t k_serve(int fd, void *data, size_t size, struct kipc_mailbox_recv *recv,
		unsigned int flags, uint64_t deadline)
{
	struct kipc_mailbox_recv r = {
		.data = ptr(data),
		.deadline = deadline,
		.size = size,
		.flags = flags | KIPC_RECV_CALLS,
	};
	size_t rest = offsetof(struct kipc_mailbox_recv, answer) -
		      offsetof(struct kipc_mailbox_recv, letter);
	ssize_t ret;
	int err;

	memset(&r.letter, POISON, rest);
	ret = ioctl(fd, KIPC_IOC_MAILBOX_RECV, &r);
	err = errno;
	if (ret < 0) {
		CHECK(poisoned(&r.letter, rest));
	} else {
		CHECK(r.reply_handles <= KIPC_HANDLES_MAX);
		CHECK(!!r.token == (r.letter.flags & KIPC_LETTER_CALL &&
				    !(flags & KIPC_RECV_PEEK)));
	}
	if (recv)
		*recv = r;
	errno = err;
	return ret;
}

int k_reply(int fd, uint64_t token, const void *data, size_t size, uint64_t tag)
{
	struct kipc_mailbox_reply r = {
		.token = token,
		.data = ptr(data),
		.tag = tag,
		.size = size,
	};

	return ioctl(fd, KIPC_IOC_MAILBOX_REPLY, &r);
}

ssize_t k_collect(int fd, uint64_t *token, void *data, size_t size,
		  struct kipc_letter *letter, uint64_t deadline)
{
	struct kipc_mailbox_collect c = {
		.token = token ? *token : 0,
		.data = ptr(data),
		.deadline = deadline,
		.size = size,
	};
	ssize_t ret;
	int err;

	memset(&c.letter, POISON, sizeof(c.letter));
	ret = ioctl(fd, KIPC_IOC_MAILBOX_COLLECT, &c);
	err = errno;
	if (ret < 0)
		CHECK(err == EFAULT || poisoned(&c.letter, sizeof(c.letter)));
	else
		CHECK((ssize_t)c.letter.size == ret && !c.letter.seq && !c.letter.flags);
	if (token)
		*token = c.token;
	if (letter)
		*letter = c.letter;
	errno = err;
	return ret;
}

int k_cancel(int fd, uint64_t token)
{
	struct kipc_mailbox_cancel c = { .token = token };

	return ioctl(fd, KIPC_IOC_MAILBOX_CANCEL, &c);
}

static int box_of(const struct kipc_mailbox_attr *attr)
{
	int ctl = control();
	int fd = k_create(ctl, NULL, attr, 0600, ALL_RIGHTS, 0);

	CHECK(fd >= 0);
	close(ctl);
	return fd;
}

int box(uint64_t letters, uint64_t bytes, uint32_t size, uint32_t flags)
{
	struct kipc_mailbox_attr attr = { letters, bytes, size, flags };

	return box_of(&attr);
}

int default_box(void)
{
	return box_of(NULL);
}

int rendezvous_box(uint32_t size)
{
	return box(0, 0, size, 0);
}

struct kipc_mailbox_stat stat_of(int fd)
{
	struct kipc_mailbox_stat st;

	CHECK(!k_stat(fd, &st));
	return st;
}

uint64_t id_of(int fd)
{
	struct kipc_info info;

	CHECK(!k_info(fd, &info));
	return info.id;
}

const char *temp_name(const char *stem)
{
	static char names[16][64];
	static unsigned int next;
	char *name = names[next % 16];

	snprintf(name, sizeof(names[0]), "test.%s.%d.%u", stem, getpid(),
		 next++);
	return name;
}

int send_number(int fd, uint64_t number)
{
	return k_send(fd, &number, sizeof(number), number, after(PATIENCE));
}

uint64_t recv_number(int fd)
{
	struct kipc_letter letter;
	uint64_t number = 0;

	CHECK(k_recv(fd, &number, sizeof(number), &letter, 0,
		     after(PATIENCE)) == sizeof(number));
	CHECK(letter.tag == number);
	return number;
}

/* One step of a 64-bit xorshift. */
static uint64_t step(uint64_t x)
{
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

void fill(void *data, size_t size, uint64_t seed)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15ULL + 1;
	size_t done = 0;

	while (done < size) {
		size_t part = size - done < sizeof(x) ? size - done : sizeof(x);

		x = step(x);
		memcpy((char *)data + done, &x, part);
		done += part;
	}
}

bool filled(const void *data, size_t size, uint64_t seed)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15ULL + 1;
	size_t done = 0;

	while (done < size) {
		size_t part = size - done < sizeof(x) ? size - done : sizeof(x);

		x = step(x);
		if (memcmp((const char *)data + done, &x, part))
			return false;
		done += part;
	}
	return true;
}

bool poisoned(const void *data, size_t size)
{
	const unsigned char *p = data;

	while (size--)
		if (*p++ != POISON)
			return false;
	return true;
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

uint64_t after(uint64_t ns)
{
	return now_ns() + ns;
}

/*
 * After a fork the pages of the stack are missing until they are written, and a
 * receive into one puts the message back for a moment: another may take it then.
 */
static void own_stack(void)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0) & -4096;

	/*
	 * Those of the callers, and some for whom they will call.  Where the stack ends
	 * before, the rest of the range is refused: all is well.
	 */
	madvise((void *)(here - 4 * 4096), 8 * 4096, MADV_POPULATE_WRITE);
}

pid_t spawn(void)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (!pid) {
		own_stack();
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* In a new pid namespace the parent is not seen: 0. */
		if (getppid() != parent && getppid())
			_exit(1);
	}
	return pid;
}

int reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) != pid)
		CHECK(errno == EINTR);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
		WEXITSTATUS(status);
}

int slay(pid_t pid)
{
	kill(pid, SIGKILL);
	return reap(pid);
}

static int *signal_counter;

static void handler(int sig)
{
	(void)sig;
	__atomic_add_fetch(signal_counter, 1, __ATOMIC_SEQ_CST);
}

void count_signals(int sig, int flags, int *counter)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };

	signal_counter = counter;
	CHECK(!sigaction(sig, &sa, NULL));
}

timer_t ticking(void)
{
	struct itimerspec each = { { 0, 20 * MS }, { 0, 20 * MS } };
	struct sigevent event = {
		.sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = SIGUSR1,
	};
	static int ticks;
	timer_t timer;

	count_signals(SIGUSR1, 0, &ticks);
	CHECK(!timer_create(CLOCK_MONOTONIC, &event, &timer));
	CHECK(!timer_settime(timer, 0, &each, NULL));
	return timer;
}

void *shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

long referenced(const char *what)
{
	FILE *f = fopen("/sys/kernel/debug/kipc/references", "re");
	long n, sum = 0;
	char name[32];

	while (f && fscanf(f, "%31s %ld", name, &n) == 2)
		if (!what || !strcmp(name, what))
			sum += n;
	if (f)
		fclose(f);
	return sum;
}

unsigned int from_env(const char *name, unsigned int otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : otherwise;
}

unsigned int effort(unsigned int n)
{
	unsigned int percent = from_env("KIPC_EFFORT", 100);

	return n * percent / 100 > 0 ? n * percent / 100 : 1;
}

void nap(void)
{
	struct timespec ts = { .tv_nsec = MS / 2 };

	nanosleep(&ts, NULL);
}

/* The letter after the last ')' of the stat line; 'X' if the task is gone. */
char task_state(pid_t pid, pid_t tid)
{
	char path[64], line[512], *p;
	char state = 'X';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	f = fopen(path, "re");
	if (!f)
		return state;
	if (fgets(line, sizeof(line), f)) {
		p = strrchr(line, ')');
		if (p && p[1] == ' ')
			state = p[2];
	}
	fclose(f);
	return state;
}

bool has_waiters(int fd, unsigned int senders, unsigned int receivers)
{
	struct kipc_mailbox_stat st = stat_of(fd);

	return st.waiting_senders == senders &&
	       st.waiting_receivers == receivers;
}

void wait_waiters(int fd, unsigned int senders, unsigned int receivers,
		  pid_t task)
{
	wait_for(has_waiters(fd, senders, receivers));
	if (task)
		wait_for(task_state(task, task) == 'S');
}

uint64_t context_switches(int fd)
{
	char text[4096], *p;
	uint64_t sum = 0;
	ssize_t n;

	n = pread(fd, text, sizeof(text) - 1, 0);
	CHECK(n > 0);
	text[n] = 0;
	p = strstr(text, "\nvoluntary_ctxt_switches:");
	CHECK(p);
	sum += strtoull(strchr(p, ':') + 1, NULL, 10);
	p = strstr(text, "\nnonvoluntary_ctxt_switches:");
	CHECK(p);
	sum += strtoull(strchr(p, ':') + 1, NULL, 10);
	return sum;
}

short poll_mask(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	CHECK(poll(&p, 1, 0) >= 0);
	return p.revents;
}

int poll_woken(struct pollfd *p)
{
	uint64_t end = after(PATIENCE);
	int ret = poll(p, 1, PATIENCE / MS);

	/* In the end poll looks once more, though nobody has woken it. */
	return now_ns() < end ? ret : 0;
}
