"""Logging in and out, sessions, and what a form has to bring along."""

from __future__ import annotations

import asyncio

import pytest

from tests.server.doors.conftest import PASSWORD, QUICK, Browser

FORM = ("content-type", "application/x-www-form-urlencoded")
ACCEPT = ("accept", "text/html")


async def test_a_user_logs_in_and_comes_to_what_they_asked_for(house):
    """The page that led to the log-in is the one that follows it, and the session is known from then on."""
    await house.add_user()
    browser = Browser(house)

    led = await browser.get("/page?status=failed&x=1")
    logged_in = await browser.log_in(next="/page?status=failed&x=1")
    page = await browser.get("/page")

    assert led["location"] == "/login?next=%2Fpage%3Fstatus%3Dfailed%26x%3D1"
    assert (logged_in.status, logged_in["location"]) == (303, "/page?status=failed&x=1")
    assert page.text == "ann user 127.0.0.1"
    assert await house.audited() == [("ann", "login", "", "done")]


async def test_cookies_of_a_plain_connection_to_this_machine(house):
    """Scripts cannot read them, and other sites cannot have them sent with what changes something."""
    await house.add_user()
    browser = Browser(house)

    logged_in = await browser.log_in()

    session = logged_in.cookies["connector"]
    assert session["httponly"]
    assert (session["samesite"], session["path"], session["domain"]) == ("lax", "/", "")
    assert session["max-age"] == str(12 * 3600)
    assert not session["secure"]


async def test_cookies_over_tls_are_bound_to_this_very_host(public_house):
    """Behind a proxy that speaks TLS they go over TLS alone, and no other host can set them."""
    browser = Browser(public_house, origin="https://hub.test", host="hub.test", peer="10.0.0.1")

    logged_in = await browser.log_in()
    page = await browser.get("/page", ("x-forwarded-for", "203.0.113.7"), ("x-forwarded-proto", "https"))

    session = logged_in.cookies["__Host-connector"]
    assert session["secure"]
    assert (session["path"], session["domain"]) == ("/", "")
    assert page.text == "ann user 203.0.113.7"


async def test_nothing_of_a_session_stands_in_the_database(house):
    """Who reads the database finds digests, with which nobody can log in."""
    await house.add_user()
    browser = Browser(house)

    await browser.log_in()

    (row,) = await house.store.accounts.sessions_of("ann")
    assert browser.cookies["connector"] not in (row.hash, row.csrf)
    assert len(row.hash) == 64


async def test_a_session_that_was_there_before_is_not_used(house):
    """Who slips a cookie into a browser has nothing of the log-in that follows: the session is a new one."""
    await house.add_user()
    await house.add_user("eve")
    eve = Browser(house)
    await eve.log_in("eve")
    browser = Browser(house, cookies={"connector": eve.cookies["connector"]})
    browser.csrf = eve.csrf

    await browser.post("/logout")
    browser.cookies["connector"] = eve.cookies["connector"]
    logged_in = await browser.log_in()

    assert logged_in.status == 303
    assert browser.cookies["connector"] != eve.cookies["connector"]
    assert (await eve.get("/page")).status == 303
    assert await house.store.accounts.sessions_of("eve") == []


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ann", "wrong password"),
        ("bob", PASSWORD),
        ("", PASSWORD),
        ("ann", ""),
        ("ann" * 400, PASSWORD),
        ("ànn", PASSWORD),
        ("аnn", PASSWORD),  # noqa: RUF001 - a Cyrillic letter that looks like ours
        ("ann\x00", PASSWORD),
        ("ann' OR '1'='1", PASSWORD),
        ("ann", "x" * 8000),
    ],
)
async def test_what_is_wrong_is_not_told(house, name, password):
    """Whatever is wrong, the page and its status are the same."""
    await house.add_user()
    browser = Browser(house)

    refused = await browser.log_in(name, password)

    assert refused.status == 401
    assert "Name or password is wrong." in refused.text
    assert "connector" not in browser.cookies


async def test_a_disabled_user_is_told_as_if_there_were_none(house):
    """Also the right password says nothing of a user who is not let in."""
    await house.store.accounts.put_user("ann", password_hash=QUICK.hash(PASSWORD), role="read", is_disabled=True)
    browser = Browser(house)

    refused = await browser.log_in()

    assert (refused.status, "Name or password is wrong." in refused.text) == (401, True)


