"""The model behind `cambrian.strategies.Predictor`: features of genomes, a Gaussian process, what to ask."""
