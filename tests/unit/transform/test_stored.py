"""The steps that work with the value store: what they ask for, what they want kept, and for which record."""

# ruff: noqa: E501  # messages are compared whole, each on its line
from datetime import date
from decimal import Decimal

import pytest

from connector.config.place import Place
from connector.errors import TransformError
from connector.record_codec import decode_value, encode_value
from connector.transform.ledger import MOST_ROUNDS, Put
from connector.transform.mark import make_mark
from connector.transform.step import VALUES
from connector.transform.template import Templates
from connector.transform.transformer import Transformer, compile_transform
from tests.unit.transform.conftest import settle

PRICE = {"sku": "A-1", "price": Decimal("12.50"), "stock": 3}
GET = {"store.get": {"store": "prices", "key": "{{ record.sku }}", "into": "kept", "optional": True}}
PUT = {"store.put": {"store": "prices", "key": "{{ record.sku }}", "from": "$.price"}}
CHANGED = {"changed": "{{ record.sku }}"}


@pytest.fixture
def run(compile_steps):
    """Run steps on a record over a store, and return the records with what is to be kept."""

    def _run(*steps, record=PRICE, kept=None):
        content = {pair: encode_value(value) for pair, value in (kept or {}).items()}
        return settle(compile_steps(*steps).ask(record), content)

    return _run


@pytest.fixture
def shape(run):
    """Run steps on a record over a store, and return the only record."""

    def _shape(*steps, record=PRICE, kept=None):
        (shaped,) = run(*steps, record=record, kept=kept)
        return shaped.record

    return _shape


@pytest.fixture
def fail(run):
    """Run steps that cannot be carried out, and return the error's text."""

    def _fail(*steps, record=PRICE, kept=None):
        with pytest.raises(TransformError) as caught:
            run(*steps, record=record, kept=kept)
        return str(caught.value)

    return _fail


@pytest.fixture
def ask(compile_steps):
    """Return what the steps ask for, round by round, of a store that has these values."""

    def _ask(*steps, record, kept=None):
        asking = compile_steps(*steps).ask(record)
        rounds = []
        try:
            rounds.append(next(asking))
            while True:
                rounds.append(asking.send({pair: encode_value(value) for pair, value in (kept or {}).items()}))
        except StopIteration:
            return rounds

    return _ask


def unpack(shaped):
    """Return what is to be kept for a record, decoded, by store and key."""
    return {(put.store, put.key): decode_value(put.value) for put in shaped.puts}


# store.get


@pytest.mark.parametrize("value", [Decimal("9.50"), "text", 7, None, [1, {"a": date(2026, 7, 1)}], True], ids=repr)
def test_get_reads_a_value_with_its_type(shape, value):
    """What was kept comes back as it was."""
    assert shape(GET, kept={("prices", "A-1"): value})["kept"] == value


def test_get_writes_into_a_path(shape):
    """Objects on the way are made."""
    step = {"store.get": {**GET["store.get"], "into": "$.old.price"}}

    assert shape(step, kept={("prices", "A-1"): 5})["old"] == {"price": 5}


def test_get_of_nothing_may_be_optional_or_replaced(shape):
    """`optional` leaves the record as it is; `default` fills the field, with templates, null included."""
    options = {**GET["store.get"], "optional": False}

    assert shape(GET) == PRICE
    assert shape({"store.get": {**options, "default": "{{ record.stock }}"}})["kept"] == "3"
    assert shape({"store.get": {**options, "default": None}})["kept"] is None


def test_get_of_nothing_is_an_error(fail):
    """A value that nobody kept is told with its key and store."""
    step = {"store.get": {**GET["store.get"], "optional": False}}

    assert (
        fail(step)
        == 'transform[0]["store.get"]: nothing is kept under "A-1" in prices; write optional: true or a default where that may be'
    )