async def test_as_much_is_done_for_an_unknown_name(house, monkeypatch):
    """The time a log-in takes tells nobody who has an account: a hash is worked out in any case."""
    await house.add_user()
    worked = []
    check = house.doors.passwords._check
    monkeypatch.setattr(house.doors.passwords, "_check", lambda *given: worked.append(given[0]) or check(*given))
    browser = Browser(house)

    await browser.log_in("ann", "wrong password")
    await browser.log_in("nobody", "wrong password")

    known, unknown = worked
    assert known.split("$")[:4] == unknown.split("$")[:4]


async def test_a_name_in_other_letters_is_the_same(house):
    """People write their name as they please."""
    await house.add_user()
    browser = Browser(house)

    logged_in = await browser.log_in(" Ann ")

    assert logged_in.status == 303


async def test_a_password_typed_as_a_name_is_not_written_down(house):
    """The audit log has a name only where somebody is called so."""
    await house.add_user()
    browser = Browser(house)

    await browser.log_in("my secret passphrase", "")
    await browser.log_in("ann", "wrong")

    assert await house.audited() == [("somebody", "login", "", "refused"), ("ann", "login", "ann", "refused")]


@pytest.mark.parametrize(
    "following",
    [
        "https://evil.test/",
        "//evil.test/",
        "/\\evil.test/",
        "\\\\evil.test",
        "/\t/evil.test/",
        "/\n/evil.test",
        "/page\r\nSet-Cookie: connector=evil",
        " //evil.test",
        "javascript:alert(1)",
        "http:evil.test",
        "",
        "evil.test",
        "/" + "x" * 3000,
        "/logout",
        "/login?next=/page",
        "/%c3%a4ä",
    ],
)
async def test_a_log_in_leads_nowhere_else(house, following):
    """What `next` says is followed only where it is a path of this service."""
    await house.add_user()
    browser = Browser(house)

    logged_in = await browser.log_in(next=following)
    again = await browser.get("/login", ("x-following", "see the query"))

    assert (logged_in.status, logged_in["location"]) == (303, "/")
    assert again["location"] == "/"


async def test_a_log_in_by_a_form_of_another_site_is_refused(house):
    """Nobody is logged in as somebody else by a page they only look at."""
    await house.add_user()
    browser = Browser(house, origin="https://evil.test")

    by_origin = await browser.log_in()
    browser.origin = "http://127.0.0.1:8484"
    by_site = await browser.post("/login", ("sec-fetch-site", "cross-site"), name="ann", password=PASSWORD)
    without_cookie = await Browser(house, csrf="x").post("/login", name="ann", password=PASSWORD)

    assert (by_origin.status, by_site.status, without_cookie.status) == (403, 403, 403)


async def test_guessing_is_slowed_down(house):
    """After ten wrong tries from an address even the right password has to wait, and it is said how long."""
    await house.add_user()
    browser = Browser(house)
    for _ in range(10):
        assert (await browser.log_in("ann", "wrong")).status == 401

    refused = await browser.log_in()

    assert refused.status == 429
    assert 0 < int(refused["retry-after"]) <= 30


async def test_guesses_at_once_count_all_the_same(house):
    """Sending guesses side by side does not get more of them looked at."""
    await house.add_user()
    browser = Browser(house)
    await browser.log_in("ann", "wrong")

    replies = await asyncio.gather(*(browser.post("/login", name="ann", password="wrong") for _ in range(15)))

    assert sum(reply.status == 401 for reply in replies) <= 9


async def test_strangers_cannot_keep_an_owner_out(house):
    """A name that strangers guess at, from anywhere, is open to who has logged in from this browser before."""
    await house.add_user()
    owner = Browser(house)
    await owner.log_in()
    await owner.post("/logout")
    for number in range(40):
        await Browser(house, peer=f"203.0.113.{number}").log_in("ann", "wrong")

    stranger = await Browser(house, peer="198.51.100.1").log_in()
    owned = await owner.log_in()

    assert (stranger.status, owned.status) == (429, 303)


async def test_a_browser_of_somebody_else_is_a_stranger(house):
    """The cookie that tells whose browser it is cannot be used for another name, nor after a new password."""
    await house.add_user()
    await house.add_user("eve")
    eve = Browser(house)
    await eve.log_in("eve")
    for number in range(40):
        await Browser(house, peer=f"203.0.113.{number}").log_in("ann", "wrong")
    await eve.post("/logout")

    refused = await eve.log_in("ann")

    assert refused.status == 429


async def test_logging_out_ends_the_session(house):
    """What the browser kept is worth nothing afterwards."""
    await house.add_user()
    browser = Browser(house)
    await browser.log_in()
    kept = dict(browser.cookies)

    left = await browser.post("/logout")
    browser.cookies = kept

    assert (left.status, left["location"]) == (303, "/login")
    assert (await browser.get("/page")).status == 303
    assert [entry[1] for entry in await house.audited()] == ["login", "logout"]


