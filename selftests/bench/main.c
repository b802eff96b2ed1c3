// SPDX-License-Identifier: GPL-2.0
/*
 * kbench [-r ROUNDS] [-m MESSAGES] [-o OP,...] [-p PEER,...] [-s PAYLOAD,...]
 *	  [-w PLACEMENT,...]
 * kbench -l
 *
 * Measures, and prints a line for each turn (-l: the words that there are):
 *	sample OP MECHANISM PAYLOAD PLACEMENT NUMBER
 * Lines of another sort:
 *	expect NUMBER		so many samples will come
 *	skip OP MECHANISM PAYLOAD PLACEMENT WHY
 */
#include "bench.h"

static const char *const placements[] = { "same-cpu", "two-cpus", "unpinned" };

static unsigned int rounds = 5, messages = 16000;
static const char *only_ops, *only_peers, *only_payloads;
static const char *only_placements = "same-cpu";

/* Whether the word is in the list, whose words are parted by commas. */
static bool listed(const char *list, const char *word)
{
	size_t size = strlen(word);

	while (list) {
		if (!strncmp(list, word, size) && (!list[size] || list[size] == ','))
			return true;
		list = strchr(list, ',');
		list += !!list;
	}
	return false;
}

static bool payload_wanted(size_t payload)
{
	char word[24];

	snprintf(word, sizeof(word), "%zu", payload);
	return !only_payloads || listed(only_payloads, word);
}

static bool peer_wanted(const struct op *op, const struct peer *p, size_t payload)
{
	return (!only_peers || listed(only_peers, p->name)) && op->fits(p, payload);
}

/* All peers have their turn in each round. */
static unsigned int measure(const struct op *op, size_t payload,
			    enum placement where, bool count_only)
{
	unsigned int round, i, n = 0;

	for (round = 0; round < rounds; round++) {
		for (i = 0; peers[i]; i++) {
			struct turn t = {
				.peer = peers[i],
				.payload = payload,
				.placement = where,
				.messages = messages,
			};
			double result;

			if (!peer_wanted(op, peers[i], payload))
				continue;
			n++;
			if (count_only)
				continue;
			result = op->run(&t);
			if (t.why)
				printf("skip %s %s %zu %s %s\n", op->name,
				       t.peer->name, payload, placements[where], t.why);
			else
				printf("sample %s %s %zu %s %.1f\n", op->name,
				       t.peer->name, payload, placements[where], result);
			fflush(stdout);
		}
	}
	return n;
}

static unsigned int measure_all(bool count_only)
{
	unsigned int i, j, where, n = 0;

	for (i = 0; ops[i]; i++) {
		if (only_ops && !listed(only_ops, ops[i]->name))
			continue;
		for (j = 0; ops[i]->payloads[j]; j++) {
			if (!payload_wanted(ops[i]->payloads[j]))
				continue;
			for (where = 0; where < ARRAY_SIZE(placements); where++)
				if (listed(only_placements, placements[where]))
					n += measure(ops[i], ops[i]->payloads[j],
						     where, count_only);
		}
	}
	return n;
}

/* The words that choose what is measured. */
static void list(void)
{
	unsigned int i, j;

	for (i = 0; ops[i]; i++) {
		printf("op %s\n", ops[i]->name);
		for (j = 0; ops[i]->payloads[j]; j++)
			printf("payload %zu\n", ops[i]->payloads[j]);
	}
	for (i = 0; peers[i]; i++)
		printf("mechanism %s\n", peers[i]->name);
	for (i = 0; i < ARRAY_SIZE(placements); i++)
		printf("placement %s\n", placements[i]);
}

int main(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "lr:m:o:p:s:w:")) != -1) {
		switch (option) {
		case 'l':
			list();
			return EXIT_SUCCESS;
		case 'r':
			rounds = strtoul(optarg, NULL, 10);
			break;
		case 'm':
			messages = strtoul(optarg, NULL, 10);
			break;
		case 'o':
			only_ops = optarg;
			break;
		case 'p':
			only_peers = optarg;
			break;
		case 's':
			only_payloads = optarg;
			break;
		case 'w':
			only_placements = optarg;
			break;
		default:
			return EXIT_FAILURE;
		}
	}
	printf("expect %u\n", measure_all(true));
	fflush(stdout);
	measure_all(false);
	puts("done");
	return EXIT_SUCCESS;
}