def test_a_personal_key_is_not_shown(fail):
    """A key made of a personal field is told by its length."""
    step = {"store.get": {"store": "people", "key": "{{ record.email }}", "into": "seen"}}

    assert "nothing is kept under text of 15 characters in people" in fail(step, record={"email": "ann@example.com"})


def test_what_cannot_be_read_is_an_error(compile_steps):
    """What somebody else wrote into the store is told, with its place."""
    asking = compile_steps(GET).ask(PRICE)

    with pytest.raises(TransformError, match='what is kept under "A-1" in prices cannot be read'):
        settle(asking, {("prices", "A-1"): b"no json"})


# store.put


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ({"value": "{{ record.price }}"}, "12.50"),
        ({"value": {"value": "{{ record.price }}", "type": "decimal"}}, Decimal("12.50")),
        ({"value": {"sku": "{{ record.sku }}", "tags": ["a", 1]}}, {"sku": "A-1", "tags": ["a", 1]}),
        ({"value": None}, None),
        ({"from": "$.price"}, Decimal("12.50")),
        ({"from": "$"}, PRICE),
        ({"from": "$.*"}, ["A-1", Decimal("12.50"), 3]),
    ],
    ids=str,
)
def test_put_wants_a_value_kept(run, source, value):
    """A value is written as in `set`, a path keeps the type; the record stays as it is."""
    (shaped,) = run({"store.put": {"store": "prices", "key": "{{ record.sku }}", **source}})

    assert shaped.record == PRICE
    assert unpack(shaped) == {("prices", "A-1"): value}


def test_put_of_a_missing_field_may_be_optional(run, fail):
    """Without `optional` a missing field is an error; with it nothing is kept, not even a key is made."""
    step = {"store.put": {"store": "prices", "key": "{{ record.nope }}", "from": "$.no[*]", "optional": True}}

    assert run(step)[0].puts == ()
    assert "there is no" in fail({"store.put": {**step["store.put"], "optional": False}})


def test_what_cannot_be_kept_is_an_error(fail):
    """A value that is no JSON is told where it is put."""
    assert fail(PUT, record={"sku": "A-1", "price": object()}) == (
        'transform[0]["store.put"]: the record holds a Python object, which cannot be kept'
    )


def test_a_record_reads_what_it_put(shape):
    """What an earlier step put is read before what the store has."""
    assert shape(PUT, GET, kept={("prices", "A-1"): 5})["kept"] == Decimal("12.50")


def test_a_record_asks_for_nothing_that_it_put(ask):
    """Nothing is fetched for it."""
    assert ask(PUT, GET, record=PRICE) == []


# changed


def test_the_first_of_a_key_comes_through(run):
    """A record whose key was never sent is let through, and its mark is to be kept."""
    (shaped,) = run(CHANGED)

    assert shaped.record == PRICE
    assert unpack(shaped) == {("changed:transform", "A-1"): make_mark(PRICE)}


def test_what_was_sent_before_is_left_out(run):
    """A record that is what was last sent under its key is left out, however its numbers are written."""
    kept = {("changed:transform", "A-1"): make_mark({"stock": 3.0, "price": 12.5, "sku": "A-1"})}

    assert run(CHANGED, kept=kept) == ()


def test_what_differs_comes_through(run):
    """A record that differs is let through, with a new mark."""
    kept = {("changed:transform", "A-1"): make_mark({**PRICE, "stock": 2})}

    (shaped,) = run(CHANGED, kept=kept)

    assert unpack(shaped) == {("changed:transform", "A-1"): make_mark(PRICE)}


def test_only_paths_that_count_are_compared(run):
    """`of` says what counts as a change."""
    step = {"changed": {"key": "{{ record.sku }}", "of": ["$.price", "$.sizes[*]"]}}
    record = {**PRICE, "sizes": [1, 2]}
    (first,) = run(step, record=record)
    kept = unpack(first)

    assert run(step, record={**record, "stock": 99}, kept=kept) == ()
    assert len(run(step, record={**record, "price": 13}, kept=kept)) == 1
    assert len(run(step, record={**record, "sizes": [1]}, kept=kept)) == 1


