"""Rows ↔ records: a column is named like the field that it keeps."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar, cast

from sqlalchemy import Column, Insert, Row, Table
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")

#: The same statement for each kind of database, by its name.
Upsert = Mapping[str, Insert]


def columns_of(table: Table, record: Any) -> tuple[Column[Any], ...]:
    """The columns that keep a record, in the order of its fields."""
    return tuple(table.c[name] for name in _names(record))


def as_record(record: type[T], row: Row[Any]) -> T:
    """The record in a row of `columns_of`; columns after those are passed over."""
    made = object.__new__(record)
    if not hasattr(record, "__slots__"):
        made.__dict__.update(zip(_names(cast("Any", record)), row, strict=False))
        return made
    for keep, value in zip(_slots(cast("Any", record)), row, strict=False):
        keep(made, value)
    return made


def as_columns(records: Iterable[Any]) -> dict[str, Sequence[Any]]:
    """The values of many records of one kind, column by column; none of none."""
    own = list(records)
    if not own:
        return {}
    names = _names(own[0].__class__)
    rows = map(_getter(names), own) if hasattr(own[0], "__slots__") else (record.__dict__.values() for record in own)
    return dict(zip(names, zip(*rows, strict=True), strict=True))


def as_values(record: Any) -> dict[str, Any]:
    """The columns that keep a record."""
    if not hasattr(record, "__slots__"):
        return dict(record.__dict__)
    names = _names(record.__class__)
    return dict(zip(names, _getter(names)(record), strict=True))


def upsert(table: Table, *, change: Collection[str] = ()) -> Upsert:
    """Inserts a row or, where its key is taken, changes these columns of the row that has it; by default all."""
    return {
        "sqlite": _upsert(table, sqlite.insert(table), change),
        "postgresql": _upsert(table, postgresql.insert(table), change),
    }


def _upsert(table: Table, insert: Any, change: Collection[str]) -> Insert:
    key = [column.name for column in table.primary_key]
    names = change or [column.name for column in table.c if column.name not in key]
    statement: Insert = insert.on_conflict_do_update(index_elements=key, set_={name: insert.excluded[name] for name in names})
    return statement


@cache
def _names(record: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(record))


@cache
def _slots(record: Any) -> tuple[Callable[[object, Any], None], ...]:
    """Filling the slots of a record by hand takes a third of the time of its `__init__`, which only does the same."""
    return tuple(getattr(record, name).__set__ for name in _names(record))


@cache
def _getter(names: tuple[str, ...]) -> Callable[[object], tuple[Any, ...]]:
    return attrgetter(*names)
