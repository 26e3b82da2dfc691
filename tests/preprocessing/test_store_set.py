"""Faces and mels that were made in parts."""

import h5py
import numpy as np
import pytest
from fixtures.stores import write_faces, write_mels

from lipsync_cli.errors import InputError
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.preprocessing.pack import Split, pack
from lipsync_cli.preprocessing.store_set import sort_by_format

CLIPS = [("s1", "a", 15), ("s1", "b", 16), ("s2", "a", 14), ("s2", "b", 18), ("s3", "c", 20)]


def sounds(clips):
    return [(speaker, name, 4 * count) for speaker, name, count in clips]


@pytest.mark.parametrize("raw", [False, True])
def test_parts_give_the_pack_of_the_whole_in_whatever_order(tmp_path, raw):
    for part, clips in (("whole", CLIPS), ("1", CLIPS[::2]), ("2", CLIPS[1::2])):
        write_faces(tmp_path / f"faces.{part}.h5", clips, raw=raw)
        write_mels(tmp_path / f"mels.{part}.h5", sounds(clips), features=2)
    pack(tmp_path / "faces.whole.h5", tmp_path / "mels.whole.h5", tmp_path / "whole.h5", Split(1))
    orders = []
    for faces, mels in ("12", "12"), ("21", "12"):
        output = tmp_path / f"{faces}{mels}.h5"
        pack([tmp_path / f"faces.{n}.h5" for n in faces], [tmp_path / f"mels.{n}.h5" for n in mels], output, Split(1))
        orders.append(output)
    with Pack(tmp_path / "whole.h5") as whole, Pack(orders[0]) as one, Pack(orders[1]) as other:
        assert one.fingerprint == other.fingerprint
        np.testing.assert_array_equal(one.clips, whole.clips)
        assert len(one.attributes["inputs"]) == 4
        frame = int(one.clips[1]["first_frame"])  # the first clip of the second part
        with h5py.File(tmp_path / "faces.2.h5") as file:
            np.testing.assert_array_equal(one.box[frame : frame + 16], file["faces/box"][:16])
        place = slice(int(one.clips[1]["first_mel"]), int(one.clips[1]["first_mel"] + 64))
        assert (one.mel[place] == 0).all()  # of the part's first clip
        assert one.features.data.shape == whole.features.data.shape


def test_a_clip_in_two_files_and_other_rules_are_refused_with_both_names(tmp_path):
    write_faces(tmp_path / "f1.h5", CLIPS[:2])
    write_mels(tmp_path / "m1.h5", sounds(CLIPS[:2]))
    write_faces(tmp_path / "f2.h5", CLIPS[1:3])
    write_faces(tmp_path / "large.h5", CLIPS[2:], size=128)
    write_mels(tmp_path / "heard.h5", sounds(CLIPS[2:]), features=1)
    with pytest.raises(InputError, match=r"f2.h5: s1/b is in .*f1.h5, too; give each clip once"):
        pack([tmp_path / "f1.h5", tmp_path / "f2.h5"], tmp_path / "m1.h5", tmp_path / "p.h5")
    with pytest.raises(InputError, match=r"large.h5: differs from .*f1.h5 in crop_rule.size; make both with the same"):
        pack([tmp_path / "f1.h5", tmp_path / "large.h5"], tmp_path / "m1.h5", tmp_path / "p.h5")
    with pytest.raises(InputError, match=r"heard.h5: differs from .*m1.h5 in feature_parameters, seed, variants"):
        pack(tmp_path / "f1.h5", [tmp_path / "m1.h5", tmp_path / "heard.h5"], tmp_path / "p.h5")
    assert not (tmp_path / "p.h5").exists()


def test_files_are_known_by_what_is_in_them(stores):
    faces, mels = stores
    assert sort_by_format([mels, faces]) == ([faces], [mels])
    with pytest.raises(InputError, match="no file that lipsync mels wrote is among the inputs; name one, too"):
        sort_by_format([faces])
