// SPDX-License-Identifier: GPL-2.0
/*
 * Registrations for a signal: what counts as an event where it is not obvious, who causes
 * it, many of them, and that a program written for mq_notify finds what it knows.
 */
#include "test.h"
#include "pending.h"
#include "stage.h"

#include <mqueue.h>
#include <pthread.h>
#include <sys/resource.h>

#define NONEMPTY	KIPC_EVENT_NONEMPTY
#define READABLE	KIPC_EVENT_READABLE
#define WRITABLE	KIPC_EVENT_WRITABLE
#define PEER_GONE	KIPC_EVENT_PEER_GONE
#define LIMIT		KIPC_EVENT_LIMIT
#define ONCE		KIPC_NOTIFY_ONCE

FIXTURE(listeners) {
	int unused;
};

FIXTURE_SETUP(listeners)
{
	(void)self;
	block_signals();
}

FIXTURE_TEARDOWN(listeners)
{
	EXPECT_EQ(0, total("handles"));
	EXPECT_EQ(0, total("bytes"));
	EXPECT_EQ(0, total("waiters"));
}

struct reader {
	struct stage *s;
	char unit[UNIT];
	ssize_t got;
};

static void *read_unit(void *arg)
{
	struct reader *r = arg;

	r->got = read(r->s->fd[IN], r->unit, UNIT);
	return NULL;
}

static void wait_reader(struct stage *s)
{
	if (s->kind == MAILBOX)
		wait_waiters(s->fd[IN], 0, 1, 0);
	else if (s->kind == QUEUE)
		q_wait_waiters(s->fd[IN], 0, 1, 0);
	else
		p_wait_waiters(s->fd[IN], 0, 1, 0);
}

/* What a receiver in line gets is no news to anybody. */
TEST_F(listeners, not_if_a_receiver_waits)
{
	struct reader r;
	pthread_t thread;
	struct stage s;
	int kind;

	for (kind = MAILBOX; kind <= PIPE; kind++) {
		s = stage_of(kind);
		r.s = &s;
		ASSERT_OK(q_notify(s.fd[IN], NONEMPTY | READABLE, 0, SIG, 0));
		ASSERT_EQ(0, pthread_create(&thread, NULL, read_unit, &r));
		wait_reader(&s);
		stage_step(&s, PUT);
		pthread_join(thread, NULL);
		EXPECT_EQ(UNIT, r.got);
		EXPECT_EQ(0, signals());
		stage_step(&s, PUT);
		EXPECT_EQ(1, signals());
		stage_end(&s);
	}
}

/* Nor is a call that a worker waits for. */
TEST_F(listeners, not_if_a_worker_waits)
{
	struct server server;
	pthread_t worker;
	struct stage s = stage_of(SERVICE);

	ASSERT_OK(q_notify(s.fd[IN], KIPC_EVENT_CALL, 0, SIG, 0));
	server.fd = s.fd[IN];
	server.map = s.hand.map;
	worker = s_worker(&server);
	wait_idle(s.fd[IN], 1);
	ASSERT_OK(s_call(&s.hand.c, 0, ADD, 1, 2, after(PATIENCE)));
	EXPECT_EQ(0, signals());
	/* It replies first, and is idle then. */
	wait_idle(s.fd[IN], 1);
	ASSERT_OK(s_call(&s.hand.c, 0, QUIT, 0, 0, after(PATIENCE)));
	pthread_join(worker, NULL);
	stage_step(&s, ASK);
	EXPECT_EQ(1, signals());
	stage_end(&s);
}

/* Who sends to a rendezvous is told of a receiver, and the limit is never reached. */
TEST_F(listeners, rendezvous)
{
	int fd = rendezvous_box(8);
	char byte;
	pid_t pid;

	ASSERT_OK(q_notify(fd, WRITABLE | LIMIT, 0, SIG, 0));
	pid = spawn();
	if (!pid) {
		CHECK(read(fd, &byte, 1) == 1);
		_exit(0);
	}
	wait_waiters(fd, 0, 1, pid);
	wait_for(signals() == 1);
	ASSERT_EQ(1, write(fd, "x", 1));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, signals());
	close(fd);
}

