"""The repositories on disk: the `Sources` port, and what pull requests need of git."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from localhub.base.errors import ConflictError, InputError, NotFoundError, NotMergeableError, PlatformError
from localhub.repositories import git

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
NOWHERE = "0" * 40
LARGEST_FILE_BYTES = (1 << 20) + 1
"""Of a workflow file: one byte more than is read as one, so that it is refused for its size."""
LARGEST_TEXT_BYTES = 16 << 20
OURS = ("refs/pull", "refs/localhub")
"""Refs that nobody pushes to: git answers "deny updating a hidden ref", as GitHub does of refs/pull."""


@dataclass(frozen=True)
class Commit:
    """A commit, as the API shows it."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: str
    author_email: str
    date: str  # ISO 8601
    committer: str
    committer_email: str
    committed: str  # ISO 8601
    message: str


@dataclass(frozen=True)
class Changed:
    """A file that differs between two commits."""

    path: str
    status: str  # added | removed | modified
    added: int  # lines
    deleted: int


@dataclass(frozen=True)
class Pushed:
    """One ref that a push moved."""

    ref: str
    before: str
    after: str

    @property
    def created(self) -> bool:
        """Whether the ref is new."""
        return self.before == NOWHERE

    @property
    def deleted(self) -> bool:
        """Whether the ref is gone."""
        return self.after == NOWHERE


