r"""LaTeX to text: what a reader sees, macros expanded within bounds, nothing that takes forever."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.sources.latex import read_paper
from curator.sources.latex_macros import Expander
from curator.sources.latex_tokens import inlined, source_of, tokens

PAPER = r"""
\documentclass[12pt]{article} % a comment \section{not this}
\usepackage{amsmath}
\newcommand{\R}{\mathbb{R}}
\newcommand{\norm}[1]{\left\| #1 \right\|}
\newcommand{\pair}[2][left]{#1--#2}
\def\be{\begin{equation}} \def\ee{\end{equation}}
\newtheorem{thm}[equation]{Theorem}
\title{A \emph{Study} of\\ Things\thanks{Paid by us.}}
\author{Jos\'e Garc\'{\i}a$^{1}$ \and Ana \v{S}ule}
\begin{document}
\maketitle
\begin{abstract}
We study $x$ in $\R$. % gone
\end{abstract}
\section{Introduction}\label{sec:i}
Let $x \in \R$ be ``quoted'' --- see \cite{a,b} and Section~\ref{sec:i}, Eq.~\eqref{eq:1}. It costs 5\% more.%
Joined\footnote{A note.}. \pair{y} \pair[z]{w}.

\be \label{eq:1} \norm{x} = 1 \nonumber \ee
\begin{thm}[Main] All \textbf{good} \textcolor{red}{things}, as \citet{c} said \cite{a}. \end{thm}
\begin{itemize}
\item one
\item[two] three
\begin{enumerate}\item a \item b\end{enumerate}
\end{itemize}
\begin{figure}\centering\includegraphics[width=1cm]{x.png}\caption{A picture of $y$.}\label{f}\end{figure}
\begin{table}\caption{Numbers}\begin{tabular}{|l|c|}\hline a & b\\ \hline 1 & \multicolumn{1}{c}{2}\\ \end{tabular}\end{table}
\begin{verbatim}
% no comment
  code $x$
\end{verbatim}
\verb|a_b%c| See \url{http://a.b/~c_d}, \href{http://x}{text} and Figure \ref{f}.
\iffalse gone \fi
\begin{align} a &= b \\ c &= d \end{align}
\bibliographystyle{plain}\bibliography{refs}
\appendix
\section{More} Appended.
\end{document} Never.
"""
MARKDOWN = r"""# A Study of Things

We study $x$ in $\mathbb{R}$.

## Introduction

Let $x \in \mathbb{R}$ be “quoted” — see [1, 2] and Section 1, Eq. (1). It costs 5% more.Joined (A note.). left–y z–w.

$$
\left\| x \right\| = 1
$$

**Theorem 1 (Main).** All good things, as [3] said [1].

- one
- two three
  1. a
  2. b

Figure 1: A picture of $y$.

Table 1: Numbers

| a | b |
| --- | --- |
| 1 | 2 |

```
% no comment
  code $x$
```

a_b%c See http://a.b/~c_d, text and Figure 1.

$$
\begin{aligned}
a &= b \\ c &= d
\end{aligned}
$$

## More

Appended."""


def read(source, *options, **more):
    return read_paper(tokens(source), *options, **more)


def body(source, **options):
    return read(f"\\begin{{document}}{source}\\end{{document}}", **options).text


def test_a_paper_as_markdown():
    paper = read(PAPER)
    assert paper.text == MARKDOWN
    assert (paper.title, paper.authors) == ("A Study of Things", ["José García", "Ana Šule"])
    assert paper.abstract == r"We study $x$ in $\mathbb{R}$."
    assert not paper.exhausted


def test_a_paper_as_text_and_without_formulas():
    text = read(PAPER, "text").text
    assert "Introduction\n\nLet $x" in text
    assert "#" not in text
    assert "a | b\n1 | 2" in text
    assert "$" not in read(PAPER, "text", math=False).text.replace("code $x$", "")


def test_a_paper_as_cleaned_latex():
    text = read(PAPER, "latex", appendix=False).text
    assert text.startswith("\\maketitle\\begin{abstract}\nWe study $x$ in $\\mathbb{R}$.")
    assert "\\begin{equation}\\label{eq:1} \\left\\| x \\right\\| = 1" in text
    assert "% no comment\n  code $x$" in text
    assert not any(gone in text for gone in ("newcommand", "a comment", "bibliography{", "Appended", "Never", "iffalse"))
    assert tokens(text) == tokens(read(f"\\begin{{document}}{text}\\end{{document}}", "latex").text)


def test_the_appendix_goes_if_asked():
    assert "Appended" not in read(PAPER, appendix=False).text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"Erd\H{o}s, Fran\c cois, na\"{\i}ve, \AA ngstr\"om, \L\'od\'z, \ss", "Erdős, François, naïve, Ångström, Łódź, ß"),
        (r"a~b\,c -- d --- e \ldots\ f\&g \#1 \$5 x\_y", "a b c – d — e … f&g #1 $5 x_y"),
        (r"`single' and ``double'' don't", "‘single’ and “double” don’t"),
        ("one\ntwo\n\nthree % four\n\nfive", "one two\n\nthree\n\nfive"),
        (r"a\\b\newline c", "a\nb\nc"),
        (r"\emph{a \textbf{b} {\it c}} \unknown{d} \unknown[e]{f}", "a b c d f"),
        (r"x \(a+b\) y \[c\] z", "x $a+b$ y\n\n$$\nc\n$$\n\nz"),
        (r"costs $5 alone", "costs $5 alone"),
        (r"in \cite{a}, \citep[p.~3]{b,a} \cite{c}.", "in [1], [2, 1] [3]."),
        (r"see \ref{none}.", "see."),
        (r"\begin{proof} So. \end{proof}", "**Proof.** So."),
        (r"\begin{lemma} A. \end{lemma}\begin{lemma}\label{l} B. \end{lemma} By \autoref{l} and \ref{l}.",
         "**Lemma 1.** A.\n\n**Lemma 2.** B.\n\nBy Lemma 2 and 2."),
        (r"\begin{center} a \end{center}", "a"),
        (r"\begin{minipage}[t]{3cm} a \end{minipage}", "a"),
        (r"\begin{figure} \caption[s]{L \emph{x}} \end{figure}", "Figure 1: L x"),
        (r"\begin{tikzpicture} \draw (0,0); \end{tikzpicture} b", "b"),
        (r"\begin{tabular}{ll} a & {b & c} \\ \begin{tabular}{l} d \\ e \end{tabular} & f \end{tabular}",
         "| a | b c |\n| --- | --- |\n| d e | f |"),
        (r"\section*{A \texorpdfstring{$x$}{x}} b", "## A $x$\n\nb"),
        (r"\textcolor{red}{a} \vspace{1cm} \href{u}{b} \hspace*{2cm}c", "a b c"),
        (r"中文 \textbf{论文}。", "中文 论文。"),
        (r"\begin{lstlisting}[language=C]" + "\nint a; % x\n" + r"\end{lstlisting}", "```\nint a; % x\n```"),
        (r"\begin{comment} a \end{comment} b", "b"),
        (r"50\% of 3\%% gone", "50% of 3%"),
        (r"\SI{5}{\kilo\gram}, \SI[a=b]{1.5}{\meter\per\second\squared} \qty{3}{m/s}", "5 kg, 1.5 m/s² 3 m/s"),
        (r"in \si{\square\metre}, \unit{\newton\metre}: \SIrange{1}{2}{\kHz}", "in m², N·m: 1 to 2 kHz"),
        (r"\begin{algorithm}\caption{A}\label{a} b\end{algorithm}\begin{figure}\caption{F}\end{figure} \ref{a} \cref{a}",
         "Algorithm 1: A\n\nb\n\nFigure 1: F\n\n1 Algorithm 1"),
    ],
)  # fmt: skip
def test_what_a_reader_sees(source, text):
    assert body(source) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"\newcommand\x{y}\x\x{} z", "yy z"),
        (r"\newcommand*{\x}[1]{<#1>}\x{a}\x b\x3", "<a><b><3>"),
        (r"\newcommand{\x}[2][d]{#1#2}\x{a} \x[b]{c}", "da bc"),
        (r"\renewcommand{\x}{a}\x", "a"),
        (r"\def\x#1#2{#2#1}\x{a}{b}\x cd", "badc"),
        (r"\def\x{a}\let\y=\x\def\x{b}\y\x", "ab"),
        (r"\DeclareMathOperator{\tr}{tr}$\tr A$", r"$\operatorname{tr}A$"),
        (r"\newcommand{\x}{\y}\newcommand{\y}{z}\x", "z"),
        (r"\newif\ifdraft\ifdraft a\else b\fi \drafttrue\ifdraft c\fi", "bc"),
        (r"\iffalse a \iftrue b \fi c \fi d", "d"),
        ("\\if0\na \\ifx\\x\\y b\\fi\\else c\\fi d", "cd"),
        (r"\if 0 a\fi\if11 b\else c\fi\if01 d\fi\if 1 1e\fi", "be"),
        (r"\if0\x a\fi b", "b"),
        (r"\newcommand{\section}{broken}\section{A} b", "## A\n\nb"),
        (r"\makeatletter\def\x{\@gobble}\makeatother a", "a"),
        (r"\NewDocumentCommand{\x}{m m}{#2#1}\x{a}{b}", "ba"),
        (r"\def\x#1.{never}\x a.", "a."),
        (r"\newcommand{\ie}{i.e.\xspace}\ie you", "i.e. you"),
    ],
)
def test_macros_are_expanded(source, text):
    assert body(source) == text


BOMBS = [
    r"\def\x{\x}\x",
    r"\def\x{\x\x}\x",
    r"\def\x#1{\x{#1#1}}\x{ab}",
    "".join(rf"\def\m{chr(97 + n)}{{\m{chr(98 + n)}\m{chr(98 + n)}\m{chr(98 + n)}}}" for n in range(24)) + r"\ma",
    r"\newif\ifa\atrue" + r"\ifa " * 30_000,
    r"\newcommand{\x}[1]{#1}" + r"\x{" * 30_000,
    r"\newcommand{\x}[1][a]{#1}" + r"\x[" * 30_000,
    "{" * 100_000,
    "}" * 100_000,
    r"\begin{itemize}" * 30_000,
    r"\begin{equation}" * 30_000 + r"\label{a}\caption{b}" * 10_000,
    r"\caption{" * 30_000 + "}" * 30_000,
    r"\footnote{a " * 30_000 + "}" * 30_000,
    r"\begin{tabular}{l}" * 5_000 + "a" + r"\end{tabular}" * 5_000,
    r"\begin{figure}\caption{" * 3_000 + r"}\end{figure}" * 3_000,
    r"\bibliography{a}" * 50_000,
    r"\begin{verbatim}" * 50_000,
    r"\verb|" * 50_000,
    r"\verb|a" + "b" * 500_000,
    "$" * 200_001,
    r"\[ " * 60_000,
    r"\cite[" * 50_000,
    r"\cite[a]" * 50_000,
    r"\item[" * 50_000,
    "%" * 500_000,
    "\\" * 300_001,
    r"\newtheorem{a" * 30_000,
    r"\author{" * 30_000 + "}" * 30_000,
    "\n" * 300_000,
    "` ' -- " * 60_000,
    " " * 300_000,
    "$a" + " " * 300_000 + "b$",
    r"\SI{1}{" * 20_000,
    r"\SI{1}{\m" * 20_000 + "}" * 20_000,
]


@pytest.mark.parametrize("bomb", range(len(BOMBS)))
@pytest.mark.parametrize("form", ["markdown", "latex"])
def test_bombs_end_soon_and_small(bomb, form):
    began = time.process_time()
    paper = read(rf"\begin{{document}}\section{{A}} {BOMBS[bomb]}", form, most_tokens=100_000)
    assert time.process_time() - began < 6
    assert len(paper.text) < 8_000_000


def test_exhausted_macros_are_told():
    assert read(r"\def\x{\x\x}\x", most_tokens=1000).exhausted


ATOMS = ["\\", "{", "}", "$", "$$", "%", "\n", "&", "#1", "[", "]", "~", "a", " ", "\\begin{x}", "\\end{x}", "\\begin{tabular}"]
ATOMS += [
    "\\end{tabular}",
    "\\begin{equation}",
    "\\end{equation}",
    "\\section",
    "\\cite",
    "\\def\\x",
    "\\x",
    "\\newcommand",
    "\\'",
]
ATOMS += [
    "\\item",
    "\\caption",
    "\\begin{figure}",
    "\\end{figure}",
    "\\verb|",
    "|",
    "\\iffalse",
    "\\fi",
    "\\else",
    "\\[",
    "\\]",
    "\\\\",
]


@given(st.lists(st.sampled_from(ATOMS), max_size=60))
def test_nothing_breaks_it(atoms):
    source = "".join(atoms)
    for form in ("markdown", "text", "latex"):
        text = read(source, form).text
        assert not any("\ue000" <= c <= "\ue00f" or c == "\0" for c in text)


@given(st.lists(st.sampled_from(ATOMS), max_size=60))
def test_tokens_hold_all_that_is_no_comment(atoms):
    source = "".join(atoms).replace("%", "").replace("\\verb", "")
    assert "".join(source_of(tokens(source)).split()) == "".join(source.split())


def test_inputs_stand_where_they_are_named():
    files = {"a": r"A\input{b}", "b": "B", "c": r"C\input{c}"}
    found = inlined(tokens(r"x \input{a} y \input b z\include{c} % \input{a}" + "\n\\input{none}"), files.get, 100_000)
    text = "".join(source_of(found).split())
    assert text.rstrip("C") == "xAByBz"
    assert 10 < text.count("C") < 25
    assert len(inlined(tokens(r"\input{c}" * 10), {"c": r"\input{c}\input{c}"}.get, 500)) <= 500


@pytest.mark.parametrize("command", [r"\subfile{part}", r"\input{part}"])
def test_of_a_file_that_is_a_document_itself_its_body_is_taken(command):
    part = r"\documentclass[../main]{subfiles}\title{No}\begin{document}\section{B}Within.\end{document} junk"
    source = r"\documentclass{article}\begin{document}\section{A}First. " + command + r"\section{C}Behind.\end{document}"
    text = read_paper(inlined(tokens(source), {"part": part}.get, 100_000), "text").text
    assert text == "A\n\nFirst.\n\nB\n\nWithin.\n\nC\n\nBehind."
    whole = inlined(tokens(r"\input{all}"), {"all": source.replace(command, "")}.get, 100_000)
    assert read_paper(whole, "text").text == "A\n\nFirst.\n\nC\n\nBehind."


def test_definitions_of_a_preamble_serve_the_body():
    expander = Expander(1000)
    assert expander.expand(tokens(r"\newcommand{\x}{y}")) == []
    assert expander.expand(tokens(r"\x")) == ["y"]
