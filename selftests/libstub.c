// SPDX-License-Identifier: GPL-2.0
/* Stubs: what goes in comes out, and what is forged does not. */
#include "test.h"
#include "libservice.h"

#include <kipc_stub.h>

struct point {
	int32_t x, y;
};

#define SHOP_PRICE_IN(F)	F(string, 15, article) F(value, struct point, at) \
				F(bytes, 64, picture)
#define SHOP_PRICE_OUT(F)	F(value, uint64_t, price) F(string, 31, text) \
				F(bytes, 64, picture) F(value, struct point, at)
#define SHOP_CLOSE_IN(F)	F(value, uint32_t, error)
#define SHOP_CLOSE_OUT(F)
#define SHOP(P)			P(shop, price, SHOP_PRICE_IN, SHOP_PRICE_OUT) \
				P(shop, close, SHOP_CLOSE_IN, SHOP_CLOSE_OUT)
KIPC_STUBS(shop, SHOP)
KIPC_SERVER(shop, SHOP)

static int shop_serve_price(const struct shop_price_in *in, struct shop_price_out *out)
{
	/* Whatever a client does, these hold. */
	CHECK(strnlen(in->article, sizeof(in->article)) <= 15);
	CHECK(in->picture.size <= sizeof(in->picture.data));
	out->price = strlen(in->article);
	snprintf(out->text, sizeof(out->text), "the %s", in->article);
	out->at.x = in->at.y;
	out->at.y = in->at.x;
	out->picture.size = in->picture.size;
	memcpy(out->picture.data, in->picture.data, in->picture.size);
	/* A server that makes a mistake is told, too. */
	if (!strcmp(in->article, "long"))
		out->picture.size = 65;
	return 3;
}

static int shop_serve_close(const struct shop_close_in *in, struct shop_close_out *out)
{
	(void)out;
	return -(int)in->error;
}

FIXTURE(shop) {
	const char *name;
	struct kipc_binding *b;
	pid_t pid;
};

FIXTURE_SETUP(shop)
{
	struct kipc_service_options options = {
		.handlers = shop_handlers,
		.handler_count = shop_procedures,
		.attr.stack_size = shop_stack_size,
	};

	self->name = temp_name("service");
	self->pid = lib_serve(self->name, &options);
	self->b = lib_bind(self->name);
}

FIXTURE_TEARDOWN(shop)
{
	kipc_disconnect(self->b);
	EXPECT_EQ(128 + SIGKILL, slay(self->pid));
}

TEST_F(shop, there_and_back)
{
	struct shop_price_in in = { "fifteen letters", { 4, 5 }, { 64, "picture" } };
	struct shop_close_in error = { EXDEV };
	struct shop_close_out none;
	struct shop_price_out out;

	memset(&out, POISON, sizeof(out));
	EXPECT_EQ(3, shop_price(self->b, &in, &out, after(PATIENCE)));
	EXPECT_EQ(15, out.price);
	EXPECT_EQ(0, strcmp(out.text, "the fifteen letters"));
	EXPECT_EQ(5, out.at.x);
	EXPECT_EQ(4, out.at.y);
	EXPECT_EQ(64, out.picture.size);
	EXPECT_EQ(0, memcmp(out.picture.data, in.picture.data, 64));

	in = (struct shop_price_in) { "", { 0, 0 }, { 0, "" } };
	EXPECT_EQ(3, shop_price(self->b, &in, &out, after(PATIENCE)));
	EXPECT_EQ(0, out.price);
	EXPECT_EQ(0, strcmp(out.text, "the "));
	EXPECT_EQ(0, out.picture.size);

	EXPECT_ERR(EXDEV, shop_close(self->b, &error, &none, after(PATIENCE)));
	error.error = 0;
	EXPECT_EQ(0, shop_close(self->b, &error, &none, after(PATIENCE)));
	EXPECT_EQ(0, shop_price_number);
	EXPECT_EQ(1, shop_close_number);
	EXPECT_EQ(2, shop_procedures);
	EXPECT_LE(4 + 15 + sizeof(struct point) + 4 + 64, shop_stack_size);
	/* Every A-stack was given back. */
	EXPECT_EQ(0, kipc_stack_take(self->b));
}

TEST_F(shop, what_does_not_fit)
{
	struct shop_price_in in = { "ok", { 0, 0 }, { 65, "" } };
	struct shop_price_out out;
	unsigned int i;

	EXPECT_ERR(EMSGSIZE, shop_price(self->b, &in, &out, after(PATIENCE)));
	in.picture.size = UINT32_MAX;
	EXPECT_ERR(EMSGSIZE, shop_price(self->b, &in, &out, after(PATIENCE)));
	in.picture.size = 0;
	memset(in.article, 'a', sizeof(in.article));	/* which does not end */
	EXPECT_ERR(EMSGSIZE, shop_price(self->b, &in, &out, after(PATIENCE)));
	EXPECT_EQ(0, lib_figures(kipc_binding_fd(self->b)).calls);
	strcpy(in.article, "long");
	EXPECT_ERR(EMSGSIZE, shop_price(self->b, &in, &out, after(PATIENCE)));
	for (i = 0; i < kipc_stacks(self->b); i++)
		EXPECT_OK(kipc_stack_take(self->b));
	EXPECT_ERR(EAGAIN, shop_price(self->b, &in, &out, after(PATIENCE)));
}

