"""What nuprop costs, and how exact it is: see README.md in this folder."""
