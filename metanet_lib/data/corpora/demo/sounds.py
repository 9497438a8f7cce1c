"""Synthetic sounds: instruments that play melodies, and the noises of a city.

An instrument is a spectrum (roll-off, formants, weak even partials), an envelope (plucked or held),
and a way to play (range, length of notes, chords, vibrato), after how the real one sounds. A city
sound is band noise and tones, steady or in events. The two tables below say it all; a clip adds
level, noise floor, reverberation and, for half of the music, an accompaniment.

Conventions: waveforms are float64 ``[n]`` (one channel) or ``[n, channels]``; times are in seconds,
frequencies in Hz, levels in dB.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.signal import butter, oaconvolve, sosfilt

Array = NDArray[np.float64]

_PERIOD = 4096  # samples of a period, a power of two
_Places = tuple[NDArray[np.int64], Array]


@dataclass(frozen=True)
class Instrument:
    """How an instrument of IRMAS sounds and is played.

    Attributes
    ----------
    pitches
        Lowest and highest note, as MIDI numbers (69 is 440 Hz).
    rolloff
        Fall of the partials, dB per octave.
    formants
        Resonances: frequency, and gain in dB; each about a third of an octave wide.
    even
        Amplitude of the even partials relative to the odd ones.
    attack, decay
        Rise of a note, and time in which it falls by 1/e; decay 0 is a held note.
    vibrato
        Depth in semitones, at 5 to 6 Hz.
    breath
        Level of the noise of breath or bow, relative to the tone.
    notes
        Shortest and longest note.
    chord
        Notes at once, at most.
    drive
        Gain before soft clipping; 0 is clean.

    Examples
    --------
    >>> INSTRUMENTS["cel"].pitches[0] < INSTRUMENTS["flu"].pitches[0]
    True
    """

    pitches: tuple[int, int]
    rolloff: float
    formants: tuple[tuple[float, float], ...] = ()
    even: float = 1.0
    attack: float = 0.02
    decay: float = 0.0
    vibrato: float = 0.0
    breath: float = 0.0
    notes: tuple[float, float] = (0.2, 0.8)
    chord: int = 1
    drive: float = 0.0


INSTRUMENTS = {
    "cel": Instrument((36, 67), 8, ((250, 8), (600, 6)), 1, 0.08, 0, 0.3, 0.006, (0.4, 1.6)),
    "cla": Instrument((50, 84), 9, ((1500, 5),), 0.12, 0.03, 0, 0, 0.004, (0.15, 0.9)),
    "flu": Instrument((60, 93), 15, (), 0.8, 0.05, 0, 0.35, 0.04, (0.15, 0.9)),
    "gac": Instrument((40, 76), 7, ((110, 6), (220, 5)), 1, 0.004, 0.5, 0, 0, (0.15, 0.5), 4),
    "gel": Instrument((40, 80), 5, ((2500, 6),), 1, 0.005, 1.5, 0.1, 0, (0.15, 0.9), 2, 8),
    "org": Instrument((36, 84), 6, (), 0.9, 0.03, 0, 0.05, 0.002, (0.5, 2.0), 5),
    "pia": Instrument((33, 93), 9, (), 1, 0.003, 0.7, 0, 0, (0.12, 0.7), 4),
    "sax": Instrument((46, 80), 5, ((800, 6), (1800, 6)), 1, 0.03, 0, 0.3, 0.02, (0.12, 0.8)),
    "tru": Instrument((54, 86), 3, ((1200, 10), (2400, 4)), 1, 0.025, 0, 0.1, 0.004, (0.12, 0.7)),
    "vio": Instrument((55, 96), 5, ((500, 5), (2800, 9)), 1, 0.06, 0, 0.4, 0.01, (0.2, 1.2)),
    "voi": Instrument(
        (48, 79), 9, ((650, 12), (1150, 9), (2900, 12)), 1, 0.06, 0, 0.7, 0.015, (0.2, 1.2)
    ),
}


@dataclass(frozen=True)
class CitySound:
    """How a class of UrbanSound8K sounds.

    Attributes
    ----------
    seconds
        Shortest and longest recording.
    band
        Band of its noise.
    tone
        Range of the fundamental of its tones; each voice draws one.
    voices
        How many tones sound together.
    tonality
        Share of tones, 0..1; the rest is noise.
    rolloff
        Fall of the tones' partials, dB per octave.
    events
        Events per second, from and to; 0 is steady.
    regular
        Whether events come like clockwork.
    decay
        Time in which an event falls by 1/e, from and to.
    glide
        Octaves by which a tone rises and falls.
    glides
        How often it does so, per second.
    street
        Level of the street behind it, dB.

    Examples
    --------
    >>> CITY["siren"].seconds[0] > 0
    True
    """

    seconds: tuple[float, float]
    band: tuple[float, float]
    tone: tuple[float, float] = (100, 100)
    voices: int = 1
    tonality: float = 0.0
    rolloff: float = 6.0
    events: tuple[float, float] = (0, 0)
    regular: bool = False
    decay: tuple[float, float] = (0.1, 0.1)
    glide: float = 0.0
    glides: float = 1.0
    street: float = -35.0


CITY = {
    "air_conditioner": CitySound((2, 4), (60, 2500), (48, 62), 2, 0.35, 9, street=-45),
    "car_horn": CitySound(
        (1, 2), (200, 4000), (320, 520), 2, 0.97, 3, (0.3, 1.5), False, (0.3, 1.0), street=-25
    ),
    "children_playing": CitySound(
        (2, 4), (300, 5000), (280, 900), 6, 0.85, 7, (2, 5), False, (0.1, 0.4), 0.4, 3, -22
    ),
    "dog_bark": CitySound(
        (1, 3), (400, 4000), (300, 750), 1, 0.7, 4, (1, 3), False, (0.05, 0.12), 0.5, 4, -38
    ),
    "drilling": CitySound(
        (1, 3.5), (1200, 8000), (70, 170), 1, 0.45, 2, (0, 0), glide=0.1, glides=0.4, street=-35
    ),
    "engine_idling": CitySound(
        (2, 4), (40, 900), (22, 45), 2, 0.4, 5, (18, 32), True, (0.015, 0.05), 0.05, 0.5, -30
    ),
    "gun_shot": CitySound((1, 2), (80, 9000), events=(0.3, 1.2), decay=(0.05, 0.35), street=-55),
    "jackhammer": CitySound(
        (1, 3.5), (500, 9000), (90, 200), 1, 0.15, 3, (14, 26), True, (0.008, 0.025), street=-28
    ),
    "siren": CitySound(
        (2, 4), (300, 3000), (550, 900), 1, 0.97, 7, glide=0.9, glides=0.6, street=-22
    ),
    "street_music": CitySound((2, 4), (200, 5000), street=-24),
}


def music(
    rng: Generator, code: str, seconds: float, rate: int, channels: int, drums: bool = False
) -> Array:
    """Play an instrument: ``[n, channels]`` at ``rate``, peak below 1.

    Examples
    --------
    >>> music(np.random.default_rng(0), "cel", seconds=0.5, rate=8000, channels=2).shape
    (4000, 2)
    """
    lead = _melody(rng, INSTRUMENTS[code], seconds, rate)
    if rng.random() < 0.5:
        other = str(rng.choice(list(INSTRUMENTS)))
        lead += _db(rng.uniform(-24, -12)) * _melody(rng, INSTRUMENTS[other], seconds, rate)
    if drums:
        lead += _db(rng.uniform(-18, -8)) * _drums(rng, seconds, rate)
    lead += _db(rng.uniform(-85, -60)) * _noise(rng, len(lead), (100, 8000), rate)
    echo = rng.uniform(0.1, 0.5) * _reverberate(rng, lead, rng.uniform(0.2, 0.8), rate, channels)
    return _to_level(rng, lead[:, None] + echo)


def city(rng: Generator, name: str, seconds: float, rate: int, channels: int) -> Array:
    """Record a city sound: ``[n, channels]`` at ``rate``, peak below 1.

    Examples
    --------
    >>> city(np.random.default_rng(0), "siren", seconds=0.5, rate=8000, channels=1).shape
    (4000, 1)
    """
    kind = CITY[name]
    n = int(seconds * rate)
    if name == "street_music":
        sound = _drums(rng, seconds, rate) * rng.uniform(0.2, 0.8)
        for code in rng.choice(list(INSTRUMENTS), 3, replace=False):
            sound += rng.uniform(0.2, 1) * _melody(rng, INSTRUMENTS[str(code)], seconds, rate)
    else:
        tones = sum(_voice(rng, kind, n, rate) for _ in range(kind.voices)) / kind.voices
        noise = _noise(rng, n, kind.band, rate) * _events(rng, kind, n, rate)
        sound = kind.tonality * tones + (1 - kind.tonality) * noise
    street = _noise(rng, n, (30, 400), rate) + 0.3 * _noise(rng, n, (30, 4000), rate)
    sound = _unit(sound) + _db(kind.street + rng.uniform(-6, 6)) * street
    echo = rng.uniform(0.05, 0.4) * _reverberate(rng, sound, rng.uniform(0.1, 0.6), rate, channels)
    return _to_level(rng, sound[:, None] + echo)


def _melody(rng: Generator, how: Instrument, seconds: float, rate: int) -> Array:
    """Walk at random over a scale in the instrument's range; peak 1."""
    low, high = how.pitches
    key = rng.integers(12)
    scale = [p for p in range(low, high + 1) if (p - key) % 12 in (0, 2, 4, 5, 7, 9)]
    out = np.zeros(int(seconds * rate))
    place, start = int(rng.integers(len(scale))), -rng.uniform(0, how.notes[1])
    while start < seconds:
        length = rng.uniform(*how.notes)
        place = int(np.clip(place + rng.integers(-3, 4), 0, len(scale) - 1))
        for voice in range(rng.integers(1, how.chord + 1)):
            pitch = scale[(place + 2 * voice) % len(scale)]
            note = _note(rng, how, 440 * 2 ** ((pitch - 69) / 12), length, rate)
            at = int(start * rate)
            note = note[max(0, -at) : max(0, len(out) - at)]
            at = max(0, at)
            out[at : at + len(note)] += rng.uniform(0.5, 1) * note
        start += length * rng.choice([1, 1, 1, 1.5])
    if how.drive:
        out = np.tanh(how.drive * out)
    return _unit(out)


