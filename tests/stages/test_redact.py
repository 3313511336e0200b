"""Private data next to Han characters, and the numbers that only look like it. Every value here is invented."""

from typing import Any

import pyarrow as pa
import pytest

from curator.documents import decide
from curator.privacy import ENTITIES
from curator.privacy.numbers import luhn
from curator.stages.redact import SPANS, Redact


def texts(*rows: str | None) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(rows, pa.string())], ["text"])


def clean(text: str) -> str:
    """By the stage, so that the first pass over the column is tested as well."""
    return Redact()(texts(text))["text"][0].as_py()


def with_check(number: str) -> str:
    """A resident ID with its last character computed, by the standard's definition of MOD 11-2."""
    total = sum(int(d) * pow(2, 17 - i, 11) for i, d in enumerate(number))
    return number + "0123456789X"[(1 - total) % 11]


def with_luhn(number: str) -> str:
    return next(number + d for d in "0123456789" if luhn(number + d))


ID = with_check("11010119900307451")
CARD = with_luhn("622202123456789012")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("邮箱zhang.san@163.com请联系", "邮箱<EMAIL>请联系"),
        ("微信同号test@qq.com欢迎", "微信同号<EMAIL>欢迎"),
        ("write to a_b+c@mail.example.co.uk.", "write to <EMAIL>."),
        ("13812345678@qq.com", "<EMAIL>"),
        ("a@b.cn;c@d.cn", "<EMAIL>;<EMAIL>"),
        ("手机13812345678欢迎", "手机<PHONE>欢迎"),
        ("电话：+86 138 1234 5678。", "电话：<PHONE>。"),
        ("tel:+86-138-1234-5678,", "tel:<PHONE>,"),
        ("008613812345678", "<PHONE>"),
        ("?mobile=13812345678&x=1", "?mobile=<PHONE>&x=1"),
        ("TEL13812345678", "TEL<PHONE>"),
        ("固话010-62345678转801", "固话<PHONE>"),
        ("(0755)26345678", "<PHONE>"),
        ("（021）62345678", "<PHONE>"),
        ("0513-85123456、0513-85123457", "<PHONE>、<PHONE>"),
        ("call +44 20 7946 0958 now", "call <PHONE> now"),
        ("+1 (555) 234-5678", "<PHONE>"),
        ("(555) 234-5678 or 555-234-5678", "<PHONE> or <PHONE>"),
        (f"身份证{ID}号", "身份证<ID_CARD>号"),
        (f"身份证号：{ID.lower()}", "身份证号：<ID_CARD>"),
        (f"卡号{CARD}开户行", "卡号<BANK_CARD>开户行"),
        (f"{CARD[:4]} {CARD[4:8]} {CARD[8:12]} {CARD[12:16]} {CARD[16:]}", "<BANK_CARD>"),
        ("visa 4111-1111-1111-1111", "visa <BANK_CARD>"),
        ("4111-1111-1111-1111", "4111-1111-1111-1111"),
        ("visa 4012-8888-8888-1881", "visa <BANK_CARD>"),
        ("来自123.125.114.144的访客", "来自<IP>的访客"),
        ("IP地址8.8.8.8", "IP地址<IP>"),
        ("http://93.184.216.34/x", "http://<IP>/x"),
        ("访问2001:db8::1地址", "访问<IP>地址"),
        ("2001:0db8:85a3:0000:0000:8a2e:0370:7334", "<IP>"),
        ("需要的我+V13112345678", "需要的我+V<WECHAT>"),
        ("详情＋V：13112345678", "详情＋V：<PHONE>"),
        ("＋VX1234567890领取", "＋VX<WECHAT>领取"),
        ("加V 594044352", "加V <WECHAT>"),
        ("V信594044352", "V信<WECHAT>"),
        ("威信：zhangwei88", "威信：<WECHAT>"),
        ("TOPQQ：234490553", "TOPQQ：<QQ>"),
        ("玩家Q群594044351", "玩家Q群<QQ>"),
        ("群号：594044351", "群号：<QQ>"),
        ("玩家交流群594044351", "玩家交流群<QQ>"),
        ("企鹅号 594044351", "企鹅号 <QQ>"),
        ("企鹅：594044351", "企鹅：<QQ>"),
        ("扣扣594044351", "扣扣<QQ>"),
        ("扣扣群号594044351", "扣扣群号<QQ>"),
    ],
)
def test_redacted(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "第8.8.8.8节",
        "第3.2.1.4节",
        "1.2.3.45678",
        "3.2.1.4 系统设计",
        "v10.20.30.40",
        "版本 95.0.4638.69",
        "版本号：33.0.1750.117",
        "Chrome/33.0.1750.117 Safari",
        "浏览器2015 8.5.0.128 官方最新版",
        "192.168.1.1 10.0.0.1 127.0.0.1 255.255.255.0 0.0.0.0",
        "256.100.100.100",
        "50.60.70.80.90",
        "2012-01-17 12:30:45",
        "2012.01.17",
        "1998-2008-2018",
        "std::abc 12:30:45:12 aa:bb:cc:dd:ee:fg 2001:1:2",
        "价格15000000000元",
        "¥13912345678",
        "约13912345678美元",
        "13500000000",
        "时间戳1500000000000",
        "订单号13812345678901",
        "0.13812345678",
        "http://x.com/item/13812345678.html",
        "id=ab13812345678",
        "13812345678abc",
        "许可证13120170003号",
        "ISBN 978-7-302-12345-6",
        "logo@2x.png",
        "git@github.com:a/b.git",
        "@someone and a@b and a@b.1",
        "pi=3.14159265358979323846",
        ID[:-1] + ("1" if ID[-1] != "1" else "2"),
        with_check("11010119900230451"),
        with_check("99010119900307451"),
        "1" + ID,
        CARD[:-1] + str((int(CARD[-1]) + 1) % 10),
        with_luhn("122202123456789012"),
        "4444444444444448",
        "C++ +1 +12 3+4",
        "人群1234567人，集群 20161109",
        "该群 1234567 元；交流群2000000人",
        "参数3+V1234567.5",
        "企鹅1234567只",
        "FAQ：1234567",
        "",
    ],
)
def test_left_alone(text: str) -> None:
    assert clean(text) == text


