"""What a store of the HDF5 family may declare: all else is refused with file and dataset, before it is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from fixtures import stores

from lipsync_cli.errors import InputError
from lipsync_cli.formats.open_store import open_hdf5
from lipsync_cli.formats.pack_file import Pack, jpeg_size
from lipsync_cli.preprocessing.pack import Split, pack

CLIPS = [("s1", "a", 14), ("s1", "b", 13)]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    stores.write_faces(tmp_path / "faces.h5", CLIPS)
    stores.write_mels(tmp_path / "mels.h5", [("s1", "a", 45), ("s1", "b", 42)], features=2)
    pack(tmp_path / "faces.h5", tmp_path / "mels.h5", tmp_path / "p.h5", Split(0, 0, None, ()))
    return tmp_path / "p.h5"


def replace(file: h5py.File, name: str, **how: object) -> None:
    values = file[name][()]
    del file[name]
    file.create_dataset(name, **({"data": values} | how))


def put(file: h5py.File, name: str, place: object, value: object) -> None:
    file[name][place] = value


def edit_clips(file: h5py.File, column: str, value: object) -> None:
    rows = file["clips"][()]
    rows[column][0] = value
    file["clips"][...] = rows


def edit_parameters(file: h5py.File, **values: object) -> None:
    file.attrs["parameters"] = json.dumps(json.loads(file.attrs["parameters"]) | values)


def link_outside(file: h5py.File) -> None:
    del file["mels"]
    file["mels"] = h5py.ExternalLink("mels.h5", "/mels")


def link_softly(file: h5py.File) -> None:
    del file["mels/data"]
    file["mels/data"] = h5py.SoftLink("/faces/box")


def store_outside(file: h5py.File) -> None:
    secret = Path(file.filename).with_name("secret")
    secret.write_bytes(bytes(1 << 16))
    shape = file["faces/crop/data"].shape
    del file["faces/crop/data"]
    file["faces/crop"].create_dataset("data", shape, "u1", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])


def view_itself(file: h5py.File) -> None:
    shape = file["mels/data"].shape
    del file["mels/data"]
    layout = h5py.VirtualLayout(shape, "f4")
    layout[...] = h5py.VirtualSource(".", "mels/data", shape)
    file.create_virtual_dataset("mels/data", layout)


def refer(file: h5py.File) -> None:
    replace(file, "faces/score", data=[file["clips"].ref] * 27, dtype=h5py.ref_dtype)


def declare_much(file: h5py.File) -> None:
    del file["faces/crop/data"]
    file.create_dataset("faces/crop/data", (1 << 42,), "u1")


def declare_much_in_pieces(file: h5py.File) -> None:
    del file["faces/crop/data"]
    file.create_dataset("faces/crop/data", (1 << 42,), "u1", chunks=(1 << 20,), compression="gzip")


ODD: dict[str, tuple[Callable[[h5py.File], object], str]] = {
    "an external link": (link_outside, "mels/data is a link to elsewhere"),
    "a soft link": (link_softly, "mels/data is a link to elsewhere"),
    "external storage": (store_outside, "the data of faces/crop/data lie elsewhere"),
    "a view of itself": (view_itself, "the data of mels/data lie elsewhere"),
    "references": (refer, "faces/score is of another type than float32"),
    "a size without bytes": (declare_much, "faces/crop/data declares 4398046511104 bytes"),
    "a size of empty pieces": (declare_much_in_pieces, "faces/crop/data declares 4398046511104 bytes"),
    "a missing dataset": (lambda f: f.pop("faces/box"), "has no faces/box"),
    "a group for a dataset": (lambda f: (f.pop("faces/box"), f.create_group("faces/box")), "faces/box is no dataset"),
    "a dataset for a group": (lambda f: (f.pop("mels"), f.create_dataset("mels", data=1)), "has no mels/data"),
    "another rank": (lambda f: replace(f, "faces/box", data=np.zeros((27, 2, 2), "f4")), "shape 27 x 2 x 2"),
    "another length": (lambda f: replace(f, "faces/score", data=np.zeros(26, "f4")), "faces/score has the shape 26"),
    "a scalar": (lambda f: replace(f, "clips", data=3), "clips is of another type"),
    "another type": (lambda f: replace(f, "mels/data", dtype="f8"), "mels/data is of another type than float32"),
    "the other byte order": (lambda f: replace(f, "mels/data", dtype=">f4"), "mels/data is of another type"),
    "a mel of NaN": (lambda f: put(f, "mels/data", (3, 5), np.nan), "mels/data has a number .* in row 3"),
    "a mel out of range": (lambda f: put(f, "mels/data", (3, 5), 9), "mels/data has a number .* in row 3"),
    "a time of NaN": (lambda f: put(f, "faces/middle", 2, np.nan), "faces/middle has a number"),
    "an endless time": (lambda f: put(f, "faces/middle", 2, np.inf), "faces/middle has a number"),
    "half a box": (lambda f: put(f, "faces/box", (4, 1), np.nan), "faces/box has a number .* in row 4"),
    "an offset beyond the data": (lambda f: put(f, "faces/crop/offset", -1, 1 << 40), "faces/crop/offset points"),
    "offsets that fall": (lambda f: put(f, "faces/crop/offset", 5, 0), "faces/crop/offset points outside"),
    "a negative first row": (lambda f: edit_clips(f, "first_frame", -3), "frames of its clips do not lie end to end"),
    "too many rows": (lambda f: edit_clips(f, "num_mels", 1 << 62), "number of mels out of range"),
    "no frame rate": (lambda f: edit_clips(f, "fps_den", 0), "frame rate"),
    "an unknown split": (lambda f: edit_clips(f, "split", b"odd"), "the split 'odd'"),
    "a name with a folder": (lambda f: edit_clips(f, "name", b"/"), "as a name"),
    "bytes that are no text": (lambda f: edit_clips(f, "name", b"\xff"), "damaged HDF5 file .*utf-8"),
    "no JSON": (lambda f: f.attrs.__setitem__("parameters", "{"), "its parameters is no JSON"),
    "JSON of another kind": (lambda f: f.attrs.__setitem__("parameters", "[]"), "its parameters is a list"),
    "deep JSON": (lambda f: f.attrs.__setitem__("parameters", '{"a":' * 900 + "1" + "}" * 900), "levels"),
    "half a surrogate pair": (lambda f: f.attrs.__setitem__("parameters", r'{"a": "\ud800"}'), "not Unicode"),
    "an attribute of another type": (lambda f: f.attrs.__setitem__("parameters", [1, 2]), "attribute parameters"),
    "a version in words": (lambda f: f.attrs.__setitem__("format_version", "one"), "attribute format_version"),
    "formats": (lambda f: f.attrs.__setitem__("format", ["lipsync-pack", "x"]), "attribute format"),
    "no fingerprint": (lambda f: f.attrs.__delitem__("fingerprint"), "no fingerprint"),
    "a crop rule without end": (lambda f: edit_parameters(f, crop_rule={"scale": 1e400}), "crop rule must be a finite"),
    "JPEG of no quality": (lambda f: edit_parameters(f, quality=None), "no quality from 1 to 100"),
    "a huge crop": (lambda f: edit_parameters(f, crop_rule={"size": 10**9}), "the crop rule has size"),
    "another size of crops": (lambda f: f["faces/crop"].attrs.__setitem__("size", 64), "the size 64"),
    "mels at no rate": (lambda f: edit_parameters(f, mel_parameters={"hop_length": 0}), "hop_length 0"),
    "features of another size": (lambda f: edit_parameters(f, variants=7), "features/data has the shape"),
    "silence of NaN": (lambda f: f["features/data"].attrs.__setitem__("silence", np.full(384, np.nan)), "silence"),
}


@pytest.mark.parametrize("kind", ODD)
def test_a_store_with_something_odd_is_refused_by_file_and_dataset(kind: str, store: Path) -> None:
    change, message = ODD[kind]
    with h5py.File(store, "r+") as file:
        change(file)
    with pytest.raises(InputError, match=rf"p\.h5: .*{message}.*; .*make it again") as caught:
        Pack(store)
    assert caught.value.exit_code == 3


def test_a_store_compressed_by_another_program_is_read(store: Path) -> None:
    with Pack(store) as whole:
        crops, mel = whole.read_crops(np.arange(27)), whole.mel
    with h5py.File(store, "r+") as file:
        for name in ("mels/data", "faces/crop/data", "faces/landmarks", "features/data"):
            attributes = dict(file[name].attrs)
            replace(file, name, compression="gzip", shuffle=True)
            file[name].attrs.update(attributes)
    with Pack(store) as packed:
        assert (packed.read_crops(np.arange(27)) == crops).all()
        assert (packed.mel == mel).all()


def test_what_a_store_holds_beside_is_not_looked_at(store: Path) -> None:
    with h5py.File(store, "r+") as file:
        file["secret"] = h5py.ExternalLink("/etc/passwd", "/")
        file.attrs["note"] = [1, 2, 3]
    with open_hdf5(store) as file:
        assert "note" in file.attrs
    with Pack(store) as pack_:
        assert "note" not in pack_.attributes


def test_a_note_on_stored_features_stays_out_of_a_pack(store: Path) -> None:
    mels = store.with_name("mels.h5")
    with h5py.File(mels, "r+") as file:
        file["features/data"].attrs["more"] = file["clips"].ref
    pack(store.with_name("faces.h5"), mels, store, Split(0, 0, None, ()), force=True)
    with h5py.File(store) as file:
        assert list(file["features/data"].attrs) == ["silence"]


def test_a_crop_that_declares_another_size_is_refused_before_it_is_decoded(store: Path) -> None:
    with h5py.File(store, "r+") as file:
        first, last = file["faces/crop/offset"][3:5]
        data = file["faces/crop/data"][first:last].tobytes()
        assert jpeg_size(data) == (96, 96)
        place = data.index(b"\xff\xc0")
        large = data[: place + 5] + b"\xff\xff\xff\xff" + data[place + 9 :]
        assert jpeg_size(large) == (65535, 65535)
        file["faces/crop/data"][first:last] = np.frombuffer(large, np.uint8)
    with Pack(store) as opened, pytest.raises(InputError, match="the crop of frame 3 is damaged"):
        opened.read_crops(np.arange(5))


@pytest.mark.parametrize("name", ["vds-self.h5", "grid-nan-mel.h5", "faces-external-passwd.h5"])
def test_stores_that_broke_the_program(name: str, data_dir: Path) -> None:
    if not (path := data_dir / "faults" / name).exists():
        pytest.skip(f"no {path}")
    with pytest.raises(InputError, match=r"(mels/data|faces/crop/data)"), open_hdf5(path):
        pass
