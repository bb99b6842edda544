"""The panel's words in both languages: errors, fields, states, events, services. Shared by pages, API and command line.

Belongs here: what a code of ours is called. Texts of one page stand in its template; a decision stands in no text.
"""

from panel.wording.changes import change_word, change_words, stay_end_word
from panel.wording.differences import (
    closed_words,
    difference_field,
    difference_value,
    kind_word,
    plan_reasons,
    verb_word,
    what_words,
)
from panel.wording.errors import describe, full_words, warning_words
from panel.wording.events import count_words, event_details, event_look, event_sentence, log_line, param_words
from panel.wording.factors import ended_words, factor_word, factors_words, rule_words
from panel.wording.imports import import_kind_word, import_plan, would_word
from panel.wording.labels import field_label
from panel.wording.names import (
    amount,
    attempt_word,
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
from panel.wording.webhooks import try_words

__all__ = [
    "Look",
    "Problem",
    "amount",
    "attempt_word",
    "cause_word",
    "change_word",
    "change_words",
    "closed_words",
    "count_words",
    "describe",
    "difference_field",
    "difference_value",
    "ended_words",
    "entitlement_word",
    "event_details",
    "event_look",
    "event_sentence",
    "factor_word",
    "factors_words",
    "field_label",
    "full_words",
    "import_kind_word",
    "import_plan",
    "kind_word",
    "level_words",
    "log_line",
    "login_words",
    "member_kind_word",
    "node_role_word",
    "param_words",
    "permission_word",
    "plan_reasons",
    "problem_words",
    "role_word",
    "rule_words",
    "seen_words",
    "service_name",
    "state_look",
    "state_word",
    "stay_end_word",
    "suspension_word",
    "try_words",
    "unit_word",
    "verb_word",
    "wanted_words",
    "warning_words",
    "what_words",
    "would_word",
]
