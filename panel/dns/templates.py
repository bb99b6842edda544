"""Zones to begin with: what a municipality, a county, a virtual server or a domain only for mail needs."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from panel.dns.content import by_key
from panel.dns.records import canonical_set
from panel.kernel.errors import Invalid
from panel.kernel.i18n import _l
from panel.ledger.offers import Source
from provisioning.record_sets import APEX, RecordSet, in_order

TTL = 3_600


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """What a template asks for. ``title`` and ``help`` in the reader's language."""

    name: str
    title: Any
    help: Any
    required: bool


@dataclass(frozen=True, kw_only=True)
class Template:
    """A zone to begin with. ``hosts``: labels that lead to the site. ``mail``: with the records of our mail servers."""

    code: str
    title: Any
    help: Any
    parameters: tuple[Parameter, ...] = ()
    hosts: tuple[str, ...] = ()
    mail: bool = False
    silent: bool = False
    """It says that nobody sends mail from here, and nobody takes any (RFC 7505, RFC 7208 10.1.2)."""


def _address(*, required: bool) -> tuple[Parameter, ...]:
    return (
        Parameter(
            name="address",
            title=_l("IPv4 address of the site"),
            help=_l("Where visitors of the site are led, for example 192.0.2.10."),
            required=required,
        ),
        Parameter(
            name="address6",
            title=_l("IPv6 address of the site"),
            help=_l("Leave it empty if the site has none."),
            required=False,
        ),
    )


TEMPLATES: tuple[Template, ...] = (
    Template(
        code="gmina",
        title=_l("GMINA"),
        help=_l("The site of a municipality with its bulletin (BIP), and mail on our servers."),
        parameters=_address(required=True),
        hosts=(APEX, "www", "bip"),
        mail=True,
    ),
    Template(
        code="powiat",
        title=_l("POWIAT"),
        help=_l("The site of a county with its bulletin (BIP) and geoportal, and mail on our servers."),
        parameters=_address(required=True),
        hosts=(APEX, "www", "bip", "geoportal"),
        mail=True,
    ),
    Template(
        code="virtual-server",
        title=_l("SERWER WIRTUALNY"),
        help=_l("A site, and no mail."),
        parameters=_address(required=True),
        hosts=(APEX, "www"),
    ),
    Template(code="mail", title=_l("Only mail"), help=_l("Mail on our servers, and no site."), mail=True),
    Template(
        code="parked",
        title=_l("Parked"),
        help=_l("A name that is only kept: no site, and nobody can send mail from it."),
        silent=True,
    ),
    Template(code="empty", title=_l("Empty"), help=_l("Only the name servers. You add everything else.")),
)


def template_called(code: str) -> Template:
    """The template with this code. Raises Invalid ``choice``."""
    for one in TEMPLATES:
        if one.code == code:
            return one
    raise Invalid("choice", field="template", choices=", ".join(one.code for one in TEMPLATES))


def template_sets(
    code: str, *, zone: str, values: Mapping[str, str], sources: Sequence[Source] = ()
) -> tuple[RecordSet, ...]:
    """The sets with which zone ``zone`` begins; those of mail are as ``sources`` offer them.

    ``values`` by the names of the template's parameters. Raises Invalid: ``choice``, ``required``, ``unknown_field``,
    ``address_bad``, ``address6_bad``.
    """
    template = template_called(code)
    known = {one.name for one in template.parameters}
    for name in values:
        if name not in known:
            raise Invalid("unknown_field", field=name)
    for one in template.parameters:
        if one.required and not values.get(one.name, "").strip():
            raise Invalid("required", field=one.name)
    sets = [*_site(template, values, zone), *(_silence() if template.silent else ())]
    if template.mail:
        sets += [one for source in sources for one in source.usual(zone)]
    return in_order(by_key(sets).values())


def _site(template: Template, values: Mapping[str, str], zone: str) -> Iterable[RecordSet]:
    read: tuple[tuple[str, str, Callable[[str], Any]], ...] = (
        ("address", "A", ipaddress.IPv4Address),
        ("address6", "AAAA", ipaddress.IPv6Address),
    )
    for name, type_, make in read:
        if text := values.get(name, "").strip():
            try:
                address = str(make(text))
            except ValueError:
                raise Invalid(f"{name}_bad", field=name) from None
            yield from (canonical_set(host, type_, TTL, [address], zone) for host in template.hosts)


def _silence() -> Iterable[RecordSet]:
    yield RecordSet(APEX, "MX", TTL, ("0 .",))
    yield RecordSet(APEX, "TXT", TTL, ('"v=spf1 -all"',))
    yield RecordSet("_dmarc", "TXT", TTL, ('"v=DMARC1; p=reject"',))
