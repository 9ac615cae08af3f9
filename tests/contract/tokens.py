"""What every TokenRepository must do."""

from dataclasses import replace
from datetime import timedelta

import pytest

from carelane.access.ports import TokenRepository
from carelane.access.rights import Right
from carelane.access.tokens import Token
from carelane.audit.entries import Entry
from carelane.audit.ports import Trail
from carelane.base.errors import ConflictError, NotFoundError
from tests.fakes.releases import MADE_AT

CI = Token(
    *("ci", "d" * 64, ("staging", "production"), (Right.RELEASE,), "ada"),
    created_at=MADE_AT,
    expires_at=MADE_AT + timedelta(days=30),
)
NEVER_ENDS = Token("cron", "e" * 64, (), (), "bob", MADE_AT + timedelta(seconds=1))


def entry(act: str, name: str) -> Entry:
    return Entry(MADE_AT, "ada", act, name)


def created(name: str) -> Entry:
    return entry("token.created", name)


def revoked(name: str) -> Entry:
    return entry("token.revoked", name)


class TokenRepositoryContract:
    """Subclasses give *repository* and *trail*."""

    @pytest.fixture
    def trail(self) -> Trail:
        raise NotImplementedError

    @pytest.fixture
    def repository(self, trail: Trail) -> TokenRepository:
        raise NotImplementedError

    def test_they_come_back_as_they_were_the_newest_first_each_act_in_the_trail(
        self, repository: TokenRepository, trail: Trail
    ) -> None:
        assert repository.tokens() == []
        repository.add(CI, created("ci"))
        repository.add(NEVER_ENDS, created("cron"))
        assert repository.tokens() == [NEVER_ENDS, CI]
        assert [p.entry for p in trail.after(0)] == [created("ci"), created("cron")]

    def test_one_is_found_by_its_digest_alone(self, repository: TokenRepository) -> None:
        repository.add(CI, created("ci"))
        assert repository.by_digest(CI.digest) == CI
        assert repository.by_digest("ci") is None
        assert repository.by_digest(NEVER_ENDS.digest) is None

    def test_a_name_is_one_valid_tokens_and_what_is_refused_is_not_in_the_trail(
        self, repository: TokenRepository, trail: Trail
    ) -> None:
        repository.add(CI, created("ci"))
        again = replace(NEVER_ENDS, name="ci", created_at=MADE_AT + timedelta(days=29))
        with pytest.raises(ConflictError, match="there is a token ci"):
            repository.add(again, created("ci"))
        assert repository.tokens() == [CI]
        assert len(trail.after(0)) == 1

    def test_once_it_has_expired_another_may_have_its_name(self, repository: TokenRepository) -> None:
        repository.add(CI, created("ci"))
        later = replace(NEVER_ENDS, name="ci", created_at=MADE_AT + timedelta(days=31))
        repository.add(later, created("ci"))
        assert repository.tokens() == [later, CI]

    def test_a_revoked_one_is_known_and_no_longer_valid_and_its_name_is_free(
        self, repository: TokenRepository, trail: Trail
    ) -> None:
        repository.add(NEVER_ENDS, created("cron"))
        repository.revoke("cron", MADE_AT + timedelta(hours=1), revoked("cron"))
        found = repository.by_digest(NEVER_ENDS.digest)
        assert found == replace(NEVER_ENDS, revoked_at=MADE_AT + timedelta(hours=1))
        assert found is not None
        assert not found.valid(MADE_AT + timedelta(hours=2))
        assert trail.after(0)[-1].entry == revoked("cron")
        repository.add(replace(CI, name="cron", created_at=MADE_AT + timedelta(hours=3)), created("cron"))
        assert [token.valid(MADE_AT + timedelta(hours=4)) for token in repository.tokens()] == [True, False]

    def test_none_of_that_name_is_not_found_and_not_in_the_trail(
        self, repository: TokenRepository, trail: Trail
    ) -> None:
        repository.add(NEVER_ENDS, created("cron"))
        repository.revoke("cron", MADE_AT, revoked("cron"))
        for name in ("cron", "nobody"):
            with pytest.raises(NotFoundError, match=f"no token {name} is in force"):
                repository.revoke(name, MADE_AT, revoked(name))
        assert len(trail.after(0)) == 2
