"""The real corpora from their authors: download, verify, unpack.

:func:`fetch` brings one archive and unpacks it beside the others, in the layout that
:mod:`metanet_lib.corpora` reads. A download that breaks off goes on where it stopped, within the
call and from call to call; nothing is unpacked whose checksum is wrong; an archive is unpacked in a
folder of its own and refused if any member could land elsewhere; and only what is whole takes its
place. :data:`ARCHIVES` says what there is, under which terms, and whom to cite.
"""

import logging
import shutil
import stat
import tarfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

import pooch
import requests
from tqdm import tqdm

from metanet_lib.corpora.reading import CorpusError

ATTEMPTS = 4
"""How often in a row a download may bring nothing new before it is given up."""
WAIT = 2.0
"""Seconds before the second attempt; each further one waits twice as long."""
TIMEOUT = 30.0
"""Seconds without an answer, or without data, that count as a cut connection."""

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Archive:
    """The official archive of a corpus.

    Attributes
    ----------
    title
        What it is.
    url, checksum, size
        Where it lies; its ``algorithm:digest``; its bytes, or about as many if not ``exact``.
    exact
        Whether ``size`` is known to the byte.
    source
        Where checksum and size are stated.
    unpacked
        About how many bytes it has unpacked.
    place
        The folder it becomes, within the folder of the raw corpora.
    terms
        The licence, in our words.
    citation
        What its authors ask to be cited.
    """

    title: str
    url: str
    checksum: str
    size: int
    exact: bool
    source: str
    unpacked: int
    place: str
    terms: str
    citation: str


ARCHIVES = {
    "voc2012": Archive(
        title="PASCAL VOC2012, training and validation data",
        url="http://host.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar",
        checksum="sha256:e14f763270cf193d0b5f74b169f44157a4b0c6efa708f4dd0ff78ee691763bcb",
        size=1_999_639_040,
        exact=True,
        source="TensorFlow Datasets, checksums of voc; torchvision names the MD5 "
        "6cd6e144f989b92b3379bac3b3de84fd",
        unpacked=2_000_000_000,
        place="VOCdevkit/VOC2012",
        terms="for research; the photographs are from flickr, under its terms of use and those of "
        "each photographer",
        citation="Everingham, Van Gool, Williams, Winn, Zisserman: The PASCAL Visual Object "
        "Classes Challenge 2012 (VOC2012)",
    ),
    "urbansound8k": Archive(
        title="UrbanSound8K",
        url="https://zenodo.org/records/1203745/files/UrbanSound8K.tar.gz",
        checksum="md5:9aa69802bbf37fb986f71ec1483a196e",
        size=6_023_741_708,
        exact=True,
        source="Zenodo record 1203745; soundata, module urbansound8k",
        unpacked=7_100_000_000,
        place="UrbanSound8K",
        terms="Creative Commons Attribution-NonCommercial; the recordings are from Freesound, each "
        "with its uploader's terms",
        citation="Salamon, Jacoby, Bello: A Dataset and Taxonomy for Urban Sound Research, ACM "
        "Multimedia 2014",
    ),
    "irmas": Archive(
        title="IRMAS, training data",
        url="https://zenodo.org/records/1290750/files/IRMAS-TrainingData.zip",
        checksum="md5:4fd9f5ed5a18d8e2687e6360b5f60afe",
        size=3_200_000_000,
        exact=False,
        source="Zenodo record 1290750; mirdata, module irmas",
        unpacked=3_600_000_000,
        place="IRMAS-TrainingData",
        terms="Creative Commons Attribution-NonCommercial-ShareAlike 3.0; it may be neither "
        "redistributed nor modified",
        citation="Bosch, Janer, Fuhrmann, Herrera: A Comparison of Sound Segregation Techniques "
        "for Predominant Instrument Recognition in Musical Audio Signals, ISMIR 2012",
    ),
}
"""The official archives, by the names that ``metanet data fetch`` knows them by."""


