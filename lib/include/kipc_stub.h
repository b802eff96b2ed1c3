/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stubs: typed procedures of a service, declared once.
 *
 * DOC: Declaring
 *
 * Each procedure has two lists of fields, what goes in and what comes out, and there is one
 * list of the procedures.  A field is F(kind, what, name):
 *
 *	#define SHOP_PRICE_IN(F)	F(string, 63, article) F(value, uint32_t, count)
 *	#define SHOP_PRICE_OUT(F)	F(value, uint64_t, price) F(bytes, 4096, picture)
 *	#define SHOP(P)			P(shop, price, SHOP_PRICE_IN, SHOP_PRICE_OUT)
 *	KIPC_STUBS(shop, SHOP)
 *
 *	value	anything of a fixed size without pointers: a number, a structure
 *	string	char name[63 + 1]
 *	bytes	struct { uint32_t size; unsigned char data[4096]; } name
 *
 * That makes struct shop_price_in and struct shop_price_out, and the client's
 *
 *	int shop_price(struct kipc_binding *binding, const struct shop_price_in *in,
 *		       struct shop_price_out *out, uint64_t deadline);
 *
 * The server defines a function for each procedure, and gets the table of handlers by
 * KIPC_SERVER(shop, SHOP): shop_handlers, of shop_procedures entries.
 *
 *	static int shop_serve_price(const struct shop_price_in *in,
 *				    struct shop_price_out *out);
 *
 * What it returns is the status, or an error's number, negative.  An A-stack of
 * shop_stack_size bytes is enough for each of them.
 *
 * DOC: Trust
 *
 * In an A-stack there is only as much of a string as it has.  Either side can change it
 * while the other reads.  So each length is read once, checked against what the field can
 * hold and against what is left, and used from the copy; and both sides work on structures of
 * their own, which are filled from the A-stack once.  How much there is in all travels in a
 * register.  What does not fit together is EBADMSG; what is too long is EMSGSIZE, before
 * anything is sent.
 */
#ifndef KIPC_STUB_H
#define KIPC_STUB_H

#include <errno.h>
#include <string.h>

#include <kipc.h>

/* A place in an A-stack.  An error stays: it is asked for once, at the end. */
struct kipc_cursor {
	unsigned char *at;
	size_t left;
	int error;
};

static inline struct kipc_cursor kipc_cursor_of(void *memory, size_t size)
{
	struct kipc_cursor c = { (unsigned char *)memory, size, 0 };

	return c;
}

/* Likewise, of a length that the other side has given. */
static inline struct kipc_cursor kipc_cursor_within(void *memory, uint64_t length,
						    size_t size)
{
	struct kipc_cursor c = kipc_cursor_of(memory, size);

	if (length > size)
		c.error = EBADMSG;
	else
		c.left = (size_t)length;
	return c;
}

static inline void kipc_cursor_put(struct kipc_cursor *c, const void *data, size_t size)
{
	if (c->error || size > c->left) {
		c->error = c->error ? c->error : EMSGSIZE;
		return;
	}
	memcpy(c->at, data, size);
	c->at += size;
	c->left -= size;
}

static inline void kipc_cursor_get(struct kipc_cursor *c, void *data, size_t size)
{
	if (c->error || size > c->left) {
		c->error = c->error ? c->error : EBADMSG;
		return;
	}
	memcpy(data, c->at, size);
	c->at += size;
	c->left -= size;
}

/* So many bytes, and before them how many; @most is what the field can hold. */
static inline void kipc_cursor_put_counted(struct kipc_cursor *c, const void *data,
					   size_t size, size_t most)
{
	uint32_t count = (uint32_t)size;

	if (size > most)
		c->error = EMSGSIZE;
	kipc_cursor_put(c, &count, sizeof(count));
	kipc_cursor_put(c, data, size);
}

static inline uint32_t kipc_cursor_get_counted(struct kipc_cursor *c, void *data,
					       size_t most)
{
	uint32_t count = 0;

	kipc_cursor_get(c, &count, sizeof(count));
	/* The compiler must not read it again, which it might take to be the same. */
	__asm__ volatile("" : "+r" (count));
	if (count > most)
		c->error = EBADMSG;
	kipc_cursor_get(c, data, count);
	return c->error ? 0 : count;
}

/* How much has been put. */
static inline uint64_t kipc_cursor_length(const struct kipc_cursor *c, const void *start)
{
	return (uint64_t)(c->at - (const unsigned char *)start);
}

/* The end of what was got: nothing may be left over. */
static inline int kipc_cursor_end(const struct kipc_cursor *c)
{
	return c->error ? c->error : c->left ? EBADMSG : 0;
}

/* A field: in a structure, on its way into an A-stack, and out of it; at most how long. */
#define KIPC_FIELD(kind, what, name)		KIPC_FIELD_##kind(what, name)
#define KIPC_FIELD_value(type, name)		type name;
#define KIPC_FIELD_string(most, name)		char name[(most) + 1];
#define KIPC_FIELD_bytes(most, name)		\
	struct { uint32_t size; unsigned char data[most]; } name;

#define KIPC_PUT(kind, what, name)		KIPC_PUT_##kind(what, name)
#define KIPC_PUT_value(type, name)		\
	kipc_cursor_put(c, &message->name, sizeof(message->name));
