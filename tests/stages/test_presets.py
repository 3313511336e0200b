"""The shipped filters: each keeps a plain good text, each of their rules can fire, and each says what it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from curator import storage
from curator.documents import SCHEMA, decide
from curator.metrics.lists import load_list
from curator.stages.filter import Filter

PRESETS = storage.presets("filters")
LISTS = Path(__file__).parent / "lists"
GIVEN: dict[str, dict[str, Any]] = {  # lists that a preset leaves to its user
    "url": {
        "blocked_domains": {"list": str(LISTS / "domains.txt")},
        "blocked_urls": {"list": str(LISTS / "addresses.txt")},
    }
}

PROSE_ZH = (
    "北京是一座有三千多年历史的城市，曾经是六个朝代的都城。老城中央是故宫，它的北面有景山，登上山顶可以看到整个中轴线。"
    "春天的时候，胡同里的槐树开始发芽，老人们在门口下棋，孩子们骑着车子从他们身边经过。\n"
    "后来城墙被拆掉了，只有几座城门还留在原来的地方；但是人们说起方向，仍然用东西南北，不用左右。"
    "这也许是因为街道太直，也许是因为住在这里的人，心里都有一张棋盘一样的地图。\n"
    "到了冬天，湖面结了厚厚的冰，附近的学生放学以后就去滑冰，一直玩到天黑才肯回家。\n"
)
PROSE_HANT = (
    "臺北是一座被山圍繞的城市，三條河在這裡會合。早年的人們乘船來到河邊的市場，把山裡的茶葉和樟腦賣到很遠的地方去。"
    "後來河道淤積了，船進不來，市場也就慢慢地移到鐵路旁邊；不過老街上的廟還在，每逢節日，鄰居們仍然會聚在門口。\n"
    "夏天的午後常有雷雨，雨停了以後，空氣裡都是泥土的味道，騎樓下的孩子們又跑了出來。\n"
)
PROSE_EN = (
    "The river that runs through the town was once the reason people came here to live, and it has been the reason for "
    "most of what they built. Mills stood along both banks, with wheels that turned from spring until the first ice.\n"
    "When the railway arrived, the mills closed one after another; some of the buildings have become houses, others are "
    "empty to this day. Children still swim below the old dam, though every sign beside the path tells them not to.\n"
    "In winter the water freezes at the edges, and the path is left to foxes and to the man who reads the gauge. He has "
    "written down the height of the river every morning for thirty years. Nobody has ever asked him for the numbers.\n"
)
CODE = "".join(f"def area_{n}(width, height):\n    return width * height + {n}\n\n" for n in range(3))
FLAGS = dict.fromkeys(("generated", "minified", "vendored", "xml", "data"), False)
LENGTHS = dict.fromkeys(("limited_max_line_chars", "limited_mean_line_chars"), 30.0)
METADATA = FLAGS | LENGTHS | {"alphabetic_ratio": 0.6, "visible_ratio": 1.0}
TYPES = {
    "language.score": pa.float32(),
    "language.zh_score": pa.float32(),
    "early.score": pa.float32(),
    "early.zh_score": pa.float32(),
    "early.language": pa.string(),
}
PLAIN = [
    {
        "text": text,
        "language": language,
        "script": script,
        "url": "https://example.org/",
        "metadata": json.dumps(METADATA),
        "early.language": language,
    }
    | {name: 0.9 for name in TYPES if name.endswith("score")}
    for text, language, script in (
        (PROSE_ZH, "zh", "Hans"),
        (PROSE_HANT, "zh", "Hant"),
        (PROSE_EN, "en", "Latn"),
        (CODE, "en", "Latn"),
    )
]

# Texts that are bad in one way or another.
BAD_TEXTS = [
    "短。",
    "短的一行，没有别的。",
    "一" * 150 + "。",
    PROSE_ZH,
    PROSE_EN,
    "これはひらがなです。" * 20,
    "\ufffd" * 9 + "乱码",
    "13800138000 400-800-1234 2016 0.35",
    "★★★→→→☆☆☆好",
    "[[[[((((;;;;::::}}}}{{{{ab",
    "哈哈哈嘿嘿哈哈" * 20,
    "手机 电脑 相机 报价 图片 批发 厂家 直销 " * 9,
    "文字没有标点只有汉字和数字",
    "甲乙\n丙丁\n",
    "甲\n乙\n丙\n丁\n",
    "首页\n新闻\n体育\n关于我们\n联系方式\n" * 5,
    "Home\nNews\nContact\n",
    "- one thing\n• another\n- third\n" * 4,
    "【最新优惠活动今日开始】来",
    "again\n" * 5,
    "one and two\n\n" * 4,
    "上一篇下一篇\n" * 5,
    "too few words",
    "\nALL OF THIS LINE IS SHOUTED AT YOU\n",
    "\n2016 12 31 23 59 59\n",
    "ABOUT US\n1998\n",
    "a b c d e f",
    "internationalisation telecommunications",
    "nothing common appears anywhere",
    "1 2 3 4 + = - word",
    "# # # tag",
    "wait ... what ... no ...",
    "read on...\nmore…\nend",
    "a\n\n\nb\n\n\n",
    "x = 1;" * 400,
    "x" * 1500,
    "{ } {} {{}} { }" * 9,
    "buy cheap pills now and here " * 20,
    "在线咨询" * 40,
    "lorem ipsum dolor sit amet",
    "Please enable javascript\n" * 3,
    "This site uses cookies. See our privacy policy and terms of use.",
]
LONG_TEXTS = ["这一句有逗号，也有句号。" * 1200, "word " * 110_000]  # for rules on length alone: they take long
# And what only columns say.
BAD_COLUMNS: dict[str, Any] = {
    "blocked_domains": {"url": "http://www.bad.example/"},
    "blocked_urls": {"url": "http://blog.example/casino/1.html"},
    "language": {"language": "ja"},
    "script": {"script": "Cyrl"},
    "early.language": {"early.language": "ja"},
    **{name: {name: 0.1} for name in TYPES if name.endswith("score")},
    **{f"metadata.{flag}": {"metadata": json.dumps(METADATA | {flag: True})} for flag in FLAGS},
    **{f"metadata.{key}": {"metadata": json.dumps(METADATA | {key: 5000.0})} for key in LENGTHS},
    "metadata.alphabetic_ratio": {"metadata": json.dumps(METADATA | {"alphabetic_ratio": 0.1})},
    "metadata.visible_ratio": {"metadata": json.dumps(METADATA | {"visible_ratio": 0.05})},
}


def load(preset: str, change: Mapping[str, Any] | None = None) -> Filter:
    given = {key: values for key, values in GIVEN.get(preset, {}).items() if key not in (change or {})}
    return Filter.load(preset, {**given, **(change or {})})


def batch(rows: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
    schema = pa.schema([*SCHEMA, *(pa.field(k, v) for k, v in TYPES.items())])
    return pa.RecordBatch.from_pylist([dict(row) for row in rows], schema=schema)


def judged(stage: Filter, rows: Sequence[Mapping[str, Any]]) -> tuple[list[str | None], pa.RecordBatch]:
    docs = batch(rows)
    for key, column in stage(docs).items():
        docs = docs.append_column(f"{stage.name}.{key}", column)
    return decide(docs, stage.rules).to_pylist(), docs


def plain(preset: str) -> dict[str, Any]:
    """A good document of the kind that the preset is for."""
    stage = load(preset)
    reasons, _ = judged(stage, PLAIN)
    assert None in reasons, f"{preset} keeps no plain good text: {reasons}"
    return PLAIN[reasons.index(None)]


def rules_of(preset: str, part: str) -> list[str]:
    stage = load(preset)
    return (
        [asked.name for asked in stage.line_metrics] if part == "lines" else [r.reason.partition(".")[2] for r in stage.rules]
    )


def bad_documents(stage: Filter, rule: str, good: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What may make a rule fail: its column at another value, or a text that is bad, or that is made of its list."""
    if rule in BAD_COLUMNS:
        return [{**good, **BAD_COLUMNS[rule]}]
    texts = BAD_TEXTS + (LONG_TEXTS if rule in ("chars", "words") else [])
    for asked in (*stage.metrics, *stage.line_metrics):
        if asked.name == rule and (name := dict(asked.parameters).get("list")):
            texts += ["，".join(load_list(str(name)).words), " ".join(load_list(str(name)).words[:50])]
    if rule.startswith("cut_"):
        texts.append(
            good["text"] + "".join(f"{line}\n" for line in ("版权所有", "上一篇", "ok", "首页 下一页", "責任編輯") * 30)
        )
    return [{**good, "text": text} for text in texts]


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_keeps_a_plain_good_document(preset: str) -> None:
    assert plain(preset)


