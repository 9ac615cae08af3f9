"""What is recorded: tables, and the repositories over them."""
