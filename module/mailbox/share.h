/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: Fair share
 *
 * A mailbox may bound what one sending user occupies of it, so that who floods it
 * does not keep others out.  Then a letter needs two things: a part of its sender's
 * share, and room in the mailbox.  It takes the first before the second, and gives
 * both back when it leaves.
 *
 *	no share left:	in the line of its own user, in nobody else's way
 *	no room left:	in the mailbox's line of senders, its share taken
 *
 * Each line is served in the order in which they came; so those of one user never go
 * ahead of each other.  When there is share again, the first of its user's line takes
 * it and goes over to the end of the mailbox's line; it sleeps on meanwhile.  To the
 * invariants of mailbox.h this adds:
 *
 *   T: if a sender waits for its share, the letter of the first one of that user
 *      would exceed it
 *
 * kipc_share_settle() restores that, before the lines of the mailbox are looked at.
 *
 * The request of a call is a letter like any other, until a server has taken it.
 *
 * A user is known as long as it has letters there, or threads that want to send.
 * Mailboxes without such a bound have nothing of all this but a pointer, and those
 * with one do not take the quick paths.
 */
#ifndef KIPC_MAILBOX_SHARE_H
#define KIPC_MAILBOX_SHARE_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>
#include <linux/uidgid.h>

struct kipc_mailbox;
struct kipc_outgoing;
struct kipc_report;
struct kipc_sharer;
struct kipc_wake;

/**
 * struct kipc_share - the bound of a mailbox, and who is subject to it
 * @letters: that one user may have in the mailbox; set once
 * @bytes: likewise
 *
 * Protected by the mailbox's lock:
 * @users: those who have a share, by uid
 * @due: of these, in whose line somebody may go on
 * @blocked: of these, in whose line nobody can go on
 * @spare: memory for the next one, or NULL
 * @waits: sends that had to wait for their share
 * @freed: somebody could not have sent the longest letter, and can; pollers have not
 *	been told
 */
struct kipc_share {
	u64 letters;
	u64 bytes;

	struct rb_root users;
	struct list_head due;
	struct list_head blocked;
	struct kipc_sharer *spare;
	u64 waits;
	bool freed;
};

int kipc_share_init(struct kipc_mailbox *mailbox, u64 letters, u64 bytes);
void kipc_share_exit(struct kipc_mailbox *mailbox);
int kipc_share_await_room(struct kipc_mailbox *mailbox,
			  const struct kipc_outgoing *out,
			  struct kipc_wake *wake);
void kipc_share_return(struct kipc_mailbox *mailbox, kuid_t uid, size_t size);
bool kipc_share_allows(struct kipc_mailbox *mailbox, size_t size);
bool kipc_share_settle(struct kipc_mailbox *mailbox);
void kipc_share_report(const struct kipc_mailbox *mailbox,
		       struct kipc_report *report);

#endif /* KIPC_MAILBOX_SHARE_H */
