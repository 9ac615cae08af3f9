"""Who may do what: tokens for pipelines and services, with the scopes they are given."""
