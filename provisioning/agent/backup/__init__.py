"""Backups of what a node holds, by restic to another host; the operator sets them up, the panel only asks for one.

Belongs here: where the repository is, a run, its state on disk, the list of snapshots, getting mail back. Does not
belong here: when a backup is made and who may have mail back (the panel's), what restic's output says (never trusted
beyond the fields read in `snapshots` and `saving`).
"""
