#!/usr/bin/env python3
"""A table of bench/backbone's results: accuracy on the unseen style, means over styles and seeds, and
differences from ERM over the same cells.

  table.py RESULTS.jsonl
"""
import json
import math
import pathlib
import sys

NAMES = {"erm": "ERM", "sam": "SAM", "roga": "RoGA"}


def mean(values):
    return sum(values) / len(values)


def with_error(values):
    if len(values) < 2:
        return f"{100 * mean(values):+.1f}"
    spread = math.sqrt(sum((v - mean(values)) ** 2 for v in values) / (len(values) - 1))
    return f"{100 * mean(values):+.1f} ({100 * spread / math.sqrt(len(values)):.1f})"


def main(file):
    cells = {}
    for line in map(json.loads, pathlib.Path(file).read_text().splitlines()):
        cells.setdefault(line["method"], {})[line["held_out"], line["seed"]] = line
    print("| method | cells | validation | unseen style | against ERM, points | averaged: unseen style "
          "| against averaged ERM | core seconds a training |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for method in NAMES:
        if method not in cells:
            continue
        own, base = cells[method], cells.get("erm", {})
        columns = [NAMES[method], len(own), f"{mean([c['raw']['validation'] for c in own.values()]):.3f}"]
        for kind in ("raw", "averaged"):
            def unseen(cell, kind=kind):
                return mean(list(cell[kind]["tests"].values()))
            columns.append(f"{mean([unseen(cell) for cell in own.values()]):.3f}")
            shared = [unseen(own[key]) - unseen(base[key]) for key in own if key in base]
            columns.append("" if method == "erm" or not shared else with_error(shared))
        columns.append(f"{mean([cell['core_seconds'] for cell in own.values()]):.0f}")
        print("| " + " | ".join(map(str, columns)) + " |")


if __name__ == "__main__":
    main(sys.argv[1])
