#!/bin/sh
# Runs a program as two ranks of this machine with a wire between them of so many Mbit/s: to see, on
# one machine, what two would do.
#   apps/cluster/slow_wire.sh 1000 apps/bench_ranks
# Each has half of the processors.
# The ranks are in two network namespaces with a pair of virtual network cards, whose rate tc limits;
# DELAY=50us delays each packet, too, where the kernel has netem. As root, with Debian's packages
# iproute2 and openmpi-bin.
set -eu
if [ $# -lt 2 ]; then
  echo "usage: $0 MBIT_PER_SECOND PROGRAM [ARGUMENT...]" >&2
  exit 2
fi
rate=$1
shift
one=limbeck-$$-1 two=limbeck-$$-2
agent=$(mktemp)
trap 'rm -f "$agent"; ip netns del $one 2> /dev/null; ip netns del $two 2> /dev/null' EXIT
trap 'exit 130' INT TERM  # by way of that

ip netns add $one
ip netns add $two
ip link add wire netns $one type veth peer name wire netns $two
number=0
for host in $one $two; do
  number=$((number + 1))
  ip -n $host addr add 10.87.0.$number/24 dev wire
  ip -n $host link set wire up
  ip -n $host link set lo up
  ip netns exec $host tc qdisc add dev wire root handle 1: tbf rate "${rate}mbit" burst 32kb latency 200ms
  if [ -n "${DELAY:-}" ]; then
    ip netns exec $host tc qdisc add dev wire parent 1: netem delay "$DELAY"
  fi
done

# What mpirun calls in place of ssh, with the host and the words of a command.
cat > "$agent" <<END
#!/bin/sh
shift
exec ip netns exec $two unshare --uts sh -c "hostname $two; \$*"
END
chmod +x "$agent"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMP_NUM_THREADS=$((($(nproc) + 1) / 2))
ip netns exec $one mpirun -x OMP_NUM_THREADS --host 10.87.0.1,10.87.0.2 -n 2 --bind-to none \
  --mca plm_rsh_agent "$agent" --mca pml ob1 --mca btl tcp,self \
  --mca btl_tcp_if_include 10.87.0.0/24 --mca oob_tcp_if_include 10.87.0.0/24 "$@"
