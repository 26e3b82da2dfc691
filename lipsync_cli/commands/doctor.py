"""lipsync doctor: what is installed and what works."""

from __future__ import annotations

from lipsync_cli.commands.options import shared_flags
from lipsync_cli.commands.output.terminal import print_json, print_line
from lipsync_cli.errors import ToolError


def doctor(
    json: shared_flags.Json = False, quiet: shared_flags.Quiet = False, verbose: shared_flags.Verbose = False
) -> None:
    r"""Say what is installed, what works, and what mends the rest.

    Packages are imported, one frame and a moment of sound are really encoded, the detectors and the embedded weights
    are loaded. One line each; after a failure, the command that mends it. -q prints the failures only. Exit code 0 if
    all is well, else 6.

    \b
    Example:
      lipsync doctor
    """
    from lipsync_cli.pipelines.doctor import examine

    checks = []
    for check in examine():
        checks.append(check)
        if not json and (check.status == "fail" or not quiet):
            print_line(f"{check.status:6} {check.name}: {check.fact}")
            if check.status == "fail":
                print_line(f"       mend: {check.mend}")
    failed = [check.name for check in checks if check.status == "fail"]
    if json:
        print_json({"ok": not failed, "checks": [vars(check) for check in checks]})
    if failed:
        raise ToolError(f"{len(failed)} of {len(checks)} checks failed: {', '.join(failed)}")
