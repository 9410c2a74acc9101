"""Tables as they are in a SQLite file, compared with tables as a contract wants them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from maestro.domain.contract import Finding

LOOK = r"""
import json, re, sqlite3, sys

def members(sql, column):
    found = re.search(
        r'CHECK[^;]*?["`\[]?\b%s\b["`\]]?\s+IN\s*\(((?:\s*\'(?:[^\']|\'\')*\'\s*,?)+)\)'
        % re.escape(column), sql, re.I | re.S)
    if found is None:
        return None
    texts = re.findall(r"'((?:[^']|'')*)'", found.group(1))
    return [text.replace("''", "'") for text in texts]

db = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True)
tables = {}
rows = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
for table, sql in rows:
    if table.startswith("sqlite_") or table == "alembic_version":
        continue
    columns = {}
    for _, name, kind, notnull, _, key in db.execute('PRAGMA table_info("%s")' % table):
        columns[name] = {
            "type": kind, "nullable": not notnull and not key, "primary_key": bool(key),
            "unique": False, "references": None, "enum": members(sql, name),
        }
    for row in db.execute('PRAGMA index_list("%s")' % table).fetchall():
        fields = [r[2] for r in db.execute('PRAGMA index_info("%s")' % row[1])]
        if row[2] and row[3] != "pk" and len(fields) == 1 and not row[4]:
            columns[fields[0]]["unique"] = True
    for row in db.execute('PRAGMA foreign_key_list("%s")' % table).fetchall():
        columns[row[3]]["references"] = "%s.%s" % (row[2], row[4] or "id")
    tables[table] = columns
print(json.dumps(tables))
"""
"""A program for the sandbox: prints the tables of the file it is given as JSON."""

_TYPES = {
    "INTEGER": "integer",
    "INT": "integer",
    "BIGINT": "integer",
    "SMALLINT": "integer",
    "VARCHAR": "string",
    "NVARCHAR": "string",
    "CHAR": "string",
    "STRING": "string",
    "TEXT": "text",
    "CLOB": "text",
    "NUMERIC": "decimal",
    "DECIMAL": "decimal",
    "BOOLEAN": "boolean",
    "BOOL": "boolean",
    "DATE": "date",
    "DATETIME": "datetime",
    "TIMESTAMP": "datetime",
}


def differences(
    wanted: Sequence[Mapping[str, Any]], built: Mapping[str, Mapping[str, Any]]
) -> list[Finding]:
    """One finding per table or column that is missing, too much, or unlike the contract."""
    findings: list[Finding] = []
    for table in wanted:
        name = str(table["name"])
        if name not in built:
            seen = f"tables {', '.join(sorted(built)) or 'none'}"
            findings.append(_finding("table_exists", name, "the table is missing", name, seen))
            continue
        findings += _columns(name, table["columns"], built[name])
    known = {str(table["name"]) for table in wanted}
    for name in sorted(set(built) - known):
        message = "a table that the contract does not have"
        findings.append(_finding("no_other_tables", name, message, "no such table", name))
    return findings


def _columns(
    table: str, wanted: Sequence[Mapping[str, Any]], built: Mapping[str, Mapping[str, Any]]
) -> Iterator[Finding]:
    for column in wanted:
        name = str(column["name"])
        place = f"{table}.{name}"
        if name not in built:
            seen = f"columns {', '.join(built)}"
            yield _finding("column_matches", place, "the column is missing", name, seen)
            continue
        yield from _column(place, column, built[name])
    for name in sorted(set(built) - {str(column["name"]) for column in wanted}):
        message = "a column that the contract does not have"
        yield _finding("column_matches", f"{table}.{name}", message, "no such column", name)


def _column(place: str, wanted: Mapping[str, Any], built: Mapping[str, Any]) -> Iterator[Finding]:
    declared = str(built["type"])
    kind = _TYPES.get(declared.upper().partition("(")[0].strip(), declared)
    pairs: list[tuple[str, Any, Any]] = [("type", wanted["type"], kind)]
    pairs += [
        (rule, bool(wanted.get(rule, False)), bool(built[rule]))
        for rule in ("nullable", "primary_key", "unique")
    ]
    pairs.append(("references", wanted.get("references"), built["references"]))
    enum = wanted.get("enum")
    if enum is not None:
        checked = built["enum"]
        pairs.append(("enum", sorted(enum), None if checked is None else sorted(checked)))
    for rule, expected, seen in pairs:
        if expected != seen:
            message = f"the column's {rule} is not the contract's"
            yield _finding(
                "column_matches", place, message, f"{rule}: {expected}", f"{rule}: {seen}"
            )


def _finding(rule: str, place: str, message: str, expected: str, seen: str) -> Finding:
    return Finding(
        rule=rule,
        message=message,
        operation=place,
        expected=expected,
        seen=seen,
        reproduce="python -m alembic upgrade head",
    )
