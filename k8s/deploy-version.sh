#!/bin/sh
# Runs another version of a service beside v1, in the cluster that kubectl points to: k8s/deploy-version.sh catalog v2 [IMAGE]
# It runs v1's image unless one is named, says its own version in every answer, and gets no calls until a split gives it some.
# Take its share away before it goes: kubectl -n shop delete deployment,service,hpa,pdb catalog-v2
set -eu
[ $# -ge 2 ] || { echo "Cannot deploy: say which service and which version, such as: $0 catalog v2" >&2; exit 1; }
service=$1
version=$2
cd "$(dirname "$0")/.."
for file in "k8s/rendered/core/$service.yaml" "mesh/routes/$service.yaml"; do
  [ -f "$file" ] || { echo "Cannot deploy $service $version: there is no $file" >&2; exit 1; }
done
image=${3:-$(kubectl -n shop get deployment "$service-v1" -o 'jsonpath={.spec.template.spec.containers[0].image}')}
for file in "k8s/rendered/core/$service.yaml" "mesh/services/$service.yaml"; do
  sed -e "s|$service-v1|$service-$version|g" -e "s|app.kubernetes.io/version: v1|app.kubernetes.io/version: $version|g" \
    -e "s|image: canary-row/$service:v1|image: $image|" "$file" | kubectl apply -f -
done
kubectl -n shop rollout status "deployment/$service-$version" --timeout=300s
