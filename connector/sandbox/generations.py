"""The generations the practice shop plays."""

from types import MappingProxyType
from typing import Final

from connector.sandbox.generation import Generation
from connector.sandbox.generation_2_3.lifecycle import Generation23
from connector.sandbox.generation_3_0.lifecycle import Generation30
from connector.sandbox.generation_4_0.lifecycle import Generation40
from connector.sandbox.generation_4_1.lifecycle import Generation41

GENERATIONS: Final[MappingProxyType[str, Generation]] = MappingProxyType(
    {generation.name: generation for generation in (Generation23(), Generation30(), Generation40(), Generation41())}
)
"""By the name of the dialect."""
