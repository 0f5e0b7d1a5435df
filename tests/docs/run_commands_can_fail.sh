#!/usr/bin/env bash
# run_commands_can_fail.sh SCRIPT WORK: the check of the pages' commands sees a command that fails, and a set of pages without any.
set -euo pipefail
script="$1" work="$2"
rm -rf "$work"
root="$work/root"
mkdir -p "$root/docs" "$root/experiments/config" "$root/experiments/data"
printf '#!/bin/sh\nexit 0\n' >"$work/program"
chmod +x "$work/program"

# expect STATUS WHAT: runs the script on the page given on standard input
expect() {
  cat >"$root/README.md"
  local status=0
  "$script" "$work/program" "$root" "$work/scratch" >"$work/output" 2>&1 || status=1
  if ((status != $1)); then
    echo "$2: expected status $1, got $status"
    cat "$work/output"
    exit 1
  fi
}

expect 0 "a command that passes" <<<$'```sh\neqprop\n```'
expect 1 "a command that fails" <<<$'```sh\nfalse\n```'
expect 1 "a first command that fails" <<<$'```sh\nfalse\ntrue\n```'
expect 1 "no block" <<<'no block'
expect 1 "all left out" <<<$'<!-- not run: slow -->\n```sh\ntrue\n```'
expect 1 "left out without a reason" <<<$'<!-- not run: -->\n```sh\nfalse\n```'
expect 1 "a mark that is not right above" <<<$'<!-- not run: slow -->\n\n```sh\nfalse\n```'
expect 1 "a block without end" <<<$'```sh\ntrue'
expect 0 "one left out, one run" <<<$'<!-- not run: slow -->\n```sh\nfalse\n```\n\n```sh\ntrue\n```'
echo "all as expected"
