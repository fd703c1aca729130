#!/bin/sh
# Makes the shop in the cluster what k8s/backup.sh wrote: k8s/restore.sh FILE.tar --replace-the-shop-in CONTEXT. The shop is to
# be there already (`tilt up` or k8s/apply.sh), with code as old as the backup's or newer; what it holds is lost. It stands still
# meanwhile. Under Tilt, end `tilt up` first: it would start what is stopped here.
set -eu
umask 077
[ $# -eq 3 ] && [ "$2" = --replace-the-shop-in ] || { echo "Usage: $0 FILE.tar --replace-the-shop-in CONTEXT" >&2; exit 2; }
file=$1
refuse() { echo "Cannot restore $file: $1" >&2; exit 1; }
[ -f "$file" ] || refuse "there is no such file"
[ "$(kubectl config current-context)" = "$3" ] || refuse "kubectl points to $(kubectl config current-context), not to $3"
file=$(cd "$(dirname "$file")" && pwd)/$(basename "$file")
cd "$(dirname "$0")/.."
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
in_shop() { kubectl --namespace shop "$@"; }

# 1. Nothing is touched before the backup is known to be whole and of use.
tar -xof "$file" -C "$temporary" 2> "$temporary/complaint" || true
about=$temporary/backup.txt
grep -q '^format canary-row-cluster-backup ' "$about" 2> /dev/null || refuse "it is not a backup that k8s/backup.sh made"
version=$(sed -n 's/^format [^ ]* //p' "$about")
[ "$version" = 1 ] || refuse "it is of format $version, and this checkout reads 1: use a newer checkout"
sed -n 's/^sha256 //p' "$about" > "$temporary/sums"
[ "$(wc -l < "$temporary/sums")" -eq 4 ] || refuse "it is damaged: backup.txt is not whole"
(cd "$temporary/files" && sha256sum --quiet --check "$temporary/sums" > /dev/null 2>&1) || refuse "it is damaged, or not all of it is there"
image=$(in_shop get statefulset postgres -o 'jsonpath={.spec.template.spec.containers[0].image}')
major=$(sed -n 's/^postgres //p' "$about")
case $image in *:"$major" | *:"$major".*) ;; *) refuse "it is of Postgres $major, and the cluster has $image" ;; esac
sed -n 's/^migration //p' "$about" | while read -r database schema name; do
  folder=services/$database
  [ "$schema" = public ] || folder=runtime
  [ -d "$folder/prisma/migrations/$name" ] || refuse "it is of newer code, which had $database's migration $name: use that checkout, or a newer one"
done

# 2. Everything stops, callers first. How many of each there were is written on it, for a restore that is cut short and run again.
in_shop get deployment --selector app.kubernetes.io/part-of=canary-row \
  -o 'jsonpath={range .items[*]}{.kind}/{.metadata.name} {.spec.replicas} {.metadata.annotations.replicas-before-restore}{"\n"}{end}' > "$temporary/replicas"
awk '{ print $1, ($2 > 0 ? $2 : $3 + 0) }' "$temporary/replicas" > "$temporary/deployments"
while read -r workload count; do
  in_shop annotate --overwrite "$workload" "replicas-before-restore=$count" < /dev/null > /dev/null
done < "$temporary/deployments"
stores='statefulset/postgres statefulset/nats statefulset/redis-durable statefulset/card-gateway'
while read -r workload _; do in_shop scale "$workload" --replicas=0 < /dev/null; done < "$temporary/deployments"
in_shop wait pod --for=delete --selector 'app.kubernetes.io/component notin (store, outside, job)' --timeout=120s
in_shop scale $stores --replicas=0
for pod in postgres-0 nats-0 redis-durable-0 card-gateway-0; do in_shop wait "pod/$pod" --for=delete --timeout=120s; done

# STORE USER SCRIPT: runs a script with a store's volume at /volume, and hands it standard input.
with_volume() {
  in_shop apply -f - > /dev/null <<POD
apiVersion: v1
kind: Pod
metadata:
  name: restore-$1
  annotations: { linkerd.io/inject: disabled }
spec:
  automountServiceAccountToken: false
  restartPolicy: Never
  terminationGracePeriodSeconds: 0 # what it had to do is done by then
  securityContext:
    { runAsNonRoot: true, runAsUser: $2, runAsGroup: $2, fsGroup: $2, fsGroupChangePolicy: OnRootMismatch, seccompProfile: { type: RuntimeDefault } }
  containers:
    - name: restore
      image: $image
      command: [sleep, "3600"]
      resources: { requests: { cpu: 50m, memory: 64Mi }, limits: { memory: 256Mi } }
      securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: [ALL] } }
      volumeMounts: [{ name: volume, mountPath: /volume }]
  volumes: [{ name: volume, persistentVolumeClaim: { claimName: data-$1-0 } }]
