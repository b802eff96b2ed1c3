#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
#
# collect.py MODE KERNEL line|lines
#
# Takes what kbench prints, gives its samples with mode and kernel in front, and
# shows on stderr how far it is: on one line, if that is a terminal, or by a line
# now and then.
import sys

mode, kernel, style = sys.argv[1:]
one_line = style == "line" and sys.stderr.isatty()
expected, begun, shown, done = 0, 0, -1, False


def progress(words):
    global shown
    if one_line:
        text = f"{kernel}, {mode}: {begun} of {expected}: {' '.join(words)}"
        print(f"\r\033[K{text[:79]}", end="", file=sys.stderr, flush=True)
    elif begun * 10 // max(expected, 1) != shown:
        shown = begun * 10 // max(expected, 1)
        print(f"{kernel}, {mode}: {begun} of {expected}", file=sys.stderr, flush=True)


for line in sys.stdin:
    words = line.split()
    if not words:
        continue
    if words[0] == "expect":
        expected = int(words[1])
    elif words[0] == "turn":
        begun += 1
        progress(words[1:])
    elif words[0] == "sample":
        print(mode, kernel, *words[1:], flush=True)
    elif words[0] == "done":
        done = True
    else:
        print(line, end="", file=sys.stderr)
if one_line:
    print("\r\033[K", end="", file=sys.stderr)
if not done:
    sys.exit(f"{kernel}, {mode}: the measurement did not come to its end")
if not begun:
    sys.exit(f"{kernel}, {mode}: nothing can be measured with these filters")
