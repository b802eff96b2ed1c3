// SPDX-License-Identifier: GPL-2.0
/* A worker: threads that do random things until they are told to stop. */
#include "stress.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

static unsigned int boxes_inherited;
static __thread volatile sig_atomic_t interruptions, interruptions_before;

/* Faults are for calls on kipc, not for the rest of this program. */
static void switch_faults(const struct thread *t, const char *how)
{
	/* This write may be hit, too. */
	while (pwrite(t->fail_fd, how, 1, 0) != 1)
		;
}

void call_begin(struct thread *t)
{
	if (t->fail_fd >= 0)
		switch_faults(t, "1");
	COUNT(calls);
	interruptions_before = interruptions;
	STORE(t->actor->inside, 1);
}

void call_end(struct thread *t)
{
	int err = errno;

	STORE(t->actor->inside, 0);
	if (t->fail_fd >= 0)
		switch_faults(t, "0");
	errno = err;
}

/* May the last call have failed like this, whatever it was? */
bool excused(int err)
{
	switch (err) {
	case EINTR:
		/* Also who does not wait, if a page of its buffer is missing. */
		COUNT(interrupted);
		return interruptions != interruptions_before;
	case EDQUOT:
		COUNT(no_quota);
		return LOAD(world->tight);
	case ENOMEM:
		COUNT(no_memory);
		return world->faults;
	case EFAULT:
		COUNT(faults);
		return world->faults;
	}
	return false;
}

static void on_interrupt(int sig)
{
	(void)sig;
	interruptions++;
}

static void on_restart(int sig)
{
	(void)sig;
}

static int find_box(uint64_t id)
{
	unsigned int n = LOAD(world->boxes_used), i;

	for (i = 0; i < n; i++)
		if (world->boxes[i].id == id)
			return i;
	return -1;
}

