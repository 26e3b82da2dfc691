"""Several packs as one."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from fixtures.stores import write_faces, write_mels

from lipsync_cli.errors import InputError
from lipsync_cli.formats.joined_pack import JoinedPack, open_pack
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.preprocessing.pack import Split, pack


def make_pack(folder: Path, name: str, clips: list[tuple[str, str, int]], features: int = 0, size: int = 96) -> Path:
    write_faces(folder / "faces.h5", clips, faceless=(2,), size=size)
    write_mels(folder / "mels.h5", [(speaker, clip, 4 * count) for speaker, clip, count in clips], features=features)
    pack(folder / "faces.h5", folder / "mels.h5", folder / name, Split(1))
    return folder / name


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    one = make_pack(tmp_path, "one.h5", [("s1", "a", 15), ("s1", "b", 20)], features=2)
    return [one, make_pack(tmp_path, "two.h5", [("s2", "a", 13), ("s2", "longer", 17)], features=2)]


def test_crops_mels_and_features_are_those_of_the_packs(two: list[Path]) -> None:
    with open_pack(two, jobs=2) as joined, Pack(two[0]) as one, Pack(two[1]) as other:
        assert len(joined) == 65
        assert sorted(f"{row['speaker']}/{row['name']}" for row in joined.clips) == [
            "s1/a",
            "s1/b",
            "s2/a",
            "s2/longer",
        ]
        for pack_ in (one, other):
            for row in pack_.clips:
                (place,) = np.flatnonzero(
                    (joined.clips["speaker"] == row["speaker"]) & (joined.clips["name"] == row["name"])
                )
                mine = joined.clips[place]
                frames = np.arange(row["num_frames"])
                expected = pack_.read_crops(row["first_frame"] + frames)
                np.testing.assert_array_equal(joined.read_crops(mine["first_frame"] + frames), expected)
                np.testing.assert_array_equal(joined.decode_all(np.array([place])), expected)
                np.testing.assert_array_equal(
                    joined.has_face[mine["first_frame"] + frames], pack_.has_face[row["first_frame"] + frames]
                )
                for kind, held, theirs in (
                    ("mel", joined.mel, pack_.mel),
                    ("feature", joined.features.data[1], pack_.features.data[1]),
                ):
                    ours = held[mine[f"first_{kind}"] : mine[f"first_{kind}"] + mine[f"num_{kind}s"]]
                    np.testing.assert_array_equal(
                        ours, theirs[row[f"first_{kind}"] : row[f"first_{kind}"] + row[f"num_{kind}s"]]
                    )
        shuffled = np.array([60, 3, 34, 35, 0])
        np.testing.assert_array_equal(joined.read_crops(shuffled), joined.decode_all()[shuffled])
        with pickle.loads(pickle.dumps(joined)) as copy:
            np.testing.assert_array_equal(copy.read_crops(shuffled), joined.read_crops(shuffled))


def test_the_order_of_the_names_makes_no_difference(two: list[Path]) -> None:
    with open_pack(two) as one, open_pack(two[::-1]) as other:
        assert one.fingerprint == other.fingerprint
        np.testing.assert_array_equal(one.clips, other.clips)
    with open_pack(two[:1]) as one:
        assert not isinstance(one, JoinedPack)


def test_packs_that_do_not_go_together_are_refused_with_both_names(tmp_path: Path, two: list[Path]) -> None:
    again = make_pack(tmp_path, "again.h5", [("s1", "b", 20)], features=2)
    with pytest.raises(InputError, match=r"(one|again).h5: holds s1/b, which is in .*(one|again).h5, too"):
        open_pack([two[0], again])
    large = make_pack(tmp_path, "large.h5", [("s9", "b", 20)], features=2, size=128)
    with pytest.raises(InputError, match=r"does not go with .*h5: the crop rules differ in size"):
        open_pack([two[0], large])
    silent = make_pack(tmp_path, "mels_only.h5", [("s9", "b", 20)])
    with pytest.raises(InputError, match=r"has other speech features than .*h5"):
        open_pack([two[0], silent])
