// SPDX-License-Identifier: GPL-2.0
/* What befalls the workers: kills, signals, limits, removals, faults. */
#include "stress.h"

#include <sys/syscall.h>

enum { LIMITS = 4 };

/* What weather makes of them is below this. */
static const struct {
	const char *name;
	unsigned int most;
} limits[LIMITS] = {
	{ "max_objects", 30 },
	{ "max_bytes", 300000 },
	{ "max_waiters", 30 },
	{ "max_memory", 300000 },
};

static uint64_t limit_before[LIMITS];
static uint64_t random_state;
static int control_fd;
static pid_t pids[64];

static void box_make(unsigned int shape)
{
	bool hangup = shapes[shape].flags & KIPC_MAILBOX_HANGUP;
	unsigned int flags = KIPC_EXCL;
	struct box *b = &world->boxes[world->boxes_used];
	struct kipc_info info;

	if (world->boxes_used == BOXES)
		return;
	if (below(&random_state, 2))
		flags |= KIPC_PERSISTENT;
	/* A handle to send or receive would keep it from hanging up. */
	b->fd = k_create(control_fd, box_name(shape), &shapes[shape], 0666,
			 hangup ? MANAGE : ALL_RIGHTS, flags);
	if (b->fd < 0) {
		CHECK(errno == EEXIST || (errno == EDQUOT && world->tight));
		return;
	}
	CHECK(!k_info(b->fd, &info));
	b->shape = shape;
	b->id = info.id;
	STORE(world->boxes_used, world->boxes_used + 1);
}

static void worker_start(unsigned int number)
{
	uint64_t seed = draw(&random_state) | 1;
	unsigned int boxes = world->boxes_used;

	pids[number] = spawn();
	if (!pids[number])
		worker_run(number, control_fd, boxes, seed);
}

static void limits_restore(void)
{
	int i;

	for (i = 0; i < LIMITS; i++)
		set_limit(limits[i].name, limit_before[i]);
}

static void limits_change(struct weather *w)
{
	int i = below(&random_state, LIMITS + 1);

	STORE(world->tight, 1);
	if (i == LIMITS) {
		limits_restore();
		return;
	}
	w->limits++;
	set_limit(limits[i].name, below(&random_state, limits[i].most));
}

void weather_start(int ctl, uint64_t seed)
{
	unsigned int i;

	control_fd = ctl;
	random_state = seed;
	for (i = 0; i < LIMITS; i++)
		limit_before[i] = get_limit(limits[i].name);
	for (i = 0; i < SHAPES; i++)
		box_make(i);
	CHECK(world->boxes_used == SHAPES);
	for (i = 0; i < workers; i++)
		worker_start(i);
}

static struct actor *actors_of(unsigned int number)
{
	return &world->actors[number * THREADS];
}

/* It has ended. */
static void bury(unsigned int number, int status, struct weather *w)
{
	struct actor *a = actors_of(number);
	unsigned int i;

	pids[number] = 0;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV &&
	    world->faults)
		w->crashed++;
	else if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		if (status)
			complain("a worker ended with status %x", status);
	for (i = 0; i < THREADS; i++, a++) {
		w->inside += a->inside;
		oracle_dead(a);
		queues_dead(a - world->actors);
		pipes_dead(a - world->actors);
		sems_dead(a - world->actors);
		bells_dead(a - world->actors);
		memset(a, 0, sizeof(*a));
	}
}

/* Those that have ended by themselves, and children that others left behind. */
static void bury_the_dead(struct weather *w)
{
	unsigned int i;
	int status;
	pid_t pid;

	for (;;) {
		pid = waitpid(-1, &status, WNOHANG);
		if (pid <= 0)
			break;
		for (i = 0; i < workers; i++)
			if (pids[i] == pid)
				bury(i, status, w);
	}
}

static void do_kill(unsigned int number, struct weather *w)
{
	struct actor *a = actors_of(number);
	unsigned int asleep = 0, i;
	int status;

	/* It has hardly begun. */
	if (!pids[number] || !a->tid)
		return;
	for (i = 0; i < THREADS; i++)
		if (a[i].inside && a[i].tid &&
		    task_state(pids[number], a[i].tid) == 'S')
			asleep++;
	kill(pids[number], SIGKILL);
	while (waitpid(pids[number], &status, 0) != pids[number])
		CHECK(errno == EINTR);
	w->kills++;
	w->asleep += asleep;
	bury(number, status, w);
}

static void do_signal(unsigned int number, struct weather *w)
{
	struct actor *a = actors_of(number) + below(&random_state, THREADS);
	pid_t tid = LOAD(a->tid);

	if (!tid)
		return;
	w->signals++;
	syscall(SYS_tgkill, pids[number], tid,
		below(&random_state, 2) ? SIGUSR1 : SIGUSR2);
}

/* Until the time is up, or a worker or the oracle says so. */
void weather_blow(uint64_t end, struct weather *w)
{
	unsigned int number, x;
	bool stopped = false;

	while (now_ns() < end && !LOAD(world->stop)) {
		x = below(&random_state, 100);
		bury_the_dead(w);
		for (number = 0; number < workers; number++)
			if (!pids[number])
				worker_start(number);
		number = below(&random_state, workers);
		if (x < 12) {
			do_kill(number, w);
		} else if (x < 60) {
			do_signal(number, w);
		} else if (x < 64) {
			w->stops++;
			kill(pids[number], SIGSTOP);
			stopped = true;
		} else if (x < 70 && stopped) {
			for (number = 0; number < workers; number++)
				if (pids[number])
					kill(pids[number], SIGCONT);
			stopped = false;
		} else if (x < 73 && world->epoch % 3 != 1) {
			limits_change(w);
		} else if (x < 80) {
			w->retired++;
			box_make(below(&random_state, SHAPES));
		}
		if (below(&random_state, 3))
			usleep(below(&random_state, 2500));
	}
}

