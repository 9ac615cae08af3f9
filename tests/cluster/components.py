"""What a cluster is made of: the configuration and the command of every component."""

import json
from pathlib import Path

from tests.cluster.certificates import NODE, NODE_IP

DNS_IP = "10.96.0.10"
PODS, SERVICES = "10.244.0.0/16", "10.96.0.0/16"
CONTAINERD = """\
version = 2
root = "{folder}/containerd"
state = "{folder}/state"
[grpc]
  address = "{folder}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{folder}/conf/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
"""


def configure(folder: Path, group: str) -> None:
    """Write the files that the components are started with; *group* is the cluster's control group."""
    conf, pki = folder / "conf", folder / "pki"
    (conf / "cni").mkdir(parents=True, exist_ok=True)
    _write(conf / "cni" / "10-bridge.conflist", _network(folder))
    (conf / "containerd.toml").write_text(CONTAINERD.format(folder=folder), encoding="utf-8")
    _write(conf / "kubelet.json", _kubelet(folder, pki, group))
    _write(conf / "proxy.json", _proxy(conf))


def _write(file: Path, said: object) -> None:
    file.write_text(json.dumps(said, indent=1), encoding="utf-8")


def _network(folder: Path) -> object:
    addresses = {
        "type": "host-local",
        "dataDir": str(folder / "cni" / "networks"),
        "ranges": [[{"subnet": PODS}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": False, "hairpinMode": True}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [{**bridge, "ipam": addresses}, ports]}


def _kubelet(folder: Path, pki: Path, group: str) -> object:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet-server.key"),
        "containerRuntimeEndpoint": f"unix://{folder}/containerd.sock",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{group}",
        "enforceNodeAllocatable": ["pods"],
        "clusterDNS": [DNS_IP],
        "clusterDomain": "cluster.local",
        "resolvConf": "",
        "failSwapOn": False,
        "podLogsDir": str(folder / "log" / "pods"),
        "volumePluginDir": str(folder / "kubelet" / "volumeplugins"),
        "imageGCHighThresholdPercent": 100,
        "maxPods": 250,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
    }


def _proxy(conf: Path) -> object:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(conf / "kube-proxy.kubeconfig")},
        "clusterCIDR": PODS,
        "hostnameOverride": NODE,
        "conntrack": {"maxPerCore": 0, "min": 0},
        "nftables": {"minSyncPeriod": "100ms"},
    }


def commands(folder: Path, binaries: Path) -> dict[str, list[str | Path]]:
    """How each component is started, by its name."""
    pki, conf = folder / "pki", folder / "conf"
    peer = "http://127.0.0.1:2380"
    known = {
        name: f"--kubeconfig={conf / name}.kubeconfig"
        for name in ("kube-controller-manager", "kube-scheduler", "kubelet")
    }
    return {
        "etcd": [
            binaries / "etcd",
            f"--data-dir={folder / 'etcd'}",
            "--unsafe-no-fsync",
            "--listen-client-urls=http://127.0.0.1:2379",
            "--advertise-client-urls=http://127.0.0.1:2379",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--log-level=warn",
        ],
        "containerd": ["containerd", "-c", conf / "containerd.toml", "--log-level", "warn"],
        "kube-apiserver": [binaries / "kube-apiserver", *_apiserver(pki)],
        "kube-controller-manager": [
            binaries / "kube-controller-manager",
            known["kube-controller-manager"],
            "--leader-elect=false",
            "--kube-api-qps=300",
            "--kube-api-burst=600",
            f"--service-account-private-key-file={pki}/sa.key",
            f"--root-ca-file={pki}/ca.crt",
            "--use-service-account-credentials",
            f"--flex-volume-plugin-dir={folder}/kubelet/volumeplugins",
            f"--authentication-kubeconfig={conf}/kube-controller-manager.kubeconfig",
            f"--authorization-kubeconfig={conf}/kube-controller-manager.kubeconfig",
            f"--cluster-signing-cert-file={pki}/ca.crt",
            f"--cluster-signing-key-file={pki}/ca.key",
        ],
        "kube-scheduler": [
            binaries / "kube-scheduler",
            known["kube-scheduler"],
            "--leader-elect=false",
            "--kube-api-qps=300",
            "--kube-api-burst=600",
        ],
        "kube-proxy": [binaries / "kube-proxy", f"--config={conf}/proxy.json"],
        "kubelet": [
            binaries / "kubelet",
            known["kubelet"],
            f"--config={conf}/kubelet.json",
            "--root-dir=/var/lib/kubelet",
            f"--cert-dir={pki}",
            f"--hostname-override={NODE}",
            f"--node-ip={NODE_IP}",
        ],
    }


def _apiserver(pki: Path) -> list[str | Path]:
    return [
        "--etcd-servers=http://127.0.0.1:2379",
        f"--advertise-address={NODE_IP}",
        "--secure-port=6443",
        f"--tls-cert-file={pki}/apiserver.crt",
        f"--tls-private-key-file={pki}/apiserver.key",
        f"--client-ca-file={pki}/ca.crt",
        f"--kubelet-certificate-authority={pki}/ca.crt",
        f"--kubelet-client-certificate={pki}/apiserver-client.crt",
        f"--kubelet-client-key={pki}/apiserver-client.key",
        "--kubelet-preferred-address-types=InternalIP",
        f"--service-account-key-file={pki}/sa.pub",
        f"--service-account-signing-key-file={pki}/sa.key",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-cluster-ip-range={SERVICES}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged",
        f"--requestheader-client-ca-file={pki}/front-ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--enable-aggregator-routing",
        f"--proxy-client-cert-file={pki}/front.crt",
        f"--proxy-client-key-file={pki}/front.key",
    ]
