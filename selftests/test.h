/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's kselftest harness.  Its time limit is for one test; this one is
 * for debug kernels under emulation beside other load, and what hangs is ended
 * sooner by KIPC_TEST_TIMEOUT of selftests/run.
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

#endif /* KIPC_SELFTEST_TEST_H */
