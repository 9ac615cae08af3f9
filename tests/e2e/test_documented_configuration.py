"""What the documentation shows is deployed, as it stands there but for the ports.

What it names (sources, secrets, variables, a database of one's own) is put beside it, as its reader would.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.test_documented import ROOT, SETTINGS_PAGE, blocks
from tests.systems.system import ENVIRONMENT, System, free_port

API = """\
import http.server, json, os, pathlib
assert os.environ["DATABASE_URL"] and os.environ["SESSION_KEY"] and os.environ["MAIL_TOKEN"]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        said = {"version": os.environ["APP_VERSION"], "level": os.environ.get("LOG_LEVEL")}
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
FILES = {
    "src/api/__init__.py": "",
    "src/api/__main__.py": API,
    "src/api/migrations.py": "print('migrated')\n",
    "src/shared/__init__.py": "",
    "src/requirements.txt": "# nothing\n",
    "src/mailer/main.py": "import threading\nthreading.Event().wait()\n",
    "smoke.py": "",
    "secrets/session-key": "one",
    "secrets/production-session-key": "two",
    "secrets/team-address": "json://localhost:9",
}
VARIABLES = {"MAIL_TOKEN": "three", "PRODUCTION_DATABASE_URL": "postgresql://db.example/hospital"}


@pytest.mark.parametrize("block", blocks(SETTINGS_PAGE, "yaml"))
def test_what_the_page_shows_can_be_deployed(block: str, tmp_path: Path) -> None:
    system = System(tmp_path / "system", variables={**ENVIRONMENT, **VARIABLES})
    for name, text in FILES.items():
        file = system.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    written = re.sub(r"(port: )\d+", lambda found: f"{found[1]}{free_port()}", block)
    (system.folder / "carelane.yaml").write_text(written)
    assert set(_named(yaml.safe_load(block))) <= set(VARIABLES), "what it names is given here"
    system.git("add", "--all")
    system.git("commit", "--quiet", "--message", "as documented")
    assert "is right: hospital" in system.must("config", "check")
    try:
        system.up()
        system.must("release", "create", "--name", "v1")
        for environment, settings in yaml.safe_load(written)["environments"].items():
            ran = system.run("deploy", environment, "--release", "v1", "--wait", timeout=60)
            assert ran.code == 0, f"{ran.err}\n{system.log()}"
            shown = system.get(settings["port"], "/api")
            assert shown == {"version": "v1", "level": "warning"}
        assert "nothing that nobody needs" in system.must("prune", "--dry-run")
    finally:
        system.down()


def _named(said: Any) -> list[str]:  # noqa: ANN401 - any YAML
    """The variables of the server that secrets are found in."""
    if isinstance(said, list):
        return [name for each in said for name in _named(each)]
    if not isinstance(said, dict):
        return []
    own = [said["variable"]] if isinstance(said.get("variable"), str) else []
    return own + [name for each in said.values() for name in _named(each)]


def test_there_is_something_to_deploy() -> None:
    assert blocks((ROOT / "docs" / "configuration.md").read_text(), "yaml")
