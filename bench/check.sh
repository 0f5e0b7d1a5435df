#!/usr/bin/env bash
# Runs the benchmarks that have a floor in bench/floors.json (some minutes, one thread) and compares: each floor is scaled by the FMA peak
# or the bandwidth of this machine, measured in the same process. Exit code 1 when a rate lies below its floor.
#   ./bench/check.sh [REPETITIONS]      default 5; the median counts. Results stay in build/bench/*.json
# EQPROP_DATA_DIR names a folder with mnist/: without it the training step runs on random images and says so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
repetitions=${1:-5}

cmake/setup.sh build -DEQPROP_NATIVE=ON
cmake --build build --parallel "$(nproc)" --target bench_check bench_read bench_pulse bench_write_verify bench_settle_kernel bench_train_step bench_deep_step >&2

results=()
run() { # PROGRAM FILTER [REPETITIONS]
  local out="build/bench/$1.json"
  "build/bench/$1" --benchmark_filter="$2" --benchmark_repetitions="${3:-$repetitions}" --benchmark_report_aggregates_only=true \
    --benchmark_out="$out" --benchmark_out_format=json >&2
  results+=("$out")
}
run bench_read 'noise:proportional'
run bench_pulse '(512x512|integrated)/.*threads:1$'
run bench_write_verify 'fresh'
run bench_settle_kernel '^settle/'
run bench_train_step 'threads:1$'
run bench_deep_step '.' 2  # a whole epoch each
build/bench/bench_check bench/floors.json "${results[@]}"
