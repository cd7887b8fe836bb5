# shellcheck shell=bash
# A disk whose power can be cut and that can be slow (crates/disk), mounted at $disk.

disk=$work/disk
disk_tool=$root/target/debug/disk
[ -z "${CARGO_TARGET_DIR:-}" ] || disk_tool=$CARGO_TARGET_DIR/debug/disk

# The program is small; where the tests of the workspace ran, its libraries are compiled already.
(cd "$root" && HOME=$callers_home cargo build --quiet --package disk)
mkdir "$disk"
on_exit unmount_disk

# Without asking the disk: after a cut it answers nothing.
is_mounted() { grep -q " $disk fuse " /proc/self/mounts; }

# mount_disk [FOLDER]: with what is in FOLDER on it, all of it durable.
mount_disk() {
    "$disk_tool" mount "$disk" ${1:+--from "$1"} 3>&- &
    within 60 is_mounted
}

unmount_disk() { ! is_mounted || umount --lazy "$disk"; }
