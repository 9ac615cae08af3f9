"""A form is good for the visitor it was made for, at any instance."""

from frontend import visits

KEY, NEXT_KEY = "k" * 32, "n" * 32
VISIT = visits.Visit("someone", "session")


def test_a_form_is_good_at_any_instance_with_the_key() -> None:
    """Also while the key is being replaced."""
    token = VISIT.form_token(KEY)
    assert VISIT.owns(token, (KEY,))
    assert VISIT.owns(token, (KEY, NEXT_KEY))
    assert not VISIT.owns(token, (NEXT_KEY,))


def test_a_form_of_somebody_else_is_refused() -> None:
    """Another visitor, another session, nothing, and what is not even ASCII."""
    token = VISIT.form_token(KEY)
    assert not visits.Visit("another", "session").owns(token, (KEY,))
    assert not visits.Visit("someone", "").owns(token, (KEY,))
    assert not VISIT.owns("", (KEY,))
    assert not VISIT.owns("ä", (KEY,))
