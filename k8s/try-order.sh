#!/bin/sh
# Whether the shop works: places an order through the edge, waits until it is confirmed, and calls services from inside the mesh.
# It leaves a user and an order behind. `tilt ci` ends with it; by hand: k8s/try-order.sh, with the edge at SHOP.
set -eu
shop=${SHOP:-http://localhost:8080}
refuse() {
  printf '%s\n' "$*" >&2
  exit 1
}
# PATH JSON [TOKEN]. The first calls through sidecars that have just come up may be too slow, so each is made again under its key.
post() {
  tries=0
  until answer=$(curl -sS --max-time 20 -w '\n%{http_code}' "$shop$1" -H 'content-type: application/json' \
    -H "idempotency-key: $email$1" ${3:+-H "authorization: Bearer $3"} -d "$2") && [ "${answer##*"
"}" -lt 500 ]; do
    tries=$((tries + 1))
    [ $tries -lt 5 ] || break
    sleep 2
  done
  printf '%s\n' "${answer%"
"*}"
}
# Of JSON that is known to have the field once, or first.
field() { grep -o "\"$1\" *: *\"[^\"]*\"" | head -n 1 | sed 's/.*: *"\(.*\)"/\1/'; }
in_toolbox() { kubectl -n shop exec deploy/toolbox -c toolbox -- grpcurl -plaintext -max-time 10 "$@"; }

# A port-forward that has just begun may not answer yet.
attempt=0
until products=$(curl -sSf --max-time 10 "$shop/v1/products?pageSize=1"); do
  attempt=$((attempt + 1))
  [ $attempt -lt 30 ] || refuse "Cannot try an order: $shop does not answer; is the edge's port-forward up?"
  sleep 2
done
product=$(printf %s "$products" | field id)
[ -n "$product" ] || refuse "Cannot try an order: the catalog is empty: $products"

email=try-$(date +%s)-$$@example.com
who="\"email\":\"$email\",\"password\":\"correct horse $$\""
registered=$(post /v1/auth/register "{$who,\"displayName\":\"A test\"}")
session=$(post /v1/auth/login "{$who}")
token=$(printf %s "$session" | field accessToken)
[ -n "$token" ] || refuse "Cannot log in as $email: $session (registered: $registered)"
order=$(post /v1/orders "{\"items\":[{\"productId\":\"$product\",\"quantity\":1}],\"paymentToken\":\"tok_ok\",\"shippingAddress\":{\"recipient\":\"A test\",\"line1\":\"1 Harbour Row\",\"city\":\"Hamburg\",\"postalCode\":\"20457\",\"countryCode\":\"DE\"}}" "$token")
id=$(printf %s "$order" | field id)
[ -n "$id" ] || refuse "Cannot place an order: $order"
attempt=0
state=
until [ "$state" = STATE_CONFIRMED ]; do
  attempt=$((attempt + 1))
  [ $attempt -lt 60 ] && [ "$state" != STATE_CANCELLED ] || refuse "Order $id is $state and not confirmed: $order"
  sleep 1
  order=$(curl -sS --max-time 10 "$shop/v1/orders/$id" -H "authorization: Bearer $token")
  state=$(printf %s "$order" | field state)
done
echo "Order $id is confirmed"

categories=$(in_toolbox -d '{}' catalog:50051 shop.catalog.v1.CatalogService/ListCategories) || refuse "Cannot call the catalog from the toolbox: $categories"
if refusal=$(in_toolbox -d "{\"ids\":[\"$product\"]}" catalog:50051 shop.catalog.v1.CatalogService/BatchGetProducts 2>&1); then
  refuse "The toolbox may call BatchGetProducts, which is for other services only: the mesh denies nothing"
fi
case $refusal in
  # The service checks its callers too, and would answer so without any mesh.
  *CALLER_NOT_ALLOWED*) refuse "The service denied the toolbox's call, and not the mesh: $refusal" ;;
  *PermissionDenied*) echo "The mesh lets the toolbox do what end users may, and no more" ;;
  *) refuse "The toolbox's call was not denied but failed: $refusal" ;;
esac
