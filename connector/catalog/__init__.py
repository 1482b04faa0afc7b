"""What a remote system's API offers, as data: entities, their fields, and what a call of them means.

The data lies in `data/<connector>/`; `schema` says how its files look. Nothing here reaches the network.

A client's dialect is fixed or found out at run time (`auto`). A call is checked the same way in both cases:

```python
entity = catalog.find("customer.set")
variants = entity.offered(catalog.resolve(dialect))     # UnknownEntityError: no generation it may be has it
problems = check_anywhere(variants, payload)            # none where one of them takes the payload
```

and sent once the generation is known, with its own rules:

```python
variant = entity.variant(client.dialect)                # UnknownEntityError: this generation lacks it
problems = check_payload(variant, payload)
operation, fields = entity.operation(client.dialect), variant.rename(payload)
```
"""
