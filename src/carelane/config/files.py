"""What carelane.yaml names that is to lie beside it: sources, requirements, files that hold a secret."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from carelane.config.references import Wrong, mapping


def missing(data: dict[str, Any], folder: Path) -> list[Wrong]:
    """Every file that is not there, by the place that names it; what is of a wrong type is told elsewhere."""
    found: list[Wrong] = []
    for name, service in mapping(data, "services").items():
        if isinstance(service, dict):
            found += [((*("services", name), *place), said) for place, said in _of_service(service, folder)]
    for name, environment in mapping(data, "environments").items():
        for backing, secret in mapping(environment, "backing").items():
            found += _secret(("environments", name, "backing", backing), secret, folder)
        for service, own in mapping(environment, "services").items():
            place = ("environments", name, "services", service)
            found += [((*place, *path), said) for path, said in _secrets(own, folder)]
    for name, told in mapping(data, "notifications").items():
        found += _secret(("notifications", name, "url"), mapping(told, "url"), folder)
    return found


def _of_service(service: dict[str, Any], folder: Path) -> Iterator[Wrong]:
    source = service.get("source")
    sources = [s for s in source if isinstance(s, str)] if isinstance(source, list) else []
    for index, each in enumerate(sources):
        if not (folder / each).exists():
            yield ("source", index), f"{each} is not there"
    requirements = mapping(service, "build").get("requirements")
    if isinstance(requirements, str) and not (folder / requirements).is_file():
        yield ("build", "requirements"), f"{requirements} is not there"
    yield from _secrets(service, folder)


def _secrets(service: Any, folder: Path) -> Iterator[Wrong]:  # noqa: ANN401 - any YAML
    for variable, secret in mapping(service, "secrets").items():
        yield from _secret(("secrets", variable), secret, folder)


def _secret(place: tuple[str | int, ...], secret: Any, folder: Path) -> Iterator[Wrong]:  # noqa: ANN401 - any YAML
    file = secret.get("file") if isinstance(secret, dict) else None
    if isinstance(file, str) and not (folder / file).is_file():
        yield (*place, "file"), f"{file} is not there: the secret is read from it at each start"
