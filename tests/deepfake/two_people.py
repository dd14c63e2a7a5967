#!/usr/bin/env python3
"""A video of two people side by side, of whom the other is the larger in every second frame.

  two_people.py frames FACES OUTPUT   picks two faces of unlike colour from the PNG files below FACES
  two_people.py whose OUTPUT CROPS    a line for each PNG file below CROPS: left or right
"""
import pathlib
import struct
import sys
import zlib


def read(file):
    """Rows of RGB triples of an 8-bit PNG without interlacing."""
    data = file.read_bytes()
    at, packed = 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IHDR":
            width, height = struct.unpack(">II", data[at + 8:at + 16])
        if kind == b"IDAT":
            packed += data[at + 8:at + 8 + length]
        at += 12 + length
    raw, rows, above = zlib.decompress(packed), [], bytes(3 * width)
    for y in range(height):
        begin = y * (3 * width + 1)
        rule, line = raw[begin], bytearray(raw[begin + 1:begin + 1 + 3 * width])
        for i in range(3 * width):
            a, b, c = (line[i - 3] if i > 2 else 0), above[i], (above[i - 3] if i > 2 else 0)
            nearest = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            line[i] = (line[i] + (0, a, b, (a + b) // 2, nearest)[rule]) & 255
        rows.append([tuple(line[i:i + 3]) for i in range(0, 3 * width, 3)])
        above = bytes(line)
    return rows


def write(file, rows):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    packed = zlib.compress(b"".join(b"\0" + bytes(v for p in row for v in p) for row in rows))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(
        b"IHDR", struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 2, 0, 0, 0)) +
        chunk(b"IDAT", packed) + chunk(b"IEND", b""))


def middle_colour(rows):
    part = [row[len(row) // 3:2 * len(row) // 3] for row in rows[len(rows) // 3:2 * len(rows) // 3]]
    pixels = [p for row in part for p in row]
    return [sum(p[c] for p in pixels) / len(pixels) for c in range(3)]


def distance(a, b):
    return sum((x - y) ** 2 for x, y in zip(a, b))


def scaled(rows, side):
    n = len(rows)
    return [[rows[y * n // side][x * n // side] for x in range(side)] for y in range(side)]


def frames(faces, output):
    pictures = [read(file) for file in sorted(faces.rglob("*.png"))]
    pairs = [(a, b) for a in pictures for b in pictures]
    left, right = max(pairs, key=lambda p: distance(middle_colour(p[0]), middle_colour(p[1])))
    side = len(left)
    for n in range(6):
        sizes = (side, side * 3 // 4) if n % 2 == 0 else (side * 3 // 4, side)
        canvas = [[(90, 90, 90)] * (2 * side + 40) for _ in range(side + 20)]
        for picture, size, x in ((left, sizes[0], 5), (right, sizes[1], side + 30)):
            for y, row in enumerate(scaled(picture, size)):
                canvas[y + 10][x:x + size] = row
        write(output / f"{n:03}.png", canvas)
    write(output.parent / "left.png", left)
    write(output.parent / "right.png", right)


def whose(output, crops):
    left, right = (middle_colour(read(output.parent / f"{name}.png")) for name in ("left", "right"))
    for file in sorted(crops.rglob("*.png")):
        colour = middle_colour(read(file))
        print("left" if distance(colour, left) < distance(colour, right) else "right")


if __name__ == "__main__":
    {"frames": frames, "whose": whose}[sys.argv[1]](pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
