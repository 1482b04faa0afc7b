"""Log lines: masked in every place, and written where they should be."""

from __future__ import annotations

import io
import json

import pytest
import structlog

from connector import log
from connector.redaction import Redactor


@pytest.fixture(autouse=True)
def _restore():
    """Leave structlog as it was."""
    yield
    structlog.reset_defaults()


def configured(log_format: str, *, level: str = "info") -> io.StringIO:
    """Configure logging to a stream, with one secret."""
    stream = io.StringIO()
    log.configure(log_format=log_format, level=level, redactor=Redactor(["s3cret"]), stream=stream)
    return stream


def fail() -> None:
    """Raise an error that quotes a secret."""
    raise ValueError("s3cret is wrong")


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_secret_shows_in_no_part_of_a_line(log_format: str):
    """Texts, nested values, exceptions among the facts and tracebacks are masked."""
    stream = configured(log_format)
    logger = log.get_logger()

    logger.info("happened", text="the s3cret", nested=[{"s3cret": ["s3cret"]}], error=ValueError("s3cret"))
    try:
        fail()
    except ValueError:
        logger.exception("failed")

    written = stream.getvalue()
    assert "s3cret" not in written
    assert "ValueError: *** is wrong" in written


def test_private_names_below_a_fact_mask_their_values():
    """What stands under `email` in a nested fact is no one's business."""
    stream = configured("json")

    log.get_logger().info("exchange", request={"email": "ann@example.com", "quantity": 2})

    assert json.loads(stream.getvalue())["request"] == {"email": "***", "quantity": 2}


def test_a_json_line_is_one_object():
    """Event, level, time and facts, each line for itself, whatever the facts are."""
    stream = configured("json")

    log.get_logger().warning("retry", reason="two\nlines", attempt=2)

    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"], line["reason"], line["attempt"]) == ("retry", "warning", "two\nlines", 2)
    assert line["timestamp"].endswith("Z")
    assert stream.getvalue().count("\n") == 1


def test_auto_is_json_off_a_terminal():
    """Where nobody looks, machines read."""
    stream = configured("auto")

    log.get_logger().info("happened")

    assert json.loads(stream.getvalue())["event"] == "happened"


def test_lower_levels_are_dropped():
    """What is below the level is not written."""
    stream = configured("json", level="warning")

    log.get_logger().info("happened")

    assert stream.getvalue() == ""


def test_a_logger_made_before_configuring_is_configured():
    """Modules take their logger at import; what is set up later counts."""
    logger = log.get_logger()
    stream = configured("json")

    logger.info("happened")

    assert json.loads(stream.getvalue())["event"] == "happened"


def test_a_whole_number_beyond_64_bits_is_logged_whole():
    """A fact that holds a long number neither breaks the line nor loses digits."""
    stream = configured("json")

    log.get_logger().info("happened", response={"id": 12345678901234567890123})

    assert '"id": 12345678901234567890123' in stream.getvalue()


def test_logging_that_is_hardly_ever_needed_is_set_up_when_it_is():
    """What a late set-up says holds from the first line that is logged; before it, nothing is set up."""
    stream = io.StringIO()
    log.configure_late(log_format="json", level="warning", redactor=Redactor(["s3cret"]), stream=stream)
    before = structlog.is_configured()
    logger = log.get_logger()

    logger.info("dropped")
    logger.warning("happened", text="the s3cret")

    assert not before
    assert json.loads(stream.getvalue())["text"] == "the ***"


def test_what_is_held_back_from_the_stream_still_goes_to_the_taps():
    """A page may show more of the log than the terminal beside it."""
    stream, tapped = io.StringIO(), []

    def tap(_logger, _method, event):
        tapped.append(event["event"])
        return event

    log.configure(log_format="json", level="info", redactor=Redactor(), stream=stream, taps=(tap,), written="error")

    log.get_logger().info("usual")
    log.get_logger().error("odd")

    assert tapped == ["usual", "odd"]
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["odd"]
