// SPDX-License-Identifier: GPL-2.0
/*
 * The same on a queue of kipc as on those of System V and POSIX: what can be done
 * with them can be done here, with the same outcome.  Where it differs on purpose,
 * the difference has its line in a table here.
 */
#include "test.h"
#include "kqueue.h"

#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>

#define ROOM	200		/* bytes */
#define LONGEST	60

/* What an error is called there, and here. */
struct difference {
	int theirs, ours;
	const char *why;
};

static const struct difference sysv_differences[] = {
	{ ENOMSG, EAGAIN, "what is not there now may come: as read has it" },
	{ E2BIG, EMSGSIZE, "a message that does not fit: as sockets have it" },
	{ EINVAL, EMSGSIZE, "a message that is too long to be sent" },
	{ EINVAL, EIDRM, "a descriptor stays what it is when the queue is gone" },
	{ 0 }
};

static const struct difference posix_differences[] = {
	{ 0 }
};

/* Do both mean the same? */
static bool same(const struct difference *d, long theirs, long ours)
{
	if (theirs == ours)
		return true;
	for (; d->why; d++)
		if (theirs == -d->theirs && ours == -d->ours)
			return true;
	return false;
}

struct text {
	long type;
	char data[8192 + 1];
};

/* System V: results are negative errnos. */

FIXTURE(sysv) {
	int id, fd;
};

FIXTURE_SETUP(sysv)
{
	struct msqid_ds ds;

	self->id = msgget(IPC_PRIVATE, 0600);
	if (self->id < 0)
		SKIP_FROM_SETUP("no System V queues: %s", strerror(errno));
	ASSERT_OK(msgctl(self->id, IPC_STAT, &ds));
	ds.msg_qbytes = ROOM;
	ASSERT_OK(msgctl(self->id, IPC_SET, &ds));
	self->fd = queue(ROOM, ROOM, ROOM, 0);
}

FIXTURE_TEARDOWN(sysv)
{
	msgctl(self->id, IPC_RMID, NULL);
}

static long v_send(int id, long type, const char *data, size_t size, int flags)
{
	struct text t = { .type = type };

	memcpy(t.data, data, size);
	return msgsnd(id, &t, size, flags) ? -errno : 0;
}

static long v_recv(int id, long type, char *data, size_t size, int flags,
		   long *got_type)
{
	struct text t;
	ssize_t n = msgrcv(id, &t, size, type, flags);

	if (n < 0)
		return -errno;
	memcpy(data, t.data, n);
	*got_type = t.type;
	return n;
}

static struct kipc_selector selector_of(long type, int flags)
{
	if (!type)
		return BY_FIRST;
	if (type < 0)
		return BY_LOWEST(-type);
	return flags & MSG_EXCEPT ? BY_EXCEPT(type) : BY_TYPE(type);
}

static long k_send_as(int fd, long type, const char *data, size_t size, int flags)
{
	return q_send(fd, data, size, type, 0, flags & IPC_NOWAIT ? KIPC_NO_WAIT :
		      KIPC_FOREVER) ? -errno : 0;
}

static long k_recv_as(int fd, long type, char *data, size_t size, int flags,
		      long *got_type)
{
	struct kipc_message m;
	ssize_t n = q_recv(fd, data, size, selector_of(type, flags), &m,
			   flags & MSG_NOERROR ? KIPC_RECV_TRUNCATE : 0,
			   flags & IPC_NOWAIT ? KIPC_NO_WAIT : KIPC_FOREVER);

	if (n < 0)
		return -errno;
	*got_type = m.type;
	return n;
}

