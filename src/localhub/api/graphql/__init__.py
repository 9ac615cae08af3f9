"""GitHub's GraphQL, as far as gh asks it: a schema, and for each of its types an object that answers."""
