// SPDX-License-Identifier: LGPL-2.1-or-later
/* Names for numbers, and numbers as people write them. */
#include "tool.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

/* By KIPC_KIND_... */
static const char *const kinds[] = {
	NULL, "mailbox", "queue", "pipe", "service", "memory", "semaphores",
};

/* By enum kipc_wait. */
static const char *const waits[] = {
	NULL, "room", "data", "reply", "call", "peer", "zero",
};

/* By enum kipc_call_stage. */
static const char *const stages[] = {
	NULL, "queued", "served", "orphan", "done",
};

/* By the bit in KIPC_HAPPENED_... */
static const char *const events[] = {
	"created", "opened", "unlinked", "removed", "ended", "limit", "died", "busy",
	"dropped",
};

/* By enum kipc_limit. */
static const char *const resources[] = {
	"objects", "bytes", "waiters", "carried", "memory",
};

static const char *word(const char *const *words, size_t count, uint32_t number)
{
	return number < count && words[number] ? words[number] : "?";
}

const char *kind_name(uint32_t kind)
{
	return word(kinds, COUNT(kinds), kind);
}

/**
 * kind_of - the kind of a name, or of an unmistakable beginning of it
 * @name: as of kind_name()
 *
 * Ends the command if there is none.
 */
uint32_t kind_of(const char *name)
{
	uint32_t kind, found = 0, fitting = 0;

	for (kind = 1; kind < COUNT(kinds); kind++)
		if (*name && !strncmp(kinds[kind], name, strlen(name))) {
			found = kind;
			fitting++;
		}
	if (fitting == 1)
		return found;
	if (fitting)
		bad_usage("'%s' may be more than one kind: say more of the word", name);
	bad_usage("'%s' is no kind: mailbox, queue, pipe, service, memory, semaphores",
		  name);
}

const char *wait_name(uint32_t what)
{
	return word(waits, COUNT(waits), what);
}

const char *stage_name(uint32_t stage)
{
	return word(stages, COUNT(stages), stage);
}

const char *event_name(uint32_t what)
{
	return what ? word(events, COUNT(events), __builtin_ctz(what)) : "?";
}

/**
 * event_of - the KIPC_HAPPENED_... of a name
 * @name: as of event_name()
 *
 * Ends the command if there is none.
 */
uint32_t event_of(const char *name)
{
	size_t i;

	for (i = 0; i < COUNT(events); i++)
		if (!strcmp(events[i], name))
			return 1U << i;
	bad_usage("'%s' is no event: see 'kipc monitor --help'", name);
}

const char *resource_name(uint32_t resource)
{
	return word(resources, COUNT(resources), resource);
}

const char *user_name(uint32_t uid, char buffer[32])
{
	const struct passwd *user = getpwuid(uid);

	if (user)
		snprintf(buffer, 32, "%s", user->pw_name);
	else
		snprintf(buffer, 32, "%u", uid);
	return buffer;
}

/**
 * uid_of - the user of a name, or of a number
 * @name: what was given
 *
 * Ends the command if it is none.
 */
uid_t uid_of(const char *name)
{
	const struct passwd *user = getpwnam(name);

	return user ? user->pw_uid : number_up_to(name, "user", UINT32_MAX - 1);
}

const char *group_name(uint32_t gid, char buffer[32])
{
	const struct group *group = getgrgid(gid);

	if (group)
		snprintf(buffer, 32, "%s", group->gr_name);
	else
		snprintf(buffer, 32, "%u", gid);
	return buffer;
}

/**
 * process_name - what a process calls itself, with nothing that a terminal would obey
 * @pid: the process
 * @buffer: for it
 *
 * Returns "?" if it is not there, or must not be looked at.
 */
