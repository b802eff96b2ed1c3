// SPDX-License-Identifier: LGPL-2.1-or-later
/* kipc create, rm, chmod, chown: what administrators do. */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* create */

struct wish {
	uint64_t items;
	uint64_t bytes;
	uint32_t size;
	uint32_t value;
	mode_t mode;
	uint32_t flags;
};

/* What is too much for the kernel's 32 bits must not become little. */
static uint32_t field(uint64_t n, const char *what)
{
	if (n > UINT32_MAX)
		bad_usage("there cannot be so many %s", what);
	return n;
}

static int create(uint32_t kind, const char *name, const struct wish *wish)
{
	struct kipc_mailbox_attr mailbox = KIPC_MAILBOX_ATTR_DEFAULT;
	struct kipc_queue_attr queue = KIPC_QUEUE_ATTR_DEFAULT;
	struct kipc_pipe_attr pipe = { 0 };
	struct kipc_sem_attr semaphores = { .initial = wish->value };
	uint32_t flags = KIPC_PERSISTENT | KIPC_EXCL | wish->flags;

	switch (kind) {
	case KIPC_KIND_MAILBOX:
		mailbox.max_letters = wish->items ?: mailbox.max_letters;
		mailbox.max_bytes = wish->bytes ?: mailbox.max_bytes;
		mailbox.letter_size = wish->size ?: mailbox.letter_size;
		return kipc_mailbox_create(name, &mailbox, wish->mode,
					   KIPC_RIGHT_MANAGE, flags);
	case KIPC_KIND_QUEUE:
		queue.max_messages = wish->items ?: queue.max_messages;
		queue.max_bytes = wish->bytes ?: queue.max_bytes;
		queue.message_size = wish->size ?: queue.message_size;
		return kipc_queue_create(name, &queue, wish->mode, KIPC_RIGHT_MANAGE,
					 flags);
	case KIPC_KIND_PIPE:
		pipe.capacity = field(wish->bytes, "bytes");
		return kipc_pipe_create(name, &pipe, wish->mode, KIPC_RIGHT_MANAGE,
					flags);
	case KIPC_KIND_MEMORY:
		if (!wish->bytes)
			bad_usage("how large?  Say --bytes");
		return kipc_memory_create(name, wish->bytes, wish->mode,
					  KIPC_RIGHT_MANAGE, flags);
	case KIPC_KIND_SEMAPHORES:
		semaphores.count = field(wish->items, "semaphores") ?: 1;
		return kipc_sem_create(name, &semaphores, wish->mode, KIPC_RIGHT_MANAGE,
				       flags);
	default:
		bad_usage("a %s lives with its process: it cannot be made here",
			  kind_name(kind));
	}
}

static void usage_of_create(void)
{
	printf("kipc create KIND NAME [OPTION]...\n\n"
	       "KIND: mailbox, queue, pipe, memory, semaphores.\n"
	       "It is persistent: it stays until 'kipc rm'.\n\n"
	       "  -m, --mode MODE    permission bits, less the umask (600)\n"
	       "  -i, --items N      most letters or messages; how many semaphores (1)\n"
	       "  -b, --bytes N      most bytes; a pipe's capacity; the memory's size\n"
	       "  -s, --size N       longest letter or message\n"
	       "  -v, --value N      what each semaphore has at first (0)\n"
	       "Numbers may end in K, M, G.\n");
}

