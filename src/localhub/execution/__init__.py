"""One job at a time, by act, in a sandbox: what a step says becomes steps, logs, annotations and files."""
