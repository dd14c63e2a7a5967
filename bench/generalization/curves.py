#!/usr/bin/env python3
"""Draws docs/figures/quality.svg from lines of `generalization curves`: the AUC of averaged ERM, SAM
and RoGA on synthetic faces as they are spoiled more and more.

    curves.py < CURVES
"""
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "maintain"))
import svg  # noqa: E402

METHODS = {"ERM averaged": "a", "SAM averaged": "b", "RoGA averaged": "c"}
PANELS = {"jpeg": "JPEG quality", "blur": "blur, pixels", "resize": "resized by", "noise": "noise, of 255"}
UNSPOILED = "none"


def panel(x, y, width, height, kind, scores, low, high):
    """Unspoiled at the left, then the levels from mild to severe."""
    tests = [test for test in scores["ERM averaged"] if test.split(" ")[0] == kind]
    tests.sort(key=lambda test: float(test.split(" ")[1]), reverse=kind in ("jpeg", "resize"))
    tests.insert(0, UNSPOILED)
    across = lambda i: x + width * i / (len(tests) - 1)
    up = lambda value: y + height * (high - value) / (high - low)
    parts = [svg.text(x, y - 12, PANELS[kind], size=13, font_weight=600)]
    for tick in range(int(10 * low + 0.5), int(10 * high + 0.5) + 1):
        parts += [svg.line([(x, up(tick / 10)), (x + width, up(tick / 10))], "faint", 1),
                  svg.text(x - 8, up(tick / 10) + 4, f"{tick / 10:.1f}", "muted", "end", 11)]
    for i, test in enumerate(tests):
        parts.append(svg.text(across(i), y + height + 18, test.split(" ")[-1], "muted", "middle", 11))
    for method, colour in METHODS.items():
        points = [(across(i), up(scores[method][test])) for i, test in enumerate(tests)]
        parts.append(svg.line(points, colour, 2))
        parts += [f'<circle class="{colour}" cx="{a:.1f}" cy="{b:.1f}" r="3"/>' for a, b in points]
    return parts


def draw(scores):
    spoiled = {m: {t: v for t, v in of.items() if t == UNSPOILED or t.split(" ")[0] in PANELS}
               for m, of in scores.items()}
    values = [value for of_method in spoiled.values() for value in of_method.values()]
    low, high = int(10 * min(values)) / 10, -int(-10 * max(values)) / 10 + 0.1
    width, height = 720, 520
    parts = [svg.text(20, 28, "AUC on synthetic faces of new people, spoiled more and more", size=15,
                      font_weight=600)]
    for i, (method, colour) in enumerate(METHODS.items()):
        parts += [svg.line([(20 + 150 * i, 48), (44 + 150 * i, 48)], colour, 3),
                  svg.text(52 + 150 * i, 52, method.replace(" ", ", "), size=12)]
    for i, kind in enumerate(PANELS):
        parts += panel(60 + 340 * (i % 2), 100 + 215 * (i // 2), 280, 150, kind, spoiled, low, high)
    said = "; ".join(f"{method} {of[UNSPOILED]:.3f} unspoiled, {sum(of.values()) / len(of):.3f} on average"
                     for method, of in spoiled.items())
    svg.write("quality.svg", width, height, "Scores on faces that are spoiled more and more",
              f"Trained in two qualities, tested under JPEG, blur, resizing and noise. {said}.", parts)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        raise SystemExit(__doc__)
    found = {}
    for line in sys.stdin:
        one = json.loads(line)
        if one["method"] in METHODS:
            found.setdefault(one["method"], {})[one["test"]] = one["mean"]
    missing = METHODS.keys() - found.keys()
    if missing:
        raise SystemExit(f"curves.py: no scores of {', '.join(sorted(missing))}")
    draw(found)