def test_a_path_that_is_not_there_is_an_error(fail):
    """A slip of the pen would say of every record that nothing changed."""
    message = fail({"changed": {"key": "{{ record.sku }}", "of": ["$.prise"]}})

    assert message.startswith("transform[0].changed.of[0]: $.prise is missing")
    assert message.endswith('did you mean "price"?')


def test_a_field_that_may_be_missing_counts(run):
    """With `optional`, a field that goes away is a change, and so is null in its place."""
    step = {"changed": {"key": "{{ record.sku }}", "of": ["$.price"], "optional": True}}
    marks = [unpack(*run(step, record={"sku": "A-1", **rest})) for rest in ({"price": 1}, {"price": None}, {})]

    assert len({str(mark) for mark in marks}) == 3


def test_marks_have_a_store_of_their_own(run):
    """A name given by `store` keeps marks apart from values of that name."""
    (shaped,) = run({"changed": {"key": "{{ record.sku }}", "store": "prices"}}, PUT)

    assert list(unpack(shaped)) == [("changed:prices", "A-1"), ("prices", "A-1")]


def test_what_cannot_be_compared_is_an_error(fail):
    """A number that is not finite is told, without its record."""
    assert fail(CHANGED, record={"sku": "A-1", "price": float("nan")}) == (
        "transform[0].changed: a number is not a finite number"
    )


# keys


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("", "the key is empty, and all records without one would share what is kept; leave such records out with a filter ahead of it"),
        ("x" * 501, "the key has 501 characters, and 500 are the most; leave such records out with a filter ahead of it"),
        ("a\x00b", "the key holds a character that databases do not keep; leave such records out with a filter ahead of it"),
        ("\ud800", "the key holds a character that databases do not keep; leave such records out with a filter ahead of it"),
    ],
    ids=["empty", "long", "null", "surrogate"],
)  # fmt: skip
@pytest.mark.parametrize("step", [GET, PUT, CHANGED], ids=lambda step: next(iter(step)))
def test_what_is_no_key_is_an_error(fail, step, key, message):
    """A key that all would share, or that a database refuses, is told before anything is sent."""
    assert fail(step, record={**PRICE, "sku": key}).endswith(f": {message}")


def test_a_key_may_be_fixed(shape):
    """A value that all records share has a key without a template."""
    step = {"store.get": {"store": "rates", "key": "GBP", "into": "rate"}}

    assert shape(step, kept={("rates", "GBP"): 2})["rate"] == 2


# the conversation


def test_nothing_is_asked_without_such_a_step(ask):
    """A list without steps of the store is done at once."""
    assert ask({"set": {"a": 1}}, record={}) == []


def test_what_is_needed_is_asked_for_once(ask):
    """Steps one after another ask one after another, and never again for what is known."""
    rounds = ask(GET, CHANGED, GET, record=PRICE, kept={("prices", "A-1"): 5})

    assert rounds == [{("prices", "A-1")}, {("changed:transform", "A-1")}]


def test_what_stands_side_by_side_is_asked_for_together(ask):
    """Records of one split, and parts of one `each`, cost one question, however many they are."""
    lines = [{"sku": f"A-{number}", "price": 1} for number in range(3)]
    wanted = [{("prices", "A-0"), ("prices", "A-1"), ("prices", "A-2")}]

    assert ask({"split": "$.lines[*]"}, GET, record={"lines": lines}) == wanted
    assert ask({"each": {"path": "$.lines[*]", "transform": [GET]}}, record={"lines": lines}) == wanted


def test_a_key_may_be_made_of_a_stored_value(ask):
    """A value that is needed to know which to ask for is asked for first."""
    second = {"store.get": {"store": "rates", "key": "{{ record.kept }}", "into": "rate", "default": None}}

    rounds = ask(GET, second, record=PRICE, kept={("prices", "A-1"): "GBP"})

    assert rounds == [{("prices", "A-1")}, {("rates", "GBP")}]


