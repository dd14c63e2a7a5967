#!/usr/bin/env bash
# DeepfakeBench's thirteen data sets side by side, as its own preparation writes them, from
# check-data to the report; every count against one that is made from the files alone.
#
#   deepfakebench_test.sh PROGRAM
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/program.sh" "$1"

python3 "$tests/deepfakebench_mock.py" write bench
[ "$(ls bench/dataset_json | wc -l)" -eq 13 ] || fail "not thirteen indices"
python3 "$tests/deepfakebench_mock.py" count bench >expected.txt

# Celeb-DF's and others' published splits share people: check-data says so, and counts all.
"$program" check-data --data bench --wide >out.txt 2>err.txt && fail "nothing said of shared people"
says "identities in more than one split"
says "note, the validation split is the test split: 6"
says "note, empty entries: 2"
awk 'NR > 2 && NF == 0 { exit } NR > 2 { print }' out.txt |
  awk '{ c = $5 ~ /^(raw|c23|c40)$/; print $1, $2, $4, c ? $5 : "-", $(5 + c), $(6 + c) }' |
  sort >found.txt
diff <(sort expected.txt) found.txt || fail "check-data counts otherwise than the files"
# In the width of a terminal.
"$program" check-data --data bench >narrow.txt 2>err.txt && fail "nothing said of shared people"
sed '/^$/q' narrow.txt | awk 'length > 80 { print; bad = 1 } END { exit bad }' ||
  fail "check-data's table is wider than 80"

cat >settings.json <<'END'
{"epochs": 1, "steps-per-epoch": 3, "pairs": 2, "width": 8, "size": 16, "log-steps": 1}
END
run train --data bench --datasets FaceForensics++ --compression c23 --config settings.json --run ff
run evaluate --run ff
awk 'length > 80 && !/counts? as/ { print; bad = 1 } END { exit bad }' out.txt ||
  fail "evaluate's table is wider than 80"
# Frames of each test, real and fake, as eval.csv has them and as the files are.
python3 - <<'END' || fail "evaluate counts otherwise than the files"
import csv
expected = {}
for line in open("expected.txt"):
    dataset, label, split, compression, videos, frames = line.split()
    if split == "test" and compression in ("c23", "-"):
        expected[dataset, label] = int(videos), int(frames)
seen = set()
for row in csv.DictReader(open("ff/eval.csv")):
    if row["split"] != "test" or row["domain"] == "all":
        continue
    level = 0 if row["level"] == "video" else 1
    key = row["dataset"], row["domain"]
    seen.add(key)
    assert int(row["n_fake"]) == expected[key][level], (key, row)
    reals = [n[level] for (dataset, label), n in expected.items()
             if dataset == key[0] and label.lower().endswith("real")]
    assert [int(row["n_real"])] == reals, (key, row)
    trained = row["trained"]
    assert trained == ("yes" if row["domain"] in ("FF-DF", "FF-F2F", "FF-FS", "FF-NT") else "no"), row
fakes = {key for key in expected if not key[1].lower().endswith("real")}
assert seen == fakes, (seen ^ fakes)
END
# Each unseen manipulation once: FaceShifter, DFD, two Celeb-DF, two DFDCP, UADFV, DF, DFDC.
run report ff
says "tested on 13 manipulations, of which 9 never trained on" ff/report.html
run evaluate --run ff --datasets FaceForensics++_c23 FaceForensics++_c40
grep -qE "FF-DF +yes" out.txt || fail "no row of FF-DF: $(cat out.txt)"
grep -q "c40" out.txt || fail "no compression in the table"

run train --data bench --datasets FaceForensics++_c40 --config settings.json --run c40
grep -q "/c40/" c40/trained_on.csv && ! grep -q "/c23/" c40/trained_on.csv ||
  fail "train takes another compression than the name says"

# No validation split of its own: a way out is named, and there are two.
refuses "--val-from-train" train --data bench --datasets Celeb-DF-v2 --config settings.json --run cdf
for set in Celeb-DF-v1 Celeb-DF-v2 DFDCP UADFV DeeperForensics-1.0 DeepFakeDetection; do
  run train --data bench --datasets $set --config settings.json --run "made/$set" \
    --val-from-train 0.3
  says "validation split made from the training split of $set" "made/$set/train.log"
  says "validation split made from the training split of $set" "made/$set/config.json"
  run evaluate --run "made/$set" --split val
  run evaluate --run "made/$set" --datasets $set
  run report "made/$set"
  says "validation split made from the training split of $set" "made/$set/report.html"
done
python3 - <<'END' || fail "the new validation split shares people with training"
import csv, re
train = set()
for row in csv.DictReader(open("made/Celeb-DF-v2/trained_on.csv")):
    train |= set(row["people"].split("/"))
lost = [row for row in csv.DictReader(open("made/Celeb-DF-v2/left_out.csv"))
        if row["kind"] == "video across splits"]
val_people = {p for row in lost for p in re.findall(r"id\d+", row["place"])} - train
assert len(val_people) >= 3, val_people
assert not any({*re.findall(r"id\d+", row["place"])} <= train for row in lost)
END
run train --data bench --datasets Celeb-DF-v2 --config settings.json --run allowed --allow-shared-people
says "people in the splits test and val" allowed/train.log
run train --data bench --config settings.json --compression c23 --run all --val-from-train 0.3
run evaluate --run all

echo '{"methods": {"plain": {"optimizer": "erm"}, "first": {"optimizer": "roga", "rho": 0.05},
  "second": {"optimizer": "roga", "rho": 0.1}}}' >methods.json
run compare --data bench --datasets FaceForensics++ --compression c23 --config settings.json \
  --settings methods.json --output runs --timing-rounds 1
grep -qE "^first +[0-9.]+|^first +1" out.txt || fail "compare's rows have other names: $(cat out.txt)"
grep -q "roga:" out.txt && fail "compare names a row by method and folder"
awk 'length > 80 && !/^report/ { print; bad = 1 } END { exit bad }' out.txt ||
  fail "compare's tables are wider than 80"
says "Mean unseen" runs/report.html
says "Can this result be trusted?" runs/report.html
echo "deepfakebench_test: passed"
