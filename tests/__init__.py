"""Tests; a package, so that its modules are found before those of other packages with this name."""
