// SPDX-License-Identifier: GPL-2.0
/*
 * stress [--duration SECONDS] [--seed N] [--processes N] [--faults]
 *
 * Many processes do random things on many objects of all kinds but services at once, are
 * killed, stopped, interrupted, run into limits and failing allocations; then it is
 * compared what was done and what came of it.  See stress.h.
 *
 *	--duration	so long (KIPC_STRESS, or 10)
 *	--seed		of all random numbers; what comes of them also depends
 *			on who runs when
 *	--processes	so many at a time (4 and twice the processors)
 *	--faults	allocations and copies fail in each epoch, and not only in
 *			every second one; needs a kernel with fault injection
 */
#include "stress.h"

#include <getopt.h>
#include <kselftest.h>

#define EPOCH (4 * SECOND)

/* Attributes of the boxes: letters, bytes, letter size, flags. */
const struct kipc_mailbox_attr shapes[SHAPES] = {
	{ 8, 4096, 1024, 0 },
	{ 1, 64, 64, 0 },
	{ 64, 256 << 10, 64 << 10, 0 },
	{ 4, 3 * LARGEST, LARGEST, 0 },
	{ KIPC_UNBOUNDED, KIPC_UNBOUNDED, 1024, 0 },
	{ 0, 0, 512, 0 },
	{ 0, 0, 20000, 0 },
	{ 4, 8192, 5000, KIPC_MAILBOX_REFUSE },
	{ 3, 192, 64, KIPC_MAILBOX_DROP_OLDEST },
	{ 8, 65536, 20000, KIPC_MAILBOX_DROP_OLDEST },
	{ 16, 65536, 8192, KIPC_MAILBOX_HANGUP },
	{ 0, 0, 256, KIPC_MAILBOX_HANGUP },
	{ 16, 1024, 64, KIPC_MAILBOX_FIXED },
	{ 4, 80000, 20000, KIPC_MAILBOX_FIXED },
};

static const char * const shape_names[SHAPES] = {
	"stress.small", "stress.single", "stress.large", "stress.largest",
	"stress.unbounded", "stress.rendezvous", "stress.rendezvous-large",
	"stress.refuse", "stress.drop", "stress.drop-large", "stress.hangup",
	"stress.hangup-rendezvous", "stress.fixed", "stress.fixed-large",
};

struct world *world;
unsigned int workers;

static char *areas;
static struct weather weather;
static struct counters all;
static unsigned int epochs, fault_epochs, complaints, leaks;

const char *box_name(unsigned int shape)
{
	return shape_names[shape];
}

/* The buffers of a thread, for receives and for sends. */
void areas_of(unsigned int number, char **in, char **out)
{
	*in = areas + (size_t)number * 2 * AREA;
	*out = *in + AREA;
}

static void make_world(void)
{
	unsigned int n = workers * THREADS, i;
	char *in, *out;

	world = shared(sizeof(*world) + n * sizeof(struct actor));
	areas = shared((size_t)n * 2 * AREA);
	for (i = 0; i < n; i++) {
		areas_of(i, &in, &out);
		CHECK(!mprotect(in + ROOM, GUARD, PROT_NONE));
		CHECK(!mprotect(out + ROOM, GUARD, PROT_NONE));
	}
}

static void clear_world(bool faults)
{
	memset(world->boxes, 0, sizeof(world->boxes));
	memset(world->letters, 0,
	       (world->letters_used < LETTERS ? world->letters_used : LETTERS) *
	       sizeof(world->letters[0]));
	memset(&world->count, 0, sizeof(world->count));
	memset(world->actors, 0, workers * THREADS * sizeof(struct actor));
	world->epoch = ++epochs;
	world->clock = 0;
	world->letters_used = 0;
	world->answers = 0;
	world->boxes_used = 0;
	world->tight = 0;
	world->stop = 0;
	world->faults = faults;
}

static void add_up(void)
{
	uint64_t *to = (uint64_t *)&all, *from = (uint64_t *)&world->count;
	unsigned int i;

	for (i = 0; i < sizeof(all) / sizeof(*to); i++)
		to[i] += from[i];
}

static void tell_complaints(uint64_t seed)
{
	unsigned int i;

	for (i = 0; i < world->complaints && i < COMPLAINTS; i++)
		printf("# epoch %u: %s\n", epochs, world->complaint[i]);
	if (i)
		printf("# %u complaints in this epoch%s; the seed was %llu\n",
		       world->complaints,
		       world->faults ? ", which had faults" : "",
		       (unsigned long long)seed);
	complaints += world->complaints;
	world->complaints = 0;
}

/* Nobody has anything any more. */
static void check_totals(void)
{
	static const char * const names[] = {
		"objects", "handles", "bytes", "waiters", "memory"
	};
	uint64_t end = after(PATIENCE), left;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		do {
			left = total(names[i]);
			if (!left)
				break;
			usleep(20000);
		} while (now_ns() < end);
		if (left) {
			leaks++;
			printf("# epoch %u left %llu %s behind\n", epochs,
			       (unsigned long long)left, names[i]);
		}
	}
}

/* Persistent names are there until somebody takes them away. */
static void sweep(int ctl)
{
	unsigned int i;

	for (i = 0; i < SHAPES; i++)
		if (k_unlink(ctl, box_name(i)))
			CHECK(errno == ENOENT);
	churn_sweep(ctl);
	regions_sweep(ctl);
}

