"""A SentencePiece model, made once."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

TEXTS = ["the cat sat on the mat.", "a dog met the cat.", "我们在北京大学学习。", "他们在学校读书。", "今天天气很好。"]


@pytest.fixture(scope="session")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SentencePiece model."""
    import sentencepiece

    trainer: Any = sentencepiece.SentencePieceTrainer
    made = io.BytesIO()
    sentences = TEXTS * 20
    trainer.train(sentence_iterator=iter(sentences), model_writer=made, vocab_size=80, hard_vocab_limit=False, minloglevel=2)
    path = tmp_path_factory.mktemp("pieces") / "zh.sp.model"
    path.write_bytes(made.getvalue())
    return path
