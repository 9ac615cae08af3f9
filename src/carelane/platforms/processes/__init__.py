"""Services as processes on this machine, each under a shim that outlives the server."""
