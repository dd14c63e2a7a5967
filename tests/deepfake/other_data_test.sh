#!/usr/bin/env bash
# Data as other people have it: broken, doubled, changed since, of other kinds and labels.
#
#   other_data_test.sh PROGRAM
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/program.sh" "$1"

cat >settings.json <<'END'
{"epochs": 1, "steps-per-epoch": 3, "pairs": 2, "width": 8, "size": 16, "log-steps": 1}
END
python3 "$tests/deepfakebench_mock.py" write bench
mkdir -p base/dataset_json && cp bench/dataset_json/FaceForensics++.json base/dataset_json/
cp bench/dataset_json/Celeb-DF-v2.json base/dataset_json/ && cp -r bench/rgb base/rgb
ff=base/rgb/FaceForensics++
train=(train --data base --datasets FaceForensics++ --compression c23 --config settings.json)
run "${train[@]}" --run whole
head -n 1 whole/train.log | grep -q "0\.[0-9]\{7\}" && fail "numbers with digits that mean nothing"
grep -qE "lr [0-9.e-]{1,9} " whole/train.log || fail "the rate has too many digits"
[ ! -e whole/left_out.csv ] || fail "left_out.csv of data that is whole"

# Broken frames: gradcam skips and counts them, and leaves no half folder; all are in left_out.csv.
mkdir broken && cp -r base/* broken/
find broken/rgb/FaceForensics++/manipulated_sequences/*/c23/frames/200_203 -name 017.png \
  -exec truncate -s 0 {} \;
run gradcam --run whole --datasets FaceForensics++ --per-domain 8
[ "$(head -n 1 whole/gradcam/index.csv)" = "file,dataset,domain,video,frame,label,prob,compression" ] ||
  fail "gradcam/index.csv: $(head -n 1 whole/gradcam/index.csv)"
grep -q ",c23$" whole/gradcam/index.csv || fail "gradcam/index.csv has no compression"
before=$(wc -l <whole/gradcam/index.csv)
run gradcam --run whole --data broken --datasets FaceForensics++ --per-domain 8
says "broken images, skipped, 4:" err.txt
[ "$(wc -l <whole/gradcam/index.csv)" -eq $((before - 4)) ] || fail "gradcam: not all but four"
[ -e whole/gradcam/index.csv ] && [ ! -e whole/gradcam.new ] || fail "gradcam leaves half a folder"
run evaluate --run whole --data broken --datasets FaceForensics++
[ "$(grep -c "^evaluate,FaceForensics++,broken image,.*017.png,skipped" whole/left_out.csv)" -eq 4 ] ||
  fail "left_out.csv of evaluate: $(cat whole/left_out.csv)"
