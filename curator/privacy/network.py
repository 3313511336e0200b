"""What belongs to a machine or to an account on it: e-mail addresses, URLs with a password, IP and MAC addresses."""

from __future__ import annotations

import ipaddress
import re

from curator.privacy.finders import Finder, Span, before
from curator.privacy.places import AT, HEX, NUMBER

# ---------------------------------------------------------------------------------------------------------------- e-mail

_FILE_ENDING = re.compile(
    "(?i)png|jpe?g|gif|svg|webp|bmp|ico|css|m?js|ts|json|s?html?|php|aspx?|jsp|py|md|pdf|mp[34]|zip|rar|gz|txt|xml|docx?|xlsx?|pptx?"
)
_LOCAL_PART = re.compile(r"[A-Za-z0-9_](?<![A-Za-z0-9._%+-].)[A-Za-z0-9._%+-]{0,63}@")
_DOMAIN = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}(?:([A-Za-z]{2,24})(?![A-Za-z0-9])|(?:com|net|org|cn)(?=[0-9]))"
)
_IN_AUTHORITY = re.compile(r"://[^\s/@]*\Z")
_NO_PERSON = re.compile(r"(?i)(?:(?:message-id|references|in-reply-to): ?<?|(?:user(?:name)?|login|usr):)\Z")
_LABEL = re.compile("(?i)[0-9]*e-?mai?l[:：]?(?=[a-z0-9])")  # of an address that is glued to it


def _email(match: re.Match[str], text: str) -> Span | None:
    domain = _DOMAIN.match(text, match.end())
    if domain is None or (domain[1] and _FILE_ENDING.fullmatch(domain[1])):
        return None  # logo@2x.png
    if match[0] == "git@" and text[domain.end() : domain.end() + 1] in (":", "/"):
        return None  # a repository's address
    said = before(text, match.start(), 100)
    if _IN_AUTHORITY.search(said) or _NO_PERSON.search(said):
        return None  # the user of a URL; the name of a message
    label = _LABEL.match(text, match.start(), match.end() - 1)
    return label.end() if label else match.start(), domain.end()


# The part between // and @ of RFC 3986's authority that names a user and a password; most parsers take more than it allows.
_CREDENTIALS = re.compile(r"://([^\s/@:\"'<>`]{0,80}:[^\s/@\"'<>`]{1,80})@(?=[A-Za-z0-9\[_{$%-])")
_NO_CREDENTIALS = re.compile(r"(?i)(?:user(?:name)?|usr|login|name)?:(?:pass(?:word|wd)?|pwd|port|\d{1,5})")
_TEMPLATE = re.compile(r"[{}$]|%[sd](?![0-9A-Fa-f])|%\(|\*{2}|\.\.\.|xxx")


def _credentials(match: re.Match[str], text: str) -> Span | None:
    """No `user:password`, no `{user}:{password}` of a program."""
    said = match[1]
    return None if _NO_CREDENTIALS.fullmatch(said) or _TEMPLATE.search(said) else match.span(1)


# ---------------------------------------------------------------------------------------------------------- IP addresses

