#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
#
# check.py RESULTS TARGETS RECORDED
# check.py --doubted RESULTS TARGETS RECORDED
# check.py --record RESULTS RECORDED
#
# Compares results of the instruction mode with what is promised, and those of
# kipc with the last recorded ones; the worst comes last.  Status 1 if a gate is
# missed, or something has become dearer by more than five percent, or a target
# was not measured.  --doubted only names the operations of which that is so, with
# commas between.
import json
import os
import sys

KEY = ("kernel", "op", "mechanism", "payload", "placement")
LIMIT = 1.05


def load(path):
    """The instruction mode's rows, by what was measured."""
    if not os.path.exists(path):
        return {}
    with open(path) as file:
        return {tuple(row[k] for k in KEY): row for row in json.load(file)
                if row["mode"] == "instructions"}


def targets(path):
    for line in open(path):
        words = line.split("#")[0].split()
        if words:
            op, mechanism, payload, against, gate, goal = words
            yield op, mechanism, int(payload), against, float(gate), float(goal)


def check_target(rows, kernel, target):
    """How much of the gate is used, and a line that says so."""
    op, mechanism, payload, against, gate, goal = target
    ours = rows.get((kernel, op, mechanism, payload, "same-cpu"))
    if against == "absolute":
        value = ours and ours["median"]
    else:
        other = (kernel, against[3:], mechanism) if against.startswith("op:") \
            else (kernel, op, against)
        base = rows.get((*other, payload, "same-cpu"))
        value = ours and base and ours["median"] / base["median"]
    what = f"{kernel:11} {op:21} {mechanism:17} {payload:>5}  / {against:20}"
    if value is None:
        return None, f"not measured  {what}"
    verdict = "goal reached" if value <= goal else \
        "ok" if value <= gate else "GATE MISSED"
    return value / gate, (f"{verdict:13} {what} {value:8.3f}   "
                          f"gate {gate:g}, goal {goal:g}")


def check_recorded(rows, recorded):
    """A newer kernel may make all dearer: that is no fault of kipc's."""
    for key, row in rows.items():
        old = recorded.get(key)
        if not key[2].startswith("kipc-") or not old or not old["median"]:
            continue
        # What depends on whom the scheduler lets run tells nothing about kipc.
        if old["max"] > LIMIT * old["min"]:
            continue
        change = row["median"] / old["median"]
        if row["ratio_to_pipe"] and old["ratio_to_pipe"]:
            change = min(change, row["ratio_to_pipe"] / old["ratio_to_pipe"])
        yield change, (f"{'DEARER' if change > LIMIT else 'as recorded':13} "
                       f"{key[0]:11} {key[1]:21} {key[2]:17} {key[3]:>5}  "
                       f"/ last recorded        {change:8.3f}")


def compare(results, target_file, recorded_file):
    rows, recorded = load(results), load(recorded_file)
    kernels = list(dict.fromkeys(key[0] for key in rows))
    met = [check_target(rows, kernel, target)
           for kernel in kernels for target in targets(target_file)]
    return met, sorted(check_recorded(rows, recorded))


def doubted(*files):
    met, kept = compare(*files)
    ops = {}
    for used, line in met + kept:
        if used and used > 1 and line.startswith(("GATE MISSED", "DEARER")):
            # What they are compared with may be another operation.
            ops.update((word.removeprefix("op:"), None) for word in line.split()
                       if word.startswith("op:"))
            ops[line[13:].split()[1]] = None
    print(",".join(ops))


def check(*files):
    met, kept = compare(*files)
    print("\nTargets, the worst last:")
    for _, line in sorted(met, key=lambda m: (m[0] is not None, m[0] or 0)):
        print(" ", line)
    bad = sum(used is None or used > 1 for used, _ in met)
    dearer = sum(change > LIMIT for change, _ in kept)
    if kept:
        print(f"\nAgainst the last recorded run ({len(kept)} results), the worst last:")
        for _, line in kept[-max(5, dearer):]:
            print(" ", line)
    else:
        print("\nNothing recorded to compare with: scripts/bench --record.")
    print()
    for _, line in met + kept:
        if line.startswith(("GATE MISSED", "DEARER", "not measured")):
            print("failed:", " ".join(line.split()))
    print(f"bench: {len(met) - bad + len(kept) - dearer} passed, "
          f"{bad + dearer} failed")
    return bool(bad or dearer or not met)


def record(results, recorded_file):
    """kipc's own; what was not measured this time stays as it was."""
    rows = load(recorded_file)
    rows.update((key, row) for key, row in load(results).items()
                if key[2].startswith("kipc-"))
    with open(recorded_file, "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(rows[k]) for k in sorted(rows)) +
                   "\n]\n")
    print(f"recorded {len(rows)} results in {os.path.relpath(recorded_file)}")


if sys.argv[1] == "--record":
    record(*sys.argv[2:])
elif sys.argv[1] == "--doubted":
    doubted(*sys.argv[2:])
else:
    sys.exit(check(*sys.argv[1:]))
