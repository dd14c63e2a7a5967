#!/usr/bin/env bash
# The program as its users meet it: the chain from data to report, a run that is killed and
# resumed, and bad input.
#
#   program_test.sh PROGRAM
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/program.sh" "$1"
bench=$(cd "$tests/../../bench" && pwd)

counts=(--train-identities 4 --val-identities 4 --test-identities 4 --unseen-identities 4)
run make-data --output data --preset quick --size 32 "${counts[@]}"
grep -q "Shortcut audit" out.txt || fail "make-data prints no audit"
[ -s data/audit.csv ] || fail "make-data writes no audit.csv"
run check-data --data data
refuses "nowhere" make-data --photos nowhere --output forged
refuses "at least 6" make-data --photos data/rgb/Synthetic-SBI/real --no-crop --output forged
refuses "--photos" make-data --no-crop --output forged
refuses "--preset" make-data --photos data/rgb --preset quick --output forged

cat >settings.json <<'END'
{"epochs": 3, "steps-per-epoch": 12, "pairs": 2, "width": 8, "size": 32, "checkpoint-steps": 1,
 "log-steps": 4}
END
run train --data data --config settings.json --optimizer roga --run whole
run evaluate --run whole
grep -q "not trained on" out.txt || fail "evaluate prints no mean over unseen manipulations"
run evaluate --run whole --video-score max
grep -q "video max AUC" out.txt || fail "evaluate does not say how it scored videos"
grep -q ",test,video," whole/eval.csv || fail "evaluate --video-score leaves out the mean"
grep -q "epoch 3/3" whole/train.log || fail "train.log does not tell of the epochs"
ls whole/events.out.tfevents.* >/dev/null || fail "training wrote no event file"

# From real faces alone, and what the network is given for a pixel.
# config.json says how its numbers were rounded, and keeps that where the run goes on elsewhere.
ONEDNN_MAX_CPU_ISA=AVX2 run train --data data --config settings.json --protocol none --pseudo self-blend,warp \
  --normalisation imagenet --mean 0.5,0.4,0.3 --train-only normalisation classifier --run forged
grep -q "parameters, of which" forged/train.log || fail "train does not say how many parameters it trains"
python3 - <<'END' || fail "config.json records another arithmetic"
import json, pathlib, re
record = json.load(open("forged/config.json"))["arithmetic"]
file = pathlib.Path("/proc/cpuinfo")
names = re.findall(r"^model name\s*: (.*)", file.read_text() if file.exists() else "", re.M)
assert record["processor"] == (names or ["unknown"])[0], record
assert record["ONEDNN_MAX_CPU_ISA"] == "AVX2" and record["threads"] == 1, record
assert record["libtorch"] and {"ATEN_CPU_CAPABILITY", "OPENBLAS_CORETYPE"} <= record.keys(), record
END
ONEDNN_MAX_CPU_ISA=SSE41 run train --run forged --resume
grep -q '"ONEDNN_MAX_CPU_ISA": "AVX2"' forged/config.json || fail "a run forgets where it began"
run evaluate --run forged --datasets Synthetic-SBI Synthetic-FWA
grep -q "forgeries of this kind, self-blend" out.txt || fail "evaluate calls a made kind unseen"
run report forged --output forged.html
grep -q "Forgeries made while training" forged.html || fail "the report shows no forgeries"
refuses "--pseudo self-blend" train --data data --protocol none --run none
refuses "did you mean 'warp'" train --data data --pseudo wrap --run none
refuses "option std" train --data data --std 0 --run none

run export --run whole --output detector.pt
grep -q "largest difference" out.txt || fail "export does not say that it has reloaded the file"
# A network without normalisation, from another's weights.
run train --data data --config settings.json --model conv-small --optimizer erm --run plain
run export --run plain --output plain.pt
run gradcam --run plain --per-domain 1
run evaluate --run plain
run train --data data --config settings.json --model conv-small --weights plain/checkpoints/best.pt \
  --epochs 1 --run plain2
