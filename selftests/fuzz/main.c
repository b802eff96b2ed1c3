// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz run [--seconds S] [--seed N] [--workers N] [--log PORT] [--blocks N]
 *	    [--least PERCENT] [--keep FILE] FILE...
 * fuzz replay [--seconds S] FILE	run its programs again and again
 * fuzz shrink FILE	find a smaller version that has the same effect
 * fuzz c FILE		print its programs as tests in C
 * fuzz print FILE	print its programs
 *
 * In the virtual machine of scripts/fuzz, as root.  FILE has programs as text.
 * BLOCKS is how many basic blocks the module has that can be reached.
 */
#include "fuzz.h"

#include <getopt.h>
#include <stdarg.h>

enum { ALONE = MAX_WORKERS, PROGRESS = 5 };

struct shared *shared_state;
unsigned int me = ALONE;

static unsigned int seconds = 60, workers = 4, blocks, least;
static uint64_t seed = 1;
static const char *keep;
static bool traced;
static unsigned int kills, kills_inside, signals, stops, failed;
static uint64_t fault_seen;

void fault(const char *format, ...)
{
	va_list list;
	int n;

	if (add(&shared_state->faults, 1))
		return;
	va_start(list, format);
	n = vsnprintf(shared_state->fault, 512, format, list);
	va_end(list);
	n += snprintf(shared_state->fault + n, 64, "\nworker %u was at:\n", me);
	program_print(&shared_state->current[me], shared_state->fault + n,
		      TEXT_MAX);
}

static void result(bool good, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void result(bool good, const char *format, ...)
{
	va_list list;

	printf("%s - ", good ? "ok" : "not ok");
	va_start(list, format);
	vprintf(format, list);
	va_end(list);
	putchar('\n');
	failed += !good;
}

static unsigned int count_set(const uint8_t *map, unsigned int size)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < size; i++)
		n += map[i];
	return n;
}

/* In a process of its own, which nobody kills. */
static bool alone(bool (*what)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (!cover_open() && traced)
			_exit(2);
		execute_setup();
		_exit(!what());
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool replay_all(void)
{
	corpus_replay();
	return true;
}

static bool keep_best(void)
{
	struct program *p;
	unsigned int n = corpus_distil(&p);
	static char text[TEXT_MAX];
	FILE *file = fopen(keep, "we");

	for (unsigned int i = 0; file && i < n; i++) {
		program_print(&p[i], text, sizeof(text));
		fprintf(file, "\n%s", text);
	}
	return file && !fclose(file);
}

static void start_worker(unsigned int i)
{
	struct worker *w = &shared_state->workers[i];
	pid_t pid;

	w->generation++;
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		rnd_seed(seed * 1000003 + w->generation * MAX_WORKERS + i);
		worker_run(i);
	}
	setpgid(pid, pid);
	w->pid = pid;
}

/* Any child of ours, or of a worker that is no more. */
static void reap(bool again)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (unsigned int i = 0; i < workers; i++) {
			if (shared_state->workers[i].pid != pid)
				continue;
			shared_state->workers[i].pid = 0;
			me = i;
			if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
				fault("a worker ended with status %#x", status);
			me = ALONE;
			if (again)
				start_worker(i);
		}
	}
}

static void disturb(void)
{
	static const int some[] = { SIGUSR1, SIGUSR2, SIGIO };
	struct worker *w = &shared_state->workers[below(workers)];
	unsigned int pick = below(64);

	if (w->pid <= 0)
		return;
	if (pick < 2) {
		kills++;
		kills_inside += __atomic_load_n(&w->inside, __ATOMIC_RELAXED);
		kill(below(2) ? w->pid : -w->pid, SIGKILL);
	} else if (pick < 4) {
		stops++;
		kill(-w->pid, SIGSTOP);
		call_sleep(below(2000));
		kill(-w->pid, SIGCONT);
	} else if (pick < 25) {
		signals++;
		kill(below(2) ? w->pid : -w->pid, some[below(3)]);
	}
}

