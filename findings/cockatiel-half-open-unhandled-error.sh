#!/usr/bin/env bash
# cockatiel 4.0.0: an error that the policy does not handle counts as a success in the half-open trial and closes the breaker.
# Expected: an error that says nothing about the callee leaves the breaker as it is, half-open or open.
# Seen: half-open trial fails with an unhandled error -> state Closed; the next calls reach the failing callee again.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null; npm install --silent --no-fund --no-audit cockatiel@4.0.0
cat >try.mjs <<'JS'
import { circuitBreaker, CircuitState, ConsecutiveBreaker, handleWhen } from "cockatiel";
class Left extends Error {}
const breaker = circuitBreaker(handleWhen((error) => !(error instanceof Left)), { halfOpenAfter: 50, breaker: new ConsecutiveBreaker(2) });
const call = (error) => breaker.execute(() => { throw error; }).catch((e) => e.constructor.name);
await call(new Error("down")); await call(new Error("down"));
console.log("after two handled errors:", CircuitState[breaker.state]);
await new Promise((resolve) => setTimeout(resolve, 80));
console.log("half-open trial raises:", await call(new Left("the caller left")));
console.log("then the breaker is:", CircuitState[breaker.state]);
JS
out=$(node try.mjs); echo "$out"
[[ $out == $'after two handled errors: Open\nhalf-open trial raises: Left\nthen the breaker is: Closed' ]] || { echo "cockatiel behaves differently now"; exit 1; }