grep -q "10 tensors loaded by name" plain2/train.log || fail "conv-small's weights: $(cat plain2/train.log)"
refuses "no normalisation layer" train --data data --model conv-small --train-only normalisation --run none
run gradcam --run whole --per-domain 1
run robustness --run whole --datasets FaceForensics++ --corruptions jpeg
grep -q "jpeg" whole/robustness.csv || fail "robustness writes no rows"
run predict --run whole data/rgb/Synthetic-SBI --json
grep -q '"verdict"' out.txt || fail "predict --json gives no verdict"
run predict --run whole "$(find data/rgb -name "*.png" | head -n 1)"
grep -q "no proof" out.txt || fail "predict does not say what a score is"
grep -qE "^verdict +score +calibrated +frames +file$" out.txt || fail "predict heads its columns otherwise: $(cat out.txt)"
run predict --help
tr -s '\n ' ' ' <out.txt >help.txt
says "The score is the detector's probability of a fake" help.txt
refuses "no input could be judged" predict --run whole settings.json

# Aligned faces, or what is missing for them.
refuses "--align" predict --run whole --align dilb data/rgb
refuses "--align" predict --run whole --landmarks some.dat data/rgb
refuses "--align" import --from data/rgb --output aligned --align dlib --cascade some.xml
refuses "--crop-faces" import --from data/rgb/Synthetic-SBI --output aligned --people each
photo=/usr/share/doc/libdlib19.1/examples/faces/bald_guys.jpg
if "$program" --version | grep -q "without dlib"; then
  for command in "import --from data/rgb/Synthetic-SBI --output aligned" \
                 "predict --run whole data/rgb/Synthetic-SBI" "gradcam --run whole"; do
    # shellcheck disable=SC2086  # several words
    refuses "libdlib-dev" $command --align dlib
  done
elif [ -f /usr/share/dlib/shape_predictor_68_face_landmarks.dat ] && [ -f "$photo" ]; then
  run predict --run whole --align deepfakebench --json "$photo"
  [ "$(grep -c '"box"' out.txt)" -ge 3 ] || fail "predict --align judges too few faces: $(cat out.txt)"
  refuses "no face was found in any frame" gradcam --run whole --align dlib
  mkdir -p photos/real photos/swap && cp "$photo" photos/real/a.jpg && cp "$photo" photos/swap/a.jpg
  run import --from photos --output aligned --align dlib --people each
  landmarks=$(find aligned/rgb/aligned/real/landmarks -name "*.npy" | wc -l)
  [ "$landmarks" -ge 3 ] && [ "$landmarks" -eq "$(find aligned/rgb/aligned/real/frames -name "*.png" | wc -l)" ] ||
    fail "import --align keeps $landmarks files of landmarks"
  refuses "imported with other options" import --from photos --output aligned --align dlib
else
  echo "program_test: no landmarks or no photograph, aligned faces not tried"
fi
# A manipulation by the name of its folder; a warm-up without an end.
run train --data data --config settings.json --optimizer erm --protocol loo:neural_textures \
  --warmup-steps 36 --run folder
says '"protocol": "loo:FF-NT"' folder/config.json
says "warning: the learning rate rises to the end: the training has 36 steps, and --warmup-steps 36" folder/train.log
grep -q warning whole/train.log && fail "train warns of a short warm-up: $(cat whole/train.log)"
run train --run folder --resume --protocol loo:NeuralTextures
refuses 'has option protocol "loo:FF-NT", not "loo:FF-DF"' train --run folder --resume --protocol loo:deepfakes
refuses "choose one of FF-DF, FF-F2F, FF-FS, FF-NT" train --data data --protocol loo:lipsync --run none
run train --data data --config settings.json --profile
grep -q "img/s" out.txt || fail "--profile prints no rate"

run report whole --output report.html
grep -q "Grad-CAM" report.html || fail "the report shows no heat maps"
grep -q "ynthetic" report.html || fail "the report does not say that the faces are synthetic"

