"""Pagination: from one answer to the next page, or to the end."""

import inspect
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from connector.call.link import parse_link_header
from connector.call.loop import AnswerGuard, LoopGuard
from connector.call.paging import compile_paging
from connector.call.paging_options import (
    CursorOptions,
    LinkHeaderOptions,
    NextLinkOptions,
    OffsetOptions,
    PageOptions,
    PaginationOptions,
)
from connector.config.place import Place
from connector.errors import SubscriberError
from connector.request import Answer, PageInput, Verdict

PAGE = {"in": "form", "name": "page"}
SIZED = PAGE | {"size": 2, "size_name": "limit"}
CURSOR = {"from": "$.next", "in": "json", "name": "$.after"}


def compile_raw(raw):
    """Return a pagination and the faults found in it, as texts without their file."""
    place = Place.detached("pagination", raw)
    paging = compile_paging(raw, place)
    return paging, [str(fault).removeprefix("<python>: ") for fault in place.faults]


def begin(raw):
    """Return one run of a pagination without faults."""
    paging, faults = compile_raw(raw)
    assert not faults
    return paging.begin()


def give(run, records=(), value=None, *, url=None, **headers):
    """Hand a run one answer, from an address; records may be a number, and are then new ones."""
    if isinstance(records, int):
        records = [{"id": next(give.ids)} for _ in range(records)]
    answer = Answer(Verdict.OK, value={} if value is None else value)
    return run.next(answer, records, headers={name.replace("_", "-"): text for name, text in headers.items()}, url=url)


give.ids = iter(range(10**9))


# Where the input goes, and how it goes on


@pytest.mark.parametrize(
    ("raw", "first", "second"),
    [
        ({"page": PAGE}, PageInput(form={"page": "1"}), PageInput(form={"page": "2"})),
        ({"page": PAGE | {"start": 0}}, PageInput(form={"page": "0"}), PageInput(form={"page": "1"})),
        ({"page": SIZED}, PageInput(form={"page": "1", "limit": "2"}), PageInput(form={"page": "2", "limit": "2"})),
        ({"page": {"in": "query", "name": "p"}}, PageInput(query={"p": "1"}), PageInput(query={"p": "2"})),
        (
            {"page": {"in": "header", "name": "X-Page"}},
            PageInput(headers={"x-page": "1"}),
            PageInput(headers={"x-page": "2"}),
        ),
        (
            {"page": {"in": "json", "name": "$.a.page"}},
            PageInput(json={"$.a.page": 1}),
            PageInput(json={"$.a.page": 2}),
        ),
        ({"offset": PAGE}, PageInput(form={"page": "0"}), PageInput(form={"page": "2"})),
        (
            {"offset": SIZED | {"start": 10}},
            PageInput(form={"page": "10", "limit": "2"}),
            PageInput(form={"page": "12", "limit": "2"}),
        ),
        ({"cursor": CURSOR}, PageInput(), PageInput(json={"$.after": "abc"})),
        ({"cursor": CURSOR | {"start": "*"}}, PageInput(json={"$.after": "*"}), PageInput(json={"$.after": "abc"})),
        ({"cursor": CURSOR | {"in": "query", "name": "c"}}, PageInput(), PageInput(query={"c": "abc"})),
        ({"cursor": {"from_header": "X-Next", "in": "form", "name": "c"}}, PageInput(), PageInput(form={"c": "h7"})),
        ({"next_link": {"from": "$.link"}}, PageInput(), PageInput(url="/orders?page=2")),
        ({"link_header": {}}, PageInput(), PageInput(url="/orders?page=3")),
    ],
)
def test_each_kind_puts_its_input_in_its_place(raw, first, second):
    """Every strategy starts as it should and goes on from what an answer of two records gave."""
    run = begin(raw)

    started = run.first()
    decision = give(run, 2, {"next": "abc", "link": "/orders?page=2"}, x_next="h7", link='</orders?page=3>; rel="next"')

    assert started == first
    assert decision.page == second
    assert (decision.take, decision.limit, decision.reason) == (None, None, "")


