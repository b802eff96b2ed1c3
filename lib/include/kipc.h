/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libkipc: the thin C library over /dev/kipc.
 *
 * Every function has a manual page in section 3; kipc(7) is the overview.
 * Habits are those of POSIX: a descriptor is an int; failure is -1 with errno;
 * nothing is kept between calls, so that every function may be called by any
 * thread at any time.  Functions that need /dev/kipc open and close it.  Only what
 * kipc_service_register() and kipc_connect() return is allocated, until it is freed.
 */
#ifndef KIPC_H
#define KIPC_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/select.h>
#include <sys/types.h>
#include <linux/kipc.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A mailbox of default capacity; change what should differ. */
#define KIPC_MAILBOX_ATTR_DEFAULT { 4096, 256 << 10, 64 << 10, 0 }
/* Likewise a queue. */
#define KIPC_QUEUE_ATTR_DEFAULT { 16384, 1 << 20, 64 << 10, 0 }

/* What the kernel module offers. */
int kipc_features(struct kipc_features *features);

/* Names, handles and rights: the same for every kind. */
int kipc_open(const char *name, uint32_t kind, uint32_t rights, uint32_t flags);
int kipc_unlink(const char *name);

/* Direct communication: what a process has published is opened by its pid. */
int kipc_publish(int fd);
int kipc_unpublish(int fd);
int kipc_open_pid(pid_t pid, uint32_t kind, uint32_t rights, uint32_t flags);
int kipc_open_pidfd(int pidfd, uint32_t kind, uint32_t rights, uint32_t flags);

/* What a handle can do, and the end of its object. */
int kipc_narrow(int fd, uint32_t rights, uint32_t flags);
int kipc_info(int fd, struct kipc_info *info);
int kipc_remove(int fd);

/* A signal when something happens to a handle's object. */
int kipc_notify(int fd, const struct kipc_notification *notification);
int kipc_sigfd(const sigset_t *signals, uint32_t flags);

/* Waiting for several descriptors, of objects or of anything else. */
#define KIPC_WAIT_MAX 64	/* at once for all */
int kipc_wait_any(struct pollfd *fds, size_t count, uint64_t deadline);
int kipc_wait_all(struct pollfd *fds, size_t count, uint64_t deadline);

/* Mailboxes. */
int kipc_mailbox_create(const char *name, const struct kipc_mailbox_attr *attr,
			mode_t mode, uint32_t rights, uint32_t flags);
int kipc_mailbox_create_config(const char *name,
			       const struct kipc_mailbox_config *config,
			       mode_t mode, uint32_t rights, uint32_t flags);
int kipc_mailbox_send(int fd, const void *data, size_t size, uint64_t tag,
		      uint64_t deadline);
ssize_t kipc_mailbox_recv(int fd, void *data, size_t size,
			  struct kipc_letter *letter, uint32_t flags,
			  uint64_t deadline);
int kipc_mailbox_send_batch(int fd, const struct kipc_send_item *items,
			    size_t count, uint64_t deadline);
int kipc_mailbox_recv_batch(int fd, struct kipc_recv_item *items, size_t count,
			    uint32_t flags, uint64_t deadline);
int kipc_mailbox_stat(int fd, struct kipc_mailbox_stat *stat);

/* Letters that carry handles and other descriptors. */
int kipc_mailbox_send_handles(int fd, const void *data, size_t size, uint64_t tag,
			      const struct kipc_descriptor *items, size_t count,
			      uint64_t deadline);
ssize_t kipc_mailbox_recv_handles(int fd, void *data, size_t size,
				  struct kipc_letter *letter,
				  struct kipc_descriptor *items, size_t *count,
				  uint32_t flags, uint64_t deadline);

/* Indirect letters: the data is in a memfd, sealed unless both sides say otherwise. */
struct kipc_region {
	const void *data;
	size_t size;
};

/* None of KIPC_RECV_*, which would otherwise be consent where it is no flag. */
#define KIPC_REGION_UNSEALED 0x100

int kipc_mailbox_send_region(int fd, int memfd, uint64_t offset, uint64_t length,
			     uint64_t tag, uint32_t flags, uint64_t deadline);
int kipc_mailbox_recv_region(int fd, struct kipc_region *region,
			     struct kipc_letter *letter, uint32_t flags,
			     uint64_t deadline);
