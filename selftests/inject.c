// SPDX-License-Identifier: GPL-2.0
/* Failing allocations and user copies: see inject.h. */
#include "inject.h"
#include "kpipe.h"
#include "kqueue.h"

#include <kselftest.h>
#include <sys/uio.h>

#define FAULTS		"/sys/kernel/debug/"
#define REFERENCES	"/sys/kernel/debug/kipc/references"
#define MOST_FAULTS	1000
#define ROUNDS		20

static const char *const totals[] = { "objects", "handles", "bytes", "waiters",
				      "carried", "memory" };
static const char *const limits[] = { "max_objects", "max_bytes",
				      "max_waiters", "max_carried",
				      "max_memory" };

/* What a call that fails leaves as it was. */
struct state {
	struct kipc_mailbox_stat stat;
	struct kipc_queue_stat queue;
	struct kipc_pipe_stat pipe;
	struct kipc_info info;
	uint64_t total[ARRAY_SIZE(totals)], limit[ARRAY_SIZE(limits)];
	char references[512];		/* of a debug build, else empty */
	unsigned int descriptors;
	int flags;
};

/* What came of each failure: F: EFAULT, M: ENOMEM, E: another error, -: nothing. */
struct tally {
	unsigned int errors, absorbed;
	char log[MOST_FAULTS + 1];
	bool met[MOST_ERRNOS];		/* of the operation's errnos */
};

/* What every performance looks at or writes, and which is made only once. */
static struct {
	int total[ARRAY_SIZE(totals)], limit[ARRAY_SIZE(limits)], references;
	unsigned char *in, *out;
	unsigned int *served;
} props;

static void count_outcome(struct tally *tally, int err, int want)
{
	unsigned int n = tally->errors + tally->absorbed;

	if (err == want) {
		tally->absorbed++;
		tally->log[n] = '-';
	} else {
		tally->errors++;
		tally->log[n] = err == EFAULT ? 'F' : err == ENOMEM ? 'M' : 'E';
	}
}

/*
 * What is set for all kinds of failure, and what it was before: in this order, and
 * back in reverse, so that at no time everybody is meant.
 */
static const struct setting {
	const char *file, *value, *before;
} settings[] = {
	{ "failslab/ignore-gfp-wait", "N", "Y" },
	{ "failslab/task-filter", "Y", "N" },
	{ "failslab/probability", "100", "0" },
	{ "failslab/times", "1000000000", "1" },
	{ "failslab/verbose", "0", "2" },
	{ "fail_page_alloc/ignore-gfp-wait", "N", "Y" },
	{ "fail_page_alloc/min-order", "0", "1" },
	{ "fail_page_alloc/task-filter", "Y", "N" },
	{ "fail_page_alloc/probability", "100", "0" },
	{ "fail_page_alloc/times", "1000000000", "1" },
	{ "fail_page_alloc/verbose", "0", "2" },
	{ "fail_usercopy/verbose", "0", "2" },
};

static void set(bool on)
{
	char path[128];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		const struct setting *s;

		s = &settings[on ? i : ARRAY_SIZE(settings) - 1 - i];
		snprintf(path, sizeof(path), FAULTS "%s", s->file);
		write_file(path, on ? s->value : s->before);
	}
}

bool inject_begin(void)
{
	if (access("/proc/self/fail-nth", W_OK) ||
	    access(FAULTS "failslab", X_OK) ||
	    access(FAULTS "fail_page_alloc", X_OK) ||
	    access(FAULTS "fail_usercopy", X_OK))
		return false;
	set(true);
	return true;
}

void inject_end(void)
{
	set(false);
}

/* Of this thread: opened once for each process, and again after a fork. */
static int own_file(const char *name)
{
	static struct {
		pid_t pid;
		int fd;
	} files[2];
	int which = !strcmp(name, "fail-nth");
	char path[64];

	if (files[which].pid != getpid()) {
		/* A change of identity has made it root's. */
		prctl(PR_SET_DUMPABLE, 1);
		snprintf(path, sizeof(path), "/proc/thread-self/%s", name);
		files[which].fd = open(path, O_RDWR | O_CLOEXEC);
		CHECK(files[which].fd >= 0);
		files[which].pid = getpid();
	}
	return files[which].fd;
}

