from __future__ import annotations

import pytest

from panel.dns.idn import to_ascii, to_unicode
from panel.kernel.errors import Invalid


@pytest.mark.parametrize(
    ("typed", "stored", "shown"),
    [
        ("żółw.pl", "xn--w-uga1v8h.pl", "żółw.pl"),
        ("Żółw.PL.", "xn--w-uga1v8h.PL.", "żółw.PL."),
        ("*.gmina-śmigiel.pl", "*.xn--gmina-migiel-slc.pl", "*.gmina-śmigiel.pl"),
        ("_dmarc.żółw。pl", "_dmarc.xn--w-uga1v8h.pl", "_dmarc.żółw.pl"),
        (r"a\.b.żółw", r"a\.b.xn--w-uga1v8h", r"a\.b.żółw"),
        ("straße.de", "xn--strae-oqa.de", "straße.de"),
        ("www.example.org", "www.example.org", "www.example.org"),
    ],
)
def test_names_go_both_ways(typed: str, stored: str, shown: str) -> None:
    assert to_ascii(typed) == stored
    assert to_unicode(stored) == shown


@pytest.mark.parametrize("name", ["ża-.pl", "-ż.pl", "☃.pl", "_ż.pl", f"{'ż' * 60}.pl"])
def test_what_idna_2008_does_not_know_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        to_ascii(name)
    assert refused.value.code == "name_idn"


@pytest.mark.parametrize("name", ["xn--.pl", "xn--a.pl", "xn--n3h.pl", "xn--w-uga1v8h\\046.pl"])
def test_what_is_no_name_in_letters_is_shown_as_it_is(name: str) -> None:
    assert to_unicode(name) == name
