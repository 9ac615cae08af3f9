"""What a body may hold: what its schema says, and nothing that could be taken for it."""

import pytest
from pydantic import BaseModel, ValidationError

from carelane.api.environments import PromoteBody
from carelane.api.system import DownBody


@pytest.mark.parametrize("body", [DownBody, PromoteBody])
@pytest.mark.parametrize("said", [0.0, 1, "no", None])
def test_only_yes_and_no_are_yes_and_no(body: type[BaseModel], said: object) -> None:
    (name,) = {"keep_running", "full"} & set(body.model_fields)
    assert body.model_validate({name: True}).model_dump()[name] is True
    with pytest.raises(ValidationError):
        body.model_validate({name: said})