async def test_a_link_logs_nobody_out(house):
    """Logging out is a POST: an image that leads there does nothing."""
    await house.add_user()
    browser = Browser(house)
    await browser.log_in()

    assert (await browser.get("/logout")).status == 405
    assert (await browser.get("/page")).status == 200


@pytest.mark.parametrize("passed_ms", [2 * 3_600_000, 12 * 3_600_000])
async def test_a_session_ends(house, passed_ms):
    """It is over when nobody has used it for two hours, and in any case at its age."""
    await house.add_user()
    browser = Browser(house)
    await browser.log_in()
    house.clock.now_ms += passed_ms

    assert (await browser.get("/page")).status == 303


async def test_a_session_in_use_goes_on_until_its_age(house):
    """Being used keeps a session from idling, and does not make it older than it may be."""
    await house.add_user()
    browser = Browser(house)
    await browser.log_in()
    statuses = []
    for _ in range(7):
        statuses.append((await browser.get("/page")).status)
        await house.doors.aclose()
        house.clock.now_ms += 7_000_000

    assert statuses == [200, 200, 200, 200, 200, 200, 200]
    assert (await browser.get("/page")).status == 303


async def test_a_user_who_is_removed_is_out_at_once(house):
    """A session is worth what its user is worth."""
    await house.add_user()
    browser = Browser(house)
    await browser.log_in()
    await house.store.accounts.remove_user("ann")
    house.doors.forget_people()
    await house.add_user("bob")

    assert (await browser.get("/page")).status == 303


async def test_another_password_ends_every_session(house):
    """Who knew the old one is out; the browser that changed it goes on with a session that is new."""
    await house.add_user()
    here, there = Browser(house), Browser(house)
    await here.log_in()
    await there.log_in()
    before = here.cookies["connector"]

    changed = await here.post(
        "/account/password", present=PASSWORD, wanted="another long one", again="another long one"
    )

    assert (changed.status, changed["location"]) == (303, "/account")
    assert here.cookies["connector"] != before
    assert (await here.get("/page")).status == 200
    assert (await there.get("/page")).status == 303
    assert (await Browser(house).log_in()).status == 401
    assert (await Browser(house).log_in(password="another long one")).status == 303


@pytest.mark.parametrize(
    ("present", "wanted", "again", "told"),
    [
        ("wrong", "another long one", "another long one", "The present password is wrong."),
        (PASSWORD, "another long one", "another long two", "was not typed the same way twice"),
        (PASSWORD, "short", "short", "The password is too short"),
        (PASSWORD, "a" * 20, "a" * 20, "too easy to guess"),
        (PASSWORD, "x1y2" * 400, "x1y2" * 400, "too long"),
    ],
)
async def test_a_password_is_not_changed_by_half(house, present, wanted, again, told):
    """What is wrong is told on the page, and nothing changes."""
    await house.add_user()
    browser = Browser(house)
    await browser.log_in()

    refused = await browser.post("/account/password", present=present, wanted=wanted, again=again)

    assert (refused.status, told in refused.text) == (422, True)
    assert (await Browser(house).log_in()).status == 303


async def test_a_user_logs_out_everywhere_else(house):
    """Other browsers are out, this one stays."""
    await house.add_user()
    here, there = Browser(house), Browser(house)
    await here.log_in()
    await there.log_in()

    closed = await here.post("/account/sessions")
    account = await here.get("/account")

    assert closed.status == 303
    assert (await there.get("/page")).status == 303
    assert account.status == 200
    assert "ann" in account.text


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([FORM], b""),
        ([FORM], b"csrf="),
        ([FORM], b"csrf=wrong"),
        ([FORM], "csrf=é".encode()),
        ([("content-type", "text/plain")], b"csrf={csrf}"),
        ([("content-type", "application/json")], b'{{"csrf": "{csrf}"}}'),
        ([("content-type", "text/plain; application/x-www-form-urlencoded")], b"csrf={csrf}"),
        ([("x-csrf-token", "wrong"), FORM], b"csrf={csrf}"),
        ([FORM, ("origin", "https://evil.test")], b"csrf={csrf}"),
        ([FORM, ("origin", "null")], b"csrf={csrf}"),
        ([FORM, ("origin", "http://127.0.0.1:9999")], b"csrf={csrf}"),
        ([FORM, ("origin", "http://127.0.0.1.evil.test:8484")], b"csrf={csrf}"),
        ([FORM, ("origin", "http://127.0.0.1:8484"), ("sec-fetch-site", "same-site")], b"csrf={csrf}"),
    ],
)
async def test_what_no_page_of_ours_sent_is_refused(house, headers, body):
    """A cookie alone changes nothing, however the request is dressed up."""
    await house.add_user()
    browser = Browser(house)
    await browser.log_in()
    cookie = ("cookie", f"connector={browser.cookies['connector']}")

    refused = await house.ask("POST", "/change", cookie, *headers, body=body.replace(b"{csrf}", browser.csrf.encode()))

    assert refused.status == 403


