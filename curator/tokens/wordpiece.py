"""WordPiece, for models of BERT's kind: words cut by the longest match, `##` before what goes on, [UNK] for what is lacking.

The vocabulary is trained by merging the most frequent pair, as BPE is: how Google's own was chosen was never published. The
library's trainer for it numbers the continuing characters in the order of a hash map, another one in each process; so here each
(character, begins or goes on) is a symbol of its own, plain BPE is trained on these, and its tokens are spelt back.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

UNKNOWN = "[UNK]"
MOST_CHARACTERS = 1 << 15  # of the alphabet
SYMBOLS = 0x10000  # code points from here on stand for symbols: over a million


def tokenizer(vocabulary: dict[str, int], special: Sequence[str], lowercase: bool) -> Tokenizer:
    """BERT's: Han characters one by one, words at white space and punctuation. Lower case also means without accents."""
    made = Tokenizer(models.WordPiece(vocabulary, unk_token=UNKNOWN, max_input_chars_per_word=100))
    made.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    made.add_special_tokens([token for token in special if token in vocabulary])
    return made


def train(texts: Iterable[str], size: int, special: Sequence[str], min_frequency: int, lowercase: bool) -> bytes:
    """A `tokenizer.json` of `size` tokens, or as many as the texts give."""
    bare = tokenizer({UNKNOWN: 0}, (), lowercase)
    words: Counter[str] = Counter()
    for text in texts:
        words.update(word for word, _ in bare.pre_tokenizer.pre_tokenize_str(bare.normalizer.normalize_str(text)))
    often: Counter[tuple[str, bool]] = Counter()
    for word, count in words.items():
        for place, character in enumerate(word):
            often[character, place > 0] += count
    room = min(size - len(special), MOST_CHARACTERS)
    kept = sorted(often, key=lambda symbol: (-often[symbol], symbol))[:room]
    code = {symbol: chr(SYMBOLS + number) for number, symbol in enumerate(sorted(kept))}

    def symbols() -> Iterator[str]:
        for word in sorted(words):
            spelt = [code.get((character, place > 0)) for place, character in enumerate(word)]
            if len(spelt) > 1 and None not in spelt:
                joined = "".join(filter(None, spelt))
                left = words[word]
                while left:  # a line of the library is a word many times
                    times = min(left, 1000)
                    yield f"{joined} " * times
                    left -= times

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(special),
        min_frequency=min_frequency,
        initial_alphabet=sorted(code.values()),
        show_progress=False,
    )
    bpe.train_from_iterator(symbols(), trainer)
    spelling = {
        symbol: character if begins else f"##{character}"
        for (character, goes_on), symbol in code.items()
        for begins in [not goes_on]
    }
    vocabulary: dict[str, int] = {token: number for number, token in enumerate(special)}
    for token in sorted(bpe.get_vocab(), key=bpe.get_vocab().__getitem__):
        first, *others = (spelling[symbol] for symbol in token)
        vocabulary.setdefault(first + "".join(other[2:] for other in others), len(vocabulary))
    return json.dumps(json.loads(tokenizer(vocabulary, special, lowercase).to_str()), ensure_ascii=False, indent=2).encode()
