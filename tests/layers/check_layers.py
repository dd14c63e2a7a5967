#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that every include goes to a layer below.

    check_layers.py LIST ROOT...

LIST has a line for each layer, the lowest first:

    folder: folders that its files may include

A layer is a folder below ROOT, or a single file; "." are the files of ROOT itself. The longest name
that fits a file is its layer. A layer names only layers above its line, so there is no circle. A
line "never: words" names what no line of code may contain; a list of nothing else leaves includes
alone. "#" begins a comment.

Prints each offence as FILE:LINE: what, and fails if there is one.
"""

import re
import sys
from pathlib import Path

INCLUDE = re.compile(r'\s*#\s*include\s*[<"]([^>"]+)[>"]')
SUFFIXES = {".hpp", ".cpp", ".h"}


def read_list(file):
    """Returns the layers, each with its line and what it may include, the words, and offences."""
    layers, never, offences = {}, [], []
    for number, line in enumerate(file.read_text().splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        name, colon, rest = line.partition(":")
        if not colon:
            sys.exit(f"{file}:{number}: a line is 'folder: allowed folders'")
        if name == "never":
            never += rest.split()
            continue
        if name in layers:
            offences.append(f"{file}:{number}: {name} has a line already")
        for allowed in rest.split():
            if allowed not in layers:
                offences.append(f"{file}:{number}: {name} may include {allowed}, which no line "
                                "above names: that would climb, or be a circle")
        layers[name] = (number, set(rest.split()))
    return layers, never, offences


def layer_of(path, layers):
    """The longest layer that @p path (relative to the root) lies in, or None."""
    for candidate in [path, *path.parents]:
        if str(candidate) in layers and (str(candidate) != "." or len(path.parts) == 1):
            return str(candidate)
    return None


def target_of(included, file, root):
    """The file that an include names, relative to the root; None if it is not below the root."""
    for folder in (file.parent, root, root.parent):
        target = (folder / included).resolve()
        if target.is_file() and target.is_relative_to(root):
            return target.relative_to(root)
    return None


def check_file(file, root, layers, never, used):
    offences = []
    path = file.relative_to(root)
    own = layer_of(path, layers)
    if layers and own is None:
        offences.append(f"{file}:1: the list has no line for {path.parent}")
    for number, line in enumerate(file.read_text().splitlines(), 1):
        for word in never:
            if word in line:
                offences.append(f"{file}:{number}: {word} is not for users of the library")
        match = INCLUDE.match(line)
        target = match and own and target_of(match.group(1), file, root)
        layer = target and layer_of(target, layers)
        if not layer or layer == own:
            continue
        used.add((own, layer))
        if layer not in layers[own][1]:
            offences.append(f"{file}:{number}: {own} may not include {layer} ({target})")
    return offences


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    list_file = Path(sys.argv[1])
    layers, never, offences = read_list(list_file)
    used, files = set(), 0
    for root in (Path(argument).resolve() for argument in sys.argv[2:]):
        for file in sorted(root.rglob("*")):
            if file.suffix in SUFFIXES and file.is_file():
                files += 1
                offences += check_file(file, root, layers, never, used)
    if files == 0:
        offences.append(f"{list_file}: no files are there to check")
    for name, (number, allowed) in layers.items():
        for other in sorted(allowed):
            if (name, other) not in used:
                offences.append(f"{list_file}:{number}: {name} includes nothing of {other}")
    print("\n".join(offences) or f"{files} files, {len(used)} arrows between layers, none climbs")
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
