"""The database goes away under a worker: cut off, restarted, out of room."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import pytest

from tests.faults.installation import Installation
from tests.faults.shop import Shop, Source, make_records, slow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.faults.launcher import Launcher
    from tests.postgres import Postgres

RECORDS: Final = 60
_BLOCK: Final = 4096


@pytest.fixture
def here(install: Callable[..., Installation], shop: Shop) -> Installation:
    """An installation on PostgreSQL, with enough records to be interrupted in."""
    shop.source = Source(make_records(RECORDS), page_size=20)
    shop.otherwise = slow(0.05)
    return install("postgres")


@pytest.mark.postgres
def test_connections_are_cut(here: Installation, shop: Shop, postgres: Postgres) -> None:
    """Connections that an administrator ends, again and again, are made anew; the run goes on as if nothing was."""
    assert isinstance(here.database, str)
    working = here.start(*here.command)
    cut = 0
    for count in (1, 15, 30, 45):
        shop.wait_for(count)
        cut += postgres.cut(here.database)
    ran = here.finish(working)

    assert cut >= 4
    assert ran.code == 0, ran.stderr
    assert here.find_faults(still={"finished"}) == []


@pytest.mark.postgres
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_server_is_restarted(here: Installation, shop: Shop, postgres: Postgres, mode: str) -> None:
    """While the server is away nothing is sent; when it is back the run goes on."""
    working = here.start(*here.command)
    shop.wait_for(10)
    postgres.stop(mode)
    time.sleep(1.0)
    arrived = len(shop.arrivals)
    time.sleep(1.0)
    arrived_meanwhile = len(shop.arrivals) - arrived
    postgres.start()
    ran = here.finish(working)

    assert arrived_meanwhile == 0
    assert ran.code == 0, ran.stderr
    assert here.find_faults(still={"finished"}) == []


@pytest.mark.postgres
def test_server_stays_away(here: Installation, shop: Shop, postgres: Postgres) -> None:
    """A command that is asked to end while the server is away ends, and says what is the matter."""
    working = here.start(*here.command)
    shop.wait_for(10)
    postgres.stop()
    time.sleep(0.5)
    working.terminate()
    ran = here.finish(working, timeout_s=40)
    postgres.start()
    faults = here.find_faults(is_complete=False)
    here.recover()

    assert "cannot be reached" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert faults == []
    assert here.find_faults(still={"finished"}) == []


class SmallDisk:
    """A file system of its own, with little room.

    Attributes:
        folder: Where it is mounted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, *, spare: int = 0) -> None:
        """Take all room, but for so many bytes, whoever writes meanwhile."""
        with (self.folder / "filler").open("wb", buffering=0) as filler, suppress(OSError):
            while self.free > spare:
                filler.write(bytes(min(_BLOCK * 16, max(_BLOCK, self.free - spare))))

    @property
    def free(self) -> int:
        """How much room there is, bytes."""
        room = os.statvfs(self.folder)
        return room.f_bavail * room.f_frsize

    def clear(self) -> None:
        """Give it back."""
        (self.folder / "filler").unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Some megabytes in memory, mounted as a file system."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "connector-tests", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.decode().strip()}")
    yield SmallDisk(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def crowded(disk: SmallDisk, shop: Shop, launcher: Launcher, tmp_path: Path) -> Iterator[Installation]:
    """An installation whose database lies on the small file system."""
    shop.source = Source(make_records(RECORDS), page_size=20)
    shop.otherwise = slow(0.05)
    here = Installation(tmp_path / "crowded", shop, launcher)
    here.environment["CONNECTOR_DATA_DIR"] = str(disk.folder)
    here.database = disk.folder / "connector.db"
    yield here
    here.close()


def test_disk_is_full_and_has_room_again(crowded: Installation, disk: SmallDisk, shop: Shop) -> None:
    """While the disk is full nothing is sent; when there is room again the run goes on by itself."""
    working = crowded.start(*crowded.command)
    shop.wait_for(5)
    disk.fill()
    time.sleep(1.0)
    arrived = len(shop.arrivals)
    time.sleep(1.0)
    arrived_meanwhile = len(shop.arrivals) - arrived
    disk.clear()
    ran = crowded.finish(working)

    assert arrived < RECORDS
    assert arrived_meanwhile == 0
    assert ran.code == 0, ran.stderr
    assert any(line["event"] == "store_away" and "the disk is full" in line["reason"] for line in ran.logged)
    assert crowded.find_faults(still={"finished"}) == []


def test_disk_stays_full(crowded: Installation, disk: SmallDisk, shop: Shop) -> None:
    """A command that is asked to end while the disk is full ends, says so, and what it could not write is unknown."""
    working = crowded.start(*crowded.command)
    shop.wait_for(5)
    disk.fill()
    time.sleep(0.5)
    working.terminate()
    ran = crowded.finish(working, timeout_s=40)
    disk.clear()
    faults = crowded.find_faults(is_complete=False)
    crowded.recover()

    assert "the disk is full" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert faults == []
    assert crowded.find_faults(still={"finished"}) == []


def test_disk_is_full_from_the_start(crowded: Installation, disk: SmallDisk, shop: Shop) -> None:
    """On a full disk nothing is begun, and the message says what to do."""
    disk.fill()

    ran = crowded.work()

    assert ran.code == 1
    assert "the disk is full" in ran.stderr
    assert "free some space" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert shop.arrivals == []


def test_disk_fills_up_while_records_come_in(crowded: Installation, disk: SmallDisk, shop: Shop) -> None:
    """Pages that find no room are not half-kept; when there is room again, they come in."""
    padding = "x" * 20_000
    shop.source = Source([{**record, "note": padding} for record in make_records(RECORDS)], page_size=5)
    disk.fill(spare=1_000_000)
    working = crowded.start(*crowded.command)
    time.sleep(3.0)
    disk.clear()
    ran = crowded.finish(working)
    crowded.recover()

    assert ran.code in {0, 1}, ran.stderr
    assert "Traceback" not in ran.stderr
    assert crowded.find_faults(still={"finished"}) == []
