// SPDX-License-Identifier: GPL-2.0
/*
 * Death in services: servers, workers and clients go again and again, wherever they
 * are; no call is made twice, and nothing is left behind.  And those who would do harm
 * from inside: by what they have mapped, and by what they reply.
 *
 * KIPC_KILLS sets how many processes are killed in all.
 */
#include "test.h"
#include "kservice.h"

enum { CLIENTS = 4, SLOTS = CLIENTS + 1, THREADS = 3, SERVER = CLIENTS };

struct stage {
	int in_call[SLOTS];
	uint64_t next, end;		/* the next call's number; their end */
	unsigned char *made;		/* [end]: how often it was served */
	unsigned char *done;		/* [end]: its client has the reply */
	unsigned int workers_ended, given_up, failed;
};

static struct stage *st;
static const char *name;
static int serving_fd;

static void enter_call(unsigned int slot)
{
	__atomic_add_fetch(&st->in_call[slot], 1, __ATOMIC_SEQ_CST);
}

static void leave_call(unsigned int slot)
{
	__atomic_sub_fetch(&st->in_call[slot], 1, __ATOMIC_SEQ_CST);
}

static void note(unsigned int *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
}

/* Some workers end in the middle of a call, and leave another in their place. */
static void *mortal_worker(void *arg)
{
	struct kipc_service_serve serve = { .flags = 0 };
	pthread_t heir;
	uint64_t n;

	for (;;) {
		enter_call(SERVER);
		if (s_serve(serving_fd, &serve, KIPC_FOREVER))
			break;
		leave_call(SERVER);
		n = serve.call.args[0];
		if (!(serve.call.flags & KIPC_SERVED_CONNECT)) {
			CHECK(n < st->end);
			__atomic_add_fetch(&st->made[n], 1, __ATOMIC_SEQ_CST);
		}
		if (n % 97 == 96) {
			note(&st->workers_ended);
			CHECK(!pthread_create(&heir, NULL, mortal_worker, arg));
			syscall(SYS_exit, 0);
		}
		if (n % 13 == 0)
			usleep(n % 700);
		serve.reply = (struct kipc_service_reply){
			.token = serve.call.token,
			.args = { n + 1 },
		};
	}
	CHECK(errno == ENXIO || errno == ESHUTDOWN);
	return NULL;
}

static void play_server(void)
{
	struct kipc_service_attr attr = { .stacks = 2, .bindings = 64,
					  .flags = KIPC_SERVICE_ACCEPT };
	pthread_t thread;
	unsigned int i;

	/* The name is free as soon as the last one is dead. */
	serving_fd = s_create(name, &attr, 0600, SERVE, KIPC_EXCL);
	CHECK(serving_fd >= 0 && s_map(serving_fd));
	for (i = 0; i < THREADS; i++)
		CHECK(!pthread_create(&thread, NULL, mortal_worker, NULL));
	for (;;)
		pause();
}

/* False: the service is gone. */
static bool one_call(struct client *c, unsigned int slot, uint64_t n)
{
	uint64_t token = 0;
	unsigned int stack = n & 1;
	int ret;

	enter_call(slot);
	if (n % 3 == 0) {
		ret = s_submit(c, stack, ADD, n, 1, &token);
		if (!ret)
			ret = s_collect(c->fd, &token, &stack, now_ns() + PATIENCE);
	} else {
		ret = s_call(c, stack, ADD, n, 1,
			     now_ns() + (n % 5 ? PATIENCE : n % 400 * 1000));
	}
	leave_call(slot);
	if (ret == 0) {
		CHECK(frame_of(c, stack)->args[0] == n + 1);
		__atomic_store_n(&st->done[n], 1, __ATOMIC_SEQ_CST);
		return true;
	}
	if (errno == ETIMEDOUT || errno == EBUSY) {
		note(&st->given_up);
		return true;
	}
	CHECK(errno == EPIPE);
	note(&st->failed);
	/* It may have been the worker alone. */
	return n % 97 == 96;
}