@pytest.mark.parametrize("raw", ["none", None, False])
def test_without_pagination_one_request_is_sent(raw):
    """`none`, which is the default, adds nothing and ends at once."""
    paging, faults = compile_raw(raw)
    run = paging.begin()

    assert not faults
    assert not paging.is_paged
    assert run.first() == PageInput()
    assert give(run, 5, {"next": "abc"}).page is None


def test_an_offset_goes_on_after_what_came():
    """An API that sends fewer than it was asked for loses nothing."""
    run = begin({"offset": PAGE | {"size": 500}})

    offsets = [give(run, count).page.form["page"] for count in (100, 100, 30)]

    assert offsets == ["100", "200", "230"]


@pytest.mark.parametrize("cursor", [7, 7.5, "0", {"id": 1}, [1]])
def test_a_cursor_in_json_keeps_its_type(cursor):
    """What the answer gave goes back as it was."""
    run = begin({"cursor": CURSOR})

    assert give(run, 1, {"next": cursor}).page == PageInput(json={"$.after": cursor})


# Ends


@pytest.mark.parametrize("cursor", [None, "", False, 0, [], {}])
@pytest.mark.parametrize("raw", [{"cursor": CURSOR}, {"next_link": {"from": "$.next"}}])
def test_no_cursor_is_the_end(raw, cursor):
    """Null, empty, false, 0 and missing all mean that there is no more."""
    run, other = begin(raw), begin(raw)

    assert give(run, 2, {"next": cursor}).page is None
    assert give(other, 2, {}).page is None


@pytest.mark.parametrize("raw", [{"page": PAGE}, {"page": SIZED}, {"offset": PAGE}])
def test_counting_ends_at_an_answer_without_records(raw):
    """Where the API gives no sign, an empty page is the last."""
    run = begin(raw)
    give(run, 2)

    decision = give(run, 0)

    assert (decision.page, decision.reason) == (None, "the answer has no records")


def test_a_cursor_is_followed_past_an_empty_answer():
    """An API that filters late gives pages without records in between."""
    run = begin({"cursor": CURSOR})

    assert give(run, 0, {"next": "b"}).page == PageInput(json={"$.after": "b"})


def test_an_empty_answer_can_be_made_the_end():
    """For an API that never stops giving cursors, the empty page ends it."""
    run = begin({"cursor": CURSOR, "stop_on_empty": True})

    assert give(run, 0, {"next": "b"}).page is None


def test_an_empty_answer_with_the_same_cursor_is_the_end():
    """An API that hands the last cursor back, and nothing else, is through."""
    run = begin({"cursor": CURSOR})
    give(run, 2, {"next": "z"})

    decision = give(run, 0, {"next": "z"})

    assert decision.page is None
    assert "same next page" in decision.reason


def test_a_short_page_after_a_full_one_is_the_end():
    """One request is saved where the size is known to be kept."""
    run = begin({"page": SIZED})
    give(run, 2)

    decision = give(run, 1)

    assert (decision.page, decision.reason) == (None, "1 records are fewer than 2")


def test_a_short_first_page_is_not_yet_the_end():
    """An API that caps the size it is asked for would lose all but its first page, so one more is asked for."""
    run = begin({"page": PAGE | {"size": 500}})

    decisions = [give(run, 100), give(run, 100), give(run, 0)]

    assert [decision.page is not None for decision in decisions] == [True, True, False]


def test_an_only_page_that_comes_again_is_the_end():
    """An API that knows no pages gives the same few records twice; they count once and nothing is wrong."""
    run = begin({"page": PAGE | {"size": 500}})
    records = [{"id": 1}]
    give(run, records)

    decision = give(run, records)

    assert (decision.page, decision.take) == (None, 0)
    assert decision.reason == "page 2 repeats page 1, the only one"


