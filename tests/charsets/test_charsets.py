"""Charsets: declared, lied about, misspelled, truncated, damaged."""

import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.charsets import codec_of, decode, meta_charset
from curator.charsets.decoding import decoded_as

ZH = "中华人民共和国万岁，世界人民大团结万岁。今天天气很好，我们一起去公园散步吧。" * 5
HANT = "臺灣的氣候溫暖潮濕，適合種植水稻與茶葉。圖書館裡有許多珍貴的書籍與雜誌。" * 5
JA = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。" * 5
KO = "대한민국의 수도는 서울이다. 오늘은 날씨가 매우 좋습니다." * 5
RU = "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему. " * 5


def page(text: str, charset: str, meta: str | None = None) -> bytes:
    tag = f'<meta http-equiv="Content-Type" content="text/html; charset={meta}">' if meta else ""
    return f"<html><head>{tag}<title>t</title></head><body><p>{text}</p></body></html>".encode(charset)


@pytest.mark.parametrize(
    ("label", "charset"),
    [
        ("gb2312", "gb18030"),
        ("GBK", "gb18030"),
        (" x-gbk ", "gb18030"),
        ("big5", "big5hkscs"),
        ("x-x-big5", "big5hkscs"),
        ("ISO-8859-1", "cp1252"),
        ("latin1", "cp1252"),
        ("us-ascii", "cp1252"),
        ("iso-8859-9", "cp1254"),
        ("Shift_JIS", "cp932"),
        ("x-sjis", "cp932"),
        ("euc-kr", "cp949"),
        ("ks_c_5601-1987", "cp949"),
        ("windows-874", "cp874"),
        ("utf8", "utf-8"),
        ('"utf-8"', "utf-8"),
        ("unicode-1-1-utf-8", "utf-8"),
        ("hz-gb-2312", "hz"),
        ("iso-8559-1", None),
        ("", None),
        ("none", None),
        ("\u2603", None),
    ],
)
def test_labels(label: str, charset: str | None) -> None:
    assert codec_of(label) == charset
    if charset:
        codecs.lookup(charset)


@pytest.mark.parametrize(
    ("head", "label"),
    [
        (b'<meta charset="gbk">', "gbk"),
        (b"<META CHARSET=gbk />", "gbk"),
        (b"<meta http-equiv='Content-Type' content='text/html;charset=Big5'>", "Big5"),
        (b'<meta name="x" content="y"><meta charset = \'euc-jp\'>', "euc-jp"),
        (b'<!-- <meta charset="big5"> --><meta charset="gbk">', "gbk"),
        (b'<?xml version="1.0" encoding="Shift_JIS"?><html>', "Shift_JIS"),
        (b'<meta charset="utf-16">', "utf-8"),
        (b"<p>charset=gbk</p>", None),
        (b"<!-- never closed <meta charset=gbk>", None),
    ],
)
def test_meta(head: bytes, label: str | None) -> None:
    assert meta_charset(head) == label


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        (ZH, "utf-8"),
        (ZH, "gb18030"),
        (HANT, "big5hkscs"),
        (HANT, "utf-8"),
        (JA, "euc_jp"),
        (JA, "cp932"),
        (JA, "iso2022_jp"),
        (KO, "cp949"),
        (RU, "cp1251"),
        (RU, "koi8-r"),
    ],
)
@pytest.mark.parametrize("how", ["header", "meta", "nothing", "unknown label"])
def test_every_way_to_know_it(text: str, charset: str, how: str) -> None:
    label = {"hz": "hz-gb-2312", "iso2022_jp": "iso-2022-jp"}.get(charset, charset)
    payload = page(text, charset, label if how == "meta" else "iso-8559-1" if how == "unknown label" else None)
    found = decode(payload, label if how == "header" else None)
    assert text in found.text
    assert found.replaced == 0


def test_hz_is_known_by_its_label() -> None:
    assert decode(page(ZH, "hz", "hz-gb-2312")).text == page(ZH, "utf-8", "hz-gb-2312").decode()


