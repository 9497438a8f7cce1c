"""Checks of a built site, from its files alone: nothing missing, nothing from elsewhere.

:func:`problems` returns one line for each fault, so that a test can say
``assert problems(site) == []`` and show all of them at once.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag

Page = tuple[Path, BeautifulSoup]

# What a browser loads by itself, unlike a link, which waits for the reader.
LOADED = {
    "script": "src",
    "link": "href",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "object": "data",
    "embed": "src",
}
FETCH = re.compile(
    r"(?:@import\s+|\b(?:url|fetch|import)\(|\bsrc\s*=|_URL\s*=)\s*"
    r"""(?:url\()?["']?((?:https?:)?//[^"')\s]+)"""
)
LINK_THAT_LOADS_NOTHING = {"search", "next", "prev", "canonical", "author", "index"}


def pages(site: Path) -> list[Page]:
    """Parse every HTML page of a site, except fragments in ``_static``."""
    return [
        (path, _parsed(path, path.stat().st_mtime_ns))
        for path in sorted(site.rglob("*.html"))
        if "_static" not in path.relative_to(site).parts
    ]


@lru_cache(maxsize=100)
def _parsed(path: Path, written: int) -> BeautifulSoup:
    """Parse a page as it was written at a time; checks read it and change nothing."""
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def problems(site: Path) -> list[str]:
    """List everything that is wrong with a site: requests, links, images."""
    return [*external_requests(site), *broken_links(site), *images_without_text(site)]


def external_requests(site: Path) -> list[str]:
    """List what a page would load from another place than the site, also by style or script."""
    faults = [
        f"{path.relative_to(site)}: <{tag.name}> {target}"
        for path, soup in pages(site)
        for tag, target in _loaded(soup)
        if _is_external(target)
    ]
    for path, soup in pages(site):
        inline = " ".join(tag.get_text() for tag in soup(["script", "style"]))
        attributes = " ".join(str(tag["style"]) for tag in soup(style=True))
        faults += [f"{path.relative_to(site)}: {word}" for word in _fetches(inline + attributes)]
    for path in sorted(site.rglob("*.css")):
        faults += [f"{path.relative_to(site)}: {word}" for word in _fetches(path.read_text())]
    return faults


def broken_links(site: Path) -> list[str]:
    """List links, images, scripts and styles within the site whose target is not there.

    Of a link to a part of a page, the part is looked for too.
    """
    parsed = pages(site)
    anchors = {path.resolve(): _anchors(soup) for path, soup in parsed}
    faults = []
    for path, soup in parsed:
        links = ((tag, str(tag["href"])) for tag in soup("a", href=True))
        for tag, target in [*links, *_loaded(soup)]:
            parts = urlsplit(target)
            if _is_external(target) or parts.scheme:
                continue
            goal = (path.parent / unquote(parts.path)).resolve() if parts.path else path.resolve()
            goal = goal / "index.html" if goal.is_dir() else goal
            part = unquote(parts.fragment)
            there = goal.is_file() and (not part or part in anchors.get(goal, {part}))
            if not there:
                faults.append(f"{path.relative_to(site)}: <{tag.name}> {target}")
    return faults


def images_without_text(site: Path) -> list[str]:
    """List images that have no alternative text."""
    return [
        f"{path.relative_to(site)}: {str(image.get('src'))[:80]}"
        for path, soup in pages(site)
        for image in soup("img")
        if not str(image.get("alt") or "").strip()
    ]


def _loaded(soup: BeautifulSoup) -> Iterator[tuple[Tag, str]]:
    for name, attribute in LOADED.items():
        for tag in soup(name, attrs={attribute: True}):
            if name != "link" or not LINK_THAT_LOADS_NOTHING & set(tag.get("rel") or []):
                yield tag, str(tag[attribute])


def _is_external(target: str) -> bool:
    return target.startswith("//") or urlsplit(target).scheme in (
        "http",
        "https",
        "ftp",
        "ws",
        "wss",
    )


def _fetches(code: str) -> list[str]:
    """List web addresses that a style or an inline script loads."""
    return [match[1] for match in FETCH.finditer(code)]


def _anchors(soup: BeautifulSoup) -> set[str]:
    return (
        {str(tag["id"]) for tag in soup(id=True)}
        | {str(t["name"]) for t in soup("a", attrs={"name": True})}
        | {"top"}
    )
