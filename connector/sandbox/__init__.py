"""The practice shop: a small OpenCart look-alike that answers over real HTTP.

It is a program of its own. Nothing in here imports any other part of the package, so that a wrong idea in the client
cannot hide behind the same wrong idea in the shop it is tried against; an import contract holds that line.

Read it from the outside in: :mod:`connector.sandbox.server` is the HTTP edge, ``generation_*`` says how one generation
of the API behaves, ``shop`` holds the tables and the rules all generations share, and ``php`` imitates the habits of
the language the real shop is written in. :mod:`connector.sandbox.controls` is the door for people and tests that change
the shop behind the API's back.
"""
