"""What every service of the healthcare system shares: how it is configured, observed, probed and stopped."""