static void play_client(unsigned int slot)
{
	struct client c;
	uint64_t n;

	for (;;) {
		c.fd = s_open(name, CALL, 0, now_ns() + PATIENCE);
		CHECK(c.fd >= 0);
		memset(&c.is, 0, sizeof(c.is));
		c.map = NULL;
		if (!s_connect(c.fd, &c.is, now_ns() + PATIENCE)) {
			c.map = s_map_binding(c.fd, c.is.binding_size);
			CHECK(c.map);
		} else {
			/* Those who were killed may still have theirs. */
			CHECK(errno == EPIPE || errno == EUSERS);
		}
		while (c.map) {
			n = __atomic_fetch_add(&st->next, 1, __ATOMIC_SEQ_CST);
			while (n >= st->end)
				pause();
			if (!one_call(&c, slot, n))
				break;
			/* The mapping may outlive the handle. */
			if (n % 50 == 49)
				break;
		}
		close(c.fd);
		if (c.map)
			munmap(c.map, c.is.binding_size);
	}
}

static pid_t enter(unsigned int slot)
{
	pid_t pid = spawn();

	if (!pid) {
		if (slot == SERVER)
			play_server();
		play_client(slot);
	}
	return pid;
}

FIXTURE(servicedeath) {
};

FIXTURE_SETUP(servicedeath)
{
}

FIXTURE_TEARDOWN(servicedeath)
{
}

/* A service without a name, by a handle that may do everything. */
static int service_for_all(unsigned int stacks)
{
	struct kipc_service_attr attr = { .stacks = stacks, .bindings = 64 };
	int fd = s_create(NULL, &attr, 0600, KIPC_SERVICE_RIGHTS, 0);

	CHECK(fd >= 0);
	return fd;
}

static void nothing_left(struct __test_metadata *_metadata)
{
	wait_for(total("objects") == 0);
	EXPECT_EQ(0, total("handles"));
	EXPECT_EQ(0, total("bytes"));
	EXPECT_EQ(0, total("waiters"));
}

TEST_F(servicedeath, of_anybody)
{
	unsigned int kills = from_env("KIPC_KILLS", 3000), i, slot, inside = 0;
	unsigned int random = 7, made = 0, done = 0;
	pid_t pids[SLOTS];
	uint64_t x;

	st = shared(sizeof(*st));
	st->end = 20000 + kills * 100;
	st->made = shared(st->end);
	st->done = shared(st->end);
	name = temp_name("servicedeath");
	for (slot = 0; slot < SLOTS; slot++)
		pids[slot] = enter(slot);
	for (i = 0; i < kills; i++) {
		int status;

		random = random * 1103515245 + 12345;
		slot = (random >> 16) % (2 * SLOTS) % SLOTS;
		for (x = (random >> 20) % 8; x; x--)
			sched_yield();
		if (random & 1 << 30)
			usleep((random >> 10) % 3000);
		kill(pids[slot], SIGKILL);
		ASSERT_EQ(pids[slot], waitpid(pids[slot], &status, 0));
		/* Anything else is a CHECK of that party that failed. */
		ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		inside += !!st->in_call[slot];
		st->in_call[slot] = 0;
		pids[slot] = enter(slot);
	}
	/* Nobody hangs: all clients make progress. */
	x = __atomic_load_n(&st->next, __ATOMIC_SEQ_CST);
	wait_for(__atomic_load_n(&st->next, __ATOMIC_SEQ_CST) > x + 50 ||
		 st->next >= st->end);
	for (slot = 0; slot < SLOTS; slot++)
		EXPECT_EQ(128 + SIGKILL, slay(pids[slot]));
	for (x = 0; x < st->next && x < st->end; x++) {
		ASSERT_LE(st->made[x], 1) {
			TH_LOG("call %llu was made twice", (unsigned long long)x);
		}
		ASSERT_LE(st->done[x], st->made[x]) {
			TH_LOG("call %llu was not made", (unsigned long long)x);
		}
		made += st->made[x];
		done += st->done[x];
	}
	TH_LOG("%u killed, %u of them inside an operation; %u workers ended", kills,
	       inside, st->workers_ended);
	TH_LOG("%u calls made, %u with a reply; %u given up, %u failed", made, done,
	       st->given_up, st->failed);
	EXPECT_GT(inside, 0);
	EXPECT_GT(done, 0);
	nothing_left(_metadata);
}

