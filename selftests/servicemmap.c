// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings: what can be mapped, and made of it afterwards; whose memory is seen by whom,
 * also when a slot has another binding than before.
 */
#include "test.h"
#include "kservice.h"

#include <setjmp.h>
#include <sys/uio.h>

FIXTURE(map) {
	struct hand h;
	struct client *c;
	int fd, cfd;
	size_t size, whole;
};

FIXTURE_SETUP(map)
{
	struct kipc_service_attr attr = { .bindings = 4 };

	self->h = hand_of(&attr);
	self->c = &self->h.c;
	self->fd = self->h.fd;
	self->cfd = self->c->fd;
	self->size = self->c->is.binding_size;
	self->whole = service_stat(self->fd).map_size;
}

FIXTURE_TEARDOWN(map)
{
}

#define RW (PROT_READ | PROT_WRITE)

static int try_map(int fd, size_t size, int prot, int flags, off_t offset)
{
	void *p = mmap(NULL, size, prot, flags, fd, offset);

	if (p == MAP_FAILED)
		return -1;
	munmap(p, size);
	return 0;
}

static sigjmp_buf fault;
static volatile int fault_signal;

static void on_fault(int sig)
{
	fault_signal = sig;
	siglongjmp(fault, 1);
}

/* Which signal an access gives, or 0. */
static int touch(volatile char *p, bool write)
{
	struct sigaction sa = { .sa_handler = on_fault }, bus, segv;

	sigaction(SIGBUS, &sa, &bus);
	sigaction(SIGSEGV, &sa, &segv);
	fault_signal = 0;
	if (!sigsetjmp(fault, 1)) {
		if (write)
			*p = 1;
		else
			(void)*p;
	}
	sigaction(SIGBUS, &bus, NULL);
	sigaction(SIGSEGV, &segv, NULL);
	return fault_signal;
}

TEST_F(map, what_can_be_mapped)
{
	size_t size = self->size, whole = self->whole;
	int manage = k_narrow(self->fd, MANAGE, 0);

	/* The client's: from the beginning, all of it, shared. */
	EXPECT_OK(try_map(self->cfd, size, RW, MAP_SHARED, 0));
	EXPECT_OK(try_map(self->cfd, size, PROT_READ, MAP_SHARED, 0));
	EXPECT_OK(try_map(self->cfd, size, PROT_NONE, MAP_SHARED, 0));
	EXPECT_ERR(EINVAL, try_map(self->cfd, size, RW, MAP_PRIVATE, 0));
	EXPECT_ERR(EINVAL, try_map(self->cfd, size, RW, MAP_SHARED, PAGE));
	EXPECT_ERR(EINVAL, try_map(self->cfd, size, RW, MAP_SHARED, size));
	EXPECT_ERR(EINVAL, try_map(self->cfd, size - PAGE, RW, MAP_SHARED, 0));
	EXPECT_ERR(EINVAL, try_map(self->cfd, size + PAGE, RW, MAP_SHARED, 0));
	EXPECT_ERR(EINVAL, try_map(self->cfd, whole, RW, MAP_SHARED, 0));
	EXPECT_ERR(EPERM, try_map(self->cfd, size, RW | PROT_EXEC, MAP_SHARED, 0));
	EXPECT_ERR(ENOTCONN, try_map(hand_handle(&self->h), size, RW, MAP_SHARED, 0));
	/* The server's likewise; and there is a server. */
	EXPECT_ERR(EINVAL, try_map(self->fd, whole, RW, MAP_PRIVATE, 0));
	EXPECT_ERR(EINVAL, try_map(self->fd, whole, RW, MAP_SHARED, PAGE));
	EXPECT_ERR(EINVAL, try_map(self->fd, size, RW, MAP_SHARED, 0));
	EXPECT_ERR(EINVAL, try_map(self->fd, whole + PAGE, RW, MAP_SHARED, 0));
	EXPECT_ERR(EPERM, try_map(self->fd, whole, RW | PROT_EXEC, MAP_SHARED, 0));
	EXPECT_ERR(EBUSY, try_map(self->fd, whole, RW, MAP_SHARED, 0));
	EXPECT_ERR(EACCES, try_map(manage, whole, RW, MAP_SHARED, 0));
	/* None of these has done any harm. */
	EXPECT_OK(s_submit(self->c, 0, ADD, 0, 0, NULL));
	EXPECT_OK(s_reply(self->fd, s_take(self->fd, NULL), 0, 0));
	/* It is no file. */
	EXPECT_ERR(EINVAL, read(self->cfd, &size, 8));
	EXPECT_ERR(EINVAL, write(self->cfd, &size, 8));
}

