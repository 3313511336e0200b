"""`download`: raw dumps from the internet."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from curator.cli.errors import complaining, console

commands = typer.Typer(
    help="Bring raw dumps from the internet: Common Crawl, Wikipedia. Stopped downloads go on; every file is checked.",
    no_args_is_help=True,
)
Connections = Annotated[int, typer.Option("--connections", help="Files at a time. Both hosts ask for few.", min=1, max=8)]
Tries = Annotated[int, typer.Option("--tries", help="Give up after so many failures in a row.", min=1)]
Rehash = Annotated[bool, typer.Option("--verify", help="Hash files that are there already again, and bring what is damaged.")]


@commands.command("commoncrawl")
def download_commoncrawl(
    crawl: Annotated[str, typer.Option("--crawl", help="A crawl, such as CC-MAIN-2024-10.", metavar="NAME")],
    files: Annotated[
        int, typer.Option("--files", help="How many, evenly spread over the crawl; a larger number keeps these.", min=1)
    ],
    kind: Annotated[Literal["warc", "wet"], typer.Option("--kind", help="Pages as they came, or as text.")] = "warc",
    to: Annotated[str, typer.Option("--to", help="The folder to write into.", metavar="DIR")] = "data/cc",
    connections: Connections = 2,
    tries: Tries = 8,
    verify: Rehash = False,
    base_url: Annotated[
        str | None,
        typer.Option("--base-url", help="Another host with these paths.", envvar="CURATOR_COMMONCRAWL_URL", metavar="URL"),
    ] = None,
) -> None:
    """Bring a sample of a Common Crawl snapshot, for `read: warc` (or `wet`) `from: data/cc/*.warc.gz`."""
    with complaining():
        from curator.download import CRAWLS, Session, Shown, crawl_files, fetch_all, local_folder

        shown, folder = Shown(console), local_folder(to)
        session = Session(tries=tries, note=shown.note)
        wanted = crawl_files(session, crawl, files, kind, base_url or CRAWLS)
        outcome = fetch_all(wanted, folder, session, shown, connections=connections, verify=verify)
        console.print(f"{outcome} of {crawl} in {to.rstrip('/')}/", highlight=False)


@commands.command("wikipedia")
def download_wikipedia(
    lang: Annotated[str, typer.Option("--lang", help="The code of its address: zh, en, zh-yue.", metavar="CODE")],
    date: Annotated[str, typer.Option("--date", help="`latest`, or the day of a dump.", metavar="YYYYMMDD")] = "latest",
    to: Annotated[str, typer.Option("--to", help="The folder to write into.", metavar="DIR")] = "data",
    connections: Connections = 2,
    tries: Tries = 8,
    verify: Rehash = False,
    base_url: Annotated[
        str | None, typer.Option("--base-url", help="A mirror of the dumps.", envvar="CURATOR_WIKIPEDIA_URL", metavar="URL")
    ] = None,
) -> None:
    """Bring the articles of a Wikipedia (multistream dump), for `read: wikipedia` `from: data/zhwiki-*.xml*.bz2`."""
    with complaining():
        from curator.download import DUMPS, Session, Shown, bring_wikipedia, local_folder

        shown, folder = Shown(console), local_folder(to)
        session = Session(tries=tries, note=shown.note)
        found, outcome = bring_wikipedia(
            session, shown, folder, lang, date, base_url or DUMPS, connections=connections, verify=verify
        )
        console.print(f"{outcome} of {found} in {to.rstrip('/')}/", highlight=False)
