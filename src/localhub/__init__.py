"""localhub: GitHub Actions for one machine.

Holds git repositories, runs their workflows one job at a time with act, and speaks the part of GitHub's REST
API that an unmodified `gh` and Carelane use. Knows nothing of Carelane: they meet over HTTP and git.
"""
