"""Records: types, fields, values and names, as people write them and as they are kept; no database, no zone around.

Rules about a whole zone are in ``panel.dns.lint``; files of zones in ``panel.dns.zonefile``.
"""

from __future__ import annotations

from panel.dns.records.canonical import canonical_set, canonical_soa

__all__ = ["canonical_set", "canonical_soa"]
