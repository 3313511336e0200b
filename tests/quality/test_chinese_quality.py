"""zh_web and zh_hant_web on real text: what they keep of good sets and reject of junk, with floors a little below today's."""

from __future__ import annotations

import importlib

import pytest

from curator.stages.filter import Filter

quality = importlib.import_module("chinese_quality")  # of tests/bench, which conftest.py puts on the path

FLOORS = {
    "messages joined to pages: lengths, newlines matched": 0.97,
    "single messages: no whitespace, lengths matched": 0.92,
    "raw pages as they are": 0.93,
    "raw pages: no whitespace, lengths matched": 0.92,
}


@pytest.fixture(scope="module")
def sets():
    assert quality.DATA.is_dir(), f"no data at {quality.DATA}: set CURATOR_DATA to the folder that MANIFEST.md describes"
    return quality.good_sets()


@pytest.fixture(scope="module")
def pages():
    assert quality.DATA.is_dir(), f"no data at {quality.DATA}: set CURATOR_DATA to the folder that MANIFEST.md describes"
    return quality.labelled()


@pytest.mark.data
def test_zh_web_keeps_98_percent_of_each_good_set(sets) -> None:
    stage = Filter.load("zh_web")
    for name, found in sets.items():
        texts = [text for half in quality.HALVES for text in found[half]]
        assert len(texts) > 100, name
        assert quality.rejected(stage, texts) <= 0.02, name


@pytest.mark.data
def test_zh_web_keeps_text_of_any_length(sets) -> None:
    """Of many subjects: entropy and repetition grow with the length of good text, and no bound may take it for junk."""
    stage = Filter.load("zh_web")
    for name in ("wiki paragraphs, Simplified", "wiki paragraphs, Traditional", "academic abstracts", "novels by chapters"):
        texts = [text for half in quality.HALVES for text in sets[name][half]]
        for count in (20, 200):
            joined = ["\n".join(texts[at : at + count]) for at in range(0, len(texts) - count + 1, count)]
            assert joined
            assert quality.rejected(stage, joined) == 0, (name, count)


@pytest.mark.data
def test_zh_web_rejects_junk_that_only_words_tell(sets, pages) -> None:
    stage = Filter.load("zh_web")
    for name, (junk, good) in quality.junk_sets(sets, pages).items():
        for half in quality.HALVES:
            assert quality.rejected(stage, junk[half], lengths=False) >= FLOORS[name], (name, half)
        matched = name != "raw pages as they are"
        assert (quality.baseline(good, junk) < 0.1) == matched, "the classes differ in length or newlines"


@pytest.mark.data
@pytest.mark.slow
def test_zh_hant_web_does_the_same_for_traditional_characters(sets, pages) -> None:
    stage = Filter.load("zh_hant_web")
    good = quality.traditional(sets)
    assert len(good) >= 5
    for name, found in good.items():
        assert quality.rejected(stage, [text for half in quality.HALVES for text in found[half]]) <= 0.02, name
    for name, (junk, _) in quality.junk_sets(sets, pages).items():
        texts = quality.in_traditional(junk)["held-out"]
        assert quality.rejected(stage, texts, lengths=False) >= FLOORS[name], name
        only_script = Filter.load(
            "zh_hant_web", {rule.reason.partition(".")[2]: None for rule in stage.rules if rule.reason != "zh_hant_web.script"}
        )
        assert quality.rejected(only_script, texts) <= 0.1, "what is not Hant says nothing of the other rules"


@pytest.mark.data
def test_pages_of_errors_gambling_and_porn_go(pages) -> None:
    stage = Filter.load("zh_web")
    for kinds, floor in ((("error", "parked", "login"), 0.95), (("gambling", "porn"), 0.92)):
        texts = [p["text"] for p in pages if p["label"] == "junk" and p["kind"] in kinds]
        assert len(texts) > 10
        assert quality.rejected(stage, texts, lengths=False) >= floor, kinds


PROSE = """    河水从村前流过，到了冬天就只剩一条细线。孩子们在石头上跳来跳去，谁也不怕弄湿鞋子。祖父说，
他小时候这里还有船，装着盐和布，从上游一直走到县城，要两天的工夫。后来修了路，船就没有人坐了，码头也塌了一半。
现在每年春天，还有人到那里去钓鱼，带着凳子和一壶茶，坐到太阳落山才回家。"""


