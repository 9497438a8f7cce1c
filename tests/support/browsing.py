"""A built site in a headless Chromium, with the network beyond this machine closed.

The claims of ``tests/publish/test_browser.py`` stand on it. Run as a program (``make
test-site`` does), it sees to it that there is a Chromium, or says what to do.
"""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# A browser in a container has no sandbox, and of itself it asks its maker for updates.
OPTIONS = ("--no-sandbox", "--disable-background-networking", "--disable-component-update")
HELP = (
    "no Chromium: install the package `chromium` of your system, or Google Chrome, or run "
    "`.venv/bin/playwright install --with-deps chromium`; or name the one you have: "
    "make test-site CHROMIUM=/path/to/it"
)


def installed_chromium() -> str | None:
    """Return the path of a Chromium: ``$CHROMIUM``, the system's, or Playwright's own."""
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    named = os.environ.get("CHROMIUM")
    places = [named] if named else [*map(shutil.which, PROGRAMS), own]
    return next((place for place in places if place and Path(place).is_file()), None)


def install_chromium() -> None:
    """Install a Chromium unless there is one: from Debian as root, or else Playwright's own."""
    if installed_chromium():
        return
    if shutil.which("apt-get") and os.geteuid() == 0:
        subprocess.run(["apt-get", "update", "-qq"])
        install = ["apt-get", "install", "--yes", "-qq", "--no-install-recommends", "chromium"]
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(install, env=environment, stdout=subprocess.DEVNULL)
    if not installed_chromium():
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"])
    if not installed_chromium():
        raise SystemExit(HELP)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a headless Chromium."""
    path = installed_chromium()
    if path is None:
        raise FileNotFoundError(HELP)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield browser
        browser.close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        pass


@contextmanager
def served(site: Path) -> Iterator[str]:
    """Serve a site on this machine alone; yield its address, which ends in a slash."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@dataclass
class Reader:
    """Somebody who reads the site in one browser window, and notes what goes wrong.

    Attributes
    ----------
    faults
        Since the last page was opened: requests that left the site (they are stopped), requests
        that failed, errors on the console.
    loaded
        Since then: the files of the site that the browser asked for.
    """

    page: Page
    base: str
    faults: list[str] = field(default_factory=list)
    loaded: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.route(
            "**/*",
            lambda route: route.continue_() if self._own(route.request.url) else route.abort(),
        )
        self.page.on("request", self._note_request)
        self.page.on("response", self._note_response)
        self.page.on("console", self._note_console)
        self.page.on("pageerror", lambda error: self.faults.append(f"script error: {error}"))

    def open(self, name: str) -> Page:
        """Open a page and wait until it and all it loads are there."""
        self.faults.clear()
        self.loaded.clear()
        self.page.goto(self.base + name, wait_until="load")
        self.page.evaluate(
            """async () => {
                await document.fonts.ready;
                for (const image of document.images) {
                    image.loading = "eager";
                    await image.decode().catch(() => {});
                }
            }"""
        )
        return self.page

    def _own(self, url: str) -> bool:
        return url.startswith((self.base, "data:", "blob:"))

    def _note_request(self, request: Request) -> None:
        if not self._own(request.url):
            self.faults.append(f"left the site: {request.url}")
        elif request.url.startswith(self.base):
            self.loaded.add(unquote(urlsplit(request.url.removeprefix(self.base)).path))

    def _note_response(self, response: Response) -> None:
        if response.status >= 400:
            self.faults.append(f"{response.status}: {response.url.removeprefix(self.base)}")

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(f"console: {message.text}")


@contextmanager
def reading(
    browser: Browser, base: str, width: int = 1400, scheme: str = "light", touch: bool = False
) -> Iterator[Reader]:
    """Open a window ``width`` pixels wide, in a light or dark colour scheme.

    ``touch`` makes it a phone's: a finger points, and nothing hovers.
    """
    page = browser.new_page(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        has_touch=touch,
        is_mobile=touch,
    )
    yield Reader(page, base)
    page.close()


if __name__ == "__main__":
    install_chromium()