[ "$(grep -c "^gradcam,.*broken image" whole/left_out.csv)" -eq 4 ] || fail "left_out.csv of gradcam"
run report whole
says "What was left out" whole/report.html
says "200_203" whole/report.html
run evaluate --run whole --datasets FaceForensics++
grep -q "^evaluate," whole/left_out.csv && fail "left_out.csv keeps what is mended"
mkdir blank && cp -r base/* blank/ && find blank/rgb -name "*.png" -exec truncate -s 0 {} +
cp -r whole blind
refuses "nothing to test" evaluate --run blind --data blank
refuses "nothing to test" robustness --run blind --data blank --corruptions blur
# Twelve broken videos are twelve rows, though three are named.
mkdir gone && cp -r base/* gone/
rm -r gone/rgb/FaceForensics++/manipulated_sequences/{Deepfakes,FaceSwap,Face2Face}/c23/frames/{000_003,003_000,004_005,005_004}
run train --data gone --datasets FaceForensics++ --compression c23 --config settings.json --run gone_run
says "and 9 more" err.txt
[ "$(grep -c "^train,.*video without a frame" gone_run/left_out.csv)" -eq 12 ] ||
  fail "left_out.csv has not twelve videos: $(cat gone_run/left_out.csv)"

# Other bytes under the same names.
cp -r whole kept
resume() { "$program" train --run whole --resume "$@" >out.txt 2>err.txt; }
resume || fail "a finished run is not resumed: $(cat err.txt)"
frame=$ff/manipulated_sequences/Deepfakes/c23/frames/000_003/017.png
cp -p "$frame" frame.png && echo >>"$frame"
refuses "frames have other sizes" train --run whole --resume
cp frame.png "$frame" # the same bytes at another time
refuses "say --verify" train --run whole --resume
resume --verify || fail "the same bytes are refused: $(cat err.txt)"
says "kept no hash of all bytes" err.txt
run "${train[@]}" --run verified --verify
touch "$frame"
run train --run verified --resume --verify
python3 - "$frame" <<'END'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[-20] ^= 1
open(sys.argv[1], "wb").write(data)
END
refuses "other bytes" train --run verified --resume --verify
cp -p frame.png "$frame"
echo '{"methods": {"roga": {}}}' >methods.json
mkdir both && cp -r verified both/roga
touch "$frame"
echo '{"methods": {"../elsewhere": {}}}' >outside.json
refuses "cannot be that of its run's folder" compare --data base --settings outside.json --output both
refuses "say --verify" compare --data base --datasets FaceForensics++ --compression c23 --config settings.json \
  --settings methods.json --output both
cp -p frame.png "$frame"

# The same images under two names, and frames that are listed three times.
mkdir doubled && cp -r base/* doubled/
copies=doubled/rgb/FaceForensics++/original_sequences/youtube/c23/frames
cp $copies/000/*.png $copies/200/
python3 - <<'END'
import json
file = "doubled/dataset_json/FaceForensics++.json"
index = json.load(open(file))
video = index["FaceForensics++"]["FF-DF"]["train"]["c23"]["004_005"]
video["frames"] *= 3
json.dump(index, open(file, "w"))
END
refuses "faults" check-data --data doubled --datasets FaceForensics++
says "the same images in two splits: 1"
says "FF-real > train > c23 > 000"
says "FF-real > test > c23 > 200 and "
says ": 3 equal frames"
says "videos that list frames more than once: 1"
run check-data --data base --datasets FaceForensics++
says "The data is sound."

# Labels of one's own, and one that contradicts its group.
python3 - <<'END'
import json, pathlib
text = pathlib.Path("base/dataset_json/FaceForensics++.json").read_text()
for old, new in (("FF-real", "clean"), ("FF-DF", "alpha"), ("FF-F2F", "beta"), ("FF-FS", "gamma"),
                 ("FF-NT", "delta")):
    text = text.replace(f'"{old}"', f'"{new}"')
folder = pathlib.Path("own/dataset_json")
folder.mkdir(parents=True)
(folder / "Own.json").write_text(text.replace('"FaceForensics++"', '"Own"', 1))
pathlib.Path("labels.json").write_text(json.dumps({
    "clean": "real", "alpha": {"class": "fake", "domain": "GAN"},
    "beta": {"class": "fake", "domain": "GAN"}, "gamma": "fake", "delta": {"class": "fake"}}))
pathlib.Path("bad.json").write_text('{"clean": "genuine"}')
END
own=(--data own --rgb-dir base/rgb)
refuses "--labels" train "${own[@]}" --compression c23 --config settings.json --run own_run
refuses "genuine" check-data "${own[@]}" --labels bad.json
refuses "no such file of labels" check-data "${own[@]}" --labels none.json
run check-data "${own[@]}" --labels labels.json
run train "${own[@]}" --labels labels.json --compression c23 --config settings.json --run own_run
says "train on GAN (" err.txt
grep -q '"GAN"' own_run/config.json || fail "config.json does not name the domain"
rm labels.json # the run keeps them
run evaluate --run own_run
grep -qE "GAN +yes" out.txt || fail "evaluate forgets the labels: $(cat out.txt)"
sed -i 's/"label": "FF-DF"/"label": "FF-real"/' doubled/dataset_json/FaceForensics++.json
refuses "faults" check-data --data doubled --datasets FaceForensics++
says "is labelled FF-real, which contradicts FF-DF"

# A raw folder: a test list that names absent videos; links, other kinds, what cannot be read.
celeb=Celeb-DF-v2
for video in Celeb-real/id0_0000 Celeb-real/id1_0000 Celeb-real/id2_0000 Celeb-real/id3_0000 \
  Celeb-synthesis/id1_id2_0000 Celeb-synthesis/id2_id3_0000 Celeb-synthesis/id3_id2_0000; do
  mkdir -p $celeb/${video%/*}/frames/${video#*/}
  cp $ff/original_sequences/youtube/c23/frames/000/*.png $celeb/${video%/*}/frames/${video#*/}/
