#!/bin/sh
# boot-host.sh FOLDER BASE NAME WITHHELD, inside the host's new namespaces: builds its root, moves into it, starts PID 1.
# All mounts are made here, in the private mount namespace: when the host dies nothing is left to unmount.
set -eu
cd "$1"
R=root
# Relative names, so that the host's mount table does not tell where it lies on this machine.
mount -t overlay overlay -o "lowerdir=$2,upperdir=upper,workdir=work" $R
mount -t proc proc $R/proc
mount -o bind,ro $R/proc/sys $R/proc/sys
mount -o bind $R/proc/sys/net $R/proc/sys/net 2>/dev/null || true
mount -t sysfs -o ro sysfs $R/sys
mount -t tmpfs -o mode=755,size=4m dev $R/dev
for device in null zero full random urandom tty; do
    : > $R/dev/$device
    mount --bind /dev/$device $R/dev/$device
done
mkdir $R/dev/pts $R/dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts $R/dev/pts
mount -t tmpfs -o mode=1777 shm $R/dev/shm
ln -s pts/ptmx $R/dev/ptmx
ln -s /proc/self/fd $R/dev/fd
for number in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${number%:*}" "$R/dev/${number#*:}"; done
mount -t tmpfs -o mode=755 run $R/run
mount -t tmpfs -o mode=1777 tmp $R/tmp

# Folders of this machine that the host may read, at the same place.
while read -r place; do
    mkdir -p "$R$place"
    mount --bind "$place" "$R$place"
    mount -o remount,bind,ro "$R$place"
done < seed/shown

install -m 644 seed/hostname seed/hosts $R/etc/
install -m 755 seed/rc.host $R/etc/rc.host
[ ! -d seed/files ] || (umask 022 && cp -R seed/files/. $R/)
install -d -m 700 $R/root/.ssh
install -m 600 seed/authorized_keys $R/root/.ssh/authorized_keys
hostname "$3"

cd $R
mkdir -p .old
pivot_root . .old
umount -l /.old
rmdir /.old
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    setpriv --inh-caps=-all "--bounding-set=$4" \
    tini -- /bin/sh /etc/rc.host
