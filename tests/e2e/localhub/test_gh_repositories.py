"""gh repo clone, gh variable and gh secret, by the real gh."""

import os
import shlex
from pathlib import Path

import pytest

from localhub.bootstrap import gh
from tests.localhub_server import Clone, ran
from tests.localhub_workflows import said, shell_job


def test_gh_clones_and_works_in_the_clone(app: Clone, tmp_path: Path) -> None:
    sha = app.push({"a.txt": "1"})
    app.server.gh("repo", "clone", app.name, "there", folder=tmp_path)
    there = tmp_path / "there"
    assert (there / "a.txt").read_text(encoding="utf-8") == "1"
    assert app.server.gh("repo", "view", "--json", "name", folder=there).json() == {"name": app.name[5:]}
    ran(["git", "push", "--quiet", "origin", "HEAD:other"], app.server.environment(), there)
    assert app.git("ls-remote", "origin", "refs/heads/other").split()[0] == sha


def test_a_clone_is_somebodys_whose_token_is_known(app: Clone, tmp_path: Path) -> None:
    app.push({"a.txt": "1"})
    command = ["git", "clone", f"http://github.localhost/{app.name}.git", "there"]
    refused = ran(command, {**app.server.environment(), "GH_TOKEN": "nobodys"}, tmp_path, code=128)
    assert "Authentication failed" in refused.err
    ran(command, app.server.environment("alice"), tmp_path)


def test_without_a_port_there_is_nothing_for_git(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert not [line for line in gh.environment(tmp_path) if "GIT_" in line]


def test_what_git_is_told_already_stays_and_ours_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "port").write_text("1234", encoding="ascii")
    for name, value in (("COUNT", "1"), ("KEY_0", "user.name"), ("VALUE_0", "mine")):
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    for _ in range(2):
        for line in gh.environment(tmp_path):
            name, _, value = shlex.split(line)[1].partition("=")
            monkeypatch.setenv(name, value)
        keys = [os.environ[f"GIT_CONFIG_KEY_{n}"] for n in range(int(os.environ["GIT_CONFIG_COUNT"]))]
        assert (len(keys), keys[0], os.environ["GIT_CONFIG_VALUE_0"]) == (4, "user.name", "mine")


def test_gh_sets_lists_changes_and_gets_variables_which_jobs_read(app: Clone) -> None:
    app.push({"a.txt": "1"})
    app.gh("variable", "set", "greeting", "--body", "hello")
    app.gh("variable", "set", "COLOUR", "--body", "green")
    app.gh("variable", "set", "COLOUR", "--body", "blue")
    rows = [line.split("\t")[:2] for line in app.gh("variable", "list").out.splitlines()]
    assert rows == [["COLOUR", "blue"], ["GREETING", "hello"]]
    assert app.gh("variable", "get", "greeting").out == "hello\n"
    assert "Z hello blue" in said(app, shell_job("echo ${{ vars.GREETING }} ${{ vars.colour }}"))
    assert "variable NONE was not found" in app.gh("variable", "get", "NONE", code=1).err
    assert "cannot be a name" in app.gh("variable", "set", "GITHUB_X", "--body", "x", code=1).err


def test_gh_lists_secrets_by_name_and_says_how_they_are_set(app: Clone) -> None:
    app.server.localhub("secret", "set", "--repo", app.name, "deploy_token", stdin="hidden")
    listed = app.gh("secret", "list").out
    assert listed.split("\t")[0] == "DEPLOY_TOKEN"
    assert "hidden" not in listed + app.gh("api", f"repos/{app.name}/actions/secrets").out
    refused = app.gh("secret", "set", "A", "--body", "b", code=1)
    assert f"localhub secret set --repo {app.name} NAME" in refused.err


def test_a_jobs_token_does_not_reach_variables(app: Clone) -> None:
    asks = "curl -s -o /dev/null -w '%{http_code}' -H 'Authorization: Bearer ${{ github.token }}'"
    place = f"http://127.0.0.1:{app.server.port}/repos/{app.name}/actions"
    assert "Z 403 403" in said(app, shell_job(f"echo $({asks} {place}/variables) $({asks} {place}/secrets)"))
