// SPDX-License-Identifier: GPL-2.0
/* What test programs share of users, namespaces and kipc's figures: see util.h. */
#include "util.h"

#include <grp.h>

void become(uid_t uid, gid_t gid)
{
	CHECK(!setgroups(0, NULL));
	CHECK(!setresgid(gid, gid, gid));
	CHECK(!setresuid(uid, uid, uid));
	/* Such a change makes /proc/self root's and forgets the death signal. */
	prctl(PR_SET_DUMPABLE, 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

int try_write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

void write_file(const char *path, const char *text)
{
	if (try_write_file(path, text)) {
		fprintf(stderr, "# cannot write '%s' to %s\n", text, path);
		CHECK(!"write_file");
	}
}

void enter_userns(int flags, uid_t owner, const char *uids, const char *gids)
{
	pid_t me = getpid(), helper;
	char path[64], byte = 0;
	int go[2];

	CHECK(!pipe(go));
	helper = fork();
	CHECK(helper >= 0);
	if (!helper) {
		close(go[1]);
		if (read(go[0], &byte, 1) != 1)
			_exit(1);
		snprintf(path, sizeof(path), "/proc/%d/uid_map", me);
		write_file(path, uids);
		snprintf(path, sizeof(path), "/proc/%d/gid_map", me);
		write_file(path, gids);
		_exit(0);
	}
	close(go[0]);
	if (owner)
		become(owner, owner);
	CHECK(!unshare(CLONE_NEWUSER | flags));
	CHECK(write(go[1], &byte, 1) == 1);
	close(go[1]);
	CHECK(!reap(helper));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static uint64_t read_figure(const char *dir, const char *which)
{
	char path[128], text[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s%s", dir, which);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fprintf(stderr, "# cannot open %s\n", path);
	CHECK(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	CHECK(n > 0);
	text[n] = 0;
	return strtoull(text, NULL, 0);
}

uint64_t total(const char *which)
{
	return read_figure(SYS_TOTALS, which);
}

uint64_t get_limit(const char *which)
{
	return read_figure(SYS_LIMITS, which);
}

void set_limit(const char *which, uint64_t value)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), "%s%s", SYS_LIMITS, which);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	write_file(path, text);
}