# A data set that repeats trained forgeries under its own name, beside those that it repeats.
[ -s whole/trained_on.csv ] || fail "training leaves no list of its videos"
cp -r data repeated
for label in FF-DF FF-F2F; do
  python3 - repeated/dataset_json $label <<'END'
import json, pathlib, sys
folder, label = pathlib.Path(sys.argv[1]), sys.argv[2]
index = json.loads((folder / "FaceForensics++.json").read_text())["FaceForensics++"]
name = label if label == "FF-DF" else "Renamed"
own = {"FF-real": index["FF-real"], label if label == "FF-DF" else "Renamed_fake": index[label]}
text = json.dumps({name: own}).replace(f'"label": "{label}"', f'"label": "{list(own)[1]}"')
(folder / (name + ".json")).write_text(text)
END
done
cp -r whole judged
run evaluate --run whole
unseen=$(grep "not trained on" out.txt | grep -o "0\.[0-9]*" | head -n 1)
run evaluate --run judged --data repeated
grep "not trained on" out.txt | grep -qF "$unseen" ||
  fail "repeated forgeries move the mean over unseen ones, $unseen: $(cat out.txt)"
grep -q "FF-DF > FF-DF > c23 counts as trained on: the label FF-DF" out.txt || fail "no word of FF-DF"
grep -q "Renamed > Renamed_fake > c23 counts as trained on: " out.txt || fail "no word of Renamed"
run report judged
grep -q "counts as trained on" judged/report.html || fail "the report says nothing of an overlap"
# Index files that nobody asked for.
echo '[["000", "003"]]' >repeated/dataset_json/pairs.json
run evaluate --run judged --data repeated --datasets FaceForensics++
grep -q pairs err.txt && fail "evaluate names an index that nobody asked for"
run evaluate --run judged --data repeated
grep -q "index files left out, 1: .*pairs.json" err.txt || fail "evaluate does not name pairs.json"
rm -r repeated judged

# Killed without warning each time that it has written a checkpoint, until it gets through.
resume=(train --data data --config settings.json --optimizer roga --run killed --resume)
for kill in 1 2 3; do
  cp killed/checkpoints/last.pt before.pt 2>/dev/null || true
  "$program" "${resume[@]}" 2>>log.txt &
  until ! kill -0 $! 2>/dev/null || { [ -s killed/checkpoints/last.pt ] &&
    ! cmp -s killed/checkpoints/last.pt before.pt; }; do sleep 0.02; done
  kill -9 $! 2>/dev/null || fail "kill $kill came too late"
  wait $! 2>/dev/null || true
done
run "${resume[@]}"
[ "$(grep -c "resumed after step" log.txt)" -eq 2 ] || fail "resumed runs do not say so"
cmp whole/checkpoints/best.pt killed/checkpoints/best.pt || fail "resumed run: other weights"
for checkpoint in best last; do
  for name in whole killed; do run evaluate --run "$name" --checkpoint "$checkpoint"; done
  cmp whole/eval.csv killed/eval.csv || fail "resumed run: other results"
  cmp whole/scores/Synthetic-SBI.csv killed/scores/Synthetic-SBI.csv || fail "other scores"
done

# What is in a folder has to be what was asked for.
refuses "option seed" train --data data --config settings.json --run whole --resume --seed 1
refuses 'has option optimizer "roga", not "sam"' train --run whole --resume --optimizer sam
refuses 'has option optimizer "roga", not "roga_pooled"' train --run whole --resume --optimizer roga_pooled
echo '{"methods": {"erm": {}}}' >methods.json
refuses "names one of them twice" compare --data data --output both --settings methods.json \
  --seeds 0 0
refuses "--settings is missing: a JSON file" compare --data data --output both
says "examples/deepfake/demo.json" err.txt
refuses "none.json" compare --data data --output both --settings none.json
mkdir -p both
cp -r whole both/erm
refuses "the run there has option" compare --data data --output both --settings methods.json
refuses "must be a whole number" train --data data --config settings.json --run whole --seed -1
refuses "no run there to resume" train --run nowhere --resume

