// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a program, and holds the module to what its header promises.
 */
#include "fuzz.h"

#define CHILDREN_MAX	8
#define CHILDREN_TIME	8000	/* microseconds, after the last call */

union structure {
	struct kipc_features features;
	struct kipc_info info;
	struct kipc_mailbox_recv recv;
	struct kipc_mailbox_recv_handles recv_handles;
	struct kipc_queue_recv_handles queue_recv_handles;
	struct kipc_mailbox_call call;
	struct kipc_mailbox_collect collect;
	struct kipc_mailbox_call_handles call_handles;
	struct kipc_mailbox_collect_handles collect_handles;
	struct kipc_mailbox_send_batch send_batch;
	struct kipc_mailbox_recv_batch recv_batch;
	struct kipc_mailbox_stat stat;
	struct kipc_pipe_io pipe_io;
	struct kipc_pipe_stat pipe_stat;
	struct kipc_service_connect connect;
	struct kipc_service_collect service_collect;
	struct kipc_service_serve serve;
	struct kipc_service_stat service_stat;
	struct kipc_memory_bell bell;
	struct kipc_queue_stat queue_stat;
	struct kipc_sem_stat sem_stat;
	struct kipc_memory_stat memory_stat;
	unsigned char bytes[512];
};

static int slots[SLOTS];
static pid_t children[CHILDREN_MAX];
static unsigned int child_count;
static __thread bool is_part;		/* not the worker, but its help */
static int first_fd;			/* that is a program's */

static void *pointer(uint64_t value)
{
	if (value >> AREA_SHIFT >= AREAS)
		return (void *)(uintptr_t)value;
	return at(value >> AREA_SHIFT, value);
}

static uint64_t scalar(const struct arg *arg, uint64_t value)
{
	if (arg->type == POINTER)
		return (uintptr_t)pointer(value);
	/* Small ones are microseconds from now, the others as they are. */
	if (arg->type == DEADLINE && value && value < 1 << 24)
		return after_us(value);
	if (arg->type == SLOT && value < SLOTS)
		return slots[value];
	return value;
}

static void promise(bool kept, const struct op *op, const char *what,
		    uint64_t value)
{
	if (!kept)
		fault("%s: %s (%#llx)", op->name, what,
		      (unsigned long long)value);
}

/* All errors that the ABI knows, for any command. */
static bool known_error(int error)
{
	static const int known[] = {
		E2BIG, EACCES, EAGAIN, EALREADY, EBADF, EBADMSG, EBUSY,
		ECANCELED, ECONNREFUSED, EDEADLK, EDQUOT, EEXIST, EFAULT, EFBIG,
		EIDRM, EINTR, EINVAL, EISCONN, ELOOP, EMFILE, EMSGSIZE, ENAMETOOLONG,
		ENFILE, ENOENT, ENOMEM, ENOSPC, ENOTCONN, ENOTTY, ENXIO,
		EOPNOTSUPP, EPERM, EPIPE, EPROTOTYPE, ERANGE, ESHUTDOWN, ESRCH, ETIMEDOUT,
		EUSERS,
	};

	for (size_t i = 0; i < COUNT(known); i++) {
		if (known[i] == error)
			return true;
	}
	return false;
}

static void check_info(const struct op *op, const struct kipc_info *i)
{
	static const unsigned int rights[] = {
		[KIPC_KIND_MAILBOX] = KIPC_MAILBOX_RIGHTS,
		[KIPC_KIND_QUEUE] = KIPC_QUEUE_RIGHTS,
		[KIPC_KIND_PIPE] = KIPC_PIPE_RIGHTS,
		[KIPC_KIND_SERVICE] = KIPC_SERVICE_RIGHTS,
		[KIPC_KIND_MEMORY] = KIPC_MEMORY_RIGHTS,
		[KIPC_KIND_SEMAPHORES] = KIPC_SEM_RIGHTS,
	};
	bool known = i->kind < COUNT(rights) && rights[i->kind];

	promise(known, op, "kind", i->kind);
	promise(known && i->rights && !(i->rights & ~rights[i->kind]), op,
		"rights", i->rights);
	promise(!(i->flags & ~set_mask(SET_info_flags)), op, "flags", i->flags);
	promise(!(i->mode & ~0777), op, "mode", i->mode);
	promise(i->name_len <= KIPC_NAME_MAX, op, "name_len", i->name_len);
	promise(i->name_len > KIPC_NAME_MAX ||
		strnlen(i->name, sizeof(i->name)) == i->name_len, op,
		"the length of name is not name_len", i->name_len);
	promise(i->handles, op, "handles", i->handles);
}

