#!/usr/bin/env python3
"""A Motion JPEG video (AVI) that shows one JPEG picture in every frame.

  still_video.py PICTURE VIDEO FRAMES
"""
import pathlib
import struct
import sys


def size_of(jpeg):
    at = 2
    while at < len(jpeg):
        marker, length = jpeg[at + 1], struct.unpack(">H", jpeg[at + 2:at + 4])[0]
        if marker in (0xC0, 0xC1, 0xC2):
            height, width = struct.unpack(">HH", jpeg[at + 5:at + 9])
            return width, height
        at += 2 + length
    raise SystemExit("no JPEG picture")


def chunk(kind, data):
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def listed(kind, data):
    return chunk(b"LIST", kind + data)


def main(picture, video, frames):
    jpeg = pathlib.Path(picture).read_bytes()
    width, height = size_of(jpeg)
    header = struct.pack("<14I", 40000, 25 * len(jpeg), 0, 0x10, frames, 0, 1, len(jpeg), width,
                         height, 0, 0, 0, 0)
    stream = b"vidsMJPG" + struct.pack("<10I4H", 0, 0, 0, 1, 25, 0, frames, len(jpeg), 0xFFFFFFFF,
                                       0, 0, 0, width, height)
    form = struct.pack("<IiiHH4sIiiII", 40, width, height, 1, 24, b"MJPG", 3 * width * height, 0, 0,
                       0, 0)
    headers = chunk(b"avih", header) + listed(b"strl", chunk(b"strh", stream) +
                                              chunk(b"strf", form))
    movie = b"".join(chunk(b"00dc", jpeg) for _ in range(frames))
    step = 8 + len(jpeg) + len(jpeg) % 2
    index = b"".join(b"00dc" + struct.pack("<3I", 0x10, 4 + n * step, len(jpeg))
                     for n in range(frames))
    body = listed(b"hdrl", headers) + listed(b"movi", movie) + chunk(b"idx1", index)
    pathlib.Path(video).write_bytes(chunk(b"RIFF", b"AVI " + body))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
