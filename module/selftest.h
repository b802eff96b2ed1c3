/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KIPC_SELFTEST_H
#define KIPC_SELFTEST_H

#include <linux/printk.h>
#include <linux/types.h>

/* Whether it holds; if not, the kernel log says so. */
#define kipc_expect(condition)						\
({									\
	bool __holds = (condition);					\
									\
	if (!__holds)							\
		pr_err("selftest: %s:%d: %s\n", __func__,		\
		       __LINE__, #condition);				\
	__holds;							\
})

int kipc_selftest(void);

/* selftest_index.c */
bool kipc_selftest_index(void);

#endif /* KIPC_SELFTEST_H */
