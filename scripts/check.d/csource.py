# SPDX-License-Identifier: GPL-2.0
#
# C in kernel style, taken apart as far as the checks need.
import errno
import re

# Of two names for one number Python knows one.
NAMES = [*errno.errorcode.values(), "EDEADLK", "EOPNOTSUPP"]
ERRORS = re.compile(r"\b(%s)\b" % "|".join(NAMES))


def errors(text):
    return set(ERRORS.findall(text))


def code(text):
    """C without comments and strings."""
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"',
                  lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.S)


def chunks(text):
    """Top-level definitions and macros, in kernel style: kind, name, text."""
    macro = re.compile(r"^#define (\w+)\(((?:.*\\\n)*.*)", re.M)
    for match in macro.finditer(text):
        yield "macro", match[1], match[2]
    for match in re.finditer(r"\[(\w+)\] = (\{[^{}]*\})", text):
        yield "row", match[1], match[2]
    lines = []
    for line in macro.sub("", text).splitlines():
        if lines or re.match(r"[A-Za-z_]", line):
            lines.append(line)
        if line.endswith(";") and not any("{" in line for line in lines):
            lines = []          # a declaration
        if not lines or not line.startswith("}") or line.endswith("{"):
            continue
        part, lines = "\n".join(lines), []
        head, _, body = part.partition("{")
        test = re.match(r"TEST\w*\((?:\w+, )?(\w+)\)", head)
        name = re.search(r"\b(\w+)\(", head)
        table = re.search(r"^(?:\w.*|\} )\b(\w+)(?:\[.*\])? = \{$", part, re.M)
        if test:
            yield "test", test[1], body
        elif name:
            yield "function", name[1], body
        elif table:
            yield "table", table[1], body


def uses(text):
    """What is called, also by way of a member .call, and constants."""
    return set(re.findall(r"\b\w+(?=\()|(?<=\.call = )\w+|\b[A-Z]\w+", text))
