"""Where adapters are chosen and put together: the only package that names them."""
