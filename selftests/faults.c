// SPDX-License-Identifier: GPL-2.0
/*
 * Failing allocations and copies: the device, objects, names, handles as files,
 * parameters and figures, and the library.  Letters are in mailfaults.c.
 */
#include "test.h"
#include "inject.h"

#include <kipc.h>
#include <sys/epoll.h>

#define LIMIT_FILE	"/sys/module/kipc/parameters/max_objects"
#define MEMORY		{ ENOMEM }
#define POINTER		{ EFAULT }
#define BOTH		{ ENOMEM, EFAULT }

FIXTURE(faults) {
	bool able;
};

FIXTURE_SETUP(faults)
{
	self->able = inject_begin();
}

FIXTURE_TEARDOWN(faults)
{
	if (self->able)
		inject_end();
}

/* A test for an operation, whose members are given. */
#define FAULTS(op, ...)							\
TEST_F(faults, op)							\
{									\
	static const struct fault_op this = {				\
		.name = #op, __VA_ARGS__				\
	};								\
									\
	if (!self->able)						\
		SKIP(return, NO_INJECTION);				\
	inject_run(&this);						\
}

static void close_new(struct scene *sc)
{
	CHECK(!close(sc->ret));
}

/* That it fails at all: else none of the rest would tell anything. */
TEST_F(faults, injection)
{
	int one, all;

	if (!self->able)
		SKIP(return, NO_INJECTION);
	inject_arm(1);
	one = open("/dev/null", O_RDONLY) < 0 ? errno : 0;
	EXPECT_EQ(0, inject_disarm());
	ASSERT_TRUE(inject_arm_all());
	all = open("/dev/null", O_RDONLY) < 0 ? errno : 0;
	inject_disarm_all();
	EXPECT_EQ(ENOMEM, one);
	EXPECT_EQ(ENOMEM, all);
	inject_arm(1000);
	EXPECT_OK(open("/dev/null", O_RDONLY | O_CLOEXEC));
	EXPECT_GT(inject_disarm(), 900);
}

/* The device. */

static long open_device(struct scene *sc)
{
	(void)sc;
	return open(DEVICE, O_RDWR | O_CLOEXEC);
}

FAULTS(device, .call = open_device, .done = close_new, .errnos = BOTH,
       .least = 4, .bare = true)

static const struct fault_op first_device = {
	.name = "first device of an IPC namespace",
	.call = open_device, .done = close_new, .errnos = BOTH, .least = 4,
	.bare = true,
};

