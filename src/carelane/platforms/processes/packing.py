"""The files of a release as an archive that is the same wherever it is made, and taking them out again.

Nothing in it leads out of it: a release is run where its repository is not.
"""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

from carelane.base.errors import InputError, PlatformError

MOST_LINKS = 40
"""So many are followed one after the other, as the kernel does."""
LFS_POINTER = b"version https://git-lfs.github.com/spec/"
LARGEST_POINTER_BYTES = 1024


def canonical(raw: bytes) -> bytes:
    """The archive of the files in the tar stream *raw*: order, owners and times are made the same.

    Raises:
        InputError: Where one of them could not be what it is in the repository, by its name.
    """
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(raw)) as given, tarfile.open(fileobj=out, mode="w") as made:
        members = sorted(given.getmembers(), key=lambda m: m.name)
        wrong = _wrong(members)
        if wrong:
            raise InputError("\n".join(wrong), hint="change them, or leave them out of `source`, and commit")
        for member in members:
            content = given.extractfile(member) if member.isfile() else None
            if content is not None and member.size <= LARGEST_POINTER_BYTES:
                _refuse_pointer(member.name, content.read())
                content.seek(0)
            member.mtime, member.uid, member.gid, member.uname, member.gname = 0, 0, 0, "", ""
            member.pax_headers = {}
            made.addfile(member, content)
    return out.getvalue()


def extract(tar: tarfile.TarFile, target: Path) -> None:
    """Take everything out into *target*, nothing outside of it; raises PlatformError where that would be.

    Debian 12's own Python 3.11.2 has no extraction filters yet: every member is looked at here.
    """
    wrong = _wrong(tar.getmembers())
    if wrong:
        raise PlatformError(f"the archive cannot be unpacked: {wrong[0]}")
    if hasattr(tarfile, "data_filter"):
        tar.extractall(target, filter="data")
    else:
        tar.extractall(target)  # noqa: S202 - every member was looked at above


def _refuse_pointer(name: str, content: bytes) -> None:
    if content.startswith(LFS_POINTER):
        raise InputError(
            f"{name} is a pointer of Git LFS, not the file itself",
            hint="`git lfs install` and `git lfs pull` in this repository, then make the release again",
        )


def _wrong(members: list[tarfile.TarInfo]) -> list[str]:
    """What is wrong with each of *members* that cannot be packed."""
    links = {_name(m): m.linkname for m in members if m.issym()}
    there = {_name(m) for m in members}
    there |= {above for name in list(there) for above in _above(name)}
    found = []
    for member in members:
        name = _name(member)
        if name.startswith("/") or ".." in name.split("/"):
            found.append(f"{name} leads out of what is packed")
        elif not (member.isfile() or member.isdir() or member.issym()):
            found.append(f"{name} is no file, folder or symbolic link")
        elif any(above in links for above in _above(name)):
            found.append(f"{name} lies behind a symbolic link")
        elif member.issym() and (why := _leads_astray(name, links, there)):
            found.append(f"{name} is a symbolic link {why}")
    return found


def _name(member: tarfile.TarInfo) -> str:
    return member.name.rstrip("/")


def _above(name: str) -> list[str]:
    """The folders that *name* lies in."""
    parts = name.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]


def _leads_astray(name: str, links: Mapping[str, str], there: set[str]) -> str:
    """Why the link *name* leads to nothing that is packed; nothing where it does. As the kernel goes."""
    target, followed = links[name], 0
    at: list[str] = []
    ahead = name.split("/")[::-1]
    while ahead:
        step = ahead.pop()
        if step == ".." and not at:
            return f"to {target}, which leads out of what is packed"
        if step == "..":
            at.pop()
        elif step not in ("", "."):
            at.append(step)
            here = "/".join(at)
            if here not in there:
                return f"to {target}, which is not packed"
            if here in links:
                followed += 1
                if links[here].startswith("/"):
                    return f"to {target}: {links[here]} is absolute"
                if followed > MOST_LINKS:
                    return f"to {target}, which leads back to itself"
                at.pop()
                ahead += links[here].split("/")[::-1]
    return ""
