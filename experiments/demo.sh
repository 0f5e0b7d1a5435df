#!/usr/bin/env bash
# The main job: sets up, builds the program, learns handwritten digits on a simulated TaOx crossbar and prices the training in joules.
#   ./experiments/demo.sh [arguments of `eqprop train`]      e.g. --seed 3, --set train.epochs=5
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cmake/setup.sh build -DEQPROP_NATIVE=ON
cmake --build build --target eqprop --parallel "$(nproc)" >&2

# defaults for what the caller leaves open
seed=(--seed 1)
run=runs/demo-$(date +%Y%m%d-%H%M%S)
out=(--out "$run")
several=no
previous=
for argument in "$@"; do
  case $argument in
    --seed | --seed=*) seed=() ;;
    --seeds | --seeds=*) seed=() several=yes ;;
    --out=*) out=() run=${argument#--out=} ;;
  esac
  if [[ $previous == --out ]]; then out=() run=$argument; fi
  previous=$argument
done

mkdir -p "$(dirname "$run")"
build/experiments/eqprop train experiments/config/digits.toml "${seed[@]}" "${out[@]}" "$@"
if [[ $several == no ]]; then
  echo
  build/experiments/eqprop energy "$run"
fi
echo
echo "results: $run/ (config, metrics.csv, ledger.json, energy.json, checkpoint.eqp)"
