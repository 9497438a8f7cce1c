"""The theme's icons, cut down to the dozen that the pages use: 3 KB in place of 1.6 MB.

The theme draws its icons twice: with a script, whose place ``book/_static/scripts/fontawesome.js``
takes, and with a font of 1,400 icons, from which :func:`keep_used_icons` takes what is not used.
"""

import re
from pathlib import Path

from fontTools.subset import Subsetter
from fontTools.ttLib import TTFont

_STYLE = "styles/pydata-sphinx-theme.css"
_FONT = "vendor/fontawesome/webfonts/fa-solid-900"
_ICON = re.compile(r"\bfa-[a-z0-9-]+")
_CODE = re.compile(r'((?:\.fa-[a-z0-9-]+:before,?)+)\{content:"\\([0-9a-f]+)"\}')


def keep_used_icons(pages: Path) -> None:
    """Cut the font of icons of a built site down to those that its pages and scripts name.

    Parameters
    ----------
    pages
        The folder of the site. The theme's style sheet there is changed to load the smaller font.
    """
    static = pages / "_static"
    named = [*pages.rglob("*.html"), *(static / "scripts").glob("*theme.js")]
    used = {icon for file in named for icon in _ICON.findall(file.read_text())}
    style = (static / _STYLE).read_text()
    codes = [
        int(code, 16) for icons, code in _CODE.findall(style) if used & set(_ICON.findall(icons))
    ]
    cut = Subsetter()
    cut.populate(unicodes=codes)
    font = static / f"{_FONT}.ttf"
    with TTFont(font) as whole:
        cut.subset(whole)
        whole.save(font)
    compressed = f'url(../{_FONT}.woff2) format("woff2"),'
    (static / _STYLE).write_text(style.replace(compressed, ""))
    (static / f"{_FONT}.woff2").unlink()
