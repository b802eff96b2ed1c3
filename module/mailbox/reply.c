// SPDX-License-Identifier: GPL-2.0
/*
 * Replies to calls through a mailbox: giving them, and collecting them.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
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

/**
 * kipc_mailbox_take_handles - install what a reply carries
 * @call: DONE, claimed by the caller, with a reply
 * @intake: of the caller, with room for all of it
 * @count: where the number goes
 *
 * Context: process context, may sleep; no lock is held.
 * Return: 0; -EFAULT, -EINTR, or what kipc_intake_prepare() and kipc_intake_install()
 * say: then none is there.
 */
int kipc_mailbox_take_handles(struct kipc_call *call, struct kipc_intake *intake,
			      u32 __user *count)
{
	u32 number = kipc_parcel_count(call->parcel);
	const struct kipc_buffer to = { .base = count };
	int ret = 0;

	while (number) {
		ret = kipc_intake_prepare(intake, call->parcel, count,
					  sizeof(*count));
		if (!ret)
			ret = kipc_intake_install(intake, call->parcel);
		if (ret != -EFAULT)
			break;
		kipc_intake_undo(intake);
		if (!kipc_intake_fault_in(intake) ||
		    !kipc_buffer_fault_in_writeable(&to, sizeof(*count)))
			break;
		ret = -EINTR;
		if (signal_pending(current))
			break;
	}
	if (!ret && put_user(number, count))
		ret = -EFAULT;
	if (ret)
		kipc_intake_undo(intake);
	return ret;
}

/* Reply; what the reply carries, or NULL, is taken over if this returns 0. */
static int kipc_mailbox_answer(struct kipc_mailbox *mailbox,
			       const struct kipc_mailbox_reply *reply,
			       struct kipc_parcel *parcel)
{
	struct kipc_answer answer = {
		.data.base = u64_to_user_ptr(reply->data),
		.size = reply->size,
		.tag = reply->tag,
		.parcel = parcel,
		.count = kipc_parcel_count(parcel),
	};
	int ret;

	if (reply->flags)
		return -EINVAL;
	if (reply->size > KIPC_LETTER_MAX)
		return -EMSGSIZE;
	if (!access_ok(answer.data.base, reply->size))
		return -EFAULT;
	ret = kipc_call_answer(READ_ONCE(mailbox->calls), reply->token, &answer);
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
	ret = kipc_mailbox_answer(mailbox, &reply, NULL);
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
	return ret ?: kipc_mailbox_answer(mailbox, &reply, NULL);
}

/**
 * kipc_mailbox_ioctl_reply_handles - KIPC_IOC_MAILBOX_REPLY_HANDLES
 * @file: the handle
 * @arg: struct kipc_mailbox_reply_handles
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: 0, 1, or what struct kipc_mailbox_reply_handles says, -ERESTARTSYS for EINTR.
 */
