"""Raw dumps from the internet to this machine: `curator download commoncrawl`, `curator download wikipedia`.

`commoncrawl` and `wikipedia` say which files are wanted; `batch` brings them, a few at a time; `fetch` brings one: resumed
after any interruption, retried with patience, and checked before it gets its name.
"""

from __future__ import annotations

from curator.download.batch import Outcome, fetch_all, local_folder
from curator.download.commoncrawl import CRAWLS, crawl_files
from curator.download.connection import DownloadError, Session
from curator.download.part import Wanted
from curator.download.progress import Shown
from curator.download.wikipedia import DUMPS, bring_wikipedia

__all__ = ["CRAWLS", "DUMPS", "DownloadError", "Outcome", "Session", "Shown", "Wanted"]
__all__ += ["bring_wikipedia", "crawl_files", "fetch_all", "local_folder"]
