"""The programming language of a file: by its name, its extension, its `#!` line and, where an extension is shared, its
content.

Names are those of GitHub Linguist, so that published code filters read the same. `kind` is `programming`, `markup`, `data`
or `prose`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Language:
    name: str
    kind: str


_PROGRAMMING = """
Ada .adb .ads|Agda .agda|ANTLR .g4|AppleScript .applescript|Assembly .asm .s .nasm .a51|AutoHotkey .ahk|Awk .awk .gawk
Ballerina .bal|Batchfile .bat .cmd|Bicep .bicep|Bluespec .bsv|C .c .h|C# .cs .csx
C++ .cc .cpp .cxx .hh .hpp .hxx .ipp .inl .tcc .tpp .c++ .h++|Cairo .cairo|CMake .cmake =CMakeLists.txt|COBOL .cob .cbl .cpy
Clojure .clj .cljs .cljc .edn|CoffeeScript .coffee .litcoffee|Common_Lisp .lisp .lsp .asd|Coq .coq|Cuda .cu .cuh|CUE .cue
Crystal .cr|Cython .pyx .pxd .pxi|D .d .di|Dart .dart|Dhall .dhall|Dockerfile .dockerfile =Dockerfile =Containerfile
Eiffel .e|Elixir .ex .exs|Elm .elm|Emacs_Lisp .el =.emacs|Erlang .erl .hrl .escript =rebar.config|F# .fs .fsi .fsx
Factor .factor|Fennel .fnl|Forth .fth .4th .forth|Fortran .f .f77 .f90 .f95 .f03 .f08 .for .fpp|GAP .gap|GDScript .gd
GLSL .glsl .vert .frag .geom .comp .tesc .tese .vsh .fsh|Gleam .gleam|Go .go|Gradle .gradle|Groovy .groovy =Jenkinsfile
HCL .tf .hcl .tfvars|HLSL .hlsl .fx .cginc|Hack .hack|Haskell .hs .lhs .hsc|Haxe .hx|Idris .idr .lidr|Isabelle .thy
Java .java|Java_Server_Pages .jsp|JavaScript .js .mjs .cjs .jsx .es6 .jsm =Jakefile|Jsonnet .jsonnet .libsonnet|Julia .jl
Just =justfile =Justfile|Kotlin .kt .kts|LLVM .ll|Lean .lean .hlean|Lex .lex .l|Lua .lua .nse|MATLAB .matlab
Makefile .mk .mak =Makefile =makefile =GNUmakefile =Makefile.am =Makefile.in =Kbuild|Maple .mpl|Metal .metal|Mojo .mojo
Move .move|Meson =meson.build =meson_options.txt|Nim .nim .nims|Nix .nix|NSIS .nsi .nsh|OCaml .ml .mli .mll .mly
Objective-C .m|Objective-C++ .mm|Odin .odin|OpenCL .opencl|OpenSCAD .scad|PHP .php .phtml .php5 .phpt|PLpgSQL .pgsql
PLSQL .pks .pkb .plsql|Pascal .pas .pp .dpr .lpr|Perl .pl .pm .t .perl .psgi|PowerShell .ps1 .psm1 .psd1|Processing .pde
Prolog .pro .prolog .yap|Protocol_Buffer .proto|Puppet .puppet|PureScript .purs
Python .py .pyi .pyw =SConstruct =SConscript =wscript|QML .qml|R .r .rsx|RMarkdown .rmd .qmd|Racket .rkt
Raku .raku .rakumod .p6 .pl6 .pm6|Reason .re .rei|Rego .rego|ReScript .res .resi
Ruby .rb .rake .gemspec .ru .podspec .jbuilder =Gemfile =Rakefile =Podfile =Vagrantfile =Brewfile =Fastfile|Rust .rs
SQL .sql .ddl .cql|Scala .scala .sc .sbt|Scheme .scm .ss .sld .sps
Shell .sh .bash .zsh .ksh .bats =.bashrc =.bash_profile =.profile =.zshrc =PKGBUILD =gradlew|Smalltalk .st|Solidity .sol
SPARQL .rq .sparql|Squirrel .nut|Stan .stan|Standard_ML .sml .fun
Starlark .bzl .star =BUILD =BUILD.bazel =WORKSPACE =MODULE.bazel|Swift .swift|SystemVerilog .sv .svh|Tcl .tcl .tm
Thrift .thrift|TypeScript .ts .tsx .mts .cts|VHDL .vhd .vhdl|Vala .vala .vapi|Verilog .v .vh .veo
Vim_Script .vim =.vimrc =_vimrc|Visual_Basic .vb .bas .vbs .vba .frm|Vue .vue|WGSL .wgsl|XSLT .xsl .xslt|Yacc .y .yacc
Svelte .svelte|Astro .astro|WebAssembly .wat .wast|Zig .zig|fish .fish|jq .jq|GraphQL .graphql .gql|Mathematica .wl .wls .nb
SAS .sas|Stata .do .ado .mata|Tcsh .csh .tcsh|Apex .cls
"""
_MARKUP = """
CSS .css|EJS .ejs|ERB .erb|HTML .html .htm .xhtml .xht|Haml .haml|Jinja .j2 .jinja .jinja2|Less .less|Liquid .liquid
Mustache .mustache|Pug .pug .jade|SCSS .scss .sass|Slim .slim|Stylus .styl|TeX .tex .sty .bib .ltx .dtx .bbx .cbx|Twig .twig
Typst .typ|Handlebars .hbs .handlebars|Roff .man .1 .3 .5 .7 .8
"""
_DATA = """
CSV .csv .tsv|INI .ini .cfg .conf .properties .editorconfig =.gitconfig =.gitmodules =.npmrc
JSON .json .jsonl .ndjson .geojson .webmanifest .map .json5 .jsonc =.babelrc =.eslintrc =.prettierrc =composer.lock
Jupyter_Notebook .ipynb|SVG .svg|TOML .toml =Cargo.lock =poetry.lock =Pipfile =uv.lock
XML .xml .xsd .plist .csproj .vcxproj .fsproj .vbproj .pom .wsdl .rss .xaml .xib .storyboard .resx .ui .tmx .gml .kml .dtd
YAML .yml .yaml =yarn.lock =.clang-format =.clang-tidy =CITATION.cff|Gettext_Catalog .po .pot|Diff .diff .patch
Ignore_List =.gitignore =.dockerignore =.npmignore|Text_Data .dat .lock .srt .vtt .fasta .fa
Text_Data .obj .ply .stl .mtl .dxf .gcode .pdb .sdf .mol .hex .dfm|Turtle .ttl .nt .nq
"""
_PROSE = """
AsciiDoc .adoc .asciidoc|Markdown .md .markdown .mdx .mkd .mkdn =README|Org .org|reStructuredText .rst|Textile .textile
MediaWiki .mediawiki .wiki|Pod .pod|Texinfo .texi .texinfo
Text .txt .text =LICENSE =LICENCE =COPYING =UNLICENSE =NOTICE =AUTHORS =CONTRIBUTORS =CHANGES =CHANGELOG =TODO =INSTALL
Text =NEWS =THANKS
"""


def _entries(*tables: tuple[str, str]) -> Iterator[tuple[str, str, list[str]]]:
    """(kind, name, keys) of tables whose entries are parted by bars and line ends, and blanks in names written as `_`."""
    for kind, lines in tables:
        for entry in lines.strip().replace("\n", "|").split("|"):
            name, *keys = entry.split()
            yield kind, name.replace("_", " "), keys


def _table() -> tuple[dict[str, Language], dict[str, Language]]:
    extensions: dict[str, Language] = {}
    names: dict[str, Language] = {}
    for kind, name, keys in _entries(("programming", _PROGRAMMING), ("markup", _MARKUP), ("data", _DATA), ("prose", _PROSE)):
        language = Language(name, kind)
        for key in keys:
            if key.startswith("="):
                names[key[1:]] = language
            else:
                extensions[key] = language
    return extensions, names


EXTENSIONS, NAMES = _table()
BY_NAME = {language.name.lower(): language for language in (*EXTENSIONS.values(), *NAMES.values())}

# Of `#!` lines: a language, and what runs it.
_RUN = """
Python python pypy|Shell sh bash dash zsh ksh ash bats sed|Tcsh csh tcsh|JavaScript node nodejs
TypeScript bun deno ts-node tsx|Perl perl|Ruby ruby|PHP php|Lua lua luajit|R Rscript|Awk awk gawk|Makefile make
Tcl tclsh wish expect|fish fish|PowerShell pwsh|Groovy groovy|Julia julia|Scheme guile|Racket racket|Common_Lisp sbcl
Erlang escript|Elixir elixir|Haskell runhaskell stack|OCaml ocaml|Scala scala|Swift swift|Prolog swipl|Raku raku
AppleScript osascript|jq jq|Nix nix-shell|Rust rust-script|Dart dart|Kotlin kotlin|MATLAB octave
"""
_INTERPRETERS = {key: name for _, name, keys in _entries(("", _RUN)) for key in keys}
_MODE = re.compile(
    r"-\*-[ \t]*(?:.{0,60}?\bmode:[ \t]*)?([A-Za-z+#]{1,20})(?:[ \t]*;.{0,80}?)?[ \t]*-\*-"
    r"|\bvim?:.{0,60}?\b(?:ft|filetype)=(\w{1,20})"
)
_SPELLED = "C++ c++ cpp|Objective-C objc|Objective-C++ objcpp|Shell sh|JavaScript js|MATLAB octave"
_MODES = {key: name for _, name, keys in _entries(("", _SPELLED)) for key in keys}


def _compiled(rules: dict[str, dict[str, str]]) -> dict[str, tuple[tuple[str, re.Pattern[str]], ...]]:
    return {key: tuple((name, re.compile(rule, re.MULTILINE)) for name, rule in of.items()) for key, of in rules.items()}


# Extensions that languages share: what in the first 20,000 characters tells another than the table's, the first that is met.
_SHARED = _compiled(
    {
        ".h": {
            "Objective-C": r"^[ \t]*@(?:interface|protocol|property|class|end)\b|^[ \t]*#import\b",
            "C++": r"^[ \t]*(?:class\s+\w|template\s*<|namespace\s+\w|using\s|public:|private:|constexpr\s|virtual\s)"
            r"|std::"
            r"|^[ \t]*#include <(?:iostream|string|vector|map|memory|algorithm|utility|functional)>",
        },
        ".m": {
            "Objective-C": r"^[ \t]*(?:@(?:interface|implementation|protocol|property|import|class)\b|#i(?:mport|nclude)\b)",
            "Mathematica": r"\A\s*\(\*|\bBeginPackage\[|^\w+\[\w*_.{0,80}\] ?:=",
            "Mercury": r"^:- (?:module|interface|import_module)\b",
            "MATLAB": r"^[ \t]*(?:function\b[^{;]{0,200}$|classdef\b|%|end[ \t]*$)"
            r"|^[ \t]*[\w.()]+[ \t]*=.{1,200};[ \t]*(?:%.{0,200})?$",
        },
        ".pl": {
            "Prolog": r"^[a-z]\w*\([^)\n]{0,200}\)[ \t]*:-|^:- ",
            "Raku": r"^[ \t]*use v6\b|^[ \t]*(?:my )?(?:class|role|grammar) \w+ (?:is |does |\{)",
        },
        ".pm": {"Raku": r"^[ \t]*use v6\b|^[ \t]*unit (?:class|module|role)\b"},
        ".ts": {"XML": r"\A\s*(?:<\?xml|<!DOCTYPE TS)"},
        ".tsx": {"XML": r"\A\s*<\?xml"},
        ".v": {
            "Coq": r"^[ \t]*(?:Theorem|Lemma|Proof|Require (?:Import|Export)|From \w+ Require|Definition|Inductive|Fixpoint)\b",
            "V": r"^(?:pub )?fn [\w.]+\(.{0,200}\{[ \t]*$|^module \w+[ \t]*$",
        },
        ".cls": {
            "TeX": r"\\(?:ProvidesClass|NeedsTeXFormat)",
            "Visual Basic": r"^VERSION \d|^Attribute VB_|^(?:Public |Private )?(?:Sub|Function) \w+\(",
            "ABL": r"^(?:&|using |class \w+(?:\.\w+)+)",
        },
        ".pro": {
            "QMake": r"^\s*(?:QT|TARGET|TEMPLATE|SOURCES|HEADERS|CONFIG)[ \t]*[+=]",
            "IDL": r"^[ \t]*(?:pro|function) \w+[ \t]*,|^[ \t]*compile_opt\b",
        },
        ".t": {"Text": r"\A(?!#!|[\s\S]{0,4000}\buse (?:strict|warnings|Test|v5|lib))"},
        ".sc": {
            "Python": r"^(?:import|from) [\w.]+(?: import .{1,80})?$(?![\s\S]{0,4000}(?:\bval |\bdef \w+.{0,80}=))",
            "SuperCollider": r"^[ \t]*(?:SynthDef|Server|s\.boot)\b|\bSinOsc\.ar\b|^\w+ : \w+ \{",
        },
        ".r": {"Rebol": r"^[ \t]*REBOL\b"},
        ".pp": {"Puppet": r"^[ \t]*(?:class|node|define|include)[ \t]+[\w:'\"]+.{0,200}(?:\{|\($)|^[ \t]*\w+ ?\{ ?['\"$]"},
        ".d": {"Makefile": r"\A(?:[^\n]{0,300}\\\n){0,50}[^\n:=]{1,300}\.o ?:"},
        ".fs": {
            "GLSL": r"^[ \t]*(?:#version\b|precision (?:low|medium|high)p|(?:uniform|varying|void main) ?)|\bgl_FragColor\b",
            "Forth": r"^: \S+.{0,200};[ \t]*$|^\\ ",
        },
        ".ml": {"Standard ML": r"^[ \t]*(?:structure|signature|functor) \w+|^fun \w+"},
        ".cl": {"OpenCL": r"__kernel\b|\bkernel void\b|__global\b"},
        ".rs": {"XML": r"\A\s*<\?xml", "RenderScript": r"^#pragma (?:version|rs)\b"},
        ".e": {"Eiffel": r"^[ \t]*(?:class|deferred class|note|feature|inherit|create)\b"},
        ".l": {"Common Lisp": r"^\((?:def|in-package|load)", "Roff": r"^\.(?:TH|SH|Dd)\b"},
        ".s": {"Text": r"\A(?![\s\S]{0,8000}^[ \t]*(?:[.@#;/]|\w+:|[a-z]{2,6}[ \t]))"},
        ".nb": {"JSON": r"\A\s*\{\s*\""},
        ".res": {"XML": r"\A\s*<"},
        ".gd": {"GAP": r"^(?:DeclareOperation|DeclareAttribute|InstallMethod)\b"},
        ".inc": {
            "PHP": r"<\?php",
            "Pascal": r"^[ \t]*(?:procedure|function|begin|unit)\b|\{\$",
            "C++": r"^[ \t]*#(?:include|define|if)\b|std::",
            "Assembly": r"^[ \t]*(?:;|\.macro|mov[ \t]|[%.]\w+)",
            "Makefile": r"^[\w-]+ ?[:?]?=",
        },
        ".cfg": {"Python": r"\A(?:#.{0,200}\n)*(?:import|from) \w+"},
        ".fun": {"Text": r"\A(?![\s\S]{0,8000}\b(?:fun|val|structure|functor) )"},
        ".as": {
            "AngelScript": r"^[ \t]*(?:void|int|float) \w+\(",
            "ActionScript": r"^[ \t]*(?:package\b|import \w+\.|public class\b|var \w+:)",
        },
        ".mod": {
            "Modula-2": r"^(?:IMPLEMENTATION |DEFINITION )?MODULE \w+;",
            "AMPL": r"^[ \t]*(?:param|var|set|minimize|maximize) \w+",
        },
        ".w": {"CWeb": r"^@(?:\*|c| )"},
        ".1": {"Text": r"\A(?![\s\S]{0,2000}^[.']\\?[A-Za-z\"]{2})"},
    }
)
for _section in (".3", ".5", ".7", ".8"):
    _SHARED[_section] = _SHARED[".1"]
# What begins in this way is of a language that its name hides (`.txt` apart).
_UNNAMED = (("XML", "<?xml"), ("HTML", "<!doctype html"), ("HTML", "<html"), ("PHP", "<?php"), ("Diff", "diff --git "))


def language_of(path: str, text: str) -> Language | None:
    """The language of a file, None if nothing tells: its name, its extension (and where languages share it, its content), its
    `#!` line, an editor's mode line, how it begins."""
    name = posixpath.basename(path)
    if name in NAMES:
        return NAMES[name]
    extension = posixpath.splitext(name)[1].lower()
    for other, pattern in _SHARED.get(extension, ()):
        if pattern.search(text, 0, 20_000):
            return BY_NAME.get(other.lower(), Language(other, "programming"))
    if extension in EXTENSIONS:
        return EXTENSIONS[extension]
    stem = name.partition(".")[0]
    if stem in NAMES and NAMES[stem].kind in ("prose", "programming"):
        return NAMES[stem]
    return _of_interpreter(text) or _of_mode(text) or _of_beginning(text)


def _of_interpreter(text: str) -> Language | None:
    """By the `#!` line, also through `env` with its options and assignments."""
    words = text[2:300].split("\n")[0].split() if text.startswith("#!") else []
    if words and words[0].endswith("/env"):
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    name = posixpath.basename(words[0]) if words else ""
    told = _INTERPRETERS.get(name) or _INTERPRETERS.get(name.rstrip("0123456789.")) or ""
    return BY_NAME.get(told.lower())


def _of_mode(text: str) -> Language | None:
    found = _MODE.search("\n".join(text[:1000].split("\n")[:3]))
    mode = (found[1] or found[2]).lower() if found else ""
    return BY_NAME.get(_MODES.get(mode, mode).lower())


def _of_beginning(text: str) -> Language | None:
    head = text[:200].lstrip().lower()
    return next((BY_NAME[name.lower()] for name, begins in _UNNAMED if head.startswith(begins)), None)