def _note(rng: Generator, how: Instrument, pitch: float, length: float, rate: int) -> Array:
    """Play one note: a bright attack that mellows, an envelope, breath."""
    ring = min(2 * how.decay, 1.0) if how.decay else 0.08  # sounds on after its length
    t = np.arange(int((length + ring) * rate)) / rate
    per_second, bend = rng.uniform(5, 6), np.ones(len(t))
    if how.vibrato:
        swing = how.vibrato * np.sin(2 * np.pi * per_second * t) * np.minimum(t / 0.3, 1)
        bend = 2 ** (swing / 12)
    places = _places((pitch * bend).cumsum() / rate + rng.random())
    mellow = _wave(how, pitch, how.rolloff + 3, places, rate)
    bright = _wave(how, pitch, how.rolloff - 2, places, rate)
    fade = np.exp(-t / (how.decay / 3)) if how.decay else 0.5 + 0.5 * np.exp(-t / 0.15)
    tone = mellow + fade * (bright - mellow)
    if how.breath:
        tone += how.breath * _noise(rng, len(t), (pitch, 6 * pitch), rate)
    envelope = np.minimum(t / how.attack, 1) * np.clip((t[-1] - t) / ring, 0, 1)
    return np.asarray(tone * envelope * (np.exp(-t / how.decay) if how.decay else 1))


