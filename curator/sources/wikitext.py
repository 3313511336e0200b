"""Wikitext to the text that a reader of the page sees, in one linear scan.

Kept: prose, headings as plain lines, lists ("- ", "1. ", two spaces a level), link labels, quotations, tables of data
(`wikitables`), formulas as LaTeX between `$`, code, and the templates that carry words (`wikitemplates`). Dropped: all other
templates, references, galleries, files with their captions, categories, links to other languages, comments, and sections that
only list references or links. Every paragraph, heading, list item and row is one line; lines are separated by one newline.

Tag extensions (`ref`, `math`, …) are cut out first, then brackets are matched (`wikimarks`), then the text is walked once:
a dropped construct is jumped over, a kept one is walked into by way of a list of spans still to do, so nothing recurses.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass

from curator.extraction.raised import SUBSCRIPT, SUPERSCRIPT
from curator.sources import wikicountries, wikilines
from curator.sources.wikiarguments import Arguments, Part
from curator.sources.wikimarks import ARGUMENT, LINK, TABLE, TEMPLATE, VARIANT, Marks
from curator.sources.wikitables import flattened, table
from curator.sources.wikitemplates import GONE, TRANSPARENT, rendering
from curator.sources.wikivariants import CLOSE, OPEN
from curator.sources.wikivariants import Page as VariantPage

_HELD = "\x00"  # stands around the number of a piece that must not be touched: code, formulas, nowiki, rows of tables
_RESERVED = "\x00\x01\x02\x03\x04\x05\x06\x07"  # these stand for something here

_NOT_TEXT = """
file image media category 文件 檔案 档案 圖像 图像 圖片 图片 媒体 媒體 分类 分類 ファイル 画像 カテゴリ 파일 분류
datei bild kategorie fichier catégorie archivo imagen categoría файл категория categoria kategorija kategori kategoria kategorio
kategória luokka kategorie категорија категорія катэгорыя κατηγορία kateqoriya kategoriya categorie catagóir rummad flokkur
קטגוריה تصنيف رده زمرہ گٹھ پۆل หมวดหมู่ श्रेणी বিষয়শ্রেণী വർഗ്ഗം ವರ್ಗ వర్గం பகுப்பு વિભાગ ਸ਼੍ਰੇਣੀ
"""
NOT_TEXT = frozenset(_NOT_TEXT.split())


@dataclass(frozen=True)
class Namespaces:
    """Prefixes, in lower case, of links that are no part of the text."""

    dropped: frozenset[str] = NOT_TEXT

    def including(self, names: Mapping[int, str]) -> Namespaces:
        """With this wiki's own names of File (6), Media (-2) and Category (14)."""
        return Namespaces(self.dropped | {names[key].lower() for key in (-2, 6, 14) if names.get(key)})


EVERYWHERE = Namespaces()


@dataclass(frozen=True)
class Article:
    text: str
    title: str | None  # where the page has a rule for it


def plain_text(wikitext: str, namespaces: Namespaces = EVERYWHERE, variant: str | None = None) -> str:
    return article(wikitext, namespaces, variant).text


def article(
    wikitext: str,
    namespaces: Namespaces = EVERYWHERE,
    variant: str | None = None,
    *,
    variants: bool = True,
    title: str = "",
    language: str | None = None,
) -> Article:
    """The text of a page. `variant` chooses among `-{…}-` forms and is what the text is converted to, None leaves it as
    written; `variants` is false for wikis that have no such markup. `language` is the wiki's own, for names of countries."""
    held: list[str] = []
    page = VariantPage(variant)
    text = _cut_extensions(_unreserved(wikitext), held)
    text = _walk(text, namespaces, variants, language)
    text = _plain_markup(text)
    if variants:
        text = page.resolve(text)

    def keep(line: str) -> str:
        held.append(_restored(line, held))
        return f"{_HELD}{len(held) - 1}{_HELD}"

    text = _restored(wikilines.render(flattened(text, keep)), held)
    return Article(text, page.title or (page.converted(title) if title else None))


def _unreserved(text: str) -> str:
    for character in _RESERVED:
        text = text.replace(character, "")
    return text


def _restored(text: str, held: list[str]) -> str:
    return _HELD_PIECE.sub(lambda m: held[int(m[1])], text) if held else text


