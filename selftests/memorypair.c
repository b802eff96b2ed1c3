// SPDX-License-Identifier: GPL-2.0
/* Shared memory: the same scenarios with memory of kipc, of System V and of POSIX. */
#include "test.h"
#include "kmemory.h"

#include <sys/ipc.h>
#include <sys/shm.h>

#define SIZE	(PAGES * PAGE)

/* Memory of three sorts, by what can be done with each. */
struct sort {
	int (*make)(const char *name, size_t size);	/* a descriptor, or an id */
	int (*find)(const char *name, bool writes);
	char *(*attach)(int id, size_t size, bool writes);
	int (*detach)(char *map, size_t size);
	int (*remove)(const char *name, int id);
	long (*attached)(int id);			/* -1: it does not tell */
};

static int k_make(const char *name, size_t size)
{
	int memfd = memfd_of(size);
	int fd = m_create(name, memfd, 0600, KIPC_MEMORY_RIGHTS,
			  KIPC_EXCL | KIPC_PERSISTENT);

	close(memfd);
	return fd;
}

static int k_find(const char *name, bool writes)
{
	return m_open(name, MAP | RECEIVE | (writes ? SEND : 0));
}

static char *fd_attach(int id, size_t size, bool writes)
{
	return mmap(NULL, size, PROT_READ | (writes ? PROT_WRITE : 0), MAP_SHARED,
		    id, 0);
}

static int fd_detach(char *map, size_t size)
{
	return munmap(map, size);
}

static int k_gone(const char *name, int id)
{
	int ctl = control(), ret, err;

	(void)id;
	ret = k_unlink(ctl, name);
	err = errno;
	close(ctl);
	errno = err;
	return ret;
}

static long k_attached(int id)
{
	return m_stat_of(id).attached;
}

/* A key of System V for a name: the name's numbers. */
static key_t key_of(const char *name)
{
	key_t key = 0x6b697063;

	while (*name)
		key = key * 31 + *name++;
	return key == IPC_PRIVATE ? 1 : key;
}

static int v_make(const char *name, size_t size)
{
	return shmget(key_of(name), size, IPC_CREAT | IPC_EXCL | 0600);
}

static int v_find(const char *name, bool writes)
{
	return shmget(key_of(name), 0, writes ? 0600 : 0400);
}

static char *v_attach(int id, size_t size, bool writes)
{
	(void)size;
	return shmat(id, NULL, writes ? 0 : SHM_RDONLY);
}

static int v_detach(char *map, size_t size)
{
	(void)size;
	return shmdt(map);
}

static int v_gone(const char *name, int id)
{
	(void)name;
	return shmctl(id, IPC_RMID, NULL);
}

static long v_attached(int id)
{
	struct shmid_ds ds;

	CHECK(!shmctl(id, IPC_STAT, &ds));
	return ds.shm_nattch;
}

static const char *slashed(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "/%s", name);
	return path;
}

static int p_make(const char *name, size_t size)
{
	int fd = shm_open(slashed(name), O_CREAT | O_EXCL | O_RDWR, 0600);

	CHECK(fd < 0 || !ftruncate(fd, size));
	return fd;
}

static int p_find(const char *name, bool writes)
{
	return shm_open(slashed(name), writes ? O_RDWR : O_RDONLY, 0);
}

static int p_gone(const char *name, int id)
{
	(void)id;
	return shm_unlink(slashed(name));
}

static long p_attached(int id)
{
	(void)id;
	return -1;
}

static const struct sort kipc = { k_make, k_find, fd_attach, fd_detach, k_gone,
				  k_attached };
static const struct sort sysv = { v_make, v_find, v_attach, v_detach, v_gone,
				  v_attached };
static const struct sort posix = { p_make, p_find, fd_attach, fd_detach, p_gone,
				   p_attached };

FIXTURE(same) {
	const struct sort *s;
	const char *name;
	int id;
	char *map;
};

FIXTURE_VARIANT(same) {
	const struct sort *s;
	bool closes;		/* an id is a descriptor */
};

FIXTURE_VARIANT_ADD(same, kipc) { &kipc, true };
FIXTURE_VARIANT_ADD(same, sysv) { &sysv, false };
FIXTURE_VARIANT_ADD(same, posix) { &posix, true };

FIXTURE_SETUP(same)
{
	self->s = variant->s;
	self->name = strdup(temp_name("same"));
	/* What the last run has left, if it was killed. */
	if (variant->s == &posix) {
		mkdir("/dev/shm", 01777);
		shm_unlink(slashed(self->name));
	}
	self->id = self->s->make(self->name, SIZE);
	ASSERT_OK(self->id);
	self->map = self->s->attach(self->id, SIZE, true);
	ASSERT_NE(MAP_FAILED, (void *)self->map);
}

