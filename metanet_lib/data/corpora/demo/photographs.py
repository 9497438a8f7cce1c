"""Synthetic photographs: dead leaves, the simplest pictures with the statistics of natural ones.

Opaque *leaves* whose sizes follow a power law fall upon each other until nothing is left bare. What
remains has the edges, the 1/f spectrum and the strong correlation of neighbours that photographs
have. A *surface* is a law of leaves; the tables in ``looks`` give one to every scene and to every
class of Pascal VOC. A photograph is a scene above and a scene below a horizon, with objects in
front, so classes share surroundings as real ones do, and differ in what stands there.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from metanet_lib.data.corpora.demo.looks import LOOKS, SCENES, Surface

Array = NDArray[np.float32]


class Thing(NamedTuple):
    """An object in a photograph: its class, its box in pixels, and whether it is hard to see.

    Examples
    --------
    >>> Thing("cat", (10, 10, 90, 60), False).name
    'cat'
    """

    name: str
    box: tuple[int, int, int, int]  # left, top, right, bottom
    difficult: bool


class Photograph(NamedTuple):
    """A picture, uint8 ``[height, width, 3]`` as Y, Cb, Cr, and the objects it shows.

    Examples
    --------
    >>> cat = Thing("cat", (10, 10, 90, 60), False)
    >>> Photograph(np.zeros((60, 90, 3), np.uint8), [cat]).things[0].name
    'cat'
    """

    pixels: NDArray[np.uint8]
    things: list[Thing]


def photograph(rng: Generator, name: str, noise: Array) -> Photograph:
    """Take a photograph of a class; ``noise`` is a tile of :func:`pink_noise`.

    Three in ten also show an object of another class, and a third of these is "difficult": small.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> taken = photograph(rng, "aeroplane", pink_noise(rng))
    >>> taken.pixels.dtype, taken.things[0].name
    (dtype('uint8'), 'aeroplane')
    """
    height, width = ((240, 320), (240, 320), (214, 320), (320, 240))[rng.integers(4)]
    look = LOOKS[name]
    things = [Thing(name, _box(rng, height, width, look.part), False)]
    if rng.random() < 0.3:
        other = str(rng.choice([n for n in LOOKS if n != name]))
        difficult = bool(rng.random() < 1 / 3)
        part = (0.12, 0.2) if difficult else (0.25, 0.45)
        things.append(Thing(other, _box(rng, height, width, part), difficult))

    light = rng.uniform(0, 2 * np.pi)
    ground = np.arange(height)[:, None] > height * rng.uniform(0.3, 0.7) + np.zeros(width)
    picture = np.zeros((height, width, 3), np.float32)
    for scene, where in ((look.above, ~ground), (look.below, ground)):
        _paint(rng, picture, SCENES[scene], where, light, noise)
    picture = gaussian_filter(picture, (rng.uniform(0, 1.2),) * 2 + (0,))
    for thing in things:
        surface = LOOKS[thing.name].surface
        _paint(rng, picture, surface, _silhouette(rng, thing, surface, height, width), light, noise)

    picture = gaussian_filter(picture, (look.blur * rng.uniform(0.5, 1.1),) * 2 + (0,))
    towards_light = np.cos(light) * np.linspace(-1, 1, width)
    towards_light = towards_light + np.sin(light) * np.linspace(-1, 1, height)[:, None]
    grey = picture[..., 0] - 0.5 + rng.uniform(0, 0.15) * towards_light
    grey = grey * rng.uniform(0.9, 1.5) + rng.normal(0.47, 0.07)
    picture[..., 0] = grey + rng.normal(0, rng.uniform(0.002, 0.015), grey.shape)
    picture[..., 1:] += 0.5
    return Photograph((picture.clip(0, 1) * 255).round().astype(np.uint8), things)


def pink_noise(rng: Generator, side: int = 512) -> Array:
    """Return noise of a spectrum near 1/f, ``[side, side]``, mean 0 and standard deviation 1.

    Examples
    --------
    >>> noise = pink_noise(np.random.default_rng(0), side=64)
    >>> noise.shape, round(float(noise.std()), 3)
    ((64, 64), 1.0)
    """
    fy, fx = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)
    frequency = np.hypot(fy, fx)
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.normal(size=(side, side))) / frequency**0.8
    noise: Array = np.fft.irfft2(spectrum, (side, side)).astype(np.float32)
    noise /= noise.std()
    return noise


def _box(
    rng: Generator, height: int, width: int, part: tuple[float, float]
) -> tuple[int, int, int, int]:
    w, h = int(width * rng.uniform(*part)), int(height * rng.uniform(*part))
    left, top = int(rng.integers(1, width - w)), int(rng.integers(1, height - h))
    return left, top, left + w, top + h


def _silhouette(
    rng: Generator, thing: Thing, surface: Surface, height: int, width: int
) -> NDArray[np.bool_]:
    """Return where the object is: a superellipse in its box, nearly a rectangle for boxes."""
    left, top, right, bottom = thing.box
    x = (np.arange(width) - (left + right) / 2) / ((right - left) / 2)
    y = (np.arange(height) - (top + bottom) / 2) / ((bottom - top) / 2)
    power = 12 if surface.shape == "box" else rng.uniform(1.4, 2.6)
    inside: NDArray[np.bool_] = abs(y[:, None]) ** power + abs(x) ** power <= 1
    return inside


def _paint(
    rng: Generator,
    picture: Array,
    surface: Surface,
    where: NDArray[np.bool_],
    light: float,
    noise: Array,
) -> None:
    """Let leaves fall upon ``picture`` (``[height, width, 3]``) where ``where`` is true.

    The leaves' outlines come first, as a map of leaf numbers; then all pixels are coloured at once.
    """
    rows, columns = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
    part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    region = where[part]
    height, width = region.shape
    radius = _radii(rng, surface, height * width)
    n = len(radius)
    angle = np.radians(rng.normal(surface.angle, surface.spread, n))
    if surface.shape == "box":
        angle += rng.integers(2, size=n) * np.pi / 2
    cos, sin = np.cos(angle, dtype=np.float32), np.sin(angle, dtype=np.float32)
    short: Array = np.divide(radius, rng.uniform(1, surface.elongation, n), dtype=np.float32)
    cx = rng.uniform(0, width, n).astype(np.float32)
    cy = rng.uniform(0, height, n).astype(np.float32)
    leaf = _outlines(rng, surface.shape, (height, width), cx, cy, radius, short, cos, sin)

    leaf, (y, x) = leaf[region], np.nonzero(region)
    grey = rng.normal(rng.normal(surface.grey, 0.1), surface.contrast, n)
    shade = rng.uniform(0, 0.08, n)
    shift = rng.integers(len(noise), size=(2, n))
    rough = surface.texture * rng.uniform(0.3, 1.7, n)
    towards = np.cos(light), np.sin(light)
    grey = _greys(leaf, y, x, cx, cy, radius, towards, grey, shade, rough, shift, noise)
    if surface.stripes:
        dx, dy = x - cx[leaf], y - cy[leaf]
        turns = (dx * cos[leaf] + dy * sin[leaf]) / rng.uniform(3, 9, n)[leaf]
        grey += (surface.stripes * rng.uniform(0, 2, n))[leaf] * np.sin(2 * np.pi * turns)
    tint = np.array(surface.colour) * rng.uniform(0.3, 1.5, (n, 1)) + rng.normal(0, 0.02, (n, 2))
    _colour(picture[part], region, leaf, grey, tint)


def _radii(rng: Generator, surface: Surface, area: int) -> Array:
    """Draw long radii from the power law, enough to cover the area about three times."""
    low, high = surface.radii
    k = 1 - surface.exponent
    draws = rng.random(2000)
    radii: Array = ((low**k + draws * (high**k - low**k)) ** (1 / k)).astype(np.float32)
    covered = (np.pi * radii**2 / ((1 + surface.elongation) / 2)).cumsum()
    return radii[: max(2, int(covered.searchsorted(3 * area)))]


def _outlines(
    rng: Generator,
    shape: str,
    size: tuple[int, int],
    cx: Array,
    cy: Array,
    radius: Array,
    short: Array,
    cos: Array,
    sin: Array,
) -> NDArray[np.int32]:
    """Return which leaf lies on top at each pixel, ``[height, width]``; leaf 0 lies beneath all."""
    height, width = size
    reach = np.add if shape == "box" else np.hypot  # from the centre of a leaf to its box's sides
    wide = np.ceil(reach(abs(radius * cos), abs(short * sin))).astype(np.int32)
    high = np.ceil(reach(abs(radius * sin), abs(short * cos))).astype(np.int32)
    middle, centre = cx.astype(np.int32), cy.astype(np.int32)
    boxes = (
        ((centre - high).clip(0), (centre + high + 2).clip(max=height)),
        ((middle - wide).clip(0), (middle + wide + 2).clip(max=width)),
    )
    along, across = (cos / radius, sin / radius), (cos / short, sin / short)
    cuts = rng.uniform(0, 2 * np.pi, (4 if shape == "shard" else 0, len(radius)))
    cuts = cuts.astype(np.float32)
    leaf = np.zeros(size, np.int32)
    _fall(leaf, boxes, cx, cy, along, across, shape == "box", np.cos(cuts), np.sin(cuts))
    return leaf


@njit(cache=True)
def _fall(
    leaf: NDArray[np.int32],
    boxes: tuple[tuple[NDArray[np.int32], NDArray[np.int32]], ...],
    cx: Array,
    cy: Array,
    along: tuple[Array, Array],
    across: tuple[Array, Array],
    rectangle: bool,
    cut_x: Array,
    cut_y: Array,
) -> None:
    """Write the number of each leaf where it lies; those that fall later lie on top.

    A leaf is a rectangle, or a disc with sides cut off: none, or four of a shard. The last comes
    first: where a leaf lies, none that fell before it shows.
    """
    (top, bottom), (left, right) = boxes
    for k in range(len(cx) - 1, 0, -1):
        for i in range(top[k], bottom[k]):
            dy = np.float32(i) - cy[k]
            for j in range(left[k], right[k]):
                if leaf[i, j]:
                    continue
                dx = np.float32(j) - cx[k]
                u = along[0][k] * dx + along[1][k] * dy
                v = across[0][k] * dy - across[1][k] * dx
                inside = max(abs(u), abs(v)) <= 1 if rectangle else u * u + v * v <= 1
                for side in range(len(cut_x)):
                    inside &= u * cut_x[side, k] + v * cut_y[side, k] < np.float32(0.55)
                if inside:
                    leaf[i, j] = k


@njit(cache=True)
def _greys(
    leaf: NDArray[np.int32],
    y: NDArray[np.int64],
    x: NDArray[np.int64],
    cx: Array,
    cy: Array,
    radius: Array,
    towards: tuple[float, float],
    grey: NDArray[np.float64],
    shade: NDArray[np.float64],
    rough: NDArray[np.float64],
    shift: NDArray[np.int64],
    noise: Array,
) -> NDArray[np.float64]:
    """Return the grey of each pixel: its leaf's, shaded towards the light, with its texture."""
    greys = np.empty(len(leaf))
    side = len(noise)
    for pixel, k in enumerate(leaf):
        dx, dy = x[pixel] - np.float64(cx[k]), y[pixel] - np.float64(cy[k])
        lit = (dx * towards[0] + dy * towards[1]) / np.float64(radius[k])
        texture = noise[(y[pixel] + shift[0, k]) % side, (x[pixel] + shift[1, k]) % side]
        greys[pixel] = grey[k] + shade[k] * min(max(lit, -2.0), 2.0)
        greys[pixel] += rough[k] * np.float64(texture)
    return greys


@njit(cache=True)
def _colour(
    picture: Array,
    region: NDArray[np.bool_],
    leaf: NDArray[np.int32],
    grey: NDArray[np.float64],
    tint: NDArray[np.float64],
) -> None:
    """Give the pixels of a region, one after the other, their greys and their leaves' colours."""
    height, width = region.shape
    pixel = 0
    for i in range(height):
        for j in range(width):
            if region[i, j]:
                picture[i, j, 0] = grey[pixel]
                picture[i, j, 1] = tint[leaf[pixel], 0]
                picture[i, j, 2] = tint[leaf[pixel], 1]
                pixel += 1
