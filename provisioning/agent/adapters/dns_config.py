"""What Knot's set-up writes and the adapter of zones relies on: names and places that both must know.

Set-up makes the templates; each has ``storage`` ZONES, ``zonefile-load: difference-no-serial``, ``zonefile-sync: -1``,
``journal-content: all``, ``serial-policy: unixtime`` and the members of the catalog. A zone has a template and a file
of its own, and, where it is signed or takes updates, ``dnssec-policy`` or ``acl`` as below: nothing else.
"""

from __future__ import annotations

ZONES = "/var/lib/cis/zones"
"""Zone files, named after the ids of zones: root's, the folder open to Knot's group (0750), the files to all (0644)."""
DATABASES = "/var/lib/knot"
"""Knot's own: journal, timers, keys, catalog; and its configuration database in ``confdb``."""

UNSIGNED, SIGNED, LEAVING, UPDATES = "cis-unsigned", "cis-signed", "cis-leaving", "cis-updates"
"""Templates. *leaving* is *signed* with a policy of ``cds-cdnskey-publish: delete-dnssec``; *updates* is *unsigned*
with ``zonefile-load: none``: what such a zone holds is in the journal alone."""

UPDATES_ACL = "cis-updates-"
"""Rules of dynamic updates: this and the name of the key that may. The adapter makes them, and the keys that it is
given secrets of; a key that somebody else made stays theirs."""

UPDATED_TYPE = "TXT"
"""The one type of record that holders of such keys may write (``update-type``)."""

CATALOG = "cis-catalog"
"""The template of set-up's own zones, which are no member's: the catalog that Knot makes."""
