"""Problems of resources and nodes: what is wrong, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from panel.kernel.i18n import _l
from panel.wording.zones import ZONE_PROBLEMS

_AGAIN = _l("The panel keeps trying by itself. If this lasts, call whoever looks after the server.")
_LOOK = _l("Read the server's words above, correct the cause, then ask again.")
_DECIDE = _l("Somebody or something changed the server. Look at the difference and keep, adopt or overwrite it.")
_PROBLEMS = {
    **ZONE_PROBLEMS,
    "refused": (
        _l("The server refuses this."),
        _l("The rest is not affected. Change what the server objects to, for example the address."),
    ),
    "failed": (_l("The server could not do this now."), _AGAIN),
    "unknown": (
        _l("It is not known whether the server did this."),
        _l("The panel reads it back before it tries again."),
    ),
    "no_outcome": (_l("The server did not answer for this."), _AGAIN),
    "not_seen_unreachable": (_l("The server has it, but the service cannot be reached from outside."), _AGAIN),
    "not_seen_tls": (
        _l("The server has it, but its certificate is not the expected one."),
        _l("Check the certificate of the mail server."),
    ),
    "not_seen_refused": (_l("The server has it, but mail for it is refused."), _LOOK),
    "not_seen_deferred": (_l("The server has it, but puts mail for it off."), _AGAIN),
    "not_seen_login_refused": (_l("The server has it, but signing in to it is refused."), _AGAIN),
    "not_seen_login_accepted": (
        _l("The server lets somebody sign in who should be kept out."),
        _l("This matters for security: call whoever looks after the server."),
    ),
    "not_seen_not_delivered": (_l("A test message was accepted but did not arrive."), _AGAIN),
    "not_seen_protocol": (_l("The service answered what was not expected."), _AGAIN),
    "drift_missing": (_l("It is missing on the server."), _DECIDE),
    "drift_different": (_l("It is otherwise on the server than wanted."), _DECIDE),
    "drift_stale_generation": (_l("The server has another version of it than the one it confirmed."), _DECIDE),
    "drift_not_served": (_l("The server has it, but its services do not read it."), _DECIDE),
    "drift_only_here": (_l("It should be gone, but stands on the server again."), _DECIDE),
    "unproven": (
        _l("It is not known yet whose this name is, so nothing was sent to the name servers."),
        _l("Put the text record shown on the zone's page where the name is served now, or ask the association."),
    ),
    "bad_value": (
        _l("This holds a value that no server may be given."),
        _l("Nothing was sent. Change the value, for example the address."),
    ),
    "ports_silent": (
        _l("The server's agent answers, but what it serves cannot be reached from outside."),
        _l("Check its services and the network between. What was seen last is shown with its time."),
    ),
    "host_key_changed": (
        _l("The server shows another host key than the one pinned."),
        _l("Nothing is sent to it. Find out whether it was installed anew or is impersonated, then enrol it again."),
    ),
    "key_refused": (
        _l("The server does not accept the panel's key."),
        _l("Enrol the node again with the operator's own key."),
    ),
    "setup_old": (
        _l("The services on the server are set up as by an earlier release and cannot do this yet."),
        _l("Set the server up again: cis nodes enroll. Nothing that works is changed by it."),
    ),
    "agent_too_old": (
        _l("The agent on the server is too old for this panel."),
        _l("Nothing is sent to it. Bring it up to date: cis nodes upgrade."),
    ),
    "agent_too_new": (
        _l("The agent on the server is too new for this panel."),
        _l("Nothing is sent to it. Bring the panel up to date, or put the agent's earlier program back."),
    ),
    "backup_not_set_up": (
        _l("No backup of the server is set up."),
        _l("Its operator does that: cis nodes backup-setup."),
    ),
    "backup_running": (_l("Another backup is running on the server."), _l("Wait until it is done, then ask again.")),
    "backup_repository": (_l("The place for backups cannot be used."), _LOOK),
    "backup_password": (_l("The place for backups does not open with the server's password."), _LOOK),
    "backup_no_mail": (_l("The backup holds no such mail."), _l("Choose another day or another folder.")),
    "backup_over_quota": (
        _l("The mail from the backup does not fit into the mailbox."),
        _l("Nothing was brought back. Give the mailbox more room, or choose one folder."),
    ),
    "backup_service": (_l("The mail server does not take the mail from the backup."), _LOOK),
    "backup_no_snapshot": (_l("There is no backup of the server yet."), _l("Make one: cis nodes backup.")),
    "backup_killed": (_l("The run on the server ended without a word."), _l("Ask again.")),
    "backup_lost": (_l("The server knows nothing of this run."), _l("Ask again.")),
    "unreachable": (
        _l("The server cannot be reached."),
        _l("What it serves may still work. Check network and power; the panel keeps trying."),
    ),
    "outcome_unknown": (
        _l("The link broke while the server was at work."),
        _l("The panel asks what was done before it tries again."),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A problem's name and what to do next."""

    title: str
    advice: str


def problem_words(code: str) -> Problem:
    """Say a problem's ``code``; one without words is shown as it is, the service's own words stand beside it."""
    title, advice = _PROBLEMS.get(code, (code, _LOOK))
    return Problem(title=str(title), advice=str(advice))


def known_problems() -> Any:
    """Every problem code that has words."""
    return _PROBLEMS.keys()