/* Nor can more be made of it: it stays whole, and is not executed. */
TEST_F(map, what_cannot_be_made_of_it)
{
	char *maps[2] = { self->c->map, self->h.map };
	size_t sizes[2] = { self->size, self->whole };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		char *map = maps[i], *stack = map + self->c->is.frames_size;
		size_t size = sizes[i];

		EXPECT_ERR(EACCES, mprotect(map, size, PROT_READ | PROT_EXEC));
		EXPECT_ERR(EINVAL, mprotect(map, PAGE, PROT_READ));
		EXPECT_ERR(EINVAL, munmap(map, PAGE));
		EXPECT_ERR(EINVAL, munmap(map + size - PAGE, PAGE));
		EXPECT_ERR(EINVAL, munmap(map + PAGE, PAGE));
		EXPECT_EQ(MAP_FAILED, mremap(map, size, size + PAGE, MREMAP_MAYMOVE));
		EXPECT_EQ(EFAULT, errno);
		EXPECT_EQ(MAP_FAILED, mremap(map, size, PAGE, 0));
		EXPECT_EQ(MAP_FAILED, mremap(map, 0, size, MREMAP_MAYMOVE));
		EXPECT_ERR(EINVAL, madvise(map, size, MADV_DODUMP));
		/* Not to write for a while: why not? */
		EXPECT_OK(mprotect(map, size, PROT_READ));
		EXPECT_EQ(SIGSEGV, touch(map, true));
		EXPECT_OK(mprotect(map, size, RW));
		EXPECT_EQ(0, touch(stack + 8, true));
		EXPECT_OK(madvise(map, size, MADV_DONTNEED));
		EXPECT_EQ(1, stack[8]);
	}
	EXPECT_OK(s_submit(self->c, 0, ADD, 0, 0, NULL));
	EXPECT_OK(s_reply(self->fd, s_take(self->fd, NULL), 0, 0));
}

static char *moved(char *map, size_t size)
{
	char *room = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *to = mremap(map, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, room);

	return room == MAP_FAILED || to == MAP_FAILED ? NULL : to;
}

/* It may stand elsewhere. */
TEST_F(map, moved)
{
	uint64_t token;
	char *map;

	stack_of(self->c, 1)[5] = 6;
	map = moved(self->c->map, self->size);
	ASSERT_NE(NULL, map);
	self->c->map = map;
	EXPECT_EQ(6, stack_of(self->c, 1)[5]);
	map = moved(self->h.map, self->whole);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(6, map[self->c->is.frames_size + PAGE + 5]);
	/* It is still the server. */
	ASSERT_OK(s_submit(self->c, 0, ADD, 0, 0, &token));
	EXPECT_EQ(token, s_take(self->fd, NULL));
	/* And with the new one it ends. */
	ASSERT_OK(munmap(map, self->whole));
	EXPECT_ERR(EPIPE, s_collect(self->cfd, &token, NULL, KIPC_NO_WAIT));
	EXPECT_ERR(ENXIO, s_serve(self->fd, &(struct kipc_service_serve){}, 0));
}

TEST_F(map, no_binding_no_memory)
{
	struct client second = hand_client(&self->h);
	size_t i;

	stack_of(&second, 0)[0] = 7;
	EXPECT_EQ(7, self->h.map[self->size + second.is.frames_size]);
	for (i = 2; i < 4; i++) {
		EXPECT_EQ(SIGBUS, touch(self->h.map + i * self->size, false));
		EXPECT_EQ(SIGBUS, touch(self->h.map + (i + 1) * self->size - 1, true));
	}
	disconnect(&second);
	EXPECT_EQ(SIGBUS, touch(self->h.map + self->size + second.is.frames_size,
				false));
	EXPECT_EQ(0, touch(self->h.map + self->c->is.frames_size, false));
}

