"""Bad configurations, each with exactly what is said about it: place, what was found, what is accepted, what was meant.

The messages are part of what users see. Whoever changes one changes it here, and reads it as a user would.
"""

from __future__ import annotations

from textwrap import dedent

import pytest

from connector import ConfigError, load

SHOP = """clients:
  shop: {connector: opencart, base_url: "http://shop.test/", key: abcd1234, dialect: 3.0}
"""
"""Two lines in front of what is tried, so that its own first line is 3."""


def alone(text: str) -> str:
    """Return a configuration as it is written."""
    return dedent(text).lstrip("\n")


def with_shop(text: str) -> str:
    """Return a configuration with a client `shop` in front."""
    return SHOP + alone(text)


CASES = {
    # YAML
    "a list in place of sections": (
        alone("""
            - shop
            - routes
        """),
        [
            ("shop.yaml:1:1: found a list of 2 entries, accepted is a mapping of sections such as clients and routes"),
        ],
    ),
    "a tab": (
        alone("""
            clients:
            \tshop: {}
        """),
        [
            "shop.yaml:2:1: found a tab; indent with spaces",
        ],
    ),
    "a quote that is never closed": (
        alone("""
            clients:
              shop:
                base_url: "http://shop.test/
        """),
        [
            "shop.yaml:3:15: this quote is never closed; close it",
        ],
    ),
    "a brace that is never closed": (
        alone("""
            clients:
              shop: {connector: opencart
        """),
        [
            ('shop.yaml:3:1: found neither "," nor "}" in a list or mapping in brackets; add the missing "," or "}"'),
        ],
    ),
    "a key twice": (
        with_shop("""
            routes: {}
            routes: {}
        """),
        [
            'shop.yaml:4:1: routes: the key "routes" is written twice, first on line 3; keep one of them',
        ],
    ),
    "a name twice": (
        alone("""
            clients:
              shop: {connector: http, base_url: 'http://a.test'}
              shop: {connector: http, base_url: 'http://b.test'}
        """),
        [
            'shop.yaml:3:3: clients.shop: the key "shop" is written twice, first on line 2; keep one of them',
        ],
    ),
    "an unknown section": (
        with_shop("""
            outgoings: {}
        """),
        [
            (
                "shop.yaml:3:1: outgoings: unknown key, accepted are clients, incoming, outgoing, routes, alerts; "
                'did you mean "outgoing"?'
            ),
        ],
    ),
    "a tag": (
        alone("""
            clients:
              shop: !secret abcd
        """),
        [
            (
                "shop.yaml:2:9: clients.shop: found the YAML tag !secret, accepted are none; leave it out; put "
                "the value in quotes if it is meant to begin with !"
            ),
        ],
    ),
    "an alias of nothing": (
        alone("""
            clients:
              shop: *nowhere
        """),
        [
            (
                "shop.yaml:2:9: clients.shop: found *nowhere, and no &nowhere before it; put the value in quotes "
                "if it is meant to begin with *"
            ),
        ],
    ),
    "two documents": (
        with_shop("""
            ---
            routes: {}
        """),
        [
            "shop.yaml:3:1: found a second YAML document in this file; put the second one into a file of its own",
        ],
    ),
    # Variables
    "a variable that is not set": (
        alone("""
            clients:
              shop: {connector: opencart, base_url: '${SHOP_URL}', key: abcd1234}
        """),
        [
            (
                "shop.yaml:2:42: clients.shop.base_url: the variable SHOP_URL is not set; set it (environment, "
                ".env, or a file that SHOP_URL_FILE names), or write a default: ${SHOP_URL:…}"
            ),
        ],
    ),
    "a variable with a blank": (
        alone("""
            clients:
              shop: {connector: opencart, base_url: '${SHOP URL}', key: abcd1234}
        """),
        [
            (
                'shop.yaml:2:42: clients.shop.base_url: found "SHOP URL" as the name of a variable; write ${NAME} '
                "or ${NAME:default}; $${ is a literal ${"
            ),
        ],
    ),
    "a variable that is never closed": (
        alone("""
            clients:
              shop: {connector: opencart, base_url: '${SHOP_URL', key: abcd1234}
        """),
        [
            (
                'shop.yaml:2:42: clients.shop.base_url: found "${" without "}"; write ${NAME} or ${NAME:default}; '
                "$${ is a literal ${"
            ),
        ],
    ),
    "a variable without a name": (
        alone("""
            clients:
              shop: {connector: opencart, base_url: 'http://shop.test/${}', key: abcd1234}
        """),
        [
            (
                "shop.yaml:2:59: clients.shop.base_url: found nothing as the name of a variable; write ${NAME} or "
                "${NAME:default}; $${ is a literal ${"
            ),
        ],
    ),
    # Clients
    "clients as a list": (
        alone("""
            clients:
              - shop
        """),
        [
            "shop.yaml:2:3: clients: found a list of 1 entry, accepted is a mapping",
        ],
    ),
    "a client as text": (
        alone("""
            clients:
              shop: http://shop.test/
        """),
        [
            (
                'shop.yaml:2:9: clients.shop: found text "http://shop.test/", accepted is a mapping with keys '
                "such as connector, base_url"
            ),
        ],
    ),
    "no connector": (
        alone("""
            clients:
              shop: {base_url: 'http://shop.test/'}
        """),
        [
            (
                'shop.yaml:2:3: clients.shop: the key "connector" is required, but missing, accepted is one of '
                "opencart, http"
            ),
        ],
    ),
    "an unknown connector": (
        alone("""
            clients:
              shop: {connector: opencrat, base_url: 'http://shop.test/', key: abcd1234}
        """),
        [
            (
                'shop.yaml:2:21: clients.shop.connector: found text "opencrat", accepted is one of opencart, '
                'http; did you mean "opencart"?'
            ),
        ],
    ),
    "an unknown key": (
        alone("""
            clients:
              shop: {connector: http, base_ulr: 'http://shop.test/'}
        """),
        [
            (
                "shop.yaml:2:27: clients.shop.base_ulr: unknown key, accepted are base_url, log_requests, "
                "timeout, sessions, rate_limit, max_response, ca_file, proxy, proxy_auth, headers, connector, auth, "
                'payload; did you mean "base_url"?'
            ),
        ],
    ),
    "required keys missing": (
        alone("""
            clients:
              shop: {connector: opencart}
        """),
        [
            (
                'shop.yaml:2:3: clients.shop: the key "base_url" is required, but missing; base_url: Address of '
                "the remote system; of a shop, the folder in which its index.php lies"
            ),
            'shop.yaml:2:3: clients.shop: the key "key" is required, but missing; key: Key of the API user',
        ],
    ),
    "an address without a scheme": (
        alone("""
            clients:
              shop: {connector: opencart, base_url: shop.test, key: abcd1234}
        """),
        [
            (
                'shop.yaml:2:41: clients.shop.base_url: found text "shop.test", accepted is an address such as '
                "https://shop.example.com/"
            ),
        ],
    ),
    "an address with a query": (
        alone("""
            clients:
              shop: {connector: opencart, base_url: 'http://shop.test/?store=1', key: abcd1234}
        """),
        [
            (
                "shop.yaml:2:41: clients.shop.base_url: the address has a query or a fragment; write it up to the "
                "folder of index.php"
            ),
        ],
    ),
    "an address with a password": (
        alone("""
            clients:
              shop: {connector: opencart, base_url: 'http://me:secret@shop.test/', key: abcd1234}
        """),
        [
            (
                "shop.yaml:2:41: clients.shop.base_url: a user or password stands in the address; write them "
                "under username and key"
            ),
        ],
    ),
    "a time-out without a unit": (
        alone("""
            clients:
              shop: {connector: opencart, base_url: "http://shop.test/", key: abcd1234, timeout: {total: 60}}
        """),
        [
            (
                "shop.yaml:2:94: clients.shop.timeout.total: found the number 60, accepted is a duration such as "
                '500ms, 10s or 1h30m; did you mean "60s"?'
            ),
        ],
    ),
    "a time-out in words": (
        alone("""
            clients:
              shop: {connector: opencart, base_url: "http://shop.test/", key: abcd1234, timeout: {total: soon}}
        """),
        [
            (
                'shop.yaml:2:94: clients.shop.timeout.total: found text "soon", accepted is a duration such as '
                "500ms, 10s or 1h30m"
            ),
        ],
    ),
    "no session at all": (
        alone("""
            clients:
              shop: {connector: opencart, base_url: "http://shop.test/", key: abcd1234, sessions: 0}
        """),
        [
            "shop.yaml:2:87: clients.shop.sessions: found the number 0, accepted is 1 or more",
        ],
    ),
    "sessions in words": (
        alone("""
            clients:
              shop: {connector: opencart, base_url: "http://shop.test/", key: abcd1234, sessions: many}
        """),
        [
            'shop.yaml:2:87: clients.shop.sessions: found text "many", accepted is a whole number',
        ],
    ),
    "a rate without a unit": (
        alone("""
            clients:
              shop: {connector: opencart, base_url: "http://shop.test/", key: abcd1234, rate_limit: 20}
        """),
        [
            (
                "shop.yaml:2:89: clients.shop.rate_limit: found the number 20, accepted is a rate such as 20/s, "
                '600/min or 100/h; did you mean "20/s"?'
            ),
        ],
    ),
    "a size in words": (
        alone("""
            clients:
              shop: {connector: opencart, base_url: "http://shop.test/", key: abcd1234, max_response: huge}
        """),
        [
            ('shop.yaml:2:91: clients.shop.max_response: found text "huge", accepted is a size such as 512KiB or 10MB'),
        ],
    ),
    "yes for true": (
        alone("""
            clients:
              shop: {connector: opencart, base_url: "http://shop.test/", key: abcd1234, log_requests: yes}
        """),
        [
            (
                'shop.yaml:2:91: clients.shop.log_requests: found text "yes", accepted is true or false; did you '
                "mean true?"
            ),
        ],
    ),
    "a proxy with its password in the address": (
        alone("""
            clients:
              shop:
                connector: opencart
                base_url: "http://shop.test/"
                key: abcd1234
                proxy: http://me:hunter22@proxy.test:3128
        """),
        [
            (
                "shop.yaml:6:12: clients.shop.proxy: a user or password stands in the address; write them under "
                "proxy_auth"
            ),
        ],
    ),
    "a credential for no proxy": (
        alone("""
            clients:
              shop:
                connector: opencart
                base_url: "http://shop.test/"
                key: abcd1234
                proxy_auth: {username: me, password: hunter22}
        """),
        [
            "shop.yaml:6:5: clients.shop.proxy_auth: proxy_auth is given, but no proxy that would ask for it",
        ],
    ),
    "an unknown dialect": (
        alone("""
            clients:
              shop: {connector: opencart, base_url: "http://shop.test/", key: abcd1234, dialect: 5.0}
        """),
        [
            (
                "shop.yaml:2:86: clients.shop.dialect: found the number 5.0, accepted is one of auto, 2.3, 3.0, 4.0, "
                '4.1; did you mean "4.0"?'
            ),
        ],
    ),
    "two ways to log in": (
        alone("""
            clients:
              erp: {connector: http, base_url: 'http://erp.test',
                    auth: {bearer: abcd1234, basic: {username: u, password: abcd1234}}}
        """),
        [
            (
                "shop.yaml:3:9: clients.erp.auth: found bearer and basic, accepted is exactly one of header, "
                "query, bearer, basic"
            ),
        ],
    ),
    "an unknown payload": (
        alone("""
            clients:
              erp: {connector: http, base_url: 'http://erp.test', payload: xml}
        """),
        [
            'shop.yaml:2:64: clients.erp.payload: found text "xml", accepted is one of json, form',
        ],
    ),
    # Calls
    "an unknown client": (
        with_shop("""
            outgoing:
              o: {publisher: {client: shpo, entity: coupon.apply}}
        """),
        [
            (
                'shop.yaml:4:27: outgoing.o.publisher.client: no client is called "shpo", there are: shop; did '
                'you mean "shop"?'
            ),
        ],
    ),
    "an unknown entity": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  entity: coupon.aply
        """),
        [
            (
                'shop.yaml:7:15: outgoing.o.publisher.entity: no entity "coupon.aply" in the catalog of opencart; '
                'did you mean "coupon.apply"?'
            ),
        ],
    ),
    "an unknown title": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  entity: Coupon - Apply existing copon
        """),
        [
            (
                'shop.yaml:7:15: outgoing.o.publisher.entity: no entity "Coupon - Apply existing copon" in the '
                'catalog of opencart; did you mean "Coupon - Apply existing coupon"?'
            ),
        ],
    ),
    "a route as an entity": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  entity: api/coupon
        """),
        [
            (
                'shop.yaml:7:15: outgoing.o.publisher.entity: no entity "api/coupon" in the catalog of opencart; '
                "a route is written under `route:`; this one is the entity coupon.apply"
            ),
        ],
    ),
    "an entity of a client without catalog": (
        alone("""
            clients:
              erp: {connector: http, base_url: 'http://erp.test'}
            incoming:
              i: {subscriber: {client: erp, entity: orders}}
        """),
        [
            (
                'shop.yaml:4:41: incoming.i.subscriber.entity: no entity "orders" in the catalog of http; http '
                "has no catalog: write `route:` in place of `entity:`"
            ),
        ],
    ),
    "neither entity nor route": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  data: {}
        """),
        [
            "shop.yaml:5:5: outgoing.o.publisher: found neither of entity and route, accepted is exactly one",
        ],
    ),
    "both entity and route": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  entity: coupon.apply
                  route: api/coupon
        """),
        [
            "shop.yaml:5:5: outgoing.o.publisher: found both of entity and route, accepted is exactly one",
        ],
    ),
    "an effect beside an entity": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  entity: coupon.apply
                  effect: read
        """),
        [
            ("shop.yaml:8:15: outgoing.o.publisher.effect: effect goes with route; the effect of an entity is known"),
        ],
    ),
    "an unknown effect": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  route: api/my/own
                  effect: write
        """),
        [
            (
                'shop.yaml:8:15: outgoing.o.publisher.effect: found text "write", accepted is one of read, '
                "session, commit"
            ),
        ],
    ),
    "a log-in by hand": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  entity: session.login
        """),
        [
            (
                "shop.yaml:7:15: outgoing.o.publisher.entity: session.login cannot be called: the client does it "
                "by itself, before the first call of a session; leave it out"
            ),
        ],
    ),
    "two steps of one name": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  before:
                    - {entity: cart.products, name: cart}
                    - {entity: cart.products, name: cart}
                  entity: coupon.apply
        """),
        [
            (
                "shop.yaml:9:41: outgoing.o.publisher.before[1].name: two steps are called 'cart'; a step's name "
                "is used once"
            ),
        ],
    ),
    "the answer of a step that comes later": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  before:
                    - {entity: cart.products, name: cart, data: {}}
                    - entity: currency.set
                      data: {currency: "{{ steps.offers.code }}"}
                    - {entity: shipping.methods, name: offers}
                  entity: cart.products
        """),
        [
            (
                'shop.yaml:10:38: outgoing.o.publisher.before[1].data.currency: there is no "steps.offers" here, '
                "known are: cart"
            ),
        ],
    ),
    "answers of steps that are not there": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  before:
                    - {entity: cart.products, name: cart}
                    - {entity: shipping.methods}
                  entity: coupon.apply
                  data: {coupon: "{{ steps['crat'].coupon }}{{ steps.cart.coupon }}{{ steps.get('any') }}"}
                  transform:
                    - filter: "{{ steps.order_add is defined }}"
        """),
        [
            (
                'shop.yaml:11:33: outgoing.o.publisher.data.coupon: there is no "steps.crat" here, known are: cart, '
                'shipping_methods; did you mean "cart"?'
            ),
            (
                'shop.yaml:13:29: outgoing.o.publisher.transform[0].filter: there is no "steps.order_add" here, known '
                "are: cart, shipping_methods"
            ),
        ],
    ),
    "an earlier answer where there is none": (
        with_shop("""
            outgoing:
              o:
                transform:
                  - set: {total: "{{ steps.cart.total }}"}
                publisher: {client: shop, entity: cart.products}
        """),
        [
            (
                'shop.yaml:6:26: outgoing.o.transform[0].set.total: there is no "steps" here, known are: record, '
                "now(), range(), uuid(); a field of the record is written record.steps"
            ),
        ],
    ),
    "a step whose name templates cannot speak of": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  before:
                    - {entity: cart.products, name: my cart}
                  entity: coupon.apply
                  data: {coupon: "2222"}
        """),
        [
            (
                'shop.yaml:8:41: outgoing.o.publisher.before[0].name: found text "my cart", accepted is a name of '
                "letters, digits and _ that begins with no digit"
            ),
        ],
    ),
    "names that cannot be typed as one word": (
        alone("""
            clients:
              my shop: {connector: opencart, base_url: "http://shop.test/", key: abcd1234}
            routes:
              -x: {outgoing: {publisher: {client: my shop, entity: currency.set}}}
        """),
        [
            (
                'shop.yaml:2:3: clients["my shop"]: found the key "my shop", accepted is a name of letters, digits, - '
                "and _ (at most 64)"
            ),
            (
                'shop.yaml:4:3: routes.-x: found the key "-x", accepted is a name of letters, digits, - and _ '
                "(at most 64)"
            ),
        ],
    ),
    "a truth as a key": (
        alone("""
            clients:
              shop: {connector: opencart, base_url: "http://shop.test/", key: true}
        """),
        [
            (
                "shop.yaml:2:67: clients.shop.key: found true or false, accepted is a secret text; for the word, "
                "write it in quotes"
            ),
        ],
    ),
    "a misspelt key with a variable that is not set": (
        alone("""
            clients:
              shop: {connector: opencart, base_url: "http://shop.test/", kay: "${NOT_SET}"}
        """),
        [
            (
                "shop.yaml:2:62: clients.shop.kay: unknown key, accepted are base_url, log_requests, timeout, "
                "sessions, rate_limit, max_response, ca_file, proxy, proxy_auth, headers, connector, username, key, "
                'dialect, store_id, language, currency, signature; did you mean "key"?'
            ),
            (
                "shop.yaml:2:68: clients.shop.kay: the variable NOT_SET is not set; set it (environment, .env, or a "
                "file that NOT_SET_FILE names), or write a default: ${NOT_SET:…}"
            ),
        ],
    ),
    "a subscriber as a publisher": (
        with_shop("""
            outgoing:
              o: {subscriber: {client: shop, entity: coupon.apply}}
        """),
        [
            (
                'shop.yaml:4:3: outgoing.o: the key "publisher" is required, but missing; publisher: Where the '
                "records go"
            ),
            "shop.yaml:4:7: outgoing.o.subscriber: unknown key, accepted are publisher, transform",
        ],
    ),
    "an empty publisher": (
        with_shop("""
            outgoing:
              o: {publisher: }
        """),
        [
            (
                "shop.yaml:4:7: outgoing.o.publisher: found nothing, accepted is a mapping with keys such as "
                "entity, route, effect, data"
            ),
        ],
    ),
    # Payloads
    "a required field missing": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  entity: coupon.apply
                  data: {}
        """),
        [
            (
                "shop.yaml:8:7: outgoing.o.publisher.data.coupon: required, but missing: an empty code removes "
                "the coupon and answers with an error"
            ),
        ],
    ),
    "an unknown field": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  entity: shipping.method
                  data: {shiping_method: flat.flat}
        """),
        [
            "shop.yaml:8:7: outgoing.o.publisher.data.shipping_method: required, but missing",
            (
                "shop.yaml:8:14: outgoing.o.publisher.data.shiping_method: unknown field; shipping.method takes "
                'shipping_method; did you mean "shipping_method"?'
            ),
        ],
    ),
    "fields of the wrong type": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  entity: cart.add
                  data: {product_id: forty, quantity: 0}
        """),
        [
            (
                'shop.yaml:8:26: outgoing.o.publisher.data.product_id: found text "forty", accepted is a whole '
                "number of at least 1: the shop reads only the digits in front, and answers nothing at all without "
                "them"
            ),
            (
                "shop.yaml:8:43: outgoing.o.publisher.data.quantity: found the number 0, accepted is a whole "
                "number of at least 1: the shop answers success to anything, and the line is wrong, or gone when "
                "the cart is next read"
            ),
        ],
    ),
    "brackets in a field's name": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  entity: cart.add
                  data: {product_id: 30, 'option[226]': 15}
        """),
        [
            (
                'shop.yaml:8:30: outgoing.o.publisher.data["option[226]"]: write it nested, option: {226: …}, not '
                "with brackets"
            ),
        ],
    ),
    "a status that voids the order": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  entity: order.history
                  data: {order_id: 1, order_status_id: 0}
        """),
        [
            (
                "shop.yaml:8:44: outgoing.o.publisher.data.order_status_id: found the number 0, accepted is a whole "
                "number of at least 1: without a status the shop takes 0, which hides the order in its list and "
                "puts the stock back"
            ),
        ],
    ),
    # Templates and paths
    "a template that is never closed": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  entity: coupon.apply
                  data: {coupon: '{{ record.code'}
        """),
        [
            (
                "shop.yaml:8:23: outgoing.o.publisher.data.coupon: the template cannot be read: unexpected end of "
                "template, expected the end of print statement"
            ),
        ],
    ),
    "an unknown filter": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  entity: coupon.apply
                  data: {coupon: '{{ record.code | uper }}'}
        """),
        [
            'shop.yaml:8:40: outgoing.o.publisher.data.coupon: there is no filter "uper"; did you mean "upper"?',
        ],
    ),
    "an unknown name": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  entity: coupon.apply
                  data: {coupon: '{{ recrod.code }}'}
        """),
        [
            (
                'shop.yaml:8:26: outgoing.o.publisher.data.coupon: there is no "recrod" here, known are: page, '
                'record, steps, now(), range(), uuid(); did you mean "record"?'
            ),
        ],
    ),
    "an unknown type": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  entity: coupon.apply
                  data: {coupon: {value: '{{ record.code }}', type: txet}}
        """),
        [
            (
                'shop.yaml:8:57: outgoing.o.publisher.data.coupon.type: there is no type "txet", accepted are '
                'text, integer, number, decimal, boolean, date, datetime, list, object, any; did you mean "text"?'
            ),
        ],
    ),
    "a path that ends too early": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  entity: coupon.apply
                transform:
                  - split: '$.lines[*'
        """),
        [
            (
                "shop.yaml:9:16: outgoing.o.transform[0].split: $.lines[* is no JSONPath: it ends too early; "
                "names with other characters than letters, digits, _ and - stand in quotes: $['Order number']"
            ),
        ],
    ),
    "a path that is none": (
        with_shop("""
            incoming:
              i:
                subscriber:
                  client: shop
                  entity: cart.products
                  records: '$..['
        """),
        [
            (
                "shop.yaml:8:16: incoming.i.subscriber.records: $..[ is no JSONPath: it ends too early; names "
                "with other characters than letters, digits, _ and - stand in quotes: $['Order number']"
            ),
        ],
    ),
    # Transform steps
    "an unknown step": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  entity: coupon.apply
                transform:
                  - sett: {a: 1}
        """),
        [
            (
                'shop.yaml:9:9: outgoing.o.transform[0].sett: there is no step "sett", accepted are set, copy, '
                "move, remove, pick, map, cast, filter, if, split, each, store.get, store.put, changed; "
                'did you mean "set"?'
            ),
        ],
    ),
    "two steps in one": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  entity: coupon.apply
                transform:
                  - set: {a: 1}
                    remove: [b]
        """),
        [
            (
                "shop.yaml:9:9: outgoing.o.transform[0]: a step has one key, found: set, remove; begin each step "
                "with a - of its own"
            ),
        ],
    ),
    "a step without its options": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  entity: coupon.apply
                transform:
                  - filter
        """),
        [
            (
                'shop.yaml:9:9: outgoing.o.transform[0]: found text "filter", accepted is a step, which is a '
                "mapping with one key; filter: …"
            ),
        ],
    ),
    "steps as a mapping": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  entity: coupon.apply
                transform:
                  set: {a: 1}
        """),
        [
            (
                "shop.yaml:9:7: outgoing.o.transform: found a mapping with the keys set, accepted is a list of "
                "transform steps"
            ),
        ],
    ),
    "a filter without a condition": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  entity: coupon.apply
                transform:
                  - filter: open
        """),
        [
            (
                'shop.yaml:9:17: outgoing.o.transform[0].filter: found text "open", accepted is a template; write '
                "an expression that is true or false, such as {{ record.status == 'paid' }}"
            ),
        ],
    ),
    "a map without values": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  entity: coupon.apply
                transform:
                  - map: {field: country}
        """),
        [
            (
                'shop.yaml:9:9: outgoing.o.transform[0].map: the key "values" is required, but missing; values: '
                "What each value becomes. Numbers and booleans are looked up by their text form (`1`, `true`)"
            ),
        ],
    ),
    "an unknown type in cast": (
        with_shop("""
            outgoing:
              o:
                publisher:
                  client: shop
                  entity: coupon.apply
                transform:
                  - cast: {total: money}
        """),
        [
            (
                'shop.yaml:9:23: outgoing.o.transform[0].cast.total: there is no type "money", accepted are text, '
                "integer, number, decimal, boolean, date, datetime, list, object, any"
            ),
        ],
    ),
    # Pagination
    "an unknown pagination": (
        with_shop("""
            incoming:
              i:
                subscriber:
                  client: shop
                  entity: cart.products
                  pagination: pages
        """),
        [
            (
                'shop.yaml:8:19: incoming.i.subscriber.pagination: found text "pages", accepted is none, or a '
                "mapping with one of page, offset, cursor, next_link, link_header"
            ),
        ],
    ),
    "two paginations": (
        with_shop("""
            incoming:
              i:
                subscriber:
                  client: shop
                  entity: cart.products
                  pagination: {page: {in: form, name: page}, offset: {in: form, name: offset}}
        """),
        [
            (
                "shop.yaml:8:7: incoming.i.subscriber.pagination: found page and offset, accepted is exactly one of "
                "page, offset, cursor, next_link, link_header; or pagination: none"
            ),
        ],
    ),
    "a page in an unknown place": (
        with_shop("""
            incoming:
              i:
                subscriber:
                  client: shop
                  entity: cart.products
                  pagination: {page: {in: body, name: page}}
        """),
        [
            (
                'shop.yaml:8:31: incoming.i.subscriber.pagination.page.in: found text "body", accepted is one of '
                "form, query, header, json"
            ),
        ],
    ),
    # Routes
    "an unknown incoming and outgoing": (
        with_shop("""
            outgoing:
              apply: {publisher: {client: shop, entity: coupon.apply}}
            routes:
              r: {incoming: coupons, outgoing: aply}
        """),
        [
            'shop.yaml:6:17: routes.r.incoming: no incoming is called "coupons", there are: none',
            (
                'shop.yaml:6:36: routes.r.outgoing: no outgoing is called "aply", there are: apply; did you mean '
                '"apply"?'
            ),
        ],
    ),
    "no outgoing": (
        with_shop("""
            routes:
              r: {key: '{{ record.id }}'}
        """),
        [
            (
                'shop.yaml:4:3: routes.r: the key "outgoing" is required, but missing; outgoing: Name of an '
                "outgoing, or one written in place"
            ),
        ],
    ),
    "nothing at once": (
        with_shop("""
            routes:
              r: {concurrency: 0, outgoing: {publisher: {client: shop, entity: coupon.apply}}}
        """),
        [
            "shop.yaml:4:20: routes.r.concurrency: found the number 0, accepted is 1 or more",
        ],
    ),
    "one wait instead of two": (
        with_shop("""
            routes:
              r: {retry: {backoff: 1m}, outgoing: {publisher: {client: shop, entity: coupon.apply}}}
        """),
        [
            (
                'shop.yaml:4:24: routes.r.retry.backoff: found text "1m", accepted is a first and a longest wait, '
                "such as 1s..30s"
            ),
        ],
    ),
    "waits the wrong way round": (
        with_shop("""
            routes:
              r: {retry: {backoff: 1m..1s}, outgoing: {publisher: {client: shop, entity: coupon.apply}}}
        """),
        [
            "shop.yaml:4:24: routes.r.retry.backoff: the first wait is longer than the longest",
        ],
    ),
}


@pytest.mark.parametrize(("text", "faults"), CASES.values(), ids=CASES)
def test_message(tmp_path, monkeypatch, text, faults):
    """Every fault is told, once, in these words."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.yaml").write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        load("shop.yaml", environment={})

    assert [str(fault) for fault in caught.value.faults] == faults


def test_no_message_shows_a_secret():
    """Credentials stand in many of these configurations, and in none of the messages."""
    told = "\n".join(fault for _, faults in CASES.values() for fault in faults)

    assert "abcd1234" not in told
    assert "secret@" not in told