/* A worker that does nothing for so long hangs, or cannot be killed. */
static void watch(void)
{
	static uint64_t before[MAX_WORKERS], since[MAX_WORKERS];

	for (unsigned int i = 0; i < workers; i++) {
		struct worker *w = &shared_state->workers[i];
		uint64_t now = calls_now();

		if (w->programs != before[i] || !since[i]) {
			before[i] = w->programs;
			since[i] = now;
		} else if (now - since[i] > 20 * SECOND) {
			me = i;
			fault("worker %u hangs", i);
			me = ALONE;
			since[i] = now;
			kill(-w->pid, SIGKILL);
		}
	}
	if (shared_state->faults && !fault_seen) {
		fault_seen = 1;
		printf("fault: %s\n", shared_state->fault);
	}
}

static void progress(double passed)
{
	uint64_t calls = shared_state->calls;

	printf("%4.0f s: %llu calls (%.0f/s), %u blocks, %u edges, %u programs, %u kills\n",
	       passed, (unsigned long long)calls, calls / passed,
	       count_set(shared_state->blocks, BLOCKS),
	       count_set(shared_state->edges, EDGES),
	       shared_state->corpus_reserved, kills);
	fflush(stdout);
}

static void supervise(void)
{
	/* A debug kernel feels each timer, and how often workers are killed. */
	static const struct timespec turn = { 0, 20000000 };
	uint64_t begin = calls_now(), told = begin;

	rnd_seed(seed);
	for (unsigned int i = 0; i < workers; i++)
		start_worker(i);
	while (calls_now() - begin < seconds * SECOND) {
		nanosleep(&turn, NULL);
		reap(true);
		disturb();
		watch();
		if (calls_now() - told > PROGRESS * SECOND) {
			told = calls_now();
			progress((told - begin) / 1e9);
			limits_restore();
		}
	}
	for (unsigned int i = 0; i < workers; i++) {
		if (shared_state->workers[i].pid > 0)
			kill(-shared_state->workers[i].pid, SIGKILL);
	}
	for (int i = 0; i < 5000; i++) {
		unsigned int left = 0;

		reap(false);
		for (unsigned int n = 0; n < workers; n++)
			left += shared_state->workers[n].pid > 0;
		if (!left)
			break;
		call_sleep(1999);
	}
	progress((calls_now() - begin) / 1e9);
}

/* What is persistent stays, and what was on its way. */
static void sweep(void)
{
	int fd = open("/dev/kipc", O_RDWR | O_CLOEXEC);

	for (unsigned int i = 0; i < NAME_COUNT; i++) {
		struct kipc_unlink u = {
			.name = (uintptr_t)at(NAMES, i * NAME_STEP),
			.name_len = name_length(i),
		};

		ioctl(fd, KIPC_IOC_UNLINK, &u);
	}
	close(fd);
	for (int i = 0; i < 1000; i++) {
		fd = call_take();
		if (fd < 0)
			break;
		close(fd);
	}
	limits_restore();
}

static long total(const char *which)
{
	char path[80];
	FILE *file;
	long value = -1;

	snprintf(path, sizeof(path), "/sys/class/misc/kipc/%s", which);
	file = fopen(path, "re");
	if (!file)
		return -1;
	if (fscanf(file, "%ld", &value) != 1)
		value = -1;
	fclose(file);
	return value;
}

/* What is done in the background, as the reaping of namespaces, takes a while. */
static void check_totals(void)
{
	static const char *const which[] = {
		"objects", "handles", "bytes", "waiters", "carried", "memory",
	};
	long value[COUNT(which)], sum = 1;

	for (int i = 0; sum && i < 5000; i++) {
		call_sleep(1999);
		reap(false);
		sum = 0;
		for (size_t n = 0; n < COUNT(which); n++) {
			value[n] = total(which[n]);
			sum |= value[n];
		}
	}
	result(!sum,
	       "totals are 0: %ld objects, %ld handles, %ld bytes, %ld waiters, %ld carried, %ld memory",
	       value[0], value[1], value[2], value[3], value[4], value[5]);
}

static void load(char **files)
{
	static struct program p[MAX_CORPUS];

	for (; *files; files++) {
		unsigned int n = programs_read(*files, p, MAX_CORPUS);

		for (unsigned int i = 0; i < n; i++)
			corpus_add(&p[i]);
	}
	shared_state->corpus_old = shared_state->corpus_reserved;
}

