#!/usr/bin/env bash
# Fills an empty folder with what node:26-bookworm-slim holds, from the Debian packages and the Node of this machine: for where
# no registry can be reached. Usage: stand-in-base.sh FOLDER NODE NPM-FOLDER
set -euo pipefail
target=$1 node=$2 npm=$3

essential=$(dpkg-query --show --showformat '${Essential} ${Package}\n' | awk '$1 == "yes" { print $2 }')
# shellcheck disable=SC2086 # one word each
needed=$(apt-cache depends --installed --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
  --no-enhances $essential libstdc++6 libatomic1 ca-certificates | sed -n 's/^\([a-z0-9][^:]*\).*/\1/p' | sort -u)

mkdir -p "$target"/usr/{bin,sbin,lib,lib64,local/bin,local/lib/node_modules} "$target"/{dev,etc/ssl,proc,root,sys,tmp,var/tmp}
chmod 1777 "$target"/tmp "$target"/var/tmp
for folder in bin sbin lib lib64; do ln -s usr/$folder "$target/$folder"; done

# An alternative that another package stands for is not installed, which dpkg-query complains of.
# shellcheck disable=SC2086
{ dpkg-query --listfiles $needed 2>/dev/null || true; } |
  grep -vE '^/usr/share/(bug|doc|info|lintian|locale|man)(/|$)' | sort -u |
  while read -r file; do if [[ -f $file || -L $file ]]; then echo "${file#/}"; fi; done |
  grep -vxE 'bin|sbin|lib|lib64' |
  tar --directory=/ --create --files-from=- --transform='s,^\(bin\|sbin\|lib\|lib64\)/,usr/\1/,' |
  tar --directory="$target" --extract

cp -rL /etc/ssl/certs "$target/etc/ssl/"
cp -r /etc/ld.so.conf /etc/ld.so.conf.d /etc/passwd /etc/group "$target/etc/"
cp "$node" "$target/usr/local/bin/node"
cp -r "$npm" "$target/usr/local/lib/node_modules/npm"
for name in npm npx; do ln -s "../lib/node_modules/npm/bin/$name-cli.js" "$target/usr/local/bin/$name"; done
chroot "$target" ldconfig
