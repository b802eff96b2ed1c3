/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages of the kernel, read into structures: all of it is written. */
#ifndef KIPC_TOOL_ANSWERS_H
#define KIPC_TOOL_ANSWERS_H

struct event;
struct latency;
struct nlmsghdr;
struct object;
struct row;
struct usage;

void read_object(const struct nlmsghdr *header, struct object *object);
void read_row(const struct nlmsghdr *header, struct row *row);
void read_event(const struct nlmsghdr *header, struct event *event);
void read_latency(const struct nlmsghdr *header, struct latency *latency);
void read_usage(const struct nlmsghdr *header, struct usage *usage);

#endif /* KIPC_TOOL_ANSWERS_H */
