#!/bin/sh
# The pages of docs/modules and docs/roles, made from the modules' DOCUMENTATION and the roles' argument specs.
# usage: docs.sh write | check | lint
#   write  makes the pages anew        check  fails when they are not what the specs say        lint  antsibull-docs' own lint
set -eu
cd "$(dirname "$0")/../.."
PATH=$PWD/.venv/bin:$PATH

render() { # render DIRECTORY
  rm -rf "$1"
  mkdir -p "$1"
  antsibull-docs --config-file tests/dev/antsibull-docs.cfg collection --use-current --fail-on-error --squash-hierarchy --no-indexes \
    --output-format simplified-rst --dest-dir "$1" mft.aws >"$1.log" 2>&1 || { cat "$1.log" >&2; exit 1; }
  # Pages of modules and roles; the indexes that are left over point at them only.
  rm -f "$1"/index.rst "$1.log"
}

case "${1:-}" in
  write)
    render docs/reference
    ;;
  check)
    fresh=$(mktemp -d)
    trap 'rm -rf "$fresh"' EXIT
    render "$fresh/reference"
    diff -ru docs/reference "$fresh/reference" || {
      echo "error: docs/reference is not what the specs say. Run 'make docs' and commit the result." >&2
      exit 1
    }
    ;;
  lint)
    antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck --validate-collection-refs=self --disallow-unknown-collection-refs .
    ;;
  *)
    echo "usage: docs.sh write | check | lint" >&2
    exit 2
    ;;
esac
