#!/bin/sh
# Whether splits work: shares the catalog's calls between v1 and a v2, and looks who answers. It leaves all calls with v1, and v2
# running. Needs `npm ci`.
set -eu
cd "$(dirname "$0")/.."
row() { npm run --silent row -- --on kubernetes "$@"; }
refuse() {
  printf '%s\n' "$*" >&2
  exit 1
}
# How many of twenty calls out of the toolbox each version answers, "v1 v1 v2 …".
answers() {
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    row call CatalogService.ListCategories 2>&1 > /dev/null | sed -n 's|^Served by catalog/\(v[0-9]*\)/.*|\1|p'
  done | sort | uniq -c | tr -s ' \n' ' '
}

k8s/deploy-version.sh catalog v2
row split catalog v1=50 v2=50
sleep 5 # sidecars hear of it within a second or two
half=$(answers)
echo "Split in halves:$half"
case $half in *v1*v2*) ;; *) refuse "Of twenty calls at 50:50 these were answered:$half" ;; esac
k8s/apply-mesh.sh > /dev/null
row split catalog | grep -q 'v2=50' || refuse "Applying the mesh's files has undone the split: $(row split catalog)"
row split catalog v1=100
sleep 5
all=$(answers)
echo "All to v1:$all"
case $all in *v2*) refuse "v2 still answers:$all" ;; *v1*) ;; *) refuse "Nobody answers" ;; esac