void inject_arm(unsigned int n)
{
	int fd = own_file("fail-nth");
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	CHECK(pwrite(fd, text, len, 0) == len);
}

unsigned int inject_disarm(void)
{
	int fd = own_file("fail-nth");
	char text[16] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	/* The copy that tells the number counts: the last one may be that. */
	CHECK(n > 0 || errno == EFAULT);
	while (pwrite(fd, "0", 1, 0) != 1)
		CHECK(errno == EFAULT);
	return n > 0 ? strtoul(text, NULL, 10) : 1;
}

bool inject_arm_all(void)
{
	return pwrite(own_file("make-it-fail"), "1", 1, 0) == 1;
}

void inject_disarm_all(void)
{
	CHECK(pwrite(own_file("make-it-fail"), "0", 1, 0) == 1);
}

long read_whole(const char *path, void *data, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err;
	long n;

	if (fd < 0)
		return -1;
	n = read(fd, data, size);
	err = errno;
	close(fd);
	errno = err;
	return n;
}

const void *scene_prepare(struct scene *sc, size_t size)
{
	fill(sc->out, size, sc->next);
	return sc->out;
}

void scene_sent(struct scene *sc, size_t size)
{
	CHECK(sc->next < SCENE_LETTERS);
	sc->size[sc->next++] = size;
}

static void cut(struct iovec v[SCENE_PIECES], void *data, size_t size)
{
	size_t part = size / SCENE_PIECES;
	int i;

	for (i = 0; i < SCENE_PIECES; i++) {
		v[i].iov_base = (char *)data + i * part;
		v[i].iov_len = i < SCENE_PIECES - 1 ? part : size - i * part;
	}
}

long scene_write(struct scene *sc)
{
	scene_prepare(sc, sc->op->size);
	return write(sc->fd, sc->out, sc->op->size);
}

long scene_writev(struct scene *sc)
{
	struct iovec v[SCENE_PIECES];

	scene_prepare(sc, sc->op->size);
	cut(v, sc->out, sc->op->size);
	return writev(sc->fd, v, SCENE_PIECES);
}

long scene_readv(struct scene *sc)
{
	struct iovec v[SCENE_PIECES];

	cut(v, sc->in, sc->op->size);
	return readv(sc->fd, v, SCENE_PIECES);
}

/* On whatever the scene has. */

static int send_out(struct scene *sc, size_t size, unsigned int number)
{
	if (sc->op->queue)
		return q_send(sc->fd, sc->out, size, number, 0, 0);
	if (sc->op->pipe)
		return p_write(sc->fd, sc->out, size, 0, 0) == (ssize_t)size ? 0 : -1;
	return k_send(sc->fd, sc->out, size, number, 0);
}

/* The oldest one; @number is what its sender said. */
static ssize_t receive_in(struct scene *sc, uint64_t deadline, uint64_t *number)
{
	ssize_t n;

	if (sc->op->queue) {
		n = q_recv(sc->fd, sc->in, SCENE_BUFFER, BY_FIRST, &sc->message, 0,
			   deadline);
		*number = sc->message.type;
	} else if (sc->op->pipe) {
		*number = sc->first;
		n = p_read(sc->fd, sc->in, scene_front(sc), deadline);
	} else {
		n = k_recv(sc->fd, sc->in, SCENE_BUFFER, &sc->letter, 0, deadline);
		*number = sc->letter.tag;
	}
	return n;
}

static bool so_many_wait(const struct scene *sc, unsigned int senders,
			 unsigned int receivers)
{
	return sc->op->queue ? q_has_waiters(sc->fd, senders, receivers) :
	       sc->op->pipe ? p_has_waiters(sc->fd, senders, receivers) :
	       has_waiters(sc->fd, senders, receivers);
}

void scene_put(struct scene *sc, size_t size)
{
	scene_prepare(sc, size);
	CHECK(!send_out(sc, size, sc->next));
	scene_sent(sc, size);
}

size_t scene_front(const struct scene *sc)
{
	CHECK(sc->first < sc->next);
	return sc->size[sc->first];
}

void scene_gone(struct scene *sc)
{
	CHECK(sc->first < sc->next);
	sc->first++;
}

/* @in has what was received of the oldest letter: @size bytes. */
void scene_received(struct scene *sc, size_t size)
{
	CHECK(size <= scene_front(sc));
	CHECK(filled(sc->in, size, sc->first));
	scene_gone(sc);
}