def test_byte_order_marks_win() -> None:
    for mark, charset in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        found = decode(mark + page(ZH, charset), "gbk")
        assert (found.text, found.charset, found.replaced) == (page(ZH, "utf-8").decode(), charset, 0)


@pytest.mark.parametrize("label", [None, "gbk", "utf-8"])
def test_a_byte_order_mark_before_other_bytes_is_none(label: str | None) -> None:
    """A template that an editor saved with a mark, before a page in GBK."""
    found = decode(codecs.BOM_UTF8 + page(ZH, "gb18030", label or ""), label)
    assert (found.text, found.charset, found.replaced) == (page(ZH, "utf-8", label or "").decode(), "gb18030", 0)
    damaged = codecs.BOM_UTF8 + page(ZH, "utf-8").replace("的".encode(), b"\xe7\x9a")
    assert decode(damaged, label).charset == "utf-8"


@pytest.mark.parametrize("charset", ["utf-16-le", "utf-16-be"])
def test_utf16_by_its_zeros_and_never_by_its_label_alone(charset: str) -> None:
    assert decode(page(ZH, charset)).text == page(ZH, "utf-8").decode()
    assert ZH in decode(page(ZH, "utf-8"), "utf-16").text
    assert decode(b"<p>plain</p>", "utf-16").text == "<p>plain</p>"


@pytest.mark.parametrize(
    ("text", "true", "declared"),
    [
        (ZH, "gb18030", "utf-8"),
        (ZH, "utf-8", "gbk"),
        (ZH, "utf-8", "gb2312"),
        (ZH, "utf-8", "iso-8859-1"),
        (HANT, "big5hkscs", "utf-8"),
        (HANT, "utf-8", "big5"),
        (JA, "cp932", "utf-8"),
        (RU, "cp1251", "utf-8"),
    ],
)
def test_lies(text: str, true: str, declared: str) -> None:
    for payload, header in (
        (page(text, true), declared),
        (page(text, true, declared), None),
        (page(text, true, declared), declared),
    ):
        found = decode(payload, header)
        assert text in found.text
        assert found.replaced == 0


def test_the_header_is_heard_before_meta_when_both_fit() -> None:
    payload = page("Ça coûte 5 €", "cp1252", "windows-1251")
    assert decode(payload, "windows-1252").charset == "cp1252"
    assert decode(payload, None).charset == "cp1251"


@pytest.mark.parametrize("charset", ["utf-8", "gb18030", "big5hkscs", "cp932", "euc_jp", "cp949"])
def test_a_character_cut_by_the_end_is_dropped(charset: str) -> None:
    text = {"big5hkscs": HANT, "cp932": JA, "euc_jp": JA, "cp949": KO}.get(charset, ZH)
    payload = page(text, charset)
    whole = payload.decode(charset)
    for cut in range(100, 160):
        found = decode(payload[:cut], charset)
        assert found.replaced == 0
        assert whole.startswith(found.text)
        assert len(found.text.encode(charset)) > cut - 4


@pytest.mark.parametrize("declared", ["utf-8", None])
def test_one_bad_byte_in_utf8(declared: str | None) -> None:
    payload = page(ZH, "utf-8")
    payload = payload[:-60] + b"\xff" + payload[-60:]
    found = decode(payload, declared)
    assert (found.charset, found.replaced) == ("utf-8", 1)
    assert found.text.replace("\ufffd", "").startswith(page(ZH, "utf-8").decode()[:-40])


@pytest.mark.parametrize("declared", ["gbk", None])
def test_one_bad_byte_in_gbk(declared: str | None) -> None:
    good = page(ZH, "gb18030")
    at = good.index("公园".encode("gb18030"))
    found = decode(good[:at] + b"\xff" + good[at:], declared)
    assert found.charset == "gb18030"
    assert found.replaced == 1
    assert found.text.replace("\ufffd", "", 1) == good.decode("gb18030")