async def test_a_form_and_a_script_of_ours_are_let_through(house):
    """The token of the session counts in a field of a form, and in a header."""
    await house.add_user()
    browser = Browser(house)
    await browser.log_in()
    cookie = ("cookie", f"connector={browser.cookies['connector']}")

    by_form = await browser.post("/change")
    by_script = await house.ask(
        "POST", "/api/v1/change", cookie, ("x-csrf-token", browser.csrf), ("origin", browser.origin), body=b"{}"
    )

    assert (by_form.text, by_script.status) == ("changed", 200)


async def test_the_token_of_another_session_is_worth_nothing(house):
    """Each session has its own."""
    await house.add_user()
    await house.add_user("eve")
    browser, eve = Browser(house), Browser(house)
    await browser.log_in()
    await eve.log_in("eve")
    browser.csrf = eve.csrf

    assert (await browser.post("/change")).status == 403


async def test_a_push_by_cookie_needs_the_token_too(house):
    """The hot path has the same fence as every other."""
    await house.add_user()
    browser = Browser(house)
    await browser.log_in()
    cookie = ("cookie", f"connector={browser.cookies['connector']}")

    refused = await house.ask("POST", "/api/v1/routes/orders/push", cookie, body=b"{}")

    assert refused.status == 403


@pytest.mark.parametrize(
    "headers",
    [
        [("origin", "https://evil.test")],
        [("origin", "null")],
        [("sec-fetch-site", "cross-site")],
        [("sec-fetch-site", "same-site")],
        [("origin", "http://localhost:3000")],
        [("origin", "http://localhost:8484")],
    ],
)
async def test_pages_of_other_sites_change_nothing_on_this_machine(house, headers):
    """Where nobody has to log in, a page of another site still gets nowhere through somebody's browser."""
    refused = await house.ask("POST", "/api/v1/change", *headers, ("content-type", "text/plain"), body=b"{}")

    assert refused.status == 403


async def test_pages_of_other_sites_read_nothing_on_this_machine(house):
    """Also what only looks is refused to a script of another site; a link that is followed is not."""
    by_script = await house.ask("GET", "/api/v1/look", ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"))
    by_link = await house.ask("GET", "/page", ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"))

    assert (by_script.status, by_link.status) == (403, 200)


async def test_two_cookies_of_the_name_are_refused(house):
    """Another service of this host can set cookies for this one; which is whose cannot be told."""
    await house.add_user()
    browser = Browser(house)
    await browser.log_in()
    both = ("cookie", f"connector={browser.cookies['connector']}; connector=evil")

    refused = await house.ask("GET", "/page", ACCEPT, both)

    assert refused.status == 400
    assert "Delete the cookies" in refused.text or "delete the cookies" in refused.text


async def test_htmx_is_told_to_load_the_log_in(house):
    """A part of a page that nobody may see any more does not become a log-in inside of it."""
    await house.add_user()

    reply = await house.ask(
        "GET", "/page", ("hx-request", "true"), ("hx-current-url", "http://127.0.0.1:8484/tasks?status=failed")
    )

    assert (reply.status, reply["hx-redirect"]) == (401, "/login?next=%2Ftasks%3Fstatus%3Dfailed")


async def test_a_reader_sees_and_does_not_change(house):
    """The role of a user holds for pages as it does for programs."""
    await house.add_user(role="read")
    browser = Browser(house)
    await browser.log_in()

    refused = await browser.post("/change")

    assert refused.status == 403
    assert "needs the role operate" in refused.text
    assert (await browser.get("/page")).status == 200


async def test_who_is_logged_in_is_not_asked_again(house):
    """The log-in leads on whoever needs none."""
    local = await house.ask("GET", "/login", ("accept", "text/html"))

    assert (local.status, local["location"]) == (303, "/")


async def test_a_page_of_names_and_marks_is_escaped(house):
    """What was typed stands in the page as text."""
    await house.add_user()
    browser = Browser(house)

    refused = await browser.log_in('"><script>alert(1)</script>', "x", next="/page?x=%22%3E")

    assert "<script>alert" not in refused.text
