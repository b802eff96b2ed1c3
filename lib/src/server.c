// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A service that runs by itself.
 *
 * DOC: Threads
 *
 * The thread that runs the service is the first worker, on the stack that it has.  The
 * others are made here, each on a stack of its own with a guard page below it: some at
 * the start, and one more whenever the kernel says, with a call, that no other worker is
 * left, up to the bound that the kernel knows as well.  They end with the service, for
 * the pool is as large as it once had to be.  They block signals, so that the handlers of
 * the program run where it expects them: in the thread that runs the service.
 *
 * A thread that has been made is in the list of the service before the thread that made
 * it ends; so who joins those in the list until it is empty has joined all.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

/* That the kernel hands an A-stack from one worker to the next, TSan cannot see. */
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#else
#define __tsan_acquire(address)	((void)(address))
#define __tsan_release(address)	((void)(address))
#endif

#define E_STACK_SIZE	(256U << 10)
#define MOST_THREADS	64

struct worker {
	struct kipc_service *service;
	struct worker *next;
	pthread_t thread;
	unsigned char *private;		/* what the handler sees as the A-stack, or NULL */
	struct kipc_service_serve serve;
};

struct kipc_service {
	struct kipc_service_options options;
	int fd;
	pid_t process;			/* that has it mapped; a child has not */
	unsigned char *map;
	size_t size;
	size_t room;			/* bytes that a handler has */
	unsigned int threads;		/* that there are; atomic */
	struct worker *started;		/* those that are to be joined; atomic */
	int error;			/* of one of them that could not go on; atomic */
};

/* The worker that this thread is while it runs a handler. */
static __thread struct worker *serving;

/* A status that no reply may have is the fault of the handler. */
static int status_of(int status)
{
	if (status >= 0 && status <= KIPC_STATUS_MAX)
		return status;
	if (status < 0 && status >= -KIPC_ERRNO_MAX)
		return KIPC_STATUS_ERROR - status;
	return KIPC_STATUS_ERROR + EPROTO;
}

/**
 * kipc_return() - what a handler replies
 * @status: 0 to KIPC_STATUS_MAX, what kipc_call() returns; or an error's number,
 *	negative, which is its errno
 * @results: of the call; NULL for zeros
 *
 * The reply is given when the handler has returned.  One that does not call it has
 * replied with 0, and zeros.  Outside a handler it does nothing.
 */
void kipc_return(int status, const uint64_t results[8])
{
	struct kipc_service_reply *reply;

	if (!serving)
		return;
	reply = &serving->serve.reply;
	reply->status = status_of(status);
	if (results)
		memcpy(reply->args, results, sizeof(reply->args));
	else
		memset(reply->args, 0, sizeof(reply->args));
}

/**
 * kipc_caller() - whose call this handler serves
 *
 * Return: the call as the kernel has told it; NULL outside a handler.
 */
const struct kipc_served *kipc_caller(void)
{
	return serving ? &serving->serve.call : NULL;
}

/**
 * kipc_stack_room() - how much a handler has as its A-stack
 *
 * Return: bytes; 0 outside a handler.
 */
size_t kipc_stack_room(void)
{
	return serving ? serving->service->room : 0;
}

/* Somebody asks for a binding. */
static void accept_or_refuse(struct worker *worker)
{
	struct kipc_service_reply *reply = &worker->serve.reply;
	uint64_t answer[8] = { 0 }, value = 0;

	if (worker->service->options.accept(&worker->serve.call, &value, answer) != 0)
		reply->flags = KIPC_REPLY_REFUSE;
	else
		reply->value = value;
	memcpy(reply->args, answer, sizeof(reply->args));
}

static void handle(struct worker *worker)
{
	const struct kipc_service *service = worker->service;
	const struct kipc_served *call = &worker->serve.call;
	unsigned char *stack = service->map + call->stack;
	kipc_handler *handler = NULL;
	uint64_t args[8];		/* not of the same type for every compiler */

	if (call->procedure < service->options.handler_count)
		handler = service->options.handlers[call->procedure];
	if (!handler) {
		kipc_return(-ENOSYS, NULL);
		return;
	}
	memcpy(args, call->args, sizeof(args));
	if (!worker->private) {
		handler(stack, args);
		return;
	}
	memcpy(worker->private, stack, service->room);
	handler(worker->private, args);
	memcpy(stack, worker->private, service->room);
}

static void grow(struct kipc_service *service);

