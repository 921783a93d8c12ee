#!/bin/sh
# What makes a fresh Debian tree a guest of the lab. Run by mmdebstrap: customize.sh TREE PUBLIC-KEY-FILE OFFERED-PACKAGE…
set -eu
tree=$1 public_key=$2
shift 2

# A guest reaches no mirror: the packages that roles install lie on its own disk, with an index as apt wants it.
mkdir "$tree/srv/packages"
chroot "$tree" sh -c 'cd /srv/packages && apt-get download --quiet "$@"' sh "$@"
(
    cd "$tree/srv/packages"
    for package in *.deb; do
        dpkg-deb --field "$package"
        printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$package" "$(stat --format=%s "$package")" \
            "$(sha256sum "$package" | cut -d' ' -f1)"
    done > Packages
)
rm -rf "$tree"/etc/apt/sources.list "$tree"/etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/srv/packages ./' > "$tree/etc/apt/sources.list"
echo 'Acquire::Languages "none";' > "$tree/etc/apt/apt.conf.d/lab"
# Guests are thrown away: syncing every unpacked file to disk only costs time.
echo force-unsafe-io > "$tree/etc/dpkg/dpkg.cfg.d/lab"

echo application-host > "$tree/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 application-host\n' > "$tree/etc/hosts"
echo '/dev/vda / ext4 defaults,noatime 0 1' > "$tree/etc/fstab"
# No DNS server: names come from /etc/hosts, and a look-up of any other fails at once.
: > "$tree/etc/resolv.conf"

cat > "$tree/etc/systemd/network/10-lab.network" <<NETWORK
[Match]
Name=eth0
[Network]
Address=10.0.2.15/24
Gateway=10.0.2.2
LinkLocalAddressing=no
IPv6AcceptRA=no
NETWORK

install -d -m 0700 "$tree/root/.ssh"
install -m 0600 "$public_key" "$tree/root/.ssh/authorized_keys"
rm -f "$tree"/etc/ssh/ssh_host_*
chroot "$tree" ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
cat > "$tree/etc/ssh/sshd_config.d/lab.conf" <<SSHD
HostKey /etc/ssh/ssh_host_ed25519_key
PasswordAuthentication no
UseDNS no
MaxStartups 100
SSHD

chroot "$tree" systemctl --quiet enable systemd-networkd systemd-networkd-wait-online ssh
# Whoever wants one of these says so.
chroot "$tree" systemctl --quiet disable autofs stunnel4
# Nothing may wake up by itself when a guest's clock jumps from the day of its image to today.
chroot "$tree" systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
    e2scrub_all.timer e2scrub_reap.service fstrim.timer getty@tty1.service systemd-tmpfiles-clean.timer
