"""The same work done with what an administrator would use instead, on the same node, in the same run."""
