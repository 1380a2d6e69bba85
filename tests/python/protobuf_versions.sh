#!/bin/bash
# The SDK, installed by pip into fresh virtual environments, on the oldest and the newest protobuf that it allows.
#
#     tests/python/protobuf_versions.sh [VERSION...]      default: 3.20.3 and the newest
#
# Needs the network, or pip told where packages are. Exits non-zero if an installation or a test fails.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ $# -gt 0 ] || set -- 3.20.3 newest

# A copy: setuptools builds inside of the folder that it is given.
cp -r "$source/sdk/python" "$work/sdk"
unset PYTHONPATH
export PYTHONDONTWRITEBYTECODE=1
for version in "$@"; do
  python3 -m venv "$work/$version"
  wanted=protobuf
  [ "$version" = newest ] || wanted="protobuf==$version"
  "$work/$version/bin/pip" install --quiet "$wanted" "$work/sdk"
  "$work/$version/bin/python" -c 'import andiron, google.protobuf as protobuf
print("andiron", andiron.__version__, "on protobuf", protobuf.__version__)'
  for part in serve cancel package; do
    (cd "$here" && PYTHONPATH=$source/tests/support "$work/$version/bin/python" -m unittest -q "test_$part")
  done
done
