"""Carries jobs out: lays a job's files, starts act in a sandbox, reads what it says, keeps what it made."""

import contextlib
import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

from localhub.execution import logs, sandbox, tools
from localhub.execution.following import Following
from localhub.execution.masking import Masks
from localhub.execution.room import Room
from localhub.execution.uses import Actions, Used
from localhub.runs.ports import JobFiles, Order, Progress, Report

CANCEL_GRACE_SECONDS = 300.0
"""How long always() steps may take once a job is cancelled; as on GitHub."""

ROOT = "/lh"
REGISTRY_SETTINGS = ("/etc/pip.conf", "/etc/npmrc")
UNFENCED = (
    "WITHOUT a sandbox: workflow code runs as the server's own user and can read all that this user can"
)
GITCONFIG = """[safe]
	directory = *
[user]
	name = runner
	email = runner@localhub
[init]
	defaultBranch = main
[core]
	pager = cat
[color]
	ui = false
"""


class SandboxedJobs:
    """The `Jobs` port by act and bubblewrap, one thread a job (its sandbox lives as long as that thread)."""

    def __init__(
        self,
        state: Path,
        found: tools.Tools,
        settings: sandbox.Settings,
        *,
        repository_folder: Callable[[str], Path],
        store: JobFiles,
        actions: Actions,
        extra_binds: tuple[sandbox.Bind, ...] = (),
        passed: Mapping[str, str] | None = None,
        paths: tuple[str, ...] = (),
        room: Room = Room(),  # noqa: B008 - frozen
    ) -> None:
        self._state = state
        self._tools = found
        self._settings = settings
        self._repository_folder = repository_folder
        self._store = store
        self._actions = actions
        self._extra_binds = extra_binds
        self._passed = dict(passed or {})
        self._paths = paths
        self._room = room
        self._running: dict[int, _Running] = {}
        self._lock = threading.Lock()

    def log_folder(self, job_id: int) -> Path:
        """Where a job's log is."""
        return self._state / "logs" / str(job_id)

    def start(self, order: Order, report: Report) -> None:
        """Begins a job in a thread of its own."""
        running = _Running()
        with self._lock:
            self._running[order.job_id] = running
        thread = threading.Thread(
            target=self._run, args=(order, report, running), name=f"job-{order.job_id}", daemon=True
        )
        thread.start()

    def cancel(self, job_id: int, *, force: bool = False) -> None:
        """Ends the running step, or all at once."""
        with self._lock:
            running = self._running.get(job_id)
        if running is not None:
            running.cancel(force=force)

    def end_orphan(self, job_id: int, process_id: int | None) -> None:
        """Removes what is left of a job whose server died; its sandbox died with the server."""
        if process_id is not None:
            sandbox.end_if_ours(process_id)
        _removed(self._folder(job_id))

    def _folder(self, job_id: int) -> Path:
        return self._state / "jobs" / str(job_id)

    def _run(self, order: Order, report: Report, running: "_Running") -> None:
        masks = Masks(order.secrets.values())
        log = logs.JobLog(self.log_folder(order.job_id), masks)
        following = Following(order, log, masks)
        folder = self._folder(order.job_id)
        try:
            progress = self._carried_out(order, report, running, following, folder)
        except Exception as problem:  # noqa: BLE001 - whatever it was, the job must end and say so
            progress = following.broken(f"{type(problem).__name__}: {problem}")
        finally:
            with self._lock:
                self._running.pop(order.job_id, None)
        # A full disk must not keep anybody from hearing that the job has ended.
        with contextlib.suppress(OSError):
            log.close(following.last_step)
        with contextlib.suppress(OSError):
            _removed(folder)
        report(order.run_id, order.job_id, progress)

    def _carried_out(
        self, order: Order, report: Report, running: "_Running", following: Following, folder: Path
    ) -> Progress:
        used = self._actions.of(order)
        if used.problems:
            return following.refused(list(used.problems))
        self._lay(order, folder)
        following.set_up(self._facts(order, used))
        box = self._begun(order, folder, used)
        running.begun(box)
        timer = threading.Timer(order.timeout_seconds, running.time_out)
        timer.daemon = True
        timer.start()
        over = threading.Event()
        looking = (folder, running.no_room, over)
        threading.Thread(target=self._room.watched, args=looking, name="room", daemon=True).start()
        try:
            report(order.run_id, order.job_id, following.progress(process_id=box.child_pid))
            for row in box.lines():
                if following.read(row):
                    report(order.run_id, order.job_id, following.progress(process_id=box.child_pid))
            returned = box.ended()
        finally:
            over.set()
            timer.cancel()
            running.ended()
        kept = self._store.keep(order, folder / "out")
        return following.finished(
            kept,
            cancelled=running.cancelled,
            timed_out=running.timed_out,
            lacked=running.lacked,
            returned=returned,
        )

    def _lay(self, order: Order, folder: Path) -> None:
        _removed(folder)
        for name in ("in", "home/work", "out", "artifacts", "caches"):
            (folder / name).mkdir(parents=True)
        files = {
            "wf.yml": yaml.safe_dump(order.workflow, sort_keys=False, allow_unicode=True, width=1 << 20),
            "event.json": json.dumps(order.payload),
            "env.yml": yaml.safe_dump(order.environment),
            "secrets.yml": yaml.safe_dump(order.secrets),
            "passwd": "root:x:0:0::/root:/bin/sh\nrunner:x:1001:1001::/home/runner:/bin/bash\n",
            "group": "root:x:0:\nrunner:x:1001:\n",
            "hosts": "127.0.0.1 localhost runner\n::1 localhost\n",
            "gitconfig": GITCONFIG,
        }
        for name, text in files.items():
            path = folder / "in" / name
            path.write_text(text, encoding="utf-8")
            path.chmod(0o444)
        (folder / "in").chmod(0o755)
        (folder / "out" / "artifacts").mkdir()
        (folder / "out" / "caches").mkdir()
        self._store.lay(order, folder / "artifacts", folder / "caches")
        if self._settings.user is not None:
            for name in ("home", "home/work", "out", "out/artifacts", "out/caches"):
                shutil.chown(folder / name, self._settings.user, self._settings.user)

    def _binds(self, order: Order, folder: Path, used: Used) -> list[sandbox.Bind]:
        """What the sandbox sees besides the system: all under /lh, and the runner's home."""
        bind = sandbox.Bind
        binds = [
            *(
                bind(folder / "in" / name, f"/etc/{name}")
                for name in ("passwd", "group", "hosts", "gitconfig")
            ),
            *(bind(Path(path), path) for path in REGISTRY_SETTINGS if Path(path).is_file()),
            bind(self._tools.wrappers, f"{ROOT}/first"),
            bind(self._tools.act, f"{ROOT}/bin/act"),
            bind(self._tools.node / "bin" / "node", f"{ROOT}/bin/node"),
            bind(self._tools.node, f"{ROOT}/node"),
            bind(self._tools.python, str(self._tools.python)),  # its libraries are found by its own path
            bind(self._repository_folder(order.repository), f"{ROOT}/repository.git"),
            bind(self._state / "cwd", f"{ROOT}/cwd"),
            *(bind(folder / name, f"{ROOT}/{name}") for name in ("in", "artifacts", "caches")),
            bind(folder / "out", f"{ROOT}/out", writable=True),
            *self._extra_binds,
        ]
        if self._settings.home_bytes is None:
            # One mount for home and workspace: installers link from their caches instead of copying.
            binds.append(bind(folder / "home", sandbox.HOME, writable=True))
        for number, action in enumerate(used.folders.values()):
            binds.append(bind(action, f"{ROOT}/actions/{number}"))
        return binds

    def _environment(self, order: Order, root: str, home: str) -> dict[str, str]:
        more = "".join(f"{path}:" for path in self._paths)
        path = f"{root}/first:{root}/bin:{more}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return {
            **self._passed,
            "HOME": home,
            "USER": "runner",
            "LANG": "C.UTF-8",
            "CI": "true",
            "PATH": path,
            "LOCALHUB_ROOT": root,
            "LOCALHUB_PYTHON": str(self._tools.python),
            "RUNNER_NAME": order.runner,
        }

    def _command(self, order: Order, used: Used, root: str, home: str) -> list[str]:
        command = [f"{root}/bin/act", order.event, "-W", f"{root}/in/wf.yml"]
        command += ["-e", f"{root}/in/event.json", "--json"]
        command += ["--actor", order.environment["GITHUB_ACTOR"]]  # act puts its own before the environment's
        command += ["-P", "ubuntu-latest=-self-hosted", "--no-cache-server", "--no-skip-checkout"]
        command += ["--action-cache-path", f"{home}/work", "--env-file", f"{root}/in/env.yml"]
        command += [
            "--secret-file",
            f"{root}/in/secrets.yml",
            "--var-file",
            "/dev/null",
            "--input-file",
            "/dev/null",
        ]
        for number, reference in enumerate(used.folders):
            name, _, ref = reference.partition("@")
            repository = "/".join(name.split("/")[:2])
            command += ["--local-repository", f"{repository}@{ref}={root}/actions/{number}"]
        return command

    def _begun(self, order: Order, folder: Path, used: Used) -> sandbox.Sandbox:
        """Starts act: in its sandbox, or where there is none in the job's folder as this user."""
        binds = self._binds(order, folder, used)
        root, home = ROOT, sandbox.HOME
        if not self._settings.fenced:
            root, home = str(folder / "lh"), str(folder / "home")
            for bind in binds:
                if bind.target.startswith(f"{ROOT}/"):
                    place = Path(root) / bind.target.removeprefix(f"{ROOT}/")
                    place.parent.mkdir(parents=True, exist_ok=True)
                    if bind.target.startswith(f"{ROOT}/actions/"):
                        shutil.copytree(bind.source, place, symlinks=True)  # act follows no link there
                    else:
                        place.symlink_to(bind.source)
        return sandbox.started(
            self._settings,
            binds,
            self._environment(order, root, home),
            self._command(order, used, root, home),
            f"{root}/cwd",
        )

    def _facts(self, order: Order, used: Used) -> list[str]:
        fenced = "in a sandbox (bubblewrap)" if self._settings.fenced else UNFENCED
        return [
            f"Current runner: {order.runner} (this machine), {fenced}",
            f"Repository {order.repository} at {order.sha}",
            *(f"Action {reference}" for reference in used.folders),
        ]


