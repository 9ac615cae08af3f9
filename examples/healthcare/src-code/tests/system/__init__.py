"""The whole system, through its front door: people with a browser, and traffic."""