def _wave(how: Instrument, pitch: float, rolloff: float, places: _Places, rate: int) -> Array:
    """Look up a periodic wave with the instrument's partials."""
    k = np.arange(1, 1 + max(1, min(40, int(0.45 * rate / pitch))))
    level = -rolloff * np.log2(k)
    for formant, gain in how.formants:
        level += gain * np.exp(-((np.log2(k * pitch / formant) / 0.35) ** 2))
    amplitude = _db(level) * np.where(k % 2 == 0, how.even, 1)
    return _lookup(amplitude, places)


def _places(phase: Array) -> _Places:
    """Return where in a period phases lie, in turns: the sample before, and the part of a step."""
    at = phase * _PERIOD
    whole = at.astype(np.int64)
    return whole & (_PERIOD - 1), at - whole


def _lookup(amplitude: Array, places: _Places) -> Array:
    """Return the wave with these partials at each place, by linear interpolation in one period."""
    spectrum = np.zeros(_PERIOD // 2 + 1, complex)
    spectrum[1 : 1 + len(amplitude)] = -0.5j * _PERIOD * amplitude / np.sqrt((amplitude**2).sum())
    period = np.fft.irfft(spectrum)
    step = np.append(np.diff(period), period[0] - period[-1])
    sample, part = places
    return np.asarray(period[sample] + part * step[sample])


def _drums(rng: Generator, seconds: float, rate: int) -> Array:
    """Beat time: a low drum and a bright one in turn; peak 1."""
    n = int(seconds * rate)
    out = np.zeros(n)
    beat, t = rng.uniform(0.2, 0.35), np.arange(int(0.25 * rate)) / rate
    for number, start in enumerate(np.arange(rng.uniform(0, 0.3), seconds - 0.25, beat)):
        if number % 2:
            hit = _noise(rng, len(t), (1500, 9000), rate) * np.exp(-t / 0.04)
        else:
            hit = 3 * np.sin(2 * np.pi * (55 * t - 2 * np.exp(-t / 0.03))) * np.exp(-t / 0.09)
        out[int(start * rate) : int(start * rate) + len(t)] += hit
    return _unit(out)


def _voice(rng: Generator, kind: CitySound, n: int, rate: int) -> Array:
    """One of the tones of a city sound, in its events."""
    t = np.arange(n) / rate
    pitch = rng.uniform(*kind.tone)
    swing = np.sin(2 * np.pi * (kind.glides * rng.uniform(0.7, 1.4) * t + rng.random()))
    frequency = pitch * 2 ** (kind.glide * swing / 2)
    k = np.arange(1, 1 + max(1, min(60, int(0.4 * rate / pitch / 2 ** (kind.glide / 2)))))
    places = _places(frequency.cumsum() / rate + rng.random())
    tone = _lookup(_db(-kind.rolloff * np.log2(k)), places)
    return tone * _events(rng, kind, n, rate)


def _events(rng: Generator, kind: CitySound, n: int, rate: int) -> Array:
    """Return an envelope of decaying events, at least one; 1 throughout for a steady sound."""
    if not kind.events[1]:
        return np.ones(n)
    seconds, per_second = n / rate, rng.uniform(*kind.events)
    if kind.regular:
        starts = np.arange(rng.uniform(0, 1 / per_second), seconds, 1 / per_second)
        starts = starts + rng.normal(0, 0.02 / per_second, len(starts))
    else:
        starts = rng.uniform(0, seconds, max(1, rng.poisson(per_second * seconds)))
        starts[0] = rng.uniform(0, 0.1 * seconds)
    impulses = np.zeros(n)
    at = np.clip((starts * rate).astype(int), 0, n - 1)
    np.add.at(impulses, at, rng.uniform(0.4, 1, len(at)))
    t = np.arange(min(n, int(6 * kind.decay[1] * rate))) / rate
    shape = np.exp(-t / rng.uniform(*kind.decay)) * np.minimum(t / 0.003, 1)
    return np.asarray(oaconvolve(impulses, shape)[:n])


def _noise(rng: Generator, n: int, band: tuple[float, float], rate: int) -> Array:
    """Return noise in a band, standard deviation 1."""
    filtered = sosfilt(_band_pass(band, rate), rng.normal(size=n))
    return np.asarray(filtered / filtered.std())


@cache
def _band_pass(band: tuple[float, float], rate: int) -> Array:
    low, high = band[0], min(band[1], 0.45 * rate)
    return np.asarray(butter(1, (min(low, high / 2), high), "band", fs=rate, output="sos"))


def _reverberate(rng: Generator, dry: Array, seconds: float, rate: int, channels: int) -> Array:
    """Return the echo of a room, ``[n, channels]``: noise that decays, another for each channel."""
    t = np.arange(int(seconds * rate)) / rate
    tails = rng.normal(size=(len(t), channels)) * np.exp(-5 * t / seconds)[:, None]
    echo = oaconvolve(dry[:, None], tails / np.sqrt((tails**2).sum(0)), axes=0)
    return np.asarray(echo[: len(dry)])


def _to_level(rng: Generator, sound: Array) -> Array:
    return _unit(sound) * _db(rng.uniform(-20, -1))


def _unit(sound: Array) -> Array:
    return sound / max(1e-9, float(abs(sound).max()))


def _db(level: float | Array) -> Array:
    """Return the amplitude of a level in dB."""
    return np.asarray(10 ** (np.asarray(level) / 20))
