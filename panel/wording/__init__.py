"""The panel's words in both languages: errors, fields, states, events, services. Shared by pages, API and command line.

Belongs here: what a code of ours is called. Texts of one page stand in its template; a decision stands in no text.
"""

from panel.wording.errors import describe, field_label
from panel.wording.events import count_words, event_details, event_look, event_sentence, log_line
from panel.wording.names import (
    amount,
    cause_word,
    entitlement_word,
    level_words,
    member_kind_word,
    node_role_word,
    permission_word,
    role_word,
    service_name,
    suspension_word,
    unit_word,
)
from panel.wording.problems import Problem, problem_words
from panel.wording.states import Look, login_words, seen_words, state_look, state_word, wanted_words

__all__ = [
    "Look",
    "Problem",
    "amount",
    "cause_word",
    "count_words",
    "describe",
    "entitlement_word",
    "event_details",
    "event_look",
    "event_sentence",
    "field_label",
    "level_words",
    "log_line",
    "login_words",
    "member_kind_word",
    "node_role_word",
    "permission_word",
    "problem_words",
    "role_word",
    "seen_words",
    "service_name",
    "state_look",
    "state_word",
    "suspension_word",
    "unit_word",
    "wanted_words",
]