long kipc_mailbox_ioctl_reply_handles(struct file *file, void __user *arg,
				      size_t size)
{
	struct kipc_mailbox *mailbox = kipc_mailbox_of_file(file);
	struct kipc_mailbox_reply_handles reply;
	struct kipc_parcel *parcel;
	int ret;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	ret = kipc_arg_in(&reply, sizeof(reply),
			  KIPC_LEAST(struct kipc_mailbox_reply_handles, handles),
			  arg, size);
	if (ret)
		return ret;
	if (!(mailbox->attr.flags & KIPC_MAILBOX_HANDLES))
		return -EOPNOTSUPP;
	parcel = kipc_parcel_create(&mailbox->object, &reply.handles);
	if (IS_ERR(parcel))
		return PTR_ERR(parcel);
	ret = kipc_mailbox_answer(mailbox, &reply.reply, parcel);
	if (ret)
		kipc_parcel_free(parcel);
	return ret;
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

/**
 * struct kipc_gathering - where a reply that is collected goes
 * @collect: as the caller gave it
 * @user: the caller's
 * @intake: for what it carries; or NULL: such a reply is EBADMSG
 * @count: with @intake, where the number goes
 */
struct kipc_gathering {
	struct kipc_mailbox_collect collect;
	struct kipc_mailbox_collect __user *user;
	struct kipc_intake *intake;
	u32 __user *count;
};

/* Hand a call that is done to its caller, who claims it: 0, or why it could not. */
static int kipc_mailbox_hand_out(struct kipc_call *call,
				 const struct kipc_gathering *to)
{
	struct kipc_letter letter;
	int ret;

	if (put_user(call->token, &to->user->token))
		return -EFAULT;
	if (call->result < 0)
		return 0;
	if (unlikely(call->parcel && !to->intake))
		return -EBADMSG;
	if (call->result > to->collect.size ||
	    (unlikely(call->parcel) &&
	     kipc_parcel_count(call->parcel) > to->intake->wanted.count))
		return -EMSGSIZE;
	if (!kipc_mailbox_copy_reply(u64_to_user_ptr(to->collect.data), call))
		return -EFAULT;
	if (unlikely(to->intake)) {
		ret = kipc_mailbox_take_handles(call, to->intake, to->count);
		if (ret)
			return ret;
	}
	kipc_mailbox_reply_header(call, &letter);
	if (!copy_to_user(&to->user->letter, &letter, sizeof(letter)))
		return 0;
	if (to->intake)
		kipc_intake_undo(to->intake);
	return -EFAULT;
}

static long kipc_mailbox_collect(struct file *file,
				 const struct kipc_gathering *to)
{
	const struct kipc_mailbox_collect *collect = &to->collect;
	struct kipc_mailbox *mailbox = kipc_mailbox_of_file(file);
	struct kipc_collector claim;
	struct kipc_call *call;
	int ret, result;

	if (collect->flags)
		return -EINVAL;
	if (!access_ok(u64_to_user_ptr(collect->data), collect->size))
		return -EFAULT;
	call = kipc_call_claim(READ_ONCE(mailbox->calls),
			       kipc_party_of_file(file), collect->token, &claim,
			       kipc_handle_deadline(file, collect->deadline));
	if (IS_ERR(call))
		return kipc_mailbox_missing(mailbox, PTR_ERR(call));
	ret = kipc_mailbox_hand_out(call, to);
	if (ret) {
		kipc_call_unclaim(call);
		return ret;
	}
	result = call->result;
	kipc_call_collected(call);
	return result;
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
	struct kipc_gathering to = { .user = arg };
	int ret;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	ret = kipc_arg_in(&to.collect, sizeof(to.collect),
			  KIPC_LEAST(struct kipc_mailbox_collect, letter), arg,
			  size);
	return ret ?: kipc_mailbox_collect(file, &to);
}

/**
 * kipc_mailbox_ioctl_collect_handles - KIPC_IOC_MAILBOX_COLLECT_HANDLES
 * @file: the handle
 * @arg: struct kipc_mailbox_collect_handles
 * @size: of it
 *
 * Context: process context, may sleep.
 * Return: bytes in the reply, or what struct kipc_mailbox_collect_handles says,
 * -ERESTARTSYS for EINTR.
 */
long kipc_mailbox_ioctl_collect_handles(struct file *file, void __user *arg,
					size_t size)
{
	struct kipc_mailbox_collect_handles __user *user = arg;
	struct kipc_mailbox_collect_handles collect;
	struct kipc_intake intake;
	struct kipc_gathering to = {
		.user = &user->collect,
		.intake = &intake,
		.count = &user->handles.count,
	};
	int ret;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	ret = kipc_arg_in(&collect, sizeof(collect),
			  KIPC_LEAST(struct kipc_mailbox_collect_handles, handles),
			  arg, size);
	if (!ret)
		ret = kipc_intake_init(&intake, &collect.handles);
	to.collect = collect.collect;
	return ret ?: kipc_mailbox_collect(file, &to);
}
