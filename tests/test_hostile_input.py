"""Input that is odd or meant to do harm: one line, the exit code, nothing fetched, nothing left or lost."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from bad_bench import Bench
from typer.testing import CliRunner

from lipsync_cli import cli

ROOT = Path(__file__).resolve().parent.parent
VOICE = ROOT / "examples" / "speech.flac"
FACE = ROOT / "examples" / "astronaut.jpg"
LISTS = {
    ".m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{address}\n#EXT-X-ENDLIST\n",
    ".ffconcat": "ffconcat version 1.0\nfile {address}\n",
    ".sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\n",
    ".mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT10S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet '
    'mimeType="video/mp4"><Representation id="1" bandwidth="1000"><SegmentList duration="1"><SegmentURL '
    'media="{address}"/></SegmentList></Representation></AdaptationSet></Period></MPD>',
}  # what FFmpeg follows to other files
LISTS[".mp4"] = LISTS[".mpd"]
Run = Callable[..., "subprocess.CompletedProcess[str]"]
TINY = ("--weights", "tiny.safetensors")


@pytest.mark.parametrize("name", ["list.m3u8", "list.ffconcat", "list.mpd", "list.sdp", "clip.mp4"])
def test_a_list_of_addresses_fetches_nothing(name: str, bench: Bench) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(0.2)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a.mp4"
        path = bench.folder / "lists" / name
        path.parent.mkdir()
        path.write_text(LISTS[path.suffix].format(address=address))
        bench.fails(3, "info", path, says=(name,))
        bench.fails(3, "infer", path, VOICE, "--weights", bench.tiny_safetensors, says=(name,))
        bench.fails(3, "infer", address, VOICE, "--weights", bench.tiny_safetensors, says=("no such file",))
        bench.fails(3, "infer", bench.clip_mp4, address, "--weights", bench.tiny_safetensors, says=("no such file",))
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize(
    "line",
    [
        ("detect-faces", "clips", "clips/ann/a1.mp4"),
        ("mels", "clip.mp4", "clip.mp4"),
        ("pack", "faces.h5", "mels.h5", "faces.h5"),
        ("pack", "faces.h5", "mels.h5", "./clips/../mels.h5"),
        ("infer", "clip.mp4", str(VOICE), "-o", "clip.mp4", *TINY),
        ("infer", str(FACE), "clip.mp4", "-o", "link.mp4", *TINY),
        ("score", "grid.h5", "-o", "link.jsonl", *TINY),
        ("infer", "clip.mp4", str(VOICE), "--weights", "w.mp4", "-o", "w.mp4"),
        ("infer", "clip.mp4", str(VOICE), "--occlusion", "w.mp4", "-o", "w.mp4", *TINY),
        ("infer", "clip.mp4", str(VOICE), "--face", "p.mp4", "-o", "p.mp4", *TINY),
        ("infer", "clip.mp4", str(VOICE), "--faces", "hard.mp4", "-o", "faces.mp4", *TINY),
        ("infer", "clip.mp4", str(VOICE), "--debug-video", "hard.mp4", "--faces", "faces.mp4", "-o", "n.mp4", *TINY),
        ("infer", "clip.mp4", str(VOICE), "--final-audio", "n.mp4.json", "--sidecar", "-o", "n.mp4", *TINY),
        ("infer", "clip.mp4", "--speaker", "0=old.mp4", "-o", "old.mp4", *TINY),
        ("infer", "clip.mp4", str(VOICE), "--adapt", "1s", "--save-weights", "tiny.safetensors", "-o", "n.mp4", *TINY),
        ("infer", "clip.mp4", str(VOICE), "--config", "mine.mp4", "-o", "mine.mp4", *TINY),
        ("score", "grid.h5", "--expert", "e.jsonl", "-o", "e.jsonl", *TINY),
        ("score", "grid.h5", "--inception", "e.jsonl", "--report", "link.html", *TINY),
        ("score", "clip.mp4", "--transcripts", "spoken", "-o", "spoken"),
        ("train", "run/last.safetensors", "run"),
        ("train", "grid.h5", "run", "--init", "run"),
        ("mels", "clips", "clips/ann/a1.mp4"),
    ],
    ids=lambda line: " ".join(Path(word).name for word in line),
)
def test_an_input_is_never_the_output(line: tuple[str, ...], bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bench.folder)
    (bench.folder / "link.mp4").symlink_to("clip.mp4")
    (bench.folder / "link.jsonl").symlink_to("grid.h5")
    (bench.folder / "link.html").symlink_to("e.jsonl")
    for name in ("spoken", "run"):
        (bench.folder / name).mkdir()
    for name in ("w.mp4", "e.jsonl", "run/best.safetensors"):
        shutil.copy("tiny.safetensors", name)
    for old, new in (("grid.h5", "run/last.safetensors"), ("faces.h5", "faces.mp4"), ("faces.h5", "hard.mp4")):
        os.link(old, new)
    shutil.copy(FACE, "p.mp4")
    shutil.copy(VOICE, "n.mp4.json")
    (bench.folder / "mine.mp4").write_text("[quality]\ncrf = 20\n")
    force = () if line[0] == "train" else ("--force",)
    bench.fails(3, *line, *force, says=("is an input", "name another output"))


@pytest.mark.parametrize("verb", ["detect-faces", "mels"])
def test_a_store_on_standard_output(verb: str, bench: Bench) -> None:
    bench.fails(2, verb, bench.folder / "clips", "-", says=("standard output",))


def test_folders_for_files(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bench.folder)
    for line in (
        ("pack", "clips", "mels.h5", "new.h5"),
        ("train", "clips", "run"),
        ("infer", "clips", str(VOICE), *TINY),
        ("infer", "clip.mp4", "clips", *TINY),
        ("infer", "clip.mp4", str(VOICE), "--weights", "clips"),
        ("score", "grid.h5", "--expert", "clips"),
        ("score", "clip.mp4", "--reference", "clips"),
        ("info", "clips"),
        ("detect-faces", "clips", "clips"),
    ):
        bench.fails(3, *line, says=("clips: ", "folder", "; "))
    bench.fails(3, "extract-frames", "clips", "clip.mp4", says=("clip.mp4", "is a file"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_what_is_no_regular_file(bench: Bench) -> None:
    pipe = bench.folder / "pipe.mp4"
    os.mkfifo(pipe)
    bench.fails(3, "info", pipe, says=("not a regular file",))
    bench.fails(3, "infer", bench.clip_mp4, pipe, "--weights", bench.tiny_safetensors, says=("not a regular file",))


def test_nobody_speaks(bench: Bench) -> None:
    import numpy as np
    import soundfile

    soundfile.write(bench.folder / "silence.wav", np.zeros(16000), 16000)
    line = ("infer", bench.clip_mp4, bench.folder / "silence.wav", "--weights", bench.tiny_safetensors)
    bench.fails(4, *line, says=("silence.wav", "silent throughout", "--silence model"))


def test_truncated_sound(bench: Bench) -> None:
    import soundfile

    samples, rate = soundfile.read(VOICE)
    for name in ("voice.wav", "voice.flac", "voice.mp3"):
        path = bench.folder / name
        soundfile.write(path, samples, rate)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        bench.fails(3, "mels", path, bench.folder / "new.h5", says=(name, "truncated"))
        bench.fails(3, "infer", bench.clip_mp4, path, "--weights", bench.tiny_safetensors, says=(name, "truncated"))


@pytest.mark.parametrize(
    "name", ["a b.mp4", "q'u\"o.mp4", "😀 ü.mp4", "-rf.mp4", "%03d.mp4", "a:b.mp4", "$(x);&[a]*.mp4"]
)
def test_names_of_any_kind(name: str, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The film beside the face has both names in its own, and the clip is read as any other."""
    folder = bench.folder / "some where"
    folder.mkdir()
    shutil.copy(bench.clip_mp4, folder / name)
    monkeypatch.chdir(folder)
    result = CliRunner().invoke(cli.app, ["infer", "-q", "--weights", "../tiny.safetensors", "--", name, name])
    assert result.exit_code == 0, result.stderr
    made = f"{Path(name).stem}.{Path(name).stem}.mp4"
    assert result.stdout == made + "\n"
    assert sorted(path.name for path in folder.iterdir()) == sorted([name, made])


