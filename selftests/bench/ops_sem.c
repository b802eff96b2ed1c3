// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on semaphores: nobody waits; two processes hand over to each other; and
 * beside a crowd that waits for others of the set.
 */
#include <pthread.h>
#include <semaphore.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/wait.h>

#include <kipc.h>

#include "bench.h"

#define SOME		64	/* operations that are timed in one go */
#define WAITERS		1000
#define SET		64	/* semaphores */

/* Two semaphores, shared by parent and children. */
struct pair {
	int set;
	sem_t *sems;
};

/* What each mechanism has for that. */
struct kind {
	const struct peer *peer;
	void (*make)(struct pair *p);
	void (*post)(struct pair *p, unsigned int num);
	void (*take)(struct pair *p, unsigned int num);
	void (*end)(struct pair *p);
};

static int make_set(unsigned int count)
{
	struct kipc_sem_attr attr = { .count = count };
	int fd = kipc_sem_create(NULL, &attr, 0600,
				 KIPC_RIGHT_SEND | KIPC_RIGHT_RECEIVE, 0);

	CHECK(fd >= 0);
	return fd;
}

static void ours_make(struct pair *p)
{
	p->set = make_set(2);
}

static void ours_post(struct pair *p, unsigned int num)
{
	CHECK(!kipc_sem_post(p->set, num));
}

static void ours_take(struct pair *p, unsigned int num)
{
	CHECK(!kipc_sem_wait(p->set, num));
}

static void ours_end(struct pair *p)
{
	close(p->set);
}

static void sysv_make(struct pair *p)
{
	p->set = semget(IPC_PRIVATE, 2, 0600);
	CHECK(p->set >= 0);
}

static void sysv_add(struct pair *p, unsigned int num, short by)
{
	struct sembuf op = { .sem_num = num, .sem_op = by };

	CHECK(!semop(p->set, &op, 1));
}

static void sysv_post(struct pair *p, unsigned int num)
{
	sysv_add(p, num, 1);
}

static void sysv_take(struct pair *p, unsigned int num)
{
	sysv_add(p, num, -1);
}

static void sysv_end(struct pair *p)
{
	CHECK(!semctl(p->set, 0, IPC_RMID));
}

static void posix_make(struct pair *p)
{
	p->sems = shared(2 * sizeof(*p->sems));
	CHECK(!sem_init(&p->sems[0], 1, 0) && !sem_init(&p->sems[1], 1, 0));
}

static void posix_post(struct pair *p, unsigned int num)
{
	CHECK(!sem_post(&p->sems[num]));
}

static void posix_take(struct pair *p, unsigned int num)
{
	CHECK(!sem_wait(&p->sems[num]));
}

static void posix_end(struct pair *p)
{
	unshare_memory(p->sems, 2 * sizeof(*p->sems));
}

static const struct kind kinds[] = {
	{ &kipc_sem_peer, ours_make, ours_post, ours_take, ours_end },
	{ &sysv_sem_peer, sysv_make, sysv_post, sysv_take, sysv_end },
	{ &posix_sem_peer, posix_make, posix_post, posix_take, posix_end },
};

static const struct kind *kind_of(const struct peer *peer)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].peer == peer)
			return &kinds[i];
	return NULL;
}

/* One operation. */
static void run_uncontended(const struct turn *t)
{
	const struct kind *kind = kind_of(t->peer);
	unsigned int i, n = t->messages;
	uint64_t start = 0;
	struct pair p;

	kind->make(&p);
	for (i = 0; i < n + n / 8; i++) {
		if (i == n / 8)
			start = now_ns();
		kind->post(&p, 0);
		kind->take(&p, 0);
	}
	give(t, NULL, (double)(now_ns() - start) / (2 * n));
	kind->end(&p);
}

struct game {
	const struct turn *t;
	const struct kind *kind;
	struct pair pair;
};