/* Turns the call into its reply. */
static void answer(struct worker *worker)
{
	const struct kipc_served *call = &worker->serve.call;
	unsigned char *stack = worker->service->map + call->stack;

	__tsan_acquire(stack);
	/* First, since the handler may make calls that come back to this service. */
	if (call->flags & KIPC_SERVED_GROW)
		grow(worker->service);
	worker->serve.reply = (struct kipc_service_reply) { .token = call->token };
	if (call->flags & KIPC_SERVED_CONNECT)
		accept_or_refuse(worker);
	else
		handle(worker);
	__tsan_release(stack);
}

/* Serves until there are no more calls to be had.  0, or an error's number. */
static int work(struct worker *worker)
{
	struct kipc_service_serve *serve = &worker->serve;
	struct worker *outer = serving;
	int err = 0;

	serving = worker;
	serve->deadline = KIPC_FOREVER;
	while (!err) {
		if (ioctl(worker->service->fd, KIPC_IOC_SERVICE_SERVE, serve) == 0)
			answer(worker);
		else if (errno == EINTR)
			continue;
		else if (serve->reply.token)
			serve->reply.token = 0;		/* nobody waits for it */
		else
			err = errno;
	}
	serving = outer;
	return err == ESHUTDOWN ? 0 : err;
}

static void free_worker(struct worker *worker)
{
	if (worker)
		free(worker->private);
	free(worker);
}

static struct worker *new_worker(struct kipc_service *service)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return NULL;
	worker->service = service;
	if (service->options.private_copy) {
		worker->private = malloc(service->room);
		if (!worker->private) {
			free(worker);
			return NULL;
		}
	}
	return worker;
}

/* Whoever cannot go on ends all of them, and is not missed in silence: returns as work(). */
static int work_or_stop(struct worker *worker)
{
	int err = work(worker);

	/* Not for the sake of a child of the server. */
	if (err && err != ENXIO)
		kipc_service_stop(worker->service->fd);
	return err;
}

static void *run_thread(void *argument)
{
	struct worker *worker = argument;
	int err = work_or_stop(worker);

	/* The main thread is told that, too; or had it stopped before, and this one is late. */
	if (err && err != EIDRM)
		__atomic_store_n(&worker->service->error, err, __ATOMIC_RELAXED);
	return NULL;
}

/* All signals but those that tell a fault, which are for the thread that has it. */
static void block_signals(sigset_t *old)
{
	sigset_t set;

	sigfillset(&set);
	sigdelset(&set, SIGSEGV);
	sigdelset(&set, SIGBUS);
	sigdelset(&set, SIGFPE);
	sigdelset(&set, SIGILL);
	sigdelset(&set, SIGTRAP);
	sigdelset(&set, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &set, old);
}

/* Makes the worker a thread.  0, or an error's number. */
static int start_thread(struct worker *worker)
{
	pthread_attr_t attr;
	sigset_t old;
	int err;

	err = pthread_attr_init(&attr);
	if (err)
		return err;
	err = pthread_attr_setstacksize(&attr, worker->service->options.e_stack_size);
	/* What a stub puts on the stack for an A-stack, in and out, does not jump it. */
	if (!err)
		err = pthread_attr_setguardsize(&attr,
						4096 + 2 * worker->service->room);
	if (!err) {
		block_signals(&old);
		err = pthread_create(&worker->thread, &attr, run_thread, worker);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	}
	pthread_attr_destroy(&attr);
	return err;
}

/*
 * One more thread, unless there are as many as there may be.  If it cannot be had, the
 * kernel asks again with another call.
 */
