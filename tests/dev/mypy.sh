#!/bin/sh
# mypy --strict on all our Python. The collection's modules import each other as ansible_collections.mft.aws…, which mypy
# finds through a link of that name; the rest is found as it is run, with tests/ and files/ on the path.
set -eu
cd "$(dirname "$0")/../.."
link=.cache/mypy/ansible_collections/mft
mkdir -p "$link"
ln -sfn "$PWD" "$link/aws"
lab_site=$(.venv-lab/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "plugins:"
MYPYPATH=.cache/mypy .venv/bin/mypy --python-executable .venv/bin/python -p ansible_collections.mft.aws.plugins
echo "replicator, lab and tools:"
MYPYPATH=tests:files .venv/bin/mypy --python-executable .venv-lab/bin/python -p lab -p replicator
MYPYPATH=tests .venv/bin/mypy --python-executable .venv/bin/python tests/dev tests/demo tests/bench
