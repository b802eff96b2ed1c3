/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of services share: the bare ioctls, a server in a child whose
 * workers answer in a few simple ways, and a client's binding.
 */
#ifndef KIPC_SELFTEST_KSERVICE_H
#define KIPC_SELFTEST_KSERVICE_H

#include <pthread.h>
#include <sys/syscall.h>

#include "util.h"

#define CALL		KIPC_RIGHT_CALL
#define SERVE		KIPC_RIGHT_SERVE
#define PAGE		4096UL

static inline int s_create(const char *name, const struct kipc_service_attr *attr,
			   unsigned int mode, unsigned int rights, unsigned int flags)
{
	return k_create_kind(OWN_CONTROL, KIPC_KIND_SERVICE, name, attr, sizeof(*attr),
			     mode, rights, flags);
}

static inline int s_open(const char *name, unsigned int rights, unsigned int flags,
			 uint64_t deadline)
{
	return k_open_until(OWN_CONTROL, name, KIPC_KIND_SERVICE, rights, flags,
			    deadline);
}

static inline int s_stat(int fd, struct kipc_service_stat *stat)
{
	memset(stat, POISON, sizeof(*stat));
	return ioctl(fd, KIPC_IOC_SERVICE_STAT, stat);
}

static inline struct kipc_service_stat service_stat(int fd)
{
	struct kipc_service_stat stat;

	CHECK(s_stat(fd, &stat) == 0);
	return stat;
}

/* A service without a name, or with one; the handle may serve and manage. */
static inline int service(const char *name, unsigned int stacks,
			  unsigned int workers, unsigned int flags)
{
	struct kipc_service_attr attr = {
		.stacks = stacks,
		.workers = workers,
		.flags = flags,
		.bindings = 64,
	};
	int fd = s_create(name, &attr, 0666, SERVE | MANAGE, 0);

	CHECK(fd >= 0);
	return fd;
}

/* The server maps it: where.  NULL: errno says why not. */
static inline char *s_map(int fd)
{
	char *map = mmap(NULL, service_stat(fd).map_size, PROT_READ | PROT_WRITE,
			 MAP_SHARED, fd, 0);

	return map == MAP_FAILED ? NULL : map;
}

/* The server's side. */

static inline int s_serve(int fd, struct kipc_service_serve *serve,
			  uint64_t deadline)
{
	serve->deadline = deadline;
	memset(&serve->call, POISON, sizeof(serve->call));
	return ioctl(fd, KIPC_IOC_SERVICE_SERVE, serve);
}

static inline int s_reply(int fd, uint64_t token, int status, uint64_t first)
{
	struct kipc_service_reply reply = {
		.token = token,
		.status = status,
		.args = { first },
	};

	return ioctl(fd, KIPC_IOC_SERVICE_REPLY, &reply);
}

/* What a worker does: by the procedure's number. */
enum {
	ADD,		/* args[0] + args[1]; the status is args[2] */
	NAP,		/* sleep for args[0] nanoseconds */
	HOLD,		/* until the int at args[0], which is shared, is not 0 */
	HANG,		/* until it is killed */
	SCRIBBLE,	/* add args[0] to each byte of the A-stack, args[1] bytes */
	EXIT,		/* of the thread */
	DIE,		/* of the process */
	QUIT,		/* serve no more */
	WHO,		/* pid, tid, uid, gid, flags */
	NEST,		/* if args[0]: NEST of args[0] - 1 by args[1] (a binding) */
};

struct client {
	int fd;
	char *map;
	struct kipc_service_connect is;
};

static inline struct kipc_frame *frame_of(const struct client *c, unsigned int stack)
{
	return (struct kipc_frame *)c->map + stack;
}

static inline char *stack_of(const struct client *c, unsigned int stack)
{
	return c->map + c->is.frames_size + (size_t)stack * c->is.stack_size;
}

static inline int s_connect(int fd, struct kipc_service_connect *connect,
			    uint64_t deadline)
{
	connect->deadline = deadline;
	return ioctl(fd, KIPC_IOC_SERVICE_CONNECT, connect);
}

static inline char *s_map_binding(int fd, size_t size)
{
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return map == MAP_FAILED ? NULL : map;
}

/* A binding of a handle that may call. */
static inline struct client client_of(int fd)
{
	struct client c = { .fd = fd };

	CHECK(s_connect(fd, &c.is, now_ns() + PATIENCE) == 0);
	c.map = s_map_binding(fd, c.is.binding_size);
	CHECK(c.map);
	return c;
}

/* By the name, or by a handle that may do more. */
static inline struct client connect_to(const char *name)
{
	int fd = s_open(name, CALL, 0, now_ns() + PATIENCE);

	CHECK(fd >= 0);
	return client_of(fd);
}

static inline void disconnect(struct client *c)
{
	munmap(c->map, c->is.binding_size);
	close(c->fd);
}

