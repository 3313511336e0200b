"""Every metric again, slow and obvious: what the kernels of curator/metrics must equal."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence

HAN = [(0x3005, 0x3005), (0x3007, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF)]
KANA = [(0x3041, 0x309F), (0x30A1, 0x30FA), (0x30FC, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F), (0x1B000, 0x1B16F)]
HANGUL = [(0x1100, 0x11FF), (0x3131, 0x318E), (0xA960, 0xA97C), (0xAC00, 0xD7A3), (0xD7B0, 0xD7FB)]
BULLETS = "•●○■□▪▫※·➢‣▶◀◦⁃–-*"
SENTENCE = ".。!?！？．｡؟۔।॥։።፧။‼⁇⁈⁉…⋯"  # marks that end a sentence
CLOSING = '"”」』〉》›»；'
TERMINAL = SENTENCE + CLOSING + "：）'’"


def _in(ranges: list[tuple[int, int]]) -> Callable[[str], bool]:
    return lambda c: unicodedata.category(c)[0] in "LN" and any(a <= ord(c) <= b for a, b in ranges)


is_han, is_kana, is_hangul = _in(HAN), _in(KANA), _in(HANGUL)


def is_letter(c: str) -> bool:
    return c.isalpha() or is_han(c)


def is_latin(c: str) -> bool:
    name = unicodedata.name(c, "")
    return c.isalpha() and (name.startswith(("LATIN ", "FULLWIDTH LATIN ", "FEMININE ORDINAL", "MASCULINE ORDINAL")))


def is_mark(c: str) -> bool:
    return unicodedata.category(c).startswith("M")


def is_alnum(c: str) -> bool:
    return is_letter(c) or unicodedata.category(c).startswith("N")


def decode(data: bytes) -> str:
    """UTF-8 where each byte that begins no valid character is one U+FFFD."""
    out, i = [], 0
    while i < len(data):
        for length in (1, 2, 3, 4):
            try:
                out.append(data[i : i + length].decode())
                i += length
                break
            except UnicodeDecodeError:
                continue
        else:
            out.append("\ufffd")
            i += 1
    return "".join(out)


def cut(text: str, piece_bytes: int) -> list[str]:
    """A text in pieces of at most so many bytes, each ending after a newline if it has one."""
    data, found = text.encode(), []
    while len(data) > piece_bytes:
        head = data[:piece_bytes]
        stop = head.rfind(b"\n") + 1 or len(head.decode(errors="ignore").encode())
        found.append(data[:stop].decode())
        data = data[stop:]
    return [*found, data.decode()]


# ---------------------------------------------------------------------------------------------------------- segmentation


def lines_of(text: str, blank: bool = False) -> list[str]:
    return [line for line in text.split("\n") if (line if blank else line.strip())]


def paragraphs_of(text: str, blank: bool = False) -> list[tuple[str, ...]]:
    found: list[list[str]] = [[]]
    for line in text.split("\n"):
        if line if blank else line.strip():
            found[-1].append(line)
        else:
            found.append([])
    return [tuple(p) for p in found if p]


def is_alone(c: str) -> bool:
    """Each is a word of its own."""
    return is_han(c) or is_kana(c)


def is_spaced(c: str) -> bool:
    """A letter, mark or digit of a script that spaces its words; "" is none, here and below."""
    return c != "" and (is_alnum(c) or is_mark(c)) and not is_alone(c)


def is_spaced_letter(c: str) -> bool:
    return c != "" and is_spaced(c) and (is_letter(c) or is_mark(c))


def is_joining_mark(c: str) -> bool:
    symbol = c != "" and (unicodedata.category(c)[0] in "PS") and not c.isspace()
    return symbol and c < "\u2e80" and c not in "-‐‑‒–—―'’…⋯"


def joins(text: str, i: int) -> bool:
    """Whether a mark at i joins what is before and after it into a word."""

    def at(k: int) -> str:
        return text[k] if 0 <= k < len(text) else ""

    c = text[i]
    if is_joining_mark(c):
        for count in (1, 2, 3):
            for first in range(i - count + 1, i + 1):
                run = [at(k) for k in range(first, first + count)]
                between = is_spaced(at(first - 1)) and is_spaced(at(first + count))
                if between and all(map(is_joining_mark, run)) and not (count == 3 and "." in run):
                    return True
    if c == "-" and is_spaced_letter(at(i - 1)) and at(i + 1).isdecimal():
        return True
    if c == "–" and at(i - 1).isdecimal() and at(i + 1).isdecimal():
        return True
    if c in "/\\@" and is_spaced(at(i + 1)) and (i == 0 or at(i - 1).isspace()):
        return True
    lone = is_spaced_letter(at(i - 1)) and not is_spaced(at(i - 2)) and at(i - 2) not in ("'", "’")
    return c == "." and lone and not is_spaced(at(i + 1)) and at(i + 1) != "."


def tokens_of(text: str, words: str = "characters") -> list[str]:
    starts = word_starts(text, hmm=True) if words == "jieba" else set(range(len(text)))
    found: list[str] = []
    in_word_before = False
    for i, c in enumerate(text):
        before = text[i - 1] if i else ""
        after = text[i + 1] if i + 1 < len(text) else ""
        clitic = c in "'’" and is_spaced_letter(before) and is_spaced_letter(after)
        joined = joins(text, i)
        in_word = is_spaced(c) or is_alone(c) or joined or clitic
        if c.isspace():
            goes_on = False
        elif in_word_before and is_mark(c):
            goes_on = True
        elif is_spaced(c) or joined:
            goes_on = in_word_before and not is_alone(before)
        elif is_han(c):
            goes_on = i not in starts
        else:
            same = c == before or (c in "…⋯" and before != "" and before in "…⋯")
            goes_on = same and c in ".-…⋯" and not in_word_before
        if goes_on:
            found[-1] += c
        elif not c.isspace():
            found.append(c)
        in_word_before = in_word
    return found


def is_word(token: str) -> bool:
    return any(is_alnum(c) or is_mark(c) for c in token[:2])  # 's and @name begin with another


def sentences_of(text: str) -> list[str]:
    """What stands between the ends of lines and sentences, and holds a letter or numeral."""
    found, begin = [], 0
    for i, c in enumerate(text):
        before, after = text[i - 1] if i else "", text[i + 1] if i + 1 < len(text) else ""
        end = c == "\n"
        if c in SENTENCE and after not in set(SENTENCE):
            lone = c == "." and is_spaced_letter(before) and not (i > 1 and (is_alnum(text[i - 2]) or is_mark(text[i - 2])))
            lone = lone and not (i > 1 and text[i - 2] in "'’")
            followed = after == "" or after.isspace() or after in CLOSING or after in "'’)]"
            end = not lone and (followed or (c not in ".!?…⋯"))
        if end:
            found.append(text[begin:i])
            begin = i + 1
    found.append(text[begin:])
    return [part for part in found if any(is_alnum(c) or is_mark(c) for c in part)]


# -------------------------------------------------------------------------------------------------------------- phrases


def fold(c: str) -> str:
    """One character as phrases compare it."""
    near = " " if c == "\u3000" else chr(ord(c) - 0xFEE0) if "！" <= c <= "～" else c
    return near.lower() if len(near.lower()) == 1 else near


def word_starts(text: str, hmm: bool) -> set[int]:
    """Where jieba begins a word inside each run of Han characters."""
    import rjieba

    found, i = set(), 0
    while i < len(text):
        j = i
        while j < len(text) and is_han(text[j]):
            j += 1
        for word in rjieba.cut(text[i:j], hmm) if j > i else []:
            found.add(i)
            i += len(word)
        i += i == j
    return found


def word_may_begin(text: str, at: int, starts: set[int]) -> bool:
    """Whether a word may end before `at` and another begin there."""
    if at in (0, len(text)):
        return True
    before, after = text[at - 1], text[at]
    if is_mark(after):
        return not (is_alnum(before) or is_mark(before))
    if is_han(before) and is_han(after):
        return at in starts
    return not all((is_alnum(c) or is_mark(c)) and not is_han(c) and not is_kana(c) for c in (before, after))


def places(text: str, phrases: Sequence[str], match: str = "words") -> list[tuple[int, int, str]]:
    """Begin, end and phrase of every occurrence."""
    listed: dict[str, str] = {}
    for phrase in phrases:
        listed.setdefault("".join(map(fold, phrase)), phrase)
    folded, starts, found, i = "".join(map(fold, text)), word_starts(text, hmm=False), [], 0
    while i < len(text):
        for length in sorted({len(p) for p in listed if p and i + len(p) <= len(text)}, reverse=True):
            end = i + length
            ends = match == "anywhere" or (word_may_begin(text, i, starts) and word_may_begin(text, end, starts))
            if ends and folded[i:end] in listed:
                found.append((i, end, listed[folded[i:end]]))
                i = end - 1
                break
        i += 1
    return found


# --------------------------------------------------------------------------------------------------------------- counts


def top_covered(units: Sequence[str], n: int) -> int:
    grams = [tuple(units[i : i + n]) for i in range(len(units) - n + 1)]
    if not grams:
        return 0
    gram, count = Counter(grams).most_common(1)[0]  # of equals, the first to appear
    if count < 2:
        return 0
    return _covered(units, [i for i, g in enumerate(grams) if g == gram], n)


def common_runs(text: str, n: int = 3) -> tuple[int, int]:
    """Occurrences of the common n-grams, and of all: ROOTS' character repetition, step by step."""
    counts = sorted(Counter(text[i : i + n] for i in range(len(text) - n + 1)).values(), reverse=True)
    repeated = [count for count in counts if count > 1]
    return sum(counts[: min(math.isqrt(len(counts)), len(repeated))]), sum(counts)


