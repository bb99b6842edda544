"""Zone files read as BIND reads them, over the files that were uploaded and nothing else.

Each record comes out exactly as the old server had it, or is refused with file, line and reason; the rest is read on.
Sources: RFC 1035 5, RFC 2308 4 (``$TTL``), BIND 9's manual (``$GENERATE``, omitted classes and TTLs).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from panel.dns.records import strings
from panel.dns.records.canonical import TTL_LEAST, TTL_MOST
from panel.dns.records.names import absolute
from panel.dns.zonefile.entries import Entry, entries, text_of
from panel.dns.zonefile.gathering import Gathered, Record, Where
from panel.dns.zonefile.generating import GENERATED_MAX, expanded, numbers
from panel.dns.zonefile.report import ReadZone, Report
from panel.dns.zonefile.ttls import seconds_of
from panel.kernel.errors import Invalid

OCTETS_MAX = 10 * 1024 * 1024
"""Of all files together, each counted as often as it is included."""

RECORDS_MAX = 100_000
DEPTH_MAX = 8

_CLASSES = {"IN": True, "CLASS1": True, **dict.fromkeys(("CH", "CHAOS", "HS", "HESIOD", "NONE", "ANY"), False)}
_QUOTE = re.compile(r"\\.")
_CLASS = re.compile(r"CLASS[0-9]{1,5}")


def read_zone(files: Mapping[str, bytes], *, main: str, origin: str) -> ReadZone:
    """The zone ``origin`` (A-labels, no final dot) as the file ``main`` tells it; ``$INCLUDE`` finds ``files`` only.

    What has no right place in our zones is left out with a note: records that old servers signed with, doubles. Never
    raises for what stands in the files: that is in ``refusals``.
    """
    report = Report()
    reader = _Reader(files, Gathered(f"{origin}.", report), report)
    try:
        reader.read(main, f"{origin}.")
    except _EnoughError as enough:
        report.refuse(enough.where.file, enough.where.line, enough.code, {"most": enough.most})
    found = reader.gathered
    return ReadZone(found.sets(), found.soa, found.serial, (*report.refusals,), report.refused, report.notes)


class _EnoughError(Exception):
    """A bound is reached; what follows is not looked at."""

    def __init__(self, where: Where, code: str, most: int) -> None:
        super().__init__(code)
        self.where, self.code, self.most = where, code, most


@dataclass(slots=True)
class _Reader:
    """What holds from line to line: ``ttl`` of ``$TTL``, ``said`` the last one a record said (RFC 1035 5.1)."""

    files: Mapping[str, bytes]
    gathered: Gathered
    report: Report
    ttl: int | None = None
    said: int | None = None
    octets: int = 0
    records: int = 0
    generated: int = 0
    open: tuple[str, ...] = ()
    origin: str = ""
    owner: str = ""

    def read(self, file: str, origin: str) -> None:
        """Read one file; origin and owner are its own, TTLs go on (RFC 1035 5.1)."""
        if file not in self.files:
            self.report.refuse(file, 0, "file_missing", {"name": file})
            return
        self.octets += len(self.files[file])
        if self.octets > OCTETS_MAX:
            raise _EnoughError(Where(file, 0), "file_large", OCTETS_MAX // 1024 // 1024)
        before = self.open, self.origin, self.owner
        self.open, self.origin, self.owner = (*self.open, file), origin, ""
        for entry in entries(text_of(self.files[file])):
            try:
                self._entry(entry, Where(file, entry.line))
            except Invalid as fault:
                self.report.refuse(file, entry.line, fault.code, fault.params)
                if fault.code == "file_origin":
                    break
        self.open, self.origin, self.owner = before

    def _entry(self, entry: Entry, where: Where) -> None:
        """Take one entry. Whose owner cannot be read leaves none to those below it."""
        first = entry.tokens[0] if entry.tokens else ""
        if first[:1] == "$" and not entry.indented and not entry.fault:
            self._directive(first.upper(), entry.tokens[1:], where)
            return
        if not entry.indented:
            self.owner = ""
            if first and not (entry.fault and not first.isprintable()):
                self.owner = self._name(first)
        if entry.fault:
            raise Invalid(entry.fault)
        if not self.owner:
            raise Invalid("file_owner_missing")
        self._record(self.owner, entry.tokens if entry.indented else entry.tokens[1:], where)

    def _name(self, token: str) -> str:
        if not token.isascii():
            raise Invalid("file_name_letters", name=token[:80], suggestion=_suggestion(token))
        if token[0] == '"':
            raise Invalid("file_name_quoted", name=token[:80])
        return absolute(token, self.origin)

    def _record(self, owner: str, tokens: list[str], where: Where) -> None:
        self.records += 1
        if self.records > RECORDS_MAX:
            raise _EnoughError(where, "file_records", RECORDS_MAX)
        ttl, type_, data = _parts(tokens)
        self.said = ttl if ttl is not None else self.said
        self.gathered.take(where, owner, Record(self._ttl(ttl), type_, data, self.origin))
        if self.ttl is None and self.said is None and self.gathered.soa is not None:
            self.report.note(*where, "ttl_of_soa")
            self._set_ttl(self.gathered.soa.minimum)

    def _ttl(self, said: int | None) -> int | None:
        """BIND: what the record says, ``$TTL``, what the last record said; None where the SOA must tell it."""
        if said is not None:
            return said
        return self.ttl if self.ttl is not None else self.said

    def _set_ttl(self, seconds: int) -> None:
        """Give records without a TTL ``seconds``, the nearest that may be where that is refused: once, not for each."""
        self.ttl = min(max(seconds, TTL_LEAST), TTL_MOST)
        if self.ttl != seconds:
            raise Invalid("file_ttl_range", ttl=seconds, least=TTL_LEAST, most=TTL_MOST)

    def _directive(self, name: str, tokens: list[str], where: Where) -> None:
        least, most = _DIRECTIVES.get(name, (-1, -1))
        if least < 0:
            raise Invalid("file_directive", name=name[:20])
        if name == "$ORIGIN":
            self._set_origin(tokens)
        elif not least <= len(tokens) <= most:
            raise Invalid("file_directive_parts", name=name)
        elif name == "$TTL":
            self._set_ttl(_required_ttl(tokens[0]))
        elif name == "$INCLUDE":
            self._include(tokens)
        else:
            self._generate(tokens, where)

    def _set_origin(self, tokens: list[str]) -> None:
        """Take the origin; without one, what follows in the file cannot be understood."""
        try:
            (token,) = tokens
            self.origin = self._name(token)
        except (Invalid, ValueError):
            raise Invalid("file_origin") from None

    def _include(self, tokens: list[str]) -> None:
        file = tokens[0].strip('"')
        inner = self._name(tokens[1]) if len(tokens) > 1 else self.origin
        if file not in self.files:
            raise Invalid("file_not_sent", name=file[:200])
        if file in self.open:
            raise Invalid("file_loop", name=file)
        if len(self.open) >= DEPTH_MAX:
            raise Invalid("file_deep", most=DEPTH_MAX)
        self.read(file, inner)

    def _generate(self, tokens: list[str], where: Where) -> None:
        wanted = numbers(tokens[0])
        self.generated += len(wanted)
        if self.generated > GENERATED_MAX:
            raise _EnoughError(where, "generate_many", GENERATED_MAX)
        _, _, data = _parts(tokens[2:])
        head = tokens[2 : len(tokens) - len(data)]
        text = " ".join(data)
        if len(data) == 1 and text[0] == '"':  # BIND: data of several words stands in quotation marks
            text = _QUOTE.sub(_unquoted, text[1:-1])
        if not text:
            raise Invalid("file_directive_parts", name="$GENERATE")
        for owner, one in zip(expanded(tokens[1], wanted), expanded(text, wanted), strict=True):
            self._record(self._name(owner), [*head, *strings.tokens(one)], where)


_DIRECTIVES = {"$ORIGIN": (1, 1), "$TTL": (1, 1), "$INCLUDE": (1, 2), "$GENERATE": (3, 1_000)}


def _parts(tokens: list[str]) -> tuple[int | None, str, list[str]]:
    """TTL and class in either order, each perhaps absent; the type; the data."""
    ttl: int | None = None
    classed = False
    for place, token in enumerate(tokens):
        word = token.upper()
        if not classed and (word in _CLASSES or _CLASS.fullmatch(word)):
            if not _CLASSES.get(word):
                raise Invalid("file_class", name=token)
            classed = True
        elif ttl is None and token[0].isdigit() and (seconds := seconds_of(token)) is not None:
            ttl = seconds
        else:
            return ttl, token, tokens[place + 1 :]
    raise Invalid("file_type_missing")


def _required_ttl(token: str) -> int:
    seconds = seconds_of(token)
    if seconds is None:
        raise Invalid("file_ttl", name=token[:20])
    return _within(seconds)


def _within(seconds: int) -> int:
    if seconds > TTL_MOST:
        raise Invalid("file_ttl", name=str(seconds))
    return seconds


def _unquoted(escape: re.Match[str]) -> str:
    """Quotation marks inside of quotation marks lose their backslash, nothing else does."""
    return '"' if escape[0] == r"\"" else escape[0]


def _suggestion(name: str) -> str:
    try:
        return absolute(name, ".").removesuffix(".")
    except Invalid:
        return ""
