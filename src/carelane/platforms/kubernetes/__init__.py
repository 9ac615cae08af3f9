"""Kubernetes: three Deployments a service, and a Gateway API route that says who gets users."""