int kipc_region_unmap(struct kipc_region *region);

/* What a server gets: a letter, and of a request how to reply to it. */
struct kipc_request {
	struct kipc_letter letter;
	uint64_t token;			/* 0: it is no request */
	uint32_t reply_size;		/* longest reply that is taken */
	uint32_t reply_handles;		/* and how many handles it may carry */
};

/* Calls on mailboxes: requests that want a reply. */
ssize_t kipc_mailbox_call(int fd, const void *data, size_t size, uint64_t tag,
			  void *reply, size_t room, uint64_t deadline);
int kipc_mailbox_submit(int fd, const void *data, size_t size, uint64_t tag,
			size_t room, uint64_t *token, uint64_t deadline);
ssize_t kipc_mailbox_collect(int fd, uint64_t *token, void *reply, size_t size,
			     struct kipc_letter *letter, uint64_t deadline);
int kipc_mailbox_cancel(int fd, uint64_t token);
ssize_t kipc_mailbox_serve(int fd, void *data, size_t size,
			   struct kipc_request *request, uint32_t flags,
			   uint64_t deadline);
ssize_t kipc_mailbox_reply_serve(int fd, const void *reply, size_t reply_size,
				 uint64_t tag, void *data, size_t size,
				 struct kipc_request *request, uint32_t flags,
				 uint64_t deadline);
int kipc_mailbox_reply(int fd, uint64_t token, const void *data, size_t size,
		       uint64_t tag);

/* The same, where requests and replies carry handles and other descriptors. */
ssize_t kipc_mailbox_call_handles(int fd, const void *data, size_t size, uint64_t tag,
				  const struct kipc_descriptor *items, size_t count,
				  void *reply, size_t room,
				  struct kipc_descriptor *got, size_t *got_count,
				  uint64_t deadline);
int kipc_mailbox_submit_handles(int fd, const void *data, size_t size, uint64_t tag,
				const struct kipc_descriptor *items, size_t count,
				size_t room, size_t room_count, uint64_t *token,
				uint64_t deadline);
ssize_t kipc_mailbox_collect_handles(int fd, uint64_t *token, void *reply, size_t size,
				     struct kipc_letter *letter,
				     struct kipc_descriptor *items, size_t *count,
				     uint64_t deadline);
ssize_t kipc_mailbox_serve_handles(int fd, void *data, size_t size,
				   struct kipc_request *request,
				   struct kipc_descriptor *items, size_t *count,
				   uint32_t flags, uint64_t deadline);
int kipc_mailbox_reply_handles(int fd, uint64_t token, const void *data, size_t size,
			       uint64_t tag, const struct kipc_descriptor *items,
			       size_t count);

/* Queues. */
int kipc_queue_create(const char *name, const struct kipc_queue_attr *attr,
		      mode_t mode, uint32_t rights, uint32_t flags);
int kipc_queue_send(int fd, const void *data, size_t size, uint64_t type,
		    uint32_t priority, uint64_t deadline);
ssize_t kipc_queue_recv(int fd, void *data, size_t size,
			const struct kipc_selector *selector,
			struct kipc_message *message, uint32_t flags,
			uint64_t deadline);
int kipc_queue_send_batch(int fd, const struct kipc_queue_send_item *items,
			  size_t count, uint64_t deadline);
int kipc_queue_recv_batch(int fd, struct kipc_queue_recv_item *items,
			  size_t count, const struct kipc_selector *selector,
			  uint32_t flags, uint64_t deadline);
int kipc_queue_send_handles(int fd, const void *data, size_t size, uint64_t type,
			    uint32_t priority, const struct kipc_descriptor *items,
			    size_t count, uint64_t deadline);
ssize_t kipc_queue_recv_handles(int fd, void *data, size_t size,
				const struct kipc_selector *selector,
				struct kipc_message *message,
				struct kipc_descriptor *items, size_t *count,
				uint32_t flags, uint64_t deadline);
int kipc_queue_stat(int fd, struct kipc_queue_stat *stat);
int kipc_queue_set(int fd, const struct kipc_queue_attr *attr);
int kipc_queue_select(int fd, const struct kipc_selector *selector);

/*
 * Selectors, so that nobody has to know which of them looks at which field: a
 * variable is initialised with one of these, and its address is passed on.
 */
