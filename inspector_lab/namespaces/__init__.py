"""Practice fleets whose nodes have networks, host names, process tables and disks of their own. Needs root."""
