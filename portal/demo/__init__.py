"""The demo city: who works there, and the matters that stand in it. All of it is invented."""
