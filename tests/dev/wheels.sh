#!/bin/sh
# Fetches what the function's package carries (files/replicator/requirements.txt) into files/wheels, for both of Lambda's
# architectures: once, for the working tree and for the collection's archive. Does nothing where they are there already.
# usage: wheels.sh
set -eu
cd "$(dirname "$0")/../.."
pins=files/replicator/requirements.txt
stamp=.cache/wheels.stamp
wanted=$(cksum <"$pins")
[ ! -d files/wheels ] || [ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ] || exit 0

# Beside their place first: a fetch that fails leaves what was there.
rm -rf .cache/wheels
printf '    %s\n' "files/wheels: what $pins names" >&2
for machine in x86_64 aarch64; do
  # Built for Python 3.11's stable interface: Lambda's 3.13 and 3.14 load it, and so does the lab on any Python it runs on.
  .cache/uv/bin/pip download -qq --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
    --python-version 3.12 --platform "manylinux2014_$machine" --requirement "$pins" --dest .cache/wheels || {
    echo "error: the wheels of $pins could not be fetched. Connect to the package index (or set PIP_INDEX_URL) and run again." >&2
    exit 1
  }
done
rm -rf files/wheels
mv .cache/wheels files/wheels
printf '%s\n' "$wanted" >"$stamp"
