"""What PostgreSQL really lets each role do, read from its own answers and written as people read it."""

from typing import Any

VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN")
DAY_TABLE = "proj.<day>"
"""All partitions of day tables together: nobody reads them but through their parent."""
_TABLES = """
SELECT c.oid, n.nspname || '.' || c.relname AS name, c.relispartition AS day, c.relrowsecurity AS rls,
       c.relforcerowsecurity AS forced, pg_get_userbyid(c.relowner) AS owner
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('proj', 'control') AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 2
"""
_COLUMNS = """
SELECT a.attname AS name FROM pg_attribute a
 WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped AND has_column_privilege($2::text, a.attrelid, a.attname, $3)
 ORDER BY 1
"""
_BY_COLUMN = frozenset({"SELECT", "INSERT", "UPDATE", "REFERENCES"})

Matrix = dict[str, dict[str, set[str]]]
"""Role, table, what it may: `SELECT`, or `UPDATE(count)` where only columns are granted."""


async def read_matrix(connection: Any, roles: tuple[str, ...]) -> Matrix:
    """Ask for every verb of every role on every table of `proj` and `control`; owners are left out."""
    tables = await connection.fetch(_TABLES)
    found: Matrix = {role: {} for role in roles}
    for role in roles:
        for table in tables:
            if table["owner"] == role:
                continue
            allowed = await _allowed(connection, role, table["oid"])
            if allowed:
                found[role].setdefault(DAY_TABLE if table["day"] else table["name"], set()).update(allowed)
    return found


async def read_row_security(connection: Any) -> dict[str, tuple[bool, bool]]:
    """Tell of every table of `proj` whether row-level security is enabled, and whether forced; day tables by their names."""
    rows = await connection.fetch(_TABLES)
    return {row["name"]: (row["rls"], row["forced"]) for row in rows if row["name"].startswith("proj.")}


async def _allowed(connection: Any, role: str, table: int) -> set[str]:
    allowed: set[str] = set()
    for verb in VERBS:
        if await connection.fetchval("SELECT has_table_privilege($1::text, $2::oid, $3)", role, table, verb):
            allowed.add(verb)
        elif verb in _BY_COLUMN:
            columns = [row["name"] for row in await connection.fetch(_COLUMNS, table, role, verb)]
            if columns:
                allowed.add(f"{verb}({', '.join(columns)})")
    return allowed
