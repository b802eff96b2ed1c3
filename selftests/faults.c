// SPDX-License-Identifier: GPL-2.0
/*
 * Failing allocations and copies: the device, objects, names, handles as files,
 * parameters and figures, and the library.  Letters are in mailfaults.c.
 */
#include "test.h"
#include "inject.h"
#include "kqueue.h"
#include "kservice.h"

#include <kipc.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#define LIMIT_FILE	"/sys/module/kipc/parameters/max_objects"

/* That it fails at all: else none of the rest would tell anything. */
TEST(injection)
{
	int one, all;

	if (!inject_begin())
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
	inject_end();
}

FIXTURE(faults) {
};

FIXTURE_VARIANT(faults) {
	struct fault_op op;
};

FIXTURE_SETUP(faults)
{
	if (!inject_begin())
		SKIP_FROM_SETUP(NO_INJECTION);
}

FIXTURE_TEARDOWN(faults)
{
	inject_end();
}

static void close_new(struct scene *sc)
{
	CHECK(!close(sc->ret));
}

/* The device. */

static long open_device(struct scene *sc)
{
	(void)sc;
	return open(DEVICE, O_RDWR | O_CLOEXEC);
}

FIXTURE_VARIANT_ADD(faults, device) {
	.op.call = open_device, .op.done = close_new,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 4, .op.bare = true,
};

static void new_ipc_namespace(void)
{
	CHECK(!unshare(CLONE_NEWIPC));
}

FIXTURE_VARIANT_ADD(faults, device_in_a_new_namespace) {
	.op.enter = new_ipc_namespace, .op.call = open_device,
	.op.done = close_new, .op.errnos = { ENOMEM, EFAULT }, .op.least = 4,
	.op.bare = true,
};

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

FIXTURE_VARIANT_ADD(faults, features) {
	.op.call = features, .op.done = features_done, .op.errnos = { EFAULT },
	.op.least = 1,
};

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

FIXTURE_VARIANT_ADD(faults, create) {
	.op.set_up = mask_nothing, .op.call = create, .op.done = created,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 7,
};

FIXTURE_VARIANT_ADD(faults, create_with_attributes) {
	.op.set_up = mask_nothing, .op.call = create, .op.done = created,
	.op.flags = ATTRIBUTES, .op.errnos = { ENOMEM, EFAULT }, .op.least = 8,
};

FIXTURE_VARIANT_ADD(faults, create_named) {
	.op.set_up = mask_nothing, .op.call = create, .op.done = created,
	.op.flags = NAMED | KIPC_EXCL, .op.errnos = { ENOMEM, EFAULT },
	.op.least = 10,
};

FIXTURE_VARIANT_ADD(faults, create_if_not_there) {
	.op.set_up = mask_nothing, .op.call = create, .op.done = created,
	.op.flags = NAMED, .op.errnos = { ENOMEM, EFAULT }, .op.least = 10,
};

FIXTURE_VARIANT_ADD(faults, create_persistent) {
	.op.set_up = mask_nothing, .op.call = create, .op.done = created,
	.op.flags = NAMED | ATTRIBUTES | KIPC_EXCL | KIPC_PERSISTENT,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 11,
};

/* The mailbox alone, so that its owner has an account for nothing else. */
static void control_alone(struct scene *sc)
{
	umask(0);
	sc->ctl = control();
}

static void new_user_namespace(void)
{
	enter_userns(CLONE_NEWIPC, 12345, "0 12345 1", "0 12345 1");
}

FIXTURE_VARIANT_ADD(faults, create_in_a_user_namespace) {
	.op.enter = new_user_namespace, .op.set_up = control_alone,
	.op.call = create, .op.done = created, .op.flags = NAMED | KIPC_EXCL,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 10, .op.bare = true,
};

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

FIXTURE_VARIANT_ADD(faults, create_what_is_there) {
	.op.set_up = name_other, .op.call = create, .op.done = opened,
	.op.flags = NAMED, .op.errnos = { ENOMEM, EFAULT }, .op.least = 6,
};

FIXTURE_VARIANT_ADD(faults, create_anew_what_is_there) {
	.op.set_up = name_other, .op.call = create,
	.op.flags = NAMED | KIPC_EXCL, .op.want = EEXIST,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 10,
};

FIXTURE_VARIANT_ADD(faults, open) {
	.op.set_up = name_other, .op.call = open_named, .op.done = opened,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 6,
};

FIXTURE_VARIANT_ADD(faults, open_what_is_not_there) {
	.op.call = open_named, .op.want = ENOENT,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 3,
};

FIXTURE_VARIANT_ADD(faults, unlink) {
	.op.set_up = name_other, .op.call = unlink_named, .op.done = unlinked,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 3,
};

FIXTURE_VARIANT_ADD(faults, unlink_what_is_not_there) {
	.op.call = unlink_named, .op.want = ENOENT,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 3,
};

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

FIXTURE_VARIANT_ADD(faults, info) {
	.op.call = info, .op.done = info_done, .op.errnos = { EFAULT },
	.op.least = 1,
};

FIXTURE_VARIANT_ADD(faults, narrow) {
	.op.call = narrow, .op.done = narrowed, .op.errnos = { ENOMEM, EFAULT },
	.op.least = 4,
};

