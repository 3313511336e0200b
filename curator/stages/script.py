"""The script that a text is written in, as ISO 15924 codes: Latn, Cyrl, Jpan …, and Hans or Hant for Chinese.

Chinese is told by the characters that only one of the two scripts writes (国 國); most characters are in both.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

ONE_SIDED = 0.9  # of the telling characters must be of one script, or the text is mixed

# Letters by script, from the blocks of the Unicode standard; scripts that the web writes in.
_LETTERS = {
    "Latn": "41-5A 61-7A AA BA C0-D6 D8-F6 F8-2B8 1E00-1EFF 2C60-2C7F A722-A787 A78B-A7FF AB30-AB64 FB00-FB06 FF21-FF3A "
    "FF41-FF5A",
    "Grek": "370-373 376-377 37B-37D 37F 386 388-3E1 3F0-3FF 1F00-1FFF",
    "Cyrl": "400-481 48A-52F 1C80-1C88 2DE0-2DFF A640-A69F",
    "Armn": "531-556 561-587",
    "Hebr": "5D0-5EA 5EF-5F2 FB1D-FB4F",
    "Arab": "620-64A 66E-6D3 6D5-6DC 6E5-6E6 6EE-6EF 6FA-6FF 750-77F 8A0-8C9 FB50-FDFF FE70-FEFC",
    "Syrc": "710-72F 74D-74F",
    "Thaa": "780-7A5",
    "Deva": "904-939 93D 958-961 971-97F",
    "Beng": "985-9B9 9CE 9DC-9E1 9F0-9F1",
    "Guru": "A05-A39 A59-A5E A72-A74",
    "Gujr": "A85-AB9 AD0 AE0-AE1",
    "Orya": "B05-B39 B5C-B61 B71",
    "Taml": "B83-BB9",
    "Telu": "C05-C39 C58-C61",
    "Knda": "C85-CB9 CDE-CE1",
    "Mlym": "D05-D3A D5F-D61 D7A-D7F",
    "Sinh": "D85-DC6",
    "Thai": "E01-E30 E32-E33 E40-E46",
    "Laoo": "E81-EB0 EB2-EB3 EC0-EC6 EDC-EDF",
    "Tibt": "F40-F6C F88-F8C",
    "Mymr": "1000-102A 1050-1055 1075-1081",
    "Geor": "10A0-10FF 1C90-1CBF 2D00-2D2D",
    "Ethi": "1200-135A 1380-138F 2D80-2DDE",
    "Cher": "13A0-13FD AB70-ABBF",
    "Cans": "1401-166C 166F-167F",
    "Khmr": "1780-17B3 17D7 17DC",
    "Mong": "1820-1878",
    "Hang": "1100-11FF 3131-318E A960-A97C AC00-D7A3 D7B0-D7FB FFA0-FFDC",
    "Hira": "3041-3096 309D-309F",
    "Kana": "30A1-30FA 30FC-30FF 31F0-31FF FF66-FF9F",
    "Bopo": "3105-312F 31A0-31BF",
    "Yiii": "A000-A48C",
    "Hani": "3005-3007 3400-4DBF 4E00-9FFF F900-FAD9 20000-323AF",
}
SCRIPTS = tuple(_LETTERS)


@functools.cache
def scripts() -> np.ndarray:
    """For every code point 1 + the index of its script in SCRIPTS, or 0 for what is no letter."""
    table = np.zeros(0x110000, np.uint8)
    for index, ranges in enumerate(_LETTERS.values(), 1):
        for each in ranges.split():
            first, _, last = each.partition("-")
            table[int(first, 16) : int(last or first, 16) + 1] = index
    return table


@functools.cache
def variants() -> tuple[str, str]:
    """The characters that only simplified, and those that only traditional Chinese writes."""
    lines = Path(__file__).with_name("variants.txt").read_text(encoding="utf-8").splitlines()
    simplified, traditional = (line for line in lines if not line.startswith("#"))
    return simplified, traditional


def chinese_script(simplified: float, traditional: float) -> str:
    """Hans, Hant or mixed, of the number of characters that only one of them writes; Hani where no character tells."""
    telling = simplified + traditional
    if not telling:
        return "Hani"
    if simplified >= ONE_SIDED * telling:
        return "Hans"
    return "Hant" if traditional >= ONE_SIDED * telling else "mixed"


def dominant_script(counts: np.ndarray, language: str) -> str | None:
    """The script of most letters, given how many there are of each of SCRIPTS; the first of them among equals; None if there
    is no letter. Japanese writes three scripts at once and Korean two: they are `Jpan` and `Kore`."""
    if not counts.any():
        return None
    found = SCRIPTS[int(counts.argmax())]
    if language == "ja" and found in ("Hira", "Kana", "Hani"):
        return "Jpan"
    return "Kore" if language == "ko" and found in ("Hang", "Hani") else found