static void check_stat(const struct op *op, const struct kipc_mailbox_stat *s)
{
	/* What is just being put there has not been sent yet, and is no peak. */
	promise(s->received + s->dropped <= s->sent, op,
		"more letters than were sent", s->sent);
	promise(s->received_bytes <= s->sent_bytes, op,
		"more bytes than were sent", s->sent_bytes);
	promise(!(s->attr.flags & ~set_mask(SET_attr_flags)), op, "attr.flags",
		s->attr.flags);
	promise(s->attr.letter_size && s->attr.letter_size <= KIPC_LETTER_MAX,
		op, "attr.letter_size", s->attr.letter_size);
}

static void check_queue_stat(const struct op *op, const struct kipc_queue_stat *s)
{
	promise(s->received <= s->sent, op, "received more than sent", s->received);
	promise(s->received_bytes <= s->sent_bytes, op,
		"received more bytes than sent", s->received_bytes);
	promise(!s->sent || s->send_time_ns, op, "send_time_ns", s->sent);
	promise(!s->received || s->recv_time_ns, op, "recv_time_ns", s->received);
	promise(s->change_time_ns, op, "change_time_ns", 0);
}

static void check_sem_stat(const struct op *op, const struct kipc_sem_stat *s)
{
	promise(s->attr.count && s->attr.count <= KIPC_SEM_MAX, op, "attr.count",
		s->attr.count);
	promise(s->attr.max && s->attr.max <= KIPC_SEM_VALUE_MAX, op, "attr.max",
		s->attr.max);
	promise(s->attr.initial <= s->attr.max, op, "attr.initial", s->attr.initial);
	promise(s->attr.overtakes, op, "attr.overtakes", 0);
	promise(!s->attr.flags && !s->attr.reserved, op, "attr.flags", s->attr.flags);
	promise(!s->operations || s->otime, op, "otime", s->operations);
	promise(s->ctime, op, "ctime", 0);
}

static void check_pipe_stat(const struct op *op, const struct kipc_pipe_stat *s)
{
	promise(s->read_bytes <= s->written_bytes, op,
		"more bytes read than were written", s->read_bytes);
	promise(s->bytes <= s->attr.capacity, op, "more bytes than the capacity",
		s->bytes);
	promise(s->attr.atomic_size && s->attr.atomic_size <= s->attr.capacity,
		op, "attr.atomic_size", s->attr.atomic_size);
	promise(s->attr.capacity <= KIPC_PIPE_MAX, op, "attr.capacity",
		s->attr.capacity);
	promise(!s->attr.flags && !s->attr.reserved, op, "attr.flags",
		s->attr.flags);
}

static void check_recv(const struct op *op, long ret,
		       const struct kipc_mailbox_recv *r)
{
	bool cut = r->letter.flags & KIPC_LETTER_TRUNCATED;

	promise(ret <= r->size, op, "more bytes than asked for", ret);
	promise(ret <= r->letter.size, op, "more bytes than the letter has",
		ret);
	promise(cut == (ret < r->letter.size), op, "KIPC_LETTER_TRUNCATED",
		r->letter.flags);
	promise(!cut || r->flags & KIPC_RECV_TRUNCATE, op, "truncated", ret);
	promise(!(r->letter.flags & ~set_mask(SET_letter_flags)), op,
		"letter.flags", r->letter.flags);
	promise(r->letter.seq, op, "letter.seq", 0);
}

