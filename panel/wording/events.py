"""Events as sentences, and the lines of a job's log."""

from __future__ import annotations

from typing import Any

from panel.kernel.i18n import _, _l, ngettext
from panel.wording.alarms import alarm_words
from panel.wording.changes import change_word, stay_end_word
from panel.wording.names import cause_word, role_word, size, suspension_word
from panel.wording.problems import problem_words
from panel.wording.states import Look, seen_words
from panel.wording.zones import ZONE_EVENTS

_EVENTS: dict[str, tuple[Any, str, str]] = {
    **ZONE_EVENTS,
    "members:member:create": (_l("Member taken in"), "ok", "building"),
    "members:member:update": (_l("Member's data changed"), "busy", "pencil"),
    "members:member:grade": (_l("Services held back or let go on"), "warn", "sliders"),
    "members:member:import": (_l("Member imported from the register"), "ok", "building"),
    "contracts:contract:create": (_l("Contract recorded"), "ok", "file-earmark-text"),
    "contracts:contract:update": (_l("Contract corrected"), "busy", "pencil"),
    "contracts:contract:amend": (_l("Amendment added"), "busy", "file-earmark-plus"),
    "contracts:contract:attach": (_l("Signed scan added"), "busy", "paperclip"),
    "contracts:contract:suspend": (_l("Contract suspended"), "warn", "pause-circle"),
    "contracts:contract:resume": (_l("Contract's suspension ended"), "ok", "play-circle"),
    "contracts:contract:end": (_l("Contract's last day set"), "warn", "slash-circle"),
    "contracts:contract:plan": (_l("Suspension planned"), "warn", "calendar-event"),
    "contracts:contract:step": (_l("Step of a suspension holds"), "warn", "pause-circle"),
    "contracts:contract:undo": (_l("Step of a suspension taken back"), "ok", "arrow-counterclockwise"),
    "contracts:task:create": (_l("The contract's end is near"), "warn", "calendar-event"),
    "contracts:task:done": (_l("Seen to the contract's end"), "ok", "check-circle"),
    "contracts:order:create": (_l("Order drawn up"), "busy", "pencil"),
    "contracts:order:send": (_l("Order sent"), "busy", "file-earmark-text"),
    "contracts:order:approve": (_l("Order approved"), "ok", "person-check"),
    "contracts:order:refuse": (_l("Order refused"), "bad", "x-octagon"),
    "contracts:order:withdraw": (_l("Order withdrawn"), "off", "slash-circle"),
    "contracts:order:live": (_l("What was ordered can be used"), "ok", "check-circle"),
    "identity:user:sign-in": (_l("Signed in"), "off", "box-arrow-in-right"),
    "identity:user:password": (_l("Own password changed"), "warn", "key"),
    "identity:session:end": (_l("Session ended"), "off", "box-arrow-right"),
    "identity:factor:add": (_l("Second factor set up"), "ok", "shield-check"),
    "identity:factor:replace": (_l("Authenticator app replaced"), "warn", "shield-check"),
    "identity:factor:remove": (_l("Second factor removed"), "warn", "shield-lock"),
    "identity:factor:remove-all": (_l("All second factors removed by staff"), "warn", "shield-lock"),
    "identity:recovery-codes:make": (_l("Recovery codes made"), "warn", "file-earmark-text"),
    "identity:user:create": (_l("User created"), "ok", "person-plus"),
    "identity:invitation:send": (_l("Invitation sent"), "busy", "envelope-plus"),
    "identity:invitation:resend": (_l("Invitation sent again"), "busy", "envelope-plus"),
    "identity:invitation:withdraw": (_l("Invitation withdrawn"), "off", "slash-circle"),
    "identity:invitation:accept": (_l("Invitation accepted"), "ok", "person-plus"),
    "identity:user:reset": (_l("Link for a new password sent"), "busy", "key"),
    "identity:user:password-reset": (_l("New password set by a link"), "warn", "key"),
    "identity:provider:add": (_l("Outside provider set up"), "warn", "link-45deg"),
    "identity:provider:remove": (_l("Outside provider removed"), "off", "trash"),
    "identity:provider:change": (_l("Outside provider changed"), "warn", "link-45deg"),
    "identity:link:add": (_l("Outside account linked"), "warn", "link-45deg"),
    "identity:link:remove": (_l("Outside account removed"), "off", "link-45deg"),
    "identity:limit:clear": (_l("Somebody may try to sign in again at once"), "ok", "unlock"),
    "identity:user:rename": (_l("Person called otherwise"), "busy", "pencil"),
    "identity:user:email-ask": (_l("Another e-mail to sign in by asked for"), "busy", "envelope"),
    "identity:user:email-withdraw": (_l("Another e-mail to sign in by not wanted any more"), "off", "slash-circle"),
    "identity:user:email": (_l("E-mail to sign in by changed"), "warn", "envelope"),
    "identity:user:email-undo": (_l("Earlier e-mail to sign in by put back"), "warn", "arrow-counterclockwise"),
    "identity:user:deactivate": (_l("Person let in no more"), "off", "person-slash"),
    "identity:user:activate": (_l("Person let in again"), "ok", "person-check"),
    "identity:grant:give": (_l("Role given"), "warn", "person-plus"),
    "identity:grant:limit": (_l("End of a role changed"), "busy", "hourglass-split"),
    "identity:grant:take": (_l("Role taken back"), "off", "person-dash"),
    "identity:grant:hand-over": (_l("Own role handed over to a successor"), "warn", "person-check"),
    "identity:step_in:begin": (_l("Staff entered the member's view"), "warn", "eye"),
    "identity:step_in:end": (_l("Staff left the member's view"), "off", "eye-slash"),
    "identity:step_in:ask": (_l("Staff asked to agree to a change"), "warn", "person-check"),
    "identity:step_in:agree": (_l("Member agreed to a change by staff"), "ok", "person-check"),
    "identity:step_in:refuse": (_l("Member refused a change by staff"), "off", "slash-circle"),
    "identity:token:create": (_l("API token made"), "warn", "key"),
    "identity:token:revoke": (_l("API token revoked"), "off", "key"),
    "mail:domain:create": (_l("Mail domain asked for"), "ok", "globe"),
    "mail:mailbox:create": (_l("Mailbox asked for"), "ok", "envelope-plus"),
    "mail:mailbox:quota": (_l("Capacity changed"), "busy", "hdd"),
    "mail:mailbox:password": (_l("Password set for the holder"), "warn", "key"),
    "mail:mailbox:activation": (_l("New activation link issued"), "busy", "link-45deg"),
    "mail:mailbox:activate": (_l("Holder set the first password"), "ok", "unlock"),
    "mail:mailbox:own-password": (_l("Holder changed the password"), "warn", "key"),
    "mail:mailbox:nearly_full": (_l("Mailbox is nearly full"), "warn", "hdd"),
    "mail:mailbox:suspend": (_l("Mailbox suspended"), "warn", "pause-circle"),
    "mail:mailbox:resume": (_l("Mailbox resumed"), "ok", "play-circle"),
    "mail:mailbox:rename": (_l("Address changed"), "busy", "pencil"),
    "mail:mailbox:remove": (_l("Removal asked for"), "warn", "trash"),
    "dns:zone:pointer": (_l("Names of addresses follow them, or no more"), "busy", "arrow-left-right"),
    "dns:name:prove": (_l("Shown whose the name is"), "ok", "patch-check"),
    "dns:name:vouch": (_l("The association vouched for the name"), "ok", "patch-check"),
    "dns:name:expire": (_l("Nobody showed whose the name is; it is free again"), "warn", "clock-history"),
    "mail:mailbox:take-over": (_l("Mailbox handed over to a successor"), "warn", "person-check"),
    "mail:mailbox:hand-back": (_l("Mailbox handed back"), "warn", "arrow-counterclockwise"),
    "mail:mailbox:restore": (_l("Mailbox restored"), "ok", "arrow-counterclockwise"),
    "mail:mailbox:purge": (_l("Deleted for good"), "off", "trash"),
    "imports:import:upload": (_l("File uploaded for import"), "off", "upload"),
    "imports:import:map": (_l("Columns of an import corrected"), "off", "pencil"),
    "imports:import:commit": (_l("Import asked for"), "busy", "upload"),
    "imports:import:done": (_l("Import done"), "ok", "check-circle"),
    "imports:import:cancel": (_l("Import stopped"), "warn", "slash-circle"),
    "imports:import:remove": (_l("Import forgotten"), "off", "trash"),
    "engine:panel:open": (_l("Engine opened after a restore"), "ok", "unlock"),
    "engine:node:finish": (_l("Caught up with the server after a restore"), "ok", "check-circle"),
    "drift:difference:found": (_l("Found otherwise on the server"), "warn", "shuffle"),
    "drift:difference:resolve": (_l("As wanted on the server again"), "ok", "check-circle"),
    "drift:difference:keep": (_l("Difference kept"), "off", "shuffle"),
    "drift:difference:adopt": (_l("Difference adopted"), "busy", "shuffle"),
    "drift:difference:overwrite": (_l("Difference to be overwritten"), "busy", "shuffle"),
    "nodes:node:enroll": (_l("Node enrolled"), "ok", "hdd-network"),
    "nodes:backup:set-up": (_l("Place for backups set up"), "ok", "safe"),
    "nodes:backup:done": (_l("Backup made"), "ok", "safe"),
    "nodes:backup:fail": (_l("Backup failed"), "bad", "safe"),
    "nodes:backup:restore": (_l("All mail of the server asked back from a backup"), "warn", "arrow-counterclockwise"),
    "nodes:mail-restore:done": (_l("Mail is back from a backup"), "ok", "arrow-counterclockwise"),
    "nodes:mail-restore:fail": (_l("Mail could not be brought back"), "bad", "arrow-counterclockwise"),
    "mail:mailbox:restore-mail": (_l("Mail asked back from a backup"), "busy", "arrow-counterclockwise"),
    "nodes:node:rebuild": (_l("Server built anew under its name"), "warn", "hammer"),
    "nodes:agent:upgrade": (_l("Agent brought up to date"), "ok", "arrow-up-circle"),
    "nodes:agent:rollback": (_l("Agent's earlier program put back"), "warn", "arrow-counterclockwise"),
    "plans:plan:wait": (_l("Changes set aside until somebody approves them"), "warn", "person-check"),
    "plans:plan:approve": (_l("Changes that were set aside approved"), "ok", "person-check"),
    "plans:plan:done": (_l("Approved changes carried out"), "ok", "check-circle"),
    "plans:plan:outdate": (_l("Plan that waited is outdated: something in it changed"), "off", "slash-circle"),
    "jobs:job:retry": (_l("Job asked for again"), "busy", "arrow-repeat"),
    "alarms:alarm:raise": (_l("Alarm raised"), "bad", "exclamation-triangle"),
    "alarms:alarm:clear": (_l("Alarm over"), "ok", "check-circle"),
    "records:person:erase": (_l("Person erased from the records"), "warn", "eraser"),
    "records:details:expire": (_l("Details of old events erased at the end of their time"), "off", "eraser"),
    "records:list:export": (_l("List taken along as a file"), "warn", "download"),
    "records:events:export": (_l("Record of events taken along"), "warn", "download"),
    "jobs:job:cancel": (_l("Job withdrawn"), "off", "slash-circle"),
    "webhooks:webhook:create": (_l("Webhook set up"), "warn", "link-45deg"),
    "webhooks:webhook:change": (_l("Webhook changed"), "warn", "link-45deg"),
    "webhooks:webhook:rotate": (_l("Webhook's secret made anew"), "warn", "key"),
    "webhooks:webhook:off": (_l("Webhook switched off by itself"), "bad", "slash-circle"),
    "webhooks:webhook:remove": (_l("Webhook removed"), "off", "trash"),
}
_ACTIONS: dict[str, tuple[Any, str, str]] = {
    "applied": (_l("The server confirmed it"), "busy", "hdd-network"),
    "refused": (_l("The server refused it"), "bad", "x-octagon"),
    "seen": (_l("Seen working from outside"), "ok", "eye"),
    "gone": (_l("Seen from outside that it is gone"), "off", "eye"),
    "lost": (_l("Not seen working from outside any more"), "bad", "eye-slash"),
    "found": (_l("Seen working from outside again"), "ok", "eye"),
    "not_seen": (_l("Not seen working from outside"), "bad", "eye-slash"),
}
"""What the engine does with a resource of any kind: ``engine:KIND:ACTION``."""