static void seat_close(struct seat *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static void seat_open(struct thread *t, struct seat *s)
{
	static const unsigned int choice[] = {
		SEND, RECEIVE, SEND | RECEIVE, ALL_RIGHTS
	};
	unsigned int shape = below(&t->random, SHAPES), old;
	struct kipc_info info;
	unsigned int flags;

	s->rights = choice[below(&t->random, 4)];
	s->nonblock = below(&t->random, 2);
	flags = (s->nonblock ? KIPC_NONBLOCK : 0) |
		(below(&t->random, 2) ? KIPC_INHERIT : 0);
	/* One of the younger ones. */
	old = boxes_inherited - 1 - below(&t->random, SHAPES);
	if (below(&t->random, 4) ||
	    shapes[world->boxes[old].shape].flags & KIPC_MAILBOX_HANGUP) {
		s->fd = CALL(t, k_open(t->ctl, box_name(shape), s->rights,
				       flags));
		ALLOW(s->fd, "opening a box", errno == ENOENT ||
		      (errno == EACCES && t->stranger &&
		       s->rights & MANAGE));
	} else {
		s->fd = CALL(t, k_narrow(world->boxes[old].fd, s->rights,
					 flags));
		ALLOW(s->fd, "narrowing a handle", errno == EIDRM &&
		      world->boxes[old].removed);
	}
	if (s->fd < 0)
		return;
	if (CALL(t, k_info(s->fd, &info))) {
		ALLOW(-1, "asking about a box", false);
		seat_close(s);
		return;
	}
	if (info.rights != s->rights)
		complain("a handle has rights %x, not %x", info.rights,
			 s->rights);
	/* It is so new that the supervisor has not written it down. */
	s->box = find_box(info.id);
	if (s->box < 0)
		seat_close(s);
}

/* One of @n. */
void stall_open(struct thread *t, struct stall *s, const int *fds, unsigned int n,
		unsigned int rights)
{
	if (s->fd >= 0)
		close(s->fd);
	s->which = below(&t->random, n);
	s->rights = rights;
	s->nonblock = below(&t->random, 2);
	s->fd = CALL(t, k_narrow(fds[s->which], s->rights,
				 s->nonblock ? KIPC_NONBLOCK : 0));
	ALLOW(s->fd, "a handle of something", false);
}

static void check_mask(const struct seat *s, unsigned int mask)
{
	unsigned int can = POLLERR | POLLHUP;

	if (s->rights & RECEIVE)
		can |= POLLIN | POLLRDNORM;
	if (s->rights & SEND)
		can |= POLLOUT | POLLWRNORM;
	if (mask & ~can)
		complain("poll of box %d with rights %x: mask %x", s->box,
			 s->rights, mask);
}

static void do_poll(struct thread *t)
{
	struct pollfd fds[SEATS];
	int n = 0, i;

	for (i = 0; i < SEATS; i++) {
		fds[i].fd = t->seats[i].fd;
		fds[i].events = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
		fds[i].revents = 0;
	}
	n = CALL(t, poll(fds, SEATS, below(&t->random, 5)));
	if (n < 0) {
		/* Whatever the handler's flags are. */
		ALLOW(n, "poll", errno == EINTR);
		return;
	}
	for (i = 0; i < SEATS; i++)
		if (fds[i].fd >= 0)
			check_mask(&t->seats[i], fds[i].revents);
}

static void do_epoll(struct thread *t)
{
	struct epoll_event event, got[SEATS];
	int ep = epoll_create1(EPOLL_CLOEXEC);
	int n, i;

	CHECK(ep >= 0);
	for (i = 0; i < SEATS; i++) {
		if (t->seats[i].fd < 0)
			continue;
		event.events = POLLIN | POLLOUT;
		if (below(&t->random, 2))
			event.events |= EPOLLET;
		event.data.u32 = i;
		ALLOW(CALL(t, epoll_ctl(ep, EPOLL_CTL_ADD, t->seats[i].fd,
					&event)), "epoll_ctl", false);
	}
	n = CALL(t, epoll_wait(ep, got, SEATS, below(&t->random, 5)));
	ALLOW(n, "epoll_wait", errno == EINTR);
	for (i = 0; i < n; i++)
		check_mask(&t->seats[got[i].data.u32], got[i].events);
	/* The others go with it, or when a handle is closed before. */
	close(ep);
}

static void look(struct thread *t, struct seat *s)
{
	struct kipc_mailbox_stat st = { 0 };
	struct kipc_info info = { 0 };
	int fd;

	if (CALL(t, k_stat(s->fd, &st)))
		ALLOW(-1, "stat", false);
	else if (memcmp(&st.attr, &shapes[world->boxes[s->box].shape],
			sizeof(st.attr)) || st.received > st.sent)
		complain("box %d: sent %llu, received %llu", s->box,
			 (unsigned long long)st.sent,
			 (unsigned long long)st.received);
	if (CALL(t, k_info(s->fd, &info)))
		ALLOW(-1, "info", false);
	else if (info.id != world->boxes[s->box].id || !info.handles)
		complain("box %d has id %llu, %u handles", s->box,
			 (unsigned long long)info.id, info.handles);
	fd = CALL(t, k_narrow(s->fd, s->rights, 0));
	ALLOW(fd, "narrow", errno == EIDRM && world->boxes[s->box].removed);
	if (fd >= 0)
		close(fd);
}

/* Rarely, or the supervisor could not make enough new ones. */
static void take_away(struct thread *t, struct seat *s)
{
	struct box *b = &world->boxes[s->box];
	const char *name = box_name(b->shape);

	if (LOAD(world->boxes_used) > BOXES - 3 * SHAPES)
		return;
	if (s->rights & MANAGE && below(&t->random, 2)) {
		STORE(b->removed, 1);
		ALLOW(CALL(t, k_remove(s->fd)), "remove", errno == EIDRM);
	} else if (!(shapes[b->shape].flags & KIPC_MAILBOX_HANGUP)) {
		ALLOW(CALL(t, k_unlink(t->ctl, name)), "unlink",
		      errno == ENOENT || (errno == EACCES && t->stranger));
	}
}

/* A child that holds the handles for a while, whatever becomes of us. */
static void leave_child(void)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (!pid) {
		nap();
		_exit(0);
	}
}

/*
 * Send or receive.  Who would wait for ever mostly looks first, or soon all
 * would wait.
 */
