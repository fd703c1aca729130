#!/bin/sh
# Writes everything that the shop in the cluster cannot make anew into one file: k8s/backup.sh FILE.tar. The shop may run
# meanwhile. It holds the shop's Secrets: keep it where only you can read it. What is in it, and why: docs/production.md.
set -eu
umask 077
[ $# -eq 1 ] || { echo "Usage: $0 FILE.tar" >&2; exit 2; }
file=$1
[ ! -e "$file" ] || { echo "Cannot write $file: it is there already" >&2; exit 1; }
in_shop() { kubectl --namespace shop "$@" < /dev/null; }
temporary=$(mktemp -d "$(dirname "$file")/.row-backup-XXXXXX")
trap 'rm -rf "$temporary"' EXIT
mkdir "$temporary/files"

query() { in_shop exec postgres-0 -c postgres -- psql --no-psqlrc -U row -d "$1" -AtX -c "$2"; }
databases=$(query postgres "select datname from pg_database where not datistemplate and datname not in ('postgres', current_user) order by 1")

# All databases as they are at one instant, the end of the copy; so a saga in one agrees with the payment in another.
in_shop exec postgres-0 -c postgres -- \
  pg_basebackup -U row --pgdata=- --format=tar --wal-method=fetch --checkpoint=fast > "$temporary/files/postgres.tar"
instant=$(query postgres "select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS')")
# Longer than that instant: what restore.sh cuts off by its time. There is nothing but Node in its image.
in_shop exec card-gateway-0 -c card-gateway -- \
  node -e 'const fs = require("fs"); for (const file of ["/data/gateway.log.1", "/data/gateway.log"].filter(fs.existsSync)) process.stdout.write(fs.readFileSync(file))' > "$temporary/files/gateway.log"
in_shop exec redis-durable-0 -c redis-durable -- tar -cf - -C /data appendonlydir > "$temporary/files/redis.tar"
in_shop get secret --selector app.kubernetes.io/part-of=canary-row -o go-template='{{range .items}}---
apiVersion: v1
kind: Secret
type: {{.type}}
metadata: { name: {{.metadata.name}}, namespace: shop, labels: { app.kubernetes.io/part-of: canary-row } }
data:{{range $key, $value := .data}}
  {{$key}}: {{$value}}{{end}}
{{end}}' > "$temporary/files/secrets.yaml"

{
  echo "format canary-row-cluster-backup 1"
  # For a restore to which Postgres does not say when its last transaction was: nothing happened in this copy.
  echo "instant $instant"
  echo "time $(date -u +%Y-%m-%dT%H:%M:%SZ)"
  echo "postgres $(query postgres "select current_setting('server_version_num')::int / 10000")"
  for database in $databases; do
    query "$database" "select 'migration $database runtime ' || migration_name from runtime._prisma_migrations where finished_at is not null
      union all select 'migration $database public ' || migration_name from public._prisma_migrations where finished_at is not null order by 1"
  done
  (cd "$temporary/files" && sha256sum postgres.tar gateway.log redis.tar secrets.yaml | sed 's/^/sha256 /')
} > "$temporary/backup.txt"
tar -cf "$temporary/whole.tar" -C "$temporary" backup.txt files
mv "$temporary/whole.tar" "$file"
echo "Wrote $file from $(kubectl config current-context): $(echo "$databases" | tr '\n' ' ')"
