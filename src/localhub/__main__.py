"""`python -m localhub`."""

from localhub.cli import run

if __name__ == "__main__":
    run()
