#!/bin/sh
# Installs the Gateway API's CRDs and Linkerd where kubectl points, and does nothing where they are already there:
#   k8s/linkerd/install.sh [further options of "linkerd install", as --set proxy.tracing.enabled=true]
#
# Verified: versions are pinned (versions.env); downloads come over TLS from their publishers' own releases; a digest pinned in
# versions.env must match. Not verified: a download whose digest is not pinned. Linkerd publishes none beside its command line.
#
# Certificates are made for this cluster and kept in .row/linkerd (ROW_LINKERD_DIR says otherwise). Keep anchor.key: it signs
# the next issuer's certificate, in a year.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/versions.env"
root=$(cd "$here/../.." && pwd)
keep=${ROW_LINKERD_DIR:-$root/.row/linkerd}
wait=${ROW_LINKERD_WAIT:-300s}

say() { printf '· %s\n' "$*"; }
refuse() {
  printf '%s\n' "$*" >&2
  exit 1
}
digest() {
  if command -v sha256sum > /dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}
fetch() { curl --proto '=https' --proto-redir '=https' --tlsv1.2 -sSfL -o "$2" "$1" || refuse "Cannot download $1: see the line above"; }
check() { # FILE PINNED NAME
  found=$(digest "$1")
  if [ -z "$2" ]; then say "$3 has digest $found; pin it in k8s/linkerd/versions.env"
  elif [ "$found" != "$2" ]; then refuse "Cannot use $3: its digest is $found, versions.env wants $2"; fi
}

for program in kubectl openssl; do
  command -v $program > /dev/null || refuse "Cannot install Linkerd: there is no $program on the PATH"
done
kubectl version --request-timeout=10s > /dev/null 2>&1 ||
  refuse "Cannot reach a cluster: kubectl's context is \"$(kubectl config current-context 2> /dev/null || true)\""
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

# 1. The Gateway API, which Linkerd reads and does not bring.
bundle=$(kubectl get crd grpcroutes.gateway.networking.k8s.io --ignore-not-found \
  -o go-template='{{with index .metadata.annotations "gateway.networking.k8s.io/bundle-version"}}{{.}}{{else}}of an unknown version{{end}}')
case $bundle in
  '')
    fetch "https://github.com/kubernetes-sigs/gateway-api/releases/download/$GATEWAY_API_VERSION/standard-install.yaml" "$temporary/gateway.yaml"
    check "$temporary/gateway.yaml" "$GATEWAY_API_SHA256" "the Gateway API $GATEWAY_API_VERSION"
    # On the server's side: one of these CRDs is too large for the annotation that kubectl would keep otherwise.
    kubectl apply --server-side -f "$temporary/gateway.yaml"
    ;;
  v1.2.* | v1.3.* | v1.4.* | v1.5.0 | v1.5.1) say "the Gateway API $bundle is there" ;;
  *) refuse "Cannot use the Gateway API $bundle that the cluster has: Linkerd $LINKERD_VERSION reads 1.2.1 to 1.5.1" ;;
esac

# 2. Linkerd's command line, in this version. What else is on the PATH may be another.
case $(uname -s)-$(uname -m) in
  Linux-x86_64 | Linux-amd64) platform=linux-amd64 pinned=$LINKERD_CLI_SHA256_linux_amd64 ;;
  Linux-aarch64 | Linux-arm64) platform=linux-arm64 pinned=$LINKERD_CLI_SHA256_linux_arm64 ;;
  Darwin-x86_64) platform=darwin pinned=$LINKERD_CLI_SHA256_darwin ;;
  Darwin-arm64) platform=darwin-arm64 pinned=$LINKERD_CLI_SHA256_darwin_arm64 ;;
  *) refuse "Cannot install Linkerd from $(uname -s) $(uname -m): there is no command line for it" ;;
esac
linkerd=$keep/bin/linkerd-$LINKERD_VERSION
if [ ! -x "$linkerd" ]; then
  if [ "$(linkerd version --client --short 2> /dev/null || true)" = "$LINKERD_VERSION" ]; then
    linkerd=$(command -v linkerd)
  else
    url=https://github.com/linkerd/linkerd2/releases/download/$LINKERD_VERSION/linkerd2-cli-$LINKERD_VERSION-$platform
    say "downloading $url"
    fetch "$url" "$temporary/linkerd"
    check "$temporary/linkerd" "$pinned" "Linkerd's command line for $platform"
    mkdir -p "$keep/bin"
    install -m 755 "$temporary/linkerd" "$linkerd"
  fi
fi

# 3. Its own CRDs, which may be applied again, and the control plane, which refuses to be.
if [ -z "$(kubectl get namespace linkerd --ignore-not-found -o name)" ] ||
  [ -z "$(kubectl -n linkerd get configmap linkerd-config --ignore-not-found -o name)" ]; then
  "$here/certificates.sh" "$keep"
  # Where containers are run by Docker itself, the init container may not touch iptables otherwise.
  case $(kubectl get nodes -o 'jsonpath={.items[*].status.nodeInfo.containerRuntimeVersion}') in
    *docker://*) set -- --set proxyInit.runAsRoot=true "$@" ;;
  esac
  # An installation that was interrupted left the namespace, which the check takes for somebody else's.
  [ -n "$(kubectl get namespace linkerd --ignore-not-found -o name)" ] || "$linkerd" check --pre
  # Into files first: where it refuses, nothing half-written is applied.
  "$linkerd" install --crds > "$temporary/crds.yaml"
  kubectl apply -f "$temporary/crds.yaml"
  "$linkerd" install --identity-trust-anchors-file "$keep/anchor.crt" --identity-issuer-certificate-file "$keep/issuer.crt" \
    --identity-issuer-key-file "$keep/issuer.key" --set disableHeartBeat=true "$@" > "$temporary/linkerd.yaml"
  kubectl apply -f "$temporary/linkerd.yaml"
else
  there=$(kubectl -n linkerd get deployment linkerd-destination --ignore-not-found \
    -o go-template='{{index .metadata.annotations "linkerd.io/created-by"}}')
  case $there in
    *"$LINKERD_VERSION"*) say "Linkerd $LINKERD_VERSION is there" ;;
    *) say "Linkerd is there, from \"$there\" and not $LINKERD_VERSION: what this repository was written for may differ" ;;
  esac
fi

# 4. Pods that come before the injector is ready stay without a sidecar, and nothing says so: wait for all of it.
for part in linkerd-identity linkerd-destination linkerd-proxy-injector; do
  kubectl -n linkerd rollout status "deployment/$part" --timeout="$wait"
done
"$linkerd" check --wait "$wait"