@pytest.mark.parametrize(
    "planted",
    [
        ("{织梦_随机数字3}", "{织梦_随机数字4}"),
        ("www.example1.com_专题推荐:www.example2.net", "新闻由www.example1.com自动更新"),
        ("手机可以押龙虎的网站", "押龙虎技巧"),
        ("百家乐开户", "时时彩官网"),
        ("某市代孕网", "代孕价格"),
        ("网站XML地图", "网站TXT地图"),
    ],
)
def test_what_only_doorways_have_rejects_whatever_text_stands_around_it(planted: tuple[str, str]) -> None:
    stage = Filter.load("zh_web")
    pages = [PROSE, f"{planted[0]}\n{PROSE}", f"{planted[0]}\n{PROSE * 20}\n{planted[1]}"]
    alone = Filter.load("zh_web", {r.reason.partition(".")[2]: None for r in stage.rules if r.reason != "zh_web.doorway"})
    assert quality.judged(stage, pages[:1])[0] == [None]
    assert quality.judged(alone, pages)[0] == [None, None, "zh_web.doorway"], "one may be a quotation"


def test_news_about_promotions_is_none() -> None:
    news = """运营商5G手机促销方式曝光。记者昨日从多家营业厅获悉，三大运营商近期将推出5G手机优惠活动，用户预存话费可享受购机
折扣，部分机型最低价降至千元以下，办理套餐还可获赠流量。业内人士表示，运营商希望通过补贴和促销吸引更多用户换机，下半年价格将进一步下降。
不过有消费者反映，部分优惠套餐设有最低消费和在网时长限制，办理前应当问清楚合约条款。"""
    advert = "新店开业大酬宾，全场五折起，进店有礼，会员再享折上折，凭短信到店领取精美礼品，欢迎光临，订购请回电。" * 3
    assert quality.judged(Filter.load("zh_web"), [news, advert])[0] == [None, "zh_web.promotion"]


@pytest.mark.data
def test_pages_of_real_text_stay_and_lose_their_frame(pages) -> None:
    texts = [p["text"] for p in pages if p["label"] == "good"]
    reasons, left = quality.judged(Filter.load("zh_web"), texts)
    assert reasons == [None] * len(texts)
    assert all(len(after) < len(before) for before, after in zip(texts, left))
    assert "All Rights Reserved" not in "".join(left)


@pytest.mark.data
def test_lines_of_good_text_stay(sets) -> None:
    stage = Filter.load("zh_web")
    for name, found in sets.items():
        texts = [text for half in quality.HALVES for text in found[half]]
        _, left = quality.judged(stage, texts)
        assert sum(map(len, left)) >= 0.998 * sum(map(len, texts)), name


@pytest.mark.data
def test_lines_cut_from_pages_are_not_of_their_text() -> None:
    cut, in_gold, _, from_gold = quality.frame_lines(Filter.load("zh_web"))
    assert cut > 1500
    assert in_gold <= 0.025 * cut
    assert len(from_gold) <= 34  # in 18,000; nearly all of them credits and links that the annotators left in


@pytest.mark.data
def test_whole_pages_stay_that_hold_a_text() -> None:
    """All text of a page that has a gold text, as WET has it: what surrounds the text is no reason to lose most of them."""
    pages = [page for _, page in quality.raw_pages()]
    assert len(pages) > 200
    assert 1 - quality.rejected(Filter.load("zh_web"), pages) >= 0.83


def test_matched_sets_are_matched() -> None:
    good = ["一二三四五六七八九十\n一二三四五六七八九十\n一二", "好" * 7]
    pages = quality.spam_pages(good, ["优惠大酬宾", "欢迎光临"])
    assert [(len(p), p.count("\n")) for p in pages] == [(len(g), g.count("\n")) for g in good]
    cut_good, cut_junk = quality.cut_pairs(["a b\nc", "defg"], ["x y", "zzzzzzz", "q"])
    assert [len(t) for t in cut_good] == [len(t) for t in cut_junk] == [2, 4, 1]