/* Deadlines and tokens are in the frames: they are not the server's. */
TEST_F(map, the_server_has_no_frames)
{
	EXPECT_EQ(0, touch(self->c->map, true));
	EXPECT_EQ(SIGBUS, touch(self->h.map, true));
	EXPECT_EQ(SIGBUS, touch(self->h.map, false));
	EXPECT_EQ(SIGBUS, touch(self->h.map + self->c->is.frames_size - 1, false));
	EXPECT_EQ(0, touch(self->h.map + self->c->is.frames_size, true));
	EXPECT_EQ(1, stack_of(self->c, 0)[0]);
}

/* Who was the server, or will be: there is one, ever. */
TEST_F(map, no_second_server)
{
	pid_t child;

	EXPECT_ERR(EBUSY, try_map(self->fd, self->whole, RW, MAP_SHARED, 0));
	child = spawn();
	if (!child) {
		CHECK_ERR(EBUSY, try_map(self->fd, self->whole, RW, MAP_SHARED, 0));
		_exit(0);
	}
	EXPECT_EQ(0, reap(child));
	EXPECT_OK(munmap(self->h.map, self->whole));
	EXPECT_ERR(EPIPE, try_map(self->fd, self->whole, RW, MAP_SHARED, 0));
}

/* It outlives the handle: the memory is good, the slot is nobody else's. */
TEST_F(map, kept_after_close)
{
	struct client second = hand_client(&self->h), third;

	stack_of(&second, 2)[9] = 10;
	close(second.fd);
	EXPECT_EQ(2, service_stat(self->fd).bindings);
	third = hand_client(&self->h);
	EXPECT_EQ(10, stack_of(&second, 2)[9]);
	EXPECT_EQ(0, stack_of(&third, 2)[9]);
	/* Where the server sees them. */
	EXPECT_EQ(10, self->h.map[self->size + second.is.frames_size + 2 * PAGE + 9]);
	EXPECT_EQ(0, self->h.map[2 * self->size + second.is.frames_size + 2 * PAGE + 9]);
	self->h.map[self->size + second.is.frames_size] = 11;
	EXPECT_EQ(11, stack_of(&second, 0)[0]);
	EXPECT_OK(munmap(second.map, self->size));
	EXPECT_EQ(2, service_stat(self->fd).bindings);
	EXPECT_EQ(SIGBUS, touch(self->h.map + self->size + second.is.frames_size,
				false));
}

/* Its next owner finds zeros, and the server what is his; in whatever slot. */
TEST_F(map, given_to_another)
{
	struct client second;
	struct kipc_served call;
	unsigned int round;
	size_t i;

	for (round = 1; round < 6; round++) {
		second = hand_client(&self->h);
		for (i = 0; i < self->size; i++)
			ASSERT_EQ(0, second.map[i]);
		/* Without a fault of the server's in between, and with it. */
		memset(stack_of(&second, 3), round, PAGE);
		ASSERT_EQ(0, s_submit(&second, 3, ADD, 0, 0, NULL));
		s_take(self->fd, &call);
		ASSERT_EQ(self->size + second.is.frames_size + 3 * PAGE, call.stack);
		ASSERT_EQ(round, self->h.map[call.stack]);
		ASSERT_EQ(round, self->h.map[call.stack + PAGE - 1]);
		memset(self->h.map + call.stack, 100 + round, PAGE);
		ASSERT_EQ(100 + round, stack_of(&second, 3)[17]);
		if (round & 1)
			ASSERT_EQ(0, s_reply(self->fd, call.token, 0, 0));
		disconnect(&second);
		/* While the server is not done with it, the memory is there. */
		if (!(round & 1)) {
			ASSERT_EQ(100 + round, self->h.map[call.stack]);
			ASSERT_EQ(1, s_reply(self->fd, call.token, 0, 0));
		}
		ASSERT_EQ(SIGBUS, touch(self->h.map + call.stack, false));
	}
}

