"""The shop's tables: everything a request or a control can change.

One request runs at a time, without a break between reading and writing, so there are no locks. Rows are plain mutable
records; who changes them is the code that plays the shop, and nothing else.
"""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import takewhile
from typing import Any, Protocol

from connector.sandbox.shop.seed import (
    CouponSeed,
    CustomerSeed,
    CustomField,
    OptionSeed,
    OptionValueSeed,
    ProductSeed,
    Seed,
    VoucherSeed,
)

SESSION_LIFETIME_S = 1440
"""How long session data lives after its last use: PHP's ``session.gc_maxlifetime``."""

TOKEN_LIFETIME_S = 3600
"""How long an API token lives after its last use."""

CART_LIFETIME_S = 3600
"""How long a cart line lives after it was added, however busy its session is."""


class Clock:
    """The shop's clock: real time, and what a control moved it forward by."""

    def __init__(self) -> None:
        self.shift_s = 0.0

    def now(self) -> float:
        """Return seconds since the epoch."""
        return time.time() + self.shift_s

    def stamp(self) -> str:
        """Return now as the database writes it, in UTC."""
        return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(self.now()))


@dataclass(slots=True)
class ApiUserRow:
    """A user of the API."""

    api_id: int
    username: str
    key: str
    is_enabled: bool
    ips: list[str]


@dataclass(slots=True)
class TokenRow:
    """A token given out by a log-in. ``used_at`` is its last use, in seconds since the epoch.

    A token names a session, and from 3.0 on it is the session's id. ``kept_in`` is the row of the session table that
    holds the session's data: in 2.3 that is the row of the browser's session, which may hold several of these.
    """

    api_id: int
    token: str
    session_id: str
    kept_in: str
    used_at: float


@dataclass(slots=True)
class SessionRow:
    """A session's data as JSON text, and when it ends."""

    data: str
    expires_at: float


@dataclass(slots=True)
class CartRow:
    """One line of a cart. ``option`` is JSON text.

    Whose line it is, three things say: ``realm`` (the API user, or from 4.1 on the store), customer and session.
    ``price`` is one that stands whatever the product costs, None for none.
    """

    cart_id: int
    realm: int
    customer_id: int
    session_id: str
    product_id: int
    option: str
    quantity: int
    added_at: float
    subscription_plan_id: int = 0
    price: Decimal | None = None

    @property
    def owner(self) -> tuple[int, int, str]:
        """Whose line it is."""
        return self.realm, self.customer_id, self.session_id


@dataclass(slots=True)
class ProductRow:
    """What can change of a product, beside what cannot."""

    seed: ProductSeed
    quantity: int
    is_enabled: bool
    price: str
    minimum: int


@dataclass(slots=True)
class OptionValueRow:
    """What can change of an option's value, beside what cannot, and the option it belongs to."""

    seed: OptionValueSeed
    option: OptionSeed
    quantity: int


@dataclass(slots=True)
class CustomerRow:
    """A registered customer."""

    seed: CustomerSeed
    is_enabled: bool


@dataclass(slots=True)
class CouponRow:
    """A coupon."""

    seed: CouponSeed
    is_enabled: bool = True


@dataclass(slots=True)
class VoucherRow:
    """A gift voucher; ``order_id`` is the order that sold it, 0 for none."""

    voucher_id: int
    code: str
    amount: Decimal
    is_enabled: bool
    order_id: int = 0
    voucher_theme_id: int = 8
    details: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class HistoryRow:
    """An amount an order took from a coupon or a gift voucher, or points it took from a customer."""

    owner_id: int
    order_id: int
    customer_id: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class OrderOptionRow:
    """An option of a line of an order; ``product_option_value_id`` is 0 for one without a list of values."""

    product_option_id: int
    product_option_value_id: int
    name: str
    value: str
    kind: str


@dataclass(slots=True)
class OrderLineRow:
    """A product of an order, its price without tax; ``subscription_plan_id`` is 0 for one bought once."""

    product_id: int
    name: str
    model: str
    quantity: int
    price: Decimal
    total: Decimal
    tax: Decimal
    reward: int
    subscription_plan_id: int = 0
    options: list[OrderOptionRow] = field(default_factory=list)


@dataclass(slots=True)
class OrderTotalRow:
    """A line of an order's totals, in the base currency."""

    code: str
    title: str
    value: Decimal
    sort_order: int


@dataclass(slots=True)
class OrderHistoryRow:
    """An entry of an order's history."""

    order_status_id: int
    notify: int
    comment: str
    added: str


@dataclass(slots=True)
class OrderRow:
    """An order: its columns as the database gives them back, and its parts."""

    order_id: int
    columns: dict[str, str]
    order_status_id: int = 0
    lines: list[OrderLineRow] = field(default_factory=list)
    voucher_ids: list[int] = field(default_factory=list)
    totals: list[OrderTotalRow] = field(default_factory=list)
    history: list[OrderHistoryRow] = field(default_factory=list)

    @property
    def customer_id(self) -> int:
        """The customer the order names, 0 for a guest."""
        return int(self.columns["customer_id"])


