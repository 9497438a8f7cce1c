"""How the synthetic photographs look: a law of leaves for every scene and every class.

The numbers are chosen by eye, after what the class is: things people build are made of level and
upright boxes, animals of fine texture, skies of large smooth leaves.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Surface:
    """A law of leaves. Lengths are in pixels, angles in degrees, grey levels in 0..1.

    Attributes
    ----------
    shape
        ``disc`` (an ellipse), ``box`` or ``shard`` (a convex polygon).
    radii, exponent
        Long radii lie between these two, with a density that falls as radius ** -exponent.
    elongation
        Long radius over short radius, at most.
    angle, spread
        Mean and standard deviation of the long axis' direction, 0 is level. Boxes lie or stand.
    grey, contrast
        Mean and standard deviation of the leaves' grey levels.
    texture, stripes
        Amplitudes of 1/f noise and of stripes upon a leaf.
    colour
        Blue and red difference (Cb, Cr), each in -0.5..0.5.

    Examples
    --------
    >>> Surface(shape="box", grey=0.8).radii
    (4, 60)
    """

    shape: str = "disc"
    radii: tuple[float, float] = (4, 60)
    exponent: float = 3.0
    elongation: float = 2.0
    angle: float = 0.0
    spread: float = 90.0
    grey: float = 0.45
    contrast: float = 0.2
    texture: float = 0.04
    stripes: float = 0.0
    colour: tuple[float, float] = (0.0, 0.0)


SCENES = {
    "sky": Surface("disc", (30, 200), 2.0, 5, 0, 8, 0.72, 0.05, 0.012, 0, (0.08, -0.05)),
    "sea": Surface("disc", (3, 90), 2.6, 8, 0, 3, 0.48, 0.10, 0.020, 0, (0.06, -0.05)),
    "meadow": Surface("disc", (2.5, 40), 2.8, 5, 90, 25, 0.45, 0.10, 0.050, 0, (-0.10, -0.04)),
    "leafage": Surface("shard", (3, 40), 2.8, 2, 45, 60, 0.35, 0.15, 0.050, 0, (-0.09, -0.06)),
    "street": Surface("box", (4, 110), 2.6, 5, 0, 2, 0.45, 0.19, 0.030, 0, (0.00, 0.01)),
    "gravel": Surface("shard", (2.5, 30), 3.2, 2, 0, 90, 0.50, 0.11, 0.060, 0, (-0.02, 0.02)),
    "room": Surface("box", (10, 160), 2.2, 3, 0, 4, 0.55, 0.18, 0.015, 0, (-0.04, 0.05)),
    "carpet": Surface("disc", (8, 120), 2.4, 3, 0, 40, 0.35, 0.12, 0.040, 0.02, (-0.03, 0.06)),
}


@dataclass(frozen=True)
class Look:
    """How one class is photographed: surroundings above and below, the object, its part, blur.

    ``part`` is the share of the picture's width and height that an object takes, from and to.
    ``blur`` is that of the lens upon everything, standard deviation in pixels.

    Examples
    --------
    >>> import dataclasses
    >>> [f.name for f in dataclasses.fields(Look)]
    ['above', 'below', 'surface', 'part', 'blur']
    """

    above: str
    below: str
    surface: Surface
    part: tuple[float, float] = (0.45, 0.85)
    blur: float = 0.8


LOOKS = {
    "aeroplane": Look(
        "sky", "sky", Surface("disc", (6, 80), 2.6, 9, 8, 10, 0.62, 0.2, 0.01), (0.4, 0.7), 0.7
    ),
    "bicycle": Look(
        "street", "gravel", Surface("shard", (3, 70), 3, 14, 45, 50, 0.35, 0.28, 0.02), blur=0.6
    ),
    "bird": Look(
        "sky",
        "leafage",
        Surface("disc", (2, 18), 3.2, 4, 35, 20, 0.45, 0.16, 0.07, 0.03, (-0.02, 0.05)),
        (0.3, 0.6),
        0.9,
    ),
    "boat": Look("sky", "sea", Surface("shard", (6, 90), 2.4, 6, 0, 12, 0.65, 0.2, 0.015)),
    "bottle": Look(
        "room",
        "room",
        Surface("disc", (5, 90), 2.3, 7, 90, 4, 0.35, 0.25, 0.01, 0, (-0.06, 0.02)),
        (0.4, 0.7),
        1.0,
    ),
    "bus": Look(
        "street",
        "gravel",
        Surface("box", (8, 60), 2.2, 2, 0, 1, 0.5, 0.28, 0.01, 0, (-0.08, 0.12)),
        (0.65, 0.95),
        0.6,
    ),
    "car": Look(
        "street",
        "street",
        Surface("disc", (5, 70), 2.4, 4, 0, 15, 0.42, 0.27, 0.01, 0, (0.02, 0.06)),
    ),
    "cat": Look(
        "room",
        "carpet",
        Surface("disc", (4, 50), 2.6, 4, 60, 30, 0.45, 0.1, 0.08, 0.06, (-0.06, 0.05)),
        blur=1.2,
    ),
    "chair": Look(
        "room", "carpet", Surface("box", (5, 80), 2.5, 10, 0, 6, 0.35, 0.24, 0.02), blur=0.9
    ),
    "cow": Look(
        "sky",
        "meadow",
        Surface("disc", (10, 60), 2.0, 2, 0, 60, 0.45, 0.3, 0.06, 0, (-0.02, 0.03)),
        blur=0.7,
    ),
    "diningtable": Look(
        "room",
        "room",
        Surface("disc", (6, 70), 2.3, 3, 0, 6, 0.6, 0.26, 0.015, 0, (-0.05, 0.06)),
        (0.6, 0.95),
        1.0,
    ),
    "dog": Look(
        "leafage",
        "meadow",
        Surface("disc", (4, 45), 2.6, 3, 70, 40, 0.4, 0.16, 0.09, 0, (-0.05, 0.06)),
        blur=1.1,
    ),
    "horse": Look(
        "leafage",
        "meadow",
        Surface("disc", (6, 70), 2.2, 4, 80, 25, 0.35, 0.16, 0.04, 0, (-0.05, 0.08)),
        blur=0.7,
    ),
    "motorbike": Look(
        "street", "gravel", Surface("disc", (2.5, 40), 2.6, 5, 0, 60, 0.38, 0.32, 0.015), blur=0.6
    ),
    "person": Look(
        "room",
        "street",
        Surface("disc", (6, 80), 2.4, 3, 90, 25, 0.45, 0.22, 0.03, 0.01, (-0.05, 0.09)),
    ),
    "pottedplant": Look(
        "room",
        "room",
        Surface("disc", (3, 30), 2.4, 5, 60, 60, 0.38, 0.2, 0.03, 0.02, (-0.11, -0.06)),
        blur=0.8,
    ),
    "sheep": Look(
        "meadow",
        "meadow",
        Surface("disc", (2, 14), 2.4, 1.5, 0, 90, 0.65, 0.12, 0.1, 0, (-0.02, 0.01)),
        blur=0.7,
    ),
    "sofa": Look(
        "room",
        "carpet",
        Surface("box", (20, 120), 2.0, 3, 0, 8, 0.45, 0.16, 0.03, 0.02, (-0.05, 0.08)),
        (0.6, 0.95),
        1.2,
    ),
    "train": Look(
        "sky",
        "gravel",
        Surface("box", (5, 120), 2.3, 12, 4, 1, 0.42, 0.28, 0.015, 0.02, (0.03, 0.05)),
        (0.65, 0.95),
        0.7,
    ),
    "tvmonitor": Look(
        "room",
        "room",
        Surface("box", (14, 100), 1.8, 1.8, 0, 1, 0.35, 0.3, 0.005, 0.03, (0.06, -0.02)),
        (0.5, 0.9),
        1.1,
    ),
}
