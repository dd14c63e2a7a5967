#!/usr/bin/env python3
"""Puts generated parts into a page, between `<!-- NAME -->` and `<!-- end -->`.

    fill.py PAGE NAME=FILE ...
"""
import pathlib
import re
import sys


def fill(page, parts):
    text = page.read_text()
    for name, part in parts.items():
        place = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end -->)", re.S)
        if not place.search(text):
            raise SystemExit(f"{page}: no place for {name}: <!-- {name} --> ... <!-- end -->")
        text = place.sub(lambda m, part=part: m.group(1) + part.rstrip("\n") + "\n" + m.group(2), text)
    page.write_text(text)


if __name__ == "__main__":
    if len(sys.argv) < 3 or "=" not in "".join(sys.argv[2:]):
        raise SystemExit(__doc__)
    fill(pathlib.Path(sys.argv[1]),
         {name: pathlib.Path(file).read_text()
          for name, _, file in (argument.partition("=") for argument in sys.argv[2:])})
