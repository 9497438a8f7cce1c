"""The real corpora from their authors: download, verify, unpack.

:func:`fetch` brings one archive and unpacks it as :mod:`metanet_lib.data.corpora` reads it. A
download that breaks off goes on where it stopped, within the call and from call to call; nothing is
unpacked whose checksum is wrong; an archive is unpacked in a folder of its own and refused whole
if any member could land elsewhere; and only what is whole takes its place. :data:`ARCHIVES` says
what there is, under which terms, and whom to cite.
"""

import logging
import lzma
import os
import re
import shutil
import stat
import tarfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from gzip import BadGzipFile
from pathlib import Path, PurePosixPath
from typing import IO, Any

import pooch
import requests
from urllib3.exceptions import HTTPError

from metanet_lib.data.corpora.reading import CorpusError
from metanet_lib.workers import progress_bar

ATTEMPTS = 5
"""How often in a row a download may bring nothing new before it is given up."""
WAIT = 1.0
"""Seconds before the second attempt; each further one waits twice as long."""
TIMEOUT = 30.0
"""Seconds without an answer, or without data, that count as a cut connection."""

_BLOCK = 1 << 16
_DIGITS = {"md5": 32, "sha256": 64}
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, BadGzipFile, zlib.error, lzma.LZMAError, EOFError)


@dataclass(frozen=True)
class Archive:
    """The official archive of a corpus.

    Attributes
    ----------
    title
        What it is.
    url, checksum
        Where it lies, and its ``algorithm:digest``.
    size, exact
        Its bytes, and whether they are known exactly; for people and for the check of free space.
    source
        Where the checksum and the size are stated.
    place, also
        The folder that it becomes within the folder of the raw corpora, and where else it may lie.
    terms, terms_url
        The licence in our words, and where it is stated.
    citation
        What its authors ask to be cited.

    Examples
    --------
    >>> ARCHIVES["voc2012"].size_text, ARCHIVES["voc2012"].place
    ('2.0 GB', 'VOCdevkit/VOC2012')
    """

    title: str
    url: str
    checksum: str
    size: int
    exact: bool
    source: str
    place: str
    terms: str
    terms_url: str
    citation: str
    also: str = ""

    @property
    def size_text(self) -> str:
        """The size as people read it."""
        if self.exact:
            return f"{self.size / 1e9:.1f} GB"
        return f"about {self.size / 1e9:.0f} GB"


ARCHIVES = {
    "voc2012": Archive(
        title="Pascal VOC 2012, training and validation photographs",
        url="http://host.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar",
        checksum="sha256:e14f763270cf193d0b5f74b169f44157a4b0c6efa708f4dd0ff78ee691763bcb",
        size=1_999_639_040,
        exact=True,
        source="TensorFlow Datasets, url_checksums/voc.txt: SHA-256 and size of a mirror's copy; "
        "torchvision, datasets/voc.py: MD5 6cd6e144f989b92b3379bac3b3de84fd of the same file",
        place="VOCdevkit/VOC2012",
        terms="The photographs come from flickr and stay under flickr's terms of use; the authors "
        "of VOC give no licence of their own for them.",
        terms_url="http://host.robots.ox.ac.uk/pascal/VOC/voc2012/",
        citation="M. Everingham, L. Van Gool, C. K. I. Williams, J. Winn, A. Zisserman: The PASCAL "
        "Visual Object Classes Challenge 2012 (VOC2012) Results",
    ),
    "urbansound8k": Archive(
        title="UrbanSound8K, recordings of city sounds",
        url="https://zenodo.org/records/1203745/files/UrbanSound8K.tar.gz",
        checksum="md5:9aa69802bbf37fb986f71ec1483a196e",
        size=6_023_741_708,
        exact=True,
        source="soundata, datasets/urbansound8k.py: MD5 of Zenodo record 1203745; the size is what "
        "programs on GitHub that download it expect",
        place="UrbanSound8K",
        terms="Creative Commons Attribution-NonCommercial 3.0; its FREESOUNDCREDITS.txt names who "
        "recorded each sound.",
        terms_url="https://urbansounddataset.weebly.com/urbansound8k.html",
        citation="J. Salamon, C. Jacoby, J. P. Bello: A Dataset and Taxonomy for Urban Sound "
        "Research. 22nd ACM International Conference on Multimedia, 2014, pp. 1041-1044",
    ),
    "irmas": Archive(
        title="IRMAS, training recordings of instruments",
        url="https://zenodo.org/records/1290750/files/IRMAS-TrainingData.zip",
        checksum="md5:4fd9f5ed5a18d8e2687e6360b5f60afe",
        size=3_000_000_000,
        exact=False,
        source="mirdata, datasets/irmas.py: MD5 of Zenodo record 1290750; the size is a rough one",
        place="IRMAS-TrainingData",
        terms="Creative Commons Attribution-NonCommercial-ShareAlike 3.0; its authors add that it "
        "may be neither redistributed nor modified.",
        terms_url="https://zenodo.org/records/1290750",
        citation="J. J. Bosch, J. Janer, F. Fuhrmann, P. Herrera: A Comparison of Sound "
        "Segregation Techniques for Predominant Instrument Recognition in Musical Audio Signals. "
        "ISMIR 2012, pp. 559-564",
        also="IRMAS/IRMAS-TrainingData",
    ),
}
"""The official archives, by the names that ``metanet data fetch`` knows them by."""


