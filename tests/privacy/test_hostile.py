"""Text made to be slow: four times the text may take little more than four times the time."""

import time
from dataclasses import replace

import pyarrow as pa
import pytest

from curator.privacy import addresses, find, finding

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


def test_house_numbers_beside_each_other_are_judged_once(monkeypatch):
    """Each place looks back over those before it, so 1号1号1号 was judged nine times at each number."""
    judged = []
    (house, streets) = addresses.ADDRESSES

    def counting(match, text):
        judged.append(match.span())
        return house.judge(match, text)

    counted = replace(house, judge=counting)
    monkeypatch.setitem(finding.ENTITIES, "address", (counted, streets))
    numbers = 500
    assert finding.find(pa.array(["1号" * numbers]), ["address"]) == [[]]
    assert len(judged) == len(set(judged)) <= numbers
    text = "寄到北京市海淀区中关村大街1号2号楼3号4单元" * 3
    assert finding.find(pa.array([text]), ["address"])[0] == finding.find_in(text, ["address"])
