"""Pascal VOC: photographs with image-level labels (Everingham et al.).

``ImageSets/Main/<class>_<split>.txt`` has a line for each photograph of the split: its id and a
flag, 1 if it shows the class, -1 if not, 0 if all it shows of the class is marked "difficult".
``Annotations/<id>.xml`` has the box of each object.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from os.path import basename
from pathlib import Path

from metanet_lib.data.corpora.reading import Box, CorpusError, Source, listed

YEARS = ("VOC2012", "VOC2007")


def files(
    root: Path,
    name: str,
    split: str = "trainval",
    difficult: bool = False,
    region: str = "image",
) -> list[Source]:
    """List the photographs that show a class, in the order of the listing.

    The boxes of one photograph are of one recording: its id.

    Parameters
    ----------
    root
        The folder that holds ``VOCdevkit/VOC2012`` or ``VOCdevkit/VOC2007`` (the first there is).
    name
        The class, such as ``aeroplane``.
    split
        ``train``, ``val`` or ``trainval``.
    difficult
        Whether photographs, and boxes, count that are marked "difficult".
    region
        ``image``: all of a photograph; ``box``: the boxes of the class, one source each.

    Raises
    ------
    CorpusError
        If the folder or listing is missing, or a line is not an id and a flag.

    Examples
    --------
    >>> boxes = files(corpus, "aeroplane", region="box")
    >>> boxes[0].path.suffix, len(boxes[0].box)
    ('.jpg', 4)
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
    sources = []
    for number, image_id, flag in _lines(listing):
        if flag not in wanted:
            continue
        photograph = year / "JPEGImages" / f"{image_id}.jpg"
        source = listed(photograph, f"line {number} of {listing.relative_to(root)}", image_id)
        if region == "image" or source.problem:
            sources.append(source)
        else:
            sources += _boxes(source, year / "Annotations" / f"{image_id}.xml", name, difficult)
    return sources


def _lines(listing: Path) -> Iterator[tuple[int, str, str]]:
    """Yield number, image id and flag of each line."""
    if not listing.is_file():
        raise CorpusError(f"{listing}: no such listing; unpack all of Pascal VOC's ImageSets")
    for number, line in enumerate(listing.read_text(errors="replace").splitlines(), 1):
        match line.split():
            case [image_id, ("1" | "0" | "-1") as flag] if basename(image_id) == image_id:
                yield number, image_id, flag
            case []:
                continue
            case _:
                raise CorpusError(
                    f"{listing}, line {number}: expected an id and a flag 1, 0 or -1, "
                    f"found {line!r}; unpack the file again"
                )


def _boxes(photograph: Source, annotation: Path, name: str, difficult: bool) -> list[Source]:
    """Return one source for each box of a class; the corpus counts pixels from 1, ends included."""
    try:
        boxes: list[Box] = []
        for thing in ET.parse(annotation).iter("object"):
            if thing.findtext("name") == name and (
                difficult or thing.findtext("difficult", "0").strip() != "1"
            ):
                sides = (thing.findtext(f"bndbox/{s}") for s in ("xmin", "ymin", "xmax", "ymax"))
                left, top, right, bottom = (round(float(side or "none")) for side in sides)
                boxes.append((left - 1, top - 1, right, bottom))
    except (OSError, ValueError, ET.ParseError) as error:
        reason = f"cannot read its boxes in {annotation.name} ({error})"
        return [photograph._replace(problem=reason)]
    return [photograph._replace(box=box) for box in boxes]
