"""The figures of the README: the sidecar against the floor and its peers, in one run."""