TEST_F(sysv, random)
{
	unsigned int random = from_env("KIPC_SEED", 0) ?: now_ns() % 1000000 + 1;
	unsigned int i, rounds = effort(20000), met[6] = { 0 };

	TH_LOG("seed %u", random);
	for (i = 0; i < rounds; i++) {
		char out[LONGEST + 1], in[2][LONGEST + 1];
		long type, size, theirs, ours, types[2] = { 0, 0 };
		int flags = IPC_NOWAIT;

		random = random * 1103515245 + 12345;
		type = (random >> 16) % 5 + 1;
		size = (random >> 20) % (random >> 30 ? 24 : LONGEST + 1);
		if (random & 1 << 15) {
			fill(out, size, i);
			theirs = v_send(self->id, type, out, size, flags);
			ours = k_send_as(self->fd, type, out, size, flags);
		} else {
			if (random & 1 << 14)
				flags |= MSG_NOERROR;
			if ((random >> 12 & 3) == 0)
				flags |= MSG_EXCEPT;
			if ((random >> 10 & 3) == 0)
				type = -type;
			else if ((random >> 10 & 3) == 1)
				type = 0;
			memset(in, POISON, sizeof(in));
			theirs = v_recv(self->id, type, in[0], size, flags, &types[0]);
			ours = k_recv_as(self->fd, type, in[1], size, flags, &types[1]);
		}
		ASSERT_TRUE(same(sysv_differences, theirs, ours)) {
			TH_LOG("round %u: theirs %ld, ours %ld; type %ld, size %ld, flags %#x",
			       i, theirs, ours, type, size, flags);
		}
		if (!(random & 1 << 15)) {
			ASSERT_EQ(types[0], types[1]);
			ASSERT_EQ(0, memcmp(in[0], in[1], sizeof(in[0])));
		}
		met[theirs > 0 ? 0 : theirs == 0 ? 1 : theirs == -EAGAIN ? 2 :
		    theirs == -ENOMSG ? 3 : theirs == -E2BIG ? 4 : 5]++;
	}
	/* All that can happen has. */
	for (i = 0; i < 5; i++)
		EXPECT_GT(met[i], 0);
	EXPECT_EQ(0, met[5]);
}

TEST_F(sysv, sizes)
{
	static char data[8193];
	struct msqid_ds ds;
	long type;

	EXPECT_TRUE(same(sysv_differences,
			 v_send(self->id, 1, data, 8193, IPC_NOWAIT),
			 k_send_as(self->fd, 1, data, ROOM + 1, IPC_NOWAIT)));
	EXPECT_EQ(0, v_send(self->id, 1, data, ROOM, IPC_NOWAIT));
	EXPECT_EQ(0, k_send_as(self->fd, 1, data, ROOM, IPC_NOWAIT));
	EXPECT_EQ(-EAGAIN, v_send(self->id, 1, data, 1, IPC_NOWAIT));
	EXPECT_EQ(-EAGAIN, k_send_as(self->fd, 1, data, 1, IPC_NOWAIT));
	/* No data is no bytes. */
	EXPECT_EQ(0, v_send(self->id, 2, data, 0, IPC_NOWAIT));
	EXPECT_EQ(0, k_send_as(self->fd, 2, data, 0, IPC_NOWAIT));
	EXPECT_EQ(0, v_recv(self->id, 2, data, 0, IPC_NOWAIT, &type));
	EXPECT_EQ(0, k_recv_as(self->fd, 2, data, 0, IPC_NOWAIT, &type));
	/* What they count. */
	ASSERT_OK(msgctl(self->id, IPC_STAT, &ds));
	EXPECT_EQ(ds.msg_qnum, q_stat_of(self->fd).messages);
	EXPECT_EQ(ds.__msg_cbytes, q_stat_of(self->fd).bytes);
	EXPECT_EQ(ds.msg_qbytes, q_stat_of(self->fd).attr.max_bytes);
	EXPECT_EQ(ds.msg_lspid, q_stat_of(self->fd).send_pid);
	EXPECT_EQ(ds.msg_lrpid, q_stat_of(self->fd).recv_pid);
	EXPECT_LE(llabs((long long)ds.msg_stime - (long long)
			(q_stat_of(self->fd).send_time_ns / SECOND)), 60);
	EXPECT_LE(llabs((long long)ds.msg_rtime - (long long)
			(q_stat_of(self->fd).recv_time_ns / SECOND)), 60);
}

