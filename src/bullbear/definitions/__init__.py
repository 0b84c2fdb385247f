"""TOML definitions: what the files hold, how they are read, and the registries of the kinds that they name.

Python says what can be computed, TOML says what is used. A definition is checked when it is loaded: an unknown key, a
wrong type or a duplicate name stops it there, never in the middle of a training.
"""

from bullbear.definitions.kinds import Kinds
from bullbear.definitions.models import (
    ASSET,
    Day,
    FactorSpec,
    FeatureSet,
    MemberDefinition,
    ModelDefinition,
    PolicyFile,
    PolicyTable,
    Scalar,
    Target,
    Universe,
)
from bullbear.definitions.questions import UP, Question
from bullbear.definitions.reading import Definition, Name, Sentence, Source, digest, is_name, read, validate

__all__ = [
    "ASSET",
    "UP",
    "Day",
    "Definition",
    "FactorSpec",
    "FeatureSet",
    "Kinds",
    "MemberDefinition",
    "ModelDefinition",
    "Name",
    "PolicyFile",
    "PolicyTable",
    "Question",
    "Scalar",
    "Sentence",
    "Source",
    "Target",
    "Universe",
    "digest",
    "is_name",
    "read",
    "validate",
]
