"""A project opened: clients with their sessions, and what runs on them. Close it when done.

```python
from connector import load, open_project

project = load("configs/")
async with open_project(project) as runtime:
    async for record in runtime.incoming("shipping-quotes").records():
        print(record)
    published = await runtime.publisher("apply-coupon").publish({"code": "2222"})
    summary = await runtime.route("coupons-into-shop").run()
```
"""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from connector.alert.sender import AlertSender
from connector.alert.watch import Watch
from connector.app.names import find_named
from connector.call.run import CallRun
from connector.client.client import HttpClient
from connector.client.detection import Detector
from connector.client.http import HttpConnection, build_tls_context
from connector.client.pool import SessionPool
from connector.client.rate import RateLimiter
from connector.client.session import HttpSession, LoginGate
from connector.config.options import collect_secrets
from connector.errors import ClientError
from connector.publisher.publisher import Outgoing, Publisher
from connector.redaction import Redactor, is_secret
from connector.route.run import RouteRunner
from connector.route.shape import Shaping
from connector.store.rows import OnDuplicate, TaskStatus
from connector.subscriber.subscriber import Incoming, SentIn, Subscriber
from connector.task.ingest import Feed, Ingest, reshape
from connector.task.schedule import Scheduler
from connector.task.work import RouteWork

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection
    from typing import TypeAlias

    import httpx

    from connector.alert.plan import AlertPlan
    from connector.app.project import ClientPlan, IncomingPlan, OutgoingPlan, Project, RoutePlan
    from connector.client.options import HttpOptions
    from connector.client.pool import PoolUsage
    from connector.client.rate import TurnSource
    from connector.route.options import RetentionOptions
    from connector.store.store import Store
    from connector.task.ingest import Kept
    from connector.task.tally import RouteTally

    TurnSources: TypeAlias = Callable[[str, float], TurnSource]


