"""Sessions are good everywhere and only as long as they should be."""

import time

import itsdangerous
import pytest

from backend import errors, people

OLD, NEW = "o" * 32, "n" * 32
ADA = people.Person("clinician01", "Dr. Ada", people.Role.CLINICIAN, 1)


class YesterdaysSigner(itsdangerous.TimestampSigner):
    """Signs as if it were thirteen hours ago."""

    def get_timestamp(self) -> int:
        """Thirteen hours ago."""
        return int(time.time()) - 13 * 3600


def test_another_instance_accepts_the_token() -> None:
    """Nothing but the key is shared."""
    assert people.Sessions((OLD,)).read(people.Sessions((OLD,)).issue(ADA)) == ADA


def test_a_key_can_be_replaced_without_signing_anybody_out() -> None:
    """The last key signs, the earlier ones still verify; without them the token is worth nothing."""
    token = people.Sessions((OLD,)).issue(ADA)
    assert people.Sessions((OLD, NEW)).read(token) == ADA
    with pytest.raises(errors.SignInError):
        people.Sessions((NEW,)).read(token)
    assert people.Sessions((NEW,)).read(people.Sessions((OLD, NEW)).issue(ADA)) == ADA


def test_a_changed_or_old_or_empty_token_is_refused() -> None:
    """Sign in first."""
    sessions = people.Sessions((OLD,))
    serializer = itsdangerous.URLSafeTimedSerializer(OLD, salt="healthcare-session", signer=YesterdaysSigner)
    old = serializer.dumps({"u": "a", "n": "a", "r": "clinician", "c": 1})
    for token in (sessions.issue(ADA)[:-2], "x" + sessions.issue(ADA), old, ""):
        with pytest.raises(errors.SignInError):
            sessions.read(token)


def test_a_wrong_password_and_an_unknown_name_say_the_same() -> None:
    """Nobody learns which names exist."""
    user = people.User(ADA, people.hash_password("right"))
    assert people.check_password(user, "right") == ADA
    told = []
    for who in (user, None):
        with pytest.raises(errors.SignInError) as caught:
            people.check_password(who, "wrong")
        told.append(str(caught.value))
    assert told[0] == told[1]


def test_a_role_opens_its_own_doors_only() -> None:
    """And says which role it would take."""
    ADA.require(people.Role.CLINICIAN, people.Role.FRONT_DESK)
    with pytest.raises(errors.ForbiddenError, match="privacy officer"):
        ADA.require(people.Role.PRIVACY_OFFICER)
