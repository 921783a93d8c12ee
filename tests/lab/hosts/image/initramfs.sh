#!/bin/sh
# Before the kernel package makes its initrd: only what a lab guest boots from. Run by mmdebstrap: initramfs.sh TREE
set -eu
mkdir -p "$1/etc/initramfs-tools/conf.d"
printf 'MODULES=list\nCOMPRESS=zstd\nRESUME=none\n' > "$1/etc/initramfs-tools/conf.d/lab"
printf 'virtio_pci\nvirtio_blk\nvirtio_net\nvirtio_rng\next4\n' > "$1/etc/initramfs-tools/modules"
