"""Training on shares: dense networks by stochastic gradient descent, on rows or columns of several owners."""
