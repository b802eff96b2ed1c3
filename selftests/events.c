// SPDX-License-Identifier: GPL-2.0
/*
 * What is told by signals.  Each cell of the table is tried in each way: exactly one
 * signal with exactly its fields to exactly that thread or process, or none; or the errno
 * that says that it cannot be.
 */
#include "event_table.h"
#include "pending.h"

#include <sys/signalfd.h>

#define ALL_EVENTS	6
#define VALUE		0x123456789abcdef0UL

/* Which events a side of a kind can be told of at all. */
static const unsigned int can_be[KINDS][SIDES] = {
	[MAILBOX] = { NONEMPTY | READABLE | PEER_GONE | CALL_WAITS,
		      WRITABLE | PEER_GONE, LIMIT },
	[QUEUE] = { NONEMPTY | READABLE | PEER_GONE, WRITABLE | PEER_GONE, LIMIT },
	[PIPE] = { NONEMPTY | READABLE | PEER_GONE, WRITABLE | PEER_GONE, LIMIT },
	[SERVICE] = { PEER_GONE | CALL_WAITS, PEER_GONE, LIMIT },
	[DOORBELL] = { NONEMPTY | READABLE | PEER_GONE, WRITABLE | PEER_GONE, 0 },
	[SEMAPHORE] = { NONEMPTY | READABLE | PEER_GONE, WRITABLE | PEER_GONE, LIMIT },
};

static unsigned int kind_events(enum kind kind)
{
	return can_be[kind][IN] | can_be[kind][OUT] | can_be[kind][MANAGER];
}

/* si_band of a code, by the kernel's table. */
static long band_of(int code)
{
	switch (code) {
	case POLL_IN:
		return POLLIN | POLLRDNORM;
	case POLL_OUT:
		return POLLOUT | POLLWRNORM | POLLWRBAND;
	case POLL_ERR:
		return POLLERR;
	case POLL_PRI:
		return POLLPRI | POLLRDBAND;
	default:
		return POLLHUP | POLLERR;
	}
}

/* Whether it is pending for this thread alone ("SigPnd"), or for the process ("ShdPnd"). */
static bool pends(const char *where, int sig)
{
	char text[4096], *p;
	int fd = open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	CHECK(n > 0);
	close(fd);
	text[n] = 0;
	p = strstr(text, where);
	CHECK(p);
	return strtoull(p + strlen(where) + 1, NULL, 16) & 1ULL << (sig - 1);
}

/* Each event alone, as a registration. */
static void try_notify(struct cell *c)
{
	struct __test_metadata *_metadata = c->_metadata;
	enum kind kind = c->s.kind;
	unsigned int bit, event;
	siginfo_t info;

	for (bit = 0; bit < ALL_EVENTS; bit++) {
		event = 1U << bit;
		if (!(kind_events(kind) & event)) {
			EXPECT_ERR(EINVAL, q_notify(c->fd, event, 0, SIG, VALUE));
			continue;
		}
		if (!(can_be[kind][c->side] & event)) {
			EXPECT_ERR(EPERM, q_notify(c->fd, event, 0, SIG, VALUE));
			continue;
		}
		ASSERT_OK(q_notify(c->fd, event, 0, SIG, VALUE));
		/* What is so already is not told. */
		ASSERT_EQ(0, next_signal(&info));
		stage_step(&c->s, c->row->cause);
		EXPECT_EQ(!!(c->want.events & event), pends("SigPnd:", SIG)) {
			TH_LOG("event %#x", event);
		}
		EXPECT_FALSE(pends("ShdPnd:", SIG));
		if (next_signal(&info)) {
			EXPECT_EQ(SIG, info.si_signo);
			EXPECT_EQ(SI_MESGQ, info.si_code);
			EXPECT_EQ(0, info.si_errno);
			EXPECT_EQ(getpid(), info.si_pid);
			EXPECT_EQ(getuid(), info.si_uid);
			EXPECT_EQ((void *)VALUE, info.si_value.sival_ptr);
			EXPECT_EQ(0, next_signal(&info));
		}
		/* The same again, on another stage. */
		cell_end(c);
		cell_begin(c, kind);
	}
}

TEST(notify)
{
	block_signals();
	each_cell(_metadata, try_notify);
}

/* All events that a side can have, at once and once: one signal, of all. */
static void try_once(struct cell *c)
{
	struct __test_metadata *_metadata = c->_metadata;
	siginfo_t info;

	if (!can_be[c->s.kind][c->side])
		return;
	ASSERT_OK(q_notify(c->fd, can_be[c->s.kind][c->side], KIPC_NOTIFY_ONCE, SIG,
			   VALUE));
	ASSERT_EQ(0, next_signal(&info));
	stage_step(&c->s, c->row->cause);
	EXPECT_EQ(c->want.events ? SIG : 0, next_signal(&info));
	EXPECT_EQ(0, next_signal(&info));
	/* So it is over, or it is not. */
	if (c->row->cause == REMOVE)
		EXPECT_ERR(EIDRM, q_notify(c->fd, 0, 0, 0, 0));
	else if (c->want.events)
		EXPECT_ERR(ENOENT, q_notify(c->fd, 0, 0, 0, 0));
	else
		EXPECT_OK(q_notify(c->fd, 0, 0, 0, 0));
}

