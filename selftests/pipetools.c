// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that know nothing of kipc, as they are: cat, dd, tee, xargs, a shell, joined by
 * pipes of kipc, and by those of pipe(2), with the same outcome.  Those of busybox, and
 * if they lie in the directory "stock" beside this program, those of a distribution.
 */
#define OTHER_FIXTURE
#include "pairs.h"

enum { SIZE = 300001 };

FIXTURE(tools) {
	bool ours;
	char dir[128];		/* ours alone */
	char in[160], out[160];	/* files in it */
	char stock[256];	/* where programs are looked for first, or "" */
};

FIXTURE_VARIANT(tools) {
	bool ours, stock;
};

FIXTURE_VARIANT_ADD(tools, busybox_theirs) { false, false };
FIXTURE_VARIANT_ADD(tools, busybox_ours) { true, false };
FIXTURE_VARIANT_ADD(tools, stock_theirs) { false, true };
FIXTURE_VARIANT_ADD(tools, stock_ours) { true, true };

static void find_stock(FIXTURE_DATA(tools) *self)
{
	ssize_t n = readlink("/proc/self/exe", self->stock, sizeof(self->stock) - 8);
	char *slash;

	CHECK(n > 0);
	self->stock[n] = 0;
	slash = strrchr(self->stock, '/');
	strcpy(slash, "/stock");
}

FIXTURE_SETUP(tools)
{
	char *data = touched(SIZE), program[300];
	int fd;

	SKIP_THEIRS(variant->ours);
	self->ours = variant->ours;
	if (variant->stock) {
		find_stock(self);
		snprintf(program, sizeof(program), "%s/cat", self->stock);
		if (access(program, X_OK))
			SKIP_FROM_SETUP("no %s", program);
	}
	strcpy(self->dir, "/tmp/pipetools-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	snprintf(self->in, sizeof(self->in), "%s/in", self->dir);
	snprintf(self->out, sizeof(self->out), "%s/out", self->dir);
	stream_fill(data, SIZE, 0);
	fd = open(self->in, O_WRONLY | O_CREAT | O_EXCL, 0600);
	ASSERT_EQ(SIZE, write(fd, data, SIZE));
	close(fd);
	munmap(data, SIZE);
}

FIXTURE_TEARDOWN(tools)
{
	char path[200];

	unlink(self->in);
	unlink(self->out);
	snprintf(path, sizeof(path), "%s/copy", self->dir);
	unlink(path);
	rmdir(self->dir);
}

static struct ends joint(FIXTURE_DATA(tools) *self)
{
	return self->ours ? ends_of(0, 0) : their_ends();
}

/* The shell's words, with these as its standard input and output. */
static pid_t run_as(FIXTURE_DATA(tools) *self, const char *words, int in, int out)
{
	char path[400], shell[300] = "/bin/sh";

	return CHILD({
		signal(SIGPIPE, SIG_DFL);
		CHECK(dup2(in, 0) == 0);
		CHECK(dup2(out, 1) == 1);
		close_range(3, ~0U, 0);
		snprintf(path, sizeof(path), "%s:%s", self->stock, getenv("PATH"));
		if (self->stock[0]) {
			setenv("PATH", path, 1);
			snprintf(shell, sizeof(shell), "%s/dash", self->stock);
		}
		setenv("IN", self->in, 1);
		setenv("OUT", self->out, 1);
		setenv("DIR", self->dir, 1);
		execl(shell, "sh", "-c", words, NULL);
		_exit(127);
	});
}

/* Like PROGRAM | PROGRAM ...: the statuses of all, as wait4 in a shell has them. */
static void pipeline(FIXTURE_DATA(tools) *self, int n, const char *const *words,
		     int *status)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), in = null, i;
	pid_t pids[8];

	for (i = 0; i < n; i++) {
		struct ends e = { -1, null };

		if (i < n - 1)
			e = joint(self);
		pids[i] = run_as(self, words[i], in, e.out);
		if (in != null)
			close(in);
		if (e.out != null)
			close(e.out);
		in = e.in;
	}
	for (i = 0; i < n; i++)
		status[i] = reap(pids[i]);
	close(null);
}

#define PIPELINE(...) do {						\
	static const char *const words_[] = { __VA_ARGS__ };		\
	int status_[8], i_;						\
									\
	pipeline(self, ARRAY_SIZE(words_), words_, status_);		\
	for (i_ = 0; i_ < (int)ARRAY_SIZE(words_); i_++) {		\
		EXPECT_EQ(0, status_[i_]) {				\
			TH_LOG("%s", words_[i_]);			\
		}							\
	}								\
} while (0)

