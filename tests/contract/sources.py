"""What every Sources must do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import pytest

from carelane.base.errors import InputError, NotFoundError
from carelane.delivery.packing import Packing
from carelane.delivery.ports import Sources


@dataclass(frozen=True)
class Repository:
    """Sources, and *commit*, which makes a commit of services by their content; its revision."""

    sources: Sources
    commit: Callable[[str, Mapping[str, str]], str]


class SourcesContract:
    """Subclasses give *repository*."""

    @pytest.fixture
    def repository(self) -> Repository:
        raise NotImplementedError

    def test_a_commit_says_its_services_in_order_its_sha_and_its_name(self, repository: Repository) -> None:
        revision = repository.commit("v1", {"backend": "b1", "frontend": "f1"})
        tree = repository.sources.tree(revision)
        assert list(tree.services) == ["backend", "frontend"]
        assert len(tree.sha) == 40
        assert tree.name == "v1"
        assert not tree.irreversible
        assert "production" in tree.environments

    def test_a_revision_that_is_none_is_not_found(self, repository: Repository) -> None:
        repository.commit("v1", {"backend": "b1"})
        with pytest.raises(NotFoundError, match="no commit 'v9'"):
            repository.sources.tree("v9")

    def test_equal_contents_are_one_artifact_and_others_others(self, repository: Repository) -> None:
        trees = [
            repository.sources.tree(repository.commit(name, {"backend": content}))
            for name, content in (("v1", "one"), ("v2", "two"), ("v3", "one"))
        ]
        packed = [
            repository.sources.pack(tree.sha, tree.services["backend"], Packing()).archive for tree in trees
        ]
        assert packed[0] == packed[2] != packed[1]
        assert all(len(digest) == 64 for digest in packed)

    def test_packing_again_gives_the_same(self, repository: Repository) -> None:
        tree = repository.sources.tree(repository.commit("v1", {"backend": "b1"}))
        first, second = (
            repository.sources.pack(tree.sha, tree.services["backend"], Packing()) for _ in range(2)
        )
        assert first == second

    def test_what_is_not_committed_cannot_be_packed(self, repository: Repository) -> None:
        tree = repository.sources.tree(repository.commit("v1", {"backend": "b1"}))
        elsewhere = replace(tree.services["backend"], paths=("no/such/file",))
        with pytest.raises(InputError, match="no/such/file"):
            repository.sources.pack(tree.sha, elsewhere, Packing())
