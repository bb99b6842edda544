"""Mailboxes from tables: new ones are made, of those that are there the capacity is changed, nothing else."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from flask import current_app
from sqlalchemy import select

from panel.imports.doubles import mark_doubles
from panel.imports.finding import MemberNames
from panel.imports.importer import Checked, Column, Row, Verdict, Write
from panel.imports.room import mark_room
from panel.kernel.access import Actor, require, require_kind
from panel.kernel.db import db, new_id
from panel.kernel.errors import Conflict, Invalid, PanelError
from panel.kernel.passwords import prepare_mailbox_password
from panel.ledger import names
from panel.mail.actions import DEFAULT_QUOTA_MB, NewMailbox, create_mailboxes, set_quota
from panel.mail.addresses import check_each, check_quota
from panel.mail.hashing import hashes_of
from panel.mail.models import ADDRESSES, Mailbox
from panel.mail.naming import checked_reason, like_others, name_faults, release_faults
from panel.mail.standing import Standing
from panel.members.actions import require_members

_AT_ONCE = 500
_QUOTA = re.compile(r"(\d{1,9})(?:[.,](\d{1,3}))?(mb|mib|gb|gib|tb|tib)?")
_MEBIBYTES = {"m": 1, "g": 1024, "t": 1024 * 1024}


class _There(NamedTuple):
    """A mailbox that is there."""

    id: uuid.UUID
    address: str
    member_id: uuid.UUID | None
    quota_mb: int
    want: str


@dataclass(kw_only=True)
class _Wanted:
    """What a row asks for, as far as it could be read; ``had``: the mailbox that is there under the address."""

    address: str
    member_id: uuid.UUID | None = None
    quota_mb: int | None = None
    password: str | None = field(default=None, repr=False)
    reason: str = ""
    had: _There | None = None

    @property
    def more_mb(self) -> int:
        """How many mebibytes more than now."""
        had = 0 if self.had is None else self.had.quota_mb
        return (self.quota_mb or DEFAULT_QUOTA_MB if self.had is None else self.quota_mb or had) - had


class Mailboxes:
    """The importer of mailboxes."""

    name = "mailboxes"
    columns = (
        Column(
            name="address",
            headings=("address", "adres", "adres e mail", "e mail", "email", "mail", "skrzynka", "adres skrzynki",
                      "nazwa skrzynki", "mailbox", "e mail address", "email address", "adres email"),
            required=True,
        ),
        Column(name="domain", headings=("domain", "domena")),
        Column(
            name="member",
            headings=("member", "podmiot", "nazwa podmiotu", "jednostka", "gmina", "urzad", "szkola", "instytucja",
                      "organizacja", "member id", "teryt", "nip", "slug", "nazwa skrocona"),
        ),
        Column(
            name="quota_mb",
            headings=("quota mb", "quota", "pojemnosc mb", "pojemnosc", "pojemnosc w mb", "limit mb", "limit",
                      "rozmiar mb", "rozmiar", "capacity mb", "capacity", "capacity in mb"),
        ),
        Column(name="password", headings=("password", "haslo", "haslo startowe", "passwd"), secret=True),
        Column(name="reason", headings=("reason", "powod", "uzasadnienie")),
    )  # fmt: skip

    def require(self, actor: Actor, member_id: uuid.UUID | None) -> None:
        """Mailboxes may be made on the member, or anywhere at all where rows name it."""
        require_kind(actor, "mailboxes")
        require(actor, "mail:write", member_id)
        if member_id is not None:
            require_members([member_id])

    def check(self, actor: Actor, rows: Sequence[Row], *, member_id: uuid.UUID | None) -> Checked:
        """What would become of each row now, by what mailboxes' own actions ask of new ones."""
        verdicts = [_read(row) for row in rows]
        _find_there(verdicts)
        finder = MemberNames(actor, "mail:write")
        for row, verdict in zip(rows, verdicts, strict=True):
            _place(row, verdict, finder, member_id)
        mark_doubles(rows, verdicts)
        _check_new(actor, [verdict for verdict in verdicts if verdict.would == "create" and not verdict.errors])
        return Checked(verdicts=verdicts, problems=mark_room(actor, _sizes(verdicts)))

    def prepare(self, actor: Actor, verdicts: Sequence[Verdict]) -> Write:
        """Hash passwords; then make what is new in one batch, and change capacities."""
        places = [place for place, verdict in enumerate(verdicts) if verdict.would == "create"]
        wanted: list[_Wanted] = [verdicts[place].wanted for place in places]
        new = [_new(one, hashed) for one, hashed in zip(wanted, _hashed([one.password for one in wanted]), strict=True)]

        def write() -> list[uuid.UUID | None]:
            ids = [verdict.resource_id for verdict in verdicts]
            try:
                for place, changed in zip(places, create_mailboxes(actor, new) if new else [], strict=True):
                    ids[place] = changed.mailbox.id
            except PanelError as error:
                if "row" in error.params:
                    error.params["row"] = places[error.params["row"]]
                raise
            _change_quotas(actor, verdicts)
            return ids

        return write


def _read(row: Row) -> Verdict:
    """What can be told from the row alone."""
    address = row.text("address").strip(" ").lower()
    if address and "@" not in address:
        address += "@" + (row.text("domain").lower().lstrip("@") or current_app.config["CIS"].mail_domain)
    wanted = _Wanted(address=address, password=row.text("password") or None)
    verdict = Verdict(wanted=wanted, identity=(address,) if address else ())
    if not address:
        verdict.errors.append(Invalid("required", field="address"))
    with verdict.collecting():
        wanted.quota_mb = _quota(row.text("quota_mb"))
    with verdict.collecting():
        wanted.reason = checked_reason(row.text("reason"))
    return verdict


