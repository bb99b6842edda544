"""What workers do for zones from time to time."""

from __future__ import annotations

from panel.dns.parents import ask_parents
from panel.dns.removing import purge_expired
from panel.dns.signing import finish_leaving

DNS_CHORES = (purge_expired, ask_parents, finish_leaving)
"""Each by itself: one that fails keeps no other from its turn."""
