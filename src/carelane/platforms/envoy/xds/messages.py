"""Documents as messages of Envoy's protocol, strictly: what is not declared in `api` is refused."""

from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from typing import Any

from google.protobuf import any_pb2, duration_pb2, json_format, struct_pb2, wrappers_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from carelane.platforms.envoy.xds.api import ENUMERATIONS, GOOGLE, MESSAGES, Fields

_SCALARS = {
    "string": FieldDescriptorProto.TYPE_STRING,
    "bool": FieldDescriptorProto.TYPE_BOOL,
    "int32": FieldDescriptorProto.TYPE_INT32,
    "int64": FieldDescriptorProto.TYPE_INT64,
    "uint32": FieldDescriptorProto.TYPE_UINT32,
    "double": FieldDescriptorProto.TYPE_DOUBLE,
}
_ENUM, _MESSAGE = FieldDescriptorProto.TYPE_ENUM, FieldDescriptorProto.TYPE_MESSAGE
_LABELS = {False: FieldDescriptorProto.LABEL_OPTIONAL, True: FieldDescriptorProto.LABEL_REPEATED}
_KNOWN = (any_pb2, duration_pb2, struct_pb2, wrappers_pb2)
PREFIX = "type.googleapis.com/"


def new(name: str) -> Any:  # noqa: ANN401 - its fields are in `api`, not in a class
    """An empty message *name* (its full name)."""
    return GetMessageClass(_POOL.FindMessageTypeByName(name))()


def parsed(document: Mapping[str, Any]) -> Message:
    """The message that *document* describes; ``@type`` says which.

    Raises:
        ValueError: If it has a field or a value that the declared API does not have; the message says which.
    """
    fields = {name: value for name, value in document.items() if name != "@type"}
    made: Message = new(str(document["@type"]).removeprefix(PREFIX))
    try:
        json_format.ParseDict(fields, made, descriptor_pool=_POOL)
    except json_format.ParseError as error:
        raise ValueError(str(error)) from error
    return made


def packed(message: Message) -> Any:  # noqa: ANN401 - a message Any of this pool
    """*message* in an Any."""
    holder = new(GOOGLE + "Any")
    holder.type_url = PREFIX + message.DESCRIPTOR.full_name
    holder.value = message.SerializeToString(deterministic=True)
    return holder


def _pool() -> DescriptorPool:
    """The declared messages, in a pool of their own: other libraries may have the same names in theirs."""
    pool = DescriptorPool()
    for module in _KNOWN:
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    files: dict[str, FileDescriptorProto] = {}
    needed: dict[str, set[str]] = {}
    for name in (*ENUMERATIONS, *MESSAGES):
        package = _package(name)
        needed.setdefault(package, set())
        files.setdefault(
            package, FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
        )
    for name, values in ENUMERATIONS.items():
        made = files[_package(name)].enum_type.add(name=_own(name))
        for value, number in values.items():
            made.value.add(name=value, number=number)
    for name, fields in MESSAGES.items():
        package = _package(name)
        message = files[package].message_type.add(name=_own(name))
        needed[package] |= {
            used for used in _add(message, package, fields) if used in files and used != package
        }
    for package in TopologicalSorter(needed).static_order():
        files[package].dependency.extend(module.DESCRIPTOR.name for module in _KNOWN)
        files[package].dependency.extend(f"{other}.proto" for other in sorted(needed[package]))
        pool.Add(files[package])
    return pool


def _add(message: DescriptorProto, package: str, fields: Fields) -> Iterator[str]:
    """Give *message* of *package* its *fields*; the packages of what they hold."""
    for name, (number, kind) in fields.items():
        if isinstance(kind, dict):
            ((key, value),) = kind.items()
            entry = message.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
            entry.options.map_entry = True
            yield from _add(entry, package, {"key": (1, key), "value": (2, value)})
            of = f"{package}.{message.name}.{entry.name}"
        else:
            of = kind if isinstance(kind, str) else kind[0]
            yield _package(of)
        field = message.field.add(name=name, number=number)
        field.label = _LABELS[not isinstance(kind, str)]
        field.type = _SCALARS.get(of, _ENUM if of in ENUMERATIONS else _MESSAGE)
        if of not in _SCALARS:
            field.type_name = f".{of}"


def _package(name: str) -> str:
    return name.rpartition(".")[0]


def _own(name: str) -> str:
    return name.rpartition(".")[2]


_POOL = _pool()
