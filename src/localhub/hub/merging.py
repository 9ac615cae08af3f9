"""Whether a pull request may be merged, and merging it."""

from dataclasses import dataclass, replace

from localhub.base.errors import ConflictError, InputError, NotMergeableError
from localhub.hub import pulls
from localhub.hub.parts import Localhub
from localhub.repositories import receipts
from localhub.repositories.bare import Pushed
from localhub.runs.records import Conclusion, Job, Run
from localhub.store.records import PullRequest
from localhub.store.runs import RunFilter

GOOD = {Conclusion.SUCCESS, Conclusion.SKIPPED}
MOST_RUNS = 1000


@dataclass(frozen=True)
class Check:
    """A job, as a check of a commit."""

    run: Run
    job: Job

    @property
    def pending(self) -> bool:
        """Whether it has not ended."""
        return not self.job.done

    @property
    def good(self) -> bool:
        """Whether it has ended well (or was skipped, as GitHub counts it)."""
        return self.job.conclusion in GOOD


def checks(localhub: Localhub, repository: str, sha: str) -> list[Check]:
    """The checks of a commit: jobs of the newest run of each workflow and event, newest run first."""
    _, runs = localhub.runs.listed(repository, RunFilter(sha=sha), per_page=MOST_RUNS)
    newest: dict[tuple[int, str], Run] = {}
    for run in runs:
        newest.setdefault((run.workflow_id, run.event), run)
    return [Check(run, job) for run in newest.values() for job in run.jobs]


def summary(found: list[Check]) -> str:
    """failure, pending or success, of all of them; pending where there are none, as on GitHub."""
    if any(not each.good and not each.pending for each in found):
        return "failure"
    return "success" if found and not any(each.pending for each in found) else "pending"


@dataclass(frozen=True)
class Standing:
    """How a pull request stands, in GraphQL's words, and why it may not be merged (empty: it may)."""

    mergeable: str  # MERGEABLE | CONFLICTING | UNKNOWN
    status: str  # CLEAN | UNSTABLE | BLOCKED | DIRTY | DRAFT | UNKNOWN
    reason: str = ""


def standing(localhub: Localhub, pull: PullRequest) -> Standing:
    """How it stands now."""
    if pull.state != "open":
        return Standing("UNKNOWN", "UNKNOWN", f"Pull Request is {pulls.shown_state(pull).lower()}")
    base = pulls.tip(localhub, pull.repository, pull.base)
    if base is None or not localhub.bare.merges(pull.repository, base, pull.head_sha):
        return Standing("CONFLICTING", "DIRTY", "Pull Request has merge conflicts")
    if pull.draft:
        return Standing("MERGEABLE", "DRAFT", "Pull Request is still a draft")
    found = checks(localhub, pull.repository, pull.head_sha)
    reason = _lacking(required(localhub, pull), found)
    if reason:
        return Standing("MERGEABLE", "BLOCKED", reason)
    return Standing("MERGEABLE", "CLEAN" if all(each.good for each in found) else "UNSTABLE")


def required(localhub: Localhub, pull: PullRequest) -> tuple[str, ...]:
    """Names of the checks that its base branch asks for."""
    repository = localhub.repositories.get(pull.repository)
    return repository.required_checks.get(pull.base, ()) if repository else ()


def _lacking(names: tuple[str, ...], found: list[Check]) -> str:
    """What required checks lack, in GitHub's words; all of a name must have ended well."""
    words = []
    for name in names:
        named = [each for each in found if each.job.name == name]
        if not named:
            words.append("expected")
        elif any(not each.good and not each.pending for each in named):
            words.append("failing")
        elif any(each.pending for each in named):
            words.append("in progress")
        else:
            words.append("")
    bad = [(name, word) for name, word in zip(names, words, strict=True) if word]
    if not bad:
        return ""
    if len(bad) == 1:
        return f'Required status check "{bad[0][0]}" is {bad[0][1]}.'
    each = ", ".join(f'"{name}" is {word}' for name, word in bad)
    return f"{len(bad)} of {len(names)} required status checks have not succeeded: {each}."


@dataclass(frozen=True)
class Merge:
    """How somebody wants it merged."""

    method: str = "merge"  # merge | squash
    headline: str | None = None  # None: GitHub's own
    body: str | None = None
    expected_head: str | None = None


def merge(localhub: Localhub, pull: PullRequest, how: Merge, actor: str) -> PullRequest:
    """Merges it: the base branch moves, which is a push by *actor*, and it is closed.

    Raises:
        InputError: If there is no such method.
        NotMergeableError: If it may not be merged; with the reason.
        ConflictError: If its head is not where the caller thinks, or the base moves meanwhile.
    """
    if how.method == "rebase":
        raise NotMergeableError(
            "Rebase merges are not allowed on this repository.", hint="--merge or --squash"
        )
    if how.method not in {"merge", "squash"}:
        raise InputError(f"merge_method is {how.method!r}", hint="merge or squash")
    with localhub.changing:
        pull = pulls.one(localhub, pull.repository, pull.number)
        name, ref = pull.repository, f"refs/heads/{pull.base}"
        expected = how.expected_head or pull.head_sha
        head = pulls.tip(localhub, name, pull.head) if pull.state == "open" else pull.head_sha
        if not expected == head == pull.head_sha:
            raise ConflictError("Head branch was modified. Review and try the merge again.")
        reason = standing(localhub, pull).reason
        if reason:
            raise NotMergeableError(reason)
        before = localhub.bare.at(name, ref) or pull.base_sha
        headline, body = message(localhub, pull, how.method)
        headline = headline if how.headline is None else how.headline
        body = body if how.body is None else how.body
        words = f"{headline}\n\n{body}".strip()
        author = pull.author if how.method == "squash" else actor
        sha = localhub.bare.merged(name, before, pull.head_sha, words, method=how.method, author=author)
        localhub.bare.move(name, ref, sha, before)
        receipts.write(localhub.bare.folder(name), actor, Pushed(ref, before, sha))
        return pulls.merged(localhub, replace(pull, base_sha=before), sha, actor)


def message(localhub: Localhub, pull: PullRequest, method: str) -> tuple[str, str]:
    """Headline and body of the merge, where nobody says otherwise: as GitHub words them."""
    if method != "squash":
        owner = pull.repository.partition("/")[0]
        return f"Merge pull request #{pull.number} from {owner}/{pull.head}", pull.title
    base = pulls.tip(localhub, pull.repository, pull.base) or pull.base_sha
    commits = localhub.bare.between(pull.repository, base, pull.head_sha)
    if len(commits) == 1:
        headline, _, body = commits[0].message.partition("\n")
        return f"{headline} (#{pull.number})", body.strip()
    return f"{pull.title} (#{pull.number})", "\n\n".join(f"* {each.message}" for each in commits)
