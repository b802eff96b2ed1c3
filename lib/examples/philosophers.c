// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * philosophers [NUMBER [MEALS]]
 *
 * Dining philosophers: each needs the fork on its left and the one on its right to eat.
 * Who takes one and then waits for the other may wait for ever, if all do.  Here both
 * are taken by one operation, or none.  The forks are a set of semaphores, which sees to
 * it that nobody starves between two neighbours who eat by turns.  The first one
 * dies at table, with both forks in its hands, and they are put back for it.
 */
#include <err.h>
#include <kipc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOON	kipc_deadline(60000000000)

static unsigned int number = 5, meals = 400;

/* Which forks are in use: it shows if the semaphores do not guard them. */
static unsigned char *in_use;

static void dine(int forks, unsigned int me)
{
	unsigned int left = me, right = (me + 1) % number, i;
	struct kipc_sem_op both[2] = {
		{ .num = (uint16_t)left, .flags = KIPC_SEM_UNDO },
		{ .num = (uint16_t)right, .flags = KIPC_SEM_UNDO },
	};

	for (i = 0; i < meals; i++) {
		both[0].op = -1;
		both[1].op = -1;
		if (kipc_sem_op(forks, both, 2, SOON) < 0)
			err(EXIT_FAILURE, "take two forks");
		if (me == 0 && i == meals / 2)
			raise(SIGKILL);
		if (in_use[left]++ || in_use[right]++)
			errx(EXIT_FAILURE, "two eat with one fork");
		if (i % 16 == 0)
			usleep(10);	/* it tastes good */
		in_use[left]--;
		in_use[right]--;
		both[0].op = 1;
		both[1].op = 1;
		if (kipc_sem_op(forks, both, 2, KIPC_NO_WAIT) < 0)
			err(EXIT_FAILURE, "put two forks back");
	}
}

/* Returns how many have eaten all their meals. */
static unsigned int await(void)
{
	unsigned int content = 0;
	int status;

	while (wait(&status) > 0) {
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
			printf("one died at table\n");
		else if (status)
			errx(EXIT_FAILURE, "one has failed");
		else
			content++;
	}
	return content;
}

int main(int argc, char **argv)
{
	struct kipc_sem_attr attr = { .initial = 1, .max = 1 };
	struct kipc_sem_stat stat;
	unsigned int i, content;
	int forks;

	if (argc > 1)
		number = (unsigned int)atoi(argv[1]);
	if (argc > 2)
		meals = (unsigned int)atoi(argv[2]);
	if (number < 2 || number > KIPC_SEM_MAX)
		errx(EXIT_FAILURE, "usage: philosophers [2...%d [MEALS]]", KIPC_SEM_MAX);
	attr.count = number;
	forks = kipc_sem_create(NULL, &attr, 0600, KIPC_SEM_RIGHTS, 0);
	if (forks < 0)
		err(EXIT_FAILURE, "create the forks (is the module loaded?)");
	in_use = mmap(NULL, number, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (in_use == MAP_FAILED)
		err(EXIT_FAILURE, "memory");
	for (i = 0; i < number; i++) {
		pid_t pid = fork();

		if (pid < 0)
			err(EXIT_FAILURE, "fork");
		if (pid == 0) {
			dine(forks, i);
			return EXIT_SUCCESS;
		}
	}
	content = await();
	if (kipc_sem_stat(forks, &stat) < 0)
		err(EXIT_FAILURE, "look at the forks");
	printf("%u ate %u times each; %llu of %llu operations had to wait\n", content, meals,
	       (unsigned long long)stat.waits, (unsigned long long)stat.operations);
	for (i = 0; i < number; i++)
		if (kipc_sem_timedwait(forks, i, SOON) < 0)
			err(EXIT_FAILURE, "fork %u is missing", i);
	printf("all forks are back\n");
	return content == number - 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
