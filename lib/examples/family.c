// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * family
 *
 * A parent and its child: the parent writes into memory that the child can only read, and
 * the child answers in memory of its own, that the parent can only read.  Each rings when
 * something is there.  The descriptors are inherited; the rights that they have are less
 * than the creator's, and nobody can change that.
 */
#include <err.h>
#include <errno.h>
#include <kipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WRITER	(KIPC_RIGHT_MAP | KIPC_RIGHT_SEND | KIPC_RIGHT_RECEIVE)
#define READER	(KIPC_RIGHT_MAP | KIPC_RIGHT_RECEIVE)
#define SIZE	4096

/* Memory with a handle for each side. */
static void make(int *writer, int *reader)
{
	*writer = kipc_memory_create(NULL, SIZE, 0600, WRITER, 0);
	*reader = *writer < 0 ? -1 : kipc_narrow(*writer, READER, 0);
	if (*reader < 0)
		err(EXIT_FAILURE, "create memory (is the module loaded?)");
}

static char *map(int fd, int prot)
{
	size_t size = 0;
	char *at = kipc_memory_map(fd, &size, prot);

	if (!at)
		err(EXIT_FAILURE, "map");
	return at;
}

static void say(int writer, char *at, const char *text)
{
	snprintf(at, SIZE, "%s", text);
	if (kipc_memory_ring(writer, 1, KIPC_FOREVER) < 0)
		err(EXIT_FAILURE, "ring");
}

static void listen_to(int reader)
{
	if (kipc_memory_wait(reader, NULL, KIPC_FOREVER) < 0)
		err(EXIT_FAILURE, "wait");
}

static int be_the_child(int question, int answer)
{
	char *asked = map(question, PROT_READ), *said = map(answer, PROT_READ | PROT_WRITE);
	size_t size = 0;
	char text[SIZE];

	if (kipc_memory_map(question, &size, PROT_READ | PROT_WRITE) || errno != EACCES)
		errx(EXIT_FAILURE, "it should not be writable");
	listen_to(question);
	snprintf(text, sizeof(text), "%d, which is %zu bytes long: %.64s", getppid(),
		 strlen(asked), asked);
	say(answer, said, text);
	return EXIT_SUCCESS;
}

int main(void)
{
	int asks, hears, tells, listens, status;
	char *said;
	pid_t child;

	make(&asks, &hears);
	make(&tells, &listens);
	child = fork();
	if (child < 0)
		err(EXIT_FAILURE, "fork");
	if (!child) {
		/* It keeps what is the parent's to write no longer than this. */
		close(asks);
		close(listens);
		_exit(be_the_child(hears, tells));
	}
	close(hears);
	close(tells);
	said = map(listens, PROT_READ);
	say(asks, map(asks, PROT_READ | PROT_WRITE), "what do I say?");
	listen_to(listens);
	printf("the child has heard its parent %s\n", said);
	if (waitpid(child, &status, 0) != child || status)
		errx(EXIT_FAILURE, "the child has failed");
	return EXIT_SUCCESS;
}
