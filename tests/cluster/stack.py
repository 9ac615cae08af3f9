"""What stands in a cluster beside Kubernetes itself: name look-up, metrics, a gateway with its proxies."""

from pathlib import Path

from tests.cluster.building import ENVOY, HERE
from tests.cluster.certificates import NODE_IP
from tests.cluster.cluster import Cluster
from tests.cluster.commands import run, wait

FRONT = f"http://{NODE_IP}:8001"
"""Where the gateway's users come in."""
GATEWAY = "default/front"
STATISTICS = "http://127.0.0.1:19005/stats/prometheus?filter=^cluster\\.service/"
"""Where its Envoy tells what it counted (addons/envoy-gateway.yaml)."""
SETTINGS = """\
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyGateway
gateway: {{controllerName: gateway.envoyproxy.io/gatewayclass-controller}}
provider:
  type: Custom
  custom:
    resource: {{type: Kubernetes, kubernetes: {{leaderElection: {{disable: true}}}}}}
    infrastructure:
      type: Host
      host: {{configHome: {0}/config, dataHome: {0}/data, stateHome: {0}/state, runtimeDir: {0}/run}}
"""


def stand(cluster: Cluster) -> None:
    """Begin all of it; what is there already stays as it is."""
    if _answers(cluster):
        return
    definitions = cluster.built / "definitions"
    cluster.must(
        *("apply", "--server-side", "-f", definitions / "gateway-api", "-f", definitions / "envoy-gateway")
    )
    cluster.must("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    for name in ("coredns", "metrics-server", "envoy-gateway"):
        cluster.must("apply", "-f", HERE / "addons" / f"{name}.yaml")
    _gateway(cluster)


def _gateway(cluster: Cluster) -> None:
    """Envoy Gateway in its host mode: a process of the node's, with its Envoy beside it."""
    folder = cluster.folder / "envoy-gateway"
    place = folder / "data" / "envoy-versions" / ENVOY / "bin"
    place.mkdir(parents=True, exist_ok=True)
    link = place / "envoy"
    link.unlink(missing_ok=True)
    link.symlink_to(cluster.built / "envoy" / "envoy" / "_bin" / "envoy")
    program = cluster.binaries / "envoy-gateway"
    if not (folder / "config" / "certs").is_dir():
        run(program, "certgen", "--local", "--config-home", folder / "config")
    settings = folder / "config.yaml"
    settings.write_text(SETTINGS.format(folder), encoding="utf-8")
    known = {"ENVOY_GATEWAY_NAMESPACE": "envoy-gateway-system", "KUBECONFIG": str(cluster.admin)}
    environment = ["env", *(f"{name}={value}" for name, value in known.items())]
    run(*cluster.inside(*environment, program, "certgen", "--disable-topology-injector"))
    Path("/certs").mkdir(exist_ok=True)  # where it looks for them; mounted in the cluster's own namespace
    mounted = (
        f"mount --bind {folder}/config/certs/envoy-gateway /certs && exec {program} server -c {settings}"
    )
    cluster.run("envoy-gateway", *environment, "sh", "-c", mounted)
    wait("the gateway answers", lambda: _answers(cluster), 60)


def _answers(cluster: Cluster) -> bool:
    asked = cluster.inside("curl", "-s", "-o", "/dev/null", "-m", "1", "-w", "%{http_code}", f"{FRONT}/")
    try:
        return run(*asked).strip() not in {"", "000"}
    except RuntimeError:
        return False
