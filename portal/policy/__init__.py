"""Who sees which row, who may do which deed, and why: one definition, two walls."""
