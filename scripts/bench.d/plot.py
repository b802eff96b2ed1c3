#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
#
# plot.py RESULTS DIR
#
# Draws what of the results makes a picture, as DIR/NAME.svg with gnuplot.
import json
import subprocess
import sys

CLIENTS = (1, 4, 16, 64)
SIZES = {8: "8 B", 64: "64 B", 1024: "1 KiB", 4096: "4 KiB", 65536: "64 KiB"}
COLOURS = ("#08306b", "#2171b5", "#6baed6", "#bdd7ee")
PLACEMENTS = ("same-cpu", "same-cpu-busy", "two-cpus", "unpinned")
LINES = ("#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#8c564b", "#ff7f0e")
HEAD = """set terminal svg size {width},{height} font 'sans,13' background '#ffffff'
set output '{path}'
set border 3 lc rgb '#666666'
set tics nomirror
set title {title}
"""


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def draw(commands):
    subprocess.run(["gnuplot"], input=commands, text=True, check=True)


def block(name, lines):
    return f"${name} << EOD\n" + "\n".join(lines) + "\nEOD\n"


def bars(cells, series, labels, title, path):
    """A cluster for each mechanism, a bar in it for each of the series."""
    series = [one for one in series if any(key[1] == one for key in cells)]
    names = sorted({name for name, _ in cells}, key=lambda name: (
        not name.startswith("kipc"), name != "pipe",
        cells.get((name, series[0]), 99)))
    if len(names) < 3:
        return
    lines = [" ".join([f'"{bold(name)}"'] + [str(cells.get((name, one), "NaN"))
                                             for one in series]) for name in names]
    plots = [f"$d using {i + 2}:xtic(1) title '{labels.get(one, one)}' "
             f"lc rgb '{COLOURS[i % 4]}'" for i, one in enumerate(series)]
    draw(HEAD.format(width=900, height=460, path=path, title=quoted(title)) +
         block("d", lines) + f"""set style data histograms
set style histogram clustered gap 1
set style fill solid border rgb '#ffffff'
set yrange [0:*]
set ylabel 'cost relative to pipe (less is better)'
set grid y lc rgb '#dddddd'
set xtics rotate by 35 right
set key outside top right vertical
set lmargin 14
plot 1 with lines lc rgb '#d62728' dt 2 notitle, {', '.join(plots)}
""")


def bold(name):
    return f"{{/:Bold {name}}}" if name.startswith("kipc") else name


def ratios(rows, column, **wanted):
    return {(row["mechanism"], row[column]): row["ratio_to_pipe"] for row in rows
            if row["ratio_to_pipe"] and all(row[k] == v for k, v in wanted.items())}


def clients(rows, title, path):
    """Lines over the number of clients of one server."""
    cells = {(row["mechanism"], int(row["op"][8:])): row["median"]
             for row in rows if row["op"].startswith("clients-")}
    counts = [n for n in CLIENTS if any(key[1] == n for key in cells)]
    names = sorted({name for name, _ in cells},
                   key=lambda name: (name[:4] != "kipc", name))
    if len(counts) < 2:
        return
    lines = [" ".join([str(n)] + [str(cells.get((name, n), "NaN"))
                                  for name in names]) for n in counts]
    plots = [f"$d using 1:{i + 2} with linespoints lw {3 if name[:4] == 'kipc' else 1.5}"
             f" pt 7 ps 0.6 lc rgb '{LINES[i % 6]}' title '{name}'"
             for i, name in enumerate(names)]
    draw(HEAD.format(width=760, height=420, path=path, title=quoted(title)) +
         block("d", lines) + f"""set logscale x 4
set xtics ({', '.join(map(str, counts))})
set xrange [0.9:75]
set yrange [0:*]
set xlabel 'clients of one server'
set ylabel 'instructions for a call and its answer'
set grid y lc rgb '#dddddd'
set key outside right
plot {', '.join(plots)}
""")


def main():
    results, out = sys.argv[1:]
    with open(results) as file:
        everything = json.load(file)
    for kernel, mode in dict.fromkeys((row["kernel"], row["mode"])
                                      for row in everything):
        rows = [row for row in everything
                if (row["kernel"], row["mode"]) == (kernel, mode)]
        how = f"{mode}, kernel {kernel}"
        end = f"{mode}.{kernel}.svg"
        for op in ("one-way", "round-trip") if mode != "two-cpus" else ():
            bars(ratios(rows, "payload", op=op, placement="same-cpu"), SIZES, SIZES,
                 f"{op}, one processor: {how}", f"{out}/{op}.{end}")
        if mode != "instructions":
            bars(ratios(rows, "placement", op="round-trip", payload=8), PLACEMENTS,
                 {}, f"round-trip of 8 bytes, where both sides run: {how}",
                 f"{out}/placements.{end}")
        else:
            clients(rows, f"many clients, 64 bytes, one processor: {how}",
                    f"{out}/clients.{end}")


main()
