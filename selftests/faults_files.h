/* SPDX-License-Identifier: GPL-2.0 */
/* Scenes of faults.c: handles as files, that is what is not an ioctl of kipc's. */
#ifndef KIPC_SELFTEST_FAULTS_FILES_H
#define KIPC_SELFTEST_FAULTS_FILES_H

/* Of the scene, or, if it is bare, of a service. */
static int handle_of(const struct scene *sc)
{
	return sc->op->bare ? sc->other : sc->fd;
}

static void a_service(struct scene *sc)
{
	sc->other = s_create(NULL, NULL, 0600, KIPC_SERVICE_RIGHTS, 0);
	CHECK(sc->other >= 0);
}

static long async_on(struct scene *sc)
{
	return fcntl(handle_of(sc), F_SETFL, O_RDWR | O_ASYNC);
}

static void async_off(struct scene *sc)
{
	CHECK(fcntl(handle_of(sc), F_GETFL) & O_ASYNC);
	CHECK(!fcntl(handle_of(sc), F_SETFL, O_RDWR));
}

FIXTURE_VARIANT_ADD(faults, fasync) {
	.op.call = async_on, .op.done = async_off, .op.errnos = { ENOMEM },
	.op.least = 2,
};

FIXTURE_VARIANT_ADD(faults, fasync_queue) {
	.op.call = async_on, .op.done = async_off, .op.errnos = { ENOMEM },
	.op.least = 2, .op.queue = true,
};

FIXTURE_VARIANT_ADD(faults, fasync_pipe) {
	.op.call = async_on, .op.done = async_off, .op.errnos = { ENOMEM },
	.op.least = 2, .op.pipe = true,
};

FIXTURE_VARIANT_ADD(faults, fasync_service) {
	.op.call = async_on, .op.done = async_off, .op.errnos = { ENOMEM },
	.op.least = 2, .op.bare = true, .op.set_up = a_service,
};

/* A queue's is among its own tests. */

static long notify(struct scene *sc)
{
	return q_notify(handle_of(sc), KIPC_EVENT_LIMIT | KIPC_EVENT_PEER_GONE, 0,
			SIGURG, 1);
}

static void notified(struct scene *sc)
{
	CHECK(!q_notify(handle_of(sc), 0, 0, 0, 0));
}

FIXTURE_VARIANT_ADD(faults, notify) {
	.op.call = notify, .op.done = notified, .op.errnos = { ENOMEM, EFAULT },
	.op.least = 2,
};

FIXTURE_VARIANT_ADD(faults, notify_pipe) {
	.op.call = notify, .op.done = notified, .op.errnos = { ENOMEM, EFAULT },
	.op.least = 2, .op.pipe = true,
};

FIXTURE_VARIANT_ADD(faults, notify_service) {
	.op.call = notify, .op.done = notified, .op.errnos = { ENOMEM, EFAULT },
	.op.least = 2, .op.bare = true, .op.set_up = a_service,
};

static void empty_box(struct scene *sc)
{
	sc->other = box(1, 100, 100, 0);
}

/* More than poll(2) has room for on its stack, of both of its sorts. */
static long poll_many(struct scene *sc)
{
	struct pollfd p[64];
	int i;

	for (i = 0; i < 64; i++) {
		p[i].fd = sc->other;
		p[i].events = POLLIN;
	}
	return poll(p, 64, 1);
}

static void polled(struct scene *sc)
{
	CHECK(sc->ret == 0);
}

FIXTURE_VARIANT_ADD(faults, poll) {
	.op.set_up = empty_box, .op.call = poll_many, .op.done = polled,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 4,
};

static void epoll_other(struct scene *sc)
{
	sc->other = epoll_create1(EPOLL_CLOEXEC);
	CHECK(sc->other >= 0);
}

static long epoll_add(struct scene *sc)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLET };

	return epoll_ctl(sc->other, EPOLL_CTL_ADD, sc->fd, &e);
}

static void epoll_added(struct scene *sc)
{
	struct epoll_event e;

	CHECK(epoll_wait(sc->other, &e, 1, 0) == 1);
	CHECK(e.events == (EPOLLIN | EPOLLOUT));
	CHECK(!epoll_ctl(sc->other, EPOLL_CTL_DEL, sc->fd, NULL));
}

FIXTURE_VARIANT_ADD(faults, epoll) {
	.op.set_up = epoll_other, .op.call = epoll_add, .op.done = epoll_added,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 5,
};

static void proc_path(struct scene *sc, const char *dir, char path[64])
{
	snprintf(path, 64, "/proc/self/%s/%d", dir, sc->fd);
}

static long read_fdinfo(struct scene *sc)
{
	char path[64];

	proc_path(sc, "fdinfo", path);
	return read_whole(path, sc->in, 4096);
}

static void fdinfo_done(struct scene *sc)
{
	sc->in[sc->ret] = 0;
	CHECK(strstr((char *)sc->in, "\nkind:\tmailbox\n"));
	CHECK(strstr((char *)sc->in, "\nletters:\t3\n"));
}

static long reopen(struct scene *sc)
{
	char path[64];

	proc_path(sc, "fd", path);
	return open(path, O_RDWR | O_CLOEXEC);
}

static long look_at_link(struct scene *sc)
{
	char path[64];

	proc_path(sc, "fd", path);
	memset(sc->in, 0, 256);
	return readlink(path, (char *)sc->in, 256);
}

static void link_done(struct scene *sc)
{
	CHECK(!strncmp((char *)sc->in, "kipc:[mailbox:#", 15));
}

FIXTURE_VARIANT_ADD(faults, fdinfo) {
	.op.call = read_fdinfo, .op.done = fdinfo_done,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 5,
};

FIXTURE_VARIANT_ADD(faults, reopen) {
	.op.call = reopen, .op.want = ENXIO,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 2,
};

FIXTURE_VARIANT_ADD(faults, link) {
	.op.call = look_at_link, .op.done = link_done,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 3,
};

#endif /* KIPC_SELFTEST_FAULTS_FILES_H */