static void summary(void)
{
	const struct shared *s = shared_state;

	printf("seed %llu: %llu calls in %llu programs, %llu forks\n",
	       (unsigned long long)seed, (unsigned long long)s->calls,
	       (unsigned long long)s->programs, (unsigned long long)s->forks);
	printf("%u kills of workers (%u inside a call), %llu of children, %u signals, %u stops\n",
	       kills, kills_inside, (unsigned long long)s->killed_children,
	       signals, stops);
	printf("%u new programs, %llu of them by comparisons\n",
	       s->corpus_reserved - s->corpus_old,
	       (unsigned long long)s->solved);
}

static int run(char **files)
{
	unsigned int reached;

	load(files);
	traced = !access("/sys/kernel/debug/kcov", R_OK);
	result(alone(replay_all), "corpus: all of its %u programs ran",
	       shared_state->corpus_old);
	printf("the corpus alone: %u blocks, %u edges\n",
	       count_set(shared_state->blocks, BLOCKS),
	       count_set(shared_state->edges, EDGES));
	if (traced)
		result(alone(comparisons_solve),
		       "comparisons: an operand of the kernel's leads further");
	supervise();
	reached = count_set(shared_state->blocks, BLOCKS);
	sweep();
	check_totals();
	result(!shared_state->faults, "promises of the ABI: %llu broken",
	       (unsigned long long)shared_state->faults);
	if (shared_state->faults)
		log_write("fault", shared_state->fault,
			  strlen(shared_state->fault));
	if (traced && least)
		result(reached * 100 >= blocks * least,
		       "coverage: %u of %u blocks, %u%% wanted", reached, blocks,
		       least);
	else if (traced)
		printf("coverage: %u of %u blocks\n", reached, blocks);
	if (keep)
		result(alone(keep_best), "the corpus was made anew");
	sweep();
	summary();
	return failed != 0;
}

static int parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seconds", 1, NULL, 's' }, { "seed", 1, NULL, 'n' },
		{ "workers", 1, NULL, 'w' }, { "log", 1, NULL, 'l' },
		{ "blocks", 1, NULL, 'b' }, { "least", 1, NULL, 'm' },
		{ "keep", 1, NULL, 'k' }, { 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			seconds = atoi(optarg);
			break;
		case 'n':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'w':
			workers = atoi(optarg);
			break;
		case 'l':
			log_open(optarg);
			break;
		case 'b':
			blocks = atoi(optarg);
			break;
		case 'm':
			least = atoi(optarg);
			break;
		case 'k':
			keep = optarg;
			break;
		default:
			return -1;
		}
	}
	if (!workers || workers > MAX_WORKERS)
		return -1;
	return optind;
}

int main(int argc, char **argv)
{
	static struct program p[256];
	int first = parse(argc, argv);
	const char *what = first > 0 && first < argc ? argv[first] : "";
	unsigned int count = 0;
	char text[TEXT_MAX];

	if (!strcmp(what, "nothing"))
		return 0;
	if (first < 0 || (strcmp(what, "run") && argc - first != 2)) {
		fprintf(stderr, "usage: fuzz run|replay|shrink|c|print FILE\n");
		return 2;
	}
	ops_setup();
	shared_state = mmap(NULL, sizeof(*shared_state), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared_state == MAP_FAILED)
		return 2;
	if (strcmp(what, "run"))
		count = programs_read(argv[first + 1], p, 256);
	if (!strcmp(what, "c"))
		emit_head();
	for (unsigned int i = 0; i < count; i++) {
		if (!strcmp(what, "c")) {
			emit_test(&p[i], i + 1);
		} else if (!strcmp(what, "print")) {
			program_print(&p[i], text, sizeof(text));
			printf("%s\n", text);
		}
	}
	if (!strcmp(what, "c") || !strcmp(what, "print"))
		return 0;
	calls_setup();
	signals_setup();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(what, "run"))
		return run(argv + first + 1);
	if (!strcmp(what, "replay"))
		return replay(p, count, seconds);
	return shrink(p, count);
}
