// SPDX-License-Identifier: LGPL-2.1-or-later
/* kipc doctor: what is wrong, and what to do about it. */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int problems;

static void fine(const char *what)
{
	printf("fine     %s\n", what);
}

static void wrong(const char *what, const char *remedy)
{
	printf("WRONG    %s\n         %s\n", what, remedy);
	problems++;
}

static bool module_is_there(void)
{
	if (!access("/sys/module/kipc", F_OK)) {
		fine("the module is loaded");
		return true;
	}
	wrong("the module is not loaded",
	      "sudo modprobe kipc, or insmod kipc.ko; 'dmesg' says why if that fails");
	return false;
}

static bool device_is_there(void)
{
	struct stat status;

	if (stat("/dev/kipc", &status)) {
		wrong("/dev/kipc is not there",
		      "mount devtmpfs on /dev, or: mknod /dev/kipc c 10 $(grep -w kipc /proc/misc)");
		return false;
	}
	if (!S_ISCHR(status.st_mode)) {
		wrong("/dev/kipc is no device", "remove it, and load the module anew");
		return false;
	}
	fine("/dev/kipc is there");
	if (access("/dev/kipc", R_OK)) {
		wrong("you may not open /dev/kipc",
		      "sudo chmod 666 /dev/kipc, or load the module with mode=0666");
		return false;
	}
	fine("you may open it");
	return true;
}

static void versions(void)
{
	struct kipc_features features;
	char text[128];

	if (kipc_features(&features)) {
		snprintf(text, sizeof(text), "/dev/kipc does not answer: %s",
			 strerror(errno));
		wrong(text, "reload the module; is it kipc's?");
		return;
	}
	snprintf(text, sizeof(text), "the module speaks version %u, this command %u",
		 features.abi_version, KIPC_ABI_VERSION);
	if (features.abi_version == KIPC_ABI_VERSION)
		fine(text);
	else
		wrong(text, "build the module and the library from the same source");
}

/* Makes what people make. */
static void objects(void)
{
	char text[128];
	int fd = kipc_mailbox_create(NULL, NULL, 0600, KIPC_MAILBOX_RIGHTS, 0);

	if (fd < 0) {
		snprintf(text, sizeof(text), "a mailbox cannot be made: %s",
			 strerror(errno));
		wrong(text, errno == EDQUOT ?
		      "your quota is used up: see 'kipc limits' and 'kipc ls --user'" :
		      "see kipc_mailbox_create(3)");
		return;
	}
	if (kipc_mailbox_send(fd, "x", 1, 0, KIPC_NO_WAIT))
		wrong("a letter cannot be sent", "see 'kipc limits'");
	else
		fine("a mailbox can be made and used");
	close(fd);
}

static void netlink(void)
{
	nl_open();
	fine("the kernel tells about its objects");
}

int cmd_doctor(int argc, char **argv)
{
	if (wants_help(argc, argv)) {
		printf("kipc doctor\n\n"
		       "Looks whether kipc can be used here; and if not, says what to do.\n");
		return EXIT_FINE;
	}
	if (argc > 1)
		bad_usage("'%s': what is that?", argv[1]);
	if (module_is_there() && device_is_there()) {
		versions();
		objects();
		netlink();
	}
	return problems ? EXIT_NO_KIPC : EXIT_FINE;
}
