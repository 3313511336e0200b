"""Text made to be slow: four times the text may take little more than four times the time."""

import time

import pyarrow as pa
import pytest

from curator.privacy import find

_UNITS = (
    "1|138|a.|a@|@|1.1.|2001:|:|::|+1 |(0|010-|13812345678@|a@a.|+86|1-|0 |1 1|京A|京A1|QQ|QQ1|qq微信|微信|微信a|wx|信|号"
    "|1号|一号|路1号|市1室|1 A|1 Ab |12 Main |-----BEGIN PRIVATE KEY-----|-----BEGIN |-----BE|sk-|AKIA|eyJa1.eyJ|hf_|a1/"
    "|token=a1|://a:b@|://|//a:b|：1|地址|住在1号|aa:|aa-|0011.|1234 5678 |Ab 1|（0|Emaila1@|call 1|电话|扣扣|-| "
)


@pytest.mark.parametrize("unit", _UNITS.split("|"))
def test_time_is_linear(unit: str) -> None:
    def seconds(size: int) -> float:
        texts = pa.array([unit * (size // len(unit))])
        start = time.process_time()
        find(texts)
        return time.process_time() - start

    seconds(100)
    once, fourfold = (min(seconds(size) for _ in range(3)) for size in (2_000, 8_000))
    assert fourfold < 8 * once + 0.02, (once, fourfold)
    assert fourfold < 1