FIXTURE_TEARDOWN(same)
{
	self->s->remove(self->name, self->id);
}

#define ATTACHED(n) do {						\
	long n_ = self->s->attached(self->id);				\
	EXPECT_TRUE(n_ == -1 || n_ == (n)) {				\
		TH_LOG("attached: %ld, not %d", n_, n);			\
	}								\
} while (0)

TEST_F(same, zeroed_and_shared)
{
	int other = self->s->find(self->name, true);
	char *map = self->s->attach(other, SIZE, true);
	size_t i;

	ASSERT_NE(MAP_FAILED, (void *)map);
	for (i = 0; i < SIZE; i++)
		ASSERT_EQ(0, map[i]);
	fill(self->map, SIZE, 1);
	EXPECT_TRUE(filled(map, SIZE, 1));
	ATTACHED(2);
	EXPECT_OK(self->s->detach(map, SIZE));
	ATTACHED(1);
}

TEST_F(same, the_name_is_there)
{
	EXPECT_ERR(EEXIST, self->s->make(self->name, SIZE));
	EXPECT_ERR(ENOENT, self->s->find("no-such-memory", true));
}

TEST_F(same, forked)
{
	pid_t pid = spawn();

	if (!pid) {
		CHECK(self->s->attached(self->id) != 1);
		fill(self->map, SIZE, 2);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_TRUE(filled(self->map, SIZE, 2));
	ATTACHED(1);
}

TEST_F(same, killed_while_attached)
{
	pid_t pid = spawn();

	if (!pid) {
		fill(self->map, SIZE, 3);
		raise(SIGKILL);
	}
	EXPECT_EQ(128 + SIGKILL, reap(pid));
	EXPECT_TRUE(filled(self->map, SIZE, 3));
	ATTACHED(1);
}

/* What is attached stays, whatever becomes of the name, and of the descriptor. */
TEST_F(same, removed_while_attached)
{
	fill(self->map, SIZE, 4);
	EXPECT_OK(self->s->remove(self->name, self->id));
	EXPECT_ERR(ENOENT, self->s->find(self->name, true));
	EXPECT_TRUE(filled(self->map, SIZE, 4));
	if (variant->closes)
		EXPECT_OK(close(self->id));
	fill(self->map, SIZE, 5);
	EXPECT_TRUE(filled(self->map, SIZE, 5));
	EXPECT_OK(self->s->detach(self->map, SIZE));
	/* The name is free. */
	self->id = self->s->make(self->name, SIZE);
	ASSERT_OK(self->id);
}

/* It stays without anybody, as long as it has its name. */
TEST_F(same, stays)
{
	char *map;

	fill(self->map, SIZE, 6);
	EXPECT_OK(self->s->detach(self->map, SIZE));
	if (variant->closes)
		EXPECT_OK(close(self->id));
	self->id = self->s->find(self->name, false);
	ASSERT_OK(self->id);
	map = self->s->attach(self->id, SIZE, false);
	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_TRUE(filled(map, SIZE, 6));
}

TEST_F(same, read_only)
{
	int other = self->s->find(self->name, false);
	char *map = self->s->attach(other, SIZE, false);

	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_EQ(0, touch(map, false));
	EXPECT_EQ(SIGSEGV, touch(map, true));
	EXPECT_ERR(EACCES, mprotect(map, SIZE, PROT_READ | PROT_WRITE));
	*self->map = 7;
	EXPECT_EQ(7, *map);
}

/* The owner is asked for by name; who has it attached goes on. */
TEST_F(same, permission)
{
	pid_t pid = spawn();

	if (!pid) {
		become(NOBODY, NOBODY);
		CHECK_ERR(EACCES, self->s->find(self->name, true));
		CHECK_ERR(EACCES, self->s->find(self->name, false));
		*self->map = 8;
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(8, *self->map);
}

TEST_F(same, split)
{
	EXPECT_OK(munmap(self->map + PAGE, PAGE));
	ATTACHED(2);
	EXPECT_EQ(0, touch(self->map, true));
	EXPECT_EQ(SIGSEGV, touch(self->map + PAGE, true));
	EXPECT_EQ(0, touch(self->map + 2 * PAGE, true));
	EXPECT_OK(munmap(self->map, PAGE));
	ATTACHED(1);
	EXPECT_OK(munmap(self->map, SIZE));
	ATTACHED(0);
}

TEST_F(same, moved)
{
	char *moved, *hint = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
				  -1, 0);

	fill(self->map, SIZE, 9);
	moved = mremap(self->map, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, hint);
	ASSERT_EQ(hint, moved);
	EXPECT_TRUE(filled(moved, SIZE, 9));
	ATTACHED(1);
	self->map = moved;
}

TEST_HARNESS_MAIN
