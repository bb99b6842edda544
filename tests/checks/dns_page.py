"""``docs/reference/dns-records.md``: what the tables of records, limits and the lint say."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import Context

from panel.dns.lint.codes import LEVELS
from panel.dns.records.canonical import SOA_BOUNDS, TTL_LEAST, TTL_MOST
from panel.dns.records.editing import Editor, Field
from panel.dns.records.editors import EDITORS
from panel.dns.records.types import GENERATED
from panel.dns.zonefile.generating import GENERATED_MAX
from panel.dns.zonefile.reading import DEPTH_MAX, OCTETS_MAX, RECORDS_MAX
from panel.wording.zone_lint import known_notes, note_words, remark_words

_INTRO = r"""A zone may hold the types below, and any other one by its number (`TYPE65280`) with its octets as
`\# LENGTH HEX` (RFC 3597). Names are relative to the zone unless they end with a dot, `@` is the zone itself; letters
beyond ASCII are turned into `xn--…` and shown again as letters. Values are kept in one canonical form: names whole and
in lower case, text quoted and cut at 255 octets. In forms a host with dots in it is a whole name."""
_LIMITS = """
A TTL is {least} to {most:,} seconds. Not for zones are the SOA but for its times, queries (ANY, AXFR, OPT …) and what
name servers make themselves: {generated}.
How whole zones are checked: [the lint](../explanation/zone-lint.md).
"""
_FILES = """
## Zone files

Read are `$ORIGIN`, `$TTL` (also `1h30m`), `$INCLUDE` of files sent along under that very name, and `$GENERATE` as in
BIND (at most {generated:,} records in all). At most {records:,} records and {megabytes} MB, includes {deep} deep. Text
is UTF-8; comments may be in any code page. A line that cannot be taken exactly is refused with file, line and reason.
What is done without asking is noted:
"""
_LINT = """
## What the lint says

Errors keep a change from being made, warnings ask.

| code | level | words |
|---|---|---|"""


class _Places(dict[str, str]):
    """Stands for the parameters of any text."""

    def __missing__(self, name: str) -> str:
        return f"*{name}*"


def page(made: str) -> str:
    """The page, in English whatever language its caller speaks."""
    return "\n".join(["# DNS records\n", made + _INTRO, *Context().run(lambda: [*_parts()])]) + "\n"


def _parts() -> Iterator[str]:
    yield _LIMITS.format(least=TTL_LEAST, most=TTL_MOST, generated=", ".join(sorted(GENERATED)))
    for _, editor in sorted(EDITORS.items()):
        yield from _type(editor)
    yield "## SOA\n\n| time | least | most |\n|---|---|---|"
    yield from (f"| `{name}` | {least:,} | {most:,} |" for name, (least, most) in SOA_BOUNDS.items())
    megabytes = OCTETS_MAX // 1024 // 1024
    yield _FILES.format(generated=GENERATED_MAX, records=RECORDS_MAX, megabytes=megabytes, deep=DEPTH_MAX)
    yield from (f"- {note_words(code, _Places())}" for code in sorted(known_notes()))
    yield _LINT
    yield from (f"| `{code}` | {level} | {remark_words(code, _Places())} |" for code, level in LEVELS.items())


def _type(editor: Editor) -> Iterator[str]:
    yield f"## {editor.type}\n\n**{editor.title}.** {editor.about}\n\n| field | meaning | example |\n|---|---|---|"
    for field in editor.fields:
        yield f"| `{field.name}` | {field.label}: {_meaning(field)} | `{field.example}` |"
    yield ""


def _meaning(field: Field) -> str:
    choices = "; ".join(f"`{value}` {word}" for value, word in field.choices.items())
    return " ".join(str(part) for part in (field.about, choices, "May be empty." if field.optional else "") if part)
