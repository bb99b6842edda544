"""What workers do for mail from time to time: ending what is over."""

from __future__ import annotations

from panel.mail.grace import purge_expired
from panel.mail.holder_sessions import forget_old_holder_sessions

MAIL_CHORES = (purge_expired, forget_old_holder_sessions)
"""Each by itself: one that fails keeps no other from its turn."""
