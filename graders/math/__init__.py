"""Mathematical equivalence of a final answer with the reference, three-valued: equal, unequal, undecided."""
