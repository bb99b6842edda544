"""The types that say where something is: addresses, aliases, servers, services, text."""

from __future__ import annotations

from typing import Any

from panel.dns.records.editing import Editor, Field
from panel.kernel.i18n import _l

_WEIGHT = _l("Weight")
_PRIORITY = _l("Priority")
_PRIORITY_ABOUT = _l("The smallest number is tried first.")
_HOST = _l("Host")
_TARGET = _l("Target")
_HOST_ABOUT = _l("A name with dots is a whole one; one without dots lies in this zone, and @ is the zone itself.")

_PARAMETERS = (
    Field("alpn", "parameter", _l("Protocols"), _l("By commas: h2 is HTTP/2, h3 is HTTP/3."), "h2,h3", optional=True),
    Field("port", "parameter", _l("Port"), _l("Leave it empty for the usual one."), "8443", optional=True),
    Field(
        "ipv4hint",
        "parameter",
        _l("IPv4 addresses"),
        _l("By commas; they spare a question."),
        "192.0.2.80",
        optional=True,
    ),
    Field(
        "ipv6hint",
        "parameter",
        _l("IPv6 addresses"),
        _l("By commas; they spare a question."),
        "2001:db8::80",
        optional=True,
    ),
    Field(
        "parameters",
        "parameters",
        _l("Further parameters"),
        _l("As in zone files, by spaces: ech=…, key7=…, key65400=…"),
        'key7="/dns-query{?dns}"',
        optional=True,
    ),
)


def _binding(type_: str, title: Any, about: Any) -> Editor:
    target = _l("Who serves it. A dot alone is this very name.")
    priority = _l("0 makes it an alias without parameters; otherwise the smallest number is tried first.")
    fields = (
        Field("priority", "number", _PRIORITY, priority, "1"),
        Field("target", "host", _TARGET, target, "."),
        *_PARAMETERS,
    )
    return Editor(type_, title, about, fields, "binding")


def _one_host(type_: str, title: Any, about: Any, example: str) -> Editor:
    return Editor(type_, title, about, (Field("host", "host", _HOST, _HOST_ABOUT, example),))


SERVICES = (
    Editor(
        "A",
        _l("IPv4 address"),
        _l("The address at which this name is reached. Several addresses share the visits."),
        (Field("address", "a", _l("Address"), _l("Four numbers with dots."), "192.0.2.10"),),
    ),
    Editor(
        "AAAA",
        _l("IPv6 address"),
        _l("The address at which this name is reached by IPv6."),
        (Field("address", "aaaa", _l("Address"), _l("Numbers with colons."), "2001:db8::10"),),
    ),
    Editor(
        "CNAME",
        _l("Alias"),
        _l(
            "This name is another name for the target. Nothing else may"
            " stand beside it, so it cannot be the zone itself."
        ),
        (Field("target", "host", _TARGET, _HOST_ABOUT, "www.example.org"),),
    ),
    Editor(
        "DNAME",
        _l("Alias of everything below"),
        _l("All names below this one are answered as the same names below the target; this name itself is not."),
        (Field("target", "host", _TARGET, _HOST_ABOUT, "example.org"),),
    ),
    _binding(
        "HTTPS", _l("How to reach a site"), _l("Tells browsers beforehand which protocols and addresses a site has.")
    ),
    Editor(
        "LOC",
        _l("Place"),
        _l("Where on Earth this is. Hardly any program asks."),
        (
            Field("latitude", "place", _l("Latitude"), _l("Degrees, minutes, seconds, N or S."), "52 5 12.000 N"),
            Field("longitude", "place", _l("Longitude"), _l("Degrees, minutes, seconds, E or W."), "16 38 44.000 E"),
            Field("altitude", "place", _l("Altitude"), _l("In metres, with m."), "85.00m"),
            Field("size", "place", _l("Size"), _l("Across, in metres."), "1.00m", optional=True),
            Field("horizontal", "place", _l("Precision on the ground"), _l("In metres."), "10000.00m", optional=True),
            Field("vertical", "place", _l("Precision in height"), _l("In metres."), "10.00m", optional=True),
        ),
        "place",
    ),
    Editor(
        "MX",
        _l("Mail server"),
        _l("Where mail for this name goes. The preference 0 with the host . alone says that there is no mail here."),
        (
            Field("preference", "number", _l("Preference"), _PRIORITY_ABOUT, "10"),
            Field("host", "host", _HOST, _HOST_ABOUT, "mail.example.org"),
        ),
    ),
    Editor(
        "NAPTR",
        _l("Rewriting of addresses"),
        _l("For telephony: turns numbers and domains into addresses of services."),
        (
            Field("order", "number", _l("Order"), _PRIORITY_ABOUT, "100"),
            Field("preference", "number", _l("Preference"), _PRIORITY_ABOUT, "10"),
            Field("flags", "string", _l("Flags"), _l("What the result is: S, A, U or P."), "U", optional=True),
            Field("service", "string", _l("Service"), _l("Which service and protocol."), "E2U+sip", optional=True),
            Field(
                "expression",
                "string",
                _l("Expression"),
                _l("Rewrites, or is empty where there is a replacement."),
                "!^.*$!sip:info@example.org!",
                optional=True,
            ),
            Field(
                "replacement",
                "host",
                _l("Replacement"),
                _l("The next name to ask for; . where there is an expression."),
                ".",
            ),
        ),
    ),
    _one_host(
        "NS",
        _l("Name server"),
        _l("Hands this name and all below it over to another server. Name at least two."),
        "ns1.example.org",
    ),
    _one_host("PTR", _l("Name of an address"), _l("In reverse zones: which host has the address."), "mail.example.org"),
    Editor(
        "SRV",
        _l("Where a service runs"),
        _l("Stands at a name such as _imaps._tcp. A host . alone says that there is no such service."),
        (
            Field("priority", "number", _PRIORITY, _PRIORITY_ABOUT, "0"),
            Field("weight", "number", _WEIGHT, _l("Shares the work between hosts of one priority."), "1"),
            Field("port", "number", _l("Port"), _l("On which the service listens."), "993"),
            Field("host", "host", _HOST, _HOST_ABOUT, "mail.example.org"),
        ),
    ),
    _binding("SVCB", _l("How to reach a service"), _l("Tells programs which protocols and addresses a service has.")),
    Editor(
        "TXT",
        _l("Text"),
        _l("Free text: SPF, DKIM, DMARC and proofs of ownership are such texts."),
        (
            Field(
                "text",
                "text",
                _l("Text"),
                _l(
                    "As you were given it, without quotation marks around it; it is cut"
                    " into pieces by itself. Type \\\\ for a backslash."
                ),
                "v=spf1 mx -all",
            ),
        ),
        "text",
    ),
    Editor(
        "URI",
        _l("Address of a service"),
        _l("Names a whole address for a service, at a name such as _http._web."),
        (
            Field("priority", "number", _PRIORITY, _PRIORITY_ABOUT, "10"),
            Field("weight", "number", _WEIGHT, _l("Shares the work between addresses of one priority."), "1"),
            Field("target", "string", _TARGET, _l("The whole address."), "https://example.org/path"),
        ),
    ),
)
