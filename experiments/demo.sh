#!/usr/bin/env bash
# The main job: sets up, builds the program, learns handwritten digits on a simulated TaOx crossbar and prices the training in joules.
#   ./experiments/demo.sh [arguments of `eqprop train`]      e.g. --seed 3, --set train.epochs=5
# With --json the last line of standard output is the JSON object; everything else is then said on standard error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# defaults for what the caller leaves open
seed=(--seed 1)
run=runs/demo-$(date +%Y%m%d-%H%M%S)
out=(--out "$run")
several=no json=no resume=no help=no
previous=
for argument in "$@"; do
  case $argument in
    --seed | --seed=*) seed=() ;;
    --seeds | --seeds=*) seed=() several=yes ;;
    --out=*) out=() run=${argument#--out=} ;;
    --json) json=yes ;;
    --resume) resume=yes ;;
    -h | --help) help=yes ;;
  esac
  if [[ $previous == --out ]]; then out=() run=$argument; fi
  previous=$argument
done

if [[ $resume == yes && $help == no && ${#out[@]} -gt 0 ]]; then
  echo "demo: --resume needs --out FOLDER: every demo has a folder of its own, runs/demo-DATE-TIME by default" >&2
  exit 2
fi

cmake/setup.sh build -DEQPROP_NATIVE=ON
cmake --build build --target eqprop --parallel "$(nproc)" >&2

if [[ $help == yes ]]; then exec build/experiments/eqprop train --help; fi

mkdir -p "$(dirname "$run")"
status=0
build/experiments/eqprop train experiments/config/digits.toml "${seed[@]}" "${out[@]}" "$@" || status=$?
# 4: trained, but the accuracy that the config asks for was not reached
if ((status != 0 && status != 4)); then exit "$status"; fi
# what follows is talk: with --json it must not come after the object
if [[ $json == yes ]]; then exec 1>&2; fi
if [[ $several == no ]]; then
  echo
  build/experiments/eqprop energy "$run"
fi
echo
echo "results: $run/ (config, metrics.csv, ledger.json, energy.json, checkpoint.eqp)"
exit "$status"