int cmd_create(int argc, char **argv)
{
	static const struct option options[] = {
		{ "mode", required_argument, NULL, 'm' },
		{ "items", required_argument, NULL, 'i' },
		{ "bytes", required_argument, NULL, 'b' },
		{ "size", required_argument, NULL, 's' },
		{ "value", required_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct wish wish = { .mode = 0600 };
	int c;

	while ((c = getopt_long(argc, argv, "m:i:b:s:v:h", options, NULL)) != -1) {
		switch (c) {
		case 'm':
			wish.mode = mode_of(optarg);
			break;
		case 'i':
			wish.items = number_of(optarg, "number");
			break;
		case 'b':
			wish.bytes = number_of(optarg, "number of bytes");
			break;
		case 's':
			wish.size = number_up_to(optarg, "number of bytes", UINT32_MAX);
			break;
		case 'v':
			wish.value = number_up_to(optarg, "value", UINT32_MAX);
			break;
		case 'h':
			usage_of_create();
			return EXIT_FINE;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind + 2 != argc)
		bad_usage("give a kind and a name");
	if (create(kind_of(argv[optind]), argv[optind + 1], &wish) < 0) {
		if (errno == EEXIST)
			fail("%s: there is such an object already", argv[optind + 1]);
		if (errno == EDQUOT)
			fail("%s: your quota is used up: see 'kipc limits'",
			     argv[optind + 1]);
		fail_errno("%s", argv[optind + 1]);
	}
	return EXIT_FINE;
}

/* rm */

int cmd_rm(int argc, char **argv)
{
	static const struct option options[] = {
		{ "unlink", no_argument, NULL, 'u' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c, i, ret = EXIT_FINE;
	bool unlink_only = false;
	struct object object;

	while ((c = getopt_long(argc, argv, "uh", options, NULL)) != -1) {
		switch (c) {
		case 'u':
			unlink_only = true;
			break;
		case 'h':
			printf("kipc rm [--unlink] OBJECT...\n\n"
			       "Ends the objects: who waits for them, or uses them later, gets EIDRM.\n"
			       "With --unlink only their names go; who has them may go on.\n");
			return EXIT_FINE;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind == argc)
		bad_usage("which objects?");
	nl_open();
	for (i = optind; i < argc; i++) {
		if (!nl_object(argv[i], &object)) {
			fprintf(stderr, "kipc rm: %s: there is no such object\n", argv[i]);
			ret = EXIT_FAILED;
		} else if (unlink_only && !*object.name) {
			fprintf(stderr, "kipc rm: %s: it has no name\n", argv[i]);
			ret = EXIT_FAILED;
		} else if (unlink_only ? kipc_unlink(object.name) : nl_remove(object.id)) {
			fprintf(stderr, "kipc rm: %s: %s\n", argv[i],
				errno == EACCES ? "it is not yours" : strerror(errno));
			ret = EXIT_FAILED;
		}
	}
	return ret;
}

/* chmod, chown */

static int open_to_manage(const char *name)
{
	int fd = kipc_open(name, KIPC_KIND_ANY, KIPC_RIGHT_MANAGE, 0);

	if (fd < 0) {
		if (errno == EACCES)
			fail("%s: it is not yours", name);
		fail_errno("%s", name);
	}
	return fd;
}

int cmd_chmod(int argc, char **argv)
{
	mode_t mode;
	int i, fd;

	if (wants_help(argc, argv)) {
		printf("kipc chmod MODE NAME...\n\nMODE has three octal digits, as 640.\n"
		       "Handles that are open keep their rights.\n");
		return EXIT_FINE;
	}
	if (argc < 3)
		bad_usage("give a mode and names");
	mode = mode_of(argv[1]);
	for (i = 2; i < argc; i++) {
		fd = open_to_manage(argv[i]);
		if (fchmod(fd, mode))
			fail_errno("%s", argv[i]);
		close(fd);
	}
	return EXIT_FINE;
}

static uid_t uid_of(const char *name)
{
	const struct passwd *user = getpwnam(name);

	return user ? user->pw_uid : number_up_to(name, "user", UINT32_MAX - 1);
}

static gid_t gid_of(const char *name)
{
	const struct group *group = getgrnam(name);

	return group ? group->gr_gid : number_up_to(name, "group", UINT32_MAX - 1);
}

int cmd_chown(int argc, char **argv)
{
	uid_t uid = -1;
	gid_t gid = -1;
	char *colon;
	int i, fd;

	if (wants_help(argc, argv)) {
		printf("kipc chown OWNER[:GROUP] NAME...\nkipc chown :GROUP NAME...\n\n"
		       "The quota stays that of who made the object.\n");
		return EXIT_FINE;
	}
	if (argc < 3)
		bad_usage("give an owner and names");
	colon = strchr(argv[1], ':');
	if (colon) {
		*colon = 0;
		gid = gid_of(colon + 1);
	}
	if (*argv[1])
		uid = uid_of(argv[1]);
	for (i = 2; i < argc; i++) {
		fd = open_to_manage(argv[i]);
		if (fchown(fd, uid, gid))
			fail_errno("%s", argv[i]);
		close(fd);
	}
	return EXIT_FINE;
}
