"""Torch imported for drawing, in half the time; the rest of it follows when something wants to compile or to learn."""

from __future__ import annotations

import gc
import importlib.util
import sys
from importlib import import_module
from types import ModuleType

TRACING_ONLY = "torch._meta_registrations"  # what operators do to tensors without data
SWITCH_S = 5e-4  # threads that work beside the import wait this long for their turn, not ten times as long
RANDOM = "torch._prims.rng_prims"  # without it newer ones make no torch.Generator
TRACER = "torch._dynamo"  # imported by torch itself for compiling, exporting, and by its optimisers


def start_torch() -> None:
    """Import torch without the part that only its compiler needs; nothing is left out if it is imported already.

    That part takes a third of the time of `import torch`, and the garbage collector, which finds nothing, a sixth. It
    is imported when the compiler is.
    """
    if "torch" in sys.modules:
        return
    stand_in, collects, switch_s = ModuleType(TRACING_ONLY), gc.isenabled(), sys.getswitchinterval()
    sys.modules[TRACING_ONLY] = stand_in
    gc.disable()
    sys.setswitchinterval(SWITCH_S)
    try:
        import torch

        if vars(torch).get("_meta_registrations") is stand_in:
            del torch._meta_registrations
    finally:
        del sys.modules[TRACING_ONLY]
        sys.setswitchinterval(switch_s)
        if collects:
            gc.enable()
    sys.meta_path.insert(0, _Completion)  # type: ignore[arg-type]


def allow_generators() -> None:
    """Let `torch.Generator` be made after `start_torch`: what learns needs one, and all of torch would import that."""
    if importlib.util.find_spec(RANDOM):
        import_module(RANDOM)


class _Completion:
    """Imports what was left out just before the compiler, which cannot be imported first."""

    @classmethod
    def find_spec(cls, name: str, path: object = None, target: object = None) -> None:
        if name == TRACER:
            sys.meta_path.remove(cls)  # type: ignore[arg-type]
            import_module(TRACING_ONLY)
