"""`connector call`."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import CONFIGS

ADD = "cart.add product_id=40 quantity=1"


@pytest.fixture
def call(shop_command):
    """`connector call shop …` with the example configuration."""
    shop_command.environment["CONNECTOR_CONFIG"] = str(CONFIGS)
    return lambda *arguments, **options: shop_command("call", "shop", *arguments, **options)


def test_json_has_verdict_data_errors_exchange(call):
    """`--output json` prints exactly these four keys where there is no more to say."""
    ran = call("cart.products", "--output", "json")

    assert ran.code == 0
    assert list(ran.json) == ["verdict", "data", "errors", "exchange", "exchanges_before"]
    assert ran.json["verdict"] == "ok"
    assert ran.json["data"]["products"] == []
    assert ran.json["errors"] == []
    assert ran.json["exchange"]["query"] == {"route": "api/cart/products", "api_token": "***"}


def test_steps_before_share_the_session(call):
    """`--before` fills the cart that the call sees."""
    ran = call("coupon.apply", "coupon=2222", "--before", ADD, "--output", "json")

    assert ran.code == 0
    assert ran.json["data"] == {"success": "Success: Your coupon discount has been applied!"}


def test_nested_and_typed_fields(call):
    """`option[226]=15` is a nested field, `quantity:=2` a number."""
    ran = call("cart.products", "--before", "cart.add product_id=30 option[226]=15 quantity:=2", "--output", "json")

    (line,) = ran.json["data"]["products"]
    assert (line["product_id"], line["quantity"]) == ("30", "2")
    assert line["option"][0]["product_option_value_id"] == "15"


def test_lists(call):
    """Names that count from 0 make a list."""
    one, other = (
        "product[0][product_id]=40 product[0][quantity]=1",
        "product[1][product_id]=31 product[1][quantity]=2",
    )

    ran = call("cart.products", "--before", f"cart.replace {one} {other}", "--output", "json")

    assert sorted(line["product_id"] for line in ran.json["data"]["products"]) == ["31", "40"]


@pytest.mark.parametrize("form", ["inline", "file", "stdin"])
def test_data_as_json(call, shop_command, form):
    """`--data` takes an object in place, from a file, or from standard input; fields are put over it."""
    payload = '{"coupon": "9999"}'
    shop_command.write("payload.json", payload)
    data = {"inline": payload, "file": "@payload.json", "stdin": "-"}[form]

    ran = call("coupon.apply", "coupon=2222", "--data", data, "--before", ADD, stdin=payload)

    assert ran.code == 0
    assert ran.stdout.startswith("ok (coupon.apply, HTTP 200, ")


def test_answers_of_earlier_steps(call):
    """A field may be a template over the answers of earlier steps."""
    ran = call(
        "cart.edit",
        "key={{ steps.cart_products.products[0].cart_id }}",
        "quantity=3",
        "--before",
        ADD,
        "--before",
        "cart.products",
    )

    assert ran.code == 0


def test_a_title_names_the_entity(call):
    """The vendor's wording works as well as the id."""
    ran = call("Coupon - Apply existing coupon", "coupon=2222", "--before", ADD)

    assert ran.code == 0


def test_a_route_with_an_effect(call):
    """A name with a slash is a route; nothing is known about it but the effect that is given."""
    ran = call("api/cart/products", "--effect", "read", "--output", "json")

    assert ran.code == 0
    assert ran.json["exchange"]["entity"] == "api/cart/products"


def test_a_refusal(call, assert_clear):
    """The remote's own reasons are in `errors`, ours beside them, and the exit code is 1."""
    ran = call("coupon.apply", "coupon=NOPE", "--before", ADD, "--output", "json")

    assert ran.code == 1
    assert list(ran.json)[:4] == ["verdict", "data", "errors", "exchange"]
    assert ran.json["verdict"] == "rejected"
    assert ran.json["errors"][0]["message"].startswith("Warning: Coupon is either invalid, expired")
    assert ran.json["reason"].startswith("the shop refuses it: ")


