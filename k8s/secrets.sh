#!/bin/sh
# Makes the passwords and keys of a shop in the cluster that kubectl points to, one Secret for each service. It adds what is
# missing and changes nothing that is there, so it may run at any time; none of it is ever in a file of the repository.
# Which keys there are follows from every service.yaml: k8s/rendered/secrets.txt.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
namespace=shop
table=${ROW_SECRETS_TABLE:-$here/rendered/secrets.txt}
umask 077

kubectl get namespace $namespace > /dev/null 2>&1 || kubectl apply -f "$here/rendered/core/00-namespace.yaml"

# Letters and digits, and a letter first: NATS reads a password that looks like a number as one.
random() { printf 'p%s' "$(head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n')"; }
# For people to type: no letters that look alike.
readable() {
  printf row
  for _ in 1 2 3; do
    printf -- '-%s' "$(head -c 256 /dev/urandom | LC_ALL=C tr -dc 'abcdefghjkmnpqrstuvwxyz23456789' | cut -c 1-4)"
  done
}
# SECRET KEY → what the key holds, or nothing.
present() {
  kubectl -n $namespace get secret "$1" --ignore-not-found \
    -o go-template='{{if .data}}{{with index .data "'"$2"'"}}{{base64decode .}}{{end}}{{end}}'
}
# SECRET KEY, the value on standard input: no other process sees it among a command's arguments.
add() {
  value=$(base64 | tr -d '\n')
  if [ -z "$(kubectl -n $namespace get secret "$1" --ignore-not-found -o name)" ]; then
    printf '{"apiVersion":"v1","kind":"Secret","type":"Opaque","metadata":{"name":"%s","namespace":"%s","labels":{"app.kubernetes.io/part-of":"canary-row"}},"data":{"%s":"%s"}}' \
      "$1" $namespace "$2" "$value" | kubectl create -f - > /dev/null
  else
    printf '{"data":{"%s":"%s"}}' "$2" "$value" | kubectl -n $namespace patch secret "$1" --type merge --patch-file /dev/stdin > /dev/null
  fi
}

while read -r secret key value; do
  case $secret in '' | '#'*) continue ;; esac
  # Kubectl must not read the table.
  [ -z "$(present "$secret" "$key" < /dev/null)" ] || continue
  case $value in
    random) random | add "$secret" "$key" ;;
    readable) readable | add "$secret" "$key" ;;
    *'{'*'}'*)
      reference=${value#*\{}
      reference=${reference%%\}*}
      referred=$(present "${reference%%/*}" "${reference#*/}" < /dev/null)
      [ -n "$referred" ] || { echo "Cannot make $key of Secret $secret: there is no $reference" >&2; exit 1; }
      printf '%s' "${value%%\{*}$referred${value#*\}}" | add "$secret" "$key"
      ;;
    *) echo "Cannot make $key of Secret $secret: \"$value\" is not random, readable or a text with a reference" >&2; exit 1 ;;
  esac
  echo "made $key of Secret $secret"
done < "$table"
echo "Every Secret is there. The demo password: kubectl -n $namespace get secret demo -o go-template='{{base64decode .data.DEMO_PASSWORD}}'"
