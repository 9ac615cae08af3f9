"""Taking messages to people, by Apprise."""
