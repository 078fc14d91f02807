// What a handler does for a request, in Node.js: the CREATE TABLE, and the records. Nothing is judged.
// work.py is the same for Python.
import { readFileSync } from "node:fs";

const statements = readFileSync(new URL("sql/records.sql", import.meta.url), "utf8");
const RECORDS = Object.fromEntries(
  statements
    .split(/^-- name: /m)
    .slice(1)
    .map((part) => [part.slice(0, part.indexOf("\n")), part.slice(part.indexOf("\n") + 1).trim()]),
);

function defaultOf(value) {
  if (value === undefined || value === null) return null;
  return value === "now()" ? value : `'${String(value).replaceAll("'", "''")}'`;
}

// The fields that the table gets: the identity column, then those that were asked for.
export function fieldsOf(request) {
  const asked = request.request_payload.fields.map((field) => ({
    name: field.name,
    type: field.type,
    nullable: field.nullable ?? true,
    default: defaultOf(field.default),
  }));
  return [{ name: "id", type: "bigint", nullable: false, default: null }, ...asked];
}

// The CREATE TABLE that the request means.
export function createTable(request) {
  const name = request.schema_name;
  const columns = fieldsOf(request)
    .slice(1)
    .map(
      (field) =>
        `"${field.name}" ${field.type}${field.nullable ? "" : " NOT NULL"}` +
        (field.default === null ? "" : ` DEFAULT ${field.default}`),
    );
  columns.unshift('"id" bigint NOT NULL GENERATED ALWAYS AS IDENTITY');
  return `CREATE TABLE "${name}" (${columns.join(", ")}, CONSTRAINT "${name}_pkey" PRIMARY KEY ("id"))`;
}

// Makes the table and writes its records, a statement at a time, in a transaction of this client.
export async function createAndRecord(client, request) {
  const { schema_name: name, requester_user_id: user, request_id: requestId } = request;
  const ddl = createTable(request);
  const fields = JSON.stringify(fieldsOf(request));
  const made = `created public.${name}`;
  const run = (statement, ...values) => client.query(RECORDS[statement], values);

  await client.query("BEGIN");
  try {
    await client.query(ddl);
    const registered = await run("register", name, request.request_payload.description, user);
    const schemaId = registered.rows[0].id;
    await run("fields", schemaId, fields);
    await run("version", schemaId, requestId, fields);
    await run("audit", schemaId, requestId, made, ddl);
    await run("log", name, `public.${name}`, JSON.stringify({ request_id: requestId }));
    await run("notify", user, JSON.stringify({ request_id: requestId, schema_name: name, message: made }));
    await run("approve", requestId);
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  }
}

// Makes the tables of all these requests and writes their records: one call, one transaction.
export async function createTables(pool, requests) {
  const described = requests.map((request) => ({
    ...request,
    fields: fieldsOf(request),
    ddl: createTable(request),
  }));
  await pool.query({
    name: "create_tables",
    text: "SELECT app.create_tables($1::jsonb)",
    values: [JSON.stringify(described)],
  });
}

// For tuned handlers whose queue hands out single jobs: while calls are under way, requests gather, and make up the next
// one. Nothing waits for others to come. A batch fails as one, and its jobs are retried by their queue.
export class Gathering {
  #waiting = [];
  #free;
  #call;
  #most;

  constructor(call, calls = 2, most = 25) {
    this.#call = call;
    this.#free = calls;
    this.#most = most;
  }

  // Resolves when the table and its records are committed.
  create(request) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject });
      this.#start();
    });
  }

  async #start() {
    if (this.#free === 0 || this.#waiting.length === 0) return;
    const batch = this.#waiting.splice(0, this.#most);
    this.#free -= 1;
    try {
      await this.#call(batch.map((each) => each.request));
      batch.forEach((each) => each.resolve());
    } catch (error) {
      batch.forEach((each) => each.reject(error));
    }
    this.#free += 1;
    this.#start();
  }
}
