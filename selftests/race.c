// SPDX-License-Identifier: GPL-2.0
/* What the tests of forced races share: see race.h. */
#include "race.h"

#define DEBUG_DIR	"/sys/kernel/debug/kipc/"
#define DELAY_DIR	DEBUG_DIR "delay/"

/* The delay points. */

static void write_point(const char *point, pid_t tid)
{
	char path[128], text[16];

	snprintf(path, sizeof(path), DELAY_DIR "%s", point);
	snprintf(text, sizeof(text), "%d", tid);
	write_file(path, text);
}

/*
 * Where somebody may be held, in memory that the tests share, which are processes:
 * one that has failed may have left it so.
 */
enum { MOST_ARMED = 8 };
static char (*armed)[32];

static void __attribute__((constructor)) share_armed(void)
{
	armed = shared(MOST_ARMED * sizeof(*armed));
}

static void note_armed(const char *point)
{
	unsigned int i = 0;

	while (armed[i][0] && strcmp(armed[i], point))
		CHECK(++i < MOST_ARMED);
	snprintf(armed[i], sizeof(*armed), "%s", point);
}

static bool point_is(const char *point, const char *want)
{
	char path[128], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), DELAY_DIR "%s", point);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return !strcmp(text, want);
}

/* There are many, and to ask each takes most of a test's time. */
bool delay_points(void)
{
	unsigned int i;

	if (access(DELAY_DIR, X_OK))
		return false;
	for (i = 0; i < MOST_ARMED && armed[i][0]; i++)
		release(armed[i]);
	memset(armed, 0, MOST_ARMED * sizeof(*armed));
	return true;
}

void arm(const char *point, struct party *p)
{
	CHECK(point_is(point, "idle\n"));
	note_armed(point);
	write_point(point, p->pid);
}

void wait_held(const char *point, struct party *p)
{
	char want[32];

	snprintf(want, sizeof(want), "held %d\n", p->pid);
	wait_for(point_is(point, want));
}

void release(const char *point)
{
	write_point(point, 0);
	/* Gone on, or the next to be held there would be this one again. */
	wait_for(point_is(point, "idle\n"));
}

/* What a party does. */

void *placed(const struct party *p, char *data, size_t size)
{
	int prot = p->unwritable ? PROT_READ : PROT_READ | PROT_WRITE;
	int fd;

	if (!p->cold && !p->unwritable)
		return data;
	/* In the page cache, in no page table. */
	fd = memfd_create("letter", MFD_CLOEXEC);
	CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	free(data);
	data = mmap(NULL, size, prot, MAP_PRIVATE, fd, 0);
	CHECK(data != MAP_FAILED);
	close(fd);
	return data;
}

static void *buffer(struct party *p)
{
	size_t size = p->size + 1;
	char *data = malloc(size);

	CHECK(data);
	fill(data, size, p->number);
	return placed(p, data, size);
}

static long act_send(struct party *p)
{
	return k_send(p->fd, buffer(p), p->size, p->number, p->deadline);
}

static long received(long ret, const char *data, const struct kipc_letter *l)
{
	if (ret < 0)
		return -errno;
	CHECK(l->size == ret && filled(data, ret, l->tag));
	return l->tag;
}

static long act_receive(struct party *p)
{
	char *data = buffer(p);
	struct kipc_letter l;
	long ret = k_recv(p->fd, data, p->size, &l, p->flags, p->deadline);

	p->seen = l.seq;
	return received(ret, data, &l);
}

static long act_remove(struct party *p)
{
	return k_remove(p->fd);
}

static long act_close(struct party *p)
{
	return close(p->fd);
}

static long act_poll(struct party *p)
{
	struct pollfd pfd = { .fd = p->fd, .events = p->flags };

	CHECK(poll(&pfd, 1, -1) == 1);
	p->seen = pfd.revents;
	return 0;
}

static long act_open(struct party *p)
{
	int fd = k_open(p->fd, p->name, p->rights, p->flags);

	return fd < 0 ? fd : (long)id_of(fd);
}

