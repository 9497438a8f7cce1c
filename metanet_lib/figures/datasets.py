"""What the models see: photographs, recordings, and the patches that are cut from them."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from io import BytesIO

import librosa
import numpy as np
import soundfile
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image, ImageOps

from metanet_lib import catalog
from metanet_lib.figures.shown import Shown
from metanet_lib.figures.style import HUES, WIDTH, grid, mosaic, name_dataset, styled

_THUMBNAIL, _GAP = 72, 4  # side of a picture on the contact sheet, and the gap to the next, pixels


@styled
def contact_sheet(pictures: Mapping[str, Sequence[np.ndarray]]) -> Figure:
    """Draw a strip of photographs for each vision dataset.

    ``pictures`` has for each dataset id some grey levels ``[height, width]``, uint8; each is cut to
    a square about its centre.

    Examples
    --------
    >>> photograph = np.zeros((30, 40), np.uint8)
    >>> len(contact_sheet({"v:aer": [photograph] * 3, "v:bic": [photograph]}).axes)
    2
    """
    figure, axes = grid(len(pictures), columns=2, height=0.8)
    most = max(map(len, pictures.values()))
    for ax, (dataset_id, several) in zip(axes, pictures.items(), strict=False):
        strip = np.full((_THUMBNAIL, most * (_THUMBNAIL + _GAP) - _GAP), 255, np.uint8)
        for i, picture in enumerate(several):
            square = ImageOps.fit(Image.fromarray(picture), (_THUMBNAIL, _THUMBNAIL))
            strip[:, i * (_THUMBNAIL + _GAP) :][:, :_THUMBNAIL] = np.asarray(square)
        ax.imshow(strip, vmin=0, vmax=255, interpolation="none")
        name_dataset(ax, dataset_id)
        ax.spines[:].set_visible(False)
    return figure


@styled
def spectrograms(
    planes: Mapping[str, Sequence[np.ndarray]], seconds_per_frame: float, gamma: float = 1
) -> Figure:
    """Draw a few mel spectrograms for each audio dataset, end to end, all to one scale of time.

    ``planes`` has for each dataset id some spectrograms ``[16, frames]`` in 0..1. ``gamma`` below 1
    brightens what is dark: a power spectrogram is black without it.

    Examples
    --------
    >>> planes = {"a:air": [np.zeros((16, 90)), np.ones((16, 10))]}
    >>> ax = spectrograms(planes, seconds_per_frame=0.02, gamma=0.25).axes[0]
    >>> [float(end) for end in ax.get_xlim()]
    [0.0, 2.0]
    """
    columns = 3
    longest = seconds_per_frame * max(
        sum(plane.shape[1] for plane in several) for several in planes.values()
    )
    figure, axes = grid(len(planes), columns, height=0.95)
    for i, (ax, (dataset_id, several)) in enumerate(zip(axes, planes.items(), strict=False)):
        end = 0.0
        for plane in several:
            start, end = end, end + plane.shape[1] * seconds_per_frame
            ax.imshow(
                plane**gamma,
                origin="lower",
                aspect="auto",
                interpolation="none",
                vmin=0,
                vmax=1,
                extent=(start, end, 0, plane.shape[0]),
                cmap="magma",
            )
            ax.axvline(end, color="white", linewidth=2)
        name_dataset(ax, dataset_id)
        ax.set_xlim(0, longest)
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        ax.tick_params(labelsize=7)
        ax.spines["left"].set_visible(False)
        ax.spines["bottom"].set_color("#CCCCCC")
        if i % columns == 0:
            ax.set_yticks([0, 16])
            ax.set_ylabel("mel band", fontsize=7)
        if i + columns < len(planes):
            ax.tick_params(axis="x", labelbottom=False)
        else:
            ax.set_xlabel("seconds", fontsize=7)
    return figure


def listen(
    samples: np.ndarray, sample_rate: int, name: str, caption: str, seconds: float = 4.0
) -> Shown:
    """Return the beginning of a recording as a page plays it: the sound is in the page itself.

    Parameters
    ----------
    samples
        The recording, float32 ``[n]`` in -1..1; made softer if it goes beyond.
    sample_rate
        Its samples a second, Hz; played at 22,050 Hz at most.
    name
        What is heard, for those who cannot see the caption.
    caption
        What the reader sees below the player; the length is added.
    seconds
        How much of it is played, at most.

    Examples
    --------
    >>> tone = 0.5 * np.sin(np.arange(16000) / 3).astype(np.float32)
    >>> listen(tone, 8000, "a tone", "A tone")._repr_html_()[-47:]
    '<figcaption>A tone, 2.0 s</figcaption></figure>'
    """
    length, rate = len(samples) / sample_rate, min(sample_rate, 22050)
    played = samples[: int(seconds * sample_rate)]
    if rate < sample_rate:
        played = librosa.resample(played, orig_sr=sample_rate, target_sr=rate)
    wav = BytesIO()
    soundfile.write(wav, played / max(1, np.abs(played).max()), rate, "PCM_16", format="WAV")
    how_long = (
        f"{length:.1f} s" if length <= seconds else f"the first {seconds:g} of {length:.1f} s"
    )
    return Shown(
        f'<figure class="metanet"><audio controls preload="metadata" aria-label="{escape(name)}" '
        f'src="data:audio/wav;base64,{b64encode(wav.getvalue()).decode()}"></audio>'
        f"<figcaption>{escape(caption)}, {how_long}</figcaption></figure>"
    )


@styled
def patch_gallery(patches: Mapping[str, np.ndarray], gamma: float = 1) -> Figure:
    """Draw a row of patches ``[n, 256]`` for each dataset, vision left and audio right.

    ``gamma`` brightens the audio patches, see :func:`spectrograms`.

    Examples
    --------
    >>> patches = {"v:aer": np.zeros((4, 256)), "a:air": np.ones((4, 256))}
    >>> [ax.get_title() for ax in patch_gallery(patches, gamma=0.25).axes]
    ['vision: 16x16 patches', 'audio: 16x16 patches']
    """
    there = set(catalog.modalities(patches))
    modalities = [m for m in catalog.MODALITIES if m in there]
    figure = Figure(figsize=(WIDTH, 5.4), layout="constrained")
    panels = figure.subplots(1, len(modalities), squeeze=False)[0]
    for ax, modality in zip(panels, modalities, strict=True):
        rows = {i: p for i, p in patches.items() if catalog.dataset(i).modality == modality}
        tiles = np.stack([p.reshape(-1, 16, 16) for p in rows.values()])
        if modality == "audio":  # low bands below, as in a spectrogram
            tiles = tiles[:, :, ::-1] ** gamma
        mosaic(ax, tiles, 0, 1)
        ax.set_yticks(
            [8 + 18 * r for r in range(len(rows))],
            [f"{catalog.dataset(i).title}  {i}" for i in rows],
        )
        ax.tick_params(axis="y", length=0, labelsize=7)
        ax.set_title(f"{modality}: 16x16 patches", color=HUES[modality])
    return figure