def test_what_fails_beside_a_question_waits_for_the_answer(run):
    """A record that fails for want of what the one beside it would have put is tried again with the answer."""
    record = {"lines": [{"sku": "A", "next": "B"}, {"sku": "B", "next": "C"}]}
    steps = [
        {"store.get": {"store": "chain", "key": "B", "into": "known", "default": None}},
        {"split": "$.lines[*]"},
        {"store.get": {"store": "chain", "key": "{{ record.sku }}", "into": "seen"}},
        {"store.put": {"store": "chain", "key": "{{ record.next }}", "value": "{{ record.seen }}!"}},
    ]

    shaped = run(*steps, record=record, kept={("chain", "A"): "hello"})

    assert [one.record["seen"] for one in shaped] == ["hello", "hello!"]


def test_a_real_failure_is_told_at_once(fail):
    """Where nothing is asked, the first record that fails ends it."""
    step = {"set": {"x": "{{ record.nope }}"}}

    assert "record.nope is missing" in fail({"split": "$.lines[*]"}, step, PUT, record={"lines": [{}, {}]})


def test_keys_that_are_never_the_same_end_it():
    """A key made of a new identifier every time would be asked for without end."""
    templates = Templates(make_uuid=iter(map(str, range(10**6))).__next__)
    place = Place.detached(
        "transform", [{"store.get": {"store": "odd", "key": "{{ uuid() }}", "into": "x", "default": 1}}]
    )
    transformer = compile_transform(place, templates, has_store=True)

    with pytest.raises(TransformError) as caught:
        settle(transformer.ask({}))

    assert str(caught.value) == (
        f"after {MOST_ROUNDS} times the steps still ask for other values of odd; "
        "leave now() and uuid() out of the keys: they are never the same twice"
    )


def test_without_a_store_a_record_fails(compile_steps):
    """A run that stores nothing cannot carry the steps out, and says so."""
    for step in (GET, PUT, CHANGED):
        with pytest.raises(TransformError) as caught:
            compile_steps(step).apply(PRICE)

        assert caught.value.message == "the value store is not there: this run stores nothing"
        assert caught.value.cure == "run it without --no-store"


def test_templates_cannot_speak_of_the_store():
    """The store stands in the context under a name that no template can write."""
    assert not VALUES.isidentifier()


# for which record


def test_each_record_has_what_its_own_way_put(run):
    """What a record of a split wants kept is its own; what was put ahead of the split belongs to all."""
    first = {"store.put": {"store": "orders", "key": "{{ record.id }}", "value": "sent"}}
    record = {"id": 7, "lines": [{"sku": "A", "price": 1}, {"sku": "B", "price": 2}]}

    shaped = run(first, {"split": "$.lines[*]"}, PUT, record=record)

    assert [list(unpack(one)) for one in shaped] == [
        [("orders", "7"), ("prices", "A")],
        [("orders", "7"), ("prices", "B")],
    ]


@pytest.mark.parametrize(
    "steps",
    [
        [{"split": "$.lines[*]"}, CHANGED, {"filter": "{{ record.stock > 0 }}"}],
        [{"if": {"when": True, "then": [{"split": "$.lines[*]"}, CHANGED]}}, {"filter": "{{ record.stock > 0 }}"}],
        [{"split": "$.lines[*]"}, {"if": {"when": True, "then": [CHANGED, {"filter": "{{ record.stock > 0 }}"}]}}],
    ],
    ids=["in a row", "behind a branch", "within a branch"],
)
def test_what_is_left_out_is_not_remembered(run, steps):
    """A record that a filter leaves out behind `changed` has no mark, though the one beside it is sent."""
    record = {"lines": [{"sku": "A", "stock": 0}, {"sku": "B", "stock": 1}]}

    (shaped,) = run(*steps, record=record)

    assert list(unpack(shaped)) == [("changed:transform", "B")]


