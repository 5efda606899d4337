"""Which step runs next: a pure policy, lanes, a cost model, and a virtual clock."""
