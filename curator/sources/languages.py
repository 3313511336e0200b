"""The programming language of a file: by its name, its extension, its `#!` line and, where an extension is shared, its
content.

Names are those of GitHub Linguist, so that published code filters read the same. `kind` is `programming`, `markup`, `data`
or `prose`.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Language:
    name: str
    kind: str


_PROGRAMMING = """
Ada .adb .ads|Assembly .asm .s .nasm|Awk .awk|Batchfile .bat .cmd|C .c .h|C# .cs .csx
C++ .cc .cpp .cxx .hh .hpp .hxx .ipp .inl .c++ .h++
CMake .cmake =CMakeLists.txt|COBOL .cob .cbl|Clojure .clj .cljs .cljc .edn|CoffeeScript .coffee|Common_Lisp .lisp .lsp
Coq .coq|Cuda .cu .cuh
Crystal .cr|Cython .pyx .pxd .pxi|D .d .di|Dart .dart|Dockerfile .dockerfile =Dockerfile =Containerfile|Elixir .ex .exs
Elm .elm|Emacs_Lisp .el
Erlang .erl .hrl|F# .fs .fsi .fsx|Fortran .f .f90 .f95 .f03 .f08 .for|GDScript .gd|GLSL .glsl .vert .frag|Go .go|Gradle .gradle
Groovy .groovy =Jenkinsfile|HCL .tf .hcl .tfvars|Haskell .hs .lhs|Haxe .hx|Idris .idr|Java .java
JavaScript .js .mjs .cjs .jsx|Julia .jl
Kotlin .kt .kts|Lean .lean|Lua .lua|MATLAB .matlab
Makefile .mk .mak =Makefile =makefile =GNUmakefile =Makefile.am =Makefile.in|Mojo .mojo
Meson =meson.build =meson_options.txt|Nim .nim|Nix .nix|OCaml .ml .mli|Objective-C .m|Objective-C++ .mm
PHP .php .phtml .php5|Pascal .pas .pp .dpr
Perl .pl .pm .t .perl|PowerShell .ps1 .psm1 .psd1|Prolog .pro .prolog|Protocol_Buffer .proto
Python .py .pyi .pyw =SConstruct =wscript|R .r .rmd
Racket .rkt|Raku .raku .rakumod|Ruby .rb .rake .gemspec .ru =Gemfile =Rakefile =Podfile|Rust .rs|SQL .sql .ddl
Scala .scala .sc .sbt|Scheme .scm .ss
Shell .sh .bash .zsh .ksh .bats|Smalltalk .st|Solidity .sol|Starlark .bzl .star =BUILD =BUILD.bazel =WORKSPACE|Swift .swift
SystemVerilog .sv .svh
Tcl .tcl|Thrift .thrift|TypeScript .ts .tsx .mts .cts|VHDL .vhd .vhdl|Verilog .v .vh|Vim_Script .vim =.vimrc
Visual_Basic .vb .bas .vbs|Vue .vue
Svelte .svelte|WebAssembly .wat .wast|Zig .zig|fish .fish|jq .jq|GraphQL .graphql .gql|Mathematica .wl .nb|SAS .sas
Stata .do .ado|Apex .cls
"""
_MARKUP = """
CSS .css|HTML .html .htm .xhtml|Jinja .j2 .jinja .jinja2|Less .less|SCSS .scss .sass|Stylus .styl|TeX .tex .sty .bib
Handlebars .hbs .handlebars
"""
_DATA = """
CSV .csv .tsv|INI .ini .cfg .conf .properties .editorconfig|JSON .json .jsonl .ndjson .geojson .webmanifest .map
Jupyter_Notebook .ipynb|SVG .svg
TOML .toml =Cargo.lock =poetry.lock =Pipfile|XML .xml .xsd .xsl .xslt .plist .csproj .vcxproj .pom .wsdl .rss
YAML .yml .yaml =yarn.lock
Gettext_Catalog .po .pot|Diff .diff .patch|Ignore_List =.gitignore =.dockerignore|Text_Data .dat .lock
"""
_PROSE = """
AsciiDoc .adoc .asciidoc|Markdown .md .markdown .mdx =README|Org .org|reStructuredText .rst
Text .txt .text =LICENSE =COPYING =NOTICE =AUTHORS
"""


def _table() -> tuple[dict[str, Language], dict[str, Language]]:
    extensions: dict[str, Language] = {}
    names: dict[str, Language] = {}
    for kind, lines in (("programming", _PROGRAMMING), ("markup", _MARKUP), ("data", _DATA), ("prose", _PROSE)):
        for entry in lines.strip().replace("\n", "|").split("|"):
            name, *keys = entry.split()
            language = Language(name.replace("_", " "), kind)
            for key in keys:
                if key.startswith("="):
                    names[key[1:]] = language
                else:
                    extensions[key] = language
    return extensions, names


EXTENSIONS, NAMES = _table()
BY_NAME = {language.name.lower(): language for language in (*EXTENSIONS.values(), *NAMES.values())}

_INTERPRETERS = {
    "python": "Python",
    "pypy": "Python",
    "sh": "Shell",
    "bash": "Shell",
    "dash": "Shell",
    "zsh": "Shell",
    "ksh": "Shell",
    "node": "JavaScript",
    "deno": "TypeScript",
    "perl": "Perl",
    "ruby": "Ruby",
    "php": "PHP",
    "lua": "Lua",
    "Rscript": "R",
    "awk": "Awk",
    "gawk": "Awk",
    "make": "Makefile",
    "tclsh": "Tcl",
    "fish": "fish",
    "pwsh": "PowerShell",
    "groovy": "Groovy",
    "julia": "Julia",
    "guile": "Scheme",
    "escript": "Erlang",
}
_SHEBANG = re.compile(r"#![ \t]*\S{0,100}?/(?:env[ \t]+(?:-\S{1,20}[ \t]+)?)?([A-Za-z]{1,20})[0-9.]{0,8}(?=\s|$)")

# Extensions that languages share: what in the first 20,000 characters tells another than the table's.
_SHARED: dict[str, tuple[tuple[str, re.Pattern[str]], ...]] = {
    ".h": (
        ("Objective-C", re.compile(r"^[ \t]*@(?:interface|protocol|property|end)\b|^#import\b", re.MULTILINE)),
        (
            "C++",
            re.compile(r"^[ \t]*(?:class\s+\w|template\s*<|namespace\s+\w|using\s|public:|private:)|std::", re.MULTILINE),
        ),
    ),
    ".m": (("MATLAB", re.compile(r"^[ \t]*(?:function\b[^{;]{0,200}$|%|end[ \t]*$)", re.MULTILINE)),),
    ".pl": (("Prolog", re.compile(r"^[a-z]\w*\([^)\n]{0,200}\)[ \t]*:-|^:- ", re.MULTILINE)),),
    ".ts": (("XML", re.compile(r"\A\s*(?:<\?xml|<!DOCTYPE TS)")),),
    ".v": (("Coq", re.compile(r"^(?:Theorem|Lemma|Proof|Require Import|Definition|Inductive)\b", re.MULTILINE)),),
    ".cls": (("TeX", re.compile(r"\\(?:ProvidesClass|NeedsTeXFormat)")),),
    ".pro": (("Text", re.compile(r"^(?:QT|TARGET|TEMPLATE|SOURCES|CONFIG)[ \t]*[+=]", re.MULTILINE)),),
    ".t": (("Text", re.compile(r"\A(?!#!|[\s\S]{0,4000}\buse (?:strict|warnings|Test))")),),
    ".sc": (("Python", re.compile(r"^(?:import|from) ", re.MULTILINE)),),
}


def language_of(path: str, text: str) -> Language | None:
    """The language of a file, None if nothing tells."""
    name = posixpath.basename(path)
    if name in NAMES:
        return NAMES[name]
    extension = posixpath.splitext(name)[1].lower()
    found = EXTENSIONS.get(extension)
    if found:
        for other, pattern in _SHARED.get(extension, ()):
            if pattern.search(text, 0, 20_000):
                return BY_NAME[other.lower()]
        return found
    stem = name.partition(".")[0]
    if stem in NAMES and NAMES[stem].kind in ("prose", "programming"):
        return NAMES[stem]
    shebang = _SHEBANG.match(text)
    return BY_NAME.get(_INTERPRETERS.get(shebang[1], "").lower()) if shebang else None
