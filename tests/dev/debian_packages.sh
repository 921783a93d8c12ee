#!/bin/sh
# Sees to it that the Debian packages named in the given files are installed: installs them as root, else names exactly
# those that are missing. Each file has one package a line; `#` starts a comment.
# usage: debian_packages.sh FILE...
set -eu

wanted=$(sed -e 's/#.*//' "$@" | tr -s '[:space:]' '\n' | sort -u | sed '/^$/d')

if ! command -v dpkg-query >/dev/null 2>&1; then
  echo "warning: not a Debian machine; see to it yourself that these are installed:" $wanted >&2
  exit 0
fi

missing=
for package in $wanted; do
  case "$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)" in
    *' ok installed') ;;
    *) missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "error: these Debian packages are missing:$missing" >&2
  echo "       Install them as root: apt-get install --no-install-recommends$missing" >&2
  exit 1
fi

echo "    Debian packages:$missing" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
apt() { apt-get -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 -qq "$@" >>"$log" 2>&1; }
# A machine's package lists may be old enough to name versions that are gone: fetch them and try once more.
# shellcheck disable=SC2086
if ! { apt install -y --no-install-recommends $missing || { apt update && apt install -y --no-install-recommends $missing; }; }; then
  tail -n 15 "$log" >&2
  echo "error: apt-get could not install:$missing" >&2
  exit 1
fi
