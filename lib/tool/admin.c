// SPDX-License-Identifier: LGPL-2.1-or-later
/* kipc create, rm, chmod, chown: what administrators do. */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* create */

/* What a wish may have. */
enum { ITEMS = 1, BYTES = 2, SIZE = 4, VALUE = 8 };

/* By KIPC_KIND_... */
static const unsigned int takes[] = {
	[KIPC_KIND_MAILBOX]	= ITEMS | BYTES | SIZE,
	[KIPC_KIND_QUEUE]	= ITEMS | BYTES | SIZE,
	[KIPC_KIND_PIPE]	= BYTES,
	[KIPC_KIND_MEMORY]	= BYTES,
	[KIPC_KIND_SEMAPHORES]	= ITEMS | VALUE,
};

struct wish {
	unsigned int given;
	uint64_t items;
	uint64_t bytes;
	uint32_t size;
	uint32_t value;
	mode_t mode;
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
	uint32_t flags = KIPC_PERSISTENT | KIPC_EXCL;

	switch (kind) {
	case KIPC_KIND_MAILBOX:
		if (wish->given & ITEMS)
			mailbox.max_letters = wish->items;
		if (wish->given & BYTES)
			mailbox.max_bytes = wish->bytes;
		if (wish->given & SIZE)
			mailbox.letter_size = wish->size;
		return kipc_mailbox_create(name, &mailbox, wish->mode,
					   KIPC_RIGHT_MANAGE, flags);
	case KIPC_KIND_QUEUE:
		if (wish->given & ITEMS)
			queue.max_messages = wish->items;
		if (wish->given & BYTES)
			queue.max_bytes = wish->bytes;
		if (wish->given & SIZE)
			queue.message_size = wish->size;
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
		semaphores.count = wish->given & ITEMS ?
				   field(wish->items, "semaphores") : 1;
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
	const char *name;
	uint32_t kind;
	int c;

	while ((c = getopt_long(argc, argv, "m:i:b:s:v:h", options, NULL)) != -1) {
		switch (c) {
		case 'm':
			wish.mode = mode_of(optarg);
			break;
		case 'i':
			wish.items = number_of(optarg, "number");
			wish.given |= ITEMS;
			break;
		case 'b':
			wish.bytes = number_of(optarg, "number of bytes");
			wish.given |= BYTES;
			break;
		case 's':
			wish.size = number_up_to(optarg, "number of bytes", UINT32_MAX);
			wish.given |= SIZE;
			break;
		case 'v':
			wish.value = number_up_to(optarg, "value", UINT32_MAX);
			wish.given |= VALUE;
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
	kind = kind_of(argv[optind]);
	name = argv[optind + 1];
	if (kind != KIPC_KIND_SERVICE && wish.given & ~takes[kind])
		bad_usage("%s: an option is for another kind", kind_name(kind));
	if (create(kind, name, &wish) < 0) {
		if (errno == EEXIST)
			fail("%s: there is such an object already", name);
		if (errno == EDQUOT)
			fail("%s: your quota is used up: see 'kipc limits'", name);
		if (errno == EINVAL)
			fail("'%s': the name or a number cannot be so: see kipc_%s_create(3)",
			     name, kind == KIPC_KIND_SEMAPHORES ? "sem" : kind_name(kind));
		fail_errno("%s", name);
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

struct change {
	mode_t mode;
	bool owner;	/* not @mode, but these: */
	uid_t uid;
	gid_t gid;
};

/* All that can be, whatever becomes of the others: as chmod(1) and chown(1) do. */
static int change_all(char **names, const struct change *change)
{
	const char *command = change->owner ? "chown" : "chmod", *why;
	int fd, failed, ret = EXIT_FINE;

	/* Else it is for all of them, and the reason may be another. */
	if (access("/dev/kipc", R_OK))
		fail_errno("%s", *names);
	for (; *names; names++) {
		fd = kipc_open(*names, KIPC_KIND_ANY, KIPC_RIGHT_MANAGE, 0);
		failed = fd < 0 || (change->owner ?
				    fchown(fd, change->uid, change->gid) :
				    fchmod(fd, change->mode));
		if (failed) {
			why = errno == ENOENT ? "there is no such object: see 'kipc ls'" :
			      fd < 0 && errno == EACCES ? "it is not yours" :
			      strerror(errno);
			fprintf(stderr, "kipc %s: %s: %s\n", command, *names, why);
			ret = EXIT_FAILED;
		}
		if (fd >= 0)
			close(fd);
	}
	return ret;
}

int cmd_chmod(int argc, char **argv)
{
	struct change change = { 0 };

	if (wants_help(argc, argv)) {
		printf("kipc chmod MODE NAME...\n\nMODE has three octal digits, as 640.\n"
		       "Handles that are open keep their rights.\n");
		return EXIT_FINE;
	}
	if (argc < 3)
		bad_usage("give a mode and names");
	change.mode = mode_of(argv[1]);
	return change_all(argv + 2, &change);
}

static gid_t gid_of(const char *name)
{
	const struct group *group = getgrnam(name);

	return group ? group->gr_gid : number_up_to(name, "group", UINT32_MAX - 1);
}

int cmd_chown(int argc, char **argv)
{
	struct change change = { .owner = true, .uid = -1, .gid = -1 };
	char *colon;

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
		change.gid = gid_of(colon + 1);
	}
	if (!colon || *argv[1])
		change.uid = uid_of(argv[1]);
	return change_all(argv + 2, &change);
}
