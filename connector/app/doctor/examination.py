"""Carries an examination out: log-ins and reads, and the checks over what came back. Nothing in the shop is changed.

What is sent to a shop without trouble: the question for the generation where it is `auto`, a log-in, one read three
times, and one call that cannot succeed to have PHP warn. To 4.1, where every call leaves a row in the shop's table of
sessions, only the question and the signed call that proves the key. A failure leads to further questions, which carry
no credential wherever they go to another address.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from connector.app.doctor.access import (
    AUTO,
    check_dialect,
    check_key,
    check_log_in,
    check_other_dialect,
    check_session,
    tell_session,
)
from connector.app.doctor.address import (
    Hop,
    check_folder,
    check_hops,
    check_page,
    check_reached,
    find_hop,
    is_nowhere,
    is_shop_page,
    list_folders,
)
from connector.app.doctor.clock import check_clock, find_skew_s
from connector.app.doctor.finding import Finding, Report, Severity
from connector.app.doctor.php import check_messages
from connector.app.doctor.signature import Way, check_ways, list_ways
from connector.app.doctor.speed import check_speed
from connector.app.doctor.usage import check_usage
from connector.app.runtime import open_project
from connector.client.http import find_host
from connector.client.opencart.detection import STRANGER
from connector.client.opencart.dialects import build_opencart
from connector.client.opencart.v4_0 import SIGNS as SIGNS_40
from connector.client.opencart.v4_1 import find_folder
from connector.client.opencart.wire import build_post, find_endpoint
from connector.client.options import OpenCartOptions, SignatureOptions
from connector.client.session import LOGIN
from connector.errors import ConnectorError
from connector.interfaces import Credential, Probe
from connector.request import Answer, PageInput, Request, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    import httpx

    from connector.app.project import ClientPlan
    from connector.app.runtime import Runtime
    from connector.client.options import HttpOptions
    from connector.client.session import HttpSession
    from connector.interfaces import Dialect
    from connector.request import Exchange, Response

READ: Final = "reward.maximum"
"""The call that costs a shop least and needs a session: it adds up the points of an empty cart."""

READS: Final = 3
MOST_HOPS: Final = 5
MOST_FOLDERS: Final = 4

WARNS: Final = "currency.set"
"""Without its field, it has 2.3 and 3.0 warn of the missing key, and is refused."""


async def examine(runtime: Runtime, name: str, *, transport: httpx.AsyncBaseTransport | None = None) -> Report:
    """Return what is found about a client. Trouble of any kind is a finding, not an exception.

    Args:
        runtime: Of the project; its clients are used, and others like them are opened and closed.
        name: The client.
        transport: Replaces the network for the further questions, for tests.

    Raises:
        UnknownNameError: There is no such client.
    """
    client = runtime.project.clients[name]
    if not isinstance(client.options, OpenCartOptions):
        finding = Finding("log-in", Severity.OK, "this kind of client has no log-in, nothing was asked")
        options = client.options
        return Report(name, client.package.name, options.base_url, client.target.dialect, (finding,), 0)
    return await _Examination(runtime, client, client.options, transport).carry_out()


class _Examination:
    """One examination; collects exchanges and findings as it goes."""

    def __init__(
        self,
        runtime: Runtime,
        plan: ClientPlan,
        options: OpenCartOptions,
        transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        self._runtime = runtime
        self._plan = plan
        self._options = options
        self._transport = transport
        self._exchanges: list[Exchange] = []
        self._findings: list[Finding] = []
        self._dialect: str = options.dialect

    async def carry_out(self) -> Report:
        """Return what was found."""
        self._add(check_key(self._options.username, self._options.key.get_secret_value()))
        try:
            await self._examine()
        except ConnectorError as error:  # the client cannot even be opened, such as for its ca_file
            self._add(Finding("address", Severity.PROBLEM, error.message, cure=error.cure))
        mask = self._runtime.redactor.mask_text
        return Report(
            client=self._plan.name,
            connector=self._plan.package.name,
            base_url=self._options.base_url,
            dialect=self._dialect,
            findings=tuple(finding.mask(mask) for finding in self._findings),
            calls=len(self._exchanges),
        )

    async def _examine(self) -> None:
        client = self._runtime.client(self._plan.name)
        is_provoked = False
        async with client.lease(is_stateful=True, observe=self._exchanges.append) as session:
            refusal = await session.log_in()
            self._dialect = client.dialect
            reached = list(self._exchanges)
            self._findings += check_reached(refusal, reached, self._options.base_url)
            if refusal is None:
                self._add(check_dialect(self._options.dialect, self._dialect))
                self._add(check_log_in(None, self._dialect))
                is_provoked = await self._try_session(session)
        if not any(exchange.response for exchange in reached):
            return
        if refusal is not None:
            await self._explain(refusal, reached[-1])
            return
        if self._dialect == "4.0":
            is_provoked = await self._provoke_40()
        self._tell_rest(was_provoked=is_provoked)
        self._findings += check_usage(self._runtime.project, self._plan.name, self._dialect)

    async def _try_session(self, session: HttpSession) -> bool:
        """Make the harmless read a few times in an open session, then the call that has PHP warn.

        Returns:
            Whether that one was sent.
        """
        dialect, catalog = self._dialect, self._plan.target.catalog
        if dialect == "4.1":
            self._add(tell_session(dialect))
            return False
        read = catalog.find(READ).operation(dialect)
        for number in range(READS):
            answer = await session.send(read, {}, PageInput())
            if number == 0:
                self._add(check_session(answer, dialect, self._exchanges, READ))
            if not answer.verdict.is_success:
                return False
        if dialect == "4.0":
            return False
        await session.send(catalog.find(WARNS).operation(dialect), {}, PageInput())
        return True

    async def _provoke_40(self) -> bool:
        """Send 4.0 a log-in that cannot succeed, with a list for a name: it shows what becomes of PHP's errors."""
        form = (("username[]", STRANGER), ("key", STRANGER))
        request = build_post(find_endpoint(self._options.base_url), {"route": SIGNS_40.login_route}, form)
        response = await self._ask(request)
        return response is not None

    async def _explain(self, refusal: Answer, last: Exchange) -> None:
        """Find out more about a log-in that failed, though something answered."""
        if find_hop(self._options.base_url, last) is not None:
            await self._follow(last)
            return
        if self._options.dialect != AUTO and not _is_put_off(refusal):
            found = await self._identify(self._options.base_url)
            if found is not None and found != self._options.dialect:
                self._dialect = found
                self._add(check_other_dialect(self._options.dialect, found))
                self._findings += check_usage(self._runtime.project, self._plan.name, found)
                return
        page = check_page(refusal, last)
        if page is None and is_nowhere(refusal, last):
            self._add(await self._find_folder())
            return
        self._add(page or check_log_in(refusal, self._dialect, proxy=self._options.proxy))
        if page is None and self._dialect == "4.1" and refusal.verdict is Verdict.DENIED:
            await self._try_ways()
        self._tell_rest(was_provoked=False)

    def _tell_rest(self, *, was_provoked: bool) -> None:
        """Add what can be said of any exchanges, whatever they came to."""
        self._add(check_messages(self._exchanges, self._dialect, was_provoked=was_provoked))
        self._add(check_clock(find_skew_s(self._exchanges), self._dialect))
        calls = [exchange for exchange in self._exchanges if exchange.entity in {LOGIN.entity, READ}]
        self._add(check_speed(calls or self._exchanges, self._dialect))

    async def _follow(self, first: Exchange) -> None:
        """Go after redirects with a question that carries no credential."""
        hops: list[Hop] = []
        exchange: Exchange | None = first
        base_url = self._options.base_url
        found: str | None = None
        while exchange is not None and len(hops) < MOST_HOPS:
            hop = find_hop(base_url, exchange)
            if hop is None:
                break
            hops.append(hop)
            base_url = hop.to
            if base_url in {passed.base_url for passed in hops}:
                break
            count = len(self._exchanges)
            found = await self._identify(base_url)
            exchange = self._exchanges[-1] if len(self._exchanges) > count else None
        self._add(check_hops(hops, is_arrived=found is not None))
        if found is not None:
            self._dialect = found

    async def _identify(self, base_url: str) -> str | None:
        """Return the generation of the shop at an address, or None; asked with a user and key that no shop has."""
        stranger = self._options.model_copy(
            update={
                "base_url": base_url,
                "dialect": AUTO,
                "username": STRANGER,
                "key": SecretStr(STRANGER),
                "headers": self._options.headers if find_host(base_url) == self._host else {},
            }
        )
        found = await self._find_dialect(self._open(stranger))
        return found if isinstance(found, str) else None

    async def _find_folder(self) -> Finding:
        """Look for a page of a shop at the address and above it."""
        for folder in list_folders(self._options.base_url)[:MOST_FOLDERS]:
            if is_shop_page(await self._ask(Request("GET", folder))):
                return check_folder(self._options.base_url, folder)
        return check_folder(self._options.base_url, None)

    async def _try_ways(self) -> None:
        """Sign the call that proves the key in other ways, until one is let through."""
        options = self._options
        sent_host = next((value for name, value in options.headers.items() if name.lower() == "host"), self._host)
        folder = find_folder(options.base_url)
        used = Way(options.signature.host or sent_host, options.signature.path or folder, options.username)
        skew_s = find_skew_s(self._exchanges)
        ways = list_ways(
            used, scheme=options.base_url.partition(":")[0].lower(), sent_host=sent_host, folder=folder, skew_s=skew_s
        )
        tried = []
        for way in ways:
            tried.append(way)
            if await self._is_let_through(way):
                self._add(check_ways(used, tried, way))
                return
        self._add(check_ways(used, tried, None))

    async def _is_let_through(self, way: Way) -> bool:
        signature = SignatureOptions(host=way.host, path=way.path)
        options = self._options.model_copy(update={"dialect": "4.1", "username": way.username, "signature": signature})

        def build(changed: HttpOptions) -> tuple[Dialect | Probe, Credential]:
            assert isinstance(changed, OpenCartOptions)
            return build_opencart(changed, now=lambda: datetime.now(UTC) + timedelta(seconds=way.shift_s))

        async with self._open(options, build) as other:
            return await other.client(self._plan.name).log_in(observe=self._exchanges.append) is None

    async def _ask(self, request: Request) -> Response | None:
        """Send one request that carries no credential, and return what came back."""

        def build(_options: HttpOptions) -> tuple[Dialect | Probe, Credential]:
            return Probe(request, lambda _response: Answer(Verdict.OK)), Credential(STRANGER, STRANGER)

        await self._find_dialect(self._open(self._options, build))
        return self._exchanges[-1].response

    async def _find_dialect(self, opened: AbstractAsyncContextManager[Runtime]) -> str | Answer:
        async with opened as runtime:
            client = runtime.client(self._plan.name)
            async with client.lease(is_stateful=False, observe=self._exchanges.append) as session:
                return await session.find_dialect()

    def _open(
        self,
        options: OpenCartOptions,
        build: Callable[[HttpOptions], tuple[Dialect | Probe, Credential]] | None = None,
    ) -> AbstractAsyncContextManager[Runtime]:
        """Return the client as it would be with other options, to be opened for a block."""
        package = self._plan.package if build is None else replace(self._plan.package, build=build)
        plan = replace(self._plan, options=options, package=package)
        project = replace(self._runtime.project, clients={plan.name: plan})
        return open_project(project, redactor=self._runtime.redactor, transport=self._transport)

    @property
    def _host(self) -> str:
        return find_host(self._options.base_url)

    def _add(self, finding: Finding | None) -> None:
        if finding is not None:
            self._findings.append(finding)


def _is_put_off(answer: Answer) -> bool:
    """Whether a second question would only come at a bad time."""
    return answer.verdict in {Verdict.BUSY, Verdict.UNREACHABLE}