def _removed(folder: Path) -> None:
    """Removes a job's folder, however deep the job made it: `shutil.rmtree` ends at a thousand folders."""
    subprocess.run(["rm", "-rf", "--", str(folder)], capture_output=True, check=False)


class _Running:
    """A job under way, and how it was asked to end."""

    def __init__(self) -> None:
        self.cancelled = False
        self.timed_out = False
        self.lacked = ""
        self._box: sandbox.Sandbox | None = None
        self._over = False
        self._grace: threading.Timer | None = None
        self._lock = threading.Lock()

    def begun(self, box: sandbox.Sandbox) -> None:
        """The job's sandbox is there: of a job that was cancelled before, no step is begun."""
        with self._lock:
            self._box = box
            if self.cancelled:
                box.kill()

    def cancel(self, *, force: bool) -> None:
        with self._lock:
            self.cancelled = True
            if self._box is None or self._over:
                return
            if force:
                self._box.kill()
            elif self._grace is None:
                # Once: a second SIGINT would end act, and what is always() done with it.
                self._box.interrupt()
                self._grace = threading.Timer(CANCEL_GRACE_SECONDS, self._too_long)
                self._grace.daemon = True
                self._grace.start()

    def time_out(self) -> None:
        self.timed_out = True
        self.cancel(force=False)

    def no_room(self, words: str) -> None:
        """It has taken too much of the disk: nothing of it goes on, for it would take more."""
        self.lacked = words
        self.cancel(force=True)

    def _too_long(self) -> None:
        if not self._over and self._box is not None:
            self._box.kill()

    def ended(self) -> None:
        with self._lock:
            self._over = True
            if self._grace is not None:
                self._grace.cancel()
