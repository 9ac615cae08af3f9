"""A system whose production is a namespace of the cluster, used by the command line as a person would."""

import json
from dataclasses import dataclass
from typing import Any

import yaml

from tests.cluster.environment import SERVING
from tests.cluster.namespaces import kubeconfig, kubectl
from tests.cluster.stack import FRONT, GATEWAY, STATISTICS
from tests.systems.system import System


@dataclass
class ClusterSystem(System):
    """One web service, whose image is there; a version is spoiled by its *fault*, a variable's NAME=VALUE."""

    namespace: str = ""
    kubernetes: dict[str, Any] | None = None

    def describe(self, fault: str = "", greeting: str = "hello", **web: Any) -> None:  # noqa: ANN401 - YAML
        """Write carelane.yaml, and a file to be packed."""
        spoiled = dict([fault.split("=")]) if fault else {}
        service = {
            "kind": "web",
            "source": ["service.txt"],
            "run": list(SERVING),
            "routes": ["/"],
            "probes": {"readiness": {"path": "/ready"}, "liveness": {"path": "/live"}},
            "version": "/version",
            "drain_seconds": 2,
            "environment": {"VERSION": "${version}", "PORT": "${port}", "GREETING": greeting, **spoiled},
            **web,
        }
        there = {
            "kubeconfig": str(kubeconfig()),
            "namespace": self.namespace,
            "gateway": GATEWAY,
            "address": FRONT,
            "hostname": f"{self.namespace}.test",
            "statistics": [STATISTICS],
            **(self.kubernetes or {}),
        }
        production = {
            "platform": "kubernetes",
            "kubernetes": there,
            "replicas": {"web": self.replicas},
            "rollback": self.rollback,
            "strategy": self.strategy,
        }
        document = {
            "system": "small",
            "services": {"web": service},
            "environments": {"production": production},
            **self.extra_settings,
        }
        (self.folder / "carelane.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
        (self.folder / "service.txt").write_text("what an image is built from\n")

    def release(self, tag: str, fault: str = "", **web: Any) -> None:  # noqa: ANN401 - YAML
        """Commit a version and make its release, with its image."""
        self.commit(tag, fault, **web)
        self.must("release", "create", "--commit", tag, "--image", f"web={image()}")

    def kubectl(self, *words: str) -> str:
        """What kubectl prints of the namespace."""
        return kubectl("--namespace", self.namespace, *words)


def image() -> str:
    """The test service's image, by its digest."""
    images = json.loads(kubectl("get", "nodes", "--output", "json"))["items"][0]["status"]["images"]
    named: list[str] = [name for each in images for name in each["names"]]
    return next(name for name in named if name.startswith("localhost/app@"))
