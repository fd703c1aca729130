#!/bin/sh
# Installs the Debian packages named as arguments without leaving a daemon behind: `row` starts its own servers on its
# own ports. Run as root, for example: sudo sh scripts/install-servers.sh haproxy nats-server redis-server
set -eu

guard=/usr/sbin/policy-rc.d
saved=
restore() {
  if [ "$saved" = none ]; then rm -f "$guard"; elif [ -n "$saved" ]; then mv -f "$saved" "$guard"; fi
  saved=
}
trap restore EXIT
trap 'exit 130' INT TERM

# Debian starts a daemon as soon as its package is installed unless policy-rc.d answers 101.
if [ -x "$guard" ] && { "$guard" nats-server start >/dev/null 2>&1; [ $? -eq 101 ]; }; then
  :
else
  if [ -e "$guard" ]; then mv "$guard" "$guard.canary-row" && saved="$guard.canary-row"; else saved=none; fi
  printf '#!/bin/sh\nexit 101\n' >"$guard"
  chmod 755 "$guard"
fi

export DEBIAN_FRONTEND=noninteractive
if ! apt-get install --yes --no-install-recommends "$@"; then
  apt-get update
  apt-get install --yes --no-install-recommends "$@"
fi

# Nor should the next boot start them.
for package in "$@"; do
  if command -v systemctl >/dev/null 2>&1; then systemctl disable --quiet "$package" >/dev/null 2>&1 || true; fi
done
