#!/bin/sh
# Runs a command that uses kubectl, if kubectl still points where Tilt does: k8s/tilt/in-context.sh CONTEXT COMMAND…
set -eu
expected=$1
shift
actual=$(kubectl config current-context 2> /dev/null || echo none)
if [ "$actual" != "$expected" ]; then
  echo "Cannot run $1: kubectl's context is $actual and Tilt's is $expected; go back with: kubectl config use-context $expected" >&2
  exit 1
fi
exec "$@"