def notice(archive: Archive, url: str | None = None) -> str:
    """Return what is to be known before a download: what, how large, whose, under which terms.

    Examples
    --------
    >>> print(notice(ARCHIVES["irmas"]).splitlines()[0])
    IRMAS, training recordings of instruments: about 3 GB, from https://zenodo.org/...
    """
    return "\n".join(
        [
            f"{archive.title}: {archive.size_text}, from {url or archive.url}",
            f"Terms: {archive.terms} See {archive.terms_url}",
            f"Cite:  {archive.citation}",
        ]
    )


def fetch(
    name: str, root: Path | str, url: str | None = None, checksum: str | None = None
) -> Path | None:
    """Download the archive of a corpus, verify it, and unpack it into ``root``.

    Parameters
    ----------
    name
        One of :data:`ARCHIVES`.
    root
        The folder of the raw corpora; made if it is not there.
    url
        A mirror. It must serve the same bytes as the official place, unless ``checksum`` is given.
    checksum
        ``sha256:...`` or ``md5:...``: what an archive packed otherwise (tar or zip) must have.

    Returns
    -------
    Path or None
        The folder of the corpus, or None if it was there before.

    Raises
    ------
    CorpusError
        If the checksum is wrong, a member of the archive is refused, or the archive holds something
        else. Nothing is unpacked then; a download whose checksum is wrong is removed.
    OSError
        If the archive cannot be had, or there is no room. What has come so far is kept for the next
        call.

    Examples
    --------
    >>> (folder / "UrbanSound8K").mkdir()
    >>> print(fetch("urbansound8k", folder))  # it is there: nothing is downloaded
    None
    """
    archive = ARCHIVES[name]
    root, url = Path(root), url or archive.url
    checksum = (checksum or archive.checksum).lower()
    algorithm, _, digest = checksum.partition(":")
    if not re.fullmatch("[0-9a-f]+", digest) or len(digest) != _DIGITS.get(algorithm):
        raise CorpusError(f"a checksum is md5:... or sha256:..., all digits, got {checksum!r}")
    private = root / f".{name}.unpacking"
    shutil.rmtree(private, ignore_errors=True)  # left by a killed run
    if any((root / place).is_dir() for place in (archive.place, archive.also) if place):
        return None
    root.mkdir(parents=True, exist_ok=True)
    file, place = root / PurePosixPath(archive.url).name, root / archive.place
    if checksum == archive.checksum:
        _check_room(file, archive)
    private.mkdir()
    try:
        if not (file.is_file() and pooch.file_hash(str(file), algorithm) == digest):
            _download(url, checksum, file, private)
        _unpack(file, private / "content")
        corpus = _find(private / "content", archive.place, file)
        place.parent.mkdir(parents=True, exist_ok=True)
        corpus.rename(place)
    finally:
        shutil.rmtree(private, ignore_errors=True)
    file.unlink()
    return place


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _part(file: Path) -> Path:
    return file.with_name(f"{file.name}.part")