/* Is this file what was written into "in"? */
static bool same_as_in(const char *path)
{
	char *data = touched(SIZE + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool same;

	CHECK(fd >= 0);
	same = read(fd, data, SIZE + 1) == SIZE && stream_is(data, SIZE, 0);
	close(fd);
	munmap(data, SIZE + 1);
	return same;
}

static const char *content(const char *path)
{
	static char data[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	CHECK(fd >= 0);
	n = read(fd, data, sizeof(data) - 1);
	CHECK(n >= 0);
	data[n] = 0;
	close(fd);
	return data;
}

TEST_F(tools, cat)
{
	PIPELINE("cat $IN", "cat", "cat -", "cat >$OUT");
	EXPECT_TRUE(same_as_in(self->out));
}

TEST_F(tools, dd)
{
	PIPELINE("dd if=$IN bs=777 2>/dev/null",
		 "dd bs=1 count=1000 2>/dev/null && dd bs=5003 2>/dev/null",
		 "dd ibs=10007 obs=3001 2>/dev/null", "dd of=$OUT bs=65537 2>/dev/null");
	EXPECT_TRUE(same_as_in(self->out));
}

TEST_F(tools, dd_of_whole_blocks)
{
	struct stat st;

	PIPELINE("dd if=$IN bs=128 count=320 2>/dev/null",
		 "dd bs=4096 iflag=fullblock count=11 2>/dev/null",
		 "dd of=$OUT bs=7 2>/dev/null");
	ASSERT_OK(stat(self->out, &st));
	EXPECT_EQ(40960, st.st_size);
}

TEST_F(tools, tee)
{
	char copy[200];

	PIPELINE("cat $IN", "tee $DIR/copy", "tee /dev/null", "cat >$OUT");
	EXPECT_TRUE(same_as_in(self->out));
	snprintf(copy, sizeof(copy), "%s/copy", self->dir);
	EXPECT_TRUE(same_as_in(copy));
}

TEST_F(tools, xargs)
{
	PIPELINE("for i in 1 2 3 4 5 6 7; do echo $i; done", "xargs -n 3 echo",
		 "xargs -n 1 echo x", "cat >$OUT");
	EXPECT_STREQ("x 1\nx 2\nx 3\nx 4\nx 5\nx 6\nx 7\n", content(self->out));
}

TEST_F(tools, sort)
{
	PIPELINE("for i in 3 1 2; do echo $i; done", "sort", "sort -r", "cat >$OUT");
	EXPECT_STREQ("3\n2\n1\n", content(self->out));
}

/* How much of a script a shell reads at once is its own affair: it gets all of it. */
TEST_F(tools, script_from_the_pipe)
{
	PIPELINE("echo 'for i in 1 2 3; do'; echo 'echo got $i'; echo 'done; exit 0'",
		 "sh", "cat >$OUT");
	EXPECT_STREQ("got 1\ngot 2\ngot 3\n", content(self->out));
}

TEST_F(tools, loop_over_lines)
{
	PIPELINE("echo one two; echo three; printf four",
		 "while read -r line || [ -n \"$line\" ]; do echo \"[$line]\"; done",
		 "cat >$OUT");
	EXPECT_STREQ("[one two]\n[three]\n[four]\n", content(self->out));
}

/* By the names that every program understands. */
TEST_F(tools, standard_names)
{
	PIPELINE("cat $IN >/dev/stdout", "cat /dev/stdin", "cat </dev/stdin >/dev/stdout",
		 "dd if=/dev/fd/0 of=/dev/fd/1 2>/dev/null", "cat /proc/self/fd/0",
		 "cat >$OUT");
	EXPECT_TRUE(same_as_in(self->out));
}

/* Several in one place, that share an end. */
TEST_F(tools, shared_ends)
{
	PIPELINE("(cat $IN | dd bs=1000 count=300 iflag=fullblock 2>/dev/null); "
		 "dd if=$IN bs=1000 skip=300 2>/dev/null",
		 "(dd bs=1 count=999 2>/dev/null; cat)", "cat >$OUT");
	EXPECT_TRUE(same_as_in(self->out));
}

/* Who has enough goes, and the one before dies of SIGPIPE. */
TEST_F(tools, no_more_readers)
{
	static const char *const words[] = {
		"while :; do echo y; done", "head -n 2 >$OUT",
	};
	int status[2];

	pipeline(self, 2, words, status);
	EXPECT_EQ(128 + SIGPIPE, status[0]);
	EXPECT_EQ(0, status[1]);
	EXPECT_STREQ("y\ny\n", content(self->out));
}

/* And who does not care for the signal, of EPIPE. */
TEST_F(tools, no_more_readers_without_a_signal)
{
	static const char *const words[] = {
		"trap '' PIPE; while echo y 2>/dev/null; do :; done; echo done >$DIR/copy",
		"head -n 1 >$OUT",
	};
	int status[2];
	char copy[200];

	pipeline(self, 2, words, status);
	EXPECT_EQ(0, status[0]);
	EXPECT_EQ(0, status[1]);
	snprintf(copy, sizeof(copy), "%s/copy", self->dir);
	EXPECT_STREQ("done\n", content(copy));
}

TEST_HARNESS_MAIN
