#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The example programs of the manual pages, as C files.
#
#   examples.sh OUTDIR [PAGE...]	writes them into OUTDIR
#   examples.sh -l [PAGE...]		prints their names
#
# A program is a display (.Bd -literal ... .Ed) whose first line is a comment
# that starts with its name: /* kipc_open-example.c: ... */

set -eu
out=${1:?usage: examples.sh OUTDIR|-l [PAGE...]}
shift
[ $# -gt 0 ] || set -- "${0%/*}"/*.[1-9]
[ "$out" = -l ] || mkdir -p "$out"

awk -v out="$out" '
	/^\.Bd -literal/ { start = 1; next }
	/^\.Ed/ { if (file) close(file); file = start = ""; next }
	start && $1 == "/*" && $2 ~ /^[a-z_0-9-]+\.c:$/ {
		name = substr($2, 1, length($2) - 1)
		file = out "/" name
		if (out == "-l")
			print name
		else
			printf "" > file
	}
	{ start = "" }
	file && out != "-l" {
		# What the formatter would do to escapes.
		sub(/^\\&/, "")
		gsub(/\\\(aq/, "\047")
		gsub(/\\\(ti/, "~")
		gsub(/\\\(ha/, "^")
		gsub(/\\-/, "-")
		gsub(/\\e/, "\\")
		print > file
	}
' "$@"