static long act_create(struct party *p)
{
	int fd = k_create(p->fd, p->name, NULL, 0600, p->rights, p->flags);

	return fd < 0 ? fd : (long)id_of(fd);
}

/* Parties. */

static void keep_only(int fd)
{
	if (fd > 3)
		CHECK(!close_range(3, fd - 1, 0));
	CHECK(!close_range(fd < 3 ? 3 : fd + 1, ~0U, 0));
}

static void play(struct party *p)
{
	keep_only(p->fd);
	count_signals(SIGUSR1, 0, &p->caught);
	__atomic_store_n(&p->ready, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&p->go, __ATOMIC_SEQ_CST))
		nap();
	if (p->nobody)
		become(NOBODY, NOBODY);
	__atomic_store_n(&p->ready, 2, __ATOMIC_SEQ_CST);
	p->result = p->act(p);
	if (p->result == -1)
		p->result = -errno;
	__atomic_store_n(&p->done, 1, __ATOMIC_SEQ_CST);
	while (p->stays && __atomic_load_n(&p->go, __ATOMIC_SEQ_CST) != 2)
		nap();
	_exit(0);
}

/* Those that have not been seen to end. */
enum { CREW = 64 };
static struct party *crew[CREW];
static unsigned int crew_size;

struct party *party(long (*act)(struct party *p), int fd)
{
	struct party *p = shared(sizeof(*p));
	pid_t pid;

	p->act = act;
	p->fd = fd;
	p->deadline = KIPC_FOREVER;
	pid = spawn();
	if (!pid)
		play(p);
	p->pid = pid;
	CHECK(crew_size < CREW);
	crew[crew_size++] = p;
	wait_for(__atomic_load_n(&p->ready, __ATOMIC_SEQ_CST));
	return p;
}

struct party *sender(int fd, size_t size, uint64_t number)
{
	struct party *p = party(act_send, fd);

	p->size = size;
	p->number = number;
	return p;
}

struct party *receiver(int fd, size_t size)
{
	struct party *p = party(act_receive, fd);

	p->size = size;
	return p;
}

struct party *remover(int fd)
{
	return party(act_remove, fd);
}

struct party *closer(int fd)
{
	struct party *p = party(act_close, fd);

	CHECK(!close(fd));
	return p;
}

struct party *poller(int fd, short events)
{
	struct party *p = party(act_poll, fd);

	p->flags = events;
	return p;
}

static struct party *by_name(long (*act)(struct party *p), int ctl,
			     const char *name)
{
	struct party *p = party(act, ctl);

	p->name = name;
	p->stays = true;
	return p;
}

struct party *opener(int ctl, const char *name, unsigned int rights)
{
	struct party *p = by_name(act_open, ctl, name);

	p->rights = rights;
	return p;
}

struct party *creator(int ctl, const char *name, unsigned int flags)
{
	struct party *p = by_name(act_create, ctl, name);

	p->rights = ALL_RIGHTS;
	p->flags = flags;
	return p;
}

void go(struct party *p)
{
	__atomic_store_n(&p->go, 1, __ATOMIC_SEQ_CST);
}

void hold(struct party *p, const char *point)
{
	arm(point, p);
	go(p);
	wait_held(point, p);
}

/* Before it acts it naps, which is a sleep as well. */
bool asleep(struct party *p)
{
	return __atomic_load_n(&p->ready, __ATOMIC_SEQ_CST) == 2 &&
	       !__atomic_load_n(&p->done, __ATOMIC_SEQ_CST) &&
	       task_state(p->pid, p->pid) == 'S';
}

void interrupt(struct party *p)
{
	CHECK(!kill(p->pid, SIGUSR1));
}

static void forget(struct party *p)
{
	unsigned int i = 0;

	while (crew[i] != p)
		CHECK(++i < crew_size);
	crew[i] = crew[--crew_size];
}

static bool ended(struct party *p)
{
	int status;
	pid_t pid = waitpid(p->pid, &status, WNOHANG);

	CHECK(pid >= 0);
	if (!pid)
		return false;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		p->result = KILLED;
	else
		CHECK(!status);
	forget(p);
	return true;
}

