"""Many rows at once: copies of a row that the store wrote, made by the database itself."""

from datetime import timedelta

from sqlalchemy import Table, text

_SHIFTED = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%S.000000', {column}, '-' || (i * {seconds}) || ' seconds')",
    "postgresql": "{column} - i * interval '{seconds} seconds'",
}
_COPY = """
    INSERT INTO {table} ({columns})
    WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < :many)
    SELECT {values} FROM {table}, numbers WHERE {name} = :model
"""


async def multiply(
    store, table: Table, *, many: int, names: tuple[str, ...], moments: tuple[str, ...] = (), apart=timedelta(0), model="model"
) -> None:
    """Copies the row whose names are all `model`, `many` times: each has a number after its names, and lies further back."""
    columns = [column.name for column in table.c if column is not table.autoincrement_column]
    async with store._engine.writing() as connection:
        shifted = _SHIFTED[connection.dialect.name]
        values = [_value(name, names, moments, shifted, apart) for name in columns]
        statement = _COPY.format(table=table.name, columns=_list(columns), values=", ".join(values), name=_list(names[:1]))
        await connection.execute(text(statement), {"many": many, "model": model})


def _value(column: str, names: tuple[str, ...], moments: tuple[str, ...], shifted: str, apart: timedelta) -> str:
    if column in names:
        return f"\"{column}\" || '-' || i"
    if column in moments:
        return shifted.format(column=f'"{column}"', seconds=round(apart.total_seconds()))
    return f'"{column}"'


def _list(columns) -> str:
    return ", ".join(f'"{column}"' for column in columns)
