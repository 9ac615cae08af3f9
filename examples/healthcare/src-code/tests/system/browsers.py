"""A browser as far as the portal needs one: cookies, forms, redirects left to the test."""

import re
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from tests.services import FORM, PASSWORD, Answer, Process


class Browser:
    """Keeps cookies, over whichever instance it is sent to."""

    def __init__(self) -> None:
        """Without any cookie."""
        self.cookies: dict[str, str] = {}

    def get(self, process: Process, path: str) -> Answer:
        """The page at *path*."""
        return self._keep(process.send("GET", path, None, self._headers()))

    def post(self, process: Process, path: str, **fields: str) -> Answer:
        """What came of sending a form."""
        headers = {**self._headers(), "content-type": FORM}
        return self._keep(process.send("POST", path, urlencode(fields), headers))

    def sign_in(self, process: Process, username: str) -> None:
        """Sign in through the form."""
        token = form_token(self.get(process, "/sign-in"))
        answer = self.post(process, "/sign-in", username=username, password=PASSWORD, form_token=token)
        assert (answer.status, answer.headers["location"]) == (303, "/patients"), answer

    def _headers(self) -> dict[str, str]:
        return {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    def _keep(self, answer: Answer) -> Answer:
        for header in answer.headers.get_all("set-cookie", []):
            for name, morsel in SimpleCookie(header).items():
                self.cookies[name] = morsel.value
                if morsel["max-age"] == "0":
                    del self.cookies[name]
        return answer


def form_token(page: Answer) -> str:
    """The token of the forms on *page*."""
    found = re.search(r'name="form_token" value="([0-9a-f]+)"', page.body)
    assert found, page
    return found[1]
