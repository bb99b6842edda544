#!/bin/sh
# Runs while the base is built, with the new root as $1: takes out what must differ between hosts
# or must not come from the machine on which the base was built.
set -e
rm -f "$1"/etc/ssh/ssh_host_* "$1"/etc/hostname "$1"/etc/resolv.conf "$1"/etc/machine-id
# The key by which BIND's own control program would be let in: made by the package, the same on every host.
rm -f "$1"/etc/bind/rndc.key
rm -rf "$1"/var/cache/apt/archives/*.deb "$1"/var/lib/apt/lists/*
: > "$1"/etc/resolv.conf