def test_counts_and_spans_point_at_placeholders_and_hold_no_value() -> None:
    text = "甲a@b.cn，乙13812345678，丙13812345679。"
    out = Redact()(texts(text, None, "nothing", ""))
    new = "甲<EMAIL>，乙<PHONE>，丙<PHONE>。"
    assert out["text"].to_pylist() == [new, None, "nothing", ""]
    assert out["count"].to_pylist() == [3, None, 0, 0]
    assert out["phone"].to_pylist() == [2, None, 0, 0]
    assert out["email"].to_pylist() == [1, None, 0, 0]
    assert out["per_thousand"].to_pylist() == [3, None, 0, 0]
    spans = out["spans"].to_pylist()
    assert [(s["type"], new[s["start"] : s["end"]]) for s in spans[0]] == [
        ("email", "<EMAIL>"),
        ("phone", "<PHONE>"),
        ("phone", "<PHONE>"),
    ]
    assert spans[1:] == [None, [], []]
    assert {name: array.type for name, array in out.items()} == Redact().writes
    assert out["spans"].type == SPANS


def test_slices_and_empty_batches() -> None:
    rows = ["a@b.cn", None, "x", "电话13812345678", "", "8.8.8.8"]
    whole = Redact()(texts(*rows))
    for start in range(7):
        for stop in range(start, 7):
            for name, array in Redact()(texts(*rows).slice(start, stop - start)).items():
                assert array.equals(whole[name].slice(start, stop - start))


def test_only_the_entities_that_are_named() -> None:
    text = f"a@b.cn 13812345678 {ID}"
    assert Redact(entities=("email",))(texts(text))["text"].to_pylist() == [f"<EMAIL> 13812345678 {ID}"]
    assert Redact(entities=("id_card",))(texts(text))["text"].to_pylist() == ["a@b.cn 13812345678 <ID_CARD>"]
    counts = {"count", "outside_text", "per_thousand", "spans", "email"}
    assert set(Redact(entities=("email",), columns=("text",)).writes) == {"text", *counts}


def test_stand_ins_are_equal_for_equal_values_wherever_they_stand() -> None:
    stage = Redact(replace="pseudonym", seed="a seed")
    one, other = stage(texts("电话13812345678，邮箱a@b.cn", "13812345679"))["text"].to_pylist()
    apart = stage(texts("请拨138-1234-5678。"))["text"][0].as_py()
    assert one[2:13] == apart[2:15].replace("-", "")
    assert one[2:13] != other
    assert Redact(replace="pseudonym", seed="another")(texts("13812345678"))["text"][0].as_py() != one[2:13]
    spans = stage(texts("电话13812345678，邮箱a@b.cn"))["spans"][0].as_py()
    assert [one[s["start"] : s["end"]] for s in spans] == [one[2:13], one[16:]]


def test_a_document_that_is_dense_with_private_data_is_rejected() -> None:
    stage = Redact(name="pii", max_per_thousand=3)
    rows = ["13812345678 a@b.cn", "\n".join(f"1381234567{n}" for n in range(5)), "13812345678 " * 5 + "字" * 2000, None]
    column = stage(texts(*rows))["per_thousand"]
    reasons = decide(pa.record_batch({"pii.per_thousand": column}), stage.rules)
    assert reasons.to_pylist() == [None, "pii.per_thousand", None, "pii.per_thousand"]
    assert Redact().rules == ()


def test_every_entity_is_counted_in_the_ledger() -> None:
    assert Redact().tallies == tuple(ENTITIES)
    assert Redact(entities=("ip", "US_SSN")).libraries == ("presidio-analyzer",)
    assert Redact().libraries == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"entities": ()}, "entities: name at least one"),
        ({"entities": ("email", "email")}, "entities: name at least one"),
        ({"entities": ("mail",)}, "entities: no 'mail'. Did you mean 'email'"),
        ({"entities": ("US_SSNS",)}, "Did you mean 'US_SSN'"),
        ({"entities": ("person",)}, "`person` needs `ner`"),
        ({"entities": ("person",), "ner": "no_such_model"}, "ner: no spaCy model 'no_such_model'"),
        ({"ner": "en"}, "ner: is for `person`"),
        ({"replace": "pseudonym"}, "seed: `replace: pseudonym` needs one"),
        ({"seed": "x"}, "seed: is for"),
        ({"max_per_thousand": -1.0}, "max_per_thousand"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Redact(**options)
