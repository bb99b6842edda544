"""The types that vouch for keys and certificates."""

from __future__ import annotations

from typing import Any

from panel.dns.records.editing import Editor, Field
from panel.kernel.i18n import _l

_ALGORITHM = _l("Algorithm")
_DIGITS_ABOUT = _l("Hexadecimal digits, as the program printed them. Spaces do not matter.")


def _certificate(type_: str, title: Any, about: Any) -> Editor:
    usages = {
        "0": _l("this authority, beside the usual check"),
        "1": _l("this certificate, beside the usual check"),
        "2": _l("this authority"),
        "3": _l("this certificate or key"),
    }
    selectors = {"0": _l("the whole certificate"), "1": _l("its public key")}
    matchings = {"0": _l("the data itself"), "1": "SHA-256", "2": "SHA-512"}
    return Editor(
        type_,
        title,
        about,
        (
            Field("usage", "number", _l("Usage"), _l("What is vouched for. For mail servers: 3."), "3", 255, usages),
            Field("selector", "number", _l("Selector"), _l("Of what the digest is."), "1", 255, selectors),
            Field("matching", "number", _l("Matching"), _l("How the data was made."), "1", 255, matchings),
            Field(
                "data",
                "hex",
                _l("Data"),
                _DIGITS_ABOUT,
                "92003ba34942dc74152e2f2c408d29eca5a520e7f2e06bb944f4dca346baf63c",
            ),
        ),
    )


KEYS = (
    Editor(
        "CAA",
        _l("Who may issue certificates"),
        _l("Certificate authorities that are not named here refuse to issue for this name and those below it."),
        (
            Field(
                "flags", "number", _l("Flags"), _l("0, or 128 where an authority must understand the tag."), "0", 255
            ),
            Field(
                "tag",
                "word",
                _l("Tag"),
                _l("What is said."),
                "issue",
                choices={
                    "issue": _l("may issue certificates"),
                    "issuewild": _l("may issue certificates with *"),
                    "issuemail": _l("may issue certificates for mail"),
                    "iodef": _l("where to report refusals"),
                },
            ),
            Field(
                "value",
                "string",
                _l("Value"),
                _l("The authority's domain; ; for nobody; mailto: for reports."),
                "letsencrypt.org",
            ),
        ),
    ),
    Editor(
        "DS",
        _l("Key of a zone below"),
        _l("Vouches for the keys of a zone that is handed over here. Whoever runs that zone gives you this."),
        (
            Field("key_tag", "number", _l("Key tag"), _l("The number of the key."), "12345"),
            Field("algorithm", "number", _ALGORITHM, _l("13 is ECDSA P-256, 8 is RSA with SHA-256."), "13", 255),
            Field(
                "digest_type",
                "number",
                _l("Digest type"),
                _l("How the digest was made."),
                "2",
                255,
                {"2": "SHA-256", "4": "SHA-384", "1": "SHA-1"},
            ),
            Field(
                "digest",
                "hex",
                _l("Digest"),
                _DIGITS_ABOUT,
                "4b9b6b073edd97feb5bc12dc4e1b32d2c6af7ae23a293936ceb87bb10494ec44",
            ),
        ),
    ),
    Editor(
        "OPENPGPKEY",
        _l("OpenPGP key"),
        _l("The public key of an e-mail address; the name is made from a digest of the address."),
        (
            Field(
                "key",
                "base64",
                _l("Key"),
                _l("Base64, as the program printed it. Spaces do not matter."),
                "mDMEXEcE6RYJKwYBBAHaRw8B",
            ),
        ),
    ),
    _certificate(
        "SMIMEA", _l("Certificate of an e-mail address"), _l("Vouches for the S/MIME certificate of an address.")
    ),
    Editor(
        "SSHFP",
        _l("SSH host key"),
        _l("Lets programs check the key of an SSH server. ssh-keygen -r prints these."),
        (
            Field(
                "algorithm",
                "number",
                _ALGORITHM,
                _l("Of the key."),
                "4",
                255,
                {"1": "RSA", "3": "ECDSA", "4": "Ed25519"},
            ),
            Field(
                "fingerprint_type",
                "number",
                _l("Digest type"),
                _l("How the digest was made."),
                "2",
                255,
                {"1": "SHA-1", "2": "SHA-256"},
            ),
            Field(
                "fingerprint",
                "hex",
                _l("Digest"),
                _DIGITS_ABOUT,
                "a87f1b687ac0e57d2a081a2f282672334d90ed316d2b818ca9580ea384d92401",
            ),
        ),
    ),
    _certificate(
        "TLSA",
        _l("Certificate of a service"),
        _l("Vouches for the TLS certificate of a port, at a name such as _25._tcp.mail. Works in signed zones only."),
    ),
)