def top_joined(units: Sequence[str], n: int) -> int:
    grams = [tuple(units[i : i + n]) for i in range(len(units) - n + 1)]
    gram, count = Counter(grams).most_common(1)[0] if grams else ((), 0)
    return len(" ".join(gram)) * count if count > 1 else 0


def dup_covered(units: Sequence[str], n: int) -> int:
    seen, again = set(), []
    for i in range(len(units) - n + 1):
        gram = tuple(units[i : i + n])
        if gram in seen:
            again.append(i)
        seen.add(gram)
    return _covered(units, again, n)


def _covered(units: Sequence[str], starts: list[int], n: int) -> int:
    return sum(len(units[k]) for k in {i + j for i in starts for j in range(n)})


def skipping_covered(units: Sequence[str], n: int) -> int:
    seen, covered, i = set(), 0, 0
    while i + n <= len(units):
        gram = tuple(units[i : i + n])
        if gram in seen:
            covered += sum(map(len, gram))
            i += n
        else:
            seen.add(gram)
            i += 1
    return covered


def repeats(items: Sequence[object]) -> list[bool]:
    return [item in items[:i] for i, item in enumerate(items)]


def ends_in_ellipsis(line: str) -> bool:
    return line.endswith(("...", "。。。", "…", "⋯"))