def test_names_that_are_no_text(bench: Bench) -> None:
    """A line break does not break the line; a name that is not UTF-8 costs its own clip."""
    bench.fails(3, "info", bench.folder / "a\nb.mp4", says=("a\\nb.mp4",))
    foreign = b"ann/\xff.mp4".decode("utf-8", "surrogateescape")
    shutil.copy(bench.clip_mp4, bench.folder / "clips" / foreign)
    bench.fails(3, "info", bench.folder / "clips" / foreign, says=("not UTF-8", "rename it"))
    for line in (("pack", bench.faces_h5, foreign, bench.folder / "new.h5"), ("score", foreign), ("curves", foreign)):
        bench.fails(3, *line, says=("\\udcff.mp4: its name is not UTF-8; rename it",))
    bench.fails(2, "say", foreign, bench.folder / "new.wav", says=("lipsync: text must be a text in UTF-8",))
    for verb in ("mels", "extract-frames"):
        line = [verb, str(bench.folder / "clips"), str(bench.folder / f"new-{verb}"), "--json"]
        result = CliRunner().invoke(cli.app, line)
        assert result.exit_code == 5, result.stderr
        assert "not UTF-8" in result.stderr
        assert json.loads(result.stdout)["clips"] == 2


def test_messages_on_stdin_in_another_encoding(bench: Bench) -> None:
    line = ["infer", str(bench.clip_mp4), "--messages", "-", "-o", str(bench.folder / "new"), "--dry-run"]
    result = CliRunner().invoke(cli.app, line, input=b'{"text": "Zo\xeb"}\n')
    assert result.exit_code == 3
    assert result.stderr.startswith("lipsync: standard input: line 1: its encoding is not UTF-8")


