"""What every floor of localhub stands on: errors and the clock."""