class BareRepositories:
    """A bare git repository a name, under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, name: str) -> Path:
        """Where a repository is.

        Raises:
            InputError: If the name is not owner/name in plain characters.
        """
        owner, slash, short = name.partition("/")
        if not slash or not NAME.fullmatch(owner) or not NAME.fullmatch(short):
            raise InputError(
                f"{name!r} is not a repository's name", hint="owner/name, in letters, digits, . _ -"
            )
        return self.root / owner / f"{short}.git"

    def create(self, name: str, default_branch: str = "main") -> Path:
        """Makes an empty repository; one that is there stays as it is."""
        folder = self.folder(name)
        if not (folder / "HEAD").exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            git.run(None, "init", "--quiet", "--bare", f"--initial-branch={default_branch}", str(folder))
            for key, value in {
                "http.receivepack": "true",
                "uploadpack.allowAnySHA1InWant": "true",
                "receive.denyDeleteCurrent": "refuse",
                "core.logAllRefUpdates": "true",
                "core.sharedRepository": "0644",  # jobs read it as another user
                "gc.auto": "0",
            }.items():
                git.run(folder, "config", key, value)
            self.guard(name)
        return folder

    def guard(self, name: str) -> None:
        """Lets nobody push to refs of our own; also in a repository that an earlier version made."""
        for ref in OURS:
            git.run(self.folder(name), "config", "--replace-all", "receive.hideRefs", ref, f"^{ref}$")

    def repack(self, name: str, keep_days: int) -> None:
        """Packs a repository; what nothing led to for *keep_days* goes: till then runs may ask for it."""
        expire = f"{keep_days}.days.ago"
        of_moves = [f"gc.{key}={expire}" for key in ("reflogExpire", "reflogExpireUnreachable")]
        options = [word for setting in of_moves for word in ("-c", setting)]
        git.run(self.folder(name), *options, "gc", "--quiet", "--cruft", f"--prune={expire}")

    def refs(self, name: str) -> dict[str, str]:
        """Commits by ref (branches and tags; annotated tags by their commit)."""
        text = git.run(
            self.folder(name),
            "for-each-ref",
            "--format=%(refname) %(objectname) %(*objectname)",
            "refs/heads",
            "refs/tags",
        )
        found = {}
        for line in filter(None, text.split("\n")):  # a ref may hold what splitlines() takes for a line's end
            ref, sha, *peeled = line.split(" ")
            found[ref] = peeled[0] if peeled and peeled[0] else sha
        return found

    def at(self, name: str, ref: str) -> str | None:
        """The commit that a full ref, of whatever kind, is at; None where there is none."""
        found = git.run(
            self.folder(name),
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            f"{ref}^{{commit}}",
            check=False,
        )
        return found.strip() or None

    def resolve(self, name: str, revision: str) -> str:
        """The full SHA of a branch, tag or (short) SHA.

        Raises:
            NotFoundError: If there is no such commit.
        """
        if revision.startswith("-") or not revision:
            raise InputError(f"{revision!r} is not a revision")
        sha = git.run(
            self.folder(name), "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", check=False
        ).strip()
        if not sha:
            raise NotFoundError(f"{name} has no commit {revision!r}", hint="git push it first")
        return sha

    def files(self, repository: str, sha: str, folder: str) -> Mapping[str, str]:
        """Texts of the files right in *folder* at a commit, by path; of a large one only its beginning."""
        place = self.folder(repository)
        listing = git.run(place, "ls-tree", "-z", sha, f"{folder.rstrip('/')}/", check=False)
        found = {}
        for entry in filter(None, listing.split("\0")):
            facts, _, path = entry.partition("\t")
            _, kind, blob = facts.split(" ")
            if kind == "blob":  # by what it is: its name may be no text
                found[path] = git.beginning(place, blob, LARGEST_FILE_BYTES)
        return found

    def text(self, repository: str, sha: str, path: str) -> str:
        """One file's text at a commit.

        Raises:
            NotFoundError: If it is not there.
            InputError: If it is larger than 16 MiB.
        """
        listed = git.run(self.folder(repository), "ls-tree", "-l", sha, "--", path, check=False)
        if not listed:
            raise NotFoundError(f"{repository} has no {path} at {sha[:7]}")
        size = listed.partition("\t")[0].split()[-1]
        if size.isdigit() and int(size) > LARGEST_TEXT_BYTES:
            raise InputError(f"{path} has {size} bytes, and at most {LARGEST_TEXT_BYTES} are read as text")
        return git.run(self.folder(repository), "show", f"{sha}:{path}")

    def changed(self, repository: str, before: str | None, after: str) -> Iterable[str]:
        """Paths that differ between two commits; all of them where there is no *before*."""
        place = self.folder(repository)
        if before is None or self.at(repository, before) is None:
            text = git.run(place, "ls-tree", "-r", "-z", "--name-only", after)
        else:
            text = git.run(place, "diff", "--no-renames", "--name-only", "-z", before, after)
        return [path for path in text.split("\0") if path]

    def commit(self, name: str, sha: str) -> Commit:
        """A commit's facts."""
        return self._commits(name, "--max-count=1", sha)[0]

    def between(self, name: str, base: str, head: str) -> list[Commit]:
        """Commits in *head* and not in *base*, oldest first."""
        return self._commits(name, "--reverse", f"{base}..{head}")

    def only_at(self, name: str, refs: Iterable[str], head: str) -> list[Commit]:
        """Commits in *head* that no branch but *refs* has, oldest first."""
        excluded = [f"--exclude={ref.removeprefix('refs/heads/')}" for ref in refs]
        return self._commits(name, "--reverse", head, "--not", *excluded, "--branches")

    def before_new(self, name: str, refs: Iterable[str], head: str) -> str | None:
        """The parent of the deepest commit of *head* that no branch but *refs* has; None without one."""
        excluded = [f"--exclude={ref.removeprefix('refs/heads/')}" for ref in refs]
        wanted = ("--topo-order", "--reverse", "--parents", head, "--not", *excluded, "--branches")
        deepest = git.run(self.folder(name), "rev-list", *wanted).partition("\n")[0].split()
        return deepest[1] if len(deepest) > 1 else None

    def _commits(self, name: str, *wanted: str) -> list[Commit]:
        """The newest 250 of what `git log` is asked for."""
        form = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B"
        place, most = self.folder(name), "--max-count=250"
        text = git.run(place, "log", "-z", "--no-show-signature", f"--format={form}", most, *wanted)
        parts = text.split("\0")[:-1]
        rows = [[each.rstrip("\n") for each in parts[at : at + 10]] for at in range(0, len(parts), 10)]
        return [Commit(row[0], row[1], tuple(row[2].split()), *row[3:]) for row in rows]

    def files_changed(self, name: str, base: str, head: str) -> list[Changed]:
        """Files that differ since the two parted, by path."""
        place, both = self.folder(name), f"{base}...{head}"
        letters = git.run(place, "diff", "--no-renames", "--name-status", "-z", both).split("\0")
        statuses = dict(zip(letters[1::2], letters[::2], strict=False))
        words = {"A": "added", "D": "removed"}
        found = []
        for row in filter(None, git.run(place, "diff", "--no-renames", "--numstat", "-z", both).split("\0")):
            added, deleted, path = row.split("\t", 2)
            lines = (0, 0) if added == "-" else (int(added), int(deleted))  # a dash: not text
            found.append(Changed(path, words.get(statuses[path], "modified"), *lines))
        return found

    def diff(self, name: str, base: str, head: str) -> str:
        """The change as a unified diff."""
        return git.run(self.folder(name), "diff", f"{base}...{head}")

    def patch(self, name: str, base: str, head: str) -> str:
        """The commits as patches, as `git am` takes them."""
        return git.run(self.folder(name), "format-patch", "--stdout", f"{base}..{head}")

    def merges(self, name: str, base: str, head: str) -> bool:
        """Whether the two merge by themselves."""
        return self._merged_tree(name, base, head) is not None

    def _merged_tree(self, name: str, base: str, head: str) -> str | None:
        said = git.run(self.folder(name), "merge-tree", "--write-tree", base, head, check=False)
        return said.split()[0] if said else None

    def merged(self, name: str, base: str, head: str, message: str, *, method: str, author: str) -> str:
        """A commit that brings *head* into *base*; no ref is moved.

        Raises:
            NotMergeableError: If the two do not merge by themselves.
        """
        tree = self._merged_tree(name, base, head)
        if tree is None:
            raise NotMergeableError(
                "Pull Request has merge conflicts", hint="merge the base branch into it, and push"
            )
        parents = ["-p", base] if method == "squash" else ["-p", base, "-p", head]
        return git.run(self.folder(name), "commit-tree", tree, *parents, "-m", message, author=author).strip()

    def contains(self, name: str, commit: str, earlier: str) -> bool:
        """Whether *earlier* is *commit* or one of its ancestors."""
        return git.run(self.folder(name), "rev-list", "--max-count=1", f"{commit}..{earlier}") == ""

    def move(self, name: str, ref: str, to: str, expected: str) -> None:
        """Moves a ref, unless somebody else has meanwhile.

        Raises:
            ConflictError: If it is no longer at *expected*.
        """
        try:
            git.run(self.folder(name), "update-ref", ref, to, expected)
        except PlatformError as problem:
            raise ConflictError(f"{ref} has moved meanwhile", hint="try again") from problem

    def set_ref(self, name: str, ref: str, to: str) -> None:
        """Sets a ref of our own, such as a pull request's merge."""
        git.run(self.folder(name), "update-ref", ref, to)

    def base(self, name: str, one: str, other: str) -> str:
        """Where two commits parted; the first where they never met."""
        return git.run(self.folder(name), "merge-base", one, other, check=False).strip() or one

    def delete(self, name: str, ref: str) -> None:
        """Removes a ref."""
        git.run(self.folder(name), "update-ref", "-d", ref)
