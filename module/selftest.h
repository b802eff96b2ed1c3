/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KIPC_SELFTEST_H
#define KIPC_SELFTEST_H

int kipc_selftest(void);

#endif /* KIPC_SELFTEST_H */
