// SPDX-License-Identifier: GPL-2.0
/*
 * What poll, epoll, SIGIO and fdinfo tell: calls for the server, replies for the client,
 * the end for both.
 */
#include "test.h"
#include "kservice.h"

#include <sys/epoll.h>

#define ALL	(POLLIN | POLLRDNORM | POLLPRI | POLLOUT | POLLWRNORM | POLLRDHUP)
#define IN	(POLLIN | POLLRDNORM)
#define END	(POLLHUP | POLLERR)

FIXTURE(poll) {
	struct hand h;
	int fd, cfd, manage;
	struct client *c;
};

FIXTURE_SETUP(poll)
{
	self->h = hand_of(NULL);
	self->c = &self->h.c;
	self->fd = self->h.fd;
	self->cfd = self->c->fd;
	self->manage = k_narrow(self->fd, MANAGE, 0);
}

FIXTURE_TEARDOWN(poll)
{
}

#define EXPECT_MASKS(server, client) do {			\
	EXPECT_EQ(server, poll_mask(self->fd, ALL));		\
	EXPECT_EQ(client, poll_mask(self->cfd, ALL));		\
	EXPECT_EQ((server) & END, poll_mask(self->manage, ALL));	\
} while (0)

TEST_F(poll, masks)
{
	struct client other = hand_client(&self->h);
	uint64_t token[2];

	EXPECT_MASKS(0, 0);
	ASSERT_OK(s_submit(self->c, 0, ADD, 0, 0, &token[0]));
	EXPECT_MASKS(IN, 0);
	ASSERT_OK(s_submit(self->c, 1, ADD, 0, 0, &token[1]));
	EXPECT_MASKS(IN, 0);
	EXPECT_EQ(0, poll_mask(self->fd, POLLOUT | POLLPRI));
	s_take(self->fd, NULL);
	EXPECT_MASKS(IN, 0);
	s_take(self->fd, NULL);
	EXPECT_MASKS(0, 0);
	ASSERT_OK(s_reply(self->fd, token[1], 0, 0));
	EXPECT_MASKS(0, POLLPRI);
	EXPECT_EQ(0, poll_mask(self->cfd, POLLIN | POLLOUT));
	/* It is for whom it is for. */
	EXPECT_EQ(0, poll_mask(other.fd, ALL));
	EXPECT_EQ(0, poll_mask(hand_handle(&self->h), ALL));
	ASSERT_OK(s_reply(self->fd, token[0], 0, 0));
	ASSERT_OK(s_collect(self->cfd, &token[0], NULL, 0));
	EXPECT_MASKS(0, POLLPRI);
	ASSERT_OK(s_cancel(self->cfd, token[1]));
	EXPECT_MASKS(0, 0);
	/* In line, and withdrawn. */
	ASSERT_OK(s_submit(self->c, 0, ADD, 0, 0, &token[0]));
	EXPECT_MASKS(IN, 0);
	ASSERT_OK(s_cancel(self->cfd, token[0]));
	EXPECT_MASKS(0, 0);
}

TEST_F(poll, ends)
{
	uint64_t token;

	ASSERT_OK(s_submit(self->c, 0, ADD, 0, 0, &token));
	ASSERT_OK(ioctl(self->fd, KIPC_IOC_SERVICE_STOP));
	/* A call that has failed is one that can be collected. */
	EXPECT_MASKS(END, POLLPRI | END);
	EXPECT_ERR(EPIPE, s_collect(self->cfd, &token, NULL, 0));
	EXPECT_MASKS(END, END);
	ASSERT_OK(k_remove(self->fd));
	EXPECT_MASKS(END, END);
}

/* A thread that polls: what for, and what it was told. */
struct poller {
	struct pollfd p;
	pthread_t thread;
	pid_t tid;
	int ret;
};

static void *poll_body(void *arg)
{
	struct poller *p = arg;

	__atomic_store_n(&p->tid, gettid(), __ATOMIC_SEQ_CST);
	p->ret = poll_woken(&p->p);
	return NULL;
}

