"""The kinds of things a node can be asked to have: frozen, validated, digestible.

Used at both ends of the wire, so this module is stdlib only. A value that reached one of these types holds no
control character, no path part and nothing over its length: call sites need not check again.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import Any, ClassVar, Literal

Login = Literal["waiting", "open", "blocked"]
Grade = Literal["", "no_send", "no_login", "closed"]

QUOTA_MB_MAX = 1_048_576
NOTICE_MAX = 200
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LOCAL = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?")
_HASH = re.compile(r"\{(?:ARGON2ID|SHA512-CRYPT)\}[A-Za-z0-9$./=,+]{20,300}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# What is told to whom a grade stops: it stands in replies of SMTP and IMAP, and in a line of a map.
_NOTICE = re.compile(r"(?:[!-~](?:[ -~]*[!-~])?)?")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,128}")


class InvalidResource(ValueError):
    """A value no node may be given. ``field`` names it, ``code`` says why (stable, for translation)."""

    def __init__(self, field: str, code: str) -> None:
        super().__init__(f"{field}: {code}")
        self.field = field
        self.code = code


def check_domain(name: str, *, field: str = "name") -> str:
    """Return ``name`` if it is a lower-case host name of at least two labels (RFC 1035 2.3.1, RFC 1123 2.1).

    Raises InvalidResource: ``control``, ``too_long``, ``not_ascii``, ``syntax``.
    """
    _refuse_text(name, field, 253)
    if not _is_domain(name):
        raise InvalidResource(field, "syntax")
    return name


@lru_cache(maxsize=4096)
def _is_domain(name: str) -> bool:
    """Remembered, since a batch of ten thousand addresses has few domains."""
    labels = name.split(".")
    return len(labels) >= 2 and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit()


def check_address(address: str, *, field: str = "address") -> str:
    """Return ``address`` if it is a mailbox address we host (a strict part of RFC 5321 4.1.2).

    Lower-case ASCII letters, digits, dot, hyphen, underscore; no ``+`` (kept for sub-addresses, RFC 5233),
    no dots at the ends or doubled, local part of at most 64 octets, 254 in all.

    Raises InvalidResource: ``control``, ``too_long``, ``not_ascii``, ``plus``, ``local_too_long``, ``syntax``.
    """
    _refuse_text(address, field, 254)
    local, at, domain = address.rpartition("@")
    if not at:
        raise InvalidResource(field, "syntax")
    if "+" in local:
        raise InvalidResource(field, "plus")
    if len(local) > 64:
        raise InvalidResource(field, "local_too_long")
    if ".." in local or not _LOCAL.fullmatch(local):
        raise InvalidResource(field, "syntax")
    check_domain(domain, field=field)
    return address


def check_id(text: object, *, field: str = "id") -> str:
    """Return ``text`` if it is a UUID in its one canonical form (RFC 9562 4), since folders are named after it.

    Raises InvalidResource: ``syntax``.
    """
    if not isinstance(text, str) or not _ID.fullmatch(text):
        raise InvalidResource(field, "syntax")
    return text


def _refuse_text(value: object, field: str, longest: int) -> None:
    if not isinstance(value, str):
        raise InvalidResource(field, "type")
    if _CONTROL.search(value):
        raise InvalidResource(field, "control")
    if len(value) > longest:
        raise InvalidResource(field, "too_long")
    if not value.isascii():
        raise InvalidResource(field, "not_ascii")


def _check_hash(text: object) -> None:
    if not isinstance(text, str) or not _HASH.fullmatch(text):
        raise InvalidResource("password_hash", "syntax")


def _check_integer(value: int, field: str, lowest: int, highest: int) -> None:
    if type(value) is not int:
        raise InvalidResource(field, "type")
    if not lowest <= value <= highest:
        raise InvalidResource(field, "range")


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """One thing a node should have. ``id`` is a UUID in text, ``generation`` grows with each wanted change.

    Fields in ``later`` came with a later protocol: while all of them are empty they stand neither in digests and lines
    nor on the wire, so that both ends say the same of a resource though one does not know them.
    """

    kind: ClassVar[str]
    later: ClassVar[tuple[str, ...]] = ()
    id: str
    generation: int

    def __post_init__(self) -> None:
        check_id(self.id)
        _check_integer(self.generation, "generation", 1, 2**62)

    def digest(self) -> str:
        """SHA-256, hex, of what the node should have, generation left out: equal digests mean nothing to do."""
        unsaid = {"generation", *(() if self.says_more() else self.later)}
        body = {key: value for key, value in asdict(self).items() if key not in unsaid}
        # What is no JSON stands in no resource; a row that somebody edited by hand may hold it.
        return hashlib.sha256(json.dumps([self.kind, body], sort_keys=True, default=repr).encode()).hexdigest()

    def says_more(self) -> bool:
        """Tell whether it says what only ends of a later protocol understand."""
        return any(getattr(self, name) != "" for name in self.later)


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
        _check_integer(self.quota_mb, "quota_mb", 1, QUOTA_MB_MAX)
        if self.says_more():
            self._check_grade()

    def _check_grade(self) -> None:
        if self.grade not in ("no_send", "no_login", "closed"):
            raise InvalidResource("grade", "unknown")
        _refuse_text(self.notice, "notice", NOTICE_MAX)
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


Item = MailDomain | Mailbox | Alias | Gone
KINDS: dict[str, type[Resource]] = {kind.kind: kind for kind in (MailDomain, Mailbox, Alias)}
# What each kind has beside id and generation, in the order in which `shards.line_of` takes it.
FIELDS = {name: tuple(field.name for field in fields(kind))[2:] for name, kind in KINDS.items()}


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
    fields_ = {name: getattr(item, name) for name in FIELDS[item.kind] if name not in unsaid}
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
    return KINDS[kind](**values)  # type: ignore[return-value]  # KINDS holds the members of Item only


def _check_kind(kind: object) -> None:
    if not isinstance(kind, str) or kind not in KINDS:
        raise InvalidResource("kind", "unknown")


def _require_fields(values: dict[str, Any], wanted: set[str], *, may_lack: tuple[str, ...] = ()) -> None:
    for name in sorted((wanted ^ values.keys()) - (wanted & {*may_lack})):
        raise InvalidResource(name, "missing" if name in wanted else "unknown")
