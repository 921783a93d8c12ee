#!/bin/sh
# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Prints what a host has at a mount point and under the names the role would use, one "KIND VALUE…" a line. Changes nothing.
# One script instead of a dozen modules: old hosts are slow, there are many of them, and this needs no Python.
# Usage: inspect.sh KEY=VALUE…, with the keys of the `case` below. An empty value is a question not asked.
path='' id='' host='' addresses='' group='' gid='' user='' uid='' tls_name='' ca='' seconds=10
for argument; do
    value=${argument#*=}
    case $argument in
        path=*) path=$value ;;            # the mount point
        id=*) id=$value ;;                # what the role's own files for this share are called
        host=*) host=$value ;;            # name or address of the share
        addresses=*) addresses=$value ;;  # its addresses, comma-separated; empty: those that the name has
        group=*) group=$value ;;
        gid=*) gid=$value ;;
        user=*) user=$value ;;
        uid=*) uid=$value ;;
        tls_name=*) tls_name=$value ;;    # the name a certificate must be for; empty: TLS is not tried
        ca=*) ca=$value ;;                # file with the authorities that may vouch for it; empty: the distribution's
        seconds=*) seconds=$value ;;      # how long an address may take to answer
        *) echo "inspect.sh: '$argument' is not understood" >&2; exit 2 ;;
    esac
done
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH

answers() {
    # bash opens the connection: it is there on all families, while nc and nmap are not.
    timeout "$seconds" bash -c 'exec 3<> "/dev/tcp/$0/2049"' "$1" 2> /dev/null
}

# The kernel's own table tells what is mounted: looking at the mount point itself would hang while the share is away.
mounted=$(awk -v path="$path" '$2 == path { print "mount", $0 }' /proc/self/mounts)
if [ -n "$mounted" ]; then
    printf '%s\n' "$mounted"
    awk -v path="$path/" 'index($2, path) == 1 { print "below", $2 }' /proc/self/mounts
    live=$(printf '%s\n' "$mounted" | sed -n 's/.*[,(]addr=\([0-9.]*\).*/\1/p' | tail -n 1)
    [ -z "$live" ] || [ "$live" = 127.0.0.1 ] || answers "$live" || echo "silent $live"
    # Likewise who uses it: links under /proc are read and never followed.
    find /proc/[0-9]*/cwd /proc/[0-9]*/root /proc/[0-9]*/exe /proc/[0-9]*/fd -maxdepth 1 \
        \( -lname "$path" -o -lname "$path/*" \) -printf '%p\n' 2> /dev/null | cut -d/ -f3 | sort -un |
        while read -r pid; do
            # systemd and the automounter hold on to what they mount at the first use; they let go of it when told.
            name=$(cat "/proc/$pid/comm" 2> /dev/null) && owner=$(stat -c '%U' "/proc/$pid" 2> /dev/null) || continue
            case $pid:$name in 1:* | *:automount) continue ;; esac
            echo "busy $pid $owner $(tr '\0' ' ' < "/proc/$pid/cmdline" | cut -c 1-60)"
        done
else
    if [ -L "$path" ]; then
        echo "point link"
    elif [ -d "$path" ]; then
        echo "point directory"
        find "$path" -mindepth 1 -maxdepth 1 -printf 'entry %u %p\n'
    elif [ -e "$path" ]; then
        echo "point $(stat -c '%U' "$path")"
    fi
fi
if [ -r /etc/fstab ]; then
    awk -v path="$path" '$1 !~ /^#/ && $2 == path { print "fstab", $0 }' /etc/fstab
fi

# What the role itself has left here.
for file in "/etc/stunnel/mft/$id.conf" "/etc/systemd/system/mft-efs-$id.service" \
    "/etc/auto.master.d/mft-$id.autofs" "/etc/auto.mft-$id" "/var/lib/mft-efs/$id" \
    /etc/systemd/system/*.d/"mft-efs-$id.conf"; do
    [ ! -e "$file" ] || echo "own $file"
done
[ ! -r "/var/lib/mft-efs/$id" ] || echo "record $(cat "/var/lib/mft-efs/$id")"
grep -F "# mft-efs $id" /etc/hosts 2> /dev/null | sed 's/^/named /'

[ -z "$group" ] || getent group "$group" "$gid" | sed 's/^/group /'
[ -z "$user" ] || getent passwd "$user" "$uid" | sed 's/^/user /'

for bundle in "$ca" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /var/lib/ca-certificates/ca-bundle.pem; do
    [ -n "$bundle" ] || continue
    [ ! -r "$bundle" ] || echo "ca $bundle"
    [ ! -r "$bundle" ] && [ "$bundle" != "$ca" ] || break
done
[ -n "$addresses" ] || [ -z "$host" ] || addresses=$(getent ahostsv4 "$host" | awk '$2 == "STREAM" { print $1 }' | sort -u)
for address in $(echo "$addresses" | tr ',' ' '); do
    echo "address $address"
    answers "$address" || continue
    echo "answers $address"
    [ -n "$tls_name" ] && [ -r "$bundle" ] || continue
    if ! command -v openssl > /dev/null; then
        echo "tls $address this host has no openssl command to try it with"
    elif said=$(timeout "$seconds" openssl s_client -connect "$address:2049" -servername "$tls_name" -CAfile "$bundle" \
        -verify_return_error -verify_hostname "$tls_name" < /dev/null 2>&1); then
        echo "tls $address ok"
    else
        reason=$(printf '%s\n' "$said" | sed -n 's/^.*erif[a-z]* error:\(num=[0-9]*:\)\{0,1\} *//p' | head -n 1)
        echo "tls $address ${reason:-does not speak TLS}"
    fi
done

for tool in mount.nfs4 mount.efs stunnel stunnel4 automount; do
    found=$(command -v "$tool") && echo "tool $tool $found"
done
for shell in /usr/sbin/nologin /sbin/nologin; do
    [ ! -x "$shell" ] || echo "nologin $shell"
done
for python in /usr/bin/python[23].* /usr/local/bin/python3.* /usr/libexec/platform-python3.*; do
    case $python in *[!0-9]) continue ;; esac
    [ ! -x "$python" ] || echo "python ${python##*python} $python"
done
grep -qw nfs4 /proc/filesystems || modprobe -n -q nfsv4 2> /dev/null || echo "kernel $(uname -r)"
if [ -d /run/systemd/system ]; then
    echo "init systemd"
    echo "unit $(systemd-escape --path "$path")"
fi
echo "clock $(date +%s)"
exit 0
