#!/bin/sh
# start-host.sh FOLDER NETNS BASE NAME SCRIPTS WITHHELD: leaves its number, start time and the machine's boot in
# FOLDER/pid and becomes the process whose death ends the host: `unshare --kill-child` takes PID 1, and with it everything inside, along.
set -eu
echo "$$ $(cut -d ' ' -f 22 /proc/$$/stat) $(cat /proc/sys/kernel/random/boot_id)" > "$1/pid.new"
mv "$1/pid.new" "$1/pid"
cd "$1"
exec nsenter "--net=/run/netns/$2" \
    unshare --mount --uts --ipc --pid --fork --kill-child \
    sh "$5/boot-host.sh" "$1" "$3" "$4" "$6"
