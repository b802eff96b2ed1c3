// SPDX-License-Identifier: GPL-2.0
/* Who calls: as the server's namespaces show the process, the thread, user and group. */
#include "test.h"
#include "kservice.h"

#define USER	1000
#define OTHER	2000

/* A call by a handle that has no binding yet, and the server's answer. */
static void ask_who(int fd, struct kipc_frame *copy)
{
	struct client c = client_of(fd);

	CHECK(s_call(&c, 0, WHO, 0, 0, after(PATIENCE)) == 0);
	*copy = *frame_of(&c, 0);
}

#define EXPECT_WHO(f, pid, tid, uid, gid) do {	\
	EXPECT_EQ(pid, (pid_t)(f)->args[0]);	\
	EXPECT_EQ(tid, (pid_t)(f)->args[1]);	\
	EXPECT_EQ(uid, (f)->args[2]);		\
	EXPECT_EQ(gid, (f)->args[3]);		\
} while (0)

FIXTURE(who) {
	const char *name;
	int fd;
	struct kipc_frame *f;
};

FIXTURE_SETUP(who)
{
	self->name = temp_name("who");
	self->fd = service(self->name, 0, 0, 0);
	self->f = shared(sizeof(*self->f));
}

FIXTURE_TEARDOWN(who)
{
}

static int open_it(const char *name)
{
	return s_open(name, CALL, 0, after(PATIENCE));
}

TEST_F(who, effective_ids)
{
	pid_t pid;

	serve_with(self->fd, 1);
	pid = spawn();
	if (!pid) {
		int fd = open_it(self->name);
		struct client c = client_of(fd);

		/* What counts is who it is when it calls, and not when it connected. */
		CHECK(!setresgid(7, 8, 9) && !setresuid(0, USER, 0));
		CHECK(!s_call(&c, 0, WHO, 0, 0, after(PATIENCE)));
		CHECK(frame_of(&c, 0)->args[2] == USER);
		CHECK(frame_of(&c, 0)->args[3] == 8);
		CHECK(!seteuid(0));
		become(OTHER, OTHER + 1);
		CHECK(!s_call(&c, 0, WHO, 0, 0, after(PATIENCE)));
		*self->f = *frame_of(&c, 0);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_WHO(self->f, pid, pid, OTHER, OTHER + 1);
}

static void *who_thread(void *arg)
{
	struct client *c = arg;

	CHECK(!s_call(c, 1, WHO, 0, 0, after(PATIENCE)));
	return (void *)(uintptr_t)gettid();
}

TEST_F(who, threads_and_children)
{
	struct client c;
	pthread_t thread;
	void *tid;
	pid_t pid;

	serve_with(self->fd, 1);
	c = connect_to(self->name);
	ASSERT_EQ(0, pthread_create(&thread, NULL, who_thread, &c));
	ASSERT_EQ(0, pthread_join(thread, &tid));
	EXPECT_WHO(frame_of(&c, 1), getpid(), (pid_t)(uintptr_t)tid, 0, 0);
	/* A child has the handle, and can map what its parent has mapped. */
	pid = spawn();
	if (!pid) {
		c.map = s_map_binding(c.fd, c.is.binding_size);
		CHECK(c.map && !s_call(&c, 2, WHO, 0, 0, after(PATIENCE)));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_WHO(frame_of(&c, 2), pid, pid, 0, 0);
}

/* A client in a pid namespace is seen by its number outside; inside it is another. */
TEST_F(who, client_in_a_pid_namespace)
{
	pid_t *inner = shared(sizeof(*inner)), pid, mid;

	serve_with(self->fd, 1);
	mid = spawn();
	if (!mid) {
		CHECK(!unshare(CLONE_NEWPID));
		pid = spawn();
		if (!pid) {
			CHECK(getpid() == 1);
			ask_who(open_it(self->name), self->f);
			_exit(0);
		}
		*inner = pid;
		_exit(reap(pid));
	}
	EXPECT_EQ(0, reap(mid));
	EXPECT_WHO(self->f, *inner, *inner, 0, 0);
}

TEST_F(who, server_in_a_pid_namespace)
{
	pid_t mid = spawn(), pid;

	if (!mid) {
		CHECK(!unshare(CLONE_NEWPID));
		pid = spawn();
		if (!pid) {
			serve_with(self->fd, 1);
			for (;;)
				pause();
		}
		_exit(reap(pid));
	}
	ask_who(open_it(self->name), self->f);
	/* It cannot name the caller. */
	EXPECT_WHO(self->f, 0, 0, 0, 0);
	slay(mid);
}

TEST_F(who, client_in_a_user_namespace)
{
	pid_t pid;

	serve_with(self->fd, 1);
	pid = spawn();
	if (!pid) {
		int fd = open_it(self->name);

		enter_userns(0, 0, "0 5000 10\n", "0 6000 10\n");
		CHECK(!setresgid(3, 3, 3) && !setresuid(4, 4, 4));
		ask_who(fd, self->f);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_WHO(self->f, pid, pid, 5004, 6003);
}

TEST_F(who, server_in_a_user_namespace)
{
	pid_t pid = spawn();

	if (!pid) {
		enter_userns(0, 0, "0 5000 10\n", "0 6000 10\n");
		serve_with(self->fd, 1);
		for (;;)
			pause();
	}
	wait_idle(self->fd, 1);
	ask_who(open_it(self->name), self->f);
	/* Root is nobody there. */
	EXPECT_WHO(self->f, getpid(), getpid(), NOBODY, NOBODY);
	slay(pid);
}

TEST_HARNESS_MAIN
