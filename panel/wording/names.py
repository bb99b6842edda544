"""What our codes are called: kinds of members, entitlements, roles, permissions, services."""

from __future__ import annotations

from typing import Protocol

from babel.numbers import format_decimal

from panel.kernel.i18n import _l, language
from panel.wording.zones import ZONE_CAUSES

_MEMBER_KINDS = {
    "municipality": _l("municipality"),
    "county": _l("county"),
    "voivodeship": _l("voivodeship"),
    "school": _l("school"),
    "cultural_institution": _l("cultural institution"),
    "unit": _l("organisational unit"),
    "other": _l("other"),
}
_ENTITLEMENTS = {
    "mailboxes": _l("Mailboxes"),
    "mailbox_mb": _l("Space for mail"),
    "mail_kept_mb": _l("Mail kept"),
    "zones": _l("DNS zones"),
    "virtual_servers": _l("Virtual servers"),
    "site_mb": _l("Space for sites"),
    "file_accounts": _l("File accounts"),
    "lists": _l("Mailing lists"),
    "databases": _l("Databases"),
    "portals": _l("Portals"),
}
_LEVELS = {
    "no_new": (_l("nothing new"), _l("Everything works, but nothing new can be ordered.")),
    "no_send": (_l("no sending"), _l("Mail arrives and can be read, but none can be sent.")),
    "no_login": (_l("no sign-in"), _l("Mail still arrives, but nobody can sign in.")),
    "closed": (_l("closed"), _l("Services are not served; data is kept.")),
}
_ROLES = {
    "association_admin": _l("administrator of the association"),
    "provisioner": _l("provisioner"),
    "support": _l("support"),
    "auditor": _l("auditor"),
    "member_admin": _l("administrator of a member"),
    "member_editor": _l("editor of a member"),
    "school_coordinator": _l("school coordinator"),
}
_NODE_ROLES = {
    "mail": _l("mail"),
    "dns_primary": _l("DNS, primary"),
    "dns_secondary": _l("DNS, secondary"),
    "web": _l("sites"),
}
_PERMISSIONS = {
    "members:read": _l("see members"),
    "members:write": _l("change members"),
    "contracts:read": _l("see contracts"),
    "contracts:write": _l("change contracts"),
    "orders:read": _l("see orders"),
    "orders:write": _l("order more"),
    "orders:approve": _l("approve orders"),
    "services:read": _l("see the catalogue"),
    "entitlements:read": _l("see what contracts grant"),
    "mail:read": _l("see mailboxes"),
    "mail:write": _l("change mailboxes"),
    "mail:password": _l("set passwords of mailboxes"),
    "mail:purge": _l("delete removed mail for good"),
    "names:grant": _l("give any name in the shared mail domain"),
    "dns:read": _l("see zones"),
    "dns:write": _l("change zones"),
    "dns:vouch": _l("vouch for names of zones"),
    "mail:own": _l("look at one's own mailbox"),
    "mail:restore": _l("bring mail back from backups"),
    "nodes:read": _l("see servers"),
    "nodes:write": _l("change servers"),
    "plans:approve": _l("approve large removals"),
    "drift:write": _l("decide about differences on servers"),
    "jobs:read": _l("see jobs"),
    "jobs:write": _l("repeat and withdraw jobs"),
    "events:read": _l("see the journal"),
    "tokens:read": _l("see API tokens"),
    "tokens:write": _l("make API tokens"),
    "users:read": _l("see users"),
    "users:write": _l("change users"),
    "users:invite": _l("invite people"),
    "records:export": _l("take the record of events along"),
    "records:erase": _l("erase people"),
    "stepin:enter": _l("enter members' views"),
    "stepin:agree": _l("agree to changes by staff"),
    "mail:takeover": _l("hand mailboxes over to successors"),
    "webhooks:read": _l("see webhooks"),
    "imports:write": _l("import tables"),
    "webhooks:write": _l("have events sent to other programs"),
}
_CAUSES = {
    **ZONE_CAUSES,
    "mail:domain:create": _l("new mail domain"),
    "mail:mailbox:create": _l("new mailbox"),
    "mail:mailbox:activate": _l("activation of a mailbox"),
    "mail:mailbox:quota": _l("capacity of a mailbox"),
    "mail:mailbox:password": _l("password of a mailbox"),
    "mail:mailbox:suspend": _l("suspension of a mailbox"),
    "members:member:grade": _l("services of a member held back or let go on"),
    "mail:mailbox:resume": _l("resumption of a mailbox"),
    "mail:mailbox:rename": _l("new address of a mailbox"),
    "mail:mailbox:remove": _l("removal of a mailbox"),
    "mail:mailbox:restore": _l("restoring of a mailbox"),
    "mail:mailbox:take-over": _l("handing over of a mailbox"),
    "mail:mailbox:hand-back": _l("handing back of a mailbox"),
    "mail:mailbox:purge": _l("deletion of a mailbox for good"),
    "nodes:drift:check": _l("look for differences"),
    "nodes:drift:overwrite": _l("overwriting of differences"),
    "nodes:drift:repair": _l("look after overwriting"),
    "nodes:node:rebuild": _l("rebuilding of a server"),
    "nodes:backup:run": _l("backup of a server"),
    "nodes:backup:restore": _l("mail of a mailbox from a backup"),
    "nodes:backup:restore-store": _l("all mail of a server from a backup"),
    "plans:plan:approve": _l("approved removals"),
    "plans:plan:outdate": _l("plan made anew"),
    "engine:sweep:due": _l("work found by the regular check"),
    "contracts:contract:suspend": _l("suspension of a contract"),
    "contracts:contract:resume": _l("resumption of a contract"),
}
_ATTEMPTS = {
    "password": _l("password"),
    "second_factor": _l("second factor"),
    "mailbox": _l("mailbox holder's password"),
    "reset": _l("asking for a new password"),
    "link": _l("one-time links"),
    "token": _l("API tokens"),
    "outside": _l("outside provider"),
    "invitation": _l("invitations"),
    "email": _l("another e-mail to sign in by"),
    "passkey": _l("passkeys"),
}
_UNITS = {
    "package": _l("package"),
    "mailbox": _l("mailbox"),
    "server": _l("server"),
    "zone": _l("zone"),
    "account": _l("account"),
    "list": _l("list"),
    "seat": _l("seat"),
    "portal": _l("portal"),
}
_MEGABYTES = frozenset({"mailbox_mb", "mail_kept_mb", "site_mb"})


