"""Values as fields of a form, both ways: ``to_fields`` and ``from_fields`` are each other's reverse."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from panel.dns.records import strings
from panel.dns.records.editing import Editor, Field
from panel.dns.records.editors import EDITORS, GENERIC
from panel.dns.records.names import absolute
from panel.dns.records.values import canonical_value
from panel.kernel.errors import Invalid

_DIGITS = re.compile(r"[0-9]{1,5}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_WORD = re.compile(r"[!#-'*-:<-~]+")
_LOC = re.compile(r"(.*? [NS]) (.*? [EW]) (\S+)(?: (\S+))?(?: (\S+))?(?: (\S+))?")
_NO_LETTERS = re.compile("[\ud800-\udfff]")
_END_SPACE = re.compile(r"^ | $")
_GENERIC_VALUE = re.compile(r"\\# [0-9]+ ?([0-9a-f]*)")


def editor_of(type_: str) -> Editor:
    """The fields of ``type_``; types without a name here have one, their octets."""
    return EDITORS.get(type_) or replace(GENERIC, type=type_)


def to_fields(type_: str, value: str) -> dict[str, str]:
    """A canonical ``value`` as texts for people, by field; an empty text: it is not said."""
    editor = editor_of(type_)
    pieces = _SPLIT.get(editor.layout, strings.tokens)(value)
    pieces += [""] * (len(editor.fields) - len(pieces))
    return {field.name: _SHOWN.get(field.kind, str)(piece) for field, piece in zip(editor.fields, pieces, strict=True)}


def from_fields(type_: str, fields: Mapping[str, str], zone: str) -> str:
    """The canonical value that ``fields`` say in the zone ``zone`` (A-labels, no final dot).

    A host without dots lies in the zone, one with dots is whole. Raises Invalid naming the field; all that are wrong
    stand in its ``errors``.
    """
    editor = editor_of(type_)
    faults = [Invalid("unknown_field", field=name) for name in fields if name not in editor.names]
    pieces: list[str] = []
    for field in editor.fields:
        try:
            pieces.append(_piece(field, fields.get(field.name, ""), zone))
        except Invalid as fault:
            faults.append(Invalid(fault.code, field=field.name, **fault.params))
    if faults:
        raise Invalid(faults[0].code, field=faults[0].field, errors=faults, **faults[0].params)
    return canonical_value(type_, " ".join(piece for piece in pieces if piece), f"{zone}.")


def explained(type_: str, text: str, origin: str, *, in_file: bool = False) -> str:
    """``canonical_value``, but Invalid says which part of ``text`` is wrong (``part``, a field's name) where one is."""
    try:
        return canonical_value(type_, text, origin, in_file=in_file)
    except Invalid as fault:
        if fault.code != "value_bad":
            raise
        raise _blamed(editor_of(type_), text) or fault from None


def _blamed(editor: Editor, text: str) -> Invalid | None:
    """What is wrong with one of the parts of ``text``, or with how many there are; None where that is not it."""
    pieces = strings.tokens(text)
    if editor.layout or pieces[:1] == [r"\#"]:
        return None
    if len(pieces) < len(editor.fields):
        return Invalid("value_parts", field="values", type=editor.type, parts=" ".join(editor.names))
    for field, piece in zip(editor.fields, pieces, strict=False):
        try:
            if field.kind in _BY_THEMSELVES:
                _TAKEN[field.kind](field, piece, ".")
        except Invalid as fault:
            return Invalid(fault.code, field="values", part=field.name, **fault.params)
    return _blamed_digest(editor, pieces)


def _blamed_digest(editor: Editor, pieces: list[str]) -> Invalid | None:
    place, wanted = _DIGESTS.get(editor.type, (0, {}))
    octets = wanted.get(pieces[place])
    if octets is None or octets * 2 == len("".join(pieces[place + 1 :])):
        return None
    return Invalid("value_digest", field="values", part=editor.fields[place + 1].name, digits=octets * 2)


def _piece(field: Field, text: str, zone: str) -> str:
    """``text`` as it stands in a value."""
    if _NO_LETTERS.search(text):
        raise Invalid("value_control")
    said = text if field.kind == "text" else text.strip()
    if said or field.kind in {"text", "string", "generic"}:
        return _TAKEN[field.kind](field, said, zone)
    if field.optional:
        return ""
    raise Invalid("required")


def _take_number(field: Field, text: str, _zone: str) -> str:
    if not _DIGITS.fullmatch(text) or int(text) > field.most:
        raise Invalid("number_range", least=0, most=field.most)
    return text


def _take_host(_field: Field, text: str, zone: str) -> str:
    is_whole = "." in re.sub(r"\\.", "", text)
    return absolute(text, "." if is_whole else f"{zone}.")


def _take_text(_field: Field, text: str, _zone: str) -> str:
    lines = text.replace("\r\n", "\n").split("\n")
    return " ".join(strings.quoted(chunk) for line in lines for chunk in strings.chunks(strings.typed(line)))


def _take_string(_field: Field, text: str, _zone: str) -> str:
    return strings.quoted(strings.typed(text))


def _take_parameter(field: Field, text: str, _zone: str) -> str:
    return f"{field.name}={strings.quoted(strings.typed(text))}"


def _take_parameters(_field: Field, text: str, _zone: str) -> str:
    return " ".join(strings.tokens(text))


def _take_generic(_field: Field, text: str, _zone: str) -> str:
    digits = "".join(text.split())
    if digits and not _HEX.fullmatch(digits):
        raise Invalid("value_hex")
    return rf"\# {len(digits) // 2} {digits}".strip()


def _by_pattern(pattern: re.Pattern[str], code: str) -> Callable[[Field, str, str], str]:
    def take(_field: Field, text: str, _zone: str) -> str:
        digits = "".join(text.split())
        if not pattern.fullmatch(digits):
            raise Invalid(code)
        return digits

    return take


def _by_type(type_: str) -> Callable[[Field, str, str], str]:
    def take(_field: Field, text: str, _zone: str) -> str:
        try:
            return canonical_value(type_, text, ".")
        except Invalid:
            raise Invalid(f"value_{type_.lower()}") from None

    return take


def _take_place(_field: Field, text: str, _zone: str) -> str:
    return " ".join(text.upper().replace("M", "m").split())


_MATCHING = {"1": 32, "2": 64}
# Where the kind of a digest stands, and how many octets each kind has (RFC 3658, 4509, 6605, 6698, 8162, 4255, 6594).
_DIGESTS = {
    "DS": (2, {"1": 20, "2": 32, "4": 48}),
    "TLSA": (2, _MATCHING),
    "SMIMEA": (2, _MATCHING),
    "SSHFP": (1, {"1": 20, "2": 32}),
}
_BY_THEMSELVES = frozenset("a aaaa number hex base64".split())
_TAKEN: dict[str, Callable[[Field, str, str], str]] = {
    "a": _by_type("A"),
    "aaaa": _by_type("AAAA"),
    "host": _take_host,
    "number": _take_number,
    "text": _take_text,
    "string": _take_string,
    "word": _by_pattern(_WORD, "value_word"),
    "hex": _by_pattern(_HEX, "value_hex"),
    "base64": _by_pattern(_BASE64, "value_base64"),
    "place": _take_place,
    "parameter": _take_parameter,
    "parameters": _take_parameters,
    "generic": _take_generic,
}


def _split_text(value: str) -> list[str]:
    return [value]


def _split_place(value: str) -> list[str]:
    found = _LOC.fullmatch(value)
    return [piece or "" for piece in found.groups()] if found else []


def _split_binding(value: str) -> list[str]:
    """Priority, target, the parameters with a field of their own, and the rest."""
    priority, target, *parameters = strings.tokens(value)
    told = {key: text for key, equals, text in (one.partition("=") for one in parameters) if equals}
    own = [field.name for field in EDITORS["HTTPS"].fields if field.kind == "parameter"]
    rest = [one for one in parameters if one.partition("=")[0] not in own]
    return [priority, target, *(told.get(name, "") for name in own), " ".join(rest)]


def _split_generic(value: str) -> list[str]:
    found = _GENERIC_VALUE.fullmatch(value)
    return [found[1] if found else ""]


_SPLIT: dict[str, Callable[[str], list[str]]] = {
    "text": _split_text,
    "place": _split_place,
    "binding": _split_binding,
    "generic": _split_generic,
}


def _shown_host(name: str) -> str:
    return name[:-1] if "." in name[:-1] else name


def _shown_text(value: str) -> str:
    """One line for each string; one of 255 octets goes on in the next, as long texts are cut (RFC 7208 3.3)."""
    lines: list[bytes] = []
    goes_on = False
    for content in strings.strings_of(value):
        if goes_on and content:
            lines[-1] += content
        else:
            lines.append(content)
        goes_on = len(content) == strings.STRING_MAX
    return "\n".join(map(strings.shown, lines))


def _shown_string(token: str) -> str:
    return _END_SPACE.sub(r"\\032", strings.shown(strings.octets(token)))


_SHOWN: dict[str, Callable[[str], str]] = {
    "host": _shown_host,
    "text": _shown_text,
    "string": _shown_string,
    "parameter": _shown_string,
}
