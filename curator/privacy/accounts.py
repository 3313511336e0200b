"""Accounts of chats: numbers of QQ and names of WeChat, which only the words before them tell from other numbers and words."""

from __future__ import annotations

import re

from curator.privacy.finders import AMOUNT_AFTER, Finder, Judge, Span, as_found, before
from curator.privacy.places import CHAT, NUMBER

# What may stand between the word and the account: no sentence, but `field held`, `问题，例如` of a note on a change.
_JOINING = (
    r"(?:[ _:\"'“<(|-]{0,3}(?:id|account|numbers?|no\.?|user(?:name)?|name|handle|contact|field|me|is|was|at|held"
    r"|holds|on|by|as|my"
    r"|qq|wx|vx|entered|i|with|under|reads|says)(?![A-Za-z0-9])){0,5}"
)
_HAN_BETWEEN = r"(?:[^0-9A-Za-z\n，。；！？,;!?]|[，,](?=例如|比如|如|号码|是)|[Ii][Dd](?=[:： ])){0,16}"
_QQ = re.compile(
    rf"(?:[Qq][Qq](?<![A-Za-z]..)|[Qq][ \u3000]{{1,2}}[Qq](?![A-Za-z])|扣扣|加[Qq](?![A-Za-z]))(?P<between>"
    rf"(?i:{_JOINING}){_HAN_BETWEEN}(?i:{_JOINING}) ?)"
    r"(?P<id>[1-9][0-9]{4,10})(?![0-9@_%]|(?!(?i:qq|we|vx|wx|e-?mail))[A-Za-z]|[.-][0-9])"
)
_NOT_OF_ONE = re.compile("用户|超|版|下载|安装|达|约|有|共|会员|在线(?![：:])|币|价|元|年")


def _qq(match: re.Match[str], text: str) -> Span | None:
    if _NOT_OF_ONE.search(match["between"]) or AMOUNT_AFTER.match(text, match.end()):
        return None
    return match.span("id")


_WECHAT = re.compile(
    r"(?:[微薇威徽Vv+]信|(?:[Ww]e[Cc]hat|WECHAT|[Ww]ei[Xx]in|WEIXIN)(?<![A-Za-z].{6})|(?:[WwVv]x|WX|VX)(?<![A-Za-z0-9_+/]..))"
    rf"(?P<between>(?i:{_JOINING}){_HAN_BETWEEN}(?i:{_JOINING}) ?)"
    r"(?P<id>[A-Za-z][A-Za-z0-9_-]{5,19}|[1-9][0-9]{5,10})(?![A-Za-z0-9_@%-]|\.[A-Za-z0-9]|:/)"
)
_WXID = re.compile(r"[Ww][Xx]id_(?<![A-Za-z0-9_].....)[0-9a-z]{10,20}(?![A-Za-z0-9_])")
_SAYS_SO = re.compile(
    r"(?i)[:：=是为填\"“”'<«「|┃]| - |entered|says|reads|no\.|号|號|id|account|number|name|is |held|如|[】」』］\]\u3000]"
)
_BARE = re.compile(r"(?:客服|客户|官方|联系|咨询|好友|搜索|搜|添加|加|私信|[/／、+＋（(【\[ “\"'「《])*")
_PUBLIC = re.compile(r"公众|公眾|小程序|支付|群发|平台|服务|服務|订阅|訂閱|微博|版")
_WORD = re.compile(
    r"(?i)(?:for|in|to)?(?:https?|www|iphone|ipad|ios|android|windows|web|mac(?![a-z])|app|txt|wechat|weixin|official|account"
    r"|message|mobile|payment|public|pay(?![a-z])|official|login|service|group|client|open|api|sdk|token|oauth|mini|jssdk"
    r"|number(?![a-z]))"
)
_WHOSE = re.compile(r"(?:官方|加|个人|我的|我们的|联系|客服|关注|公司|小编|本人|私人|助理|老师|掌柜|店主)\Z")


def _wechat(match: re.Match[str], text: str) -> Span | None:
    """What follows at once may be any word: then it has a digit or a mark in it, as a name of an account does, or the words
    before say whose account it is."""
    between, name = match["between"], match["id"]
    if _PUBLIC.search(between) or _WORD.match(name) or (name.isdecimal() and AMOUNT_AFTER.match(text, match.end())):
        return None
    if not between and match[0][1] in "xX":
        return None  # part of another word
    if _SAYS_SO.search(between):
        return match.span("id")
    if not _BARE.fullmatch(between) or name.isdecimal():
        return None
    whose = not between and _WHOSE.search(before(text, match.start(), 6))
    return match.span("id") if whose or re.search("[0-9_]", name) else None


# 加V：, 加我微, +v ❤: what is to be added, in short. Behind a letter there is something that ends it, so 加VIP is none.
_ADDED = re.compile(
    r"(?:加我?|(?<=[\u3001-\uffef])\+)(?:[Vv](?![A-Za-z])|[微薇威徽](?!信))"
    r"(?P<between>[信芯心号號❤♥\ufe0f]{0,3}[\u3000 ]?[:：=]?[\u3000 ]?)"
    r"(?P<id>[A-Za-z][A-Za-z0-9_-]{5,19})(?![A-Za-z0-9_@%-]|\.[A-Za-z0-9]|:/)"
)


def _added(match: re.Match[str], text: str) -> Span | None:
    """Without a colon, the name has a digit or a mark in it."""
    if _WORD.match(match["id"]) or not (re.search("[:：=号號]", match["between"]) or re.search("[0-9_]", match["id"])):
        return None
    return match.span("id")


# As spam has them, in short or under another name, with the number at once behind it: 玩家Q群, 群号, 企鹅, TOPQQ：, 我+V, 加V.
_ACCOUNT = re.compile(r"[1-9](?<![0-9@._-].)[0-9]{6,10}(?![0-9@_%只隻]|[.-][0-9])")
_BEHIND = r"(?:号码?|號碼?)?[ \u3000]?(?:[:：=]|是|为|為)?[ \u3000]?\Z"
_GROUP = "(?:交流|[讨討][论論]|玩家|[书書]友|粉[丝絲]|[车車]友|官方|[学學][习習]|技[术術]|福利)群"
_QQ_BEFORE = re.compile(
    rf"[Qq]{{2}}[ \u3000]?[:：]\Z|(?:(?<![A-Za-z])[Qq]群|群[号號]|企[鹅鵝](?:群|号|號|(?=[ ：:]))|扣扣群?|{_GROUP})群?{_BEHIND}"
)
_WECHAT_BEFORE = re.compile(rf"(?:[加+＋➕][VvＶｖ][Xx信]?|[Vv]信){_BEHIND}")


def _said_before(said: re.Pattern[str]) -> Judge:
    def judge(match: re.Match[str], text: str) -> Span | None:
        told = said.search(before(text, match.start(), 12)) and not AMOUNT_AFTER.match(text, match.end())
        return match.span() if told else None

    return judge


QQS = (Finder(CHAT, _QQ, _qq, back=1, longest=120), Finder(NUMBER, _ACCOUNT, _said_before(_QQ_BEFORE)))
WECHATS = (
    Finder(CHAT, _WECHAT, _wechat, back=4, longest=130),
    Finder(NUMBER, _ACCOUNT, _said_before(_WECHAT_BEFORE)),
    Finder(CHAT, _ADDED, _added, longest=36),
    Finder(CHAT, _WXID, as_found, back=2, longest=40),
)