@pytest.mark.parametrize(
    ("ends", "value", "goes_on"),
    [
        ({"total": "$.total"}, {"total": 5}, True),
        ({"total": "$.total"}, {"total": 2}, False),
        ({"total": "$.total"}, {"total": "2"}, False),
        ({"total": "$.total"}, {"total": 0}, False),
        ({"total": "$.total"}, {"total": -1}, True),
        ({"total": "$.total"}, {"total": None}, True),
        ({"total_pages": "$.meta.pages"}, {"meta": {"pages": 2}}, True),
        ({"total_pages": "$.meta.pages"}, {"meta": {"pages": 1}}, False),
        ({"has_more": "$.more"}, {"more": True}, True),
        ({"has_more": "$.more"}, {"more": 1}, True),
        ({"has_more": "$.more"}, {"more": "yes"}, True),
        ({"has_more": "$.more"}, {"more": False}, False),
        ({"has_more": "$.more"}, {"more": "false"}, False),
        ({"has_more": "$.more"}, {"more": None}, False),
    ],
)
def test_an_answer_can_say_that_it_is_the_last(ends, value, goes_on):
    """Total, number of pages and a truth end it, each where a path says it stands."""
    run = begin({"page": PAGE} | ends)

    assert (give(run, 2, value).page is not None) is goes_on


def test_a_total_is_believed_over_a_short_page():
    """A page that is not full is no end while the total says that there is more."""
    run = begin({"page": SIZED, "total": "$.total"})

    decisions = [give(run, count, {"total": 4}) for count in (2, 1, 1)]

    assert [decision.page is not None for decision in decisions] == [True, True, False]


def test_a_truth_that_is_left_out_later_is_the_end():
    """Many APIs leave `has_more` out on the last page."""
    run = begin({"page": PAGE, "has_more": "$.more"})
    give(run, 2, {"more": True})

    assert give(run, 2, {}).page is None


@pytest.mark.parametrize("key", ["total", "total_pages", "has_more"])
def test_a_path_that_finds_nothing_at_first_is_an_error(key):
    """A path with a slip of the pen would end the run early without a word."""
    run = begin({"page": PAGE, key: "$.meta.wrong"})

    with pytest.raises(SubscriberError, match=rf"pagination\.{key}: the first answer has nothing at \$\.meta\.wrong"):
        give(run, 2, {"meta": {"right": 1}})


def test_a_path_need_not_be_found_where_there_are_no_records():
    """An API that answers `[]` when there is nothing at all is right."""
    run = begin({"cursor": CURSOR, "total": "$.total"})

    assert give(run, 0, []).page is None


@pytest.mark.parametrize("total", ["many", True, [1], {}])
def test_a_total_that_is_no_number_is_an_error(total):
    """What is not understood is not passed over."""
    run = begin({"page": PAGE, "total": "$.total"})

    with pytest.raises(SubscriberError, match=r"pagination\.total: page 1 gives .* which is no number"):
        give(run, 2, {"total": total})


# Limits


def test_max_pages_ends_with_a_warning_to_give():
    """The limit is named, so that nobody takes the part for the whole."""
    run = begin({"page": PAGE, "max_pages": 2})

    decisions = [give(run, 2), give(run, 2)]

    assert [decision.limit for decision in decisions] == [None, "max_pages"]
    assert decisions[1].page is None


def test_max_pages_that_is_just_enough_is_no_limit():
    """Where the end and the limit fall together, nothing was left behind."""
    run = begin({"page": PAGE, "max_pages": 1, "total": "$.total"})

    assert give(run, 2, {"total": 2}).limit is None


@pytest.mark.parametrize(
    ("most", "counts", "takes", "limits"),
    [
        (5, [2, 2, 2], [None, None, 1], [None, None, "max_records"]),
        (4, [2, 2], [None, 2], [None, "max_records"]),
        (1, [2], [1], ["max_records"]),
        (3, [2, 0], [None, None], [None, None]),
    ],
)
def test_max_records_takes_so_many_and_no_more(most, counts, takes, limits):
    """The last page gives only what is still wanted, and no further one is asked for."""
    run = begin({"page": PAGE, "max_records": most})

    decisions = [give(run, count) for count in counts]

    assert [decision.take for decision in decisions] == takes
    assert [decision.limit for decision in decisions] == limits
    assert decisions[-1].page is None


def test_max_records_that_are_just_all_is_no_limit():
    """Where all there is was wanted, nothing was left behind."""
    run = begin({"page": PAGE, "max_records": 2, "total": "$.total"})

    decision = give(run, 2, {"total": 2})

    assert (decision.take, decision.limit) == (2, None)