static inline struct kipc_selector kipc_select_first(void)
{
	struct kipc_selector selector = { KIPC_SELECT_FIRST, 0, 0, 0 };

	return selector;
}

static inline struct kipc_selector kipc_select_priority(void)
{
	struct kipc_selector selector = { KIPC_SELECT_PRIORITY, 0, 0, 0 };

	return selector;
}

static inline struct kipc_selector kipc_select_type(uint64_t type)
{
	struct kipc_selector selector = { KIPC_SELECT_TYPE, 0, type, 0 };

	return selector;
}

static inline struct kipc_selector kipc_select_lowest(uint64_t most)
{
	struct kipc_selector selector = { KIPC_SELECT_LOWEST, 0, 0, most };

	return selector;
}

static inline struct kipc_selector kipc_select_range(uint64_t low, uint64_t high)
{
	struct kipc_selector selector = { KIPC_SELECT_RANGE, 0, low, high };

	return selector;
}

static inline struct kipc_selector kipc_select_except(uint64_t type)
{
	struct kipc_selector selector = { KIPC_SELECT_EXCEPT, 0, type, 0 };

	return selector;
}

static inline struct kipc_selector kipc_select_sender(pid_t pid)
{
	struct kipc_selector selector = { KIPC_SELECT_SENDER, 0, (uint64_t)pid, 0 };

	return selector;
}

static inline struct kipc_selector kipc_select_after(uint64_t seq)
{
	struct kipc_selector selector = { KIPC_SELECT_AFTER, 0, seq, 0 };

	return selector;
}

/* Pipes. */
int kipc_pipe(int fd[2], uint32_t flags);
int kipc_pipe_create(const char *name, const struct kipc_pipe_attr *attr,
		     mode_t mode, uint32_t rights, uint32_t flags);
int kipc_pipe_open(const char *name, uint32_t rights, uint32_t flags,
		   uint64_t deadline);
ssize_t kipc_pipe_write(int fd, const void *data, size_t size, uint32_t flags,
			uint64_t deadline);
ssize_t kipc_pipe_read(int fd, void *data, size_t size, uint64_t deadline);
int kipc_pipe_resize(int fd, uint32_t capacity, uint32_t atomic_size);
int kipc_pipe_stat(int fd, struct kipc_pipe_stat *stat);

/* Shared memory, and its doorbell. */
int kipc_memory_create(const char *name, uint64_t size, mode_t mode, uint32_t rights,
		       uint32_t flags);
void *kipc_memory_map(int fd, size_t *size, int prot);
int kipc_memory_unmap(void *map, size_t size);
int kipc_memory_resize(int fd, uint64_t size);
int kipc_memory_fd(int fd, uint32_t flags);
int kipc_memory_seal(int fd, unsigned int seals);
int kipc_memory_stat(int fd, struct kipc_memory_stat *stat);
int kipc_memory_ring(int fd, uint64_t count, uint64_t deadline);
int kipc_memory_wait(int fd, uint64_t *count, uint64_t deadline);

/* A command of the shell, at the other end of a pipe. */
FILE *kipc_popen(const char *command, const char *mode, pid_t *pid);
int kipc_pclose(FILE *stream, pid_t pid);

/* Services, call by call: what a server does by hand. */
int kipc_service_create(const char *name, const struct kipc_service_attr *attr,
			mode_t mode, uint32_t rights, uint32_t flags);
int kipc_service_serve(int fd, struct kipc_service_serve *serve);
int kipc_service_reply(int fd, const struct kipc_service_reply *reply);
int kipc_service_stop(int fd);
int kipc_service_stat(int fd, struct kipc_service_stat *stat);

/*
 * Services that run by themselves: a pool of threads calls a handler for each call,
 * chosen by its procedure.  The handler works in the A-stack and ends in kipc_return().
 */
struct kipc_service;

typedef void kipc_handler(void *a_stack, const uint64_t args[8]);

/* Whether @caller may connect: 0 if so.  Fills what comes with its calls, and the answer. */
typedef int kipc_acceptor(const struct kipc_served *caller, uint64_t *value,
			  uint64_t answer[8]);

