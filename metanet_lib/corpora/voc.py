"""Pascal VOC: photographs with image-level labels (Everingham et al.).

``ImageSets/Main/<class>_<split>.txt`` has a line for each photograph of the split: its id and a
flag, 1 if it shows the class, -1 if not, 0 if all it shows of the class is marked "difficult".
"""

from collections.abc import Iterator
from pathlib import Path

from metanet_lib.corpora.reading import CorpusError, existing

YEARS = ("VOC2012", "VOC2007")


def files(root: Path, name: str, split: str = "trainval", difficult: bool = False) -> list[Path]:
    """List the photographs that show a class, in the order of the listing.

    Parameters
    ----------
    root
        The folder that holds ``VOCdevkit/VOC2012`` or ``VOCdevkit/VOC2007`` (the first there is).
    name
        The class, such as ``aeroplane``.
    split
        ``train``, ``val`` or ``trainval``.
    difficult
        Whether photographs count in which the class has only "difficult" objects.

    Raises
    ------
    CorpusError
        If the folder or listing is missing, a line is not an id and a flag, or a photograph that
        counts does not exist.
    """
    devkit = root / "VOCdevkit"
    year = next((devkit / year for year in YEARS if (devkit / year).is_dir()), None)
    if year is None:
        raise CorpusError(
            f"{devkit}: expected the folder {' or '.join(YEARS)} in it, found neither; "
            f"unpack Pascal VOC into {root}"
        )
    listing = year / "ImageSets" / "Main" / f"{name}_{split}.txt"
    wanted = {"1", "0"} if difficult else {"1"}
    positives = [image_id for image_id, flag in _lines(listing) if flag in wanted]
    return existing((year / "JPEGImages" / f"{i}.jpg" for i in positives), listing)


def _lines(listing: Path) -> Iterator[tuple[str, str]]:
    if not listing.is_file():
        raise CorpusError(f"{listing}: no such listing; unpack all of Pascal VOC's ImageSets")
    for number, line in enumerate(listing.read_text().splitlines(), 1):
        match line.split():
            case [image_id, ("1" | "0" | "-1") as flag]:
                yield image_id, flag
            case []:
                continue
            case _:
                raise CorpusError(
                    f"{listing}, line {number}: expected an id and a flag 1, 0 or -1, "
                    f"found {line!r}; unpack the file again"
                )
