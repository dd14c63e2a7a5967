#!/usr/bin/env python3
"""Prints the runs of `roga-deepfake compare` as result lines of bench/generalization, with the frame
AUC in place of accuracies: one for each run and test set that its training did not see, or, with
--protocol loo:NAME, for the manipulation that was left out.

    faces_lines.py FOLDER ...
"""
import csv
import json
import pathlib
import statistics
import sys

NAMES = {"erm": "ERM", "sam": "SAM", "roga": "RoGA"}


def lines(run):
    config = json.loads((run / "config.json").read_text())
    options = config["options"]
    with open(run / "eval.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file)
                if row["level"] == "frame" and row["domain"] != "all"]
    tests = [row for row in rows if row["split"] == "test"]
    if not tests:  # still training
        return
    best = tests[0]["epoch"]  # the checkpoint that was best on validation identities
    validation = statistics.mean(
        float(row["auc"]) for row in rows if row["split"] == "val" and row["epoch"] == best)
    with open(run / "history.csv", newline="") as file:
        loss = float(list(csv.DictReader(file))[-1]["loss"])
    method = NAMES.get(config["method"], config["method"])
    if options["ema"]:
        method += " averaged"
    setting = f"{method}, lr {options['lr']:g}"
    if options["rho"] is not None:
        setting += f", rho {options['rho']:g}"
    protocol = options["protocol"]
    left_out = protocol.removeprefix("loo:") if protocol.startswith("loo:") else None
    for row in tests:
        if (row.get("trained") == "yes" or row["domain"] in config["train_domains"] or
                left_out not in (None, row["domain"])):
            continue
        kind = ", one left out" if left_out else ", from real faces" if protocol == "none" else ""
        yield {"family": "synthetic faces" + kind,
               "held_out": row["domain"], "seed": config["seed"], "method": method,
               "variant": setting, "steps": config["steps"], "protocol": protocol,
               "validation": round(validation, 4), "test": round(float(row["auc"]), 4), "loss": loss}


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        raise SystemExit(__doc__)
    for folder in map(pathlib.Path, sys.argv[1:]):
        for run in sorted(folder.iterdir()):
            if (run / "eval.csv").is_file():
                for line in lines(run):
                    print(json.dumps(line))
