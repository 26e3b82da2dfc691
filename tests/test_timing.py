"""One clock from file to mel window: clicks in the sound and cues in the picture meet, at every frame rate."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

RATES = {
    "23.976": Fraction(24000, 1001),
    "25": Fraction(25),
    "29.97": Fraction(30000, 1001),
    "50": Fraction(50),
}
NUM_FRAMES = 90
CUES = (7, 20, 33, 47, 61, 74, 88)  # frames that show a cue while their click sounds
SIZE = 64
MEL_S = 1 / 80


def make_timeline(kind: str):
    """A constant timeline, or one whose frames last between 17 and 83 ms."""
    from lipsync_cli.media.timeline import Timeline

    if kind in RATES:
        return Timeline.constant(RATES[kind], NUM_FRAMES)
    lasts = np.random.default_rng(3).integers(17, 84, NUM_FRAMES)
    return Timeline(np.concatenate([[0], np.cumsum(lasts)]).astype(np.int64), Fraction(1, 1000))


def write_click_track(path: Path, times_s: list[float], duration_s: float, sample_rate: int) -> None:
    """Write clicks (4 ms of 2 kHz), each centred on its time, over faint noise."""
    import soundfile

    sound = np.random.default_rng(0).normal(0, 1e-4, round(duration_s * sample_rate))
    half = round(0.002 * sample_rate)
    burst = 0.6 * np.hanning(2 * half + 1) * np.cos(2 * np.pi * 2000 * np.arange(-half, half + 1) / sample_rate)
    for time_s in times_s:
        centre = round(time_s * sample_rate)
        sound[centre - half : centre + half + 1] += burst
    soundfile.write(path, sound, sample_rate)


def centre_of_click(window: np.ndarray) -> float:
    """Position in the window, in mel frames, around which the power of its loudest moment lies."""
    power = (10 ** ((window.astype(np.float64) + 4) / 8 * 100 / 10)).sum(1)
    near = np.arange(len(window))[max(power.argmax() - 3, 0) : power.argmax() + 4]
    return float((power[near] * near).sum() / power[near].sum())


@pytest.mark.parametrize(
    ("kind", "sample_rate"),
    [("23.976", 44100), ("25", 16000), ("29.97", 48000), ("50", 44100), ("variable", 16000), ("variable", 44100)],
)
def test_click_and_cue_meet(kind: str, sample_rate: int, tmp_path: Path) -> None:
    from lipsync_cli.media.sound.audio import read_speech
    from lipsync_cli.media.timeline import read_timeline
    from lipsync_cli.media.video.decode import read_frames
    from lipsync_cli.media.video.encode import VideoWriter
    from lipsync_cli.speech.mel import log_mel, window

    timeline = make_timeline(kind)
    sound, clip = tmp_path / "clicks.wav", tmp_path / "clip.mp4"
    end_s = float(timeline.time(NUM_FRAMES))
    write_click_track(sound, [float(timeline.middle(n)) for n in CUES], end_s, sample_rate)
    with VideoWriter(clip, SIZE, SIZE, timeline, audio=sound) as writer:
        for n in range(NUM_FRAMES):
            writer.write(np.full((SIZE, SIZE, 3), 230 if n in CUES else 20, np.uint8))

    found = read_timeline(clip)
    assert found.num_frames == NUM_FRAMES
    assert found.is_variable == (kind == "variable")
    shown = [n for n, frame in enumerate(read_frames(clip)) if frame.mean() > 125]
    assert shown == list(CUES)
    mel = log_mel(read_speech(clip))
    for n in shown:
        assert abs(float(found.middle(n) - timeline.middle(n))) < 1e-3
        late = centre_of_click(window(mel, found.middle(n))) - 13
        assert abs(late) <= 0.51, f"frame {n}: the click is {late * MEL_S * 1000:+.1f} ms from the window's centre"
