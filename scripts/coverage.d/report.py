#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
#
# report.py [--branches] [--html DIR] [--threshold] NOTES DATA EXPLAINED
#
# What was run of the module, as text.  NOTES is the directory that the module
# was built in (.gcno); below DATA, somewhere, lie the .gcda files of the same
# build; EXPLAINED is the list of lines that nothing can reach.
#
# Functions of headers are in several objects: what these counted is added up.
# Macros of the kernel bring branches along that are none of ours: those count
# that stand on a line which decides something itself.  UBSAN's checks of bool
# values do, so not all can be taken.
#
#	--branches	list the branches too that were not taken
#	--html DIR	the sources with their counts, for a browser
#	--threshold	check the whole: LINES, BRANCHES below, and EXPLAINED; for
#			a run of all tests
#
# Says "failed: WHAT" of each failure; the last line is "coverage: N passed, N failed".
import argparse
import collections
import html
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

# In percent of the whole module; to be raised with it.
LINES = 98.0
BRANCHES = 90.0

# Tests, not what is tested: their lines that say what is wrong never run.
NOT_COUNTED = {"module/selftest.c", "module/debug.c"}

DECIDES = re.compile(r"\b(if|while|for|switch)\b|_for_each|\?|&&|\|\|")
# A condition that goes on in the next line.
GOES_ON = re.compile(r"(&&|\|\||\?|\?.*:)$")


def die(text):
    sys.exit(f"coverage: {text}")


class Source:
    """A file: per line the count, its function, and the counts of branches."""

    def __init__(self, path):
        self.text = path.read_text().splitlines()
        self.counts = collections.Counter()
        self.function = {}
        self.taken = {}
        self.explained = {}

    def add(self, line):
        number = line["line_number"]
        self.counts[number] += line["count"]
        self.function[number] = line.get("function_name", "")
        if not self.decides(number):
            return
        new = [branch["count"] for branch in line["branches"]]
        old = self.taken.get(number, [])
        # The same function, compiled twice, has the same branches.
        if len(old) == len(new):
            self.taken[number] = [a + b for a, b in zip(old, new)]
        elif len(old) < len(new):
            self.taken[number] = new

    def decides(self, number):
        return (DECIDES.search(self.line(number)) or
                GOES_ON.search(self.line(number - 1)))

    def line(self, number):
        return self.text[number - 1].strip()

    def missing(self):
        return [n for n in sorted(self.counts)
                if not self.counts[n] and n not in self.explained]

    def lines(self):
        """Covered, and all that count."""
        all_lines = len(self.counts) - len(self.explained)
        return all_lines - len(self.missing()), all_lines

    def branches(self):
        taken = [n for line, counts in self.taken.items()
                 if line not in self.explained for n in counts]
        return sum(1 for n in taken if n), len(taken)


def find_data(notes, data):
    """The .gcda for each .gcno, as pairs."""
    found = list(data.rglob("*.gcda"))
    for note in sorted((notes / "module").rglob("*.gcno")):
        name = note.relative_to(notes).with_suffix(".gcda")
        paths = [p for p in found if p.parts[-len(name.parts):] == name.parts]
        if len(paths) != 1:
            die(f"{len(paths)} files {name} below {data}, not one: was the "
                "module built for a kernel that counts, and was it loaded?")
        yield note, paths[0]


def gcov(note, data, tmp):
    """What gcov knows about an object."""
    shutil.copy(note, tmp)
    copy = shutil.copy(data, tmp)
    done = subprocess.run(["gcov", "--json-format", "--stdout",
                           "--branch-probabilities", copy],
                          cwd=tmp, capture_output=True, text=True)
    # It is content with data of another build, and then all counts are 0.
    if done.returncode or done.stderr:
        die(f"gcov: {done.stderr.strip()}: build the module, and run again")
    return json.loads(done.stdout)


def read_sources(notes, data):
    sources = {}
    for note, path in find_data(notes, data):
        with tempfile.TemporaryDirectory() as tmp:
            report = gcov(note, path, tmp)
        for file in report["files"]:
            where = os.path.normpath(os.path.join(
                report["current_working_directory"], file["file"]))
            name = os.path.relpath(where, notes)
            if not name.startswith("module/") or name in NOT_COUNTED:
                continue
            if name not in sources:
                sources[name] = Source(pathlib.Path(where))
            for line in file["lines"]:
                sources[name].add(line)
    return sources


