"""GraphQL schemas read, judged and understood: what a field is for, what its values are like."""