TEST_F(faults, device_in_a_new_namespace)
{
	pid_t pid;

	if (!self->able)
		SKIP(return, NO_INJECTION);
	pid = spawn();
	if (!pid) {
		CHECK(!unshare(CLONE_NEWIPC));
		inject_run(&first_device);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
}

static long features(struct scene *sc)
{
	memset(sc->in, POISON, sizeof(struct kipc_features));
	return ioctl(sc->ctl, KIPC_IOC_FEATURES, sc->in);
}

static void features_done(struct scene *sc)
{
	struct kipc_features *f = (void *)sc->in;

	CHECK(f->abi_version == KIPC_ABI_VERSION);
	CHECK(f->letter_max == KIPC_LETTER_MAX);
}

FAULTS(features, .call = features, .done = features_done, .errnos = POINTER,
       .least = 1)

/* Creation.  @flags tells how. */

enum { NAMED = 0x100, ATTRIBUTES = 0x200 };

static const struct kipc_mailbox_attr attributes = { 7, 700, 70, 0 };

static long create(struct scene *sc)
{
	unsigned int flags = sc->op->flags;

	return k_create(sc->ctl, flags & NAMED ? sc->name : NULL,
			flags & ATTRIBUTES ? &attributes : NULL, 0640,
			ALL_RIGHTS, flags & 0xff);
}

/* What was created is all there, and goes again. */
static void created(struct scene *sc)
{
	unsigned int flags = sc->op->flags;
	struct kipc_info info;
	uint64_t number = 1;

	CHECK(!k_info(sc->ret, &info));
	CHECK(info.rights == ALL_RIGHTS && info.mode == 0640);
	CHECK(info.handles == 1 && !(info.flags & KIPC_INFO_REMOVED));
	CHECK(!(info.flags & KIPC_INFO_PERSISTENT) ==
	      !(flags & KIPC_PERSISTENT));
	CHECK(!strcmp(info.name, flags & NAMED ? sc->name : ""));
	CHECK(stat_of(sc->ret).attr.letter_size ==
	      (flags & ATTRIBUTES ? 70 : 65536));
	CHECK(!k_send(sc->ret, &number, 8, 0, 0));
	if (flags & KIPC_PERSISTENT)
		CHECK(!k_unlink(sc->ctl, sc->name));
	close(sc->ret);
	if (flags & NAMED)
		CHECK_ERR(ENOENT, k_open(sc->ctl, sc->name, SEND, 0));
}

static void mask_nothing(struct scene *sc)
{
	(void)sc;
	umask(0);
}

FAULTS(create, .set_up = mask_nothing, .call = create, .done = created,
       .errnos = BOTH, .least = 7)
FAULTS(create_with_attributes, .set_up = mask_nothing, .call = create,
       .done = created, .flags = ATTRIBUTES, .errnos = BOTH, .least = 8)
FAULTS(create_named, .set_up = mask_nothing, .call = create, .done = created,
       .flags = NAMED | KIPC_EXCL, .errnos = BOTH, .least = 10)
FAULTS(create_if_not_there, .set_up = mask_nothing, .call = create,
       .done = created, .flags = NAMED, .errnos = BOTH, .least = 11)
FAULTS(create_persistent, .set_up = mask_nothing, .call = create,
       .done = created,
       .flags = NAMED | ATTRIBUTES | KIPC_EXCL | KIPC_PERSISTENT,
       .errnos = BOTH, .least = 11)

/* The mailbox alone, so that its owner has an account for nothing else. */
static void control_alone(struct scene *sc)
{
	umask(0);
	sc->ctl = control();
}

static const struct fault_op create_first = {
	.name = "first of a user in a new namespace",
	.set_up = control_alone, .call = create, .done = created,
	.flags = NAMED | KIPC_EXCL, .errnos = BOTH, .least = 10, .bare = true,
};

TEST_F(faults, create_in_a_user_namespace)
{
	pid_t pid;

	if (!self->able)
		SKIP(return, NO_INJECTION);
	pid = spawn();
	if (!pid) {
		enter_userns(CLONE_NEWIPC, 12345, "0 12345 1", "0 12345 1");
		inject_run(&create_first);
		_exit(0);
	}
	EXPECT_EQ(0, reap(pid));
}

/* Names that are there, or not. */

static void name_other(struct scene *sc)
{
	sc->other = k_create(sc->ctl, sc->name, NULL, 0600, ALL_RIGHTS, 0);
	CHECK(sc->other >= 0);
}

static long open_named(struct scene *sc)
{
	return k_open(sc->ctl, sc->name, SEND, 0);
}

static void opened(struct scene *sc)
{
	struct kipc_info info;

	CHECK(!k_info(sc->ret, &info));
	CHECK(info.handles == 2 && !strcmp(info.name, sc->name));
	close(sc->ret);
}

static long unlink_named(struct scene *sc)
{
	return k_unlink(sc->ctl, sc->name);
}

static void unlinked(struct scene *sc)
{
	CHECK_ERR(ENOENT, k_open(sc->ctl, sc->name, SEND, 0));
	close(sc->other);
	name_other(sc);
}

FAULTS(create_what_is_there, .set_up = name_other, .call = create,
       .done = opened, .flags = NAMED, .errnos = BOTH, .least = 6)
FAULTS(create_anew_what_is_there, .set_up = name_other, .call = create,
       .flags = NAMED | KIPC_EXCL, .want = EEXIST, .errnos = BOTH, .least = 10)
FAULTS(open, .set_up = name_other, .call = open_named, .done = opened,
       .errnos = BOTH, .least = 6)
FAULTS(open_what_is_not_there, .call = open_named, .want = ENOENT,
       .errnos = BOTH, .least = 3)
FAULTS(unlink, .set_up = name_other, .call = unlink_named, .done = unlinked,
       .errnos = BOTH, .least = 3)
FAULTS(unlink_what_is_not_there, .call = unlink_named, .want = ENOENT,
       .errnos = BOTH, .least = 3)

/* Handles. */

static long info(struct scene *sc)
{
	return k_info(sc->fd, (void *)sc->in);
}

static void info_done(struct scene *sc)
{
	struct kipc_info *i = (void *)sc->in;

	CHECK(i->handles == 1 && i->rights == ALL_RIGHTS && !i->name_len);
}

static long narrow(struct scene *sc)
{
	return k_narrow(sc->fd, RECEIVE, KIPC_INHERIT);
}

static void narrowed(struct scene *sc)
{
	struct kipc_info i;

	CHECK(!k_info(sc->ret, &i));
	CHECK(i.handles == 2 && i.rights == RECEIVE);
	CHECK(!fcntl(sc->ret, F_GETFD));
	close(sc->ret);
}

static void other_with_letters(struct scene *sc)
{
	name_other(sc);
	CHECK(!k_send(sc->other, sc->out, 10, 0, 0));
	CHECK(!k_send(sc->other, sc->out, 10000, 0, 0));
}

static long remove_other(struct scene *sc)
{
	return k_remove(sc->other);
}

static void removed(struct scene *sc)
{
	CHECK_ERR(EIDRM, k_remove(sc->other));
	CHECK_ERR(ENOENT, k_open(sc->ctl, sc->name, SEND, 0));
	close(sc->other);
	other_with_letters(sc);
}

static long close_other(struct scene *sc)
{
	return close(sc->other);
}

static void closed(struct scene *sc)
{
	CHECK_ERR(ENOENT, k_open(sc->ctl, sc->name, SEND, 0));
	other_with_letters(sc);
}

FAULTS(info, .call = info, .done = info_done, .errnos = POINTER, .least = 1)
FAULTS(narrow, .call = narrow, .done = narrowed, .errnos = BOTH, .least = 4)
FAULTS(remove, .set_up = other_with_letters, .call = remove_other,
       .done = removed)
FAULTS(close_last, .set_up = other_with_letters, .call = close_other,
       .done = closed)

/* Handles as files. */

static long async_on(struct scene *sc)
{
	return fcntl(sc->fd, F_SETFL, O_RDWR | O_ASYNC);
}

static void async_off(struct scene *sc)
{
	CHECK(fcntl(sc->fd, F_GETFL) & O_ASYNC);
	CHECK(!fcntl(sc->fd, F_SETFL, O_RDWR));
}

FAULTS(fasync, .call = async_on, .done = async_off, .errnos = MEMORY,
       .least = 1)

static void empty_box(struct scene *sc)
{
	sc->other = box(1, 100, 100, 0);
}

/* More than poll(2) has room for on its stack, of both of its sorts. */
static long poll_many(struct scene *sc)
{
	struct pollfd p[64];
	int i;

	for (i = 0; i < 64; i++) {
		p[i].fd = sc->other;
		p[i].events = POLLIN;
	}
	return poll(p, 64, 1);
}

static void polled(struct scene *sc)
{
	CHECK(sc->ret == 0);
}

FAULTS(poll, .set_up = empty_box, .call = poll_many, .done = polled,
       .errnos = BOTH, .least = 4)

static void epoll_other(struct scene *sc)
{
	sc->other = epoll_create1(EPOLL_CLOEXEC);
	CHECK(sc->other >= 0);
}

static long epoll_add(struct scene *sc)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLET };

	return epoll_ctl(sc->other, EPOLL_CTL_ADD, sc->fd, &e);
}

