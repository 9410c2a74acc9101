// Checks of a verification, by operation and kind of check. Pure.

const NAMED = /^(\S+) (GET|PUT|POST|DELETE|PATCH|HEAD|OPTIONS|TRACE) (\/\S*)/;

/**
 * Ids of checks on operations read `<kind> <method> <path> …`; all others stand for themselves.
 * @returns {{kinds: string[], rows: Array, others: Array}} rows: operation, tested, cells by kind
 */
export function matrix(verification) {
  const rows = new Map();
  const kinds = new Map();
  const others = [];
  const row = (operation, tested) => {
    if (!rows.has(operation)) rows.set(operation, { operation, tested, cells: new Map() });
    return rows.get(operation);
  };
  for (const [operation, tested] of Object.entries(verification.operations ?? {})) row(operation, tested);
  for (const check of verification.checks) {
    const named = NAMED.exec(check.id);
    if (!named) {
      others.push(check);
      continue;
    }
    const [, kind, method, path] = named;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    const { cells } = row(`${method} ${path}`, true);
    const cell = cells.get(kind) ?? { passed: 0, failed: [] };
    if (check.passed) cell.passed += 1;
    else cell.failed.push(check);
    cells.set(kind, cell);
  }
  const sorted = [...rows.values()].sort((a, b) => place(a.operation).localeCompare(place(b.operation)));
  return { kinds: [...kinds].sort((a, b) => b[1] - a[1]).map(([kind]) => kind), rows: sorted, others };
}

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** Sorts by path, then in the order in which an entry lives. */
function place(operation) {
  const [method, path = ""] = operation.split(" ");
  return `${path} ${METHODS.indexOf(method)}`;
}
