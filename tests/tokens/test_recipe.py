from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curator import config
from curator.engine.executor import Inline
from curator.tokens import vocabulary
from curator.tokens.draw import held_out, id_hashes
from curator.tokens.recipe import VocabularyRecipe, choose, obtain, train

SMALL = VocabularyRecipe(size=400, sample_bytes=20_000)


def sampled(recipe, shards, **options):
    return sorted(choose(recipe, shards, Inline(), **options).texts())


def test_the_sample_depends_on_the_set_of_documents_alone(corpus, write_shard, scrambled):
    sample = choose(SMALL, corpus, Inline())
    turned = choose(SMALL, corpus[::-1], scrambled)
    assert (turned.digest, sorted(turned.texts())) == (sample.digest, sorted(sample.texts()))
    ids, texts = [], []
    for shard in corpus[:2]:  # the documents of web, cut into other shards
        table = pq.read_table(shard.path)
        ids += table.column("id").to_pylist()
        texts += table.column("text").to_pylist()
    cut = [write_shard("web", "x", texts[:20], ids=ids[:20]), write_shard("web", "y", texts[20:], ids=ids[20:])]
    other = choose(SMALL, [*cut, *corpus[3:]], Inline())
    assert (other.digest, sorted(other.texts())) == (sample.digest, sorted(sample.texts()))


def test_a_changed_text_is_another_sample(write_shard):
    before = choose(SMALL, [write_shard("web", "a", ["one text", "another"])], Inline())
    after = choose(SMALL, [write_shard("web", "a", ["one text", "and more"])], Inline())
    assert before.digest != after.digest


def test_the_sample_keeps_within_its_bytes_and_shares_them_by_weights(write_shard):
    shards = [
        write_shard("a", "1", [f"甲{i}" * 20 for i in range(2000)]),
        write_shard("b", "1", [f"b{i}" * 20 for i in range(2000)]),
    ]
    recipe = VocabularyRecipe(sample_bytes=40_000, weights={"a": 3.0, "b": 1.0})
    sample = choose(recipe, shards, Inline())
    texts = list(sample.texts())
    chinese = sum(len(text.encode()) for text in texts if text.startswith("甲"))
    english = sum(len(text.encode()) for text in texts if text.startswith("b"))
    assert chinese + english == sample.bytes
    assert 0.95 * 30_000 <= chinese <= 30_000
    assert 0.95 * 10_000 <= english <= 10_000


def test_what_a_source_lacks_goes_to_the_others(write_shard):
    shards = [write_shard("a", "1", ["x" * 100] * 5), write_shard("b", "1", [f"{i:0100}" for i in range(1000)])]
    recipe = VocabularyRecipe(sample_bytes=20_000, weights={"a": 0.5, "b": 0.5})
    sample = choose(recipe, shards, Inline())
    assert sample.most == {"a": 500, "b": 19_500}


def test_one_document_longer_than_the_sample_is_cut(write_shard):
    texts = sampled(VocabularyRecipe(sample_bytes=1000), [write_shard("a", "1", ["长" * 5000])])
    assert texts == ["长" * 333]


def test_documents_of_the_validation_split_are_never_sampled(write_shard):
    ids = [f"id{i}" for i in range(400)]
    shard = write_shard("a", "1", ids, ids=ids)  # each text is its own id
    out = held_out(id_hashes(ids), 0.2)
    expected = sorted(i for i, held in zip(ids, out) if not held)
    assert 0 < len(expected) < 400
    assert sampled(VocabularyRecipe(), [shard], validation=0.2) == expected


def test_training_is_deterministic_and_leaves_a_manifest(corpus, tmp_path):
    sample = choose(SMALL, corpus, Inline())
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    name = train(SMALL, sample, one)
    assert train(SMALL, choose(SMALL, corpus[::-1], Inline()), two) == name
    files = [Path(folder, name, "tokenizer.json").read_bytes() for folder in (one, two)]
    assert files[0] == files[1]
    manifest = json.loads(Path(one, name, "training.json").read_text())
    assert (manifest["sample"], manifest["documents"], manifest["bytes"]) == (sample.digest, sample.documents, sample.bytes)
    words = vocabulary.load(f"{one}/{name}/tokenizer.json")
    assert manifest["sha256"] == words.hash
    assert words.size == manifest["vocabulary_size"] == 400


@pytest.mark.parametrize(("most", "longest"), [(8, 8), (7, 4), (64, 64)])
def test_no_token_is_longer_than_it_may_be(write_shard, tmp_path, most, longest):
    shard = write_shard("a", "1", ["a" * 64] * 5)  # whose tokens double: 2, 4, 8 …
    recipe = VocabularyRecipe(size=400, max_token_bytes=most, special=("</s>",))
    name = train(recipe, choose(recipe, [shard], Inline()), str(tmp_path))
    words = vocabulary.load(f"{tmp_path}/{name}/tokenizer.json")
    assert max(len(words.decode([i])) for i in range(257, words.size)) == longest


