// SPDX-License-Identifier: GPL-2.0
/*
 * How a service is found: its name, and who waits for it; rights; handles that are
 * narrowed, inherited and passed on.
 */
#include "test.h"
#include "kservice.h"

#include <sys/socket.h>

#define OWNER	1000
#define GROUP	100
#define OTHER	2000

FIXTURE(name) {
	const char *name;
	int ctl;
};

FIXTURE_SETUP(name)
{
	self->name = temp_name("name");
	self->ctl = control();
}

FIXTURE_TEARDOWN(name)
{
}

/* Sleeps, and does nothing else. */
static void wait_asleep(pid_t pid, int status)
{
	uint64_t before;

	do {
		before = context_switches(status);
		nap();
		nap();
	} while (task_state(pid, pid) != 'S' || context_switches(status) != before);
}

static int status_of(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* A child that waits for the name, and then opens it; it exits with errno. */
static pid_t spawn_opener(const char *name, uint64_t deadline)
{
	pid_t pid = spawn();

	if (!pid)
		_exit(s_open(name, CALL, 0, deadline) < 0 ? errno : 0);
	return pid;
}

TEST_F(name, without_waiting)
{
	struct kipc_open any = { .rights = CALL, .name = ptr(self->name),
				 .name_len = strlen(self->name),
				 .deadline = KIPC_FOREVER };

	EXPECT_ERR(ENOENT, s_open(self->name, CALL, 0, KIPC_NO_WAIT));
	EXPECT_ERR(ENOENT, s_open(self->name, CALL, KIPC_NONBLOCK, KIPC_FOREVER));
	EXPECT_ERR(ETIMEDOUT, s_open(self->name, CALL, 0, 1));
	EXPECT_ERR(ETIMEDOUT, s_open(self->name, CALL, 0, after(20 * MS)));
	/* Who takes any kind, or another one, does not wait. */
	EXPECT_ERR(ENOENT, ioctl(self->ctl, KIPC_IOC_OPEN, &any));
	any.kind = KIPC_KIND_MAILBOX;
	any.rights = SEND;
	EXPECT_ERR(ENOENT, ioctl(self->ctl, KIPC_IOC_OPEN, &any));
}

/* Two who wait are woken by their name, and by no other. */
TEST_F(name, waited_for)
{
	char longer[80], shorter[80];
	pid_t pid[2];
	uint64_t switches;
	int status, i;

	snprintf(longer, sizeof(longer), "%s.", self->name);
	snprintf(shorter, sizeof(shorter), "%.*s", (int)strlen(self->name) - 1,
		 self->name);
	for (i = 0; i < 2; i++)
		pid[i] = spawn_opener(self->name, i ? KIPC_FOREVER : after(PATIENCE));
	status = status_of(pid[0]);
	wait_asleep(pid[0], status);
	switches = context_switches(status);
	service(longer, 0, 0, 0);
	service(shorter, 0, 0, 0);
	service(NULL, 0, 0, 0);
	ASSERT_OK(k_create(self->ctl, "name.of-a-mailbox", NULL, 0600, ALL_RIGHTS, 0));
	wait_asleep(pid[0], status);
	EXPECT_EQ(switches, context_switches(status));
	service(self->name, 0, 0, 0);
	EXPECT_EQ(0, reap(pid[0]));
	EXPECT_EQ(0, reap(pid[1]));
}

TEST_F(name, waited_for_and_taken_by_another_kind)
{
	pid_t pid = spawn_opener(self->name, KIPC_FOREVER);

	wait_asleep(pid, status_of(pid));
	ASSERT_OK(k_create(self->ctl, self->name, NULL, 0600, ALL_RIGHTS, 0));
	EXPECT_EQ(EPROTOTYPE, reap(pid));
}

TEST_F(name, waited_for_and_then_not_allowed)
{
	pid_t pid = spawn();

	if (!pid) {
		become(OTHER, OTHER);
		_exit(s_open(self->name, CALL, 0, KIPC_FOREVER) < 0 ? errno : 0);
	}
	wait_asleep(pid, status_of(pid));
	ASSERT_OK(s_create(self->name, NULL, 0700, SERVE, 0));
	EXPECT_EQ(EACCES, reap(pid));
}

TEST_F(name, interrupted)
{
	int *caught = shared(sizeof(*caught)), flags[] = { 0, SA_RESTART }, i;

	for (i = 0; i < 2; i++) {
		pid_t pid = spawn();

		if (!pid) {
			count_signals(SIGUSR1, flags[i], caught);
			_exit(s_open(self->name, CALL, 0, KIPC_FOREVER) < 0 ?
			      errno : 0);
		}
		wait_asleep(pid, status_of(pid));
		kill(pid, SIGUSR1);
		wait_for(__atomic_load_n(caught, __ATOMIC_SEQ_CST) == i + 1);
		if (i)
			service(self->name, 0, 0, 0);
		EXPECT_EQ(i ? 0 : EINTR, reap(pid));
	}
}

TEST_F(name, gone_with_the_service)
{
	int first = service(self->name, 0, 0, 0), second, fd;
	struct client c = connect_to(self->name);

	ASSERT_OK(ioctl(first, KIPC_IOC_SERVICE_STOP));
	EXPECT_ERR(ENOENT, s_open(self->name, CALL, 0, KIPC_NO_WAIT));
	EXPECT_ERR(ENOENT, k_unlink(self->ctl, self->name));
	/* Another takes its place, and stays when the rest of the first goes. */
	second = s_create(self->name, NULL, 0666, SERVE | MANAGE, KIPC_EXCL);
	ASSERT_OK(second);
	EXPECT_ERR(EPIPE, s_call(&c, 0, ADD, 0, 0, KIPC_FOREVER));
	ASSERT_OK(k_remove(first));
	close(first);
	disconnect(&c);
	fd = s_open(self->name, CALL, 0, KIPC_NO_WAIT);
	ASSERT_OK(fd);
	/* With the last handle that may serve it ends, whoever may call it. */
	close(second);
	EXPECT_ERR(ENOENT, s_open(self->name, CALL, 0, KIPC_NO_WAIT));
	EXPECT_ERR(EPIPE, s_connect(fd, &c.is, KIPC_NO_WAIT));
}

/* While clients go on to wait for one after the other. */
TEST_F(name, successors)
{
	struct client c;
	pid_t server;
	int i, fd;

	for (i = 0; i < 5; i++) {
		server = spawn();
		if (!server) {
			fd = s_create(self->name, NULL, 0666, SERVE, KIPC_EXCL);
			CHECK(fd >= 0);
			serve_with(fd, 1);
			for (;;)
				pause();
		}
		c = connect_to(self->name);
		ASSERT_EQ(0, s_call(&c, 0, ADD, i, 1, after(PATIENCE)));
		EXPECT_EQ(i + 1, frame_of(&c, 0)->args[0]);
		slay(server);
		wait_for(s_call(&c, 0, ADD, 0, 0, KIPC_FOREVER) == -1);
		EXPECT_EQ(EPIPE, errno);
		disconnect(&c);
	}
}

TEST_F(name, unlinked)
{
	int fd = service(self->name, 0, 0, 0);
	struct client c = connect_to(self->name);
	pid_t pid = spawn();
	uint64_t token;

	if (!pid) {
		become(OTHER, OTHER);
		CHECK_ERR(EACCES, k_unlink(control(), self->name));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	ASSERT_OK(k_unlink(self->ctl, self->name));
	EXPECT_ERR(ENOENT, s_open(self->name, CALL, 0, KIPC_NO_WAIT));
	/* It is a service all the same. */
	EXPECT_OK(s_submit(&c, 0, ADD, 0, 0, &token));
	EXPECT_EQ(1, service_stat(fd).waiting);
}

TEST_F(name, create_where_there_is_one)
{
	int fd = service(self->name, 7, 0, 0), second;
	struct kipc_service_attr attr = { .stacks = 1 };
	const char *box_name = temp_name("box");

	EXPECT_ERR(EEXIST, s_create(self->name, NULL, 0600, SERVE, KIPC_EXCL));
	second = s_create(self->name, &attr, 0600, SERVE, 0);
	ASSERT_OK(second);
	EXPECT_EQ(7, service_stat(second).attr.stacks);
	/* The first one is not the last that may serve. */
	close(fd);
	EXPECT_OK(s_open(self->name, CALL, 0, KIPC_NO_WAIT));
	ASSERT_OK(k_create(self->ctl, box_name, NULL, 0600, ALL_RIGHTS, 0));
	EXPECT_ERR(EPROTOTYPE, s_open(box_name, CALL, 0, KIPC_NO_WAIT));
	EXPECT_ERR(EPROTOTYPE, s_create(box_name, NULL, 0600, SERVE, 0));
	EXPECT_ERR(EPROTOTYPE, k_open(self->ctl, self->name, SEND, 0));
	/* It lives with its server. */
	EXPECT_ERR(EINVAL, s_create(temp_name("p"), NULL, 0600, SERVE, KIPC_PERSISTENT));
	EXPECT_ERR(EINVAL, s_create(NULL, NULL, 0600, SERVE, KIPC_PERSISTENT));
	/* Rights of other kinds. */
	EXPECT_ERR(EINVAL, s_open(self->name, SEND, 0, KIPC_NO_WAIT));
	EXPECT_ERR(EINVAL, s_open(self->name, RECEIVE | CALL, 0, KIPC_NO_WAIT));
	EXPECT_ERR(EPERM, k_publish(second));
}

TEST_F(name, ipc_namespaces)
{
	int fd = service(self->name, 0, 0, 0);
	struct client c = connect_to(self->name);
	pid_t pid = spawn();

	if (!pid) {
		CHECK(!unshare(CLONE_NEWIPC));
		CHECK_ERR(ENOENT, s_open(self->name, CALL, 0, KIPC_NO_WAIT));
		CHECK(s_create(self->name, NULL, 0600, SERVE, KIPC_EXCL) >= 0);
		/* The handle goes where it goes. */
		c.map = s_map_binding(c.fd, c.is.binding_size);
		CHECK(c.map && !s_submit(&c, 0, ADD, 0, 0, NULL));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(1, service_stat(fd).waiting);
}

/* Every mode, every set of rights: CALL is as write, the others are the owner's. */
static void try_rights(const char *stem, int shift, bool owner)
{
	unsigned int mode, rights;
	char name[80];

	for (mode = 0; mode < 0777; mode += mode % 8 == 7 ? 0111 - 7 : 1) {
		unsigned int bits = shift < 0 ? 7 : mode >> shift & 7;
		unsigned int allowed = (bits & 2 ? CALL : 0) |
				       (owner ? SERVE | MANAGE : 0);

		snprintf(name, sizeof(name), "%s.%03o", stem, mode);
		for (rights = 1; rights < 32; rights++) {
			struct kipc_info info;
			int fd;

			if (rights & ~KIPC_SERVICE_RIGHTS)
				continue;
			if (rights & ~allowed) {
				CHECK_ERR(EACCES, s_open(name, rights, 0, 0));
				continue;
			}
			fd = s_open(name, rights, 0, 0);
			CHECK(fd >= 0 && !k_info(fd, &info) && info.rights == rights);
			close(fd);
		}
	}
}

#define AS(setup, shift, owner) do {				\
	pid_t pid_ = spawn();					\
								\
	if (!pid_) {						\
		setup;						\
		try_rights(self->name, shift, owner);		\
		_exit(0);					\
	}							\
	EXPECT_EQ(0, reap(pid_)) { TH_LOG("%s", #setup); }	\
} while (0)

TEST_F(name, rights)
{
	unsigned int mode;
	char name[80];

	for (mode = 0; mode < 0777; mode += mode % 8 == 7 ? 0111 - 7 : 1) {
		int fd;

		snprintf(name, sizeof(name), "%s.%03o", self->name, mode);
		fd = s_create(name, NULL, 0, SERVE, KIPC_EXCL);
		CHECK(fd >= 0 && !fchown(fd, OWNER, GROUP) && !fchmod(fd, mode));
	}
	AS(become(OWNER, OTHER), 6, true);
	AS(become(OTHER, GROUP), 3, false);
	AS(become(OTHER, OTHER), 0, false);
	/* Root has CAP_IPC_OWNER. */
	AS((void)0, -1, true);
}

/* What a handle's rights are good for. */
TEST_F(name, handles)
{
	struct hand h = hand_of(NULL);
	int serve = k_narrow(h.fd, SERVE, 0), manage = k_narrow(h.fd, MANAGE, 0);
	struct kipc_service_serve work = { .flags = 0 };
	int both = s_create(NULL, NULL, 0600, CALL | SERVE, 0);
	struct kipc_service_connect connect = { .flags = 0 };

	EXPECT_ERR(EPERM, k_narrow(h.fd, CALL, 0));
	EXPECT_ERR(EPERM, k_narrow(h.c.fd, SERVE, 0));
	EXPECT_ERR(EPERM, k_narrow(manage, SERVE, 0));
	EXPECT_ERR(EINVAL, k_narrow(h.fd, 0, 0));
	EXPECT_ERR(EPERM, s_serve(h.c.fd, &work, 0));
	EXPECT_ERR(EPERM, s_serve(manage, &work, 0));
	EXPECT_ERR(EAGAIN, s_serve(serve, &work, 0));
	EXPECT_ERR(EPERM, s_reply(h.c.fd, 1, 0, 0));
	EXPECT_ERR(EPERM, s_reply(manage, 1, 0, 0));
	EXPECT_ERR(EPERM, ioctl(h.c.fd, KIPC_IOC_SERVICE_STOP));
	EXPECT_ERR(EPERM, ioctl(manage, KIPC_IOC_SERVICE_STOP));
	EXPECT_ERR(EPERM, s_connect(serve, &connect, 0));
	EXPECT_ERR(EPERM, s_connect(manage, &connect, 0));
	/* Who may serve maps all bindings: he has none of his own. */
	EXPECT_ERR(EPERM, s_connect(both, &connect, 0));
	EXPECT_ERR(EPERM, ioctl(serve, KIPC_IOC_SERVICE_CALL, 0UL));
	EXPECT_ERR(EPERM, ioctl(manage, KIPC_IOC_SERVICE_CALL, 0UL));
	EXPECT_ERR(ENOTCONN, ioctl(both, KIPC_IOC_SERVICE_CALL, 0UL));
	EXPECT_ERR(EPERM, k_remove(h.c.fd));
	EXPECT_ERR(EPERM, k_remove(serve));
	EXPECT_EQ(1, service_stat(h.c.fd).bindings);
	EXPECT_EQ(1, service_stat(manage).bindings);
	EXPECT_EQ(FD_CLOEXEC, fcntl(serve, F_GETFD));
	EXPECT_EQ(0, fcntl(k_narrow(serve, SERVE, KIPC_INHERIT), F_GETFD));
}

static void pass(int socket, int fd)
{
	char space[CMSG_SPACE(sizeof(int))] = "", byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space,
			      .msg_controllen = sizeof(space) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	CHECK(sendmsg(socket, &msg, 0) == 1);
}

static int passed(int socket)
{
	char space[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space,
			      .msg_controllen = sizeof(space) };
	int fd;

	CHECK(recvmsg(socket, &msg, MSG_CMSG_CLOEXEC) == 1);
	CHECK(CMSG_FIRSTHDR(&msg));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

/* A service without a name, for whom it is passed to: with its binding, or before. */
TEST_F(name, passed_over_a_socket)
{
	struct hand h = hand_of(NULL);
	struct kipc_served call;
	int pair[2], fresh;
	pid_t pid;

	ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	pid = spawn();
	if (!pid) {
		struct client c;
		char byte;

		close(h.fd);
		close(h.c.fd);
		close(pair[0]);
		become(OTHER, OTHER);
		c = client_of(passed(pair[1]));
		CHECK(s_call(&c, 1, ADD, 3, 4, after(PATIENCE)) == 11);
		c.fd = passed(pair[1]);
		CHECK_ERR(EISCONN, s_connect(c.fd, &c.is, 0));
		c.map = s_map_binding(c.fd, c.is.binding_size);
		CHECK(c.map && s_call(&c, 2, ADD, 5, 6, after(PATIENCE)) == 12);
		CHECK(read(pair[1], &byte, 1) == 0);
		_exit(0);
	}
	close(pair[1]);
	fresh = hand_handle(&h);
	pass(pair[0], fresh);
	close(fresh);
	EXPECT_OK(s_reply(h.fd, s_take(h.fd, &call), 11, 0));
	EXPECT_EQ(pid, call.pid);
	EXPECT_EQ(OTHER, call.uid);
	EXPECT_EQ(3, call.args[0]);
	EXPECT_EQ(2, service_stat(h.fd).bindings);
	pass(pair[0], h.c.fd);
	EXPECT_OK(s_reply(h.fd, s_take(h.fd, &call), 12, 0));
	EXPECT_EQ(h.c.is.frames_size + 2 * PAGE, call.stack);
	/* While it was mapped there it stayed; with the process it goes. */
	close(pair[0]);
	EXPECT_EQ(0, reap(pid));
	wait_for(service_stat(h.fd).bindings == 1);
}

TEST_HARNESS_MAIN