const char *process_name(uint32_t pid, char buffer[32])
{
	char path[32], *c;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	file = fopen(path, "re");
	if (!file || !fgets(buffer, 32, file))
		strcpy(buffer, "?");
	if (file)
		fclose(file);
	buffer[strcspn(buffer, "\n")] = 0;
	for (c = buffer; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
	return buffer;
}

/**
 * character - the length of a character of UTF-8
 * @text: where it begins
 *
 * Returns how many bytes it has, or 0: it is none, or one that is not to be printed.
 */
size_t character(const unsigned char *text)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = *text >= 0xf0 ? 4 : *text >= 0xe0 ? 3 : 2, i;
	uint32_t code = *text & (0xff >> (length + 1));

	if (*text < 0x80)
		return !iscntrl(*text);
	if (*text < 0xc0 || *text >= 0xf8)
		return 0;
	for (i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	/* The other control characters. */
	return code < 0xa0 ? 0 : length;
}

/**
 * json_name - what an object is called, for JSON, which knows nothing but UTF-8
 * @name: the name
 * @buffer: OBJECT_NAME_SIZE bytes
 *
 * Returns the name, with a replacement character for each byte that is no part of one;
 * what is special in JSON is still to be escaped.
 */
const char *json_name(const char *name, char *buffer)
{
	const unsigned char *from = (const unsigned char *)name;
	char *to = buffer;
	size_t length;

	for (; *from; from += length) {
		length = *from < 0x80 ? 1 : character(from);
		if (length) {
			to = mempcpy(to, from, length);
		} else {
			to = stpcpy(to, "\357\277\275");
			length = 1;
		}
	}
	*to = 0;
	return buffer;
}

/**
 * object_name - what an object is called, with nothing that a terminal would obey
 * @object: the object
 * @buffer: OBJECT_NAME_SIZE bytes
 *
 * Returns its name, or "#" and its number.
 */
const char *object_name(const struct object *object, char *buffer)
{
	const unsigned char *from = (const unsigned char *)object->name;
	char *to = buffer;
	size_t length;

	if (!*from) {
		sprintf(buffer, "#%llu", (unsigned long long)object->id);
		return buffer;
	}
	for (; *from; from += length) {
		length = *from == '\\' ? 0 : character(from);
		if (length) {
			to = mempcpy(to, from, length);
		} else {
			to += sprintf(to, "\\%03o", *from);
			length = 1;
		}
	}
	*to = 0;
	return buffer;
}

const char *for_people_bytes(uint64_t bytes, char buffer[32])
{
	static const char units[] = "BKMGTPE";
	double n = bytes;
	int i = 0;

	while (n >= 1024) {
		n /= 1024;
		i++;
	}
	if (!i || n >= 100)
		snprintf(buffer, 32, "%.0f%c", n, units[i]);
	else
		snprintf(buffer, 32, "%.1f%c", n, units[i]);
	return buffer;
}

const char *for_people_time(uint64_t nanoseconds, char buffer[32])
{
	uint64_t s = nanoseconds / 1000000000;

	if (s < 10)
		snprintf(buffer, 32, "%.2fs", nanoseconds / 1e9);
	else if (s < 120)
		snprintf(buffer, 32, "%llus", (unsigned long long)s);
	else if (s < 7200)
		snprintf(buffer, 32, "%llum", (unsigned long long)s / 60);
	else if (s < 172800)
		snprintf(buffer, 32, "%lluh", (unsigned long long)s / 3600);
	else
		snprintf(buffer, 32, "%llud", (unsigned long long)s / 86400);
	return buffer;
}

/**
 * number_of - a number that was given
 * @text: digits, with K, M, G for powers of 1024
 * @what: what it is, for a message
 *
 * Ends the command if it is none.
 */
uint64_t number_of(const char *text, const char *what)
{
	static const char units[] = "KMG";
	const char *unit;
	uint64_t n;
	char *end;
	int shift = 0;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (*end) {
		unit = strchr(units, toupper((unsigned char)*end));
		if (!unit || end[1])
			bad_usage("'%s' is no %s", text, what);
		shift = 10 * (unit - units + 1);
	}
	if (!isdigit((unsigned char)*text) || errno || n > UINT64_MAX >> shift)
		bad_usage("'%s' is no %s", text, what);
	return n << shift;
}

/**
 * number_up_to - a number that was given, as a field of 32 bits, or another bound, has it
 * @text: as for number_of()
 * @what: likewise
 * @most: the greatest
 *
 * Ends the command if it is none.
 */
uint64_t number_up_to(const char *text, const char *what, uint64_t most)
{
	uint64_t n = number_of(text, what);

	if (n > most)
		bad_usage("'%s' is no %s", text, what);
	return n;
}

/**
 * mode_of - permission bits that were given
 * @text: three octal digits
 *
 * Ends the command if they are none.
 */
mode_t mode_of(const char *text)
{
	char *end;
	unsigned long mode = strtoul(text, &end, 8);

	if (!isdigit((unsigned char)*text) || *end || mode > 0777)
		bad_usage("'%s' is no mode: three octal digits, as 640", text);
	return mode;
}

/**
 * seconds_of - a span of time that was given
 * @text: seconds, perhaps with a fraction
 *
 * Returns nanoseconds; ends the command if it is none.
 */
uint64_t seconds_of(const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !(seconds >= 0) || seconds > 1e9)
		bad_usage("'%s' is no number of seconds", text);
	return seconds * 1e9;
}

/**
 * deadline_of - until when a timeout is
 * @timeout: nanoseconds; 0: not to wait at all, negative: for ever
 */
uint64_t deadline_of(int64_t timeout)
{
	if (timeout < 0)
		return KIPC_FOREVER;
	return timeout ? kipc_deadline(timeout) : KIPC_NO_WAIT;
}
