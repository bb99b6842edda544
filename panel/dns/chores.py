"""What workers do for zones from time to time."""

from __future__ import annotations

from panel.dns.importing import forget_zone_imports
from panel.dns.parents import ask_parents
from panel.dns.proving import ask_proofs
from panel.dns.removing import purge_expired
from panel.dns.signing import finish_leaving

DNS_CHORES = (purge_expired, ask_parents, finish_leaving, ask_proofs, forget_zone_imports)
"""Each by itself: one that fails keeps no other from its turn."""
