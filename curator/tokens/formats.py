"""Tokenizers of other formats as `tokenizer.json`, and back: whatever comes in, one format is used inside.

tokenizer.json                        Hugging Face
*.tiktoken                            tiktoken's ranks: base64 of a token's bytes, and its id
encoder.json + vocab.bpe              GPT-2's own two files (also vocab.json + merges.txt): name one, or their folder
vocab.txt                             BERT's WordPiece
*.model                               SentencePiece, BPE or unigram (see `sentencepiece`)
"""

from __future__ import annotations

import base64
import binascii
import itertools
import json
from collections.abc import Mapping, Sequence

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from curator import storage
from curator.errors import UserError
from curator.tokens import sentencepiece, wordpiece
from curator.tokens.bytelevel import byte_characters
from curator.tokens.extend import special_token
from curator.tokens.vocabulary import unlike_byte_level, without_added_tokens

# What tiktoken's ranks do not say: how text is cut before pairs are merged.
PATTERNS = {
    "gpt2": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "cl100k": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "qwen": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}
CHATML = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
USUAL_SPECIAL = {"gpt2": CHATML[:1], "cl100k": CHATML[:1], "qwen": CHATML}
PAIRED = {"encoder.json": "vocab.bpe", "vocab.json": "merges.txt"}


class FormatError(UserError, ValueError):
    """A tokenizer file that cannot be read or written: the message names it."""


def read(path: str, pattern: str | None = None) -> bytes:
    """A tokenizer of any of the formats above as `tokenizer.json`. Raises FormatError.

    `pattern`, of tiktoken's ranks: a name of PATTERNS or a regex; unless given, the name that the file's name holds, or cl100k.
    """
    path = storage.resolve(path)
    name = path.rstrip("/").rsplit("/", 1)[-1]
    try:
        for vocabulary, merges in PAIRED.items():
            folder = path.rstrip("/").rsplit("/", 1)[0] if name in (vocabulary, merges) else path
            if name in (vocabulary, merges) or storage.exists(storage.join(path, vocabulary)):
                pair = (storage.read_bytes(storage.join(folder, each)) for each in (vocabulary, merges))
                return _gpt2(*pair)
        if not name.endswith((".json", ".tiktoken", ".txt", ".model")):
            path = storage.join(path, "tokenizer.json")
        data = storage.read_bytes(path)
        if name.endswith(".tiktoken"):
            known = next((each for each in PATTERNS if each in name), "cl100k")
            return _tiktoken(data, pattern or known)
        if name.endswith(".txt"):
            return _bert(data)
        if name.endswith(".model"):
            return sentencepiece.read(data)
        Tokenizer.from_buffer(data)
        return data
    except (FileNotFoundError, NotADirectoryError, storage.StorageError):
        raise FormatError(f"{path}: there is no such tokenizer") from None
    except FormatError:
        raise
    except Exception as error:  # of bad bytes the libraries raise what they like, bare Exception too
        raise FormatError(f"{path}: not a tokenizer of the format that its name says: {error}") from None


