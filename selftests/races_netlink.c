// SPDX-License-Identifier: GPL-2.0
/* Forced races over netlink: who is found too early, whose number another one has. */
#include "test.h"
#include "knetlink.h"
#include "race.h"

FIXTURE(seen) {
	struct nl *nl;
	int ctl;
};

FIXTURE_SETUP(seen)
{
	NEED_DELAY_POINTS();
	self->ctl = control();
	self->nl = nl_open();
	ASSERT_NE(NULL, self->nl);
}

FIXTURE_TEARDOWN(seen)
{
	race_end();
}

/* Nobody can remove what is about to get its name: it would be named, and dead. */
TEST_F(seen, before_its_name)
{
	const char *name = temp_name("early");
	struct party *p = creator(self->ctl, name, KIPC_EXCL);
	struct nl_message m;
	struct nl_list list;
	int fd = default_box();
	long id = id_of(fd);

	hold(p, "create_unnamed");
	EXPECT_ERR(ENOENT, nl_remove(self->nl, id + 1));
	EXPECT_ERR(ENOENT, nl_get(self->nl, id + 1, NULL, &m));
	list = nl_dump(self->nl, KIPC_CMD_OBJECT, 0, false);
	EXPECT_EQ(1, list.count);
	free(list.item);
	release("create_unnamed");
	EXPECT_EQ(id + 1, outcome(p));
	EXPECT_OK(k_open(self->ctl, name, SEND, 0));
	EXPECT_OK(nl_get(self->nl, id + 1, NULL, &m));
	EXPECT_STREQ(name, m.name);
}

static long subscribe_and_close(struct party *p)
{
	struct nl *nl = nl_open();

	CHECK(nl && !nl_subscribe(nl, KIPC_HAPPENED_CREATED, false));
	p->number = mnl_socket_get_portid(nl->socket);
	nl_close(nl);
	return 0;
}

/* It is nobody's subscription, and takes no other's away. */
TEST_F(seen, number_of_a_closed_socket)
{
	struct party *p = party(subscribe_and_close, self->ctl);
	struct nl_message m;
	struct nl *nl;

	hold(p, "socket_closed");
	nl = nl_open_as(p->number);
	ASSERT_NE(NULL, nl);
	default_box();
	EXPECT_FALSE(nl_event(nl, &m, 200));
	EXPECT_OK(nl_subscribe(nl, KIPC_HAPPENED_CREATED, false));
	release("socket_closed");
	EXPECT_EQ(0, outcome(p));
	default_box();
	EXPECT_TRUE(nl_event(nl, &m, 20000));
}

/* Who subscribes and who opens the device as the first of a namespace have one table. */
static long subscribe_first(struct party *p)
{
	struct nl *nl = nl_open();

	(void)p;
	CHECK(nl && !nl_subscribe(nl, KIPC_HAPPENED_CREATED, false));
	return referenced("tables");
}

TEST(first_of_a_namespace)
{
	struct party *p;
	long tables;

	NEED_DELAY_POINTS();
	tables = referenced("tables");
	ASSERT_OK(unshare(CLONE_NEWIPC));
	p = party(subscribe_first, -1);
	hold(p, "names_created");
	control();
	/* The one that is held counts, too, until it turns out that it is not needed. */
	EXPECT_EQ(tables + 2, referenced("tables"));
	release("names_created");
	EXPECT_EQ(tables + 1, outcome(p));
	race_end();
}

TEST_HARNESS_MAIN
