"""What a workflow file says: read, checked, and worked out, before anything runs."""