def notice(archive: Archive, url: str | None = None) -> str:
    """Return what is to be known before a download: what, how large, whose, under which terms."""
    size = f"{'' if archive.exact else 'about '}{archive.size / 1e9:.1f} GB"
    return "\n".join(
        [
            f"{archive.title}: {size}, from {url or archive.url}",
            f"Terms: {archive.terms}.",
            f"Cite:  {archive.citation}.",
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
        ``sha256:...`` or ``md5:...``: what an archive packed otherwise must have.

    Returns
    -------
    Path or None
        The folder of the corpus, or None if it was there before.

    Raises
    ------
    CorpusError
        If the checksum is wrong, a member of the archive is refused, or the archive holds something
        else. Nothing is unpacked then.
    OSError
        If the archive cannot be had. What has come so far is kept for the next call.
    """
    archive = ARCHIVES[name]
    root, url, checksum = Path(root), url or archive.url, checksum or archive.checksum
    place = root / archive.place
    if place.exists():
        return None
    root.mkdir(parents=True, exist_ok=True)
    file = root / PurePosixPath(archive.url).name
    if checksum == archive.checksum:
        _check_space(root, archive, file)
    _download(url, checksum, file)
    with _unpacked(file, root / f".{name}.unpacking") as unpacked:
        found = _find(unpacked, archive.place, file)
        place.parent.mkdir(parents=True, exist_ok=True)
        found.replace(place)
    file.unlink()
    return place


def _check_space(root: Path, archive: Archive, file: Path) -> None:
    there = sum(p.stat().st_size for p in (file, _part(file)) if p.exists())
    needed = archive.size - there + archive.unpacked
    free = shutil.disk_usage(root).free
    if free < needed:
        raise OSError(
            f"{root}: expected {needed / 1e9:.1f} GB of free space for {archive.title}, packed "
            f"and unpacked, found {free / 1e9:.1f} GB; make room, or choose another folder"
        )


# --- Download ---------------------------------------------------------------------------------


def _part(file: Path) -> Path:
    return file.with_name(f"{file.name}.part")


def _download(url: str, checksum: str, file: Path) -> None:
    """Bring a file, if it is not there with this checksum."""
    algorithm, _, digest = checksum.partition(":")
    if algorithm not in ("md5", "sha256") or not digest:
        raise ValueError(f"a checksum is md5:... or sha256:..., got {checksum!r}")
    pooch.get_logger().setLevel(logging.ERROR)

    def downloader(url: str, output_file: str, _: Any) -> None:
        _resume(url, _part(file))
        _part(file).replace(output_file)

    try:
        pooch.retrieve(url, checksum.lower(), file.name, file.parent, downloader=downloader)
    except ValueError as error:  # pooch has removed what it verified
        raise CorpusError(
            f"{file}: expected the {algorithm} {digest}, found another; what came from {url} is "
            "not the archive it should be, or was damaged on its way; it was removed and nothing "
            "was unpacked; fetch it again, or from another place with --url"
        ) from error


def _resume(url: str, part: Path) -> None:
    """Bring the rest of a file, again and again while something new comes."""
    failures = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            _bring(url, part)
            return
        except _REFUSED as error:
            raise OSError(f"{url}: {error}; {_OTHERWISE}") from error
        except requests.RequestException as error:
            after = part.stat().st_size if part.exists() else 0
            failures = 1 if after > before else failures + 1
            if failures >= ATTEMPTS:
                raise OSError(
                    f"{url}: the connection fails ({error}); {after:,} bytes are kept in {part}, "
                    f"the same command goes on from there; {_OTHERWISE}"
                ) from error
            time.sleep(WAIT * 2 ** (failures - 1))


_REFUSED = (requests.HTTPError, requests.exceptions.InvalidURL, requests.exceptions.MissingSchema)
_TRY_AGAIN = (429, 500, 502, 503, 504)
_OTHERWISE = "--url names another place to fetch it from, or unpack it by hand"


def _bring(url: str, part: Path) -> None:
    """Ask once for the bytes that are missing and append them; start anew if they differ."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable:
            if answer.headers.get("Content-Range") == f"bytes */{have}":
                return
            part.unlink()
            raise requests.ConnectionError("what had come before is not of this file")
        if answer.status_code in _TRY_AGAIN:
            raise requests.ConnectionError(f"{answer.status_code} {answer.reason}")
        answer.raise_for_status()
        if answer.status_code != requests.codes.partial_content:
            have = 0
        rest = answer.headers.get("Content-Length")
        total = have + int(rest) if rest else None
        bar = tqdm(
            total=total, initial=have, desc=part.stem, unit="B", unit_scale=True, disable=None
        )
        with bar, open(part, "ab" if have else "wb") as file:
            for block in answer.iter_content(_BLOCK):
                file.write(block)
                bar.update(len(block))
        if total is not None and part.stat().st_size < total:
            raise requests.ConnectionError("the connection was cut")


# --- Unpack -----------------------------------------------------------------------------------


@contextmanager
def _unpacked(file: Path, folder: Path) -> Iterator[Path]:
    """Unpack an archive into a folder that is there for the block only."""
    shutil.rmtree(folder, ignore_errors=True)  # left by a killed run
    folder.mkdir()
    try:
        with tqdm(desc="unpacking", unit="file", disable=None) as bar:
            for name, content in _members(file):
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with content, open(target, "wb") as out:
                    shutil.copyfileobj(content, out, _BLOCK)
                bar.update()
        yield folder
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise CorpusError(f"{file}: a damaged archive ({error}); fetch it again") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _members(file: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield name and content of each file in an archive, without the leftovers of macOS.

    Raises
    ------
    CorpusError
        At the first member that is no plain file or folder, or could land elsewhere.
    """
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as packed:
            for entry in packed.infolist():
                kind = stat.S_IFMT(entry.external_attr >> 16)
                plain = kind in (0, stat.S_IFREG, stat.S_IFDIR) and not entry.flag_bits & 1
                _check_member(file, entry.filename, plain)
                if not entry.is_dir() and _wanted(entry.filename):
                    yield entry.filename, packed.open(entry)
        return
    with tarfile.open(file) as tar:
        for member in tar:
            _check_member(file, member.name, member.isreg() or member.isdir())
            content = tar.extractfile(member)
            if content is not None and _wanted(member.name):
                yield member.name, content


def _check_member(file: Path, name: str, plain: bool) -> None:
    path = PurePosixPath(name)
    safe = not path.is_absolute() and ".." not in path.parts and not set(name) & {"\\", ":", "\0"}
    if not (plain and safe):
        what = "leads out of its folder" if plain else "is a link, a device or encrypted"
        raise CorpusError(
            f"{file}: its member {name!r} {what}; the archive is refused, nothing was unpacked"
        )


def _wanted(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and "__MACOSX" not in parts and not parts[-1].startswith("._")


def _find(unpacked: Path, place: str, file: Path) -> Path:
    """Return the corpus in what was unpacked: at the top, or one folder below."""
    for folder in (unpacked, *sorted(p for p in unpacked.iterdir() if p.is_dir())):
        if (folder / place).is_dir():
            return folder / place
    there = ", ".join(sorted(p.name for p in unpacked.iterdir())[:5]) or "nothing"
    raise CorpusError(
        f"{file}: expected the folder {place} in it, found {there}; is it another archive?"
    )