/* All at once, in calls inside of calls. */
TEST_F(servicedeath, all_at_once)
{
	unsigned int round, i;

	for (round = 0; round < effort(20); round++) {
		int fd = service_for_all(2);
		pid_t server = spawn_server(fd, 2), pids[6];

		for (i = 0; i < 6; i++) {
			pids[i] = spawn();
			if (!pids[i]) {
				struct client c = client_of(k_narrow(fd, CALL, 0));

				close(fd);
				for (;;)
					s_call(&c, i & 1, i % 3 ? ADD : NAP,
					       1000 * i, 1, KIPC_FOREVER);
			}
		}
		wait_for(service_stat(fd).replies > 30);
		for (i = 0; i < 6; i++)
			kill(pids[i], SIGKILL);
		kill(server, SIGKILL);
		for (i = 0; i < 6; i++)
			EXPECT_EQ(128 + SIGKILL, reap(pids[i]));
		EXPECT_EQ(128 + SIGKILL, reap(server));
		EXPECT_EQ(0, service_stat(fd).bindings);
		EXPECT_EQ(0, service_stat(fd).serving);
		EXPECT_EQ(0, service_stat(fd).waiting);
		close(fd);
		nothing_left(_metadata);
	}
}

/* Those who would do harm. */

static void *scribble(void *arg)
{
	struct client *c = arg;
	uint64_t x = 88172645463325252ULL;
	volatile uint64_t *words = (volatile uint64_t *)c->map;
	size_t count = c->is.binding_size / 8;

	for (;;) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		/* What is read of the frame more often than the rest. */
		words[x & 1 ? (x >> 8) % 11 : (x >> 8) % count] =
			x & 2 ? x : x & 7;
	}
	return NULL;
}

/* It changes frame and A-stack all the time, as the kernel and the handler read them. */
static void hostile_client(int fd)
{
	struct client c = client_of(fd);
	pthread_t thread;

	CHECK(!pthread_create(&thread, NULL, scribble, &c));
	for (unsigned int i = 0;; i++) {
		frame_of(&c, 0)->procedure = ADD;
		memset(frame_of(&c, 0)->reserved, 0,
		       sizeof(frame_of(&c, 0)->reserved));
		if (ioctl(c.fd, KIPC_IOC_SERVICE_CALL, 0UL) < 0)
			CHECK(errno == EINVAL || errno == ETIMEDOUT ||
			      errno == EAGAIN || errno == EBUSY);
		s_cancel(c.fd, frame_of(&c, 0)->token);
	}
}

/* As it was when it was called, whatever procedure that is. */
static void *wary_worker(void *arg)
{
	struct kipc_service_serve serve = { .flags = 0 };
	struct server *server = arg;
	uint64_t limit = service_stat(server->fd).map_size;

	while (!s_serve(server->fd, &serve, KIPC_FOREVER)) {
		const struct kipc_served *call = &serve.call;
		const char *stack = server->map + call->stack;

		CHECK(call->stack < limit && !(call->stack % PAGE) && call->pid > 0);
		CHECK(!call->reserved && !(call->flags & ~KIPC_SERVED_GROW));
		/* Its A-stack changes, but it is there. */
		serve.reply = (struct kipc_service_reply){
			.token = call->token,
			.args = { call->args[0] + call->args[1],
				  (unsigned char)stack[call->args[0] % PAGE] },
		};
	}
	return NULL;
}