def test_max_records_holds_without_pages():
    """A single answer is cut too, by the key that needs a strategy to stand beside."""
    run = begin({"link_header": {}, "max_records": 1})

    decision = give(run, 3)

    assert (decision.take, decision.limit) == (1, "max_records")


# Loops


@pytest.mark.parametrize("raw", [{"page": PAGE}, {"offset": PAGE}, {"cursor": CURSOR}])
def test_an_answer_that_repeats_is_an_error(raw):
    """An API that ignores the page would go on for ever; the message says which input it ignores and what to do."""
    run = begin(raw)
    give(run, [{"id": 1}], {"next": "a"})
    give(run, [{"id": 2}], {"next": "b"})

    with pytest.raises(SubscriberError) as caught:
        give(run, [{"id": 1}], {"next": "c"})

    assert "page 3 gives the same records as page 1" in str(caught.value)
    assert "pagination: none" in str(caught.value)


@pytest.mark.parametrize("raw", [{"page": PAGE}, {"page": SIZED}, {"cursor": CURSOR}])
def test_a_full_page_that_comes_again_is_an_error(raw):
    """A page that may have others behind it is not taken for the only one."""
    run = begin(raw)
    records = [{"id": 1}, {"id": 2}]
    give(run, records, {"next": "a"})

    with pytest.raises(SubscriberError, match="page 2 gives the same records as page 1"):
        give(run, records, {"next": "b"})


def test_a_cursor_that_repeats_is_an_error():
    """A cursor that leads back, with records in between, would never end."""
    run = begin({"cursor": CURSOR})
    give(run, 1, {"next": "a"})
    give(run, 1, {"next": "b"})

    with pytest.raises(SubscriberError, match="page 3 leads on to the same page as page 1 did"):
        give(run, 1, {"next": "a"})


def test_a_link_that_repeats_is_an_error():
    """The same holds for addresses."""
    run = begin({"link_header": {}})
    give(run, 1, link="<?page=2>; rel=next")

    with pytest.raises(SubscriberError, match="page 2 leads on to the same page as page 1 did"):
        give(run, 1, link="<?page=2>; rel=next")


def test_empty_pages_are_no_loop():
    """Pages without records repeat one another by nature."""
    run = begin({"cursor": CURSOR})

    decisions = [give(run, 0, {"next": str(number)}) for number in range(5)]

    assert all(decision.page is not None for decision in decisions)


@given(st.integers(0, 30), st.integers(1, 2500))
def test_any_loop_is_found(before, length):
    """However late it begins and however long it is, a loop is met again, and what never repeats never is."""
    guard = LoopGuard()
    limit = 4 * (before + length) + 10

    found = next(
        (
            number
            for number in range(1, limit)
            if guard.find(number, str(number if number <= before else before + (number - before) % length + 1).encode())
        ),
        None,
    )

    assert found is not None
    assert found > before + length or length == 1


@given(st.integers(0, 30), st.integers(1, 2500))
def test_any_loop_of_answers_is_found(before, length):
    """Answers that repeat are met, the first pages at once and later ones at the latest the second time round."""
    guard = AnswerGuard()
    limit = 8 * (before + length) + 10

    found = next(
        (
            number
            for number in range(1, limit)
            if guard.find(number, [number if number <= before else before + (number - before) % length + 1]) is not None
        ),
        None,
    )

    assert found is not None
    assert found > before + length or length == 1
    assert found > AnswerGuard.EXACT or found <= before + length + 1


@given(st.integers(1, 200))
def test_answers_that_begin_and_end_alike_are_no_loop(count):
    """Pages whose first and last record are the same each time, and another one between them not, go on."""
    guard = AnswerGuard()

    assert all(guard.find(number, ["first", number, "last"]) is None for number in range(1, count + 1))


@given(st.integers(1, 5000))
def test_progress_is_no_loop(count):
    """Entries that differ are never taken for a loop, and few of them are kept."""
    guard = LoopGuard()

    assert all(guard.find(number, str(number).encode()) is None for number in range(1, count + 1))
    assert len(guard) <= 1001


