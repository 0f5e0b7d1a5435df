#!/usr/bin/env bash
# Fuzzes the readers with libFuzzer (Clang), address and undefined behaviour sanitizers.
#   ./tests/fuzz.sh MINUTES [TARGET...]      e.g. ./tests/fuzz.sh 10 csv idx; targets are the .cpp of tests/fuzz, all by default
# MINUTES of wall clock are split evenly over the targets, EQPROP_FUZZ_JOBS (2) of which run at a time. Builds in build-fuzz/ (or
# EQPROP_FUZZ_BUILD), where the corpus stays and grows from run to run. Exits with 1 on a finding and prints how to replay it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  sed -n '2,5s/^# //p' tests/fuzz.sh >&2
  exit 2
}
[[ ${1:-} =~ ^[0-9]+(\.[0-9]+)?$ ]] || usage
minutes=$1
shift
jobs=${EQPROP_FUZZ_JOBS:-2}
build=${EQPROP_FUZZ_BUILD:-build-fuzz}

targets=("$@")
if ((${#targets[@]} == 0)); then
  targets=(checkpoint config csv device fault_map gzip idx ledger matrix_csv npy payload prices quantile_csv ramps split study units)
fi
for target in "${targets[@]}"; do
  [[ -d tests/fuzz/seeds/$target ]] || usage
done

cmake/setup.sh --preset fuzz "$build" || {
  # ctest takes 77 for skipped
  command -v clang++ >/dev/null && exit 2
  echo "fuzz: no clang++ here" >&2
  exit 77
}
cmake --build "$build" --target fuzzers --parallel "$(nproc)" >&2
build=$(cd "$build" && pwd)

seconds=$(awk -v m="$minutes" -v j="$jobs" -v n="${#targets[@]}" 'BEGIN { s = int(60 * m * (j < n ? j : n) / n); print s < 1 ? 1 : s }')
mkdir -p "$build/findings"

# files of the targets, in memory where that can be
memory=/dev/shm
[[ -w $memory ]] || memory=${TMPDIR:-/tmp}
TMPDIR=$(mktemp -d "$memory/eqprop-fuzz-XXXXXX")
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

# fuzz TARGET: one target for its share of the time; its log says what it did
fuzz() {
  local target=$1 dictionary=() log="$build/findings/$1.log"
  case $target in
    config | device | prices | study) dictionary=(-dict=tests/fuzz/dictionaries/toml.dict) ;;
    ledger) dictionary=(-dict=tests/fuzz/dictionaries/json.dict) ;;
  esac
  mkdir -p "$build/corpus/$target"
  # more than 2 GB for a small file, or ten seconds, are findings too
  "$build/tests/fuzz/fuzz_$target" "$build/corpus/$target" "tests/fuzz/seeds/$target" "${dictionary[@]}" -max_total_time="$seconds" \
    -max_len=8192 -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$build/findings/$target-" >"$log" 2>&1
}

# report TARGET: one line of progress, or the finding made small
report() {
  local target=$1 log="$build/findings/$1.log" last finding
  last=$(grep -E '^#[0-9]+.* cov: ' "$log" | tail -n 1 || true)
  if [[ $2 == 0 ]]; then
    printf '%-10s %s executions, %s/s, coverage %s, corpus %s\n' "$target" \
      "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" "$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")" \
      "$(sed -n 's/.* cov: \([0-9]*\).*/\1/p' <<<"$last")" "$(sed -n 's/.* corp: \([0-9]*\).*/\1/p' <<<"$last")"
    return
  fi
  printf '%-10s FINDING\n' "$target"
  grep -E 'broken promise|runtime error|ERROR|what\(\)' "$log" | head -n 5 || tail -n 5 "$log"
  finding=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
  [[ -n $finding ]] || return 0
  "$build/tests/fuzz/fuzz_$target" -minimize_crash=1 -max_total_time=20 -exact_artifact_path="$finding.small" "$finding" >/dev/null 2>&1 || true
  [[ -s $finding.small ]] && finding=$finding.small
  echo "  replay: $build/tests/fuzz/fuzz_$target $finding"
  echo "  once mended, keep it as a seed: cp $finding tests/fuzz/seeds/$target/"
}

echo "${#targets[@]} targets, $seconds s each, $jobs at a time" >&2
failed=0
for ((i = 0; i < ${#targets[@]}; i += jobs)); do
  group=("${targets[@]:i:jobs}")
  pids=()
  for target in "${group[@]}"; do
    fuzz "$target" &
    pids+=($!)
  done
  for k in "${!group[@]}"; do
    code=0
    wait "${pids[k]}" || code=$?
    report "${group[k]}" "$code"
    ((code == 0)) || failed=1
  done
done
exit "$failed"