def test_what_the_page_itself_wrote_is_not_counted() -> None:
    assert decode("<p>锟斤拷\ufffd\ufffd中文</p>".encode(), "utf-8").replaced == 0
    assert decode("<p>中文\ufffd</p>".encode("gb18030"), "gb18030").replaced == 0


def test_characters_beyond_pythons_codecs() -> None:
    assert decode(page(ZH, "gb18030") + b"\x80 100", "gbk").text.endswith("\u20ac 100")
    row13 = "①㈱".encode("cp932")
    euc = bytes((row13[0] * 2 - 0xE1 + 0x80, row13[1] + 0x61))
    assert "①" in decode(page(JA, "euc_jp") + euc + b" ", "euc-jp").text


@given(
    st.binary(max_size=300),
    st.sampled_from([None, "utf-8", "gbk", "big5", "utf-16", "iso-2022-jp", "euc-jp", "nonsense", "hz-gb-2312"]),
)
def test_any_bytes_become_text(payload: bytes, declared: str | None) -> None:
    found = decode(payload, declared)
    found.text.encode("utf-8")
    assert 0 <= found.replaced <= found.text.count("\ufffd")


HAN = st.lists(st.integers(0x4E00, 0x9FA5).map(chr), min_size=30, unique=True).map("".join)


@given(HAN, st.sampled_from(["gbk", "utf-8"]), st.sampled_from(["gb18030", "utf-8"]))
def test_chinese_survives_any_label(text: str, declared: str, charset: str) -> None:
    payload = f"<p>{text}</p>"
    assert decode(payload.encode(charset), declared).text == payload


@pytest.mark.parametrize(
    ("text", "true", "declared"),
    [
        (ZH, "gb18030", "iso-8859-1"),
        (ZH, "gb18030", "windows-1251"),
        (ZH, "gb18030", "big5"),
        (ZH, "gb18030", "euc-kr"),
        (HANT, "big5hkscs", "gb2312"),
        (HANT, "big5hkscs", "iso-8859-1"),
        (HANT, "gb18030", "big5"),
        (JA, "cp932", "gbk"),
        (JA, "cp932", "iso-8859-1"),
        (JA, "euc_jp", "shift_jis"),
        (KO, "cp949", "gb2312"),
        (KO, "cp949", "windows-1252"),
        (RU, "cp1251", "iso-8859-1"),
        (RU, "koi8-u", "us-ascii"),
    ],
)
def test_lies_that_the_bytes_fit(text: str, true: str, declared: str) -> None:
    """Any bytes fit windows-1251, nearly any gb18030: the characters tell."""
    for payload, header in ((page(text, true), declared), (page(text, true, declared), None)):
        found = decode(payload, header)
        assert text in found.text
        assert (found.charset, found.replaced) == (true, 0)


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        ("Ça coûte 5 €, et c’est déjà très élevé pour un été à Orléans. " * 9, "windows-1252"),
        ("Übermäßig große Bäume für schöne Gärten: das wäre möglich. " * 9, "iso-8859-1"),
        ("Привет", "windows-1251"),
        ("古籍之中，㐀㐁㐂㐄㐅㐆㐌㐖㐜㐡㐤㐧㐨㐩㐪㐫㐬㐭㐮㐯，皆难字也", "gb18030"),
        ("香港㗎喺啲嘢咁嘅啩㖭𠺘𡃁", "big5-hkscs"),
        ("圓周率：①②③㈱髙﨑", "shift_jis"),
    ],
)
def test_a_true_label_is_believed(text: str, charset: str) -> None:
    found = decode(f"<p>{text}</p>".encode("cp932" if charset == "shift_jis" else charset), charset)
    assert (found.text, found.replaced) == (f"<p>{text}</p>", 0)


def test_what_a_label_says_less_than() -> None:
    """gb2312 is read as gb18030, iso-8859-1 as windows-1252, big5 with Hong Kong's characters: as browsers do."""
    assert "镕基，㐂𠮷" in decode("<p>朱镕基，㐂𠮷</p>".encode("gb18030"), "gb2312").text
    assert "“smart” – €" in decode("<p>“smart” – €</p>".encode("cp1252"), "iso-8859-1").text
    assert "啲嘢" in decode("<p>啲嘢</p>".encode("big5hkscs"), "big5").text


