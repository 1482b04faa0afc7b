"""Who finds out the dialect, how often, and what becomes of a failure."""

import asyncio

from connector.client.detection import AUTO, Detector
from connector.client.generic import GenericHttp
from connector.interfaces import Probe
from connector.request import Answer, Request, Verdict

DIALECT = GenericHttp()
SECOND = Probe(Request("POST", "http://shop.example/2"), lambda _: DIALECT)
FIRST = Probe(Request("POST", "http://shop.example/1"), lambda _: SECOND)
DOWN = Answer(Verdict.UNREACHABLE, reason="down")


class Shop:
    """Answers probes from a script; the last entry stays."""

    def __init__(self, *script):
        self.script = list(script)
        self.asked = []

    async def ask(self, probe):
        """Note the question, wait a moment, answer."""
        self.asked.append(probe)
        await asyncio.sleep(0.01)
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]


async def test_a_given_dialect_is_not_asked_for():
    """A dialect that the options name costs no request, and cannot be doubted."""
    detector, shop = Detector(DIALECT), Shop(DOWN)
    detector.doubt()

    found = await detector.find(shop.ask)

    assert (found, detector.name, shop.asked) == (DIALECT, "http", [])


async def test_questions_follow_one_another_until_the_dialect_is_known():
    """An answer may lead to a further question; the dialect is remembered and named from then on."""
    detector, shop = Detector(FIRST), Shop(SECOND, DIALECT)
    before = detector.name

    found = [await detector.find(shop.ask) for _ in range(3)]

    assert found == [DIALECT] * 3
    assert shop.asked == [FIRST, SECOND]
    assert (before, detector.name) == (AUTO, "http")


async def test_one_session_asks_for_all():
    """Sessions that start together ask once."""
    detector, shop = Detector(FIRST), Shop(DIALECT)

    found = await asyncio.gather(*(detector.find(shop.ask) for _ in range(8)))

    assert found == [DIALECT] * 8
    assert len(shop.asked) == 1


async def test_a_failure_is_shared_by_those_who_waited_and_no_further():
    """A shop that is down is asked once by all who wait, and again by the next."""
    detector, shop = Detector(FIRST), Shop(DOWN, DIALECT)

    failed = await asyncio.gather(*(detector.find(shop.ask) for _ in range(8)))
    name = detector.name
    found = await detector.find(shop.ask)

    assert failed == [DOWN] * 8
    assert (name, found, len(shop.asked)) == (AUTO, DIALECT, 2)


async def test_a_failure_is_not_shared_after_a_success():
    """Whoever comes after the dialect was found gets it, whatever failed before."""
    detector, shop = Detector(FIRST), Shop(DOWN, DIALECT)

    await detector.find(shop.ask)
    found = await asyncio.gather(*(detector.find(shop.ask) for _ in range(4)))

    assert found == [DIALECT] * 4


async def test_what_was_found_out_can_be_doubted():
    """A dialect that the remote system does not answer to is found out anew."""
    detector, shop = Detector(FIRST), Shop(DIALECT)
    await detector.find(shop.ask)

    detector.doubt()
    name = detector.name
    await detector.find(shop.ask)

    assert (name, detector.name, len(shop.asked)) == (AUTO, "http", 2)
