"""The worker that reminds patients of their appointments, exactly once each."""