POD
  in_shop wait "pod/restore-$1" --for=condition=Ready --timeout=120s > /dev/null
  in_shop exec -i "restore-$1" -- sh -euc "$3"
  in_shop delete pod "restore-$1" --wait > /dev/null
}

# 3. What was in the volumes gives way. Streams start empty: every event that an outbox still has is published again below.
# On the server's side, so that nothing of them is copied into an annotation.
kubectl apply --server-side --force-conflicts --field-manager row-restore -f "$temporary/files/secrets.yaml"
# Postgres says when its last transaction was only where it recovers from an archive, here one that has nothing.
with_volume postgres 999 "cd /volume; rm -rf $major; mkdir -p -m 700 $major/docker; cd $major/docker; tar -xf -; chmod 700 .
  touch recovery.signal; printf \"restore_command = 'false'\\nhot_standby = off\\n\" >> postgresql.auto.conf" < "$temporary/files/postgres.tar"
with_volume nats 1000 'find /volume -mindepth 1 -maxdepth 1 ! -name lost+found -exec rm -rf {} +' < /dev/null
with_volume redis-durable 999 'rm -rf /volume/appendonlydir; tar -xf - -C /volume' < "$temporary/files/redis.tar"

in_shop scale statefulset/postgres --replicas=1
in_shop rollout status statefulset/postgres --timeout=300s
query() { in_shop exec postgres-0 -c postgres -- psql --no-psqlrc -U row -d "$1" -qX -v ON_ERROR_STOP=1 -c "$2" < /dev/null; }
query postgres 'alter system reset restore_command'
query postgres 'alter system reset hot_standby'
for database in $(sed -n 's/^migration \([^ ]*\) .*/\1/p' "$about" | sort -u); do
  query "$database" 'update runtime.outbox set published_time = null'
done
# The gateway's log ends where the databases end: what came later was asked for by orders that are not there any more.
last=$(in_shop logs postgres-0 -c postgres | sed -n 's/.*last completed transaction was at log time \([0-9-]*\) \([0-9:]*\.\{0,1\}[0-9]\{0,3\}\).*/\1T\2/p' | tail -n 1)
[ -n "$last" ] || last=$(sed -n 's/^instant //p' "$about")
awk -v last="$last" -F '"time":"' '
  BEGIN { while (last != "" && length(last) < 23) last = last (length(last) == 19 ? "." : "0") }
  { split($2, rest, "Z"); if (last == "" || rest[1] <= last) print }' "$temporary/files/gateway.log" |
  with_volume card-gateway 1000 'cat > /volume/gateway.log'

# 4. Streams, and the migrations that the cluster's code has and the backup's had not; then everything else, as it was.
in_shop scale statefulset/nats statefulset/redis-durable statefulset/card-gateway --replicas=1
for store in nats redis-durable card-gateway; do in_shop rollout status "statefulset/$store" --timeout=300s; done
for manifest in k8s/rendered/core/nats-streams.yaml k8s/rendered/core/*-migrate.yaml; do
  job=$(basename "$manifest" .yaml)
  service=$(sed -n 's|.*image: canary-row/\([a-z0-9-]*\):.*|\1|p' "$manifest" | head -n 1)
  # Whoever builds the images names them: Tilt gives each build a name of its own.
  running=$(in_shop get deployment "$service-v1" -o 'jsonpath={.spec.template.spec.containers[0].image}')
  in_shop delete job "$job" --ignore-not-found
  awk '/^---$/ { if (part ~ /\nkind: Job\n/) printf "%s", part; part = ""; next } { part = part $0 "\n" }' "$manifest" > "$temporary/job.yaml"
  sed "s|image: canary-row/$service:v1\$|image: $running|" "$temporary/job.yaml" | kubectl apply -f -
  in_shop wait "job/$job" --for=condition=Complete --timeout=600s
done
while read -r workload count; do in_shop scale "$workload" --replicas="$count" < /dev/null; done < "$temporary/deployments"
while read -r workload _; do
  in_shop rollout status "$workload" --timeout=300s < /dev/null
  in_shop annotate "$workload" replicas-before-restore- < /dev/null > /dev/null
done < "$temporary/deployments"
echo "Restored the shop of $(sed -n 's/^time //p' "$about")"