static void run_epoch(uint64_t end, uint64_t seed, bool faults)
{
	int ctl = control();
	struct box *b;

	clear_world(faults);
	/* What an earlier run may have left, that was killed. */
	sweep(ctl);
	if (faults) {
		fault_epochs++;
		faults_set(true);
	}
	calls_open(ctl);
	queues_open(ctl);
	pipes_open();
	sems_open(ctl);
	regions_open();
	bells_open();
	weather_start(ctl, (seed + epochs * 0x9e3779b97f4a7c15ULL) | 1);
	weather_blow(end, &weather);
	weather_end(&weather);
	if (faults)
		faults_set(false);
	oracle_drain();
	oracle_epoch();
	calls_epoch();
	queues_epoch();
	pipes_epoch();
	sems_epoch();
	regions_epoch();
	bells_epoch();
	for (b = world->boxes; b < world->boxes + world->boxes_used; b++)
		close(b->fd);
	sweep(ctl);
	close(ctl);
	check_totals();
	add_up();
	tell_complaints(seed);
}

static int tests;

static bool result(bool good, const char *what)
{
	printf("%sok %d %s\n", good ? "" : "not ", ++tests, what);
	return good;
}

static unsigned long long ull(uint64_t n)
{
	return n;
}

static bool tell_results(bool can_fault)
{
	char text[100];
	bool good = true;

	printf("# %u epochs, %llu calls: %llu letters sent, %llu received, %llu looked at\n",
	       epochs, ull(all.calls), ull(all.sent), ull(all.received),
	       ull(all.peeked));
	printf("# failed: %llu late, %llu interrupted, %llu hung up, %llu removed, %llu too long\n",
	       ull(all.timeouts), ull(all.interrupted), ull(all.hangups),
	       ull(all.gone), ull(all.refused));
	good &= result(!complaints, "everything sent arrived once, whole and in order");
	printf("# %llu requests: %llu replied to, %llu deserted by their server\n",
	       ull(all.asked), ull(all.replied), ull(all.deserted));
	good &= result(all.replied && (all.deserted || weather.kills < 200),
		       "every call was served once or never, and its reply came");
	snprintf(text, sizeof(text), "messages of queues: %llu sent, %llu received",
		 ull(all.messages), ull(all.taken));
	good &= result(all.messages && all.taken, text);
	snprintf(text, sizeof(text), "%llu records came through pipes", ull(all.records));
	good &= result(all.records, text);
	snprintf(text, sizeof(text), "%llu operations on semaphores", ull(all.operated));
	good &= result(all.operated, text);
	snprintf(text, sizeof(text), "shared memory: taken %llu times, %llu sizes set",
		 ull(all.tilled), ull(all.resized));
	good &= result(all.tilled && all.resized, text);
	snprintf(text, sizeof(text), "doorbells: %llu rings, %llu answers", ull(all.rung),
		 ull(all.answered));
	good &= result(all.rung && all.answered, text);
	printf("# %llu boxes of one's own, %llu names, %u boxes made anew\n",
	       ull(all.private), ull(all.names), weather.retired);
	good &= result(!leaks, "nothing was left behind");
	printf("# %u processes killed; %u threads were in a call, %u asleep there\n",
	       weather.kills, weather.inside, weather.asleep);
	printf("# %u signals, %u processes stopped for a while\n",
	       weather.signals, weather.stops);
	snprintf(text, sizeof(text), "%u kills inside operations",
		 weather.inside);
	good &= result(weather.inside && weather.asleep, text);
	if (can_fault) {
		printf("# %u epochs; %u processes died of a broken signal frame\n",
		       fault_epochs, weather.crashed);
		snprintf(text, sizeof(text),
			 "%llu allocations and %llu copies failed",
			 ull(all.no_memory), ull(all.faults));
		good &= result(all.no_memory && all.faults, text);
	} else {
		result(true, "failing allocations # SKIP not on this kernel");
	}
	printf("# limits were changed %u times\n", weather.limits);
	snprintf(text, sizeof(text), "%llu calls refused by a limit",
		 ull(all.no_quota));
	good &= result(all.no_quota || !weather.limits, text);
	return good;
}

static uint64_t number(const char *text, uint64_t least, uint64_t most)
{
	char *end;
	uint64_t n = strtoull(text, &end, 0);

	if (!*text || *end || n < least || n > most) {
		fprintf(stderr, "stress: '%s' is not a number from %llu to %llu\n",
			text, ull(least), ull(most));
		exit(2);
	}
	return n;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "duration", required_argument, NULL, 'd' },
		{ "seed", required_argument, NULL, 's' },
		{ "processes", required_argument, NULL, 'p' },
		{ "faults", no_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	const char *wanted = getenv("KIPC_STRESS");
	uint64_t duration = number(wanted ? wanted : "10", 1, 1000000);
	uint64_t seed = now_ns() ^ (uint64_t)getpid() << 40;
	bool can_fault, faults = false;
	uint64_t end, next;
	int c;

	workers = 4 + 2 * sysconf(_SC_NPROCESSORS_ONLN);
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			duration = number(optarg, 1, 1000000);
			break;
		case 's':
			seed = number(optarg, 0, ~0ULL);
			break;
		case 'p':
			workers = number(optarg, 1, 64);
			break;
		case 'f':
			faults = true;
			break;
		default:
			return 2;
		}
	}
	if (workers > 64)
		workers = 64;
	can_fault = faults_available();
	if (faults && !can_fault) {
		fprintf(stderr, "stress: this kernel cannot inject faults\n");
		return 2;
	}
	printf("TAP version 13\n1..11\n# seed %llu, %u processes, %llu s\n",
	       ull(seed), workers, ull(duration));
	umask(0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	make_world();
	end = after(duration * SECOND);
	do {
		next = after(EPOCH);
		run_epoch(next < end ? next : end, seed,
			  can_fault && (faults || epochs % 2));
	} while (now_ns() < end && !complaints && !leaks);
	return tell_results(can_fault) ? 0 : 1;
}