/* Where the oldest gives way there is always room, and the limit all the same. */
TEST_F(listeners, drop_oldest)
{
	int fd = box(2, 16, 8, KIPC_MAILBOX_DROP_OLDEST), out = k_narrow(fd, SEND, 0);
	siginfo_t info;
	int i;

	ASSERT_OK(q_notify(fd, LIMIT, 0, SIG, 0));
	ASSERT_OK(q_notify(out, WRITABLE, 0, OTHER, 0));
	for (i = 0; i < 4; i++) {
		ASSERT_OK(send_number(fd, i));
		EXPECT_EQ(i == 1 ? SIG : 0, next_signal(&info));
	}
	EXPECT_EQ(2, recv_number(fd));
	EXPECT_EQ(0, signals());
	ASSERT_OK(send_number(fd, i));
	EXPECT_EQ(SIG, next_signal(&info));
	EXPECT_EQ(0, signals());
	close(out);
	close(fd);
}

/* Without a limit there is none to be reached. */
TEST_F(listeners, unbounded)
{
	int fd = box(KIPC_UNBOUNDED, KIPC_UNBOUNDED, 8, 0), i;

	ASSERT_OK(q_notify(fd, LIMIT | WRITABLE, 0, SIG, 0));
	for (i = 0; i < 1000; i++)
		ASSERT_OK(send_number(fd, i));
	for (i = 0; i < 1000; i++)
		ASSERT_EQ(i, recv_number(fd));
	EXPECT_EQ(0, signals());
	close(fd);
}

/* A limit that is changed is reached, or is not any more. */
TEST_F(listeners, changed_limits)
{
	int fd = queue(4, 4 * UNIT, UNIT, 0), out = k_narrow(fd, SEND, 0);
	struct ends e = ends_of(2 * UNIT, UNIT);
	siginfo_t info;

	ASSERT_OK(q_notify(fd, LIMIT, 0, SIG, 0));
	ASSERT_OK(q_notify(out, WRITABLE, 0, OTHER, 0));
	EXPECT_EQ(0, q_put(fd, 1, 0, 1));
	EXPECT_EQ(0, signals());
	ASSERT_OK(q_set(fd, 1, UNIT, UNIT, 0));
	EXPECT_EQ(SIG, next_signal(&info));
	ASSERT_OK(q_set(fd, 2, 2 * UNIT, UNIT, 0));
	EXPECT_EQ(OTHER, next_signal(&info));
	EXPECT_EQ(0, signals());
	close(fd);
	close(out);

	ASSERT_OK(q_notify(e.out, WRITABLE, 0, OTHER, 0));
	ASSERT_EQ(UNIT, write(e.out, (char [UNIT]){ 0 }, UNIT));
	ASSERT_EQ(UNIT, write(e.out, (char [UNIT]){ 0 }, UNIT));
	EXPECT_EQ(0, signals());
	EXPECT_EQ(4 * UNIT, p_resize(e.out, 4 * UNIT, 0));
	EXPECT_EQ(OTHER, next_signal(&info));
	EXPECT_EQ(0, signals());
	close_ends(&e);
}

/* What a batch brings is told at least once; what was empty, once. */
TEST_F(listeners, batch)
{
	struct kipc_send_item letters[3] = { { .tag = 1 }, { .tag = 2 }, { .tag = 3 } };
	struct kipc_mailbox_send_batch batch = {
		.items = ptr(letters),
		.count = 3,
	};
	int fd = default_box();

	ASSERT_OK(q_notify(fd, NONEMPTY, 0, SIG, 0));
	ASSERT_EQ(3, ioctl(fd, KIPC_IOC_MAILBOX_SEND_BATCH, &batch));
	EXPECT_EQ(1, signals());
	ASSERT_OK(q_notify(fd, READABLE, 0, SIG, 0));
	ASSERT_EQ(3, ioctl(fd, KIPC_IOC_MAILBOX_SEND_BATCH, &batch));
	EXPECT_LE(1, signals());
	ASSERT_OK(q_notify(fd, NONEMPTY, 0, SIG, 0));
	ASSERT_EQ(3, ioctl(fd, KIPC_IOC_MAILBOX_SEND_BATCH, &batch));
	EXPECT_EQ(0, signals());
	close(fd);
}