FIXTURE_VARIANT_ADD(faults, remove) {
	.op.set_up = other_with_letters, .op.call = remove_other,
	.op.done = removed,
};

FIXTURE_VARIANT_ADD(faults, close_last) {
	.op.set_up = other_with_letters, .op.call = close_other,
	.op.done = closed,
};

/* Direct communication. */

static long publish(struct scene *sc)
{
	return k_publish(sc->fd);
}

static void was_published(struct scene *sc)
{
	int fd = k_open_pid(sc->ctl, getpid(), SEND, 0);

	CHECK(fd >= 0 && !close(fd));
	CHECK(!k_unpublish(sc->fd));
	CHECK_ERR(ENOENT, k_open_pid(sc->ctl, getpid(), SEND, 0));
}

static void publish_other(struct scene *sc)
{
	name_other(sc);
	CHECK(!k_publish(sc->other));
}

static void replaced(struct scene *sc)
{
	was_published(sc);
	CHECK(!k_publish(sc->other));
}

static void publish_own(struct scene *sc)
{
	CHECK(!k_publish(sc->fd));
}

static long unpublish(struct scene *sc)
{
	return k_unpublish(sc->fd);
}

static void unpublished(struct scene *sc)
{
	CHECK_ERR(ENOENT, k_open_pid(sc->ctl, getpid(), SEND, 0));
	publish_own(sc);
}

static long open_own(struct scene *sc)
{
	return k_open_pid(sc->ctl, getpid(), SEND, 0);
}

static void opened_own(struct scene *sc)
{
	struct kipc_info i;

	CHECK(!k_info(sc->ret, &i));
	CHECK(i.handles == 2 && i.rights == SEND);
	close(sc->ret);
}

FIXTURE_VARIANT_ADD(faults, publish) {
	.op.call = publish, .op.done = was_published, .op.errnos = { ENOMEM },
	.op.least = 1,
};

FIXTURE_VARIANT_ADD(faults, publish_another) {
	.op.set_up = publish_other, .op.call = publish, .op.done = replaced,
	.op.errnos = { ENOMEM }, .op.least = 1,
};

FIXTURE_VARIANT_ADD(faults, unpublish) {
	.op.set_up = publish_own, .op.call = unpublish, .op.done = unpublished,
};

FIXTURE_VARIANT_ADD(faults, open_pid) {
	.op.set_up = publish_own, .op.call = open_own, .op.done = opened_own,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 4,
};

#include "faults_files.h"

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

FIXTURE_VARIANT_ADD(faults, parameter_write) {
	.op.set_up = open_parameter, .op.call = write_parameter,
	.op.done = parameter_written, .op.errnos = { ENOMEM, EFAULT },
	.op.least = 2,
};

FIXTURE_VARIANT_ADD(faults, parameter_read) {
	.op.call = read_parameter, .op.done = parameter_read,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 4,
};

FIXTURE_VARIANT_ADD(faults, figure_read) {
	.op.call = read_figure, .op.done = figure_read,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 4,
};

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

static long lib_open_pid(struct scene *sc)
{
	(void)sc;
	return kipc_open_pid(getpid(), KIPC_KIND_ANY, SEND, 0);
}

static long lib_open_pidfd(struct scene *sc)
{
	return kipc_open_pidfd(sc->other, KIPC_KIND_ANY, SEND, 0);
}

/* Once before, for /proc says ENOENT if it has no memory to make a file. */
static void publish_and_open_pidfd(struct scene *sc)
{
	publish_own(sc);
	sc->other = syscall(SYS_pidfd_open, getpid(), 0);
	CHECK(sc->other >= 0);
	CHECK(!close(lib_open_pidfd(sc)));
}

FIXTURE_VARIANT_ADD(faults, lib_features) {
	.op.call = lib_features, .op.done = features_done,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 4,
};

FIXTURE_VARIANT_ADD(faults, lib_create) {
	.op.set_up = mask_nothing, .op.call = lib_create, .op.done = created,
	.op.flags = NAMED | ATTRIBUTES, .op.errnos = { ENOMEM, EFAULT },
	.op.least = 12,
};

FIXTURE_VARIANT_ADD(faults, lib_open) {
	.op.set_up = name_other, .op.call = lib_open, .op.done = opened,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 8,
};

FIXTURE_VARIANT_ADD(faults, lib_open_pid) {
	.op.set_up = publish_own, .op.call = lib_open_pid,
	.op.done = opened_own, .op.errnos = { ENOMEM, EFAULT }, .op.least = 7,
};

FIXTURE_VARIANT_ADD(faults, lib_open_pidfd) {
	.op.set_up = publish_and_open_pidfd, .op.call = lib_open_pidfd,
	.op.done = opened_own, .op.errnos = { ENOMEM, EFAULT }, .op.least = 20,
};

FIXTURE_VARIANT_ADD(faults, lib_unlink) {
	.op.set_up = name_other, .op.call = lib_unlink, .op.done = unlinked,
	.op.errnos = { ENOMEM, EFAULT }, .op.least = 6,
};

TEST_F_TIMEOUT(faults, each, 300)
{
	EXPECT_EQ(0, inject_run(&variant->op));
}

TEST_HARNESS_MAIN
