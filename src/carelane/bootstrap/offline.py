"""What needs no server: checking a configuration, and its JSON Schema."""

from pathlib import Path
from typing import Any

from carelane.base.errors import InputError, NotFoundError


def check_configuration(path: Path) -> dict[str, Any]:
    """Read the file at *path*; what it describes, in short.

    Raises:
        NotFoundError: If there is no such file.
        InputError: With every mistake in it, one a line.
    """
    from carelane.config import reading

    try:
        text = path.read_text()
    except FileNotFoundError:
        raise NotFoundError(f"no {path}", hint="the README shows one to begin with") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from None
    configuration = reading.read(text, path.name)
    return {
        "system": configuration.system,
        "services": {name: service.kind for name, service in configuration.services.items()},
        "environments": {name: e.port for name, e in configuration.environments.items()},
    }


def configuration_schema() -> dict[str, Any]:
    """The JSON Schema of carelane.yaml, for editors."""
    from carelane.config.model import Configuration

    schema = Configuration.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "carelane.yaml", **schema}
