"""A small finished output, made by hand: hostile text, every part of the page, and numbers that are known."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curator.documents import SCHEMA
from curator.engine.manifest import Ledger, Manifest, Written

METRICS = pa.schema(
    [
        ("early.language", pa.string()),
        ("zh_web.chars", pa.int32()),
        ("dedup.duplicate", pa.bool_()),
        ("dedup.cluster", pa.string()),
        ("dedup.copies", pa.int32()),
    ]
)
RULES = {
    "early_zh.early.language": {"column": "early.language", "among": ["zh", "en"]},
    "zh_web.chars": {"column": "zh_web.chars", "min": 100.0, "max": 100000.0},
}
HOSTILE = (
    "</pre></script><script>alert(1)</script><img src=x onerror=alert(2)>\u202eevil\u202c nul\x00 "
    "mail li.si@example.com 手机13912345678"
)


def document(number: int, **values: Any) -> dict[str, Any]:
    return {
        "id": f"{number:032x}",
        "source": "web",
        "text": f"正文 {number}",
        "url": f"https://site.example/{number}?mail=zhang.san@example.com",
        "title": f"标题 {number}",
        "language": "zh",
        "script": "Hans",
        "origin": {"file": "a.warc.gz", "offset": number},
        **values,
    }


KEPT = [
    document(n, **{"early.language": "zh", "zh_web.chars": 200 + n, "dedup.duplicate": False, "dedup.copies": 1})
    for n in range(9)
]
REJECTED = [
    document(20, text=None, **{"early.language": "ru", "reason": "early_zh.early.language"}),
    document(21, text=HOSTILE, title="<b>title</b>", **{"early.language": "zh", "zh_web.chars": 99, "reason": "zh_web.chars"}),
    document(22, **{"early.language": "zh", "zh_web.chars": 5, "reason": "zh_web.chars"}),
    document(23, **{"early.language": "zh", "zh_web.chars": None, "reason": "zh_web.chars"}),
    document(24, reason="extract:ValueError", detail="ValueError: cannot read <evil> of wang.wu@example.com"),
    document(25, **{"dedup.duplicate": True, "dedup.cluster": f"{3:032x}", "dedup.copies": 2, "reason": "dedup.duplicate"}),
]
SUMMARY: dict[str, Any] = {
    "name": "toy <corpus>",
    "recipe": "toy.yaml",
    "curator": "0.1.0",
    "stages": ["early", "early_zh", "extract", "zh_web", "dedup"],
    "sources": {
        "web": {
            "bytes": 1_500_000,
            "records": 20,
            "skipped": {"request": 4},
            "record_errors": {"corrupt": 1},
            "documents": 15,
            "rejected": {"early_zh.early.language": 1, "zh_web.chars": 3, "dedup.duplicate": 1},
            "errors": {"extract:ValueError": 1},
            "kept": 9,
            "chars_in": 5000,
            "chars_added": {"extract": 500},
            "chars_cut": {},
            "chars_rejected": 1000,
            "chars_kept": 4500,
        }
    },
    "damage": [
        {
            "file": "in/bad.warc.gz",
            "kind": "truncated",
            "where": 777,
            "message": "ends <early>",
            "file_damage": True,
            "source": "web",
        },
        {
            "file": "in/a.warc.gz",
            "kind": "corrupt",
            "where": 55,
            "message": "bad header",
            "file_damage": False,
            "source": "web",
        },
    ],
    "quarantined": [],
    "dedup": {
        "dedup": {
            "warnings": ["web loses 60.0% of its documents (60 of 100)"],
            "clusters": 1,
            "documents": 100,
            "duplicates": 60,
            "signed": 100,
            "largest": {"cluster": f"{3:032x}", "copies": 61},
            "sizes": {"32-63": 1},
            "sources": {"web": {"signed": 100, "duplicates": 60, "share": 0.6}},
        }
    },
    "seconds": {"read": 3.0, "zh_web": 0.5, "extract": 1.5},
    "tokens": {
        "fingerprint": "f00d",
        "tokenizer": {"name": "toy.yaml", "hash": "beef", "encoder": "tiktoken", "slow_because": ""},
        "vocabulary_size": 4321,
        "sequence_length": 256,
        "tokens": 25600,
        "asked_tokens": 25600,
        "mixture": {"budget": None},
        "shortages": [],
        "drift": "the pinned vocabulary is of another corpus",
        "parts": [
            {
                "name": "web",
                "source": "web",
                "language": ["zh"],
                "asked_weight": 0.75,
                "effective_weight": 0.7,
                "documents": 9,
                "available_tokens": 12345,
                "tokens": 17920,
                "epochs": 1.45,
                "validation": {"sequences": 2},
            },
            {
                "name": "wiki",
                "source": "web",
                "language": [],
                "asked_weight": 0.25,
                "effective_weight": 0.3,
                "documents": 9,
                "available_tokens": 999,
                "tokens": 7680,
                "epochs": 7.69,
                "validation": {"sequences": 0},
            },
        ],
        "encoded": {"web": {"documents": 9, "tokens": 1000, "characters": 1500, "utf8_bytes": 4200}},
        "splits": {
            "train": {
                "sequences": 100,
                "shards": [
                    {"file": "train-00000.tokens", "sequences": 100, "bytes": 51400, "sha256": "5ha", "by_part": [70, 30]}
                ],
            },
            "validation": {"sequences": 0, "shards": []},
        },
    },
    "digests": {"documents": "d1ge57", "tokens": None},
}
JOURNAL: list[dict[str, Any]] = [
    {
        "event": "start",
        "step": 0,
        "steps": 30,
        "parameters": 1234,
        "batch_tokens": 512,
        "device": "cpu",
        "precision": "float32",
        "ranks": 1,
    },
    *(
        {
            "event": "train",
            "step": step,
            "loss": 9 - step / 10,
            "losses": {"web": 9 - step / 10},
            "lr": 1e-3,
            "gradient_norm": 1.0,
            "tokens": step * 512,
            "tokens_by_source": {"web": step * 512},
            "tokens_per_second": 1000.0,
        }
        for step in (1, 10, 20, 30)
    ),
    {"event": "validation", "step": 30, "loss": 6.5, "losses": {"web": 6.5}},
    {
        "event": "end",
        "step": 30,
        "steps": 30,
        "finished": True,
        "first_loss": 8.9,
        "last_loss": 6.0,
        "validation_loss": 6.5,
        "validation_losses": {"web": 6.5},
        "seconds": 75.0,
        "tokens_per_second": 990.0,
        "epochs": 1.0,
    },
]


@pytest.fixture
def output(tmp_path: Path) -> str:
    """The folder of the finished run."""
    return build(tmp_path / "out")


@pytest.fixture
def parts() -> dict[str, Any]:
    """What the run is made of, for a test to change: summary, kept, rejected, journal."""
    return copy.deepcopy({"summary": SUMMARY, "kept": KEPT, "rejected": REJECTED, "journal": JOURNAL})


@pytest.fixture
def build_output(tmp_path: Path) -> Callable[[dict[str, Any]], str]:
    """The folder of a run with other parts."""
    return lambda parts: build(tmp_path / "other", **parts)


def build(
    folder: Path,
    summary: dict[str, Any] = SUMMARY,
    kept: list[dict[str, Any]] = KEPT,
    rejected: list[dict[str, Any]] = REJECTED,
    journal: list[dict[str, Any]] = JOURNAL,
) -> str:
    folder.mkdir()
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in journal) + '{"event": "train", "ste')
    reasons = [row["reason"] for row in rejected]
    ledger = Ledger(
        records=20,
        documents=len(kept) + len(rejected),
        kept=len(kept),
        rejected={r: reasons.count(r) for r in reasons if ":" not in r},
        errors={r: reasons.count(r) for r in reasons if ":" in r},
    )
    Manifest(
        key="web-a",
        source="web",
        number=0,
        fingerprint="f",
        inputs={
            "stages": {
                "early_zh": {
                    "stage": "Filter",
                    "options": {"rules": {k: v for k, v in RULES.items() if k.startswith("early")}},
                },
                "extract": {"stage": "Extract", "options": {}},
                "zh_web": {
                    "stage": "Filter",
                    "options": {"rules": {k: v for k, v in RULES.items() if k.startswith("zh")}},
                    "where": {"language": ["zh"]},
                },
            }
        },
        kept=_write(folder, "documents/web-a.parquet", kept, METRICS),
        rejected=_write(
            folder,
            "rejected/web-a-pass0.parquet",
            rejected,
            pa.schema([*METRICS, ("reason", pa.string()), ("detail", pa.string())]),
        ),
        signed=Written(),
        ledger=ledger,
        seconds={"read": 3.0, "zh_web": 0.5, "extract": 1.5},
        bytes_read=1_500_000,
    ).write(str(folder / "manifests" / "pass0" / "web-a.json"))
    return str(folder)


def _write(folder: Path, path: str, rows: list[dict[str, Any]], more: pa.Schema) -> Written:
    if not rows:
        return Written()
    (folder / path).parent.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema([*SCHEMA, *more])), folder / path, row_group_size=4)
    return Written(path=path, rows=len(rows))