done
printf '1 Celeb-real/id0_0000.mp4\n0 Celeb-synthesis/id9_id8_0001.mp4\n\nodd\n1 YouTube-real/00170.mp4\n' \
  >$celeb/List_of_testing_videos.txt
run import --from $celeb --output celeb
says "videos of the lists that are not there, 2: Celeb-synthesis/id9_id8_0001, YouTube-real/00170"
says "listed video absent,YouTube-real/00170" celeb/left_out.csv
plus=Celeb-DF++ # a folder for each scenario and method
mkdir -p $plus/Celeb-synthesis/{FaceSwap/SimSwap,TalkingFace/IP_LAP}/frames
cp -r $celeb/Celeb-real $plus/ && cp -r $celeb/Celeb-synthesis/frames/id1_id2_0000 $plus/Celeb-synthesis/FaceSwap/SimSwap/frames/
cp -r $celeb/Celeb-synthesis/frames/id2_id3_0000 $plus/Celeb-synthesis/TalkingFace/IP_LAP/frames/
echo '1 Celeb-real/id0_0000.mp4' >$plus/List_of_testing_videos.txt
run import --from $plus --output plus
says "CelebDF++_fake-SimSwap"
says "CelebDF++_fake-IP-LAP"

mkdir -p raw/real raw/swap elsewhere/deep
cp $ff/original_sequences/youtube/c23/frames/000/000.png raw/real/a.png
cp $ff/original_sequences/youtube/c23/frames/003/000.png raw/real/b.png
cp $ff/original_sequences/youtube/c23/frames/004/000.png elsewhere/deep/c.png
ln -s ../../elsewhere/deep raw/real/linked
cp $ff/manipulated_sequences/Deepfakes/c23/frames/000_003/000.png raw/swap/a.png
base64 -d >raw/swap/moving.gif <<'END'
R0lGODlhAgACAPAAAP8AAAD/ACH5BAAKAAAALAAAAAACAAIAAAIChFEAOw==
END
for ending in wmv flv ts; do echo "no video" >raw/swap/cut-$ending.$ending; done
echo text >raw/swap/notes.docx
run import --from raw --output tree --name tree
says "swap/notes.docx (neither an image nor a video by its ending)"
for ending in wmv flv ts; do says "undecodable file,swap/cut-$ending.$ending" tree/left_out.csv; done
grep -q "linked" tree/dataset_json/tree.json || fail "a link to a folder is not followed"
grep -q "moving" tree/dataset_json/tree.json || says "swap/moving.gif" tree/left_out.csv
grep -qE "GStreamer|moov|libpng" err.txt && fail "decoders write to the terminal: $(cat err.txt)"
ln -s .. raw/real/loop
run predict --run whole raw
says "linked/c.png"
says "left aside, 1: raw/swap/notes.docx"
grep -q "$(printf '\\bcut-wmv.wmv')" out.txt || fail "predict does not name what it cannot read"