class Runtime:
    """What runs: built from a project on first use, kept until closed."""

    def __init__(
        self,
        project: Project,
        *,
        redactor: Redactor | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        turns: TurnSources | None = None,
    ) -> None:
        """Prepare; nothing is opened before it is used.

        Args:
            project: Checked configuration.
            redactor: Masks what is shown; one with the configuration's secrets where left out.
            transport: Replaces the network for every client, for tests.
            turns: Returns who gives out the turns of a client's rate limit, by the client's name and its limit a
                second; where left out, this process has them all.
        """
        self.project = project
        self.redactor = redactor or Redactor()
        self.redactor.add(*project.document.secrets)
        for alert in project.alerts.values():
            self.redactor.add(*alert.secrets)
        self._transport = transport
        self._turns = turns
        self._clients: dict[str, HttpClient] = {}
        self._is_closed = False

    def client(self, name: str) -> HttpClient:
        """Return the client of that name.

        Raises:
            UnknownNameError: There is none.
            UnreachableError: Its `ca_file` cannot be used.
            ClientError: The project is closed.
        """
        if self._is_closed:
            raise ClientError("the project is closed", cure="open it again with open_project")
        if name not in self._clients:
            self._clients[name] = self._build_client(find_named("client", name, self.project.clients))
        return self._clients[name]

    def incoming(self, name: str) -> Incoming:
        """Return the incoming of that name; one that is written inside a route is called `routes.<route>`.

        Raises:
            UnknownNameError: There is none.
        """
        return self._build_incoming(find_named("incoming", name, self.project.sources))

    def outgoing(self, name: str) -> Outgoing:
        """Return the outgoing of that name.

        Raises:
            UnknownNameError: There is none.
        """
        return self._build_outgoing(find_named("outgoing", name, self.project.outgoing))

    def subscriber(self, name: str) -> Subscriber:
        """Return the subscriber of the incoming of that name: its records as they come, before any step.

        Raises:
            UnknownNameError: There is none.
        """
        return self.incoming(name).subscriber

    def publisher(self, name: str) -> Publisher:
        """Return the publisher of the outgoing of that name, without the outgoing's own steps.

        Raises:
            UnknownNameError: There is none.
        """
        return self.outgoing(name).publisher

    def route(self, name: str) -> RouteRunner:
        """Return the route of that name.

        Raises:
            UnknownNameError: There is none.
        """
        plan = find_named("route", name, self.project.routes)
        return RouteRunner(
            name,
            incoming=self._build_incoming(plan.incoming) if plan.incoming else None,
            transformer=plan.transformer,
            outgoing=self._build_outgoing(plan.outgoing),
            key=plan.key,
            concurrency=plan.options.concurrency,
            retry=plan.retry,
        )

    def work(self, route: str, *, tally: RouteTally | None = None) -> RouteWork:
        """Return a route as something whose tasks are delivered.

        Args:
            route: Its name.
            tally: Counts what becomes of attempts; None where nobody wants to know.

        Raises:
            UnknownNameError: There is no route of that name.
        """
        plan = find_named("route", route, self.project.routes)
        outgoing = self._build_outgoing(plan.outgoing)
        options = plan.options
        return RouteWork(
            name=route,
            shaping=Shaping(plan.transformer, outgoing),
            publisher=outgoing.publisher,
            retry=plan.retry,
            concurrency=options.concurrency,
            priority=options.priority,
            exchanges=options.exchanges,
            retention=read_retention(options.retention),
            reshape=partial(reshape, feed=_feed(plan), find_incoming=self.incoming),
            tally=tally,
        )

    def ingest(self, store: Store) -> Ingest:
        """Return what makes tasks of records, for all routes.

        Args:
            store: Where the tasks are kept.
        """
        return Ingest(store, map(_feed, self.project.routes.values()), self.incoming)

    def scheduler(
        self,
        store: Store,
        ingest: Ingest,
        *,
        worker: str,
        routes: Collection[str] | None = None,
        on_kept: Callable[[Kept], None] | None = None,
    ) -> Scheduler:
        """Return what fetches incomings when they are due or asked for; those whose records some route takes.

        Args:
            store: Where it is kept what was done.
            ingest: Fetches.
            worker: Id of the worker, which has joined the store's.
            routes: Only incomings whose records one of these takes; any where left out.
            on_kept: Called with each batch of records once it is durable.
        """
        schedules = {
            name: plan.schedule
            for name, plan in self.project.sources.items()
            if plan.options.subscriber is not None
            and any(routes is None or route.name in routes for route in self.project.fed_by(name))
        }
        return Scheduler(store, schedules, ingest, worker=worker, on_kept=on_kept)

    @property
    def sessions(self) -> dict[str, PoolUsage]:
        """How the sessions of each client are used at this moment, by name; of those that were used at all."""
        return {name: client.usage for name, client in self._clients.items()}

    def watch(
        self,
        store: Store,
        *,
        public_url: str | None = None,
        make_sender: Callable[[AlertPlan], AlertSender] = AlertSender,
    ) -> Watch | None:
        """Return what tells people when something needs them; None where nobody is to be told.

        Args:
            store: Where tasks are kept.
            public_url: Where the dashboard can be reached, for links.
            make_sender: Returns what brings messages to a receiver.
        """
        project = self.project
        if not project.alerts:
            return None
        return Watch(
            store,
            project.alerts,
            routes=project.routes,
            fetches=project.scheduled,
            redactor=self.redactor,
            public_url=public_url,
            make_sender=make_sender,
        )

    async def aclose(self) -> None:
        """Close every client, also when closing one fails, and give out none any more. Safe to call twice."""
        self._is_closed = True
        async with AsyncExitStack() as closing:
            while self._clients:
                closing.push_async_callback(self._clients.popitem()[1].aclose)

    def _build_incoming(self, plan: IncomingPlan) -> Incoming:
        if plan.webhook is not None:
            self.redactor.add(*collect_secrets(plan.options))
            return Incoming(plan.name, SentIn(plan.source, plan.webhook.address), plan.transformer, source=plan.source)
        assert plan.call is not None, "what is no webhook has a call"
        run = CallRun(plan.call, self.client(plan.call.target.client))
        return Incoming(plan.name, Subscriber(run), plan.transformer, state=plan.state, source=plan.source)

    def _build_outgoing(self, plan: OutgoingPlan) -> Outgoing:
        run = CallRun(plan.call, self.client(plan.options.publisher.client))
        return Outgoing(plan.name, Publisher(run), plan.transformer, plan.call)

    def _build_client(self, plan: ClientPlan) -> HttpClient:
        options = plan.options
        start, credential = plan.package.build(options)
        self.redactor.add(*collect_secrets(options), *_find_secret_headers(options))
        addresses = (options.base_url, options.proxy or "")
        is_tls = any(address.lower().startswith("https:") for address in addresses)
        tls = build_tls_context(options.ca_file) if is_tls else None
        detector, gate = Detector(start), LoginGate()
        limiter: RateLimiter | None = None
        if options.rate_limit is not None:
            source = self._turns(plan.name, options.rate_limit) if self._turns is not None else None
            limiter = RateLimiter(options.rate_limit, source=source)

        proxy_auth: tuple[str, str] | None = None
        if options.proxy_auth is not None:
            proxy_auth = options.proxy_auth.username, options.proxy_auth.password.get_secret_value()

        def make_session() -> HttpSession:
            connection = HttpConnection(
                connect_s=options.timeout.connect.total_seconds(),
                total_s=options.timeout.total.total_seconds(),
                max_bytes=options.max_response,
                tls=tls,
                proxy=options.proxy,
                proxy_auth=proxy_auth,
                headers=options.headers,
                transport=self._transport,
            )
            return HttpSession(
                base_url=options.base_url,
                detector=detector,
                credential=credential,
                connection=connection,
                gate=gate,
                redactor=self.redactor,
                limiter=limiter,
            )

        return HttpClient(
            plan.name,
            pool=SessionPool(options.sessions, make_session),
            redactor=self.redactor,
            detector=detector,
            logs_requests=options.log_requests,
        )


def _feed(plan: RoutePlan) -> Feed:
    incoming = None if plan.incoming is None else plan.incoming.name
    return Feed(plan.name, incoming, plan.key, OnDuplicate(plan.options.on_duplicate))


def read_retention(options: RetentionOptions) -> dict[TaskStatus, timedelta | None]:
    """Return how long settled tasks are kept, by status; None for good."""
    ages = {
        TaskStatus.FINISHED: options.finished,
        TaskStatus.SKIPPED: options.skipped,
        TaskStatus.FAILED: options.failed,
    }
    return {status: age if isinstance(age, timedelta) else None for status, age in ages.items()}


def _find_secret_headers(options: HttpOptions) -> list[str]:
    return [value for name, value in options.headers.items() if is_secret(name)]


@asynccontextmanager
async def open_project(
    project: Project,
    *,
    redactor: Redactor | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    turns: TurnSources | None = None,
) -> AsyncIterator[Runtime]:
    """Open a project for the length of a block; see `Runtime`."""
    runtime = Runtime(project, redactor=redactor, transport=transport, turns=turns)
    try:
        yield runtime
    finally:
        await runtime.aclose()