_LOG = {
    "batch applied": _l("The server took %(applied)s of %(sent)s resources."),
    "withdrawn by a restore": _l("Withdrawn: the panel was restored from a backup made while this was asked for."),
    "compared": _l("Compared %(resources)s resources; %(shards)s of 256 groups differ, %(moving)s are on their way."),
    "differences": _l("Differences: %(new)s new, %(still)s still there, %(gone)s gone."),
    "dropped": _l("The server dropped %(dropped)s of %(asked)s foreign rows."),
    "looked from outside": _l("Looked from outside."),
    "run begun on the node": _l("Begun on the server."),
    "goes on in the background": _l("It goes on in the background; the server tells when it is done."),
    "run ended": _l("Done."),
    "waits for approval": _l("Would remove %(removed)s of %(total)s: waits for a person who approves."),
    "lease lost to another worker": _l("Another worker took the server over."),
    "set aside for approval": _l("Set aside until somebody approves it."),
    "nothing to do": _l("There was nothing left to do."),
    "read back": _l("Asked the server what became of what was sent before: %(news)s results were new."),
    "broken": _l("The panel itself failed at this (%(error)s). Its operator finds more in the worker's log."),
}
_DEPTHS = {
    "rcpt": _l("address accepted: %(n)s"),
    "login": _l("signed in: %(n)s"),
    "message": _l("message read: %(n)s"),
    "answered": _l("answered by all: %(n)s"),
    "serial": _l("serials compared: %(n)s"),
    "absent": _l("gone: %(n)s"),
    "closed": _l("closed: %(n)s"),
    "not_seen": _l("not seen: %(n)s"),
}