def test_a_refusal_for_people(call, assert_clear):
    """As text, the verdict is on standard output, under the entity's own name; the reason is told once, as an error."""
    ran = call("cart.add", "product_id=30", "quantity=1")

    assert ran.code == 1
    assert ran.stdout.splitlines()[0].startswith("rejected (cart.add, HTTP 200, ")
    assert "Select required!" not in ran.stdout
    assert ran.messages[0].startswith("error: cart_add: ")
    assert "option.226: Select required!" in ran.messages[0]
    assert_clear(ran)


def test_a_step_that_cannot_be_made(call, assert_clear):
    """A template over an answer that lacks the field sends nothing: the verdict is null, what was sent is there."""
    ran = call(
        "cart.edit", "key={{ steps.cart_products.lines }}", "quantity=1", "--before", "cart.products", "-o", "json"
    )

    assert ran.code == 1
    assert ran.json["verdict"] is None
    assert ran.json["reason"]
    assert [exchange["entity"] for exchange in ran.json["exchanges_before"]][-2:] == ["session.login", "cart.products"]
    assert_clear(ran)


def test_an_unknown_outcome(call, shop):
    """A commit without a readable answer is exit code 4, and says where to look."""
    shop.control("faults", route="order/delete", drop_after_processing=True)

    ran = call("order.delete", "order_id=1", "--output", "json")

    assert ran.code == 4
    assert ran.json["verdict"] == "unknown"
    assert ran.json["exchange"]["status"] is None


def test_a_question_without_an_answer(call, shop, assert_clear):
    """Nothing can have been committed, so nobody must look: exit code 1, though the verdict is the same."""
    shop.control("faults", route="cart/products", drop_after_processing=True)

    ran = call("cart.products")

    assert ran.code == 1
    assert ran.stdout.startswith("unknown (cart.products")
    assert "look" not in ran.stderr
    assert_clear(ran)


def test_secrets_and_persons_are_masked(call, shop):
    """Neither key nor token shows anywhere, nor a person's name in the exchanges."""
    ran = call(
        "customer.set",
        "firstname=Zebedee",
        "lastname=Lee",
        "email=zeb@example.com",
        "telephone=0612345678",
        "--output",
        "json",
    )

    assert ran.code == 0
    assert ran.json["exchange"]["request"]["firstname"] == "***"
    assert "Zebedee" not in ran.stdout + ran.stderr
    assert shop.key not in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["coupon.aply", "coupon=1"], 'no entity "coupon.aply"'),
        (["coupon.apply"], "data.coupon: required, but missing"),
        (["coupon.apply", "copon=1"], "data.copon: unknown field"),
        (["coupon.apply", "2222"], "'2222' is no field of a payload"),
        (["coupon.apply", "coupon:=nope"], "coupon:= is not JSON"),
        (["coupon.apply", "coupon=1", "coupon=2"], "coupon is given twice"),
        (["coupon.apply", "--data", "{"], "--data is not JSON"),
        (["coupon.apply", "--data", "[]"], "--data is no JSON object"),
        (["coupon.apply", "--data", "@nowhere.json"], "nowhere.json cannot be read: No such file or directory"),
        (["coupon.apply", "coupon=1", "--before", "cart.add product_id='40"], "cannot be read: no closing quotation"),
        (["coupon.apply", "coupon=1", "--before", " "], "--before is empty"),
        (["coupon.apply", "coupon=1", "--before", "cart.ad product_id=40"], 'before[0].entity: no entity "cart.ad"'),
        (["coupon.apply", "coupon=1", "--effect", "read"], "effect goes with route"),
        (["coupon.apply", "coupon={{ x }}"], 'there is no "x" here'),
        (["session.login", "key=x"], "the client does it by itself"),
    ],
)
def test_what_cannot_be_called_is_usage(call, assert_clear, arguments, told):
    """What is wrong with the words typed is told before anything is sent, with exit code 2."""
    ran = call(*arguments)

    assert ran.code == 2, ran.stderr
    assert told in ran.stderr
    assert ran.stdout == ""
    assert_clear(ran)
