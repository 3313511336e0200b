"""Postal addresses: Chinese ones by their house numbers and the names of places before them, English ones by their streets."""

from __future__ import annotations

import re

from curator.privacy.finders import Finder, Span, before
from curator.privacy.places import STREET, UNIT

MOST_BEFORE = 60  # characters of an address before a house number

_DIGITS = "(?:[0-9]{1,5}(?:[-－—–之~][0-9]{1,5}){0,3}[A-Za-z]{0,2}|[A-Za-z]?[0-9]{1,5})"
_NUMERALS = "[零〇一二三四五六七八九十百两]{1,6}"
_NUMBER = f"(?:{_DIGITS}|{_NUMERALS})"
_KIND = (
    "(?:号院|號院|号楼|號樓|[号號](?!线|線|路|街|桥|站|公路|高速|国道|隧道|机|機|星|矿|井|地块|文件|选手|球|通|电|令)"
    "|弄|栋|棟|幢|座|单元|單元|楼|樓"
    "|层|層|室|房|院)"
)
_MORE = f"(?:{_KIND}|门|門|户|戶)"
_HOUSE = re.compile(rf"(?<![0-9.,第月])(?:{_DIGITS}{_KIND}|{_NUMERALS}(?=[号號]){_KIND})")
# What goes on after a house number: building, floor, room, each perhaps with a name before it; a number without a kind last.
_GOES_ON = re.compile(
    rf"(?:之[0-9一二三四五六七八九]{{1,3}})?(?:[ ,，]?(?:[\u4e00-\u9fffA-Za-z]{{0,10}}?(?:{_NUMBER}|[A-Za-z]){_MORE}"
    r"(?:之[0-9一二三四五六七八九]{1,3})?)){0,5}(?:[-－]?[0-9]{2,4}(?![0-9.年月日点时元]))?"
)
_BREAK = re.compile(r"[^\u4e00-\u9fffA-Za-z0-9· -]|(?<![省市区县州镇乡號号]) | (?![\u4e00-\u9fff])")
_PROVINCE = re.compile(
    "(?:新界|九龍|九龙|北京|天津|上海|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南"
    "|广东|海南|四川"
    "|贵州|云南|陕西|甘肃|青海|台湾|内蒙古|广西|西藏|宁夏|新疆|香港|澳门|重慶|遼寧|黑龍江|江蘇|廣東|貴州|雲南|陝西"
    "|甘肅|臺灣|台灣|廣西|寧夏|澳門|臺北|台北|新北|桃園|臺中|台中|臺南|台南|高雄)"
    "(?![东西南北中東]?(?:[一二三四]?路|街|大道|巷|里|胡同))"
)
# Words that lead to an address: what stands before it in a sentence, and is no part of it.
_LEADS = re.compile(
    r".*(?:地址|住址|住所|住在|现住|家住|居住|暂住|户籍|籍贯|寄到|寄往|寄至|邮寄|送到|送往|送至|发到|发往|收货|搬到"
    r"|搬至|搬进|[迁遷][至到往]"
    r"|[位住设設]于|[位住設]於|坐落|地处|地處|设在|開在|开在|就在|来自|來自|地點|地点|办公|寄給|寄给|到达|前往|导航"
    r"|回到|去了|说是|现址为|現址為|政府[驻駐]|购入|購入|买下|租下|租用)"
)
_SHORT_LEADS = re.compile(r".*(?:如(?![东東皋])|[在是为為至到于於住去驻駐的了因由被把又与與及将將])")
_SAID = re.compile(
    r"(?:地址|住址|住所|住在|现住|家住|居住|暂住|户籍|寄到|寄往|寄至|邮寄|快递|包裹|送到|送往|送至|发到|发往|收货"
    r"|收件|搬到|搬至|搬进|通讯处|联系地|家在|住於|送貨|寄給|寄给|(?i:address))"
    r"[^，。；！？,;!?\n]{0,14}\Z"
)
_PUBLIC = re.compile(
    r"(?:[位设設]于|[位設]於|坐落[于在於]?|地处|地處|设在|現址為|现址为|政府[驻駐]|总部|门店|餐厅|酒店|博物馆"
    r"|纪念馆)[^，。；！？,;!?\n]{0,10}\Z"
)
_LEVEL = re.compile(
    "省|市|自治区|州|区|區|县|縣|旗|镇|鎮|乡|鄉|村|屯|街道|路|街|大道|巷|弄|胡同|道|里|庄|园|園|苑|城|小区|花园|公寓"
    "|大厦|广场|新村|家园|社区|段"
)
_ROAD = re.compile("路|街|大道|巷|弄|胡同|道|里|村|屯|庄|段|镇|乡|小区|花园|公寓|大厦|新村|家园|社区|苑|园|城")
_ESTATE = re.compile("(?:小区|花园|公寓|大厦|广场|新村|家园|苑|园|城|村|里|邨|区|區|弄|巷)$")
_ROOM = re.compile("室|单元|單元|户|戶|房")


