"""Survey files in, checked answers out: columns, codes, roles, waves, and the files beside."""
