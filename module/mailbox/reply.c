// SPDX-License-Identifier: GPL-2.0
/*
 * Replies to calls through a mailbox: giving them, and collecting them.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/pid.h>
#include <linux/sched/stat.h>
#include <linux/uaccess.h>

#include "mailbox.h"

/**
 * kipc_mailbox_copy_reply - hand a reply out
 * @to: access_ok() was checked
 * @call: DONE, claimed by the caller
 *
 * Context: process context, may sleep; no lock is held.
 * Return: false if it would fault.
 */
bool kipc_mailbox_copy_reply(void __user *to, struct kipc_call *call)
{
	size_t size = call->result;

	return (size <= KIPC_COPY_LOCKED &&
		kipc_copy_out(to, kipc_call_reply(call), size)) ||
	       !copy_to_user(to, kipc_call_reply(call), size);
}

static int kipc_mailbox_answer(struct kipc_mailbox *mailbox,
			       const struct kipc_mailbox_reply *reply)
{
	struct kipc_buffer data = { .base = u64_to_user_ptr(reply->data) };
	int ret;

	if (reply->flags)
		return -EINVAL;
	if (reply->size > KIPC_LETTER_MAX)
		return -EMSGSIZE;
	if (!access_ok(data.base, reply->size))
		return -EFAULT;
	ret = kipc_call_answer(READ_ONCE(mailbox->calls), reply->token, &data,
			       reply->size, reply->tag);
	return kipc_mailbox_missing(mailbox, ret);
}

/**
 * kipc_mailbox_reply_first - reply before something is received: KIPC_RECV_REPLY
 * @mailbox: the mailbox
 * @user: the reply, or none if its token is 0; is 0 when it was given
 *
 * Context: process context, may sleep.
 * Return: 0, or what struct kipc_mailbox_reply says, -ERESTARTSYS for EINTR.
 */
int kipc_mailbox_reply_first(struct kipc_mailbox *mailbox,
			     struct kipc_mailbox_reply __user *user)
{
	struct kipc_mailbox_reply reply;
	int ret;

	ret = kipc_arg_in(&reply, sizeof(reply),
			  KIPC_LEAST(struct kipc_mailbox_reply, flags), user,
			  sizeof(reply));
	if (ret || !reply.token)
		return ret;
	/* That it cannot be written shall show before anything has happened. */
	if (put_user(reply.token, &user->token))
		return -EFAULT;
	ret = kipc_mailbox_answer(mailbox, &reply);
	if (ret < 0)
		return ret;
	if (put_user(0, &user->token))
		return -EFAULT;
	/*
	 * Who was woken mostly has the next request.  Who lets it run before it looks
	 * for that need not sleep, nor be woken.
	 */
	if (!single_task_running())
		schedule();
	return 0;
}

/**
 * kipc_mailbox_ioctl_reply - KIPC_IOC_MAILBOX_REPLY
 * @file: the handle
 * @arg: struct kipc_mailbox_reply
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: 0, 1, or what struct kipc_mailbox_reply says, -ERESTARTSYS for EINTR.
 */
long kipc_mailbox_ioctl_reply(struct file *file, void __user *arg, size_t size)
{
	struct kipc_mailbox *mailbox = kipc_mailbox_of_file(file);
	struct kipc_mailbox_reply reply;
	int ret;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	ret = kipc_arg_in(&reply, sizeof(reply),
			  KIPC_LEAST(struct kipc_mailbox_reply, flags), arg, size);
	return ret ?: kipc_mailbox_answer(mailbox, &reply);
}

/* The header of a reply, as the caller's namespaces see it. */
static void kipc_mailbox_reply_header(const struct kipc_call *call,
				      struct kipc_letter *letter)
{
	struct user_namespace *ns = current_user_ns();

	*letter = (struct kipc_letter) {
		.time_ns = call->time,
		.tag = call->tag,
		.size = call->result,
		.pid = pid_vnr(call->process),
		.tid = pid_vnr(call->thread ?: call->process),
		.uid = from_kuid_munged(ns, call->uid),
		.gid = from_kgid_munged(ns, call->gid),
	};
}

/* Hand a call that is done to its caller, who claims it: 0, or why it could not. */
static int kipc_mailbox_hand_out(struct kipc_call *call,
				 const struct kipc_mailbox_collect *collect,
				 struct kipc_mailbox_collect __user *user)
{
	struct kipc_letter letter;

	if (put_user(call->token, &user->token))
		return -EFAULT;
	if (call->result < 0)
		return 0;
	if (call->result > collect->size)
		return -EMSGSIZE;
	kipc_mailbox_reply_header(call, &letter);
	if (!kipc_mailbox_copy_reply(u64_to_user_ptr(collect->data), call) ||
	    copy_to_user(&user->letter, &letter, sizeof(letter)))
		return -EFAULT;
	return 0;
}

/**
 * kipc_mailbox_ioctl_collect - KIPC_IOC_MAILBOX_COLLECT
 * @file: the handle
 * @arg: struct kipc_mailbox_collect
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: bytes in the reply, or what struct kipc_mailbox_collect says,
 * -ERESTARTSYS for EINTR.
 */
long kipc_mailbox_ioctl_collect(struct file *file, void __user *arg,
				size_t size)
{
	struct kipc_mailbox *mailbox = kipc_mailbox_of_file(file);
	struct kipc_mailbox_collect __user *user = arg;
	struct kipc_mailbox_collect collect;
	struct kipc_collector claim;
	struct kipc_call *call;
	int ret, result;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	ret = kipc_arg_in(&collect, sizeof(collect),
			  KIPC_LEAST(struct kipc_mailbox_collect, letter), arg,
			  size);
	if (ret)
		return ret;
	if (collect.flags)
		return -EINVAL;
	if (!access_ok(u64_to_user_ptr(collect.data), collect.size))
		return -EFAULT;
	call = kipc_call_claim(READ_ONCE(mailbox->calls),
			       kipc_party_of_file(file), collect.token, &claim,
			       kipc_handle_deadline(file, collect.deadline));
	if (IS_ERR(call))
		return kipc_mailbox_missing(mailbox, PTR_ERR(call));
	ret = kipc_mailbox_hand_out(call, &collect, user);
	if (ret) {
		kipc_call_unclaim(call);
		return ret;
	}
	result = call->result;
	kipc_call_collected(call);
	return result;
}
