import pytest

from localhub.api.graphql.connections import EMPTY, connection
from localhub.base.errors import InputError


def test_pages_follow_one_another_by_their_cursors() -> None:
    items = list(range(7))
    seen: list[int] = []
    after = None
    sizes = []
    while True:
        page = connection(items, first=3, after=after)
        seen += page["nodes"]
        sizes.append(len(page["nodes"]))
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert (seen, sizes) == (items, [3, 3, 1])
    assert page["totalCount"] == 7
    assert page["pageInfo"]["hasPreviousPage"]


def test_an_edges_cursor_goes_on_right_behind_it() -> None:
    edge = connection("abcd", first=2)["edges"][0]
    assert (edge["node"], connection("abcd", after=edge["cursor"])["nodes"]) == ("a", ["b", "c", "d"])


def test_the_last_items_keep_their_order() -> None:
    assert connection([1, 2, 3], last=2)["nodes"] == [2, 3]
    assert connection([1, 2, 3], last=9)["nodes"] == [1, 2, 3]


def test_an_empty_list_has_no_cursors() -> None:
    assert EMPTY["nodes"] == []
    assert EMPTY["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": None,
        "endCursor": None,
    }


@pytest.mark.parametrize("cursor", ["nonsense", "Y3Vyc29yOng=", "é"])
def test_a_cursor_of_somebody_elses_is_refused(cursor: str) -> None:
    with pytest.raises(InputError, match="does not appear to be a valid cursor"):
        connection([1], after=cursor)


def test_more_than_a_hundred_at_once_are_refused() -> None:
    with pytest.raises(InputError, match="exceeds the limit of 100"):
        connection([], first=101)
