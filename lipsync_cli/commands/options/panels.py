"""The help of a command, its options grouped by their panels.

It is plain text, as all of the program's output: rich, which could draw boxes around the panels, takes as long to
import as the rest of the help takes altogether.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

from lipsync_cli.commands.output.terminal import print_text
from lipsync_cli.config.option import FIRST_PANELS, LAST_PANELS

ARGUMENTS, REST = "arguments", LAST_PANELS[-1]
KEEP_LINES = "\\b\n", "\b\n"  # as docstrings spell it, and what click looks for above lines that stay as they are


class PanelCommand(TyperCommand):
    """A command whose help has one section a panel; one without panels has its options in one section."""

    def __init__(self, *args: Any, **details: Any) -> None:
        super().__init__(*args, **details)
        self.help = (self.help or "").replace(*KEEP_LINES)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Print the help at once where nothing else is asked for; Typer would first import what checks values."""
        if args in (["-h"], ["--help"]) and not ctx.resilient_parsing:
            print_text(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then the panels."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                is_argument = parameter.param_type_name == "argument"
                panel = ARGUMENTS if is_argument else getattr(parameter, "rich_help_panel", None) or REST
                sections.setdefault(panel, []).append(record)
        others = [panel for panel in sections if panel not in (ARGUMENTS, *FIRST_PANELS, *LAST_PANELS)]
        has_panels = bool(set(sections) - {ARGUMENTS, REST})
        for panel in (ARGUMENTS, *FIRST_PANELS, *others, *LAST_PANELS):
            if panel in sections:
                with formatter.section("Options" if panel == REST and not has_panels else panel.capitalize()):
                    formatter.write_dl(sections[panel])
