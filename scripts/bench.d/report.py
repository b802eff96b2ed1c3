#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
#
# report.py SAMPLES RESULTS
#
# Makes rows of samples (median, lowest, highest of each measurement's rounds),
# writes them as JSON, and prints them as a table.
import collections
import json
import statistics
import sys

KEY = ("mode", "kernel", "op", "mechanism", "payload", "placement")


def rows_of(path):
    samples = collections.defaultdict(list)
    for line in open(path):
        kind, *words = line.split()
        if kind == "sample":
            samples[tuple(words[:6])].append(float(words[6]))
    rows = []
    for key, values in samples.items():
        row = dict(zip(KEY, key))
        row["payload"] = int(row["payload"])
        row.update(median=statistics.median(values), min=min(values),
                   max=max(values), rounds=len(values))
        rows.append(row)
    pipes = {group(row): row["median"] for row in rows
             if row["mechanism"] == "pipe"}
    for row in rows:
        pipe = pipes.get(group(row))
        row["ratio_to_pipe"] = pipe and round(row["median"] / pipe, 4)
    return rows


def group(row):
    return tuple(row[k] for k in KEY if k != "mechanism")


def print_table(rows):
    last = None
    for row in rows:
        if group(row) != last:
            last = group(row)
            unit = "instr." if row["mode"] == "instructions" else "ns"
            print(f"\n{row['op']}, {row['payload']} bytes, {row['placement']}, "
                  f"kernel {row['kernel']}, {row['mode']}\n"
                  f"  {'':20}{unit:>12}{'lowest':>12}{'highest':>12}"
                  f"{'to pipe':>10}")
        ratio = row["ratio_to_pipe"]
        print(f"  {row['mechanism']:20}{row['median']:12.0f}{row['min']:12.0f}"
              f"{row['max']:12.0f}{ratio if ratio else 0:10.3f}")


rows = rows_of(sys.argv[1])
with open(sys.argv[2], "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
print_table(rows)
