#!/usr/bin/env python3
"""Data as DeepfakeBench's own preparation leaves it, with frames of noise.

  deepfakebench_mock.py write FOLDER   thirteen index files in FOLDER/dataset_json, frames in FOLDER/rgb
  deepfakebench_mock.py count FOLDER   a line for each data set, label, split and compression: videos
                                       and frames, counted from the files alone

The formats: the FaceForensics++ family has a level of compression, with backslashes in its paths; the
others have none. FF-DF.json and its kin repeat the reals. The validation split of Celeb-DF, DFDCP,
UADFV, DeeperForensics and DeepFakeDetection is their test split, and DFDC's is no split at all.
"""
import collections
import json
import pathlib
import random
import struct
import sys
import zlib

FRAMES = ("000", "017", "034")
SIDE = 16
FAMILY = {  # label: folder below the frames' root
    "FF-real": "original_sequences/youtube",
    "FF-DF": "manipulated_sequences/Deepfakes",
    "FF-F2F": "manipulated_sequences/Face2Face",
    "FF-FS": "manipulated_sequences/FaceSwap",
    "FF-NT": "manipulated_sequences/NeuralTextures",
    "FF-FH": "manipulated_sequences/FaceShifter",
}
PAIRS = {"train": [("000", "003"), ("004", "005"), ("006", "007"), ("008", "009")],
         "val": [("100", "103"), ("104", "105")],
         "test": [("200", "203"), ("204", "205")]}