static void serve(struct scene *sc, enum partner what, size_t size)
{
	unsigned int next = sc->next;
	uint64_t number;
	ssize_t n;

	for (;;) {
		switch (what) {
		case PARTNER_RECEIVES:
		case PARTNER_TAKES:
			while (what == PARTNER_TAKES &&
			       !so_many_wait(sc, 1, 0))
				nap();
			n = receive_in(sc, what == PARTNER_TAKES ? 0 : KIPC_FOREVER,
				       &number);
			CHECK(n >= 0 && filled(sc->in, n, number));
			if (sc->op->pipe)
				scene_gone(sc);
			/* It counts as waiting until it runs. */
			while (what == PARTNER_TAKES &&
			       !so_many_wait(sc, 0, 0))
				nap();
			break;
		case PARTNER_GIVES:
			while (!so_many_wait(sc, 0, 1))
				nap();
			fill(sc->out, size, next);
			CHECK(!send_out(sc, size, next++));
			while (!so_many_wait(sc, 0, 0))
				nap();
			break;
		}
		__atomic_add_fetch(sc->served, 1, __ATOMIC_SEQ_CST);
	}
}

void scene_partner(struct scene *sc, enum partner what, size_t size)
{
	sc->partner = spawn();
	if (!sc->partner)
		serve(sc, what, size);
	if (what != PARTNER_RECEIVES)
		return;
	wait_for(so_many_wait(sc, 0, 1));
	wait_for(task_state(sc->partner, sc->partner) == 'S');
}

/* It has done its part once more, and waits again. */
void scene_await_partner(struct scene *sc)
{
	sc->wanted++;
	wait_for(__atomic_load_n(sc->served, __ATOMIC_SEQ_CST) == sc->wanted);
}

static void set_scene(struct scene *sc, const struct fault_op *op)
{
	memset(sc, 0, sizeof(*sc));
	sc->op = op;
	sc->ctl = -1;
	sc->fd = -1;
	sc->other = -1;
	sc->deadline = after(PATIENCE);
	sc->served = props.served;
	sc->in = props.in;
	sc->out = props.out;
	*sc->served = 0;
	/* The letters of the last scene were the same. */
	memset(sc->in, POISON, SCENE_BUFFER);
	memset(sc->out, POISON, SCENE_BUFFER);
	strcpy(sc->name, temp_name("fault"));
	if (!op->bare) {
		sc->ctl = control();
		sc->fd = op->queue ? default_queue() :
			 op->pipe ? pipe_of(0, 0) : default_box();
		scene_put(sc, 10);
		scene_put(sc, 5000);
		scene_put(sc, 300);
	}
	if (op->set_up)
		op->set_up(sc);
}

static void strike(struct scene *sc)
{
	uint64_t number;

	if (sc->partner)
		CHECK(slay(sc->partner) == 128 + SIGKILL);
	if (sc->op->end)
		sc->op->end(sc);
	while (sc->fd >= 0 && sc->first < sc->next) {
		memset(sc->in, POISON, SCENE_BUFFER);
		CHECK(receive_in(sc, 0, &number) == (ssize_t)scene_front(sc));
		scene_received(sc, scene_front(sc));
	}
	if (sc->fd >= 0) {
		CHECK(!(sc->op->queue ? q_stat_of(sc->fd).messages :
			sc->op->pipe ? p_stat_of(sc->fd).bytes :
			stat_of(sc->fd).letters));
		close(sc->fd);
	}
	if (sc->other >= 0)
		close(sc->other);
	if (sc->ctl >= 0)
		close(sc->ctl);
}

static int open_figure(const char *dir, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s%s", dir, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static void set_props(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(totals); i++) {
		props.total[i] = open_figure(SYS_TOTALS, totals[i]);
		CHECK(props.total[i] >= 0);
	}
	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		props.limit[i] = open_figure(SYS_LIMITS, limits[i]);
		CHECK(props.limit[i] >= 0);
	}
	/* A build that is not for debugging has none. */
	props.references = open_figure(REFERENCES, "");
	props.served = shared(sizeof(*props.served));
	props.in = shared(SCENE_BUFFER);
	props.out = shared(SCENE_BUFFER);
}