def _quota(text: str) -> int | None:
    """Mebibytes of ``1024``, ``1 024``, ``1 GB`` or ``1,5 GB``; None where nothing is said. Raises Invalid."""
    if not text:
        return None
    found = _QUOTA.fullmatch("".join(text.split()).lower())
    if found is None or (found[2] and not found[3]):
        raise Invalid("import_quota", field="quota_mb")
    unit = _MEBIBYTES[(found[3] or "m")[0]]
    return check_quota(round(float(f"{found[1]}.{found[2] or 0}") * unit))


def _find_there(verdicts: Sequence[Verdict]) -> None:
    """Note the mailboxes that are there, and refuse addresses that something else holds."""
    wanted = {verdict.wanted.address: verdict for verdict in verdicts}
    held = names.taken(ADDRESSES, [address for address in wanted if address])
    boxes: dict[uuid.UUID, _There] = {}
    ids = list(held.values())
    columns = (Mailbox.id, Mailbox.address, Mailbox.member_id, Mailbox.quota_mb, Mailbox.want)
    for start in range(0, len(ids), _AT_ONCE):
        rows = db.session.execute(select(*columns).where(Mailbox.id.in_(ids[start : start + _AT_ONCE])))
        boxes |= {row.id: _There(*row) for row in rows}
    for verdict in verdicts:
        address = verdict.wanted.address
        if address in held:
            verdict.wanted.had = boxes.get(held[address])
            if verdict.wanted.had is None or verdict.wanted.had.address != address:
                verdict.errors.append(Conflict("taken", field="address", name=address))


def _place(row: Row, verdict: Verdict, finder: MemberNames, default: uuid.UUID | None) -> None:
    """Find whose it is, and so what would be done. Another member's mailbox is only told to be taken."""
    wanted: _Wanted = verdict.wanted
    had = wanted.had
    with verdict.collecting():
        wanted.member_id = _owner(row.text("member"), had, finder, default)
    if verdict.errors:
        return
    if had is None:
        verdict.would = "create"
    elif had.member_id != wanted.member_id:
        verdict.errors.append(Conflict("taken", field="address", name=wanted.address))
    elif had.want != "put":
        verdict.errors.append(Conflict("removed", field="address"))
    else:
        verdict.would = "update" if wanted.more_mb else "unchanged"
        verdict.resource_id = had.id
        if wanted.password:
            verdict.warnings.append(Invalid("import_password_kept", field="password"))


def _owner(text: str, had: _There | None, finder: MemberNames, default: uuid.UUID | None) -> uuid.UUID:
    among = None if had is None else had.member_id
    if text:
        return finder.one(text, field="member", among=among or default).id
    if default is not None:
        return default
    if among is not None and finder.named(str(among)):
        return among
    only = finder.only()
    if only is None:
        raise Invalid("required", field="member")
    return only


def _check_new(actor: Actor, verdicts: Sequence[Verdict]) -> None:
    """Ask what ``create_mailboxes`` asks, for each row by itself."""
    new = [_new(verdict.wanted, None) for verdict in verdicts]
    addresses, faults = check_each(new)
    asked = [(one.member_id, address) for one, address in zip(new, addresses, strict=True)]
    faults = name_faults(actor, asked) | faults
    faults = release_faults(actor, asked, reasons=[one.reason for one in new]) | faults
    alike = like_others([one for row, one in enumerate(asked) if row not in faults])
    for row, verdict in enumerate(verdicts):
        with verdict.collecting():
            if row in faults:
                raise faults[row]
            if verdict.wanted.password is not None:
                prepare_mailbox_password(verdict.wanted.password)
        if addresses[row] in alike:
            verdict.warnings.append(Conflict("near_double", field="address"))


def _new(wanted: _Wanted, hashed: str | None) -> NewMailbox:
    assert wanted.member_id is not None  # noqa: S101 - rows without one have an error
    new = NewMailbox(
        member_id=wanted.member_id,
        address=wanted.address,
        quota_mb=wanted.quota_mb or DEFAULT_QUOTA_MB,
        reason=wanted.reason,
    )
    return new if hashed is None else replace(new, standing=Standing(id=new_id(), generation=0, password_hash=hashed))


def _hashed(passwords: Sequence[str | None]) -> list[str | None]:
    """Hash outside of any transaction: it takes its time by intent."""
    return hashes_of(passwords)


def _sizes(verdicts: Sequence[Verdict]) -> Iterator[tuple[Verdict, uuid.UUID, Mapping[str, int]]]:
    """What each good row takes of its member's room."""
    for verdict in verdicts:
        wanted: _Wanted = verdict.wanted
        if not verdict.errors and wanted.member_id is not None:
            yield verdict, wanted.member_id, {
                "mailboxes": int(verdict.would == "create"), "mailbox_mb": wanted.more_mb,
            }  # fmt: skip


def _change_quotas(actor: Actor, verdicts: Sequence[Verdict]) -> None:
    for place, verdict in enumerate(verdicts):
        if verdict.would != "update" or verdict.resource_id is None:
            continue
        try:
            set_quota(actor, verdict.resource_id, quota_mb=verdict.wanted.quota_mb)
        except PanelError as error:
            error.params["row"] = place
            raise
