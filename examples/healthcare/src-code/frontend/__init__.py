"""The clinic's portal: pages for the staff, made from what the backend's API tells."""
