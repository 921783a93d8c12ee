# Makes a guest, just woken from the shared snapshot, a host of its own. Fed to `sh -s NAME EPOCH-SECONDS SEED`.
set -eu
name=$1 now=$2 seed=$3
date --set="@$now" > /dev/null
# All guests wake with the same random state, from which keys and NFS session secrets are drawn.
printf %s "$seed" > /dev/urandom
# The kernel's NFSv4.1 client calls itself after the host name: two hosts of one name would end each other's sessions.
echo "$name" > /etc/hostname
hostname "$name"
sed -i "s/^127\.0\.1\.1 .*/127.0.1.1 $name/" /etc/hosts
rm -f /etc/machine-id
systemd-machine-id-setup 2> /dev/null
