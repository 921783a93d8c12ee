#!/bin/sh
# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Prints what a host has at a mount point and under the names the role would use, one "KIND VALUE…" a line. Changes nothing.
# One script instead of eight modules: old hosts are slow, and there are many of them.
# Usage: inspect.sh PATH HOST GROUP GID USER UID ("-" for what is not wanted)
path=$1 host=$2 group=$3 gid=$4 user=$5 uid=$6
LC_ALL=C
export LC_ALL

# The kernel's own table tells what is mounted: looking at the mount point itself would hang while the share is away.
mounted=$(awk -v path="$path" '$2 == path { print "mount", $0 }' /proc/self/mounts)
[ -z "$mounted" ] || printf '%s\n' "$mounted"
if [ -r /etc/fstab ]; then
    awk -v path="$path" '$1 !~ /^#/ && $2 == path { print "fstab", $0 }' /etc/fstab
fi

if [ -z "$mounted" ]; then
    if [ -L "$path" ]; then
        echo "point link"
    elif [ -d "$path" ]; then
        echo "point directory"
        find "$path" -mindepth 1 -maxdepth 1 -printf 'entry %u %p\n'
    elif [ -e "$path" ]; then
        echo "point $(stat -c '%U' "$path")"
    fi
fi

[ "$group" = - ] || getent group "$group" "$gid" | sed 's/^/group /'
[ "$user" = - ] || getent passwd "$user" "$uid" | sed 's/^/user /'
[ "$host" = - ] || getent ahostsv4 "$host" | awk 'NR == 1 { print "address", $1 }'

for client in /sbin/mount.nfs4 /usr/sbin/mount.nfs4; do
    [ ! -x "$client" ] || echo "client $client"
done
for shell in /usr/sbin/nologin /sbin/nologin; do
    [ ! -x "$shell" ] || echo "nologin $shell"
done
[ ! -d /run/systemd/system ] || echo "init systemd"
exit 0
