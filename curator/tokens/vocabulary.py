"""A trained tokenizer in use: `tokenizer.json` to ids, fast, with the ids that Hugging Face's own encoder gives.

The artefact is Hugging Face's `tokenizer.json`, and its library is the reference. fastokens reads the same file and encodes
byte-level BPE many times as fast. It is believed only where it gives the reference's ids, when a tokenizer is opened, for a
text of many scripts, for every code point that a class of the splitting regex may judge otherwise, and for the tokens of the
vocabulary in a shuffled order, where pairs meet that no text has. Else the reference encodes, with a warning. Tests compare
the two on all real text at hand, on random Unicode, and on what regex engines are known to break at.
"""

from __future__ import annotations

import functools
import hashlib
import json
import random
import unicodedata
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import fastokens
import numpy as np
from tokenizers import Tokenizer

from curator import storage
from curator.errors import Notice, UserError
from curator.tokens.bytelevel import byte_characters

# Ends a document, in the tokenizers people use; the first that a vocabulary has is taken unless `eos` names one.
USUAL_EOS = ("<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|eos|>")

# A fixed text that both encoders must agree on before the fast one is believed.
PROBE = (
    "人工智能（AI）在2024年发展迅速，iPhone 15手机卖了1,234,567台！“真的吗？”他問：「係咪真㗎？」\r\n\r\n"
    "　　第一章　天地玄黄，宇宙洪荒。〇一二三\n\tdef f(x: int) -> str:\n        return f'{x!r:>10}'  # don't I'LL we've\n\n\n"
    "  Ünïcödé e\u0301 हिन्दी ภาษาไทย ひらがなカタカナ漢字 한국어 العربية עברית 😀👩‍👩‍👧 \u200b\u00a0\ufeff\ufffd\x00\x1f "
    "<|endoftext|> </s> https://example.com/a?b=c&d=%E4%BD%A0   \n "
)
PROBE_TOKENS = 40_000  # of the vocabulary: a large one would take seconds


