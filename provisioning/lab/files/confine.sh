#!/bin/sh
# confine.sh CHECKOUT PLACE USER COMMAND…, in a mount namespace of its own: shows the checkout at PLACE, read-only but
# for var/panel, and becomes COMMAND as USER without any capability. History and the rest of var are not shown.
# Each entry is bound by itself, so that neither the checkout's own mode nor that of a folder above matters.
set -eu
checkout=$1 place=$2 user=$3
shift 3
mkdir -p "$place"
mount -t tmpfs -o mode=755,size=1m cis-panel "$place"
for entry in "$checkout"/* "$checkout"/.[!.]*; do
    name=${entry##*/}
    case $name in var | .git) continue ;; esac
    if [ -d "$entry" ]; then
        mkdir "$place/$name"
    elif [ -f "$entry" ]; then
        : > "$place/$name"
    else
        continue
    fi
    mount --bind "$entry" "$place/$name"
    mount -o remount,bind,ro "$place/$name"
done
mkdir -p "$place/var/panel"
mount --bind "$checkout/var/panel" "$place/var/panel"
mount -o remount,ro "$place"
cd "$place"
# The death signal is set last, since a change of user clears it (prctl(2), PR_SET_PDEATHSIG).
exec setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \
    --ambient-caps=-all --pdeathsig TERM -- "$@"