/* A letter for which others give way has come once, however many these are. */
TEST_F(listeners, one_for_many)
{
	enum { MANY = 200 };
	char large[MANY] = "";
	int fd = box(1000, MANY, MANY, KIPC_MAILBOX_DROP_OLDEST), i;

	for (i = 0; i < MANY; i++)
		ASSERT_EQ(1, write(fd, large, 1));
	ASSERT_OK(q_notify(fd, READABLE, 0, SIG, 0));
	ASSERT_EQ(1, write(fd, large, 1));
	EXPECT_EQ(1, signals());
	ASSERT_EQ(MANY, write(fd, large, MANY));
	EXPECT_EQ(1, signals());
	EXPECT_EQ(MANY + 1, stat_of(fd).dropped);
	ASSERT_OK(k_submit(fd, "x", 1, 1, NULL, 0));
	EXPECT_EQ(1, signals());
	close(fd);
}

/* A selector is poll's; signals tell of all that there is. */
TEST_F(listeners, selectors_do_not_count)
{
	int fd = queue(9, 9 * UNIT, UNIT, KIPC_QUEUE_HANGUP);
	int in = k_narrow(fd, RECEIVE, 0), out = k_narrow(fd, SEND, 0), i;

	close(fd);
	ASSERT_OK(q_select(in, BY_TYPE(5)));
	ASSERT_OK(q_notify(in, NONEMPTY | PEER_GONE, 0, SIG, 0));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, q_put(out, 6, 0, i));
	EXPECT_EQ(1, signals());
	ASSERT_OK(q_select(in, BY_TYPE(6)));
	EXPECT_EQ(0, signals());
	close(out);
	/* Some are left, so it is not the end. */
	EXPECT_EQ(0, signals());
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(i, q_take(in, BY_FIRST));
		EXPECT_EQ(i == 2, signals());
	}
	close(in);
}

/* One handle that may do both: one signal for what is one. */
TEST_F(listeners, both_sides_in_one)
{
	int kind, fd;
	char unit[UNIT] = "";
	siginfo_t info;

	for (kind = MAILBOX; kind <= PIPE; kind++) {
		fd = stage_object(kind);
		CHECK(!fcntl(fd, F_SETOWN, getpid()));
		CHECK(!fcntl(fd, F_SETSIG, SIG));
		CHECK(!fcntl(fd, F_SETFL, O_ASYNC));
		ASSERT_EQ(UNIT, write(fd, unit, UNIT));
		ASSERT_EQ(SIG, next_signal(&info));
		EXPECT_EQ(POLL_IN, info.si_code);
		ASSERT_EQ(UNIT, write(fd, unit, UNIT));
		EXPECT_EQ(1, signals());
		ASSERT_EQ(UNIT, read(fd, unit, UNIT));
		ASSERT_EQ(SIG, next_signal(&info));
		EXPECT_EQ(POLL_OUT, info.si_code);
		ASSERT_OK(k_remove(fd));
		ASSERT_EQ(SIG, next_signal(&info));
		EXPECT_EQ(POLL_HUP, info.si_code);
		EXPECT_EQ(0, signals());
		close(fd);
	}
}

/* The other side is killed: it is the one who left. */
TEST_F(listeners, killed_peer)
{
	int kind, *ready = shared(sizeof(*ready));
	siginfo_t info;
	struct stage s;
	pid_t pid;

	for (kind = MAILBOX; kind <= PIPE; kind++) {
		s = stage_of(kind);
		ASSERT_OK(q_notify(s.fd[IN], PEER_GONE, ONCE, SIG, kind));
		*ready = 0;
		pid = spawn();
		if (!pid) {
			__atomic_store_n(ready, 1, __ATOMIC_SEQ_CST);
			for (;;)
				pause();
		}
		wait_for(__atomic_load_n(ready, __ATOMIC_SEQ_CST));
		stage_leave(&s, OUT);
		EXPECT_EQ(0, signals());
		EXPECT_EQ(128 + SIGKILL, slay(pid));
		wait_for(next_signal(&info) == SIG);
		EXPECT_EQ(pid, info.si_pid);
		EXPECT_EQ(0, info.si_uid);
		EXPECT_EQ(kind, info.si_value.sival_int);
		EXPECT_EQ(0, signals());
		stage_end(&s);
	}
}

