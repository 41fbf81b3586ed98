"""The levels that must hang together: individual, group, organisation and leadership."""
