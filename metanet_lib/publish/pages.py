"""What the site's pages have beyond the theme's: ways to edit each, to read it and to share it.

A Sphinx extension, named in ``_config.yml``. The theme's own edit button is of no use here: it
needs a forge, and would lead to executed notebooks instead of scripts. This one leads to the
*source* of a page: a chapter's script, or the Markdown file of a page of prose. If ``repository:
url:`` in ``_config.yml`` names the forge where the project lives, it opens that forge's editor; as
long as it names none, it opens a copy of the source within the site. In the same way ``html:
baseurl`` says where the site stands; then the preview of a shared link has addresses in full, as
those who draw previews ask.
"""

import re
import shutil
from functools import cache
from inspect import isroutine
from itertools import pairwise
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

from metanet_lib.workers import cores

EDITORS = {"github": "edit", "gitlab": "-/edit", "codeberg": "_edit"}
"""Words of a forge's address, and its path to the editor."""

# The theme draws its dozen icons from a font and makes no use of this script, 1.5 MB. The scripts
# of the search are for the page of the search; the theme names them on every page.
_ICONS = re.compile(r'\s*<script[^>]* src="[^"]*/fontawesome\.js[^"]*"></script>')
_SEARCH = re.compile(
    r'\s*<script[^>]* src="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*"></script>'
)
# The picture that those who share a link are shown.
_PICTURE = re.compile(r'(<meta content=")([^":]*)(?=" property="og:image")')
# Extensions that do not say whether pages may be read side by side: they work once all are read.
_AFTER_READING = ("sphinx_multitoc_numbering", "sphinx_jupyterbook_latex")


def source(page: str) -> str | None:
    """Return the file that a page is written in, or none if no person writes it.

    Parameters
    ----------
    page
        Its name in the site, such as ``notebooks/04_modality``.

    Examples
    --------
    >>> print(source("genindex"))
    None
    """
    if page == "index":
        return "book/index.md"
    if page.startswith("notebooks/"):
        return f"{page}.py"
    return f"{page}.md" if page.startswith("book/") else None


def editor(file: str, repository: str, branch: str) -> str:
    """Return the address at which a forge lets one edit a file.

    Raises
    ------
    ValueError
        If the forge is none of :data:`EDITORS`.

    Examples
    --------
    >>> editor("book/running.md", "https://github.com/owner/name", "main")
    'https://github.com/owner/name/edit/main/book/running.md'
    """
    path = next((path for word, path in EDITORS.items() if word in repository), None)
    if path is None:
        known = ", ".join(EDITORS)
        raise ValueError(
            f"_config.yml, repository: url: {repository}: expected an address of {known}; "
            "EDITORS in metanet_lib/publish/pages.py is where another forge is added"
        )
    return f"{repository.rstrip('/')}/{path}/{branch}/{file}"


def preview(tags: str, site: str) -> str:
    """Return a page's Open Graph tags with the address of its picture in full.

    Parameters
    ----------
    tags
        HTML in which the picture's address is relative to the site.
    site
        The address of the site; if empty, the tags stay as they are.

    Examples
    --------
    >>> preview('<meta content="map.png" property="og:image" />', "https://book.example/paper/")
    '<meta content="https://book.example/paper/map.png" property="og:image" />'
    """
    if not site:
        return tags
    return _PICTURE.sub(rf"\g<1>{site.rstrip('/')}/\g<2>", tags)


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell Sphinx what to call; it asks this of every extension.

    Examples
    --------
    >>> from unittest.mock import Mock
    >>> setup(Mock())["parallel_read_safe"]
    True
    """
    app.add_transform(_Words)
    app.connect("autodoc-skip-member", _skip_imported)
    app.connect("env-before-read-docs", _work_side_by_side)
    app.connect("html-page-context", _offer_editing, priority=900)  # after the theme's buttons
    app.connect("html-page-context", _preview)
    app.connect("build-finished", _finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class _Words(SphinxTransform):
    """Links the first use of each word of the glossary in a chapter to what it means."""

    default_priority = 400  # before Sphinx resolves what refers to other pages

    def apply(self, **keywords: Any) -> None:
        """Look through a chapter's paragraphs, in reading order."""
        if not self.env.docname.startswith("notebooks/"):
            return
        words = glossary(Path(self.env.srcdir) / "book" / "glossary.md")
        waiting = {word: re.compile(rf"\b{word}\b", re.IGNORECASE) for word in words}
        for paragraph in list(self.document.findall(nodes.paragraph)):
            for text in [child for child in paragraph if isinstance(child, nodes.Text)]:
                self._link(text, waiting)

    def _link(self, text: nodes.Text, waiting: dict[str, re.Pattern[str]]) -> None:
        found = {word: hit for word, pattern in waiting.items() if (hit := pattern.search(text))}
        if not found:
            return
        word, hit = min(found.items(), key=lambda item: (item[1].start(), -item[1].end()))
        del waiting[word]
        link = addnodes.pending_xref(
            "", nodes.inline("", hit[0]), refdomain="std", reftype="term", reftarget=word
        )
        link["refdoc"], link["refwarn"], link["classes"] = self.env.docname, True, ["word"]
        rest = nodes.Text(text[hit.end() :])
        text.parent.replace(text, [nodes.Text(text[: hit.start()]), link, rest])
        self._link(rest, waiting)