def test_the_next_does_not_see_what_was_left_out(run):
    """A record of the same key behind one that was left out comes through, as if the first had never been there."""
    record = {"lines": [{"sku": "A", "ok": False}, {"sku": "A", "ok": True}]}
    step = {"changed": {"key": "{{ record.sku }}", "of": ["$.sku"]}}

    shaped = run({"split": "$.lines[*]"}, step, {"filter": "{{ record.ok }}"}, record=record)

    assert [one.record["ok"] for one in shaped] == [True]


def test_the_next_sees_what_goes_out_ahead_of_it(run):
    """Of two records that are the same, one after the other, the second is left out."""
    line = {"sku": "A", "price": 1}

    shaped = run({"split": "$.lines[*]"}, CHANGED, record={"lines": [line, line, {**line, "price": 2}]})

    assert [one.record["price"] for one in shaped] == [1, 2]


def test_what_is_taken_back_uncovers_what_was_put_before(run):
    """What a record that is left out put over the value of the one ahead of it is undone."""
    record = {"lines": [{"sku": "A", "price": 1}, {"sku": "A", "price": 2}, {"sku": "A", "price": 3}]}

    shaped = run({"split": "$.lines[*]"}, GET, PUT, {"filter": "{{ record.price != 2 }}"}, record=record)

    assert [one.record.get("kept") for one in shaped] == [None, 1]


def test_parts_that_are_left_out_are_not_remembered(run):
    """Within `each`, the marks of the parts that stay are those of the record."""
    steps = [CHANGED, {"filter": "{{ record.stock > 0 }}"}]
    record = {"lines": [{"sku": "A", "stock": 0}, {"sku": "B", "stock": 1}]}

    (shaped,) = run({"each": {"path": "$.lines[*]", "transform": steps}}, record=record)

    assert shaped.record == {"lines": [{"sku": "B", "stock": 1}]}
    assert list(unpack(shaped)) == [("changed:transform", "B")]


def test_what_is_put_twice_is_kept_in_order(run):
    """The later of two values of one key comes last."""
    second = {"store.put": {**PUT["store.put"], "from": "$.stock"}}

    (shaped,) = run(PUT, second)

    assert shaped.puts == (Put("prices", "A-1", encode_value(Decimal("12.50"))), Put("prices", "A-1", b"3"))


def test_lists_are_joined(compile_steps):
    """The steps of a route and of its outgoing are one list, with what both do with the store."""
    plain, storing = compile_steps({"split": "$.lines[*]"}), compile_steps(CHANGED)

    joined = plain.then(storing)

    assert len(joined) == 2
    assert (plain.uses_store, joined.uses_store, storing.then(plain).uses_store) == (False, True, True)
    assert joined.marks == {"changed:transform": "{{ record.sku }}"}
    assert [one.record for one in settle(joined.ask({"lines": [PRICE]}))] == [PRICE]
    assert Transformer().then(plain).apply({"lines": [PRICE]}) == [PRICE]


def test_a_step_at_any_depth_is_noticed(compile_steps):
    """A list that works with the store in one of its branches says so."""
    inner = {"if": {"when": True, "then": [{"each": {"path": "$.lines[*]", "transform": [PUT]}}]}}

    assert compile_steps(inner).uses_store


# faults


