"""Many speeches of one presenter: found once, drawn once each, told one line each."""

from __future__ import annotations

import json
from functools import partial

import cv2
import numpy as np
import pytest
from fixtures.jobs import known_face, make_film, open_scene, prepare

from lipsync_cli.errors import LipsyncError, NothingToDoError, UsageError
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.media.video.encode import VideoWriter
from lipsync_cli.runtime.array_cache import ArrayCache
from lipsync_cli.synthesis.film import infer
from lipsync_cli.synthesis.messages import Message, make_messages, name_messages, read_messages
from lipsync_cli.synthesis.references.reference_cache import FaceReferenceCache
from lipsync_cli.synthesis.references.reference_selection import ReferenceFrames
from lipsync_cli.synthesis.rendering.scene import SceneBuilder


class Searches:
    """Takes the place of `find_faces`; keeps how many frames each search has gone through."""

    def __init__(self):
        self.lengths = []

    def __call__(self, frames, *_):
        (track,) = known_face(frames)
        self.lengths.append(len(track.boxes))
        return [track]


class CountingCache(FaceReferenceCache):
    """Counts how often a reference had to be chosen."""

    num_chosen = 0

    def keep_reference(self, *args):
        self.num_chosen += 1
        super().keep_reference(*args)


def same_pictures(one, other):
    return all(np.array_equal(a, b) for a, b in zip(read_frames(one), read_frames(other), strict=True))


def test_the_face_and_its_scene_are_found_once(face_clip, voice_file, weights, tmp_path):
    scenes, searches = [], Searches()
    voices = [voice_file(0.4), voice_file(0.9), voice_file(0.3)]
    with SceneBuilder(ahead_s=60, search=searches) as builder:

        def make(job):
            scenes.append(open_scene(builder, job))
            return infer(job, builder=builder)

        report = make_messages(name_messages(voices, tmp_path), partial(prepare, face_clip, weights=weights), make)
    assert searches.lengths == [30]
    assert scenes == [scenes[0]] * 3  # with the poses that are known of it
    assert [path.name for path in report.made] == ["voice0.4.mp4", "voice0.9.mp4", "voice0.3.mp4"]
    with prepare(face_clip, voices[2], tmp_path / "alone.mp4", weights) as job:
        make_film(job, "auto")
    assert same_pictures(tmp_path / "alone.mp4", report.made[2])


def test_more_of_the_video_is_looked_at_only_when_needed(face_clip, voice_file, weights, tmp_path):
    searches = Searches()
    with SceneBuilder("current", search=searches) as builder:
        for seconds in (0.3, 0.2, 0.6):
            with prepare(face_clip, voice_file(seconds), tmp_path / f"{seconds}.mp4", weights) as job:
                infer(job, builder=builder)
    assert searches.lengths == [9, 18]


def test_failures_cost_one_message_and_what_is_there_is_kept(face_clip, voice_file, weights, tmp_path):
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
    with SceneBuilder("current", search=known_face) as builder:
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


def remember(cache, job, search, **options):
    """Make a film; return what was said, and whether a reference had to be chosen."""
    said = []
    memory = CountingCache(None if cache is None else ArrayCache(cache, said.append), notify=said.append, **options)
    with SceneBuilder(memory=memory, search=search) as builder, job:
        infer(job, builder=builder)
    return said, memory.num_chosen == 1


def test_the_cache_knows_the_face_by_content(face_clip, voice_file, weights, tmp_path):
    cache, voice, searches = tmp_path / "cache", voice_file(0.4), Searches()
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(face_clip.read_bytes())
    for clip, is_new in ((face_clip, True), (copy, False)):
        job = prepare(clip, voice, tmp_path / f"{is_new}.mp4", weights)
        assert remember(cache, job, searches) == ([], is_new)
    assert len(searches.lengths) == 1
    assert same_pictures(tmp_path / "True.mp4", tmp_path / "False.mp4")


def test_all_reference_frames_are_remembered(face_clip, voice_file, weights, tmp_path):
    memory, several = FaceReferenceCache(ArrayCache(tmp_path / "cache")), [ReferenceFrames(5)]
    with prepare(face_clip, voice_file(0.4), tmp_path / "out.mp4", weights, device=None) as job:
        key = job.source, job.generator.header, "", "auto", 10
        for more in ([], [ReferenceFrames(0, 9, (3, 9)), ReferenceFrames(7, 1, (4,))]):
            several += more
            memory.keep_reference(*key, tuple(several))
            assert memory.reference(*key) == tuple(several)
        memory.keep_reference(*key, (ReferenceFrames(0, 1, (10,)),))  # a damaged entry: there is no such frame
        assert memory.reference(*key) is None


def test_a_damaged_cache_is_told_and_made_again(face_clip, voice_file, weights, tmp_path):
    cache, voice, searches = tmp_path / "cache", voice_file(0.3), Searches()

    def make(number):
        return remember(cache, prepare(face_clip, voice, tmp_path / f"{number}.mp4", weights), searches)

    make(1)
    for entry in cache.iterdir():
        entry.write_bytes(entry.read_bytes()[:40])
    said, is_new = make(2)
    assert is_new
    assert len(said) == 2
    assert all("is damaged" in text for text in said)
    assert len(searches.lengths) == 2
    assert make(3) == ([], False)
    assert len(searches.lengths) == 2


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
    voice, searches = voice_file(0.4), Searches()

    def make(video, number):
        job = prepare(video, voice, tmp_path / f"{number}.mp4", weights)
        return remember(None, job, searches, store=store)[0]

    assert make(clip, 1) == []
    assert store.exists()
    assert make(clip, 2) == []
    assert not searches.lengths
    assert same_pictures(tmp_path / "1.mp4", tmp_path / "2.mp4")
    assert make(other, 3) == [f"{store}: does not hold {other}; the face is searched for in the video"]
    assert len(searches.lengths) == 1


def test_command(lipsync, astronaut, voice_file, weights, tmp_path):
    photo, films = tmp_path / "face.png", tmp_path / "films"
    cv2.imwrite(str(photo), astronaut[:, :, ::-1])
    voices = [voice_file(0.3), voice_file(0.4)]
    line = ["infer", photo, *voices, tmp_path / "no.wav", "-o", films, "--weights", weights, "--device", "cpu"]
    made = lipsync(*line)
    assert made.returncode == 5
    assert made.stdout.split() == [str(films / "voice0.3.mp4"), str(films / "voice0.4.mp4")]
    assert made.stderr.splitlines() == [
        f"{photo}: the mouth is open; its lips are brought together before it speaks",
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
