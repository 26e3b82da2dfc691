"""The generator in a process of its own: the same drawings, its errors told, nothing left when it ends or is killed."""

from __future__ import annotations

import gc
import os
import signal
import time
from dataclasses import replace
from fractions import Fraction
from functools import partial
from multiprocessing import active_children
from pathlib import Path

import numpy as np
import pytest
from fixtures.jobs import make_film, prepare

from lipsync_cli.errors import InputError, LipsyncError
from lipsync_cli.formats.weights import load_weights
from lipsync_cli.media.video.decode import read_yuv_frames
from lipsync_cli.synthesis.generation.generator_choice import GeneratorSettings, choose_generator
from lipsync_cli.synthesis.generation.local_runner import LocalRunner
from lipsync_cli.synthesis.generation.process_runner import ProcessRunner


@pytest.fixture(scope="module")
def inputs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    faces = random.integers(0, 256, (7, 96, 96, 3), np.uint8)
    return faces[:1], faces[1:], random.uniform(-4, 4, (6, 27, 80)).astype(np.float32)


def _same(one, other) -> None:
    for part, its in zip(one, other, strict=True):
        assert (part is None) == (its is None)
        if part is not None:
            np.testing.assert_array_equal(part, its)


def test_it_draws_what_the_generator_draws_here_until_it_is_killed(inputs):
    (reference, targets, mel), before = inputs, set(active_children())
    here = LocalRunner(load_weights(Path("grid"))[0], "cpu", 1.5, threads=1)
    there = ProcessRunner(Path("grid"), "cpu", 1.5)
    assert (there.device, there.fingerprint()) == ("cpu", here.fingerprint())
    plain = here.generate(reference, targets, mel, 1.0)
    _same(there.generate(reference, targets, mel, 1.0), plain)
    assert not np.array_equal(plain.flow, here.generate(reference, targets, mel).flow)
    _same(there.submit(targets, mel).result(), here.submit(targets, mel).result())
    parts = [slice(n, n + 2) for n in (0, 2, 4, 0, 2, 4)]
    begun = [there.submit(reference, mel[part]) for part in parts]  # side by side
    _same(there.generate(reference, targets, mel, 1.0), plain)  # nor does another articulation get in their way
    for part, future in zip(parts, begun, strict=True):
        _same(future.result(), here.submit(reference, mel[part]).result())
    with pytest.raises(LipsyncError, match="unexpected"):
        there.submit(reference, mel[:, :5]).result()
    _same(there.generate(reference, targets, mel), here.generate(reference, targets, mel))  # it goes on

    [process] = set(active_children()) - before
    begun = [there.submit(reference, mel.repeat(8, 0)) for _ in range(4)]
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(InputError, match="killed by SIGKILL"):
        [future.result(timeout=60) for future in begun]
    with pytest.raises(InputError, match="killed by SIGKILL"):
        there.submit(reference, mel).result(timeout=60)


def test_what_is_wrong_there_is_said_here(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"no weights at all")
    with pytest.raises(InputError, match=r"weights\.safetensors"):
        ProcessRunner(path, "cpu", 1.0)


def test_a_short_film_has_no_process_of_its_own(voice_file, weights):
    settings = GeneratorSettings(weights, partial(str, "cpu"))
    assert isinstance(choose_generator(settings, voice_file(2), Fraction(99), 2).result(), LocalRunner)


@pytest.mark.slow
def test_a_film_is_the_same_and_no_process_is_left(face_clip, voice_file, weights, tmp_path):
    films, settings = [tmp_path / "here.mp4", tmp_path / "there.mp4"], GeneratorSettings(weights, partial(str, "cpu"))
    voice, kinds, before = voice_file(2), [], set(active_children())
    for film, cores in zip(films, (1, 2), strict=True):
        generator = choose_generator(settings, voice, Fraction(100), cores)
        with prepare(face_clip, voice, film, weights, device=None) as job:
            make_film(replace(job, generator=generator), "auto")
        runner = generator.result()
        kinds.append(type(runner))
    assert kinds == [LocalRunner, ProcessRunner]  # with one core there is none for another process
    here, there = (list(read_yuv_frames(film, "bt709")) for film in films)
    assert len(here) == len(there) == 60
    for one, other in zip(here, there, strict=True):
        np.testing.assert_array_equal(one.planes, other.planes)
    [process] = set(active_children()) - before
    assert process.is_alive()
    del job, runner, generator
    gc.collect()
    start = time.monotonic()
    while process.is_alive() and time.monotonic() - start < 60:
        time.sleep(0.05)
    assert not process.is_alive()