class VocabularyError(UserError, ValueError):
    """A tokenizer that cannot be used: the message names the file."""


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer as the pipeline uses it. Text is only ever text: a special token's name in a document is not that token."""

    path: str
    hash: str  # sha256 of tokenizer.json
    size: int  # ids are below it
    eos: int
    reference: Tokenizer
    fast: fastokens.Tokenizer | None
    slow_because: str  # why `fast` is None

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype("<u2" if self.size <= 65_535 else "<u4")

    @property
    def encoder(self) -> str:
        return "fastokens" if self.fast else "tokenizers"

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The ids of each text, without EOS; none for an empty one."""
        fast = self.fast
        if fast is None:
            return self._encode_slowly(texts)
        return [self._encode_one(fast, text) for text in texts]

    def _encode_one(self, fast: fastokens.Tokenizer, text: str) -> np.ndarray:
        try:
            return np.frombuffer(fast.encode_batch_flat([text])[0], "<u4").astype(self.dtype)
        except ValueError:  # a million blanks overflow the stack of its regex engine, which then says so
            return self._encode_slowly([text])[0]

    def _encode_slowly(self, texts: Sequence[str]) -> list[np.ndarray]:
        encodings = self.reference.encode_batch_fast(list(texts), add_special_tokens=False)
        return [np.asarray(encoding.ids, self.dtype) for encoding in encodings]

    def decode(self, ids: Sequence[int] | np.ndarray) -> str:
        return self.reference.decode([int(i) for i in ids], skip_special_tokens=False)


def load(path: str, eos: str | None = None) -> Vocabulary:
    """Open a `tokenizer.json`. Raises VocabularyError if it is none, or has no token that ends a document."""
    return _load(path, storage.content_digest(path), eos)


def from_bytes(path: str, data: bytes, eos: str | None = None) -> Vocabulary:
    """`load`, of what was read already; `path` is for the messages."""
    return _open(path, data, eos)


@functools.lru_cache(maxsize=4)  # once a worker: the check of all merges takes a second or so
def _load(path: str, digest: str, eos: str | None) -> Vocabulary:
    return _open(path, storage.read_bytes(path), eos)


def _open(path: str, data: bytes, eos: str | None) -> Vocabulary:
    try:
        described = json.loads(data)
        whole = Tokenizer.from_buffer(data)
    except Exception as error:  # the library raises bare Exception
        raise VocabularyError(f"{path}: not a Hugging Face tokenizer.json: {error}") from None
    eos_id = _eos_id(whole, eos, path)
    reference = without_added_tokens(described)
    fast, reason = _fast_twin(described, reference)
    if fast is None:
        warnings.warn(f"{path}: encoding with the slower tokenizers library: {reason}", Notice, stacklevel=4)
    size = max(whole.get_vocab(with_added_tokens=True).values()) + 1
    return Vocabulary(
        path=path,
        hash=hashlib.sha256(data).hexdigest(),
        size=size,
        eos=eos_id,
        reference=reference,
        fast=fast,
        slow_because=reason,
    )


def _eos_id(tokenizer: Tokenizer, eos: str | None, path: str) -> int:
    names = [eos] if eos is not None else list(USUAL_EOS)
    for name in names:
        found = tokenizer.token_to_id(name)
        if found is not None:
            return found
    raise VocabularyError(f"{path}: no token {' or '.join(map(repr, names))} to end a document with: name one with eos:")


def without_added_tokens(described: dict[str, Any]) -> Tokenizer:
    """The same tokenizer, for which `<|endoftext|>` in a text is thirteen characters: no document can end itself."""
    bare = {**described, "added_tokens": [], "post_processor": None, "truncation": None, "padding": None}
    model = described["model"]
    if model.get("type") == "Unigram":  # which would find the piece `</s>` in a text, so it is spelt as no text is
        added = {token["content"] for token in described.get("added_tokens") or ()}
        pieces = [
            [f"\ufdd0{number}" if piece in added else piece, score] for number, (piece, score) in enumerate(model["vocab"])
        ]
        bare["model"] = {**model, "vocab": pieces}
    return Tokenizer.from_str(json.dumps(bare))


# ---------------------------------------------------------------------------------------------------------- the fast twin


def _fast_twin(described: dict[str, Any], reference: Tokenizer) -> tuple[fastokens.Tokenizer | None, str]:
    """The fast encoder of the same merges, or None and the reason."""
    reason = unlike_byte_level(described)
    if reason:
        return None, reason
    try:
        fast = fastokens.Tokenizer.from_json_str(reference.to_str())
        for text in _probes(described["model"]["vocab"]):
            found = np.frombuffer(fast.encode_batch_flat([text])[0], "<u4").tolist()
            if found != reference.encode(text, add_special_tokens=False).ids:
                return None, "the two encoders differ on a probe"
    except Exception as error:  # of what kind, its library does not say
        return None, f"fastokens cannot take it: {error}"
    return fast, ""


def unlike_byte_level(described: dict[str, Any]) -> str:
    """Why this is not a byte-level BPE whose every text comes back; empty if it is one."""
    model = described.get("model") or {}
    if model.get("type") != "BPE":
        return f"its model is {model.get('type')}, not BPE"
    for option in ("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "ignore_merges"):
        if model.get(option):
            return f"its model has {option}"
    if described.get("normalizer"):
        return "it normalizes text"
    cuts = described.get("pre_tokenizer") or {}
    parts = cuts.get("pretokenizers", []) if cuts.get("type") == "Sequence" else [cuts]
    if not parts or parts[-1].get("type") != "ByteLevel" or any(part.get("type") != "Split" for part in parts[:-1]):
        return "its pre-tokenizer is not regexes and bytes"
    if not all(character in model["vocab"] for character in byte_characters()):
        return "some byte has no token"
    return ""


def _probes(tokens: dict[str, int]) -> list[str]:
    """What the two encoders must agree on: the fixed text, code points by the thousand, and tokens side by side."""
    drawn = random.Random(0)  # its sequence is fixed by the language
    planes = [range(0x20, 0x3000), range(0x3000, 0xD800), range(0xE000, 0x20000), range(0x20000, 0x32000)]
    points = "".join(chr(drawn.choice(planes[i % 4])) + " a中1'\n"[i % 6] * (i % 3) for i in range(20_000))
    chosen = sorted(tokens)
    chosen = drawn.sample(chosen, min(len(chosen), PROBE_TOKENS))
    odd = [c for c in map(chr, range(0x10000)) if unicodedata.category(c) in ("Zs", "Zl", "Zp", "Cc", "Cf")]
    white = "".join(f"\n\n{c}a  {c} b{c}" for c in odd)  # engines differ on which of these are blanks
    return [PROBE, points, white, as_text(chosen), " ".join(as_text([token]) for token in chosen[:5000])]


def as_text(tokens: Sequence[str]) -> str:
    """What byte-level tokens come to when they stand side by side; bytes that are no UTF-8 are left out."""
    to_byte = byte_characters()
    return bytes(to_byte[c] for token in tokens for c in token if c in to_byte).decode("utf-8", errors="ignore")