# ------------------------------------------------------------------------------------------------------- tag extensions

_DROPPED_TAGS = """
ref references gallery timeline score hiero imagemap graph mapframe maplink templatedata templatestyles inputbox categorytree
style script indicator includeonly dynamicpagelist rss section
"""
_HELD_TAGS = "nowiki pre source syntaxhighlight math chem ce"
_EXTENSIONS = re.compile(rf"<!--|<({'|'.join((_DROPPED_TAGS + _HELD_TAGS).split())})(?=[\s/>])([^<>]*+)>", re.IGNORECASE)
_HELD_PIECE = re.compile(f"{_HELD}([0-9]+){_HELD}")


class _Closings:
    """Where a tag is next closed; every part of the text is searched once per tag, however many tags stay open."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._found: dict[str, tuple[int, int]] = {}

    def after(self, tag: str, position: int) -> tuple[int, int] | None:
        start, end = self._found.get(tag, (-1, -1))
        if start < position and end != 0:
            closing = re.compile("-->" if tag == "!--" else rf"</{tag}\s*+>", re.IGNORECASE).search(self._text, position)
            start, end = closing.span() if closing else (0, 0)
            self._found[tag] = start, end
        return (start, end) if end else None


def _cut_extensions(text: str, held: list[str]) -> str:
    """Comments and extension tags out; what must stay as it is (code, formulas) is put into `held` and numbered."""
    if "<" not in text:
        return text
    parts: list[str] = []
    closings = _Closings(text)
    done = 0
    for opening in _EXTENSIONS.finditer(text):
        start, inside = opening.span()
        if start < done:
            continue
        tag = (opening[1] or "!--").lower()
        parts.append(text[done:start])
        done = inside
        if opening[2] and opening[2].endswith("/"):
            continue
        closing = closings.after(tag, inside)
        if closing is None or (tag == "ref" and _opens_again(text, inside, closing[0])):
            if tag == "!--":
                done = len(text)  # MediaWiki hides the rest of the page
                break
            continue
        if tag in _HELD_TAGS.split():
            parts.append(f"{_HELD}{len(held)}{_HELD}")
            held.append(_verbatim(tag, text[inside : closing[0]], opening[2]))
        elif tag == "ref":
            parts.append(GONE)
        done = closing[1]
    parts.append(text[done:])
    return "".join(parts)


_REF = re.compile(r"<ref(?=[\s>])[^<>]*+(?<!/)>", re.IGNORECASE)


def _opens_again(text: str, start: int, end: int) -> bool:
    """A reference that another one begins in was never closed: only its tag goes, not the prose up to the next closing."""
    return text.find("<ref", start, end) >= 0 and _REF.search(text, start, end) is not None


def _verbatim(tag: str, content: str, attributes: str) -> str:
    content = html.unescape(content)
    if tag == "nowiki":
        return content
    if tag in ("math", "chem", "ce"):
        content = " ".join(content.split())
        return f"$${content}$$" if "block" in attributes else f"${content}$"
    return "\n" + content.strip("\n") + "\n"


# ------------------------------------------------------------------------------------------------------------- the walk

_NAME = re.compile(r"[^|{}\[\]\n<>]{0,120}+")
_TARGET = re.compile(r"(?:-\{[^{}\[\]\n<>]{0,200}\}-|[^|{}\[\]\n<>]){0,600}+")  # a variant's bar is not the label's
_OPTION = re.compile(r"\s*+([\w-]{1,30})\s*+=")
_BAR = re.compile(r"\|")
_SAFESUBST = ("safesubst:", "subst:")


def _walk(text: str, namespaces: Namespaces, variants: bool, language: str | None) -> str:
    marks = Marks(text, variants)
    positions, kinds, ends = marks.positions, marks.kinds, marks.ends
    out: list[str] = []
    todo: list[Part] = [(0, len(text))]
    while todo:
        part = todo.pop()
        if isinstance(part, str):
            out.append(part)
            continue
        at, stop = part
        index = marks.after(at)
        while index < len(positions) and (mark := positions[index]) < stop:
            if mark < at:  # inside what was jumped over
                index = marks.after(at)
                continue
            out.append(text[at:mark])
            kind, end = kinds[mark], ends[mark]
            at = end
            index += 1
            if kind == LINK:
                at = _link(text, mark, end, namespaces, out)
            elif kind in (TEMPLATE, VARIANT, TABLE):
                kept = _kept(kind, text, mark, end, marks, language)
                if kept:
                    todo.append((end, stop))
                    todo += reversed(kept)
                    at = stop
                    break
                out.append("\n" if kind == TABLE else GONE)
            elif kind == ARGUMENT:
                out.append(GONE)
        if at < stop:
            out.append(text[at:stop])
    return "".join(out)


def _kept(kind: int, text: str, start: int, end: int, marks: Marks, language: str | None) -> list[Part]:
    if kind == VARIANT:
        return [OPEN, (start + 2, end - 2), CLOSE]
    return table(text, start, end, marks) if kind == TABLE else _template(text, start, end, marks, language)


def _link(text: str, start: int, end: int, namespaces: Namespaces, out: list[str]) -> int:
    """Where to go on: at the label of a link, at its target if it has none, behind a link that is not part of the text."""
    target = _TARGET.match(text, start + 2, end - 2)
    assert target is not None
    name, has_label = target[0].strip(), text.startswith("|", target.end()) and target.end() < end - 2
    prefix, colon, _ = name.partition(":")
    if colon and prefix:
        prefix = prefix.strip().lower()
        if (
            prefix in namespaces.dropped
            or _FILE.search(name)
            or (not has_label and prefix not in NOT_LANGUAGES and _LANGUAGE.fullmatch(prefix))
        ):
            return end
    if has_label:
        return target.end() + 1
    skipped = len(target[0]) - len(target[0].lstrip(" :"))
    return start + 2 + skipped


_FILE = re.compile(
    r"\.(?:jpe?g|png|svg|gif|tiff?|webp|xcf|djvu|pdf|og[gva]|opus|midi?|web[mp]|wav|flac|mp3|stl)$", re.IGNORECASE
)
_LANGUAGE = re.compile(r"[a-z]{2,3}|[a-z]{2,3}-[a-z-]{2,12}|simple|tokipona")
NOT_LANGUAGES = frozenset(["mw", "doi", "rfc", "irc", "voy", "arc", "tao", "tv", "url", "wp", "wt", "uri", "std", "phd", "dna"])


def _template(text: str, start: int, end: int, marks: Marks, language: str | None) -> list[Part]:
    """What is kept of a template, empty for most."""
    found = _NAME.match(text, start + 2, end - 2)
    assert found is not None
    name = " ".join(found[0].replace("_", " ").lower().split())
    for prefix in _SAFESUBST:
        name = name.removeprefix(prefix)
    if name.startswith(TRANSPARENT):
        return [(start + 2 + found[0].index(":") + 1, end - 2)]
    if country := wikicountries.of_template(found[0].strip(), language):
        return [country]
    render = rendering(name)
    if render is None:
        return []
    given = _arguments(text, found.end(), end - 2, marks)
    country = wikicountries.name(given.string(1), language) if name in wikicountries.FLAGS else None
    return [country] if country else render(given)


def _arguments(text: str, start: int, end: int, marks: Marks) -> Arguments:
    """Arguments between the `|` that stand in no inner construct. `start` is behind the name."""
    bars = [bar.start() for bar in marks.outside(_BAR, text, start, end)]
    given = Arguments(text)
    for begin, stop in zip(bars, [*bars[1:], end]):
        option = _OPTION.match(text, begin + 1, stop)
        if option:
            given.named[option[1].lower()] = (option.end(), stop)
        else:
            given.positional.append((begin + 1, stop))
    return given


# ------------------------------------------------------------------------------------------------------- inline markup

_EXTERNAL = re.compile(r"\[(?:https?:|ftps?:)?//[^\s\[\]]++[ \t]*+([^\[\]\n]*+)\]", re.IGNORECASE)
_BLOCK_TAGS = "br p div tr blockquote center h[1-6] ul ol dl dd dt table hr poem caption tbody thead"
_INLINE_TAGS = """
span small big b i u s em strong sup sub code tt kbd var samp font cite q abbr del ins strike bdi bdo mark ruby rb rtc time wbr
data dfn link meta img a li td th col colgroup nowiki pre ref references gallery math includeonly noinclude onlyinclude source
syntaxhighlight section translate languages tvar
"""


def _tags(names: str) -> re.Pattern[str]:
    return re.compile(rf"</?(?:{'|'.join(names.split())})(?=[\s/>])[^<>]*+>", re.IGNORECASE)


_BLOCK_TAG, _INLINE_TAG = _tags(_BLOCK_TAGS), _tags(_INLINE_TAGS)
_ITEM_TAG = re.compile(r"<li(?=[\s/>])[^<>]*+>", re.IGNORECASE)
_RUBY = re.compile(r"<(rt|rp)>[^<>]{0,200}+</\1>", re.IGNORECASE)
_RAISED = re.compile(r"<(su[pb])>([0-9+−–-]{1,6})</\1>", re.IGNORECASE)
_MAGIC = re.compile(r"__(?:[A-Z]{3,24}|[\u4e00-\u9fff]{2,8})__")
_HIDDEN = re.compile(r"<(span|div)\s[^<>]*?display\s*+:\s*+none[^<>]*+>[^<>]{0,500}+</\1>", re.IGNORECASE)


def _plain_markup(text: str) -> str:
    """External links, HTML tags, quotes, magic words and entities; what is left of brackets without a partner goes too."""
    text = text.replace("'''''", "").replace("'''", "").replace("''", "")
    if "//" in text:
        text = _EXTERNAL.sub(r"\1", text)
    if "<" in text:
        text = _HIDDEN.sub("", text) if "none" in text else text
        text = _ITEM_TAG.sub("\n* ", text)
        text = _RAISED.sub(lambda m: m[2].translate(SUPERSCRIPT if m[1].lower() == "sup" else SUBSCRIPT), text)
        text = _INLINE_TAG.sub("", _RUBY.sub("", _BLOCK_TAG.sub("\n", text)))
    if "__" in text:
        text = _MAGIC.sub("", text)
    for brackets in ("[[", "]]", "{{", "}}"):
        text = text.replace(brackets, "")
    return _mended(html.unescape(text) if "&" in text else text)  # no reference decodes to one of our markers


# What is written below begins with GONE where it can: then the search is one for a character. Blanks before it go behind it.
_EMPTY_PARENTHESES = re.compile(rf"[(（][\s{GONE},;:，；、：]*+[)）]")
_AFTER_PARENTHESIS = re.compile(rf"([(（]){GONE}[{GONE} ,;，；、]{{0,40}}+")
_COMMA_BEFORE_PARENTHESIS = re.compile(rf"[,;，；、]{GONE}[{GONE} ,;，；、]{{0,40}}+(?=[)）])")
_BEFORE_PARENTHESIS = re.compile(rf"{GONE}[{GONE} ,;，；、]{{0,40}}+(?=[)）])")
_AT_START = re.compile(rf"^([*#:;]*+[ ]?){GONE}[{GONE} ]{{0,40}}+(?:[-–—,;:：、，；|/][ ]*+(?![-|]))?", re.MULTILINE)
_BETWEEN_POINTS = re.compile(rf"([,;，；、]){GONE}[{GONE} ]{{0,40}}+[,;，；、]")
_BEFORE_END = re.compile(rf"[,;，；、]{GONE}[{GONE} ]{{0,40}}+(?=[.。])")
_BEFORE_POINT = re.compile(rf"{GONE}[{GONE} ]{{0,40}}+(?=[,.;:，。；：、])")


def _mended(text: str) -> str:
    """No `( , )`, no space before a comma, where templates or references were dropped."""
    text = _single_spaced(text.replace("\u00a0", " ").replace("\t", " ")).replace("( ", "(").replace(" )", ")")
    if GONE in text:
        text = _EMPTY_PARENTHESES.sub(lambda m: GONE if GONE in m[0] else m[0], text)
        text = text.replace(f" {GONE}", f"{GONE} ")
        text = _AFTER_PARENTHESIS.sub(r"\1", text)
        text = _COMMA_BEFORE_PARENTHESIS.sub("", text)
        text = _BEFORE_PARENTHESIS.sub("", text)
        text = _AT_START.sub(r"\1", text)
        text = _BETWEEN_POINTS.sub(r"\1", text)
        text = _BEFORE_END.sub("", text)
        text = _BEFORE_POINT.sub("", text)
        text = _single_spaced(text.replace(GONE, ""))
    return text


def _single_spaced(text: str) -> str:
    while "  " in text:
        text = text.replace("  ", " ")
    return text