/* The same file says it anew each time. */
static uint64_t figure(int fd)
{
	char text[64];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	CHECK(n > 0);
	text[n] = 0;
	return strtoull(text, NULL, 0);
}

static void observe(const struct scene *sc, struct state *state)
{
	size_t i;
	int fd;

	memset(state, 0, sizeof(*state));
	for (i = 0; i < ARRAY_SIZE(totals); i++)
		state->total[i] = figure(props.total[i]);
	for (i = 0; i < ARRAY_SIZE(limits); i++)
		state->limit[i] = figure(props.limit[i]);
	if (props.references >= 0)
		CHECK(pread(props.references, state->references,
			    sizeof(state->references) - 1, 0) > 0);
	for (fd = 0; fd < 64; fd++)
		state->descriptors += fcntl(fd, F_GETFD) >= 0;
	if (!sc || sc->fd < 0)
		return;
	/* To wait, and then to fail, is no change. */
	if (sc->op->queue) {
		state->queue = q_stat_of(sc->fd);
		state->queue.send_waits = 0;
		state->queue.recv_waits = 0;
	} else if (sc->op->pipe) {
		state->pipe = p_stat_of(sc->fd);
		state->pipe.write_waits = 0;
		state->pipe.read_waits = 0;
	} else {
		state->stat = stat_of(sc->fd);
		state->stat.send_waits = 0;
		state->stat.recv_waits = 0;
	}
	CHECK(!k_info(sc->fd, &state->info));
	state->flags = fcntl(sc->fd, F_GETFL);
}

/* What goes with the last reference to a socket, goes when others have looked away. */
static void observe_again(const struct scene *sc, struct state *state,
			  const struct state *before, bool late)
{
	uint64_t end = after(10 * SECOND);

	observe(sc, state);
	while (late && memcmp(state, before, sizeof(*state)) && now_ns() < end) {
		nap();
		observe(sc, state);
	}
}

static void wrong(unsigned int n, const char *what) __attribute__((noreturn));

static void wrong(unsigned int n, const char *what)
{
	if (n)
		fprintf(stderr, "# failure %u: %s\n", n, what);
	else
		fprintf(stderr, "# all allocations fail: %s\n", what);
	_exit(1);
}

/* Which of the operation's errnos it is, or -1. */
static int documented(const struct fault_op *op, int err)
{
	int i;

	for (i = 0; i < MOST_ERRNOS; i++)
		if (err && op->errnos[i] == err)
			return i;
	return -1;
}

static void compare(unsigned int n, const struct state *before,
		    const struct state *later)
{
	if (memcmp(&before->stat, &later->stat, sizeof(before->stat)))
		wrong(n, "KIPC_IOC_MAILBOX_STAT tells of a change");
	if (memcmp(&before->queue, &later->queue, sizeof(before->queue)))
		wrong(n, "KIPC_IOC_QUEUE_STAT tells of a change");
	if (memcmp(&before->pipe, &later->pipe, sizeof(before->pipe)))
		wrong(n, "KIPC_IOC_PIPE_STAT tells of a change");
	if (memcmp(&before->info, &later->info, sizeof(before->info)))
		wrong(n, "KIPC_IOC_INFO tells of a change");
	if (memcmp(before->total, later->total, sizeof(before->total)))
		wrong(n, "the totals have changed");
	if (memcmp(before->limit, later->limit, sizeof(before->limit)))
		wrong(n, "the limits have changed");
	if (memcmp(before->references, later->references,
		   sizeof(before->references)))
		wrong(n, "the module references more or less");
	if (before->descriptors != later->descriptors)
		wrong(n, "there are more or fewer descriptors");
	if (before->flags != later->flags)
		wrong(n, "the file's flags have changed");
}

/* Memory that is kept goes with the object: at the end of the scene it counts. */
static void forgive(const struct state *before, struct state *later)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(totals); i++)
		if (!strcmp(totals[i], "bytes"))
			later->total[i] = before->total[i];
	memcpy(later->references, before->references, sizeof(later->references));
}

/* One performance; @n is 0 if every allocation fails.  Was the n-th reached? */
static bool perform(const struct fault_op *op, unsigned int n,
		    struct tally *tally)
{
	struct state start, before, later, end;
	bool fired = true;
	struct scene sc;
	char text[128];
	int err, which;

