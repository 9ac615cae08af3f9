"""One cluster: how it begins, how it ends, and who works in it.

Everything runs in one network namespace (the node), one mount and one PID namespace. When the first process
of the PID namespace dies the kernel ends every process, container and mount in it: `down` is one kill.
"""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.cluster.certificates import NODE_IP, Authority
from tests.cluster.commands import Missing, launch, run, wait
from tests.cluster.components import commands, configure

GROUPS = (
    *("cpu", "cpuacct", "cpuset", "memory", "pids", "blkio", "devices", "freezer", "hugetlb", "systemd"),
    "unified",
)
CONTROL_GROUPS = Path("/sys/fs/cgroup")
FOLDERS = ("etcd", "containerd", "state", "kubelet", "cni", "conf")
"""What a cluster that ended leaves, and the next one begins anew."""
FIRST_SECONDS = 240.0
"""What a slow machine may take where the images are unpacked, once; a few seconds from then on."""
USERS = ("kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet")


class Cluster:
    """A cluster that keeps its state in *folder*, of what was built into *built*."""

    def __init__(self, folder: Path, built: Path) -> None:
        self.folder, self.built = folder.resolve(), built.resolve()
        self.binaries = self.built / "bin"
        self.name = "k8s-" + hashlib.sha256(str(self.folder).encode()).hexdigest()[:6]
        self.pki, self.conf, self.logs = (self.folder / name for name in ("pki", "conf", "log"))
        self.admin = self.folder / "admin.kubeconfig"
        self.socket = self.folder / "containerd.sock"
        self.authority = Authority(self.pki)

    # -- life

    def up(self) -> None:
        """Begin; one that runs is left as it is."""
        if self.running() is not None:
            self._wait()
            return
        self._needs()
        self.clean()
        for folder in (self.pki, self.conf, self.logs / "containers", self.folder / "cni"):
            folder.mkdir(parents=True, exist_ok=True)
        self.authority.make()
        self.authority.kubeconfig("admin", self.admin)
        for user in USERS:
            self.authority.kubeconfig(user, self.conf / f"{user}.kubeconfig")
        configure(self.folder, self.name)
        self._network()
        self._groups()
        first = launch(
            [
                *("nsenter", f"--net=/run/netns/{self.name}", "unshare", "--mount", "--propagation"),
                *("private", "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc"),
                *(sys.executable, "-m", "tests.cluster", "first", self.folder, self.built),
            ],
            self.logs / "first",
        )
        (self.folder / "pid").write_text(str(first.pid), encoding="ascii")
        self._wait()

    def _wait(self) -> None:
        wait("the API server answers", self.ready, FIRST_SECONDS)
        wait("the node is ready", self._node_is_ready, FIRST_SECONDS)
        account = ("get", "serviceaccount/default", "configmap/kube-root-ca.crt")
        wait("there is a service account", lambda: self.kubectl(*account).returncode == 0)

    def _needs(self) -> None:
        """Raises Missing, with the one thing to do about it."""
        if os.geteuid() != 0:
            raise Missing("a cluster needs root: it makes namespaces, mounts and control groups")
        if not (self.binaries / "plane").exists():
            raise Missing(f"{self.built} has no cluster in it: `make cluster` builds one")
        packages = {"containerd": "containerd", "runc": "runc", "nft": "nftables", "openssl": "openssl"}
        for program, package in packages.items():
            if shutil.which(program) is None:
                raise Missing(f"{program} is missing: apt-get install {package}")

    def down(self) -> None:
        """End everything; certificates and logs are kept."""
        pid = self.running()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            try:
                os.waitpid(pid, 0)
            except ChildProcessError:
                wait("it has ended", lambda: self.running() is None, 20, 0.02)
        self.clean()

    def clean(self) -> None:
        """Remove what a dead cluster leaves: control groups, the network namespace, state."""
        (self.folder / "pid").unlink(missing_ok=True)
        for group in (*GROUPS, "."):
            top = CONTROL_GROUPS / group / self.name
            for folder, _, _ in os.walk(top, topdown=False):
                wait(f"{folder} is empty", lambda folder=folder: _removed(folder), 20, 0.02)  # type: ignore[misc]
        if Path("/run/netns", self.name).exists():
            run("ip", "netns", "del", self.name)
        for name in FOLDERS:
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def running(self) -> int | None:
        """The process that holds it; None where it does not run."""
        try:
            pid = int((self.folder / "pid").read_text(encoding="ascii"))
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if str(self.folder).encode() in words else None

    # -- what others do in it

    def inside(self, *command: str | Path) -> list[str]:
        """A command in its network, from where its addresses are reached."""
        return ["nsenter", f"--net=/run/netns/{self.name}", *map(str, command)]

    def run(self, name: str, *command: str | Path) -> None:
        """Start a daemon in all its namespaces, which ends with it; what it prints goes to log/NAME."""
        outer = self.running()
        children = Path(f"/proc/{outer}/task/{outer}/children").read_text(encoding="ascii").split()
        enter = ["nsenter", f"--target={children[0]}", "--net", "--mount", "--pid", f"--wd={Path.cwd()}"]
        launch([*enter, *command], self.logs / name)

    def kubectl(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """kubectl as the cluster's administrator."""
        command = self.inside(self.binaries / "kubectl", "--kubeconfig", self.admin, *words)
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    def must(self, *words: str | Path) -> str:
        """What kubectl prints; it must end well."""
        done = self.kubectl(*words)
        if done.returncode:
            raise RuntimeError(f"kubectl {' '.join(map(str, words))}: {done.stderr.strip()}")
        return done.stdout

    def ready(self) -> bool:
        """Whether its API server says that it is."""
        return self.kubectl("get", "--raw", "/readyz").stdout == "ok"

    def _node_is_ready(self) -> bool:
        path = '{.items[*].status.conditions[?(@.type=="Ready")].status}'
        return self.kubectl("get", "nodes", "-o", f"jsonpath={path}").stdout == "True"

    # -- what it stands on

    def _network(self) -> None:
        inside = ("ip", "-n", self.name)
        run("ip", "netns", "add", self.name)
        run(*inside, "link", "set", "lo", "up")
        run(*inside, "link", "add", "node0", "type", "veth", "peer", "name", "peer0")
        run(*inside, "addr", "add", f"{NODE_IP}/24", "dev", "node0")
        for device in ("peer0", "node0"):
            run(*inside, "link", "set", device, "up")
        run(*inside, "route", "add", "default", "dev", "node0", "src", NODE_IP)
        settings = (
            "net.ipv4.ip_forward=1",
            "net.bridge.bridge-nf-call-iptables=1",
            "net.ipv4.conf.all.route_localnet=1",
        )
        run(*self.inside("sysctl", "-qw", *settings))

    def _groups(self) -> None:
        if (CONTROL_GROUPS / "cgroup.controllers").exists():  # version 2: one hierarchy for all of them
            controllers = (CONTROL_GROUPS / "cgroup.controllers").read_text(encoding="ascii").split()
            wanted = " ".join(f"+{name}" for name in controllers)
            (CONTROL_GROUPS / "cgroup.subtree_control").write_text(wanted, encoding="ascii")
            (CONTROL_GROUPS / self.name).mkdir(exist_ok=True)
            return
        for group in GROUPS:
            parent = CONTROL_GROUPS / group
            if not parent.is_dir():
                continue
            top = parent / self.name
            top.mkdir(exist_ok=True)
            if group == "cpuset":
                for name in ("cpuset.cpus", "cpuset.mems"):
                    (top / name).write_text((parent / name).read_text(encoding="ascii"), encoding="ascii")

    # -- its first process

    def first(self) -> None:
        """Mount what must be private, start the components, start again what ends, reap what is orphaned."""
        run("mount", "--make-rshared", "/")
        run("mount", "-t", "tmpfs", "tmpfs", "/run")
        (self.folder / "kubelet").mkdir(exist_ok=True)
        for source, target in (
            (self.folder / "cni", "/var/lib/cni"),
            (self.folder / "kubelet", "/var/lib/kubelet"),
            (self.logs / "containers", "/var/log/containers"),
        ):
            Path(target).mkdir(parents=True, exist_ok=True)
            run("mount", "--bind", source, target)
        started: dict[int, str] = {}
        how = commands(self.folder, self.binaries)

        def start(*names: str) -> None:
            for name in names:
                started[launch(how[name], self.logs / name).pid] = name

        start("etcd")
        wait("etcd answers", lambda: _answers(2379))
        start("kube-apiserver")
        self._images(how["containerd"])
        start("containerd")
        wait("containerd answers", self._containerd_answers)
        wait("the API server answers", self._api_answers)
        start("kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet")
        while True:
            pid, status = os.wait()
            name = started.pop(pid, None)
            if name is not None:
                print(time.strftime("%T"), name, "ended with", status, flush=True)  # noqa: T201 - its log
                time.sleep(0.5)
                start(name)

    def _api_answers(self) -> bool:
        asked = [str(self.binaries / "kubectl"), "--kubeconfig", str(self.admin), "get", "--raw", "/readyz"]
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0

    def _containerd_answers(self) -> bool:
        asked = ["ctr", "-a", str(self.socket), "version"]
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0

    def _images(self, containerd: list[str | Path]) -> None:
        """Fill containerd's folder: images are unpacked once, and hard-linked from then on."""
        work, images = self.folder / "containerd", sorted((self.built / "img").glob("*.tar"))
        facts = ["by digest", *((str(i), i.stat().st_size, i.stat().st_mtime_ns) for i in images)]
        store = self.folder / "store" / hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]
        if not store.exists():
            shutil.rmtree(store.parent, ignore_errors=True)
            running = launch(containerd, self.logs / "containerd")
            wait("containerd answers", self._containerd_answers)
            for image in images:
                run("ctr", "-a", self.socket, "-n", "k8s.io", "images", "import", image)
            self._name_by_digest()
            running.terminate()
            running.wait(30)
            store.parent.mkdir()
            work.rename(store)
        self._lay_out(store, work)

    def _name_by_digest(self) -> None:
        """Name each image by its digest, too, as one is that was pulled so."""
        images = ("ctr", "-a", self.socket, "-n", "k8s.io", "images")
        for line in run(*images, "ls").splitlines()[1:]:
            name, _, digest = line.split()[:3]
            if ":" in name.rpartition("/")[2] and "@" not in name:
                run(*images, "tag", "--force", name, f"{name.rpartition(':')[0]}@{digest}")

    def _lay_out(self, store: Path, work: Path) -> None:
        run("cp", "-al", store, work)
        for base in work.rglob("*.db"):  # the store's databases must not change with the cluster
            copy = base.with_suffix(".copy")
            shutil.copy2(base, copy)
            copy.replace(base)


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _removed(folder: str) -> bool:
    try:
        Path(folder).rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
