"""The example for browsers in a real one: what it draws is what the program draws, and nothing leaves the machine."""

from __future__ import annotations

import base64
import importlib.util
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from real_browser import Browse, Seen

from lipsync_cli.faces.crop import CropRule, crop_face
from lipsync_cli.formats.onnx import PACKAGES, export_onnx
from lipsync_cli.formats.onnx_speech import export_speech_encoder
from lipsync_cli.formats.speech_encoder_weights import load_speech_encoder, make_encode
from lipsync_cli.formats.weights import find_weights, load_weights
from lipsync_cli.speech.speech_features import cut_windows, encode_silence, encode_sound, window_places

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
BOX = (175, 76, 91)  # of the face in the photo: x, y, side
ARTICULATION = 1.7
SOUND_S = 2
PLACES = (10, 25, 40)  # frames that are looked at in the page, too
RUNTIME = ("ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
CODE = """
await page.goto(origin + "/index.html");
await (await page.$("#photo")).uploadFile(values.photo);
await (await page.$("#sound")).uploadFile(values.sound);
await page.waitForFunction(() => document.getElementById("screen").width === 512);
const early = await page.$eval("#speak", button => button.disabled);
const corner = await page.$eval("#screen", screen => screen.getBoundingClientRect().toJSON());
const [x, y, side] = values.box;
await page.mouse.move(corner.x + x, corner.y + y);
await page.mouse.down();
await page.mouse.move(corner.x + x + side, corner.y + y + side, { steps: 3 });
await page.mouse.up();
await page.evaluate(() => {
  const original = drawFrames;
  drawFrames = async (...all) => window.drawn = await original(...all);
  window.said = [];
  new MutationObserver(() => said.push(document.getElementById("state").textContent))
    .observe(document.getElementById("state"), { childList: true });
});
await page.click("#speak");
await page.waitForFunction(() => /failed/.test(document.getElementById("state").textContent)
  || document.getElementById("player").currentTime > 0.1, { timeout: 400000, polling: 200 });
const shots = [];
for (const n of values.places) shots.push(await page.evaluate(async n => {
  const player = document.getElementById("player");
  player.pause();
  await new Promise(done => { player.onseeked = done; player.currentTime = (n + 0.5) / 25; });
  for (let k = 0; k < 3; k++) await new Promise(requestAnimationFrame);
  return document.getElementById("screen").toDataURL();
}, n));
const drawn = await page.evaluate(() => new Promise(done => {
  const reader = new FileReader();
  reader.onload = () => done(reader.result);
  reader.readAsDataURL(new Blob(window.drawn ?? []));
}));
return { early, shots, drawn, said: await page.evaluate(() => said) };
"""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import soundfile

    voice, rate = soundfile.read(EXAMPLES / "speech.flac", dtype="float32")
    path = tmp_path_factory.mktemp("sound") / "voice.wav"
    soundfile.write(path, voice[rate // 2 :][: SOUND_S * rate], rate)
    return path


@pytest.fixture(scope="module")
def site(browser_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example as its guide says, with what it needs beside it."""
    if not all(importlib.util.find_spec(name) for name in PACKAGES):
        pytest.skip("needs lipsync-cli[onnx]")
    folder = tmp_path_factory.mktemp("site")
    for name in ("index.html", "lipsync.js"):
        shutil.copy(EXAMPLES / "browser" / name, folder)
    for name in RUNTIME:
        shutil.copy(browser_dir / "node_modules" / "onnxruntime-web" / "dist" / name, folder)
    export_onnx(None, folder / "generator.onnx", articulation=ARTICULATION)
    export_speech_encoder(folder / "encoder.onnx")
    return folder


@pytest.fixture(scope="module")
def seen(browse: Browse, site: Path, sound: Path) -> Seen:
    values = {"photo": str(EXAMPLES / "astronaut.jpg"), "sound": str(sound), "box": BOX, "places": PLACES}
    return browse(CODE, values, folder=site)


@pytest.fixture(scope="module")
def drawn(seen: Seen) -> np.ndarray:
    """What the page has drawn, (n, 96, 96, 4) uint8."""
    return np.frombuffer(base64.b64decode(seen.result["drawn"].partition(",")[2]), np.uint8).reshape(-1, 96, 96, 4)


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    import cv2

    return cv2.cvtColor(cv2.imread(str(EXAMPLES / "astronaut.jpg")), cv2.COLOR_BGR2RGB)


def draw(photo: np.ndarray, sound: Path, num_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw the same with torch: frames (n, 96, 96, 3) and the face at rest (96, 96, 3), 0 ... 255."""
    import soundfile
    import torch

    x, y, side = BOX
    crop = crop_face(photo, np.array([x, y, x + side, y + side], np.float32), CropRule())
    encode = make_encode(load_speech_encoder())
    features = encode_sound(soundfile.read(sound, dtype="float32")[0], encode)
    windows = cut_windows(features, *window_places((np.arange(num_frames) + 0.5) / 25), encode_silence(encode))
    generator, _ = load_weights(find_weights(None))
    generator.articulation = ARTICULATION  # type: ignore[assignment]
    face = torch.from_numpy(crop).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        images = [generator(face, face, torch.from_numpy(each[None])).image[0] for each in windows]
    return 255 * torch.stack(images).permute(0, 2, 3, 1).numpy(), crop


def mouth_psnr(one: np.ndarray, other: np.ndarray) -> float:
    """Compare the mouths of crops (..., 96, 96, 3), 0 ... 255; dB."""
    row0, row1, column0, column1 = CropRule().mouth_region()
    difference = (np.asarray(one, float) - other)[..., row0:row1, column0:column1, :]
    return float(10 * np.log10(255**2 / np.mean(difference**2)))


def test_mouths_are_those_that_the_program_draws(drawn: np.ndarray, photo: np.ndarray, sound: Path) -> None:
    wanted, still = draw(photo, sound, len(drawn))
    assert len(drawn) == SOUND_S * 25
    found, moved = mouth_psnr(drawn[..., :3], wanted), mouth_psnr(still, wanted)
    print(f"mouth, beside torch: {found:.1f} dB; the photo's own: {moved:.1f} dB")
    assert moved < 32 < 38 < found, (moved, found)  # a crop that another program has made smaller costs the rest
    late = mouth_psnr(drawn[2:, ..., :3], wanted[:-2])
    assert late < found - 3, (late, found)


def test_what_is_shown_is_the_photo_with_that_mouth(seen: Seen, drawn: np.ndarray, photo: np.ndarray) -> None:
    import cv2

    for n, shot in zip(PLACES, seen.result["shots"], strict=True):
        raw = np.frombuffer(base64.b64decode(shot.partition(",")[2]), np.uint8)
        picture = cv2.cvtColor(cv2.imdecode(raw, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB).astype(float)
        changed = np.abs(picture - photo).max(2) > 8
        rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
        assert rows[0] > 120
        assert rows[-1] < 186  # of the crop, whose middle is at 128.8
        assert columns[0] > 163
        assert columns[-1] < 278
        x, y, side = BOX
        crop = crop_face(np.uint8(picture), np.array([x, y, x + side, y + side], np.float32), CropRule())
        assert mouth_psnr(crop, drawn[n, ..., :3]) > 31  # enlarged by a fifth, and made smaller again


def test_the_page_tells_how_far_it_is_and_how_fast(seen: Seen) -> None:
    said = seen.result["said"]
    assert seen.result["early"]  # no square, no button
    assert said[0] == "loading the networks"
    assert len(said) == 1 + SOUND_S * 25
    speed = re.fullmatch(rf"{SOUND_S * 25} of {SOUND_S * 25} frames, ([0-9.]+) frames/s", said[-1])
    assert speed is not None, said[-1]
    print(f"{speed[1]} frames/s")


def test_nothing_is_loaded_from_elsewhere_and_nothing_is_complained_of(seen: Seen) -> None:
    assert seen.problems == []
    wanted = {"lipsync.js", "encoder.onnx", "generator.onnx", *RUNTIME}
    assert {address.removeprefix(f"{seen.origin}/") for address in seen.requests} == wanted


def test_what_cannot_be_read_is_said(browse: Browse, sound: Path) -> None:
    code = """
    await page.goto(origin + "/index.html");
    const missing = await page.$eval("#state", state => state.textContent);
    await (await page.$("#photo")).uploadFile(values);
    await page.waitForFunction(() => document.getElementById("state").textContent.startsWith("That failed"));
    return [missing, ...await page.evaluate(() => [document.scrollingElement.scrollWidth, innerWidth])];
    """
    missing, width, most = browse(code, str(sound), folder=EXAMPLES / "browser", width=390).result
    assert "ort.wasm.min.js is missing" in missing
    assert width <= most == 390
