"""Notebooks: nbformat 4 and 3 to text, outputs bounded, and what is none told."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.sources.notebooks import NotebookError, read_notebook, render

NEW = {
    "nbformat": 4,
    "metadata": {"kernelspec": {"name": "python3", "language": "python"}, "language_info": {"name": "python"}},
    "cells": [
        {"cell_type": "markdown", "source": ["# Title\n", "Words ![x](data:image/png;base64,AAAA) here."]},
        {
            "cell_type": "code",
            "source": "import math\nprint(math.pi)",
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": ["3.14\n", "more\n"]},
                {"output_type": "execute_result", "data": {"text/plain": ["<Figure>"], "image/png": "AAAA"}},
                {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["\x1b[31mlong\x1b[0m"]},
            ],
        },
        {"cell_type": "code", "source": [], "outputs": []},
        {"cell_type": "raw", "source": "raw text"},
    ],
}
OLD = {
    "nbformat": 3,
    "metadata": {"name": "x"},
    "worksheets": [
        {
            "cells": [
                {"cell_type": "heading", "level": 2, "source": ["Part"]},
                {
                    "cell_type": "code",
                    "language": "python",
                    "input": ["x = 1\n", "x"],
                    "outputs": [{"output_type": "pyout", "text": ["1"]}],
                },
            ]
        }
    ],
}


def text_of(value, *options):
    return render(read_notebook(json.dumps(value)), *options)


def test_markdown():
    assert text_of(NEW) == ("# Title\nWords ![x]() here.\n\n```python\nimport math\nprint(math.pi)\n```\n\nraw text\n")
    assert text_of(OLD) == "## Part\n\n```python\nx = 1\nx\n```\n"
    assert read_notebook(json.dumps(OLD)).language == "python"


def test_outputs_are_bounded():
    assert "```\n3.14\nmore\n<Figure>\nValueError: no\n```" in text_of(NEW, "markdown", 1000)
    assert "```\n3.14\n```" in text_of(NEW, "markdown", 6)
    assert "AAAA" not in text_of(NEW, "markdown", 10_000)


def test_script():
    assert text_of(NEW, "script") == "# # Title\n# Words ![x]() here.\n\nimport math\nprint(math.pi)\n\n# raw text\n"
    scala = {
        "nbformat": 4,
        "metadata": {"language_info": {"name": "scala"}},
        "cells": [{"cell_type": "markdown", "source": "a\n\nb"}],
    }
    assert text_of(scala, "script") == "// a\n//\n// b\n"


def test_structured():
    assert text_of(NEW, "structured", 5) == (
        "<jupyter_start><jupyter_text># Title\nWords ![x]() here.<jupyter_code>import math\nprint(math.pi)"
        "<jupyter_output>3.14<jupyter_text>raw text"
    )


def test_a_fence_is_longer_than_what_it_holds():
    cell = {"cell_type": "code", "source": 'x = """\n```\n"""'}
    assert text_of({"cells": [cell]}) == '````\nx = """\n```\n"""\n````\n'


@pytest.mark.parametrize("data", ["", "{", "[]", "{}", '{"cells": 1}', '{"worksheets": []}', '{"worksheets": [1]}', "[" * 9999])
def test_what_is_no_notebook(data):
    with pytest.raises(NotebookError):
        read_notebook(data)


PLAIN = st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3), max_leaves=5)
KEYS = ("cell_type", "source", "input", "outputs", "output_type", "data", "text", "level", "language", "text/plain", "ename")


@given(st.lists(st.dictionaries(st.sampled_from(KEYS), PLAIN | st.sampled_from(["code", "markdown", "heading", "error"]))))
def test_strange_cells_are_no_crash(cells):
    for key in ("cells", "worksheets"):
        value = {"cells": cells} if key == "cells" else {"worksheets": [{"cells": cells}]}
        for form in ("markdown", "script", "structured"):
            assert isinstance(text_of(value, form, 10), str)


def test_pictures_that_never_end_take_no_time():
    cell = {"cell_type": "markdown", "source": "(data:image/png;base64," * 50_000 + 'AAAA "x")'}
    began = time.process_time()
    assert read_notebook(json.dumps({"cells": [cell]})).cells[0].text.endswith("base64,()")
    assert time.process_time() - began < 2
