"""Values that are kept elsewhere: in a file, or in a variable of the server's own environment."""

import errno
import os

from carelane.bootstrap.places import Places
from carelane.config.model import Secret
from carelane.delivery.releases import SecretReference


def read(places: Places, secret: Secret) -> str:
    """The value of *secret*, now; raises OSError where it cannot be read."""
    if secret.file is not None:
        try:
            return (places.system / secret.file).read_text().strip()
        except UnicodeDecodeError:
            raise OSError(errno.EILSEQ, "it is no UTF-8", str(secret.file)) from None
    value = os.environ.get(secret.variable or "")
    if value is None:
        raise OSError(errno.ENOENT, f"variable {secret.variable} is not set")
    return value


def missing(places: Places, reference: SecretReference) -> str:
    """Where a secret should be and is not; nothing where it is there, or is not kept here."""
    if reference.key is not None:
        return ""
    if reference.file is not None:
        return "" if (places.system / reference.file).is_file() else reference.file
    return "" if os.environ.get(reference.variable or "") is not None else f"variable {reference.variable}"