_COUNTS = {
    "applied": _l("done: %(n)s"),
    "unchanged": _l("already so: %(n)s"),
    "refused": _l("refused: %(n)s"),
    "failed": _l("failed: %(n)s"),
    "unknown": _l("unknown: %(n)s"),
}


_PARAMS = {
    "snapshot": _l("Snapshot"),
    "mailbox": _l("Mailbox"),
    "folder": _l("Folder"),
    "into": _l("Into"),
    "at": _l("As of"),
    "date": _l("As of"),
    "digest": _l("Plan"),
    "backup": _l("Backup"),
}
"""Parameters of jobs by their names."""


def event_look(tag: str) -> Look:
    """Sentence, tone and icon of an event's ``tag``."""
    source, _, action = tag.rpartition(":")
    found = _EVENTS.get(tag) or (_ACTIONS.get(action) if source.startswith("engine:") else None)
    word, tone, icon = found or (tag, "off", "circle")
    return Look(word=str(word), tone=tone, icon=icon)


def event_sentence(event: Any) -> str:
    """What happened, in a sentence."""
    return event_look(event.tag).word


def event_details(event: Any) -> list[str]:
    """What the event's data adds, line by line; nothing where it was erased."""
    data = dict(event.detail.data) if event.detail else {}
    lines = [told for name, value in data.items() if (told := _detail(name, value))]
    if data.get("code"):
        lines.insert(0, _reason(event.tag, data))
    return lines


