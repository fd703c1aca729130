#!/bin/sh
# Brings the core profile into the cluster that kubectl points to, in the order that matters. For those without Tilt; the images
# (canary-row/<service>:v1) have to be on the nodes, and Linkerd installed: k8s/linkerd/install.sh. May run again at any time.
set -eu
cd "$(dirname "$0")/.."
kubectl apply -f k8s/rendered/core/00-namespace.yaml
k8s/secrets.sh
# Who may do what comes before those who do it: nothing is ever open that should not be. Splits in progress stay as they are.
k8s/apply-mesh.sh
# What a Job does cannot be changed afterwards; all of them may run again, so they are made anew.
kubectl -n shop delete job --selector app.kubernetes.io/part-of=canary-row --ignore-not-found
kubectl apply -f k8s/rendered/core
kubectl -n shop wait --for=condition=Complete job --selector app.kubernetes.io/part-of=canary-row --timeout=600s
for workload in $(kubectl -n shop get deployment,statefulset --selector app.kubernetes.io/part-of=canary-row -o name); do
  kubectl -n shop rollout status "$workload" --timeout=300s
done
