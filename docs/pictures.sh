#!/usr/bin/env bash
# Makes the pictures of the README anew: trains experiments/config/digits.toml with five seeds in a temporary folder and draws into
# docs/images/, and the stored figures of all studies. Needs a build and gnuplot (apt install gnuplot-nox).
#   ./docs/pictures.sh [PROGRAM]      PROGRAM: `eqprop`, default build/experiments/eqprop
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

program=${1:-$root/build/experiments/eqprop}
if [[ ! -x $program ]]; then
  echo "pictures: no program $program: build it first (./tests/run.sh), or name it" >&2
  exit 2
fi
program=$(realpath -- "$program")
cd "$root"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$program" train experiments/config/digits.toml --seeds 1..5 --out "$folder/digits"
"$program" plot "$folder/digits" --only accuracy,pulses,energy --out "$folder/plots"
mkdir -p docs/images
for name in accuracy pulses energy; do
  cp -- "$folder/plots/$name.svg" docs/images/
done
# the stored figures of every study: nothing is trained
for study in experiments/study/*.toml; do
  grep -q '^\[stored\]' "$study" || continue
  name=$(basename "$study" .toml)
  "$program" reproduce "$name" --plot "$folder/studies"
  cp -- "$folder/studies/study-$name.svg" docs/images/
done
ls -l docs/images
