"""Small workflow files: every key of the language with every kind of value."""

from collections.abc import Iterator

VALUES = {
    "nothing": "",
    "text": "x",
    "a number": "1",
    "true": "true",
    "a list": "[x]",
    "a mapping": "{x: y}",
    "empty text": "''",
    "an empty list": "[]",
    "an empty mapping": "{}",
    "a list of lists": "[[x]]",
    "a list of mappings": "[{x: y}]",
    "a text expression": "${{ github.ref }}",
    "an expression": "${{ fromJSON(vars.X) }}",
}

JOB = "on: push\njobs:\n  a:\n    runs-on: x\n    steps: [{run: x}]\n"
CALL = "on: push\njobs:\n  a:\n    uses: o/r/.github/workflows/x.yml@v1\n"
STEP = JOB.replace(" [{run: x}]", "\n    - run: x")
ACTION = JOB.replace(" [{run: x}]", "\n    - uses: a/b@c")
ON = JOB.replace("on: push", "on:\n  ")

PLACES = {
    "{}: @": (JOB, "name run-name permissions env defaults concurrency"),
    "    {}: @": (
        JOB,
        (
            "name needs if permissions environment concurrency outputs env defaults strategy timeout-minutes"
            " continue-on-error"
        ),
    ),
    "    {} : @": (CALL, "with secrets needs if name strategy concurrency permissions"),
    "      {}: @": (
        STEP,
        "id name if env continue-on-error timeout-minutes shell working-directory",
    ),
    "      {} : @": (ACTION, "id name if env continue-on-error timeout-minutes with"),
    "defaults:\n  {}: @": (JOB, "run"),
    "defaults:\n  run:\n    {}: @": (JOB, "shell working-directory"),
    "    defaults:\n      run:\n        {}: @": (JOB, "shell working-directory"),
    "concurrency:\n  {}: @": (JOB, "group"),
    "concurrency:\n  group: x\n  {}: @": (JOB, "cancel-in-progress"),
    "    environment:\n      {}: @": (JOB, "name"),
    "    environment:\n      name: x\n      {}: @": (JOB, "url deployment"),
    "    strategy:\n      {}: @": (JOB, "matrix fail-fast max-parallel"),
    "    strategy:\n      matrix:\n        b: [1]\n        {}: @": (JOB, "a include exclude"),
    "env:\n  {}: @": (JOB, "A"),
    "    outputs:\n      {}: @": (JOB, "a"),
    "permissions:\n  {}: @": (JOB, "contents id-token"),
    "      with:\n        {}: @": (ACTION, "a"),
    "    with:\n      {}: @": (CALL, "a"),
    "    secrets:\n      {}: @": (CALL, "a"),
}

EVENTS = (
    "push pull_request pull_request_target workflow_dispatch workflow_call schedule workflow_run"
    " repository_dispatch create release issues fork"
)
INPUT = "description required default options"
TRIGGERS = {
    "KEY: @": EVENTS,
    "push: {KEY: @}": "branches branches-ignore tags tags-ignore paths paths-ignore",
    "KEY: {types: @}": "pull_request workflow_run repository_dispatch release",
    "workflow_run: {KEY: @}": "workflows",
    "workflow_dispatch: {KEY: @}": "inputs",
    "workflow_call: {KEY: @}": "inputs outputs secrets",
    "workflow_call: {KEY: {a: @}}": "inputs outputs secrets",
    "workflow_call: {outputs: {a: {KEY: @}}}": "value description",
    "workflow_call: {secrets: {a: {KEY: @}}}": "required description",
    "workflow_call: {inputs: {a: {KEY: @}}}": "type",
    "workflow_dispatch: {inputs: {KEY: @}}": "a",
    "workflow_dispatch: {inputs: {a: {KEY: @}}}": "type",
    "workflow_dispatch: {inputs: {a: {type: choice, KEY: @}}}": "options",
    "workflow_dispatch: {inputs: {a: {type: string, KEY: @}}}": INPUT,
    "workflow_dispatch: {inputs: {a: {type: boolean, KEY: @}}}": INPUT,
    "workflow_dispatch: {inputs: {a: {type: number, KEY: @}}}": INPUT,
    "workflow_call: {inputs: {a: {type: string, KEY: @}}}": INPUT,
    "workflow_call: {inputs: {a: {type: boolean, KEY: @}}}": INPUT,
    "workflow_call: {inputs: {a: {type: number, KEY: @}}}": INPUT,
}

WHOLE = [
    "on: @\njobs: {a: {runs-on: x, steps: [{run: x}]}}",
    "on: push\njobs: @",
    "on: push\njobs: {a: @}",
    "on: push\njobs: {a: {runs-on: @, steps: [{run: x}]}}",
    "on: push\njobs: {a: {runs-on: x, steps: @}}",
    "on: push\njobs: {a: {runs-on: {group: @}, steps: [{run: x}]}}",
    "on: push\njobs: {a: {uses: @}}",
    "on: push\njobs: {a: {runs-on: {labels: @}, steps: [{run: x}]}}",
    "on: push\njobs: {a: {runs-on: x, steps: [{run: @}]}}",
    "on: push\njobs: {a: {runs-on: x, steps: [{uses: @}]}}",
]


def variations() -> Iterator[tuple[str, str]]:
    """Files, each with what it shows."""
    forms = [
        base + place.replace("{} :", "{}:").format(key) + "\n"
        for place, (base, keys) in PLACES.items()
        for key in keys.split()
    ]
    forms += [
        ON.replace("on:\n  ", "on:\n  " + trigger.replace("KEY", key))
        for trigger, keys in TRIGGERS.items()
        for key in keys.split()
    ]
    for form in [*forms, *WHOLE]:
        for name, value in VALUES.items():
            # Within braces a text with braces of its own stands in quotes.
            quoted = f"'{value}'" if value.startswith("${{") else value
            yield f"{name} in {form!r}", form.replace("@", quoted)
