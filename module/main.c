// SPDX-License-Identifier: GPL-2.0
/*
 * kipc: init and exit.
 */
#include <linux/module.h>

#include "call.h"
#include "chardev.h"
#include "debug.h"
#include "event.h"
#include "netlink/netlink.h"
#include "object.h"
#include "registry.h"
#include "selftest.h"

static bool selftest;
module_param(selftest, bool, 0444);
MODULE_PARM_DESC(selftest, "test the mechanisms first, refuse to load if that fails");

static int __init kipc_init(void)
{
	int ret;

	if (selftest) {
		ret = kipc_selftest();
		if (ret)
			return ret;
	}
	ret = kipc_calls_setup();
	if (ret)
		return ret;
	ret = kipc_object_setup();
	if (ret)
		goto calls;
	ret = kipc_netlink_setup();
	if (ret)
		goto object;
	ret = kipc_chardev_setup();
	if (ret)
		goto netlink;
	kipc_debug_setup();
	return 0;

netlink:
	kipc_netlink_teardown();
	kipc_events_teardown();
object:
	kipc_object_teardown();
calls:
	kipc_calls_teardown();
	return ret;
}

static void __exit kipc_exit(void)
{
	kipc_chardev_teardown();
	kipc_netlink_teardown();
	kipc_registry_teardown();
	/* Some may still hold an object, and with it its path. */
	kipc_calls_teardown();
	kipc_object_teardown();
	kipc_events_teardown();
	kipc_debug_teardown();
}

module_init(kipc_init);
module_exit(kipc_exit);

MODULE_DESCRIPTION("Inter-process communication on file descriptors");
MODULE_AUTHOR("The kipc developers");
MODULE_LICENSE("GPL");
