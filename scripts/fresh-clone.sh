#!/usr/bin/env bash
# Clones the repository into a folder that only its owner may enter, starts the shop with the README's own command and places
# the README's own first order. As root it does so once more as an ordinary user.
set -euo pipefail
source_dir=$(cd "$(dirname "$0")/.." && pwd)

try_as_me() {
  local home=$1 base=$2 clone=$1/canary-row
  git clone --quiet --depth 1 "file://$source_dir" "$clone"
  cd "$clone"
  npm ci --no-progress --loglevel=error >/dev/null
  export ROW_PORT_BASE=$base
  trap 'npm run --silent row -- down >/dev/null 2>&1 || true' EXIT
  npm start -- --detach
  # The README's block, at this shop's ports.
  local edge=$((8080 - 5000 + base)) block order state
  block=$(sed -n '/<!-- first-order/,/^```$/p' README.md | sed -e '/^<!--/d' -e '/^```/d' -e "s/localhost:8080/localhost:$edge/")
  local answer
  answer=$(bash -euo pipefail -c "$block"$'\n''echo; echo "TOKEN=$TOKEN"')
  order=$(sed -n 's/.*"order":{"id":"\([^"]*\)".*/\1/p' <<<"$answer")
  local token
  token=$(sed -n 's/^TOKEN=//p' <<<"$answer")
  [[ -n $order ]] || { echo "The README's first order failed: $answer"; exit 1; }
  for _ in $(seq 20); do
    state=$(curl -s "localhost:$edge/v1/orders/$order" -H "authorization: Bearer $token" | sed -n 's/.*"state":"\([A-Z_]*\)".*/\1/p')
    [[ $state == STATE_CONFIRMED ]] && break
    sleep 0.1
  done
  [[ $state == STATE_CONFIRMED ]] || { echo "The README's first order is $state after 2 s"; exit 1; }
  npm run --silent row -- down
  trap - EXIT
  echo "A fresh clone in $(stat -c %a "$home") $home took its first order as $(id -un)"
}

if [[ ${1:-} == --as-me ]]; then
  try_as_me "$2" "$3"
  exit
fi

work=$(mktemp -d) # 0700
user=
cleanup() {
  rm -rf "$work"
  if [[ -n $user ]]; then userdel --remove "$user" 2>/dev/null || true; fi
}
trap cleanup EXIT
bash "$0" --as-me "$work" 28000
if [[ $(id -u) == 0 ]] && command -v useradd >/dev/null; then
  user=row-fresh-clone
  userdel --remove $user 2>/dev/null || true
  useradd --create-home --shell /bin/bash $user
  home=$(getent passwd $user | cut -d: -f6)
  chmod 700 "$home"
  # The source may lie where this user cannot go.
  git clone --quiet --depth 1 "file://$source_dir" "$home/source"
  chown -R $user: "$home/source"
  # What npm has fetched for us it need not fetch again for them.
  cache=$(npm config get cache 2>/dev/null)/_cacache
  if [[ -d $cache ]]; then mkdir -p "$home/.npm" && cp -r "$cache" "$home/.npm/" && chown -R $user: "$home/.npm"; fi
  # A user of their own has npm settings of their own, not those of the npm that runs this.
  mapfile -t inherited < <(compgen -e | grep -i '^npm_' | sed 's/^/--unset=/')
  runuser -u $user -- env "${inherited[@]}" HOME="$home" bash "$home/source/scripts/fresh-clone.sh" --as-me "$home" 28000
fi
