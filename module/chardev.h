/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KIPC_CHARDEV_H
#define KIPC_CHARDEV_H

int kipc_chardev_setup(void);
void kipc_chardev_teardown(void);

#endif /* KIPC_CHARDEV_H */
