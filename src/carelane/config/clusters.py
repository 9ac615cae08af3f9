"""What carelane.yaml says of an environment that runs on Kubernetes."""

from typing import Annotated

from pydantic import Field

from carelane.config.basics import Strict

DNS = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
LONGEST_NAME = 63
"""Of a Service, and of the label that selects its Pods."""
ClusterName = Annotated[str, Field(pattern=rf"^{DNS}$", description="as Kubernetes names it")]
HttpUrl = Annotated[str, Field(pattern=r"^https?://[^\s/@]+(/\S*)?$")]


class ClusterSettings(Strict):
    """Where an environment is on a cluster, and how its users come in."""

    kubeconfig: str | None = Field(
        None,
        description="a file, relative to carelane.yaml; without, as kubectl finds it: KUBECONFIG, "
        "~/.kube/config, or the service account of the Pod that the server runs in",
        min_length=1,
    )
    context: str | None = Field(None, description="of the kubeconfig; its current one unless given")
    namespace: ClusterName
    prefix: str = Field(
        "",
        description="begins the names of Deployments, Services and routes",
        pattern=r"^([a-z][a-z0-9-]{0,30})?$",
    )
    gateway: str = Field(
        description="NAMESPACE/NAME of the Gateway that routes attach to", pattern=rf"^{DNS}/{DNS}$"
    )
    address: HttpUrl = Field(description="where users come in, as the server reaches it")
    hostname: str | None = Field(
        None,
        description="the host that users' requests name; all that come in are meant without",
        pattern=rf"^{DNS}(\.{DNS})*$",
    )
    statistics: list[HttpUrl] = Field(
        default_factory=list,
        description="where each proxy of the gateway tells its statistics as Prometheus reads them; canaries "
        "cannot be judged without",
    )
