# mft.aws: `make demo` shows a file go from a partner's SFTP client to the application's share on a local AWS;
# `make test` runs every check. Both make what they need first; see CONTRIBUTING.md.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
export PYTHONPATH :=
# Where a machine forbids .pyc files, each of the hundreds of module runs would compile boto3 anew (1.6 s of CPU).
export PYTHONDONTWRITEBYTECODE :=

PY  := .venv/bin/python
LAB := PYTHONPATH=tests .venv-lab/bin/python -m lab

.PHONY: help demo test lint unit sanity integration molecule lab-up lab-down build benchmarks docs lock clean environments scanner hosts-packages

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name text; do printf '  make %-12s %s\n' "$$name" "$$text"; done

environments:
	@python=$$(tests/dev/find_python.sh) && tests/dev/environments.sh "$$python"
	@tests/dev/debian_packages.sh tests/dev/packages.txt
	@tests/dev/wheels.sh

scanner: environments
	@tests/dev/environments.sh "$$(tests/dev/find_python.sh)" scan

# Application hosts need root for the NFS server. Without it the demo reads the share directly and says so.
hosts-packages: environments
	@[ "$$(id -u)" -ne 0 ] || tests/dev/debian_packages.sh tests/lab/hosts/packages.txt

demo: environments hosts-packages ## roll out the site on a local AWS and send files through it
	@PYTHONPATH=tests $(PY) -m demo

test: scanner hosts-packages ## every check: lint, sanity, unit, integration, molecule
	@$(PY) tests/dev/gate.py

lint: scanner ## style, types, the template, the documents
	@$(PY) tests/dev/gate.py lint

unit sanity integration: environments ## one group of the checks
	@$(PY) tests/dev/gate.py $@

molecule: environments hosts-packages ## the role scenarios
	@$(PY) tests/dev/gate.py --jobs 1 $@

lab-up: environments ## start the local AWS in .lab
	@$(LAB) up

lab-down: environments ## stop it and remove every trace
	@$(LAB) down

build: environments ## the collection's archive, in build/
	@.venv/bin/ansible-galaxy collection build --force --output-path build .

benchmarks: environments ## measure the replicator against its peers (about 15 minutes), and write docs/benchmarks.md
	@tests/dev/environments.sh "$$(tests/dev/find_python.sh)" bench
	@PYTHONPATH=tests $(PY) -m bench.replicator

docs: environments ## make the pages of docs/reference from the specs
	@tests/dev/docs.sh write

lock: environments ## resolve tests/requirements/*.in into pinned *.txt
	@for name in dev lab scan bench; do .cache/uv/bin/uv pip compile --quiet --universal --native-tls --python-version 3.12 --no-header \
	  tests/requirements/$$name.in --output-file tests/requirements/$$name.txt; done

clean: ## remove everything that make created (stops the lab)
	@[ ! -x .venv-lab/bin/python ] || [ ! -d .lab ] || $(LAB) down
	rm -rf .venv .venv-lab .venv-scan .venv-bench .cache files/wheels build .lab .ansible .pytest_cache .mypy_cache .ruff_cache .hypothesis
