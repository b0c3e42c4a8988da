"""What stands behind ./nxt: everything around the daemons on one machine. Standard library only."""
