// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * eventloop [JOBS] [WORKERS]
 *
 * One thread and one epoll set for everything: letters, signals of what happens to kipc's
 * objects, the end of children, and a timer.  With each tick of the timer a job goes into
 * a queue; children (3) take the jobs, and send what they found by a mailbox.  After the
 * last job (30) the queue is closed, so the children end, and then nobody sends any more.
 */
#include <err.h>
#include <errno.h>
#include <kipc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define GONE	SIGRTMIN		/* nobody is there who could send a letter */
#define TICK	2000000			/* nanoseconds */
#define MAX	16			/* workers */

struct result {
	unsigned int number, primes;
};

/* What there was. */
static struct {
	unsigned int jobs, letters, primes, children, signals, ticks;
} seen;

static unsigned int jobs = 30, workers = 3;

/* What the loop waits for. */
enum source { LETTERS, SIGNALS, TICKS };

static unsigned int count_primes(unsigned int below)
{
	unsigned int count = 0, n, d;

	for (n = 2; n < below; n++) {
		for (d = 2; d * d <= n && n % d; d++)
			;
		count += d * d > n;
	}
	return count;
}

static int work(int queue, int box)
{
	struct result result;

	/* Until the queue hangs up. */
	while (kipc_queue_recv(queue, &result.number, sizeof(result.number), NULL,
			       NULL, 0, KIPC_FOREVER) >= 0) {
		result.primes = count_primes(100 * result.number);
		if (kipc_mailbox_send(box, &result, sizeof(result), 0,
				      KIPC_FOREVER) < 0)
			err(EXIT_FAILURE, "send a letter");
	}
	if (errno != EPIPE)
		err(EXIT_FAILURE, "receive a job");
	return EXIT_SUCCESS;
}

static int narrow(int all, uint32_t rights)
{
	int fd = kipc_narrow(all, rights, 0);

	if (fd < 0)
		err(EXIT_FAILURE, "kipc_narrow");
	return fd;
}

/* All that are there: a signal or an event may stand for several. */
static void take_letters(int box)
{
	struct result result;

	while (kipc_mailbox_recv(box, &result, sizeof(result), NULL, 0,
				 KIPC_NO_WAIT) >= 0) {
		seen.letters++;
		seen.primes += result.primes;
	}
	/* EPIPE: the end, of which the signal tells. */
	if (errno != EAGAIN && errno != EPIPE)
		err(EXIT_FAILURE, "receive a letter");
}

static void take_signals(int signals)
{
	struct signalfd_siginfo info;
	int status;

	while (read(signals, &info, sizeof(info)) == sizeof(info)) {
		if ((int)info.ssi_signo == GONE) {
			seen.signals++;
			printf("nobody sends any more: signal with value %llu\n",
			       (unsigned long long)info.ssi_ptr);
			continue;
		}
		/* One SIGCHLD may stand for several. */
		while (waitpid(-1, &status, WNOHANG) > 0) {
			if (status)
				errx(EXIT_FAILURE, "a child failed");
			seen.children++;
		}
	}
}

/* Closes the queue after the last job. */
static void give_job(int timer, int *queue)
{
	uint64_t ticks;
	unsigned int number = seen.jobs + 1;

	if (read(timer, &ticks, sizeof(ticks)) != sizeof(ticks))
		return;
	seen.ticks += ticks;
	if (*queue < 0)
		return;
	/* If it is full, the next tick will do. */
	if (!kipc_queue_send(*queue, &number, sizeof(number), 1, 0, KIPC_NO_WAIT))
		seen.jobs++;
	if (seen.jobs == jobs) {
		close(*queue);
		*queue = -1;
	}
}

static void add(int epoll, int fd, enum source source)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = source };

	if (fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		err(EXIT_FAILURE, "what to wait for");
}

static void loop(int box, int signals, int timer, int queue)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event;

	add(epoll, box, LETTERS);
	add(epoll, signals, SIGNALS);
	add(epoll, timer, TICKS);
	while (seen.children < workers || !seen.signals) {
		if (epoll_wait(epoll, &event, 1, 60000) != 1)
			err(EXIT_FAILURE, "epoll_wait");
		switch ((enum source)event.data.u32) {
		case LETTERS:
			take_letters(box);
			/* It hangs up for ever: the signal has told, or will. */
			if (event.events & EPOLLHUP)
				epoll_ctl(epoll, EPOLL_CTL_DEL, box, NULL);
			break;
		case SIGNALS:
			take_signals(signals);
			break;
		case TICKS:
			give_job(timer, &queue);
			break;
		}
	}
	close(epoll);
}

int main(int argc, char **argv)
{
	struct kipc_mailbox_attr box_attr = KIPC_MAILBOX_ATTR_DEFAULT;
	struct kipc_queue_attr queue_attr = KIPC_QUEUE_ATTR_DEFAULT;
	struct itimerspec tick = { { 0, TICK }, { 0, TICK } };
	struct kipc_notification gone = {
		.events = KIPC_EVENT_PEER_GONE,
		.flags = KIPC_NOTIFY_ONCE,
		.signo = GONE,
		.value = 42,
	};
	int all, box, queue, send, take, signals, timer;
	unsigned int i;
	sigset_t set;

	if (argc > 1)
		jobs = strtoul(argv[1], NULL, 0);
	if (argc > 2)
		workers = strtoul(argv[2], NULL, 0);
	if (!jobs || !workers || workers > MAX)
		errx(EXIT_FAILURE, "1 to %d workers, and at least one job", MAX);
	box_attr.flags = KIPC_MAILBOX_HANGUP;
	queue_attr.flags = KIPC_QUEUE_HANGUP;
	/* A handle for each side, so that each can see the other go. */
	all = kipc_mailbox_create(NULL, &box_attr, 0600, KIPC_MAILBOX_RIGHTS, 0);
	if (all < 0)
		err(EXIT_FAILURE, "create a mailbox");
	box = narrow(all, KIPC_RIGHT_RECEIVE);
	send = narrow(all, KIPC_RIGHT_SEND);
	close(all);
	all = kipc_queue_create(NULL, &queue_attr, 0600, KIPC_QUEUE_RIGHTS, 0);
	if (all < 0)
		err(EXIT_FAILURE, "create a queue");
	take = narrow(all, KIPC_RIGHT_RECEIVE);
	queue = narrow(all, KIPC_RIGHT_SEND);
	close(all);

	/* Before there is anything that could be told. */
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, GONE);
	signals = kipc_sigfd(&set, KIPC_NONBLOCK);
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (signals < 0 || timer < 0 || timerfd_settime(timer, 0, &tick, NULL) < 0)
		err(EXIT_FAILURE, "signals and a timer");
	if (kipc_notify(box, &gone) < 0)
		err(EXIT_FAILURE, "kipc_notify");

	fflush(stdout);
	for (i = 0; i < workers; i++) {
		switch (fork()) {
		case -1:
			err(EXIT_FAILURE, "fork");
		case 0:
			/* With it, this one would never see the end of the jobs. */
			close(queue);
			return work(take, send);
		}
	}
	close(take);
	close(send);
	loop(box, signals, timer, queue);
	printf("%u jobs by %u children in %u ticks: %u letters, %u primes\n",
	       seen.jobs, seen.children, seen.ticks, seen.letters, seen.primes);
	if (seen.letters != jobs || seen.signals != 1)
		errx(EXIT_FAILURE, "%u letters, %u signals", seen.letters,
		     seen.signals);
	printf("every job was done once, and the end was told once\n");
	return EXIT_SUCCESS;
}
