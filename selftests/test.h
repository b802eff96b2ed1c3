/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's kselftest harness.  Its time limit is for one test; this one is
 * for debug kernels under emulation beside other load.  Of a whole program it is
 * KIPC_TEST_TIMEOUT of selftests/run.
 */
#ifndef KIPC_SELFTEST_TEST_H
#define KIPC_SELFTEST_TEST_H

#include "util.h"
#include <kselftest_harness.h>

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 300

/*
 * SKIP() for a FIXTURE_SETUP: after a return the harness would go on to the test.
 * 255 is what it takes for a skip.
 */
#define SKIP_FROM_SETUP(...)	SKIP(_exit(255), __VA_ARGS__)

/*
 * In a FIXTURE_SETUP, of what runs on the kernel's own pipe as well, to show that it is
 * a test: slow kernels are there to see faults of the module.
 */
#define SKIP_THEIRS(ours) do {						\
	if (!(ours) && effort(100) < 100)				\
		SKIP_FROM_SETUP("the kernel's own pipe, on a slow kernel"); \
} while (0)

#endif /* KIPC_SELFTEST_TEST_H */
