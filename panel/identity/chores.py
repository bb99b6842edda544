"""What workers do for people from time to time: letting roles and stays end, and forgetting what is long over."""

from __future__ import annotations

from panel.identity.email_changes import forget_old_changes
from panel.identity.handing_over import finish_hand_overs
from panel.identity.lockouts import forget_old_attempts
from panel.identity.resets import forget_old_resets
from panel.identity.sign_ins import forget_old_sign_ins
from panel.identity.stepping_in import close_over

PEOPLE_CHORES = (
    forget_old_attempts,
    forget_old_resets,
    forget_old_changes,
    forget_old_sign_ins,
    close_over,
    finish_hand_overs,
)
"""Each by itself: one that fails keeps no other from its turn."""
