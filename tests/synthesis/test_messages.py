"""Many speeches of one presenter: found once, drawn once each, told one line each."""

from __future__ import annotations

import json
from functools import partial

import cv2
import numpy as np
import pytest
from fixtures.jobs import prepare

from lipsync_cli.errors import LipsyncError, NothingToDoError, UsageError
from lipsync_cli.faces.alignment import Aligner
from lipsync_cli.faces.tracking.face_track import Track
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.media.video.encode import VideoWriter
from lipsync_cli.runtime.array_cache import ArrayCache
from lipsync_cli.synthesis.film import infer
from lipsync_cli.synthesis.messages import Message, make_messages, name_messages, read_messages
from lipsync_cli.synthesis.references.reference_cache import FaceReferenceCache
from lipsync_cli.synthesis.references.reference_selection import ReferenceFrames
from lipsync_cli.synthesis.rendering import scene as module
from lipsync_cli.synthesis.rendering.scene import SceneBuilder

BOX = np.array([73.0, 57.0, 181.0, 165.0], np.float32)


@pytest.fixture
def searches(monkeypatch):
    """How many frames each search for the face has gone through."""
    lengths = []

    def find_faces(frames, rule, *_):
        lengths.append(sum(1 for _ in frames))
        return [Track(np.tile(BOX, (lengths[-1], 1)), np.ones(lengths[-1]), np.full((lengths[-1], 5, 2), np.nan))]

    monkeypatch.setattr(module, "find_faces", find_faces)
    return lengths


def same_pictures(one, other):
    return all(np.array_equal(a, b) for a, b in zip(read_frames(one), read_frames(other), strict=True))


def test_the_face_and_its_poses_are_found_once(searches, face_clip, voice_file, weights, tmp_path, monkeypatch):
    posed = []
    align = Aligner.align
    monkeypatch.setattr(Aligner, "align", lambda self, *faces: posed.append(faces) or align(self, *faces))
    voices = [voice_file(0.4), voice_file(0.9), voice_file(0.3)]
    with SceneBuilder(ahead_s=60) as builder:
        report = make_messages(
            name_messages(voices, tmp_path),
            partial(prepare, face_clip, weights=weights),
            partial(infer, builder=builder),
        )
    assert searches == [30]
    assert len(posed) == 5 + 20 + 27  # witnesses of the resting face; candidates for the open mouth; 0.9 s at 29.97
    assert [path.name for path in report.made] == ["voice0.4.mp4", "voice0.9.mp4", "voice0.3.mp4"]
    with SceneBuilder(ahead_s=60) as builder, prepare(face_clip, voices[2], tmp_path / "alone.mp4", weights) as job:
        infer(job, builder=builder)
    assert same_pictures(tmp_path / "alone.mp4", report.made[2])


def test_more_of_the_video_is_looked_at_only_when_needed(searches, face_clip, voice_file, weights, tmp_path):
    with SceneBuilder() as builder:
        for seconds in (0.3, 0.2, 0.6):
            with prepare(face_clip, voice_file(seconds), tmp_path / f"{seconds}.mp4", weights) as job:
                infer(job, builder=builder)
    assert searches == [9, 18]


def test_failures_cost_one_message_and_what_is_there_is_kept(searches, face_clip, voice_file, weights, tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"RIFF, but no more")
    good, missing = voice_file(0.3), tmp_path / "missing.wav"
    ready = tmp_path / "ready.mp4"
    ready.write_bytes(b"made before")
    messages = [
        Message(missing, tmp_path / "a.mp4"),
        Message(tmp_path / "broken.wav", tmp_path / "b.mp4"),
        Message(good, ready),
        Message(good, tmp_path / "c.mp4"),
    ]
    failures: list[LipsyncError] = []
    with SceneBuilder() as builder:
        report = make_messages(
            messages,
            partial(prepare, face_clip, weights=weights),
            partial(infer, builder=builder),
            on_failure=failures.append,
        )
    assert [error.path for error in failures] == [missing, tmp_path / "broken.wav"]
    assert report.made == [tmp_path / "c.mp4"]
    assert report.skipped == [ready]
    assert ready.read_bytes() == b"made before"
    assert not (tmp_path / "a.mp4").exists()
    assert not (tmp_path / "b.mp4").exists()


def test_without_a_face_all_end_at_once(numbered, voice_file, weights, tmp_path):
    messages = name_messages([voice_file(0.3), voice_file(0.2)], tmp_path)
    with SceneBuilder() as builder, pytest.raises(NothingToDoError, match="no face"):
        make_messages(
            messages,
            partial(prepare, numbered(12), weights=weights),
            partial(infer, builder=builder),
            on_failure=lambda error: pytest.fail(f"told of one message: {error}"),
        )


def test_speeches_of_one_name(tmp_path):
    with pytest.raises(UsageError, match="would both become"):
        name_messages([tmp_path / "a" / "x.wav", tmp_path / "b" / "x.flac"], tmp_path)


def test_list_of_messages(tmp_path):
    lines = [
        '{"speech": "a.wav"}',
        "",
        '{"speech": "b.wav", "output": "film.mkv", "silence": "keep", "final_audio": "mix.wav"}',
        '{"speech": "a.wav", "output": "again"}',
        "not json",
        '["speech"]',
        '{"output": "x.mp4"}',
        '{"speech": 3}',
        '{"speech": "c.wav", "output": "../x.mp4"}',
        '{"speech": "c.wav", "output": "x.txt"}',
        '{"speech": "c.wav", "extend": "stretch"}',
        '{"speech": "c.wav", "colour": "red"}',
        '{"speech": "d.wav", "output": "a.mp4"}',
    ]
    failures: list[LipsyncError] = []
    found = read_messages(lines, "list.jsonl", tmp_path / "in", tmp_path / "out", failures.append)
    assert found == [
        Message(tmp_path / "in" / "a.wav", tmp_path / "out" / "a.mp4"),
        Message(
            tmp_path / "in" / "b.wav",
            tmp_path / "out" / "film.mkv",
            {"silence": "keep", "final_audio": tmp_path / "in" / "mix.wav"},
        ),
        Message(tmp_path / "in" / "a.wav", tmp_path / "out" / "again.mp4"),
    ]
    told = [str(error) for error in failures]
    assert [text.split(":")[1].strip() for text in told] == [f"line {number}" for number in range(5, 14)]
    assert "a.mp4 is the output of line 1, too" in told[-1]


