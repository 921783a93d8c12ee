#!/bin/sh
# Makes the checkout's virtual environments with the pinned packages: .venv (Ansible, the tests, the linters), .venv-lab
# (the local AWS, which pins its own botocore), and those that are named, each from tests/requirements/NAME.txt:
# .venv-scan (the policy scanner), .venv-bench (the tools we are measured against). Does nothing to one that is as its
# pins say.
# usage: environments.sh PYTHON [NAME...]
set -eu
python=$1
shift
checkout=$(cd "$(dirname "$0")/../.." && pwd)
cd "$checkout"

# uv resolves nothing here (the pins are complete); it is what makes a fresh environment in seconds instead of minutes.
uv_version=0.13.9

say() { printf '%s\n' "$*" >&2; }

stamp() { # what an environment depends on: the pins, the interpreter, where it lies
  { cat "$1"; echo "$python $checkout $uv_version"; "$python" -c 'import sys; print(sys.version)'; } | cksum
}

environment() { # environment DIRECTORY PINS
  wanted=$(stamp "$2")
  [ "$(cat "$1/.stamp" 2>/dev/null || true)" != "$wanted" ] || return 0
  started=$(date +%s)
  rm -f "$1/.stamp"
  if [ ! -x .cache/uv/bin/uv ] || [ "$(.cache/uv/bin/uv --version 2>/dev/null | cut -d' ' -f2)" != "$uv_version" ]; then
    say "    uv $uv_version"
    rm -rf .cache/uv
    "$python" -m venv .cache/uv
    # -qq: its warnings are about the machine's own pip configuration.
    .cache/uv/bin/pip install -qq --disable-pip-version-check "uv==$uv_version"
  fi
  say "    $1: packages of $2"
  .cache/uv/bin/uv venv --quiet --clear --python "$python" "$1"
  # --native-tls: trust what this machine trusts (a company's own certificate authority, for one).
  VIRTUAL_ENV="$checkout/$1" .cache/uv/bin/uv pip sync --quiet --native-tls "$2"
  echo "$wanted" >"$1/.stamp"
  say "    $1: ready after $(($(date +%s) - started)) s"
}

available=$(df -Pk . | awk 'NR == 2 { print $4 }')
if [ ! -f .venv/.stamp ] && [ "$available" -lt 2097152 ]; then
  say "error: $((available / 1024)) MiB free in $checkout; the virtual environments need 2048 MiB. Free some space and run make again."
  exit 1
fi

environment .venv tests/requirements/dev.txt
environment .venv-lab tests/requirements/lab.txt
for name; do
  environment ".venv-$name" "tests/requirements/$name.txt"
done

# The working tree is the installed collection: ansible-playbook, ansible-lint, molecule and pytest all see it.
site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
mkdir -p "$site/ansible_collections/mft"
[ "$(readlink "$site/ansible_collections/mft/aws" 2>/dev/null || true)" = "$checkout" ] ||
  ln -sfn "$checkout" "$site/ansible_collections/mft/aws"