	observe(NULL, &start);
	set_scene(&sc, op);
	observe(&sc, &before);
	if (n) {
		inject_arm(n);
		sc.ret = op->call(&sc);
		err = errno;
		fired = !inject_disarm();
	} else {
		CHECK(inject_arm_all());
		sc.ret = op->call(&sc);
		err = errno;
		inject_disarm_all();
	}
	if (sc.ret >= 0)
		err = 0;
	which = documented(op, err);
	if (err != op->want && (which < 0 || !fired)) {
		snprintf(text, sizeof(text), "returned %ld, errno %s%s", sc.ret,
			 strerrorname_np(err) ?: "?",
			 fired ? "" : ", without a failure");
		wrong(n, text);
	}
	if (err != op->want)
		tally->met[which] = true;
	if (n && fired)
		count_outcome(tally, err, op->want);
	if (!err) {
		if (op->done)
			op->done(&sc);
		observe(&sc, &later);
		if (later.descriptors != before.descriptors)
			wrong(n, "there are more or fewer descriptors");
	} else {
		observe_again(&sc, &later, &before, op->late);
		if (op->keeps)
			forgive(&before, &later);
		compare(n, &before, &later);
	}

	sc.ret = op->call(&sc);
	err = sc.ret < 0 ? errno : 0;
	if (err != op->want) {
		snprintf(text, sizeof(text), "afterwards: returned %ld, errno %s",
			 sc.ret, strerrorname_np(err) ?: "?");
		wrong(n, text);
	}
	if (!err && op->done)
		op->done(&sc);
	strike(&sc);
	observe_again(NULL, &end, &start, op->late);
	compare(n, &start, &end);
	return fired;
}

/* Which of the errnos that can happen has not; NULL: none. */
static const char *not_met(const struct fault_op *op, const struct tally *tally)
{
	unsigned int i;

	for (i = 0; i < MOST_ERRNOS && op->errnos[i]; i++)
		if (!tally->met[i])
			return strerrorname_np(op->errnos[i]);
	return NULL;
}

/*
 * A cache needs a page every so many objects.  That the performances of one round
 * are not all in step with that, other things are allocated in between.
 */
static void stir(unsigned int times)
{
	while (times--)
		CHECK(!close(open("/dev/null", O_RDONLY | O_CLOEXEC)));
}

/* With the 1st, the 2nd, ... failing, until that is not reached. */
static bool run_round(const struct fault_op *op, struct tally *tally,
		      unsigned int round)
{
	uint64_t start = now_ns();
	unsigned int n = 1;

	tally->errors = 0;
	tally->absorbed = 0;
	while (perform(op, n, tally)) {
		CHECK(++n < MOST_FAULTS);
		stir(round - 1);
	}
	printf("# %u errors, %u absorbed: %.*s (%u ms)\n", tally->errors,
	       tally->absorbed, n - 1, tally->log,
	       (unsigned int)((now_ns() - start) / MS));
	return tally->errors >= op->least && tally->absorbed >= op->absorbs;
}

static void run_here(const struct fault_op *op)
{
	struct tally tally = { 0 };
	unsigned int round;
	const char *missing;
	bool enough;

	CHECK(!mlockall(MCL_CURRENT | MCL_FUTURE));
	/* These stay open, and count. */
	own_file("fail-nth");
	own_file("make-it-fail");
	set_props();
	/*
	 * A cache that needs a page sometimes, or a debugging aid that allocates
	 * as well, moves the numbers, so that a place can be missed.
	 */
	for (round = 1; round <= ROUNDS; round++) {
		enough = run_round(op, &tally, round);
		if (inject_arm_all()) {
			inject_disarm_all();
			perform(op, 0, &tally);
		} else {
			/* Root of a user namespace may not: CAP_SYS_RESOURCE. */
			CHECK(errno == EPERM && op->enter);
		}
		/* What the manual says can happen does. */
		missing = not_met(op, &tally);
		if (enough && !missing)
			return;
	}
	fprintf(stderr, "# too few failures, or not met: %s\n",
		missing ?: "-");
	_exit(1);
}

int inject_run(const struct fault_op *op)
{
	pid_t pid;

	if (!op->enter) {
		run_here(op);
		return 0;
	}
	pid = spawn();
	if (!pid) {
		op->enter();
		run_here(op);
		_exit(0);
	}
	return reap(pid);
}
