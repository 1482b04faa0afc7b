"""Traces, started where the environment asks for them, and what is said about it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from connector import __version__, log, trace
from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from connector.redaction import Redactor

logger = log.get_logger()


@dataclass(frozen=True, slots=True)
class Tracing:
    """Traces that were asked for.

    Attributes:
        outcome: What came of it.
    """

    outcome: trace.Tracing

    def add_ids(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Have a log line name the trace it belongs to; a processor of structlog."""
        return trace.add_ids(logger, method, event)

    def tell(self) -> None:
        """Log what came of it; once logging is set up."""
        if self.outcome.is_on:
            logger.info(log.TRACES_ON)
        else:
            logger.warning(log.TRACES_OFF, reason=self.outcome.reason, cure=self.outcome.cure)


def start_tracing(redactor: Redactor) -> Tracing | None:
    """Send traces, and return what came of it; None where nothing asks for any.

    Args:
        redactor: Masks what OpenTelemetry says of itself: its receiver's address may hold a password.
    """
    if not trace.is_asked_for(os.environ):
        return None

    def complain(text: str) -> None:
        logger.warning(log.TRACES_LOST, reason=redactor.mask_text(text))

    return Tracing(trace.start(version=__version__, on_trouble=complain))
