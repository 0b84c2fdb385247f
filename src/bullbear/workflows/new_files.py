"""`bullbear new`: a commented, working starting point for something of one's own, written into the home.

Templates are package data, `templates/*.txt`. A file that exists is never overwritten: a table is added at its end, and
all else is refused. What cannot be read back as it should be is not written.
"""

from __future__ import annotations

import keyword
import re
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from string import Template

from bullbear.definition_files import SHARED_FILES
from bullbear.errors import DefinitionError, Found, InputError
from bullbear.files import write_whole
from bullbear.home import Home


class New(StrEnum):
    """What `bullbear new` can write."""

    FACTOR = "factor"
    FEATURES = "features"
    MODEL = "model"
    LEARNER = "learner"
    QUESTION = "question"
    EVENT = "event"
    POLICY = "policy"
    PAIR = "pair"
    INSTRUMENT = "instrument"


@dataclass(frozen=True)
class Written:
    """What was written, and the commands that use it."""

    kind: str
    name: str
    files: tuple[str, ...]
    """Relative to the home."""
    added_to: tuple[str, ...]
    """Those of `files` that had been there."""
    commands: tuple[str, ...]
    hint: str


@dataclass(frozen=True)
class _File:
    """A template and where it goes; `header` begins a file to which tables are added, None for a file of its own."""

    template: str
    target: str
    header: str | None = None


_ODDS = 'name = "odds"\nwhy = "Odds events of my own."\n'
_QUESTIONS = "# Questions of my own; they add to the packaged ones.\n"
_PAIRS = "# Pairs of my own; they add to the packaged ones.\n"
_INSTRUMENTS = "# Instruments of my own; they add to the packaged ones.\n"
_TICKER = r"[A-Z0-9][A-Z0-9.\-]{0,11}"
_IDENTIFIER = r"[a-z][a-z0-9_]*"


@dataclass(frozen=True)
class _Kind:
    files: tuple[_File, ...]
    commands: tuple[str, ...]
    hint: str
    tickers: bool = False
    """Whether its name is a ticker."""


_KINDS: dict[tuple[New, bool], _Kind] = {
    (New.FACTOR, True): _Kind(
        (_File("factor.py", "factors/{name}.py"), _File("factor.toml", "features/{name}.toml")),
        ("factors {name}", "factors {name} --plot"),
        'A model reads it with features = ["technical", "{name}"]; `bullbear new model NAME` writes one.',
    ),
    (New.FEATURES, False): _Kind(
        (_File("features.toml", "features/{name}.toml"),),
        ("factors {name}_roc", "factors {name}_rsi_5 --plot"),
        'A model reads it with features = ["{name}"]; `bullbear new model NAME` writes one.',
    ),
    (New.MODEL, False): _Kind(
        (_File("model.toml", "models/{name}.toml"),),
        ("train {name}", "evaluate {name}", "promote {name}"),
        "The file says what each key means; the page on models of the documentation has all keys.",
    ),
    (New.LEARNER, True): _Kind(
        (_File("learner.py", "learners/{name}.py"), _File("learner_model.toml", "models/{name}.toml")),
        ("train {name}", "evaluate {name}"),
        "After an edit of the file train again: a model carries the code that it was trained with.",
    ),
    (New.QUESTION, False): _Kind(
        (
            _File("question.toml", "models/questions.toml", _QUESTIONS),
            _File("question_model.toml", "models/{name}.toml"),
        ),
        ("odds --question {name} --all", "train {name}", "evaluate {name}"),
        'A model answers it with questions = ["{name}"].',
    ),
    (New.EVENT, False): _Kind(
        (_File("event.toml", "features/odds.toml", _ODDS),),
        ("odds --event {name}", "odds --event {name} --chart"),
        "Most events tell no more than the base rate does: read the q-value.",
    ),
    (New.POLICY, False): _Kind(
        (_File("policy.toml", "models/policies/{name}.toml"),),
        ("backtest champion --policy {name}",),
        'A model holds what it says with policy = "{name}".',
    ),
    (New.POLICY, True): _Kind(
        (
            _File("policy.py", "policies/{name}.py"),
            _File("policy_of_python.toml", "models/policies/{name}.toml"),
        ),
        ("backtest champion --policy {name}",),
        'A model holds what it says with policy = "{name}".',
    ),
    (New.PAIR, False): _Kind(
        (_File("pair.toml", "models/pairs.toml", _PAIRS),),
        (
            "train climatology --pair {name}",
            "promote climatology --pair {name}",
            "forecast --pair {name}",
        ),
        "Its runs, champions, ledger and report are in pairs/{name}/.",
        tickers=True,
    ),
    (New.INSTRUMENT, False): _Kind(
        (_File("instrument.toml", "models/instruments.toml", _INSTRUMENTS),),
        ("instruments {name}",),
        'A policy holds it where it names the ticker, such as bear_instrument = "{name}".',
        tickers=True,
    ),
    (New.INSTRUMENT, True): _Kind(
        (
            _File("instrument.py", "instruments/{kind}.py"),
            _File("instrument_of_python.toml", "models/instruments.toml", _INSTRUMENTS),
        ),
        ("instruments {name}",),
        'A policy holds it where it names the ticker, such as bull_instrument = "{name}".',
        tickers=True,
    ),
}


