"""A run from and to an object store: a real S3 protocol on loopback, through s3fs."""

from __future__ import annotations

from pathlib import Path

import boto3
import polars as pl
import pytest
from moto.server import ThreadedMotoServer

from curator import storage
from curator.engine.digest import output_digest
from curator.engine.executor import Inline
from curator.pipeline.load import load_recipe
from curator.pipeline.run import run
from curator.pipeline.watch import Watch

TOYS = Path(__file__).parents[1] / "toys.py"

RECIPE = """
name: toy
plugins: [{toys}]
sources:
  a: {{read: lines, from: "{inputs}/*.txt"}}
stages:
  - cut
  - length: {{min: 3}}
  - dedup_documents: {{shingle: 3, bands: 4, rows: 2}}
output: {output}
"""


@pytest.fixture(scope="module")
def bucket():
    monkeypatch = pytest.MonkeyPatch()
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    address = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    for name, value in {"AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    boto3.client("s3").create_bucket(Bucket="corpus")
    yield "s3://corpus"
    monkeypatch.undo()
    server.stop()


def test_from_and_to_a_bucket_gives_the_bytes_of_a_local_run(bucket, tmp_path):
    texts = {"one.txt": "hello world, this is one\nab\n中文的句子在这里|尾巴\n", "two.txt": "a line that stands twice\n" * 2}
    (tmp_path / "in").mkdir()
    for name, text in texts.items():
        (tmp_path / "in" / name).write_text(text)
        storage.write_bytes(f"{bucket}/in/{name}", text.encode())
    outputs = {}
    for inputs, output in ((f"{bucket}/in", f"{bucket}/out"), (str(tmp_path / "in"), str(tmp_path / "out"))):
        path = tmp_path / "toy.yaml"
        path.write_text(RECIPE.format(toys=TOYS, inputs=inputs, output=output))
        summary = run(load_recipe(str(path)), Inline(), Watch())
        outputs[output] = output_digest(output)["all"]
        assert summary["sources"]["a"]["kept"] == 3
        again = run(load_recipe(str(path)), Inline(), Watch())
        assert again["digests"] == summary["digests"]
    assert len(set(outputs.values())) == 1
    there = list(storage.listing(f"{bucket}/out/documents"))
    assert there
    assert all(p.startswith("s3://corpus/out/documents/a-") for p in there)
    with storage.open_input(there[0]) as stream:
        assert pl.read_parquet(stream)["source"].to_list()


def test_a_lease_holds_on_an_object_store(bucket):
    assert storage.claim(f"{bucket}/other/lease.json", b"me")
    assert not storage.claim(f"{bucket}/other/lease.json", b"you")