/* A server is killed: its clients are told, whoever notices it. */
TEST_F(listeners, killed_server)
{
	int all = s_create("told", NULL, 0600, KIPC_SERVICE_RIGHTS, 0), fd;
	pid_t pid = spawn_server(all, 1);
	siginfo_t info;

	fd = k_narrow(all, CALL, 0);
	close(all);
	ASSERT_OK(q_notify(fd, PEER_GONE, 0, SIG, 0));
	EXPECT_EQ(0, signals());
	EXPECT_EQ(128 + SIGKILL, slay(pid));
	wait_for(next_signal(&info) == SIG);
	EXPECT_TRUE(info.si_pid == pid || info.si_pid == 0);
	EXPECT_EQ(0, signals());
	close(fd);
}

/* How many signals are queued for this user. */
static unsigned int queued(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned int n = 0;
	char line[256];
	bool found = false;

	CHECK(f);
	while (fgets(line, sizeof(line), f))
		found |= sscanf(line, "SigQ: %u", &n) == 1;
	CHECK(found);
	fclose(f);
	return n;
}

/* The process's first thread has ended, and lies there as long as the process lives. */
static void *behind_the_first(void *arg)
{
	int fd = *(int *)arg, i;
	unsigned int before;

	wait_for(task_state(getpid(), getpid()) == 'Z');
	before = queued();
	for (i = 0; i < 500; i++)
		CHECK(write(fd, "x", 1) == 1);
	CHECK(queued() < before + 100);
	/* Nor is there a place that it takes up. */
	for (i = 0; i < KIPC_NOTIFY_MAX; i++)
		CHECK(!q_notify(k_narrow(fd, RECEIVE, 0), READABLE, 0, SIG, 0));
	_exit(0);
}

TEST_F(listeners, first_thread_ends)
{
	static int fd;
	pthread_t thread;
	pid_t pid;

	fd = default_box();
	pid = spawn();
	if (!pid) {
		CHECK(!q_notify(fd, READABLE, 0, SIG, 0));
		CHECK(!pthread_create(&thread, NULL, behind_the_first, &fd));
		pthread_exit(NULL);
	}
	EXPECT_EQ(0, reap(pid));
	close(fd);
}

/*
 * Who may only send takes no more than a share of the places; the owner, and who has the
 * right to manage, find one.
 */
TEST_F(listeners, share_of_a_stranger)
{
	enum { HALF = KIPC_NOTIFY_MAX / 2 };
	int fd = default_box(), out = k_narrow(fd, SEND, 0), i, left;
	int *taken = shared(3 * sizeof(*taken));
	pid_t pid[3];

	for (i = 0; i < 3; i++) {
		taken[i] = -1;
		pid[i] = spawn();
		if (!pid[i]) {
			int own, n = 0;

			become(NOBODY - i, NOBODY);
			while (n < KIPC_NOTIFY_MAX) {
				own = k_narrow(out, SEND, 0);
				CHECK(own >= 0);
				if (q_notify(own, WRITABLE, 0, SIG, 0)) {
					CHECK(errno == ENOSPC);
					break;
				}
				/* One in place of its own is not one more. */
				CHECK(!q_notify(own, WRITABLE, 0, SIG, 0));
				n++;
			}
			__atomic_store_n(&taken[i], n, __ATOMIC_SEQ_CST);
			for (;;)
				pause();
		}
		wait_for(__atomic_load_n(&taken[i], __ATOMIC_SEQ_CST) >= 0);
	}
	EXPECT_EQ(HALF / 2, taken[0]);
	EXPECT_EQ(HALF / 4, taken[1]);
	EXPECT_EQ(HALF / 8, taken[2]);
	left = KIPC_NOTIFY_MAX - taken[0] - taken[1] - taken[2];
	for (i = 0; i < left; i++)
		EXPECT_OK(q_notify(k_narrow(fd, RECEIVE, 0), READABLE, 0, SIG, 0));
	EXPECT_ERR(ENOSPC, q_notify(fd, READABLE, 0, SIG, 0));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(128 + SIGKILL, slay(pid[i]));
	/* Who has the right to manage is no stranger, whoever it is. */
	pid[0] = spawn();
	if (!pid[0]) {
		become(NOBODY, NOBODY);
		for (i = 0; i < KIPC_NOTIFY_MAX - left; i++)
			CHECK(!q_notify(k_narrow(fd, SEND | MANAGE, 0), WRITABLE, 0,
					SIG, 0));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid[0]));
	for (i = 3; i < 1000; i++)
		close(i);
}