def remember(cache, face_clip, voice, weights, output, **options):
    said = []
    memory = FaceReferenceCache(
        None if cache is None else ArrayCache(cache, said.append), notify=said.append, **options
    )
    with SceneBuilder(memory=memory) as builder, prepare(face_clip, voice, output, weights) as job:
        infer(job, builder=builder)
    return said


def test_the_cache_knows_the_face_by_content(searches, face_clip, voice_file, weights, tmp_path, monkeypatch):
    cache, voice = tmp_path / "cache", voice_file(0.4)
    remember(cache, face_clip, voice, weights, tmp_path / "1.mp4")
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(face_clip.read_bytes())
    monkeypatch.setattr(module, "choose_reference", lambda *_: pytest.fail("the reference was chosen again"))
    assert remember(cache, copy, voice, weights, tmp_path / "2.mp4") == []
    assert len(searches) == 1
    assert same_pictures(tmp_path / "1.mp4", tmp_path / "2.mp4")
    monkeypatch.undo()


def test_all_lenders_are_remembered(tmp_path, monkeypatch):
    memory = FaceReferenceCache(ArrayCache(tmp_path))
    monkeypatch.setattr(memory, "_reference_key", lambda *_: "key")
    for references in ((ReferenceFrames(5),), (ReferenceFrames(5), ReferenceFrames(0, 9), ReferenceFrames(7, 1))):
        memory.keep_reference(None, None, "", "auto", 10, references)
        assert memory.reference(None, None, "", "auto", 10) == references
    assert memory.reference(None, None, "", "auto", 9) is None  # the open mouth is not among so few frames


def test_a_damaged_cache_is_told_and_made_again(searches, face_clip, voice_file, weights, tmp_path):
    cache, voice = tmp_path / "cache", voice_file(0.3)
    remember(cache, face_clip, voice, weights, tmp_path / "1.mp4")
    for entry in cache.iterdir():
        entry.write_bytes(entry.read_bytes()[:40])
    said = remember(cache, face_clip, voice, weights, tmp_path / "2.mp4")
    assert len(said) == 2
    assert all("is damaged" in text for text in said)
    assert len(searches) == 2
    assert remember(cache, face_clip, voice, weights, tmp_path / "3.mp4") == []
    assert len(searches) == 2


def test_the_cache_stays_small(tmp_path):
    cache = ArrayCache(tmp_path, limit_bytes=20_000)
    for number in range(5):
        cache.put(f"{number:064x}", {"boxes": np.zeros(1000)})
    assert cache.get(f"{0:064x}") is None
    assert cache.get(f"{4:064x}") is not None
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 20_000


def test_a_faces_file_saves_the_search_or_is_refused_in_words(astronaut, voice_file, weights, tmp_path):
    clip, other, store = tmp_path / "face.mp4", tmp_path / "other.mp4", tmp_path / "faces.h5"
    for path, shift in ((clip, 1), (other, 2)):
        with VideoWriter(path, 256, 256, 25) as writer:
            for number in range(15):
                writer.write(np.roll(astronaut, shift * (number % 3), 1))
    voice = voice_file(0.4)
    assert remember(None, clip, voice, weights, tmp_path / "1.mp4", store=store) == []
    assert store.exists()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "find_faces", lambda *_: pytest.fail("searched again"))
        assert remember(None, clip, voice, weights, tmp_path / "2.mp4", store=store) == []
    assert same_pictures(tmp_path / "1.mp4", tmp_path / "2.mp4")
    said = remember(None, other, voice, weights, tmp_path / "3.mp4", store=store)
    assert said == [f"{store}: does not hold {other}; the face is searched for in the video"]


def test_command(lipsync, astronaut, voice_file, weights, tmp_path):
    photo, films = tmp_path / "face.png", tmp_path / "films"
    cv2.imwrite(str(photo), astronaut[:, :, ::-1])
    voices = [voice_file(0.3), voice_file(0.4)]
    line = ["infer", photo, *voices, tmp_path / "no.wav", "-o", films, "--weights", weights, "--device", "cpu"]
    made = lipsync(*line)
    assert made.returncode == 5
    assert made.stdout.split() == [str(films / "voice0.3.mp4"), str(films / "voice0.4.mp4")]
    assert made.stderr.splitlines() == [
        f"lipsync: {tmp_path / 'no.wav'}: no such file",
        "lipsync: 1 of 3 messages failed, the others are done",
    ]
    (films / "voice0.3.mp4").unlink()
    listing = tmp_path / "list.jsonl"
    listing.write_text("".join(json.dumps({"speech": voice.name}) + "\n" for voice in voices))
    again = lipsync("infer", photo, "--messages", listing, "-o", films, "--weights", weights, "--json")
    assert again.returncode == 0, again.stderr
    result = json.loads(again.stdout)
    assert result["made"] == [str(films / "voice0.3.mp4")]
    assert result["skipped"] == [str(films / "voice0.4.mp4")]
    assert "exists and is kept" in again.stderr
    assert lipsync("infer", photo, *voices).returncode == 2
    assert lipsync("infer", photo).returncode == 2
