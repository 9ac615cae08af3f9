"""What tells the proxies what to do: Envoy's aggregated discovery service, in a process beside them."""
