// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * robust [PROCESSES]
 *
 * The C library's mutex and condition variable across processes, in memory of kipc: some
 * processes, which find it by its name, count together.  One of them dies with the mutex in
 * its hand, in the middle of a change.  The mutex is robust: the next one to lock it is told
 * (EOWNERDEAD), puts right what the dead one has left half done, and all go on.
 */
#include <err.h>
#include <errno.h>
#include <kipc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 1000

struct shared {
	pthread_mutex_t mutex;
	pthread_cond_t all_done;
	/* Under the mutex they are equal. */
	unsigned long count, copy;
	unsigned int done, repairs;
};

static struct shared *attach(int fd)
{
	size_t size = sizeof(struct shared);
	struct shared *shared = kipc_memory_map(fd, &size, PROT_READ | PROT_WRITE);

	if (!shared)
		err(EXIT_FAILURE, "map");
	return shared;
}

static void set_up(struct shared *shared)
{
	pthread_mutexattr_t mutex;
	pthread_condattr_t cond;

	pthread_mutexattr_init(&mutex);
	pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&mutex, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&shared->mutex, &mutex);
	pthread_condattr_init(&cond);
	pthread_condattr_setpshared(&cond, PTHREAD_PROCESS_SHARED);
	pthread_cond_init(&shared->all_done, &cond);
}

/* After a lock, or a wait, that returned @ret. */
static void locked(struct shared *shared, int ret)
{
	if (ret == EOWNERDEAD) {
		shared->copy = shared->count;
		shared->repairs++;
		ret = pthread_mutex_consistent(&shared->mutex);
	}
	if (ret) {
		errno = ret;
		err(EXIT_FAILURE, "lock");
	}
}

/* One of them dies half way. */
static void work(const char *name, int dies)
{
	int fd = kipc_open(name, KIPC_KIND_MEMORY, KIPC_RIGHT_MAP | KIPC_RIGHT_SEND |
			   KIPC_RIGHT_RECEIVE, 0);
	struct shared *shared;
	int i;

	if (fd < 0)
		err(EXIT_FAILURE, "open %s", name);
	shared = attach(fd);
	for (i = 0; i < ROUNDS; i++) {
		locked(shared, pthread_mutex_lock(&shared->mutex));
		shared->count++;
		if (dies && i == ROUNDS / 2)
			raise(SIGKILL);
		shared->copy++;
		pthread_mutex_unlock(&shared->mutex);
	}
	locked(shared, pthread_mutex_lock(&shared->mutex));
	shared->done++;
	pthread_cond_signal(&shared->all_done);
	pthread_mutex_unlock(&shared->mutex);
}

int main(int argc, char **argv)
{
	unsigned int processes = argc > 1 ? atoi(argv[1]) : 4, i;
	struct shared *shared;
	unsigned long want;
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "robust-%d", getpid());
	fd = kipc_memory_create(name, sizeof(*shared), 0600, KIPC_MEMORY_RIGHTS, KIPC_EXCL);
	if (fd < 0)
		err(EXIT_FAILURE, "create memory (is the module loaded?)");
	shared = attach(fd);
	set_up(shared);
	for (i = 0; i < processes; i++) {
		if (!fork()) {
			work(name, i == 0);
			_exit(EXIT_SUCCESS);
		}
	}
	locked(shared, pthread_mutex_lock(&shared->mutex));
	while (shared->done < processes - 1)
		locked(shared, pthread_cond_wait(&shared->all_done, &shared->mutex));
	pthread_mutex_unlock(&shared->mutex);
	while (wait(NULL) > 0)
		;
	/* The dead one may have been the last to lock it. */
	locked(shared, pthread_mutex_lock(&shared->mutex));
	want = (processes - 1) * ROUNDS + ROUNDS / 2 + 1;
	printf("%u processes, one of which died in the middle: counted %lu of %lu, %u repair\n",
	       processes, shared->count, want, shared->repairs);
	if (shared->count != want || shared->copy != want || shared->repairs != 1)
		errx(EXIT_FAILURE, "the counts are wrong");
	printf("nothing was lost\n");
	return EXIT_SUCCESS;
}
