from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.resources import (
    Alias,
    Gone,
    InvalidResource,
    Mailbox,
    MailDomain,
    check_address,
    check_domain,
    check_token,
    from_wire,
    to_wire,
)

ID = "018f4a5e-0000-7000-8000-000000000001"
BOX = Mailbox(id=ID, generation=1, address="jan@koscian.test", login="waiting", password_hash=None, quota_mb=1024)
HASH = "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2E$" + "A" * 43

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("address", ["jan@koscian.test", "a@b.pl", "jan.k-w_1@xn--kocian-9db.test", f"{'a' * 64}@b.pl"])
def test_addresses_we_host(address: str) -> None:
    assert check_address(address) == address


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("jan", "syntax"),
        ("@b.pl", "syntax"),
        ("jan@", "syntax"),
        ("jan@localhost", "syntax"),
        ("jan@10.0.0.1", "syntax"),
        ("jan@[10.0.0.1]", "syntax"),
        ("Jan@b.pl", "syntax"),
        (".jan@b.pl", "syntax"),
        ("jan.@b.pl", "syntax"),
        ("j..n@b.pl", "syntax"),
        ("-jan@b.pl", "syntax"),
        ("../../etc@b.pl", "syntax"),
        ('"jan"@b.pl', "syntax"),
        ("jan smith@b.pl", "syntax"),
        ("jan@b@c.pl", "syntax"),
        ("jan+x@b.pl", "plus"),
        ("jan@b.pl\n", "control"),
        ("jan\0@b.pl", "control"),
        ("żan@b.pl", "not_ascii"),
        ("j\u0430n@b.pl", "not_ascii"),
        ("jan\u202e@b.pl", "not_ascii"),
        (f"{'a' * 65}@b.pl", "local_too_long"),
        (f"a@{'b' * 300}.pl", "too_long"),
        (f"a@{'b' * 64}.pl", "syntax"),
    ],
)
def test_addresses_we_do_not_host(address: str, code: str) -> None:
    with pytest.raises(InvalidResource) as error:
        check_address(address)
    assert (error.value.field, error.value.code) == ("address", code)


@pytest.mark.parametrize("name", ["", "pl", "a..pl", "-a.pl", "a-.pl", "a.pl.", "A.pl", "a_b.pl", "a.1", "a/b.pl"])
def test_no_domain_names(name: str) -> None:
    with pytest.raises(InvalidResource):
        check_domain(name)


@pytest.mark.parametrize("quota", [0, -1, 10**15, 0.5, "x", True, None])
def test_quotas_are_whole_numbers_within_bounds(quota: Any) -> None:
    with pytest.raises(InvalidResource) as error:
        replace(BOX, quota_mb=quota)
    assert error.value.field == "quota_mb"


def test_an_open_mailbox_has_a_password() -> None:
    with pytest.raises(InvalidResource):
        replace(BOX, login="open")
    replace(BOX, login="open", password_hash=HASH)


@pytest.mark.parametrize("text", ["{PLAIN}secret-secret-secret", "secret", 7, "{ARGON2ID}a\nb" + "A" * 30, "{CRYPT}!"])
def test_only_hashes_are_taken(text: Any) -> None:
    with pytest.raises(InvalidResource) as error:
        replace(BOX, password_hash=text)
    assert error.value.field == "password_hash"


def test_an_alias_does_not_lead_to_itself() -> None:
    with pytest.raises(InvalidResource):
        Alias(id=ID, generation=1, address="a@b.pl", target="a@b.pl")


def test_a_digest_tells_content_not_generation() -> None:
    assert BOX.digest() == replace(BOX, generation=2).digest()
    assert BOX.digest() != replace(BOX, quota_mb=1).digest()


@pytest.mark.parametrize(
    "item",
    [
        BOX,
        replace(BOX, login="open", password_hash=HASH),
        MailDomain(id=ID, generation=2, name="koscian.test"),
        Alias(id=ID, generation=3, address="a@b.pl", target="c@d.pl"),
        Gone(kind="mailbox", id=ID, generation=4),
        Gone(kind="alias", id=ID, generation=4, purge=True),
    ],
)
def test_what_goes_over_the_wire_comes_back(item: Any) -> None:
    assert from_wire(to_wire(item)) == item


@pytest.mark.parametrize("change", [{"more": 1}, {"do": "run"}, {"kind": "shell"}, {"id": "1"}, {"generation": 0}])
def test_what_is_no_item_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidResource):
        from_wire(to_wire(BOX) | change)


@pytest.mark.parametrize(
    "id", ["", "x", "../..", ID.upper(), ID.replace("-", ""), f"{{{ID}}}", f"urn:uuid:{ID}", 7, None]
)
def test_ids_have_one_form(id: Any) -> None:
    with pytest.raises(InvalidResource) as error:
        replace(BOX, id=id)
    assert (error.value.field, error.value.code) == ("id", "syntax")


@given(field=st.sampled_from(sorted(to_wire(BOX))), value=json_values)
def test_any_value_in_any_field_is_taken_or_refused_by_the_type(field: str, value: Any) -> None:
    try:
        item = from_wire(to_wire(BOX) | {field: value})
    except InvalidResource:
        return
    assert from_wire(to_wire(item)) == item


@given(json_values)
def test_any_json_is_an_item_or_refused_by_the_type(body: Any) -> None:
    with pytest.raises(InvalidResource):
        from_wire(body)


@pytest.mark.parametrize("token", ["", "short", "x" * 129, "a b" * 8, 7, 'quote"' * 4])
def test_tokens_are_plain(token: Any) -> None:
    with pytest.raises(InvalidResource):
        check_token(token)
