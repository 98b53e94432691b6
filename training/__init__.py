"""Training: the loss, the order of samples, validation, and the trainer that joins them."""