@given(
    st.integers(1, 40),
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from(["page", "offset"]),
    st.booleans(),
)
def test_every_record_is_taken_once(count, size, cap, kind, is_size_known):
    """Against an API that caps pages, any page size and any number of records gives each record once."""
    records = [{"id": number} for number in range(count)]
    kept = min(size, cap)
    options = {"in": "json", "name": "$.at"} | ({"size": size, "size_name": "$.limit"} if is_size_known else {})
    run = begin({kind: options})
    page, taken = run.first(), []

    while page is not None:
        at = page.json["$.at"]
        start = (at - 1) * kept if kind == "page" else at
        answer = records[start : start + kept]
        taken += answer
        page = give(run, answer).page

    assert taken == records


# Links


@pytest.mark.parametrize(
    ("header", "links"),
    [
        ("", []),
        ('<https://a.example/?page=2>; rel="next"', [("https://a.example/?page=2", {"next"})]),
        ("<a>; rel=next", [("a", {"next"})]),
        ('<a>; rel="prev", <b>; rel="next"', [("a", {"prev"}), ("b", {"next"})]),
        ('<a>;rel="NEXT last"', [("a", {"next", "last"})]),
        ('<a,b;c>; rel="next"', [("a,b;c", {"next"})]),
        ('<a>; title="x, <y>; rel=\\"no\\""; rel=next', [("a", {"next"})]),
        ("<a>; rel=first; rel=next", [("a", {"first"})]),
        ("<a> ; rel = next ;; crossorigin, ,<b>", [("a", {"next"}), ("b", set())]),
        ('<a>; anchor="#x"; rel=next, <b>; rel=next', [("b", {"next"})]),
        ("<a>", [("a", set())]),
        ("nonsense", []),
        ("<a", []),
    ],
)
def test_link_headers_are_read(header, links):
    """Several links, quoted commas, odd spacing and parameters without value, as RFC 8288 has them."""
    assert [(link.target, set(link.relations)) for link in parse_link_header(header)] == links


@given(st.text(st.sampled_from('<>;,="\\ arel'), max_size=60))
def test_any_link_header_is_read_to_its_end(header):
    """No header makes the parser fail or hang."""
    assert isinstance(list(parse_link_header(header)), list)


def test_parameters_of_a_link_are_unquoted():
    """Quotes and escapes are taken off a parameter."""
    (link,) = parse_link_header(r'<a>; title="say \"hi\""; rel=next')

    assert link.parameters == {"title": 'say "hi"', "rel": "next"}


def test_another_relation_can_be_followed():
    """`rel` chooses the link."""
    run = begin({"link_header": {"rel": "older"}})

    assert give(run, 1, link='<a>; rel="next", <b>; rel="older"').page == PageInput(url="b")


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("https://erp.example/orders?page=2", "https://erp.example/orders?page=2"),
        ("?page=2", "https://erp.example/api/?page=2"),
        ("/orders?page=2", "https://erp.example/orders?page=2"),
    ],
)
def test_a_link_is_made_whole(link, url):
    """A relative address is taken from the one that was asked."""
    run = begin({"next_link": {"from": "$.next"}})

    assert give(run, 1, {"next": link}, url="https://erp.example/api/").page == PageInput(url=url)


def test_a_relative_link_is_taken_from_the_page_it_stands_on():
    """The second link of a chain is relative to the first one's target."""
    run = begin({"next_link": {"from": "$.next"}})
    first = give(run, 1, {"next": "/deep/down/2"}, url="https://erp.example/api/").page

    assert give(run, 1, {"next": "3"}, url=first.url).page == PageInput(url="https://erp.example/deep/down/3")


# What cannot be used


@pytest.mark.parametrize("cursor", [True, {"a": 1}, [1]])
def test_a_cursor_that_is_no_text_is_an_error(cursor):
    """A truth or an object cannot go into a form; the cure says what a truth is for."""
    run = begin({"cursor": CURSOR | {"in": "form", "name": "after"}})

    with pytest.raises(SubscriberError, match=r"pagination\.cursor: page 1 gives .* which is no cursor.*has_more"):
        give(run, 1, {"next": cursor})


