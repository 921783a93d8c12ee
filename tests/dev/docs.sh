#!/bin/sh
# The documents that are made from other files: docs/reference from the modules' DOCUMENTATION and the roles' argument
# specs, docs/flow.svg from docs/flow.dot.
# usage: docs.sh write | check | lint
#   write  makes them anew     check  fails when they are not what their sources say     lint  antsibull-docs' own lint
set -eu
cd "$(dirname "$0")/../.."
PATH=$PWD/.venv/bin:$PATH
export ANSIBLE_COLLECTIONS_PATH=$PWD/.cache/none  # nothing but what .venv holds

render() { # render DIRECTORY: a page per module and role
  rm -rf "$1"
  mkdir -p "$1"
  antsibull-docs --config-file tests/dev/antsibull-docs.cfg collection --use-current --fail-on-error \
    --squash-hierarchy --no-indexes --output-format simplified-rst --dest-dir "$1" mft.aws >"$1.log" 2>&1 ||
    { cat "$1.log" >&2; exit 1; }
  rm -f "$1.log"
}

source_stamp() { # names the version of the picture's source inside the drawn picture
  echo "<!-- drawn from docs/flow.dot $(sha256sum <docs/flow.dot | cut -c1-16) by make docs -->"
}

case "${1:-}" in
  write)
    render docs/reference
    if ! tail -n 1 docs/flow.svg 2>/dev/null | grep -qxF "$(source_stamp)"; then
      command -v dot >/dev/null || { echo "error: drawing docs/flow.svg needs the Debian package graphviz." >&2; exit 1; }
      dot -Tsvg docs/flow.dot -o docs/flow.svg
      source_stamp >>docs/flow.svg
    fi
    ;;
  check)
    fresh=$(mktemp -d)
    trap 'rm -rf "$fresh"' EXIT
    render "$fresh/reference"
    status=0
    diff -ru docs/reference "$fresh/reference" || status=1
    tail -n 1 docs/flow.svg | grep -qxF "$(source_stamp)" || { echo "docs/flow.svg is older than docs/flow.dot"; status=1; }
    [ "$status" -eq 0 ] || echo "error: run 'make docs' and commit the result." >&2
    exit "$status"
    ;;
  lint)
    # It looks up every collection that is installed, and PyPI's ansible brings a hundred: give it those we build on.
    collections=$PWD/.cache/collections
    site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/ansible_collections
    rm -rf "$collections"
    for name in amazon/aws community/aws ansible/posix; do
      mkdir -p "$collections/ansible_collections/${name%/*}"
      ln -s "$site/$name" "$collections/ansible_collections/$name"
    done
    mkdir -p "$collections/ansible_collections/mft"
    ln -s "$PWD" "$collections/ansible_collections/mft/aws"
    cd "$collections/ansible_collections/mft/aws"
    ANSIBLE_COLLECTIONS_PATH=$collections ANSIBLE_COLLECTIONS_SCAN_SYS_PATH=false \
      antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck --validate-collection-refs=all \
      --disallow-unknown-collection-refs .
    ;;
  *)
    echo "usage: docs.sh write | check | lint" >&2
    exit 2
    ;;
esac