@pytest.mark.parametrize(("preset", "rule"), [(p, rule) for p in PRESETS for rule in rules_of(p, "document")])
def test_every_rule_of_every_preset_can_fire(preset: str, rule: str) -> None:
    others: dict[str, Any] = dict.fromkeys(other for other in rules_of(preset, "document") if other != rule)
    if not rule.startswith("cut_"):  # without its lines a text may be empty, and so fail for what cannot be measured
        others |= {f"lines.{line_rule}": None for line_rule in rules_of(preset, "lines")}
    alone = load(preset, others)
    good = plain(preset)
    reasons, docs = judged(alone, [good, *bad_documents(load(preset), rule, good)])
    assert reasons[0] is None
    values = docs.column(alone.rules[0].column).to_pylist()
    fired = [value for reason, value in zip(reasons, values) if reason == f"{preset}.{rule}" and value is not None]
    assert fired, f"no text that is bad makes {preset}.{rule} fail: {[v for v in values if v is not None][:9]}"


@pytest.mark.parametrize(("preset", "rule"), [(p, rule) for p in PRESETS for rule in rules_of(p, "lines")])
def test_every_rule_on_lines_of_every_preset_can_cut(preset: str, rule: str) -> None:
    others = {f"lines.{other}": None for other in rules_of(preset, "lines") if other != rule}
    alone = load(preset, others | dict.fromkeys(r for r in rules_of(preset, "document") if not r.startswith("cut_")))
    good = plain(preset)
    bad = [{**good, "text": good["text"] + row["text"]} for row in bad_documents(load(preset), rule, good)]
    _, docs = judged(alone, [good, *bad])
    cut = docs.column(f"{preset}.lines.{rule}").to_pylist()
    assert cut[0] == 0, "it cuts the plain good text"
    assert any(cut), f"no line makes {preset}.lines.{rule} cut it"