#define KIPC_PUT_string(most, name)		\
	kipc_cursor_put_counted(c, message->name, strnlen(message->name, (most) + 1), most);
#define KIPC_PUT_bytes(most, name)		\
	kipc_cursor_put_counted(c, message->name.data, message->name.size, most);

#define KIPC_GET(kind, what, name)		KIPC_GET_##kind(what, name)
#define KIPC_GET_value(type, name)		\
	kipc_cursor_get(c, &message->name, sizeof(message->name));
#define KIPC_GET_string(most, name)		\
	message->name[kipc_cursor_get_counted(c, message->name, most)] = 0;
#define KIPC_GET_bytes(most, name)		\
	message->name.size = kipc_cursor_get_counted(c, message->name.data, most);

#define KIPC_LENGTH(kind, what, name)		KIPC_LENGTH_##kind(what)
#define KIPC_LENGTH_value(type)			+ sizeof(type)
#define KIPC_LENGTH_string(most)		+ sizeof(uint32_t) + (most)
#define KIPC_LENGTH_bytes(most)			+ sizeof(uint32_t) + (most)

/* Without fields it is an extension of C. */
#define KIPC_MESSAGE(message_type, FIELDS)					\
__extension__ struct message_type {						\
	FIELDS(KIPC_FIELD)							\
};										\
static inline void message_type##_put(struct kipc_cursor *c,			\
				      const struct message_type *message)	\
{										\
	(void)c;								\
	(void)message;								\
	FIELDS(KIPC_PUT)							\
}										\
static inline void message_type##_get(struct kipc_cursor *c,			\
				      struct message_type *message)		\
{										\
	(void)c;								\
	(void)message;								\
	FIELDS(KIPC_GET)							\
}

/*
 * The client's side.  An A-stack is taken for the time of the call, so that any number of
 * threads may share the binding: EAGAIN if there is none.
 */
#define KIPC_PROCEDURE(service, name, IN, OUT)					\
KIPC_MESSAGE(service##_##name##_in, IN)						\
KIPC_MESSAGE(service##_##name##_out, OUT)					\
static inline int service##_##name(struct kipc_binding *binding,		\
				   const struct service##_##name##_in *in,	\
				   struct service##_##name##_out *out,		\
				   uint64_t deadline)				\
{										\
	int stack = kipc_stack_take(binding), status = -1;			\
	uint64_t args[8] = { 0 };						\
	struct kipc_cursor c;							\
	void *memory;								\
										\
	if (stack < 0)								\
		return -1;							\
	memory = kipc_stack(binding, stack);					\
	c = kipc_cursor_of(memory, kipc_stack_size(binding));			\
	service##_##name##_in_put(&c, in);					\
	args[0] = kipc_cursor_length(&c, memory);				\
	if (!c.error)								\
		status = kipc_call(binding, stack, service##_##name##_number,	\
				   args, deadline);				\
	if (status >= 0) {							\
		c = kipc_cursor_within(memory, args[0],				\
				       kipc_stack_size(binding));		\
		service##_##name##_out_get(&c, out);				\
		c.error = kipc_cursor_end(&c);					\
	}									\
	kipc_stack_release(binding, stack);					\
	if (!c.error)								\
		return status;							\
	errno = c.error;							\
	return -1;								\
}

/* The server's side: one handler. */
#define KIPC_SERVE(service, name, IN, OUT)					\
static int service##_serve_##name(const struct service##_##name##_in *in,	\
				  struct service##_##name##_out *out);		\
static void service##_handle_##name(void *a_stack, const uint64_t args[8])	\
{										\
	struct kipc_cursor c = kipc_cursor_within(a_stack, args[0],		\
						  kipc_stack_room());		\
	struct service##_##name##_out out;					\
	struct service##_##name##_in in;					\
	uint64_t results[8] = { 0 };						\
	int status;								\
										\
	service##_##name##_in_get(&c, &in);					\
	c.error = kipc_cursor_end(&c);						\
	if (c.error) {								\
		kipc_return(-c.error, NULL);					\
		return;								\
	}									\
	memset(&out, 0, sizeof(out));						\
	status = service##_serve_##name(&in, &out);				\
	c = kipc_cursor_of(a_stack, kipc_stack_room());				\
	service##_##name##_out_put(&c, &out);					\
	results[0] = kipc_cursor_length(&c, a_stack);				\
	kipc_return(c.error ? -c.error : status, results);			\
}

#define KIPC_NUMBER(service, name, IN, OUT)	service##_##name##_number,
#define KIPC_LENGTHS(service, name, IN, OUT)	\
	char name##_in[1 IN(KIPC_LENGTH)];	\
	char name##_out[1 OUT(KIPC_LENGTH)];
#define KIPC_ENTRY(service, name, IN, OUT)	service##_handle_##name,

/* For both sides. */
#define KIPC_STUBS(service, LIST)						\
enum { LIST(KIPC_NUMBER) service##_procedures };				\
LIST(KIPC_PROCEDURE)								\
union service##_lengths {							\
	LIST(KIPC_LENGTHS)							\
};										\
enum { service##_stack_size = sizeof(union service##_lengths) };

/* For the server, besides. */
#define KIPC_SERVER(service, LIST)						\
LIST(KIPC_SERVE)								\
static kipc_handler *const service##_handlers[] = { LIST(KIPC_ENTRY) };

#endif /* KIPC_STUB_H */
