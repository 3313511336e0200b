"""Stand-ins: of the same form, the same for the same value, and nobody's. Every value here is invented."""

import ipaddress
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.privacy import ENTITIES, find_in, pseudonym
from curator.privacy.numbers import luhn, resident_id, social_credit_code

VALUES = {
    "private_key": "-----BEGIN PRIVATE KEY-----",
    "api_key": "AKIA0123456789ABCDEF",
    "url_credentials": "u:p",
    "email": "zhang.san@163.com",
    "id_card": "110101199003074514",
    "uscc": "91110000600037341L",
    "bank_card": "4012 8888 8888 1881",
    "phone": "138-1234-5678",
    "passport": "E12345678",
    "plate": "京A·12345",
    "ip": "93.184.216.34",
    "mac": "00-1A-2B-3C-4D-5E",
    "qq": "12345678",
    "wechat": "zhang_san88",
    "address": "北京市海淀区中关村大街27号",
    "US_SSN": "460-89-9847",
    "person": "张三",
}
# Kinds whose stand-ins lie in ranges that no recogniser takes for anybody's.
NOBODYS = ("id_card", "uscc", "bank_card", "passport", "plate", "qq", "wechat", "api_key", "private_key")


def test_every_entity_has_a_stand_in() -> None:
    assert set(ENTITIES) <= set(VALUES)


@pytest.mark.parametrize("entity", VALUES)
def test_equal_values_get_equal_ones_and_seeds_differ(entity: str) -> None:
    value = VALUES[entity]
    assert pseudonym(entity, value, "a") == pseudonym(entity, value, "a")
    assert pseudonym(entity, value, "a") != pseudonym(entity, value, "b")
    assert value not in pseudonym(entity, value, "a")


@pytest.mark.parametrize("entity", NOBODYS)
@given(seed=st.text(max_size=4))
def test_stand_ins_are_found_no_more(entity: str, seed: str) -> None:
    assert entity not in [name for *_, name in find_in(f"，{pseudonym(entity, VALUES[entity], seed)}，")]


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("13812345678", "124[0-9]{8}"),
        ("138-1234-5678", "124-[0-9]{4}-[0-9]{4}"),
        ("+86 138 1234 5678", r"\+86 124 [0-9]{4} [0-9]{4}"),
        ("１３８１２３４５６７８", "124[0-9]{8}"),
        ("010-62345678转801", "010-0[0-9]{7}转[0-9]{3}"),
        ("（0755）26345678", "（0755）0[0-9]{7}"),
        ("(555) 234-5678", r"\(555\) 555-01[0-9]{2}"),
        ("1-800-942-2677", "1-800-555-01[0-9]{2}"),
        ("400-810-8888", "400-0[0-9]{2}-[0-9]{4}"),
        ("+44 20 7946 0958", r"\+99 9[0-9] [0-9]{4} [0-9]{4}"),
        ("4673395", "0[0-9]{6}"),
        ("07700 063 966", "07700 0[0-9]{2} [0-9]{3}"),
    ],
)
@given(seed=st.text(max_size=4))
def test_telephones_keep_their_form(value: str, form: str, seed: str) -> None:
    assert re.fullmatch(form, pseudonym("phone", value, seed))


def test_one_number_in_all_its_forms_is_one() -> None:
    forms = ("13812345678", "138 1234 5678", "+86-138-1234-5678", "0086 13812345678", "１３８１２３４５６７８")
    assert len({re.sub("[^0-9]", "", pseudonym("phone", form, "s"))[-11:] for form in forms}) == 1


@given(st.integers(0, 2**32 - 1), st.text(max_size=4))
def test_addresses_are_reserved_ones(number: int, seed: str) -> None:
    four = ipaddress.IPv4Address(pseudonym("ip", str(ipaddress.IPv4Address(number)), seed))
    assert four in ipaddress.ip_network("240.0.0.0/4")
    six = ipaddress.IPv6Address(pseudonym("ip", str(ipaddress.IPv6Address(number << 90)), seed))
    assert six in ipaddress.ip_network("2001:db8::/32")


@given(st.text(max_size=4))
def test_checksums_are_right_and_nobody_has_them(seed: str) -> None:
    card = pseudonym("bank_card", VALUES["bank_card"], seed)
    assert re.fullmatch("011[0-9]( [0-9]{4}){3}", card)
    assert luhn(card.replace(" ", ""))
    person = pseudonym("id_card", VALUES["id_card"], seed)
    assert re.fullmatch("990000[0-9]{11}[0-9X]", person)
    assert not resident_id(person)
    company = pseudonym("uscc", VALUES["uscc"], seed)
    assert company.startswith("91990000")
    assert not social_credit_code(company)
    assert pseudonym("email", "a@b.cn", seed).split("@")[1] in ("example.com", "example.org", "example.net")