@pytest.mark.parametrize("step", [GET, PUT, CHANGED], ids=lambda step: next(iter(step)))
def test_where_there_is_no_store_a_step_is_a_fault(check_steps, step):
    """In a list that shapes what comes in, or a payload, the step is refused, at any depth."""
    (name,) = step
    told = f"{name} works with the value store, which only records that are about to be sent reach; move it to the transform of the route, or of its outgoing"

    faults = check_steps(step, {"if": {"when": True, "then": [step]}}, has_store=False)

    assert [fault.partition(": ")[2] for fault in faults] == [told, told]


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        ({"store.get": "prices"}, 'transform[0]["store.get"]: found text "prices", accepted is a mapping with keys such as store, key, into, default'),
        ({"store.get": {"key": "a", "into": "b"}}, 'transform[0]["store.get"]: the key "store" is required, but missing; store: Name of the value store'),
        ({"store.get": {"store": "a:b", "key": "a", "into": "b"}}, 'transform[0]["store.get"].store: found text "a:b", accepted is a name of letters, digits, - and _ (at most 64)'),
        ({"store.get": {"store": "a", "key": "", "into": "b"}}, 'transform[0]["store.get"].key: found empty text, accepted is a template of a record\'s key; "{{ record.sku }}"'),
        ({"store.get": {"store": "a", "key": True, "into": "b"}}, 'transform[0]["store.get"].key: found true, accepted is a template of a record\'s key; "{{ record.sku }}"'),
        ({"store.get": {"store": "a", "key": ["x"], "into": "b"}}, 'transform[0]["store.get"].key: found a list of 1 entry, accepted is a template of a record\'s key; "{{ record.sku }}"'),
        ({"store.get": {"store": "a", "key": "{{ x }}", "into": "b"}}, 'transform[0]["store.get"].key: there is no "x" here, known are: page, record, steps, now(), range(), uuid(); a field of the record is written record.x'),
        ({"store.get": {"store": "a", "key": "a", "into": "b[*]"}}, 'transform[0]["store.get"].into: b[*] is many targets, and one is needed; change each entry of a list with the step each'),
        ({"store.put": {"store": "a", "key": "a"}}, 'transform[0]["store.put"]: one of the keys "value" and "from" is needed, and not both'),
        ({"store.put": {"store": "a", "key": "a", "value": 1, "from": "$"}}, 'transform[0]["store.put"]: one of the keys "value" and "from" is needed, and not both'),
        ({"store.put": {"store": "a", "key": "a", "value": 1, "optional": True}}, 'transform[0]["store.put"].optional: optional goes with from; write | default(…) in the template'),
        ({"store.put": {"store": "a", "key": "a", "path": "$"}}, 'transform[0]["store.put"].path: unknown key, accepted are store, key, value, from, optional'),
        ({"changed": "record.sku"}, 'transform[0].changed: found text "record.sku", accepted is a template of a record\'s key; "{{ record.sku }}"'),
        ({"changed": 7}, 'transform[0].changed: found the number 7, accepted is a template of a record\'s key; "{{ record.sku }}"'),
        ({"changed": {"of": ["$.price"]}}, 'transform[0].changed: the key "key" is required, but missing; key: What tells a record from others, over all runs; one template'),
        ({"changed": {"key": "sku"}}, 'transform[0].changed.key: found text "sku", accepted is a template of a record\'s key; "{{ record.sku }}"'),
        ({"changed": {"key": "{{ record.sku }}", "of": []}}, "transform[0].changed.of: found an empty list, accepted is at least 1"),
        ({"changed": {"key": "{{ record.sku }}", "of": "$.price"}}, 'transform[0].changed.of: found text "$.price", accepted is a list'),
        ({"changed": {"key": "{{ record.sku }}", "optional": True}}, "transform[0].changed.optional: optional goes with of; name the paths that count: of: [$.price]"),
    ],
)  # fmt: skip
def test_wrong_step_is_a_fault(check_steps, step, fault):
    """Everything that can be known without a record is told when the configuration is loaded, at its place."""
    assert check_steps(step) == [fault]


def test_two_steps_may_not_share_their_marks(check_steps):
    """The second would find the mark that the first has just put, and let nothing through."""
    other = {"changed": {"key": "{{ record.sku }}", "store": "other"}}
    fault = "two steps changed keep their marks in {}, and the second would find those of the first; give each a store of its own: {{key: …, store: a-name}}"

    assert check_steps(CHANGED, other) == []
    assert check_steps(CHANGED, {"if": {"when": True, "then": [CHANGED]}}) == [
        f"transform[1].if.then[0].changed: {fault.format('changed:transform')}"
    ]
    assert check_steps(other, other) == [f"transform[1].changed: {fault.format('changed:other')}"]
