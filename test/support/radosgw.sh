#!/usr/bin/env bash
# radosgw.sh DIR PORT: a one-node Ceph with an S3 gateway on 127.0.0.1:PORT, all of it inside DIR.
set -euo pipefail

for tool in ceph-mon ceph-osd radosgw radosgw-admin ceph monmaptool curl ss setpriv; do
  if ! command -v "$tool" >/dev/null; then
    echo "radosgw.sh: no $tool (Debian: radosgw ceph-mon ceph-osd ceph-common curl iproute2)" >&2
    exit 77
  fi
done
dir=$(realpath -m "${1:?the directory}") port=${2:?the port}
mkdir -p "$dir/mon" "$dir/osd" "$dir/rgw"
daemons=()

# The data is thrown away, so KILL loses nothing and, unlike TERM, can't hang.
cleanup() {
  trap '' TERM INT # a second one mustn't cut this short
  # shellcheck disable=SC2046
  kill -KILL $(jobs -p) 2>/dev/null || true
  wait 2>/dev/null || true
}
trap cleanup EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
fail() {
  tail -n 9 "$dir"/*.err 2>/dev/null | grep . >&2 || true
  echo "radosgw.sh: $1" >&2
  exit 1
}
# setpriv: what this script started ends with it even if it is itself killed by KILL.
setpriv --pdeathsig KILL sleep 120 & timer=$!
# In the background: bash runs a trap only after a foreground command, but at once in `wait`.
run() {
  local command ended
  setpriv --pdeathsig KILL "$@" >"$dir/$1.out" 2>"$dir/$1.err" &
  command=$!
  wait -n -p ended "$command" "$timer" "${daemons[@]}" ||
    [[ ${ended-} != "$command" ]] || fail "$1 failed"
  [[ ${ended-} != "$timer" ]] || fail 'not ready after 120 s'
  [[ ${ended-} == "$command" ]] || fail 'a daemon ended'
}
start() {
  setpriv --pdeathsig KILL "$@" -d -c "$conf" >"$dir/$1.out" 2>"$dir/$1.err" &
  daemons+=($!)
}
in_use() { [[ -n $(ss -Hltn "sport = :$1") ]]; }

# Or another server's answer would be taken for the gateway's.
! in_use "$port" || fail "port $port is in use"
# Below the ephemeral ports, so no client socket takes it between here and the monitor's bind.
until monitor_port=$((20000 + SRANDOM % 10000)) &&
  [[ $monitor_port != "$port" ]] && ! in_use "$monitor_port"; do :; done
fsid=$(</proc/sys/kernel/random/uuid)
osd=$(</proc/sys/kernel/random/uuid) conf=$dir/ceph.conf
# - No cephx: one user on loopback, and no keyring to make. It can't encrypt, hence `crc`, because
#   radosgw alone defaults to `secure` and would wait for ever.
# - Proposals wait 1 s by default to be batched; start-up is a row of single ones.
# - No manager, hence no telemetry and nobody to scale placement groups.
cat >"$conf" <<CONF
[global]
fsid = $fsid
mon_host = v2:127.0.0.1:$monitor_port
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
ms_mon_client_mode = crc
run_dir = $dir
crash_dir = $dir
admin_socket =
log_to_file = false
mon_data = $dir/mon
mon_cluster_log_file = $dir/cluster.log
mon_allow_pool_size_one = true
paxos_propose_interval = 0.02
osd_data = $dir/osd
osd_objectstore = memstore
memstore_device_bytes = 4294967296
osd_crush_chooseleaf_type = 0
osd_pool_default_size = 1
osd_pool_default_pg_num = 1
rgw_data = $dir/rgw
rgw_frontends = beast endpoint=127.0.0.1:$port
rgw_enable_apis = s3
CONF
run monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$monitor_port]" "$dir/monmap"
run ceph-mon -c "$conf" -i a --mkfs --monmap "$dir/monmap"
start ceph-mon -i a
run ceph -c "$conf" osd new "$osd"
run ceph-osd -d -c "$conf" -i 0 --mkfs --osd-uuid "$osd"
start ceph-osd -i 0
run radosgw-admin -c "$conf" user create --uid=test --display-name=test \
  --access-key=TESTACCESSKEY0000000 --secret-key=test-secret-key-for-loopback-only
start radosgw -n client.rgw
until curl -sfm 1 -o /dev/null "http://127.0.0.1:$port"; do run sleep 0.05; done
echo "ready http://127.0.0.1:$port"
wait -n "${daemons[@]}" || true
fail 'a daemon ended'
