"""What `peers.py` is made of: the questions, the server that all are asked through, and how each harness is driven."""