/* Each waits for the other. */
static void hand_over_job(struct crew *crew, unsigned int me, void *arg)
{
	struct game *game = arg;
	unsigned int i, n = game->t->messages;

	for (i = 0; i < n + n / 8; i++) {
		if (i == n / 8)
			crew_ready(crew);
		if (!me)
			game->kind->post(&game->pair, 1);
		game->kind->take(&game->pair, me);
		if (me)
			game->kind->post(&game->pair, 0);
	}
	crew_done(crew);
}

static void run_hand_over(const struct turn *t)
{
	struct game game = { .t = t, .kind = kind_of(t->peer) };

	game.kind->make(&game.pair);
	give(t, NULL, crew_run(t, 2, false, hand_over_job, &game) / (2 * t->messages));
	game.kind->end(&game.pair);
}

/* Those who wait for what does not come, spread over all semaphores but the first. */

struct crowd {
	int set;
	unsigned int number;
};

static void *wait_for_nothing(void *arg)
{
	struct crowd *crowd = arg;
	unsigned int me = __atomic_fetch_add(&crowd->number, 1, __ATOMIC_SEQ_CST);

	kipc_sem_wait(crowd->set, 1 + me % (SET - 1));
	return NULL;
}

static void assemble(struct crowd *crowd, unsigned int waiters)
{
	struct kipc_sem_stat stat;
	pthread_attr_t attr;
	unsigned int i;

	CHECK(pthread_attr_init(&attr) == 0);
	CHECK(pthread_attr_setstacksize(&attr, 64 << 10) == 0);
	for (i = 0; i < waiters; i++) {
		pthread_t thread;

		CHECK(!pthread_create(&thread, &attr, wait_for_nothing, crowd));
	}
	do {
		usleep(1000);
		CHECK(!kipc_sem_stat(crowd->set, &stat));
	} while (stat.waiting != waiters);
}

/* In a child, whose end is that of its threads. */
static void operate_beside(const struct turn *t, unsigned int waiters, double *result)
{
	unsigned int rounds = t->messages / SOME, i, r;
	struct crowd crowd = { .set = make_set(SET) };
	uint64_t took = 0, start;

	pin(t->placement, 0);
	assemble(&crowd, waiters);
	for (r = 0; r < rounds + rounds / 8; r++) {
		start = now_ns();
		for (i = 0; i < SOME; i++) {
			CHECK(!kipc_sem_post(crowd.set, 0));
			CHECK(!kipc_sem_wait(crowd.set, 0));
		}
		if (r >= rounds / 8)
			took += now_ns() - start;
	}
	*result = (double)took / (2 * rounds * SOME);
}

static void run_beside(const struct turn *t, const char *detail, unsigned int waiters)
{
	double *result = shared(4096);
	pid_t pid = fork();
	int status;

	CHECK(pid >= 0);
	if (!pid) {
		operate_beside(t, waiters, result);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && !status);
	give(t, detail, *result);
	unshare_memory(result, 4096);
}

static void run_waiters(const struct turn *t)
{
	run_beside(t, "0", 0);
	run_beside(t, "1000", WAITERS);
}

static bool fits_all(const struct peer *p, size_t payload)
{
	(void)payload;
	return kind_of(p);
}

static bool fits_ours(const struct peer *p, size_t payload)
{
	(void)payload;
	return p == &kipc_sem_peer;
}

static const size_t no_payload[] = { 0, PAYLOADS_END };

static const struct op uncontended = {
	.name = "sem-operation", .payloads = no_payload, .fewer = 1,
	.one_placement = true, .run = run_uncontended, .fits = fits_all,
};

static const struct op hand_over = {
	.name = "sem-hand-over", .payloads = no_payload, .fewer = 1,
	.run = run_hand_over, .fits = fits_all,
};

static const struct op waiters = {
	.name = "sem-waiters", .payloads = no_payload, .fewer = 1, .max_rounds = 1,
	.one_placement = true, .run = run_waiters, .fits = fits_ours,
};

const struct op *const sem_ops[] = { &uncontended, &hand_over, &waiters, NULL };

struct peer kipc_sem_peer = {
	.name = "kipc-sem",
	.device = "/dev/kipc",
	.prepare = kipc_peer_prepare,
};
