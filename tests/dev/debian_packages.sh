#!/bin/sh
# Sees to it that the Debian packages named in the given files are installed: installs them as root, else names exactly
# those that are missing. Each file has one package a line; `#` starts a comment.
# No service of a package it installs, or of one that comes along, is started or left enabled: nfs-ganesha's and
# rpcbind's would listen on every interface.
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
installed() { dpkg-query -W -f='${Package} ${Status}\n' | sed -n 's/ install ok installed$//p' | sort; }

log=$(mktemp)
before=$(mktemp)
installed >"$before"
# invoke-rc.d asks this file before it starts a service (Debian policy 9.3.3.2); one that is there already stays.
policy=${MFT_POLICY_RC_D:-/usr/sbin/policy-rc.d}
ours=
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  ours=$policy
fi
trap 'rm -f "$log" "$before" $ours' EXIT
trap 'exit 1' HUP INT TERM
export DEBIAN_FRONTEND=noninteractive
apt() { apt-get -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 -qq "$@" >>"$log" 2>&1; }
# A machine's package lists may be old enough to name versions that are gone: fetch them and try once more.
# shellcheck disable=SC2086
if ! { apt install -y --no-install-recommends $missing || { apt update && apt install -y --no-install-recommends $missing; }; }; then
  tail -n 15 "$log" >&2
  echo "error: apt-get could not install:$missing" >&2
  exit 1
fi

command -v systemctl >/dev/null 2>&1 || exit 0
for package in $(installed | comm -13 "$before" -); do
  for unit in $(dpkg -L "$package" | sed -n 's#^\(/usr\)*/lib/systemd/system/\([^@/]*\.\(service\|socket\)\)$#\2#p'); do
    systemctl disable "$unit" >/dev/null 2>&1 || true
  done
done