static void check_served(const struct op *op, const struct kipc_service_serve *s)
{
	const struct kipc_served *call = &s->call;

	promise(!s->reply.token, op, "reply.token", s->reply.token);
	promise(call->token, op, "token", call->token);
	promise(!(call->flags & ~set_mask(SET_served_flags)), op, "flags",
		call->flags);
	promise(call->stack && !(call->stack & 4095), op, "stack", call->stack);
	promise(!call->reserved, op, "reserved", call->reserved);
}

static void check_service_stat(const struct op *op,
			       const struct kipc_service_stat *s)
{
	promise(s->bindings <= s->attr.bindings, op, "bindings", s->bindings);
	promise(s->attr.stacks && s->attr.stacks <= KIPC_STACKS_MAX, op,
		"attr.stacks", s->attr.stacks);
	promise(s->map_size == s->binding_size * s->attr.bindings, op, "map_size",
		s->map_size);
	promise(!(s->attr.flags & ~set_mask(SET_service_flags)), op, "attr.flags",
		s->attr.flags);
	promise(!s->reserved, op, "reserved", s->reserved);
}

static void check_memory_stat(const struct op *op, const struct kipc_memory_stat *s)
{
	promise(s->count <= KIPC_BELL_MAX, op, "count", s->count);
	promise(!s->count || !s->waiting, op, "rung, and somebody waits", s->waiting);
	promise(!(s->seals & ~0x3fU), op, "seals", s->seals);
	promise(!s->attached || s->attach_time_ns, op, "attached", s->attached);
	promise(s->change_time_ns, op, "change_time_ns", 0);
}

/*
 * What failures of a service write too: what a server has answered that refuses, which
 * call has failed, that a reply was given; a call that was withdrawn meanwhile.
 */
static void excuse_service(unsigned int which, int error, union structure *before,
			   const union structure *after)
{
	if (which == OP_service_connect && error == ECONNREFUSED)
		before->connect = after->connect;
	if (which == OP_service_collect && (error == EPIPE || error == EIDRM))
		before->service_collect = after->service_collect;
	if (which == OP_service_serve) {
		before->serve.call = after->serve.call;
		if (!after->serve.reply.token)
			before->serve.reply.token = 0;
	}
}

/* What a failure writes too: by which the call can be collected, or which it was. */
static __u64 *token_of(unsigned int which, int error, union structure *s)
{
	bool kept = error == EINTR || error == EFAULT || error == EMFILE || error == ENOMEM;

	if ((which == OP_call || which == OP_call_handles) && kept)
		return &s->call.token;
	if ((which == OP_collect || which == OP_collect_handles) && !s->collect.token &&
	    (kept || error == EPIPE || error == EIDRM || error == ECANCELED ||
	     error == EMSGSIZE || error == EBADMSG))
		return &s->collect.token;
	return NULL;
}

static void check_call(const struct op *op, long ret,
		       const struct kipc_mailbox_call *c)
{
	bool submit = c->flags & KIPC_CALL_SUBMIT;

	promise(submit ? !ret : ret <= c->reply_size, op, "bytes", ret);
	promise(submit == !!c->token, op, "token", c->token);
}

