"""How somebody's rows leave every version of a data set."""
