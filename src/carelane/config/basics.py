"""Words and numbers that carelane.yaml uses in many places."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$", description="lower case letters, digits and -")
]
HttpPath = Annotated[str, Field(pattern=r"^/\S*$", description="a path that begins with /")]
Seconds = Annotated[float, Field(ge=0.001, le=86_400 * 30, description="at least a millisecond")]


class Strict(BaseModel):
    """Unknown keys are refused, and nothing is read as what it is not: ``yes`` is no number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
