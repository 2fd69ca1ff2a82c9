#!/usr/bin/env bash
# slurm.sh DIR PORT PORT: a Slurm cluster of this one machine on 127.0.0.1, all of it inside DIR. Ends with its
# daemons on TERM; says `ready` on stdout when jobs can be submitted with SLURM_CONF=DIR/slurm.conf.
set -euo pipefail

for tool in munged mungekey slurmctld slurmd sbatch sinfo setpriv; do
  if ! command -v "$tool" >/dev/null; then
    echo "slurm.sh: no $tool (Debian: slurm-wlm munge util-linux)" >&2
    exit 77
  fi
done
[[ $(id -u) == 0 ]] || { echo 'slurm.sh: slurmd needs root' >&2; exit 77; }
dir=$(realpath -m "${1:?the directory}") control=${2:?port of slurmctld} node=${3:?port of slurmd}
mkdir -p "$dir/state" "$dir/spool" "$dir/munge"
chmod 700 "$dir/munge"
chmod 755 "$dir"
host=$(hostname -s)
# slurmctld binds to what the machine's name stands for; nothing here may listen beyond this machine.
[[ $(getent ahostsv4 "$host" | head -n 1) == 127.* ]] || {
  echo "slurm.sh: $host does not stand for 127.0.0.1" >&2
  exit 77
}
daemons=()

cleanup() {
  trap '' TERM INT
  # Jobs first: what watches over a job is no child of this script, and ends with it.
  if [[ -S $dir/munge.socket ]]; then
    timeout 5 scancel --user root 2>/dev/null || true
    for _ in {1..50}; do
      [[ -n $(timeout 5 squeue --noheader 2>/dev/null) ]] || break
      sleep 0.2
    done
  fi
  ((${#daemons[@]} == 0)) || kill -TERM "${daemons[@]}" 2>/dev/null || true
  for _ in {1..50}; do
    # shellcheck disable=SC2046
    [[ -n $(jobs -pr) ]] || break
    sleep 0.1
  done
  # shellcheck disable=SC2046
  kill -KILL $(jobs -p) 2>/dev/null || true
  wait 2>/dev/null || true
}
trap cleanup EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
fail() {
  tail -n 20 "$dir"/*.log 2>/dev/null | grep . >&2 || true
  echo "slurm.sh: $1" >&2
  exit 1
}
# setpriv: what this script started ends with it even if it is itself killed by KILL.
start() {
  setpriv --pdeathsig KILL "$@" >"$dir/$1.log" 2>&1 &
  daemons+=("$!")
}
ready() {
  for _ in {1..150}; do
    "$@" >/dev/null 2>&1 && return 0
    kill -0 "${daemons[@]}" 2>/dev/null || fail 'a daemon ended'
    sleep 0.2
  done
  fail "not ready after 30 s: $*"
}

export SLURM_CONF=$dir/slurm.conf
cat >"$SLURM_CONF" <<END
ClusterName=loopback
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$control
SlurmdPort=$node
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny,DisableIPv6
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket
CredType=cred/munge
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=0
MinJobAge=300
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END

mungekey --create --keyfile="$dir/munge/key" >/dev/null
start munged --foreground --force --key-file="$dir/munge/key" --socket="$dir/munge.socket" \
  --pid-file="$dir/munge/pid" --log-file="$dir/munge/log" --seed-file="$dir/munge/seed"
ready test -S "$dir/munge.socket"
start slurmctld -D -c -f "$SLURM_CONF"
start slurmd -D -c -f "$SLURM_CONF" -N "$host"
ready bash -c 'sinfo --noheader --format=%t | grep -qx -e idle -e mix'
echo ready
# A daemon that ends by itself ends the cluster.
wait -n "${daemons[@]}" || true
fail 'a daemon ended'
