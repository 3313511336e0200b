"""Does filtering teach a model more? The same raw Chinese pages with and without `zh_web`, equal tokens, three seeds, judged
on the gold text of news and forum pages and on paragraphs of Wikipedia, Simplified and Traditional, apart.

    python tests/bench/ablation.py

With a model of a million parameters and half a million tokens this is a smoke test of `curator ablate`, not evidence.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import orjson

DATA = Path(os.environ.get("CURATOR_DATA", "../shared/data")).resolve()
SEEDS = 3
RECIPE = """\
name: {name}
sources:
  web: {{read: jsonl, from: {data}/text/hplt_raw_zh_web.jsonl}}
stages:
  - normalize: {{form: NFC, script: keep}}
{filters}tokenize: {{tokenizer: tokenizers/zh_en_4k.yaml, sequence_length: 256}}
output: unused
"""


def write_inputs(folder: Path) -> list[str]:
    """The two recipes, and what they are judged by: `--validation` arguments."""
    for name, filters in (("raw", ""), ("filtered", "  - filter: zh_web\n")):
        (folder / f"{name}.yaml").write_text(RECIPE.format(name=name, data=DATA, filters=filters))
    gold = [json.loads(line) for line in (DATA / "html_gold" / "gold.jsonl").read_text(encoding="utf-8").splitlines()]
    chinese = [{"text": page["gold"]} for page in gold if page["lang"].startswith("zh") and page["gold"]]
    (folder / "gold.jsonl").write_bytes(b"\n".join(map(orjson.dumps, chinese)))
    wiki = {"wiki_hans": "zhwiki_paragraphs_hans_cmrc2018", "wiki_hant": "zhwiki_paragraphs_hant_drcd"}
    sets = [f"gold={folder}/gold.jsonl", *(f"{name}={DATA}/text/{file}.jsonl" for name, file in wiki.items())]
    return [argument for each in sets for argument in ("--validation", each)]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        validation = write_inputs(folder)
        command = [sys.executable, "-m", "curator.cli", "ablate", f"{folder}/raw.yaml", f"{folder}/filtered.yaml"]
        command += ["--train", "pipelines/train/tiny.yaml", "--seeds", str(SEEDS), "--on", "inline", "--documents", "400"]
        subprocess.run([*command, *validation, "--output", f"{folder}/out"], check=True, stdout=sys.stderr)
        found = orjson.loads((folder / "out" / "ablation.json").read_bytes())
    for arm in found["arms"]:
        print(
            f"{arm['name']}: {arm['documents']:,} documents, {arm['unique_tokens']:,} unique tokens, "
            f"{found['tokens']:,} trained on ({arm['epochs']:.2f} epochs)"
        )
    print("\n| validation | documents (left out) | raw, bits a byte | filtered | difference | ± seeds | ± documents |")
    print("|---|---|---|---|---|---|---|")
    for row in found["sets"]:
        cells = [
            row["name"],
            f"{row['documents']} ({found['removed'][row['name']]})",
            f"{row['first']:.4f}",
            f"{row['second']:.4f}",
        ]
        cells += [f"{row['difference']:+.4f}", f"{row['by_seeds']:.4f}", f"{row['by_documents']:.4f}"]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
