#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
#
# collect.py MODE KERNEL
#
# Takes what kbench prints, gives its samples with mode and kernel in front, and
# shows on stderr how far it is.
import sys

mode, kernel = sys.argv[1:]
expected, seen, shown, done = 0, 0, -1, False


def progress(words):
    global shown
    if sys.stderr.isatty():
        print(f"\r\033[K{kernel}, {mode}: {seen} of {expected}: {' '.join(words)}",
              end="", file=sys.stderr, flush=True)
    elif expected and seen * 10 // expected != shown:
        shown = seen * 10 // expected
        print(f"{kernel}, {mode}: {seen} of {expected}", file=sys.stderr, flush=True)


for line in sys.stdin:
    words = line.split()
    if not words:
        continue
    if words[0] == "expect":
        expected = int(words[1])
    elif words[0] in ("sample", "skip"):
        seen += 1
        progress(words[1:5])
        print(words[0], mode, kernel, *words[1:], flush=True)
    elif words[0] == "done":
        done = True
    else:
        print(line, end="", file=sys.stderr)
if sys.stderr.isatty():
    print("\r\033[K", end="", file=sys.stderr)
if not done:
    sys.exit(f"{kernel}, {mode}: the measurement did not come to its end")