@dataclass(slots=True)
class PhpConfiguration:
    """PHP's own settings: whether it displays errors itself, and how much output it holds back (0 for none)."""

    display_errors: bool = False
    output_buffering: int = 4096


class AgingTable(Protocol):
    """A table whose rows end with time."""

    def age(self, seconds: float, row: TokenRow | None = None) -> None:
        """Make rows older: all of them, or those of one token."""
        ...


class CartTable:
    """Cart lines, found by owner; the oldest is the first to go."""

    _INDEX_COST = 6
    _INDEX_HEAD_START = 14
    _SWEPT_AFTER_S = 1.0
    _SWEPT_AT_ONCE = 127

    def __init__(self) -> None:
        self._rows: dict[int, CartRow] = {}
        self._owners: dict[tuple[int, int, str], list[CartRow]] = {}
        self._last_id = 0
        self._deleted: deque[tuple[float, tuple[int, int, str]]] = deque(maxlen=self._SWEPT_AT_ONCE)

    def __iter__(self) -> Iterator[CartRow]:
        return iter(self._rows.values())

    def list_of(self, owner: tuple[int, int, str]) -> list[CartRow]:
        """Return an owner's lines in the order the database finds them.

        The shop asks for none, so the database's plan decides: by product where it goes through the index, by age
        where it finds it cheaper to read the whole table, which is so for carts that make up much of it. Where the one
        turns into the other was found by asking MariaDB 10.11 for its plans; a deleted line weighs in its index until
        it is swept out, within a second.
        """
        rows = self._owners.get(owner, [])
        swept_before = time.monotonic() - self._SWEPT_AFTER_S
        while self._deleted and self._deleted[0][0] < swept_before:
            self._deleted.popleft()
        unswept = sum(1 for _, deleted in self._deleted if deleted == owner)
        weight = min(len(self._rows), len(rows) + unswept)
        is_by_index = len(self._rows) >= self._INDEX_COST * weight - self._INDEX_HEAD_START
        return sorted(rows, key=lambda row: (row.product_id if is_by_index else 0, row.cart_id))

    def find(self, owner: tuple[int, int, str], cart_id: int) -> CartRow | None:
        """Return one line, if it is the owner's."""
        row = self._rows.get(cart_id)
        return row if row and row.owner == owner else None

    def add(
        self,
        owner: tuple[int, int, str],
        product_id: int,
        option: str,
        quantity: int,
        now: float,
        subscription_plan_id: int = 0,
        price: Decimal | None = None,
    ) -> None:
        """Add a line under the next id."""
        self._last_id += 1
        self._keep(CartRow(self._last_id, *owner, product_id, option, quantity, now, subscription_plan_id, price))

    def _keep(self, row: CartRow) -> None:
        self._rows[row.cart_id] = row
        self._owners.setdefault(row.owner, []).append(row)

    def remove(self, row: CartRow) -> None:
        """Remove a line."""
        self._deleted.append((time.monotonic(), row.owner))
        del self._rows[row.cart_id]
        mine = self._owners[row.owner]
        mine.remove(row)
        if not mine:
            del self._owners[row.owner]

    def move(self, row: CartRow, owner: tuple[int, int, str], now: float) -> None:
        """Give a line to another owner, as if it had been added just now."""
        self.remove(row)
        row.realm, row.customer_id, row.session_id = owner
        row.added_at = now
        self._keep(row)

    def purge(self, before: float, *, spares_customers: bool = False) -> None:
        """Remove the lines added before an instant: all of them, or those of nobody who is registered."""
        old = takewhile(lambda row: row.added_at < before, self._rows.values())
        for row in [row for row in old if not (spares_customers and row.customer_id)]:
            self.remove(row)

    def age(self, seconds: float, row: TokenRow | None = None) -> None:
        """Make lines older: all of them, or those of one token."""
        for one in self._rows.values():
            if row is None or row.session_id.lower() == one.session_id:
                one.added_at -= seconds
        self._rows = dict(sorted(self._rows.items(), key=lambda entry: entry[1].added_at))


class TokenTable:
    """API tokens by session id, the one unused for longest first."""

    def __init__(self) -> None:
        self._rows: dict[str, TokenRow] = {}

    def __iter__(self) -> Iterator[TokenRow]:
        return iter(self._rows.values())

    def add(self, row: TokenRow) -> None:
        """Note a token just given out."""
        self._rows[row.token.lower()] = row

    def find(self, token: str) -> TokenRow | None:
        """Return a token's row; the database minds neither its case nor blanks at its end."""
        return self._rows.get(token.rstrip(" ").lower())

    def touch(self, row: TokenRow, now: float) -> None:
        """Note a use."""
        row.used_at = now
        self._rows[row.token.lower()] = self._rows.pop(row.token.lower())

    def remove(self, token: str | None = None) -> None:
        """Forget one token, or all."""
        if token is None:
            self._rows.clear()
        else:
            self._rows.pop(token.lower(), None)

    def purge(self, before: float) -> None:
        """Forget the tokens last used before an instant."""
        while self._rows and (oldest := next(iter(self._rows.values()))).used_at < before:
            self.remove(oldest.token)

    def age(self, seconds: float, row: TokenRow | None = None) -> None:
        """Make last uses older: of all tokens, or of one."""
        for one in self._rows.values():
            if row is None or row is one:
                one.used_at -= seconds
        self._rows = dict(sorted(self._rows.items(), key=lambda entry: entry[1].used_at))