long outcome(struct party *p)
{
	if (p->stays)
		wait_for(__atomic_load_n(&p->done, __ATOMIC_SEQ_CST));
	else
		wait_for(ended(p));
	return p->result;
}

void dismiss(struct party *p)
{
	__atomic_store_n(&p->go, 2, __ATOMIC_SEQ_CST);
	wait_for(ended(p));
}

long killed(struct party *p)
{
	CHECK(!kill(p->pid, SIGKILL));
	wait_for(ended(p));
	return p->result;
}

/* What the test itself does, without waiting. */

long put(int fd, size_t size, uint64_t number)
{
	char *data = malloc(size + 1);
	long ret;

	CHECK(data);
	fill(data, size, number);
	ret = k_send(fd, data, size, number, KIPC_NO_WAIT);
	free(data);
	return ret ? -errno : 0;
}

static long look(int fd, unsigned int flags)
{
	size_t size = 64 << 10;
	char *data = malloc(size);
	struct kipc_letter l;
	long ret;

	/* There, or the first copy would fail, and others might go ahead. */
	CHECK(data);
	memset(data, POISON, size);
	ret = received(k_recv(fd, data, size, &l, flags, KIPC_NO_WAIT), data,
		       &l);
	free(data);
	return ret;
}

long take(int fd)
{
	return look(fd, 0);
}

long peek(int fd)
{
	return look(fd, KIPC_RECV_PEEK);
}

/* Those who wait. */

const struct state drowsy = { .point = "before_sleep" };
const struct state drowsy_late = { .point = "before_sleep",
	.late = true };
const struct state drowsy_signalled = { .point = "before_sleep",
	.signalled = true };
const struct state drowsy_granted = { .point = "before_sleep",
	.granted = true };
const struct state drowsy_granted_late = { .point = "before_sleep",
	.granted = true, .late = true };
const struct state drowsy_granted_signalled = { .point = "before_sleep",
	.granted = true, .signalled = true };
const struct state awake_granted = { .point = "after_sleep",
	.granted = true };
const struct state awake_granted_signalled = { .point = "after_sleep",
	.granted = true, .signalled = true };
const struct state awake_late = { .point = "after_sleep",
	.late = true };
const struct state awake_signalled = { .point = "after_sleep",
	.signalled = true };

void bring(struct party *p, const struct state *at, const struct handles *box,
	   void (*grant)(const struct handles *box))
{
	bool awake = !strcmp(at->point, "after_sleep");

	if (at->late)
		p->deadline = after(50 * MS);
	arm(at->point, p);
	go(p);
	if (!awake)
		wait_held(at->point, p);
	else if (!at->late)
		wait_for(asleep(p));
	if (at->granted)
		grant(box);
	if (awake && at->granted)
		wait_held(at->point, p);
	if (at->signalled)
		interrupt(p);
	wait_held(at->point, p);
	if (at->late)
		wait_for(now_ns() > p->deadline);
}

long fate(const struct state *at, long granted)
{
	if (at->granted)
		return granted;
	if (at->late)
		return -ETIMEDOUT;
	return at->signalled ? -EINTR : WAITS;
}

/* Fixtures. */

struct handles race_handles(int fd)
{
	struct handles h = {
		.in = k_narrow(fd, RECEIVE, 0),
		.out = k_narrow(fd, SEND, 0),
		.manage = k_narrow(fd, MANAGE, 0),
	};

	CHECK(h.in >= 0 && h.out >= 0 && h.manage >= 0);
	close(fd);
	return h;
}

struct handles race_box(uint64_t letters, uint64_t bytes, uint32_t size,
			uint32_t flags)
{
	return race_handles(box(letters, bytes, size, flags));
}

void race_end(void)
{
	CHECK(delay_points());
	while (crew_size)
		killed(crew[0]);
	CHECK(!close_range(3, ~0U, 0));
	wait_for(!referenced(NULL));
	CHECK(!total("objects") && !total("handles"));
	CHECK(!total("bytes") && !total("waiters") && !total("memory"));
}
