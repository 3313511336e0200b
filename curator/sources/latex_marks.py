"""What LaTeX's commands and environments mean for the text of a paper: tables of names, nothing else."""

from __future__ import annotations


def _words(text: str) -> list[str]:
    return text.split()


HEADINGS = {"part": 1, "chapter": 1, "section": 2, "subsection": 3, "subsubsection": 4, "paragraph": 5, "subparagraph": 6}

MATH = frozenset(
    _words(
        """equation align gather multline eqnarray displaymath math dmath flalign alignat subequations IEEEeqnarray
    equationarray darray dgroup split aligned"""
    )
)
ALIGNED = frozenset(_words("align eqnarray flalign alignat IEEEeqnarray split aligned"))
FIGURES = frozenset(_words("figure wrapfigure sidewaysfigure SCfigure floatingfigure teaserfigure marginfigure subfigure"))
TABLES = frozenset(_words("table wraptable sidewaystable longtable deluxetable margintable threeparttable supertabular"))
CAPTIONED = {"algorithm": "Algorithm", "listing": "Listing", "scheme": "Scheme", "chart": "Chart"}  # whose inside is text
# Tables of cells, and how many arguments they begin with.
GRIDS = {"tabular": 1, "tabularx": 2, "tabulary": 2, "longtable": 1, "supertabular": 1, "tblr": 1, "deluxetable": 1}
LISTS = frozenset(
    _words("itemize enumerate description compactitem compactenum inparaenum asparaenum list enumeration itemise")
)
NUMBERED = frozenset(_words("enumerate compactenum inparaenum asparaenum enumeration"))
DROPPED = frozenset(
    _words("""
        thebibliography references REFERENCES biblist filecontents tikzpicture pgfpicture picture pspicture asy CCSXML comment
        feynmanpicture forest tikzcd xy psfrags scope axis
        """)
)
# Arguments at the beginning of an environment, options not counted.
ENVIRONMENT_ARGUMENTS = {
    "minipage": 1,
    "multicols": 1,
    "adjustwidth": 2,
    "subfigure": 1,
    "wrapfigure": 2,
    "wraptable": 2,
    "CJK": 2,
    "spacing": 1,
} | {
    "adjustbox": 1,
    "list": 2,
    "thebibliography": 1,
    "alignat": 1,
    "array": 1,
    "IEEEeqnarray": 1,
    "algorithm2e": 0,
    "mdframed": 0,
}
THEOREMS = (
    {
        "theorem": "Theorem",
        "thm": "Theorem",
        "lemma": "Lemma",
        "lem": "Lemma",
        "proposition": "Proposition",
        "prop": "Proposition",
    }
    | {"corollary": "Corollary", "cor": "Corollary", "definition": "Definition", "defn": "Definition", "remark": "Remark"}
    | {"example": "Example", "conjecture": "Conjecture", "claim": "Claim", "proof": "Proof", "assumption": "Assumption"}
)