/* Put a call into its frame. */
static inline void s_prepare(const struct client *c, unsigned int stack,
			     uint64_t procedure, uint64_t a, uint64_t b, uint64_t d,
			     uint64_t deadline)
{
	struct kipc_frame *frame = frame_of(c, stack);

	memset(frame->args, 0, sizeof(frame->args));
	frame->procedure = procedure;
	frame->args[0] = a;
	frame->args[1] = b;
	frame->args[2] = d;
	frame->deadline = deadline;
	frame->token = 0;
}

static inline int s_call(const struct client *c, unsigned int stack,
			 uint64_t procedure, uint64_t a, uint64_t b,
			 uint64_t deadline)
{
	s_prepare(c, stack, procedure, a, b, 0, deadline);
	return ioctl(c->fd, KIPC_IOC_SERVICE_CALL, (unsigned long)stack);
}

static inline int s_submit(const struct client *c, unsigned int stack,
			   uint64_t procedure, uint64_t a, uint64_t b,
			   uint64_t *token)
{
	int ret;

	s_prepare(c, stack, procedure, a, b, 0, 0);
	ret = ioctl(c->fd, KIPC_IOC_SERVICE_CALL,
		    (unsigned long)stack | KIPC_SERVICE_SUBMIT);
	if (token)
		*token = frame_of(c, stack)->token;
	return ret;
}

/* @token of 0: of any; both are written. */
static inline int s_collect(int fd, uint64_t *token, unsigned int *stack,
			    uint64_t deadline)
{
	struct kipc_service_collect collect = {
		.token = *token,
		.deadline = deadline,
		.stack = ~0U,
	};
	int ret = ioctl(fd, KIPC_IOC_SERVICE_COLLECT, &collect);

	*token = collect.token;
	if (stack)
		*stack = collect.stack;
	return ret;
}

static inline int s_cancel(int fd, uint64_t token)
{
	struct kipc_service_cancel cancel = { .token = token };

	return ioctl(fd, KIPC_IOC_SERVICE_CANCEL, &cancel);
}

/* Do what a call asks for; false: the worker ends. */
static inline bool s_handle(char *map, struct kipc_service_serve *serve)
{
	const struct kipc_served *call = &serve->call;
	struct kipc_service_reply *reply = &serve->reply;
	const struct client *next;
	struct timespec span;
	uint64_t i;

	memset(reply, 0, sizeof(*reply));
	reply->token = call->token;
	if (call->flags & KIPC_SERVED_CONNECT) {
		reply->value = call->args[0];
		reply->args[0] = call->args[0];
		if (call->args[1])
			reply->flags = KIPC_REPLY_REFUSE;
		return true;
	}
	switch (call->procedure) {
	case ADD:
		reply->args[0] = call->args[0] + call->args[1];
		reply->args[1] = call->value;
		reply->status = call->args[2];
		return true;
	case NAP:
		span.tv_sec = call->args[0] / SECOND;
		span.tv_nsec = call->args[0] % SECOND;
		nanosleep(&span, NULL);
		return true;
	case HOLD:
		wait_for(__atomic_load_n((int *)(uintptr_t)call->args[0],
					 __ATOMIC_SEQ_CST));
		return true;
	case HANG:
		for (;;)
			pause();
	case SCRIBBLE:
		for (i = 0; i < call->args[1]; i++)
			map[call->stack + i] += call->args[0];
		return true;
	case EXIT:
		syscall(SYS_exit, 0);
		return false;
	case DIE:
		raise(SIGKILL);
		return false;
	case QUIT:
		return false;
	case WHO:
		reply->args[0] = call->pid;
		reply->args[1] = call->tid;
		reply->args[2] = call->uid;
		reply->args[3] = call->gid;
		reply->args[4] = call->flags;
		return true;
	case NEST:
		next = (const struct client *)(uintptr_t)call->args[1];
		if (!call->args[0])
			return true;
		i = s_call(next, 0, NEST, call->args[0] - 1, call->args[1],
			   now_ns() + PATIENCE);
		reply->args[0] = (int)i < 0 ? (uint64_t)errno :
					      frame_of(next, 0)->args[0];
		return true;
	default:
		CHECK(!"a procedure");
	}
}

struct server {
	int fd;
	char *map;
};

/* A worker, until the service ends.  Replies the last call, if it quits. */
static inline void *s_work(void *arg)
{
	struct kipc_service_serve serve = { .flags = 0 };
	struct server *server = arg;

	while (!s_serve(server->fd, &serve, KIPC_FOREVER))
		if (!s_handle(server->map, &serve))
			break;
	if (serve.reply.token)
		CHECK(ioctl(server->fd, KIPC_IOC_SERVICE_REPLY, &serve.reply) >= 0);
	return NULL;
}

static inline pthread_t s_worker(struct server *server)
{
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, s_work, server) == 0);
	return thread;
}

