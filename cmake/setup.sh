#!/usr/bin/env bash
# Set-up for demo.sh and run.sh: installs the packages that are missing, then configures a build folder in the repository's root.
#   cmake/setup.sh [--preset NAME] BUILD_FOLDER [cmake options]
# All it says goes to standard error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec 1>&2

preset=()
if [[ ${1:-} == --preset ]]; then
  preset=(--preset "$2")
  shift 2
fi
build=$1
shift

installed() { [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }
known() { apt-cache show "$1" >/dev/null 2>&1; }

# lines of packages.txt of which no alternative is installed
missing=()
while read -r line; do
  line=${line%%#*}
  line=${line//[[:space:]]/}
  [[ -n $line ]] || continue
  found=no
  for package in ${line//|/ }; do
    if installed "$package"; then found=yes; fi
  done
  [[ $found == yes ]] || missing+=("$line")
done <cmake/packages.txt

if ! command -v dpkg-query >/dev/null; then
  echo "setup: no Debian packages here; the libraries of cmake/packages.txt must be installed by hand"
elif ((${#missing[@]} > 0)); then
  echo "setup: missing packages: ${missing[*]}"
  root=()
  if ((EUID != 0)); then root=(sudo); fi
  if ! command -v apt-get >/dev/null || { ((EUID != 0)) && ! command -v sudo >/dev/null; }; then
    echo "setup: cannot install them: apt-get is needed, and sudo unless you are root. As root: apt-get install ${missing[*]%%|*}"
    exit 1
  fi
  "${root[@]}" apt-get update
  chosen=()
  for line in "${missing[@]}"; do
    pick=${line%%|*}
    for package in ${line//|/ }; do
      if known "$package"; then
        pick=$package
        break
      fi
    done
    chosen+=("$pick")
  done
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${chosen[@]}"
fi

# a build folder keeps the generator it was made with
generator=()
if [[ ! -f $build/CMakeCache.txt ]]; then
  if command -v ninja >/dev/null; then generator=(-G Ninja); else generator=(-G "Unix Makefiles"); fi
fi
exec cmake -S . -B "$build" "${preset[@]}" "${generator[@]}" "$@"
