"""What can be in a release, and what is refused by its name."""

import io
import tarfile
from pathlib import Path

import pytest

from carelane.base.errors import InputError, PlatformError
from carelane.platforms.processes import packing


def tar(**members: str | bytes) -> bytes:
    """A tar of files (bytes) and symbolic links (text), with `__` for a slash."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        for name, content in members.items():
            member = tarfile.TarInfo(name.replace("__", "/"))
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                made.addfile(member)
            else:
                member.size = len(content)
                made.addfile(member, io.BytesIO(content))
    return out.getvalue()


def refused(**members: str | bytes) -> str:
    with pytest.raises(InputError) as caught:
        packing.canonical(tar(**members))
    assert caught.value.hint
    return caught.value.message


FILES = {"dir__one": b"1", "dir__sub__two": b"2"}


@pytest.mark.parametrize(
    "links",
    [
        {"link": "dir/one"},
        {"link": "dir"},
        {"dir__link": "../dir/sub"},
        {"dir__sub__up": "../one"},
        {"link": "./dir//sub/../one"},
        {"first": "second", "second": "third/two", "third": "dir/sub"},
        {"dir__self": "."},
        {"root": "dir/.."},
    ],
)
def test_links_inside_are_kept_as_they_are(links: dict[str, str], tmp_path: Path) -> None:
    packed = packing.canonical(tar(**FILES, **links))
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        packing.extract(archive, tmp_path)
    for name, target in links.items():
        path = tmp_path / name.replace("__", "/")
        assert str(path.readlink()) == str(Path(target)) or path.resolve() == (path.parent / target).resolve()
        assert path.exists()


@pytest.mark.parametrize(
    ("links", "said"),
    [
        ({"link": "/etc/passwd"}, "link is a symbolic link to /etc/passwd: /etc/passwd is absolute"),
        ({"link": "../there"}, "link is a symbolic link to ../there, which leads out of what is packed"),
        ({"dir__l": "../../x"}, "dir/l is a symbolic link to ../../x, which leads out of what is packed"),
        ({"link": "nowhere"}, "link is a symbolic link to nowhere, which is not packed"),
        ({"link": "nowhere/../dir/one"}, "which is not packed"),
        ({"link": "other", "other": "link"}, "link is a symbolic link to other, which leads back to itself"),
        ({"link": "link"}, "which leads back to itself"),
        ({"link": "other", "other": "/x"}, "link is a symbolic link to other: /x is absolute"),
        ({"dir__self": ".", "link": "dir/self/../../x"}, "to dir/self/../../x, which leads out of"),
    ],
)
def test_links_that_lead_to_nothing_packed_are_refused_by_name(links: dict[str, str], said: str) -> None:
    assert said in refused(**FILES, **links)


def test_all_of_them_are_told_at_once() -> None:
    assert len(refused(**FILES, one="/a", two="../b", three="c").splitlines()) == 3


@pytest.mark.parametrize("name", ["..__out", "/etc/passwd", "dir__..__..__x"])
def test_a_name_that_leads_out_is_refused(name: str) -> None:
    assert "leads out of what is packed" in refused(**{name: b"!"})


def test_nothing_lies_behind_a_link_and_nothing_is_a_device() -> None:
    assert "link/one lies behind a symbolic link" in refused(**FILES, link="dir", link__one=b"!")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        member = tarfile.TarInfo("pipe")
        member.type = tarfile.FIFOTYPE
        made.addfile(member)
    with pytest.raises(InputError, match="pipe is no file, folder or symbolic link"):
        packing.canonical(out.getvalue())


def test_a_pointer_of_git_lfs_is_not_the_file(tmp_path: Path) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    assert "model.bin is a pointer of Git LFS" in refused(**{"model.bin": pointer})
    packed = packing.canonical(tar(**{"model.bin": pointer + b"0" * 2000}))
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        packing.extract(archive, tmp_path)
    assert (tmp_path / "model.bin").stat().st_size > 2000


def test_an_archive_that_was_made_elsewhere_cannot_write_outside(tmp_path: Path) -> None:
    with (
        tarfile.open(fileobj=io.BytesIO(tar(link="/tmp"))) as archive,  # noqa: S108 - nothing is written
        pytest.raises(PlatformError, match="link is a symbolic link to /tmp"),
    ):
        packing.extract(archive, tmp_path)
