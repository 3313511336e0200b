"""How much of a text its commonest runs of three characters are, as ROOTS counts them (Laurençon et al. 2022, arXiv 2303.03915;
`character_repetition` of its filters).

All runs of three characters count, whitespace included and overlapping. Of D different ones the √D commonest (rounded down)
that occur twice or more are common; the share is theirs of all occurrences.
"""

from __future__ import annotations

import math

import numpy as np

from curator.metrics.compiled import allocating

COMMON, RUNS = 0, 1  # columns of `out`: occurrences of common runs, and of all
COLUMNS = 2
LENGTH = 3
_BITS = np.uint64(21)  # of a code point: three of them are a run exactly


@allocating
def count_common_runs(points, bounds, rows, out):
    """Add to each span's row of `out` the occurrences of its common runs and of all its runs."""
    for span in range(len(rows)):
        begin, runs = bounds[span], bounds[span + 1] - bounds[span] - LENGTH + 1
        if runs < 1:
            continue
        keys = np.empty(runs, np.uint64)
        for i in range(runs):
            at = begin + i
            keys[i] = np.uint64(points[at]) << _BITS << _BITS | np.uint64(points[at + 1]) << _BITS | np.uint64(points[at + 2])
        keys.sort()
        repeated = np.empty(runs // 2, np.int64)  # how often each run occurs that occurs twice or more
        found = distinct = first = 0
        for i in range(1, runs + 1):
            if i == runs or keys[i] != keys[first]:
                distinct += 1
                if i - first > 1:
                    repeated[found] = i - first
                    found += 1
                first = i
        common = min(int(math.sqrt(distinct)), found)
        repeated[:found].sort()
        out[rows[span], COMMON] += repeated[found - common : found].sum()
        out[rows[span], RUNS] += runs
