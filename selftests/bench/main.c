// SPDX-License-Identifier: GPL-2.0
/*
 * kbench [-r ROUNDS] [-m MESSAGES] [-o OP,...] [-p PEER,...] [-s PAYLOAD,...]
 *	  [-w PLACEMENT,...]
 * kbench -l
 *
 * Measures; -l lists the words that choose what.  What it prints:
 *	expect NUMBER				so many turns will come
 *	turn OP MECHANISM PAYLOAD PLACEMENT	it begins
 *	sample OP MECHANISM PAYLOAD PLACEMENT NUMBER
 *	done
 */
#include "bench.h"

static const char *const placements[] = {
	[SAME_CPU] = "same-cpu",
	[SAME_CPU_BUSY] = "same-cpu-busy",
	[TWO_CPUS] = "two-cpus",
	[UNPINNED] = "unpinned",
};

struct peer *const peers[] = {
	&pipe_peer, &mailbox_peer, &mailbox_lib_peer, &mailbox_batch_peer,
	&rendezvous_peer, &rpc_peer, &queue_peer, &queue_typed_peer, &kipc_pipe_peer,
	&service_peer, &service_asleep_peer, &doorbell_peer, &eventfd_slot_peer,
	&kipc_sem_peer,
	&posix_mq_peer, &sysv_msg_peer,
	&unix_stream_peer, &unix_seqpacket_peer, &eventfd_peer, &futex_peer,
	&spin_peer, &vm_readv_peer, &sysv_sem_peer, &posix_sem_peer,
	&binder_peer, &getppid_peer, &yield_peer, &memcpy_peer, NULL
};

static const struct op *const *const op_lists[] = {
	message_ops, call_ops, notify_ops, selective_ops, select_ops, object_ops,
	sem_ops
};

static unsigned int rounds = 5, messages = 16000;
static const char *only_ops, *only_peers, *only_payloads;
static const char *only_placements = "same-cpu";

void give(const struct turn *t, const char *detail, double value)
{
	printf("sample %s%s%s %s %zu %s %.1f\n", t->op, detail ? "-" : "",
	       detail ? detail : "", t->peer->name, t->payload,
	       placements[t->placement], value);
}

/* Whether the word is in the list, whose words are parted by commas. */
static bool listed(const char *list, const char *word)
{
	size_t size = strlen(word);

	while (list) {
		if (!strncmp(list, word, size) && (!list[size] || list[size] == ','))
			return true;
		list = strchr(list, ',');
		if (list)
			list++;
	}
	return false;
}

static bool payload_wanted(size_t payload)
{
	char word[24];

	snprintf(word, sizeof(word), "%zu", payload);
	return !only_payloads || listed(only_payloads, word);
}

static bool peer_wanted(const struct op *op, const struct peer *p, size_t payload,
			enum placement where)
{
	if (p->missing || (only_peers && !listed(only_peers, p->name)))
		return false;
	if (p->can & PEER_SPINS && where != TWO_CPUS)
		return false;
	return op->fits(p, payload);
}

/* Long messages take their time: fewer of them will do. */
static unsigned int messages_for(const struct op *op, size_t payload)
{
	unsigned int n = messages / op->fewer;

	return payload >= 65536 ? n / 8 : payload >= 4096 ? n / 2 : n;
}

/* All peers have their turn in each round; gives the number of turns. */
static unsigned int measure(const struct op *op, size_t payload,
			    enum placement where, bool count_only)
{
	unsigned int round, i, n = 0;
	unsigned int most = op->max_rounds && op->max_rounds < rounds ?
			    op->max_rounds : rounds;

	if (op->one_placement && where != SAME_CPU)
		return 0;
	for (round = 0; round < most; round++) {
		for (i = 0; peers[i]; i++) {
			struct turn t = {
				.op = op->name,
				.peer = peers[i],
				.payload = payload,
				.placement = where,
				.messages = messages_for(op, payload),
			};

			if (!peer_wanted(op, peers[i], payload, where))
				continue;
			n++;
			if (count_only)
				continue;
			printf("turn %s %s %zu %s\n", op->name, peers[i]->name,
			       payload, placements[where]);
			op->run(&t);
			fflush(stdout);
		}
	}
	return n;
}

static unsigned int measure_op(const struct op *op, bool count_only)
{
	unsigned int i, where, n = 0;

	if (only_ops && !listed(only_ops, op->name))
		return 0;
	for (i = 0; op->payloads[i] != PAYLOADS_END; i++) {
		if (!payload_wanted(op->payloads[i]))
			continue;
		for (where = 0; where < ARRAY_SIZE(placements); where++)
			if (listed(only_placements, placements[where]))
				n += measure(op, op->payloads[i], where, count_only);
	}
	return n;
}

static unsigned int measure_all(bool count_only)
{
	const struct op *const *op;
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(op_lists); i++)
		for (op = op_lists[i]; *op; op++)
			n += measure_op(*op, count_only);
	return n;
}

/* Limits are raised for those only that will be measured. */
static void prepare(void)
{
	void (*done)(void) = NULL;
	unsigned int i;

	for (i = 0; peers[i]; i++) {
		if (only_peers && !listed(only_peers, peers[i]->name))
			continue;
		if (peers[i]->device && access(peers[i]->device, F_OK)) {
			fprintf(stderr, "without %s: there is no %s (is the module loaded?)\n",
				peers[i]->name, peers[i]->device);
			peers[i]->missing = true;
			continue;
		}
		if (peers[i]->prepare && peers[i]->prepare != done)
			peers[i]->prepare();
		done = peers[i]->prepare;
	}
}

static void list(void)
{
	const struct op *const *op;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(op_lists); i++) {
		for (op = op_lists[i]; *op; op++) {
			const size_t *payload = (*op)->payloads;

			printf("op %s\n", (*op)->name);
			for (; *payload != PAYLOADS_END; payload++)
				printf("payload %zu\n", *payload);
		}
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
	prepare();
	printf("expect %u\n", measure_all(true));
	fflush(stdout);
	measure_all(false);
	puts("done");
	return EXIT_SUCCESS;
}
