"""Follows one job by act's rows: steps, log, annotations, summary and outputs, as GitHub shows them."""

from dataclasses import replace
from datetime import UTC, datetime

from localhub.execution import rows
from localhub.execution.logs import JobLog
from localhub.execution.masking import Masks
from localhub.runs.ports import Kept, Order, Progress
from localhub.runs.records import LARGEST_LINE, Annotation, Conclusion, Status, Step

SET_UP, COMPLETE = "Set up job", "Complete job"
LEVELS = {"error": "failure", "warning": "warning", "notice": "notice"}
WORDS = {level: word for word, level in LEVELS.items()}
"""How a remark of each level begins in a log."""

MOST_ANNOTATIONS = 50
LARGEST_SUMMARY = 1 << 20


class Following:
    """What is known of one job under way. Rows go in, `progress()` comes out; for one thread."""

    def __init__(self, order: Order, log: JobLog, masks: Masks) -> None:
        self._order = order
        self._log = log
        self._masks = masks
        self._reader = rows.Reader()
        self._steps = {1: Step(1, SET_UP)}
        for number, step in enumerate(order.steps, 2):
            self._steps[number] = Step(number, step.name)
        self._main = {step.id: number for number, step in enumerate(order.steps, 2)}
        self._post: dict[str, int] = {}
        self._complete = len(order.steps) + 2
        self._annotations: list[Annotation] = []
        self._summary = ""
        self._result: str | None = None
        self._in_progress = 1
        self._exited: set[int] = set()

    @property
    def last_step(self) -> int:
        """The number of the last step there is."""
        return max(self._steps)

    def set_up(self, facts: list[str]) -> None:
        """The first step: where the job runs."""
        self._begin(1)
        for fact in facts:
            self._log.write(1, fact)

    def refused(self, problems: list[Annotation]) -> Progress:
        """The job cannot be run here: its first step fails and says why."""
        self._begin(1)
        for problem in problems:
            self._log.write(1, f"##[error]{problem.message}")
            self._annotate(problem)
        self._end(1, Conclusion.FAILURE)
        return self._over(Conclusion.FAILURE, {})

    def broken(self, words: str) -> Progress:
        """This program itself failed: the job ends as failed, with what is known."""
        self._annotate(Annotation("failure", f"localhub could not carry the job out: {words}"))
        self._log.write(self._in_progress, f"##[error]{words}")
        self._end(self._in_progress, Conclusion.FAILURE)
        return self._over(Conclusion.FAILURE, {})

    def read(self, row: bytes) -> bool:
        """Takes in a row; True where steps, annotations or the summary changed."""
        event = self._reader.read(row)
        if isinstance(event, rows.Said):
            self._said(event)
            return False
        if isinstance(event, rows.Commanded):
            return self._commanded(event)
        if isinstance(event, rows.Finished):
            self._result = event.result
            return False
        if isinstance(event, rows.Began | rows.Ended):
            return self._moved(event)
        return False

    def progress(self, process_id: int | None = None) -> Progress:
        """As far as it has come."""
        return Progress(
            steps=tuple(self._steps[number] for number in sorted(self._steps)),
            annotations=tuple(self._annotations),
            summary=self._summary,
            process_id=process_id,
        )

    def finished(
        self, kept: Kept, *, cancelled: bool, timed_out: bool, returned: int, lacked: str = ""
    ) -> Progress:
        """The end, with what the job made; *lacked* says what it was ended for."""
        for problem in kept.problems:
            self._annotate(problem)
            self._log.write(self._in_progress, f"##[{WORDS[problem.level]}]{problem.message}")
        conclusion = Conclusion.SUCCESS
        if lacked:
            self._annotate(Annotation("failure", lacked))
            self._log.write(self._in_progress, f"##[error]{lacked}")
            conclusion = Conclusion.FAILURE
        elif timed_out:
            minutes = self._order.timeout_seconds / 60
            words = f"The job has exceeded the maximum execution time of {minutes:g} minutes."
            self._annotate(Annotation("failure", words))
            self._log.write(self._in_progress, f"##[error]{words}")
            conclusion = Conclusion.CANCELLED
        elif cancelled:
            self._log.write(self._in_progress, "##[error]The operation was canceled.")
            self._annotate(Annotation("failure", "The operation was canceled."))
            conclusion = Conclusion.CANCELLED
        elif self._result != "success" or self._broken_steps() or kept.failed:
            conclusion = Conclusion.FAILURE
            self._explain(returned)
        return self._over(conclusion, kept.outputs)

    def _broken_steps(self) -> bool:
        return any(
            step.conclusion is Conclusion.FAILURE and not self._tolerated(step)
            for step in self._steps.values()
        )

    def _tolerated(self, step: Step) -> bool:
        position = step.number - 2
        return 0 <= position < len(self._order.steps) and self._order.steps[position].tolerated

    def _explain(self, returned: int) -> None:
        """A job that failed before any step did must still say why; one whose files are not kept has."""
        if self._result == "success" or (self._broken_steps() and self._result is not None):
            return
        words = "; ".join(dict.fromkeys(self._reader.complaints)) or f"act ended with {returned}"
        self._annotate(Annotation("failure", words))
        self._log.write(self._in_progress, f"##[error]{self._masks.hide(words)}")
        if self._steps[self._in_progress].conclusion is None:
            self._end(self._in_progress, Conclusion.FAILURE)

    def _over(self, conclusion: Conclusion, outputs: dict[str, str]) -> Progress:
        for number, step in list(self._steps.items()):
            if step.status is Status.IN_PROGRESS:
                self._end(number, conclusion if conclusion is not Conclusion.SUCCESS else Conclusion.SUCCESS)
            elif step.status is Status.QUEUED:
                at = _now()
                self._steps[number] = replace(
                    step,
                    status=Status.COMPLETED,
                    conclusion=Conclusion.SKIPPED,
                    started_at=at,
                    completed_at=at,
                )
        if self._complete not in self._steps:
            at = _now()
            last = Step(self._complete, COMPLETE, Status.COMPLETED, Conclusion.SUCCESS, at, at)
            self._steps[self._complete] = last
        return replace(self.progress(), conclusion=conclusion, outputs=self._hidden(outputs))

    def _hidden(self, outputs: dict[str, str]) -> dict[str, str]:
        """Without outputs that hold a secret: GitHub leaves them out too."""
        kept = {}
        for name, value in outputs.items():
            if self._masks.hide(value) != value:
                self._annotate(Annotation("warning", f"Skip output '{name}' since it may contain secret."))
            else:
                kept[name] = value
        return kept

    def _number(self, stage: str, step_id: str) -> int:
        if step_id == "--setup-job" or (stage == "Pre" and step_id in self._main):
            return 1
        if step_id == "--complete-job":
            return self._complete
        if stage == "Post":
            return self._post.get(step_id, self._in_progress)
        return self._main.get(step_id, self._in_progress)

    def _moved(self, event: rows.Began | rows.Ended) -> bool:
        if event.step_id in ("--complete-job", self._order.outputs_step):
            return False
        if event.stage == "Post" and event.step_id in self._main and event.step_id not in self._post:
            number = self._complete
            self._complete += 1
            self._post[event.step_id] = number
            self._steps[number] = Step(number, f"Post {self._steps[self._main[event.step_id]].name}")
        number = self._number(event.stage, event.step_id)
        if isinstance(event, rows.Began):
            if number != 1:
                self._end_set_up()
            self._begin(number)
        elif number != 1:
            self._end(number, self._conclusion(number, event.result))
        return True

    def _conclusion(self, number: int, result: str) -> Conclusion:
        """What people see: a step that may fail is a success, only expressions know its outcome."""
        if result == Conclusion.FAILURE and self._tolerated(self._steps[number]):
            return Conclusion.SUCCESS
        return Conclusion(result) if result else Conclusion.SUCCESS

    def _end_set_up(self) -> None:
        if self._steps[1].status is Status.IN_PROGRESS:
            self._end(1, Conclusion.SUCCESS)

    def _begin(self, number: int) -> None:
        self._in_progress = number
        step = self._steps[number]
        if step.status is Status.QUEUED:
            self._steps[number] = replace(step, status=Status.IN_PROGRESS, started_at=_now())
            if number != 1:
                self._log.write(number, f"##[group]{_running(step.name)}\n##[endgroup]")

    def _end(self, number: int, conclusion: Conclusion) -> None:
        step = self._steps[number]
        if step.status is Status.COMPLETED:
            return
        at = _now()
        self._steps[number] = replace(
            step,
            status=Status.COMPLETED,
            conclusion=conclusion,
            started_at=step.started_at or at,
            completed_at=at,
        )

    def _said(self, event: rows.Said) -> None:
        number = self._number(event.stage, event.step_id)
        if event.cut:
            self._log.write_cut(number, event.text)
            return
        if not event.acts or not self._complained(number, event.text.removeprefix("##[error]")):
            self._log.write(number, event.text)

    def _complained(self, number: int, words: str) -> bool:
        """What act's own complaint means for a step; True where it has been said already."""
        if words.startswith(rows.ENDED):
            if number in self._exited:  # a composite action's step said it, now the action itself
                return True
            self._exited.add(number)
            self._annotate(Annotation("failure", words))
        elif words.startswith(rows.INTERRUPTED):
            self._steps[number] = replace(self._steps[number], conclusion=Conclusion.CANCELLED)
        elif words.startswith(rows.UNEVALUATED):
            # act goes on with an empty string; on GitHub the step fails
            self._annotate(Annotation("failure", words))
            self._end(number, Conclusion.FAILURE)
        return False

    def _commanded(self, event: rows.Commanded) -> bool:
        number = self._number(event.stage, event.step_id)
        if event.command == "add-mask":
            self._masks.add(event.value)
            return False
        if event.command == "summary":
            self._summary = (self._summary + self._masks.hide(event.value))[:LARGEST_SUMMARY]
            return True
        if event.command in LEVELS:
            self._log.write(number, f"##[{event.command}]{event.value}")
            self._annotate(_annotation(event))
            return True
        if event.command in {"group", "endgroup", "debug"}:
            self._log.write(number, f"##[{event.command}]{event.value}")
        return False

    def _annotate(self, annotation: Annotation) -> None:
        if len(self._annotations) < MOST_ANNOTATIONS:
            self._annotations.append(
                replace(
                    annotation,
                    message=self._masks.hide(_writable(annotation.message))[:65536],
                    title=self._masks.hide(annotation.title),
                    path=self._masks.hide(annotation.path),
                )
            )


def _running(name: str) -> str:
    """A step's name as the first line of its log: `Run …`, once."""
    return name if name.startswith("Run ") else f"Run {name}"


def _annotation(event: rows.Commanded) -> Annotation:
    """A remark of a step; its `endLine`, `col` and `endColumn` are read by nobody."""
    return Annotation(
        level=LEVELS[event.command],
        message=event.value,
        path=event.properties.get("file", ".github"),
        line=_line(event.properties.get("line", "")),
        title=event.properties.get("title", ""),
    )


def _line(written: str) -> int:
    """The line that a step names; what is no number of a line is as if it were not given, as on GitHub.

    Source: IssueExtensions.GetAnnotationNumber of github.com/actions/runner: int.TryParse, of 32 bits.
    """
    digits = written.strip().lstrip("0")
    plain = digits.isascii() and digits.isdigit() and len(digits) <= len(str(LARGEST_LINE))
    return int(digits) if plain and int(digits) <= LARGEST_LINE else 1


def _writable(text: str) -> str:
    """Names of files may be any bytes: those that are no text become question marks."""
    return text.encode(errors="replace").decode()


def _now() -> datetime:
    return datetime.now(UTC)
