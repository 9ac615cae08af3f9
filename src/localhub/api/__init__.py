"""The part of GitHub's REST API and GraphQL that gh and Carelane use."""
