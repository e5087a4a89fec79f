"""Whether the packages that the program is made of are its own, and no others of the same names."""

import os
import sys
from importlib.util import find_spec
from types import TracebackType

NAMES = ("quantize", "hdl", "sim", "boards")
"""The top-level packages beside `statespike`."""


class ShadowedPackageError(ImportError):
    """A package of statespike that Python would look for in a foreign place; the message is one sentence."""


def require_own_packages() -> None:
    """Make sure that the imports below this one find the packages beside `statespike`; nothing is imported.

    Uncaught, the error is printed as its sentence alone, and the process ends with status 2.

    Raises
    ------
    ShadowedPackageError
        If another module or folder of the same name comes first on the path.
    """
    home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for name in NAMES:
        found, own = _place(name), os.path.join(home, name)
        if found is not None and os.path.realpath(found) != os.path.realpath(own):
            _print_sentence_if_uncaught()
            raise ShadowedPackageError(
                f"Python finds {found} where statespike needs its own package {own}; rename the former, or "
                "take its folder off Python's path (`python -P` leaves out the script's and the current)",
                name=name,
            )


def _place(name: str) -> str | None:
    """File or folder that `import name` finds; None if there is none."""
    try:
        spec = find_spec(name)
    except ValueError:  # imported already, by means that leave no trace of where it came from
        module = sys.modules[name]
        return getattr(module, "__file__", None) or f"a module {name!r} without a file"
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return next(iter(spec.submodule_search_locations))
    return spec.origin


def _print_sentence_if_uncaught() -> None:
    usual = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if not isinstance(error, ShadowedPackageError):
            return usual(kind, error, traceback)
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2)

    sys.excepthook = hook
