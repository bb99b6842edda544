"""Zone files (RFC 1035 5): those of other servers read, ours written. Pure: files come and go as bytes and text.

What a record may be is said in ``panel.dns.records``; what of a file is taken over is for ``panel.dns.importing``.
"""

from __future__ import annotations

from panel.dns.zonefile.reading import read_zone
from panel.dns.zonefile.report import Note, ReadZone, Refusal
from panel.dns.zonefile.writing import write_zone

__all__ = ["Note", "ReadZone", "Refusal", "read_zone", "write_zone"]