def test_a_locale_that_cannot_hold_a_name_is_told(bench: Bench, lipsync_process: Run) -> None:
    path = bench.folder / "ünï 😀.mp4"
    shutil.copy(bench.clip_mp4, path)
    old = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    result = lipsync_process("info", path, env=old)
    assert result.returncode == 3
    assert result.stderr.endswith("its name cannot be read in the encoding of this locale (ascii); set PYTHONUTF8=1\n")
    result = lipsync_process("info", path, env={**old, "PYTHONUTF8": "1", "PYTHONIOENCODING": "ascii"})
    assert json.loads(result.stdout)["path"] == str(path)


def test_stores_cut_short(bench: Bench) -> None:
    for path in (bench.grid_h5, bench.faces_h5, bench.mels_h5):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    new = bench.folder / "new.h5"
    for line in (
        ("info", bench.grid_h5),
        ("train", bench.grid_h5, bench.folder / "run"),
        ("score", bench.grid_h5, "--weights", bench.tiny_safetensors),
        ("pack", bench.faces_h5, bench.mels_h5, new),
    ):
        bench.fails(3, *line, says=("damaged", "make it again"))


@pytest.mark.parametrize("content", ["page", "cut", "pickle"])
def test_weights_that_are_none(content: str, bench: Bench) -> None:
    weights = bench.tiny_safetensors
    whole = weights.read_bytes()
    weights.write_bytes(
        {"page": b"<!DOCTYPE html>\n" * 50, "cut": whole[: len(whole) // 2], "pickle": b"\x80\x02}q."}[content]
    )
    line = ("infer", bench.clip_mp4, VOICE, "--weights", weights)
    bench.fails(3, *line, says=("tiny.safetensors", "not a readable .safetensors file", "lipsync train"))


def test_a_folder_and_a_file_that_may_not_be_touched(bench: Bench) -> None:
    """Also for the superuser, who has to give up the right to pass by permissions first."""
    locked, secret = bench.folder / "locked", bench.folder / "secret.mp4"
    locked.mkdir()
    shutil.copy(bench.clip_mp4, secret)
    locked.chmod(0o500)
    secret.chmod(0)
    lines = [
        ["mels", "clips", "locked/new.h5"],
        ["infer", "clip.mp4", str(VOICE), "-o", "locked/new.mp4", *TINY],
        ["extract-frames", "clips", "locked/frames"],
        ["info", "secret.mp4"],
        ["infer", "secret.mp4", str(VOICE), *TINY],
        ["train", "secret.mp4", "run"],
    ]
    program = f"""import ctypes, struct, sys
from typer.testing import CliRunner
from lipsync_cli import cli
head = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0))
rights = ctypes.create_string_buffer(24)
library = ctypes.CDLL(None)
assert library.capget(head, rights) == 0
words = list(struct.unpack("=6I", rights.raw))
words[:3] = [word & ~0b110 for word in words[:3]]
assert library.capset(head, ctypes.create_string_buffer(struct.pack("=6I", *words), 24)) == 0
for line in {lines!r}:
    result = CliRunner().invoke(cli.app, line)
    print(result.exit_code, result.stderr, end="")
"""
    before = bench.state()
    result = subprocess.run([sys.executable, "-c", program], cwd=bench.folder, capture_output=True, text=True)
    told = result.stdout.splitlines()
    assert len(told) == len(lines), result
    for line, words in zip(told, ["locked"] * 3 + ["secret.mp4"] * 3, strict=True):
        assert line.startswith(f"3 lipsync: {words}"), line
    locked.chmod(0o700)
    assert bench.state() == before
    assert not list(locked.iterdir())