class Pinned:
    """A folder of artefacts, asked again and again."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def obtain(self, shards, recipe=SMALL, **options):
        return obtain("small", recipe, shards, self.folder, Inline(), **options)


def test_a_pinned_tokenizer_stays_when_documents_come(corpus, write_shard, tmp_path):
    pinned = Pinned(tmp_path)
    first = pinned.obtain(corpus)
    assert first.trained
    assert first.drift is None
    again = pinned.obtain(corpus[::-1])
    assert (again.path, again.trained, again.drift) == (first.path, False, None)
    more = [*corpus, write_shard("web", "new", ["新来的文档"] * 50)]
    drifted = pinned.obtain(more)
    assert (drifted.path, drifted.trained) == (first.path, False)
    assert "'small' is pinned" in str(drifted.drift)
    fresh = pinned.obtain(more, retrain=True)
    assert fresh.trained
    assert fresh.path != first.path
    assert pinned.obtain(more).drift is None


def test_nothing_is_learnt_from_nothing_nor_pinned(corpus, write_shard, tmp_path):
    pinned = Pinned(tmp_path)
    for shards in ([], [write_shard("web", "blank", ["", None])]):
        with pytest.raises(ValueError, match="tokenizer 'small': no document to learn from"):
            pinned.obtain(shards)
    assert pinned.obtain(corpus).drift is None, "a run that kept nothing has left its mark"


def test_other_weights_of_the_mixture_do_not_retrain(corpus, tmp_path):
    pinned = Pinned(tmp_path)
    first = pinned.obtain(corpus, weights={"web": 1.0, "wiki": 1.0})
    other = pinned.obtain(corpus, weights={"web": 9.0, "code": 1.0})
    assert (other.path, other.trained) == (first.path, False)
    assert other.drift is not None


def test_another_recipe_or_a_lost_artefact_is_trained(corpus, tmp_path):
    pinned = Pinned(tmp_path)
    first = pinned.obtain(corpus)
    changed = pinned.obtain(corpus, VocabularyRecipe(size=350, sample_bytes=20_000))
    assert changed.trained
    Path(changed.path).unlink()
    back = pinned.obtain(corpus, VocabularyRecipe(size=350, sample_bytes=20_000))
    assert (back.path, back.trained) == (changed.path, True)
    assert Path(first.path).exists()


def test_a_training_that_was_killed_is_done_again(corpus, tmp_path):
    pinned = Pinned(tmp_path)
    path = Path(pinned.obtain(corpus).path)
    whole = path.read_bytes()
    (tmp_path / "pin.json").unlink()
    path.with_name("training.json").unlink()
    path.write_bytes(b"half")
    assert Path(pinned.obtain(corpus).path).read_bytes() == whole


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 200}, "size: 200 must be from 257"),
        ({"special": ()}, "special: name each token once"),
        ({"special": ("<a>", "<a>")}, "special: name each token once"),
        ({"sample_bytes": 0}, "sample_bytes: 0"),
        ({"weights": {"web": -1.0}}, "weights: must be above 0"),
        ({"pattern": "("}, "pattern: "),
        ({"min_frequency": 0}, "min_frequency"),
    ],
)
def test_refuses_a_recipe_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        VocabularyRecipe(**options)


@pytest.mark.parametrize(("name", "size"), [("zh_en_32k", 32_000), ("zh_en_4k", 4000)])
def test_the_shipped_recipes_are_read(name, size):
    path = Path(__file__).parents[2] / "tokenizers" / f"{name}.yaml"
    recipe = config.build(VocabularyRecipe, config.load(str(path)))
    assert recipe.size == size
    assert recipe.special[0] == "<|endoftext|>"


def test_documents_of_any_reader_are_sampled_as_those_of_shards(corpus):
    def batches():
        for shard in corpus:
            for batch in pq.ParquetFile(shard.path).iter_batches(3, columns=["id", "source", "text"]):
                yield batch.rename_columns(["key", "source", "text"])

    shards, read = choose(SMALL, corpus, Inline(), 0.1), choose(SMALL, [batches], Inline(), 0.1)
    assert (read.digest, read.most, sorted(read.texts())) == (shards.digest, shards.most, sorted(shards.texts()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base": "x", "pattern": "a"}, "base: it is extended by byte-level BPE"),
        ({"base": "x", "algorithm": "wordpiece"}, "base: it is extended by byte-level BPE"),
        ({"lowercase": True}, "lowercase: only for wordpiece"),
        ({"algorithm": "wordpiece"}, r"special: wordpiece needs '\[UNK\]' among them"),
    ],
)
def test_options_that_do_not_go_together_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        VocabularyRecipe(**options)


def test_wordpiece_from_a_recipe(corpus, tmp_path):
    recipe = VocabularyRecipe(algorithm="wordpiece", size=400, special=("[PAD]", "[UNK]", "[SEP]"), lowercase=True)
    name = train(recipe, choose(recipe, corpus, Inline()), str(tmp_path))
    described = json.loads((tmp_path / name / "tokenizer.json").read_text())
    assert (described["model"]["type"], described["normalizer"]["lowercase"]) == ("WordPiece", True)


def test_options_of_later_versions_do_not_unpin(corpus, tmp_path):
    """What was pinned before them has the fingerprint of a recipe without them."""
    assert set(SMALL.described()) == {
        *("algorithm", "size", "pattern", "special", "sample_bytes", "weights", "min_frequency", "max_token_bytes")
    }


def test_other_weights_are_told_without_reading_the_documents_again(corpus, tmp_path):
    pinned = Pinned(tmp_path)
    first = pinned.obtain(corpus, weights={"web": 1.0})
    for shard in corpus:
        Path(shard.path).unlink()
    again = pinned.obtain(corpus, weights={"wiki": 1.0})
    assert again.path == first.path
    assert "trained by other weights of the sources" in str(again.drift)
