"""An environment's rules, as the command line sets them."""

import subprocess
import sys
from pathlib import Path

from localhub.bootstrap.localhub import built
from localhub.hub import settings
from localhub.store.records import HubEnvironment


def localhub(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "localhub", *arguments], check=True, capture_output=True)


def rules(state: Path) -> HubEnvironment:
    found = built(settings.read(None, state)).environments.get("acme/app", "production")
    assert found is not None
    return found


def test_a_rule_of_which_nothing_is_said_stays(tmp_path: Path) -> None:
    """`carelane up` names the reviewers at each start: whoever may deploy is not its business."""

    def environment(*options: str) -> HubEnvironment:
        localhub("environment", "acme/app", "production", *options, "--state", str(tmp_path))
        return rules(tmp_path)

    localhub("repo", "create", "acme/app", "--state", str(tmp_path))
    environment("--branch", "main")
    found = environment("--reviewer", "alice")
    assert (found.branches, found.reviewers) == (("main",), ("alice",))
    found = environment("--any-branch", "--no-reviewers")
    assert (found.branches, found.reviewers) == ((), ())