def png(rng):
    rows = b"".join(b"\0" + bytes(rng.randrange(256) for _ in range(3 * SIDE)) for _ in range(SIDE))
    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data +
                struct.pack(">I", zlib.crc32(kind + data)))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class Bench:
    def __init__(self, folder):
        self.folder = folder
        self.rng = random.Random(0)

    def video(self, label, place, prefix="", separator="/"):
        frames = []
        for stem in FRAMES:
            path = f"{place}/{stem}.png"
            file = self.folder / "rgb" / path
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(png(self.rng))
            frames.append((prefix + path).replace("/", separator))
        return {"label": label, "frames": frames}

    def save(self, name, labels):
        file = self.folder / "dataset_json" / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({name: labels}))

    def family(self, name, labels):
        index = {label: {} for label in labels}
        for label in labels:
            for split, pairs in PAIRS.items():
                videos = index[label].setdefault(split, {})
                for compression in ("c23", "c40"):
                    of = videos.setdefault(compression, {})
                    names = [one for pair in pairs for one in pair] if label == "FF-real" else [
                        one for a, b in pairs for one in (f"{a}_{b}", f"{b}_{a}")]
                    for one in names:
                        place = f"FaceForensics++/{FAMILY[label]}/{compression}/frames/{one}"
                        of[one] = self.video(label, place, separator="\\")
        self.save(name, index)

    def detection(self):
        index = {}
        for label, place in (("DFD_real", "original_sequences/actors"),
                             ("DFD_fake", "manipulated_sequences/DeepFakeDetection")):
            def videos(scene, label=label, place=place):
                names = [f"{n:02}__{scene}" for n in range(1, 9)] if label == "DFD_real" else [
                    f"{n:02}_{n % 8 + 1:02}__{scene}__{n:04}HASH" for n in range(1, 9)]
                return {"c23": {name: self.video(label, f"FaceForensics++/{place}/c23/frames/{name}",
                                                 separator="\\") for name in names}}
            test = videos("exit_phone_room")
            index[label] = {"train": videos("walking"), "val": test, "test": test}
        self.save("DeepFakeDetection", index)

    def celeb(self, version):
        name, family = f"Celeb-DF-{version}", f"CelebDF{version}"
        def add(label, folder, names):
            return {one: self.video(label, f"{name}/{folder}/frames/{one}") for one in names}
        real, fake = f"{family}_real", f"{family}_fake"
        index = {
            real: {"train": {**add(real, "Celeb-real", [f"id{n}_0000" for n in range(10)]),
                             **add(real, "YouTube-real", ["00001", "00002"])},
                   "test": {**add(real, "Celeb-real", [f"id{n}_0009" for n in range(4)]),
                            **add(real, "YouTube-real", ["00170"])}},
            fake: {"train": add(fake, "Celeb-synthesis",
                                [f"id{a}_id{b}_0000" for a in range(10) for b in range(10)
                                 if a != b]),
                   "test": add(fake, "Celeb-synthesis",
                               [f"id{a}_id{b}_0009" for a in range(4) for b in range(4) if a != b])},
        }
        for splits in index.values():
            splits["val"] = splits["test"]
        self.save(name, index)

    def plain(self, name, labels, real_name, fake_name):
        """Ten people train, five test."""
        index = {}
        for label, folder in labels.items():
            name_of = real_name if label.lower().endswith("real") else fake_name
            splits = {split: {name_of(n): self.video(label, f"{name}/{folder}/frames/{name_of(n)}",
                                                     prefix="./datasets/rgb/")
                              for n in people}
                      for split, people in (("train", range(10)), ("test", range(20, 25)))}
            splits["val"] = splits["test"]
            index[label] = splits
        self.save(name, index)

    def dfdc(self):
        index = {}
        for label in ("DFDC_Real", "DFDC_Fake"):
            names = [f"{label[5].lower()}video{n}" for n in range(6)]
            index[label] = {"train": {}, "val": {"label": label, "frames": []},
                            "test": {one: self.video(label, f"DFDC/test/frames/{one}",
                                                     prefix="/data/DeepfakeBench/rgb/")
                                     for one in names}}
        self.save("DFDC", index)

    def write(self):
        self.family("FaceForensics++", ["FF-real", "FF-DF", "FF-F2F", "FF-FS", "FF-NT"])
        for label in ("FF-DF", "FF-F2F", "FF-FS", "FF-NT"):
            self.family(label, ["FF-real", label])
        self.family("FaceShifter", ["FF-real", "FF-FH"])
        self.detection()
        self.celeb("v1")
        self.celeb("v2")
        self.plain("DFDCP", {"DFDCP_Real": "original_videos", "DFDCP_FakeA": "method_A",
                             "DFDCP_FakeB": "method_B"},
                   lambda n: f"11471{n:02}_A_001", lambda n: f"11471{n:02}_12240{n:02}_A_001")
        self.plain("UADFV", {"UADFV_Real": "real", "UADFV_Fake": "fake"},
                   lambda n: f"{n:04}", lambda n: f"{n:04}_fake")
        self.plain("DeeperForensics-1.0", {"DF_real": "source_videos", "DF_fake": "manipulated_videos"},
                   lambda n: f"M1{n:02}_light_front", lambda n: f"{n:03}_M1{n:02}")
        self.dfdc()


def count(folder):
    """From the files alone, by other means than the program's."""
    counts = collections.Counter()
    for file in sorted((folder / "dataset_json").glob("*.json")):
        for dataset, labels in json.loads(file.read_text()).items():
            for label, splits in labels.items():
                for split, entries in splits.items():
                    for name, entry in entries.items():
                        if name in ("label", "frames"):
                            continue  # DFDC's val
                        videos = entry.values() if "frames" not in entry else [entry]
                        compression = name if "frames" not in entry else "-"
                        key = (dataset, label, split, compression)
                        for video in videos:
                            counts[key + ("videos",)] += 1
                            for frame in video["frames"]:
                                parts = frame.replace("\\", "/").split("/")
                                found = any((folder / "rgb" / "/".join(parts[i:])).is_file()
                                            for i in range(len(parts)))
                                counts[key + ("frames",)] += found
    for key in sorted({key[:-1] for key in counts}):
        print(*key, counts[key + ("videos",)], counts[key + ("frames",)])


if __name__ == "__main__":
    command, target = sys.argv[1], pathlib.Path(sys.argv[2])
    if command == "write":
        Bench(target).write()
    else:
        count(target)
