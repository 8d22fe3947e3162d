"""A real Ray cluster of three nodes on loopback, in a process of its own: `python -m tests.cluster.nodes PORT FOLDER`.

It says on standard output where its parts are, and starts the head anew for each line it reads.
"""

import json
import sys
from pathlib import Path
from typing import Any

from ray.cluster_utils import Cluster

NODES = 3
SMALL: dict[str, Any] = {"num_cpus": 1, "num_gpus": 0, "memory": 2_000_000_000, "object_store_memory": 80_000_000}
QUICK = {"health_check_period_ms": 1000, "health_check_timeout_ms": 1000, "health_check_failure_threshold": 4}


def start_head(cluster: Cluster, port: int) -> None:
    cluster.add_node(include_dashboard=True, dashboard_port=port, _system_config=QUICK, **SMALL)


def tell(cluster: Cluster) -> None:
    """One line: the processes of each node, by its id."""
    head: Any = cluster.head_node
    nodes = {
        node.node_id: [info.process.pid for infos in node.all_processes.values() for info in infos]
        for node in (head, *cluster.worker_nodes)
    }
    print(json.dumps({"head": head.node_id, "nodes": nodes}), flush=True)  # noqa: T201  the answer


def main(port: int, folder: Path) -> None:
    (folder / "ray").mkdir()
    cluster = Cluster(shutdown_at_exit=True)
    start_head(cluster, port)
    for _ in range(NODES - 1):
        cluster.add_node(**SMALL)
    tell(cluster)
    for _ in sys.stdin:
        head: Any = cluster.head_node
        cluster.remove_node(head, allow_graceful=False)
        start_head(cluster, port)
        tell(cluster)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
