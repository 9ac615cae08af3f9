"""The repository that releases are made from, by the git a user has."""