# Result lines of the benchmark: of a run that left a manipulation out, that one's frame AUC; of
# one that trained on all, those of the sets that it did not see.
run train --data data --config settings.json --epochs 1 --optimizer sam --protocol loo:FF-NT \
  --run left_out/sam
run evaluate --run left_out/sam
python3 "$bench/pseudo/faces_lines.py" left_out >lines.txt
auc=$(awk -F, '$3 == "FF-NT" && $4 == "test" && $5 == "frame" { printf "%.4f", $8 }' \
  left_out/sam/eval.csv)
[ "$(wc -l <lines.txt)" -eq 1 ] || fail "faces_lines.py: other domains than the one left out"
python3 -c 'import json, sys
line = json.loads(input())
assert (line["held_out"], line["method"]) == ("FF-NT", "SAM"), line
assert line["test"] == float(sys.argv[1]), line' "$auc" <lines.txt || fail "faces_lines.py: AUC"
mkdir all && cp -r whole all/
python3 "$bench/pseudo/faces_lines.py" all | grep -o '"held_out": "[^"]*"' >lines.txt
[ "$(sort -u lines.txt | grep -c Synthetic)" -eq 4 ] && [ "$(wc -l <lines.txt)" -eq 4 ] ||
  fail "faces_lines.py: not the four unseen sets: $(cat lines.txt)"

# Ctrl-C: a checkpoint, a hint, and no success.
"$program" train --data data --config settings.json --epochs 2000 --run stopped 2>log.txt &
until [ -s stopped/checkpoints/last.pt ]; do sleep 0.1; done
refuses "works in that run" train --data data --config settings.json --run stopped --force
kill -INT $!
! wait $! || fail "an interrupted training reports success"
grep -q "continue with --resume" log.txt || fail "an interrupted training gives no hint"

# A full disk, or what looks like one: files of more than 16 KiB cannot be written.
(
  trap '' XFSZ
  ulimit -f 16
  refuses "cannot write the checkpoint full/checkpoints" train --data data --config settings.json \
    --run full
) || exit 1

for command in make-data import check-data train evaluate compare predict gradcam robustness \
  export report; do
  run "$command" --help
  grep -q "Example: roga-deepfake $command" out.txt || fail "$command --help has no example"
done

# An index from another system: backslashes, a label that nobody knows, a frame that is gone, a
# video of one frame, a broken file.
cp -r data hostile
index=hostile/dataset_json/FaceForensics++.json
sed -i 's#/#\\\\#g; s#"FF-FS"#"Mystery"#g' "$index"
mapfile -t frames < <(find hostile/rgb/FaceForensics++ -path "*Deepfakes*" -name "*.png" | sort)
rm "${frames[0]}" "${frames[1]}"
head -c 100 "${frames[4]}" >cut.png && mv cut.png "${frames[4]}"
"$program" check-data --data hostile >out.txt 2>&1 && fail "check-data finds no fault"
for fault in Mystery missing "${frames[4]##*/}"; do
  grep -q "$fault" out.txt || fail "check-data does not name $fault: $(cat out.txt)"
done
"$program" train --data hostile --config settings.json --run hostile_run 2>err.txt ||
  fail "faults stop training: $(cat err.txt)"
grep -q Mystery err.txt || fail "train does not name the unknown label"
run evaluate --run hostile_run
grep -q "not trained on" out.txt || fail "evaluate gives up on data with faults"

# Folders of somebody's own, with faults, from import to evaluation.
sequences=data/rgb/FaceForensics++
mkdir mine
cp -r $sequences/original_sequences/youtube/c23/frames mine/real
cp -r $sequences/manipulated_sequences/Deepfakes/c23/frames mine/swap
cp -r $sequences/manipulated_sequences/Face2Face/c23/frames mine/reenact
broken=$(find mine/swap -name '*.png' | sort | head -n 1)
echo "no picture" >"$broken"
echo "no video" >mine/swap/777.mp4
run import --from mine --output own
grep -qF "files that cannot be decoded, 2: ${broken#mine/}, swap/777.mp4" out.txt ||
  fail "import does not name broken files: $(cat out.txt)"
