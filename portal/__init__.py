"""The portal in which a city's agencies protect a child together."""
