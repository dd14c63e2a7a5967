#!/usr/bin/env python3
"""A table of bench/pseudo's results: frame AUC on each test set of the synthetic data, means and
standard errors over seeds.

    table.py RESULTS.jsonl
"""
import json
import pathlib
import statistics
import sys

METHODS = ["ERM", "SAM", "RoGA"]


def with_error(values):
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return f"{statistics.mean(values):.3f} ± {error:.3f}"


def main(file):
    cells = {}
    for line in map(json.loads, pathlib.Path(file).read_text().splitlines()):
        of_method = cells.setdefault(line["method"], {})
        of_method.setdefault(line["held_out"], {})[line["seed"]] = line["test"]
        of_method.setdefault("forged while training, new people", {})[line["seed"]] = line["validation"]
    sets = sorted({name for of_method in cells.values() for name in of_method})
    print("| test set | " + " | ".join(METHODS) + " | RoGA less ERM |")
    print("| --- |" + " --- |" * (len(METHODS) + 1))
    for name in sets:
        rows = [with_error(list(cells[method][name].values())) for method in METHODS]
        apart = [cells["RoGA"][name][seed] - value for seed, value in cells["ERM"][name].items()
                 if seed in cells["RoGA"][name]]
        label = name.removesuffix("_fake").removeprefix("Synthetic-")
        print(f"| {label} | " + " | ".join(rows) + f" | {with_error(apart)} |")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        raise SystemExit(__doc__)
    main(sys.argv[1])
