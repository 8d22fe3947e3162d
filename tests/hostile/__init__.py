"""Hostile input against a running service: a short form in every run, a long one under FUZZING=long."""

import os

IS_LONG = os.environ.get("FUZZING") == "long"