# A character class comes first and the look-behind after it wherever it can: only then does `re` skip quickly to candidates.
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IP4 = re.compile(
    rf"[0-9](?:(?<![0-9A-Za-z_.].)|(?<=[Ii][Pp].))(?<![0-9][-:].)(?<=(?={_OCTET}\.).)[0-9]{{0,2}}(?:\.{_OCTET}){{3}}"
    rf"(?![0-9A-Za-z_]|\.[0-9A-Za-z])"
)
_IP6 = re.compile(
    r"[0-9A-Fa-f:](?:(?<![0-9A-Za-z.].)|(?<=[Ii][Pp].))(?<![0-9A-Fa-f:]:.)[0-9A-Fa-f]{0,4}:(?:[0-9A-Fa-f]{0,4}:){1,6}"
    r"(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9A-Fa-f]{1,4})?(?![0-9A-Za-z:])"
)
_VERSION_BEFORE = re.compile(
    r"(?i)(?:\bv|ver\.?|version|版本|版|build|release|firmware|固件|[a-z]/|第|节|章|条|款|图|表|§|section|fig\.?"
    r"|table|chapter|clause)"
    r"[号为是:： ]{0,3}\Z"
)
_VERSION_AFTER = re.compile(
    r"(?i) ?(?:[\u4e00-\u9fff]{0,4}版|节|章|条|款|号文|小节|项|官方|正式|绿|中文|破解|去广告|beta|alpha|rc)"
)
_ADDRESS_BEFORE = re.compile(
    r"(?i)(?:(?:\bip|ipv4|(?<![a-z])ip|address|addr|host|server|dns|ping|ssh|gateway|地址|位址|服务器|伺服器|主机"
    r"|網關|网关|://|@)"
    r"[^0-9\n]{0,16}|(?P<weak>from|at|node|proxy|client|login|logged|request|visitor|connect|remote|登录|登陆|登入"
    r"|访问|来自|來自|来源|代理"
    r"|解析|节点|用户|用戶|攻击|listen(?:ing)?(?: on)?|bind)[^0-9\n]{0,6})\Z"
)
_SOFTWARE = re.compile(r"(?:工具|安卓|版|下载|软件|客户端|助手|浏览器|播放器|游戏)[^0-9\n]{0,2}\Z")
_NOT_PERSONAL = [  # this network, private, shared, local, multicast and reserved ranges (IANA special-purpose registry)
    *map(ipaddress.ip_network, ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16")),
    *map(ipaddress.ip_network, ("172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3")),
]


def _ip4(match: re.Match[str], text: str) -> Span | None:
    """A public address; no version, section or item number. Where the first number is as small as a version's, the
    words before must say that it is an address."""
    said = before(text, match.start(), 28)
    if _VERSION_BEFORE.search(said) or _VERSION_AFTER.match(text, match.end()):
        return None
    address = ipaddress.IPv4Address(match[0])
    if _not_personal(address):
        return None
    if address.packed[0] >= 32:
        return match.span()
    said_so = _ADDRESS_BEFORE.search(said)
    small = max(address.packed) < 32
    return None if not said_so or _SOFTWARE.search(said) or (said_so["weak"] and small) else match.span()


def _not_personal(address: ipaddress.IPv4Address | None) -> bool:
    return address is not None and any(address in network for network in _NOT_PERSONAL)


def _ip6(match: re.Match[str], text: str) -> Span | None:
    """A global, unique local or link-local address; with four groups at least where it does not begin like a global one."""
    try:
        address = ipaddress.IPv6Address(match[0])
    except ValueError:
        return None
    if address.is_loopback or address.is_unspecified or address.is_multicast or _not_personal(address.ipv4_mapped):
        return None
    groups = sum(map(bool, match[0].split(":")))
    telling = re.match("[23][0-9A-Fa-f]{3}:", match[0]) or (groups >= 4 and re.search("[0-9]", match[0]))
    return match.span() if (telling and groups >= 2) or address.ipv4_mapped else None


# ---------------------------------------------------------------------------------------------------------- MAC addresses

_MAC = re.compile(
    r"[0-9A-Fa-f](?:(?<![0-9A-Za-z_].)|(?<=MAC.)|(?<=mac.))[0-9A-Fa-f]([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}"
    r"(?![0-9A-Za-z_]|[:-][0-9A-Fa-f])"
)
_MAC_OF_CISCO = re.compile(
    r"[0-9A-Fa-f](?:(?<![0-9A-Za-z_.-].)|(?<=MAC.)|(?<=mac.))[0-9A-Fa-f]{3}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}"
    r"(?![0-9A-Za-z_]|\.[0-9A-Fa-f])"
)
_MAC_SAID = re.compile(r"(?i)(?:mac|物理地址|硬件地址|ether|hwaddr)[^\n]{0,20}\Z")


def _mac(match: re.Match[str], text: str) -> Span | None:
    """`MAC:00:…` is one, what goes on before its first two digits is none."""
    said = before(text, match.start(), 4)
    if re.search("[0-9A-Za-z_][:-]$", said) and not re.search("(?i)(?:mac|id|ddr)[:-]$", said):
        return None
    return match.span() if len(set(re.sub("[:-]", "", match[0]))) > 1 else None


def _mac_of_cisco(match: re.Match[str], text: str) -> Span | None:
    said = re.search("[A-Fa-f]", match[0]) or _MAC_SAID.search(before(text, match.start(), 24))
    return match.span() if said else None


EMAILS = (Finder(AT, _LOCAL_PART, _email, longest=1),)
URL_CREDENTIALS = (Finder(AT, _CREDENTIALS, _credentials, back=164, longest=2),)
IPS = (Finder(NUMBER, _IP4, _ip4), Finder(HEX, _IP6, _ip6))
MACS = (Finder(HEX, _MAC, _mac, back=2), Finder(HEX, _MAC_OF_CISCO, _mac_of_cisco, back=4))