/* What was where nobody else writes, with the structure's own size. */
static void check_ioctl(unsigned int which, long ret, int error,
			union structure *before,
			const union structure *after)
{
	const struct op *op = &ops[which];

	if (ret < 0) {
		__u64 *token = token_of(which, error, before);

		if (token)
			*token = token == &before->call.token ? after->call.token :
								after->collect.token;
		excuse_service(which, error, before, after);
		promise(known_error(error), op, "errno", error);
		promise(!memcmp(before, after, op->size), op,
			"failed, and has written", error);
		return;
	}
	if (which == OP_info)
		check_info(op, &after->info);
	else if (which == OP_stat)
		check_stat(op, &after->stat);
	else if (which == OP_recv)
		check_recv(op, ret, &after->recv);
	else if (which == OP_recv_handles)
		promise(after->recv_handles.handles.count <= KIPC_HANDLES_MAX, op,
			"handles", after->recv_handles.handles.count);
	else if (which == OP_call_handles)
		promise(after->call_handles.call.flags & KIPC_CALL_SUBMIT ||
			after->call_handles.reply.count <= KIPC_HANDLES_MAX, op,
			"reply", after->call_handles.reply.count);
	else if (which == OP_collect_handles)
		promise(after->collect_handles.handles.count <= KIPC_HANDLES_MAX, op,
			"handles", after->collect_handles.handles.count);
	else if (which == OP_queue_recv_handles)
		promise(after->queue_recv_handles.handles.count <= KIPC_HANDLES_MAX,
			op, "handles", after->queue_recv_handles.handles.count);
	else if (which == OP_call)
		check_call(op, ret, &after->call);
	else if (which == OP_collect)
		promise(ret <= after->collect.size, op, "bytes", ret);
	else if (which == OP_send_batch)
		promise(ret && ret <= before->send_batch.count, op,
			"letters", ret);
	else if (which == OP_recv_batch)
		promise(ret && ret <= before->recv_batch.count, op,
			"letters", ret);
	else if (which == OP_pipe_read || which == OP_pipe_write)
		promise((uint64_t)ret <= before->pipe_io.size, op, "bytes", ret);
	else if (which == OP_pipe_stat)
		check_pipe_stat(op, &after->pipe_stat);
	else if (which == OP_service_serve)
		check_served(op, &after->serve);
	else if (which == OP_service_stat)
		check_service_stat(op, &after->service_stat);
	else if (which == OP_memory_wait)
		promise(after->bell.count && after->bell.count <= KIPC_BELL_MAX, op,
			"count", after->bell.count);
	else if (which == OP_memory_stat)
		check_memory_stat(op, &after->memory_stat);
	else if (which == OP_queue_stat)
		check_queue_stat(op, &after->queue_stat);
	else if (which == OP_sem_stat)
		check_sem_stat(op, &after->sem_stat);
	else if (which == OP_features)
		promise(after->features.abi_version == KIPC_ABI_VERSION, op,
			"abi_version", after->features.abi_version);
}

static long run_ioctl(const struct call *c, int fd)
{
	const struct op *op = &ops[c->op];
	union structure s = { 0 }, nested = { 0 };
	unsigned int n = op_args(op), size = c->arg[n - 2];
	void *where = pointer(c->arg[n - 1]);
	void *used;
	long ret;
	int error;

	if (!op->size && !size && !where)
		return ioctl(fd, op->command, 0);
	for (unsigned int i = 0; i < n - 2; i++) {
		const struct arg *arg = &op->args[i];
		uint64_t value = scalar(arg, c->arg[i]);
		union structure *to = arg->where == 1 ? &s : &nested;

		if (arg->type != OUTPUT)
			memcpy(to->bytes + arg->offset, &value, arg->size);
	}
	if (_IOC_DIR(op->command) == _IOC_READ)
		memset(&s, 0xcc, op->size);
	if (op->nested_size)
		place_nested(&nested, op->nested_size, op_times(op));
	used = place(&s, op->size, where);
	ret = ioctl(fd, resized(op->command, size), used);
	error = errno;
	if (!where && !size)
		check_ioctl(c->op, ret, error, &s, used);
	errno = error;
	return ret;
}

#define FD	fd
#define NUM(i)	(c->arg[i])
#define PTR(i)	pointer(c->arg[i])
#define CALL(name, flags, weight, expression, ...)			\
	static long other_##name(const struct call *c, int fd)		\
	{								\
		(void)c;						\
		(void)fd;						\
		return expression;					\
	}
#include "table.def"