static void grow(struct kipc_service *service)
{
	unsigned int n = __atomic_load_n(&service->threads, __ATOMIC_RELAXED);
	struct worker *worker;

	do {
		if (n >= service->options.attr.workers)
			return;
	} while (!__atomic_compare_exchange_n(&service->threads, &n, n + 1, 0,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	worker = new_worker(service);
	if (!worker || start_thread(worker)) {
		free_worker(worker);
		__atomic_sub_fetch(&service->threads, 1, __ATOMIC_RELAXED);
		return;
	}
	worker->next = __atomic_load_n(&service->started, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&service->started, &worker->next, worker, 0,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

/* See "Threads" for why none is missed. */
static void join_all(struct kipc_service *service)
{
	struct worker *worker, *next;

	while ((worker = __atomic_exchange_n(&service->started, NULL, __ATOMIC_ACQUIRE)))
		for (; worker; worker = next) {
			next = worker->next;
			pthread_join(worker->thread, NULL);
			free_worker(worker);
		}
}

/**
 * kipc_service_run() - serve calls until the service is stopped
 * @service: of kipc_service_register()
 *
 * The calling thread is one of the workers.  Once, by one thread.
 *
 * Return: 0 when it was stopped, or -1 with errno: EIDRM (removed), ENXIO (this is not the
 * process that has registered it), EAGAIN (the handle has O_NONBLOCK), ENOMEM.
 * In any case no thread is left that was made here.
 */
int kipc_service_run(struct kipc_service *service)
{
	struct worker *worker = new_worker(service);
	uint32_t i;
	int err;

	service->threads = 1;
	for (i = 1; worker && i < service->options.threads; i++)
		grow(service);
	err = worker ? work_or_stop(worker) : ENOMEM;
	join_all(service);
	free_worker(worker);
	if (!err)
		err = service->error;
	if (err) {
		errno = err;
		return -1;
	}
	return 0;
}

/* What is to be used, from what is given; -1 if it is wrong. */
static int check_options(struct kipc_service_options *options)
{
	long page = sysconf(_SC_PAGESIZE), least = sysconf(_SC_THREAD_STACK_MIN);

	if (options->reserved || options->flags & ~KIPC_INHERIT ||
	    (options->handler_count && !options->handlers) ||
	    (options->attr.flags & KIPC_SERVICE_ACCEPT && !options->accept))
		return -1;
	if (options->accept)
		options->attr.flags |= KIPC_SERVICE_ACCEPT;
	if (!options->attr.workers)
		options->attr.workers = MOST_THREADS;
	if (options->threads > options->attr.workers ||
	    options->e_stack_size > SIZE_MAX / 2)
		return -1;
	if (!options->e_stack_size)
		options->e_stack_size = E_STACK_SIZE;
	if (options->e_stack_size < (size_t)least)
		options->e_stack_size = least;
	options->e_stack_size = (options->e_stack_size + page - 1) / page * page;
	return 0;
}

/* The descriptor and the memory.  0, or -1. */
static int set_up(struct kipc_service *service, const char *name)
{
	const struct kipc_service_options *options = &service->options;
	struct kipc_service_stat stat;
	void *map;

	service->fd = kipc_service_create(name, &options->attr, options->mode,
					  KIPC_SERVICE_RIGHTS,
					  options->flags | (name ? KIPC_EXCL : 0));
	if (service->fd < 0 || kipc_service_stat(service->fd, &stat) < 0)
		return -1;
	if (stat.map_size > SIZE_MAX) {
		errno = ENOMEM;
		return -1;
	}
	map = mmap(NULL, stat.map_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		   service->fd, 0);
	if (map == MAP_FAILED)
		return -1;
	service->map = map;
	service->process = getpid();
	service->size = stat.map_size;
	service->room = stat.attr.stack_size;
	if (options->private_copy && options->private_copy < service->room)
		service->room = options->private_copy;
	return 0;
}

/**
 * kipc_service_register() - make a service that is served by handlers
 * @name: as for kipc_open(), not taken yet; or NULL for a service without a name
 * @options: handlers, limits, what else there is
 *
 * Calls wait until kipc_service_run() is called.  Only this process can do that.
 *
 * Return: a service, for kipc_service_free(); or NULL with errno: EINVAL (@options, or by
 * a module that does not know services), EEXIST (the name is there), EACCES, EDQUOT (the
 * quota of objects or bytes), ENAMETOOLONG, ENOENT or ENODEV (the module is not loaded),
 * EMFILE, ENFILE, ENOMEM.
 */
struct kipc_service *kipc_service_register(const char *name,
					   const struct kipc_service_options *options)
{
	struct kipc_service *service;
	int err;

	service = calloc(1, sizeof(*service));
	if (!service)
		return NULL;
	service->fd = -1;
	if (options)
		service->options = *options;
	if (!options || check_options(&service->options) < 0) {
		errno = EINVAL;
		goto fail;
	}
	if (set_up(service, name) == 0)
		return service;
fail:
	err = errno;
	kipc_service_free(service);
	errno = err;
	return NULL;
}

/**
 * kipc_service_fd() - the descriptor of a service
 * @service: of kipc_service_register()
 *
 * It can be narrowed, asked for figures, stopped and removed; not closed.
 *
 * Return: a handle with the rights to call, to serve and to manage.
 */
int kipc_service_fd(const struct kipc_service *service)
{
	return service->fd;
}

/**
 * kipc_service_free() - end a service that does not run
 * @service: of kipc_service_register(), or NULL
 *
 * Its name is gone, and calls under way and later ones fail.  In a child it closes the
 * child's descriptor alone.
 */
void kipc_service_free(struct kipc_service *service)
{
	if (!service)
		return;
	if (service->map && service->process == getpid())
		munmap(service->map, service->size);
	if (service->fd >= 0)
		close(service->fd);
	free(service);
}
