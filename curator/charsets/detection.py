"""What bytes without a label look like.

The detector is chardetng, Firefox's; uchardet is asked besides where it sees a Western language, because it takes Hungarian for
one. Among East Asian charsets, which fit each other's bytes, the commonest characters of the languages decide.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from chardetng_py import EncodingDetector
from resiliparse.parse.encoding import EncodingDetector as Uchardet

from curator.charsets.labels import PRESCAN, codec_of

SAMPLE_BYTES = 64 << 10  # bytes from either end that detection sees
TOLD_BYTES = 4 << 10  # and is given, most ASCII left out: what goes on for longer says nothing new
TOLD_CHARACTERS = 2000
CENTRAL_EUROPEAN = ("cp1250", "iso8859-2")

_MARKUP = re.compile(rb"(?<=[\x00-\x7f]{8})[\x00-\x7f]{8,}(?=[\x00-\x7f]{8})")
_ASCII = re.compile(r"[\x00-\x7f]+")
_COMMON = frozenset(
    # Chinese: the commonest characters of modern texts, and the traditional ones that differ
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经"
    "么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性"
    "知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位"
    "次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活更别打女变四神总何电数安少报才结反受目太量再感"
    "建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式"
    "色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运"
    "這個們來為國時會對於著裡後發過還進開從實長機關點業將兩間問並應戰頭體見產話給門東聲兒員論處義幾認條氣題爾別變總電數報結務場"
    "計資許統區隊決馬書聽難權設路記類據邊張該規萬領確傳師觀讓識帶導爭運沒樣經學當現動麼說嘅喺咗係唔啲佢"
    # Japanese: hiragana and katakana
    + "".join(map(chr, (*range(0x3041, 0x3094), *range(0x30A1, 0x30F7), 0x30FC)))
    # Korean
    + "이다는을의에가하고지한사서로기도니리나어자라를시은대인만그들아해일정수있부전것주상원게스여보제과무성구소비으면적습였않없"
    + "、。，"
)


def detect(payload: bytes) -> str | None:
    """The Python codec for what both ends of the payload look like; None if nothing is known of it."""
    ends = payload if len(payload) <= 2 * SAMPLE_BYTES else payload[:SAMPLE_BYTES] + payload[-SAMPLE_BYTES:]
    sample = _MARKUP.sub(b" ", ends)[:TOLD_BYTES]
    detector = EncodingDetector()
    detector.feed(sample, last=False)  # a character that the end cuts is no mistake
    guess = codec_of(detector.guess(tld=None, allow_utf8=False))
    if guess == "cp1252":
        uchardet = Uchardet()
        uchardet.update(sample)
        other = uchardet.encoding(html5_compatible=False)
        if other and codec_of(other) in CENTRAL_EUROPEAN:
            return codec_of(other)
    return guess


def familiar(text: str) -> float:
    """Share of the commonest characters of East Asian languages in what is beyond ASCII."""
    sample = _ASCII.sub("", text[:SAMPLE_BYTES])[:TOLD_CHARACTERS]
    common = sum(count for character, count in Counter(sample).items() if character in _COMMON)
    return common / len(sample) if sample else 0.0


def utf16_by_zeros(payload: bytes, declared: bool) -> str | None:
    """UTF-16 without a mark shows in the zero bytes of its ASCII characters: markup, spaces, line ends. A mere label proves
    nothing. Where they are few, as in Chinese prose (and 一 has one too), the characters must be those of a language."""
    head = payload[:PRESCAN]
    low, high = head[1::2].count(0), head[::2].count(0)  # zeros where little and where big endian has them
    enough = len(head) // (64 if declared else 16)
    if low > enough and high * 8 < low:
        return "utf-16-le"
    if high > enough and low * 8 < high:
        return "utf-16-be"
    if low + high < max(2, len(head) // 512):
        return None
    texts = {charset: head[: len(head) // 2 * 2].decode(charset, "replace") for charset in ("utf-16-le", "utf-16-be")}
    best = max(texts, key=lambda charset: familiar(texts[charset]))
    sensible = sum(map(_strange, texts[best])) * 50 <= len(texts[best])
    return best if sensible and familiar(texts[best]) >= 0.15 else None


def _strange(character: str) -> bool:
    if character < " ":
        return character not in "\t\n\r\f"
    return character == "\ufffd" or unicodedata.category(character) in ("Cn", "Co", "Cs")
