"""What happens in repositories, turned into runs, deployments and annotations."""