def _check_room(file: Path, archive: Archive) -> None:
    """Photographs and recordings hardly shrink when packed: room is needed for them twice."""
    needed = 2 * archive.size - max(_size(file), _size(_part(file)))
    free = shutil.disk_usage(file.parent).free
    if free < needed:
        raise OSError(
            f"{file.parent}: expected {needed / 1e9:.1f} GB of free space for {archive.title}, "
            f"packed and unpacked, found {free / 1e9:.1f} GB; make room, or choose another folder"
        )


# --- Download ---------------------------------------------------------------------------------


def _download(url: str, checksum: str, file: Path, private: Path) -> None:
    """Bring a file, verified; pooch, which removes what it is interrupted at, works on a link."""
    part = _part(file)

    def downloader(url: str, output: str, _: Any) -> None:
        _resume(url, part)
        os.unlink(output)
        try:
            os.link(part, output)
        except OSError:  # a disk that has no links
            part.rename(output)

    pooch.get_logger().setLevel(logging.ERROR)
    try:
        verified = pooch.retrieve(url, checksum, file.name, private, downloader=downloader)
    except ValueError as error:
        told = re.search(r"but got (\w+)", str(error))
        expected, found = checksum.replace(":", " "), told[1] if told else error
        part.unlink(missing_ok=True)
        raise CorpusError(
            f"{file}: expected the {expected}, found {found}; what came from {url} is another "
            "archive or was damaged on its way, so it was removed and nothing unpacked; run the "
            "command again, or name another place with --url"
        ) from error
    os.replace(verified, file)
    part.unlink(missing_ok=True)


def _resume(url: str, part: Path) -> None:
    """Bring the rest of a file, again and again while something new comes."""
    failures, reached = 0, _size(part)
    while True:
        try:
            return _bring(url, part)
        except (requests.RequestException, HTTPError) as error:
            failures = 1 if _size(part) > reached else failures + 1
            reached = max(reached, _size(part))
            hopeless = isinstance(error, ValueError | requests.HTTPError)  # a bad URL, or no file
            if hopeless or failures >= ATTEMPTS:
                raise OSError(
                    f"{url}: {_cause(error)}; {_size(part):,} bytes are kept in {part}, the same "
                    "command goes on from there; --url names another place to get the same archive "
                    "from, or get and unpack it yourself, in the layout that book/corpora.md shows"
                ) from error
            time.sleep(WAIT * 2 ** (failures - 1))


def _cause(error: BaseException) -> str:
    """Return what happened first, without all that was raised because of it."""
    while error.__context__:
        error = error.__context__
    return str(error) or type(error).__name__


def _bring(url: str, part: Path) -> None:
    """Ask once for the bytes that are missing and append them; start over where one must."""
    have = _size(part)
    # Without encoding: a server may call a .tar.gz a gzipped .tar, which would be unzipped here.
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        status, content_range = answer.status_code, answer.headers.get("Content-Range", "")
        if status == 416 and content_range == f"bytes */{have}":
            return
        elsewhere = content_range and not content_range.startswith(f"bytes {have}-")
        if status == 416 or (status == 206 and elsewhere):
            part.unlink(missing_ok=True)
            raise requests.ConnectionError("the server has another file than the one begun")
        if status in (408, 429) or status >= 500:
            raise requests.ConnectionError(f"the server answered {status} {answer.reason}")
        answer.raise_for_status()
        have = have if status == 206 else 0
        rest = answer.headers.get("Content-Length")
        total = have + int(rest) if rest else None
        bar = progress_bar(desc=part.stem, total=total, initial=have, unit="B", unit_scale=True)
        with bar, open(part, "ab" if have else "wb") as file:
            for block in answer.raw.stream(_BLOCK, decode_content=False):
                file.write(block)
                bar.update(len(block))


