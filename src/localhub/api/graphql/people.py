"""Those who act: people, bots, owners."""

from localhub.hub import forms


class User:
    """A person, or the owner of repositories."""

    def __init__(self, login: str) -> None:
        number = forms.user(login)["id"]
        self.login = self.name = login
        self.id = f"U_{number}"
        self.database_id = number
        self.email = f"{login}@localhub"
        self.url = f"{forms.WEB}/{login}"


class Bot(User):
    """A program that acts, such as a job."""


def actor(login: str) -> User:
    """Who acted."""
    return Bot(login) if login.endswith("[bot]") else User(login)
