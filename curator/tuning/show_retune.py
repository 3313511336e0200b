"""What `curator retune` prints: rules, overlap, groups, sweeps, documents near a bound, and what cannot be known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from curator.documents import Rule
from curator.pipeline.finished import bounds
from curator.terminal import printable
from curator.tuning.excerpts import one_line
from curator.tuning.judging import GroupCount, RuleCount
from curator.tuning.retune import NearDocument, Retuned
from curator.tuning.sweeps import Sweep

MOST_LANGUAGES = 8  # of each source
LINE_SHOWN = 100  # characters


def show_retuned(console: Console, found: Retuned, raw: bool = False) -> None:
    _headline(console, found)
    _rules(console, found)
    _overlap(console, found)
    _groups(console, found)
    for each in found.sweeps:
        _sweep(console, each, found)
    for reason, documents in found.near.items():
        _near(console, found, reason, documents, raw)
    for caution in found.cautions:
        console.print(Text(f"· {printable(caution)}", "dim"))


def plain_bounds(rule: Rule) -> str:
    """What a rule lets pass, in words."""
    given = {"min": rule.min, "max": rule.max, "among": rule.among, "equals": rule.equals}
    return printable(bounds({word: bound for word, bound in given.items() if bound is not None}))


def share(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if whole else "–"


def _table(title: str, heads: Iterable[str], words: int = 1) -> Table:
    """A table whose first columns are words and the others numbers."""
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for at, head in enumerate(heads):
        table.add_column(Text(head), justify="left" if at < words else "right", no_wrap=at >= words, overflow="fold")
    return table


def _headline(console: Console, found: Retuned) -> None:
    judged = found.judged
    documents, then, now = (judged.total(name) for name in ("documents", "passed_then", "passed_now"))
    line = Text.assemble(
        (printable(found.applied.name), "bold"), f": {documents:,} documents, {then:,} passed ({share(then, documents)})"
    )
    if found.changed:
        line.append(f"; with the change {now:,} would ({share(now, documents)})")
        line.append(f": {judged.total('gained'):,} more, {judged.total('lost'):,} fewer")
        line.append(f" ({judged.total('lost_published'):,} of them in documents/)")
    console.print(line)
    if found.applied.where:
        said = "; ".join(f"{column} in {', '.join(values)}" for column, values in found.applied.where.items())
        console.print(Text(printable(f"  where {said}; {judged.outside:,} other documents went by it"), "dim"))


def _rules(console: Console, found: Retuned) -> None:
    documents = found.judged.total("documents")
    heads = ["rule", "passes", "kills", "share", "unique", "reason of"]
    table = _table("Rules", [*heads, "kills before", "unique before"] if found.changed else heads, words=2)
    for reason, now in found.judged.now.items():
        then = found.judged.then.get(reason)
        more = ["–", "–"] if then is None else [f"{then.kills:,}", f"{then.unique:,}"]
        touched = found.changed and (then is None or then.rule != now.rule)
        before = f" (was {plain_bounds(then.rule)})" if then else " (new)"
        said = plain_bounds(now.rule) + (before if touched else "")
        cells = [_name(found, now), said, f"{now.kills:,}", share(now.kills, documents), f"{now.unique:,}", f"{now.reason:,}"]
        table.add_row(*map(Text, [*cells, *more] if found.changed else cells), style="bold" if touched else None)
    for reason, then in found.judged.then.items():
        if reason not in found.judged.now:
            gone = [_name(found, then), f"off (was {plain_bounds(then.rule)})", "–", "–", "–", "–"]
            table.add_row(*map(Text, [*gone, f"{then.kills:,}", f"{then.unique:,}"]), style="bold")
    console.print(table)
    said = "kills: documents that fail the rule; unique: that no other rule of the filter rejects; reason of: fail it first"
    console.print(Text(printable(said + without_number(found.judged.now)), "dim"))


def without_number(counts: Mapping[str, RuleCount]) -> str:
    """Who has no words has no share of them, so one sentence stands for all rules; how many each has is in the JSON."""
    most, worst = max(((count.unmeasured, reason) for reason, count in counts.items()), default=(0, ""))
    others = sum(count.unmeasured > 0 for count in counts.values()) - 1
    if not most:
        return ""
    more = "" if not others else "; by one other rule, too" if others == 1 else f"; by {others} other rules, as many or fewer"
    return f". Of the kills by {worst}, {most:,} had no number{more}"


def _name(found: Retuned, count: RuleCount) -> str:
    return printable(found.applied.key(count.rule))


def _overlap(console: Console, found: Retuned) -> None:
    """Of the documents that the rule of a row rejects, the percentage that the rule of a column rejects too."""
    counts = list(found.judged.now.values())
    shown = [at for at, count in enumerate(counts) if count.kills]
    if len(shown) < 2:
        return
    width = max(len(_name(found, counts[at])) for at in shown)
    console.print(Text("\nOverlap: of what the row's rule rejects, the % that the column's rule rejects too"))
    head = "".join(f"{number:>4}" for number in range(1, len(shown) + 1))
    console.print(Text(" " * (width + 4) + head, "dim"), soft_wrap=True)
    for number, row in enumerate(shown, 1):
        cells = [_percent(found.judged.overlap[row, column], counts[row].kills, row == column) for column in shown]
        line = f"{number:>3} {_name(found, counts[row]):<{width}}" + "".join(f"{cell:>4}" for cell in cells)
        console.print(Text(line), soft_wrap=True)


def _percent(both: int, kills: int, itself: bool) -> str:
    if itself:
        return "■"
    percent = 100 * both / kills
    return "" if not both else "·" if percent < 0.5 else f"{percent:.0f}"


def _groups(console: Console, found: Retuned) -> None:
    heads = ["source", "language", "documents", "passed", "share"]
    table = _table("By source and language", [*heads, "now", "share", "more", "fewer"] if found.changed else heads, words=2)
    for source in sorted({source for source, _ in found.judged.groups}):
        mine = {language: group for (s, language), group in found.judged.groups.items() if s == source}
        order = sorted(mine, key=lambda language: (-mine[language].documents, language))
        for language in order[:MOST_LANGUAGES]:
            _group_row(table, source, language, [mine[language]], found.changed)
        if order[MOST_LANGUAGES:]:
            rest = [mine[language] for language in order[MOST_LANGUAGES:]]
            _group_row(table, source, f"{len(rest)} others", rest, found.changed)
    console.print(table)


def _group_row(table: Table, source: str, language: str, groups: Sequence[GroupCount], changed: bool) -> None:
    names = ("documents", "passed_then", "passed_now", "gained", "lost")
    documents, then, now, gained, lost = (sum(getattr(group, name) for group in groups) for name in names)
    cells = [printable(source), printable(language), f"{documents:,}", f"{then:,}", share(then, documents)]
    if changed:
        cells += [f"{now:,}", share(now, documents), f"{gained:,}", f"{lost:,}"]
    table.add_row(*map(Text, cells))


def _sweep(console: Console, found: Sweep, retuned: Retuned) -> None:
    name = printable(retuned.applied.key(found.rule))
    word = "at least" if found.end == "min" else "at most"
    table = _table(f"{name} {word} …: what the filter would keep", ["bound", "kept", "share", "kills", "unique", ""], words=0)
    for point in found.points:
        mark = "◀ present" if point.present else ""
        cells = [number(point.bound), f"{point.kept:,}", share(point.kept, found.documents), f"{point.kills:,}"]
        table.add_row(*map(Text, [*cells, f"{point.unique:,}", mark]), style="bold" if point.present else None)
    console.print(table)


def number(value: float) -> str:
    """A number that is read: six digits are enough to tell a value from its bound."""
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:.6g}"


def _near(console: Console, found: Retuned, reason: str, documents: Sequence[NearDocument], raw: bool) -> None:
    rule = next(rule for rule in found.rules if rule.reason == reason)
    name = printable(found.applied.key(rule))
    console.print(Text(f"\nNearest to {name} {plain_bounds(rule)}, of documents that no other rule rejects", "bold"))
    if not documents:
        console.print("  none")
    before = True
    for each in documents:
        if before and not each.near.passes:
            console.print(Text(f"  {'─' * 20} the bound: above passes, below fails", "dim"))
        before = each.near.passes
        stored = each.document
        line = Text.assemble("  ", (number(each.near.value), "bold"), f"  {stored.get('id') or ''}  ")
        line.append(one_line(stored.get("title") or "", LINE_SHOWN, raw))
        console.print(line, soft_wrap=True)
        for value in (stored.get("url"), stored.get("text")):
            if value:
                console.print(Text(f"      {one_line(value, LINE_SHOWN, raw)}", "dim"), soft_wrap=True)
