"""A whole Kubernetes on this machine, in namespaces of its own: see README.md."""