def write_tiktoken(described: bytes) -> bytes:
    """The ranks of a byte-level `tokenizer.json`, special tokens left out. Raises FormatError if tiktoken would give other ids.

    tiktoken merges any pair whose bytes together are a token, by the token's id; the other merges listed pairs, in listed
    order. The two agree on every text if the listed merges give ids that rise, and each token, encoded alone, is itself. By
    induction over ids: let all merges below id t agree, and let tiktoken be about to make t of its neighbours x and y. No
    merge has crossed the ends of x + y, and inside them went what goes with the bytes of t alone: there the other, too,
    stands at x, y, and the only merge that it can have listed to get t is (x, y). The other direction is plain: a listed pair
    is a token.
    """
    tokenizer = json.loads(described)
    reason = unlike_byte_level(tokenizer)
    if reason:
        raise FormatError(f"tiktoken knows byte-level BPE alone, and {reason}")
    model = tokenizer["model"]
    vocabulary: dict[str, int] = model["vocab"]
    added = {token["content"] for token in tokenizer.get("added_tokens") or ()}
    pairs = [pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"]]
    results = [vocabulary["".join(pair)] for pair in pairs]
    bare = without_added_tokens(tokenizer).model
    tokens = sorted((token for token in vocabulary if token not in added), key=vocabulary.__getitem__)
    if any(a >= b for a, b in itertools.pairwise(results)) or not all(len(bare.tokenize(token)) == 1 for token in tokens):
        raise FormatError("tiktoken would give other ids: the merges are not in the order of their ids, or miss a token")
    to_byte = byte_characters()
    return b"".join(base64.b64encode(bytes(to_byte[c] for c in token)) + b" %d\n" % vocabulary[token] for token in tokens)


def special_tokens(described: bytes) -> dict[str, int]:
    """What ranks do not hold: the special tokens of a `tokenizer.json`, with their ids."""
    return {token["content"]: token["id"] for token in json.loads(described).get("added_tokens") or ()}


def split_pattern(described: bytes) -> str:
    """The regex that tiktoken needs beside the ranks."""
    cuts = json.loads(described).get("pre_tokenizer") or {}
    parts = cuts.get("pretokenizers", []) if cuts.get("type") == "Sequence" else [cuts]
    found = [part["pattern"].get("Regex") for part in parts if part.get("type") == "Split"]
    if len(found) == 1 and found[0] and not parts[-1].get("use_regex", True):
        return found[0]
    if not found and parts[-1].get("use_regex", True) and not parts[-1].get("add_prefix_space", True):
        return PATTERNS["gpt2"]
    raise FormatError("its text is not split by one regex, as tiktoken needs")


# ------------------------------------------------------------------------------------------------------------- reading


def _byte_level(
    vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]], pattern: str | None, special: Sequence[str]
) -> bytes:
    """`tokenizer.json`; without a pattern, GPT-2's, which the library has built in."""
    numbered = dict(vocabulary)
    for token in special:
        numbered.setdefault(token, max(numbered.values()) + 1)
    made = Tokenizer(models.BPE(numbered, list(merges)))
    last = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pattern is None)
    split = [] if pattern is None else [pre_tokenizers.Split(Regex(pattern), behavior="isolated")]
    made.pre_tokenizer = pre_tokenizers.Sequence([*split, last]) if split else last
    made.decoder = decoders.ByteLevel()
    described = json.loads(made.to_str())
    described["added_tokens"] = sorted((special_token(t, numbered[t]) for t in special), key=lambda token: token["id"])
    return json.dumps(described, ensure_ascii=False, indent=2).encode()


def _gpt2(vocabulary: bytes, merges: bytes) -> bytes:
    lines = merges.decode().split("\n")
    pairs = [tuple(line.split(" ")) for line in lines if line and not line.startswith("#version")]
    known: dict[str, int] = json.loads(vocabulary)
    return _byte_level(known, pairs, None, [token for token in CHATML if token in known])  # type: ignore[arg-type]


def _tiktoken(data: bytes, pattern: str) -> bytes:
    ranks: dict[bytes, int] = {}
    for line in filter(None, data.split(b"\n")):
        token, _, rank = line.partition(b" ")
        try:
            ranks[base64.b64decode(token, validate=True)] = int(rank)
        except (binascii.Error, ValueError):
            raise FormatError(f"no line of tiktoken's ranks: {line[:80]!r}") from None
    written = {byte: character for character, byte in byte_characters().items()}

    def spelt(token: bytes) -> str:
        return "".join(written[byte] for byte in token)

    merges = [pair for token in sorted(ranks, key=ranks.__getitem__) if len(token) > 1 and (pair := _last_pair(token, ranks))]
    return _byte_level(
        {spelt(token): rank for token, rank in ranks.items()},
        [(spelt(left), spelt(right)) for left, right in merges],
        PATTERNS.get(pattern, pattern),
        USUAL_SPECIAL.get(pattern, USUAL_SPECIAL["cl100k"]),
    )


def _last_pair(token: bytes, ranks: Mapping[bytes, int]) -> tuple[bytes, bytes] | None:
    """The two tokens that are merged last into this one: what merging by lower ranks alone leaves of its bytes."""
    parts = [token[i : i + 1] for i in range(len(token))]
    most = ranks[token]
    while len(parts) > 2:
        joined = [ranks.get(a + b, most) for a, b in itertools.pairwise(parts)]
        best = min(joined)
        if best >= most:
            return None  # a token that no merge leads to: the ranks hold it all the same
        at = joined.index(best)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return (parts[0], parts[1])


def _bert(data: bytes) -> bytes:
    tokens = data.decode().replace("\r\n", "\n").rstrip("\n").split("\n")
    vocabulary = {token: number for number, token in enumerate(tokens)}
    if wordpiece.UNKNOWN not in vocabulary:
        raise FormatError(f"no {wordpiece.UNKNOWN} among its tokens: not a vocabulary of WordPiece")
    special = [token for token in ("[PAD]", wordpiece.UNKNOWN, "[CLS]", "[SEP]", "[MASK]") if token in vocabulary]
    plain = (token for token in tokens if token.lstrip("#").isalpha())
    lowercase = not any("A" <= character <= "Z" for token in plain for character in token)
    return wordpiece.tokenizer(vocabulary, special, lowercase).to_str(pretty=True).encode()
