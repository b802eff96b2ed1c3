// SPDX-License-Identifier: GPL-2.0
/*
 * kipc_popen(): as popen(3), over a pipe of kipc.  Each scenario runs with both, with the
 * same outcome.
 */
#include "test.h"
#include "kpipe.h"

#include <kipc.h>
#include <sys/resource.h>
#include <sys/time.h>

FIXTURE(popen) {
	pid_t pid;		/* ours: of the command */
};

FIXTURE_VARIANT(popen) {
	bool ours;
};

FIXTURE_VARIANT_ADD(popen, theirs) { false };
FIXTURE_VARIANT_ADD(popen, ours) { true };

FIXTURE_SETUP(popen)
{
	SKIP_THEIRS(variant->ours);
	signal(SIGPIPE, SIG_IGN);
}

FIXTURE_TEARDOWN(popen)
{
}

#define OPEN(command, mode)						\
	(variant->ours ? kipc_popen(command, mode, &self->pid) : popen(command, mode))
#define CLOSE(f) \
	(variant->ours ? kipc_pclose(f, self->pid) : pclose(f))

TEST_F(popen, reads)
{
	FILE *f = OPEN("echo hello; echo to you", "r");
	char line[32];

	ASSERT_NE(NULL, f);
	EXPECT_EQ(variant->ours, is_ours(fileno(f)));
	ASSERT_NE(NULL, fgets(line, sizeof(line), f));
	EXPECT_STREQ("hello\n", line);
	ASSERT_NE(NULL, fgets(line, sizeof(line), f));
	EXPECT_STREQ("to you\n", line);
	EXPECT_EQ(NULL, fgets(line, sizeof(line), f));
	EXPECT_TRUE(feof(f));
	EXPECT_EQ(0, CLOSE(f));
}

TEST_F(popen, writes)
{
	FILE *f = OPEN("read -r a; read -r b; [ \"$a$b\" = onetwo ] && exit 5", "w");

	ASSERT_NE(NULL, f);
	EXPECT_EQ(variant->ours, is_ours(fileno(f)));
	EXPECT_EQ(8, fprintf(f, "one\ntwo\n"));
	EXPECT_EQ(5 << 8, CLOSE(f));
}