static void transfer(struct thread *t, struct seat *s)
{
	unsigned int way = s->rights & (SEND | RECEIVE);
	struct pollfd p = { .fd = s->fd };

	if (way == (SEND | RECEIVE))
		way = below(&t->random, 2) ? SEND : RECEIVE;
	p.events = way == SEND ? POLLOUT : POLLIN;
	if (!s->nonblock && below(&t->random, 4) &&
	    CALL(t, poll(&p, 1, below(&t->random, 5))) <= 0)
		return;
	if (way == SEND)
		transfer_send(t, s);
	else
		transfer_receive(t, s);
}

static void step(struct thread *t)
{
	struct seat *s = &t->seats[below(&t->random, SEATS)];
	unsigned int x = below(&t->random, 2700);

	if (s->fd < 0 || x < 40 ||
	    (world->boxes[s->box].removed && x < 500)) {
		seat_close(s);
		seat_open(t, s);
	} else if (x < 900) {
		transfer(t, s);
	} else if (x < 1150) {
		queues_step(t);
	} else if (x < 1400) {
		pipes_step(t);
	} else if (x < 1700) {
		calls_step(t);
	} else if (x < 1780) {
		do_poll(t);
	} else if (x < 1830) {
		do_epoll(t);
	} else if (x < 1900) {
		look(t, s);
	} else if (x < 1950) {
		churn_private(t);
	} else if (x < 1990) {
		churn_names(t);
	} else if (x < 1993) {
		churn_namespace(t);
	} else if (x < 1997) {
		leave_child();
	} else if (x < 2000) {
		take_away(t, s);
	} else if (x < 2300) {
		sems_step(t);
	} else if (x < 2500) {
		bells_step(t);
	} else {
		regions_step(t);
	}
}

static void *live(void *arg)
{
	struct thread *t = arg;
	unsigned int i;

	t->fail_fd = -1;
	if (world->faults && !t->stranger) {
		t->fail_fd = open("/proc/thread-self/make-it-fail",
				  O_WRONLY | O_CLOEXEC);
		CHECK(t->fail_fd >= 0);
	}
	for (i = 0; i < SEATS; i++)
		t->seats[i].fd = -1;
	t->desk.fd = -1;
	t->queue.fd = -1;
	t->pipe.fd = -1;
	t->set.fd = -1;
	t->bell.fd = -1;
	STORE(t->actor->tid, gettid());
	while (!LOAD(world->stop)) {
		step(t);
		/* What children there were. */
		if (!below(&t->random, 64))
			while (waitpid(-1, NULL, WNOHANG | __WNOTHREAD) > 0)
				;
	}
	STORE(t->actor->tid, 0);
	return NULL;
}

void worker_run(unsigned int number, int ctl, unsigned int inherited,
		uint64_t seed)
{
	struct sigaction interrupt = { .sa_handler = on_interrupt };
	struct sigaction restart = { .sa_handler = on_restart,
				     .sa_flags = SA_RESTART };
	struct thread threads[THREADS];
	pthread_t ids[THREADS];
	unsigned int n, i, kind;
	bool stranger = false;
	int own_ctl = ctl;

	boxes_inherited = inherited;
	CHECK(!sigaction(SIGUSR1, &interrupt, NULL));
	CHECK(!sigaction(SIGUSR2, &restart, NULL));
	kind = below(&seed, 8);
	if (!kind) {
		enter_userns(CLONE_NEWIPC, NOBODY, "0 65534 1", "0 65534 1");
		CHECK(!setresgid(0, 0, 0) && !setresuid(0, 0, 0));
		stranger = true;
		own_ctl = control();
	} else if (kind == 1) {
		CHECK(!unshare(CLONE_NEWIPC));
		own_ctl = control();
	}
	n = 1 + below(&seed, THREADS);
	for (i = 0; i < n; i++) {
		threads[i] = (struct thread){
			.actor = &world->actors[number * THREADS + i],
			.random = draw(&seed) | 1,
			.ctl = ctl,
			.own_ctl = own_ctl,
			.stranger = stranger,
		};
		areas_of(number * THREADS + i, &threads[i].in, &threads[i].out);
		if (i)
			CHECK(!pthread_create(&ids[i], NULL, live,
					      &threads[i]));
	}
	live(&threads[0]);
	for (i = 1; i < n; i++)
		pthread_join(ids[i], NULL);
	_exit(0);
}
