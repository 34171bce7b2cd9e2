"""The ticket as one aggregate: values, states, the draft of a decision, the store, and carrying a rule out."""
