"""The name of a cluster, and the option that takes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from lipsync_cli.config.check_values import ValueProblemError
from lipsync_cli.config.option import option

MOST_WORKERS = 1024


@dataclass(frozen=True)
class ClusterName:
    """Where tasks are done.

    Attributes
    ----------
    address : of a Dask scheduler; empty: it is started here
    num_workers : that are started here; 0: the scheduler has its own
    """

    address: str = ""
    num_workers: int = 0


def parse_cluster(text: str) -> ClusterName:
    """Return what "tcp://HOST:PORT" or "local:N" names; ValueProblemError if it is none of these."""
    found = re.fullmatch(r"local:([0-9]{1,4})", text)
    if found is not None and 1 <= int(found[1]) <= MOST_WORKERS:
        return ClusterName(num_workers=int(found[1]))
    if re.fullmatch(r"(tcp|tls|ucx)://[^\s/]+:[0-9]{1,5}", text):
        return ClusterName(text)
    raise ValueProblemError(f"{text!r} names no cluster", "give tcp://HOST:PORT of a Dask scheduler, or local:4")


def cluster_option(panel: str = "performance") -> Any:
    """Declare `--cluster`."""
    return option(
        "Do the work on the workers of a Dask cluster, which see the same files: the address of its scheduler, or "
        "local:N for N workers here; needs lipsync-cli[dask].",
        None,
        panel=panel,
        metavar="tcp://HOST:PORT|local:N",
        example="tcp://10.0.0.1:8786",
        check=parse_cluster,
    )
