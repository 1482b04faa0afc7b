"""A configuration, checked as a whole: every name looked up, every template and path compiled, nothing opened.

`load` is what every command starts with. It reports all faults of all files at once, and what it returns can be
opened (`connector.app.runtime`) as often as needed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import Field

from connector.call.plan import Target, compile_call
from connector.catalog.catalog import load_catalog
from connector.components import CONNECTORS, ConnectorPackage
from connector.config.check import check
from connector.config.document import Document, read_document, read_mapping
from connector.config.options import Name, Options
from connector.config.quantity import format_duration
from connector.config.wording import describe, did_you_mean
from connector.errors import Fault
from connector.frozen import dataclass
from connector.publisher.options import OutgoingOptions
from connector.retry import RetryPolicy
from connector.route.options import RouteOptions
from connector.subscriber.options import IncomingOptions
from connector.transform.template import Templates, compile_value
from connector.transform.transformer import compile_transform

if TYPE_CHECKING:
    from connector.alert.plan import AlertPlan
    from connector.call.options import CallOptions
    from connector.call.plan import CallPlan
    from connector.client.options import HttpOptions
    from connector.config.node import Position
    from connector.config.place import Place
    from connector.subscriber.cursor import CursorPlan
    from connector.subscriber.options import ScheduleOptions, StateOptions
    from connector.subscriber.schedule import Schedule
    from connector.subscriber.walk import WalkPlan
    from connector.transform.template import Value
    from connector.transform.transformer import Transformer
    from connector.webhook.plan import WebhookPlan

KINDS: Final = ("clients", "incoming", "outgoing", "routes", "alerts")
"""The top-level keys of a configuration."""

_SECTIONS: Final = {"client": "clients", "incoming": "incoming", "outgoing": "outgoing"}
"""Where the bearers of names stand, by what they are called."""

_NAMES: Final = frozenset({"record"})
"""What the templates of steps and keys speak of, outside of calls: there are no earlier answers, and no pages."""

INLINE: Final = "routes."
"""How the name of an incoming begins that is written inside a route; no name of its own has a dot."""

P = TypeVar("P", "IncomingPlan", "OutgoingPlan")


class RootOptions(Options):
    """The top of a configuration: named things of five kinds."""

    clients: dict[Name, Any] = Field(default_factory=dict, description="Access to remote systems, by name.")
    incoming: dict[Name, Any] = Field(default_factory=dict, description="Where records come from, by name.")
    outgoing: dict[Name, Any] = Field(default_factory=dict, description="Where records go, by name.")
    routes: dict[Name, Any] = Field(default_factory=dict, description="From an incoming to an outgoing, by name.")
    alerts: dict[Name, Any] = Field(default_factory=dict, description="Who is told what needs a person, by name.")


@dataclass(frozen=True, slots=True)
class ClientPlan:
    """A client, checked."""

    name: str
    package: ConnectorPackage
    options: HttpOptions
    target: Target


@dataclass(frozen=True, slots=True)
class IncomingPlan:
    """An incoming, compiled.

    Attributes:
        name: Under which its state is kept: its own, or `routes.<route>` where it is written in place.
        options: What the user wrote.
        call: How it asks for records; None where they are sent to a webhook.
        transformer: Its steps on each record, or None.
        state: How it remembers how far it has read, or None where each run asks for the same.
        schedule: When a worker fetches its records, or None.
        webhook: The address they are sent to, or None where they are asked for.
    """

    name: str
    options: IncomingOptions
    call: CallPlan | None
    transformer: Transformer | None
    state: CursorPlan | WalkPlan | None = None
    schedule: Schedule | None = None
    webhook: WebhookPlan | None = None

    @property
    def source(self) -> str:
        """Where it stands in the configuration: what its tasks say they come from."""
        return f"{self.name}.incoming" if self.name.startswith(INLINE) else f"incoming.{self.name}"


@dataclass(frozen=True, slots=True)
class OutgoingPlan:
    """An outgoing, compiled. `name` is that of its route where it is written in place."""

    name: str
    options: OutgoingOptions
    call: CallPlan
    transformer: Transformer | None


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """A route, compiled."""

    name: str
    options: RouteOptions
    incoming: IncomingPlan | None
    outgoing: OutgoingPlan
    transformer: Transformer | None
    key: Value | None
    retry: RetryPolicy

    @property
    def fetches(self) -> bool:
        """Whether a run can ask for its records: it has an incoming, and that is no webhook."""
        return self.incoming is not None and self.incoming.webhook is None


@dataclass(frozen=True, slots=True)
class Project:
    """A whole configuration, checked and compiled.

    Attributes:
        document: As read, with the position and origin of every value.
        clients: By name.
        incoming: By name; those written inside a route are not listed.
        outgoing: By name; likewise.
        routes: By name.
        alerts: Who is told what needs a person, by name.
        warnings: What is no fault and most likely not meant, in the order found.
    """

    document: Document
    clients: Mapping[str, ClientPlan] = field(default_factory=dict)
    incoming: Mapping[str, IncomingPlan] = field(default_factory=dict)
    outgoing: Mapping[str, OutgoingPlan] = field(default_factory=dict)
    routes: Mapping[str, RoutePlan] = field(default_factory=dict)
    alerts: Mapping[str, AlertPlan] = field(default_factory=dict)
    warnings: tuple[Fault, ...] = ()

    @property
    def scheduled(self) -> dict[str, tuple[str, ...]]:
        """Every incoming that is fetched by itself for some route, with the routes that take its records."""
        fed = {name: self.fed_by(name) for name, plan in self.sources.items() if plan.schedule is not None}
        return {name: tuple(route.name for route in routes) for name, routes in fed.items() if routes}

    @property
    def sources(self) -> dict[str, IncomingPlan]:
        """Every incoming by the name under which its state is kept, those written inside a route included."""
        inline = {route.incoming.name: route.incoming for route in self.routes.values() if route.incoming is not None}
        return {**self.incoming, **inline}

    @property
    def webhooks(self) -> dict[str, IncomingPlan]:
        """Every incoming that is a webhook, by its path under `/hooks`."""
        return {plan.webhook.path: plan for plan in self.sources.values() if plan.webhook is not None}

    def fed_by(self, incoming: str) -> list[RoutePlan]:
        """Return the routes that take the records of an incoming, in the order they are written.

        Args:
            incoming: Under which its state is kept.
        """
        return [plan for plan in self.routes.values() if plan.incoming is not None and plan.incoming.name == incoming]


def load(
    source: str | Path | Mapping[str, Any],
    *,
    environment: Mapping[str, str] | None = None,
    templates: Templates | None = None,
) -> Project:
    """Read and check a configuration.

    Args:
        source: A file, a folder of `*.yaml` files, or a mapping of the same shape.
        environment: Where `${NAME}` is looked up first; the process's own where left out.
        templates: Compiles templates; pass one with a fixed clock in tests.

    Raises:
        ConfigError: At least one fault; all of them are in it, with file, line and column.
    """
    variables = os.environ if environment is None else environment
    if isinstance(source, Mapping):
        document = read_mapping(source, environment=variables)
    else:
        document = read_document(Path(source), environment=variables)
    project = _Compiler(document, templates or Templates()).compile()
    document.faults.raise_if_any()
    return project


class _Compiler:
    """Compiles one document; faults go to the document's collector."""

    def __init__(self, document: Document, templates: Templates) -> None:
        self._document = document
        self._templates = templates
        self._clients: dict[str, ClientPlan] = {}
        self._incoming: dict[str, IncomingPlan] = {}
        self._outgoing: dict[str, OutgoingPlan] = {}
        self._routes: dict[str, RoutePlan] = {}
        self._alerts: dict[str, AlertPlan] = {}
        self._warnings: list[Fault] = []
        self._paths: dict[str, str] = {}

    def compile(self) -> Project:
        """Return the project; it is whole only if no fault was added."""
        root = self._document.place()
        check(RootOptions, root)
        for place in _named(root.child("clients")):
            self._add_client(_name(place), place)
        for place in _named(root.child("incoming")):
            incoming = self._compile_incoming(_name(place), place)
            if incoming is not None:
                self._incoming[incoming.name] = incoming
        for place in _named(root.child("outgoing")):
            outgoing = self._compile_outgoing(_name(place), place)
            if outgoing is not None:
                self._outgoing[outgoing.name] = outgoing
        for place in _named(root.child("routes")):
            self._add_route(_name(place), place)
        for place in _named(root.child("alerts")):
            self._add_alert(_name(place), place)
        self._check_schedules(root)
        return Project(
            self._document,
            self._clients,
            self._incoming,
            self._outgoing,
            self._routes,
            self._alerts,
            tuple(self._warnings),
        )

    def _add_client(self, name: str, place: Place) -> None:
        kind = place.child("connector")
        if place.is_broken or kind.is_broken:
            return
        if not isinstance(place.value, dict):
            place.fault(f"found {describe(place.value)}, accepted is a mapping with keys such as connector, base_url")
            return
        if not kind.is_present:
            place.key_fault(f'the key "connector" is required, but missing, accepted is {_one_of(CONNECTORS)}')
            return
        package = CONNECTORS.get(kind.value) if isinstance(kind.value, str) else None
        if package is None:
            kind.fault(
                f"found {describe(kind.value)}, accepted is {_one_of(CONNECTORS)}",
                did_you_mean(str(kind.value), CONNECTORS),
            )
            return
        options = check(package.options, place)
        if options is not None:
            catalog, dialect = load_catalog(package.name), package.dialect_of(options)
            target = Target(name, catalog, dialect, has_sessions=options.has_sessions)
            self._clients[name] = ClientPlan(name, package, options, target)

    def _compile_incoming(self, name: str, place: Place) -> IncomingPlan | None:
        options = check(IncomingOptions, place)
        if options is None:
            return None
        count = len(place.faults)
        transformer = self._compile_transform(options.transform, place)
        if options.webhook is not None:
            webhook = self._compile_webhook(options.webhook, place.child("webhook"))
            if webhook is None or len(place.faults) > count:
                return None
            written = options.model_copy(update={"webhook": webhook.options})
            return IncomingPlan(name, written, None, transformer, webhook=webhook)
        assert options.subscriber is not None, "it has exactly one of the two"
        known: tuple[str, ...] | None = None
        if options.state is not None:
            known = ("id",) if options.state.walk is not None else ("cursor",)
        call = self._compile_call(options.subscriber, place.child("subscriber"), is_publisher=False, state=known)
        state = None if options.state is None else _compile_state(options.state, place.child("state"))
        schedule = None if options.schedule is None else _compile_schedule(options.schedule, place.child("schedule"))
        if call is None or len(place.faults) > count:
            return None
        if options.state is not None:
            self._check_state(options, call, place)
        return IncomingPlan(name, options, call, transformer, state, schedule)

    def _compile_webhook(self, written: Any, place: Place) -> WebhookPlan | None:
        # Imported here: for the configurations that have one.
        from connector.webhook.options import WebhookOptions  # noqa: PLC0415
        from connector.webhook.plan import compile_webhook  # noqa: PLC0415

        if not isinstance(written, dict):
            place.fault(f"found {describe(written)}, accepted is a mapping with keys such as path and auth")
            return None
        options = check(WebhookOptions, place)
        if options is None:
            return None
        webhook = compile_webhook(options, place)
        taken = self._paths.setdefault(webhook.path, place.where)
        if taken != place.where:
            place.child("path").fault(f"{taken} has this path already, accepted is one of its own")
        if webhook.path.startswith("/hooks/"):
            spot = place.child("path")
            self._warn(
                spot.position,
                spot,
                f"it is served at {webhook.address}",
                f"/hooks stands in front by itself: write {webhook.path.removeprefix('/hooks')} if that is not meant",
            )
        if webhook.is_open:
            spot = place.child("auth")
            self._warn(
                spot.key_position,
                spot,
                f"whoever reaches {webhook.address} may send records",
                "write how the sender shows who it is, or under allow whose addresses may send",
            )
        if webhook.remembers_signatures:
            spot = place.child("delivery_id")
            self._warn(
                spot.key_position,
                spot,
                "the id is not signed: each process by itself refuses a signature that comes with another one",
                "sign it as {delivery}, name one in the body by path, or leave it out",
            )
        return webhook

    def _compile_outgoing(self, name: str, place: Place) -> OutgoingPlan | None:
        options = check(OutgoingOptions, place)
        if options is None:
            return None
        call = self._compile_call(options.publisher, place.child("publisher"), is_publisher=True)
        transformer = self._compile_transform(options.transform, place, has_store=True)
        return None if call is None else OutgoingPlan(name, options, call, transformer)

    def _add_route(self, name: str, place: Place) -> None:
        options = check(RouteOptions, place)
        if options is None:
            return
        incoming: IncomingPlan | None = None
        if options.incoming is not None:
            incoming = self._refer(f"{INLINE}{name}", place.child("incoming"), self._incoming, self._compile_incoming)
        outgoing = self._refer(name, place.child("outgoing"), self._outgoing, self._compile_outgoing)
        transformer = self._compile_transform(options.transform, place, has_store=True)
        key = (
            None
            if options.key is None
            else compile_value(options.key, place.child("key"), self._templates, names=_NAMES)
        )
        if outgoing is None or (options.incoming is not None and incoming is None):
            return
        self._check_marks(transformer, outgoing, options, place)
        if incoming is not None:
            if incoming.call is not None:
                self._check_sessions(incoming.call, outgoing.call, place)
            self._check_key(incoming, outgoing, options, place)
        backoff = options.retry.backoff
        retry = RetryPolicy(options.retry.attempts, backoff.first, backoff.longest)
        self._routes[name] = RoutePlan(name, options, incoming, outgoing, transformer, key, retry)

    def _add_alert(self, name: str, place: Place) -> None:
        # Imported here: a few milliseconds of every start, for the configurations that have one.
        from connector.alert.options import AlertOptions  # noqa: PLC0415
        from connector.alert.plan import compile_alert  # noqa: PLC0415

        options = check(AlertOptions, place)
        if options is None:
            return
        known = self._document.place("routes").value
        for number, route in enumerate(options.routes or ()):
            if self._document.is_complete and route not in (known or {}):
                listed = ", ".join(known or ()) or "none"
                place.child("routes", number).fault(
                    f'no route is called "{route}", there are: {listed}', did_you_mean(route, known or ())
                )
        self._alerts[name] = compile_alert(name, options)

    def _check_sessions(self, incoming: CallPlan, outgoing: CallPlan, place: Place) -> None:
        """Report a route that would wait for itself: its incoming keeps the only session while its records go out."""
        client = incoming.target.client
        is_kept = incoming.paging.is_paged and incoming.is_stateful
        if is_kept and client == outgoing.target.client and self._clients[client].options.sessions == 1:
            place.fault(
                f"the incoming keeps the one session of {client} from its first page to its last, so nothing could be "
                f"sent in between; accepted are 2 or more under clients.{client}.sessions"
            )

    def _check_key(self, incoming: IncomingPlan, outgoing: OutgoingPlan, options: RouteOptions, place: Place) -> None:
        """Report a route without a key where records come twice, and warn where they could."""
        if options.key is None and incoming.state is not None:
            place.key_fault(
                f'the key "key" is required, but missing: {incoming.source} has a state, so that the same record can '
                "come twice",
                'write what tells one record from another, such as key: "{{ record.id }}"',
            )
        elif options.key is None and outgoing.call.doubles and not (incoming.webhook and incoming.webhook.window_ms):
            self._warn(
                place.key_position,
                place,
                f"a record that {'is fetched' if incoming.webhook is None else 'comes'} twice is sent twice",
                'give it a key, such as key: "{{ record.id }}"',
            )
        overlap, kept = incoming.options.state and incoming.options.state.overlap, options.retention.finished
        if isinstance(overlap, timedelta) and isinstance(kept, timedelta) and overlap >= kept:
            self._warn(
                place.child("retention", "finished").position,
                place.child("retention", "finished"),
                f"sent records are forgotten after {format_duration(kept)}, while {incoming.source} reads those of the "
                f"last {format_duration(overlap)} again: they would be sent twice",
                "keep them for longer than the overlap",
            )

    def _check_state(self, options: IncomingOptions, call: CallPlan, place: Place) -> None:
        """Report a walk that cannot be walked; warn of a cursor that comes to nothing."""
        assert options.state is not None
        spot = place.child("state")
        if options.state.walk is not None:
            if call.paging.is_paged:
                place.child("subscriber", "pagination").fault(
                    "a walk asks for one id at a time, accepted is pagination: none"
                )
            if not call.uses_state:
                place.child("subscriber").key_fault(
                    "nothing says which id to ask for", "put {{ state.id }} into the subscriber's data"
                )
            return
        if not call.uses_state:
            self._warn(
                spot.key_position,
                spot,
                "a cursor is kept, and nothing asks for it: each run reads everything",
                "put {{ state.cursor }} into the subscriber's data",
            )
        cut = [key for key in ("max_pages", "max_records") if place.child("subscriber", "pagination", key).is_present]
        if cut and options.state.order == "any":
            pages = place.child("subscriber", "pagination", cut[0])
            self._warn(
                pages.key_position,
                pages,
                f"the cursor moves when the last page was read, and a run that {cut[0]} ends has not come to it",
                "write order: ascending under state where the records come sorted, or leave it out",
            )

    def _check_schedules(self, root: Place) -> None:
        """Warn of an incoming that a worker would fetch for nobody, or that takes nothing."""
        fed = {route.incoming.name for route in self._routes.values() if route.incoming is not None}
        for name, incoming in self._incoming.items():
            if name in fed or root.faults:
                continue
            if incoming.schedule is not None:
                spot = root.child("incoming", name, "schedule")
                self._warn(spot.key_position, spot, "no route takes its records, so a worker fetches none", None)
            if incoming.webhook is not None:
                spot = root.child("incoming", name, "webhook")
                self._warn(spot.key_position, spot, "no route takes its records, so what is sent is refused", None)

    def _warn(self, position: Position, place: Place, message: str, hint: str | None) -> None:
        self._warnings.append(Fault(position.file, position.line, position.column, place.where, message, hint))

    def _refer(
        self, name: str, place: Place, known: Mapping[str, P], compile_inline: Callable[[str, Place], P | None]
    ) -> P | None:
        """Return what a route's `incoming` or `outgoing` names, or what is written there in place."""
        value = place.value
        if isinstance(value, dict):
            return compile_inline(name, place)
        if not isinstance(value, str):
            place.fault(f"found {describe(value)}, accepted is a name, or the keys of one written in place")
            return None
        if value not in known:
            self._report_unknown(str(place.keys[-1]), value, place)
        return known.get(value)

    def _compile_call(
        self, options: CallOptions, place: Place, *, is_publisher: bool, state: Iterable[str] | None = None
    ) -> CallPlan | None:
        client = self._clients.get(options.client)
        if client is None:
            self._report_unknown("client", options.client, place.child("client"))
            return None
        return compile_call(
            options,
            place,
            target=client.target,
            templates=self._templates,
            is_publisher=is_publisher,
            warnings=self._warnings,
            state=state,
        )

    def _report_unknown(self, kind: str, name: str, place: Place) -> None:
        """Report a name that nothing has, unless its bearer was found faulty, or may stand in what cannot be read."""
        written = self._document.place(_SECTIONS[kind]).value
        is_known = self._document.is_complete and isinstance(written, dict | None) and not place.is_broken
        if is_known and name not in (written or {}):
            listed = ", ".join(written or ()) or "none"
            hint = did_you_mean(name, written or ()) or self._suggest_folder()
            place.fault(f'no {kind} is called "{name}", there are: {listed}', hint)

    def _suggest_folder(self) -> str | None:
        """Return how to read the files beside the one that was named, which most likely has to do with them."""
        if not self._document.neighbours:
            return None
        folder = Path(self._document.name).parent
        return f"this is one file of {folder}{os.sep}: name the folder to read all of its files"

    def _check_marks(
        self, transformer: Transformer | None, outgoing: OutgoingPlan, options: RouteOptions, place: Place
    ) -> None:
        """Report steps `changed` that would find each other's marks, and warn of one that sees each key once."""
        own = {} if transformer is None else transformer.marks
        further = {} if outgoing.transformer is None else outgoing.transformer.marks
        for marks in sorted(own.keys() & further.keys()):
            place.child("transform").fault(
                f"a step changed of the route keeps its marks in {marks}, and so does one of its outgoing, which would "
                "find those of the first, and let nothing through",
                "give each a store of its own, or leave one out",
            )
        keys = {"".join(key.split()) for key in (*own.values(), *further.values())}
        if options.on_duplicate == "skip" and "".join(str(options.key).split()) in keys:
            self._warn(
                place.key_position,
                place,
                "the step changed sees the first record of each key alone: the route leaves out what has a key that it "
                "knows already",
                "write on_duplicate: update",
            )

    def _compile_transform(self, steps: list[Any], place: Place, *, has_store: bool = False) -> Transformer | None:
        if not steps:
            return None
        return compile_transform(place.child("transform"), self._templates, names=_NAMES, has_store=has_store)


def _compile_state(options: StateOptions, place: Place) -> CursorPlan | WalkPlan | None:
    # Imported here, as the next: a millisecond each of every start, for the incomings that have one.
    from connector.subscriber.cursor import compile_cursor  # noqa: PLC0415
    from connector.subscriber.walk import WalkPlan  # noqa: PLC0415

    if options.walk is not None:
        return WalkPlan.from_options(options.walk, place.child("walk").where)
    return compile_cursor(options, place)


def _compile_schedule(options: ScheduleOptions, place: Place) -> Schedule | None:
    from connector.subscriber.schedule import compile_schedule  # noqa: PLC0415

    return compile_schedule(options, place)


def _named(section: Place) -> Iterable[Place]:
    """Return the places of a section's names; none where it is no mapping, which was reported as such."""
    return section.children() if isinstance(section.value, dict) else ()


def _one_of(names: Iterable[str]) -> str:
    return f"one of {', '.join(names)}"


def _name(place: Place) -> str:
    return str(place.keys[-1])