TEST_F(map, not_inherited)
{
	pid_t pid = spawn();

	if (!pid) {
		struct kipc_service_serve serve = { .flags = 0 };

		CHECK(touch(self->c->map, false) == SIGSEGV);
		CHECK(touch(self->h.map, false) == SIGSEGV);
		CHECK_ERR(ENXIO, s_serve(self->fd, &serve, KIPC_FOREVER));
		CHECK_ERR(EBUSY, try_map(self->fd, self->whole, RW, MAP_SHARED, 0));
		/* A client's handle it can map. */
		CHECK(s_map_binding(self->cfd, self->size));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_OK(s_submit(self->c, 0, ADD, 0, 0, NULL));
	EXPECT_OK(s_reply(self->fd, s_take(self->fd, NULL), 0, 0));
}

/*
 * madvise(2) can have it inherited all the same: a child that is not the server, and does
 * not keep the service alive.
 */
TEST_F(map, inherited_by_force)
{
	int *step = shared(sizeof(*step));
	pid_t server, heir = 0;
	struct hand h;
	int fd;

	h = self->h;
	fd = s_create(NULL, NULL, 0600, KIPC_SERVICE_RIGHTS, 0);
	ASSERT_OK(fd);
	h.c = client_of(k_narrow(fd, CALL, 0));
	server = spawn();
	if (!server) {
		char *map = s_map(fd);

		CHECK(!madvise(map, service_stat(fd).map_size, MADV_DOFORK));
		heir = fork();
		CHECK(heir >= 0);
		if (!heir) {
			CHECK_ERR(ENXIO, s_serve(fd, &(struct kipc_service_serve){},
						 KIPC_FOREVER));
			__atomic_store_n(step, getpid(), __ATOMIC_SEQ_CST);
			for (;;)
				pause();
		}
		s_serve(fd, &(struct kipc_service_serve){}, KIPC_FOREVER);
		for (;;)
			pause();
	}
	wait_for(__atomic_load_n(step, __ATOMIC_SEQ_CST));
	ASSERT_OK(s_submit(&h.c, 0, ADD, 0, 0, NULL));
	wait_for(s_has(fd, 0, 1));
	slay(server);
	EXPECT_ERR(EPIPE, s_call(&h.c, 1, ADD, 0, 0, after(PATIENCE)));
	EXPECT_ERR(EPIPE, s_collect(h.c.fd, &(uint64_t){ 0 }, NULL, after(PATIENCE)));
	kill(*step, SIGKILL);
}

/* It is memory for system calls and for those who debug, too. */
TEST_F(map, used_by_system_calls)
{
	struct iovec here, there;
	int pipes[2];
	char text[16] = "0123456789abcde";
	char *stack = stack_of(self->c, 2);
	char *server = self->h.map + (stack - self->c->map);

	ASSERT_OK(pipe(pipes));
	ASSERT_EQ(16, write(pipes[1], text, 16));
	ASSERT_EQ(16, read(pipes[0], stack, 16));
	EXPECT_EQ(0, memcmp(server, text, 16));
	ASSERT_EQ(16, write(pipes[1], server, 16));
	ASSERT_EQ(16, read(pipes[0], stack + PAGE - 16, 16));
	EXPECT_EQ(0, memcmp(server + PAGE - 16, text, 16));
	memset(text, 0, 16);
	here = (struct iovec){ text, 16 };
	there = (struct iovec){ server, 16 };
	ASSERT_EQ(16, process_vm_readv(getpid(), &here, 1, &there, 1, 0));
	EXPECT_EQ(0, memcmp(text, "0123456789abcde", 16));
	there.iov_base = stack + 1;
	ASSERT_EQ(16, process_vm_writev(getpid(), &here, 1, &there, 1, 0));
	EXPECT_EQ(0, memcmp(server + 1, text, 16));
	/* Where there is nothing, there is nothing for them either. */
	EXPECT_ERR(EFAULT, write(pipes[1], self->h.map + self->size, 16));
}

/* Another process sees by its handle what is its own. */
TEST_F(map, each_client_his_own)
{
	pid_t pid = spawn();

	if (!pid) {
		struct client c = hand_client(&self->h);

		CHECK(c.is.binding_size == self->size);
		CHECK(!stack_of(&c, 0)[0]);
		memset(c.map, 2, self->size);
		CHECK_ERR(EINVAL, try_map(c.fd, 2 * self->size, RW, MAP_SHARED, 0));
		CHECK_ERR(EINVAL, try_map(c.fd, self->size, RW, MAP_SHARED, self->size));
		_exit(0);
	}
	memset(stack_of(self->c, 0), 1, PAGE);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(1, stack_of(self->c, 0)[0]);
	EXPECT_EQ(0, stack_of(self->c, 1)[0]);
	EXPECT_EQ(0, frame_of(self->c, 0)->args[0]);
}

TEST_HARNESS_MAIN