static void epoll_added(struct scene *sc)
{
	struct epoll_event e;

	CHECK(epoll_wait(sc->other, &e, 1, 0) == 1);
	CHECK(e.events == (EPOLLIN | EPOLLOUT));
	CHECK(!epoll_ctl(sc->other, EPOLL_CTL_DEL, sc->fd, NULL));
}

FAULTS(epoll, .set_up = epoll_other, .call = epoll_add, .done = epoll_added,
       .errnos = BOTH, .least = 5)

static void proc_path(struct scene *sc, const char *dir, char path[64])
{
	snprintf(path, 64, "/proc/self/%s/%d", dir, sc->fd);
}

static long read_fdinfo(struct scene *sc)
{
	char path[64];

	proc_path(sc, "fdinfo", path);
	return read_whole(path, sc->in, 4096);
}

static void fdinfo_done(struct scene *sc)
{
	sc->in[sc->ret] = 0;
	CHECK(strstr((char *)sc->in, "\nkind:\tmailbox\n"));
	CHECK(strstr((char *)sc->in, "\nletters:\t3\n"));
}

static long reopen(struct scene *sc)
{
	char path[64];

	proc_path(sc, "fd", path);
	return open(path, O_RDWR | O_CLOEXEC);
}

static long look_at_link(struct scene *sc)
{
	char path[64];

	proc_path(sc, "fd", path);
	memset(sc->in, 0, 256);
	return readlink(path, (char *)sc->in, 256);
}

