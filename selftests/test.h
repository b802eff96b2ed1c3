/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's kselftest harness, with a time limit that suits emulation. */
#ifndef KIPC_SELFTEST_TEST_H
#define KIPC_SELFTEST_TEST_H

#include "util.h"
#include <kselftest_harness.h>

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 60

#endif /* KIPC_SELFTEST_TEST_H */
