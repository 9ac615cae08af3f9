"""The ground floor: clock, errors, logs. Everything may stand on it; it stands on nothing."""
