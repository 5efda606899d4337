"""Isolates an import: its side effects on the process are undone, so that the server's own settings stay.

Importing NeMo (with Lightning, transformers and its other dependencies) replaces how warnings are shown, adds filters,
changes environment variables and module search paths, and gives its loggers handlers that write to the terminal past
the server's log format, some with buffers that grow without bound. Records of those loggers go to the server's own
handlers instead, from WARNING on. State inside the imported modules is left as it is.
"""

import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import MemoryHandler
from typing import Any

RANK_VARIABLE = "RANK"
"""Set by launchers of distributed training; NeMo turns its telemetry on when it reads 0 there."""


@contextmanager
def isolation() -> Iterator[None]:
    """Undo on exit what the code inside did to the state of the process. Warnings inside are dropped."""
    # torch may have been imported before, but its loggers are isolated as well
    known = {name for name, _ in _loggers() if name.partition(".")[0] != "torch"}
    environment = dict(os.environ)
    path = list(sys.path)
    folder = os.getcwd()  # noqa: PTH109 (whatever it is, unresolved)
    hooks = (sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.formatwarning)
    factory, logger_class = logging.getLogRecordFactory(), logging.getLoggerClass()
    root_handlers, root_level = list(logging.root.handlers), logging.root.level
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    os.environ.pop(RANK_VARIABLE, None)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.formatwarning = hooks
        logging.setLogRecordFactory(factory)
        logging.setLoggerClass(logger_class)
        logging.root.handlers[:] = root_handlers
        logging.root.setLevel(root_level)
        for name, logger in _loggers():
            if name not in known:
                _reroute(logger)
        _restore_environment(environment)
        sys.path[:] = path
        os.chdir(folder)
        _restore_signals(handlers)


def _loggers() -> list[tuple[str, logging.Logger]]:
    entries = list(logging.root.manager.loggerDict.items())
    return [(name, logger) for name, logger in entries if isinstance(logger, logging.Logger)]


def _reroute(logger: logging.Logger) -> None:
    """Send what this logger's own handlers would have written to the server's, from WARNING on."""
    own = [handler for handler in logger.handlers if isinstance(handler, logging.StreamHandler | MemoryHandler)]
    for handler in own:
        logger.removeHandler(handler)
    if own:
        logger.propagate = True
    if own or logger.level:
        logger.setLevel(max(logger.level, logging.WARNING))


def _restore_environment(before: dict[str, str]) -> None:
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    for name, value in before.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def _restore_signals(before: dict[signal.Signals, Any]) -> None:
    """Restore the handlers. A worker thread cannot set any, so code imported there cannot have changed them."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number, handler in before.items():
        if handler is not None and signal.getsignal(number) is not handler:  # None: not set from Python
            signal.signal(number, handler)