/* Who was the owner keeps its places, as a stranger's: there is none left for others. */
TEST_F(listeners, who_becomes_a_stranger)
{
	int fd = default_box(), out = k_narrow(fd, SEND, 0), own[40], i;
	pid_t pid;

	for (i = 0; i < 40; i++) {
		own[i] = k_narrow(fd, SEND, 0);
		ASSERT_OK(q_notify(own[i], WRITABLE, 0, SIG, 0));
	}
	ASSERT_OK(fchown(fd, 1000, -1));
	for (i = 0; i < 40; i++)
		EXPECT_OK(q_notify(own[i], WRITABLE, 0, SIG, 0));
	pid = spawn();
	if (!pid) {
		become(NOBODY, NOBODY);
		CHECK_ERR(ENOSPC, q_notify(k_narrow(out, SEND, 0), WRITABLE, 0, SIG, 0));
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	for (i = 0; i < 40; i++)
		close(own[i]);
	close(out);
	close(fd);
}

static void *toggle(void *arg)
{
	int fd = *(int *)arg, i;

	for (i = effort(2000); i; i--)
		CHECK(!fcntl(fd, F_SETFL, i & 1 ? 0 : O_ASYNC));
	return NULL;
}

/* Two switch O_ASYNC of one handle while it is used: it is on or off, and not in between. */
TEST_F(listeners, toggled_by_two)
{
	struct stage s = stage_of(MAILBOX);
	pthread_t threads[2];
	siginfo_t info;
	int i;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, toggle, &s.fd[OUT]));
	CHECK(!fcntl(s.fd[OUT], F_SETOWN, getpid()));
	for (i = effort(2000); i; i--) {
		/* Room, and a reply. */
		stage_step(&s, PUT);
		stage_step(&s, PUT);
		stage_step(&s, TAKE);
		stage_step(&s, TAKE);
		stage_step(&s, ASK);
		stage_step(&s, ANSWER);
		ASSERT_EQ(UNIT, k_collect(s.fd[OUT], NULL, (char [UNIT]){ 0 }, UNIT,
					  NULL, 0));
	}
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	/* SIGIO was told in between, as often as it happened. */
	signals();
	CHECK(!fcntl(s.fd[OUT], F_SETSIG, SIG));
	for (i = 0; i < 4; i++) {
		CHECK(!fcntl(s.fd[OUT], F_SETFL, i & 1 ? O_ASYNC : 0));
		stage_step(&s, ASK);
		stage_step(&s, ANSWER);
		EXPECT_EQ(i & 1 ? SIG : 0, next_signal(&info));
		EXPECT_EQ(0, signals());
	}
	stage_end(&s);
}