def log_line(entry: dict[str, Any]) -> str:
    """One line of a job's log in the reader's language, its figures after it."""
    text = str(entry.get("text", ""))
    data = {name: value for name, value in entry.items() if name not in ("at", "text", "batch", "digest")}
    if text in _LOG:
        depths = [str(words) % {"n": data[name]} for name, words in _DEPTHS.items() if name in data]
        return " ".join([str(_LOG[text]) % data, ", ".join(depths)]).strip()
    said = problem_words(text).title if text != "" else ""
    return f"{said} {data['message']}" if data.get("message") else said


def count_words(counts: dict[str, int]) -> list[tuple[str, str]]:
    """What a job did, outcome by outcome, with its figure; outcomes that did not occur are left out."""
    return [(name, str(words) % {"n": counts[name]}) for name, words in _COUNTS.items() if counts.get(name)]


def param_words(params: dict[str, Any]) -> list[tuple[str, str]]:
    """What exactly a job was asked for: label and value of each of its parameters."""
    return [(str(_PARAMS.get(name, name)), str(value)) for name, value in params.items() if value not in (None, "")]


def known_tags() -> frozenset[str]:
    """Every tag with a sentence of its own."""
    return frozenset(_EVENTS)


def _reason(tag: str, data: dict[str, Any]) -> str:
    code = str(data["code"])
    if tag.startswith("alarms:"):
        return alarm_words(code, data.get("params", {})).title
    return problem_words(code).title


def _detail(name: str, value: Any) -> str:
    told = {
        "quota_mb": lambda: _("capacity %(size)s", size=size(int(value))),
        "used_mb": lambda: _("in use %(size)s", size=size(int(value))),
        "from": lambda: _("before: %(address)s", address=value),
        "how": lambda: seen_words(str(value)),
        "message": lambda: _("the server says: %(words)s", words=value),
        "role": lambda: role_word(str(value)),
        "amendment": lambda: _("amendment %(number)s", number=value),
        "file": lambda: str(value),
        "suspended": lambda: suspension_word(str(value)),
        "reason": lambda: _("reason: %(reason)s", reason=value),
        "change": lambda: change_word(str(value)),
        "ended_by": lambda: stay_end_word(str(value)),
        "earlier": lambda: _("holder before: %(name)s", name=value) if value else "",
        "successor": lambda: _("successor: %(name)s", name=value),
        "authority": lambda: _("by authority of: %(document)s", document=value),
        "suspended_reason": lambda: _("reason: %(reason)s", reason=value),
        "ended_on": lambda: str(value),
        "step": lambda: ngettext("%(num)s day before its last day", "%(num)s days before its last day", int(value)),
        "note": lambda: str(value),
        "total": lambda: _("%(total)s PLN a year", total=value),
        "effective_on": lambda: _("in force from %(day)s", day=value),
        "cause": lambda: cause_word(str(value)),
    }.get(name)
    return told() if told else ""
