"""The only package that names adapters: settings in, a whole localhub out."""
