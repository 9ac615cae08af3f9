"""What stands in a service's settings for what belongs to the environment and the moment."""

import string


class Placeholders(string.Template):
    """A text with placeholders such as ``${port}`` and ``${services.backend.url}``."""

    idpattern = r"[a-z][a-z0-9_.\-]*"
