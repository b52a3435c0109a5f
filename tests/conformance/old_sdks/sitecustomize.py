"""Lets libraries of 2018 load in a Python that has moved these names since; on the path of such programs only."""

import collections
import collections.abc

for name in ("Callable", "Iterable", "Mapping", "MutableMapping", "MutableSequence"):
    setattr(collections, name, getattr(collections.abc, name))