TEST_F(popen, status)
{
	static const struct { const char *command; int status; } commands[] = {
		{ "exit 0", 0 },
		{ "exit 3", 3 << 8 },
		{ "exit 255", 255 << 8 },
		{ "kill -9 $$", SIGKILL },
		{ "kill -15 $$", SIGTERM },
		{ "no_such_command 2>&-", 127 << 8 },
		{ "", 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		FILE *f = OPEN(commands[i].command, i % 2 ? "r" : "w");

		ASSERT_NE(NULL, f);
		EXPECT_EQ(commands[i].status, CLOSE(f)) {
			TH_LOG("%s", commands[i].command);
		}
	}
}

/* Much, both ways, through what the command does with it. */
TEST_F(popen, a_lot)
{
	unsigned int i, lines = effort(20000), number;
	char command[64], path[] = "/tmp/popen-XXXXXX";
	int fd = mkstemp(path);
	FILE *f;

	ASSERT_OK(fd);
	snprintf(command, sizeof(command), "cat >%s", path);
	f = OPEN(command, "w");
	ASSERT_NE(NULL, f);
	for (i = 0; i < lines; i++)
		ASSERT_GT(fprintf(f, "%u\n", i), 1);
	EXPECT_EQ(0, CLOSE(f));
	snprintf(command, sizeof(command), "cat %s", path);
	f = OPEN(command, "r");
	ASSERT_NE(NULL, f);
	for (i = 0; fscanf(f, "%u", &number) == 1; i++)
		ASSERT_EQ(i, number);
	EXPECT_EQ(lines, i);
	EXPECT_EQ(0, CLOSE(f));
	unlink(path);
}

TEST_F(popen, bad_mode)
{
	static const char *const modes[] = { "", "x", "rw", "r+", "R" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		errno = 0;
		EXPECT_EQ(NULL, OPEN("exit 0", modes[i])) {
			TH_LOG("mode '%s'", modes[i]);
		}
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_EQ(0, total("handles"));
}

/* A command that reads to the end must not have the writing end of another. */
TEST_F(popen, siblings)
{
	enum { MANY = 5 };
	FILE *f[MANY];
	pid_t pids[MANY];
	int i;

	for (i = 0; i < MANY; i++) {
		f[i] = OPEN("cat >/dev/null", "w");
		ASSERT_NE(NULL, f[i]);
		pids[i] = self->pid;
	}
	/* Each ends with its own stream, the first while the last runs. */
	for (i = 0; i < MANY; i++) {
		self->pid = pids[i];
		EXPECT_EQ(0, CLOSE(f[i]));
	}
}

/* Neither its own other end nor anything else of ours. */
TEST_F(popen, what_the_command_has)
{
	char target[64], want[64];
	FILE *f = OPEN("for fd in /proc/$$/fd/*; do readlink $fd; done", "r");
	unsigned int count = 0;
	struct kipc_info info;
	struct stat st;

	ASSERT_NE(NULL, f);
	ASSERT_OK(fstat(fileno(f), &st));
	if (variant->ours) {
		ASSERT_OK(kipc_info(fileno(f), &info));
		snprintf(want, sizeof(want), "kipc:[pipe:#%llu]\n", info.id);
	} else {
		snprintf(want, sizeof(want), "pipe:[%llu]\n",
			 (unsigned long long)st.st_ino);
	}
	while (fgets(target, sizeof(target), f))
		count += !strcmp(target, want);
	/* Once, as its standard output. */
	EXPECT_EQ(1, count);
	CLOSE(f);
}

TEST_F(popen, close_on_exec)
{
	FILE *f = OPEN("exit 0", "r");

	ASSERT_NE(NULL, f);
	/* popen(3) would want the mode "re" for it. */
	EXPECT_EQ(variant->ours ? FD_CLOEXEC : 0, fcntl(fileno(f), F_GETFD));
	EXPECT_EQ(0, CLOSE(f));
}

/* A parent without standard streams, one or all. */
TEST_F(popen, closed_streams)
{
	unsigned int closed;

	for (closed = 1; closed < 8; closed++) {
		pid_t pid = CHILD({
			FILE *f;
			char line[8];
			int fd;

			/* Also what /proc tells of, so that numbers are what they are. */
			for (fd = 0; fd < 3; fd++)
				if (closed & 1 << fd)
					close(fd);
			f = OPEN("echo hello", "r");
			if (!f || !fgets(line, sizeof(line), f) ||
			    strcmp(line, "hello\n") || CLOSE(f))
				_exit(2);
			f = OPEN("read -r word; [ \"$word\" = hello ]", "w");
			if (!f || fprintf(f, "hello\n") != 6 || CLOSE(f))
				_exit(3);
		});

		EXPECT_EQ(0, reap(pid)) {
			TH_LOG("closed: %u", closed);
		}
	}
}

TEST_F(popen, command_that_does_not_read)
{
	FILE *f;
	int i;

	ASSERT_OK(mkfifo("/tmp/popen-go", 0600));
	f = OPEN("exec 0<&-; echo >/tmp/popen-gone; read -r word </tmp/popen-go", "w");
	ASSERT_NE(NULL, f);
	wait_for(!access("/tmp/popen-gone", F_OK));
	setvbuf(f, NULL, _IONBF, 0);
	errno = 0;
	EXPECT_EQ(EOF, fputs("x", f));
	EXPECT_EQ(EPIPE, errno);
	i = open("/tmp/popen-go", O_WRONLY);
	EXPECT_EQ(3, write(i, "go\n", 3));
	close(i);
	EXPECT_EQ(0, CLOSE(f));
	unlink("/tmp/popen-go");
	unlink("/tmp/popen-gone");
}

/* Ours alone. */

static int ticks;

TEST(pclose_is_not_interrupted)
{
	struct itimerval each = { { 0, 5000 }, { 0, 5000 } };
	struct itimerval none = { { 0, 0 }, { 0, 0 } };
	pid_t pid;
	FILE *f;

	count_signals(SIGALRM, 0, &ticks);
	f = kipc_popen("read -r word; sleep 0.2; exit 4", "w", &pid);
	ASSERT_NE(NULL, f);
	ASSERT_OK(setitimer(ITIMER_REAL, &each, NULL));
	EXPECT_EQ(4 << 8, kipc_pclose(f, pid));
	ASSERT_OK(setitimer(ITIMER_REAL, &none, NULL));
	EXPECT_GT(ticks, 0);
}

TEST(pclose_of_nobody)
{
	pid_t pid;
	FILE *f = kipc_popen("exit 0", "r", &pid);

	ASSERT_NE(NULL, f);
	EXPECT_EQ(0, reap(pid));
	EXPECT_ERR(ECHILD, kipc_pclose(f, pid));
	EXPECT_EQ(0, total("handles"));
}

/* No descriptor, no pipe; no process, no stream: nothing is left behind. */
TEST(nothing_is_left)
{
	struct rlimit files, limit, processes = { 0, 0 };
	int lowest = dup(0), i;
	pid_t pid;

	close(lowest);
	ASSERT_OK(getrlimit(RLIMIT_NOFILE, &files));
	limit = files;
	for (i = 0; i < 3; i++) {
		limit.rlim_cur = lowest + i;
		ASSERT_OK(setrlimit(RLIMIT_NOFILE, &limit));
		EXPECT_EQ(NULL, kipc_popen("exit 0", "r", &pid));
		EXPECT_EQ(EMFILE, errno);
	}
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &files));
	EXPECT_EQ(lowest, dup(0));
	close(lowest);
	EXPECT_EQ(0, total("handles"));
	/* Root may always make one more. */
	pid = CHILD({
		pid_t child;

		become(1000, 1000);
		CHECK(!setrlimit(RLIMIT_NPROC, &processes));
		CHECK(!kipc_popen("exit 0", "r", &child));
		CHECK(errno == EAGAIN);
		CHECK(dup(0) == lowest);
		CHECK(!kipc_popen("exit 0", "w", &child));
		CHECK(errno == EAGAIN);
	});
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, total("handles"));
}

TEST_HARNESS_MAIN
