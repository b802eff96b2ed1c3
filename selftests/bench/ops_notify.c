// SPDX-License-Identifier: GPL-2.0
/*
 * How long it takes to be told of a message, and to receive it, by each of the
 * ways to be told.
 *
 * Two processes send each other one message after the other; each waits to be
 * told of it.  What is given is half of a call with its answer: one message, from
 * before its sending until it was received.  Receiving does not sleep here: who
 * is told too early fails.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "bench.h"

/* Each process waits at one channel. */
static int told_by;		/* epoll, or a signalfd */
static volatile sig_atomic_t told;

static void add_flag(int fd, int flag)
{
	CHECK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | flag) == 0);
}

static void poll_begin(const struct peer *p, struct channel *c)
{
	(void)p;
	add_flag(c->in, O_NONBLOCK);
}

static bool is_readable(struct channel *c, int timeout)
{
	struct pollfd fd = { .fd = c->in, .events = POLLIN };

	return poll(&fd, 1, timeout) == 1 && fd.revents == POLLIN;
}

static void poll_wait(const struct peer *p, struct channel *c)
{
	(void)p;
	CHECK(is_readable(c, -1));
}

/* Each message is received before the next one comes: edges do, and cost less. */
static void epoll_begin(const struct peer *p, struct channel *c)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };

	poll_begin(p, c);
	told_by = epoll_create1(0);
	CHECK(told_by >= 0);
	CHECK(epoll_ctl(told_by, EPOLL_CTL_ADD, c->in, &event) == 0);
}

static void epoll_edge(const struct peer *p, struct channel *c)
{
	struct epoll_event event;

	(void)p;
	(void)c;
	CHECK(epoll_wait(told_by, &event, 1, -1) == 1 && event.events == EPOLLIN);
}

static void on_sigio(int number)
{
	(void)number;
	told = 1;
}

static sigset_t only_sigio(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	return set;
}

static void sigio_begin(const struct peer *p, struct channel *c)
{
	struct sigaction action = { .sa_handler = on_sigio };
	sigset_t set = only_sigio();

	poll_begin(p, c);
	CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	CHECK(sigaction(SIGIO, &action, NULL) == 0);
	if (p->ask_sigio) {
		p->ask_sigio(c);
	} else {
		CHECK(fcntl(c->in, F_SETOWN, getpid()) == 0);
		add_flag(c->in, O_ASYNC);
	}
	/* For a message that came before: two signals are one while blocked. */
	if (is_readable(c, 0))
		CHECK(kill(getpid(), SIGIO) == 0);
}

/* Before the message is received: else one could come in between, untold. */
static void ask_again(const struct peer *p, struct channel *c)
{
	if (p->ask_sigio)
		p->ask_sigio(c);
}

static void sigio_wait(const struct peer *p, struct channel *c)
{
	sigset_t none;

	sigemptyset(&none);
	while (!told)
		sigsuspend(&none);
	told = 0;
	ask_again(p, c);
}

static void signalfd_begin(const struct peer *p, struct channel *c)
{
	sigset_t set = only_sigio();

	sigio_begin(p, c);
	told_by = signalfd(-1, &set, 0);
	CHECK(told_by >= 0);
}

static void signalfd_wait(const struct peer *p, struct channel *c)
{
	struct signalfd_siginfo info;

	CHECK(read(told_by, &info, sizeof(info)) == sizeof(info));
	ask_again(p, c);
}

static void run_poll(const struct turn *t)
{
	static const struct way way = { poll_begin, poll_wait };

	give(t, NULL, time_calls(t, 1, &way) / 2);
}

static void run_epoll(const struct turn *t)
{
	static const struct way way = { epoll_begin, epoll_edge };

	give(t, NULL, time_calls(t, 1, &way) / 2);
}

static void run_sigio(const struct turn *t)
{
	static const struct way way = { sigio_begin, sigio_wait };

	give(t, NULL, time_calls(t, 1, &way) / 2);
}

static void run_signalfd(const struct turn *t)
{
	static const struct way way = { signalfd_begin, signalfd_wait };

	give(t, NULL, time_calls(t, 1, &way) / 2);
}

static bool fits_poll(const struct peer *p, size_t payload)
{
	(void)payload;
	return p->can & PEER_POLL;
}

static bool fits_sigio(const struct peer *p, size_t payload)
{
	(void)payload;
	return p->can & PEER_SIGIO;
}

static const size_t small[] = { 8, PAYLOADS_END };

#define OP(var, label, function, check)					\
	static const struct op var = {					\
		.name = label, .payloads = small, .fewer = 4,		\
		.run = function, .fits = check,				\
	}

OP(by_poll, "notify-poll", run_poll, fits_poll);
OP(by_epoll, "notify-epoll", run_epoll, fits_poll);
OP(by_sigio, "notify-sigio", run_sigio, fits_sigio);
OP(by_signalfd, "notify-signalfd", run_signalfd, fits_sigio);

const struct op *const notify_ops[] = {
	&by_poll, &by_epoll, &by_sigio, &by_signalfd, NULL
};
