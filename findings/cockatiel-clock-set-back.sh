#!/usr/bin/env bash
# cockatiel 4.0.0: a circuit breaker that is open stays open for as long as the wall clock was set back meanwhile.
# Expected: half-open after halfOpenAfter (here 50 ms), whatever the clock says. It subtracts Date.now() of then from Date.now().
# Seen: clock left alone -> the call is made; clock set back an hour -> BrokenCircuitError. A backoff whose duration is a getter gets round it.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null; npm install --silent --no-fund --no-audit cockatiel@4.0.0
cat >try.mjs <<'JS'
import { circuitBreaker, ConsecutiveBreaker, handleAll } from "cockatiel";
const steady = { next: () => { const end = performance.now() + 50; return { get duration() { return performance.now() < end ? Infinity : -Infinity; }, next: steady.next }; } };
const callAfter = async (setBackMs, halfOpenAfter = 50) => {
  const breaker = circuitBreaker(handleAll, { halfOpenAfter, breaker: new ConsecutiveBreaker(1) });
  await breaker.execute(() => { throw new Error("down"); }).catch(() => {});
  const now = Date.now;
  Date.now = () => now() - setBackMs;
  await new Promise((resolve) => setTimeout(resolve, 200));
  const outcome = await breaker.execute(() => "the call is made").catch((error) => error.constructor.name);
  Date.now = now;
  return outcome;
};
console.log("clock left alone:", await callAfter(0));
console.log("clock set back an hour:", await callAfter(3_600_000));
console.log("with a backoff of its own:", await callAfter(3_600_000, steady));
JS
out=$(timeout 30 node try.mjs); echo "$out"
[[ $out == $'clock left alone: the call is made\nclock set back an hour: BrokenCircuitError\nwith a backoff of its own: the call is made' ]] || { echo "cockatiel behaves differently now"; exit 1; }
