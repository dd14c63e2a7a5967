#!/usr/bin/env python3
"""Writes docs/figures/step.svg: one step, from the closures to the optimizer."""
from svg import arrow, line, rect, text, write

WIDTH, GAP, LEFT, TOP, LANE = 108, 24, 16, 92, 58
COLUMNS = [("your closures", "one per domain"), ("gradients", "at theta"),
           ("perturbation", "where to look"), ("capture", "evaluate there"),
           ("alignment", "one direction"), ("your optimizer", "moves the weights")]
LANES = [("a", "₁"), ("b", "₂"), ("c", "₃")]


def left(column):
    return LEFT + column * (WIDTH + GAP)


def middle(lane):
    return TOP + lane * LANE + 21


parts = []
for column, (name, below) in enumerate(COLUMNS):
    centre = left(column) + WIDTH / 2
    parts += [text(centre, 54, name, "ink", "middle", 14, font_weight=600),
              text(centre, 72, below, "muted", "middle", 12)]
# What the recipe is.
parts += [line([(left(2), 32), (left(2), 24), (left(4) + WIDTH, 24), (left(4) + WIDTH, 32)], "muted"),
          text((left(2) + left(4) + WIDTH) / 2, 17, "the recipe: three policies", "muted", "middle", 12)]

for lane, (kind, index) in enumerate(LANES):
    y = middle(lane)
    cells = [[f"closure {lane + 1}"], [f"g{index}"], [f"x{index} = theta", f"+ rho u(g{index})"],
             [f"q{index}, gradient", f"at x{index}"]]
    for column, lines in enumerate(cells):
        parts.append(rect(left(column), y - 21, WIDTH, 42, f"box {kind}"))
        for i, words in enumerate(lines):
            parts.append(text(left(column) + WIDTH / 2, y + 5 + (i - (len(lines) - 1) / 2) * 16, words,
                              "ink", "middle", 12.5))
        parts.append(arrow([(left(column) + WIDTH, y), (left(column + 1), y)], kind))

height = 2 * LANE + 42
for column, lines in ((4, ["d made of", "the mean of g", "and of all q"]),
                      (5, ["SGD, AdamW,", "LBFGS, yours:", "a step along d"])):
    parts.append(rect(left(column), TOP, WIDTH, height, "box"))
    for i, words in enumerate(lines):
        parts.append(text(left(column) + WIDTH / 2, TOP + height / 2 + 5 + (i - 1) * 18, words, "ink",
                          "middle"))
parts.append(arrow([(left(4) + WIDTH, middle(1)), (left(5), middle(1))], "ink"))

# The plain gradient, past the ascent.
low = TOP + height + 26
parts += [arrow([(left(1) + WIDTH / 2, TOP + height), (left(1) + WIDTH / 2, low),
                 (left(4) + WIDTH / 2, low), (left(4) + WIDTH / 2, TOP + height)], "ink"),
          rect(left(2), low - 10, left(3) + WIDTH - left(2), 20, "card bare", 0),
          text((left(2) + left(3) + WIDTH) / 2, low + 4, "their mean g, the plain gradient", "ink", "middle"),
          text((left(2) + left(3) + WIDTH) / 2, low + 26, "after the last point the weights come back to theta, bit for bit",
               "muted", "middle", 12)]

write("step.svg", 800, low + 40, "One step of roga",
      "Each domain has a closure. Evaluated at theta, it gives that domain's gradient. The perturbation "
      "policy makes a point uphill of theta from it, the capture policy takes a gradient there, and the "
      "alignment policy makes one direction of these and of the plain gradient. The wrapped optimizer "
      "steps along it.", parts)