@cache
def glossary(page: Path) -> tuple[str, ...]:
    r"""Return the words that a page explains.

    Examples
    --------
    >>> _ = (folder / "words.md").write_text("model zoo\n  The models to interpret.")
    >>> glossary(folder / "words.md")
    ('model zoo',)
    """
    lines = page.read_text().splitlines()
    return tuple(
        word
        for word, meaning in pairwise(lines)
        if meaning.startswith("  ") and not word.startswith(" ")
    )


def _skip_imported(
    app: Sphinx, what: str, name: str, member: Any, skip: bool, options: Any
) -> bool | None:
    """Skip what a module imports before its source is read, not after."""
    has_home = isinstance(member, type) or isroutine(member)
    if what == "module" and has_home and member.__module__ != app.env.temp_data["autodoc:module"]:
        return True
    return None


def _work_side_by_side(app: Sphinx, environment: Any, pages: list[str]) -> None:
    """Have as many processes as cores read and write the pages; the order deals them out."""
    app.parallel = 1 + cores()  # one of them only hands the pages out
    for name in _AFTER_READING:
        app.extensions[name].parallel_read_safe = True
    pages.sort(key=lambda page: not page.startswith("book/api/"))  # these take most
    shares = -(-len(pages) // 10)  # Sphinx gives a process ten at a time
    pages[:] = [page for first in range(shares) for page in pages[first::shares]]


def _offer_editing(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    file = source(page)
    if file is None or doctree is None:
        return
    options = app.config.html_theme_options
    repository = options.get("repository_url")
    if repository:
        link = editor(file, repository, options.get("repository_branch") or "main")
    else:
        link = f"{context['pathto']('_sources', 1)}/{file}"
    what = "chapter" if page.startswith("notebooks/") else "page"
    if what == "chapter":
        context["header_buttons"].append(
            {
                "type": "javascript",
                "javascript": "toggleCode()",  # book/_static/code.js
                "tooltip": "Show or hide all code",
                "text": "",
                "icon": "fas fa-code",
                "label": "code",
            }
        )
    context["header_buttons"].append(
        {
            "type": "link",
            "url": link,
            "tooltip": f"Edit this {what}",
            "text": "",
            "icon": "fas fa-pencil",
            "label": "edit",
        }
    )
    context["body"] += (
        f'<p class="edit"><a href="{link}">Edit this {what}</a>: its source is '
        f"<code>{file}</code>. "
        f'<a href="{context["pathto"]("book/change")}">How to change it and build it again</a>.</p>'
    )


def _preview(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    context["metatags"] = preview(context.get("metatags", ""), app.config.html_baseurl)


def _finish(app: Sphinx, failure: Exception | None) -> None:
    """Mend the pages, and lay their sources beside them."""
    if failure:
        return
    site = Path(app.outdir)
    for path in (site / "_static" / "scripts").glob("fontawesome.js*"):
        path.unlink()
    for page in site.rglob("*.html"):
        if "_static" not in page.relative_to(site).parts:
            page.write_text(_mended(page.read_text(), searches=page == site / "search.html"))
    for file in filter(None, map(source, app.env.found_docs)):
        copy = site / "_sources" / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(app.srcdir) / ("index.md" if file == "book/index.md" else file), copy)


def _mended(html: str, searches: bool) -> str:
    html = _ICONS.sub("", html)
    if not searches:
        html = _SEARCH.sub("", html)
    # An entry of a bibliography is an item of its list.
    return html.replace('role="doc-biblioentry"', 'role="listitem"')
