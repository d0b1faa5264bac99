"""What every family stands on: the door to scikit-learn, compilation, callbacks, parallel work and random streams."""