static bool all_stand_still(void)
{
	unsigned int n = workers * THREADS, i;
	uint32_t begin[64 * THREADS];

	for (i = 0; i < n; i++)
		begin[i] = LOAD(world->actors[i].begin);
	usleep(200000);
	for (i = 0; i < n; i++)
		if (LOAD(world->actors[i].tid) &&
		    (begin[i] != LOAD(world->actors[i].begin) ||
		     !LOAD(world->actors[i].inside)))
			return false;
	return true;
}

/* It is in a call, and not about to leave it: nor has it died there just now. */
bool weather_sleeps(const struct actor *a)
{
	pid_t tid = LOAD(a->tid);

	return tid && LOAD(a->inside) && task_state(tid, tid) == 'S';
}

static void shake(unsigned int number)
{
	unsigned int i;
	pid_t tid;

	for (i = 0; i < THREADS; i++) {
		tid = LOAD(actors_of(number)[i].tid);
		if (tid)
			syscall(SYS_tgkill, pids[number], tid, SIGUSR1);
	}
}

static void calm_down(struct weather *w)
{
	uint64_t end = after(PATIENCE);

	while (!all_stand_still() && now_ns() < end)
		bury_the_dead(w);
}

/* One of those that are still there: what it leaves behind is for those who wait. */
static void kill_one(struct weather *w)
{
	unsigned int first = below(&random_state, workers), i, number;

	for (i = 0; i < workers; i++) {
		number = (first + i) % workers;
		if (!pids[number] || !LOAD(actors_of(number)->tid))
			continue;
		do_kill(number, w);
		break;
	}
}

/* All stop.  Who still waits then, may he?  Then everybody goes. */
void weather_end(struct weather *w)
{
	unsigned int i, left;
	struct box *b;
	uint64_t end;

	STORE(world->stop, 1);
	for (i = 0; i < workers; i++)
		if (pids[i])
			kill(pids[i], SIGCONT);
	limits_restore();
	calm_down(w);
	kill_one(w);
	calm_down(w);
	/* Whoever wanted to do so may have been killed before. */
	for (b = world->boxes; b < world->boxes + world->boxes_used; b++)
		if (b->removed && k_remove(b->fd))
			CHECK(errno == EIDRM);
	oracle_waiters();
	calls_waiters();
	queues_waiters();
	pipes_waiters();
	sems_waiters();
	regions_waiters();
	bells_waiters();

	end = after(PATIENCE);
	for (;;) {
		bury_the_dead(w);
		left = 0;
		for (i = 0; i < workers; i++) {
			if (pids[i]) {
				shake(i);
				left++;
			}
		}
		if (!left)
			break;
		if (now_ns() > end) {
			complain("%u workers cannot be ended by signals", left);
			for (i = 0; i < workers; i++)
				if (pids[i])
					do_kill(i, w);
		}
		nap();
	}
	/* What they had left behind. */
	while (waitpid(-1, NULL, 0) > 0)
		;
}

/* What the kernel can make fail. */
enum { FAULTS = 3 };

static const char * const faults[FAULTS] = {
	"failslab", "fail_page_alloc", "fail_usercopy"
};

/* How; not all have all of these.  The filter stands before the probability. */
enum { KNOBS = 7 };

static const char * const knobs[KNOBS][2] = {
	{ "interval", "1" },
	{ "times", "-1" },
	{ "verbose", "0" },
	{ "min-order", "0" },
	{ "ignore-gfp-wait", "N" },
	{ "task-filter", "Y" },
	{ "probability", "4" },
};

static char knobs_before[FAULTS][KNOBS][32];

static const char *knob_path(unsigned int fault, unsigned int knob)
{
	static char path[96];

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", faults[fault],
		 knobs[knob][0]);
	return path;
}

static bool knob_read(unsigned int fault, unsigned int knob)
{
	char *text = knobs_before[fault][knob];
	int fd = open(knob_path(fault, knob), O_RDWR | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(knobs_before[fault][knob]) - 1);
	close(fd);
	CHECK(n > 0);
	text[strcspn(text, "\n")] = 0;
	return true;
}

/* Whether the kernel can; remembers how the knobs stand. */
bool faults_available(void)
{
	unsigned int i, k;

	if (access("/proc/self/make-it-fail", W_OK))
		return false;
	for (i = 0; i < FAULTS; i++)
		for (k = 0; k < KNOBS; k++)
			if (!knob_read(i, k) && k == KNOBS - 1)
				return false;
	return true;
}

void faults_set(bool on)
{
	unsigned int i, k, n;

	for (i = 0; i < FAULTS; i++) {
		for (n = 0; n < KNOBS; n++) {
			k = on ? n : KNOBS - 1 - n;
			if (*knobs_before[i][k])
				write_file(knob_path(i, k), on ? knobs[k][1] :
					   knobs_before[i][k]);
		}
	}
}
