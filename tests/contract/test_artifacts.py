"""The Artifacts port: in memory, and as archives on disk."""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from carelane.base.errors import InputError, PlatformError
from carelane.delivery.ports import Artifacts
from carelane.delivery.releases import Artifact
from carelane.platforms.processes.archives import Archives
from carelane.platforms.processes.programs import Programs
from tests.contract.artifacts import ArtifactsContract
from tests.contract.processes import tar_of
from tests.fakes.artifacts import FakeArtifacts


class TestFakeArtifacts(ArtifactsContract):
    @pytest.fixture
    def artifacts(self) -> Artifacts:
        return FakeArtifacts({"f" * 64})

    @pytest.fixture
    def kept(self, artifacts: Artifacts) -> Artifact:
        return Artifact("a" * 64)

    @pytest.fixture
    def lost(self, artifacts: Artifacts) -> Artifact:
        return Artifact("f" * 64)


class TestArchives(ArtifactsContract):
    @pytest.fixture
    def artifacts(self, tmp_path: Path) -> Iterator[Archives]:
        yield Archives(tmp_path)
        for path in tmp_path.rglob("*"):
            path.chmod(0o755)

    @pytest.fixture
    def kept(self, artifacts: Archives) -> Artifact:
        return Artifact(artifacts.pack(tar_of({"b.py": "print()", "a.txt": "a"})))

    @pytest.fixture
    def lost(self, artifacts: Archives) -> Artifact:
        return Artifact("f" * 64)

    def test_equal_contents_have_equal_digests_whatever_their_order(
        self, artifacts: Archives, kept: Artifact
    ) -> None:
        assert artifacts.pack(tar_of({"a.txt": "a", "b.py": "print()"})) == kept.archive
        assert artifacts.pack(tar_of({"a.txt": "A", "b.py": "print()"})) != kept.archive

    def test_an_archive_that_was_changed_is_found_out(
        self, artifacts: Archives, kept: Artifact, tmp_path: Path
    ) -> None:
        path = tmp_path / "archives" / f"{kept.archive}.tar"
        path.chmod(0o644)
        path.write_bytes(path.read_bytes().replace(b"print()", b"hacked!"))
        with pytest.raises(PlatformError, match="is not what its digest says"):
            artifacts.verify(kept)
        with pytest.raises(PlatformError, match="is not what its digest says"):
            artifacts.unpacked(kept.archive)
        assert artifacts.pack(tar_of({"b.py": "print()", "a.txt": "a"})) == kept.archive
        artifacts.verify(kept)

    def test_dependencies_that_are_lost_are_said_to_be(self, artifacts: Archives, kept: Artifact) -> None:
        with pytest.raises(PlatformError, match="dependencies dddddddddddd are missing"):
            artifacts.verify(Artifact(kept.archive, "d" * 64))

    def test_what_is_unpacked_cannot_be_written_to(self, artifacts: Archives, kept: Artifact) -> None:
        tree = artifacts.unpacked(kept.archive)
        assert (tree / "a.txt").read_text() == "a"
        assert tree == artifacts.unpacked(kept.archive)
        assert all(path.stat().st_mode & 0o222 == 0 for path in (tree, *tree.rglob("*")))

    @pytest.mark.parametrize("damage", ["changed", "same size", "removed", "added"])
    def test_files_that_were_damaged_are_unpacked_again_before_they_are_run(
        self, artifacts: Archives, kept: Artifact, damage: str
    ) -> None:
        tree = artifacts.unpacked(kept.archive)
        tree.chmod(0o755)
        (tree / "b.py").chmod(0o644)
        if damage == "removed":
            (tree / "b.py").unlink()
        elif damage == "added":
            (tree / "sitecustomize.py").touch()
        else:
            (tree / "b.py").write_text("hacked" if damage == "changed" else "print?!")
        artifacts.verify(kept)
        assert (tree / "b.py").read_text() == "print()"
        assert not (tree / "sitecustomize.py").exists()

    @pytest.mark.parametrize("instead", ["file", "link"])
    def test_what_stands_in_the_place_of_unpacked_files_makes_room(
        self, artifacts: Archives, kept: Artifact, tmp_path: Path, instead: str
    ) -> None:
        tree = artifacts.unpacked(kept.archive)
        tree.rename(tmp_path / "elsewhere")
        if instead == "file":
            tree.write_text("in the way")
        else:
            tree.symlink_to(tmp_path / "nowhere")
        assert (artifacts.unpacked(kept.archive) / "b.py").read_text() == "print()"
        assert not tree.is_symlink()

    def test_damage_is_found_where_the_archive_is_lost_too(
        self, artifacts: Archives, kept: Artifact, tmp_path: Path
    ) -> None:
        tree = artifacts.unpacked(kept.archive)
        artifacts.verify(kept)
        tree.chmod(0o755)
        (tree / "b.py").unlink()
        (tmp_path / "archives" / f"{kept.archive}.tar").unlink()
        with pytest.raises(PlatformError, match="is missing"):
            artifacts.unpacked(kept.archive)

    def test_a_file_that_only_was_touched_is_not_damaged(self, artifacts: Archives, kept: Artifact) -> None:
        tree = artifacts.unpacked(kept.archive)
        inode = tree.stat().st_ino
        os.utime(tree / "b.py", ns=(1, 1))
        artifacts.verify(kept)
        assert tree.stat().st_ino == inode

    def test_damaged_dependencies_are_refused_and_made_again_with_the_release(
        self, artifacts: Archives, kept: Artifact
    ) -> None:
        digest = artifacts.build(b"# nothing\n")
        artifact = Artifact(kept.archive, digest)
        artifacts.verify(artifact)
        python = artifacts.dependencies(digest) / "pyvenv.cfg"
        python.write_text(python.read_text() + "\n# hacked")
        with pytest.raises(PlatformError, match=r"not what was installed: pyvenv\.cfg was changed") as caught:
            artifacts.verify(artifact)
        assert "release create" in caught.value.hint
        assert artifacts.build(b"# nothing\n") == digest
        artifacts.verify(artifact)

    def test_two_that_build_the_same_at_once_both_get_it(
        self, artifacts: Archives, kept: Artifact, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        runs: list[str] = []
        run = Programs.run

        def counted(self: Programs, what: str, command: list[str], *, must: bool = True) -> None:
            runs.append(what)
            run(self, what, command, must=must)

        monkeypatch.setattr(Programs, "run", counted)
        with ThreadPoolExecutor(4) as pool:
            digests = list(pool.map(artifacts.build, [b"# nothing\n"] * 4))
        artifacts.verify(Artifact(kept.archive, digests[0]))
        assert len(set(digests)) == 1
        assert runs.count("making an environment") == 1

    def test_a_member_that_is_not_there_is_refused(self, artifacts: Archives, kept: Artifact) -> None:
        assert artifacts.member(kept.archive, "a.txt") == b"a"
        with pytest.raises(InputError, match=r"c\.txt is not among the packed files"):
            artifacts.member(kept.archive, "c.txt")

    def test_an_archive_cannot_write_outside_of_its_tree(self, artifacts: Archives, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="leads out of what is packed"):
            artifacts.pack(tar_of({"../../escaped.txt": "!"}))
        raw = tar_of({"../../escaped.txt": "!"})
        digest = hashlib.sha256(raw).hexdigest()
        (tmp_path / "archives" / f"{digest}.tar").write_bytes(raw)
        with pytest.raises(PlatformError, match="leads out of what is packed"):
            artifacts.unpacked(digest)
        assert not (tmp_path / "escaped.txt").exists()
        assert list((tmp_path / "trees").glob(".part-*")) == [], "a failed try leaves nothing behind"

    def test_what_could_not_be_installed_leaves_nothing_behind(
        self, artifacts: Archives, tmp_path: Path
    ) -> None:
        with pytest.raises((InputError, PlatformError)):
            artifacts.build(b"no-such-package-anywhere==1.0\n")
        assert list((tmp_path / "dependencies").glob(".part-*")) == []
