"""MathML that comes without its source."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.extraction.formulas import tex, with_sources, written

PIECES = [
    *("<mi>", "</mi>", "<mfrac>", "</mfrac>", "<mtable>", "<mtr>", "</mtr>", "<msup>", "</msup>", "<mo/>"),
    *("x", "&lt;", "<!--", "-->", "{", "</math>"),
]


@pytest.mark.parametrize(
    ("inside", "source"),
    [
        ("<mi>a</mi><mo>&#x2260;</mo><mn>0</mn>", r"a\ne 0"),
        ("<msup><mi>x</mi><mn>2</mn></msup>", "{x}^{2}"),
        ("<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>", "{x}_{i}^{2}"),
        ("<mfrac><mrow><mo>\u2212</mo><mi>b</mi></mrow><mn>2</mn></mfrac>", r"\frac{-b}{2}"),
        ('<mfrac linethickness="0"><mi>n</mi><mi>k</mi></mfrac>', r"\binom{n}{k}"),
        ("<msqrt><mi>x</mi><mo>+</mo><mn>1</mn></msqrt>", r"\sqrt{x+1}"),
        ("<mroot><mi>x</mi><mn>3</mn></mroot>", r"\sqrt[3]{x}"),
        ("<munderover><mo>\u2211</mo><mi>i</mi><mi>n</mi></munderover><mi>i</mi>", r"\sum_{i}^{n}i"),
        ("<mover><mi>x</mi><mo>\u02d9</mo></mover>", "\\stackrel{\u02d9}{x}"),
        ("<munder><mi>x</mi><mi>y</mi></munder>", r"\underset{y}{x}"),
        ("<mi>sin</mi><mo>\u2061</mo><mi>\u03b1</mi>", r"\sin \alpha "),
        ("<mi>\u0394</mi><mi>rate</mi>", r"\Delta \mathrm{rate}"),
        ('<mi mathvariant="bold">E</mi><mtext>for </mtext>', r"\mathbf{E}\text{for }"),
        ("<mfenced><mi>a</mi><mi>b</mi></mfenced>", "(a,b)"),
        ('<mfenced open="[" close="]" separators=";"><mi>a</mi><mi>b</mi></mfenced>', "[a;b]"),
        ('<mfenced open="{" close=""><mi>a</mi></mfenced>', r"\{a"),
        (
            "<mtable><mtr><mtd><mi>a</mi></mtd><mtd><mi>b</mi></mtd></mtr><mtr><mtd><mi>c</mi></mtd></mtr></mtable>",
            r"\begin{array}{cc}a & b \\ c\end{array}",
        ),
        ("<semantics><mi>x</mi><annotation>x = drawn</annotation></semantics>", "x"),
        ("<mn>5</mn><mo>%</mo><!-- 5 -->", r"5\%"),
    ],
)
def test_mathml_to_tex(inside: str, source: str) -> None:
    assert tex(inside) == source


def test_the_source_stands_in_the_page() -> None:
    assert (
        with_sources("<p><math><mi>a</mi><mo>&lt;</mo></math></p>")
        == '<p><math alttext="a&lt;"><mi>a</mi><mo>&lt;</mo></math></p>'
    )


@pytest.mark.parametrize(
    "page",
    [
        '<math alttext="x"><mi>y</mi></math>',
        '<math><mi>y</mi><annotation encoding="application/x-tex">x</annotation></math>',
        "<math></math>",
        "<p>mathematics</p>",
        f"<math>{'<mi>x</mi>' * 5000}</math>",
    ],
    ids=["alttext", "annotation", "empty", "none", "too long"],
)
def test_a_page_that_stays_as_it_is(page: str) -> None:
    assert with_sources(page) == page


@given(st.lists(st.sampled_from(PIECES), max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_markup_has_some_source(pieces: list[str]) -> None:
    inside = "".join(pieces)
    assert len(tex(inside)) <= 40 * len(inside)
    assert with_sources(f"<math>{inside}</math>").endswith("</math>")


def test_depth_is_bounded() -> None:
    assert tex("<msqrt>" * 3000 + "<mi>x</mi>" + "</msqrt>" * 3000).strip() == "x"


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>a <math><mfrac><mi>x</mi><mn>2</mn></mfrac></math> b</p>", r"<p>a $\frac{x}{2}$ b</p>"),
        ('<m:math display="block"><m:msup><m:mi>x</m:mi><m:mn>2</m:mn></m:msup></m:math>', "$${x}^{2}$$"),
        ('<math alttext="x squared"><msup><mi>x</mi><mn>2</mn></msup></math>', "${x}^{2}$"),
        ("<math alttext='x^2'><msup><mi>x</mi><mn>2</mn></msup></math>", "$x^2$"),
        (
            '<math><semantics><mi>x</mi><annotation encoding="application/x-tex">a&lt;b</annotation></semantics></math>',
            "$a&lt;b$",
        ),
        ("<math></math><math>never closed", "<math>never closed"),
    ],
)
def test_pages_of_books_have_their_formulas_written_out(page, text):
    assert written(page) == text