static void link_done(struct scene *sc)
{
	CHECK(!strncmp((char *)sc->in, "kipc:[mailbox:#", 15));
}

/* ENOENT is what procfs says if it cannot make an inode. */
FAULTS(fdinfo, .call = read_fdinfo, .done = fdinfo_done,
       .errnos = { ENOMEM, EFAULT, ENOENT }, .least = 5)
FAULTS(reopen, .call = reopen, .want = ENXIO,
       .errnos = { ENOMEM, EFAULT, ENOENT }, .least = 2)
FAULTS(link, .call = look_at_link, .done = link_done,
       .errnos = { ENOMEM, EFAULT, ENOENT }, .least = 3)

/* Parameters and figures. */

static void open_parameter(struct scene *sc)
{
	sc->other = open(LIMIT_FILE, O_RDWR | O_CLOEXEC);
	CHECK(sc->other >= 0);
}

static long write_parameter(struct scene *sc)
{
	return pwrite(sc->other, "12321\n", 6, 0);
}

static void parameter_written(struct scene *sc)
{
	CHECK(sc->ret == 6 && get_limit("max_objects") == 12321);
	CHECK(pwrite(sc->other, "16384\n", 6, 0) == 6);
}

static long read_parameter(struct scene *sc)
{
	return read_whole(LIMIT_FILE, sc->in, 100);
}

static void parameter_read(struct scene *sc)
{
	CHECK(sc->ret == 6 && !memcmp(sc->in, "16384\n", 6));
}

static long read_figure(struct scene *sc)
{
	return read_whole("/sys/class/misc/kipc/handles", sc->in, 100);
}

static void figure_read(struct scene *sc)
{
	CHECK(sc->ret == 2 && !memcmp(sc->in, "1\n", 2));
}

FAULTS(parameter_write, .set_up = open_parameter, .call = write_parameter,
       .done = parameter_written, .errnos = BOTH, .least = 2)
FAULTS(parameter_read, .call = read_parameter, .done = parameter_read,
       .errnos = BOTH, .least = 4)
FAULTS(figure_read, .call = read_figure, .done = figure_read, .errnos = BOTH,
       .least = 4)

/* The library, where it does more than an ioctl: it opens and closes. */

static long lib_features(struct scene *sc)
{
	memset(sc->in, POISON, sizeof(struct kipc_features));
	return kipc_features((void *)sc->in);
}

static long lib_create(struct scene *sc)
{
	return kipc_mailbox_create(sc->name, &attributes, 0640, ALL_RIGHTS,
				   KIPC_EXCL);
}

static long lib_open(struct scene *sc)
{
	return kipc_open(sc->name, KIPC_KIND_ANY, RECEIVE, 0);
}

static long lib_unlink(struct scene *sc)
{
	return kipc_unlink(sc->name);
}

FAULTS(lib_features, .call = lib_features, .done = features_done,
       .errnos = BOTH, .least = 4)
FAULTS(lib_create, .set_up = mask_nothing, .call = lib_create, .done = created,
       .flags = NAMED | ATTRIBUTES, .errnos = BOTH, .least = 12)
FAULTS(lib_open, .set_up = name_other, .call = lib_open, .done = opened,
       .errnos = BOTH, .least = 8)
FAULTS(lib_unlink, .set_up = name_other, .call = lib_unlink, .done = unlinked,
       .errnos = BOTH, .least = 6)

TEST_HARNESS_MAIN
