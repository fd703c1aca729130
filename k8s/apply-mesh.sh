#!/bin/sh
# Applies mesh/services, mesh/policy and mesh/routes where kubectl points, and keeps every split as it is now. Tilt runs it when
# one of those files changes; may run by hand at any time.
#
# The files send all calls to v1. `kubectl apply -f mesh/routes` would do so too: a list in a custom resource is replaced as a
# whole, whoever has changed it since. So each route is applied with the backends that it has in the cluster; a rule that is new
# gets those of the service's other rules. What somebody changes meanwhile is read and applied again.
set -eu
cd "$(dirname "$0")/.."
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

# Who may do what comes before those who do it, and a Service before what hangs on it.
kubectl apply -f mesh/services -f mesh/policy

# FILE → one line for each of its routes: a JSON patch that puts in what the cluster has, or nothing where it has nothing.
patches() {
  kubectl -n shop get grpcroutes.gateway.networking.k8s.io \
    -o 'jsonpath={range .items[*]}{"route "}{.metadata.name}{" "}{.metadata.resourceVersion}{"\n"}{range .spec.rules[*]}{"rule "}{.backendRefs}{"\n"}{end}{end}' \
    > "$temporary/live" || return 1
  kubectl patch --local -f "$1" --type merge -p '{}' \
    -o 'jsonpath={"route "}{.metadata.name}{"\n"}{range .spec.rules[*]}{"rule\n"}{end}' > "$temporary/wanted" || return 1
  awk '
    function step(op, path, value) { patch = patch (patch ? "," : "") "{\"op\":\"" op "\",\"path\":\"" path "\",\"value\":" value "}" }
    # Every route of the cluster…
    FILENAME == ARGV[1] && $1 == "route" { name = $2; version[name] = $3; next }
    FILENAME == ARGV[1] { if (NF > 1) backends[name, count[name] + 0] = substr($0, 6); count[name]++; next }
    # …and those of the file, whose rules share their split.
    $1 == "route" { order[++routes] = $2; next }
    { rules[routes]++; if (!shared) shared = backends[order[routes], rules[routes] - 1] }
    END {
      for (i = 1; i <= routes; i++) {
        patch = ""
        for (rule = 0; rule < rules[i]; rule++) {
          own = backends[order[i], rule]
          if (own || shared) step("replace", "/spec/rules/" rule "/backendRefs", own ? own : shared)
        }
        # With it, the cluster refuses what was read before somebody else changed the route.
        if (order[i] in version) step("add", "/metadata/resourceVersion", "\"" version[order[i]] "\"")
        print (patch ? "[" patch "]" : "")
      }
    }' "$temporary/live" "$temporary/wanted"
}

# FILE → its routes as the cluster is to have them. Called where `set -e` is off: each step says by itself that it failed.
apply_routes() {
  rm -rf "$temporary/routes" && mkdir "$temporary/routes" || return 1
  awk -v folder="$temporary/routes" 'BEGIN { n = 1 } /^---$/ { n++; next } { print > sprintf("%s/%03d.yaml", folder, n) }' "$1" || return 1
  patches "$1" > "$temporary/patches" || return 1
  number=0
  while read -r patch; do
    number=$((number + 1))
    route=$temporary/routes/$(printf %03d $number).yaml
    [ -n "$patch" ] || continue
    kubectl patch --local -f "$route" --type json -p "$patch" -o yaml < /dev/null > "$route.new" || return 1
    mv "$route.new" "$route" || return 1
  done < "$temporary/patches"
  # On the server's side: kubectl would write the version that was read into an annotation, and every later apply would fail by it.
  kubectl apply --server-side --force-conflicts --field-manager row-mesh -f "$temporary/routes" 2> "$temporary/refusal"
}

for file in mesh/routes/*.yaml; do
  attempt=1
  : > "$temporary/refusal"
  until apply_routes "$file"; do
    if [ $attempt -eq 5 ] || ! grep -q 'has been modified' "$temporary/refusal"; then
      cat "$temporary/refusal" >&2
      echo "Cannot apply $file: what comes after it has not been applied either" >&2
      exit 1
    fi
    attempt=$((attempt + 1))
  done
done

# What the files do not have any more would go on allowing, and routing, as it did: an older route wins where both match.
kubectl create --dry-run=client --validate=false --output name -f mesh/policy -f mesh/routes > "$temporary/wanted"
for kinds in authorizationpolicies.policy.linkerd.io,grpcroutes.gateway.networking.k8s.io \
  servers.policy.linkerd.io,meshtlsauthentications.policy.linkerd.io; do
  kubectl -n shop get "$kinds" --selector app.kubernetes.io/managed-by=row-generate --output name > "$temporary/live"
  while read -r object; do
    grep -qxF "$object" "$temporary/wanted" || kubectl -n shop delete "$object" < /dev/null
  done < "$temporary/live"
done