def explain(sources, path):
    """Mark what is explained; yields what is wrong with the explanations."""
    entry = None
    for number, text in enumerate(path.read_text().splitlines(), 1):
        if not text or text.startswith("#"):
            continue
        if text[0].isspace():
            entry = None        # the reason of those above
            continue
        match = re.fullmatch(r"([\w/.]+):(\w+): (.+)", text)
        where = f"{path.name}:{number}"
        entry = where
        if not match or match[1] not in sources:
            yield f"{where}: not FILE:FUNCTION: TEXT with a file of the module"
            continue
        source = sources[match[1]]
        lines = [n for n in source.counts
                 if source.function[n] == match[2] and source.line(n) == match[3]]
        if not lines:
            yield f"{where}: there is no such line in {match[2]}()"
        for line in lines:
            if source.counts[line]:
                yield f"{where}: it was run, so nothing is to be explained"
            else:
                source.explained[line] = where
    if entry:
        yield f"{entry}: no reason follows"


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def figures(name, lines, branches):
    return (f"{name:32} {lines[0]:5} of {lines[1]:5} {percent(*lines):6.1f}% "
            f"{branches[0]:5} of {branches[1]:5} {percent(*branches):6.1f}%")


def total(pairs):
    pairs = list(pairs)
    return sum(p[0] for p in pairs), sum(p[1] for p in pairs)


def show(sources, branches):
    print(f"{'':32} {'lines':>14} {'':7} {'branches':>14}")
    for name, source in sorted(sources.items()):
        print(figures(name, source.lines(), source.branches()))
    print("\nLines that were not run:")
    for name, source in sorted(sources.items()):
        for line in source.missing():
            print(f"{name}:{line}: {source.function[line]}: {source.line(line)}")
    if not branches:
        return
    print("\nBranches that were not taken, of lines that were run:")
    for name, source in sorted(sources.items()):
        for line, counts in sorted(source.taken.items()):
            if source.counts[line] and 0 in counts:
                print(f"{name}:{line}: {counts.count(0)} of {len(counts)}: "
                      f"{source.line(line)}")


STYLE = """<style>
body { font-family: sans-serif; margin: 2em; }
pre { line-height: 1.3; }
.no { background: #fbb; } .part { background: #fe9; } .why { background: #ddd; }
td { padding: 0 1em; text-align: right; } td:first-child { text-align: left; }
</style>"""


def page(title, body):
    return ("<!DOCTYPE html><meta charset=utf-8><title>%s</title>%s<h1>%s</h1>%s"
            % (title, STYLE, title, body))


def marked(source, number):
    """A line of the source for a browser."""
    count = source.counts.get(number)
    branches = source.taken.get(number, [])
    mark = ("" if count is None else "why" if number in source.explained else
            "no" if not count else "part" if 0 in branches else "")
    return '<span class="%s">%10s %6s  %s</span>' % (
        mark, "" if count is None else count,
        f"{len(branches) - branches.count(0)}/{len(branches)}" if branches
        else "", html.escape(source.text[number - 1]))


def write_html(sources, to):
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir(parents=True)
    rows = ""
    for name, source in sorted(sources.items()):
        link = name.replace("/", "-") + ".html"
        lines, branches = source.lines(), source.branches()
        rows += (f"<tr><td><a href={link}>{name}</a><td>{lines[0]}/{lines[1]}"
                 f"<td>{percent(*lines):.1f}%<td>{branches[0]}/{branches[1]}"
                 f"<td>{percent(*branches):.1f}%")
        body = "\n".join(marked(source, n + 1) for n in range(len(source.text)))
        (to / link).write_text(page(
            name, "<p>Times run, branches taken; red: not run; yellow: not all "
            f"branches; grey: explained.<pre>{body}</pre>"))
    (to / "index.html").write_text(page(
        "Coverage of the module",
        f"<table><tr><th>file<th colspan=2>lines<th colspan=2>branches{rows}"
        "</table>"))


parser = argparse.ArgumentParser(add_help=False)
parser.add_argument("--branches", action="store_true")
parser.add_argument("--html", type=pathlib.Path)
parser.add_argument("--threshold", action="store_true")
parser.add_argument("paths", nargs=3, type=pathlib.Path)
args = parser.parse_args()
notes, data, explained = (path.resolve() for path in args.paths)

sources = read_sources(notes, data)
problems = list(explain(sources, explained))
show(sources, args.branches)
lines = total(source.lines() for source in sources.values())
branches = total(source.branches() for source in sources.values())
print()
print(figures("the whole module", lines, branches))
if args.html:
    write_html(sources, args.html)
    print(f"for a browser: {args.html}/index.html")

checks = []
if args.threshold:
    checks = [percent(*lines) >= LINES, percent(*branches) >= BRANCHES,
              not problems]
    for problem in problems:
        print(f"failed: {problem}")
    if not checks[0]:
        print(f"failed: fewer than {LINES} percent of the lines were run")
    if not checks[1]:
        print(f"failed: fewer than {BRANCHES} percent of the branches were taken")
else:
    checks = [lines[0] > 0]
print(f"coverage: {sum(checks)} passed, {len(checks) - sum(checks)} failed")
sys.exit(not all(checks))
