"""One authority, and a key and a certificate for everybody who takes part."""

import base64
import json
from pathlib import Path

from tests.cluster.commands import run

NODE, NODE_IP, SERVICE_IP = "node1", "10.89.0.10", "10.96.0.1"
SERVER = f"https://{NODE_IP}:6443"
CLIENTS = {
    "admin": "/O=system:masters/CN=admin",
    "apiserver-client": "/O=system:masters/CN=kube-apiserver-kubelet-client",
    "kube-controller-manager": "/CN=system:kube-controller-manager",
    "kube-scheduler": "/CN=system:kube-scheduler",
    "kube-proxy": "/CN=system:kube-proxy",
    "kubelet": f"/O=system:nodes/CN=system:node:{NODE}",
}


class Authority:
    """The keys of one cluster, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self) -> None:
        """All that a cluster begins with; those of an earlier life are kept."""
        if (self.folder / "done").exists():
            return
        for name in ("ca", "front-ca"):
            self._key(name)
            usage = "keyUsage=critical,keyCertSign,digitalSignature"
            subject = ("-subj", f"/CN={name}", "-days", "3650", "-addext", usage)
            key, certificate = self.folder / f"{name}.key", self.folder / f"{name}.crt"
            run("openssl", "req", "-x509", "-key", key, *subject, "-out", certificate)
        run("openssl", "genrsa", "-out", self.folder / "sa.key", "2048")
        run(
            *("openssl", "rsa", "-pubout", "-in", self.folder / "sa.key"),
            *("-out", self.folder / "sa.pub"),
        )
        names = ",".join(
            f"DNS:{name}"
            for name in (
                "kubernetes",
                "kubernetes.default",
                "kubernetes.default.svc",
                "kubernetes.default.svc.cluster.local",
                "localhost",
            )
        )
        addresses = f"IP:127.0.0.1,IP:{NODE_IP},IP:{SERVICE_IP}"
        self.identity("apiserver", "/CN=kube-apiserver", f"{names},{addresses}")
        self.identity("kubelet-server", f"/CN={NODE}", f"DNS:{NODE},IP:{NODE_IP}")
        for name, subject_ in CLIENTS.items():
            self.identity(name, subject_)
        self.identity("front", "/CN=front-proxy-client", authority="front-ca")
        (self.folder / "done").touch()

    def _key(self, name: str) -> None:
        curve = ("-name", "prime256v1", "-noout")
        run("openssl", "ecparam", "-genkey", *curve, "-out", self.folder / f"{name}.key")

    def identity(self, name: str, subject: str, names: str = "", authority: str = "ca") -> None:
        """A key and a certificate: a server's with *names*, a client's without."""
        self._key(name)
        folder = self.folder
        request, extra = folder / f"{name}.csr", folder / f"{name}.ext"
        run("openssl", "req", "-new", "-key", folder / f"{name}.key", "-subj", subject, "-out", request)
        usage = f"serverAuth\nsubjectAltName={names}" if names else "clientAuth"
        extra.write_text(f"extendedKeyUsage={usage}\n", encoding="utf-8")
        signer = ("-CA", folder / f"{authority}.crt", "-CAkey", folder / f"{authority}.key")
        run(
            *("openssl", "x509", "-req", "-in", request, *signer, "-CAcreateserial"),
            *("-days", "3650", "-extfile", extra, "-out", folder / f"{name}.crt"),
        )

    def kubeconfig(self, user: str, file: Path) -> Path:
        """How *user*, who gets a certificate where there is none, reaches the cluster."""
        if not (self.folder / f"{user}.crt").exists():
            self.identity(user, f"/CN={user}")
        cluster = {"server": SERVER, "certificate-authority-data": self._text("ca.crt")}
        keys = {
            "client-certificate-data": self._text(f"{user}.crt"),
            "client-key-data": self._text(f"{user}.key"),
        }
        said = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "tests",
            "clusters": [{"name": "tests", "cluster": cluster}],
            "users": [{"name": user, "user": keys}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": user}}],
        }
        file.write_text(json.dumps(said, indent=1), encoding="utf-8")
        file.chmod(0o600)
        return file

    def _text(self, name: str) -> str:
        return base64.b64encode((self.folder / name).read_bytes()).decode()
