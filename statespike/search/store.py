"""What is known of trials: a table in a database, a row for each trial by the digest of its content.

A row is written when its trial is done, whole or not at all, and never again. A search that was killed at any
moment has lost the trials that were running; the next run of the same command finds the others here.
"""

import json
from pathlib import Path
from types import TracebackType

from sqlalchemy import Column, LargeBinary, MetaData, String, Table, Text, create_engine, event, select
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError

from quantize.errors import StatespikeError
from quantize.reading import reading, reason
from statespike.search.trial import Candidate, Outcome, Result, Trial

_METADATA = MetaData()
_TRIALS = Table(
    "statespike_trials",
    _METADATA,
    Column("key", String(64), primary_key=True),
    Column("trial", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("checkpoint", LargeBinary, nullable=False),
)
SHORTEST_ID = 4
"""Digits of the shortest identifier that is looked up."""


class Store:
    """The results of trials. Use as a context manager.

    Parameters
    ----------
    place : str
        File of SQLite, or a database by its URL.

    Raises
    ------
    StatespikeError
        If the database cannot be opened; so do all methods if it fails.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        url = place if "://" in place else f"sqlite:///{Path(place).absolute()}"
        try:
            self._engine = create_engine(url)
            if self._engine.dialect.name == "sqlite":
                event.listen(self._engine, "connect", _wait_for_others)
            _METADATA.create_all(self._engine)
        except ModuleNotFoundError as error:
            raise StatespikeError(
                f"{place}: the driver {error.name} is not installed; install it, or name a file for --study"
            ) from error
        except ArgumentError as error:
            raise StatespikeError(
                f"{place}: no URL of a database ({reason(error)}); give one, or the name of a file"
            ) from error
        except SQLAlchemyError as error:
            raise self._failure(error) from error

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.dispose()

    def put(self, trial: Trial, outcome: Outcome) -> None:
        """Keep an outcome; of a trial that is known already, the first one stays."""
        row = {
            "key": trial.key,
            "trial": json.dumps(trial.as_json()),
            "result": json.dumps(outcome.result.as_json()),
            "checkpoint": outcome.checkpoint,
        }
        try:
            with self._engine.begin() as connection:
                connection.execute(_TRIALS.insert(), row)
        except IntegrityError:
            pass  # another client was first, with the same outcome
        except SQLAlchemyError as error:
            raise self._failure(error) from error

    def get(self, trial: Trial) -> Result | None:
        """The result of a trial; None if it is not known."""
        rows = self._rows(_TRIALS.c.key == trial.key)
        return rows[0].result if rows else None

    def find(self, identifier: str) -> Candidate:
        """The candidate whose key begins with some digits.

        Raises
        ------
        StatespikeError
            If there is none, or more than one.
        """
        digits = identifier.lower()
        if len(digits) < SHORTEST_ID or set(digits) - set("0123456789abcdef"):
            raise StatespikeError(
                f"{identifier!r} is no identifier of a candidate; give at least {SHORTEST_ID} of its "
                "hexadecimal digits, as the table shows them"
            )
        rows = self._rows(_TRIALS.c.key.startswith(digits))
        if len(rows) != 1:
            found = "no candidate begins" if not rows else f"{len(rows)} candidates begin"
            raise StatespikeError(
                f"{self.place}: {found} with {identifier}; give an identifier that the table shows, in full"
            )
        return rows[0]

    def finalists(self, trial: Trial) -> list[Candidate]:
        """The full trainings of a trial's specification, by seed (`statespike.search.finalists`)."""
        same = (trial.specification, trial.task, trial.device, trial.rate)
        found = [
            one
            for one in self._rows(_TRIALS.c.key != "")
            if one.trial.effort.test
            and (one.trial.specification, one.trial.task, one.trial.device, one.trial.rate) == same
        ]
        return sorted(found, key=lambda one: (one.trial.effort.epochs, one.trial.seed))

    def checkpoint(self, trial: Trial) -> bytes:
        """The checkpoint of a known trial as the bytes of its file; empty if it has none."""
        try:
            with self._engine.connect() as connection:
                query = select(_TRIALS.c.checkpoint).where(_TRIALS.c.key == trial.key)
                return bytes(connection.execute(query).scalar_one())
        except SQLAlchemyError as error:
            raise self._failure(error) from error

    def _rows(self, condition: object) -> list[Candidate]:
        try:
            with self._engine.connect() as connection:
                query = select(_TRIALS.c.trial, _TRIALS.c.result).where(condition)  # type: ignore[arg-type]
                rows = connection.execute(query).all()
        except SQLAlchemyError as error:
            raise self._failure(error) from error
        with reading(self.place, "holds a trial that cannot be read", "begin another study"):
            return [
                Candidate(Trial.from_json(json.loads(trial)), Result.from_json(json.loads(result)))
                for trial, result in rows
            ]

    def _failure(self, error: SQLAlchemyError) -> StatespikeError:
        cause = getattr(error, "orig", None) or error
        return StatespikeError(
            f"{self.place}: the study's database fails ({reason(cause)}); give another file or URL to --study"
        )


def _wait_for_others(connection: object, _record: object) -> None:
    """Let SQLite wait for another process that is writing."""
    connection.execute("PRAGMA busy_timeout = 60000")  # type: ignore[attr-defined]
