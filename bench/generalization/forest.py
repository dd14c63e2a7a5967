#!/usr/bin/env python3
"""Draws docs/figures/forest.svg from lines of `generalization differences`: RoGA against ERM, SAM and
its own control with random groups, like compared with like, for each family. Bars are 95 % intervals
over seeds and instruction sets; small marks are the means under each set.

    forest.py < DIFFERENCES
"""
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "maintain"))
import svg  # noqa: E402

AVERAGED = " averaged"
TITLES = {"rotated": "Fashion-MNIST, unseen rotations", "styles": "emoji, an unseen style",
          "coloured": "Fashion-MNIST, colours that mislead",
          "faces": "synthetic faces, other manipulations",
          "manipulations": "synthetic faces, one manipulation left out",
          "quality": "synthetic faces, unseen quality"}
COLOURS = {"ERM": "a", "SAM": "b"}


def pairs(lines):
    """Family -> differences of RoGA from what was treated alike, the last weights first."""
    chosen = {}
    for kind in ("", AVERAGED):
        for line in lines:
            if line["low"] is None:  # of one seed
                continue
            if line["method"] != "RoGA" + kind or not line["baseline"].endswith(kind):
                continue
            baseline = line["baseline"].removesuffix(AVERAGED) if kind else line["baseline"]
            if baseline in ("ERM", "SAM", "RoGA, random groups"):
                chosen.setdefault(line["family"], []).append((kind, baseline, line))
    order = {name: i for i, name in enumerate(TITLES)}
    return sorted(chosen.items(), key=lambda one: order.get(one[0], len(order)))


def draw(families):
    width, left, right, top, lane = 720, 270, 90, 70, 24
    rows = [row for _, of_family in families for row in of_family]
    most = max(100 * max(abs(line["low"]), abs(line["high"])) for _, _, line in rows)
    step = next(s for s in (0.5, 1, 2, 5, 10, 20, 50) if most / s <= 5)
    ticks = int(most / step) + 1
    scale = (width - left - right) / (2 * ticks * step)
    place = lambda points: left + (points + ticks * step) * scale
    height = top + sum(lane * len(r) + 36 for _, r in families) + 46
    parts = [svg.text(20, 28, "RoGA against what was treated alike, on domains that were left out",
                      size=15, font_weight=600),
             svg.text(20, 48, "difference in points with 95 % interval; right of the line RoGA is ahead",
                      "muted", size=12)]
    for tick in range(-ticks, ticks + 1):
        x = place(tick * step)
        parts += [svg.line([(x, top), (x, height - 40)], "muted" if tick == 0 else "faint", 1),
                  svg.text(x, height - 22, f"{tick * step:+g}" if tick else "0", "muted", "middle", 12)]
    y = top
    for family, of_family in families:
        parts.append(svg.text(20, y + 18, TITLES.get(family, family), size=13, font_weight=600))
        y += 36
        for kind, baseline, line in of_family:
            colour = COLOURS.get(baseline, "c")
            name = ("averaged: " if kind else "") + f"against {baseline.removeprefix('RoGA, ')}"
            low, mean, high = (place(100 * line[key]) for key in ("low", "mean", "high"))
            parts += [svg.text(left - 14, y + 4, name, "ink", "end", 12),
                      svg.line([(low, y), (high, y)], colour, 2.5),
                      f'<circle class="{colour}" cx="{mean:.1f}" cy="{y:.1f}" r="4.5"/>',
                      svg.text(width - right + 12, y + 4, f"{100 * line['mean']:+.1f}", "ink", size=12)]
            sets = line["by_arithmetic"].values()
            if len(sets) > 1:
                parts += [svg.line([(place(100 * one["mean"]), y + 5), (place(100 * one["mean"]), y + 9)],
                                   colour, 1.5) for one in sets]
            y += lane
    said = "; ".join(
        f"{TITLES.get(family, family)}, {'averaged, ' if kind else ''}against {baseline}: {100 * line['mean']:+.1f} "
        f"[{100 * line['low']:+.1f}, {100 * line['high']:+.1f}]"
        for family, of_family in families for kind, baseline, line in of_family)
    svg.write("forest.svg", width, height, "RoGA against what was treated alike",
              f"Differences in points on domains that were left out. {said}.", parts)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        raise SystemExit(__doc__)
    found = pairs([json.loads(line) for line in sys.stdin if line.strip()])
    if not found:
        raise SystemExit("forest.py: no difference of RoGA from what was treated alike")
    draw(found)
