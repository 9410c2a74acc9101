"""Planning by a language model: typed answers, held against the checks of every plan."""
