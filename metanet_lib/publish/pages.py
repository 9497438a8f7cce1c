"""What the site's pages have beyond the theme's: a way to edit each, less weight, more access.

A Sphinx extension, named in ``_config.yml``. The theme's own edit button is of no use here: it
needs a forge, and would lead to executed notebooks instead of scripts. This one leads to the
*source* of a page: a chapter's script, or the Markdown file of a page of prose. If ``repository:
url:`` in ``_config.yml`` names the forge where the project lives, it opens that forge's editor; as
long as it names none, it opens a copy of the source within the site.
"""

import re
import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

EDITORS = {"github": "edit", "gitlab": "-/edit", "codeberg": "_edit"}
"""Words of a forge's address, and its path to the editor."""

# The theme draws its dozen icons from a font and makes no use of this script, 1.5 MB. The scripts
# of the search are for the page of the search; the theme names them on every page.
_ICONS = re.compile(r'\s*<script[^>]* src="[^"]*/fontawesome\.js[^"]*"></script>')
_SEARCH = re.compile(
    r'\s*<script[^>]* src="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*"></script>'
)


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


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell Sphinx what to call; it asks this of every extension.

    Examples
    --------
    >>> from unittest.mock import Mock
    >>> setup(Mock())["parallel_read_safe"]
    True
    """
    app.connect("html-page-context", _offer_editing, priority=900)  # after the theme's buttons
    app.connect("build-finished", _finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


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
