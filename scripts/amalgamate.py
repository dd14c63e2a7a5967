#!/usr/bin/env python3
"""Writes all of roga as one header, for projects without a package manager.

    amalgamate.py OUTPUT.hpp

The file stands for <roga/roga.hpp>, <roga/testing.hpp>, <roga/checkpoint.hpp>,
<roga/recalibrate.hpp>, the diagnostics and, where LibTorch has c10d, <roga/distributed.hpp>.
"""
import pathlib
import re
import sys

INCLUDE = pathlib.Path(__file__).resolve().parent.parent / "include"
OURS = re.compile(r"#include <(roga/[^>]+)>\s*$")


def expand(name, seen, out):
    if name in seen:
        return
    seen.add(name)
    for line in (INCLUDE / name).read_text().splitlines():
        ours = OURS.match(line)
        if ours:
            expand(ours.group(1), seen, out)
        elif line not in ("#pragma once", "// SPDX-License-Identifier: MIT"):
            out.append(line)


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        raise SystemExit(__doc__)
    licence = (INCLUDE.parent / "LICENSE").read_text().splitlines()
    out = ["// roga as one header; made by scripts/amalgamate.py, do not edit.", "//"]
    out += [f"// {line}".rstrip() for line in licence] + ["#pragma once"]
    seen = set()
    for name in ("roga/roga.hpp", "roga/checkpoint.hpp", "roga/recalibrate.hpp", "roga/testing.hpp"):
        expand(name, seen, out)
    for path in sorted((INCLUDE / "roga" / "diagnostics").glob("*.hpp")):
        expand(f"roga/diagnostics/{path.name}", seen, out)
    out.append("#if __has_include(<torch/csrc/distributed/c10d/Types.hpp>)")
    expand("roga/distributed.hpp", seen, out)
    out.append("#endif")
    missing = {str(p.relative_to(INCLUDE)) for p in INCLUDE.rglob("*.hpp")} - seen
    if missing:
        raise SystemExit(f"no part of the one header: {', '.join(sorted(missing))}")
    pathlib.Path(sys.argv[1]).write_text("\n".join(out) + "\n")


main()
