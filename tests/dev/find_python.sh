#!/bin/sh
# Prints the Python that the checkout's virtual environments are made with: 3.13 (the Lambda function's runtime) if there
# is one, else 3.12 or 3.14, which is what ansible-core 2.21 runs on. Looks on the PATH and among pyenv's versions.
set -eu

usable() { # usable PROGRAM MAJOR.MINOR: it starts, is that version, and can make virtual environments
  "$1" -c "import ensurepip, sys, venv; sys.exit('%d.%d' % sys.version_info[:2] != '$2')" >/dev/null 2>&1
}

for version in ${MFT_PYTHON_VERSIONS:-3.13 3.12 3.14}; do
  for candidate in "$(command -v "python$version" || true)" "$(command -v python3 || true)" \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$version"*/bin/python; do
    if [ -n "$candidate" ] && [ -x "$candidate" ] && usable "$candidate" "$version"; then
      echo "$candidate"
      exit 0
    fi
  done
done
cat >&2 <<'MESSAGE'
error: no Python 3.12, 3.13 or 3.14 (with its venv module) on the PATH or under ~/.pyenv/versions.
       ansible-core 2.21 needs one. Install it, for example with `pyenv install 3.13`, and run make again.
MESSAGE
exit 1
