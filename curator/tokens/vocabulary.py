"""A trained tokenizer in use: `tokenizer.json` to ids, fast, with the ids that Hugging Face's own encoder gives.

The artefact is Hugging Face's `tokenizer.json`, and its library is the reference. tiktoken encodes the same merges several
times as fast. It merges any pair whose bytes together are a token, by the token's id; the reference merges listed pairs, in
listed order. The two agree on every text if (see `_same_merges`)

1. the listed merges give ids that rise, so that both have one order, and
2. the reference, given a token's own bytes, arrives at that token: for every token.

Proof, by induction over ids: let all merges below id t agree, and let tiktoken be about to make t of its neighbours x and y.
No merge has crossed the ends of x + y, so inside them went what goes with the bytes of t alone: by (2) the reference, too,
stands at x, y there, and the only merge it can have listed to get t is (x, y). The other direction is plain: a listed pair is
a token. What splits the text before merging is a regex in two engines; tests compare them on every code point.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tiktoken
from tokenizers import Tokenizer

from curator import storage
from curator.tokens.bytelevel import byte_characters

# Ends a document, in the tokenizers people use; the first that a vocabulary has is taken unless `eos` names one.
USUAL_EOS = ("<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|eos|>")

# What `ByteLevel(use_regex=True)` splits by: the pattern of GPT-2.
GPT2_PATTERN = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""

# A fixed text that both encoders must agree on, and that must come back unchanged, before tiktoken is believed.
PROBE = (
    "人工智能（AI）在2024年发展迅速，iPhone 15手机卖了1,234,567台！“真的吗？”他問：「係咪真㗎？」\r\n\r\n"
    "　　第一章　天地玄黄，宇宙洪荒。〇一二三\n\tdef f(x: int) -> str:\n        return f'{x!r:>10}'  # don't I'LL we've\n\n\n"
    "  Ünïcödé e\u0301 हिन्दी ภาษาไทย ひらがなカタカナ漢字 한국어 العربية עברית 😀👩‍👩‍👧 \u200b\u00a0\ufeff\ufffd\x00\x1f "
    "<|endoftext|> </s> https://example.com/a?b=c&d=%E4%BD%A0   \n "
)
WHITE_RUN = re.compile(r"\s{50000}")  # longer runs overflow the backtracking stack of tiktoken's regex engine
LONG = 50_000


class VocabularyError(ValueError):
    """A tokenizer that cannot be used: the message names the file."""


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer as the pipeline uses it. Text is only ever text: a special token's name in a document is not that token."""

    path: str
    hash: str  # sha256 of tokenizer.json
    size: int  # ids are below it
    eos: int
    reference: Tokenizer
    fast: tiktoken.Encoding | None
    slow_because: str  # why `fast` is None

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype("<u2" if self.size <= 65_535 else "<u4")

    @property
    def encoder(self) -> str:
        return "tiktoken" if self.fast else "tokenizers"

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The ids of each text, without EOS; none for an empty one."""
        fast = self.fast
        if fast is None:
            return self._encode_slowly(texts)
        return [self._encode_one(fast, text) for text in texts]

    def _encode_one(self, fast: tiktoken.Encoding, text: str) -> np.ndarray:
        if len(text) >= LONG and WHITE_RUN.search(text):
            return self._encode_slowly([text])[0]
        return fast.encode_to_numpy(text, disallowed_special=()).astype(self.dtype)

    def _encode_slowly(self, texts: Sequence[str]) -> list[np.ndarray]:
        encodings = self.reference.encode_batch_fast(list(texts), add_special_tokens=False)
        return [np.asarray(encoding.ids, self.dtype) for encoding in encodings]

    def decode(self, ids: Sequence[int] | np.ndarray) -> str:
        return self.reference.decode([int(i) for i in ids], skip_special_tokens=False)


def load(path: str, eos: str | None = None) -> Vocabulary:
    """Open a `tokenizer.json`. Raises VocabularyError if it is none, or has no token that ends a document."""
    return _load(path, storage.content_digest(path), eos)


@functools.lru_cache(maxsize=4)  # once a worker: the check of all merges takes a second or so
def _load(path: str, digest: str, eos: str | None) -> Vocabulary:
    data = storage.read_bytes(path)
    try:
        described = json.loads(data)
        whole = Tokenizer.from_buffer(data)
    except Exception as error:  # the library raises bare Exception
        raise VocabularyError(f"{path}: not a Hugging Face tokenizer.json: {error}") from None
    eos_id = _eos_id(whole, eos, path)
    reference = _without_added_tokens(described)
    fast, reason = _fast_twin(described, reference)
    if fast is None:
        warnings.warn(f"{path}: encoding with the slower tokenizers library: {reason}", stacklevel=3)
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


def _without_added_tokens(described: dict[str, Any]) -> Tokenizer:
    """The same tokenizer, for which `<|endoftext|>` in a text is thirteen characters: no document can end itself."""
    bare = {**described, "added_tokens": [], "post_processor": None, "truncation": None, "padding": None}
    return Tokenizer.from_str(json.dumps(bare))


# ---------------------------------------------------------------------------------------------------------- the fast twin


def _fast_twin(described: dict[str, Any], reference: Tokenizer) -> tuple[tiktoken.Encoding | None, str]:
    """tiktoken with the same merges, or None and the reason."""
    model = described.get("model") or {}
    if model.get("type") != "BPE":
        return None, f"its model is {model.get('type')}, not BPE"
    for option in ("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "ignore_merges"):
        if model.get(option):
            return None, f"its model has {option}"
    if described.get("normalizer"):
        return None, "it normalizes text"
    pattern = _pattern(described.get("pre_tokenizer"))
    if pattern is None:
        return None, "its pre-tokenizer is not one regex and bytes"
    added = {token["content"] for token in described.get("added_tokens") or ()}
    to_byte = byte_characters()
    try:
        ranks = {bytes(to_byte[c] for c in token): rank for token, rank in model["vocab"].items() if token not in added}
    except KeyError:
        return None, "its tokens are not bytes"
    if not all(bytes([b]) in ranks for b in range(256)):
        return None, "some byte has no token"
    if not _same_merges(model, added, reference):
        return None, "its merges are not in the order of their ids, or do not lead to every token"
    try:
        fast = tiktoken.Encoding("curator", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
        agree = fast.encode_ordinary(PROBE) == reference.encode(PROBE, add_special_tokens=False).ids
    except Exception as error:
        return None, f"tiktoken cannot take it: {error}"
    if not agree or fast.decode(fast.encode_ordinary(PROBE)) != PROBE:
        return None, "the two encoders differ on the probe text"
    return fast, ""


def _pattern(described: dict[str, Any] | None) -> str | None:
    """The regex of a byte-level pre-tokenizer: `ByteLevel`, or `Split` and `ByteLevel` in a `Sequence`."""
    parts = (described or {}).get("pretokenizers") if (described or {}).get("type") == "Sequence" else [described or {}]
    *splits, last = parts or [{}]
    if last.get("type") != "ByteLevel" or last.get("add_prefix_space", True):
        return None
    if not splits:
        return GPT2_PATTERN if last.get("use_regex", True) else None
    if len(splits) > 1 or last.get("use_regex", True):
        return None
    split = splits[0]
    if split.get("type") != "Split" or split.get("behavior") != "Isolated" or split.get("invert"):
        return None
    return split["pattern"].get("Regex")


def _same_merges(model: dict[str, Any], added: set[str], reference: Tokenizer) -> bool:
    """The two conditions of the proof above."""
    vocabulary: dict[str, int] = model["vocab"]
    pairs = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in model["merges"]]
    results = [vocabulary["".join(pair)] for pair in pairs]
    if any(a >= b for a, b in itertools.pairwise(results)):
        return False
    bare = reference.model
    return all(len(bare.tokenize(token)) == 1 for token in vocabulary if token not in added)