def test_every_preset_says_what_it_is() -> None:
    for preset in PRESETS:
        lines = Path(storage.preset("filters", preset)).read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith(f"# {preset}: "), preset


def test_every_list_says_what_it_is_and_names_nothing_twice() -> None:
    for name in storage.presets("filters/lists", ".txt"):
        lines = Path(storage.preset("filters/lists", name, ".txt")).read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith("# "), name
        entries = [entry for line in lines if (entry := line.split("#")[0].strip())]
        assert len(entries) == len(set(entries)), name


@pytest.mark.parametrize(("preset", "text"), [("zh_web", PROSE_ZH), ("zh_web", PROSE_HANT), ("zh_hant_web", PROSE_HANT)])
def test_boilerplate_goes_and_the_text_stays(preset: str, text: str) -> None:
    above = "首页 | 新闻中心 | 联系我们\n当前位置：首页 > 新闻\n字号：大 中 小\n"
    below = "责任编辑：王小明\n上一篇：老城的故事\n版權所有 轉載必究\n"
    mention = "他在文章末尾写道，版权所有这四个字本来是给印刷商看的，读者从来不在意，现在却出现在每一个网页的底部。\n"
    good = next(row for row in PLAIN if row["text"] == text)
    reasons, docs = judged(load(preset), [{**good, "text": above + text + mention + below}])
    assert reasons == [None]
    assert docs.column(f"{preset}.text").to_pylist() == [(text + mention).strip()]