static long (*const others[OPS])(const struct call *c, int fd) = {
#define CALL(name, ...)							\
	[OP_##name] = other_##name,
#include "table.def"
};

static void set_slot(unsigned int slot, long fd)
{
	int old = slots[slot];

	slots[slot] = fd;
	if (old >= 0)
		close(old);
}

static void run_call(const struct call *c)
{
	const struct op *op = &ops[c->op];
	int fd = op->flags & USES ? slots[c->fd % SLOTS] : -1;
	struct worker *w = &shared_state->workers[me];
	long ret;

	w->inside = 1;
	ret = op->command ? run_ioctl(c, fd) : others[c->op](c, fd);
	w->inside = 0;
	if (op->flags & TAKES)
		slots[c->fd % SLOTS] = -1;
	if (op->flags & MAKES && ret >= 0)
		set_slot(c->to % SLOTS, ret);
	promise(ret >= 0 || errno < 512, op, "an errno of the kernel's own",
		errno);
	if (c->op == OP_read && ret > 0)
		promise((uint64_t)ret <= c->arg[1], op,
			"more bytes than asked for", ret);
}

/* The next calls are a thread's or a child's; returns the last one. */
static unsigned int run_apart(const struct program *p, unsigned int i,
			      unsigned int to)
{
	const struct call *c = &p->call[i];
	unsigned int end = i + 1 + c->arg[0] % MAX_CALLS;
	pid_t pid;

	if (end > to)
		end = to;
	if (is_part)
		return i;
	if (c->op == OP_thread)
		return partner_run(p, i + 1, end) ? end - 1 : i;
	if (child_count == CHILDREN_MAX)
		return i;
	pid = call_fork(c->arg[1] & 1);
	if (!pid) {
		cover_start(child_count ? ~0U : 1 + PARTNERS);
		execute_part(p, i + 1, end);
		_exit(0);
	}
	if (pid > 0)
		children[child_count++] = pid;
	return end - 1;
}

static void run_calls(const struct program *p, unsigned int from,
		      unsigned int to)
{
	for (unsigned int i = from; i < to; i++) {
		if (p->call[i].op == OP_fork || p->call[i].op == OP_thread) {
			i = run_apart(p, i, to);
			continue;
		}
		cover_call();
		run_call(&p->call[i]);
		cover_called(i);
		add(&shared_state->calls, 1);
	}
}

void execute_part(const struct program *p, unsigned int from, unsigned int to)
{
	is_part = true;
	run_calls(p, from, to);
}

/* Those who still wait when the program is over are killed. */
static void end_children(void)
{
	uint64_t end = after_us(CHILDREN_TIME);
	unsigned int i = 0;
	int status;

	while (i < child_count) {
		if (waitpid(children[i], &status, 0) == children[i]) {
			if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
				fault("a child died of signal %d",
				      WTERMSIG(status));
			i++;
		} else if (errno != EINTR) {
			i++;
		} else if (calls_now() > end) {
			kill(children[i], SIGKILL);
			add(&shared_state->killed_children, 1);
			end += SECOND;
		}
	}
}

void execute_setup(void)
{
	calls_restore();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	partners_start();
	for (unsigned int i = 0; i < SLOTS; i++)
		slots[i] = -1;
	first_fd = open("/dev/null", O_RDONLY);
	close(first_fd);
	calls_first(first_fd);
}

void execute(const struct program *p, enum cover mode)
{
	child_count = 0;
	shared_state->current[me] = *p;
	call_fresh();
	slots[0] = open("/dev/kipc", O_RDWR | O_CLOEXEC);
	interrupt_often();
	cover_begin(mode);
	run_calls(p, 0, p->calls);
	partners_end();
	end_children();
	interrupt_no_more();
	cover_call();
	for (unsigned int i = 0; i < SLOTS; i++)
		set_slot(i, -1);
	calls_unmap();
	/* What a child has left in the table that it shared. */
	syscall(SYS_close_range, first_fd, ~0U, 0);
	cover_end();
	calls_restore();
	add(&shared_state->programs, 1);
	add(&shared_state->forks, child_count);
	shared_state->workers[me].programs++;
}