def write_new(home: Home, kind: New, name: str, *, python: bool = False) -> Written:
    """Write the starting point of a kind into a home.

    Parameters
    ----------
    python
        Of a policy or an instrument: a class of one's own beside the file that names it. Factors and learners are
        Python anyway, and nothing else can be.

    Raises
    ------
    InputError
        The name cannot be used or is taken, or the kind has no Python; nothing has been written.
    DefinitionError
        A file to which a table would be added cannot be read.
    """
    always = (kind, False) not in _KINDS
    if python and (kind, True) not in _KINDS:
        raise InputError("--python", kind.value, "factor, learner, policy or instrument", "leave it out")
    recipe = _KINDS[kind, python or always]
    _check_name(recipe, kind, name)
    _check_free(home, kind, name, python=python)
    values = _values(home, kind, name)
    pieces = list(recipe.files)
    if kind is New.PAIR and name not in home.instruments():
        pieces.insert(0, _File("instrument.toml", "models/instruments.toml", _INSTRUMENTS))
    texts: dict[Path, str] = {}
    added = []
    for piece in pieces:
        path = home.root / piece.target.format(**values)
        text = _filled(piece.template, values)
        if piece.header is not None:
            if path.exists():
                added.append(path)
            text = _with_table(path, piece.header, text)
        elif path.exists():
            shown = str(path.relative_to(home.root))
            raise InputError("NAME", name, f"one without a file yet; {shown} exists", "choose another name")
        texts[path] = text
    _require_python(name, texts)
    _write_all(texts)
    return Written(
        kind.value,
        name,
        tuple(str(path.relative_to(home.root)) for path in texts),
        tuple(str(path.relative_to(home.root)) for path in added),
        tuple(f"bullbear {each.format(**values)}" for each in recipe.commands),
        _hint(home, kind, name, recipe.hint.format(**values), texts),
    )


def _hint(home: Home, kind: New, name: str, hint: str, texts: Mapping[Path, str]) -> str:
    """The hint of a kind, with what is asked or what is missing before the commands work."""
    if kind in (New.QUESTION, New.EVENT):
        path, text = next(iter(texts.items()))
        made = tomllib.loads(text)[kind.value][-1]
        what = "It asks" if kind is New.QUESTION else "The event"
        said = str(made["sentence" if kind is New.QUESTION else "says"]).removesuffix(".")
        return f'{what}: "{said}." Edit {path.relative_to(home.root)} to make it yours. {hint}'
    if kind is New.PAIR:
        store = home.store()
        if store.is_empty or not store.as_of().has("bars", name):
            return (
                f"The store has no bars of {name}: the commands work once `bullbear fetch`, or `bullbear ingest DIR` "
                f"with prices/{name}.csv in DIR, has brought them. {hint}"
            )
    return hint


def _require_python(name: str, texts: Mapping[Path, str]) -> None:
    for path, text in texts.items():
        if path.suffix == ".py":
            try:
                compile(text, path.name, "exec")
            except SyntaxError as bad:
                raise InputError("NAME", name, "a name that Python can read", "choose another name") from bad


def _write_all(texts: Mapping[Path, str]) -> None:
    """Write all or, where one cannot be written, none; a link stays one."""
    before: dict[Path, bytes | None] = {}
    try:
        for path, text in texts.items():
            there = path.resolve()
            before[there] = there.read_bytes() if there.exists() else None
            write_whole(there, text)
    except BaseException:
        for there, content in before.items():
            with suppress(OSError):  # must not hide the cause
                if content is None:
                    there.unlink(missing_ok=True)
                elif there.read_bytes() != content:
                    write_whole(there, content)
        raise