TEST(notify_once)
{
	block_signals();
	each_cell(_metadata, try_once);
}

/* The same signals, read from a descriptor. */
static void try_signalfd(struct cell *c)
{
	struct __test_metadata *_metadata = c->_metadata;
	struct signalfd_siginfo info;
	sigset_t set;
	int fd;

	if (!can_be[c->s.kind][c->side])
		return;
	sigemptyset(&set);
	sigaddset(&set, SIG);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	ASSERT_OK(fd);
	ASSERT_OK(q_notify(c->fd, can_be[c->s.kind][c->side], 0, SIG, VALUE));
	EXPECT_EQ(0, poll_mask(fd, POLLIN));
	stage_step(&c->s, c->row->cause);
	EXPECT_EQ(c->want.events ? POLLIN : 0, poll_mask(fd, POLLIN));
	if (c->want.events) {
		ASSERT_EQ(sizeof(info), read(fd, &info, sizeof(info)));
		EXPECT_EQ(SIG, info.ssi_signo);
		EXPECT_EQ(SI_MESGQ, info.ssi_code);
		EXPECT_EQ(getpid(), info.ssi_pid);
		EXPECT_EQ(getuid(), info.ssi_uid);
		EXPECT_EQ(VALUE, info.ssi_ptr);
	}
	EXPECT_ERR(EAGAIN, read(fd, &info, sizeof(info)));
	close(fd);
}

TEST(notify_by_signalfd)
{
	block_signals();
	each_cell(_metadata, try_signalfd);
}

static void async(int fd, int sig, int type, pid_t id)
{
	struct f_owner_ex owner = { .type = type, .pid = id };

	CHECK(!fcntl(fd, F_SETOWN_EX, &owner));
	CHECK(!fcntl(fd, F_SETSIG, sig));
	CHECK(!fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC));
}

/* SIGIO without more: that there is something, once for each. */
static void try_sigio(struct cell *c)
{
	struct __test_metadata *_metadata = c->_metadata;
	siginfo_t info;

	async(c->fd, 0, F_OWNER_PID, getpid());
	ASSERT_EQ(0, next_signal(&info));
	stage_step(&c->s, c->row->cause);
	EXPECT_EQ(!!c->want.code, pends("ShdPnd:", SIGIO));
	EXPECT_EQ(c->want.code ? SIGIO : 0, next_signal(&info));
	if (c->want.code)
		EXPECT_EQ(SI_KERNEL, info.si_code);
	EXPECT_EQ(0, next_signal(&info));
}

TEST(sigio)
{
	block_signals();
	each_cell(_metadata, try_sigio);
}

/* With a signal of choice: which descriptor, and what of it. */
static void try_chosen(struct cell *c, int type, pid_t id, const char *where)
{
	struct __test_metadata *_metadata = c->_metadata;
	siginfo_t info;

	async(c->fd, SIG, type, id);
	ASSERT_EQ(0, next_signal(&info));
	stage_step(&c->s, c->row->cause);
	EXPECT_EQ(!!c->want.code, pends(where, SIG));
	EXPECT_EQ(c->want.code ? SIG : 0, next_signal(&info)) {
		TH_LOG("code %d", info.si_code);
	}
	if (c->want.code) {
		EXPECT_EQ(c->want.code, info.si_code);
		EXPECT_EQ(c->fd, info.si_fd);
		EXPECT_EQ(band_of(c->want.code), info.si_band);
		EXPECT_EQ(0, info.si_errno);
	}
	EXPECT_EQ(0, next_signal(&info)) { TH_LOG("code %d", info.si_code); }
}

static void try_process(struct cell *c)
{
	try_chosen(c, F_OWNER_PID, getpid(), "ShdPnd:");
}

static void try_thread(struct cell *c)
{
	try_chosen(c, F_OWNER_TID, gettid(), "SigPnd:");
}

static void try_group(struct cell *c)
{
	try_chosen(c, F_OWNER_PGRP, getpgrp(), "ShdPnd:");
}

TEST(chosen_for_the_process)
{
	block_signals();
	each_cell(_metadata, try_process);
}

TEST(chosen_for_a_thread)
{
	block_signals();
	each_cell(_metadata, try_thread);
}

TEST(chosen_for_a_group)
{
	block_signals();
	CHECK(!setpgid(0, 0));
	each_cell(_metadata, try_group);
}

TEST_HARNESS_MAIN
