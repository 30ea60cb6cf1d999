"""The forward pass of a training: what it computes otherwise than the model does later."""