TEST(client_changes_what_is_read)
{
	int fd = service_for_all(1), client = k_narrow(fd, CALL, 0);
	int victim = k_narrow(fd, CALL, 0);
	pid_t server, hostile;
	struct client c;
	unsigned int i;

	server = spawn();
	if (!server) {
		static struct server s;
		pthread_t thread;

		s.fd = fd;
		s.map = s_map(fd);
		CHECK(s.map);
		for (i = 0; i < 2; i++)
			CHECK(!pthread_create(&thread, NULL, wary_worker, &s));
		for (;;)
			pause();
	}
	wait_idle(fd, 2);
	hostile = spawn();
	if (!hostile)
		hostile_client(client);
	close(client);
	c = client_of(victim);
	memset(stack_of(&c, 0), 0x5a, PAGE);
	for (i = 0; i < effort(3000); i++) {
		ASSERT_EQ(0, s_call(&c, 0, 0, i, 1, now_ns() + PATIENCE));
		ASSERT_EQ(i + 1, frame_of(&c, 0)->args[0]);
		ASSERT_EQ(0x5a, frame_of(&c, 0)->args[1]);
	}
	wait_for(service_stat(fd).calls > i + 100);
	EXPECT_EQ(0, waitpid(hostile, NULL, WNOHANG));
	EXPECT_EQ(128 + SIGKILL, slay(hostile));
	EXPECT_EQ(128 + SIGKILL, slay(server));
	disconnect(&c);
	close(fd);
	nothing_left(_metadata);
}

static int junk_reply(int fd, uint64_t token, int status, unsigned int flags)
{
	struct kipc_service_reply reply = {
		.token = token,
		.status = status,
		.flags = flags,
		.args = { 1 },
	};

	return ioctl(fd, KIPC_IOC_SERVICE_REPLY, &reply);
}

/* What it replies that it must not; then the truth. */
static void hostile_server(int fd)
{
	struct kipc_service_serve serve = { .flags = 0 };
	char *map = s_map(fd);
	uint64_t token, x = 1;
	unsigned int i;

	CHECK(map);
	while (!s_serve(fd, &serve, KIPC_FOREVER)) {
		token = serve.call.token;
		/* All of the A-stack, while the client waits. */
		memset(map + serve.call.stack, 0xff, PAGE);
		CHECK_ERR(EINVAL, junk_reply(fd, token, -1, 0));
		CHECK_ERR(EINVAL, junk_reply(fd, token, 0, 2));
		CHECK_ERR(EINVAL, junk_reply(fd, token, 0, ~0U));
		CHECK_ERR(EINVAL, junk_reply(fd, token, 0, KIPC_REPLY_REFUSE));
		for (i = 0; i < 50; i++) {
			x = x * 6364136223846793005ULL + 1442695040888963407ULL;
			CHECK_ERR(ENOENT, junk_reply(fd, x, 0, 0));
			/* It may be one of those that it has never replied to. */
			CHECK(junk_reply(fd, token ^ (1ULL << i), 0, 0) == 1 ||
			      errno == ENOENT);
		}
		/* Never, some of them. */
		if (serve.call.args[0] % 8 == 7)
			continue;
		CHECK(!junk_reply(fd, token, 3, 0));
		CHECK_ERR(ENOENT, junk_reply(fd, token, 3, 0));
	}
	_exit(0);
}

TEST(server_replies_junk)
{
	int fd = service_for_all(16), client = k_narrow(fd, CALL, 0);
	unsigned int i, stack, lost = 0;
	struct client c;
	pid_t server;
	uint64_t any;

	c = client_of(client);
	server = spawn();
	if (!server)
		hostile_server(fd);
	for (i = 0; i < 80 && lost < 8; i++) {
		stack = lost;
		if (i % 8 == 7) {
			EXPECT_ERR(ETIMEDOUT, s_call(&c, stack, 0, i, 0,
						     now_ns() + 20 * MS));
			if (errno == ETIMEDOUT)
				lost++;
			wait_idle(fd, 1);
			memset(frame_of(&c, stack), 0, sizeof(struct kipc_frame));
			continue;
		}
		EXPECT_EQ(3, s_call(&c, stack, 0, i, 0, now_ns() + PATIENCE));
		EXPECT_EQ(1, frame_of(&c, stack)->args[0]);
	}
	any = 0;
	EXPECT_ERR(ENOENT, s_collect(c.fd, &any, NULL, KIPC_NO_WAIT));
	EXPECT_EQ(0, service_stat(fd).waiting);
	EXPECT_EQ(128 + SIGKILL, slay(server));
	EXPECT_EQ(service_stat(fd).calls, service_stat(fd).replies +
					  service_stat(fd).failed);
	disconnect(&c);
	close(fd);
	nothing_left(_metadata);
}

TEST_HARNESS_MAIN