@pytest.mark.parametrize(
    "line",
    [
        "【免责声明】本文仅代表作者本人观点，与某某网无关。本网站对文中陈述、观点判断保持中立，不对所包含内容的准确性、可靠性或完整性提供"
        "任何明示或暗示的保证。请读者仅作参考，并请自行承担全部责任。",
        "声明：凡注明来源本站的所有作品，均为本站合法拥有版权的作品。非本站作品均来自互联网，转载目的在于传递更多信息，并不代表本站赞同其观点。",
        "本站所有小说为转载作品，所有章节均由网友上传，转载至本站只是为了宣传本书让更多读者欣赏。",
        "《山河旧事》情节跌宕起伏、扣人心弦，是一本情节与文笔俱佳的都市小说，某某小说网转载收集山河旧事最新章节。",
        "免責聲明：本文所載資料僅供參考，並不構成投資建議，本網對使用該資料所導致的結果概不承擔任何責任。",
    ],
)
def test_disclaimers_of_any_length_go_and_talk_of_them_stays(line: str) -> None:
    told = "法院认为，网站虽然写明转载目的在于传播信息，但并未取得作者许可，因此仍应当承担相应的赔偿责任，判决书已经送达。\n"
    reasons, docs = judged(load("zh_web"), [{**PLAIN[0], "text": PROSE_ZH + told + line}])
    assert reasons == [None]
    assert docs.column("zh_web.text").to_pylist() == [(PROSE_ZH + told).strip()]


@pytest.mark.parametrize(
    "text",
    [
        "白日依山盡，黃河入海流。\n欲窮千里目，更上一層樓。",
        "海滨有渔者，夜闻水中有声如钟。往视之，见巨龟负石而行，石上隐隐有字。天明复往，沙上惟余龟迹，一直入海。",
        "Whose woods these are I think I know.\nHis house is in the village though;",
    ],
)
def test_a_short_poem_or_tale_is_a_text_of_a_book(text: str) -> None:
    assert judged(load("books"), [{**PLAIN[0], "text": text}])[0] == [None]


def test_an_article_about_networks_is_no_frame() -> None:
    text = (
        "Facebook said on Monday that it would let people move their photos from Instagram to other services, a step that "
        "YouTube and Twitter took years ago. Its lawyers had long argued that the pictures belong to whoever posts them.\n"
        "Critics of Facebook, among them two former directors of advertising, doubt that many will use it. On Reddit the "
        "news was met with jokes; on Twitter, with silence. The archives of WhatsApp, larger than both, are left out.\n"
    )
    assert judged(load("en_web"), [{**PLAIN[0], "text": text + PROSE_EN, "language": "en"}])[0] == [None]


def test_mojibake_menus_spam_and_error_pages_go_and_verse_stays() -> None:
    verse = "\n".join(
        ["空山新雨後，天氣晚來秋。", "明月松間照，清泉石上流。", "竹喧歸浣女，蓮動下漁舟。", "隨意春芳歇，王孫自可留。"]
    )
    verse += "\n中歲頗好道，晚家南山陲。\n興來每獨往，勝事空自知。\n行到水窮處，坐看雲起時。\n偶然值林叟，談笑無還期。"
    junk = [
        "\n".join(["首页", "新闻中心", "产品展示", "联系我们", "人才招聘", "公司简介", "企业文化", "在线留言"] * 6),
        "锟斤拷\ufffd\ufffd锟斤拷，" * 30,
        "天天娱乐城在线开户送彩金，天天娱乐城官网。" * 12,
        PROSE_ZH + "尊敬的客户您好，本店周年庆全场五折优惠，新老顾客凭短信免费领取精美礼品，数量有限，欢迎光临选购。" * 2,
        PROSE_ZH[:60] + "时时彩开奖结果，百家乐投注平台，注册送彩金。",
        "您访问的页面不存在，可能已被删除或更名，五秒钟后自动跳转，没有自动跳转请点击这里返回首页，" * 3,
    ]
    reasons, _ = judged(load("zh_web"), [{**PLAIN[0], "text": text} for text in (verse, PROSE_ZH, PROSE_HANT, *junk)])
    assert reasons[:3] == [None] * 3
    assert None not in reasons[3:]
