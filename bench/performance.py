#!/usr/bin/env python3
"""Writes docs/performance.md, docs/performance_tables.md and their figures from bench/results; see
bench/performance.sh.

    performance.py              writes the pages
    performance.py keep RAW     keeps what the pages need of step_cost's JSON file RAW, in its place
"""
import json
import math
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts" / "maintain"))
import svg  # noqa: E402
from fill import fill  # noqa: E402

RESULTS = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "performance.md"
TABLES = ROOT / "docs" / "performance_tables.md"


def load_rows(file):
    rows = {}
    report = json.loads((RESULTS / file).read_text())
    for row in report["benchmarks"]:
        workload, recipe, size = re.sub(r"/iterations.*", "", row["name"]).split("/")
        row["ms"] = row["real_time"]
        rows[workload, recipe, int(size)] = row
    return report["context"], rows


def keep(file):
    """A row a line, without what Google Benchmark says of itself."""
    report = json.loads(file.read_text())
    context = {key: report["context"][key] for key in
               ("date", "num_cpus", "mhz_per_cpu", "library_build_type", "device", "libtorch")
               if key in report["context"]}
    dropped = {"family_index", "per_family_instance_index", "run_name", "run_type", "repetitions",
               "repetition_index", "threads", "iterations", "cpu_time", "time_unit"}
    lines = [json.dumps({key: round(value, 5) if isinstance(value, float) else value
                         for key, value in row.items() if key not in dropped})
             for row in report["benchmarks"]]
    file.write_text('{\n "context": ' + json.dumps(context) + ',\n "benchmarks": [\n  '
                    + ",\n  ".join(lines) + "\n ]\n}\n")


def table(header, lines):
    out = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    out += ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join(out)


def number(row, key, digits=2):
    return f"{row[key]:.{digits}f}" if row and key in row else ""


def recipes_of(rows, workload):
    seen = []
    for (name, recipe, _), _row in rows.items():
        if name == workload and recipe not in seen:
            seen.append(recipe)
    return seen


def whole_steps(rows, workload):
    lines = []
    for recipe in recipes_of(rows, workload):
        one = [rows.get((workload, recipe, k)) for k in (1, 2, 4, 8)]
        lines.append([f"`{recipe}`"] + [number(r, "to_erm") for r in one]
                     + [number(one[0], "passes"), number(one[2], "passes")]
                     + [number(one[0], "to_by_hand"), number(one[2], "to_by_hand"),
                        number(one[2], "scheme_to_ours")])
    return table(["recipe", "K = 1", "2", "4", "8", "passes, K = 1", "passes, K = 4",
                  "of the loop by hand, K = 1", "K = 4", "GAC-FAS's scheme takes, K = 4"], lines)


def own_share(rows, workload):
    lines = []
    for recipe in recipes_of(rows, workload):
        one = [rows.get((workload, recipe, k)) for k in (1, 4)]
        lines.append([f"`{recipe}`"] + [number(r, "own_copies", 1) for r in one]
                     + [number(r, "copies", 1) for r in one]
                     + [number(r, "copies_by_hand", 1) for r in one]
                     + [f"{r['calls'] / r['tensors']:.1f}" if r else "" for r in one]
                     + [f"{r['calls_by_hand'] / r['tensors']:.1f}" if r and "calls_by_hand" in r
                        else "" for r in one]
                     + [number(r, "to_by_hand") for r in one])
    return table(["recipe", "own time in copies, K = 1", "K = 4", "memory in copies, K = 1",
                  "K = 4", "by hand, K = 1", "K = 4", "calls per tensor, K = 1", "K = 4",
                  "by hand, K = 1", "K = 4", "time of the loop by hand, K = 1", "K = 4"], lines)


COLOURS = ["a", "b", "c"]


