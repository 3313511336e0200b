"""Notices are written behind the text of a page, in its script, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from curator.extraction.blocks import cut
from curator.extraction.notices import NOTICES, noticed, traditional
from curator.extraction.render import separately
from curator.extraction.tree import parse

TEXT = {
    False: "这是正文的最后一段，说的是今天的天气，还有明天会不会下雨，以及后天。",
    True: "這是正文的最後一段，說的是今天的天氣，還有明天會不會下雨，以及後天。",
}
FORMS = ("<div><p>{}</p><ul><li>菜单</ul></div>", "<div>{}<br>菜单</div>", "<div>{}</div><div>菜单</div>")


def written(name: str, html: str) -> list[str]:
    texts = separately(*(lambda tree: (tree, cut(tree, "")))(parse(html)))
    share = np.array([text in TEXT.values() for text in texts], float)
    found = noticed(name, html, texts, share)
    if found is None:
        return []
    tree = parse(found)
    after = separately(tree, cut(tree, ""))
    assert after[0] == texts[0]
    assert after[-1] == texts[-1]
    assert len(after) > len(texts)
    return after[1 : 1 + len(after) - len(texts)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("hant", [False, True])
def test_notices_stand_behind_the_text_in_its_script(form: str, hant: bool) -> None:
    html = form.format(TEXT[hant])
    drawn = [written(str(i), html) for i in range(30)]
    assert {len(lines) for lines in drawn} == {1, 2, 3}
    assert {traditional(line) for lines in drawn for line in lines} <= {hant}
    assert drawn == [written(str(i), html) for i in range(30)]
    assert drawn[0] != drawn[1]


def test_a_page_whose_text_has_no_end_in_the_source_is_left() -> None:
    assert not written("a", f"<p>{TEXT[False][:-4]}&#12290;<i>{TEXT[False]}</i>" + "<b></b>" * 40)
    assert not written("a", "<p>短<p>菜单")


def test_there_are_notices_of_both_scripts_and_none_twice() -> None:
    lines = NOTICES.read_text(encoding="utf-8").splitlines()
    assert len(set(lines)) == len(lines)
    assert min(sum(traditional(line) == hant for line in lines) for hant in (False, True)) >= 15