class SessionTable:
    """Session data by session id; expired data is dropped from time to time."""

    _SWEEP_EVERY = 512

    def __init__(self) -> None:
        self._rows: dict[str, SessionRow] = {}
        self._writes = 0

    def read(self, session_id: str, now: float) -> str | None:
        """Return a session's data, or None when there is none that is still good."""
        row = self._rows.get(session_id.lower())
        return row.data if row and row.expires_at > now else None

    def write(self, session_id: str, data: str, now: float, lifetime_s: float = SESSION_LIFETIME_S) -> None:
        """Store a session's data for another lifetime; the column holds 32 characters of its id."""
        self._rows[session_id[:32].lower()] = SessionRow(data, now + lifetime_s)
        self._writes += 1
        if self._writes % self._SWEEP_EVERY == 0:
            self._rows = {key: row for key, row in self._rows.items() if row.expires_at > now}

    def age(self, seconds: float, row: TokenRow | None = None) -> None:
        """Bring the end nearer: of all sessions, or of the one that keeps a token's data."""
        for key, one in self._rows.items():
            if row is None or row.kept_in.lower() == key:
                one.expires_at -= seconds


@dataclass(frozen=True, slots=True)
class CallNote:
    """One call the shop answered, for those who watch: its route, status and the kind of body."""

    method: str
    route: str
    status: int


class Shop:
    """All tables of one practice shop.

    Args:
        seed: What a reset goes back to.
        base_url: The shop's own address, without a slash at the end; orders carry it.
        settings: Settings that differ from the seed's, for good: a reset goes back to them.
        php: PHP's own settings; a reset goes back to them too.
    """

    def __init__(
        self,
        seed: Seed,
        base_url: str,
        settings: dict[str, Any] | None = None,
        php: PhpConfiguration | None = None,
    ) -> None:
        self.seed = seed
        self.base_url = base_url
        self._start_settings = {**seed.settings, **(settings or {})}
        self._start_php = php or PhpConfiguration()
        self.reset()

    def restore(self) -> None:
        """Take every switch back, and leave alone what has happened: orders, stock, carts, sessions, the clock."""
        self.settings: dict[str, Any] = dict(self._start_settings)
        self.php = replace(self._start_php)
        self.is_database_up = True
        self.is_mail_broken = False
        self.custom_fields: list[CustomField] = []
        self.users = [
            ApiUserRow(user.api_id, user.username, user.key, user.is_enabled, list(user.ips))
            for user in self.seed.users
        ]

    def reset(self) -> None:
        """Go back to the seed: no orders, carts or sessions, ids start at 1."""
        self.restore()
        self.clock = Clock()
        self.products = {
            seed.product_id: ProductRow(seed, seed.quantity, seed.is_enabled, seed.price, seed.minimum)
            for seed in self.seed.products
        }
        self.option_values = {
            value.product_option_value_id: OptionValueRow(value, option, value.quantity)
            for product in self.seed.products
            for option in product.options
            for value in option.values
        }
        self.customers = {seed.customer_id: CustomerRow(seed, seed.is_enabled) for seed in self.seed.customers}
        self.rewards = [
            HistoryRow(seed.customer_id, 0, seed.customer_id, Decimal(seed.points))
            for seed in self.seed.customers
            if seed.points
        ]
        self.coupons = [CouponRow(seed) for seed in self.seed.coupons]
        self.coupon_history: list[HistoryRow] = []
        self.vouchers = {seed.voucher_id: _build_voucher(seed) for seed in self.seed.vouchers}
        self.voucher_history: list[HistoryRow] = []
        self.tokens = TokenTable()
        self.sessions = SessionTable()
        self.cart = CartTable()
        self.orders: dict[int, OrderRow] = {}
        self.last_order_id = 0
        self.calls: deque[CallNote] = deque(maxlen=1000)

    def add_voucher(self, row: VoucherRow) -> int:
        """Store a gift voucher under the next id and return it."""
        row.voucher_id = next(reversed(self.vouchers), 0) + 1
        self.vouchers[row.voucher_id] = row
        return row.voucher_id

    def setting(self, key: str) -> Any:
        """Return a setting, None when the shop has none of that name."""
        return self.settings.get(key)

    def list_setting(self, key: str) -> list[str]:
        """Return a setting that is a list, empty when there is none."""
        value = self.settings.get(key)
        return value if isinstance(value, list) else []


def _build_voucher(seed: VoucherSeed) -> VoucherRow:
    return VoucherRow(seed.voucher_id, seed.code, Decimal(seed.amount), seed.is_enabled)
