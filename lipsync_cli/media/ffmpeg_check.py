"""Whether FFmpeg is there and can really write what a film needs."""

from __future__ import annotations

from lipsync_cli.errors import ToolError
from lipsync_cli.media.ffmpeg import HINT, complaint, find_tool, run_tool
from lipsync_cli.media.probe import probe
from lipsync_cli.runtime.temporary import temporary_folder


def tool_version(name: str) -> str:
    """Return the version and place of `ffmpeg` or `ffprobe`; ToolError if it is missing or does not start."""
    place = find_tool(name)
    result = run_tool(name, ["-version"])
    words = result.stdout.decode("utf-8", "replace").split()
    if result.returncode or len(words) < 3:
        raise ToolError(f"{place} does not start ({complaint(result.stderr)})", hint=HINT)
    return f"{words[2]} at {place}"


def try_codecs() -> str:
    """Encode one frame of H.264 and a moment of AAC, read the file back, and say so; ToolError if that fails."""
    picture = ["-f", "lavfi", "-i", "color=gray:size=64x64:rate=25:duration=0.04"]
    sound = ["-f", "lavfi", "-i", "sine=440:sample_rate=48000:duration=0.04"]
    coding = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    with temporary_folder() as folder:
        path = folder / "one.mp4"
        result = run_tool("ffmpeg", ["-v", "error", "-nostdin", *picture, *sound, *coding, f"file:{path}"])
        if result.returncode:
            raise ToolError(f"FFmpeg cannot encode H.264 and AAC ({complaint(result.stderr, path)})", hint=HINT)
        info = probe(path)
        if info.video is None or info.audio is None or info.video.num_frames != 1:
            raise ToolError("FFmpeg wrote H.264 and AAC that cannot be read back", hint=HINT)
    return "encodes H.264 and AAC and reads them back"
