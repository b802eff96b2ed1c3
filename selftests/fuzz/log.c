// SPDX-License-Identifier: GPL-2.0
/*
 * A log that survives the kernel: each entry is a member of a tar archive, written
 * at once to a port of the virtual machine.  Later members of a name replace
 * earlier ones when it is unpacked.
 */
#include "fuzz.h"

#define BLOCK 512
/* What the port takes in one piece, so that members of two do not mix. */
#define MOST (32 * 1024)

static int log_fd = -1;

void log_open(const char *path)
{
	log_fd = open(path, O_WRONLY | O_CLOEXEC);
	if (log_fd < 0)
		perror(path);
}

static void octal(char *to, int digits, unsigned long value)
{
	while (digits--) {
		to[digits] = '0' + (value & 7);
		value >>= 3;
	}
}

void log_write(const char *name, const void *data, size_t size)
{
	static char member[MOST];
	unsigned int sum = 0;
	size_t whole;

	if (log_fd < 0)
		return;
	if (size > sizeof(member) - BLOCK)
		size = sizeof(member) - BLOCK;
	whole = BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK;
	memset(member, 0, BLOCK);
	memset(member + whole - BLOCK, 0, BLOCK);
	memcpy(member + BLOCK, data, size);
	snprintf(member, 100, "%s", name);
	octal(member + 100, 7, 0644);
	octal(member + 108, 7, 0);
	octal(member + 116, 7, 0);
	octal(member + 124, 11, size);
	octal(member + 136, 11, 0);
	memset(member + 148, ' ', 8);
	member[156] = '0';
	memcpy(member + 257, "ustar\00000", 8);
	for (unsigned int i = 0; i < BLOCK; i++)
		sum += (unsigned char)member[i];
	octal(member + 148, 6, sum);
	member[154] = 0;
	while (write(log_fd, member, whole) < 0 && errno == EINTR)
		;
}

/* Returns how many there was room for. */
unsigned int log_programs(const char *name, const struct program *p,
			  unsigned int count)
{
	static char text[MOST - BLOCK];
	size_t size = 0;
	unsigned int i;

	if (log_fd < 0)
		return count;
	for (i = 0; i < count && size + 8192 < sizeof(text); i++) {
		size += program_print(&p[i], text + size, 8191);
		text[size++] = '\n';
	}
	log_write(name, text, size);
	return i;
}
