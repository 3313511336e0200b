"""Lines of a wikitext, inline markup already gone, to lines of plain text: headings, lists, and which sections to leave out."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Sections that only list sources or links, in the languages of the largest wikis, lower case.
APPARATUS = frozenset(
    name.strip()
    for names in (
        "references, external links, external link, see also, further reading, notes, footnotes, notes and references,"
        " citations, sources,"
        " bibliography, works cited, references and notes, notes and citations, general references, links, web links,"
        " gallery, general sources",
        "参考文献, 參考文獻, 参考资料, 參考資料, 外部链接, 外部連結, 外部鏈接, 外部連接, 外部连接, 参见, 參見, 参看,"
        " 參看, 参考, 參考, 注释, 註釋, 注釋,"
        " 腳註, 脚注, 註解, 注解, 備註, 备注, 延伸阅读, 延伸閱讀, 扩展阅读, 相关条目, 相關條目, 资料来源, 資料來源, 来源,"
        " 來源, 註腳, 參考來源, 参考来源,"
        " 參考資料與注釋, 外部链结, 相关链接, 相關連結, 參考, 参考书目, 參考書目, 相關連接, 参考网站, 注脚, 内部链接,"
        " 關連項目, 関連項目, 外部リンク, 参考資料, 関連書籍",
        "einzelnachweise, weblinks, literatur, siehe auch, quellen, anmerkungen, références, liens externes, voir aussi,"
        " notes et références,"
        " bibliographie, enlaces externos, véase también, referencias, bibliografía, collegamenti esterni, note,"
        " bibliografia, voci correlate,"
        " altri progetti, ligações externas, ver também, referências, примечания, ссылки, литература, см. также, externe"
        " links, bronnen,"
        " 같이 보기, 외부 링크, 각주, 참고 문헌, liên kết ngoài, tham khảo, xem thêm, chú thích, вижте също, външни"
        " препратки, източници, бележки",
    )
    for name in names.split(",")
)

_LIST = re.compile(r"[*#:;]++")
_SENTENCE_END = re.compile(r"[.!?。！？…][”’\"')）」』]?$")
DEEPEST = 20  # lists in lists
_PROSE_BYTES = 100  # of UTF-8: about a line of English, 33 Chinese characters


@dataclass
class Line:
    text: str
    level: int = 0  # of a heading, 1 to 6; 0 for text
    item: bool = False  # of a list


def render(text: str) -> str:
    return finished(_lines(text))


def finished(lines: list[Line]) -> str:
    """The lines that are left without sections of sources and links, and without headings of nothing."""
    lines = _without_empty_headings(_without_apparatus(lines))
    return "\n".join(line.text for line in lines)


def _lines(text: str) -> list[Line]:
    lines: list[Line] = []
    counters: list[int] = []  # of ordered lists, by depth
    for raw in text.split("\n"):
        line = raw.strip(" \t\r\u00a0\u200b\u200e\u200f")
        if not line:
            continue
        heading = _heading(line)
        prefix = _LIST.match(line)
        if prefix is None:
            counters.clear()
        if heading:
            lines.append(heading)
        elif prefix:
            content = line[prefix.end() :].strip()
            if content:
                lines.append(_item(prefix[0], content, counters))
        elif not line.startswith("----") or line.strip("-"):  # a ruler
            lines.append(Line(line))
    return lines


def _heading(line: str) -> Line | None:
    if not (line.startswith("=") and line.endswith("=")) or len(line) < 3:
        return None
    inner = line.strip("=")
    if not inner.strip():
        return None
    level = min(len(line) - len(line.lstrip("=")), len(line) - len(line.rstrip("=")), 6)
    return Line(inner.strip(), level=level)


def _item(prefix: str, content: str, counters: list[int]) -> Line:
    """`*` and `#` at the end of the prefix make an item, `:` and `;` a plain line (a reply, an indented formula, a term)."""
    depth = min(len(prefix), DEEPEST)
    del counters[depth:]
    counters += [0] * (depth - len(counters))
    if prefix[-1] not in "*#":
        return Line(content)
    counters[depth - 1] += prefix[-1] == "#"
    return item(content, sum(c in "*#" for c in prefix[:depth]), counters[depth - 1] if prefix[-1] == "#" else None)


def item(content: str, depth: int, number: int | None) -> Line:
    """An item of a list, `depth` lists deep; without a number it gets a dash."""
    return Line(f"{'  ' * (min(depth, DEEPEST) - 1)}{f'{number}.' if number else '-'} {content}", item=True)


def _without_apparatus(lines: list[Line]) -> list[Line]:
    """Leave out sections by the names of APPARATUS, with their subsections, if they hold no prose."""
    kept: list[Line] = []
    at = 0
    while at < len(lines):
        end = at + 1
        if lines[at].level and lines[at].text.lower().rstrip(":：") in APPARATUS:
            while end < len(lines) and not 0 < lines[end].level <= lines[at].level:
                end += 1
            if not any(_is_prose(line) for line in lines[at + 1 : end]):
                at = end
                continue
            end = at + 1
        kept += lines[at:end]
        at = end
    return kept


def _is_prose(line: Line) -> bool:
    if line.level or line.item or not _SENTENCE_END.search(line.text):
        return False
    return len(line.text.encode("utf-8", "replace")) >= _PROSE_BYTES


def _without_empty_headings(lines: list[Line]) -> list[Line]:
    kept: list[Line] = []
    following = 1  # level of what comes next, as a heading; the end of the page closes every section
    for line in reversed(lines):
        if line.level and 0 < following <= line.level:
            continue
        kept.append(line)
        following = line.level
    return kept[::-1]