class _Service(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def name_en(self) -> str: ...


def member_kind_word(kind: str) -> str:
    """Name a kind of member."""
    return str(_MEMBER_KINDS.get(kind, kind))


def attempt_word(what: str) -> str:
    """Name what somebody tried too often."""
    return str(_ATTEMPTS.get(what, what))


def entitlement_word(kind: str) -> str:
    """Name a kind of entitlement."""
    return str(_ENTITLEMENTS.get(kind, kind))


def amount(kind: str, value: int) -> str:
    """An amount of an entitlement with its unit: "2,5 GB", "12 mailboxes" without the noun."""
    if kind in _MEGABYTES:
        return size(value)
    return format_decimal(value, locale=language())


def size(megabytes: int) -> str:
    """Mebibytes as MB, GB or TB, whichever reads best."""
    for limit, unit in ((1024 * 1024, "TB"), (1024, "GB")):
        if abs(megabytes) >= limit:
            return f"{format_decimal(round(megabytes / limit, 1), locale=language())}\N{NO-BREAK SPACE}{unit}"
    return f"{format_decimal(megabytes, locale=language())}\N{NO-BREAK SPACE}MB"


def suspension_word(level: str) -> str:
    """Name a level of suspension."""
    return str(_LEVELS[level][0]) if level in _LEVELS else level


def level_words(level: str) -> str:
    """What a level of suspension means for the member."""
    return str(_LEVELS[level][1]) if level in _LEVELS else ""


def role_word(role: str) -> str:
    """Name a role of people."""
    return str(_ROLES.get(role, role))


def node_role_word(role: str) -> str:
    """Name a role of a node."""
    return str(_NODE_ROLES.get(role, role))


def permission_word(permission: str) -> str:
    """Say what a permission lets one do; a kind of resource a token does not cover is named too."""
    return str(_PERMISSIONS.get(permission) or _ENTITLEMENTS.get(permission, permission))


def cause_word(cause: str) -> str:
    """Why a job was asked for."""
    return str(_CAUSES.get(cause, cause))


def unit_word(unit: str) -> str:
    """Name a unit of the catalogue."""
    return str(_UNITS.get(unit, unit))


def service_name(service: _Service) -> str:
    """Name a service of the catalogue in the reader's language."""
    return service.name_en if language() == "en" and service.name_en else service.name