def has_clause(line: str) -> bool:
    marks = set(TERMINAL) - set(".'’：）") | set(",，､、;﹐،؛՝၊፣")
    return any(c in marks for c in line) or re.search(r"\.(\s|$)", line) is not None


def stop_forms(stop_words: Sequence[str]) -> dict[str, str]:
    return {form: word for word in stop_words for form in (word, word.capitalize(), word.upper())}


# -------------------------------------------------------------------------------------------------------------- metrics


def measure(
    text: str,
    name: str,
    *,
    chars: int = 30,
    trim: bool = True,
    blank: bool = False,
    stop_words: Sequence[str] = (),
    phrases: Sequence[str] = (),
    match: str = "words",
    words: str = "characters",
    piece_bytes: int = 1 << 60,
) -> float | None:
    """One metric of one text."""
    parts = cut(text, piece_bytes)
    hits = [(part[i:j], phrase) for part in parts for i, j, phrase in (places(part, phrases, match) if phrases else [])]
    return _count(name, text, parts, chars, trim, blank, stop_words, hits, words)


def _ratio(top: float, bottom: float) -> float | None:
    return top / bottom if bottom else None


def _count(
    name: str,
    text: str,
    parts: list[str],
    bound: int,
    trim: bool,
    blank: bool,
    stop_words: Sequence[str],
    hits: list[tuple[str, str]],
    cut_by: str,
) -> float | None:
    def share(test: Callable[[str], bool]) -> float | None:
        return _ratio(sum(map(test, text)), len(text))

    if match := re.fullmatch(r"(top|dup)_(char|word)_(\d+)gram_ratio", name):
        which, unit, n = match[1], match[2], int(match[3])
        pieces = [tokens_of(p, cut_by) if unit == "word" else [c for c in p if not c.isspace()] for p in parts]
        covered = {"top": top_covered, "dup": dup_covered}[which]
        whole = len(text) if unit == "word" else sum(map(len, pieces))
        return _ratio(sum(covered(p, n) for p in pieces), whole)

    if match := re.fullmatch(r"\w+_word_(\d+)gram_(joined|skipping)_ratio", name):
        covered = top_joined if match[2] == "joined" else skipping_covered
        return _ratio(sum(covered(tokens_of(p, cut_by), int(match[1])) for p in parts), len(text))

    visible = [c for c in text if not c.isspace()]
    lines = [line for part in parts for line in lines_of(part, blank)]
    line_chars = sum(map(len, lines))
    known = str.strip if trim else str
    line_repeats = [r for part in parts for r in repeats([known(line) for line in lines_of(part, blank)])]
    paragraphs = [p for part in parts for p in paragraphs_of(part, blank)]
    paragraph_repeats = [r for part in parts for r in repeats([tuple(map(known, p)) for p in paragraphs_of(part, blank)])]
    last = [known(line)[-1:] for line in lines]
    tokens = [token for part in parts for token in tokens_of(part, cut_by)]
    words = [token for token in tokens if is_word(token)]
    forms = stop_forms(stop_words)
    punctuated = [line for line, c in zip(lines, last) if c and c in TERMINAL]

    measured: dict[str, Callable[[], float | None]] = {
        "chars": lambda: len(text),
        "han_chars": lambda: sum(map(is_han, text)),
        "curly_brackets": lambda: text.count("{") + text.count("}"),
        "han_ratio": lambda: share(is_han),
        "kana_ratio": lambda: share(is_kana),
        "hangul_ratio": lambda: share(is_hangul),
        "latin_ratio": lambda: share(is_latin),
        "digit_ratio": lambda: share(lambda c: unicodedata.category(c) == "Nd"),
        "symbol_ratio": lambda: share(lambda c: unicodedata.category(c)[0] in "PS" and not c.isspace()),
        "alnum_ratio": lambda: share(is_alnum),
        "special_ratio": lambda: share(
            lambda c: c.isspace() or unicodedata.category(c) == "Nd" or unicodedata.category(c)[0] in "PS"
        ),
        "whitespace_ratio": lambda: share(str.isspace),
        "upper_ratio": lambda: share(lambda c: c.isupper() and is_letter(c)),
        "replacement_ratio": lambda: share(lambda c: c == "\ufffd"),
        "bracketed_ratio": lambda: _ratio(
            sum(len(m) for part in parts for line in part.split("\n") for m in re.findall("【([^】]*)】", line)), len(text)
        ),
        "unique_chars": lambda: len(set(visible)),
        "unique_char_ratio": lambda: _ratio(len(set(visible)), len(visible)),
        "char_entropy": lambda: (
            -sum(n / len(visible) * math.log(n / len(visible)) for n in Counter(visible).values()) if visible else None
        ),
        "common_char_3gram_ratio": lambda: _ratio(*map(sum, zip(*map(common_runs, parts)))) if parts else None,
        "lines": lambda: len(lines),
        "mean_line_chars": lambda: _ratio(line_chars, len(lines)),
        "max_line_chars": lambda: max(map(len, lines), default=0),
        "short_line_ratio": lambda: _ratio(sum(len(line) <= bound for line in lines), len(lines)),
        "long_lines": lambda: sum(len(line) >= bound for line in lines),
        "sentence_line_end_ratio": lambda: _ratio(sum(c != "" and c in SENTENCE for c in last), len(lines)),
        "punct_line_end_ratio": lambda: _ratio(len(punctuated), len(lines)),
        "punct_line_end_char_ratio": lambda: _ratio(sum(map(len, punctuated)), line_chars),
        "clause_line_ratio": lambda: _ratio(sum(map(has_clause, lines)), len(lines)),
        "clause_line_char_ratio": lambda: _ratio(sum(len(line) for line in lines if has_clause(line)), line_chars),
        "ellipsis_line_ratio": lambda: _ratio(sum(ends_in_ellipsis(known(line)) for line in lines), len(lines)),
        "bullet_line_ratio": lambda: _ratio(sum(known(line)[:1] in set(BULLETS) for line in lines), len(lines)),
        "dup_line_ratio": lambda: _ratio(sum(line_repeats), len(lines)),
        "dup_line_char_ratio": lambda: _ratio(sum(len(line) for line, again in zip(lines, line_repeats) if again), line_chars),
        "paragraphs": lambda: len(paragraphs),
        "dup_paragraph_ratio": lambda: _ratio(sum(paragraph_repeats), len(paragraphs)),
        "dup_paragraph_char_ratio": lambda: _ratio(
            sum(sum(map(len, p)) for p, again in zip(paragraphs, paragraph_repeats) if again), line_chars
        ),
        "words": lambda: len(words),
        "mean_word_length": lambda: _ratio(sum(map(len, words)), len(words)),
        "max_word_chars": lambda: max(map(len, words), default=0),
        "alpha_word_ratio": lambda: _ratio(sum(any(map(is_letter, t)) for t in tokens), len(tokens)),
        "hash_word_ratio": lambda: _ratio(text.count("#"), len(tokens)),
        "ellipsis_word_ratio": lambda: _ratio(sum(t[0] in "…⋯" or t.startswith("...") for t in tokens), len(tokens)),
        "stop_words": lambda: len({forms[w] for w in words if w in forms}),
        "stop_word_ratio": lambda: _ratio(sum(w in forms for w in words), len(words)),
        "newlines_per_word": lambda: _ratio(text.count("\n"), len(tokens)),
        "sentences": lambda: sum(len(sentences_of(part)) for part in parts),
        "spaced_words": lambda: sum(len(part.split()) for part in parts),
        "max_spaced_word_chars": lambda: max((len(word) for part in parts for word in part.split()), default=0),
        "phrases": lambda: len(hits),
        "distinct_phrases": lambda: len({phrase for _, phrase in hits}),
        "phrase_ratio": lambda: _ratio(sum(is_letter(c) for hit, _ in hits for c in hit), sum(map(is_letter, text))),
        "distinct_phrase_ratio": lambda: _ratio(
            sum(is_letter(c) for hit, _ in {phrase: (hit, phrase) for hit, phrase in reversed(hits)}.values() for c in hit),
            sum(map(is_letter, text)),
        ),
        "phrases_per_char": lambda: _ratio(len(hits), len(text)),
        "phrases_per_word": lambda: _ratio(len(hits), len(words)),
        "distinct_phrases_per_line": lambda: _ratio(len({phrase for _, phrase in hits}), len(lines)),
    }
    return measured[name]()