/* Those who wait: what each of them has got, on the one and on the other. */

struct waiting {
	long type;
	int flags;
	size_t size;
	int at;			/* it is in its call */
	long got[2];		/* the message's type, or a negative errno */
};

enum { WAITING = 7, LEFT = 5 };

static void line_up(struct waiting *w, int which, int id, pid_t pids[WAITING])
{
	int i;

	for (i = 0; i < WAITING; i++) {
		w[i].at = 0;
		pids[i] = spawn();
		if (!pids[i]) {
			char data[LONGEST];
			long ret, type = 0;

			__atomic_store_n(&w[i].at, 1, __ATOMIC_SEQ_CST);
			ret = which ? k_recv_as(id, w[i].type, data, w[i].size,
						w[i].flags, &type) :
				v_recv(id, w[i].type, data, w[i].size, w[i].flags,
				       &type);
			w[i].got[which] = ret < 0 ? ret : type * 1000 + ret;
			_exit(0);
		}
		wait_for(__atomic_load_n(&w[i].at, __ATOMIC_SEQ_CST));
		if (which)
			q_wait_waiters(id, 0, i + 1, pids[i]);
		else
			wait_for(task_state(pids[i], pids[i]) == 'S');
	}
}

TEST_F(sysv, waiting_receivers)
{
	static const struct waiting wants[WAITING] = {
		{ .type = 2, .size = 8 }, { .type = -3, .size = 8 },
		{ .type = 0, .size = 3 },
		{ .type = 4, .size = 8, .flags = MSG_EXCEPT },
		{ .type = 0, .size = 8 }, { .type = 5, .size = 8 },
		{ .type = 0, .size = 3, .flags = MSG_NOERROR },
	};
	/* The third cannot take the one that has 5 bytes, nor has it then. */
	static const struct { long type; size_t size; unsigned int left; } sent[] = {
		{ 4, 5, 5 }, { 2, 8, 4 }, { 3, 1, 3 }, { 4, 6, 2 }, { 9, 2, 1 },
	};
	struct waiting *w = shared(sizeof(wants));
	int which, i, id;
	pid_t pids[WAITING];
	size_t s;

	memcpy(w, wants, sizeof(wants));
	for (which = 0; which < 2; which++) {
		id = which ? self->fd : self->id;
		line_up(w, which, id, pids);
		for (s = 0; s < ARRAY_SIZE(sent); s++) {
			EXPECT_EQ(0, which ?
				  k_send_as(id, sent[s].type, "abcdefgh",
					    sent[s].size, IPC_NOWAIT) :
				  v_send(id, sent[s].type, "abcdefgh", sent[s].size,
					 IPC_NOWAIT));
			/* Who cannot take it hands it on when it runs. */
			if (which)
				q_wait_waiters(id, 0, sent[s].left, 0);
		}
		for (i = 0; i < WAITING; i++) {
			if (i != LEFT)
				EXPECT_EQ(0, reap(pids[i]));
		}
		/* Who is left waits until the queue ends. */
		if (which) {
			ASSERT_OK(k_remove(id));
		} else {
			ASSERT_OK(msgctl(id, IPC_RMID, NULL));
		}
		EXPECT_EQ(0, reap(pids[LEFT]));
	}
	for (i = 0; i < WAITING; i++) {
		EXPECT_TRUE(same(sysv_differences, w[i].got[0], w[i].got[1])) {
			TH_LOG("waiter %d: theirs %ld, ours %ld", i, w[i].got[0],
			       w[i].got[1]);
		}
	}
	EXPECT_EQ(-EIDRM, w[LEFT].got[0]);
	EXPECT_EQ(-EIDRM, w[LEFT].got[1]);
	/* And afterwards. */
	EXPECT_TRUE(same(sysv_differences, v_send(self->id, 1, "", 0, IPC_NOWAIT),
			 k_send_as(self->fd, 1, "", 0, IPC_NOWAIT)));
}

