#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints the golden values of metrics_test.cpp, in exact fractions.

Every measure from a definition other than the one that the C++ code works by: AUC by counting all
pairs of a fake and a real, average precision by fake, ROC points by counting anew at each threshold,
the interpolated EER by bisection along the curve, ECE by sorting into bins by comparison.

    python3 tests/deepfake/metrics_oracle.py
"""
import random
from fractions import Fraction as F
from itertools import product

SAMPLES = {
    "documented": (".1 .4 .35 .8", "0 0 1 1"),
    "tied": (".9 .8 .8 .7 .5 .5 .5 .3 .2 .1 .1 .05", "1 1 0 1 1 0 0 1 0 0 1 0"),
    "gridded": (
        ".48 .72 .2 .08 .04 .76 .28 .48 .48 .8 .2 .64 .64 .16 .72 .4 .44 .24 .28 .76 .52 .24 .64 .48 "
        ".04 .52 .52 .4 .4 .6 .52 .84 0 .56 .32 .76 .56 .28 .24 .8 .68 .72 .44 .72 .32 .16 .4 .36 .64 "
        ".72 .04 .24 .28 .72 .56 .52 .92 .6 .08 .72",
        "1 0 0 0 0 0 0 1 0 1 0 0 0 0 1 0 0 1 1 0 0 1 1 0 0 0 1 0 0 0 1 1 0 0 0 0 1 0 0 1 0 0 0 0 0 0 1 "
        "0 0 1 0 0 0 1 0 1 1 1 0 0"),
    "perfect": ("0 1 0 1", "0 1 0 1"),
    "reversed": ("1 0 1 0", "0 1 0 1"),
    "constant": (".5 .5 .5 .5", "0 1 0 1"),
    "unequal constant": (".7 .7 .7 .7 .7", "0 1 0 0 0"),
}


def rates(scores, labels, threshold):
    fakes = [s for s, y in zip(scores, labels) if y]
    reals = [s for s, y in zip(scores, labels) if not y]
    share = lambda values: F(sum(s >= threshold for s in values), len(values))
    return share(reals), share(fakes)


def roc(scores, labels):
    thresholds = sorted(set(scores), reverse=True)
    return [(F(0), F(0))] + [rates(scores, labels, t) for t in thresholds]


def auc(scores, labels):
    pairs = [(f, r) for (f, y), (r, z) in product(zip(scores, labels), repeat=2) if y and not z]
    return sum((F(f > r) + F(f == r) / 2 for f, r in pairs), F(0)) / len(pairs)


def eer_sklearn_style(scores, labels):
    # roc_curve(drop_intermediate=True): of the points before (0, 0) is put in front, the inner ones
    # with a vanishing second difference in both counts go.
    points = roc(scores, labels)[1:]
    kept = [p for i, p in enumerate(points)
            if i in (0, len(points) - 1)
            or any(points[i - 1][k] - 2 * p[k] + points[i + 1][k] for k in (0, 1))]
    return min([(F(0), F(0))] + kept, key=lambda p: abs(1 - p[1] - p[0]))[0]


def eer_interpolated(scores, labels):
    points = roc(scores, labels)

    def at(position):
        i = min(int(position), len(points) - 2)
        t = position - i
        return [(1 - t) * a + t * b for a, b in zip(points[i], points[i + 1])]

    low, high = F(0), F(len(points) - 1)
    for _ in range(70):
        middle = (low + high) / 2
        fpr, tpr = at(middle)
        low, high = (middle, high) if fpr < 1 - tpr else (low, middle)
    return at(high)[0]


def average_precision(scores, labels):
    precisions = []
    for score, label in zip(scores, labels):
        if label:
            above = [y for s, y in zip(scores, labels) if s >= score]
            precisions.append(F(sum(above), len(above)))
    return sum(precisions) / len(precisions)


def accuracies(scores, labels):
    right = {0: [], 1: []}
    for s, y in zip(scores, labels):
        right[y].append(int(s > F(1, 2)) == y)
    by_class = [F(sum(r), len(r)) for r in right.values()]
    return F(sum(map(sum, right.values())), len(labels)), sum(by_class) / 2


def tpr_at_fpr(scores, labels, limit):
    return max(tpr for fpr, tpr in roc(scores, labels) if fpr <= limit)


def brier(scores, labels):
    return sum(((1 - s) if y else s) ** 2 for s, y in zip(scores, labels)) / len(labels)


def ece(scores, labels, bins=15):
    total = F(0)
    for b in range(bins):
        inside = [(s, y) for s, y in zip(scores, labels)
                  if F(b, bins) < s <= F(b + 1, bins) or (b == 0 and s == 0)]
        if inside:
            share = F(sum(y for _, y in inside), len(inside))
            mean = sum(s for s, _ in inside) / len(inside)
            total += F(len(inside), len(labels)) * abs(share - mean)
    return total


def holm(p_values):
    # From its closed form: the adjusted value of a test is the largest over all tests with a p not
    # above its own of that p times the number of tests with a p not below it.
    n = lambda p: sum(q >= p for q in p_values)
    return [min(1, max(n(q) * q for q in p_values if q <= p)) for p in p_values]


def show(value):
    exact = str(value)
    return f"{exact if len(exact) < 14 else ''} = {float(value):.16g}"


for name, (texts, digits) in SAMPLES.items():
    scores, labels = [F(t) for t in texts.split()], [int(d) for d in digits.split()]
    acc, bacc = accuracies(scores, labels)
    print(name)
    for measure, value in [
            ("auc", auc(scores, labels)), ("eer", eer_sklearn_style(scores, labels)),
            ("eer interpolated", eer_interpolated(scores, labels).limit_denominator(10**6)),
            ("ap", average_precision(scores, labels)), ("acc", acc), ("bacc", bacc),
            *[(f"tpr@{p}%", tpr_at_fpr(scores, labels, F(p, 100))) for p in (1, 5, 10)],
            ("brier", brier(scores, labels)), ("ece", ece(scores, labels))]:
        print(f"  {measure:17} {show(value)}")
print("holm", holm([0.01, 0.04, 0.03, 0.005]))

# Interval of a difference in AUC between two detectors, every frame a video of its own.
texts, digits = SAMPLES["gridded"]
first, labels = [float(t) for t in texts.split()], [int(d) for d in digits.split()]
second = [min(1, s + .08 * (i % 3)) if y else s for i, (s, y) in enumerate(zip(first, labels))]
fakes = [i for i, y in enumerate(labels) if y]
reals = [i for i, y in enumerate(labels) if not y]
gain = {(f, r): sum(sign * ((s[f] > s[r]) + (s[f] == s[r]) / 2)
                    for sign, s in ((1, second), (-1, first))) for f in fakes for r in reals}
generator, differences = random.Random(1), []
for _ in range(4000):
    some = generator.choices(fakes, k=len(fakes)), generator.choices(reals, k=len(reals))
    differences.append(sum(gain[pair] for pair in product(*some)) / len(gain))
differences.sort()
print(f"paired difference  {sum(gain.values()) / len(gain):.6f}, 95 % interval "
      f"{differences[100]:.4f} to {differences[3900]:.4f}")