static void poll_start(struct poller *p, int fd, short events)
{
	*p = (struct poller){ .p = { .fd = fd, .events = events } };
	CHECK(!pthread_create(&p->thread, NULL, poll_body, p));
	wait_for(__atomic_load_n(&p->tid, __ATOMIC_SEQ_CST) &&
		 task_state(getpid(), p->tid) == 'S');
}

static short poll_end(struct poller *p)
{
	CHECK(!pthread_join(p->thread, NULL));
	return p->ret == 1 ? p->p.revents : 0;
}

TEST_F(poll, wakes)
{
	struct poller a, b, m;
	uint64_t token;

	poll_start(&a, self->fd, POLLIN);
	ASSERT_OK(s_submit(self->c, 0, ADD, 0, 0, &token));
	EXPECT_EQ(POLLIN, poll_end(&a));
	s_take(self->fd, NULL);
	poll_start(&b, self->cfd, POLLPRI);
	ASSERT_OK(s_reply(self->fd, token, 0, 0));
	EXPECT_EQ(POLLPRI, poll_end(&b));
	ASSERT_OK(s_collect(self->cfd, &token, NULL, 0));
	poll_start(&a, self->fd, 0);
	poll_start(&b, self->cfd, POLLPRI);
	poll_start(&m, self->manage, POLLIN);
	ASSERT_OK(ioctl(self->fd, KIPC_IOC_SERVICE_STOP));
	EXPECT_EQ(END, poll_end(&a));
	EXPECT_EQ(END, poll_end(&b));
	EXPECT_EQ(END, poll_end(&m));
}

/* What a call that fails in the end is for a client that polls. */
TEST_F(poll, wakes_of_failures)
{
	struct poller b;
	uint64_t token;

	ASSERT_OK(s_submit(self->c, 0, ADD, 0, 0, &token));
	s_take(self->fd, NULL);
	poll_start(&b, self->cfd, POLLPRI);
	ASSERT_OK(k_remove(self->fd));
	EXPECT_TRUE(poll_end(&b) & (POLLPRI | END));
	EXPECT_EQ(POLLPRI | END, poll_mask(self->cfd, POLLPRI));
	EXPECT_ERR(EIDRM, s_collect(self->cfd, &token, NULL, 0));
}