def _class_name(name: str) -> str:
    found = "".join(part.capitalize() for part in re.split(r"\W|_", name))
    return found if found.isidentifier() and not keyword.iskeyword(found) else f"My{found}"


def _check_name(recipe: _Kind, kind: New, name: str) -> None:
    pattern, allowed = (
        (_TICKER, "a ticker in capital letters, such as DIA")
        if recipe.tickers
        else (_IDENTIFIER, "small letters, digits and _, a letter first, such as my_factor")
    )
    if not re.fullmatch(pattern, name):
        raise InputError("NAME", name, allowed, "choose another name")
    shared = {New.MODEL: SHARED_FILES, New.LEARNER: SHARED_FILES, New.QUESTION: SHARED_FILES}.get(kind, frozenset())
    if keyword.iskeyword(name) or name in shared or (kind in (New.FEATURES, New.FACTOR) and name == "odds"):
        raise InputError("NAME", name, "a name without a meaning of its own", "choose another name")


def _check_free(home: Home, kind: New, name: str, *, python: bool) -> None:
    for what, taken in _names(home, kind, python=python).items():
        if name in taken():
            raise InputError("NAME", name, f"a name that no other {what} has", "choose another name")


def _names(home: Home, kind: New, *, python: bool) -> Mapping[str, Callable[[], set[str]]]:
    """What would bear the name, and the names that are taken."""

    def files(folder: str) -> Callable[[], set[str]]:
        return lambda: set(home.names(folder))

    found: dict[New, dict[str, Callable[[], set[str]]]] = {
        New.FACTOR: {"factor": lambda: _factors(home), "feature set": files("features")},
        New.FEATURES: {"feature set": files("features")},
        New.MODEL: {"model": files("models")},
        New.LEARNER: {"learner": _learners, "model": files("models")},
        New.QUESTION: {"question": lambda: set(home.questions()), "model": files("models")},
        New.EVENT: {"event": lambda: {each.name for each in home.events().event}},
        New.POLICY: {"policy": files("models/policies"), **({"kind of policy": _policies} if python else {})},
        New.PAIR: {"pair": lambda: {"IWM", *home.pairs()}},
        New.INSTRUMENT: {"instrument": lambda: {"CASH", *home.instruments()}},
    }
    return found[kind]


def _factors(home: Home) -> set[str]:
    from bullbear.workflows.factor_catalogue import names_of

    return names_of(home)


def _learners() -> set[str]:
    from bullbear.learn import LEARNERS

    return set(LEARNERS.names())


def _policies() -> set[str]:
    from bullbear.decide.policy import POLICIES

    return set(POLICIES.names())


def _values(home: Home, kind: New, name: str) -> dict[str, str]:
    """What the templates of a kind are filled with."""
    identifier = re.sub(r"\W", "_", name.lower())
    values = {
        "name": name,
        "kind": identifier if identifier[0].isalpha() else f"kind_{identifier}",
        "class_name": _class_name(name),
        "multiple": "1.0" if kind is New.PAIR else "-1.0",
        "expense": "0.0020" if kind is New.PAIR else "0.0095",
        "inception": "2006-06-19",
    }
    if kind in (New.PAIR, New.INSTRUMENT):
        known = home.instruments().values()
        inverse = [each for each in known if each.multiple < 0 and each.model_fund and each.model_fund.tracks == name]
        bears = sorted(inverse, key=lambda each: -each.multiple)[:3]
        values["bears"] = ", ".join(f'"{each.ticker}"' for each in bears)
        store = home.store()
        if not store.is_empty and (view := store.as_of()).has("bars", name):
            values["inception"] = str(view.bars(name).index[0].date())
    return values


def _filled(template: str, values: Mapping[str, str]) -> str:
    text = files("bullbear").joinpath("templates", f"{template}.txt").read_text(encoding="utf-8")
    return Template(text).substitute(values)


def _with_table(path: Path, header: str, table: str) -> str:
    """The text of a file with one more table at its end; `header` begins one that does not exist yet."""
    shown = "/".join(path.parts[-2:])
    try:
        before = path.read_text(encoding="utf-8-sig") if path.exists() else header
        text = f"{before.rstrip()}\n\n{table}"
        tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as bad:
        given = Found(" ".join(f"cannot take another table: {bad}".split()))
        raise DefinitionError(shown, given, "TOML in UTF-8", "correct the file") from bad
    return text
