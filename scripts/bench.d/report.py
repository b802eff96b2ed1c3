#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
#
# report.py RESULTS SAMPLES...
#
# Makes rows of samples (median, lowest, highest of each measurement's rounds),
# writes them as JSON, prints them as a table, and says where kipc loses, and why.
import collections
import json
import statistics
import sys
import textwrap

KEY = ("mode", "kernel", "op", "mechanism", "payload", "placement")
FLOORS = ("getppid", "sched-yield-pair", "memcpy")
# Less of a difference is none, and neither is one that is within the spread.
NOTABLE = 1.01
WHY = {
    "eventfd-shm": "its ring is in shared memory, where nobody is protected from "
                   "the other side; it enters the kernel only to sleep or wake",
    "futex-shm": "as eventfd-shm",
    "spin-shm": "as eventfd-shm, and it never sleeps",
    "vm-readv-futex": "one copy in place of two; needs the right to trace the sender",
    "sysv-sem-shm": "the data is in shared memory, unprotected",
    "posix-sem-shm": "the data is in shared memory, unprotected",
    "unix-stream": "long messages lie in a few large pieces of memory",
    "unix-seqpacket": "as unix-stream",
    "pipe": "it keeps bytes only: no header, no sender, no statistics",
    "posix-mq": "a waiting receiver is given the message before it wakes; no poll "
                "wake-up, no sender, no statistics",
    "sysv-msg": "as posix-mq; its objects are no descriptors, so that they are "
                "cheap and never cleaned up",
    "binder": "the kernel copies once, into memory that the receiver has mapped; who "
              "copies it out of there does so in few, wide instructions",
}


def group(row):
    return tuple(row[k] for k in KEY if k != "mechanism")


def rows_of(paths):
    samples = collections.defaultdict(list)
    for path in paths:
        for line in open(path):
            *key, value = line.split()
            samples[tuple(key)].append(float(value))
    rows = []
    for key, values in samples.items():
        row = dict(zip(KEY, key), payload=int(key[4]))
        row.update(median=statistics.median(values), min=min(values),
                   max=max(values), rounds=len(values))
        rows.append(row)
    pipes = {group(row): row["median"] for row in rows
             if row["mechanism"] == "pipe"}
    for row in rows:
        pipe = pipes.get(group(row))
        row["ratio_to_pipe"] = round(row["median"] / pipe, 4) if pipe else None
    return rows


def unit(row):
    if row["op"].startswith("memory-"):
        return "bytes"
    return "instr." if row["mode"] == "instructions" else "ns"


def print_group(rows):
    """The cheapest first; returns who is cheaper than kipc."""
    rows = sorted(rows, key=lambda row: row["median"])
    ours = [row for row in rows if row["mechanism"].startswith("kipc-")]
    first = rows[0]
    print(f"\n{first['op']}, {first['payload']} bytes, {first['placement']}, "
          f"{first['kernel']}, {first['mode']}\n  {'':19}{unit(first):>10}"
          f"{'lowest':>10}{'highest':>10}{'to pipe':>9}")
    losses = []
    for row in rows:
        mechanism, ratio = row["mechanism"], row["ratio_to_pipe"]
        mark = ""
        if row in ours:
            mark = "   <- kipc"
        elif ours and mechanism not in FLOORS and \
                row["median"] * NOTABLE < ours[0]["median"] and \
                row["max"] < ours[0]["min"]:
            mark = "   kipc loses"
            losses.append((mechanism, ours[0]["median"] / max(row["median"], 1e-9)))
        print(f"  {mechanism:19}{row['median']:10.0f}{row['min']:10.0f}"
              f"{row['max']:10.0f}{'' if ratio is None else f'{ratio:9.3f}':9}{mark}")
    return losses


def print_losses(losses):
    if not losses:
        return
    print("\nWhere kipc loses (its best, as a multiple of the other's cost), and why:")
    for (kernel, mode), by_mechanism in losses.items():
        print(f"\n {kernel}, {mode}:")
        for mechanism, where in by_mechanism.items():
            print(textwrap.fill(f"{mechanism}: {WHY.get(mechanism, 'nobody knows')}",
                                80, initial_indent="  ", subsequent_indent="    ",
                                break_on_hyphens=False))
            print(textwrap.fill("; ".join(where), 80, initial_indent="      ",
                                subsequent_indent="      ",
                                break_on_hyphens=False))


def main():
    rows = rows_of(sys.argv[2:])
    with open(sys.argv[1], "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
    groups = collections.defaultdict(list)
    losses = collections.defaultdict(lambda: collections.defaultdict(list))
    for row in rows:
        groups[group(row)].append(row)
    for key, members in groups.items():
        for mechanism, factor in print_group(members):
            where = "" if key[4] == "same-cpu" else f" {key[4]}"
            losses[key[1], key[0]][mechanism].append(
                f"{key[2]} {key[3]}{where} {factor:.2f}")
    print_losses(losses)


main()