# Commands that go with so many arguments (and their options).
GOES = (
    dict.fromkeys(
        _words("""
            vspace hspace includegraphics bibliographystyle pagestyle thispagestyle color usepackage hypersetup index thanks
            affiliation address email institute affil date preprint pacs graphicspath hyphenation bibliography nocite
            pagenumbering setstretch linespread enlargethispage vphantom hphantom phantom pagecolor theoremstyle RequirePackage
            documentclass documentstyle rowcolor cellcolor institution city state country postcode streetaddress orcid
            acmConference acmYear acmDOI acmISBN acmPrice setcopyright copyrightyear ccsdesc received accepted published
            Received Accepted IEEEauthorblockA fntext cortext corref fnref tnotetext tnoteref ead inst orcidID titlerunning
            authorrunning subjclass curraddr urladdr dedicatory icmlaffiliation icmlkeywords addbibresource usetikzlibrary
            tikzset pgfplotsset lstset captionsetup geometry specialcomment excludecomment includecomment markright cline
            cmidrule arrayrulecolor stepcounter refstepcounter subfile selectlanguage mathversion bibitem lhead rhead chead
            lfoot rfoot cfoot fancyhead fancyfoot shorttitle shortauthors runninghead newcounter newlength newsavebox tag todo
            """),
        1,
    )
    | dict.fromkeys(
        _words("""
            setcounter addtocounter setlength addtolength rule markboth newcolumntype crefname fontsize lstdefinestyle
            crefformat numberwithin settowidth icmlauthor newtheorem
            """),
        2,
    )
    | dict.fromkeys(_words("definecolor addcontentsline specialrule hyperdef"), 3)
    | {"titleformat": 5, "titlespacing": 4, "DeclareMathSymbol": 4}
)
# Commands whose first arguments go, and the rest is text.
FIRST_GOES = (
    {"textcolor": 1, "href": 1, "colorbox": 1, "parbox": 1, "raisebox": 1, "scalebox": 1, "resizebox": 2, "rotatebox": 1}
    | {"multicolumn": 2, "multirow": 2, "foreignlanguage": 1, "hyperlink": 1, "hypertarget": 1, "fcolorbox": 2, "makebox": 0}
    | {"adjustbox": 1, "CJKfamily": 1, "begingroup": 0, "shortstack": 0, "textls": 0, "highlight": 1, "hyperref": 0}
)
# Of siunitx: how many numbers stand before the unit, and what between them.
QUANTITIES = {"si": (0, ""), "unit": (0, ""), "SI": (1, ""), "qty": (1, "")} | {
    "SIrange": (2, " to "),
    "qtyrange": (2, " to "),
    "qtyproduct": (1, ""),
}
CITES = frozenset(
    _words(
        """cite citet citep citealt citealp citeauthor citeyear citeyearpar parencite textcite autocite footcite onlinecite
    citenum Citet Citep fullcite supercite shortcite citeasnoun"""
    )
)
REFERS = (
    {"ref": ""}
    | {"pageref": ""}
    | {"eqref": "()"}
    | {"autoref": "kind"}
    | {"cref": "kind"}
    | {"Cref": "kind"}
    | {"vref": ""}
    | {"subref": ""}
    | {"nameref": ""}
)
TEXTS = (
    {"LaTeX": "LaTeX", "TeX": "TeX", "LaTeXe": "LaTeX2e", "BibTeX": "BibTeX", "ldots": "…", "dots": "…", "textellipsis": "…"}
    | {"textendash": "–", "textemdash": "—", "S": "§", "P": "¶", "dag": "†", "ddag": "‡", "copyright": "©", "pounds": "£"}
    | {"textdegree": "°", "degree": "°", "textregistered": "®", "texttrademark": "™", "euro": "€", "texteuro": "€"}
    | {"ss": "ß", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "aa": "å", "AA": "Å", "o": "ø", "O": "Ø", "l": "ł", "L": "Ł"}
    | {"i": "ı", "j": "ȷ", "dh": "ð", "DH": "Ð", "th": "þ", "TH": "Þ", "dj": "đ", "DJ": "Đ", "ng": "ŋ", "NG": "Ŋ"}
    | {"textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^", "textunderscore": "_", "textbar": "|"}
    | {"textless": "<", "textgreater": ">", "textquotedblleft": "“", "textquotedblright": "”", "lbrace": "{", "rbrace": "}"}
    | {"textquoteleft": "‘", "textquoteright": "’", "guillemotleft": "«", "guillemotright": "»", "textbullet": "•"}
    | {"quad": " ", "qquad": " ", "space": " ", "xspace": " ", "nobreakspace": " ", "enspace": " ", "thinspace": " "}
    | {"newline": "\n", "linebreak": "\n", "hfill": " ", "tab": " ", "and": ", ", "AND": ", ", "And": ", ", "slash": "/"}
    | {"par": "\n\n", "newpage": "\n\n", "clearpage": "\n\n", "medskip": "\n\n", "bigskip": "\n\n", "smallskip": "\n\n"}
    | {
        "State": "\n",
        "STATE": "\n",
        "Statex": "\n",
        "Require": "\nRequire: ",
        "REQUIRE": "\nRequire: ",
        "Ensure": "\nEnsure: ",
    }
    | {"ENSURE": "\nEnsure: ", "For": "\nfor ", "FOR": "\nfor ", "EndFor": "\nend for", "ENDFOR": "\nend for", "If": "\nif "}
    | {"IF": "\nif ", "EndIf": "\nend if", "ENDIF": "\nend if", "Else": "\nelse ", "ELSE": "\nelse ", "ElsIf": "\nelse if "}
    | {"While": "\nwhile ", "WHILE": "\nwhile ", "EndWhile": "\nend while", "ENDWHILE": "\nend while", "Return": "\nreturn "}
    | {"RETURN": "\nreturn ", "Comment": " // ", "COMMENT": " // ", "KwIn": "\nInput: ", "KwOut": "\nOutput: "}
)
SYMBOLS = (
    {"\\%": "%", "\\&": "&", "\\_": "_", "\\#": "#", "\\$": "$", "\\{": "{", "\\}": "}", "\\ ": " ", "\\,": " ", "\\;": " "}
    | {"\\:": " ", "\\!": "", "\\-": "", "\\/": "", "\\\\": "\n", "\\\n": " ", "\\@": "", "\\>": " ", "\\*": "", "\\|": "‖"}
    | {"~": " ", "&": " ", "\\\t": " "}
)
ACCENTS = (
    {"\\`": "\u0300", "\\'": "\u0301", "\\^": "\u0302", "\\~": "\u0303", "\\=": "\u0304", "\\.": "\u0307", '\\"': "\u0308"}
    | {"\\u": "\u0306", "\\r": "\u030a", "\\H": "\u030b", "\\v": "\u030c", "\\c": "\u0327", "\\k": "\u0328", "\\b": "\u0331"}
    | {"\\d": "\u0323", "\\t": "\u0361"}
)