@pytest.mark.parametrize("raw", [{"link_header": {}}, {"cursor": {"from_header": "X-Next", "in": "form", "name": "c"}}])
def test_headers_that_are_not_handed_on_are_an_error(raw):
    """A caller without headers is not taken for an answer without a next page."""
    run = begin(raw)

    with pytest.raises(SubscriberError, match="hands on no headers"):
        run.next(Answer(Verdict.OK, value={}), [{"id": 1}])


def test_a_link_that_is_no_text_is_an_error():
    """A number is no address."""
    run = begin({"next_link": {"from": "$.next"}})

    with pytest.raises(SubscriberError, match=r"pagination\.next_link: page 1 gives .* not an address"):
        give(run, 1, {"next": 5})


@pytest.mark.parametrize(
    ("raw", "where", "words"),
    [
        (
            "pages",
            "pagination",
            "accepted is none, or a mapping with one of page, offset, cursor, next_link, link_header",
        ),
        ([], "pagination", "accepted is none, or a mapping"),
        (True, "pagination", "accepted is none, or a mapping"),
        ({}, "pagination", "found none of them, accepted is exactly one of page, offset"),
        ({"max_pages": 5}, "pagination", "found none of them"),
        ({"page": PAGE, "cursor": CURSOR}, "pagination", "found page and cursor, accepted is exactly one of"),
        ({"pages": PAGE}, "pagination.pages", 'did you mean "page"?'),
        ({"page": PAGE | {"in": "body"}}, "pagination.page.in", "form, query, header"),
        ({"page": {"name": "page"}}, "pagination.page", 'the key "in" is required'),
        ({"page": {"in": "form"}}, "pagination.page", 'the key "name" is required'),
        ({"page": PAGE | {"size": 0}}, "pagination.page.size", "1 or more"),
        ({"page": PAGE | {"start": -1}}, "pagination.page.start", "0 or more"),
        ({"page": PAGE | {"size_name": "limit"}}, "pagination.page.size_name", "no size to send under it"),
        ({"offset": PAGE | {"size_name": "limit"}}, "pagination.offset.size_name", "no size to send under it"),
        ({"page": PAGE, "max_pages": 0}, "pagination.max_pages", "1 or more"),
        ({"page": PAGE, "max_records": "many"}, "pagination.max_records", "a whole number"),
        ({"page": PAGE, "stop_on_empty": False}, "pagination.stop_on_empty", "nothing ends it"),
        (
            {"cursor": {"in": "form", "name": "c"}},
            "pagination.cursor",
            "found neither, accepted is exactly one of from",
        ),
        ({"cursor": CURSOR | {"from_header": "X"}}, "pagination.cursor", "found both, accepted is exactly one of from"),
        ({"cursor": CURSOR | {"from": "$.["}}, "pagination.cursor.from", "$.["),
        ({"next_link": {}}, "pagination.next_link", 'the key "from" is required'),
        ({"page": PAGE, "total": "$["}, "pagination.total", "$["),
        ({"page": {"in": "json", "name": "$.a[*]"}}, "pagination.page.name", "a path to one spot of the payload"),
        ({"page": {"in": "json", "name": "$"}}, "pagination.page.name", "a path to one spot of the payload"),
        ({"page": {"in": "header", "name": "the page"}}, "pagination.page.name", "the name of a header"),
        (
            {"offset": SIZED | {"in": "header", "size_name": "a:b"}},
            "pagination.offset.size_name",
            "the name of a header",
        ),
    ],
)
def test_faults_are_found_at_load(raw, where, words):
    """Each fault is reported at its own spot, with what is accepted."""
    paging, faults = compile_raw(raw)

    assert paging is None
    assert [fault for fault in faults if fault.startswith(f"{where}: ") and words in fault], faults


@pytest.mark.parametrize(
    "model",
    [PageOptions, OffsetOptions, CursorOptions, NextLinkOptions, LinkHeaderOptions, PaginationOptions],
)
def test_the_example_of_each_kind_is_right(model):
    """The YAML in the documentation of each strategy compiles."""
    example = re.search(r"```yaml\n(.*?)```", inspect.getdoc(model), re.DOTALL)
    raw = YAML(typ="safe").load(example[1])["pagination"]

    paging, faults = compile_raw(raw)

    assert not faults
    assert paging.is_paged
