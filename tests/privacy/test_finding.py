"""`find` by places against every recogniser over the whole text. Every value here is invented."""

from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curator.privacy import ENTITIES, find, find_in

_PIECES = (
    "a.b+c@x.cn|＠|@|git@github.com:a/b|13812345678|１３８１２３４５６７８|+86 138-1234-5678|010-62345678|"
    "(0755) 26345678|400-810-8888|+44 20 7946 0958|555-234-5678|call 467 3395|电话：62345678|11010119900307451|"
    "110101900307451|身份证|91110000600037341L|6222 0212 3456 7890|4012-8888-8888-1881|护照E12345678|京A·12345|"
    "粤BD12345|沪A|93.184.216.34|8.8.8.8|v1.2.3.4|2001:db8::1|::|fe80::1ff:fe23:4567:890a|00:1A:2b:3c:4d:5e|"
    "00-1A-2b-3c-4d-5e|001a.2b3c.4d5e|http://u:p@|://|QQ：12345678|扣扣|qq|Q Q|Ｑ|"
    "Q　Q：|加Q 1234567|glpat-|AKIA|微信号：zhang_88|微信|+信|vx:|"
    "weixin|wechat id john8x|加V：|"
    "加我v|加微|+V|+v❤|zhangwei88|wxid_abcdefghij12|12号|三号楼|5号院3单元502室|北京市海淀区中关村大街|地址：|住在|"
    "12 Main Street, Springfield, IL 62701|3 March|AKIAIOSFODNN7EXAMPLE|api_key='|"
    "a8f5f167f44f4964e6c998dee827110c|-----BEGIN RSA PRIVATE KEY-----|\nMIIEpAIBAAKCAQEA1234567890abcdefghij|"
    "-----END RSA PRIVATE KEY-----|中文|𠀀|é|（|）|—| |.|-|:|8|x|\n|，|="
)
PIECES = _PIECES.split("|")


def column(*texts: str | None) -> pa.Array:
    return pa.array(texts, pa.string())


@settings(deadline=None, max_examples=400)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
@example("ｚ９@163.com")
def test_places_miss_nothing_that_a_recogniser_finds(text: str) -> None:
    (found,) = find(column(text))
    assert found == find_in(text)
    assert all(a[1] <= b[0] for a, b in pairwise(found))


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet="0123456789 .-()+@:/aAqQxXvV微信加号E京", max_size=60))
def test_places_miss_nothing_in_noise(text: str) -> None:
    assert find(column(text)) == [find_in(text)]


def test_slices_nulls_and_kinds_of_columns() -> None:
    rows = ["a@b.cn", None, "x", "电话13812345678", "", "𠀀𠀀12 １３８１２３４５６７８", "8.8.8.8"]
    whole = find(column(*rows))
    assert whole == [[(0, 6, "email")], [], [], [(2, 13, "phone")], [], [(5, 16, "phone")], []]
    for start in range(8):
        for stop in range(start, 8):
            assert find(column(*rows).slice(start, stop - start)) == whole[start:stop]
    for kind in (pa.large_string(), pa.string_view()):
        assert find(column(*rows).cast(kind)) == whole


@pytest.mark.parametrize("name", ENTITIES)
def test_only_the_entities_that_are_named(name: str) -> None:
    text = "，".join(PIECES)
    assert {entity for *_, entity in find(column(text), [name])[0]} <= {name}
