#!/usr/bin/env bash
# run_commands.sh PROGRAM ROOT WORK: runs every ```sh block of README.md and docs/ in a scratch copy, file by file, block by block.
# A line "<!-- not run: reason -->" right above a block leaves it out, and is counted. Fails when a block does, or when none was run.
set -euo pipefail
program="$1" root="$2" work="$3"

rm -rf "$work"
mkdir -p "$work/blocks"

# one file per block: NUMBER.sh with "# FILE:LINE" on top, or NUMBER.skip with the reason
cd "$root"
mapfile -t pages < <(ls README.md; find docs -name '*.md' | sort)
for page in "${pages[@]}"; do
  awk -v page="$page" -v out="$work/blocks" '
    BEGIN { stem = page; gsub("/", "_", stem) }
    !inside && /^<!-- not run: ..* -->$/ { reason = $0; next }
    !inside && /^```sh$/ {
      inside = 1
      file = sprintf("%s/%s.%03d.%s", out, stem, ++count, reason == "" ? "sh" : "skip")
      print "# " page ":" NR > file
      next
    }
    inside && /^```$/ { inside = 0; close(file); reason = "" ; next }
    inside { print > file; next }
    { reason = "" }
    END { if (inside) { print page ": a block without its end" > "/dev/stderr"; exit 1 } }
  ' "$page"
done

run=0 left=0
for page in "${pages[@]}"; do
  # a page starts in a copy of its own; what a block writes is there for the next
  scratch="$work/${page//\//_}"
  mkdir -p "$scratch/build/experiments" "$scratch/experiments"
  cp -r "$root/experiments/config" "$root/experiments/data" "$scratch/experiments/"
  ln -s "$program" "$scratch/build/experiments/eqprop"
  shopt -s nullglob
  for block in "$work/blocks/${page//\//_}".*.{sh,skip}; do
    if [[ $block == *.skip ]]; then
      left=$((left + 1))
      continue
    fi
    run=$((run + 1))
    status=0
    (cd "$scratch" && env -u EQPROP_DATA_DIR PATH="$scratch/build/experiments:$PATH" bash -euo pipefail "$block") >"$block.out" 2>&1 || status=$?
    if ((status != 0)); then
      echo "$(head -1 "$block") ends with exit code $status:"
      sed 1d "$block"
      tail -30 "$block.out"
      exit 1
    fi
    echo "ran $(head -1 "$block"), $(($(wc -l <"$block") - 1)) lines"
  done
done
echo "$run blocks run, $left left out with a reason"
((run > 0))