/* A thousand, of sixteen objects, each with as many as it may have. */
TEST_F(listeners, thousand)
{
	enum { OBJECTS = 16, EACH = KIPC_NOTIFY_MAX };
	struct rlimit many = { 4096, 4096 };
	int out[OBJECTS], in[OBJECTS][EACH], i, k, fd;
	unsigned int seen, which;
	siginfo_t info;

	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &many));
	for (i = 0; i < OBJECTS; i++) {
		fd = stage_object(i % 3);
		out[i] = k_narrow(fd, SEND, 0);
		for (k = 0; k < EACH; k++) {
			in[i][k] = k_narrow(fd, RECEIVE, 0);
			ASSERT_OK(q_notify(in[i][k], NONEMPTY, k & 1 ? ONCE : 0, SIG,
					   i * EACH + k));
		}
		EXPECT_ERR(ENOSPC, q_notify(fd, READABLE, 0, SIG, 0));
		/* One that takes the place of its own is not one more. */
		ASSERT_OK(q_notify(in[i][0], NONEMPTY, 0, SIG, i * EACH));
		close(fd);
	}
	for (i = 0; i < OBJECTS; i++) {
		char unit[UNIT] = "", told[EACH] = "";

		ASSERT_EQ(UNIT, write(out[i], unit, UNIT));
		for (seen = 0; next_signal(&info); seen++) {
			which = info.si_value.sival_int - i * EACH;
			ASSERT_LT(which, EACH);
			EXPECT_FALSE(told[which]++);
		}
		EXPECT_EQ(EACH, seen);
		ASSERT_EQ(UNIT, read(in[i][0], unit, UNIT));
		ASSERT_EQ(UNIT, write(out[i], unit, UNIT));
		EXPECT_EQ(EACH / 2, signals());
	}
	for (i = 0; i < OBJECTS; i++) {
		close(out[i]);
		for (k = 0; k < EACH; k++)
			close(in[i][k]);
	}
}

/* Of mq_notify(3): the same steps there and here, and the same signals. */
static void mq_steps(struct __test_metadata *_metadata, mqd_t mq, int fd)
{
	struct sigevent sev = {
		.sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = SIG,
		.sigev_value.sival_int = 77,
	};
	char buf[UNIT];
	siginfo_t info;
	int round;

#define ARM()	(fd < 0 ? mq_notify(mq, &sev) : q_notify(fd, NONEMPTY, ONCE, SIG, 77))
#define SEND_IT() (fd < 0 ? mq_send(mq, "x", 1, 0) : (int)write(fd, "x", 1) - 1)
#define TAKE_IT() (fd < 0 ? mq_receive(mq, buf, UNIT, NULL) : read(fd, buf, UNIT))
	for (round = 0; round < 2; round++) {
		ASSERT_OK(ARM());
		ASSERT_EQ(0, SEND_IT());
		ASSERT_EQ(SIG, next_signal(&info));
		EXPECT_EQ(SI_MESGQ, info.si_code);
		EXPECT_EQ(getpid(), info.si_pid);
		EXPECT_EQ(getuid(), info.si_uid);
		EXPECT_EQ(77, info.si_value.sival_int);
		/* Once; and not for what comes behind. */
		ASSERT_OK(ARM());
		ASSERT_EQ(0, SEND_IT());
		EXPECT_EQ(0, signals());
		EXPECT_EQ(1, TAKE_IT());
		EXPECT_EQ(1, TAKE_IT());
		ASSERT_EQ(0, SEND_IT());
		EXPECT_EQ(1, signals());
		EXPECT_EQ(1, TAKE_IT());
		ASSERT_EQ(0, SEND_IT());
		EXPECT_EQ(0, signals());
		EXPECT_EQ(1, TAKE_IT());
	}
}

TEST_F(listeners, as_mq_notify)
{
	struct mq_attr attr = { .mq_maxmsg = 4, .mq_msgsize = UNIT };
	mqd_t mq = mq_open("/listeners", O_CREAT | O_RDWR, 0600, &attr);
	int kind, fd;

	if (mq != (mqd_t)-1) {
		mq_unlink("/listeners");
		mq_steps(_metadata, mq, -1);
		mq_close(mq);
	} else {
		TH_LOG("this kernel has no POSIX queues");
	}
	for (kind = MAILBOX; kind <= QUEUE; kind++) {
		fd = kind == QUEUE ? queue(4, 4 * UNIT, UNIT, 0) :
				     box(4, 4 * UNIT, UNIT, 0);
		mq_steps(_metadata, (mqd_t)-1, fd);
		close(fd);
	}
}

TEST_HARNESS_MAIN
