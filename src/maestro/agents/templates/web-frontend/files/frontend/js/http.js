/**
 * Requests to the APIs and the one kind of error they end with.
 */

/** An API refused a request, or could not be reached (status 0). */
export class ApiError extends Error {
  /**
   * @param {number} status HTTP status, 0 when there was no answer
   * @param {{title?: string, detail?: string, errors?: {pointer: string, detail: string}[]}} problem
   */
  constructor(status, problem) {
    super(problem.detail || problem.title || `The server answered ${status}.`);
    this.name = "ApiError";
    this.status = status;
    this.problem = problem;
  }
}

/**
 * Fills the parameters of a path in their order: `path("/tasks/{task_id}", 7)` is `/tasks/7`.
 *
 * @param {string} template
 * @param {...(string|number)} values
 */
export function path(template, ...values) {
  let next = 0;
  return template.replace(/\{[^{}]*\}/g, () => encodeURIComponent(String(values[next++])));
}

/**
 * The query string of `params`, sorted as given; what is undefined, null or empty is left out.
 *
 * @param {Record<string, unknown>} params
 */
export function queryString(params) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined || value === null || value === "") continue;
    for (const one of Array.isArray(value) ? value : [value]) query.append(name, String(one));
  }
  const text = query.toString();
  return text ? `?${text}` : "";
}

/**
 * A function that sends requests.
 *
 * @param {string | Record<string, string>} base one address for everything, or one per component
 */
export function createSender(base) {
  return async function send(component, method, target, { query = {}, body } = {}) {
    const root = typeof base === "string" ? base : base[component];
    if (root === undefined) throw new Error(`No address is known for the API "${component}".`);
    const request = { method, headers: { accept: "application/json, application/problem+json" } };
    if (body !== undefined) {
      request.headers["content-type"] = "application/json";
      request.body = JSON.stringify(body);
    }
    const url = `${root.replace(/\/+$/, "")}${target}${queryString(query)}`;
    const response = await fetch(url, request).catch((cause) => {
      const detail = "The server could not be reached. Check that it is running and try again.";
      throw Object.assign(new ApiError(0, { title: "No answer", detail }), { cause });
    });
    return readAnswer(response);
  };
}

async function readAnswer(response) {
  const text = await response.text();
  const content = parsed(text);
  if (response.ok) {
    if (text && content === undefined) {
      throw new ApiError(response.status, { title: "The answer is not JSON." });
    }
    return content ?? null;
  }
  const problem = content && typeof content === "object" ? content : {};
  throw new ApiError(response.status, {
    ...problem,
    title: problem.title || `${response.status} ${response.statusText}`.trim(),
  });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
