"""Where people are written of, in words: tables, as those who erase somebody see them."""

from __future__ import annotations

from collections.abc import Mapping

from panel.kernel.i18n import _, _l

_PLACES = {
    "alarms": _l("alarms"),
    "aliases": _l("aliases"),
    "amendments": _l("notes of amendments"),
    "api_tokens": _l("names of tokens"),
    "attempts": _l("tries to sign in"),
    "contract_tasks": _l("tasks of contracts"),
    "contracts": _l("reasons of suspended contracts"),
    "differences": _l("differences on servers"),
    "email_changes": _l("changes of e-mail"),
    "hand_overs": _l("roles handed over"),
    "import_rows": _l("rows of imports"),
    "imports": _l("imports"),
    "invitations": _l("invitations"),
    "jobs": _l("jobs"),
    "kept_answers": _l("answers kept for programs"),
    "mail_domains": _l("mail domains"),
    "mail_restores": _l("restored mail"),
    "mailbox_holders": _l("holders of mailboxes"),
    "mailboxes": _l("mailboxes"),
    "members": _l("members and their contact persons"),
    "messages": _l("messages"),
    "node_backups": _l("backups of servers"),
    "nodes": _l("servers"),
    "notice_preferences": _l("choices of notices"),
    "notices": _l("notices"),
    "oidc_links": _l("accounts linked elsewhere"),
    "orders": _l("orders"),
    "orphans": _l("things that only a server has"),
    "passkeys": _l("passkeys"),
    "password_resets": _l("password resets"),
    "recovery_codes": _l("recovery codes"),
    "sign_ins": _l("sign-ins"),
    "step_in_actions": _l("changes asked for in a member's view"),
    "step_ins": _l("entries to members' views"),
    "user_sessions": _l("sessions"),
    "webhook_deliveries": _l("deliveries to webhooks"),
    "webhooks": _l("webhooks"),
    "zones": _l("DNS zones"),
}


def place_counts(counts: Mapping[str, int]) -> str:
    """How many of what, most first: "orders: 3, jobs: 1"."""
    told: dict[str, int] = {}
    for table, count in counts.items():
        word = str(_PLACES.get(table, _("other places")))
        told[word] = told.get(word, 0) + count
    return ", ".join(f"{word}: {count}" for word, count in sorted(told.items(), key=lambda one: (-one[1], one[0])))
