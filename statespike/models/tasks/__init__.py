"""Labelled sequences to train on and to evaluate with; numpy only, so that evaluation runs without torch."""
