"""Texts, sounds and pictures with some bytes changed: no error is an unexpected one, and each names its file.

Beside `test_fuzz.py`, whose files keep their form.
"""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_fuzz import expect_words

from lipsync_cli.media.probe import probe
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.media.video.decode import read_frames, read_image
from lipsync_cli.pipelines.describe import describe
from lipsync_cli.provenance.sidecar import FORMAT, read_sidecar, sidecar_of
from lipsync_cli.scoring.ratings.opinion import read_ratings
from lipsync_cli.speech.timed_text.files import read_spans

ROOT = Path(__file__).resolve().parent.parent
ODD_PIECES = ["", "\0", "\ud800", "²", "٣", "1e400", "nan", "-1", "9" * 400, "1_000", "00:00:99,999", "99:99:99.999"]
ODD_PIECES += ["-->", "\x1b[2J", "\u202e", "\u2028", "\ufeff", "{", "[" * 300, "]", '"', "\r", "\n\n", "\t", ",", ";"]
TEXTGRID = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 2
tiers? <exists>
size = 1
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 2
        intervals: size = 1
        intervals [1]:
            xmin = 0
            xmax = 1
            text = "hello"
"""
SRT = "1\n00:00:00,000 --> 00:00:01,000\nHello there.\n\n2\n00:00:01,500 --> 00:00:02,000\n<i>More</i> words\n"
VTT = "WEBVTT\n\nNOTE one\n\n00:00.000 --> 00:01.000 align:start\n<v Bob>Hi.\n\n00:01:01.500 --> 00:01:02.000\nMore\n"
WORDS = [{"word": "hello", "start": 0.0, "end": 0.5}, {"word": "you", "start": 0.6, "end": 1.0}]
RATINGS = "rater,condition,clip,rating\nann,x,1,3\nbob,x,1,4\nann,y,1,5\n"
TEXTS = {
    "a.srt": SRT,
    "a.vtt": VTT,
    "a.TextGrid": TEXTGRID,
    "a.align": "0 1000 sil\n1000 5000 bin\n5000 9000 blue\n",
    "a.json": json.dumps({"words": WORDS}),
    "r.csv": RATINGS,
    "r.tsv": RATINGS.replace(",", "\t"),
    "v.mp4.json": json.dumps({"format": FORMAT, "film": {"sha256": "0"}, "marks": {}, "time": "now"}),
}
MEDIA = (".wav", ".flac", ".mp4", ".png", ".jpg", ".gif")
FAST, SLOW = 12, 200
Draw = Callable[[Any], Any]


def change_text(text: str, draw: Draw) -> str:
    """Replace up to four pieces of a text."""
    for _ in range(draw(st.integers(1, 4))):
        first = draw(st.integers(0, len(text)))
        piece = draw(st.one_of(st.sampled_from(ODD_PIECES), st.text(max_size=4)))
        text = text[:first] + piece + text[first + draw(st.sampled_from([0, 1, 3, 20])) :]
    return text


def change_bytes(content: bytes, draw: Draw) -> bytes:
    """Change up to eight bytes, most of them in the header, and perhaps cut the end off."""
    changed = bytearray(content)
    for _ in range(draw(st.integers(1, 8))):
        place = draw(st.one_of(st.integers(0, 120), st.integers(0, len(content) - 1)))
        changed[min(place, len(changed) - 1)] = draw(
            st.sampled_from([0, 1, 0x7F, 0x80, 0xFF, draw(st.integers(0, 255))])
        )
    return bytes(changed[: draw(st.sampled_from([len(changed), len(changed), len(changed) // 2]))])


def read_text(path: Path) -> None:
    if path.name.startswith("r."):
        read_ratings([path])
    elif path.name == sidecar_of(Path("v.mp4")).name:
        read_sidecar(path.with_suffix(""))
    else:
        read_spans(path)


def read_media(path: Path) -> None:
    """Read all that is in a file as the commands do."""
    describe(path)
    info = probe(path)
    if info.is_image:
        read_image(path)
    elif info.video is not None:
        for _ in read_frames(path):
            pass
    if info.audio is not None:
        assert np.isfinite(read_speech(path)).all()


@pytest.fixture(scope="module")
def media(clip_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Small sounds and pictures, and a clip, by the ends of their names."""
    import cv2

    made: dict[str, bytes] = {".mp4": (clip_folder / "ann" / "a1.mp4").read_bytes()}
    sound, rate = soundfile.read(ROOT / "examples" / "speech.flac", frames=4000)
    for kind in ("wav", "flac"):
        soundfile.write(file := io.BytesIO(), sound, rate, format=kind)
        made[f".{kind}"] = file.getvalue()
    picture = cv2.resize(cv2.imread(str(ROOT / "examples" / "astronaut.jpg")), (48, 48))
    for kind in (".png", ".jpg"):
        made[kind] = cv2.imencode(kind, picture)[1].tobytes()
    made[".gif"] = make_gif(tmp_path_factory.mktemp("gif"), made[".png"])
    return made


def make_gif(folder: Path, png: bytes) -> bytes:
    from lipsync_cli.media.ffmpeg import find_tool

    (folder / "a.png").write_bytes(png)
    subprocess.run([find_tool("ffmpeg"), "-v", "error", "-i", folder / "a.png", folder / "a.gif"], check=True)
    return (folder / "a.gif").read_bytes()


def attack(examples: int, once: Callable[[Draw], None]) -> None:
    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(st.data())
    def each(data: st.DataObject) -> None:
        once(data.draw)

    each()


def attack_text(name: str, examples: int, folder: Path) -> None:
    def once(draw: Draw) -> None:
        (folder / name).write_bytes(change_text(TEXTS[name], draw).encode("utf-8", "surrogatepass"))
        expect_words(lambda: read_text(folder / name), names_file=True)

    read_text_whole(name, folder)
    attack(examples, once)


def read_text_whole(name: str, folder: Path) -> None:
    """Read a text that nothing was done to, which has to succeed."""
    (folder / name).write_text(TEXTS[name], encoding="utf-8")
    read_text(folder / name)


def attack_media(kind: str, examples: int, folder: Path, whole: bytes) -> None:
    path = folder / f"a{kind}"

    def once(draw: Draw) -> None:
        path.write_bytes(change_bytes(whole, draw))
        expect_words(lambda: read_media(path), names_file=True)

    path.write_bytes(whole)
    read_media(path)
    attack(examples, once)


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_with_odd_pieces(name: str, tmp_path: Path) -> None:
    attack_text(name, FAST, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTS)
def test_texts_with_many_odd_pieces(name: str, tmp_path: Path) -> None:
    attack_text(name, SLOW, tmp_path)


@pytest.mark.parametrize("kind", MEDIA)
def test_media_with_a_changed_byte(kind: str, media: dict[str, bytes], tmp_path: Path) -> None:
    attack_media(kind, 3, tmp_path, media[kind])


@pytest.mark.slow
@pytest.mark.parametrize("kind", MEDIA)
def test_media_with_many_changed_bytes(kind: str, media: dict[str, bytes], tmp_path: Path) -> None:
    attack_media(kind, SLOW, tmp_path, media[kind])
