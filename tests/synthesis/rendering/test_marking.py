"""What a film of `infer` says of itself: on by default, off only with a reason that is kept."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from fixtures.jobs import make_film, prepare

from lipsync_cli.errors import InputError, UsageError
from lipsync_cli.media.probe import probe
from lipsync_cli.provenance.c2pa import Identity
from lipsync_cli.provenance.verify import verify_marks
from lipsync_cli.synthesis.rendering.marking import Marking

SPEECH = Path(__file__).resolve().parents[3] / "examples" / "speech.flac"


def test_marked_unless_told_otherwise(face_clip, weights, tmp_path):
    with prepare(face_clip, SPEECH, tmp_path / "out.mp4", weights) as job:
        result = make_film(job)
    assert result.marks == ["metadata", "sound"]
    assert result.sidecar is None
    marks = verify_marks(tmp_path / "out.mp4")
    assert marks["synthetic"]
    assert marks["metadata"]["found"]
    assert marks["sound"]["found"]
    assert marks["sound_high"] == {"found": None, "fact": "16000 samples a second have no room for it"}
    assert not marks["sidecar"]["found"]
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_a_mark_above_hearing_makes_room_for_itself(face_clip, weights, tmp_path):
    film, speech = tmp_path / "out.mp4", SPEECH
    with prepare(face_clip, speech, film, weights) as job:
        result = make_film(job, marking=Marking(high=True))
    assert result.marks == ["metadata", "sound", "sound_high"]
    audio = probe(film).audio
    assert audio is not None
    assert audio.sample_rate == 44_100  # of a speech with 16,000
    marks = verify_marks(film)
    assert marks["survived"] == ["metadata", "sound", "sound_high"]


def test_no_mark_keeps_its_reason(face_clip, voice_file, weights, tmp_path):
    film, speech = tmp_path / "out.mp4", voice_file(0.5)
    with prepare(face_clip, speech, film, weights) as job:
        result = make_film(job, marking=Marking(no_mark="marked by the broadcaster", options={"crf": 18}))
    assert result.marks == []
    assert result.no_mark_reason == "marked by the broadcaster"
    record = json.loads((tmp_path / "out.mp4.json").read_text())
    assert record["marks"] == {"in_film": [], "label": None, "no_mark_reason": "marked by the broadcaster"}
    assert record["film"]["sha256"] == hashlib.sha256(film.read_bytes()).hexdigest()
    assert record["inputs"]["speech"]["sha256"] == hashlib.sha256(speech.read_bytes()).hexdigest()
    assert record["inputs"]["face"]["name"] == face_clip.name
    assert record["weights"]["sha256"] == result.weights_sha256
    assert record["options"] == {"crf": 18}
    marks = verify_marks(film)
    assert not marks["metadata"]["found"]
    assert not marks["sound"]["found"]
    assert marks["sidecar"]["matches"]
    assert marks["synthetic"]
    film.write_bytes(film.read_bytes() + b"\0\0\0\x08free")
    assert verify_marks(film)["sidecar"] == marks["sidecar"] | {"matches": False}


def test_what_does_not_go_together(tmp_path):
    film, someone = tmp_path / "a.mp4", Identity(b"", b"", "es256")
    with pytest.raises(UsageError, match="reason"):
        Marking(no_mark="  ").check(film)
    with pytest.raises(UsageError, match="none of"):
        Marking(no_mark="because", label="synthetic").check(film)
    with pytest.raises(UsageError, match="none of"):
        Marking(no_mark="because", high=True).check(film)
    with pytest.raises(UsageError, match="mkv"):
        Marking(identity=someone).check(tmp_path / "a.mkv")
    (tmp_path / "a.mp4.json").touch()
    with pytest.raises(InputError, match="exists"):
        Marking(sidecar=True).check(film)
    Marking(sidecar=True).check(film, force=True)
