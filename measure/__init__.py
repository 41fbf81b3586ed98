"""Statistics for measurement models: a data frame and model text in, tables of results out."""

import lazy_loader

# The public names stand in `__init__.pyi`, in the order in which a user meets them. Each is loaded
# when it is first asked for, so that a program waits only for what it uses.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