@pytest.mark.parametrize("charset", ["utf-16-le", "utf-16-be"])
def test_utf16_prose_without_a_mark(charset: str) -> None:
    """A book in Chinese has a zero byte at its line ends alone."""
    text = (ZH + "\r\n") * 40
    assert decode(text.encode(charset), markup=False).text == text


def test_zeros_of_binary_data_are_no_utf16() -> None:
    assert decode(bytes(range(256)) * 20, markup=False).charset not in ("utf-16-le", "utf-16-be")


def test_markup_of_a_plain_text_says_nothing() -> None:
    text = f'<meta charset="big5"> is how {ZH}'
    assert decode(text.encode("gb18030"), markup=False).text == text


def test_labels_of_the_standard() -> None:
    """Every charset of the WHATWG Encoding Standard by one of its aliases."""
    aliases = """
        unicode11utf8 866 csisolatin2 l3 iso-ir-110 cyrillic ecma-114 greek8 logical hebrew l6 iso8859-13 iso885914
        csisolatin9 iso-8859-16 koi koi8-ru macintosh dos-874 x-cp1250 cp1251 x-cp1252 cp1253 latin5 x-cp1255 cp1256 x-cp1257
        cp1258 x-mac-ukrainian chinese gb18030 cn-big5 x-euc-jp csiso2022jp ms_kanji ksc5601 unicodefffe utf-16
    """
    for alias in aliases.split():
        charset = codec_of(alias)
        assert charset, alias
        codecs.lookup(charset)


PROSE = st.randoms(use_true_random=False).map(lambda chance: "".join(chance.sample(ZH, 80)))
LABELS = st.sampled_from([None, "utf-8", "gbk", "gb2312", "iso-8859-1", "windows-1251", "nonsense"])


@settings(max_examples=60, deadline=None)
@given(PROSE, LABELS, st.integers(0, 3))
def test_a_cut_costs_the_last_character_alone(text: str, declared: str | None, cut: int) -> None:
    for charset in ("gb18030", "utf-8"):
        payload = f"<p>{text}".encode(charset)
        found = decode(payload[: len(payload) - cut], declared)
        lost = -(-cut // (2 if charset == "gb18030" else 3))
        assert found.text == f"<p>{text}"[: len(text) + 3 - lost]
        assert found.replaced == 0


@settings(max_examples=60, deadline=None)
@given(PROSE, LABELS, st.sampled_from([0, 30, 59]))
def test_a_bad_byte_costs_itself_and_is_counted(text: str, declared: str | None, at: int) -> None:
    for charset in ("gb18030", "utf-8"):
        payload = f"<p>{text[:at]}".encode(charset) + b"\xff" + text[at:].encode(charset)
        found = decode(payload, declared)
        assert found.charset == charset
        assert found.replaced == 1
        assert found.text.replace("\ufffd", "") == f"<p>{text}"


@given(st.text(alphabet="aé中😀", max_size=6), st.integers(0, 24))
def test_a_character_that_the_end_cuts(text: str, length: int) -> None:
    cut = text.encode()[:length]
    whole = cut.decode("utf-8", "ignore")
    assert decode(cut, "utf-8").text == whole
    assert decode(cut, "utf-8").utf8 == whole.encode()


BYTES = [*map(bytes, zip(range(256))), *map(str.encode, "é中😀\ufffd"), b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90"]


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.binary(max_size=12), st.lists(st.sampled_from(BYTES), max_size=6).map(b"".join)))
def test_any_bytes_are_the_utf8_that_pythons_decoder_sees(payload: bytes) -> None:
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(payload, False)
    found = decoded_as(payload, "utf-8")
    assert (found.text, found.utf8) == (text, text.encode())
    assert found.replaced == text.count("\ufffd") - payload.count("\ufffd".encode())