# --- Unpack -----------------------------------------------------------------------------------


class _Header(tarfile.TarInfo):
    """A header of a tar archive; a broken one is an error, where tarfile sees the archive's end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Header":
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if any(buf):
                raise tarfile.ReadError(f"broken header: {error}") from error
            raise


def _unpack(file: Path, folder: Path) -> None:
    """Unpack an archive into a new folder; modes, owners and the leftovers of macOS stay behind."""
    folder.mkdir()
    bar = progress_bar(desc="unpacking", total=_size(file), unit="B", unit_scale=True)
    try:
        with bar, open(file, "rb") as packed:
            is_zip = packed.read(4) == b"PK\3\4"
            packed.seek(0)
            for name, kind, content in (_zip if is_zip else _tar)(packed):
                parts = _checked(file, name, kind)
                if "__MACOSX" not in parts and not any(part.startswith("._") for part in parts):
                    target = folder.joinpath(*parts)
                    (target if content is None else target.parent).mkdir(
                        parents=True, exist_ok=True
                    )
                    if content is not None:
                        with content, open(target, "wb") as out:
                            shutil.copyfileobj(content, out, _BLOCK)
                bar.update(packed.tell() - bar.n)
    except (*_BROKEN, NotImplementedError, UnicodeDecodeError) as error:
        reason = str(error).partition("\n")[0].rstrip(":")
        raise CorpusError(
            f"{file}: a damaged archive, or neither tar nor zip ({reason}); nothing "
            "was unpacked; delete it, and get another with --url and --checksum"
        ) from error


def _zip(packed: IO[bytes]) -> Iterator[tuple[str, str, IO[bytes] | None]]:
    """Yield name and kind of each member, and the content of a file."""
    with zipfile.ZipFile(packed) as archive:
        for entry in archive.infolist():
            form = stat.S_IFMT(entry.external_attr >> 16)
            kind = "folder" if entry.is_dir() or form == stat.S_IFDIR else "file"
            if form not in (0, stat.S_IFREG, stat.S_IFDIR):
                kind = "link" if form == stat.S_IFLNK else "device"
            elif entry.flag_bits & 1:
                kind = "encrypted file"
            yield entry.orig_filename, kind, archive.open(entry) if kind == "file" else None


def _tar(packed: IO[bytes]) -> Iterator[tuple[str, str, IO[bytes] | None]]:
    """Yield name and kind of each member, and the content of a file."""
    with tarfile.open(fileobj=packed, tarinfo=_Header) as archive:
        for entry in archive:
            plain = "file" if entry.isreg() else "folder" if entry.isdir() else None
            kind = plain or ("link" if entry.issym() or entry.islnk() else "device")
            yield entry.name, kind, archive.extractfile(entry) if kind == "file" else None


def _checked(file: Path, name: str, kind: str) -> list[str]:
    """Return the parts of a member's path, if it is a file or folder that stays in its place."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    fault = ""
    if kind not in ("file", "folder"):
        fault = f"is a {kind}" if kind != "encrypted file" else "is encrypted"
    elif name.startswith("/") or ".." in parts:
        fault = "leads out of its folder"
    elif "\0" in name or "\\" in name or name[1:2] == ":" or (kind == "file" and not parts):
        fault = "has a strange name"
    if fault:
        raise CorpusError(
            f"{file}: its member {name!r} {fault}; the archive is refused, nothing was "
            "unpacked; delete it, and get another with --url and --checksum"
        )
    return parts


def _find(unpacked: Path, place: str, file: Path) -> Path:
    """Return the corpus in what was unpacked: at the top, or one folder below."""
    for folder in (unpacked, *sorted(p for p in unpacked.iterdir() if p.is_dir())):
        if (folder / place).is_dir():
            return folder / place
    there = ", ".join(sorted(p.name for p in unpacked.iterdir())[:5]) or "nothing"
    raise CorpusError(
        f"{file}: expected the folder {place} in it, found {there}; is it another archive? "
        "Delete it, and get another with --url and --checksum"
    )