/* What a client writes that does not use the stub. */
struct forged {
	uint32_t article_size;
	char article[2];
	struct point at;
	uint32_t picture_size;
	char picture[3];
} __attribute__((packed));

static int forge(struct kipc_binding *b, uint32_t article, uint32_t picture,
		 uint64_t length)
{
	struct forged f = { article, "ab", { 1, 2 }, picture, "xyz" };
	uint64_t args[8] = { length };

	memset(kipc_stack(b, 0), 0, kipc_stack_size(b));
	memcpy(kipc_stack(b, 0), &f, sizeof(f));
	return kipc_call(b, 0, shop_price_number, args, after(PATIENCE));
}

TEST_F(shop, forged_lengths)
{
	const uint64_t good = sizeof(struct forged);
	struct kipc_binding *b = self->b;
	uint64_t length;

	EXPECT_EQ(3, forge(b, 2, 3, good));
	for (length = 0; length < good; length++)
		EXPECT_ERR(EBADMSG, forge(b, 2, 3, length));
	EXPECT_ERR(EBADMSG, forge(b, 2, 3, good + 1));
	EXPECT_ERR(EBADMSG, forge(b, 2, 3, kipc_stack_size(b)));
	EXPECT_ERR(EBADMSG, forge(b, 2, 3, kipc_stack_size(b) + 1));
	EXPECT_ERR(EBADMSG, forge(b, 2, 3, UINT64_MAX));
	EXPECT_ERR(EBADMSG, forge(b, 2, 2, good));
	EXPECT_ERR(EBADMSG, forge(b, 2, 4, good));
	EXPECT_ERR(EBADMSG, forge(b, 2, UINT32_MAX, good));
	EXPECT_ERR(EBADMSG, forge(b, 2, 1U << 31, good));
	EXPECT_ERR(EBADMSG, forge(b, 16, 3, good));
	EXPECT_ERR(EBADMSG, forge(b, UINT32_MAX, 3, good));
	EXPECT_ERR(EBADMSG, forge(b, UINT32_MAX, 3, UINT64_MAX));
	EXPECT_EQ(3, forge(b, 2, 3, good));
}

static int flipping;	/* atomic */

static void *flip(void *stack)
{
	volatile uint32_t *size = stack;

	while (__atomic_load_n(&flipping, __ATOMIC_RELAXED)) {
		*size = 2;
		*size = UINT32_MAX;
	}
	return NULL;
}

/* A length that changes while the server looks: it is the one or the other. */
TEST_F(shop, flickering_lengths)
{
	struct forged f = { 2, "ab", { 1, 2 }, 3, "xyz" };
	unsigned int i, good = 0, bad = 0;
	pthread_t thread;

	memcpy(kipc_stack(self->b, 0), &f, sizeof(f));
	__atomic_store_n(&flipping, 1, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_create(&thread, NULL, flip, kipc_stack(self->b, 0)));
	for (i = 0; i < effort(3000); i++) {
		uint64_t args[8] = { sizeof(f) };
		int ret = kipc_call(self->b, 0, shop_price_number, args, after(PATIENCE));

		good += ret == 3;
		bad += ret == -1 && errno == EBADMSG;
		/* The server's reply begins where the length was. */
		memcpy((char *)kipc_stack(self->b, 0) + 4, (char *)&f + 4, sizeof(f) - 4);
	}
	__atomic_store_n(&flipping, 0, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(i, good + bad);
	TH_LOG("%u were good, %u refused", good, bad);
}

/* A server that lies. */
static void lie(void *a_stack, const uint64_t args[8])
{
	static unsigned int turn;	/* atomic */
	uint64_t results[8] = { 0 };
	uint32_t size = UINT32_MAX;

	(void)args;
	switch (__atomic_fetch_add(&turn, 1, __ATOMIC_RELAXED) % 4) {
	case 0:
		results[0] = UINT64_MAX;
		break;
	case 1:
		results[0] = kipc_stack_room() + 1;
		break;
	case 2:		/* a text longer than there is */
		results[0] = 64;
		memcpy((char *)a_stack + 8, &size, sizeof(size));
		break;
	case 3:		/* more than there should be */
		memset(a_stack, 0, kipc_stack_room());
		results[0] = kipc_stack_room();
		break;
	}
	kipc_return(0, results);
}

TEST(lying_server)
{
	static kipc_handler *const table[] = { lie };
	struct kipc_service_options options = { .handlers = table, .handler_count = 1 };
	struct shop_price_in in = { "ok", { 0, 0 }, { 0, "" } };
	const char *name = temp_name("service");
	pid_t pid = lib_serve(name, &options);
	struct kipc_binding *b = lib_bind(name);
	struct shop_price_out out;
	int i;

	for (i = 0; i < 4; i++)
		EXPECT_ERR(EBADMSG, shop_price(b, &in, &out, after(PATIENCE)));
	kipc_disconnect(b);
	EXPECT_EQ(128 + SIGKILL, slay(pid));
}

TEST_HARNESS_MAIN