/* POSIX. */

FIXTURE(posix) {
	mqd_t mq;
	int fd;
};

static mqd_t open_mq(void)
{
	struct mq_attr attr = { .mq_maxmsg = 8, .mq_msgsize = LONGEST };
	char name[64];
	mqd_t mq;

	snprintf(name, sizeof(name), "/kipc-test-%d", getpid());
	mq = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600, &attr);
	if (mq != (mqd_t)-1)
		mq_unlink(name);
	return mq;
}

FIXTURE_SETUP(posix)
{
	self->mq = open_mq();
	if (self->mq == (mqd_t)-1)
		SKIP_FROM_SETUP("no POSIX queues: %s", strerror(errno));
	self->fd = queue(8, KIPC_UNBOUNDED, LONGEST, 0);
	ASSERT_OK(fcntl(self->fd, F_SETFL, O_NONBLOCK));
}

FIXTURE_TEARDOWN(posix)
{
	mq_close(self->mq);
}

TEST_F(posix, random)
{
	unsigned int random = from_env("KIPC_SEED", 0) ?: now_ns() % 1000000 + 1;
	unsigned int i, rounds = effort(20000), met[4] = { 0 };

	TH_LOG("seed %u", random);
	for (i = 0; i < rounds; i++) {
		char out[LONGEST + 1], in[2][LONGEST];
		unsigned int priority, size, got[2] = { 0, 0 };
		long theirs, ours;

		random = random * 1103515245 + 12345;
		priority = (random >> 16) % 4 ?: (random >> 20) % 32768;
		size = (random >> 20) % (LONGEST + 2);
		memset(in, POISON, sizeof(in));
		if (random & 1 << 15) {
			fill(out, size, i);
			theirs = mq_send(self->mq, out, size, priority) ? -errno : 0;
			ours = q_send(self->fd, out, size, 1, priority,
				      KIPC_FOREVER) ? -errno : 0;
		} else {
			struct kipc_message m = { .priority = 0 };

			theirs = mq_receive(self->mq, in[0], LONGEST, &got[0]);
			if (theirs < 0)
				theirs = -errno;
			ours = q_recv(self->fd, in[1], LONGEST, BY_PRIORITY, &m, 0,
				      KIPC_FOREVER);
			if (ours < 0)
				ours = -errno;
			else
				got[1] = m.priority;
		}
		ASSERT_TRUE(same(posix_differences, theirs, ours)) {
			TH_LOG("round %u: theirs %ld, ours %ld; priority %u, size %u",
			       i, theirs, ours, priority, size);
		}
		ASSERT_EQ(got[0], got[1]);
		ASSERT_EQ(0, memcmp(in[0], in[1], LONGEST));
		met[theirs == -EAGAIN ? 0 : theirs == -EMSGSIZE ? 1 : theirs < 0 ? 2 : 3]++;
	}
	EXPECT_GT(met[0], 0);
	EXPECT_GT(met[1], 0);
	EXPECT_EQ(0, met[2]);
	EXPECT_GT(met[3], 0);
}

/* There the buffer must hold the longest message; here, the one that comes. */
TEST_F(posix, buffer_difference)
{
	char data[LONGEST] = "abc";

	ASSERT_OK(mq_send(self->mq, data, 3, 0));
	ASSERT_OK(q_send(self->fd, data, 3, 1, 0, 0));
	EXPECT_ERR(EMSGSIZE, mq_receive(self->mq, data, LONGEST - 1, NULL));
	EXPECT_ERR(EMSGSIZE, q_recv(self->fd, data, 2, BY_PRIORITY, NULL, 0, 0));
	EXPECT_EQ(3, q_recv(self->fd, data, 3, BY_PRIORITY, NULL, 0, 0));
}

