"""Keys to services and private keys, as they stand in code and in its settings."""

from __future__ import annotations

import math
import re
from collections import Counter

from curator.privacy.finders import Finder, Span, before
from curator.privacy.places import PEM, TOKEN

# The forms that the issuers publish, so that leaked keys can be found: cloud providers, forges, chats, payment, models.
_BEGINS = re.compile(
    r"(?<![A-Za-z0-9_])(?:A[KSBC][IC]A|gh[pousr]_|github_pat_|glpat-|xox[abposr]-|AIza|ya29\.|GOCSPX-|[srp]k_|whsec_"
    r"|sk-|hf_|npm_|pypi-"
    r"|dop_v1_|LTAI|AKID|SG\.|AC|SK|key-|[0-9]{8,10}:AA|eyJ)(?=[A-Za-z0-9_+-])"
)
_KNOWN = re.compile(
    r"(?:"
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}"  # Amazon
    r"|gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{36,255}|glpat-[A-Za-z0-9_-]{20,64}"
    r"|xox[abposr]-[A-Za-z0-9-]{10,200}"  # Slack
    r"|AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,200}|GOCSPX-[A-Za-z0-9_-]{28}"  # Google
    r"|[srp]k_(?:live|test)_[A-Za-z0-9]{16,128}|whsec_[A-Za-z0-9+/=]{24,128}"  # Stripe
    r"|sk-(?:proj-|ant-|or-|svcacct-)?[A-Za-z0-9_-]{20,200}"  # providers of language models
    r"|hf_[A-Za-z0-9]{30,64}|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,255}|dop_v1_[a-f0-9]{64}"
    r"|LTAI[A-Za-z0-9]{12,26}|AKID[A-Za-z0-9]{13,40}"  # Alibaba Cloud, Tencent Cloud
    r"|SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}|(?:AC|SK)[a-f0-9]{32}|key-[a-f0-9]{32}"  # SendGrid, Twilio, Mailgun
    r"|[0-9]{8,10}:AA[A-Za-z0-9_-]{33}"  # bots of Telegram
    r"|eyJ[A-Za-z0-9_-]{10,800}\.eyJ[A-Za-z0-9_-]{10,1600}\.[A-Za-z0-9_-]{16,800}"  # JSON web tokens
    r")(?![A-Za-z0-9_])"
)
_ASSIGNED = re.compile(r"(?<![A-Za-z0-9_+/-])[A-Za-z0-9_+/-]{16,128}={0,2}(?![A-Za-z0-9_+/=-])")
_NAME = re.compile(
    r"(?i)(?:api[_-]?key|apikey|access[_-]?key(?:[_-]?(?:id|secret))?|secret(?:[_-]?(?:access)?[_-]?key)?|app[_-]?"
    r"(?:secret|key)"
    r"|(?:auth|access|api|bearer|refresh|session|bot|private)[_-]?token|client[_-]?secret|encryption[_-]?key"
    r"|signing[_-]?key|密钥|密鑰|令牌|(?:^|[^a-z])token)"
    r"[\"'\]]{0,2} ?(?:=>|[:=：]|is|为|是) ?[\"'`]?\Z|(?i:authorization)[\"']?[:=] ?[\"']?(?i:bearer|token|basic) \Z"
)
_HEAD = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_BODY = re.compile(
    r"(?:[A-Za-z0-9+/=:,.() \t\r\n\"'\\]|-(?!----)){16,8000}?-----END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    r"|(?:[ \t\"'+,]{0,8}(?:\\r|\\n|[\r\n]){1,4}[ \t\"'+,]{0,16}[A-Za-z0-9+/=]{20,80}){1,100}"
)


def _known(match: re.Match[str], text: str) -> Span | None:
    """A key has characters of many kinds; `AKIAXXXXXXXXXXXXXXXX` has not, and `sk-learn-contrib-example-name` no digit."""
    key = _KNOWN.match(text, match.start())
    random = key and len(set(key[0][4:])) >= 8 and (key[0][:3] not in ("sk-", "key") or re.search("[0-9]", key[0]))
    return key.span() if key and random else None


def _private_key(match: re.Match[str], text: str) -> Span | None:
    """To its last line, or as far as its lines go where that is cut off."""
    body = _BODY.match(text, match.end())
    return (match.start(), body.end()) if body else None


def _assigned(match: re.Match[str], text: str) -> Span | None:
    """A value whose name says that it is secret, and that no person would think of."""
    if not _NAME.search(before(text, match.start(), 40)):
        return None
    value = match[0]
    mixed = re.search("[0-9]", value) and re.search("[A-Za-z]", value)
    return match.span() if mixed and _bits(value) >= 3.0 else None


def _bits(value: str) -> float:
    """Shannon's entropy of its characters, in bits each."""
    return -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values())


API_KEYS = (Finder(TOKEN, _BEGINS, _known, back=12), Finder(TOKEN, _ASSIGNED, _assigned, longest=130))
PRIVATE_KEYS = (Finder(PEM, _HEAD, _private_key, longest=80),)