static int epoll_on(int fd, uint32_t events)
{
	struct epoll_event e = { .events = events };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	CHECK(ep >= 0 && !epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
	return ep;
}

static uint32_t epoll_now(int ep)
{
	struct epoll_event e;
	int n = epoll_wait(ep, &e, 1, 0);

	CHECK(n >= 0);
	return n ? e.events : 0;
}

TEST_F(poll, epoll_level_and_edge)
{
	int level = epoll_on(self->fd, EPOLLIN), edge = epoll_on(self->fd, EPOLLIN | EPOLLET);
	int replies = epoll_on(self->cfd, EPOLLPRI | EPOLLET);
	uint64_t token[3];
	int i;

	EXPECT_EQ(0, epoll_now(level));
	for (i = 0; i < 2; i++) {
		ASSERT_OK(s_submit(self->c, 0, ADD, 0, 0, &token[0]));
		EXPECT_EQ(EPOLLIN, epoll_now(level));
		EXPECT_EQ(EPOLLIN, epoll_now(level));
		EXPECT_EQ(EPOLLIN, epoll_now(edge));
		EXPECT_EQ(0, epoll_now(edge));
		s_take(self->fd, NULL);
		EXPECT_EQ(0, epoll_now(level));
		EXPECT_EQ(0, epoll_now(replies));
		ASSERT_OK(s_reply(self->fd, token[0], 0, 0));
		EXPECT_EQ(EPOLLPRI, epoll_now(replies));
		EXPECT_EQ(0, epoll_now(replies));
		ASSERT_OK(s_collect(self->cfd, &token[0], NULL, 0));
	}
	/* Each reply is an event, also if one is there already. */
	for (i = 0; i < 3; i++) {
		ASSERT_OK(s_submit(self->c, i, ADD, 0, 0, &token[i]));
		s_take(self->fd, NULL);
		ASSERT_OK(s_reply(self->fd, token[i], 0, 0));
		EXPECT_EQ(EPOLLPRI, epoll_now(replies));
	}
	EXPECT_EQ(0, epoll_now(replies));
	ASSERT_OK(ioctl(self->fd, KIPC_IOC_SERVICE_STOP));
	EXPECT_TRUE(epoll_now(level) == END);
	EXPECT_TRUE(epoll_now(replies) == (EPOLLPRI | END));
}

/* The chosen signal, in good time; or 0. */
static int signal_of(const sigset_t *set, siginfo_t *info)
{
	struct timespec patience = { .tv_sec = PATIENCE / SECOND };
	int sig = sigtimedwait(set, info, &patience);

	return sig < 0 ? 0 : sig;
}

TEST_F(poll, signals)
{
	siginfo_t info;
	sigset_t set;
	int i;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	ASSERT_OK(sigprocmask(SIG_BLOCK, &set, NULL));
	ASSERT_OK(fcntl(self->fd, F_SETOWN, getpid()));
	ASSERT_OK(fcntl(self->fd, F_SETSIG, SIGUSR2));
	ASSERT_OK(fcntl(self->fd, F_SETFL, O_ASYNC));
	for (i = 0; i < 2; i++) {
		ASSERT_OK(s_submit(self->c, i, ADD, 0, 0, NULL));
		EXPECT_EQ(SIGUSR2, signal_of(&set, &info));
		EXPECT_EQ(self->fd, info.si_fd);
		EXPECT_EQ(POLLIN | POLLRDNORM, info.si_band & (POLLIN | POLLRDNORM));
		s_take(self->fd, NULL);
	}
	ASSERT_OK(ioctl(self->fd, KIPC_IOC_SERVICE_STOP));
	EXPECT_EQ(SIGUSR2, signal_of(&set, &info));
}

static const char *fdinfo(int fd)
{
	static char text[4096];
	char path[64];
	ssize_t n;
	int info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	n = read(info, text, sizeof(text) - 1);
	CHECK(n > 0);
	text[n] = 0;
	close(info);
	return text;
}

static bool says(int fd, const char *line)
{
	const char *text = fdinfo(fd), *at = strstr(text, line);

	if (at && at[strlen(line)] == '\n' && (at == text || at[-1] == '\n'))
		return true;
	fprintf(stderr, "# \"%s\" is not in:\n%s", line, text);
	return false;
}

TEST_F(poll, fdinfo)
{
	const char *name = temp_name("info");
	char line[80], path[80], target[80] = "";
	int fd = service(name, 3, 0, 0);

	EXPECT_TRUE(says(self->fd, "kind:\tservice"));
	EXPECT_TRUE(says(self->fd, "rights:\t0x14"));
	EXPECT_TRUE(says(self->cfd, "rights:\t0x8"));
	EXPECT_TRUE(says(self->cfd, "stack_size:\t4096"));
	EXPECT_TRUE(says(self->cfd, "stacks:\t4"));
	EXPECT_TRUE(says(self->cfd, "bindings:\t1"));
	EXPECT_TRUE(says(self->cfd, "waiting:\t0"));
	ASSERT_OK(s_submit(self->c, 0, ADD, 0, 0, NULL));
	EXPECT_TRUE(says(self->cfd, "waiting:\t1"));
	EXPECT_TRUE(says(self->cfd, "serving:\t0"));
	s_take(self->fd, NULL);
	EXPECT_TRUE(says(self->manage, "waiting:\t0"));
	EXPECT_TRUE(says(self->manage, "serving:\t1"));
	EXPECT_TRUE(says(self->manage, "calls:\t1"));
	EXPECT_TRUE(says(self->manage, "replies:\t0"));
	EXPECT_TRUE(says(self->manage, "workers:\t0"));
	snprintf(line, sizeof(line), "name:\t%s", name);
	EXPECT_TRUE(says(fd, line));
	EXPECT_TRUE(says(fd, "stacks:\t3"));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ASSERT_OK(readlink(path, target, sizeof(target) - 1));
	snprintf(line, sizeof(line), "kipc:[service:%s]", name);
	EXPECT_STREQ(line, target);
	/* It cannot be opened by that. */
	EXPECT_ERR(ENXIO, open(path, O_RDWR));
}

TEST_HARNESS_MAIN