grep -q "own_fake-reenact" out.txt || fail "import prints no counts"
says "people by the numbers in names: 12 people"
grep -q "sound" out.txt && fail "import calls data sound whose images it has not compared"
run import --from mine --output own
grep -qF "(0 written" out.txt || fail "import decodes again what is there"
run check-data --data own
lost=$(find own/rgb/own/real -name 000.png | sort | head -n 1)
find own/rgb/own/real -name 000.png -delete
find own/rgb/own/reenact -name '*.png' | sort | awk 'NR % 3 == 1' |
  while read -r frame; do echo "no picture" >"$frame"; done
refuses "the data has faults" check-data --data own
grep -qF "$lost" out.txt || fail "check-data does not name a missing frame"
run train --data own --config settings.json --optimizer roga --run own_run
grep -qF "videos that lack listed frames" err.txt ||
  fail "train does not name missing frames: $(cat err.txt)"
grep -qF "broken images, the nearest frame of the video taken instead" err.txt ||
  fail "train does not name broken images: $(cat err.txt)"
run evaluate --run own_run
grep -qF "broken images, skipped" err.txt || fail "evaluate does not name broken images"
refuses "/nowhere" import --from /nowhere --output own
refuses "imported with other options" import --from mine --output own --frames 7
mkdir -p few/real few/swap && cp -r mine/real/000 few/real/anna && cp -r mine/real/003 few/swap/berta
run import --from few --output few_data
grep -q "by the numbers" out.txt && fail "import takes names for numbers"
says "warning, empty splits"
run check-data --data few_data
says "few_data, test: "
says "The data has no faults, but see the warning above."

refuses "did you mean 'train'?" tarin --run x
refuses "did you mean '--optimizer'?" train --optimzer sam --run x
refuses "did you mean 'roga'?" train --data data --optimizer rgoa --run x
run train --help
for option in rho-grad a b rescale w-erm order-seed; do
  grep -qE -- "^ +--$option[ ,]" out.txt || fail "train --help does not tell of --$option"
done
tr -s '\n ' ' ' <out.txt >help.txt
for text in "radius of the ascent (0.05; fsam, looksam, gac_fas, roga, roga_periodic, roga_pooled 0.1; msam 3)" \
  "asam, roga_adaptive: added to |theta| (0.01)" "as the authors' code does (off)" \
  "seed of the drawn signs (0)"; do
  says "$text" help.txt
done
method() { refuses "$1" train --data data --config settings.json --run x --optimizer "${@:2}"; }
method "method roga has no option rescale" roga --rescale
method "rho_grad must be" gam --rho-grad -1
method "option k must be a whole number, got 2.5" looksam --k 2.5
method "must be a whole number" fish --order-seed -1
method "mu must be in [0, 1), got 1" msam --mu 1
refuses "/nowhere" train --data /nowhere --run x
refuses "--resume" train --data data --config settings.json --run whole
refuses "epochs" train --data data --epochs many --run x
echo '{"epohcs": 3}' >bad.json
refuses "did you mean 'epochs'?" train --data data --config bad.json --run x
refuses "Celeb-DF-v2" evaluate --run whole --datasets Celeb-DF-v2
refuses "median" evaluate --run whole --video-score middle
refuses "no such run" evaluate --run nowhere
head -c 1000 whole/checkpoints/best.pt >cut.pt && cp cut.pt killed/checkpoints/best.pt
refuses "damaged" evaluate --run killed
refuses "config.json" report data
rm "$(find data/rgb/Synthetic-SBI -name "*.png" | head -n 1)"
refuses "faults" check-data --data data
echo "program_test: passed"
