#!/bin/sh
# Applies mesh/services, mesh/policy and mesh/routes where kubectl points, and keeps every split as it is now. Tilt runs it when
# one of those files changes; may run by hand at any time.
#
# The files send all calls to v1. `kubectl apply -f mesh/routes` would do so too: a list in a custom resource is replaced as a
# whole, whoever has changed it since. So each route is applied with the backends that it has in the cluster; a rule that is new
# gets those of the service's other rules. A route that somebody changes meanwhile is read and applied again.
set -eu
cd "$(dirname "$0")/.."
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

# ROUTE-FILE SPLIT → the JSON patch that puts in the backends of the cluster, rule by rule; SPLIT where a rule has none there.
patch_for() {
  version=$(kubectl get -f "$1" --ignore-not-found -o 'jsonpath={.metadata.resourceVersion}') || exit 1
  kubectl get -f "$1" --ignore-not-found -o 'jsonpath={range .spec.rules[*]}{.backendRefs}{"\n"}{end}' > "$temporary/live" || exit 1
  kubectl patch --local -f "$1" --type merge -p '{}' -o 'jsonpath={range .spec.rules[*]}rule{"\n"}{end}' > "$temporary/rules"
  awk -v split_now="$2" -v version="$version" '
    function add(text) { printf "%s%s", (count++ ? "," : "["), text }
    FILENAME == ARGV[1] { live[FNR] = $0; next }
    { backends = live[FNR] != "" ? live[FNR] : split_now }
    backends != "" { add("{\"op\":\"replace\",\"path\":\"/spec/rules/" FNR - 1 "/backendRefs\",\"value\":" backends "}") }
    END {
      # With it, the cluster refuses what was read before somebody else changed the route.
      if (version != "") add("{\"op\":\"add\",\"path\":\"/metadata/resourceVersion\",\"value\":\"" version "\"}")
      if (count) print "]"
    }' "$temporary/live" "$temporary/rules"
}

apply_route() {
  patch=$(patch_for "$1" "$2")
  if [ -n "$patch" ]; then kubectl patch --local -f "$1" --type json -p "$patch" -o yaml > "$temporary/wanted.yaml"
  else cp "$1" "$temporary/wanted.yaml"; fi
  kubectl apply -f "$temporary/wanted.yaml" 2> "$temporary/refusal"
}

# Who may do what comes before those who do it, and a Service before what hangs on it.
kubectl apply -f mesh/services -f mesh/policy

for file in mesh/routes/*.yaml; do
  rm -rf "$temporary/routes"
  mkdir "$temporary/routes"
  awk -v folder="$temporary/routes" '
    BEGIN { number = 1 }
    /^---$/ { number++; next }
    { print > sprintf("%s/%02d.yaml", folder, number) }' "$file"
  kubectl -n shop get grpcroutes.gateway.networking.k8s.io --selector "app.kubernetes.io/name=$(basename "$file" .yaml)" \
    -o 'jsonpath={range .items[*]}{range .spec.rules[*]}{.backendRefs}{"\n"}{end}{end}' > "$temporary/all"
  backends=$(grep -m 1 . "$temporary/all" || true)
  for route in "$temporary"/routes/*.yaml; do
    attempt=1
    until apply_route "$route" "$backends"; do
      if [ $attempt -eq 5 ] || ! grep -q 'has been modified' "$temporary/refusal"; then
        cat "$temporary/refusal" >&2
        exit 1
      fi
      attempt=$((attempt + 1))
    done
  done
done
