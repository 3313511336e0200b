"""Lines of a wikitext, inline markup already gone, to lines of plain text: headings, lists, and which sections to leave out."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Sections that only list sources or links, in the languages of the largest wikis, lower case.
_APPARATUS = """
aiheesta muualla, altri progetti, anmerkungen, annexes, articles connexes, bibliografia, bibliographie, bibliography,
bronnen, catatan kaki, citations, collegamenti esterni, einzelnachweise, eksterne henvisninger, eksterne lenker,
enlaces externos, external link, external links, externe links, footnotes, further reading, gallery, general references,
general sources, izvori, jegyzetek, kildehenvisninger, kilder, kirjallisuutta, liens externes, lihat pula, links,
literatur, literatura, notas, note, noter, notes, notes and citations, notes and references, pranala luar, przypisy,
quellen, reference, references, references and notes, referencias, referenser, referensi, see also, siehe auch, sources,
uwagi, vanjske poveznice, voci correlate, voir aussi, web links, weblinks, works cited, zie ook, المراجع, انظر أيضا,
جستارهای وابسته, مراجع, منابع, وصلات خارجية, پانویس, پیوند به بیرون, 來源, 備註, 内部链接, 出典, 参看, 参考, 参考书目,
参考书籍, 参考文献, 参考来源, 参考网站, 參考網站, 参考資料, 参考资料,
参考资料与注释, 参考资料和注释, 参考资料及注释, 參考資料及註釋, 參考資料與註釋, 参考文献与注释, 參考文獻與註釋, 內部鏈接,
內部連結, 内部连结, 外部连结, 外部鏈結, 关联项目, 關聯項目, 关连项目, 相关连结, 相关连接, 相關鏈接, 相關閲讀, 延伸閲讀,
擴展閲讀, 擴展閱讀, 參閲, 註釋和參考文獻, 註釋與參考文獻, 註釋與參考資料, 注释与参考资料, 注释及参考文献,
註釋及參考文獻, 注释及参考资料, 註釋及參考資料, 参见, 参阅, 參看, 參考, 參考來源, 參考文獻, 參考書目,
參考書籍, 參考資料, 參考資料和註釋, 參考資料與注釋, 參見, 參閱, 备注, 外部リンク, 外部连接, 外部連接, 外部連結, 外部鏈接,
外部链接, 外部链结, 延伸閱讀, 延伸阅读, 扩展阅读, 来源, 注脚, 注解, 注釈, 注釈・出典, 注释, 注释与参考文献,
注释和参考文献, 注釋, 注釋和參考文獻, 相关条目, 相关链接, 相关阅读, 相關條目, 相關連接, 相關連結, 相關閱讀, 脚注, 脚註,
腳註, 註腳, 註解, 註釋, 資料來源, 资料来源, 関連書籍, 関連項目, 關連項目, бележки, види још, вижте също,
външни препратки, джерела, див. також, извори, източници, литература, література, посилання, примечания, примітки,
референце, см. также, спољашње везе, ссылки, 각주, 같이 보기, 외부 고리, 외부 링크, 참고 문헌, 참고 자료, 출처,
הערות שוליים, לקריאה נוספת, קישורים חיצוניים, ראו גם, ayrıca bakınız, bibliografía, chú thích, dış bağlantılar,
externa länkar, externí odkazy, források, katso myös, kaynakça, källor, legături externe, ligações externas,
linki zewnętrzne, liên kết ngoài, lähteet, notas e referências, notes et références, referințe, referências, références,
se også, se även, související články, tham khảo, további információk, ver também, vezi și, véase también, xem thêm,
zobacz też
"""
APPARATUS = frozenset(" ".join(name.split()) for name in _APPARATUS.split(","))

_WORD = re.compile(r"[^\W_]|\x00")  # or a piece that is held
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
    table = False  # that was never closed: its markup is still here
    for raw in text.split("\n"):
        line = raw.strip(" \t\r\u00a0\u200b\u200e\u200f")
        heading = _heading(line)
        table = (table or line.startswith("{|")) and heading is None
        if line.startswith(_TABLE_MARKS):
            line = ""
        elif table and line.startswith(("|", "!")):
            line = _cells(line)
        if not line:
            continue
        prefix = _LIST.match(line)
        if prefix is None:
            counters.clear()
        if heading:
            lines.append(heading)
        elif prefix:
            content = line[prefix.end() :].strip()
            if _WORD.search(content):
                lines.append(_item(prefix[0], content, counters))
        elif not line.startswith("----") or line.strip("-"):  # a ruler
            lines.append(Line(line))
    return lines


_TABLE_MARKS = ("{|", "|-", "|}")
_CELL_BORDER = re.compile(r"\|\||!!")
_CELL_ATTRIBUTES = re.compile(r"[^|=\[\]]{1,60}=[^|\[\]]{0,300}\|")


def _cells(line: str) -> str:
    """A line of cells, as `wikitables` writes a row."""
    cells = _CELL_BORDER.split(line.lstrip("|!").removeprefix("+"))
    found = [cell[attributes.end() :] if (attributes := _CELL_ATTRIBUTES.match(cell)) else cell for cell in cells]
    return " | ".join(cell.strip() for cell in found if cell.strip())


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
