"""The ground floor: errors. Everything may stand on it; it stands on nothing."""