struct kipc_service_options {
	struct kipc_service_attr attr;	/* workers: most threads; 0: 64 */
	kipc_handler *const *handlers;	/* by procedure, NULL where there is none */
	kipc_acceptor *accept;		/* NULL: whoever has a handle may connect */
	size_t handler_count;
	size_t e_stack_size;		/* of each thread; 0: 256 KiB */
	size_t private_copy;		/* bytes of the A-stack that handlers get as a copy */
	uint32_t threads;		/* from the start; 0: one */
	uint32_t mode;			/* permission bits, less the umask */
	uint32_t flags;			/* KIPC_INHERIT */
	uint32_t reserved;		/* 0 */
};

struct kipc_service *kipc_service_register(const char *name,
					   const struct kipc_service_options *options);
int kipc_service_fd(const struct kipc_service *service);
int kipc_service_run(struct kipc_service *service);
void kipc_service_free(struct kipc_service *service);

/* The status of a call: up to this, or an error's number, negative, see kipc_return(3). */
#define KIPC_STATUS_MAX 0x3fffffff

/* Within a handler. */
void kipc_return(int status, const uint64_t results[8]);
const struct kipc_served *kipc_caller(void);
size_t kipc_stack_room(void);

/* The client's side: a binding and its A-stacks. */
struct kipc_binding;

struct kipc_binding *kipc_connect(const char *name, uint64_t args[8],
				  uint64_t deadline);
struct kipc_binding *kipc_connect_fd(int fd, uint64_t args[8], uint64_t deadline);
void kipc_disconnect(struct kipc_binding *binding);
int kipc_binding_fd(const struct kipc_binding *binding);
unsigned int kipc_stacks(const struct kipc_binding *binding);
size_t kipc_stack_size(const struct kipc_binding *binding);
void *kipc_stack(const struct kipc_binding *binding, unsigned int stack);
int kipc_stack_take(struct kipc_binding *binding);
void kipc_stack_release(struct kipc_binding *binding, unsigned int stack);

/* Calls by it: a status, and the results in place of the arguments. */
int kipc_call(struct kipc_binding *binding, unsigned int stack, uint64_t procedure,
	      uint64_t args[8], uint64_t deadline);
int kipc_call_async(struct kipc_binding *binding, unsigned int stack,
		    uint64_t procedure, const uint64_t args[8], uint64_t *token);
int kipc_call_collect(struct kipc_binding *binding, uint64_t *token,
		      uint64_t results[8], unsigned int *stack, uint64_t deadline);
int kipc_call_cancel(struct kipc_binding *binding, uint64_t token);

/* What calls and replies carry beside that: handles and other descriptors. */
int kipc_attach(struct kipc_binding *binding, unsigned int stack,
		const struct kipc_descriptor *items, size_t count);
int kipc_take(struct kipc_binding *binding, unsigned int stack,
	      struct kipc_descriptor *items, size_t *count);
int kipc_service_attach(int fd, uint64_t token, const struct kipc_descriptor *items,
			size_t count);
int kipc_service_take(int fd, uint64_t token, struct kipc_descriptor *items,
		      size_t *count);

/* Semaphores: sets of them, with rights to post, to wait and to manage. */
int kipc_sem_create(const char *name, const struct kipc_sem_attr *attr, mode_t mode,
		    uint32_t rights, uint32_t flags);
int kipc_sem_post(int fd, uint32_t num);
int kipc_sem_wait(int fd, uint32_t num);
int kipc_sem_trywait(int fd, uint32_t num);
int kipc_sem_timedwait(int fd, uint32_t num, uint64_t deadline);
int kipc_sem_getvalue(int fd, uint32_t num);
int kipc_sem_op(int fd, const struct kipc_sem_op *ops, size_t count, uint64_t deadline);
int kipc_sem_get(int fd, uint32_t first, struct kipc_sem_value *values, size_t count);
int kipc_sem_set(int fd, uint32_t first, const uint32_t *values, size_t count);
int kipc_sem_stat(int fd, struct kipc_sem_stat *stat);
int kipc_sem_take_all(const int *fds, size_t count, uint64_t deadline);

/* The deadline that lies this many nanoseconds ahead; never KIPC_NO_WAIT. */
uint64_t kipc_deadline(uint64_t nanoseconds);

#ifdef __cplusplus
}
#endif

#endif /* KIPC_H */
