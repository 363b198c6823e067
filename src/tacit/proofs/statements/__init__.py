"""What can be proved of committed models, one file for each statement."""
