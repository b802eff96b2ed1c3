// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Indirect letters: one that says where its data is, in a memfd that it carries.
 *
 * DOC: What is checked
 *
 * Who maps memory of another's has three things to fear: that it shrinks (SIGBUS), that it
 * changes between a check and the use, and that it is no memory at all.  Seals are the
 * answer to the first two, and only a file that can have them is memory; and what says
 * where the data is came in the letter, which nobody can change.  So all checks are made
 * on what will not be otherwise afterwards.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

#define KIPC_REGION_SEALS	(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define KIPC_REGION_MAGIC	0x6b69706372656731ULL	/* "kipcreg1" */

/* The data of such a letter. */
struct kipc_region_letter {
	uint64_t magic;
	uint64_t offset;
	uint64_t length;
};

static int kipc_region_fails(int error)
{
	errno = error;
	return -1;
}

/* Is all of it within the file, and can a mapping of it have a size? */
static int kipc_region_within(int memfd, uint64_t offset, uint64_t length)
{
	struct stat st;

	if (fstat(memfd, &st) < 0)
		return -1;
	if (!length || length > SIZE_MAX / 2 || offset > (uint64_t)st.st_size ||
	    length > (uint64_t)st.st_size - offset)
		return kipc_region_fails(ERANGE);
	return 0;
}

/* Does it have them all?  0, or -1 with errno EINVAL: it can have none; EPERM: not all. */
static int kipc_region_sealed(int memfd)
{
	int seals = fcntl(memfd, F_GET_SEALS);

	if (seals < 0)
		return -1;
	return (seals & KIPC_REGION_SEALS) == KIPC_REGION_SEALS ?
	       0 : kipc_region_fails(EPERM);
}

/**
 * kipc_mailbox_send_region() - send a letter whose data is in a memfd
 * @fd: as for kipc_mailbox_send_handles()
 * @memfd: of memfd_create() with MFD_ALLOW_SEALING
 * @offset: where the data begins
 * @length: bytes of it, 1 or more
 * @tag: goes along with the letter
 * @flags: KIPC_REGION_UNSEALED: leave it as it is
 * @deadline: as for kipc_mailbox_send()
 *
 * Seals @memfd first, so that nobody can write to it any more, nor make it shorter or
 * longer; a letter that fails leaves it sealed.
 *
 * Return: 0, or -1 with errno: EBUSY (it is mapped, and shared), EPERM (it cannot be
 * sealed), ERANGE (not within it), EINVAL (@flags, no memfd), and those of
 * kipc_mailbox_send_handles().
 */
int kipc_mailbox_send_region(int fd, int memfd, uint64_t offset, uint64_t length,
			     uint64_t tag, uint32_t flags, uint64_t deadline)
{
	struct kipc_region_letter letter = { KIPC_REGION_MAGIC, offset, length };
	struct kipc_descriptor item = { memfd, 0 };

	if (flags & ~KIPC_REGION_UNSEALED)
		return kipc_region_fails(EINVAL);
	if (fcntl(memfd, F_GET_SEALS) < 0)
		return -1;
	if (!(flags & KIPC_REGION_UNSEALED) && kipc_region_sealed(memfd) < 0 &&
	    fcntl(memfd, F_ADD_SEALS, KIPC_REGION_SEALS) < 0)
		return -1;
	if (kipc_region_within(memfd, offset, length) < 0)
		return -1;
	return kipc_mailbox_send_handles(fd, &letter, sizeof(letter), tag, &item, 1,
					 deadline);
}

/* Map what a letter says; the descriptor is the caller's. */
static int kipc_region_map(int memfd, const struct kipc_region_letter *letter,
			   uint32_t flags, struct kipc_region *region)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t before = letter->offset % page;
	/* What is sealed cannot be mapped as shared before Linux 6.7; it is the same. */
	int sharing = MAP_PRIVATE;
	void *map;

	if (kipc_region_sealed(memfd) < 0) {
		if (errno != EPERM || !(flags & KIPC_REGION_UNSEALED))
			return -1;
		sharing = MAP_SHARED;
	}
	if (kipc_region_within(memfd, letter->offset, letter->length) < 0)
		return -1;
	map = mmap(NULL, (size_t)(before + letter->length), PROT_READ, sharing, memfd,
		   (off_t)(letter->offset - before));
	if (map == MAP_FAILED)
		return -1;
	region->data = (const char *)map + before;
	region->size = (size_t)letter->length;
	return 0;
}

/**
 * kipc_mailbox_recv_region() - receive a letter whose data is in a memfd
 * @fd: a handle with KIPC_RIGHT_RECEIVE
 * @region: where the data is, mapped read-only; written on success
 * @letter: the letter's header, written when it was taken; or NULL
 * @flags: KIPC_REGION_UNSEALED: take what can still change, too
 * @deadline: as for kipc_mailbox_send()
 *
 * A letter that is no such letter stays where it is (EBADMSG), unless another receiver
 * comes between.  One that is, and cannot be mapped, is gone, as if it had been received.
 *
 * Return: 0, or -1 with errno: EBADMSG (it is another letter), EPERM (it is not sealed),
 * ERANGE (what it says is not within the memory), EINVAL (@flags; what it carries is no
 * memory), ENOMEM, and those of kipc_mailbox_recv_handles().
 */
int kipc_mailbox_recv_region(int fd, struct kipc_region *region,
			     struct kipc_letter *letter, uint32_t flags,
			     uint64_t deadline)
{
	struct kipc_region_letter said = { 0, 0, 0 };
	struct kipc_descriptor items[KIPC_HANDLES_MAX];
	size_t count = KIPC_HANDLES_MAX;
	struct kipc_letter header;
	int ret, error;

	if (flags & ~KIPC_REGION_UNSEALED)
		return kipc_region_fails(EINVAL);
	if (kipc_mailbox_recv_handles(fd, &said, sizeof(said), &header, items, &count,
				      KIPC_RECV_PEEK | KIPC_RECV_TRUNCATE, deadline) < 0)
		return -1;
	if (header.size != sizeof(said) || said.magic != KIPC_REGION_MAGIC || count != 1)
		return kipc_region_fails(EBADMSG);
	if (kipc_mailbox_recv_handles(fd, &said, sizeof(said), &header, items, &count, 0,
				      deadline) < 0)
		return errno == EMSGSIZE ? kipc_region_fails(EBADMSG) : -1;
	if (letter)
		*letter = header;
	if (header.size != sizeof(said) || said.magic != KIPC_REGION_MAGIC || count != 1) {
		while (count)
			close(items[--count].fd);
		return kipc_region_fails(EBADMSG);
	}
	ret = kipc_region_map(items[0].fd, &said, flags, region);
	error = errno;
	close(items[0].fd);
	errno = error;
	return ret;
}

/**
 * kipc_region_unmap() - the data of a letter is not needed any more
 * @region: of kipc_mailbox_recv_region()
 *
 * Return: 0, or -1 with errno EINVAL (it is not mapped).
 */
int kipc_region_unmap(struct kipc_region *region)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t before = (uintptr_t)region->data % page;
	int ret;

	if (!region->size)
		return kipc_region_fails(EINVAL);
	ret = munmap((char *)(uintptr_t)region->data - before, before + region->size);
	memset(region, 0, sizeof(*region));
	return ret;
}