# Two people side by side, now the one and now the other the larger: one is followed.
counts=(--train-identities 4 --val-identities 4 --test-identities 4 --unseen-identities 4)
run make-data --output faces --preset quick --size 192 "${counts[@]}"
originals=faces/rgb/FaceForensics++/original_sequences
python3 "$tests/two_people.py" frames $originals people/frames
mkdir -p two/swap && cp -r people/frames two/real && mkdir two/real/pair && mv two/real/*.png two/real/pair
cp "$(find $originals -name "*.png" | head -n 1)" two/swap/x.png
if "$program" import --from two --output cropped --name two --crop-faces >out.txt 2>err.txt; then
  python3 "$tests/two_people.py" whose people/frames cropped/rgb/two/real >whose.txt
  [ "$(sort -u whose.txt | wc -l)" -eq 1 ] && [ "$(wc -l <whose.txt)" -ge 4 ] ||
    fail "crops change from one person to the other: $(cat whose.txt)"
  run predict --run whole --crop-faces --json two/real/pair
  python3 -c 'import json
for file in json.load(open("out.txt"))["files"]:
    faces = file["frames"][0]["faces"]
    assert len(faces) == 2 and all(len(f["box"]) == 4 and 0 <= f["prob"] <= 1 for f in faces), file
    assert max(f["prob"] for f in faces) == file["prob"], file' || fail "predict: $(cat out.txt)"
else
  says "opencv-data" err.txt
  echo "other_data_test: no face cascade, two people not tried"
fi

# A photograph as a whole, and one without colour.
python3 - <<'END'
import struct, zlib
def png(name, width, height, colour):
    rows = b"".join(b"\0" + bytes(max(0, colour(x, y) - c) for x in range(width) for c in (0, 3, 1))
                    for y in range(height))
    chunk = lambda kind, data: (struct.pack(">I", len(data)) + kind + data +
                                struct.pack(">I", zlib.crc32(kind + data)))
    open(name, "wb").write(b"\x89PNG\r\n\x1a\n" +
        chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
        chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
png("grey.png", 32, 32, lambda x, y: (8 * x) % 256)
png("photo.png", 64, 32, lambda x, y: (8 * x) % 256)
END
run predict --run whole raw/real/a.png
grep -q warning err.txt && fail "predict warns of a face crop in colour"
run predict --run whole grey.png
says "grey pictures, and the detector was trained on colour" err.txt
run predict --run whole photo.png
says "no face was looked for" err.txt

# Calibration: kept by training, used by predict.
run predict --run whole raw/real/a.png raw/swap/a.png --json --fpr 0.05 --abstain-below 1
grep -q '"verdict": "unsure"' out.txt || fail "predict does not abstain"
grep -q '"calibrated"' out.txt || fail "predict gives no calibrated probability"
python3 - <<'END' || fail "the threshold is not the kept one"
import json
kept = json.load(open("whole/calibration.json"))
rate = [t for t in kept["thresholds"] if t["false_positive_rate"] == 0.05][0]
for file in json.load(open("out.txt"))["files"]:
    assert file["threshold"] == rate["frame"], file
    assert abs(file["prob"] - file["frames"][0]["prob"]) < 1e-9
END
refuses "must be one of the rates" predict --run whole raw/real/a.png --fpr 0.03
rm whole/calibration.json
refuses "no calibration" predict --run whole raw/real/a.png --abstain-below 0.9
run predict --run whole raw/real/a.png
says "Calibration" whole/report.html
says "do not transfer to unseen forgeries" whole/report.html

run --version
grep -qE "^roga-deepfake [0-9]+\.[0-9]+\.[0-9]+" out.txt || fail "--version: $(cat out.txt)"
run --help
says "Exit status"
run train --help
for group in Data Network Method Schedule Augmentation Output; do
  grep -qx "$group:" out.txt || fail "train --help has no group $group"
done
for command in "" import check-data make-data train evaluate compare predict gradcam robustness export report completion; do
  # shellcheck disable=SC2086
  run $command --help
  awk 'length > 80 && !/roga-deepfake/ { print; bad = 1 } END { exit bad }' out.txt ||
    fail "the help of '$command' is wider than 80"
done
run completion
says "--val-from-train"
bash -c 'source out.txt; COMP_WORDS=(roga-deepfake train --val-f); COMP_CWORD=2; _roga_deepfake
  [ "${COMPREPLY[*]}" = "--val-from-train --val-frames-per-video" ] || [ "${COMPREPLY[*]}" = "--val-from-train" ] || [ "${COMPREPLY[0]}" = "--val-from-train" ]' ||
  fail "completion does not complete"
echo "other_data_test: passed"