def line_chart(file, title, x_label, y_label, series):
    """A log-log chart; series: name -> [(x, y)]."""
    width, height, left, bottom = 520, 320, 64, 46
    points = [p for line in series.values() for p in line]
    x0, x1 = (f(math.log10(p[0]) for p in points) for f in (min, max))
    y0, y1 = (f(math.log10(p[1]) for p in points) for f in (min, max))
    y0, y1 = math.floor(y0), math.ceil(y1)
    scale_x = lambda x: left + (math.log10(x) - x0) / (x1 - x0) * (width - left - 20)
    scale_y = lambda y: height - bottom - (math.log10(y) - y0) / (y1 - y0) * (height - bottom - 40)
    parts = [svg.text(left, 24, title, size=14, font_weight=600)]
    for power in range(y0, y1 + 1):
        y = scale_y(10.0 ** power)
        parts += [svg.line([(left, y), (width - 20, y)], "faint", 1),
                  svg.text(left - 6, y + 4, f"{10.0 ** power:g}", "muted", "end", 12)]
    for x in sorted({p[0] for p in points}):
        parts.append(svg.text(scale_x(x), height - bottom + 18, f"{x:g}", "muted", "middle", 12))
    parts += [svg.text((left + width) / 2, height - 10, x_label, "muted", "middle", 12),
              svg.text(left - 6, 30, y_label, "muted", "end", 12)]
    for i, (colour, (name, line)) in enumerate(zip(COLOURS, series.items())):
        places = [(scale_x(x), scale_y(y)) for x, y in line]
        parts.append(svg.line(places, colour, 2))
        parts += [f'<circle class="{colour}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in places]
        parts.append(svg.text(left + 12, 56 + 18 * i, name, f"{colour} code"))
    said = "; ".join(f"{name} from {line[0][1]:.3g} to {line[-1][1]:.3g} {y_label}"
                     for name, line in series.items())
    svg.write(file, width, height, title, f"Against {x_label}: {said}.", parts)


def cost_chart(rows, domains):
    """Passes and time of a step, relative to plain training, one recipe a line."""
    shown = [(recipe, rows["small_network", recipe, domains]) for recipe in
             ("erm", "pcgrad", "looksam_5", "roga_periodic", "sam", "sagm", "roga", "gac_fas",
              "roga_pooled")]
    periods = {"looksam_5": ", k = 5", "roga_periodic": ", k = 3"}
    width, left, top, lane = 720, 140, 66, 30
    unit = (width - left - 60) / 6
    height = top + lane * len(shown) + 34
    parts = [svg.text(20, 28, f"What a step costs with {domains} domains", size=15, font_weight=600),
             svg.text(20, 48, "in steps of plain training; bars: time, marks: passes, the floor of it",
                      "muted", size=12)]
    for number_of in range(7):
        x = left + number_of * unit
        parts += [svg.line([(x, top), (x, height - 30)], "faint", 1),
                  svg.text(x, height - 14, str(number_of), "muted", "middle", 12)]
    for i, (recipe, row) in enumerate(shown):
        y = top + i * lane
        colour = "c" if recipe.startswith("roga") else "a"
        passes = left + row["passes"] * unit
        parts += [svg.text(left - 10, y + 20, recipe.removesuffix("_5"), "ink code", "end"),
                  svg.rect(left, y + 6, row["to_erm"] * unit, 18, colour, 2),
                  svg.line([(passes, y + 2), (passes, y + 28)], "ink", 2.5),
                  svg.text(left + row["to_erm"] * unit + 8, y + 20,
                           f"{row['to_erm']:.2f}{periods.get(recipe, '')}", size=12)]
    said = ", ".join(f"{recipe} {row['to_erm']:.2f} in time and {row['passes']:.2g} in passes"
                     for recipe, row in shown)
    svg.write("cost.svg", width, height, f"Cost of a step with {domains} domains",
              f"Relative to plain training: {said}.", parts)


def growth(rows):
    parts = []
    for kind, label, unit in (("parameters", "parameters, in 100 tensors, K = 2", "parameter"),
                              ("tensors", "tensors, 1,000,000 parameters in all, K = 2", "tensor"),
                              ("domains", "domains, 1,000,000 parameters in 100 tensors",
                               "domain")):
        series = {}
        for (name, recipe, size), row in rows.items():
            if name == kind:
                series.setdefault(recipe, []).append((size, row))
        if not series:
            continue
        line_chart(f"growth_{kind}.svg", f"Step time by {kind}", label, "ms",
                   {recipe: [(x, row["ms"]) for x, row in line] for recipe, line in series.items()})
        lines = []
        for recipe, line in series.items():
            (x0, first), (x1, last) = line[-2], line[-1]
            exponent = math.log(last["ms"] / first["ms"]) / math.log(x1 / x0)
            slope = (last["ms"] - first["ms"]) / (x1 - x0) * 1e6
            lines.append([f"`{recipe}`"] + [f"{row['ms']:.3g}" for _, row in line]
                         + [f"{exponent:.2f}", f"{slope:.3g} ns",
                            f"{last['copies']:.1f}", f"{last['copy_gb_s']:.1f}"])
        header = (["ms at " + label.split(",")[0]] + [f"{x:,}" for x, _ in next(iter(series.values()))]
                  + ["exponent of the last step", f"slope per {unit}", "memory in copies, last",
                     "plain copy, GB/s, last"])
        parts += [f"![Step time by {kind}](figures/growth_{kind}.svg)", table(header, lines)]
    return "\n\n".join(parts)


def kernels(rows):
    lines = [[name.replace("_", ", "), f"{row['ms']:.2f} ms", number(row, "multi_to_loop"),
              number(row, "flat_to_loop")]
             for (workload, name, _), row in rows.items() if workload == "kernels"]
    return table(["list, pass", "loop over tensors", "one multi-tensor call, of that",
                  "one flat buffer, of that"], lines)


def on_device_whole(rows, workload):
    lines = []
    for recipe in recipes_of(rows, workload):
        one = [rows.get((workload, recipe, k)) for k in (1, 4)]
        lines.append([f"`{recipe}`"] + [number(r, "to_erm") for r in one]
                     + [number(r, "passes") for r in one] + [number(r, "to_by_hand") for r in one]
                     + [number(one[1], "scheme_to_ours")] + [number(r, "kernels", 0) for r in one]
                     + [number(r, "kernels_by_hand", 0) for r in one]
                     + [number(one[1], f"waits{kind}", 0) for kind in ("", "_checked", "_by_hand")])
    return table(["recipe", "K = 1", "K = 4", "passes, K = 1", "K = 4", "of the loop by hand, K = 1",
                  "K = 4", "GAC-FAS's scheme takes, K = 4", "kernels, K = 1", "K = 4",
                  "by hand, K = 1", "K = 4", "waits, K = 4", "with the check", "by hand"], lines)


def on_device_share(rows, workload):
    lines = []
    for recipe in recipes_of(rows, workload):
        one = [rows.get((workload, recipe, k)) for k in (1, 4)]
        lines.append([f"`{recipe}`"]
                     + [number(r, key, digits) for key, digits in
                        (("device_copies", 1), ("copies", 1), ("calls", 0), ("calls_by_hand", 0),
                         ("kernels", 0), ("kernels_by_hand", 0), ("to_by_hand", 2)) for r in one]
                     + [number(one[1], f"waits{kind}", 0) for kind in ("", "_checked", "_by_hand")])
    return table(["recipe", "device's work in copies, K = 1", "K = 4", "memory in copies, K = 1",
                  "K = 4", "calls, K = 1", "K = 4", "by hand, K = 1", "K = 4", "kernels, K = 1",
                  "K = 4", "by hand, K = 1", "K = 4", "time of the loop by hand, K = 1", "K = 4",
                  "waits, K = 4", "with the check", "by hand"], lines)


def on_device_growth(rows):
    lines = []
    for recipe in recipes_of(rows, "parameters"):
        line = [(size, row) for (name, method, size), row in rows.items()
                if name == "parameters" and method == recipe]
        lines.append([f"`{recipe}`"] + [f"{row['ms']:.2f}" for _, row in line]
                     + [number(line[-1][1], "device_copies", 1), number(line[-1][1], "device_gb_s", 0)])
    return table(["ms at parameters"] + [f"{size:,}" for size, _ in line]
                 + ["device's work in copies, last", "plain copy, GB/s, last"], lines)


def compile_time():
    times = json.loads((RESULTS / "compile_time.json").read_text())
    kinds = [kind for kind in ("default", "no_collection") if kind in times]
    lines = []
    for name, key in (("`torch/optim/sgd.h`", "libtorch"),
                      ("and `roga/roga.hpp`", "roga"),
                      ("and `roga/optimizer.hpp`, `roga/recipes/sam.hpp`", "sam"),
                      ("and `Eigen/Cholesky` alone, for comparison", "eigen"),
                      ("`torch/torch.h`, for comparison", "torch_all")):
        cells = [name]
        for kind in kinds:
            value, base = times[kind][key], times[kind]["libtorch"]
            cells += [f"{value:.2f} s", f"{value / base:.2f}"]
        lines.append(cells)
    titles = {"default": "compiler's time", "no_collection": "without garbage collection"}
    header = ["a file that includes"]
    for kind in kinds:
        header += [titles[kind], "of the first"]
    return f"{times['compiler']}\n\n" + table(header, lines)


def averages(rows):
    lines = []
    for (workload, rule, _), row in rows.items():
        if workload.startswith("average_"):
            lines.append([workload.removeprefix("average_"), rule, number(row, "own_copies")])
    return table(["parameters of", "average", "time of an update, in copies"], lines)


def loops(rows):
    lines = [[f"`{what}`", number(row, "ms", 3), number(row, "to_by_hand")]
             for (workload, what, _), row in rows.items() if workload == "loop"]
    return table(["", "ms", "of the tensor calls in it"], lines)


def cost_in_short(host, device):
    lines = []
    for domains, recipe in ((1, "sam"), (1, "looksam_5"), (1, "sam_on"), (4, "erm"), (4, "sam"),
                            (4, "roga"), (4, "roga_pooled")):
        row = host["small_network", recipe, domains]
        lines.append([str(domains), f"`{recipe}`", number(row, "passes"), number(row, "to_erm"),
                      number(host["resnet18_network", recipe, domains], "to_erm"),
                      number(device["resnet18_network", recipe, domains], "to_erm")])
    return table(["domains", "recipe", "passes", "small network, CPU", "ResNet-18, CPU",
                  "ResNet-18, CUDA"], lines)


def memory_in_short(host, device):
    lines = []
    for recipe in ("erm", "sam", "roga", "roga_pooled", "pcgrad"):
        one = [rows["resnet50", recipe, k] for rows in (host, device) for k in (1, 4)]
        lines.append([f"`{recipe}`"] + [number(row, "copies", 1) for row in one]
                     + [number(host["resnet50", recipe, 4], "copies_by_hand", 1)])
    return table(["recipe", "CPU, one domain", "four", "CUDA, one domain", "four",
                  "loop by hand, CPU, four"], lines)


def growth_in_short(rows):
    lines = []
    for kind, rest in (("parameters", "in 100 tensors, two domains"),
                       ("tensors", "a million parameters in all, two domains"),
                       ("domains", "a million parameters in 100 tensors")):
        cells = []
        for recipe in ("sam", "roga"):
            line = [(size, row["ms"]) for (name, method, size), row in rows.items()
                    if (name, method) == (kind, recipe)]
            cells.append(f"{line[0][1]:.3g} to {line[-1][1]:.3g} ms" if line else "")
            if line:
                sizes = f"{line[0][0]:,} to {line[-1][0]:,} {kind}, {rest}"
        lines.append([sizes] + cells)
    return table(["from … to", "`sam`", "`roga`"], lines)


def cpu(context):
    return (f"A CPU with {context['num_cpus']} cores at {context['mhz_per_cpu'] / 1000:.1f} GHz, "
            f"LibTorch 1.13.1, OpenBLAS, {context['date'][:10]}.")


def main():
    context, rows = load_rows("step_cost_around.json")
    around = {"around.machine": cpu(context),
              "around.small_network": whole_steps(rows, "small_network"),
              "around.many_tensors": whole_steps(rows, "many_tensors"),
              "around.averages": averages(rows), "around.loops": loops(rows)}
    context, rows = load_rows("step_cost.json")
    parts = around | {"machine": cpu(context), "whole": whole_steps(rows, "small_network"),
             "whole.resnet18": whole_steps(rows, "resnet18_network"),
             "growth": growth(rows), "compile": compile_time(), "kernels": kernels(rows)}
    cost_chart(rows, 4)
    for workload in ("resnet18", "resnet50", "transformer"):
        parts[workload] = own_share(rows, workload)
    host = rows
    context, rows = load_rows("step_cost_cuda.json")
    parts |= {"cuda.machine": f"One {context['device']}, LibTorch {context['libtorch']}, "
                              f"{context['date'][:10]}.",
              "cuda.kernels": kernels(rows), "cuda.growth": on_device_growth(rows)}
    for workload in ("small_network", "resnet18_network"):
        parts[f"cuda.{workload}"] = on_device_whole(rows, workload)
    for workload in ("resnet18", "resnet50", "transformer"):
        parts[f"cuda.{workload}"] = on_device_share(rows, workload)
    fill(TABLES, parts)
    fill(PAGE, {"cost": cost_in_short(host, rows), "memory": memory_in_short(host, rows),
                "growth": growth_in_short(host)})


if sys.argv[1:2] == ["keep"] and len(sys.argv) == 3:
    keep(pathlib.Path(sys.argv[2]))
elif len(sys.argv) == 1:
    main()
else:
    raise SystemExit(__doc__)