static unsigned int signals(int *value)
{
	struct timespec none = { 0 };
	unsigned int n = 0;
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	while (sigtimedwait(&set, &info, &none) > 0) {
		CHECK(info.si_code == SI_MESGQ && info.si_pid == getpid());
		*value = info.si_value.sival_int;
		n++;
	}
	return n;
}

/* What happens on both, one after the other, and how many signals come of it. */
enum event { REGISTER, SEND_ONE, TAKE_ONE, AWAITED, CANCEL };

static long do_posix(mqd_t mq, enum event event)
{
	struct sigevent sev = { .sigev_notify = SIGEV_SIGNAL,
				.sigev_signo = SIGRTMIN, .sigev_value.sival_int = 77 };
	char data[LONGEST];
	pid_t pid;

	switch (event) {
	case REGISTER:
		return mq_notify(mq, &sev);
	case SEND_ONE:
		return mq_send(mq, "x", 1, 0);
	case TAKE_ONE:
		return mq_receive(mq, data, LONGEST, NULL);
	case CANCEL:
		return mq_notify(mq, NULL);
	default:
		break;
	}
	pid = spawn();
	if (!pid) {
		struct mq_attr blocking = { 0 };

		CHECK(!mq_setattr(mq, &blocking, NULL));
		CHECK(mq_receive(mq, data, LONGEST, NULL) == 1);
		_exit(0);
	}
	wait_for(task_state(pid, pid) == 'S');
	CHECK(!mq_send(mq, "x", 1, 0));
	return reap(pid);
}

static long do_kipc(int fd, enum event event)
{
	char data[LONGEST];
	pid_t pid;

	switch (event) {
	case REGISTER:
		return q_notify(fd, KIPC_EVENT_NONEMPTY, KIPC_NOTIFY_ONCE, SIGRTMIN, 77);
	case SEND_ONE:
		return q_send(fd, "x", 1, 1, 0, 0);
	case TAKE_ONE:
		return q_recv(fd, data, LONGEST, BY_PRIORITY, NULL, 0, 0);
	case CANCEL:
		return q_notify(fd, 0, 0, 0, 0);
	default:
		break;
	}
	pid = spawn();
	if (!pid) {
		CHECK(!fcntl(fd, F_SETFL, 0));
		CHECK(q_recv(fd, data, LONGEST, BY_PRIORITY, NULL, 0,
			     KIPC_FOREVER) == 1);
		_exit(0);
	}
	q_wait_waiters(fd, 0, 1, pid);
	CHECK(!q_send(fd, "x", 1, 1, 0, 0));
	return reap(pid);
}

TEST_F(posix, notification)
{
	static const struct { enum event event; unsigned int signals; } events[] = {
		{ REGISTER, 0 }, { SEND_ONE, 1 }, { SEND_ONE, 0 }, { TAKE_ONE, 0 },
		{ TAKE_ONE, 0 }, { SEND_ONE, 0 }, { REGISTER, 0 }, { SEND_ONE, 0 },
		{ TAKE_ONE, 0 }, { TAKE_ONE, 0 }, { AWAITED, 0 }, { SEND_ONE, 1 },
		{ TAKE_ONE, 0 }, { REGISTER, 0 }, { CANCEL, 0 }, { SEND_ONE, 0 },
	};
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	ASSERT_OK(sigprocmask(SIG_BLOCK, &set, NULL));
	for (i = 0; i < ARRAY_SIZE(events); i++) {
		int value = 77;

		ASSERT_OK(do_posix(self->mq, events[i].event));
		EXPECT_EQ(events[i].signals, signals(&value)) {
			TH_LOG("theirs, event %zu", i);
		}
		ASSERT_OK(do_kipc(self->fd, events[i].event));
		EXPECT_EQ(events[i].signals, signals(&value)) {
			TH_LOG("ours, event %zu", i);
		}
		EXPECT_EQ(77, value);
	}
}

TEST_HARNESS_MAIN