def _chinese(match: re.Match[str], text: str) -> Span | None:
    """From the largest place that is named to the room. What makes it an address: a word before it that says so, or a room, or
    two places of which one is a road; what is only said to stand somewhere is public."""
    start = _begin(text, match.start())
    named = text[start : match.start()]
    levels = len(_LEVEL.findall(named)) + (_PROVINCE.match(named) is not None)
    if not levels or len(named) < 2 or named[-1] in "的了":
        return None
    goes_on = _GOES_ON.match(text, match.end())
    end = goes_on.end() if goes_on else match.end()
    if _SAID.search(before(text, start, 20)):
        return start, end
    by_number = match[0][-1] in "号號弄院" or _ESTATE.search(named)
    public = _PUBLIC.search(before(text, start, 16))
    inside = _ROOM.search(text, match.start(), end) or (_ROAD.search(named) and by_number and not public)
    return (start, end) if levels >= 2 and inside else None


def _begin(text: str, number: int) -> int:
    """Where the address with this house number begins: at its province, or behind the words that lead to it."""
    start = max(number - MOST_BEFORE, 0)
    for found in _BREAK.finditer(text, start, number):
        start = found.end()
    lead = _LEADS.match(text, start, number)
    start = lead.end() if lead else start
    province = _PROVINCE.search(text, start, number)
    lead = _SHORT_LEADS.match(text, start, province.start() if province else number)
    if province and (lead or province.start() - start > 8 or not _LEVEL.search(text, start, province.start())):
        return province.start()
    return lead.end() if lead else start


_WAYS = (
    "Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Square|Sq|Terrace|Way|Parkway|Pkwy|Highway"
    "|Hwy|Close|Crescent|Gardens|Grove|Mews|Circle|Cir|Trail|Alley|Loop"
)
_ROOMS = "(?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Room|#)"
_ENGLISH = re.compile(
    rf"(?<![A-Za-z0-9.,$£€:/-])(?:{_ROOMS}\.? ?#?[0-9]{{1,4}}[A-Za-z]?,? )?(?:[0-9]{{1,5}}[-/–])?[0-9]{{1,5}}[A-Za-z]?"
    r"(?: (?:[NSEW]\.?|North|South|East|West))?(?: (?:[A-Z][A-Za-z'’-]{1,20}|[0-9]{1,3}(?:st|nd|rd|th))){1,4}?"
    rf" (?:{_WAYS})\b\.?(?: [NSEW]{{1,2}}\b)?(?:,? {_ROOMS}\.? ?#?[A-Za-z0-9-]{{1,6}})?"
    r"(?:,\s{1,2}[A-Z][A-Za-z'’-]{1,20}(?: [A-Z][a-z'’-]{1,20}){0,2}){0,2}(?:,? [A-Z]{2,3}\b)?"
    r"(?:,? (?:[0-9]{4,5}(?:-[0-9]{4})?|[A-Z]{1,2}[0-9][0-9A-Z]? [0-9][A-Z]{2})\b)?"
)


_NO_NAME = re.compile(" (?:The|A|An|Of|In|On|And|For|To) ")
_YEAR_AFTER = re.compile(r" \((?:18|19|20)[0-9]{2}\)")
_YEAR = re.compile(r"(?:1[5-9]|20)[0-9]{2} [A-Za-z'’ -]{1,60}\Z")
_LIVES = re.compile(r"(?i)(?:address|lives?|living|reside|located|home|deliver|ship|mail|send)[^.\n]{0,24}\Z")


def _english(match: re.Match[str], text: str) -> Span | None:
    """No title of a film, which a year follows; what begins with a year must go on with a room, a town or a code."""
    if _NO_NAME.search(match[0]) or _YEAR_AFTER.match(text, match.end()):
        return None
    return None if _YEAR.match(match[0]) and not _LIVES.search(before(text, match.start(), 40)) else match.span()


ADDRESSES = (
    Finder(UNIT, _HOUSE, _chinese, back=16, longest=16),
    Finder(STREET, _ENGLISH, _english, back=24, longest=160),
)
