"""The kinds of things a node can be asked to have: frozen, validated, digestible.

Used at both ends of the wire, so this module is stdlib only. A value that reached one of these types holds no
control character, no path part and nothing over its length: call sites need not check again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from provisioning.checks import InvalidResource, check_address, check_domain, check_id, check_integer, check_text
from provisioning.resource import Resource, names_of
from provisioning.zone import Zone, check_zone_name

__all__ = [
    "COMPARED",
    "FIELDS",
    "KINDS",
    "NOTICE_MAX",
    "QUOTA_MB_MAX",
    "Alias",
    "Gone",
    "Grade",
    "InvalidResource",
    "Item",
    "Login",
    "MailDomain",
    "Mailbox",
    "Resource",
    "Zone",
    "check_address",
    "check_domain",
    "check_id",
    "check_token",
    "check_zone_name",
    "from_wire",
    "protocol_of",
    "to_wire",
]

Login = Literal["waiting", "open", "blocked"]
Grade = Literal["", "no_send", "no_login", "closed"]

QUOTA_MB_MAX = 1_048_576
NOTICE_MAX = 200
_HASH = re.compile(r"\{(?:ARGON2ID|SHA512-CRYPT)\}[A-Za-z0-9$./=,+]{20,300}")
# What is told to whom a grade stops: it stands in replies of SMTP and IMAP, and in a line of a map.
_NOTICE = re.compile(r"(?:[!-~](?:[ -~]*[!-~])?)?")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,128}")


def _check_hash(text: object) -> None:
    if not isinstance(text, str) or not _HASH.fullmatch(text):
        raise InvalidResource("password_hash", "syntax")


@dataclass(frozen=True, kw_only=True, slots=True)
class MailDomain(Resource):
    """A domain for which the node accepts mail."""

    kind: ClassVar[str] = "mail_domain"
    name: str

    def __post_init__(self) -> None:
        Resource.__post_init__(self)
        check_domain(self.name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Mailbox(Resource):
    """A place where mail is kept and read.

    ``login``: *waiting* (no password yet, refuses every login), *open*, *blocked* (kept, but no login).
    ``password_hash``: Dovecot's scheme notation, None unless a password was set. ``quota_mb``: mebibytes.
    The mail itself lies under ``id``, so a new address moves nothing. ``grade``: how far its owner's services are held
    back, whatever ``login`` says: *no_send* takes and shows mail, *no_login* takes it, *closed* keeps what is there;
    ``notice`` is told to whom that stops, one line of ASCII.
    """

    kind: ClassVar[str] = "mailbox"
    later: ClassVar[tuple[str, ...]] = ("grade", "notice")
    address: str
    login: Login
    password_hash: str | None
    quota_mb: int
    grade: Grade = ""
    notice: str = ""

    def __post_init__(self) -> None:
        Resource.__post_init__(self)
        check_address(self.address)
        if self.login not in ("waiting", "open", "blocked"):
            raise InvalidResource("login", "unknown")
        if self.password_hash is not None:
            _check_hash(self.password_hash)
        if self.login == "open" and self.password_hash is None:
            raise InvalidResource("password_hash", "missing")
        check_integer(self.quota_mb, "quota_mb", 1, QUOTA_MB_MAX)
        if self.says_more():
            self._check_grade()

    def _check_grade(self) -> None:
        if self.grade not in ("no_send", "no_login", "closed"):
            raise InvalidResource("grade", "unknown")
        check_text(self.notice, "notice", NOTICE_MAX)
        if not _NOTICE.fullmatch(self.notice):
            raise InvalidResource("notice", "syntax")


@dataclass(frozen=True, kw_only=True, slots=True)
class Alias(Resource):
    """An address whose mail goes to ``target``, another address."""

    kind: ClassVar[str] = "alias"
    address: str
    target: str

    def __post_init__(self) -> None:
        Resource.__post_init__(self)
        check_address(self.address)
        check_address(self.target, field="target")
        if self.address == self.target:
            raise InvalidResource("target", "loop")


@dataclass(frozen=True, kw_only=True, slots=True)
class Gone:
    """What should not be there. ``purge`` False: serve it no more, keep its data; True: delete the data too."""

    kind: str
    id: str
    generation: int
    purge: bool = False

    def __post_init__(self) -> None:
        _check_kind(self.kind)
        Resource.__post_init__(self)  # type: ignore[arg-type]  # same id and generation, same rules


Item = MailDomain | Mailbox | Alias | Zone | Gone
KINDS: dict[str, type[Resource]] = {kind.kind: kind for kind in (MailDomain, Mailbox, Alias, Zone)}
# What each kind has beside id and generation.
FIELDS = {name: names_of(kind) for name, kind in KINDS.items()}
# What of it is compared, in the order in which `shards.line_of` takes it: of a zone's content only the digest.
COMPARED = {**FIELDS, Zone.kind: ("name", "content")}


def protocol_of(item: Item) -> int:
    """Tell since which protocol an agent understands ``item`` (`provisioning.wire`)."""
    kind = KINDS[item.kind]
    return max(kind.since, 3 if not isinstance(item, Gone) and item.says_more() else 1)


def check_token(token: object) -> str:
    """Return ``token`` if it is URL-safe text of 16 to 128 characters. Raises InvalidResource."""
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise InvalidResource("token", "syntax")
    return token


def to_wire(item: Item) -> dict[str, Any]:
    """The JSON form of one item of a batch: ``{"do": "put"|"remove"|"purge", "kind": …, fields…}``."""
    if isinstance(item, Gone):
        return {
            "do": "purge" if item.purge else "remove",
            "kind": item.kind,
            "id": item.id,
            "generation": item.generation,
        }
    unsaid = () if item.says_more() else item.later
    fields_ = {name: value for name, value in item.plain().items() if name not in unsaid}
    return {"do": "put", "kind": item.kind, "id": item.id, "generation": item.generation, **fields_}


def from_wire(body: dict[str, Any]) -> Item:
    """Read one item. Unknown kinds, unknown or missing fields and bad values raise InvalidResource."""
    if not isinstance(body, dict):
        raise InvalidResource("item", "type")
    values = dict(body)
    do, kind = values.pop("do", None), values.pop("kind", None)
    _check_kind(kind)
    if do in ("remove", "purge"):
        _require_fields(values, {"id", "generation"})
        return Gone(kind=kind, purge=do == "purge", **values)
    if do != "put":
        raise InvalidResource("do", "unknown")
    _require_fields(values, {"id", "generation", *FIELDS[kind]}, may_lack=KINDS[kind].later)
    return KINDS[kind].read(values)  # type: ignore[return-value]  # KINDS holds the members of Item only


def _check_kind(kind: object) -> None:
    if not isinstance(kind, str) or kind not in KINDS:
        raise InvalidResource("kind", "unknown")


def _require_fields(values: dict[str, Any], wanted: set[str], *, may_lack: tuple[str, ...] = ()) -> None:
    for name in sorted((wanted ^ values.keys()) - (wanted & {*may_lack})):
        raise InvalidResource(name, "missing" if name in wanted else "unknown")