/* The calling process becomes the server, with so many threads beside this one. */
static inline struct server serve_with(int fd, unsigned int threads)
{
	static struct server servers[16];
	static unsigned int used;
	struct server *server = &servers[used++ % 16];

	server->fd = fd;
	server->map = s_map(fd);
	CHECK(server->map);
	while (threads--)
		s_worker(server);
	return *server;
}

/* Wait until so many workers are idle. */
static inline void wait_idle(int fd, unsigned int workers)
{
	uint64_t end = now_ns() + PATIENCE;

	while (service_stat(fd).workers != workers) {
		CHECK(now_ns() < end);
		sched_yield();
	}
}

/* A child that serves with so many threads, and dies with this process. */
static inline pid_t spawn_server(int fd, unsigned int threads)
{
	pid_t child = spawn();

	if (!child) {
		serve_with(fd, threads);
		for (;;)
			pause();
	}
	wait_idle(fd, threads);
	return child;
}

/*
 * A service by hand: the calling process is its server and one of its clients, and
 * nobody serves but by s_take() and s_reply().
 */
struct hand {
	int fd;			/* may serve and manage */
	char *map;
	struct client c;
};

static inline struct hand hand_of(const struct kipc_service_attr *attr)
{
	int all = s_create(NULL, attr, 0600, KIPC_SERVICE_RIGHTS, 0);
	struct hand h = { .fd = k_narrow(all, SERVE | MANAGE, 0) };

	CHECK(all >= 0 && h.fd >= 0);
	h.map = s_map(h.fd);
	CHECK(h.map);
	h.c = client_of(k_narrow(all, CALL, 0));
	close(all);
	return h;
}

/* Another handle, which has no binding yet; and one that has. */
static inline int hand_handle(const struct hand *h)
{
	int fd = k_narrow(h->c.fd, CALL, 0);

	CHECK(fd >= 0);
	return fd;
}

static inline struct client hand_client(const struct hand *h)
{
	return client_of(hand_handle(h));
}

/* Take the call that is next, in good time; its token. */
static inline uint64_t s_take(int fd, struct kipc_served *call)
{
	struct kipc_service_serve serve = { .flags = 0 };

	CHECK(s_serve(fd, &serve, after(PATIENCE)) == 0);
	CHECK(serve.call.token && !serve.call.reserved);
	if (call)
		*call = serve.call;
	return serve.call.token;
}

static inline bool s_has(int fd, unsigned int waiting, unsigned int serving)
{
	struct kipc_service_stat st = service_stat(fd);

	return st.waiting == waiting && st.serving == serving;
}

/* Somebody waits for this call. */
static inline bool is_claimed(int fd, uint64_t token)
{
	return s_collect(fd, &token, NULL, KIPC_NO_WAIT) < 0 && errno == EBUSY;
}

/* A thread that makes one ioctl, which may wait. */
struct task {
	int fd;
	unsigned long cmd;
	void *arg;
	pthread_t thread;
	pid_t tid;
	int ret, err;
	bool over;
};

static inline void *task_body(void *arg)
{
	struct task *t = arg;

	__atomic_store_n(&t->tid, gettid(), __ATOMIC_SEQ_CST);
	t->ret = ioctl(t->fd, t->cmd, t->arg);
	t->err = errno;
	__atomic_store_n(&t->over, true, __ATOMIC_SEQ_CST);
	return NULL;
}

static inline void task_start(struct task *t, int fd, unsigned long cmd, void *arg)
{
	*t = (struct task){ .fd = fd, .cmd = cmd, .arg = arg };
	CHECK(!pthread_create(&t->thread, NULL, task_body, t));
	wait_for(__atomic_load_n(&t->tid, __ATOMIC_SEQ_CST));
}

static inline bool task_over(struct task *t)
{
	return __atomic_load_n(&t->over, __ATOMIC_SEQ_CST);
}

/* What the ioctl has returned, and errno. */
static inline int task_end(struct task *t)
{
	wait_for(task_over(t));
	CHECK(!pthread_join(t->thread, NULL));
	errno = t->err;
	return t->ret;
}

/* The same, of a thread whose ioctl is that one. */
static inline int task_end_of(struct task *t, unsigned long cmd)
{
	CHECK(t->cmd == cmd);
	return task_end(t);
}

/* A call in a thread: ADD, with @a and @b. */
static inline void task_call(struct task *t, const struct client *c,
			     unsigned int stack, uint64_t a, uint64_t b,
			     uint64_t deadline)
{
	s_prepare(c, stack, ADD, a, b, 0, deadline);
	task_start(t, c->fd, KIPC_IOC_SERVICE_CALL, (void *)(uintptr_t)stack);
}

static inline void task_connect(struct task *t, int fd,
				struct kipc_service_connect *connect,
				uint64_t deadline)
{
	connect->deadline = deadline;
	task_start(t, fd, KIPC_IOC_SERVICE_CONNECT, connect);
}

#endif /* KIPC_SELFTEST_KSERVICE_H */
